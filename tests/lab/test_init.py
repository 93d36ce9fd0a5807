#!/usr/bin/python3
"""wgbfd init and wgbfd snippets on hosts of several kinds: what is printed is loaded by wgbfd, the real FRR and BIRD.

test_init.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import sys

from pair import DATA_PLANE, Pair, check, main, wait
from wgbfdlab import vty
from wgbfdlab.topology import Peer, WireGuard

LABEL = "in"
DAEMONS = {"bfdd": "bfd", "bgpd": "router bgp", "ospfd": "router ospf"}


def printed(host, *words):
    done = host.wgbfd(*words)
    check(f"{host.node.name}: wgbfd {' '.join(words)}: 0, and nothing else is said", done.returncode == 0 and not done.stderr, done.stderr)
    return done.stdout


def init(host, sentence, *wanted):
    """The configuration init prints, kept in the host and found good."""
    text = printed(host, "init")
    host.write("/run/init.toml", text)
    checked = host.node.run([host.binary, "check", "/run/init.toml"], check=False)
    check(f"{sentence}: init prints what `wgbfd check` accepts", checked.returncode == 0, checked.stderr + text)
    check(f"{sentence}: and says what it found", all(word in text for word in wanted), text)
    return text


def parts(text):
    """The parts of `snippets frr`, by the first word of their title."""
    out, name = {}, ""
    for line in text.splitlines():
        if line.startswith("! ===== "):
            name = line.split()[2].rstrip(",")
        out.setdefault(name, []).append(line)
    return {name: [line for line in lines if line.strip() and not line.strip().startswith("!")] for name, lines in out.items()}


def load(host, daemon, lines):
    """Each line as an operator would paste it; a refused one is an error."""
    vty.configure(host.node, daemon, lines)


def start(host, *daemons):
    for daemon in daemons:
        host.start_frr(daemon, *(["--dplaneaddr", DATA_PLANE] if daemon == "bfdd" else []))


def bare(build):
    """No routing daemon, and two peers of which one has no address."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        host.sh("wg set wg0 peer \"$(wg genkey | wg pubkey)\" allowed-ips 10.20.0.0/16")
        host.sh(f"wg set wg0 peer '{pair.key('b')}' allowed-ips 10.8.0.1/32")
        text = init(host, "two peers, no daemon", "2 WireGuard peers on 1 interface, no FRR, no BIRD", 'address = "10.8.0.1"', "no-candidate")
        check("nothing of FRR is in it", "[frr]" not in text and '"link"' not in text, text)
        host.start("--config", "/run/init.toml")
        check("the daemon starts with it and probes", wait(lambda: host.row(remote="10.8.0.1", configured=True)), host.rows())
        host.terminate()
        host.sh("ip link del wg0 2>/dev/null || pkill -x wireguard-go || true")
        wait(lambda: "wg0" not in host.sh("ip link"))
        init(host, "no WireGuard at all", "0 WireGuard peers", "No WireGuard peer was found")
        usage = host.wgbfd("snippets", "quagga")
        check("snippets of another daemon: 2, one line", usage.returncode == 2 and usage.stderr.count("\n") == 1, usage.stderr)


def frr(build):
    """FRR without, then with a data plane; the snippets make BGP and OSPF come up with BFD."""
    with Pair(build, LABEL) as pair:
        for host in (pair.a, pair.b):
            start(host, "zebra")
        init(pair.a, "FRR without bfdd", "FRR 8.4.4", "bfdd does not run here", '#bfd_dataplane', 'vty = "/run/frr"', '"link"')
        pair.a.start_frr("bfdd")
        init(pair.a, "bfdd without --dplaneaddr", "bfdd has no --dplaneaddr yet", f'\nbfd_dataplane = "{DATA_PLANE}"')
        pair.a.stop_frr("bfdd")
        for host in (pair.a, pair.b):
            start(host, "bfdd", "bgpd", "ospfd")
            init(host, "bfdd with --dplaneaddr", "bfdd hands its sessions over here", f'\nbfd_dataplane = "{DATA_PLANE}"')
            host.start("--config", "/run/init.toml")
        _snippets(pair)
        check("an interface whose peer lives is not DORMANT", wait(lambda: all(host.operstate() in ("UNKNOWN", "UP") for host in (pair.a, pair.b))))


