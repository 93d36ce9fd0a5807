#!/usr/bin/python3
"""dn42 with the real BIRD: peers whose addresses its neighbours alone tell, the feed bird-include, and an operator at work
beside it. Counts and states, never times.

test_dn42.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list). WireGuard itself tells
nothing here: link-local addresses, and allowed-ips of 0.0.0.0/0 and ::/0.
"""
import json
import socket
import sys
import threading
from contextlib import suppress

from bird import CONTROL, SNIPPETS, Bird
from pair import PATIENT_TIMERS, RUN_DIR, UNDAMPED, UNMEASURED, Pair, Server, check, main, wait
from test_bird import cut, heal
from wgbfdlab.topology import Peer, WireGuard

LABEL = "dn"
OURS = f"[probe]\n{PATIENT_TIMERS}{UNDAMPED}{UNMEASURED}"
FILE = "/run/bird/wgbfd.conf"
LAN4, LAN6 = "192.0.2.128/25", "2001:db8:b::/48"
SESSIONS = ("b_wg0", "b_wg1")
FAR = """router id 10.255.0.2;
protocol device { }
protocol static lan4 { ipv4; route 192.0.2.128/25 blackhole; }
protocol static lan6 { ipv6; route 2001:db8:b::/48 blackhole; }
template bgp dn42 { local as 65002; connect delay time 1; error wait time 1, 5;
 ipv4 { extended next hop on; import all; export where proto ~ "lan*"; }; ipv6 { import all; export where proto ~ "lan*"; }; }
protocol bgp wg0 from dn42 { neighbor fe80::a%wg0 as 65001; source address fe80::b; }
protocol bgp wg1 from dn42 { neighbor fe80::a%wg1 as 65001; source address fe80::b; }
"""
OSPF = """router id 10.255.0.{n};
protocol device {{ }}
protocol ospf v{version} tunnels {{ {channel} area 0 {{ interface "wg0" {{ type ptp; hello 1; dead 4; }}; }}; }}
"""


class Dn42(Pair):
    """a and b with fe80::a and fe80::b on both tunnels."""

    def __init__(self, build, tunnels=2, more=""):
        super().__init__(build, LABEL, tunnels)
        self.more = more  # addresses beside the link-local ones: 10.8.0.{n}/24

    @staticmethod
    def _wireguard(name, other, n):
        far = "192.0.2.2" if name == "a" else "192.0.2.1"
        return WireGuard(f"wg{n}", f"fe80::{name}/64", 51820 + n, [Peer(other, "0.0.0.0/0, ::/0", f"{far}:{51820 + n}")])

    def _build(self):
        super()._build()
        for number, host in enumerate((self.a, self.b), 1):
            for n in range(self.tunnels):
                host.sh(f"ip link set wg{n} addrgenmode none; ip -6 address flush dev wg{n}; "
                        f"ip address add fe80::{host.node.name}/64 dev wg{n} nodad")
            if self.more:
                host.sh(f"ip address add {self.more.format(n=number)} dev wg0")

    def snippet(self):
        """wgbfd.toml of the snippet with this run's keys, timers and file."""
        text = (SNIPPETS / "dn42-link-local/wgbfd.toml").read_text(encoding="utf-8")
        for placeholder, interface in (("AA" + "A" * 41 + "=", "wg0"), ("AQ" + "A" * 41 + "=", "wg1")):
            text = text.replace(placeholder, self.key("b", interface))
        return OURS + text.replace('/etc/bird/wgbfd.conf', FILE)


def bird_conf():
    return (SNIPPETS / "dn42-link-local/bird.conf").read_text(encoding="utf-8").replace("/etc/bird/wgbfd.conf", FILE)


def problem(pair, feed="bird-include"):
    return pair.a.status().get("feeds", {}).get(feed, {}).get("problem") or ""


def told(pair, name="b-wg0", feed="bird-include"):
    return pair.a.row(name=name).get("feeds", {}).get(feed, {}).get("told")


def constant(bird, name):
    return bird.ask(f"eval wgbfd_{name}")[0]


def attributes(bird, prefix, protocol):
    """{attribute: text} of the protocol's route."""
    lines = bird.ask(f"show route {prefix} protocol {protocol} all")
    return dict(line.strip().split(": ", 1) for line in lines if ": " in line)


