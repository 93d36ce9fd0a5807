#!/usr/bin/python3
"""The feed frr-vty with the real FRR: costs and weights move routes and packets while no session is touched, and whatever
ends wgbfd leaves `show running-config` byte for byte as it would be had wgbfd never run. Counts and states, never times.

test_frr_vty.py BUILD [NAME…]: BUILD holds src/wgbfd and tests/vty_driver; NAMEs run only those groups (see --list).
"""
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

from pair import TIMERS, UNDAMPED, UNMEASURED, Pair, check, main, wait
from wgbfdlab import nodes, vty

LABEL = "fv"
DAEMONS = {"ospf": ("ospfd", "ospf6d"), "bgp": ("bgpd",)}
FLIPS = 200
OSPF = """interface wg0
 {ip} area 0
 {ip} hello-interval 1
 {ip} dead-interval 120
interface wg1
 {ip} area 0
 {ip} cost 50
 {ip} hello-interval 1
 {ip} dead-interval 120
interface lo
 {ip} area 0
router {router}
 {id} router-id 10.255.0.{n}
"""
# Three ways to the other site's network. b-wg0 weighs most; without it the policy says net0 before wg1.
BGP = """router bgp 6500{n}
 bgp router-id 10.255.0.{n}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor tunnels peer-group
 neighbor tunnels remote-as 6500{o}
 neighbor tunnels timers connect 1
 neighbor {wg0} peer-group tunnels
 neighbor {wg1} peer-group tunnels
 neighbor {net0} remote-as 6500{o}
 neighbor {net0} timers connect 1
 address-family ipv4 unicast
  network 10.100.{n}.0/24
  neighbor {wg0} weight 5
  neighbor {net0} route-map preferred in
 exit-address-family
 address-family ipv6 unicast
  network fd00:{n}::/64
  neighbor tunnels activate
 exit-address-family
route-map preferred permit 10
 set local-preference 200
"""
LAN = {"ospf": ("10.100.2.1/32", "fd00:2::1/128"), "bgp": ("10.100.2.0/24",)}


