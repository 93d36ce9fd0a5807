"""Cuts at random moments, and what the near end's wire tells of them: when the last packet came in, when the first Down went out.

The first Down packet leaves with the verdict, so its time stands for it (a little late: composing and sending it are counted
too). A tunnel is cut soon after it is Up at full speed, again and again, each in its own time.
"""
import heapq
import socket
import struct
import time
from dataclasses import dataclass

from interoplab.wire import ETH_P_ALL, OUTGOING, SO_RCVBUFFORCE, SO_TIMESTAMPNS, decode, inside

from .daemons import MULTIPLIER

TIMED_OUT = 1  # RFC 5880 §4.1: Control Detection Time Expired
LOOK = 0.1     # seconds between two looks at a tunnel that comes back
LIMIT = 30     # for coming back


@dataclass(frozen=True)
class Detection:
    """Of one cut at one end; `beyond` in µs over what RFC 5880 §6.8.4 says, None with `problem` where it cannot be told."""
    tunnel: object
    beyond: float | None
    problem: str = ""


class Line:
    """The packets of one tunnel at its near end since the last cut; the kernel's time stamps."""

    def __init__(self, node, interface):
        with inside(node):  # with a protocol, but not bound yet, it would hear all interfaces
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            self._socket.bind((interface, ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)
        self.packets = []

    def read(self):
        try:
            while True:
                data, ancillary, _, address = self._socket.recvmsg(256, 64)
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                packet = decode(data, seconds + nanoseconds / 1e9, address[2] == OUTGOING)
                if packet:
                    self.packets.append(packet)
        except BlockingIOError:
            return self.packets

    def agreed(self):
        """The detection time that both last packets make, in ms (RFC 5880 §6.8.4); 0 where an end is not Up."""
        return _agreed(self.read()[-20:])


def _agreed(packets):
    ours = next((packet for packet in reversed(packets) if packet.ours), None)
    theirs = next((packet for packet in reversed(packets) if not packet.ours), None)
    if not ours or not theirs or ours.state != "Up" or theirs.state != "Up":
        return 0
    return theirs.multiplier * max(ours.required_rx, theirs.desired_tx)


def expiry(packets, begun, restored):
    """When RFC 5880's detection time (§6.8.4) is over at this end, in realtime seconds, of a cut that was made at `begun`."""
    theirs = next(packet for packet in reversed(packets) if not packet.ours and packet.at < restored)  # what was on its way comes later
    ours = next(packet for packet in reversed(packets) if packet.ours and packet.at < begun)
    return theirs.at + theirs.multiplier * max(ours.required_rx, theirs.desired_tx) / 1000


def _story(packets, cut_at):
    """What each end said when it changed what it said."""
    said, words = {}, []
    for packet in packets:
        now = (packet.state, packet.diagnostic, packet.desired_tx, packet.required_rx, packet.poll, packet.final)
        if said.get(packet.ours) != now:
            said[packet.ours] = now
            words.append(f"{(packet.at - cut_at) * 1000:.0f} ms {'we' if packet.ours else 'it'} {packet.state}/{packet.diagnostic} "
                         f"tx {packet.desired_tx:g} rx {packet.required_rx:g}{' P' * packet.poll}{' F' * packet.final}")
    return "; ".join(words)


def detection(tunnel, packets, cut_at):
    down = next((i for i, packet in enumerate(packets) if packet.ours and packet.state == "Down"
                 and any(earlier.state == "Up" for earlier in packets[:i])), None)
    if down is None:
        return Detection(tunnel, None, "no Down seen")
    agreed = _agreed(packets[:down])
    theirs = next((packet for packet in reversed(packets[:down]) if not packet.ours), None)
    if packets[down].at < cut_at:
        return Detection(tunnel, None, f"Down before the cut: {_story(packets, cut_at)}")
    if abs(agreed - MULTIPLIER * tunnel.interval) > 0.001:
        return Detection(tunnel, None, f"{agreed:g} ms agreed")
    if packets[down].diagnostic != TIMED_OUT:
        return Detection(tunnel, None, f"Down with diagnostic {packets[down].diagnostic}")
    return Detection(tunnel, (packets[down].at - theirs.at - agreed / 1000) * 1e6)


class Cuts:
    """`times` cuts of each tunnel; `run()` gives the detections at the near ends."""

    def __init__(self, net, blackhole, chance, times):
        self._net, self._blackhole, self._chance, self._times = net, blackhole, chance, times
        self._agenda, self._order, self._found = [], 0, []

    def run(self):
        for tunnel in self._net.tunnels:
            self._look_for_up(tunnel, Line(self._net.nodes[tunnel.near], tunnel.interface), self._times, time.monotonic() + LIMIT)
        while self._agenda:
            at, _, act = heapq.heappop(self._agenda)
            time.sleep(max(0, at - time.monotonic()))
            act()
        return self._found

    def _later(self, seconds, act):
        self._order += 1
        heapq.heappush(self._agenda, (time.monotonic() + seconds, self._order, act))

    def _look_for_up(self, tunnel, line, left, until):
        interval = tunnel.interval / 1000
        agreed = line.agreed()
        if abs(agreed - MULTIPLIER * tunnel.interval) < 0.001:
            self._later(interval + self._chance.uniform(0.1, 0.2 + interval), lambda: self._cut(tunnel, line, left))
        elif time.monotonic() > until:
            last = [f"{'we' if p.ours else 'it'} {p.state} tx {p.desired_tx:g} rx {p.required_rx:g}" for p in line.packets[-2:]]
            self._found.append(Detection(tunnel, None, f"not Up at {tunnel.interval} ms within {LIMIT} s ({'; '.join(last)})"))
        else:
            self._later(LOOK, lambda: self._look_for_up(tunnel, line, left, until))

    def _cut(self, tunnel, line, left):
        at = time.time()
        self._blackhole.cut(tunnel.port)
        self._later((MULTIPLIER + 0.5) * tunnel.interval / 1000 + 0.3, lambda: self._end(tunnel, line, left, at))

    def _end(self, tunnel, line, left, cut_at):
        self._found.append(detection(tunnel, line.read(), cut_at))
        line.packets.clear()
        if left > 1:  # what has done its part stays silent
            self._blackhole.restore(tunnel.port)
            self._look_for_up(tunnel, line, left - 1, time.monotonic() + LIMIT)
