#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 3600
# tests/run: with --full alone
"""An underlay that browns out, on the virtual clock: two tunnels of one group with OSPF by BIRD over both (the feed bird-include), and the first
one's underlay loses 0.5 % of the packets, 2 %, then more and more, 30 % in 5 minutes. Its traffic has to be on the other tunnel before 10 % are
lost, and to come back once. WGBFD_FULL=1: up to 30 %, back to 2 % (where it must stay away: only half the limit brings it back), and to 0.5 %; and
beside it tunnels that lose 1.9 and 2.1 % for an hour, around the limit of 2 %: two verdicts at most. Else up to 8 %, and no way back.

The losses are nftables' `numgen random`, each packet by itself: netem's come in clusters on this clock, twice as widely spread as chance's."""
import json
import math
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "lab"), str(HERE.parent)]

from wgbfdlab.network import Network, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.settings import Settings  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.topology import load  # noqa: E402  pylint: disable=wrong-import-position

from qualitylab.paths import Paths  # noqa: E402  pylint: disable=wrong-import-position
from timelab import daemons  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, busiest, busy  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
BEGIN, TOP, END = 0.02, 0.30 if FULL else 0.08, 0.005
PACE = 0.28 / 300    # of loss, a second: 2 % to 30 % in 5 minutes
STEP = 4             # s
MOST = 0.10          # the traffic is elsewhere by then
HOUR = 3600
RETURN = 780         # s: what it takes at most to forget, two windows of 5 minutes and OSPF's own pauses
MULTIPLIER = 5       # of 300 ms: at 10 % BFD alone sees nothing
DEGRADED = 'degraded = { loss = "2%" }'


class Losses:
    """Of every UDP packet that the node forwards, or sends itself by an interface: a share is dropped, each packet by itself."""

    def __init__(self, node, hook="forward", interface=None):
        self._node, self._match = node, f'oifname "{interface}" ' if interface else ""
        self._chain = f"lost{interface or ''}"
        self._nft(f"add table inet lossy\nadd chain inet lossy {self._chain} {{ type filter hook {hook} priority 0; }}\n")
        self.counted = [0, 0]  # packets, of these dropped

    def set(self, share):
        self.collect()
        self._nft(f"flush chain inet lossy {self._chain}\n"
                  f"add rule inet lossy {self._chain} {self._match}meta l4proto udp counter\n"
                  f"add rule inet lossy {self._chain} {self._match}meta l4proto udp numgen random mod 100000 < {round(share * 100000)} counter drop\n")

    def collect(self):
        shown = json.loads(self._node.run(["nft", "-j", "list", "chain", "inet", "lossy", self._chain]).stdout)["nftables"]
        counts = [word["counter"]["packets"] for one in shown if "rule" in one for word in one["rule"]["expr"] if "counter" in word]
        self.counted = [old + new for old, new in zip(self.counted, counts or (0, 0))]

    def _nft(self, text):
        self._node.run(["nft", "-f", "-"], text=text)


@dataclass(frozen=True)
class Steady:
    """A tunnel whose both ends lose that share of what they send."""
    name: str
    share: float
    far: str = "wgbfd"
    settings = ('interval = "300ms"', f"multiplier = {MULTIPLIER}", f"quality = {{ {DEGRADED} }}")

    def queues(self, _way, _device):
        return []


def topology():
    """lab's own, with a group of the two tunnels, whose second costs so much that 2 % of loss alone move nothing."""
    folder = Path("/run/topologies")
    shutil.copytree(HERE.parents[2] / "lab/topologies", folder)
    for path in folder.glob("ospf-bird/*/wgbfd.toml"):
        text = path.read_text(encoding="utf-8").replace('interface = "wg1"\n', 'interface = "wg1"\ncost = 60\n')
        text = text.replace("[[adjacency]]\n", '[[adjacency]]\ngroup = "site"\n') + f'\n[[group]]\nname = "site"\n\n[quality]\n{DEGRADED}\n'
        path.write_text(text, encoding="utf-8")
    return load(folder / "ospf-bird.clab.yml")


class Brownout:
    def __init__(self, network):
        self._network, self._losses = network, Losses(network.nodes["underlay1"])
        self.begun = time.time()
        self.steps = []  # (when, share)

    def hold(self, share, seconds=0.0):
        self._losses.set(share)
        self.steps.append((time.time(), share))
        time.sleep(seconds)

    def ramp(self, since, until):
        """Step by step, on time whatever a step takes."""
        begun, count = time.monotonic(), math.ceil(abs(until - since) / PACE / STEP)
        for number in range(1, count + 1):
            self.hold(since + (until - since) * number / count)
            time.sleep(max(0, begun + number * STEP - time.monotonic()))

    def share_at(self, moment):
        return next((share for at, share in reversed(self.steps) if at <= moment), 0)

    def routes(self, node):
        """(when, tunnel) of each time its route to the other site moved."""
        found = [(one.at, one.state) for one in self._network.moments() if (one.who, one.node) == ("route", node) and one.at >= self.begun]
        return [(at, state) for at, state in found if state in ("wg0", "wg1")]

    def verdicts(self, node):
        return [f"{one.at - self.begun:.0f} s {one.state} {one.detail}".strip() for one in self._network.moments()
                if (one.who, one.node, one.interface) == ("bfd", node, "wg0") and one.at >= self.begun]

    def leads(self, tunnel):
        return [f"dev {tunnel} " in self._network.nodes[name].run(["ip", "route", "show", prefix]).stdout
                for name, prefix in (("a", "10.2.0.0/24"), ("b", "10.1.0.0/24"))]

    def packets(self):
        self._losses.collect()
        return self._losses.counted


