#!/usr/bin/python3
# lab/vm: --timeout 1500
"""Faults of every kind at random moments, one and two at once, over in-kernel WireGuard on the virtual clock: does wgbfd name the right cause
at both ends? The named one is right in 98 of 100, and what was taken for what is printed. WGBFD_FULL=1: each fault twenty times, else once.
Its argument, a number, repeats the run that printed it."""
import heapq
import json
import math
import os
import random
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from causelab import faults  # noqa: E402  pylint: disable=wrong-import-position
from qualitylab.paths import Cell, Paths  # noqa: E402  pylint: disable=wrong-import-position
from timelab import daemons  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, busiest, busy  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else int.from_bytes(os.urandom(4), "big") if FULL else 20260401
RUNS = 20 if FULL else 1
PAIRS = 60 if FULL else 5
PATHS = 24           # to wgbfd at the far end; one more to BIRD
RIGHT = 0.98
LOOK = 2.0           # s between two looks at who is well
CALM = 25            # s of being well before the next fault: what damping remembers of the last is then little
LIMIT = 420          # s for coming back: what was degraded leaves that after 5 minutes below half


class Quiet(Cell):
    settings = faults.TIMERS


class Told:
    """What wgbfd at a node has said since a moment: the last verdict that is not up, or the cause known better since."""

    def __init__(self, node):
        text = node.run([daemons.WGBFD, "events", "--json"]).stdout
        self._events = [event for event in map(json.loads, text.splitlines()) if event["event"] in ("verdict", "cause")]

    def cause(self, name, since):
        found = [event for event in self._events if event["adjacency"] == name and _moment(event) >= since and event["to"] != "up"]
        return found[-1]["cause"] if found else None

    def story(self, name, since):
        return "; ".join(f"{_moment(event) - since:.1f} s {event['to']} {event['cause'] or ''}" for event in self._events
                         if event["adjacency"] == name and _moment(event) >= since)


def _moment(event):
    return datetime.fromisoformat(event["at"].replace("Z", "+00:00")).timestamp()


class Series:
    """Every path takes the next fault when it has been well for a while; `found` is [(fault, end, cause, story)]."""

    def __init__(self, paths, wanted, chance):
        self._chance, self._wanted, self.found, self.stuck = chance, wanted, [], []
        self._agenda, self._order = [], 0
        self._idle = {faults.Path(paths, number, cell): [time.monotonic(), 0.0] for number, cell in paths.cells}  # since; well since
        self._nodes = [paths.near, *{path.far for path in self._idle if path.cell.far == "wgbfd"}]

    def run(self):
        self._later(0, self._look)
        while self._agenda:
            at, _, act = heapq.heappop(self._agenda)
            time.sleep(max(0, at - time.monotonic()))
            act()

    def _later(self, seconds, act):
        self._order += 1
        heapq.heappush(self._agenda, (time.monotonic() + seconds, self._order, act))

    def _look(self):
        near, *far = [{row["name"]: row["state"] for row in daemons.status(node)["adjacencies"]} for node in self._nodes]
        now = time.monotonic()
        for path, times in list(self._idle.items()):
            well = near.get(path.cell.name) == "up" and (path.cell.far != "wgbfd" or far[0].get(path.cell.name) == "up")
            times[1] = (times[1] or now) if well else 0.0
            fault = self._next(path) if well and now - times[1] >= CALM else None
            if fault:
                del self._idle[path]
                self._later(self._chance.uniform(0, LOOK), lambda path=path, fault=fault: self._inject(path, fault))
            elif not well and now - times[0] > LIMIT:
                self.stuck.append(f"{path.cell.name}: {near.get(path.cell.name)} and {[one.get(path.cell.name) for one in far]}")
                del self._idle[path]
        if self._wanted:
            if not self._idle and not self._agenda:
                self.stuck.append(f"{len(self._wanted)} faults with no path left")
            else:
                self._later(LOOK, self._look)

    def _next(self, path):
        fault = next((one for one in self._wanted if one.far_end == path.cell.far), None)
        if fault:
            self._wanted.remove(fault)
        return fault

    def _inject(self, path, fault):
        since = time.time()
        fault.act(path)
        self._later(fault.lasts, lambda: self._judge(path, fault, since))

    def _judge(self, path, fault, since):
        for end in ("near", "far") if path.cell.far == "wgbfd" else ("near",):
            told = Told(path.node(end))
            self.found.append((fault, end, told.cause(path.cell.name, since), told.story(path.cell.name, since)))
        fault.mend(path)
        self._idle[path] = [time.monotonic(), 0.0]


def tell(report, found):
    """The table of confusions: what was injected, what was named, how often; what is wrong is marked."""
    table, right, count = {}, Counter(), Counter()
    for fault, end, cause, story in found:
        good = cause in getattr(fault, end)
        pair = "two at once" if " + " in fault.name else fault.name
        right[pair] += good
        count[pair] += 1
        table.setdefault((pair, end), Counter())[f"{cause or 'nothing'}{'' if good else ' (WRONG)'}"] += 1
        if not good:
            report.tell(f"wrong at the {end} end: {fault.name}: named {cause}, right: {getattr(fault, end)} ({story})")
    width = max(len(name) for name, _ in table)
    print(f"\n{'injected':<{width}}  end   named")
    for (name, end), causes in sorted(table.items()):
        print(f"{name:<{width}}  {end:<5} " + ", ".join(f"{cause} {times}" for cause, times in causes.most_common()))
    print()
    return right, count


def main():
    report, chance = Report(), random.Random(SEED)
    singles = faults.every_fault()
    # The slow ones first, so that nothing waits for them at the end.
    pairs = [faults.both_at_once(chance, singles) for _ in range(PAIRS)]
    wanted = [fault for fault in [*singles, *([faults.stale()] if FULL else [])] for _ in range(RUNS)] + pairs
    chance.shuffle(wanted)
    wanted.sort(key=lambda fault: -fault.lasts)
    paths = Paths([Quiet(f"p{number:02}", delay=(faults.BASE,) * 2) for number in range(1, PATHS + 1)]
                  + [Quiet("bird", delay=(faults.BASE,) * 2, far="none")])
    try:
        paths.start()
        os.nice(19)
        report.tell(f"{len(wanted)} faults, {len(singles) + FULL} kinds and {PAIRS} times two at once; seed {SEED}")
        series = Series(paths, wanted, chance)
        series.run()
        right, count = tell(report, series.found)
        report.check(not series.stuck, f"every path came back after each fault: {series.stuck}")
        report.check(sum(right.values()) >= RIGHT * sum(count.values()),
                     f"the named cause is right in {sum(right.values())} of {sum(count.values())} ({RIGHT:.0%} wanted)")
        for name in count:
            least = max(1, math.floor(0.9 * count[name]))  # of two judgements, one
            report.check(right[name] >= least, f"{name}: right in {right[name]} of {count[name]}")
        report.tell(f"{time.monotonic():.0f} s of virtual time, {busy():.0f} s of the processor: {busiest()}")
    finally:
        paths.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
