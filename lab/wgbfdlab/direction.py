"""One direction of lab/impair: IP packets in, IP packets out, each when it is due, and the count of all that was done to
them. Pure: time and chance are parameters, so the same packets at the same times with the same seed have the same fate.

    received + parts + duplicated = sent + unsent + lost + blocked + too_long + tail_dropped + split + waiting
"""
import heapq
import random
import struct

from .impairment import Impairment

COUNTS = ("received", "received_bytes", "sent", "sent_bytes", "lost", "blocked", "too_long", "tail_dropped", "duplicated", "reordered",
          "split", "parts", "unsent", "handshakes")  # the last: of WireGuard's that came, passed or not
UDP = 17
HANDSHAKES = (b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0")  # WireGuard's initiation, response and cookie reply
DONT_FRAGMENT, MORE_FRAGMENTS = 0x4000, 0x2000


class Direction:
    def __init__(self, seed):
        self.impairment = Impairment()
        self.counts = dict.fromkeys(COUNTS, 0)
        self._chance = random.Random(seed)
        self._due = []            # (when, number, packet)
        self._number = 0
        self._in_burst = False
        self._link_free_at = 0.0  # when what stands in the queue has left it
        self._latest = 0.0        # departure of the last packet that keeps the order

    @property
    def waiting(self):
        return len(self._due)

    def next_due(self):
        return self._due[0][0] if self._due else None

    def take(self, packet, now):
        """A packet that came in."""
        self.counts["received"] += 1
        self.counts["received_bytes"] += len(packet)
        mtu = self.impairment.mtu
        if mtu and len(packet) > mtu:
            parts = fragments(packet, mtu) if self.impairment.fragment else []
            self.counts["split" if parts else "too_long"] += 1
            self.counts["parts"] += len(parts)
            for part in parts:
                self._pass(part, now)
        else:
            self._pass(packet, now)

    def give(self, now):
        """The packets that are due, in their order."""
        while self._due and self._due[0][0] <= now:
            yield heapq.heappop(self._due)[2]

    def given(self, packet, went):
        """What became of one of them."""
        if went:
            self.counts["sent"] += 1
            self.counts["sent_bytes"] += len(packet)
        else:
            self.counts["unsent"] += 1

    def _pass(self, packet, now):
        what, handshake = self.impairment, is_handshake(packet)
        self.counts["handshakes"] += handshake
        if handshake and what.handshakes == "block":
            self.counts["blocked"] += 1
        elif what.loss and self._is_lost():
            self.counts["lost"] += 1
        else:
            self._queue(packet, now)

    def _is_lost(self):
        what, chance = self.impairment, self._chance.random()
        if not what.burst:
            return chance < what.loss
        # Two states (Gilbert): all is lost in a burst, which ends after `burst` packets on average; between bursts nothing is.
        leave = 1 / what.burst
        self._in_burst = chance >= leave if self._in_burst else chance < leave * what.loss / (1 - what.loss)
        return self._in_burst

    def _queue(self, packet, now):
        what, leaves = self.impairment, now
        if what.rate:
            begins = max(now, self._link_free_at)
            if (begins - now) * what.rate / 8 + len(packet) > what.queue:
                self.counts["tail_dropped"] += 1
                return
            leaves = self._link_free_at = begins + 8 * len(packet) / what.rate
        leaves += what.delay
        if what.jitter:
            leaves += self._chance.uniform(-what.jitter, what.jitter)
        self._schedule(packet, leaves)

    def _schedule(self, packet, leaves):
        what = self.impairment
        if what.reorder and self._chance.random() < what.reorder:
            self.counts["reordered"] += 1
            leaves = max(leaves, self._latest) + what.hold
        else:
            leaves = self._latest = max(leaves, self._latest)
        twice = what.duplicate and self._chance.random() < what.duplicate
        self.counts["duplicated"] += bool(twice)
        for _ in range(2 if twice else 1):
            self._number += 1
            heapq.heappush(self._due, (leaves, self._number, packet))


def is_udp(packet):
    return packet[9 if packet[0] >> 4 == 4 else 6] == UDP


def is_handshake(packet):
    """A WireGuard message that is no data, by its first word; not in later fragments, which have no UDP header."""
    if packet[0] >> 4 == 6:
        at = 48
    elif struct.unpack_from("!H", packet, 6)[0] & 0x1FFF:
        return False
    else:
        at = 4 * (packet[0] & 15) + 8
    return packet[at:at + 4] in HANDSHAKES


def fragments(packet, mtu):
    """An IPv4 packet in parts of `mtu` at most (RFC 791 §3.2); none for IPv6, which routers do not split (RFC 8200 §5)."""
    if packet[0] >> 4 != 4:
        return []
    size = 4 * (packet[0] & 15)
    room = (mtu - size) // 8 * 8
    flags = struct.unpack_from("!H", packet, 6)[0]
    first, body = flags & 0x1FFF, packet[size:struct.unpack_from("!H", packet, 2)[0]]
    parts = []
    for at in range(0, len(body), room):
        piece = body[at:at + room]
        last = at + room >= len(body)
        header = bytearray(packet[:size])
        struct.pack_into("!H", header, 2, size + len(piece))
        struct.pack_into("!H", header, 6, first + at // 8 | (flags & MORE_FRAGMENTS if last else MORE_FRAGMENTS))
        struct.pack_into("!H", header, 10, 0)
        struct.pack_into("!H", header, 10, checksum(header))
        parts.append(bytes(header) + piece)
    return parts


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
