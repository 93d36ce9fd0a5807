#!/usr/bin/python3
"""Each of frr-snippets/, loaded by the real FRR through vtysh as an operator would, and brought up against a far end; each
of bird-snippets/ read by the real BIRD (test_bird.py and test_dn42.py bring them up).

test_snippets.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list). wgbfd runs by the snippet's
own wgbfd.toml, bfdd by the options of bfdd-data-plane/daemons.
"""
import sys

from pair import TREE, Pair, check, main, wait
from wgbfdlab import nodes, vty
from wgbfdlab.topology import Peer, WireGuard

LABEL = "sn"
SNIPPETS = TREE / "frr-snippets"
BIRD_SNIPPETS = TREE / "bird-snippets"
MULTICAST = "224.0.0.5/32, ff02::5/128, fe80::/64"


def snippet(name, file="frr.conf"):
    return (SNIPPETS / name / file).read_text()


class Tunnel(Pair):
    """wg0 between two hosts, with the addresses and allowed-ips a snippet speaks of."""

    def __init__(self, build, addresses=("10.8.0.0/31", "10.8.0.1/31"), allowed=("10.8.0.0/31", "10.8.0.0/31")):
        super().__init__(build, LABEL)
        self._wireguard = lambda name, other, _: WireGuard("wg0", addresses[name == "b"], 51820, [
            Peer(other, allowed[name == "b"], "192.0.2.2:51820" if name == "a" else "192.0.2.1:51820")])


def bfdd_options():
    """What /etc/init.d reads of the file `daemons`, as a shell reads it."""
    line = next(line for line in snippet("bfdd-data-plane", "daemons").splitlines() if line.startswith("bfdd_options="))
    return line.split('"')[1].split()


def load(host, name, daemons, stock=False, exchange=()):
    """Starts the daemons and loads the snippet; `exchange` makes the far end's of it."""
    text = snippet(name)
    for mine, theirs in exchange:
        text = text.replace(mine, "\0").replace(theirs, mine).replace("\0", theirs)
    load_text(host, name, text, daemons, stock)


def load_text(host, name, text, daemons, stock=False):
    for daemon in ("zebra", *daemons, "bfdd"):
        host.start_frr(daemon, *(bfdd_options() if daemon == "bfdd" and not stock else []))
    load_lines(host, name, text)


def load_lines(host, name, text):
    path = host.node.etc_frr / "frr.conf"
    path.write_text(text)
    (host.node.etc_frr / "vtysh.conf").write_text("")
    nodes.give_to_frr(path, host.node.etc_frr / "vtysh.conf")
    done = host.node.run(["vtysh", "-f", "/etc/frr/frr.conf"], check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "%" in line or "nknown" in line]
    check(f"{name}: FRR takes every line ({host.node.name})", done.returncode == 0 and not said, said or done.stderr)


def start(host, name):
    """wgbfd, by the snippet's own configuration."""
    text = snippet(name, "wgbfd.toml")
    host.write("/run/snippet.toml", text)
    checked = host.node.run([host.binary, "check", "/run/snippet.toml"], check=False)
    check(f"{name}: wgbfd takes wgbfd.toml ({host.node.name})", checked.returncode == 0, checked.stderr)
    host.start("--config", "/run/snippet.toml")


def bgp(host, peer):
    """(state, BFD's state) of a neighbour."""
    shown = vty.ask_json(host.node, "bgpd", "show bgp neighbors json").get(peer, {})
    return shown.get("bgpState"), shown.get("peerBfdInfo", {}).get("status")


def session(host, remote):
    """The session wgbfd has with that address for bfdd: (state, interval in ms, detection time in ms)."""
    for row in host.rows():
        for one in [{**(row["bfd"] or {}), "remote": row["remote"], "asked_by": row["asked_by"]}, *row["sessions"]]:
            if one["remote"] == remote and "bfdd" in one["asked_by"]:
                return one["state"], one["tx_interval_us"] // 1000, one["detection_time_us"] // 1000
    return None


def ebgp(build):
    """One interface a peer, towards a far end with stock BFD: two snippets at once."""
    with Tunnel(build) as pair:
        pair.b.sh("ip route add blackhole 192.0.2.128/25")  # the far end's LAN: BGP announces what is in the table
        start(pair.a, "ebgp-one-interface-per-peer")
        load(pair.a, "ebgp-one-interface-per-peer", ["bgpd"])
        load(pair.b, "far-end-stock-bfd", ["bgpd"], stock=True)
        both = wait(lambda: bgp(pair.a, "10.8.0.1") == bgp(pair.b, "10.8.0.0") == ("Established", "Up"), 60)
        check("BGP is Established with BFD Up at both ends, wgbfd here and bfdd there", both, (bgp(pair.a, "10.8.0.1"), bgp(pair.b, "10.8.0.0")))
        check("the slower wish decides", wait(lambda: session(pair.a, "10.8.0.1") == ("Up", 300, 900)), pair.a.rows())
        check("the policy passes the LAN", wait(lambda: "192.0.2.128/25" in pair.a.ask_frr("bgpd", "show bgp ipv4 unicast json")))
        pair.b.sh("kill -9 $(cat /run/frr/bfdd.pid)")
        check("a far end that falls silent ends BGP here", wait(lambda: bgp(pair.a, "10.8.0.1")[0] not in (None, "Established")), bgp(pair.a, "10.8.0.1"))