class Sites(Pair):
    """Two sites with two tunnels and FRR, whose routes to each other's network go over wg0 while nothing is wrong."""

    def __init__(self, build, what):
        super().__init__(build, LABEL, tunnels=2)
        self.what, self.daemons = what, DAEMONS[what]

    def _build(self):
        super()._build()
        for n, host in ((1, self.a), (2, self.b)):
            other = "b" if n == 1 else "a"
            host.sh(f"ip address add 10.100.{n}.1/32 dev lo; ip -6 address add fd00:{n}::1/128 dev lo")
            for interface in ("wg0", "wg1"):
                host.sh(f"wg set {interface} peer '{self.key(other, interface)}' allowed-ips 0.0.0.0/0,::/0")
            host.start_frr("zebra")
            for daemon in self.daemons:
                host.start_frr(daemon, config=self.frr(daemon, n))

    def frr(self, daemon, n):
        if daemon == "bgpd":
            far = {1: ("10.8.0.1", "10.8.0.3", "192.0.2.2"), 2: ("10.8.0.0", "10.8.0.2", "192.0.2.1")}[n]
            return BGP.format(n=n, o=3 - n, wg0=far[0], wg1=far[1], net0=far[2])
        ip, router, name = ("ip ospf", "ospf", "ospf") if daemon == "ospfd" else ("ipv6 ospf6", "ospf6", "ospf6")
        return OSPF.format(ip=ip, router=router, id=name, n=n)

    def configuration(self, name):
        other = "b" if name == "a" else "a"
        rows = "".join(f'[interface.{i}]\nfeeds = ["frr-vty"]\n[[adjacency]]\nname = "{other}-{i}"\ninterface = "{i}"\n'
                       f'peer = "{self.key(other, i)}"\n' for i in ("wg0", "wg1"))
        return f'[probe]\n{TIMERS}{UNDAMPED}{UNMEASURED}[frr]\nvty = "/run/frr"\n{rows}'

    def without_feed(self):
        rows = "".join(f'[[adjacency]]\nname = "b-{i}"\ninterface = "{i}"\npeer = "{self.key("b", i)}"\n' for i in ("wg0", "wg1"))
        return f"[probe]\n{TIMERS}{UNDAMPED}{UNMEASURED}{rows}"

    def start(self):
        self.b.start_configured(self.configuration("b"))
        self.a.start_configured(self.configuration("a"))
        return wait(lambda: len([row for row in self.a.rows() if row["state"] == "up"]) == 2)

    def restart_a(self):
        self.a.start("--config", "/run/wgbfd.toml")

    def running(self):
        return {daemon: self.a.ask_frr(daemon, "show running-config") for daemon in self.daemons}

    def is_as(self, expected):
        return wait(lambda: self.running() == expected)

    # --- routes and sessions ----------------------------------------------------------------------------------------
    def way(self, host=None):
        """The interfaces that routes to the other site's network take."""
        host = host or self.a
        n = "2" if host is self.a else "1"
        lines = [host.sh(f"ip {'-6' if ':' in lan else '-4'} route show {lan.replace('100.2', '100.' + n).replace(':2:', ':' + n + ':')}") for lan in LAN[self.what]]
        return {word for line in lines for word in re.findall(r"dev (\S+)", line)} if all(lines) else set()

    def goes(self, interface):
        return wait(lambda: self.way() == {interface} and self.way(self.b) == {interface})

    def packets_pass(self):
        """IPv4, and IPv6 where there are routes for it."""
        pings = ["ping -q -c 3 -i 0.2 -W 2 -I 10.100.1.1 10.100.2.1"]
        if self.what == "ospf":
            pings.append("ping -q -c 3 -i 0.2 -W 2 -I fd00:1::1 fd00:2::1")
        return all(self.a.node.run(["sh", "-c", ping], check=False).returncode == 0 for ping in pings)

    def sessions(self):
        """What a session that is lost or made anew would change."""
        if self.what == "bgp":
            shown = json.loads(self.a.ask_frr("bgpd", "show bgp neighbors json"))
            return {name: (peer["bgpState"], peer["connectionsEstablished"], peer["connectionsDropped"]) for name, peer in shown.items()}
        shown = json.loads(self.a.ask_frr("ospf6d", "show ipv6 ospf6 neighbor detail json") or "{}")
        return [re.findall(r"State is (\S+?),? .*?(\d+) state changes", self.a.ask_frr("ospfd", "show ip ospf neighbor detail")),
                {name: (peer["neighborState"], peer["dbDescSeqNumber"]) for name, peer in shown.items()}]

    def are_up(self):
        if self.what == "bgp":
            return all(state == "Established" for state, _, _ in self.sessions().values())
        return str(self.sessions()).count("Full") >= 4

    # --- faults ---------------------------------------------------------------------------------------------------------
    def cut(self, number=0):
        port = 51820 + number
        self.b.sh("nft add table inet cut; nft 'add chain inet cut in { type filter hook input priority 0; }'; "
                  "nft 'add chain inet cut out { type filter hook output priority 0; }'; "
                  f"nft add rule inet cut in udp dport {port} drop; nft add rule inet cut out udp sport {port} drop")

    def heal(self):
        self.b.sh("nft delete table inet cut")
        return wait(lambda: len([row for row in self.a.rows() if row["state"] == "up"]) == 2)

    # --- what is told -------------------------------------------------------------------------------------------------
    def told(self, name="b-wg0"):
        return self.a.row(name=name).get("feeds", {}).get("frr-vty", {}).get("told")

    def problem(self):
        return self.a.status().get("feeds", {}).get("frr-vty", {}).get("problem") or ""

    def doctor(self):
        return self.a.wgbfd("doctor", "--config", "/run/wgbfd.toml").stdout


def changed(running, daemon, pattern):
    return re.search(pattern, running[daemon], re.M)


# --- OSPF -------------------------------------------------------------------------------------------------------------
OURS = {"ospfd": r"^ ip ospf cost 65535$", "ospf6d": r"^ ipv6 ospf6 cost 65535$"}


def stands(sites):
    running = sites.running()
    return all(changed(running, daemon, pattern) for daemon, pattern in OURS.items())