def best(bird):
    return bird.best(LAN4), bird.best(LAN6)


def start(build_pair):
    """Both BIRDs, and wgbfd at both ends."""
    pair = build_pair
    toml = pair.a.configure(pair.snippet())
    made = pair.a.wgbfd("snippets", "bird-include", "--config", toml)
    check("`wgbfd snippets bird-include` prints the file before the daemon has ever run",
          made.returncode == 0 and "define wgbfd_b_wg0_local_pref = 200;" in made.stdout, made.stderr)
    pair.a.write(FILE, made.stdout)
    bird = Bird(pair.a, bird_conf())
    far = Bird(pair.b, FAR)
    check("the snippet's BIRD has both sessions while wgbfd has never run", wait(lambda: bird.established(*SESSIONS), 60), bird.ask("show protocols"))
    pair.b.start_configured(f"{OURS}[bird]\n")
    pair.a.start("--config", toml)
    return bird, far


# --- addresses --------------------------------------------------------------------------------------------------------
def ospf(build):
    """OSPF in both versions: its neighbour is the peer's address."""
    for version, channel, remote, local in ((2, "ipv4;", "10.8.0.2", "10.8.0.1"), (3, "ipv6;", "fe80::b", "fe80::a")):
        with Dn42(build, 1, "10.8.0.{n}/24") as pair:
            for number, host in enumerate((pair.a, pair.b), 1):
                Bird(host, OSPF.format(n=number, version=version, channel=channel))
                host.start_configured(f"{OURS}[bird]\n")
            row = wait(lambda: pair.a.row(interface="wg0", state="up"), 60)
            check(f"OSPFv{version}: both resolve by BIRD's neighbour and come up", row and (row["remote"], row["local"], row["address_source"]) ==
                  (remote, local, "routing") and wait(pair.b.is_up), pair.a.rows())


def neighbors(build):
    with Dn42(build) as pair:
        pair.a.start_configured(f"{OURS}[bird]\n")
        check("without BIRD a peer has no address, and status tells whom it would ask",
              wait(lambda: pair.a.row(interface="wg0", unresolved="no-candidate") and
                   any(f"neighbours: BIRD's control socket {CONTROL} is not there: start BIRD" in p for p in pair.a.status().get("problems", []))),
              pair.a.status().get("problems"))
        pair.a.terminate()
        bird, _ = start(pair)
        rows = wait(lambda: [row for row in pair.a.rows() if row["state"] == "up"][1:] and pair.a.rows())
        check("both peers: the address is BIRD's neighbour, on its own interface, and the session is up",
              [(row["interface"], row["local"], row["remote"], row["address_source"]) for row in rows or []] ==
              [("wg0", "fe80::a", "fe80::b", "routing"), ("wg1", "fe80::a", "fe80::b", "routing")], pair.a.rows())
        check("nothing is left to complain of", wait(lambda: not pair.a.status().get("problems")), pair.a.status().get("problems"))
        before = pair.a.row(name="b-wg0")["bfd"]["local_discriminator"]
        bird.stop()
        check("a BIRD that is gone takes no address away", wait(lambda: problem(pair)) and pair.a.row(name="b-wg0")["remote"] == "fe80::b", pair.a.rows())
        bird.start()
        wait(lambda: bird.established(*SESSIONS), 60)
        row = pair.a.row(name="b-wg0")
        check("one session all the while", (row["bfd"]["local_discriminator"], row["bfd"]["downs"]) == (before, 0), row)
        wait(lambda: not problem(pair))
        done = pair.a.wgbfd("doctor", "--json", "--config", "/run/wgbfd.toml")
        faults = [f for f in json.loads(done.stdout)["findings"] if f["check"] in ("addresses", "bird") and f["severity"] != "ok"]
        check("the doctor finds the addresses too, and the include in order", not faults, faults)


