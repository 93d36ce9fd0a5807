#!/usr/bin/python3
"""Scenarios in namespaces at 300 ms × 10 over whatever WireGuard this kernel has: what happened is counted, times are for lab/vm.

test_scenarios.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "lab"))

from wgbfdlab import report, scenario, wireguard  # noqa: E402
from wgbfdlab.network import PREFIX, Network  # noqa: E402
from wgbfdlab.settings import Settings  # noqa: E402
from wgbfdlab.topology import LabError, load  # noqa: E402

INTERVAL_US, MULTIPLIER = 300_000, 10  # 3 s: a machine that is busy for one makes no Down
BEFORE_HOLD = 5500  # packets, and so ms: a hold timer or dead interval of 9 s, fed every 3 s, ends 6 s after a cut at the earliest
SLOW_BGP = (30, 90)  # where BGP's own hold timer is not to end a session whose path is back
FULL = bool(os.environ.get("WGBFD_FULL"))
# Failovers and fail-backs that long-lived connections must survive.
WITH_TCP = ("cut", "one-way-cut", "peer-reboot", "flap", "asymmetric-recovery", "both-down", "nat-rebind", "dns-change")
UNDO = ("active-passive", "endpoints")  # whether these are left as they were is looked at each time, of all others with WGBFD_FULL=1
FAULTS = ("no-endpoint", "wrong-allowed-ips", "peer-admin-down", "interface-deleted")
# (topology, scenarios, settings); the multiplier of 8 is one by which BFD bears a loss of 30 %
WHAT_IS_LEFT = (*(("two-sites", (name,), {"feed": "link", "multiplier": 8}) for name in ("one-way-loss", "brownout", "delay")),
                ("two-sites", FAULTS, {"feed": "link"}),
                ("two-sites", ("cut", "peer-reboot", "peer-admin-down"), {"feed": "frr-vty"}), ("full-table", ("stop", *FAULTS, "peer-reboot"), {"routes": 100}),
                ("two-sites-bird", (*FAULTS, "peer-reboot"), {}), ("active-passive", (*FAULTS, "peer-reboot"), {}),
                ("two-sites", ("jitter", "mtu-clamp", "rekey"), {"feed": "link", "multiplier": 8}))
counts = {"ok": 0, "FAIL": 0}


def check(sentence, holds, figures=""):
    verdict = "ok" if holds else "FAIL"
    counts[verdict] += 1
    print(f"{verdict} - {sentence}" + (f" [{figures}]" if figures != "" else ""), flush=True)


class Bench:
    """A standing network in which scenarios are run and their figures checked, and whether wgbfd leaves the nodes as they were."""
    ended = 0

    def __init__(self, build, topology, mode, spokes=None, routes=None, **more):
        self.name = f"{topology}, {report.HEADINGS[mode]}" + (f" by {more['feed']}" if "feed" in more else "")
        settings = Settings(wgbfd=Path(build).resolve() / "src/wgbfd", mode=mode, interval_us=INTERVAL_US,
                            undo=mode == "wgbfd" and (FULL or topology in UNDO), **{"multiplier": MULTIPLIER, **more})
        settings.check()
        self.settings = settings
        self.network = Network(load(TREE / f"lab/topologies/{topology}.clab.yml", spokes, routes), settings)

    def __enter__(self):
        self.network.__enter__()
        return self

    def __exit__(self, kind, *what):
        try:
            if self.network.before and not kind:
                self._end()
        finally:
            self.network.__exit__(kind, *what)

    def _end(self):
        """While the first tunnel is dead wgbfd ends: by SIGTERM at one node, by kill -9 and undo at the next."""
        for node, (how, left) in self.network.before.end(Bench.ended).items():
            self.say(f"{node}: after a cut and {how} all is as before wgbfd", not left, left)
        Bench.ended += 1

    def run(self, name, times=1):
        """The figures of the last of `times` runs."""
        before = self.network.before
        for _ in range(times):
            if before:
                before.remember_rest()
            self.settings.tcp = name in WITH_TCP and self.settings.mode == "wgbfd"
            data = report.run_as_data(scenario.run(self.network, name), self.network)
            for kind, seen in data["tcp"].items():
                self.say(f"{name}: the TCP {kind} went on, with not a byte lost", seen["whole"] and not seen["error"] and seen["bytes"] > 0, seen)
            if before:
                left = before.after_scenario()
                self.say(f"{name}: afterwards each router is what it was at rest", not left, left)
        return data

    def say(self, sentence, holds, figures=""):
        check(f"{self.name}: {sentence}", holds, figures)

    def say_whole(self, sentence, data, what="lost"):
        """Nothing of the stream is lost but what this machine itself threw away."""
        self.say(sentence, data[what] <= data["overflowed"], (data[what], data["overflowed"]))


def moved_and_returned(bench, data, router):
    """What every cut must show, whoever watches the path; each fall is told with its tunnel, its moment and its reason. Of falls while the path
    is away: FRR ends sessions of its own once it is back, when both ends have called each other ("No AFI/SAFI activated for peer")."""
    bench.say("the route moved to the other tunnel and came back", data["route_changes"] == 2, data["route_changes"])
    cut = bench.network.topology.cut
    fell = [(m["node"], m["interface"], m["after_ms"], m["detail"]) for m in data["moments"]
            if (m["who"], m["state"]) == (router, "down") and -50 <= m["after_ms"] < data["restore_ms"]]
    ends = sorted((end.node, end.interface) for end in (cut.near, cut.far))
    bench.say(f"{router.upper()} fell once at each end", sorted(one[:2] for one in fell) == ends, fell)
    bench.say("packets were lost", data["lost"] > data["overflowed"], data["lost"])
    bench.say_whole("and none before the cut", data, "lost_before")


def ended_before_restoration(data):
    """The stream went on in the two seconds that the path was still dead after the route had moved (ms, and packets)."""
    return data["lost_at_cut"] < data["restore_ms"] - 1000


def bfd_fell_once(bench, data):
    near, far = bench.network.topology.cut.near.node, bench.network.topology.cut.far.node
    bench.say("BFD fell once at each end of that tunnel", (data["downs"][f"bfd {near}"], data["downs"][f"bfd {far}"]) == (1, 1), data["downs"])
    bench.say("no other session fell", data["other_bfd_downs"] == 0, data["other_bfd_downs"])


def without(build):
    with Bench(build, "two-sites", "none") as bench:
        data = bench.run("cut")
        moved_and_returned(bench, data, "bgp")
        bench.say("only the hold timer ended the outage", data["lost_at_cut"] > 3000 and not data["first"]["bfd down at a"], data["lost_at_cut"])


def stock(build):
    with Bench(build, "two-sites", "stock") as bench:
        data = bench.run("cut")
        moved_and_returned(bench, data, "bgp")
        bfd_fell_once(bench, data)
        bench.say("BFD ended the outage long before the hold timer", data["lost_at_cut"] < BEFORE_HOLD, data["lost_at_cut"])


def two_sites(build):
    with Bench(build, "two-sites", "wgbfd") as bench:
        data = bench.run("cut")
        moved_and_returned(bench, data, "bgp")
        bfd_fell_once(bench, data)
        bench.say("wgbfd ended the outage long before the hold timer", data["lost_at_cut"] < BEFORE_HOLD, data["lost_at_cut"])
        _one_way(bench)
        _recovery(bench)
        _reboot(bench)
        _flap(bench)
        _kill(bench)
        _stop(bench)
        _reload(bench)
        _router_restart(bench)


def _one_way(bench):
    data = bench.run("one-way-cut")
    causes = {end: (data["first"][f"bfd down at {end}"] or {}).get("detail") for end in "ab"}
    bench.say("one-way-cut: the deaf end says detect-timeout, the hearing end one-way",
              causes == {"a": "one-way", "b": "detect-timeout"}, causes)
    bench.say("one-way-cut: the route moved and came back", data["route_changes"] == 2, data["route_changes"])


def _reboot(bench):
    data = bench.run("peer-reboot")
    bench.say("peer-reboot: the near end fell once and is up again", data["downs"]["bfd a"] == 1, data["downs"])
    bench.say("peer-reboot: the route moved and came back", data["route_changes"] == 2, data["route_changes"])
    bench.say("peer-reboot: the other tunnel did not notice", data["other_bfd_downs"] == 0, data["other_bfd_downs"])
    waiting = _seconds_until(lambda: not any(one.not_ready() for one in bench.network.daemons.values()))
    bench.say("peer-reboot: FRR too sees every session up again, at both ends", waiting is not None,
              "; ".join(filter(None, (one.not_ready() for one in bench.network.daemons.values()))))


def _flap(bench):
    data = bench.run("flap")
    bench.say("flap: never more downs than cuts, and up in the end", 1 <= data["downs"]["bfd a"] <= 5, data["downs"])
    bench.say("flap: the other tunnel did not notice", data["other_bfd_downs"] == 0, data["other_bfd_downs"])


def _kill(bench):
    data = bench.run("daemon-kill")
    bench.say("daemon-kill: a new worker came and all is up again", data["notes"].get("new_worker_ms") is not None, data["notes"])
    bench.say("daemon-kill: status counts the restart", data["notes"].get("worker_restarts") == 1, data["notes"])
    bench.say("daemon-kill: BGP fell at most once on each tunnel", data["downs"]["bgp a"] <= 2, data["downs"])
    bench.settings.both = True
    data = bench.run("daemon-kill")
    bench.settings.both = False
    last = {m["interface"]: m["state"] for m in data["moments"] if (m["who"], m["node"]) == ("bfd", "b")}
    bench.say("daemon-kill of guardian and worker: the far end saw both tunnels die, and after a new start live", last == {"wg0": "up", "wg1": "up"}, last)


def _reload(bench):
    data = bench.run("config-reload")
    bench.say("config-reload: nothing fell", not any(data["downs"].values()) and not data["other_bfd_downs"], data["downs"])
    bench.say_whole("config-reload: not a packet was lost", data)


def _router_restart(bench):
    data = bench.run("routing-daemon-restart")
    bfd = {who: downs for who, downs in data["downs"].items() if who.startswith("bfd")}
    bench.say(f"routing-daemon-restart ({data['notes']['restarted']}): BFD did not notice, and all is back", not any(bfd.values()), data["downs"])


def _recovery(bench):
    """Paths that come back in parts: a route moves where it can lead, and there once."""
    if not FULL:
        return
    data = bench.run("asymmetric-recovery")
    bench.say("asymmetric-recovery: no route returns until both directions live", all("stays; once both are: wg0" in data["notes"][f"route, {name} direction back first"]
                                                                                      for name in ("the stream's", "the other")), data["notes"])
    bench.say("asymmetric-recovery: it leaves and returns once each time", _leads(bench, data) == ["wg1", "wg0", "wg1", "wg0"], _leads(bench, data))
    bench.say("asymmetric-recovery: the other tunnel did not notice", data["other_bfd_downs"] == 0, data["other_bfd_downs"])
    data = bench.run("both-down")
    bench.say("both-down: the route goes to the second, and to the first when that lives", _leads(bench, data) == ["wg1", "wg0"], data["notes"]["route"])
    bench.say("both-down: the second alone carries all", data["notes"]["lost in the last second of the second tunnel alone"] == "0 packets", data["notes"])
    bench.say("both-down: each session fell once at each end", (data["downs"]["bfd a"], data["downs"]["bfd b"], data["other_bfd_downs"]) == (2, 2, 2), data["downs"])


def _leads(bench, data):
    """Which tunnels the near end's route has led by, one after the other; what is none, or told twice, is left out."""
    states = [m["state"] for m in data["moments"] if (m["who"], m["node"]) == ("route", bench.network.topology.cut.near.node)]
    states = [state for state in states if state not in ("none", "unreachable")]
    return [state for before, state in zip([None, *states], states) if state != before]


