#!/usr/bin/python3
# lab/vm: --timeout 900
"""Our own stall: wgbfd is stopped (SIGSTOP) for twice the detection time and goes on (SIGCONT), its worker alone and both its processes,
with wgbfd and with BIRD as peers. Their packets lie in its socket when it wakes, so it may take no peer Down. Half of the sessions
have a peer that waits for longer than any stall: a Down at either end of these is our own false one. The others have a peer that is right
to say Down, as it heard nothing: that is told apart, and ours must follow its word, not the clock. At 50 ms x 3.
Then its guardian watches: a worker that an operator has stopped is left alone, one whose control thread hangs is replaced.
WGBFD_FULL=1: at 10 and 300 ms x 3 too, ten times."""
import json
import os
import signal
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from wgbfdlab.network import wait_until  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.nodes import children  # noqa: E402  pylint: disable=wrong-import-position

from timelab import daemons  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, busiest, busy  # noqa: E402  pylint: disable=wrong-import-position
from timelab.tunnels import Tunnel, Tunnels  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
PEERS = ("wgbfd", "bird")
PATIENT = {10: 255, 50: 51, 300: 10} if FULL else {50: 51}  # our own multiplier, by which they judge us: 2.5 s and more
STRICT = 100  # tunnels from this number on have a peer of the usual patience
STALLS = [(interval, both) for interval in PATIENT for both in (False, True)] * 10 if FULL else [(50, False), (50, True)]
HANG = 16      # seconds; the guardian waits for ten
NO_QUALITY = '[quality]\nmethod = "off"'


def tunnels():
    return [Tunnel(peer, number, interval, first + place) for number, peer in enumerate(PEERS, 1) for first in (0, STRICT)
            for place, interval in enumerate(PATIENT, 1)]


def is_strict(tunnel):
    return tunnel.number > STRICT


class Ours:
    """The wgbfd that is stopped: at the far end of every tunnel."""

    def __init__(self, net):
        self.net, self.node = net, net.nodes["far"]
        patience = lambda one: daemons.MULTIPLIER if is_strict(one) else PATIENT[one.interval]  # noqa: E731
        started = daemons.wgbfd(net, "far", realtime=True, extra=NO_QUALITY, multiplier=patience)
        wait_until(lambda: any(children(pid) for pid in children(started.pid)), 10, lambda: "the worker runs", pause=0.2)
        self.guardian, = children(started.pid)  # nsenter's child

    @property
    def worker(self):
        return children(self.guardian)[0]

    def rows(self):
        return {row["name"]: row["bfd"] for row in daemons.status(self.node)["adjacencies"]}

    def events(self):
        return [json.loads(line) for line in self.node.run([daemons.WGBFD, "events", "--json"]).stdout.splitlines()]

    def settle(self):
        def waits():
            return [name for name, bfd in self.rows().items() if not bfd or bfd["state"] != "Up"]
        wait_until(lambda: self.rows() and not waits(), 30, lambda: f"every session Up: {waits()}", pause=0.5)
        time.sleep(1.2)  # the fast interval is agreed on, and came to the peers

    def stop_for(self, seconds, both):
        pids = [self.guardian, self.worker] if both else [self.worker]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def counters(net, ours):
    """{tunnel: (Downs of ours, Downs of the peer)}; BIRD's are told by its log."""
    mine = ours.rows()
    theirs = {row["name"]: row["bfd"]["downs"] for row in daemons.status(net.nodes["wgbfd"])["adjacencies"]}
    log = (net.nodes["bird"].logs / "bird.log").read_text()
    return {one: (mine[one.interface]["downs"], theirs[one.interface] if one.near == "wgbfd" else
                  log.count(f"Session to {one.address(True)} changed state from Up to Down")) for one in net.tunnels}


def stall(net, ours, report, interval, both):
    ours.settle()
    before, seconds, told = counters(net, ours), 2 * daemons.MULTIPLIER * interval / 1000, len(ours.events())
    ours.stop_for(seconds, both)
    time.sleep(0.5)
    after = counters(net, ours)
    fell = {one: tuple(new - old for new, old in zip(after[one], before[one])) for one in net.tunnels}
    what = f"{'guardian and worker' if both else 'the worker'} stopped for {seconds * 1000:.0f} ms"
    false = {one.interface: downs for one, downs in fell.items() if not is_strict(one) and any(downs)}
    report.check(not false, f"{what}: none of {len(net.tunnels) // 2} sessions with a patient peer falls at either end {false or ''}".rstrip())
    judged = [one for one in net.tunnels if is_strict(one) and one.interval <= interval]
    report.check(all(fell[one][1] for one in judged), f"{what}: its peers of the usual patience say Down, as they heard nothing: "
                 + ", ".join(f"{one.near} at {one.interval} ms {'did' if fell[one][1] else 'did not'}" for one in judged))
    causes = sorted({event["cause"] for event in ours.events()[told:] if event.get("to") == "down"})
    report.check("detect-timeout" not in causes, f"{what}: it takes nobody Down by the clock (its own Downs: {', '.join(causes) or 'none'})")


def guarded(net, ours, report):
    """What hangs is the control thread alone: it is made to open a configuration that nobody writes, a FIFO."""
    ours.settle()
    before = ours.worker
    ours.stop_for(HANG, both=False)
    ours.settle()
    report.check(ours.worker == before, f"a worker that was stopped for {HANG} s is left alone by its guardian")
    counted, path = counters(net, ours), ours.node.directory / "wgbfd.toml"
    text = path.read_text()
    path.unlink()
    os.mkfifo(path)
    os.kill(before, signal.SIGHUP)
    time.sleep(0.5)
    path.unlink()  # the one that hangs has it open
    path.write_text(text)
    time.sleep(HANG)
    report.check(ours.worker != before and "worker_hangs" in (ours.node.logs / "wgbfd.log").read_text(),
                 "a worker whose control thread hangs is replaced by its guardian")
    ours.settle()
    after, begun = counters(net, ours), daemons.status(ours.node)["worker_restarts"]
    report.check(after == counted and begun == 1, f"and no session falls at either end {'' if after == counted else (counted, after)}".rstrip())


def main():
    report, net = Report(), Tunnels(tunnels())
    try:
        daemons.wgbfd(net, "wgbfd", realtime=True, extra=NO_QUALITY)
        daemons.bird(net, "bird", extra="debug { events };")
        ours = Ours(net)
        os.nice(19)
        for interval, both in STALLS:
            stall(net, ours, report, interval, both)
        guarded(net, ours, report)
        loop = daemons.status(ours.node)["probe_loop"]
        report.tell(f"it counted {loop['late_wakes']} late wakes, at most {loop['max_lateness_us'] / 1000:.0f} ms late; "
                    f"{time.monotonic():.0f} s of virtual time, {busy():.0f} s of the processor: {busiest()}")
    finally:
        net.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