# --- bird-include -----------------------------------------------------------------------------------------------------
def include(build):
    """A cut moves both families and touches no session; communities reach the far side; each end leaves all at rest."""
    with Dn42(build) as pair:
        bird, far = start(pair)
        check("both peers are up and told", wait(lambda: told(pair) == told(pair, "b-wg1") == "up, cost 10"), (pair.a.rows(), problem(pair)))
        check("the preferred tunnel is taken, for IPv4 and IPv6", wait(lambda: best(bird) == ("b_wg0", "b_wg0")), best(bird))
        _communities(bird, far)
        before = [bird.protocol(name) for name in SESSIONS]
        cut(pair)
        check("a silent cut: both families leave the tunnel", wait(lambda: best(bird) == ("b_wg1", "b_wg1")), (best(bird), problem(pair)))
        check("its routes are the last choice, and still there", attributes(bird, LAN4, "b_wg0").get("BGP.local_pref") == "0" and
              constant(bird, "b_wg0_up") == "FALSE" and constant(bird, "b_wg0_cost") == "65535", attributes(bird, LAN4, "b_wg0"))
        check("status says what was told", wait(lambda: told(pair) == "down" and told(pair, "b-wg1") == "up, cost 10"), pair.a.rows())
        heal(pair)
        check("healed: they are back", wait(lambda: best(bird) == ("b_wg0", "b_wg0")), best(bird))
        now = [bird.protocol(name) for name in SESSIONS]
        check("no session was restarted", now == before, (before, now))
        _reload(pair, bird, far)
        _ends(pair, bird)


def _communities(bird, far):
    here = lambda: attributes(bird, LAN4, "b_wg0").get("BGP.community")  # noqa: E731
    there = lambda: [attributes(far, "192.0.2.0/25", name).get("BGP.community") for name in ("wg0", "wg1")]  # noqa: E731
    check("routes that come in carry the tunnel's latency and loss", wait(lambda: here() == "(64511,3) (64511,91)"), here())
    check("and the far side gets them with ours", wait(lambda: there() == ["(64511,3) (64511,91)", "(64511,5) (64511,92)"]), there())


def _reload(pair, bird, far):
    """Communities by a reload; a name that goes while BIRD uses it."""
    text = pair.snippet()
    pair.a.configure(text.replace("dn42_latency = 3", "dn42_latency = 6"))
    done = pair.a.wgbfd("reload")
    check("another class at a reload reaches the far side", done.returncode == 0 and
          wait(lambda: attributes(far, "192.0.2.0/25", "wg0").get("BGP.community") == "(64511,6) (64511,91)"), (done.stderr, problem(pair)))
    pair.a.configure(text.replace("dn42_latency = 3", "dn42_latency = 7").replace("local_pref = 200", "local_pref = 201"))
    pair.a.wgbfd("reload")
    check("one more change within the hour waits, and holds nothing else up", wait(lambda: constant(bird, "b_wg0_local_pref") == "201") and
          constant(bird, "b_wg0_latency") == "6", constant(bird, "b_wg0_latency"))
    pair.a.configure(text.replace('name = "b-wg0"', 'name = "other"'))
    pair.a.wgbfd("reload")
    check("a name that BIRD's filters use stays, and is told",
          wait(lambda: "uses constants of adjacencies that wgbfd's no longer names" in problem(pair) and constant(bird, "b_wg0_up") == "TRUE" and
               constant(bird, "other_up") == "TRUE"), problem(pair))
    pair.a.configure(text.replace(FILE, FILE + "2"))
    done = pair.a.wgbfd("reload")
    check("another file at a reload is refused", done.returncode == 1 and "include cannot change while the daemon runs" in done.stderr, done.stderr)
    pair.a.configure(text)
    pair.a.wgbfd("reload")
    check("and the old name again: all is well", wait(lambda: not problem(pair) and told(pair) == "up, cost 10"), problem(pair))


def _at_rest(pair, bird):
    text = pair.a.sh(f"cat {FILE}")
    return "define wgbfd_b_wg0_up = true;" in text and wait(lambda: constant(bird, "b_wg0_up") == "TRUE" and best(bird) == ("b_wg0", "b_wg0"))