def _stop(bench):
    data = bench.run("stop")
    bench.say("stop and start: BGP stayed Established at both ends", (data["downs"]["bgp a"], data["downs"]["bgp b"]) == (0, 0), data["downs"])
    bench.say_whole("stop and start: not a packet was lost", data)


def link(build):
    with Bench(build, "two-sites", "wgbfd", feed="link") as bench:
        data = bench.run("cut")
        moved_and_returned(bench, data, "bgp")
        bfd_fell_once(bench, data)
        early = [m for m in data["moments"] if m["who"] == "bgp" and m["state"] == "up" and 0 < m["after_ms"] < data["restore_ms"]]
        bench.say("BGP stayed down until the path was back", not early, len(early))


def ospf(build):
    with Bench(build, "ospf", "wgbfd") as bench:
        data = bench.run("cut")
        moved_and_returned(bench, data, "ospf")
        bfd_fell_once(bench, data)
        _reload(bench)
        _router_restart(bench)


def _bird_sessions_stood(bench):
    logs = "".join((node.logs / "bird.log").read_text(errors="replace") for node in bench.network.nodes.values()
                   if (node.logs / "bird.log").exists())
    return "_wg0: State changed to stop" not in logs and "_wg0: State changed to up" in logs


def bird(build):
    """A cut by bird-nexthop: the route moves, and no BGP session is touched; a stop loses nothing."""
    with Bench(build, "two-sites-bird", "wgbfd", bgp_timers=SLOW_BGP) as bench:
        data = bench.run("cut")
        bench.say("the route moved to the other tunnel and came back", data["route_changes"] == 2, data["route_changes"])
        bfd_fell_once(bench, data)
        bench.say("wgbfd ended the outage", ended_before_restoration(data), (data["lost_at_cut"], data["restore_ms"]))
        bench.say("no BGP session went down", _bird_sessions_stood(bench))
        data = bench.run("stop")
        bench.say_whole("stop: nothing was lost", data)
        _reload(bench)
        _router_restart(bench)
        _recovery(bench)


