#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 3000
"""The feeds `routes` and `repair` over in-kernel WireGuard, on the virtual clock: what a stream from LAN to LAN loses beyond RFC 5880's
detection time when its tunnel is cut, and what when it is back. `repair` with static routes, 1 and many: its time does not know their number.
wgbfd runs under `chrt -f 50`. WGBFD_FULL=1: 10 cuts of each cell (100 at 10 ms x 3) and 100,000 routes, else 2 (5) and 10,000. Arguments: the
cells to run."""
import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "lab"), str(HERE.parent)]

from timelab import failovers as lab  # noqa: E402  pylint: disable=wrong-import-position
from timelab.cuts import Line  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, Spread, busy  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.network import Network, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.settings import Settings  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.topology import LabError, load  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
CUTS = 10 if FULL else 2
QUICK_CUTS = 100 if FULL else 5
MANY = 100_000 if FULL else 10_000


@dataclass(frozen=True)
class Cell:
    feed: str
    allowed: float  # ms beyond the detection time
    routes: int = 1
    interval_us: int = 50_000
    cuts: int = CUTS


CELLS = {
    "routes": Cell("routes", 5),
    "repair": Cell("repair", 10),
    "repair-many": Cell("repair", 10, routes=MANY),
    "repair-10ms": Cell("repair", 15, interval_us=10_000, cuts=QUICK_CUTS),
}


def static_routes(network, count):
    """What an operator without a routing daemon writes: by wg0 alone."""
    for node, lan in (("a", "10.2.0.0/24"), ("b", "10.1.0.0/24")):
        lines = [f"route add {lan} dev wg0"]
        if node == "a":
            lines += [f"route add 10.{100 + n // 65536}.{n // 256 % 256}.{n % 256}/32 dev wg0" for n in range(count - 1)]
        network.nodes[node].run(["ip", "-batch", "-"], text="\n".join(lines) + "\n", timeout=600)


def told(network, node, feed):
    row = next(row for row in network.daemons[node].adjacencies() if row["interface"] == "wg0")
    return row["feeds"].get(feed, {}).get("told")


def at_rest(network, cell):
    wanted = "carries" if cell.feed == "routes" else "ready"
    wait_until(lambda: all(told(network, node, cell.feed) == wanted for node in ("a", "b")), 90,
               lambda: f"{[told(network, node, cell.feed) for node in ('a', 'b')]}, not {wanted}", pause=0.5)


def failover(network, chance, cell):
    """(ms beyond the detection time at the cut, packets lost once the path was back, downs of the other tunnel)"""
    cut = network.topology.cut
    time.sleep(lab.SETTLE + chance.random())
    line, flow = Line(network.nodes[cut.near.node], cut.near.interface), network.stream()
    time.sleep(1)
    with network.prepared_cut() as fire:
        begun, done = fire()
    time.sleep(lab.DEAD)
    with network.prepared_restore() as fire:
        restored = fire()[0]
    lab.back(network)
    at_rest(network, cell)
    time.sleep(0.5)
    record = flow.record()
    packets = line.read()
    theirs = next(packet for packet in reversed(packets) if not packet.ours and packet.at < restored)
    ours = next(packet for packet in reversed(packets) if packet.ours and packet.at < begun)
    over = theirs.at + theirs.multiplier * max(ours.required_rx, theirs.desired_tx) / 1000  # RFC 5880 §6.8.4
    at = record.first_lost(begun, done + 0.02) or begun
    gap = record.longest_gap(at - 0.05, restored)
    others = sum(1 for m in network.moments() if (m.who, m.interface, m.state) == ("bfd", "wg1", "down") and m.at >= begun)
    return (at + gap - over) * 1000, record.lost(restored, restored + 60), others


def run(name, report, rows):
    cell, chance = CELLS[name], random.Random(name)
    topology = load(HERE.parents[2] / "lab/topologies/active-passive.clab.yml")
    for node in (topology.nodes["a"], topology.nodes["b"]):
        node.feed = cell.feed
        if cell.feed == "repair":
            node.watch = None  # its routes are given to it once it stands
    settings = Settings(Path("/usr/sbin/wgbfd"), realtime=50, interval_us=cell.interval_us)
    with Network(topology, settings, Path("/run/out") / name) as network:
        if cell.feed == "repair":
            static_routes(network, cell.routes)
        at_rest(network, cell)
        found = [failover(network, chance, cell) for _ in range(cell.cuts)]
    beyond, lost, others = (list(figures) for figures in zip(*found))
    spread = Spread(beyond)
    rows.append((name, cell, spread, max(lost)))
    report.check(spread.worst <= cell.allowed, f"{name}: {cell.routes} routes, {cell.interval_us // 1000} ms x 3: the stream's gap ends {spread.median:.1f} "
                 f"ms (worst {spread.worst:.1f} of {spread.count}) after the detection time is over (<= {cell.allowed})")
    report.check(not any(lost), f"{name}: nothing is lost when the path is back and taken again ({max(lost)} packets at worst)")
    report.check(not any(others), f"{name}: the other tunnel never went down ({sum(others)} times)")


def main():
    report, rows = Report(), []
    for name in sys.argv[1:] or CELLS:
        begun = time.monotonic()
        try:
            run(name, report, rows)
        except LabError as error:
            report.check(False, f"{name}: {error}")
        report.tell(f"       {name}: {time.monotonic() - begun:.0f} s of virtual time; the processor worked {busy():.0f} s since the boot")
    print("\nms from the end of the detection time until the stream goes on")
    for name, cell, spread, lost in rows:
        print(f"{name:<12} {cell.routes:>7} routes {spread.count:>4} cuts   best {spread.best:>5.1f}   median {spread.median:>5.1f}   worst "
              f"{spread.worst:>5.1f}   lost at the return {lost}")
    print()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
