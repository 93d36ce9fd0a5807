#!/usr/bin/python3
# lab/vm: --timeout 1500
# tests/run: with --full alone
"""Loss of 10 % in one direction, a hundred times over in-kernel WireGuard on the virtual clock: does each end say which way it is? Twenty
tunnels with an underlay each; five rounds, in each of which netem loses on the way there or on the way back, as chance has it. Both ends'
figures of the last ten seconds are asked."""
import os
import random
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from qualitylab.paths import Cell, Paths  # noqa: E402  pylint: disable=wrong-import-position
from timelab import daemons  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, busiest, busy  # noqa: E402  pylint: disable=wrong-import-position

PATHS, ROUNDS = 20, 5
LOSS = 10            # %
RECENT = 12.5        # s: the ten of which the figures tell, and the two that they are old
CALM = 16            # s until nothing of a loss that is over is in them
DELAY = 10           # ms each way
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else int.from_bytes(os.urandom(4), "big")


def impair(paths, ways):
    """ways: {tunnel: 0 (what the near end sends), 1 (what comes back), or None}."""
    for end, node in enumerate((paths.near, paths.nodes["wgbfd"])):
        lines = "".join(f"qdisc change dev u{number} root netem delay {DELAY}ms limit 10000 loss {LOSS if ways[cell.name] == end else 0}%\n"
                        for number, cell in paths.cells)
        node.run(["tc", "-batch", "-"], text=lines)


def losses(node):
    """{tunnel: (forward, backward)} of the last ten seconds, as that end sees it."""
    return {row["name"]: (row["quality"]["loss"]["forward"], row["quality"]["loss"]["backward"])
            for row in daemons.status(node)["adjacencies"] if row["quality"]}


def one_round(paths, chance, report, found):
    ways = {cell.name: chance.randrange(2) for _, cell in paths.cells}
    impair(paths, ways)
    time.sleep(RECENT)
    for end, node in enumerate((paths.near, paths.nodes["wgbfd"])):
        seen = losses(node)
        for name, way in ways.items():
            there, back = seen.get(name, (None, None))
            mine, other = (there, back) if way == end else (back, there)  # the near end's way there is the far end's way back
            right = mine is not None and mine > 0 and other == 0
            found.append(right)
            if not right:
                report.tell(f"{name} at the {('near', 'far')[end]} end, lost on the way {('there', 'back')[way]} as the near end sees it: {seen.get(name)}")
    impair(paths, dict.fromkeys(ways))
    time.sleep(CALM)
    return [(name, loss) for node in (paths.near, paths.nodes["wgbfd"]) for name, loss in losses(node).items() if loss != (0, 0)]


def main():
    report, chance, found = Report(), random.Random(SEED), []
    paths = Paths([Cell(f"p{number:02}", delay=(DELAY, DELAY)) for number in range(1, PATHS + 1)])
    try:
        paths.start()
        os.nice(19)
        time.sleep(20)
        report.tell(f"seed {SEED}")
        still = [one for _ in range(ROUNDS) for one in one_round(paths, chance, report, found)]
        report.check(len(found) == 2 * PATHS * ROUNDS and all(found), f"{LOSS} % lost one way, {PATHS * ROUNDS} times: both ends name the right way in "
                     f"{sum(found)} of {len(found)}")
        report.check(not still, f"without loss none is told, at either end {still or ''}".rstrip())
        report.tell(f"{time.monotonic():.0f} s of virtual time, {busy():.0f} s of the processor: {busiest()}")
    finally:
        paths.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