def dn42(build):
    """Addresses from BIRD's neighbours, a cut by bird-include: the route moves, and no BGP session is touched."""
    with Bench(build, "dn42", "wgbfd", bgp_timers=SLOW_BGP) as bench:
        rows = [(row["remote"], row["address_source"]) for row in bench.network.daemons["a"].adjacencies()]
        bench.say("both peers' addresses are BIRD's neighbours", rows == [("fe80::b", "routing")] * 2, rows)
        told = lambda: bench.network.nodes["b"].run(["birdc", "-s", "/run/bird/bird.ctl", "show route 10.1.0.0/24 all protocol a_wg0"]).stdout  # noqa: E731
        reached = _seconds_until(lambda: "(64511,3) (64511,91)" in told())
        bench.say("communities of the include reach the far side", reached is not None, told())
        data = bench.run("cut")
        bench.say("the route moved to the other tunnel and came back", data["route_changes"] == 2, data["route_changes"])
        bfd_fell_once(bench, data)
        bench.say("wgbfd ended the outage", ended_before_restoration(data), (data["lost_at_cut"], data["restore_ms"]))
        bench.say("no BGP session went down", _bird_sessions_stood(bench))
        data = bench.run("stop")
        bench.say_whole("stop: nothing was lost", data)
        _reload(bench)
        _router_restart(bench)
    with Bench(build, "dn42", "none") as bench:
        data = bench.run("cut")
        bench.say("without wgbfd only the hold timer ended it", data["lost_at_cut"] > 3000, data["lost_at_cut"])


