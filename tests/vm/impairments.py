#!/usr/bin/python3
# lab/vm: --timeout 1500
"""BFD over an underlay that gets bad and does not die, on the virtual clock: how often sessions fall under 1, 5 and 20 % random loss, for wgbfd,
stock bfdd and BIRD in the same run; endpoints that roam and NATs that change ports; handshakes forced, and blocked for 200 s. No session
may fall more often than three packets in a row are lost, none while the keys are valid, and none since an endpoint moves.
WGBFD_FULL=1: ten virtual minutes of loss, else half a minute, without bfdd, and handshakes blocked on one tunnel."""
import json
import math
import os
import sys
import time
from datetime import datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from wgbfdlab.network import STREAM_PORT, Record, ended, wait_until  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab.nodes import terminate  # noqa: E402  pylint: disable=wrong-import-position

from timelab import daemons, handshakes, roaming  # noqa: E402  pylint: disable=wrong-import-position
from timelab.netem import Netem  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, busiest, busy  # noqa: E402  pylint: disable=wrong-import-position
from timelab.tunnels import Tunnel, Tunnels  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
SECONDS = 600 if FULL else 30
LOSSES = (1, 5, 20)      # %
INTERVALS = (300, 50)    # ms, x 3
ENGINES = {"wgbfd": "wgbfd", "bird": "BIRD 2.0.12"} | ({"bfdd": "bfdd 8.4.4"} if FULL else {})
TIMES = 5 if FULL else 1
BLOCKED = 200
VALID = 180              # WireGuard's REJECT_AFTER_TIME
RETRY = 5.4 + 1.1        # its handshakes are tried every 5 s and at most 1/3 s, and BFD sends its next packet within 1 s
DELAY = "delay 20ms"     # each way, where handshakes are forced: each costs a round trip
RATE = 500 if FULL else 200  # packets/s of the stream that tells what a handshake costs
STREAM = Path(__file__).resolve().parents[2] / "lab/wgbfdlab/stream.py"


def every_tunnel():
    """Of the engines one for each loss and interval; `keys` and `roam` with one for each interval."""
    found = [Tunnel(engine, number, interval, 10 * which + loss + 1)
             for number, engine in enumerate(ENGINES, 1) for which, interval in enumerate(INTERVALS) for loss in range(len(LOSSES))]
    return found + [Tunnel(name, number, interval, 1 + which) for number, name in ((len(ENGINES) + 1, "keys"), (len(ENGINES) + 2, "roam"))
                    for which, interval in enumerate(INTERVALS)]


def loss_of(tunnel):
    return LOSSES[(tunnel.number - 1) % 10]


def rows(net, name="far"):
    return {row["name"]: row for row in daemons.status(net.nodes[name])["adjacencies"]}


def downs(net, tunnels):
    """How often these sessions have fallen so far, by the far end's count: a Down of either end takes both down."""
    found = rows(net)
    return {one: found[one.interface]["bfd"]["downs"] for one in tunnels}


def wait_up(net, tunnels, limit=60):
    """At full speed, at the far end."""
    def late():
        found = rows(net)
        return [one.interface for one in tunnels if (found.get(one.interface, {}).get("bfd") or {}).get("tx_interval_us") != one.interval * 1000
                or found[one.interface]["bfd"]["state"] != "Up"]
    wait_until(lambda: not late(), limit, lambda: f"up at their intervals: {late()}", pause=0.5)


class Losses:
    """Random loss on the engines' tunnels, each way by itself, and the kernel's counts of it."""

    def __init__(self, net, tunnels):
        self._tunnels = tunnels
        self._ways = []
        for engine in ENGINES:
            mine = [one for one in tunnels if one.near == engine]
            for node, interface in ((net.nodes[engine], "under"), (net.nodes["router"], engine)):
                self._ways.append(Netem(node, interface, [one.port for one in mine]))
                for loss in LOSSES:
                    self._ways[-1].set(f"loss {loss}%", [one.port for one in mine if loss_of(one) == loss])
        self._before = [way.counts() for way in self._ways]

    def counted(self, loss):
        """(packets, of these lost) by all tunnels with that loss since they have it."""
        ports = [one.port for one in self._tunnels if loss_of(one) == loss]
        found = [(now[port][0] - before[port][0], now[port][1] - before[port][1])
                 for way, before in zip(self._ways, self._before) if (now := way.counts()) for port in ports if port in now]
        return tuple(map(sum, zip(*found)))


def expected(tunnel, seconds):
    """Downs that three lost packets in a row make, at most (were it Up throughout): sent every 87.5 % of the interval on average
    (RFC 5880 §6.8.7), each way; the fourth comes after the detection time."""
    share = loss_of(tunnel) / 100
    return 2 * seconds * 1000 / (0.875 * tunnel.interval) * share ** 3 * (1 - share)