def hub(build):
    spoke = "router bgp 65101\n bgp router-id 10.255.0.1\n no bgp ebgp-requires-policy\n neighbor 10.9.0.254 remote-as 65001\n" \
            " neighbor 10.9.0.254 timers connect 2\n neighbor 10.9.0.254 bfd\n address-family ipv4 unicast\n  network 10.20.1.0/24\n exit-address-family\n"
    with Tunnel(build, ("10.9.0.254/24", "10.9.0.1/24"), ("10.9.0.1/32, 10.20.1.0/24", "0.0.0.0/0")) as pair:
        pair.a.sh("wg set wg0 peer \"$(wg genkey | wg pubkey)\" allowed-ips 10.9.0.2/32 endpoint 192.0.2.9:51820")  # one that is dead
        for host in (pair.a, pair.b):
            start(host, "hub-many-peers")
        load(pair.a, "hub-many-peers", ["bgpd"])
        load_text(pair.b, "a spoke", spoke + "ip route 10.20.1.0/24 blackhole\n", ["bgpd", "staticd"])
        check("a spoke that calls is taken, with BFD Up", wait(lambda: bgp(pair.a, "10.9.0.1") == ("Established", "Up"), 60), bgp(pair.a, "10.9.0.1"))
        check("what lies behind it is learned", wait(lambda: "10.20.1.0/24" in pair.a.ask_frr("bgpd", "show bgp ipv4 unicast json")))
        check("and it gets the default route", wait(lambda: "0.0.0.0/0" in pair.b.ask_frr("bgpd", "show bgp ipv4 unicast json")))
        check("a dead peer beside it does nothing to the interface", pair.a.operstate() in ("UNKNOWN", "UP"), pair.a.operstate())


def ospf_ptp(build):
    with Tunnel(build, allowed=(f"10.8.0.0/31, {MULTICAST}",) * 2) as pair:
        for host in (pair.a, pair.b):
            start(host, "ospf-ptp")
        load(pair.a, "ospf-ptp", ["ospfd"])
        load(pair.b, "ospf-ptp", ["ospfd"], exchange=[("10.255.0.1", "10.255.0.2")])
        check("OSPF is Full", wait(lambda: "Full" in pair.a.ask_frr("ospfd", "show ip ospf neighbor json"), 60), pair.a.ask_frr("ospfd", "show ip ospf neighbor"))
        check("with BFD Up by wgbfd at the profile's timers", wait(lambda: session(pair.a, "10.8.0.1") == ("Up", 50, 150)), pair.a.rows())
        pair.b.kill_both()
        check("a peer that dies: the interface is DORMANT and the neighbour gone", wait(lambda: pair.a.operstate() == "DORMANT" and
              "Full" not in pair.a.ask_frr("ospfd", "show ip ospf neighbor json")), pair.a.operstate())


def ospf_many_peers(build):
    with Tunnel(build, ("10.9.0.254/24", "10.9.0.1/24"), ("10.9.0.1/32", "10.9.0.0/24")) as pair:
        pair.a.sh("wg set wg0 peer \"$(wg genkey | wg pubkey)\" allowed-ips 10.9.0.2/32 endpoint 192.0.2.9:51820")
        for host in (pair.a, pair.b):
            start(host, "hub-many-peers")
        load(pair.a, "ospf-many-peers", ["ospfd"])
        spoke = snippet("ospf-many-peers").replace("priority 10", "priority 0").replace("10.255.0.254", "10.255.0.1")
        load_text(pair.b, "a spoke", spoke.replace(" neighbor 10.9.0.2 poll-interval 10\n", "").replace("neighbor 10.9.0.1 ", "neighbor 10.9.0.254 "), ["ospfd"])
        check("OSPF is Full over unicast hellos, allowed-ips naming hosts alone",
              wait(lambda: "Full" in pair.a.ask_frr("ospfd", "show ip ospf neighbor json"), 120), pair.a.ask_frr("ospfd", "show ip ospf neighbor"))
        check("the hub is the designated router", wait(lambda: "Full/DR" in pair.b.ask_frr("ospfd", "show ip ospf neighbor")),
              pair.b.ask_frr("ospfd", "show ip ospf neighbor"))
        check("with BFD Up by wgbfd", wait(lambda: (session(pair.a, "10.9.0.1") or [""])[0] == "Up"), pair.a.rows())


