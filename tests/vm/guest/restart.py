"""kill -9 of the worker: how soon the next one probes, read off the wire, and what the sessions and BGP make of it."""
import os
import time

from interoplab.admin import PEERINGS
from interoplab.wire import inside

from .bfd import Capture
from .report import wait

PROBES_WITHIN_MS = 100
INTERFACE = PEERINGS[3].interface


def kill_worker(ends, report, kills, settle):
    print(f"\n{'kill -9 of the worker':<22} {'it has started':>14} {'first packet':>13}  BGP dropped: " +
          ", ".join(ends.title(one) for one in PEERINGS))
    probing, started = [], []
    for number in range(kills):
        row = ends.near.rows()[PEERINGS[3].name]["bfd"]
        capture = Capture(inside(ends.ours.node), INTERFACE)
        _, worker = ends.pids()
        begun = ends.mark()
        os.kill(worker, 9)
        time.sleep(0.5)  # one processor for all: each look is a process that takes it from the worker that starts
        wait(lambda: _up(ends), 20, 0.02)
        started.append((ends.started(begun) - begun) * 1000)
        packets = [at for at, ours, _, data in capture.take() if ours and at > begun and int.from_bytes(data[4:8], "big") != row["local_discriminator"]]
        capture.close()
        probing.append((packets[0] - begun) * 1000 if packets else float("inf"))
        time.sleep(1)
        drops = [", ".join(f"+{at - begun:.3f} s" for at, _ in ends.drops(one, begun)[0]) or "kept" for one in PEERINGS]
        print(f"{number + 1:<22} {started[-1]:>11.1f} ms {probing[-1]:>10.1f} ms  {', '.join(drops)}", flush=True)
        now = ends.near.rows()[PEERINGS[3].name]["bfd"]
        if number == 0:
            fresh = now["local_discriminator"] != row["local_discriminator"] and now["ups"] == 1
            report.check(fresh, f"sessions start afresh: another discriminator, {now['ups']} Up")
        settle(ends, report, "after that")
    probing.sort()
    report.check(probing[-1] <= PROBES_WITHIN_MS, f"kill -9 of the worker, {kills} times: the next one's first packet after {probing[0]:.1f} to "
                 f"{probing[-1]:.1f} ms (<= {PROBES_WITHIN_MS} ms); it says that it has started after {min(started):.0f} to {max(started):.0f} ms")
    count = ends.near.status()["worker_restarts"]
    report.check(count == kills, f"status counts {count} worker restarts")


def _up(ends):
    row = ends.near.rows().get(PEERINGS[3].name)
    return bool(row and row["bfd"] and row["bfd"]["state"] == "Up")