def at_most(mean, chance=1e-6):
    """More than that come by a Poisson distribution in one of a million runs."""
    count, term, rest = 0, math.exp(-mean), 1 - math.exp(-mean)
    while rest > chance:
        count += 1
        term *= mean / count
        rest -= term
    return count


def tell_losses(report, losses, fell, seconds):
    print(f"\nsessions that fell in {seconds:.0f} s of random loss each way, both ends together; what losing three packets in a row makes of it at most\n"
          f"{'':<12}" + "".join(f"{loss:>6} % {interval:>4} x 3" for interval in INTERVALS for loss in LOSSES))
    for engine, title in ENGINES.items():
        print(f"{title:<12}" + "".join(f"{count:>16}" for one, count in sorted(fell.items(), key=lambda item: item[0].number) if one.near == engine))
    mine = sorted((one for one in fell if one.near == "wgbfd"), key=lambda one: one.number)
    print(f"{'at most':<12}" + "".join(f"{expected(one, seconds):>16.1f}" for one in mine) + "\n")
    for loss in LOSSES:
        packets, lost = losses.counted(loss)
        # On this clock netem's losses spread twice as wide as a binomial's: 4.9 of those deviations come in one of a million runs.
        share, width = loss / 100, 2 * 4.9 * math.sqrt(packets * loss / 100 * (1 - loss / 100))
        report.check(packets > 1000 and abs(lost - packets * share) <= width, f"netem lost {loss} % of {packets:,} packets ({lost:,})")
    for one in mine:
        most = at_most(expected(one, seconds))
        report.check(fell[one] <= most, f"wgbfd at {one.interval} ms x 3 under {loss_of(one)} % loss fell {fell[one]} times ({expected(one, seconds):.1f} "
                     f"expected at most, {most} by bad luck)")
    worst = sum(count for one, count in fell.items() if loss_of(one) == LOSSES[-1])
    report.check(worst > 0, f"the loss is one that BFD sees: {worst} sessions fell under {LOSSES[-1]} %")


def roam(report, net, tunnels):
    """Whatever moves the near end's endpoint is followed by the far end, and no session falls; a stream through the first tunnel tells what it costs."""
    nat, seen, moments = roaming.Nat(net.nodes["router"]), {}, {}
    before, stream = downs(net, tunnels), Stream(net, tunnels[0])

    def moved(what, act):
        for number in range(1, TIMES + 1):
            old = roaming.endpoints(net, tunnels)
            moments.setdefault(what, []).append(time.time())
            act(number)
            wait_until(lambda: not set(old.items()) & set(roaming.endpoints(net, tunnels).items()), 10, lambda: f"{what}: followed by the far end", pause=0.3)
            time.sleep(1)
        now = downs(net, tunnels)
        seen[what] = {one: count - before[one] for one, count in now.items()}
        before.update(now)
    moved("a new address", lambda number: roaming.new_address(net, "roam", 10 + number))
    moved("a new listening port", lambda number: [roaming.new_port(net, one, one.port + 100 * number) for one in tunnels])
    last = {one: one.port + 100 * TIMES for one in tunnels}
    moved("a NAT's new port", lambda number: nat.show({last[one]: 40000 + 100 * number + one.number for one in tunnels}))
    record = stream.record()
    for what, fell in seen.items():
        costs = [1000 * record.longest_gap(at, at + 1) for at in moments[what]]
        report.tell(f"{what}: the stream pauses {min(costs):.0f} to {max(costs):.0f} ms")
        report.check(not any(fell.values()), f"{what}, {TIMES} x on {len(tunnels)} tunnels, each followed: no session fell ({sum(fell.values())})")


def forced(report, net, tunnels):
    """Handshakes forced every 6 s, at one end and the other; a stream through the first tunnel tells what each costs."""
    before, stream = downs(net, tunnels), Stream(net, tunnels[0])
    moments = []
    for number in range(2 * TIMES):
        time.sleep(1)
        last = handshakes.last(net.nodes["far"], tunnels)
        moments.append(time.time())
        handshakes.force(net.nodes[("keys", "far")[number % 2]], [one.interface for one in tunnels])
        wait_until(lambda: not set(last.items()) & set(handshakes.last(net.nodes["far"], tunnels).items()), 20, lambda: "a forced handshake", pause=0.3)
        time.sleep(4)
    record = stream.record()
    costs = [1000 * record.longest_gap(at, at + 2) for at in moments]
    report.tell(f"a forced handshake with 20 ms each way: the stream pauses {min(costs):.0f} to {max(costs):.0f} ms, and loses "
                f"{record.lost()} packets in {len(costs)}; without one {1000 * record.longest_gap(moments[0] + 2, moments[0] + 4):.0f} ms")
    fell = sum(count - before[one] for one, count in downs(net, tunnels).items())
    report.check(len(costs) == 2 * TIMES and not fell, f"{len(costs)} handshakes forced at either end in turn, on {len(tunnels)} tunnels: no session fell ({fell})")


