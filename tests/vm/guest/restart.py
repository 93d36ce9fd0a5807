"""`wgbfd restart` and kill -9 of the worker beside FRR: read off the wire, how long nothing goes out; and what the sessions and BGP make of it."""
import os
import time

from interoplab.admin import PEERINGS
from interoplab.wire import inside

from .bfd import Capture
from .report import wait

# No packet for so long at most, by interval: detection takes three of them less what peers' jitter leaves.
QUIET_MS = {50: {"restart": 100, "kill -9": 130}, 10: {"restart": 28}}
INTERFACE = PEERINGS[3].interface


def takes_over(ends, report, how, count):
    """`how`: "restart" or "kill -9". No session falls, no BGP session either, at either end."""
    print(f"\n{how:<22} {'it has started':>14} {'no packet for':>14}  BGP dropped: " + ", ".join(ends.title(one) for one in PEERINGS))
    far, ours, workers = ends.far_row(), _discriminators(ends), ends.near.status()["worker_restarts"]
    told, quiet, dropped, failed = ends.bfdd_told(), [], 0, []
    for number in range(count):
        capture = Capture(inside(ends.ours.node), INTERFACE)
        time.sleep(0.3)
        begun = ends.mark()
        if how == "restart":
            failed += ends.restart()
        else:
            os.kill(ends.pids()[1], 9)
        time.sleep(0.7)  # one processor for all: each look is a process that takes it from the worker that starts
        sent = [at for at, mine, _, _ in capture.take() if mine]
        capture.close()
        quiet.append(max(b - a for a, b in zip(sent, sent[1:])) * 1000)
        started = (ends.started(begun) - begun) * 1000
        wait(lambda: ends.near.status().get("worker_restarts") == workers + number + 1, 20, 0.05)
        time.sleep(1 if how == "restart" else 4)  # the guardian gives up on one that never lives for four seconds
        drops = [", ".join(f"+{at - begun:.3f} s" for at, _ in ends.drops(one, begun)[0] + ends.drops(one, begun)[1]) or "kept" for one in PEERINGS]
        dropped += sum(one != "kept" for one in drops)
        print(f"{number + 1:<22} {started:>11.1f} ms {quiet[-1]:>11.1f} ms  {', '.join(drops)}", flush=True)
    quiet.sort()
    limit = QUIET_MS[ends.interval_ms][how]
    after = ends.far_row()
    title = f"{how}{' of the worker' if how != 'restart' else ''}, {count} times"
    report.check(not failed, f"{title}: every one succeeds {failed[:1] if failed else ''}".rstrip())
    report.check(quiet[-1] <= limit, f"{title}: no packet went out for {quiet[len(quiet) // 2]:.1f} ms in the median, {quiet[-1]:.1f} ms at worst "
                 f"(<= {limit} ms; {ends.interval_ms} ms is the interval)")
    report.check(not dropped, f"{title}: all four BGP sessions stay Established at both ends")
    report.check(after["downs"] == far["downs"] and after["ups"] == far["ups"], f"{title}: the far wgbfd counts no Down ({after['downs'] - far['downs']})")
    report.check(_discriminators(ends) == ours, f"{title}: the same discriminators, ours and theirs, and no Down counted at our end")
    report.check(ends.bfdd_told() == told, f"{title}: bfdd was told nothing {'' if ends.bfdd_told() == told else (told, ends.bfdd_told())}".rstrip())


def _discriminators(ends):
    keys = ("local_discriminator", "remote_discriminator", "ups", "downs")
    return {name: [row["bfd"][key] for key in keys] for name, row in ends.near.rows().items() if row["bfd"]}
