#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 3000
# tests/run: with --full alone
"""TCP connections that outlive failovers, without any routing daemon, on the virtual clock: one like ssh's, a bulk transfer and iperf3
from LAN to LAN, while their tunnel is cut and comes back again and again. None is reset, no octet is lost or changed; how long each stood still.
WGBFD_FULL=1: 10 cuts, else 2. Arguments: routes, repair."""
import json
import os
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "lab"), str(HERE.parent)]

from timelab import failovers as lab  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, busy  # noqa: E402  pylint: disable=wrong-import-position
from timelab.sites import at_rest, static_routes, use  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.network import Network, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.nodes import terminate  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.settings import Settings  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.topology import LabError, load  # noqa: E402  pylint: disable=wrong-import-position

CUTS = 10 if os.environ.get("WGBFD_FULL") else 2
PROGRAM = HERE.parent / "timelab/sessions.py"
STILL = 1.0   # s at a cut: the detection time of 150 ms, and TCP's own patience, which doubles from 200 ms
ENDED_BY_US = "interrupt - the client has terminated"
RETURN = 0.1  # s when the path is back: nothing is lost then


class Sessions:
    """Of one network, from lan-a to lan-b."""

    def __init__(self, network):
        self.node, far = network.nodes["lan-a"], network.nodes["lan-b"]
        far.spawn(["/usr/bin/python3", PROGRAM, "serve"], "sessions.out")
        wait_until(lambda: "ready" in (far.logs / "sessions.out").read_text(), 30, lambda: "no server")
        self.path = self.node.logs / "sessions.json"
        self.process = self.node.spawn(["/usr/bin/python3", PROGRAM, "talk", "10.2.0.10", self.path], "sessions.out")
        self.output = [node.logs / "iperf3.json" for node in (self.node, far)]
        self.server = far.spawn(["iperf3", "-s", "-1", "-J", "--logfile", self.output[1]], "iperf3.out")
        wait_until(lambda: far.run(["ss", "-Hltn", "sport = :5201"]).stdout, 30, lambda: "no server of iperf3")
        self.iperf = self.node.spawn(["iperf3", "-c", "10.2.0.10", "-b", "4M", "-t", "86400", "-J", "--logfile", self.output[0]], "iperf3.out")

    def end(self):
        for one in (self.process, self.iperf):
            terminate(one)
        self.server.wait(timeout=30)
        return {**json.loads(self.path.read_text()), "iperf3": [json.loads(path.read_text()) for path in self.output]}


def still(found, since, until):
    """Seconds that the two stood still at most, of what began then."""
    lines = [took for at, took in found["lines"] if since - 0.3 <= at < until]
    gaps = [gap for at, gap in (found["received"] or {"gaps": []})["gaps"] if since - 0.3 <= at < until]
    return max(lines, default=float("inf")), max(gaps, default=0.0)


def run(feed, report):
    topology, chance = load(HERE.parents[2] / "lab/topologies/active-passive.clab.yml"), random.Random(feed)
    use(topology, feed)
    times = []
    with Network(topology, Settings(Path("/usr/sbin/wgbfd"), realtime=50), Path("/run/out") / feed) as network:
        if feed == "repair":
            static_routes(network, 1)
        at_rest(network, feed)
        sessions = Sessions(network)
        time.sleep(1)
        for _ in range(CUTS):
            time.sleep(chance.random())
            with network.prepared_cut() as fire:
                begun = fire()[0]
            time.sleep(lab.DEAD)
            with network.prepared_restore() as fire:
                restored = fire()[0]
            lab.back(network)
            at_rest(network, feed)
            times.append((begun, restored, time.time()))
        time.sleep(1)
        found = sessions.end()
    judge(feed, report, found, times)


def judge(feed, report, found, times):
    received = found["received"] or {}
    whole = received.get("octets") == found["sent"] > 0 and received.get("wrong") is None
    report.check(not found["errors"] and found["lines"], f"{feed}: {len(times)} failovers and as many returns: both of ours live "
                 f"({len(found['lines'])} lines echoed) {found['errors'] or ''}")
    report.check(whole, f"{feed}: each of {found['sent']} octets of the bulk transfer came, in its place {'' if whole else received}")
    near, far = found["iperf3"]
    halves = sum(one["sum"]["bytes"] < 250_000 for one in near["intervals"])
    report.check(near.get("error") == ENDED_BY_US and far["end"]["sum_received"]["bytes"] > 0, f"{feed}: iperf3 lives until we end it: "
                 f"{near['end']['sum_sent']['seconds']:.0f} s, {near['end']['sum_sent']['bytes']} octets sent, {far['end']['sum_received']['bytes']} received, "
                 f"{near['end']['sum_sent']['retransmits']} segments sent again, {halves} seconds below half of its rate ({near.get('error')})")
    # What stood still at the cut ends before the path is back.
    for what, limit, moments in (("cut", STILL, [(a, b) for a, b, _ in times]), ("return", RETURN, [(b + 0.3, c) for _, b, c in times])):
        worst = [max(pair) * 1000 for pair in zip(*(still(found, *moment) for moment in moments))]
        report.check(max(worst) <= limit * 1000, f"{feed}: at a {what} a line waits {worst[0]:.0f} ms for its echo at worst, and the transfer stands still "
                     f"for {worst[1]:.0f} ms (<= {limit * 1000:.0f})")


def main():
    report = Report()
    for feed in sys.argv[1:] or ("routes", "repair"):
        try:
            run(feed, report)
        except LabError as error:
            report.check(False, f"{feed}: {error}")
        report.tell(f"       {feed}: the processor worked {busy():.0f} s since the boot")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