def ospf_bird(build):
    """BIRD's OSPF follows the costs that bird-include gives it; no neighbour is lost by that."""
    with Bench(build, "ospf-bird", "wgbfd") as bench:
        data = bench.run("cut")
        bench.say("the route moved to the other tunnel and came back", data["route_changes"] == 2, data["route_changes"])
        bfd_fell_once(bench, data)
        bench.say("wgbfd ended the outage long before the dead interval", data["lost_at_cut"] < BEFORE_HOLD, data["lost_at_cut"])


def mesh(build):
    """Four sites, FRR and BIRD: the LANs' way goes round the tunnel that died."""
    with Bench(build, "mesh", "wgbfd") as bench:
        data = bench.run("cut")
        bfd_fell_once(bench, data)
        bench.say("wgbfd ended the outage long before the dead interval", data["overflowed"] < data["lost_at_cut"] < BEFORE_HOLD, data["lost_at_cut"])
        bench.say_whole("no packet was lost before the cut", data, "lost_before")


def hub(build):
    with Bench(build, "hub", "wgbfd", spokes=20) as bench:
        data = bench.run("cut")
        bfd_fell_once(bench, data)
        bench.say_whole("the stream to another spoke lost nothing", data)
        _forged(bench)
        _peer_removed(bench)


def undone(build):
    """What the other groups do not run, for the sake of what is left of it. What was degraded stays so for
    five minutes: each of those scenarios has a network of its own, and none with `routes`, whose routes would stay away as long."""
    for topology, names, more in WHAT_IS_LEFT if FULL else ():
        with Bench(build, topology, "wgbfd", **more) as bench:
            bench.settings.blocked_s = 20
            for name in names:
                bench.run(name)


