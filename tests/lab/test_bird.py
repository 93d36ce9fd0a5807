#!/usr/bin/python3
"""Real BIRD with the feeds bird-nexthop and bird-protocol: what BIRD makes of every verdict, and that whatever ends wgbfd
leaves each path usable. Counts and states, never times.

test_bird.py BUILD [NAME…]: BUILD holds src/wgbfd and tests/nexthop_driver; NAMEs run only those groups (see --list).
"""
import random
import subprocess
import sys
import time
from pathlib import Path

from bird import CONTROL, SNIPPETS, Bird
from pair import TIMERS, UNDAMPED, UNMEASURED, Pair, check, main, wait

LABEL = "bd"
LAN = "192.0.2.128/25"
SESSIONS = ("site_b_wg0", "site_b_wg1")
FLIPS = 1000
PEERS = (("10.8.0.1", "wg0"), ("10.8.0.3", "wg1"), ("fd00::1", "wg0"), ("fd00::3", "wg1"))

FAR = """router id 10.255.0.2;
protocol device {{ }}
protocol static lan {{ ipv4; route 192.0.2.128/25 blackhole; }}
template bgp tunnel {{ local as 65002; connect delay time 1; error wait time 1, 5;
 ipv4 {{ import all; export where proto = "lan"; extended next hop on; }}; }}
{protocols}
"""
GLOBAL = """protocol bgp wg0 from tunnel { neighbor 10.8.0.0 as 65001; source address 10.8.0.1; }
protocol bgp wg1 from tunnel { neighbor 10.8.0.2 as 65001; source address 10.8.0.3; }
"""
LINK_LOCAL = """protocol bgp wg0 from tunnel { neighbor fe80::a%wg0 as 65001; source address fe80::b; }
protocol bgp wg1 from tunnel { neighbor fe80::a%wg1 as 65001; source address fe80::b; }
"""


def snippet(name, file):
    return (SNIPPETS / name / file).read_text(encoding="utf-8")


def cut(pair, interface="wg0"):
    """The underlay of one tunnel carries nothing any more, silently."""
    port = 51820 + int(interface[-1])
    pair.b.sh("nft add table inet cut; nft 'add chain inet cut in { type filter hook input priority 0; }'; "
              "nft 'add chain inet cut out { type filter hook output priority 0; }'; "
              f"nft add rule inet cut in udp dport {port} drop; nft add rule inet cut out udp sport {port} drop")


def heal(pair):
    pair.b.sh("nft delete table inet cut")


def ours(pair, family=""):
    return pair.a.sh(f"ip {family} route show table 4242 proto 87 2>/dev/null || true").split("\n")[:-1]


def configured(pair):
    """wgbfd at both ends, over two tunnels; a with the snippet's feeds."""
    rows = "".join(f'[[adjacency]]\nname = "b-{i}"\ninterface = "{i}"\npeer = "{pair.key("b", i)}"\n' for i in ("wg0", "wg1"))
    return f"[probe]\n{TIMERS}{UNDAMPED}{UNMEASURED}{snippet('ebgp-nexthop-table', 'wgbfd.toml')}{rows}"


def both_paths(bird):
    """Each session's own route to the far LAN can be used."""
    return all(any("unicast" in line for line in bird.ask(f"show route {LAN} protocol {name}")) for name in SESSIONS)


def start_nexthop(pair):
    bird = Bird(pair.a, snippet("ebgp-nexthop-table", "bird.conf"))
    Bird(pair.b, FAR.format(protocols=GLOBAL))
    check("the snippet's BIRD has both sessions and both paths while wgbfd has never run",
          wait(lambda: bird.established(*SESSIONS) and both_paths(bird)), bird.ask("show protocols"))
    return bird


