#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 3000
"""From wgbfd's Down verdict to the kernel's route, on the virtual clock, at 50 ms x 3 over in-kernel WireGuard: lab/run's two-sites (BGP)
and ospf topologies with each way of telling FRR, the stream's gap in two-sites, what holds BGP down while BFD alone is lost, and
the causes of a one-way cut. WGBFD_FULL=1: 20 cuts of each cell, else 2 of some. Arguments: the cells to run."""
import os
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "lab"), str(HERE.parent)]

from timelab import failovers as lab  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, Spread, busy  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab import scenario, vty  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.network import Network  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.settings import Settings  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.topology import LabError, load  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
CUTS = 20 if FULL else 2
BFD_LOST = 15  # seconds: longer than BGP's hold time of 9
GAP_MS = 300
SPF_QUICK = "0 10 1000"  # ospfd's `timers throttle spf`; its default is 0 50 5000
# name: topology, feed, milliseconds allowed from the verdict to the route (None: told, not judged)
CELLS = {"bgp-frr-bfd": ("two-sites", "frr-bfd", 85), "bgp-link": ("two-sites", "link", 85), "bgp-both": ("two-sites", "both", 85),
         "ospf-frr-bfd": ("ospf", "frr-bfd", 30), "ospf-link": ("ospf", "link", 30)}
CHOSEN = tuple(CELLS) if FULL else ("bgp-frr-bfd", "bgp-link", "ospf-link")


def cell(name, report, rows):
    topology, feed, allowed = CELLS[name]
    chance = random.Random(name)
    with Network(load(HERE.parents[2] / f"lab/topologies/{topology}.clab.yml"), Settings(Path("/usr/sbin/wgbfd"), feed=feed),
                 Path("/run/out") / name) as network:
        ends = (network.topology.cut.near, network.topology.cut.far)
        cuts = lab.series(network, CUTS, chance, stream=FULL and name == "bgp-frr-bfd")
        moves = lab.route_after_verdict(cuts, ends)
        if topology == "ospf":
            ospf(name, network, moves, chance, report, rows)
        else:
            judge(name, "both ends", moves.both, moves.missing, allowed, report, rows)
        if name == "bgp-frr-bfd":
            gaps(network, cuts, report)
            one_way(network, ends, chance, report)
        if feed in ("link", "both"):
            held_by_link(name, cuts, ends, network, report)
        if feed == "both":
            told(network, cuts, ends, report)
        if name == "bgp-link" or (FULL and name == "bgp-frr-bfd"):
            bfd_alone_lost(name, network, ends, report)


def judge(name, where, figures, missing, allowed, report, rows):
    """`allowed` None: told, not judged."""
    spread = Spread(figures)
    rows.append((name, where, spread, allowed))
    if allowed is not None:
        report.check(not missing and spread.worst <= allowed, f"{name}: from the verdict to the kernel's route, {where}: median "
                     f"{spread.median:.1f}, worst {spread.worst:.1f} ms of {spread.count} (<= {allowed}"
                     + (f"; {missing} did not move" if missing else "") + ")")


def ospf(name, network, moves, chance, report, rows):
    """The end that is second has just run its SPF for the other's LSA, and FRR holds the next one back: for 50 ms where nothing is said."""
    allowed = CELLS[name][2]
    judge(name, "first end, spf 0 50 5000", moves.first, moves.missing, allowed, report, rows)
    judge(name, "second end, spf 0 50 5000", moves.second, 0, None, report, rows)
    ends = (network.topology.cut.near, network.topology.cut.far)
    for end in ends:
        vty.configure(network.nodes[end.node], "ospfd", ["router ospf", f"timers throttle spf {SPF_QUICK}"])
    moves = lab.route_after_verdict(lab.series(network, CUTS, chance), ends)
    judge(name, f"both ends, spf {SPF_QUICK}", moves.both, moves.missing, allowed, report, rows)


def gaps(network, cuts, report):
    spread = Spread([cut.gap_ms for cut in cuts if cut.gap_ms is not None])
    if FULL:
        report.check(spread.worst <= GAP_MS, f"two-sites cut, 1,000 packets/s from LAN to LAN: longest gap median {spread.median:.0f}, worst "
                     f"{spread.worst:.0f} ms of {spread.count} cuts (<= {GAP_MS})")
    result = scenario.run(network, "cut")
    gap = result.record.longest_gap(result.cut_at - 0.05, result.restore_at) * 1000
    report.check(gap <= GAP_MS, f"lab/run two-sites cut, the very scenario of lab/demo: longest gap {gap:.0f} ms (<= {GAP_MS})")
    lab.back(network)


