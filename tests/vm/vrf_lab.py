#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 1500
"""lab/run's topology vrf: red's first tunnel is cut, silently. Red's stream goes on by its second tunnel, blue, who has the same addresses
and prefixes over the same underlays, notices nothing, and no packet of the one is seen in the other's VRF. WGBFD_FULL=1: also when both
of red's tunnels are dead."""
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2] / "lab"), str(HERE.parent)]

from guest.report import Report  # noqa: E402  pylint: disable=wrong-import-position

SCENARIOS = ("cut", "both-down") if os.environ.get("WGBFD_FULL") else ("cut",)
TENANTS = {"red": "stream", "blue": "beside"}
GAP_MS = 200  # detection takes 150, and the far end's route may be later than the near one's


def lab(scenario):
    """lab/run's exit status and what it says for machines."""
    done = subprocess.run([HERE.parents[2] / "lab/run", "vrf", scenario, "--realtime", "50", "--json", "--out", f"/run/out/{scenario}"],
                          stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, json.loads(done.stdout or "{}")


def red_moves(report, run):
    report.check(run["downs"]["bfd a"] == run["downs"]["bfd b"] == 1, f"red's first tunnel falls once at each end: {run['downs']}")
    moves = [run["first"][move] and (run["first"][move]["state"], run["first"][move]["ms"]) for move in ("route moved", "route returned")]
    report.check([move and move[0] for move in moves] == ["red1", "red0"] and run["route_changes"] == 2, f"its route moves and comes back, ms: {moves}")
    report.check(0 < run["gap_at_cut_ms"] <= GAP_MS and not run["lost_before"] and not run["lost_at_return"],
                 f"its stream waits {run['gap_at_cut_ms']} ms (<= {GAP_MS}); lost before the cut {run['lost_before']}, at the return {run['lost_at_return']}")


def blue_stays(report, run):
    beside = run["beside"]
    report.check(beside["sent"] > 1000 and not beside["lost"], f"blue's stream loses nothing: {beside}")


def separate(report, run):
    for node, vrfs in run["seen"].items():
        for vrf, stream in TENANTS.items():
            own = {interface: packets[stream] for interface, packets in vrfs[vrf].items()}
            others = sum(packets[one] for interface, packets in vrfs[vrf].items() for one in packets if one != stream)
            report.check(sum(own.values()) > 1000 and not others, f"{node}, {vrf}: its own packets {own}, the other tenant's {others}")
    near = run["seen"]["a"]
    report.check(near["red"]["red0"]["stream"] and near["red"]["red1"]["stream"], "red has gone by both of its tunnels")
    report.check(near["blue"]["blue0"]["beside"] and not near["blue"]["blue1"]["beside"], "blue by its first alone")


def main():
    report = Report()
    for scenario in SCENARIOS:
        status, document = lab(scenario)
        if not report.check(status == 0, f"lab/run vrf {scenario} ends with status {status}"):
            continue
        run = document["runs"][0]
        if scenario == "cut":
            red_moves(report, run)
            report.check(not run["other_bfd_downs"], f"no other session falls ({run['other_bfd_downs']})")
        blue_stays(report, run)
        separate(report, run)
        left = {node: one["left"] for node, one in document["undo"].items() if one["left"]}
        report.check(not left, f"and all is as before wgbfd when it has ended {left or ''}".rstrip())
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
