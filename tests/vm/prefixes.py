#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 3000
# tests/run: with --full alone
"""What a failover of 1,000 prefixes takes beyond the detection time, at 50 ms x 3 over in-kernel WireGuard, on the virtual clock: from the
moment RFC 5880's detection time is over (counted from the last packet that came in before the cut) until the kernel's first route and its
last have moved. A packet's path is its route, so a stream to that prefix has its gap there; one stream crosses each cut to show it. Each
way of telling the routing daemon, and the daemon's own BFD beside it; wgbfd and bfdd run under `chrt -f 50`. WGBFD_FULL=1: 10 cuts of each
cell, else 2 of those that are judged. Arguments: the cells to run."""
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
from wgbfdlab import vty  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.network import Network, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.settings import Settings  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.topology import LabError, load  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.watch import ROUTE, _iso  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
CUTS = 10 if FULL else 2
PREFIXES = 1000
SPF_QUICK = ["router ospf", "timers throttle spf 0 10 1000"]


@dataclass(frozen=True)
class Cell:
    topology: str
    mode: str            # of the lab
    title: str
    allowed: int | None  # ms from the end of the detection time to the first prefix; None: told, not judged
    dead: float = lab.DEAD  # seconds a path stays cut
    rest: float = 0.0       # and seconds before the next cut
    feed: str = "frr-bfd"   # of wgbfd to FRR


CELLS = {
    "bird-nexthop": Cell("two-sites-bird", "wgbfd", "BIRD BGP, bird-nexthop", 10),
    "bird-bfd": Cell("two-sites-bird", "stock", "BIRD BGP, its own BFD", None),
    "bgp-frr-bfd": Cell("two-sites", "wgbfd", "FRR BGP, frr-bfd", 85),
    "bgp-frr-vty": Cell("two-sites", "wgbfd", "FRR BGP, frr-vty", None, 4.0, feed="frr-vty"),
    "ospf-frr-vty": Cell("ospf", "wgbfd", "FRR OSPF, frr-vty", None, 4.0, feed="frr-vty"),
    "bgp-bfdd": Cell("two-sites", "stock", "FRR BGP, stock bfdd", None),
    "ospf-frr-bfd": Cell("ospf", "wgbfd", "FRR OSPF, frr-bfd", 30),
    "ospf-bfdd": Cell("ospf", "stock", "FRR OSPF, stock bfdd", None),
    "bird-include-bgp": Cell("dn42", "wgbfd", "BIRD BGP link-local, bird-include", None, 4.0),
    "bird-link-local-bfd": Cell("dn42", "stock", "BIRD BGP link-local, its own BFD", None, 4.0),
    # BIRD looks at OSPF once in its tick of a second, and holds a router's next LSA back for 5 s (RFC 2328 MinLSInterval): the first change counts.
    "bird-include-ospf": Cell("ospf-bird", "wgbfd", "BIRD OSPF, bird-include", 1000, 4.0, 8.0),
    "bird-ospf-bfd": Cell("ospf-bird", "stock", "BIRD OSPF, its own BFD", None, 4.0, 8.0),
}
CHOSEN = ("bird-nexthop", "bgp-frr-bfd", "ospf-frr-bfd", "bird-include-ospf")


def prefix(number):
    return f"10.100.{number // 250}.{number % 250 + 1}"


def addresses():
    """Shell commands that give the far site 1,000 prefixes."""
    lines = "\n".join(f"address add {prefix(number)}/32 dev lan-many" for number in range(PREFIXES))
    return ["sh", "-ec", f"ip link add lan-many type dummy; ip link set lan-many up; ip -batch - <<X\n{lines}\nX\n"]


class Routes:
    """The kernel's routes to the prefixes at one node: who leads where, and since when."""

    def __init__(self, node):
        self._node = node
        # At a real-time priority: it stamps a message when it reads it.
        node.spawn(["chrt", "-f", "40", "ip", "-4", "-ts", "-rcvbuf", 1 << 24, "monitor", "route"], "prefixes.log")

    def leading(self, interface):
        done = self._node.run(["ip", "-4", "route", "show", "dev", interface])
        return sum(1 for line in done.stdout.splitlines() if line.startswith("10.100."))

    def moved(self, since, until, interface):
        """{prefix: the moment its route first led out by `interface`}"""
        found = {}
        for line in (self._node.logs / "prefixes.log").read_text(errors="replace").splitlines():
            words = ROUTE.match(line)
            if words and not words[2] and words[3].startswith("10.100.") and f"dev {interface} " in words[4] + " ":
                at = _iso(words[1])
                if since <= at < until:
                    found.setdefault(words[3], at)
        return found


