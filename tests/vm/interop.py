#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 1500
"""Interoperation over in-kernel WireGuard, on the virtual clock: wgbfd against stock bfdd, BIRD and itself, every cell side by
side in one boot. First all sessions hold still and no Down may be counted at either end; then timers change while they run, at
our end and at the other, with the poll sequence read off the wire; then sessions are stopped on purpose and BGP is watched at
both ends. There is one virtual processor, so whatever sends BFD runs at a real-time priority. WGBFD_FULL=1: all cells for 60 s,
else some for 20 s."""
import os
import shutil
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from interoplab import admin, change, engines, table  # noqa: E402  pylint: disable=wrong-import-position
from interoplab.cells import all_cells  # noqa: E402  pylint: disable=wrong-import-position
from interoplab.net import Net  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import busiest, busy  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.topology import LabError  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
HELD = 60 if FULL else 20  # seconds


class Lab:
    """The network, all daemons in it, and the cells they serve."""

    def __init__(self, cells):
        self.cells = cells
        self.net = Net(cells, admin.PEERINGS)
        nodes, public = self.net.nodes, self.net.public
        of = {engine: [cell for cell in cells if cell.engine == engine] for engine in ("bfdd", "bird", "wgbfd")}
        self.us = engines.Wgbfd(nodes["us"], cells, public, admin.wgbfd_extra("us", public))
        self.far = {"bfdd": engines.Bfdd(nodes["frr"], of["bfdd"]),
                    "bird": engines.Bird(nodes["bird"], of["bird"], admin.bird_bfd_interface(), admin.bird_bgp()),
                    "wgbfd": engines.Wgbfd(nodes["two"], of["wgbfd"], public, admin.wgbfd_extra("two", public))}
        self.ends = {"ours": admin.our_frr(nodes["us"]), "stock": admin.far_frr(nodes["frr"], self.far["bfdd"].text()),
                     "second": admin.second_frr(nodes["two"]), "bird": self.far["bird"], "near": self.us,
                     "far": self.far["wgbfd"]}

    def start(self):
        frrs = [self.ends[name] for name in ("ours", "stock", "second")]
        for daemon in ("zebra", "bfdd"):
            ready([frr.start(daemon) for frr in frrs])
        ready([self.far["bird"].start()])
        self.us.start()
        self.far["wgbfd"].start()
        ready([frr.start("bgpd") for frr in frrs])

    def facts(self):
        """{name: (our end's, the far end's)}; None for what an end does not know."""
        ours, theirs = self.us.facts(), {}
        for engine in self.far.values():
            theirs.update(engine.facts())
        return {cell.name: (ours.get(cell.name), theirs.get(cell.name)) for cell in self.cells}

    def not_up(self):
        return [name for name, ends in self.facts().items() if not all(end and end.up for end in ends)]


def ready(processes):
    """Daemons that go to the background when they can serve."""
    for process in processes:
        if process.wait(timeout=60) != 0:
            raise LabError(f"{' '.join(process.args)} ends with status {process.returncode}")


def say(text):
    """With the moment, and how much of it the one processor worked."""
    print(f"[{time.monotonic():.0f} s, {busy():.0f} s busy] {text}", flush=True)


def wait(waits, limit, what, report):
    """Until `waits()` is empty; its last answer fails the test."""
    end = time.monotonic() + limit
    while left := waits():
        if time.monotonic() > end:
            report.check(False, f"{what} within {limit} s: {left}")
            return False
        time.sleep(0.5)
    return True


def main():
    os.nice(10)  # what asks and starts goes behind WireGuard's workers, of which the packets depend
    report = table.Report()
    cells, cannot = all_cells(FULL)
    lab = Lab(cells)
    try:
        say(f"{len(lab.net.nodes)} nodes and their tunnels stand")
        lab.start()
        say("all daemons run")
        wait(lab.not_up, 60, "every session is Up at both ends", report)
        maintenance = admin.Maintenance(lab.ends, report)
        wait(maintenance.waits, 60, "BGP and its BFD are up", report)
        say("all is up")
        time.sleep(3)
        table.hold(lab, cannot, HELD, report)
        report.tell(f"most of the processor took {busiest()}")
        say("now timers change")
        change.all_changes(lab, FULL, report)
        say("now sessions are stopped on purpose")
        maintenance.run(lambda: wait(maintenance.waits, 60, "BGP and its BFD are back", report))
    finally:
        keep_logs(lab)
        lab.net.stop()
    say("end")
    print(f"{report.passed} passed, {report.failed} failed")
    return int(report.failed > 0)


def keep_logs(lab):
    for name, node in lab.net.nodes.items():
        shutil.copytree(node.directory, Path("/run/out") / name, ignore=shutil.ignore_patterns("*.sock"), dirs_exist_ok=True)


if __name__ == "__main__":
    sys.exit(main())