def _ends(pair, bird):
    for how in ("stop", "kill -9 and undo", "kill -9 and the next start"):
        cut(pair)
        wait(lambda: constant(bird, "b_wg0_up") == "FALSE")
        if how == "stop":
            check("SIGTERM: 0", pair.a.terminate() == 0, pair.a.log()[-400:])
        else:
            pair.a.kill_both()
            check("kill -9: the constants stand", constant(bird, "b_wg0_up") == "FALSE")
            said = pair.a.wgbfd("doctor").stdout
            check("the doctor tells it", f"BIRD's constants in {FILE}" in said, said)
        if how.endswith("undo"):
            done = pair.a.wgbfd("undo")
            check("undo: 0", done.returncode == 0, done.stderr)
        if how.endswith("start"):
            pair.a.start("--config", "/run/wgbfd.toml")
            check("the next start adopts them", constant(bird, "b_wg0_up") == "FALSE")
            heal(pair)
            check("and judges them anew", wait(lambda: constant(bird, "b_wg0_up") == "TRUE"), problem(pair))
            continue
        check(f"{how}: all is at rest, in the file and in BIRD", _at_rest(pair, bird), pair.a.sh(f"cat {FILE}"))
        heal(pair)
        pair.a.start("--config", "/run/wgbfd.toml")
        check(f"{how}: the next start tells again", wait(lambda: told(pair) == "up, cost 10"), (problem(pair), pair.a.rows()))


# --- an operator at work ----------------------------------------------------------------------------------------------
def operator(build):
    with Dn42(build) as pair:
        bird, _ = start(pair)
        wait(lambda: told(pair) == told(pair, "b-wg1") == "up, cost 10")
        _half_an_edit(pair, bird)
        _on_trial(pair, bird)
        _turned_away(pair, bird)
        _bird_restarted(pair, bird)
        _file_taken(pair, bird)
        _protocol_disabled(pair, bird)


def rewrite(pair, text):
    pair.a.write("/run/bird/bird.conf", text)


def _half_an_edit(pair, bird):
    rewrite(pair, bird_conf() + "\nprotocol bgp half {\n")
    before = pair.a.sh(f"cat {FILE}")
    cut(pair)
    check("half an edit: told as BIRD's own mistake, with the place", wait(lambda: "BIRD's own configuration has a mistake, /run/bird/bird.conf:" in problem(pair)), problem(pair))
    check("BIRD runs on, and the file is as it was", constant(bird, "b_wg0_up") == "TRUE" and pair.a.sh(f"cat {FILE}") == before and
          bird.established(*SESSIONS))
    rewrite(pair, bird_conf())
    check("mended: nothing was lost", wait(lambda: best(bird) == ("b_wg1", "b_wg1") and not problem(pair), 60), problem(pair))
    heal(pair)
    check("and back", wait(lambda: best(bird) == ("b_wg0", "b_wg0")), problem(pair))


def _on_trial(pair, bird):
    bird.ask("configure timeout 300")
    cut(pair)
    check("a configuration on trial stays one, and is told", wait(lambda: "BIRD has a configuration on trial" in problem(pair)) and
          any("undo in" in line for line in bird.ask("configure status")), problem(pair))
    bird.ask("configure confirm")
    check("confirmed: told what is new", wait(lambda: best(bird) == ("b_wg1", "b_wg1")), problem(pair))
    heal(pair)
    wait(lambda: best(bird) == ("b_wg0", "b_wg0") and told(pair) == "up, cost 10")


def _turned_away(pair, bird):
    cut(pair)
    wait(lambda: best(bird) == ("b_wg1", "b_wg1") and told(pair) == "down")
    bird.ask("configure undo")
    check("`configure undo` is not fought", wait(lambda: "BIRD runs an earlier configuration" in problem(pair)) and constant(bird, "b_wg0_up") == "TRUE", problem(pair))
    bird.ask("configure")
    check("the operator's own configure brings what is new", wait(lambda: constant(bird, "b_wg0_up") == "FALSE" and not problem(pair)), problem(pair))
    heal(pair)
    wait(lambda: told(pair) == "up, cost 10")


