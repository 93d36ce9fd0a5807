"""Bad BFD datagrams at a high rate on a live session, from the peer's own tunnel address: what WireGuard lets in.

What the peer may truly say is left out: a packet that is well-formed and names our session (or none) is the peer's word, and a
state Down in it takes the session down. Flipping one bit of a good packet must therefore leave something to refuse.
"""
import os
import random
import time

from interoplab.admin import PEERINGS
from interoplab.wire import inside

from .bfd import PORT, Capture, packet, sender

ONE = PEERINGS[3]
INTERVAL_MS, WAKE_MS = 50, 5  # of the session; what a wake-up may cost beyond it, where one processor decrypts for both ends
POLL, AUTHENTICATED, MULTIPOINT = 0x20, 0x04, 0x01
# Bits (of 192) that leave something to refuse: version, A, M, length (too short, or longer than the datagram), Your Discriminator.
REFUSED_BITS = (*range(0, 3), 13, 15, *range(24, 32), *range(64, 96))
BURST, PAUSE = 25, 0.005  # packets together; seconds


def hostile(ends, report, duration):
    far = ends.far_row()
    mine, yours = far["local_discriminator"], far["remote_discriminator"]
    good = packet("Up", mine, yours, tx=50_000, rx=50_000)
    with inside(ends.second.node):
        line = sender(ONE.address("two"))
    print(f"\n{'hostile input':<44} {'packets':>8} {'per s':>7} {'refused':>8} {'by the kernel':>13} {'longest gap':>12} {'Downs':>6}")
    for name, make in kinds(good, mine, yours):
        _one(ends, report, name, make, line, duration)
    line.close()
    report.check(ends.near.status()["worker_restarts"] == ends.far.status()["worker_restarts"] == 0, "no worker has died of it, at either end")


def kinds(good, mine, yours):
    """(name, n -> datagram)."""
    rng = random.Random(1)
    flips = [_flip(good, bit) for bit in REFUSED_BITS]
    odd = [packet("Up", mine, yours, multiplier=0), packet("Up", 0, yours), packet("Down", mine, yours ^ 1), packet("AdminDown", mine, yours + 1),
           packet("Up", mine, 0), packet("Down", mine, yours, flags=AUTHENTICATED), packet("Down", mine, yours, flags=MULTIPOINT),
           b"\xff" * 24, b"\0" * 24, good[:3] + b"\xff" + good[4:]]
    noise = [os.urandom(rng.randrange(1, 1300)) for _ in range(500)]
    oversized = [bytes([good[0], good[1], 3, length]) + packet("Down", mine, yours)[4:] + bytes(size)
                 for size in (200, 1300) for length in (0, 23)] + [packet("Down", mine, yours ^ 7) + bytes(size) for size in (1, 1300, 4000)]
    return (("truncated (0 to 23 bytes)", lambda n: good[:n % 24]),
            ("oversized (to 4,024 bytes, in fragments)", lambda n: oversized[n % len(oversized)]),
            (f"bit-flipped ({len(flips)} bits)", lambda n: flips[n % len(flips)]),
            ("hostile fields, A and M bit, other sessions", lambda n: odd[n % len(odd)]),
            ("random bytes", lambda n: noise[n % len(noise)]),
            ("well-formed, each with Poll", lambda _: packet("Up", mine, yours, flags=POLL, tx=50_000, rx=50_000)))


def _flip(data, bit):
    out = bytearray(data)
    out[bit // 8] ^= 0x80 >> bit % 8
    return bytes(out)


def _one(ends, report, name, make, line, duration):
    before, far = ends.near.status(), ends.far_row()
    capture = Capture(inside(ends.ours.node), ONE.interface, 64 << 20)
    begun, sent = time.monotonic(), 0
    while time.monotonic() - begun < duration:
        for _ in range(BURST):
            line.sendto(make(sent), (ONE.address("us"), PORT))
            sent += 1
        time.sleep(PAUSE)
    lasted = time.monotonic() - begun
    time.sleep(0.3)
    after, later, lost = ends.near.status(), ends.far_row(), capture.lost()
    ours = [at for at, own, _, _ in capture.take() if own]
    capture.close()
    gap = max((late - early for early, late in zip(ours, ours[1:])), default=9) * 1000
    refused = _dropped(after) - _dropped(before)
    kernel = after["probe_loop"]["kernel_drops"] - before["probe_loop"]["kernel_drops"]
    rows = [next(row["bfd"] for row in status["adjacencies"] if row["name"] == ONE.name) for status in (before, after)]
    downs = rows[1]["downs"] - rows[0]["downs"] + later["downs"] - far["downs"]
    print(f"{name:<44} {sent:>8} {sent / lasted:>7.0f} {refused:>8} {kernel:>13} {gap:>9.1f} ms {downs:>6}", flush=True)
    good = downs == 0 and rows[1]["state"] == later["state"] == "Up" and gap <= INTERVAL_MS + WAKE_MS and not lost
    report.check(good, f"{name}, {sent / lasted:.0f} packets/s from the peer's address for {lasted:.0f} s: {downs} Downs, longest gap between our own "
                 f"packets {gap:.1f} ms (interval {INTERVAL_MS} ms; {WAKE_MS} ms for the wake-up){', capture incomplete' if lost else ''}")


def _dropped(status):
    return sum(status["probe_loop"]["dropped"].values())
