#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 3000
"""The feeds `routes` and `repair` over in-kernel WireGuard, on the virtual clock: what a stream from LAN to LAN loses beyond RFC 5880's
detection time when its tunnel is cut, and what when it is back. `repair` with static routes, 1 and many: its time does not know their number.
wgbfd runs under `chrt -f 50`. WGBFD_FULL=1: 10 cuts of each cell (100 at 10 ms x 3), 100,000 routes, and a minute of flapping; else 2 (5) and
10,000. Arguments: the cells to run, each of which stands alone."""
import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "lab"), str(HERE.parent)]

from timelab import failovers as lab  # noqa: E402  pylint: disable=wrong-import-position
from timelab.cuts import Line, expiry  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, Spread, busy  # noqa: E402  pylint: disable=wrong-import-position
from timelab.sites import at_rest, static_routes, use  # noqa: E402  pylint: disable=wrong-import-position
from timelab.tables import EVERYTHING, difference  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.network import Network  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.settings import Settings  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.topology import LabError, load  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
CUTS = 10 if FULL else 2
QUICK_CUTS = 100 if FULL else 5
MANY = 100_000 if FULL else 10_000
FLAPS = 30  # and as many returns


@dataclass(frozen=True)
class Cell:
    feed: str
    allowed: float  # ms beyond the detection time
    routes: int = 1
    interval_us: int = 50_000
    cuts: int = CUTS
    dead: float = lab.DEAD  # seconds that a path stays cut
    back: float = lab.RETURN  # and is not looked at after it is restored
    returns: int = 1  # the return, too, is judged at one cut of so many: its stream costs more than all the rest
    topology: str = "active-passive"


CELLS = {
    "routes": Cell("routes", 5),
    "active-active": Cell("routes", 5, topology="active-active"),
    "repair": Cell("repair", 10),
    "repair-many": Cell("repair", 10, routes=MANY),
    "repair-10ms": Cell("repair", 15, interval_us=10_000, cuts=QUICK_CUTS, dead=0.5, back=2.5, returns=5),
}


def failover(network, chance, cell, whole):
    """(ms beyond the detection time at the cut, packets lost once the path was back where that is `whole`); None when the stream went by the
    other tunnel, as each third does that two share."""
    cut = network.topology.cut
    time.sleep(lab.SETTLE + chance.random())
    line, flow = Line(network.nodes[cut.near.node], cut.near.interface), network.stream()
    time.sleep(1)
    with network.prepared_cut() as fire:
        begun, done = fire()
    time.sleep(cell.dead)
    record = None if whole else flow.record()
    with network.prepared_restore() as fire:
        restored = fire()[0]
    lab.back(network, cell.back)
    at_rest(network, cell.feed)
    if whole:
        time.sleep(0.5)
        record = flow.record()
    over = expiry(line.read(), begun, restored)
    at = record.first_lost(begun, done + 0.02)
    if at is None and cell.topology == "active-active":
        return None
    at = at or begun
    return (record.goes_on(at - 0.05, restored) - over) * 1000, record.lost(restored, restored + 60)


def failovers(network, chance, cell):
    found = []
    for number in range(4 * cell.cuts):
        one = failover(network, chance, cell, number % cell.returns == 0)
        found += [one] if one else []
        if len(found) == cell.cuts:
            return found
    raise LabError(f"{len(found)} of {number + 1} streams went by the tunnel that was cut")


def flapping(network, cell):
    """Every second for a minute the path is another; what is different of each router's tables afterwards."""
    before = {node: network.nodes[node].run(["sh", "-c", EVERYTHING]).stdout for node in ("a", "b")}
    for _ in range(FLAPS):
        for prepared in (network.prepared_cut, network.prepared_restore):
            with prepared() as fire:
                fire()
            time.sleep(0.8)
    lab.back(network)
    at_rest(network, cell.feed)
    time.sleep(2)
    return "; ".join(f"{node}: {words}" for node, was in before.items() if (words := difference(was, network.nodes[node].run(["sh", "-c", EVERYTHING]).stdout)))


def run(name, report, rows):
    cell, chance = CELLS[name], random.Random(name)
    topology = load(HERE.parents[2] / f"lab/topologies/{cell.topology}.clab.yml")
    use(topology, cell.feed)
    settings = Settings(Path("/usr/sbin/wgbfd"), realtime=50, interval_us=cell.interval_us)
    with Network(topology, settings, Path("/run/out") / name) as network:
        if cell.feed == "repair":
            static_routes(network, cell.routes)
        at_rest(network, cell.feed)
        found = failovers(network, chance, cell)
        others = sum(1 for m in network.moments() if (m.who, m.interface, m.state) == ("bfd", "wg1", "down"))
        changed = flapping(network, cell) if FULL and cell.routes == 1 and cell.interval_us == 50_000 else None
    beyond, lost = (list(figures) for figures in zip(*found))
    spread = Spread(beyond)
    rows.append((name, cell, spread, max(lost)))
    report.tell(f"       {name}: ms beyond the detection time at each cut: {' '.join(f'{ms:.1f}' for ms in beyond)}")
    report.check(spread.best >= 0, f"{name}: no stream goes on before the detection time is over (least {spread.best:.1f} ms after it)")
    report.check(spread.worst <= cell.allowed, f"{name}: {cell.routes} routes, {cell.interval_us // 1000} ms x 3: the stream's gap ends {spread.median:.1f} "
                 f"ms (worst {spread.worst:.1f} of {spread.count}) after the detection time is over (<= {cell.allowed})")
    report.check(not any(lost), f"{name}: nothing is lost when the path is back and taken again ({max(lost)} packets at worst)")
    report.check(not others, f"{name}: the other tunnel never went down ({others} times)")
    if changed is not None:
        report.check(not changed, f"{name}: another path each second for a minute: both routers' tables are as they were {changed}")


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
