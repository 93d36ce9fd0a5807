#!/usr/bin/python3
# lab/vm: --timeout 1500
"""The wall clock steps by an hour, forth and back, while wgbfd watches WireGuard peers at 50 ms x 3: no Down at either end, and
the age of a handshake is not confused, so that the feed `link` neither takes an interface away nor keeps one that is dead. An
interface with two peers, one Down and one that has no BFD, hangs on that age alone. WGBFD_FULL=1: 40 steps
of 6 sessions, else 8 of 2."""
import json
import os
import random
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from timelab import daemons  # noqa: E402  pylint: disable=wrong-import-position
from timelab.blackhole import Blackhole  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report  # noqa: E402  pylint: disable=wrong-import-position
from timelab.tunnels import Tunnel, Tunnels  # noqa: E402  pylint: disable=wrong-import-position

STEPS, SESSIONS = (40, 6) if os.environ.get("WGBFD_FULL") else (8, 2)
HOUR = 3600
SILENT = Tunnel("mute", 2, 50, 1)  # its near end runs WireGuard alone
STALE = 180  # seconds: design's limit for a handshake to count


def link_feeds(tunnels):
    return "\n".join(f'[interface.{one.interface}]\nfeeds = ["link"]' for one in tunnels)


def step(seconds):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)


def rows(node):
    return {row["name"]: row for row in daemons.status(node)["adjacencies"]}


def operstate(node, interface):
    return json.loads(node.run(["ip", "-j", "link", "show", interface]).stdout)[0]["operstate"]


def latest_handshake(node, key):
    lines = node.run(["wg", "show", "all", "latest-handshakes"]).stdout.splitlines()
    return next(int(line.split()[2]) for line in lines if key in line)


def wait(limit, condition):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def two_peers(net):
    """`mute` becomes a second peer of the far end's first interface, in place of its own; it keeps a handshake young by a ping."""
    far, mute = net.nodes["far"], net.nodes["mute"]
    first = net.tunnels[0]
    far.run(["ip", "link", "del", SILENT.interface])
    far.run(["wg", "set", first.interface, "peer", net.public("near"), "allowed-ips", f"{first.address(False)}/32",
             "peer", net.public("mute"), "allowed-ips", f"{SILENT.address(False)}/32", "endpoint", f"10.0.2.2:{SILENT.port}"])
    far.run(["ip", "address", "add", f"{SILENT.address(True)}/24", "dev", first.interface])
    mute.run(["wg", "set", SILENT.interface, "peer", net.public("far"), "endpoint", f"10.0.3.2:{first.port}"])


def ping(net):
    return net.nodes["mute"].run(["ping", "-q", "-c", "2", "-W", "2", SILENT.address(True)], check=False).returncode == 0


def no_down(net, sessions, report):
    nodes = {name: net.nodes[name] for name in ("near", "far")}
    up = wait(30, lambda: all(rows(node).get(one.interface, {}).get("state") == "up" for node in nodes.values() for one in sessions))
    report.check(up, f"{len(sessions)} sessions are Up at both ends")
    before = {name: rows(node) for name, node in nodes.items()}
    chance, at = random.Random(1), 0
    for number in range(STEPS):
        seconds = HOUR if (at < 0 or (at == 0 and number % 4)) else -HOUR
        at += seconds
        step(seconds)
        time.sleep(0.7 + chance.random())
    step(-at)
    time.sleep(2)
    for name, node in nodes.items():
        now = rows(node)
        downs = sum(now[one.interface]["bfd"]["downs"] - before[name][one.interface]["bfd"]["downs"] for one in sessions)
        packets = min(now[one.interface]["bfd"]["packets_received"] - before[name][one.interface]["bfd"]["packets_received"]
                      for one in sessions)
        states = {now[one.interface]["state"] for one in sessions}
        report.check(downs == 0 and states == {"up"} and packets > STEPS * 14, f"{STEPS} steps of the wall clock by an hour, forth and "
                     f"back: {downs} Downs at {name} ({len(sessions)} sessions at 50 ms x 3, at least {packets} packets each; {states})")
        dormant = [one.interface for one in sessions if operstate(node, one.interface) == "DORMANT"]
        report.check(not dormant, f"the feed link makes none of {len(sessions)} interfaces DORMANT at {name} ({', '.join(dormant) or 'none is'})")


def handshake_age(net, report):
    """The far end's first interface: its peer with BFD is cut off, the one without has a young handshake."""
    far, first = net.nodes["far"], net.tunnels[0]
    silent = lambda: next((row for row in rows(far).values() if row["peer"] == net.public("mute")), None)  # noqa: E731
    report.check(ping(net) and wait(10, lambda: silent() and silent()["wireguard"]["latest_handshake"]),
                 "a peer without BFD has a handshake")
    # The clocks agree here, and this handshake was made before the first step, or just now.
    young = time.monotonic() - (time.time() - latest_handshake(far, net.public("mute")))
    Blackhole(net.nodes["router"]).cut(first.port)  # as source port: what the far end sends
    went = wait(10, lambda: rows(far)[first.interface]["state"] == "down")
    report.check(went and operstate(far, first.interface) != "DORMANT", f"the peer with BFD is Down, the other's handshake keeps the interface "
                 f"{operstate(far, first.interface)}")
    for seconds, words in ((HOUR, "an hour forth"), (-2 * HOUR, "two hours back"), (HOUR, "and again to the truth")):
        step(seconds)
        time.sleep(5)
        state = operstate(far, first.interface)
        report.check(state != "DORMANT" and silent()["state"] == "unknown", f"wall clock {words}: the interface is {state}, the peer {silent()['state']}")
    step(-HOUR)
    time.sleep(max(0, young + STALE - 8 - time.monotonic()))
    early = operstate(far, first.interface)
    time.sleep(16)
    late = operstate(far, first.interface)
    report.check(early != "DORMANT" and late == "DORMANT", f"with the wall clock an hour back the interface is {early} until its last handshake "
                 f"is {STALE} s old, and {late} from then on")


def main():
    report = Report()
    sessions = [Tunnel("near", 1, 50, number) for number in range(1, SESSIONS + 1)]
    net = Tunnels([*sessions, SILENT])
    try:
        two_peers(net)
        feeds = link_feeds(sessions)
        daemons.wgbfd(net, "near", True, feeds, sessions)
        daemons.wgbfd(net, "far", True, feeds, sessions)
        no_down(net, sessions, report)
        handshake_age(net, report)
        crashes = [name for name in ("near", "far") if daemons.status(net.nodes[name]).get("worker_restarts") != 0]
        report.check(not crashes, f"no worker died ({', '.join(crashes) or 'none'})")
    finally:
        net.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
