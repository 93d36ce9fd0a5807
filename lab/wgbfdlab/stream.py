#!/usr/bin/python3
"""A UDP stream and what became of it. As a program, one end: `send ADDRESS PORT RATE FILE`, until SIGTERM, or `receive PORT FILE`, until the
sender says that it has ended, or SIGTERM. FILE of the receiver is there once it listens.

The sender's clock is in each packet and the receiver takes the kernel's receive time, so a late process moves no figure:
the average rate is kept by sending what is due at once, or, where that is more than a queue holds, at four times the rate. Times are
realtime nanoseconds, as in the daemons' logs.
"""
import array
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass

PACKET = struct.Struct("!QQ")
SIZE = 128
THE_END = (1 << 64) - 1  # the number of the packet that is behind all others
AT_ONCE = 50             # packets
CATCH_UP = 4             # times the rate, where more are due
STRAGGLERS = 2           # s that the receiver is given to read it; its path may be dead
SO_TIMESTAMPNS = 35


class _Stop(Exception):
    pass


def _stop(_signal, _frame):
    raise _Stop


def rest(ahead, gap):
    """Seconds to wait before the next packet, which is due in `ahead` of them."""
    return ahead if ahead > 0 else gap / CATCH_UP if ahead < -AT_ONCE * gap else 0


def send(address, port, rate, path):
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.connect((address, port))
    sent = array.array("Q")
    padding = bytes(SIZE - PACKET.size)
    gap = 1 / rate
    over = []
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))  # between two packets: what is counted was sent
    start = time.monotonic()
    while not over:
        time.sleep(rest(start + len(sent) * gap - time.monotonic(), gap))
        now = time.time_ns()
        sent.append(now)
        _send(line, PACKET.pack(len(sent) - 1, now) + padding)
    with open(path, "wb") as sink:
        sent.tofile(sink)
    _send(line, PACKET.pack(THE_END, time.time_ns()) + padding)


def _send(line, packet):
    try:
        line.send(packet)
    except OSError:
        pass  # no route, or an ICMP error for an earlier packet: the packet counts as lost


def receive(port, path):
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    line.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    line.bind(("", port))
    seen = array.array("Q")
    with open(path, "wb") as sink:
        try:
            while _take(line, seen):
                pass
        except _Stop:
            line.setblocking(False)
            try:
                while _take(line, seen):  # what came is there, though nobody has read it yet
                    pass
            except BlockingIOError:
                pass
        seen.tofile(sink)


def _take(line, seen):
    """One packet; false when it was the last."""
    data, extra, _flags, _from = line.recvmsg(SIZE, 64)
    number = PACKET.unpack_from(data)[0]
    if number != THE_END:
        seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
        seen.extend((number, seconds * 1_000_000_000 + nanoseconds))
    return number != THE_END


def ended(sender, receiver, terminate):
    """Ends both processes, the receiver when it has read all that came."""
    terminate(sender)
    try:
        receiver.wait(STRAGGLERS)
    except subprocess.TimeoutExpired:
        terminate(receiver)


@dataclass
class Record:
    """When each packet was sent (by number), and when it arrived (none: lost); seconds of realtime."""
    sent: list
    arrived: dict

    @staticmethod
    def read(sent_path, seen_path):
        sent, seen = _numbers(sent_path), _numbers(seen_path)
        arrived = {}
        for number, at in zip(seen[0::2], seen[1::2]):
            arrived.setdefault(number, at / 1e9)
        return Record([at / 1e9 for at in sent], arrived)

    def lost(self, since=float("-inf"), until=float("inf")):
        return sum(1 for number, at in enumerate(self.sent) if since <= at < until and number not in self.arrived)

    def first_lost(self, since, until):
        """When the first packet that was lost was sent, in [since, until]; None if none was."""
        return next((at for number, at in enumerate(self.sent) if since <= at <= until and number not in self.arrived), None)

    def first_arrival(self, since):
        """When the first packet sent since then arrived; None if none did."""
        return min((self.arrived[number] for number, at in enumerate(self.sent) if at >= since and number in self.arrived), default=None)

    def longest_gap(self, since, until):
        """The longest time without a packet that began in [since, until), in seconds; an open end counts to the last sending."""
        return max((later - earlier for earlier, later in self._gaps(since, until)), default=0.0)

    def goes_on(self, since, until):
        """When that longest time was over; never, where there is none. What the sender itself was late before it is not in this."""
        return max(self._gaps(since, until), key=lambda gap: gap[1] - gap[0], default=(0.0, float("inf")))[1]

    def _gaps(self, since, until):
        moments = sorted(self.arrived.values())
        if self.sent:
            moments.append(max(self.sent[-1], moments[-1] if moments else 0.0))
        return [(earlier, later) for earlier, later in zip(moments, moments[1:]) if since <= earlier < until]

    def latest_sending(self):
        """How late the sender itself was at worst, against an even rate, in seconds: the unsharpness of the figures."""
        if len(self.sent) < 2:
            return 0.0
        return max(later - earlier for earlier, later in zip(self.sent, self.sent[1:]))


def _numbers(path):
    values = array.array("Q")
    with open(path, "rb") as source:
        values.frombytes(source.read())
    return values


def main(arguments):
    signal.signal(signal.SIGTERM, _stop)
    if arguments[0] == "send":
        send(arguments[1], int(arguments[2]), int(arguments[3]), arguments[4])
    else:
        receive(int(arguments[1]), arguments[2])


if __name__ == "__main__":
    main(sys.argv[1:])