def ospf(build):
    with Sites(build, "ospf") as sites:
        check("both sites route over wg0 while wgbfd has never run", wait(sites.are_up) and sites.goes("wg0"), (sites.sessions(), sites.way()))
        before = sites.running()
        with_70 = _as_changed(sites, before)
        sites.start()
        wait(lambda: sites.told() == "nothing")
        check("all up: nothing is changed, and nothing is wrong", sites.running() == before and not sites.problem(), sites.problem())
        _cut(sites, before)
        _operator(sites, before, with_70)
        _endings(sites, before, with_70)
        _restarted(sites, before)
        _restarted_while_frozen(sites, before)
        _directory_gone(sites, before)
        _frozen(sites, before)


def _as_changed(sites, before):
    """What the configuration is after an operator's change, and as it was once it is taken back."""
    vty.configure(sites.a.node, "ospfd", ["interface wg0", "ip ospf cost 70"])
    out = sites.running()
    vty.configure(sites.a.node, "ospfd", ["interface wg0", "no ip ospf cost"])
    check("an operator's own cost, set and taken back, leaves nothing", sites.running() == before and out != before)
    return out


def _cut(sites, before):
    sessions = sites.sessions()
    sites.cut()
    check("a silent cut: both costs are 65535, and routes go over wg1", wait(lambda: stands(sites)) and sites.goes("wg1"), (sites.running(), sites.way()))
    check("packets follow", sites.packets_pass())
    check("no adjacency was lost", sites.sessions() == sessions, (sessions, sites.sessions()))
    check("status says what was told", wait(lambda: sites.told() == "OSPF cost 65535, OSPFv3 cost 65535"), sites.told())
    check("the other tunnel is left as it is", sites.told("b-wg1") == "nothing", sites.told("b-wg1"))
    said = sites.doctor()
    check("the doctor warns that `write` would save it", "write" in said and "wg0's OSPF cost" in said and "wg0's OSPFv3 cost" in said, said)
    sites.heal()
    check("healed: byte for byte as before, and back over wg0", sites.is_as(before) and sites.goes("wg0"), sites.running())
    check("and no adjacency was lost", sites.sessions() == sessions, (sessions, sites.sessions()))
    check("the doctor warns no more", wait(lambda: "frr-vty: " not in sites.doctor().replace("ok ", "")), sites.doctor())


def _operator(sites, before, with_70):
    sites.cut()
    wait(lambda: stands(sites))
    vty.configure(sites.a.node, "ospfd", ["interface wg0", "ip ospf cost 70"])
    check("an operator's cost against ours is left alone, and told", wait(lambda: "wg0's OSPF cost was changed to 70 against us" in sites.problem()), sites.problem())
    check("the rest stays ours", wait(lambda: sites.told() == "OSPFv3 cost 65535") and changed(sites.running(), "ospfd", "^ ip ospf cost 70$"), sites.told())
    check("the log tells it once", wait(lambda: sites.a.log().count("was changed to 70 against us") == 1), sites.a.log()[-600:])
    sites.heal()
    check("healed: what the operator wrote stands, and no more", sites.is_as(with_70) and wait(lambda: not sites.problem()), sites.running())
    sites.cut()
    check("the next failure is a new one", wait(lambda: stands(sites)), sites.running())
    sites.heal()
    check("and his cost is what comes back", sites.is_as(with_70), sites.running())
    vty.configure(sites.a.node, "ospfd", ["interface wg0", "no ip ospf cost"])
    sites.is_as(before)


