#!/usr/bin/python3
# lab/vm: --mem 2048 --timeout 14000 --add {build}/tests/flood:tree/build/tests/flood --add {build}/tests/bare_loop:tree/build/tests/bare_loop
# tests/run: with --full alone
"""What lab/bench measures, on the virtual clock: processor time is a count of instructions (2 ns each) there, so that the ratios between
wgbfd, bfdd, BIRD and a bare loop are exact, whatever else the host does. One virtual processor serves both ends; the far end is wgbfd,
whatever the near one is (the bare loop's, which has no sessions, a bare loop). With arguments, those of lab/bench: that, and no verdict. Without: cells of many sizes, with and without
load, and floods at UDP 3784. Judged are false Downs of wgbfd where both ends got to run (by what others count, report.starved()), its cost against BIRD's where the processor was not
full, and that a flood is nothing to the sessions it does not name. WGBFD_FULL=1: 60 s a cell, under load too; else some sizes for 5 s."""
import json
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from wgbfdlab.bench import command, report  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.bench.cells import Cell, Wish  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.bench.engines import Tools  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.bench.field import Field  # noqa: E402  pylint: disable=wrong-import-position

from guest.report import Report  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import busy  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
SECONDS = 60 if FULL else 5
ENGINES = ("wgbfd", "bird", "bfdd", "bare")
SIZES = {10: (10, 50, 300), 100: (10, 50, 300), 400: (50, 300), 1000: (50, 300), 2000: (300,), 4000: (300,)} if FULL else {
    10: (50,), 100: (50,), 400: (50,), 1000: (50, 300)}
LOADED = ((100, 50),) if FULL else ()
FLOODED = (10, 50)
BARE_SECONDS = 10      # it has nothing to lose
BFDD_RATE = 1000       # sessions a second of interval: with more, bfdd's packets alone are more than this processor's time
FULL_PROCESSOR = 0.97  # busy
BIRD_OVER_OURS = 2.0   # from this many packets/s on; below, both mostly wake up
COUNTS_FROM = 2000


def wishes():
    """In the order of the fields they need: [(sessions, [Wish, …]), …]."""
    for sessions, intervals in SIZES.items():
        cells = [Wish(engine, sessions, interval, far="bare" if engine == "bare" else "wgbfd",
                      seconds=min(SECONDS, BARE_SECONDS) if engine == "bare" else SECONDS) for interval in intervals for engine in ENGINES
                 if engine != "bfdd" or sessions * 1000 / interval <= BFDD_RATE]
        cells += [Wish(engine, sessions, interval, stress, realtime, "wgbfd", seconds=SECONDS)
                  for interval in intervals if (sessions, interval) in LOADED for stress in ("busy", "fifo") for realtime in (False, True)
                  for engine in ENGINES[:3] if engine != "bfdd" or sessions * 1000 / interval <= BFDD_RATE]
        cells += [Wish("wgbfd", sessions, interval, stress, far="wgbfd", seconds=SECONDS) for interval in intervals
                  if (sessions, interval) == FLOODED for stress in ("flood", "flood-valid", "flood-spoofed")]
        yield sessions, cells


def measure(tools):
    results = []
    for sessions, cells in wishes():
        with Field(sessions) as field:
            for wish in cells:
                results.append(Cell(field, wish, tools).run())
                print(f"{command.in_short(results[-1])}, {results[-1].machine_busy:.0%} busy", flush=True)
    return results


def is_full(result):
    return result.machine_busy > FULL_PROCESSOR


def judge_flood(where, ours, verdicts):
    """In a peer's own name, whole packets are the peer's word: it is that session which they may take down, and no other."""
    own = int(ours.wish.stress == "flood-spoofed")
    good = ours.near.fallen <= own and ours.far.fallen <= own and (own or ours.near.dropped)
    verdicts.check(good, f"{where}: {ours.flood_per_s:,.0f}/s arrive, and no other session falls "
                   f"({ours.near.fallen} and {ours.far.fallen} of {ours.wish.sessions} fell; refused: {ours.near.dropped or 'none'}, "
                   f"of the kernel's {ours.near.buffer_errors:,} for want of room)")


def judge(results, verdicts):
    for key, engines in report.by_cell(results).items():
        where, ours = report.title(key), engines["wgbfd"][0]
        if ours.held and ours.flood_per_s:
            judge_flood(where, ours, verdicts)
            continue
        starved = [words for name, end in (("near", "near"), ("far", "far")) if (words := report.starved(name, end, [ours]))]
        if not ours.held or is_full(ours) or starved:
            verdicts.tell(f"{where}: not judged ({'; '.join(starved) or 'the processor is full'}; Downs {report.downs([ours])})")
            continue
        verdicts.check(ours.downs == 0, f"{where}: no false Down at either end in {ours.seconds:.0f} s ({ours.near.downs} and {ours.far.downs})")
        for bird in engines.get("bird", []):
            if ours.wish.stress == "idle" and ours.packets / ours.seconds >= COUNTS_FROM and bird.held:
                ratio = bird.per_packet_us / ours.per_packet_us
                words = f"{where}: a packet costs BIRD {ratio:.2f} times as much as wgbfd"
                if is_full(bird):  # then it batches, and its packets get cheaper
                    verdicts.tell(f"{words}; not judged: with BIRD the processor is full")
                else:
                    verdicts.check(ratio >= BIRD_OVER_OURS, f"{words} (>= {BIRD_OVER_OURS})")


def main():
    if len(sys.argv) > 1:
        return command.main(sys.argv[1:])
    verdicts = Report()
    results = measure(Tools(Path(os.environ.get("WGBFD_BUILD", "build")).resolve()))
    print(f"\n{report.table(results)}\n{report.refused(results)}", flush=True)
    Path("/run/out/result.json").write_text(json.dumps([result.as_data() for result in results], indent=1) + "\n", encoding="utf-8")
    judge(results, verdicts)
    verdicts.tell(f"{time.monotonic():.0f} s of virtual time, {busy():.0f} s of the processor")
    return verdicts.close()


if __name__ == "__main__":
    sys.exit(main())
