"""BFD as it is on the wire: packets captured on interfaces of one node, decoded, and what a poll sequence looks like.

Packets wait in the kernel until a phase is over: nothing of this runs while it matters.
"""
import ctypes
import os
import socket
import struct
from dataclasses import dataclass

SO_TIMESTAMPNS, SO_RCVBUFFORCE, ETH_P_ALL, OUTGOING, CLONE_NEWNET = 35, 33, 0x0003, 4, 0x40000000
STATES = ("AdminDown", "Down", "Init", "Up")
PORTS = (3784, 4784)


@dataclass(frozen=True)
class Packet:
    at: float  # realtime, seconds
    ours: bool
    source: str
    target: str
    ttl: int
    state: str
    diagnostic: int
    poll: bool
    final: bool
    multiplier: int
    desired_tx: float  # ms
    required_rx: float

    @property
    def asks(self):
        return self.required_rx, self.desired_tx, self.multiplier

    def __str__(self):
        flags = (" P" if self.poll else "") + (" F" if self.final else "")
        return f"{'we  ' if self.ours else 'they'} {self.state}{flags} diagnostic {self.diagnostic} " \
               f"rx {self.required_rx:g} tx {self.desired_tx:g} x{self.multiplier}"


class Capture:
    """Of the interfaces of `node`; one socket each."""

    def __init__(self, node, interfaces):
        self._sockets = {}
        with inside(node):
            for interface in interfaces:
                # With a protocol from the start it would hear every interface until it is bound to its own.
                line = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
                line.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
                line.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                line.bind((interface, ETH_P_ALL))
                line.setblocking(False)
                self._sockets[interface] = line

    def take(self):
        """{interface: packets so far, in order}; ends the capture."""
        return {interface: list(_drain(line)) for interface, line in self._sockets.items()}


class inside:  # pylint: disable=invalid-name
    """This thread in the network namespace of `node`; sockets made here stay there."""

    def __init__(self, node):
        self._node, self._libc = node, ctypes.CDLL(None, use_errno=True)

    def _enter(self, fd):
        if self._libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def __enter__(self):
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self._node.pid}/ns/net", os.O_RDONLY)
        self._enter(there)
        os.close(there)

    def __exit__(self, *_):
        self._enter(self._home)
        os.close(self._home)


def _drain(line):
    while True:
        try:
            data, ancillary, _, address = line.recvmsg(2048, 128)
        except BlockingIOError:
            line.close()
            return
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
        packet = decode(data, seconds + nanoseconds / 1e9, address[2] == OUTGOING)
        if packet:
            yield packet


def decode(data, at, ours):
    """A BFD packet out of an IP packet, or None."""
    if data[0] >> 4 == 4:
        begin, protocol, ttl, family, ends = (data[0] & 15) * 4, data[9], data[8], socket.AF_INET, (12, 16, 20)
    else:
        begin, protocol, ttl, family, ends = 40, data[6], data[7], socket.AF_INET6, (8, 24, 40)
    if protocol != socket.IPPROTO_UDP or int.from_bytes(data[begin + 2:begin + 4], "big") not in PORTS:
        return None
    bfd = data[begin + 8:]
    source, target = (socket.inet_ntop(family, data[a:b]) for a, b in zip(ends, ends[1:]))
    _, _, tx, rx = struct.unpack("!IIII", bfd[4:20])
    return Packet(at, ours, source, target, ttl, STATES[bfd[1] >> 6], bfd[0] & 31, bool(bfd[1] & 32), bool(bfd[1] & 16),
                  bfd[2], tx / 1000, rx / 1000)


@dataclass
class Sequence:
    """A poll sequence that one end began: what is right about it, and how it went."""
    polls: int = 0
    finals: int = 0
    both: int = 0           # P and F in one packet: forbidden by RFC 5880 §6.5
    answer_ms: float = -1   # the slowest Final, after the Poll it answers
    longest_gap_ms: float = 0  # between the initiator's packets until the Final
    new_values: bool = False   # the Poll carries them

    def problems(self, old_ms, strict):
        """In words; `strict`: the initiator is ours, and must keep the old pace until the Final (§6.8.3)."""
        found = []
        if not self.polls:
            found.append("no Poll")
        if strict and not self.new_values:
            found.append("the Poll lacks the new values")
        if not self.finals:
            found.append("no Final")
        if self.both:
            found.append(f"{self.both} packets with P and F")
        if strict and self.longest_gap_ms > old_ms + 2:
            found.append(f"{self.longest_gap_ms:.1f} ms between two packets before the Final, {old_ms} agreed")
        return found


def sequence(packets, by_us, side):
    """The one in which we (or the far end) announce `side`. `packets`: of one session, in order."""
    seen, last, asked = Sequence(), None, None
    seen.both = sum(1 for packet in packets if packet.poll and packet.final)
    for packet in packets:
        if packet.ours == by_us:
            if last and not seen.finals and not packet.final:
                seen.longest_gap_ms = max(seen.longest_gap_ms, (packet.at - last) * 1000)
            if not packet.final:
                last = packet.at
            if packet.poll:
                seen.polls += 1
                seen.new_values |= packet.asks == (side.rx, side.tx, side.multiplier)
                asked = packet.at
        elif packet.final and asked:
            seen.finals += 1
            seen.answer_ms = max(seen.answer_ms, (packet.at - asked) * 1000)
            asked = None
    return seen


def trace(packets):
    """Packet by packet about the first Poll, for who has to find out what went wrong."""
    poll = next((number for number, packet in enumerate(packets) if packet.poll), 0)
    return [f"    {(packet.at - packets[poll].at) * 1000:8.2f} ms {packet}" for packet in packets[max(0, poll - 8):poll + 24]]
