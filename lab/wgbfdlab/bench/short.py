"""The mode for CI: two minutes, five alternating rounds, judged by ratios alone. A machine that is busy makes an engine
dearer in some rounds, never cheaper in all; so what is judged is the best round for us."""
import time

from . import report
from .cells import Cell, Wish
from .field import Field

ROUNDS = 5
SECONDS = 1.5
LIMIT = 110  # seconds; no round begins later: where nothing gets to run, there are fewer of them
# sessions, interval and, for each other engine, what its cost over ours must reach in the best round.
CELLS = ((100, 50, {"bird": 0.5, "bfdd": 1.5}), (1000, 50, {"bird": 0.7}))


def run(tools, progress):
    """Exit status. Prints a line for each bound, and the table."""
    begun = time.monotonic()
    tools.check(["wgbfd", "bird", "bfdd"])
    results, failed = [], 0
    for sessions, interval, bounds in CELLS:
        with Field(sessions) as field:
            measured = {engine: [] for engine in ("wgbfd", *bounds)}
            for number in range(ROUNDS):
                if number > 0 and time.monotonic() - begun > LIMIT:
                    progress(f"no time for more than {number} rounds")
                    break
                for engine, its in measured.items():
                    wish = Wish(engine, sessions, interval, seconds=SECONDS, up_limit=10)
                    its.append(Cell(field, wish, tools, settle=0.5).run())
                progress(f"{sessions} × {interval} ms, round {number + 1}, {time.monotonic() - begun:.0f} s")
        results += [result for its in measured.values() for result in its]
        for engine, bound in bounds.items():
            good, words = judge(measured, engine, bound)
            print(f"{'ok' if good else 'FAIL'} - {sessions} × {interval} ms: {words}", flush=True)
            failed += not good
    print(report.table(results))
    return int(failed > 0)


def judge(measured, engine, bound):
    """(holds, in words): when our best round reaches the bound, or when there is nothing to compare with."""
    found = report.ratios(measured["wgbfd"], measured[engine])
    if not any(result.held for result in measured["wgbfd"]):
        return False, "wgbfd's sessions did not come up in any round"
    if not found:
        return True, f"{engine}'s sessions came up in no round with ours, so there is no ratio"
    return max(found) >= bound, (f"{engine} costs {report.spread(found, '{:.2f}')} times our CPU per packet; "
                                 f"the best round must reach {bound}")