def _endings(sites, before, with_70):
    sites.cut()
    wait(lambda: stands(sites))
    check("stop: 0, byte for byte", sites.a.terminate() == 0 and sites.running() == before, (sites.running(), sites.a.log()[-400:]))
    sites.restart_a()
    check("the next start knows that its peer was up", wait(lambda: stands(sites)), sites.running())
    sites.a.kill_both()
    check("kill -9: our costs stand", stands(sites))
    said = sites.a.wgbfd("doctor").stdout
    check("the doctor tells it", "FRR's running configuration: wg0's OSPF cost" in said, said)
    done = sites.a.wgbfd("undo")
    check("undo: 0, byte for byte", done.returncode == 0 and sites.running() == before, (done.stderr, sites.running()))
    sites.restart_a()
    wait(lambda: stands(sites))
    sites.a.kill_both()
    sites.restart_a()
    check("kill -9 and the next start: adopted", stands(sites))
    sites.heal()
    check("and judged anew: byte for byte", sites.is_as(before), sites.running())
    sites.cut()
    wait(lambda: stands(sites))
    sites.a.kill_both()
    vty.configure(sites.a.node, "ospfd", ["interface wg0", "ip ospf cost 70"])
    done = sites.a.wgbfd("undo")
    check("undo leaves what an operator changed since: 0", done.returncode == 0 and sites.running() == with_70, (done.stderr, sites.running()))
    vty.configure(sites.a.node, "ospfd", ["interface wg0", "no ip ospf cost"])
    sites.restart_a()
    wait(lambda: stands(sites))
    sites.a.kill_worker()
    check("a killed worker's successor adopts", stands(sites))
    sites.heal()
    check("and takes it back", sites.is_as(before), sites.running())


def _restarted(sites, before):
    sites.cut()
    wait(lambda: stands(sites))
    sites.a.stop_frr("ospfd")
    check("ospfd gone: told, with the fix", wait(lambda: "ospfd is not running" in sites.problem()), sites.problem())
    sites.a.start_frr("ospfd", config=sites.frr("ospfd", 1))
    check("ospfd back: told again", wait(lambda: stands(sites)) and wait(lambda: not sites.problem()), (sites.running(), sites.problem()))
    sites.heal()
    check("healed: byte for byte", sites.is_as(before), sites.running())
    wait(sites.are_up, 60)
    sites.goes("wg0")


def freeze(sites):
    process = int(sites.a.sh("cat /run/frr/ospfd.pid"))
    sites.a.sh(f"kill -STOP {process}")
    return process


def _restarted_while_frozen(sites, before):
    """With another cost in its file, which nobody has decided against us."""
    sites.cut()
    wait(lambda: stands(sites))
    freeze(sites)
    wait(lambda: "ospfd does not answer within 3 s" in sites.problem())
    sites.a.stop_frr("ospfd")
    sites.a.start_frr("ospfd", config=sites.frr("ospfd", 1).replace("interface wg0\n", "interface wg0\n ip ospf cost 70\n", 1))
    with_70 = sites.a.ask_frr("ospfd", "show running-config")
    check("ospfd frozen, and restarted before it is asked again: told again, and nobody's decision",
          "cost 70" in with_70 and wait(lambda: stands(sites)) and wait(lambda: not sites.problem()), (sites.running(), sites.problem()))
    check("the log never took it for one", "was changed to 70" not in sites.a.log().split("ospfd does not answer")[-1], sites.a.log()[-600:])
    sites.heal()
    check("healed: its file's cost", sites.is_as({**before, "ospfd": with_70}), sites.running())
    vty.configure(sites.a.node, "ospfd", ["interface wg0", "no ip ospf cost"])
    sites.is_as(before)
    wait(sites.are_up, 60)


def _directory_gone(sites, before):
    """A frozen ospfd whose directory the configuration drops: at a reload, then between a kill -9 and a start."""
    for how in ("a reload", "a start"):
        sites.cut()
        wait(lambda: stands(sites))
        if how == "a start":
            sites.a.kill_both()
        process = freeze(sites)
        sites.a.configure(sites.without_feed())
        done = sites.a.wgbfd("reload") if how == "a reload" else sites.a.start("--config", "/run/wgbfd.toml")
        check(f"{how} without its directory waits for no frozen ospfd: the other peer is up, ospf6d as it was",
              done and wait(lambda: sites.a.row(name="b-wg1", state="up")) and
              wait(lambda: not changed({"ospf6d": sites.a.ask_frr("ospf6d", "show running-config")}, "ospf6d", OURS["ospf6d"])), sites.a.rows())
        check(f"{how}: what is left is told", wait(lambda: "in /run/frr, which is to be as it was: ospfd does not answer" in sites.problem()), sites.problem())
        sites.a.sh(f"kill -CONT {process}")
        check(f"{how}: byte for byte, once it answers", sites.is_as(before) and wait(lambda: not sites.problem()), (sites.running(), sites.problem()))
        sites.heal()
        sites.a.terminate()
        sites.a.start_configured(sites.configuration("a"))
        wait(sites.are_up, 60)
        wait(lambda: sites.told() == "nothing")