def brown_out(network, report):
    brown = Brownout(network)
    brown.hold(END, 60)
    report.check(all(brown.leads("wg0")), f"at {END:.1%} the traffic rides on the first tunnel")
    brown.hold(BEGIN, 20)  # where the cost of the loss may move it
    brown.ramp(BEGIN, TOP)
    report.check(all(brown.leads("wg1")), f"at {TOP:.0%} the traffic of both ends rides on the second tunnel")
    if FULL:
        brown.hold(TOP, 60)
        brown.ramp(TOP, BEGIN)
        brown.hold(BEGIN, 600)
        report.check(all(brown.leads("wg1")), "ten minutes at 2 %, the limit: it stays away")
        brown.hold(END)
        wait_until(lambda: all(brown.leads("wg0")), RETURN, lambda: f"both ends back on the first tunnel {brown.leads('wg0')}", pause=5)
        report.tell(f"below half the limit it takes {time.time() - brown.steps[-1][0]:.0f} s to come back")
        time.sleep(60)
    packets, lost = brown.packets()
    report.check(lost > 0, f"{lost} of {packets} packets were dropped")
    for node in ("a", "b"):
        routes, verdicts = brown.routes(node), brown.verdicts(node)
        report.tell(f"{node}: {', '.join(f'{at - brown.begun:.0f} s {tunnel}' for at, tunnel in routes)}; verdicts {', '.join(verdicts)}")
        share = brown.share_at(routes[0][0]) if routes else 1
        report.check(share < MOST, f"{node}: its traffic moves to the other tunnel at {share:.1%} of loss, before {MOST:.0%}")
        report.check([tunnel for _, tunnel in routes] == ["wg1", "wg0"][:2 if FULL else 1], f"{node}: it moves once{' and comes back once' if FULL else ''}")


def changes(network, name):
    """Verdicts of that tunnel since it was first Up, at either end."""
    found = []
    for end in (network.near, network.nodes["wgbfd"]):
        lines = end.run([daemons.WGBFD, "events", "--json"]).stdout.splitlines()
        events = [event for event in map(json.loads, lines) if event["event"] == "verdict" and event["adjacency"] == name]
        found.append([event["to"] for event in events][1:])
    return found


def steady(paths, losses, seconds, report):
    for cell, pair in losses.items():
        for one in pair:
            one.collect()
        count, lost = (sum(one.counted[which] for one in pair) for which in (0, 1))
        report.check(abs(lost - count * cell.share) <= 4 * math.sqrt(count * cell.share * (1 - cell.share)),
                     f"{cell.name}: {lost} of {count} packets lost, {lost / count:.2%}")
        found = changes(paths, cell.name)
        report.check(all(len(one) <= 2 * max(1, seconds / HOUR) for one in found) and all("down" not in one for one in found),
                     f"{cell.share:.1%} of loss for {seconds:.0f} s, around a limit of 2 %: {len(found[0])} and {len(found[1])} changes of the verdict {found}")


def main():
    report, begun = Report(), time.monotonic()
    paths = Paths([Steady("s19", 0.019), Steady("s21", 0.021)]) if FULL else None
    losses = {}
    try:
        if paths:
            losses = {cell: [Losses(node, "output", f"u{number}") for node in (paths.near, paths.nodes["wgbfd"])] for number, cell in paths.cells}
            paths.start()
        for cell, pair in losses.items():
            for one in pair:
                one.set(cell.share)
        settings = Settings(Path("/usr/sbin/wgbfd"), interval_us=300_000, multiplier=MULTIPLIER, realtime=50)
        with Network(topology(), settings, Path("/run/out/brownout")) as network:
            os.nice(19)
            brown_out(network, report)
        report.tell(f"{time.monotonic() - begun:.0f} s of virtual time, {busy():.0f} s of the processor: {busiest()}")
        if paths:
            time.sleep(max(0, begun + HOUR + 60 - time.monotonic()))
            steady(paths, losses, time.monotonic() - begun, report)
            report.tell(f"{time.monotonic() - begun:.0f} s of virtual time, {busy():.0f} s of the processor")
    finally:
        if paths:
            paths.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
