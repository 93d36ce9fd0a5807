#!/usr/bin/python3
# lab/vm: --mem 1536 --timeout 1500
"""wgbfd's own ends, and hostile input. Our end runs FRR (`bfdd --dplaneaddr`) and wgbfd at 50 ms × 3; its BGP crosses four tunnels:
t-bgp to an end like ours, f-bgp to stock bfdd, f-deaf to a stock end whose BGP does not ask for BFD, b-bgp to BIRD. `wgbfd restart`, kill -9 of the worker, both under traffic over t-bgp, of worker and
guardian, SIGTERM at either end, kill -9 of bfdd; then bad BFD datagrams at a high rate from a peer's own address. With the argument 10ms:
`wgbfd restart` alone, everything at 10 ms × 3 and both wgbfd under `chrt -f 50`, as stock bfdd and BIRD are here anyway."""
import os
import shutil
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from guest.bgp import Ends  # noqa: E402  pylint: disable=wrong-import-position
from guest.hostile import hostile  # noqa: E402  pylint: disable=wrong-import-position
from guest.report import Report, seconds, wait  # noqa: E402  pylint: disable=wrong-import-position
from guest.restart import takes_over  # noqa: E402  pylint: disable=wrong-import-position
from guest.traffic import Traffic  # noqa: E402  pylint: disable=wrong-import-position
from interoplab.admin import PEERINGS  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
RESTARTS, KILLS, WATCHED = (100, 20, 12) if FULL else (4, 2, 6)  # of the worker; seconds, in full longer than BGP's hold time of 9
TWO = PEERINGS[3]
BFDD_ALONE = 3.0  # seconds until bfdd without a data plane takes its sessions down


def settle(ends, report, what, limit=60):
    took = wait(lambda: not ends.waits(), limit, 0.2)
    report.check(took is not None, f"{what}: all four BGP sessions Established, BFD Up {seconds(took)} later {ends.waits()}")
    time.sleep(2)


def terminate(ends, report):
    for who, wgbfd, concerned in (("the far", ends.far, (TWO,)), ("our", ends.near, PEERINGS)):
        begun = ends.mark()
        status = wgbfd.stop()
        report.check(status == 0, f"SIGTERM to {who} wgbfd: status {status} after {time.time() - begun:.3f} s")
        time.sleep(WATCHED)
        table(ends, begun, f"{who} wgbfd stopped for {WATCHED} s", concerned)
        kept(ends, report, begun, f"{who} wgbfd is stopped for {WATCHED} s")
        back = ends.mark()
        wgbfd.start()
        settle(ends, report, "it is started again")
        table(ends, back, f"{who} wgbfd started again", concerned)
        kept(ends, report, back, f"{who} wgbfd is started again")


def kept(ends, report, since, what):
    drops = ends.drops(TWO, since)
    report.check(not any(drops), f"{what}: BGP with the end that runs wgbfd stays Established at both ends {drops if any(drops) else ''}".rstrip())


def table(ends, since, what, peerings=PEERINGS):
    """When BGP was dropped, at both ends."""
    print(f"\n{what}\n{'tunnel':<8} {'far end':<26} {'BGP at our end':<44} at the far end")
    for one in peerings:
        near, far = ("; ".join(f"dropped at +{at - since:.3f} s ({why})" for at, why in drops) or "kept" for drops in ends.drops(one, since))
        print(f"{one.interface:<8} {ends.title(one):<26} {near:<44} {far}", flush=True)
    print()


def kill_both(ends, report):
    """A lost connection makes bfdd send by itself, hear nothing and drop BGP 3.02 s later. wgbfd keeps a spare one: where bfdd looks at
    the other first, it moves its sessions to the spare, silently Down, and has nothing left to tell when that is gone too. Which one
    it looks at first is its own affair: no BGP session may fall before those 3 s. The far ends notice by BFD."""
    begun = ends.mark()
    ends.kill_both()
    left, seen = {}, time.time() + WATCHED
    while time.time() < seen:
        for name, up in ends.bfdd_up().items():
            if not up and name not in left:
                left[name] = time.time() - begun
        time.sleep(0.05)
    table(ends, begun, f"kill -9 of our guardian and worker at +0, nothing for {WATCHED} s")
    print("our bfdd's sessions leave up at: " + ", ".join(f"{name} +{at:.2f} s" for name, at in sorted(left.items())))
    near, far = ends.drops(PEERINGS[0], begun)  # the one whose far end does not watch BFD: only our bfdd can end it
    fell = [at - begun for at, _ in near + far]
    report.check(all(at > BFDD_ALONE for at in fell), "kill -9 of both: our bfdd takes no BGP session down before its own timer of 3 s "
                 f"({'at ' + ', '.join(f'+{at:.2f} s' for at in fell) if fell else f'and none in {WATCHED} s'})")
    report.check(len(left) == len(PEERINGS), f"bfdd shows its sessions as down, {max(left.values(), default=0):.2f} s later at the latest")
    back = ends.mark()
    ends.near.start()
    settle(ends, report, "wgbfd is started again")
    again = [ends.drops(one, back)[0] for one in PEERINGS]
    report.check(not again[0], f"and drops none when wgbfd is back (BGP sessions dropped meanwhile: {sum(map(len, again))})")


def kill_bfdd(ends, report):
    before, begun = ends.far_row(), ends.mark()
    ends.kill_bfdd()
    time.sleep(3)
    middle = ends.far_row()
    report.check(middle["downs"] == before["downs"] and middle["state"] == "Up" and not any(ends.drops(TWO, begun)),
                 "kill -9 of our bfdd: the peer's BFD session and BGP go on for 3 s")
    again = ends.mark()
    ends.start_bfdd()
    settle(ends, report, "bfdd is started again")
    table(ends, again, "our bfdd started again after kill -9, at +0 (bgpd drops what bfdd registers Down: facts)")
    after = ends.far_row()
    same = after["downs"] == before["downs"] and after["remote_discriminator"] == before["remote_discriminator"]
    report.check(same, f"the peer never noticed: {after['downs'] - before['downs']} Downs there, our discriminator the same")
    report.check(all(ends.bfdd_up().values()) and ends.near.status()["feeds"]["frr-bfd"]["connected"], "bfdd has its sessions Up, by wgbfd")


def takeovers(ends, report, traffic, fast):
    traffic.start(report)
    takes_over(ends, report, "restart", RESTARTS)
    if not fast:
        takes_over(ends, report, "kill -9", KILLS)
    traffic.end(report, "meanwhile")


def ends_and_hostile_input(ends, report):
    settle(ends, report, "after that")
    terminate(ends, report)
    kill_both(ends, report)
    kill_bfdd(ends, report)
    hostile(ends, report, 10 if FULL else 2)


def main():
    fast = sys.argv[1:] == ["10ms"]
    report, ends = Report(), Ends(10, realtime=True) if fast else Ends()
    try:
        traffic = Traffic(ends)
        ends.start()
        settle(ends, report, "at the start")
        takeovers(ends, report, traffic, fast)
        if not fast:
            ends_and_hostile_input(ends, report)
    finally:
        for name, node in ends.net.nodes.items():
            shutil.copytree(node.directory, Path("/run/out") / name, ignore=shutil.ignore_patterns("*.sock"), dirs_exist_ok=True)
        ends.net.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