def ospf6_ptp(build):
    with Tunnel(build, ("fe80::1/64", "fe80::2/64"), (MULTICAST,) * 2) as pair:
        for number, host in enumerate((pair.a, pair.b), 1):
            host.sh(f"ip link set wg0 addrgenmode none; ip -6 address flush dev wg0; ip address add fe80::{number}/64 dev wg0 nodad")
            start(host, "ospf6-ptp")
        load(pair.a, "ospf6-ptp", ["ospf6d"])
        load(pair.b, "ospf6-ptp", ["ospf6d"], exchange=[("10.255.0.1", "10.255.0.2")])
        check("OSPFv3 is Full", wait(lambda: "Full" in pair.a.ask_frr("ospf6d", "show ipv6 ospf6 neighbor json"), 60), pair.a.ask_frr("ospf6d", "show ipv6 ospf6 neighbor"))
        row = wait(lambda: pair.a.row(remote="fe80::2", address_source="routing", state="up"))
        check("the peer's address is ospf6d's neighbour, and up", row, pair.a.rows())
        check("BFD is Up for OSPFv3 too", wait(lambda: session(pair.a, "fe80::2") == ("Up", 50, 150)), pair.a.rows())


def ibgp_mesh(build):
    with Tunnel(build, allowed=(f"10.8.0.0/31, 10.255.0.0/24, {MULTICAST}",) * 2) as pair:
        for host in (pair.a, pair.b):
            start(host, "ospf-ptp")
        load(pair.a, "ibgp-full-mesh-loopbacks", ["ospfd", "bgpd"])
        load(pair.b, "ibgp-full-mesh-loopbacks", ["ospfd", "bgpd"], exchange=[("10.255.0.1", "10.255.0.2"), ("192.0.2.0/26", "192.0.2.64/26")])
        check("iBGP between the loopbacks is Established, with multihop BFD Up", wait(lambda: bgp(pair.a, "10.255.0.2") == ("Established", "Up"), 90),
              (bgp(pair.a, "10.255.0.2"), pair.a.ask_frr("ospfd", "show ip ospf neighbor")))
        check("at 300 ms x 5", wait(lambda: session(pair.a, "10.255.0.2") == ("Up", 300, 1500)), pair.a.rows())
        check("while the tunnel's own is fast", wait(lambda: session(pair.a, "10.8.0.1") == ("Up", 50, 150)), pair.a.rows())


def fpm(build):
    with Tunnel(build) as pair:
        start(pair.a, "fpm")
        options = next(line for line in snippet("fpm", "daemons").splitlines() if line.startswith("zebra_options=")).split('"')[1].split()
        pair.a.start_frr("zebra", *options)
        load_lines(pair.a, "fpm", snippet("fpm"))
        routes = lambda: pair.a.status().get("routes") or {}  # noqa: E731
        check("zebra is connected, and tells of the routes", wait(lambda: (routes().get("fpm") or {}).get("client") and routes()["source"] == "fpm"), routes())
        findings = [line for line in pair.a.wgbfd("doctor", "--config", "/run/snippet.toml").stdout.splitlines() if "fpm" in line]
        check("wgbfd doctor finds the module", findings and all(line.startswith("ok") for line in findings), findings)


def headers(_build):
    """Each folder says when to use it, and is tried above, BIRD's in the tests beside this one."""
    tried = {SNIPPETS: ["test_snippets.py"], BIRD_SNIPPETS: ["test_bird.py", "test_dn42.py", "test_snippets.py"]}
    for folder in sorted(path for snippets in tried for path in snippets.iterdir() if path.is_dir()):
        main_file = next(folder / name for name in ("frr.conf", "bird.conf", "daemons") if (folder / name).exists())
        head = "\n".join(line for line in main_file.read_text().splitlines()[:12] if line[:1] in "!#")
        check(f"{folder.name}: the header says when to use it", "When to use it:" in head, head)
        texts = "".join((TREE / "tests/lab" / name).read_text() for name in tried[folder.parent])
        check(f"{folder.name}: is loaded by a group of {' or '.join(tried[folder.parent])}", f'"{folder.name}' in texts)


def bird(build):
    """BIRD reads each, with the include of wgbfd where it has one; wgbfd takes what stands beside it."""
    with Tunnel(build) as pair:
        for name in ("bgp-far-end-stock-bfd", "disable-protocol", "dn42-link-local", "ebgp-nexthop-table"):
            folder, host = BIRD_SNIPPETS / name, pair.a
            text = (folder / "bird.conf").read_text().replace("/etc/bird/wgbfd.conf", "/run/bird/wgbfd.conf")
            if (folder / "wgbfd.toml").exists():
                host.write("/run/snippet.toml", (folder / "wgbfd.toml").read_text())
                checked = host.node.run([host.binary, "check", "/run/snippet.toml"], check=False)
                check(f"{name}: wgbfd takes wgbfd.toml", checked.returncode == 0, checked.stderr)
                if "bird-include" in text:
                    host.write("/run/bird/wgbfd.conf", host.wgbfd("snippets", "bird-include", "--config", "/run/snippet.toml").stdout)
            host.write("/run/bird/bird.conf", text)
            done = host.node.run(["bird", "-p", "-c", "/run/bird/bird.conf"], check=False)
            check(f"{name}: BIRD takes every line", done.returncode == 0 and not done.stderr, done.stderr)


GROUPS = {"headers": headers, "ebgp": ebgp, "hub": hub, "ospf-ptp": ospf_ptp, "ospf-many-peers": ospf_many_peers, "ospf6-ptp": ospf6_ptp,
          "ibgp-mesh": ibgp_mesh, "bird": bird, "fpm": fpm}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