def _snippets(pair):
    for number, host in enumerate((pair.a, pair.b), 1):
        found = parts(printed(host, "snippets", "frr"))
        check(f"snippets frr has a part for each daemon: {host.node.name}", set(DAEMONS) <= set(found), found.keys())
        bgp = [line.replace("65001", f"6500{number}") for line in found["bgpd"]]  # the AS number is the operator's to write
        load(host, "bfdd", found["bfdd"])
        load(host, "bgpd", bgp)
        load(host, "ospfd", found["ospfd"])
        running = "".join(host.ask_frr(daemon, "show running-config") for daemon in DAEMONS)
        check(f"it is the running configuration then: {host.node.name}", all(text in running for text in
              ("profile wgbfd", "bfd profile wgbfd", "remote-as external", "ip ospf bfd profile wgbfd")), running)
    for host, peer in ((pair.a, "b"), (pair.b, "a")):  # as the snippet says
        host.sh(f"wg set wg0 peer '{pair.key(peer)}' allowed-ips 10.8.0.0/31,224.0.0.5/32")
    state = wait(lambda: _established(pair.a), 60)
    check("BGP is Established, with BFD Up by wgbfd", state, pair.a.ask_frr("bgpd", "show bgp neighbors"))
    check("OSPF is Full", wait(lambda: "Full" in pair.a.ask_frr("ospfd", "show ip ospf neighbor json"), 60), pair.a.ask_frr("ospfd", "show ip ospf neighbor"))
    def served():
        row = pair.a.row(interface="wg0", state="up")
        return row and "bfdd" in row["asked_by"] and row["bfd"]["tx_interval_us"] == 50_000
    check("wgbfd serves FRR's wish with FRR's timers", wait(served), pair.a.rows())
    again = parts(printed(pair.a, "snippets", "frr"))["bgpd"]
    check("a neighbour that BGP has is given BFD alone, in the AS that runs",
          "router bgp 65001" in again and not any("remote-as" in line for line in again) and any(line.endswith(" bfd") for line in again), again)
    before = pair.a.ask_frr("bgpd", "show running-config")
    load(pair.a, "bgpd", again)
    check("which changes nothing", pair.a.ask_frr("bgpd", "show running-config") == before and wait(lambda: _established(pair.a), 60),
          pair.a.ask_frr("bgpd", "show running-config"))


def _established(host):
    shown = vty.ask_json(host.node, "bgpd", "show bgp neighbors json").values()
    return any(isinstance(one, dict) and one.get("bgpState") == "Established" and
               one.get("peerBfdInfo", {}).get("status") == "Up" for one in shown)


def many_peers(build):
    """Several peers on one interface: no feed link, and what FRR is given for them."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        host.sh(f"ip address flush dev wg0; ip address add 10.9.0.254/24 dev wg0; wg set wg0 peer '{pair.key('b')}' allowed-ips 10.9.0.1/32; "
                "wg set wg0 peer \"$(wg genkey | wg pubkey)\" allowed-ips 10.9.0.2/32")
        start(host, "zebra", "bfdd", "bgpd", "ospfd")
        text = init(host, "several peers", "2 WireGuard peers on 1 interface", "# 2 peers: the interface's state would speak", "it is probed once it has called")
        check("without the feed link", '"link"' not in text, text)
        found = parts(printed(host, "snippets", "frr"))
        for daemon in DAEMONS:
            load(host, daemon, found[daemon])
        running = host.ask_frr("ospfd", "show running-config") + host.ask_frr("bgpd", "show running-config")
        check("FRR takes its side: each peer a neighbour of BGP, and of OSPF by itself", all(text in running for text in
              ("ip ospf network non-broadcast", " neighbor 10.9.0.1\n", " neighbor 10.9.0.2\n",
               "neighbor 10.9.0.1 bfd profile wgbfd", "neighbor 10.9.0.2 bfd profile wgbfd")), running)


class LinkLocal(Pair):
    """dn42: link-local addresses alone, and allowed-ips that name nobody."""

    @staticmethod
    def _wireguard(name, other, _):
        address, endpoint = ("fe80::1/64", "192.0.2.2:51820") if name == "a" else ("fe80::2/64", "192.0.2.1:51820")
        return WireGuard("wg0", address, 51820, [Peer(other, "0.0.0.0/0, ::/0, fe80::2/128" if name == "a" else "0.0.0.0/0, ::/0, fe80::1/128", endpoint)])


def link_local(build):
    """BGP unnumbered from the snippet; BIRD parses its own."""
    with LinkLocal(build, LABEL) as pair:
        for number, host in enumerate((pair.a, pair.b), 1):
            host.sh(f"ip link set wg0 addrgenmode none; ip -6 address flush dev wg0; ip address add fe80::{number}/64 dev wg0 nodad")
            start(host, "zebra", "bgpd")
            found = parts(printed(host, "snippets", "frr"))
            load(host, "bgpd", [line.replace("65001", f"6500{number}") for line in found["bgpd"]])
            vty.configure(host.node, "zebra", ["interface wg0", "ipv6 nd ra-interval 1"])
        check("BGP over link-local addresses comes up by the snippet", wait(lambda: "Established" in pair.a.ask_frr("bgpd", "show bgp neighbors json"), 60),
              pair.a.ask_frr("bgpd", "show bgp summary"))
        _bird(pair.a, "% 'wg0'")


def bird(build):
    with Pair(build, LABEL) as pair:
        _bird(pair.a, "neighbor 10.8.0.1 external")


def _bird(host, wanted):
    text = printed(host, "snippets", "bird")
    host.write("/run/bird.conf", text)
    done = host.node.run(["bird", "-p", "-c", "/run/bird.conf"], check=False)
    check("snippets bird: BIRD takes it", done.returncode == 0 and wanted in text, done.stderr + text)
    check("it has no BFD, and says why", "protocol bfd {" not in text and "UDP 3784" in text and "kernel table 4242;" in text, text)


GROUPS = {"bare": bare, "frr": frr, "many-peers": many_peers, "link-local": link_local, "bird": bird}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