def _bird_restarted(pair, bird):
    cut(pair)
    wait(lambda: pair.a.row(name="b-wg0", state="down"))
    bird.stop()
    check("BIRD gone in the middle of a failover: told, with the fix", wait(lambda: f"{CONTROL} is not there: start BIRD" in problem(pair)), problem(pair))
    check("the file it will start with has what is new", wait(lambda: "wgbfd_b_wg0_up = false;" in pair.a.sh(f"cat {FILE}")), pair.a.sh(f"cat {FILE}"))
    bird.start()
    check("back: it runs it, and all is well", wait(lambda: constant(bird, "b_wg0_up") == "FALSE" and not problem(pair)), problem(pair))
    heal(pair)
    check("and follows again", wait(lambda: told(pair) == "up, cost 10" and best(bird) == ("b_wg0", "b_wg0"), 60), (problem(pair), best(bird)))


def _file_taken(pair, bird):
    pair.a.sh(f"rm {FILE}")
    check("a file that somebody took away is written anew", wait(lambda: "wgbfd_b_wg0_up" in pair.a.sh(f"cat {FILE} 2>/dev/null || true")))
    rewrite(pair, FAR.replace("65002", "65001").replace("fe80::a%", "fe80::b%").replace("as 65001; source address fe80::b", "as 65002; source address fe80::a"))
    bird.ask("configure")
    check("a configuration that no longer includes it: told what to write", wait(lambda: f'write include "{FILE}"; on a line of its own' in problem(pair)), problem(pair))
    rewrite(pair, bird_conf())
    bird.ask("configure")
    check("included again: all is well", wait(lambda: not problem(pair)), problem(pair))
    wait(lambda: bird.established(*SESSIONS), 60)


def _protocol_disabled(pair, bird):
    pair.a.configure(pair.snippet().replace('feeds = ["bird-include"]\nlocal_pref = 200', 'feeds = ["bird-include", "bird-protocol"]\nbird_protocol = "b_wg0"\nlocal_pref = 200'))
    pair.a.wgbfd("reload")
    bird.ask('disable b_wg0 "maintenance"')
    cut(pair)
    check("both feeds on one connection: what the operator disabled is left alone, the constants follow",
          wait(lambda: told(pair, feed="bird-protocol") == "left alone" and told(pair) == "down" and bird.protocol("b_wg0")[2] == "maintenance"),
          (pair.a.rows(), problem(pair)))
    clients = lambda: pair.a.sh(f"ss -xH state connected | grep -c '{CONTROL}' || true").strip()  # noqa: E731
    check("BIRD has one connection of ours", wait(lambda: clients() == "1"), clients())  # it has yet to close what this test asked by
    heal(pair)
    wait(lambda: pair.a.row(name="b-wg0", state="up"))
    check("also when the peer is back", wait(lambda: told(pair) == "up, cost 10" and bird.protocol("b_wg0")[2] == "maintenance"), bird.protocol("b_wg0"))
    bird.ask("enable b_wg0")


def permission(build):
    """The control socket and the file's directory belong to somebody else; then they are ours again."""
    with Dn42(build) as pair:
        bird, _ = start(pair)
        wait(lambda: told(pair) == "up, cost 10")
        pair.a.terminate()
        pair.a.sh(f"chown nobody:nogroup {CONTROL}; chmod 0600 {CONTROL}; mkdir /run/theirs; chown nobody:nogroup /run/theirs; chmod 0755 /run/theirs")
        pair.a.daemon = pair.a.node.spawn(["setpriv", "--bounding-set=-dac_override,-dac_read_search", pair.a.binary, "run", "--run-dir", RUN_DIR,
                                           "--config", "/run/wgbfd.toml"], "wgbfd.log")
        check("a control socket of another group: told, with the fix", wait(lambda: "refuses us: run wgbfd as root or in BIRD's group" in problem(pair)), problem(pair))
        check("addresses are unknown then, and that is told too", wait(lambda: any("refuses us" in p for p in pair.a.status().get("problems", []))), pair.a.status().get("problems"))
        pair.a.sh(f"chown root:root {CONTROL}")
        check("given back: all is well without a restart", wait(lambda: told(pair) == "up, cost 10" and not problem(pair)), (problem(pair), pair.a.rows()))
        pair.a.terminate()
        pair.a.configure(pair.snippet().replace(FILE, "/run/theirs/wgbfd.conf"))
        pair.a.daemon = pair.a.node.spawn(["setpriv", "--bounding-set=-dac_override,-dac_read_search", pair.a.binary, "run", "--run-dir", RUN_DIR,
                                           "--config", "/run/wgbfd.toml"], "wgbfd.log")
        check("a directory that may not be written: told, with the fix", wait(lambda: "cannot write /run/theirs/wgbfd.conf" in problem(pair) and
              "let wgbfd write in its directory" in problem(pair)), problem(pair))
        check("the sessions never noticed", bird.established(*SESSIONS))