def announce(network):
    """FRR is told to carry them; BIRD's configuration takes every interface lan*."""
    names = network.daemons["b"].names
    if "bgpd" in names:
        vty.configure(network.nodes["b"], "bgpd", ["router bgp 65002", "address-family ipv4 unicast", "redistribute connected"])
    if "ospfd" in names:
        # In the area: ospfd calculates redistributed prefixes anew a whole second after the others, with any BFD.
        vty.configure(network.nodes["b"], "ospfd", ["interface lan-many", "ip ospf area 0", "ip ospf passive"])
        for node in network.nodes.values():
            if "ospfd" in (network.daemons[node.name].names if node.name in network.daemons else ()):
                vty.configure(node, "ospfd", SPF_QUICK)


def let_far_end_wait(network):
    """Two routers have two processors; here the far end's routing is done when the near end's is, whose routes are watched."""
    daemons = network.daemons["b"]
    for name in daemons.names:
        if name not in ("wgbfd", "bfdd"):
            for task in os.listdir(f"/proc/{daemons.pid_of(name)}/task"):
                os.setpriority(os.PRIO_PROCESS, int(task), 19)


@dataclass
class Failover:
    first: float   # ms beyond the detection time
    last: float
    count: int     # prefixes that moved
    gap: float     # ms, of the stream to the watched prefix
    watched: float  # ms from the cut until that prefix's route moved


def failover(network, routes, chance, cell):
    cut = network.topology.cut
    time.sleep(lab.SETTLE + cell.rest + chance.random())
    line, flow = Line(network.nodes[cut.near.node], cut.near.interface), network.stream()
    time.sleep(1)
    with network.prepared_cut() as fire:
        begun, done = fire()
    time.sleep(cell.dead)
    record = flow.record()
    with network.prepared_restore() as fire:
        restored = fire()[0]
    over = expiry(line.read(), begun, restored)
    back_to(network, routes, cut.near.interface)
    moved = routes.moved(begun, restored, "wg1")
    if len(moved) < PREFIXES:
        raise LabError(f"{len(moved)} of {PREFIXES} routes moved")
    at = record.first_lost(begun, done + 0.02) or begun
    watched = next(m.at for m in network.moments() if (m.who, m.node, m.state) == ("route", cut.near.node, "wg1") and m.at >= begun)
    return Failover((min(moved.values()) - over) * 1000, (max(moved.values()) - over) * 1000, len(moved),
                    record.longest_gap(at - 0.05, restored) * 1000, (watched - at) * 1000)


def back_to(network, routes, interface):
    lab.back(network)
    wait_until(lambda: routes.leading(interface) == PREFIXES, 90, lambda: f"{routes.leading(interface)} of {PREFIXES} prefixes by {interface}", pause=0.5)


def run(name, report, rows):
    cell, chance = CELLS[name], random.Random(name)
    topology = load(HERE.parents[2] / f"lab/topologies/{cell.topology}.clab.yml")
    topology.nodes["b"].commands.append(addresses())
    with Network(topology, Settings(Path("/usr/sbin/wgbfd"), mode=cell.mode, realtime=50, feed=cell.feed), Path("/run/out") / name) as network:
        announce(network)
        routes = Routes(network.nodes["a"])
        back_to(network, routes, "wg0")
        let_far_end_wait(network)
        found = [failover(network, routes, chance, cell) for _ in range(CUTS)]
    first, last, gap = (Spread([getattr(one, what) for one in found]) for what in ("first", "last", "gap"))
    rows.append((cell, first, last, gap))
    report.check(first.best >= 0, f"{name}: no route moves before the detection time is over (least {first.best:.1f} ms after it)")
    if cell.allowed is not None:
        report.check(first.worst <= cell.allowed, f"{name}: the first of {PREFIXES} prefixes moves {first.median:.1f} ms (worst {first.worst:.1f} of "
                     f"{first.count}) after the detection time is over (<= {cell.allowed}); the last {last.median:.1f} (worst {last.worst:.1f})")
    apart = max(abs(one.gap - one.watched) for one in found)
    report.check(apart <= 20, f"{name}: the stream's gap is over when its route has moved (at most {apart:.1f} ms apart)")


def main():
    report, rows = Report(), []
    for name in sys.argv[1:] or (CELLS if FULL else CHOSEN):
        begun = time.monotonic()
        try:
            run(name, report, rows)
        except LabError as error:
            report.check(False, f"{name}: {error}")
        report.tell(f"       {name}: {time.monotonic() - begun:.0f} s of virtual time; the processor worked {busy():.0f} s since the boot")
    print(f"\nms from the end of the detection time until the route moved, {PREFIXES} prefixes, median (worst); the stream's gap in ms\n"
          f"{'':<26} {'cuts':>5} {'first prefix':>18} {'last prefix':>18} {'gap of a stream':>18}")
    for cell, *spreads in rows:
        words = [f"{spread.median:.1f} ({spread.worst:.1f})" for spread in spreads]
        print(f"{cell.title:<26} {spreads[0].count:>5} {words[0]:>18} {words[1]:>18} {words[2]:>18}")
    print()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