def one_way(network, ends, chance, report):
    near, far = ends
    causes = {near: [], far: []}
    for cut in lab.series(network, CUTS if FULL else 1, chance, one_way=True):
        for end in ends:
            down = cut.first("bfd", end, ("down",))
            causes[end].append(down.detail if down else "no Down")
    told_far, told_near = ", ".join(sorted(set(causes[far]))), ", ".join(sorted(set(causes[near])))
    report.check(told_far == "detect-timeout", f"one-way-cut, {len(causes[far])} times: the deaf end is Down with cause {told_far}")
    report.check(told_near == "one-way", f"one-way-cut, {len(causes[near])} times: the hearing end is Down with cause {told_near}")


def held_by_link(name, cuts, ends, network, report):
    who = "bgp" if "bgpd" in network.daemons[ends[0].node].names else "ospf"
    early = sum(1 for cut in cuts for end in ends for moment in cut.all(who, end, "up") if moment.at < cut.restored)
    fell = sum(1 for cut in cuts for end in ends if cut.first(who, end, ("down",)))
    report.check(fell == 2 * len(cuts) and not early, f"{name}: {who.upper()} went down at both ends in each of {len(cuts)} cuts "
                 f"({fell} of {2 * len(cuts)}) and was never up again before the path was back ({early} times)")


def told(network, cuts, ends, report):
    for end in ends:
        lines = lab.told_lines(network.nodes[end.node])
        report.check(lines == ["frr-bfd,link"] * len(cuts), f"bgp-both: {len(cuts)} failovers are {len(lines)} lines of the log at "
                     f"{end.node}, each told to the data plane first, then operstate ({', '.join(sorted(set(lines)))})")
    reasons = sorted({moment.detail for cut in cuts for end in ends for moment in cut.all("bgp", end, "down")})
    report.tell(f"       bgp-both: bgpd's reasons: {'; '.join(reasons)}")


def bfd_alone_lost(name, network, ends, report):
    """BFD's packets are lost inside the tunnel, TCP passes: only an interface that is down keeps BGP from coming back."""
    nodes = [network.nodes[end.node] for end in ends]
    interface = ends[0].interface
    time.sleep(2)
    before = time.time()
    lab.inner_drop(nodes, interface, True)
    time.sleep(BFD_LOST)
    states = {end.node: lab.operstate(network.nodes[end.node], interface) for end in ends}
    at = time.time()
    lab.inner_drop(nodes, interface, False)
    lab.back(network)
    cut = lab.assign(network, [lab.Cut(before, at)])[0]
    # What was logged while it was lost, and after.
    back = {end.node: [m.at - before for m in cut.all("bgp", end, "up") if m.at < at] for end in ends}
    fell = [end.node for end in ends if cut.first("bgp", end, ("down",))]
    words = "; ".join(f"{node}: up again after {', '.join(f'{t:.1f} s' for t in times) or '-'}, operstate {states[node]}"
                      for node, times in back.items())
    sentence = f"{name}: BFD alone is lost for {BFD_LOST} s; BGP went down at {', '.join(fell) or 'no end'} ({words})"
    if name == "bgp-link":
        report.check(len(fell) == 2 and not any(back.values()), f"{sentence}: it stays down until BFD is back, and is back then")
        report.check(set(states.values()) == {"DORMANT"} and {lab.operstate(node, interface) for node in nodes} == {"UP"},
                     f"{name}: {interface} is DORMANT at both ends while BFD is down and UP after it")
    else:
        report.tell(f"       told, not judged: {sentence}")


def main():
    report, rows = Report(), []
    for name in sys.argv[1:] or CHOSEN:
        begun = time.monotonic()
        try:
            cell(name, report, rows)
        except LabError as error:
            report.check(False, f"{name}: {error}")
        report.tell(f"       {name}: {time.monotonic() - begun:.0f} s of virtual time; the processor worked {busy():.0f} s since the boot")
    print(f"\nfrom the Down verdict to the kernel's route, ms\n{'':<14} {'':<27} {'moves':>6} {'best':>7} {'median':>7} {'worst':>7} allowed")
    for name, where, spread, allowed in rows:
        print(f"{name:<14} {where:<27} {spread.count:>6} {spread.best:>7.1f} {spread.median:>7.1f} {spread.worst:>7.1f} {allowed or 'told':>7}")
    print()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