# --- an end in the middle ---------------------------------------------------------------------------------------------
class Deaf(Server):
    """BIRD's control socket under another name, which hears no `disable` while it is told not to."""

    PATH = "/run/bird/deaf.ctl"

    def __init__(self, host):
        self.host, self.deaf = host, False
        super().__init__(host, self.PATH, self.pass_on)

    def pass_on(self, connection):
        with socket.socket(socket.AF_UNIX) as bird:
            bird.connect(self.host.node.path(CONTROL))
            threading.Thread(target=self.back, args=(bird, connection), daemon=True).start()
            for line in connection.makefile("rb"):
                if not (self.deaf and line.startswith(b"disable")):
                    bird.sendall(line)
            bird.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def back(bird, connection):
        with suppress(OSError):  # either end may be gone
            while piece := bird.recv(65536):
                connection.sendall(piece)
        connection.close()


def interrupted(build):
    """kill -9 between BIRD's `configure`, which enables what an operator has disabled, and our disabling it again."""
    with Dn42(build) as pair:
        control = Deaf(pair.a)
        plain = pair.snippet()
        pair.snippet = lambda: plain.replace("[bird]\n", f'[bird]\ncontrol = "{Deaf.PATH}"\n')
        bird, _ = start(pair)
        check("both peers are up and told", wait(lambda: told(pair) == told(pair, "b-wg1") == "up, cost 10"), (pair.a.rows(), problem(pair)))
        bird.ask('disable b_wg1 "maintenance"')
        for how in ("undo", "the next start", "the next start, with BIRD restarted meanwhile", "a stop that BIRD does not answer, and undo"):
            _interrupted(pair, bird, control, how)
            heal(pair)
            if pair.a.daemon.poll() is not None:
                pair.a.start("--config", "/run/wgbfd.toml")
            wait(lambda: told(pair) == "up, cost 10")


def _is_kept(bird):
    return bird.protocol("b_wg1")[0] == "down" and bird.protocol("b_wg1")[2] == "maintenance"


def _interrupted(pair, bird, control, how):
    control.deaf = "stop" not in how
    cut(pair)
    if "stop" in how:
        wait(lambda: constant(bird, "b_wg0_up") == "FALSE" and told(pair) == "down")
        control.deaf = True
        check(f"{how}: not 0, for something is left", pair.a.terminate() != 0, pair.a.log()[-400:])
    else:
        wait(lambda: constant(bird, "b_wg0_up") == "FALSE")
        pair.a.kill_both()
    check(f"{how}: BIRD's `configure` has enabled what was disabled", bird.protocol("b_wg1")[0] != "down", bird.protocol("b_wg1"))
    said = pair.a.wgbfd("doctor").stdout
    check(f"{how}: the doctor tells it", "BIRD's protocol b_wg1, which you had disabled" in said, said)
    control.deaf = False
    if how.endswith("meanwhile"):
        bird.stop()
        control.close()
        bird.start()
        control.__init__(pair.a)
    if how.endswith("undo"):
        done = pair.a.wgbfd("undo")
        check(f"{how}: 0, and it is disabled again, with its message", done.returncode == 0 and wait(lambda: _is_kept(bird)), (done.stderr, bird.protocol("b_wg1")))
        return
    pair.a.start("--config", "/run/wgbfd.toml")
    if how.endswith("start"):
        check(f"{how}: it is disabled again, with its message", wait(lambda: _is_kept(bird)), bird.protocol("b_wg1"))
        return
    wait(lambda: told(pair) == "down")
    check(f"{how}: it is BIRD's own, and left alone", bird.protocol("b_wg1")[0] != "down", bird.protocol("b_wg1"))
    bird.ask('disable b_wg1 "maintenance"')


GROUPS = {group.__name__: group for group in (ospf, neighbors, include, operator, permission, interrupted)}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