def _frozen(sites, before):
    sites.cut()
    wait(lambda: stands(sites))
    process = freeze(sites)
    check("a frozen ospfd is told", wait(lambda: "ospfd does not answer within 3 s" in sites.problem()), sites.problem())
    status = sites.a.terminate()
    check("stop does not wait for it, and says that something stands", status != 0, status)
    sites.a.sh(f"kill -CONT {process}")
    wait(lambda: stands_alone(sites, "ospfd"))
    done = sites.a.wgbfd("undo")
    check("undo, once it answers: 0, byte for byte", done.returncode == 0 and sites.running() == before, (done.stderr, sites.running()))
    sites.b.sh("nft delete table inet cut")


def stands_alone(sites, daemon):
    return changed(sites.running(), daemon, OURS[daemon])


# --- BGP --------------------------------------------------------------------------------------------------------------
def bgp(build):
    with Sites(build, "bgp") as sites:
        check("both sites route over wg0 while wgbfd has never run", wait(sites.are_up, 60) and sites.goes("wg0"), (sites.sessions(), sites.way()))
        before, sessions = sites.running(), sites.sessions()
        sites.start()
        wait(lambda: sites.told() == "nothing")
        check("all up: nothing is changed, and nothing is wrong", sites.running() == before and not sites.problem(), sites.problem())
        sites.cut()
        check("a silent cut: routes go where the policy wants them without it, which is not the other tunnel", sites.goes("net0"), (sites.running(), sites.way()))
        check("packets follow", sites.packets_pass())
        lines = {"  neighbor 10.8.0.3 weight 6", "  neighbor 192.0.2.2 weight 6"}
        check("all others are raised by the same", wait(lambda: lines <= set(sites.running()["bgpd"].split("\n"))), sites.running())
        check("in IPv6 too, where nobody weighs anything",
              wait(lambda: "  neighbor 10.8.0.3 weight 1" in sites.running()["bgpd"].split("\n")), sites.running())
        check("status says what was told", wait(lambda: sites.told() == "BGP below the others"), sites.told())
        check("no session was reset", sites.sessions() == sessions, (sessions, sites.sessions()))
        said = sites.doctor()
        check("the doctor warns that `write` would save it", "the IPv4 weight of neighbour 10.8.0.3" in said, said)
        sites.heal()
        check("healed: byte for byte as before, and back over wg0", sites.is_as(before) and sites.goes("wg0"), sites.running())
        check("and no session was reset", sites.sessions() == sessions, (sessions, sites.sessions()))
        _weights_changed(sites, before)
        _other_tunnel(sites, before)


def _weight(sites, neighbor, weight, no=""):
    vty.configure(sites.a.node, "bgpd", ["router bgp 65001", "address-family ipv4 unicast", f"{no}neighbor {neighbor} weight {weight}"])


def _weights_changed(sites, before):
    _weight(sites, "192.0.2.2", 9)
    _weight(sites, "tunnels", 2)
    expected = sites.running()
    _weight(sites, "192.0.2.2", 9, "no ")
    _weight(sites, "tunnels", 2, "no ")
    check("weights of an operator, set and taken back, leave nothing", sites.running() == before)
    raised = "  neighbor 192.0.2.2 weight 6"
    sites.cut()
    wait(lambda: raised in sites.running()["bgpd"].split("\n") and sites.told() == "BGP below the others")
    _weight(sites, "192.0.2.2", 9)
    _weight(sites, "tunnels", 2)
    check("an operator's weight against ours is left alone, and told",
          wait(lambda: "the IPv4 weight of neighbour 192.0.2.2 was changed to 9 against us" in sites.problem()), sites.problem())
    check("stop: 0, what he wrote stands and no more", sites.a.terminate() == 0 and sites.running() == expected, sites.running())
    sites.restart_a()
    wait(lambda: sites.told() == "BGP below the others")
    sites.a.kill_both()
    check("undo: 0, the same", sites.a.wgbfd("undo").returncode == 0 and sites.running() == expected, sites.running())
    _weight(sites, "192.0.2.2", 9, "no ")
    _weight(sites, "tunnels", 2, "no ")
    sites.restart_a()
    sites.heal()
    check("byte for byte as in the beginning", sites.is_as(before), sites.running())


