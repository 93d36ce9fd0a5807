#!/usr/bin/python3
# lab/vm: --timeout 1500
"""What wgbfd measures of a path against what netem did to it, over in-kernel WireGuard, on the virtual clock: round trip, loss each way
and jitter, by STAMP between two wgbfd; by STAMP against reflectors written from the RFC alone (reflector.py, stateful and stateless);
by ICMP echo against a peer that runs neither. Each cell is a tunnel with an underlay of its own; all are measured side by side, five
minutes. WGBFD_FULL=1: then every loss ratio in every direction, ten minutes, of which no jitter is judged: with 24 tunnels the guest's one
processor, which has both ends' packets to encrypt beside all else, holds one packet in twenty up for longer than what is to be measured."""
import json
import math
import os
import statistics
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from qualitylab.paths import Cell, Paths  # noqa: E402  pylint: disable=wrong-import-position
from timelab import daemons  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, busiest, busy  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
WARM_UP = 20
LOOKS, LOOKS_APART = 3, 5  # s
# Netem's losses on this clock spread wider than a binomial's, by two or so, and thirty ratios are judged: eight deviations are what fails,
# 99 % is told.
Z99, FAR = 2.576, 8.0


def varied():
    return [Cell("plain", delay=(10, 10)), Cell("skewed", delay=(40, 5)), Cell("jitter", delay=(30, 10), jitter=(3, 0)),
            Cell("jitterback", delay=(10, 30), jitter=(0, 2)), Cell("fwd10", delay=(10, 10), loss=(10, 0)),
            Cell("back10", delay=(10, 10), loss=(0, 10)), Cell("rfc", delay=(10, 10), loss=(5, 0), far="stateful"),
            Cell("light", delay=(10, 10), loss=(5, 0), far="stateless"), Cell("echo", delay=(15, 15), loss=(1, 0), far="none")]


def lossy():
    return [Cell(f"f{name}b{other}", delay=(20, 20), loss=(float(forward), float(backward)))
            for name, forward in RATIOS.items() for other, backward in RATIOS.items() if (name, other) != ("0", "0")]


RATIOS = {"0": 0, "01": 0.1, "1": 1, "5": 5, "20": 20}


class Ratios:
    """Measured ratios against the truth; how many are outside the binomial 99 % interval is told."""

    def __init__(self, report):
        self.report, self.count, self.outside = report, 0, 0

    def check(self, what, measured, truth, count):
        if measured is None:
            self.report.check(False, f"{what}: told")
            return
        deviation = math.sqrt(truth * (1 - truth) / count)
        off = max(abs(measured - truth) - 0.5 / count, 0)
        self.count += truth > 0
        self.outside += off > Z99 * deviation
        self.report.check(off <= FAR * deviation, f"{what} {measured:.3%} of {count:.0f}, netem's {truth:.3%} +- {Z99 * deviation:.3%} (99 %)"
                          + ("" if off <= Z99 * deviation else " OUTSIDE"))

    def close(self):
        print(f"{self.outside} of {self.count} ratios outside their binomial 99 % interval")


def check_rtt(cell, figures, report):
    truth = 1000 * sum(cell.delay)  # and some 150 us of WireGuard and two kernels
    if any(cell.jitter):
        return
    off = abs(figures["rtt_us"]["median"] - truth)
    report.check(off <= truth / 100 + 50, f"{cell}: median round trip {figures['rtt_us']['median']} us, netem's {truth} (within 1 % + 50 us), "
                 f"min {figures['rtt_us']['min']}, p95 {figures['rtt_us']['p95']}")


def check_loss(cell, figures, ratios):
    there, back = cell.loss[0] / 100, cell.loss[1] / 100
    loss, count = figures["loss"], figures["probes"]
    ratios.check(f"{cell}: loss of the round trip", loss["round_trip"], 1 - (1 - there) * (1 - back), count)
    if cell.far in ("stateless", "none"):
        ratios.report.check(loss["forward"] is None and loss["backward"] is None, f"{cell}: no loss each way is told ({loss})")
        return
    ratios.check(f"{cell}: loss forward", loss["forward"], there, count)
    ratios.check(f"{cell}: loss backward", loss["backward"], back, count * (1 - there))


def jitters(looks, cell, key):
    """The middle one of several looks: RFC 3550's jitter knows the last dozens of packets, and to be asked may itself hold one of them up."""
    found = [quality["lasting"][key] for rows in looks if (quality := rows.get(cell.name, {}).get("quality"))]
    return None if None in found else statistics.median_low(found)


def check_jitter(cell, looks, report, paths):
    """netem's `delay D J` is uniform in D-J ... D+J: two of them differ by 2J/3 in the mean, RFC 3550's |D|. Where it varies nothing, what is
    measured is this guest's: one processor that has every path's packets to encrypt, the more the more paths there are."""
    own = 50 + 5 * paths
    for key, spread in (("jitter_forward_us", cell.jitter[0]), ("jitter_backward_us", cell.jitter[1])):
        truth, measured = 2000 * spread / 3, jitters(looks, cell, key)
        if measured is not None:
            report.check(abs(measured - truth) <= (truth / 10 + 50 if truth else own), f"{cell}: {key} {measured}, netem's {truth:.0f} "
                         + ("(within 10 % + 50 us)" if truth else f"(the guest's own, at most {own})"))


def measure(cells, seconds, report, ratios, judge_jitter):
    paths = Paths(cells)
    try:
        paths.start()
        os.setpriority(os.PRIO_PROCESS, 0, 19)
        time.sleep(WARM_UP + seconds)  # virtual: what it takes to measure so long
        looks = []
        for _ in range(LOOKS):
            time.sleep(LOOKS_APART)
            looks.append({row["name"]: row for row in daemons.status(paths.near)["adjacencies"]})
        rows = looks[-1]
        Path(f"/run/out/status-{len(cells)}.json").write_text(json.dumps(daemons.status(paths.near), indent=1), encoding="utf-8")
        for cell in cells:
            row = rows.get(cell.name, {})
            quality = row.get("quality")
            wanted = "icmp" if cell.far == "none" else "stamp"
            if not quality:
                report.check(False, f"{cell}: measured ({row.get('state')}, {row.get('measuring')})")
                continue
            report.check(quality["method"] == wanted, f"{cell}: measured by {quality['method']}")
            figures = quality["lasting"]
            report.check(figures["probes"] >= 2000, f"{cell}: {figures['probes']} probes in {quality['measured_s']} s")
            check_rtt(cell, figures, report)
            check_loss(cell, figures, ratios)
            if judge_jitter:
                check_jitter(cell, looks, report, len(cells))
        report.tell(f"{busy():.0f} s of the processor since the boot: {busiest()}")
        report.tell(f"probe loop: {daemons.status(paths.near)['probe_loop']}")
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
        paths.stop()


def main():
    report = Report()
    ratios = Ratios(report)
    measure(varied(), 300, report, ratios, judge_jitter=True)
    if FULL:
        measure(lossy(), 600, report, ratios, judge_jitter=False)
    ratios.close()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