# A BFD packet that says Down with two discriminators of somebody else's session, sent 100 times: from this spoke's own
# address, and with the victim's source address (which WireGuard itself must refuse). RFC 5880 §4.1.
FORGE = """
import socket, struct, sys, time
mine, yours, own, victim = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
packet = struct.pack("!BBBBIIIII", 0x20, 0x40, 3, 24, mine, yours, 300000, 300000, 0)
plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
plain.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
plain.bind((own, 49999))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
hub = "10.9.0.254"
udp = struct.pack("!HHHH", 49999, 3784, 8 + len(packet), 0) + packet
header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 255, 17, 0, socket.inet_aton(victim), socket.inet_aton(hub))
for _ in range(100):
    plain.sendto(packet, (hub, 3784))
    raw.sendto(header + udp, (hub, 0))
    time.sleep(0.01)
"""


def _hub_rows(bench):
    return {row["remote"]: row for row in bench.network.daemons["hub"].adjacencies()}


def _forged(bench):
    before = _hub_rows(bench)
    victim, had = before["10.9.0.1"]["bfd"], _refused(bench)
    bench.network.nodes["spoke2"].run(["/usr/bin/python3", "-c", FORGE, victim["remote_discriminator"],
                                       victim["local_discriminator"], "10.9.0.2", "10.9.0.1"])
    came = _seconds_until(lambda: _refused(bench) - had >= 100)
    after = _hub_rows(bench)
    changed = [address for address in before if before[address]["bfd"]["downs"] != after[address]["bfd"]["downs"]]
    bench.say("a spoke that forges another spoke's discriminators is refused, and takes nothing down", came is not None and not changed,
              changed or _refused(bench) - had)


def _refused(bench):
    return bench.network.daemons["hub"].status().get("probe_loop", {}).get("dropped", {}).get("wrong-source", 0)


def _peer_removed(bench):
    network = bench.network
    hub_node = network.nodes["hub"]
    interface = hub_node.spec.wireguards[0]
    peer = next(peer for peer in interface.peers if peer.node == "spoke3")
    wireguard.remove_peer(hub_node, interface, network.keys, peer)
    gone = _seconds_until(lambda: _hub_rows(bench).get("10.9.0.3", {}).get("state") != "up")
    wireguard.add_peer(hub_node, interface, network.keys, peer)
    known = _seconds_until(lambda: "10.9.0.3" in _hub_rows(bench))
    back = _seconds_until(lambda: _hub_rows(bench).get("10.9.0.3", {}).get("state") == "up", limit=60)
    bench.say("a peer removed with wg set is followed", gone is not None, gone)
    bench.say("and known again when it is added", known is not None, known)
    bench.say("and up again", back is not None, back)
    others = lambda: [address for address, row in _hub_rows(bench).items() if row["state"] != "up"]  # noqa: E731
    bench.say("all spokes are up in the end", _seconds_until(lambda: _hub_rows(bench) and not others()) is not None, others())