class Stream:
    """From the near end of a tunnel to the far one, numbered and stamped by lab/wgbfdlab/stream.py."""

    def __init__(self, net, tunnel):
        near, far = net.nodes[tunnel.near], net.nodes["far"]
        self._files = [near.logs / "sent.bin", far.logs / "seen.bin"]
        self._receiver = far.spawn([sys.executable, STREAM, "receive", STREAM_PORT, self._files[1]], "stream.out")
        wait_until(self._files[1].exists, 30, lambda: "the stream's receiver")
        self._sender = near.spawn([sys.executable, STREAM, "send", tunnel.address(True), STREAM_PORT, RATE, self._files[0]], "stream.out")

    def record(self):
        ended(self._sender, self._receiver, terminate)
        return Record.read(*self._files)


def blocked(report, net, tunnels, gate):
    """No handshake for 200 s: what falls falls when the keys' time is over, and says why."""
    handshakes.force(net.nodes["keys"], [one.interface for one in tunnels])
    time.sleep(2)
    valid = {one: at + VALID for one, at in handshakes.last(net.nodes["far"], tunnels).items()}
    before, begun = downs(net, tunnels), time.time()
    gate.shut([one.port for one in tunnels])
    time.sleep(BLOCKED)
    told = {one: events(net, "keys", one, begun) for one in tunnels}
    knocked, opened = gate.open(), time.time()
    wait_up(net, tunnels)
    fell = {one: count - before[one] for one, count in downs(net, tunnels).items()}
    for one in tunnels:
        first = next(((event["moment"], event["cause"]) for event in told[one] if event["to"] == "down"), (math.inf, "nothing"))
        back = next((event["moment"] for event in events(net, "keys", one, opened) if event["to"] == "up"), math.inf)
        at = f"handshakes blocked for {BLOCKED} s, {one.interval} ms x 3"
        causes = [event["cause"] for event in told[one] if event["cause"]]
        # The last handshake is known to the second.
        latest = valid[one] + 1.5 + daemons.MULTIPLIER * one.interval / 1000
        report.check(valid[one] <= first[0] < latest and fell[one] == 1, f"{at}: it falls once, {first[0] - valid[one] + VALID:.2f} s "
                     f"after the last handshake, and not while the keys are valid ({VALID} s; {fell[one]} times)")
        report.check(causes[-1:] == ["handshake-stale"], f"{at}: the cause is handshake-stale ({', '.join(causes)})")
        report.check(0 < back - opened <= RETRY, f"{at}: it is up again {1000 * (back - opened):.0f} ms after they pass; the outage is "
                     f"{1000 * (back - first[0]):.0f} ms")
    report.tell(f"{knocked} handshake messages were dropped")


def events(net, name, tunnel, since):
    """wgbfd's verdicts of that tunnel at that node, and causes known better."""
    found = []
    for line in net.nodes[name].run([daemons.WGBFD, "events", "--json"]).stdout.splitlines():
        event = json.loads(line)
        event["moment"] = datetime.fromisoformat(event["at"].replace("Z", "+00:00")).timestamp()
        if event["event"] in ("verdict", "cause") and event["adjacency"] == tunnel.interface and event["moment"] >= since:
            found.append(event)
    return found


def start(net):
    for name in ("far", "wgbfd", "keys", "roam"):
        daemons.wgbfd(net, name, realtime=False)
    daemons.bird(net, "bird")
    if "bfdd" in ENGINES:
        daemons.bfdd(net, "bfdd")


def main():
    report, tunnels = Report(), every_tunnel()
    of = {name: [one for one in tunnels if one.near == name] for name in (*ENGINES, "keys", "roam")}
    lossy = [one for one in tunnels if one.near in ENGINES]
    net = Tunnels(tunnels)
    try:
        start(net)
        os.nice(19)  # this script gives way to what it measures
        gate = handshakes.Gate(net.nodes["router"])
        wait_up(net, tunnels)
        for node, interface in ((net.nodes["keys"], "under"), (net.nodes["router"], "keys")):
            Netem(node, interface, [one.port for one in of["keys"]]).set(DELAY)
        losses, before, begun = Losses(net, lossy), downs(net, lossy), time.monotonic()
        roam(report, net, of["roam"])
        forced(report, net, of["keys"])
        time.sleep(max(0, begun + SECONDS - time.monotonic()))
        fell = {one: count - before[one] for one, count in downs(net, lossy).items()}
        tell_losses(report, losses, fell, time.monotonic() - begun)
        for engine in (*ENGINES, "roam"):
            net.nodes[engine].stop()  # it has done its part, and costs the host's time
        kept = of["keys"] if FULL else of["keys"][:1]
        for name in ("keys", "far"):
            net.nodes[name].run(["ip", "-batch", "-"], text="".join(f"link del {one.interface}\n" for one in tunnels
                                                                    if one not in kept and name in (one.near, "far")))
        blocked(report, net, kept, gate)
        report.tell(f"{time.monotonic():.0f} s of virtual time, {busy():.0f} s of the processor: {busiest()}")
    finally:
        net.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
