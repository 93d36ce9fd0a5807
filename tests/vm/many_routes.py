#!/usr/bin/python3
# lab/vm: --mem 2560 --timeout 7000
# tests/run: with --full alone
"""What a failover costs where BGP brings very many routes, at 50 ms x 3 over in-kernel WireGuard, on the virtual clock: FRR's and BIRD's own
convergence with their own BFD (the first route's move and the last one's), and `repair` beside wgbfd's other feed, which the stream does not
wait for. All is counted from the moment RFC 5880's detection time is over; the stream goes to one of the many prefixes. The far site is
BIRD in every cell. bfdd, BIRD's BFD and wgbfd run under `chrt -f 50`. WGBFD_FULL=1: 100,000 routes, else 10,000. Arguments: the cells to
run, and a number for another count of routes."""
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
from timelab.sampled import STEP, SampledRoutes, prefix  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.network import Network, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.settings import Settings  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.topology import LabError, load  # noqa: E402  pylint: disable=wrong-import-position

CUTS = 3
ROUTES = 100_000 if os.environ.get("WGBFD_FULL") else 10_000
PATIENCE = 600  # seconds of virtual time for all routes to move
TOPOLOGIES = HERE.parents[2] / "lab/topologies"
HOLD = {"timers bgp ${bgp_keepalive} ${bgp_hold}": "timers bgp 30 90", "keepalive time ${bgp_keepalive};": "keepalive time 30;",
        "hold time ${bgp_hold};": "hold time 90;"}  # one processor moves all these routes: BFD alone is to end a session


@dataclass(frozen=True)
class Cell:
    near: str   # the topology whose node a is the near end
    mode: str   # of the lab
    title: str
    allowed: int | None = None  # ms from the end of the detection time until the stream goes on; None: told, not judged


CELLS = {
    "frr": Cell("two-sites", "stock", "FRR, its own bfdd"),
    "frr-repair": Cell("two-sites", "wgbfd", "FRR, frr-bfd and repair", 10),
    "bird": Cell("two-sites-bird", "stock", "BIRD, its own BFD"),
    "bird-repair": Cell("two-sites-bird", "wgbfd", "BIRD, bird-nexthop and repair", 10),
}