def _seconds_until(condition, limit=30):
    """How long it took, None if it did not come."""
    begun = time.monotonic()
    while time.monotonic() - begun < limit:
        if condition():
            return round(time.monotonic() - begun, 2)
        time.sleep(0.05)
    return None


def cleanup(build):
    """A lab that is told to end in the middle of a run leaves nothing."""
    process = subprocess.Popen([TREE / "lab/run", "two-sites", "cut", "--without-wgbfd"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "ready" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.stderr.read()
    status = process.wait(timeout=60)
    left = [name for folder in ("/run/netns", "/tmp") if os.path.isdir(folder)
            for name in os.listdir(folder) if name.startswith(f"{PREFIX}-{process.pid}-")]
    check("a run that is interrupted says so by its status and leaves no namespace or file", status == 130 and not left, left or status)


def no_routing_daemon(build):
    for topology in ("active-passive", "active-active"):
        with Bench(build, topology, "wgbfd") as bench:
            data = bench.run("cut")
            bench.say("the route moved to the other tunnel and came back", data["route_changes"] >= 2, data["route_changes"])
            bfd_fell_once(bench, data)
            bench.say("wgbfd ended the outage", ended_before_restoration(data), (data["lost_at_cut"], data["restore_ms"]))
            if topology == "active-passive":
                _recovery(bench)
            data = bench.run("flap")
            bench.say("flap: the other tunnel did not notice", data["other_bfd_downs"] == 0, data["other_bfd_downs"])
            data = bench.run("daemon-kill")
            bench.say("daemon-kill: no route moved", data["route_changes"] == 0, data["route_changes"])
            data = bench.run("stop")
            bench.say("stop: the routes went with wgbfd and are back", data["route_changes"] >= 2, data["route_changes"])


def endpoints(build):
    with Bench(build, "endpoints", "wgbfd") as bench:
        data = bench.run("nat-rebind")
        bench.say("nat-rebind: no session fell", not any(data["downs"].values()) and not data["other_bfd_downs"], data["downs"])
        bench.say_whole("nat-rebind: the stream went on", data, "lost_at_return")
        bench.say("nat-rebind: by another port each time", len(data["notes"]["a as b sees it"].split()) == 7, data["notes"])
        if FULL:
            data = bench.run("dns-change")
            bench.say("dns-change: the path is back where the name says", data["notes"]["endpoint after the move"] == "203.0.113.5:51820"
                      and data["first"]["bfd up at b"] is not None, data["notes"])
            bfd_fell_once(bench, data)
            data = bench.run("cut")
            bench.say("cut: the other underlay carries the tunnel", data["downs"]["bfd a"] == 1 and ended_before_restoration(data), (data["lost_at_cut"], data["restore_ms"]))


def full_table(build):
    """2,000 routes stand for 100,000: the stream goes on when the path is found dead, before its own has moved."""
    for topology in ("full-table", "full-table-bird") if FULL else ():
        with Bench(build, topology, "wgbfd", routes=2000) as bench:
            data = bench.run("cut")
            bfd_fell_once(bench, data)
            moves = data["table"]
            bench.say("every route moved and came back", [moves[what]["routes"] for what in ("moved", "returned")] == [2000, 2000], moves)
            own = data["first"]["route moved"]["ms"]
            bench.say("the stream was repaired before its own route had moved", data["gap_at_cut_ms"] + 10 < own, (data["gap_at_cut_ms"], own))


GROUPS = {group.__name__.replace("_", "-"): group for group in (without, stock, two_sites, link, ospf, bird, dn42, ospf_bird, no_routing_daemon, mesh, hub, endpoints, full_table, undone, cleanup)}


def main(arguments):
    if not arguments or arguments[0] == "--list":
        print(f"usage: test_scenarios.py BUILD [{'|'.join(GROUPS)}]…", file=sys.stderr)
        return 2
    build, names = arguments[0], arguments[1:] or list(GROUPS)
    for name in names:
        try:
            GROUPS[name](build)
        except (LabError, OSError, subprocess.SubprocessError) as error:
            check(f"{name} runs to its end", False, error)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