# --- bird-nexthop -----------------------------------------------------------------------------------------------------
def flips(build):
    """A thousand verdicts in a row: BIRD's table is ours after each, its best path is what the verdicts say."""
    with Pair(build, LABEL, tunnels=2) as pair:
        bird = start_nexthop(pair)
        before = [bird.protocol(name) for name in SESSIONS]
        driver = subprocess.Popen(pair.a.node.inside([str(Path(build).resolve() / "tests/nexthop_driver"), "/run/undo", "4242"]),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        chance, wrong = random.Random(3), []
        for number in range(FLIPS):
            verdicts = {address: (interface, chance.choice(("up", "degraded", "down", "unknown")), chance.randrange(2, 60))
                        for address, interface in PEERS}
            for address, (interface, state, cost) in verdicts.items():
                driver.stdin.write(f"peer {address} {interface} {state} {cost}\n")
            driver.stdin.write("apply\n")
            driver.stdin.flush()
            said = driver.stdout.readline()
            fault = said.strip() != "applied" and said or _follows(bird, verdicts)
            if fault:
                wrong.append((number, verdicts, fault))
        check(f"{FLIPS} verdicts: BIRD's table equals ours after each, and its best path follows", not wrong, wrong[:2])
        check("no session was restarted", [bird.protocol(name) for name in SESSIONS] == before, before)
        driver.stdin.write("withdraw\n")
        driver.stdin.flush()
        driver.wait(timeout=20)
        check("withdrawn: nothing of ours, both paths usable", not ours(pair) and wait(lambda: both_paths(bird)), ours(pair))


def _follows(bird, verdicts):
    """Empty once BIRD shows what the verdicts say; else what it shows after 30 s."""
    wanted = {address: "unreachable" if state == "down" else cost
              for address, (_, state, cost) in verdicts.items() if state != "unknown"}
    paths = [verdicts["10.8.0.1"], verdicts["10.8.0.3"]]  # BGP's sessions
    costs = {"site_b_" + interface: cost for interface, state, cost in paths if state in ("up", "degraded")}
    # A path of which nothing is known has the metric 0 of `direct`: both are usable, and which is best is BGP's own affair.
    unknown = any(state == "unknown" for _, state, _ in paths)
    best = {name for name, cost in costs.items() if cost == min(costs.values())}
    limit = time.monotonic() + 30
    while True:
        table, now = {**bird.table("nexthops_wgbfd"), **bird.table("nexthops_wgbfd6")}, bird.best(LAN)
        if table == wanted and (unknown or (now in best if best else now is None)):
            return ""
        if time.monotonic() > limit:
            return f"table {table}, best {now}; wanted {wanted}, {best}"
        time.sleep(0.001)


def nexthop(build):
    """The daemon: a cut moves the route and keeps the session; stop, kill -9 and undo leave both paths usable."""
    with Pair(build, LABEL, tunnels=2) as pair:
        bird = start_nexthop(pair)
        pair.b.start()
        pair.a.start_configured(configured(pair))
        check("both peers up: two routes with the cost", wait(lambda: bird.table("nexthops_wgbfd") == {"10.8.0.1": 10, "10.8.0.3": 10}),
              (ours(pair), pair.a.rows()))
        before = [bird.protocol(name) for name in SESSIONS]
        cut(pair)
        check("a silent cut: that next hop is unreachable in BIRD, and the other path is taken",
              wait(lambda: bird.table("nexthops_wgbfd").get("10.8.0.1") == "unreachable" and bird.best(LAN) == "site_b_wg1"),
              (bird.table("nexthops_wgbfd"), bird.best(LAN)))
        told = pair.a.row(name="b-wg0")["feeds"]
        check("status says what was told", told.get("bird-nexthop", {}).get("told") == "unreachable", told)
        heal(pair)
        check("healed: its cost again", wait(lambda: bird.table("nexthops_wgbfd").get("10.8.0.1") == 10), bird.table("nexthops_wgbfd"))
        check("no session was restarted", [bird.protocol(name) for name in SESSIONS] == before, before)
        _interface_cycle(pair, bird)
        _ends(pair, bird)
        _table_changes(pair, bird)


def _interface_cycle(pair, bird):
    pair.a.sh("ip route flush table 4242 proto 87; ip link set wg1 down; ip link set wg1 up")
    check("flushed, and an interface down and up: all routes are put back",
          wait(lambda: len(ours(pair)) == 2 and bird.table("nexthops_wgbfd") == {"10.8.0.1": 10, "10.8.0.3": 10}), bird.table("nexthops_wgbfd"))
    wait(lambda: bird.established(*SESSIONS))


def _ends(pair, bird):
    foreign = "ip route add 10.8.0.77/32 dev wg0 table 4242"
    pair.a.sh(foreign)
    for how in ("stop", "kill -9 and undo", "kill -9 and the next start"):
        cut(pair)
        wait(lambda: bird.table("nexthops_wgbfd").get("10.8.0.1") == "unreachable")
        if how == "stop":
            check("SIGTERM: 0", pair.a.terminate() == 0, pair.a.log()[-400:])
        else:
            pair.a.kill_both()
            check("kill -9: the route of the dead path stands", wait(lambda: any("unreachable" in line for line in ours(pair))), ours(pair))
            said = pair.a.wgbfd("doctor").stdout
            check("the doctor tells it", "routes in table 4242" in said, said)
        if how.endswith("undo"):
            check("undo: 0", pair.a.wgbfd("undo").returncode == 0)
        if how.endswith("start"):
            pair.a.start("--config", "/run/wgbfd.toml")
            check("the next start adopts it", any("unreachable" in line for line in ours(pair)), ours(pair))
            heal(pair)
            check("and judges it anew", wait(lambda: bird.table("nexthops_wgbfd") == {"10.8.0.1": 10, "10.8.0.3": 10}), ours(pair))
            continue
        check(f"{how}: nothing of ours is left, and both paths are usable", not ours(pair) and wait(lambda: both_paths(bird)), ours(pair))
        check(f"{how}: what is not ours stands", "10.8.0.77" in pair.a.sh("ip route show table 4242"))
        heal(pair)
        pair.a.start("--config", "/run/wgbfd.toml")
        check(f"{how}: the next start brings both routes again",
              wait(lambda: bird.table("nexthops_wgbfd") == {"10.8.0.1": 10, "10.8.0.3": 10}), (ours(pair), pair.a.rows()))


def _table_changes(pair, bird):
    text = configured(pair)
    pair.a.configure(text.replace("4242", "4243"))
    done = pair.a.wgbfd("reload")
    moved = wait(lambda: not ours(pair) and len(pair.a.sh("ip route show table 4243 proto 87").splitlines()) == 2)
    check("another table at a reload: the old one is left empty of ours", done.returncode == 0 and moved, (done.stderr, ours(pair)))
    pair.a.sh("wg set wg0 peer '" + pair.key("b") + "' allowed-ips fe80::b/128; ip -6 address add fe80::a/64 dev wg0 2>/dev/null || true; "
              "ip address del 10.8.0.0/31 dev wg0")
    problem = lambda: pair.a.status()["feeds"]["bird-nexthop"]["problem"] or ""  # noqa: E731
    check("a peer with a link-local address alone: told to use the other feed",
          wait(lambda: "b-wg0 has a link-local address alone" in problem() and "bird-protocol" in problem()), problem())
    check("its sessions never noticed", wait(lambda: bird.established("site_b_wg1")))


# --- bird-protocol ----------------------------------------------------------------------------------------------------
def link_local(pair):
    """fe80::a and fe80::b on each tunnel, and the snippet's configuration with this run's keys."""
    for host, name in ((pair.a, "a"), (pair.b, "b")):
        other = "b" if name == "a" else "a"
        for interface in ("wg0", "wg1"):
            host.sh(f"ip -6 address add fe80::{name}/64 dev {interface}; "
                    f"wg set {interface} peer '{pair.key(other, interface)}' allowed-ips fe80::{other}/128")
            host.sh(f"ip address flush dev {interface} scope global")
    text = snippet("disable-protocol", "wgbfd.toml")
    for placeholder, interface in (("AA" + "A" * 41 + "=", "wg0"), ("AQ" + "A" * 41 + "=", "wg1")):
        text = text.replace(placeholder, pair.key("b", interface))
    return f"[probe]\n{TIMERS}{UNDAMPED}{UNMEASURED}{text}"


def protocol(build):
    with Pair(build, LABEL, tunnels=2) as pair:
        text = link_local(pair)
        bird = Bird(pair.a, snippet("disable-protocol", "bird.conf"))
        Bird(pair.b, FAR.format(protocols=LINK_LOCAL))
        check("the snippet's BIRD has both sessions", wait(lambda: bird.established("to_b_wg0", "to_b_wg1"), 60), bird.ask("show protocols"))
        pair.b.start()
        pair.a.start_configured(text)
        wait(lambda: all(row["state"] == "up" for row in pair.a.rows()) and pair.a.rows())
        check("preferred path first", wait(lambda: bird.best(LAN) == "to_b_wg0"), bird.ask(f"show route {LAN}"))
        cut(pair)
        check("a silent cut disables the protocol, with the cause", wait(lambda: bird.protocol("to_b_wg0")[0] == "down") and
              bird.protocol("to_b_wg0")[2] == "wgbfd: b-wg0 is down (detect-timeout)", bird.protocol("to_b_wg0"))
        check("and the route moves", wait(lambda: bird.best(LAN) == "to_b_wg1"), bird.ask(f"show route {LAN}"))
        heal(pair)
        check("healed: enabled, and the route comes back", wait(lambda: bird.best(LAN) == "to_b_wg0", 60), bird.ask("show protocols"))
        said = pair.a.wgbfd("doctor", "--config", "/run/wgbfd.toml").stdout
        check("the doctor finds BIRD and both protocols in order", all(word in said for word in
              (" answers", "to_b_wg0: is up, and follows b-wg0", "to_b_wg1: is up, and follows b-wg1")), said)
        _operator(pair, bird)
        _restarted(pair, bird)
        _protocol_ends(pair, bird)


def _is_disabled(bird):
    return bird.protocol("to_b_wg0")[2].startswith("wgbfd:")


def _told(pair):
    return pair.a.row(name="b-wg0").get("feeds", {}).get("bird-protocol", {}).get("told")


def _problem(pair):
    return pair.a.status()["feeds"]["bird-protocol"]["problem"]


def _operator(pair, bird):
    bird.ask('disable to_b_wg0 "maintenance"')
    cut(pair)
    check("what the operator disabled is left alone", wait(lambda: _told(pair) == "left alone") and
          bird.protocol("to_b_wg0")[2] == "maintenance", bird.protocol("to_b_wg0"))
    heal(pair)
    wait(lambda: pair.a.row(name="b-wg0", state="up"))
    check("also when the peer is back", wait(lambda: _told(pair) == "nothing") and bird.protocol("to_b_wg0")[2] == "maintenance", bird.protocol("to_b_wg0"))
    bird.ask("enable to_b_wg0")
    cut(pair)
    wait(lambda: _is_disabled(bird))
    bird.ask("enable to_b_wg0")
    check("what the operator enables against us is left to him, and told", wait(lambda: _told(pair) == "left alone" and
          "is left alone" in (_problem(pair) or "")), _problem(pair))
    heal(pair)
    check("until its peer is back", wait(lambda: pair.a.row(name="b-wg0", state="up") and _told(pair) == "nothing"))


def _restarted(pair, bird):
    cut(pair)
    wait(lambda: _is_disabled(bird))
    bird.stop()
    check("BIRD gone: told, with the fix", wait(lambda: f"{CONTROL} is not there: start BIRD" in (_problem(pair) or "")), _problem(pair))
    bird.start()
    check("BIRD back: told again", wait(lambda: _is_disabled(bird)), bird.protocol("to_b_wg0"))
    check("and all is well", wait(lambda: _problem(pair) is None), _problem(pair))


def _protocol_ends(pair, bird):
    check("SIGTERM enables it: 0", pair.a.terminate() == 0 and bird.protocol("to_b_wg0")[0] != "down", (bird.protocol("to_b_wg0"), pair.a.log()[-300:]))
    pair.a.start("--config", "/run/wgbfd.toml")
    check("the next start knows that its peer was up: disabled again", wait(lambda: _is_disabled(bird)), pair.a.rows())
    pair.a.kill_both()
    check("kill -9: the protocol stays disabled", _is_disabled(bird))
    done = pair.a.wgbfd("doctor")
    check("the doctor tells it", "BIRD's protocol to_b_wg0" in done.stdout, done.stdout)
    done = pair.a.wgbfd("undo")
    check("undo enables it: 0", done.returncode == 0 and bird.protocol("to_b_wg0")[0] != "down", done.stderr)
    pair.a.start("--config", "/run/wgbfd.toml")
    wait(lambda: _is_disabled(bird))
    pair.a.kill_both()
    bird.ask('enable to_b_wg0')
    bird.ask('disable to_b_wg0 "maintenance"')
    done = pair.a.wgbfd("undo")
    check("undo leaves alone what the operator decided since: 0", done.returncode == 0 and bird.protocol("to_b_wg0")[2] == "maintenance", done.stderr)
    heal(pair)


GROUPS = {group.__name__.replace("_", "-"): group for group in (flips, nexthop, protocol)}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
