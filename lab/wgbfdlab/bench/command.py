"""lab/bench: arguments, the cells they ask for in alternating rounds, and what is printed."""
import argparse
import json
import os
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

from ..settings import parse_duration
from ..topology import LabError
from . import draw, report, short
from .cells import Cell, End, Result, Wish
from .engines import ENGINES, Tools
from .field import Field
from .stress import STRESSES

LAB = Path(__file__).resolve().parents[2]
BFDD_SESSIONS = 1000  # its configuration takes time in the square of the sessions: minutes of CPU beyond
SIZES = "10,100,400,1000,2000,4000,10000"


def main(arguments):
    options = _parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        if options.show:
            _tell(options, _read(options.show))
            return 0
        if os.geteuid() != 0:
            raise LabError("network namespaces need root: sudo lab/bench …")
        tools = Tools(options.build.resolve())
        if options.short:
            return short.run(tools, _progress)
        tools.check(options.engines)
        _tell(options, _measure(options, tools))
        return 0
    except (LabError, OSError, subprocess.SubprocessError) as error:
        print(f"lab/bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab/bench: interrupted; everything is removed", file=sys.stderr)
        return 130


def _interrupted(_signal, _frame):
    raise KeyboardInterrupt


def _list_of(known):
    def parse(text):
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name}: of {', '.join(known)}")
        return names
    return parse


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="lab/bench", description="Runs BFD engines one after the other on one topology, in several "
                                     "rounds, and prints what each costs, what it holds, and the ratios with their spread.")
    parser.add_argument("--engines", type=_list_of(ENGINES), default=list(ENGINES), metavar="LIST",
                        help=f"of {','.join(ENGINES)} (bare: the same packets through a minimal loop)")
    parser.add_argument("--sessions", default=SIZES, metavar="LIST", help=f"{SIZES} by default")
    parser.add_argument("--interval", default="10ms,50ms,300ms", metavar="LIST")
    parser.add_argument("--stress", type=_list_of(STRESSES), default=["idle"], metavar="LIST", help=f"of {','.join(STRESSES)}")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60, help="of each cell's window, 60 by default")
    parser.add_argument("--realtime", action="store_true", help="every engine under chrt -f 50, at both ends")
    parser.add_argument("--far", choices=ENGINES, help="this engine at the far end of all")
    parser.add_argument("--far-realtime", action="store_true", help="the far end under chrt -f 50: it does not starve")
    parser.add_argument("--up-limit", type=float, default=90, metavar="SECONDS", help="for all sessions to come up, 90 by default")
    parser.add_argument("--profile", action="store_true", help="where the time goes, by perf, which makes everything dearer")
    parser.add_argument("--overshoot", action="store_true", help="then stop the far end's packets, and date the Downs by the wire")
    parser.add_argument("--build", type=Path, default=LAB.parent / "build", metavar="DIR")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write result.json, table.md and pictures there")
    parser.add_argument("--show", type=Path, nargs="+", metavar="FILE", help="measure nothing: print the table of these result.json")
    parser.add_argument("--short", action="store_true", help="CPU per packet at two sizes in five rounds, judged by ratios; two minutes")
    return parser.parse_args(arguments)


def _measure(options, tools):
    results = []
    sizes = [int(word) for word in options.sessions.split(",")]
    intervals = [parse_duration(word) // 1000 for word in options.interval.split(",")]
    for sessions in sizes:
        with Field(sessions) as field:
            for interval, stress in product(intervals, options.stress):
                for number, engine in product(range(options.rounds), options.engines):
                    if engine == "bfdd" and sessions > BFDD_SESSIONS:
                        continue
                    wish = Wish(engine, sessions, interval, stress, options.realtime, options.far, options.far_realtime,
                                options.seconds, options.up_limit, options.profile, options.overshoot)
                    results.append(Cell(field, wish, tools).run())
                    _progress(f"round {number + 1}: {in_short(results[-1])}")
                    _write(options, results)
    return results


def in_short(result):
    wish = result.wish
    words = f"{wish.engine} {wish.sessions} × {wish.interval_ms} ms {wish.stress}: "
    if not result.held:
        return words + f"{result.came_up} sessions came up within {wish.up_limit:.0f} s"
    return words + f"{result.per_packet_us:.1f} µs/packet, {result.near.cores:.3f} cores, Downs {report.downs([result])}"


def _write(options, results):
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "result.json").write_text(json.dumps([result.as_data() for result in results], indent=1) + "\n")


def _read(files):
    return [Result(**{**data, "wish": Wish(**data["wish"]), "near": End(**data["near"]), "far": End(**data["far"])})
            for file in files for data in json.loads(file.read_text())]


def _tell(options, results):
    text = "\n".join([report.table(results), report.overshoots(results) + report.refused(results) + report.profiles(results)])
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "table.md").write_text(text)
        for name, value, heading, unit in (("per-packet", lambda r: r.per_packet_us, "CPU per packet", "µs"),
                                           ("cores", lambda r: r.near.cores, "CPU of one end", "cores"),
                                           ("wake-ups", lambda r: r.wakeups_per_s, "Wake-ups", "/s")):
            (options.out / f"{name}.svg").write_text(draw.bars(results, value, heading, unit))
        _progress(f"table.md and pictures are in {options.out}")


def _progress(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)