def rewritten(name, source, count):
    """A configuration of the lab's with the BGP timers, the far site's prefixes and the feed repair of this test."""
    text = (TOPOLOGIES / source).read_text()
    for old, new in HOLD.items():
        text = text.replace(old, new)
    if source.endswith("wgbfd.toml"):
        for interface in ("wg0", "wg1"):
            text = text.replace(f'\ninterface = "{interface}"\n', f'\ninterface = "{interface}"\ngroup = "site"\nfeeds = ["repair"]\n')
        text += '\n[[group]]\nname = "site"\n'
    if source.endswith("b/bird.conf"):
        text = text.replace('export where proto = "lan";', 'export where proto = "lan" || proto = "many";')
        text += "protocol static many {\n    ipv4;\n" + "".join(f"    route {prefix(n)}/32 blackhole;\n" for n in range(count)) + "}\n"
    path = Path("/run/many") / name / source
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def topology_of(name, cell, count):
    topology = load(TOPOLOGIES / "two-sites-bird.clab.yml")
    topology.nodes["a"] = load(TOPOLOGIES / f"{cell.near}.clab.yml").nodes["a"]
    for node in (topology.nodes["a"], topology.nodes["b"]):
        node.binds = [(rewritten(name, source, count), target) for source, target in node.binds]
        node.watch = None  # nothing is to print each route that moves
    goal = prefix(count // 2 // STEP * STEP)
    topology.nodes["b"].commands.append(["ip", "route", "add", f"{goal}/32", "via", "10.2.0.10"])
    topology.nodes["lan-b"].commands.append(["ip", "address", "add", f"{goal}/32", "dev", "lo"])
    topology.nodes["lan-a"].stream = ["send", goal]
    return topology


def schedule(network):
    """BIRD's BFD goes before its routing, as bfdd does; the far end's routing is done when the near end's is, whose routes are watched."""
    for daemons in network.daemons.values():
        for name in daemons.names:
            if name in ("bird", "bgpd", "zebra"):
                pid = daemons.pid_of(name)
                if daemons.node.name == "b":
                    os.setpriority(os.PRIO_PROCESS, pid, 19)
                for task in map(int, os.listdir(f"/proc/{pid}/task")):
                    if name == "bird" and task != pid:
                        os.sched_setscheduler(task, os.SCHED_FIFO, os.sched_param(50))


def leading(network, interface):
    """How many of the prefixes lead out there, at the near end."""
    done = network.nodes["a"].run(["sh", "-c", f"ip -4 route show dev {interface} | grep -c '^10.1[0-9][0-9]\\.'"], check=False)
    return int(done.stdout)


@dataclass
class Failover:
    first: float   # ms beyond the detection time
    last: float
    stream: float  # until it goes on
    lost: int      # packets of it, later


def failover(network, routes, index, count, chance):
    cut = network.topology.cut
    time.sleep(lab.SETTLE + chance.random())
    line, flow = Line(network.nodes[cut.near.node], cut.near.interface), network.stream()
    time.sleep(1)
    with network.prepared_cut() as fire:
        begun, done = fire()
    wait_until(lambda: len(routes.moved(begun, index)) == routes.sampled, PATIENCE,
               lambda: f"{len(routes.moved(begun, index))} of {routes.sampled} routes moved", pause=1)
    time.sleep(1)
    packets, record = line.read(), flow.record()
    moved = routes.moved(begun, index).values()
    with network.prepared_restore() as fire:
        restored = fire()[0]
    over = expiry(packets, begun, restored)
    at = record.first_lost(begun, done + 0.02) or begun
    ended = record.goes_on(at - 0.05, restored)
    settle(network, count)
    return Failover((min(moved) - over) * 1000, (max(moved) - over) * 1000, (ended - over) * 1000, record.lost(ended + 0.02, restored - 0.5))


def settle(network, count):
    lab.back(network)
    wait_until(lambda: leading(network, "wg0") == count, PATIENCE, lambda: f"{leading(network, 'wg0')} of {count} prefixes by wg0", pause=3)
    time.sleep(3)


def run(name, count, report, rows):
    cell, chance = CELLS[name], random.Random(name)
    with Network(topology_of(name, cell, count), Settings(Path("/usr/sbin/wgbfd"), mode=cell.mode, realtime=50), Path("/run/out") / name) as network:
        schedule(network)
        near = network.nodes["a"]
        settle(network, count)
        index = int(near.run(["cat", "/sys/class/net/wg1/ifindex"]).stdout)
        routes = SampledRoutes(near, count)
        found = [failover(network, routes, index, count, chance) for _ in range(CUTS)]
        handlers = network.daemons["a"].status().get("control_loop") if cell.mode == "wgbfd" else None
    first, last, stream = (Spread([getattr(one, what) for one in found]) for what in ("first", "last", "stream"))
    rows.append((cell, count, first, last, stream))
    report.tell(f"       {name}: {row_of(*rows[-1])}")
    report.check(first.best >= 0, f"{name}: no route moves before the detection time is over (least {first.best:.1f} ms after it)")
    if cell.allowed is not None:
        report.check(stream.worst <= cell.allowed, f"{name}: {count} routes: the stream goes on {stream.median:.1f} ms (worst {stream.worst:.1f} of "
                     f"{stream.count}) after the detection time is over (<= {cell.allowed})")
        lost = max(one.lost for one in found)
        report.check(lost == 0, f"{name}: nothing of it is lost while the routes move under the redirect ({lost} packets at worst)")
    if handlers:
        report.tell(f"       {name}: wgbfd's control thread at the near end: {handlers}")


def row_of(cell, count, first, last, stream):
    words = [f"{spread.median:.1f} ({spread.worst:.1f})" for spread in (stream, first, last)]
    return f"{cell.title:<30} {count:>7} {first.count:>4} {words[0]:>18} {words[1]:>18} {words[2]:>20}"


def main():
    report, rows = Report(), []
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    for name in [word for word in sys.argv[1:] if not word.isdigit()] or CELLS:
        begun = time.monotonic()
        try:
            run(name, (numbers or [ROUTES])[0], report, rows)
        except LabError as error:
            report.check(False, f"{name}: {error}")
        report.tell(f"       {name}: {time.monotonic() - begun:.0f} s of virtual time; the processor worked {busy():.0f} s since the boot")
    print(f"\nms from the end of the detection time, median (worst); the routes: every {STEP}th\n"
          f"{'':<30} {'routes':>7} {'cuts':>4} {'stream goes on':>18} {'first route':>18} {'last route':>20}")
    for row in rows:
        print(row_of(*row))
    print()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