def _other_tunnel(sites, before):
    vty.configure(sites.a.node, "bgpd", ["router bgp 65001", "neighbor 192.0.2.2 shutdown"])
    vty.configure(sites.b.node, "bgpd", ["router bgp 65002", "neighbor 192.0.2.1 shutdown"])
    sites.goes("wg0")
    shut = sites.running()
    sites.cut()
    check("without a third way, the other tunnel is taken", sites.goes("wg1"), (sites.running(), sites.way()))
    check("and packets follow", sites.packets_pass())
    sites.heal()
    check("healed: what was changed meanwhile stands, and no more", sites.is_as(shut) and sites.goes("wg0") and shut != before, sites.running())


# --- the feed at the end of a pipe ------------------------------------------------------------------------------------
class Driven:
    def __init__(self, sites, build):
        self.process = subprocess.Popen(sites.a.node.inside([str(Path(build).resolve() / "tests/vty_driver"), "/run/undo", "/run/frr"]),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def apply(self, **verdicts):
        """wg0="degraded 25": what was told."""
        for interface, verdict in verdicts.items():
            self.process.stdin.write(f"peer 10.8.0.{1 + 2 * int(interface[-1])} {interface} {verdict}\n")
        return self.say("apply")

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self):
        for child in nodes.children(self.process.pid):
            os.kill(child, 9)
        self.process.wait(timeout=20)


def costs(build):
    """Verdicts in a row: the cost of each interface is what they say, in proportion to its own."""
    with Sites(build, "ospf") as sites:
        check("both sites route over wg0", wait(sites.are_up) and sites.goes("wg0"), sites.sessions())
        before, sessions = sites.running(), sites.sessions()
        driven = Driven(sites, build)
        check("degraded to two and a half times: 10 is 25, 50 is 125", driven.apply(wg0="degraded 25", wg1="degraded 25").startswith(
            "OSPF cost 25, OSPFv3 cost 25; OSPF cost 125, OSPFv3 cost 125;"), sites.running())
        check("six times: the other way is the better one", driven.apply(wg0="degraded 60", wg1="up 10") and
              wait(lambda: sites.way() == {"wg1"}), sites.way())
        chance, wrong = random.Random(3), []
        for number in range(FLIPS):
            if number == FLIPS // 2:
                driven.kill()
                driven = Driven(sites, build)
            verdicts = {i: (chance.choice(("up", "degraded", "down", "unknown")), chance.randrange(10, 60)) for i in ("wg0", "wg1")}
            driven.apply(**{i: f"{state} {cost}" for i, (state, cost) in verdicts.items()})
            fault = _wrong_cost(sites.running(), verdicts)
            if fault:
                wrong.append((number, verdicts, fault))
        check(f"{FLIPS} verdicts, and an end by kill -9 among them: costs follow each", not wrong, wrong[:2])
        check("withdrawn: byte for byte", driven.say("withdraw") == "withdrawn" and sites.running() == before, sites.running())
        check("no adjacency was lost", sites.sessions() == sessions, (sessions, sites.sessions()))


def _wrong_cost(running, verdicts):
    for daemon, command in (("ospfd", "ip ospf cost"), ("ospf6d", "ipv6 ospf6 cost")):
        for interface, own in (("wg0", 10), ("wg1", 50)):
            block = re.search(rf"^interface {interface}$.*?^exit$", running[daemon], re.M | re.S)[0]
            found = re.search(rf"^ {command} (\d+)$", block, re.M)
            state, cost = verdicts[interface]
            wanted = {"down": 65535, "degraded": -(-own * cost // 10)}.get(state, own)
            if (int(found[1]) if found else 10) != wanted:
                return f"{daemon} {interface}: {found and found[0]}, wanted {wanted}"
    return ""


GROUPS = {group.__name__: group for group in (ospf, bgp, costs)}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
