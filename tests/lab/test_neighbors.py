#!/usr/bin/python3
"""Tunnel addresses from the neighbours of the real FRR: BGP unnumbered over link-local addresses, OSPF, OSPFv3.

test_neighbors.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list). WireGuard itself tells
nothing here: allowed-ips are 0.0.0.0/0 and ::/0, as in dn42.
"""
import json
import os
import signal
import sys

from pair import PATIENT_TIMERS, Pair, check, main, wait
from wgbfdlab.topology import Peer, WireGuard

LABEL = "nb"
WITHOUT_VTY = f"[probe]\n{PATIENT_TIMERS}"
CONFIG = WITHOUT_VTY + '[frr]\nvty = "/run/frr"\n'
UNNUMBERED = """router bgp 6500{n}
 bgp router-id 10.255.0.{n}
 no bgp ebgp-requires-policy
 neighbor wg0 interface remote-as external
 neighbor wg0 timers connect 1
"""
OSPF = "interface wg0\n ip ospf area 0\n ip ospf network point-to-point\n ip ospf hello-interval 1\n ip ospf dead-interval 4\n" \
       "router ospf\n ospf router-id 10.255.0.{n}\n"
OSPF6 = "interface wg0\n ipv6 ospf6 area 0\n ipv6 ospf6 network point-to-point\n ipv6 ospf6 hello-interval 1\n ipv6 ospf6 dead-interval 4\n" \
        "router ospf6\n ospf6 router-id 10.255.0.{n}\n"


class Blind(Pair):
    """Two hosts whose WireGuard does not tell addresses: wg0 has 10.8.0.N/24 (unless link-local only) and fe80::N/64."""

    def __init__(self, build, link_local_only=False):
        super().__init__(build, LABEL)
        self.link_local_only = link_local_only

    @staticmethod
    def _wireguard(name, other, _):
        address, endpoint = ("10.8.0.1/24", "192.0.2.2:51820") if name == "a" else ("10.8.0.2/24", "192.0.2.1:51820")
        return WireGuard("wg0", address, 51820, [Peer(other, "0.0.0.0/0, ::/0", endpoint)])

    def _build(self):
        super()._build()
        for number, host in self.numbered():
            host.sh("ip link set wg0 addrgenmode none; ip -6 address flush dev wg0")  # wireguard-go has one of the kernel's
            host.sh(f"ip address add fe80::{number}/64 dev wg0 nodad")
            if self.link_local_only:
                host.sh("ip -4 address flush dev wg0")
            host.start_frr("zebra", config="interface wg0\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval 1\n")

    def numbered(self):
        return (1, self.a), (2, self.b)

    def route(self, daemon, config):
        for number, host in self.numbered():
            host.start_frr(daemon, config=config.format(n=number))

    def watch(self):
        for _, host in self.numbered():
            host.start_configured(CONFIG)

    def found(self, sentence, remote):
        """Both resolve and come up; the one at a says what and why."""
        up = self.a.is_up() and self.b.is_up()
        row = self.a.row(interface="wg0")
        check(sentence, up and (row["remote"], row["address_source"]) == (remote, "routing"), (self.a.rows(), self.a.log()[-400:]))
        return row


def problems(host):
    return [problem for problem in host.status().get("problems", ["neighbours: no answer"]) if problem.startswith("neighbours: ")]


def bgp(build):
    with Blind(build, link_local_only=True) as pair:
        pair.watch()
        row = wait(lambda: pair.a.row(interface="wg0", unresolved="no-candidate"))
        check("without a routing daemon the peer has no address, and is unknown", row.get("state") == "unknown", pair.a.rows())
        check("status tells that nobody can be asked, and what to do",
              wait(lambda: [p for p in problems(pair.a) if "neither bgpd, ospfd nor ospf6d runs in /run/frr" in p and "address" in p]), problems(pair.a))
        pair.route("bgpd", UNNUMBERED)
        before = pair.found("BGP unnumbered: both resolve by its neighbour and come up", "fe80::2")
        check("nothing is left to complain of", wait(lambda: not problems(pair.a)), problems(pair.a))
        _frozen(pair, before)
        _restarted(pair, before)
        # It asks bgpd itself, which has just begun anew and hears of its neighbour when that announces itself.
        check("the doctor finds the address too", wait(lambda: not _faults(pair.a)), _faults(pair.a))


def _faults(host):
    findings = json.loads(host.wgbfd("doctor", "--json", "--config", "/run/wgbfd.toml").stdout)["findings"]
    return [f for f in findings if f["check"] == "addresses" and f["severity"] != "ok"]


def _frozen(pair, before):
    process = int(pair.a.sh("cat /run/frr/bgpd.pid"))
    pair.a.sh(f"kill -STOP {process}")
    check("a frozen bgpd is a problem that status tells", wait(lambda: any("bgpd does not answer" in p for p in problems(pair.a))), problems(pair.a))
    row = pair.a.row(interface="wg0")
    check("the session goes on meanwhile", row["state"] == "up" and row["bfd"]["local_discriminator"] == before["bfd"]["local_discriminator"], row)
    pair.a.sh(f"kill -CONT {process}")
    check("and the problem ends with it", wait(lambda: not problems(pair.a)), problems(pair.a))


def _restarted(pair, before):
    pair.a.stop_frr("bgpd")
    check("a bgpd that is gone is missed", wait(lambda: any("bgpd" in p for p in problems(pair.a))), problems(pair.a))
    check("its neighbour's address stays", pair.a.row(interface="wg0").get("remote") == "fe80::2", pair.a.rows())
    pair.a.start_frr("bgpd", config=UNNUMBERED.format(n=1))
    check("it is asked again when it is back", wait(lambda: not problems(pair.a)), problems(pair.a))
    row = pair.a.row(interface="wg0")
    check("one session all the while, without a Down at either end", row["bfd"]["local_discriminator"] == before["bfd"]["local_discriminator"] and
          (row["bfd"]["ups"], row["bfd"]["downs"]) == (1, 0) and pair.b.row(interface="wg0")["bfd"]["downs"] == 0, (row, pair.b.rows()))


def ospf(build):
    with Blind(build) as pair:
        pair.route("ospfd", OSPF)
        pair.watch()
        row = pair.found("OSPF: both resolve by its neighbour and come up", "10.8.0.2")
        check("from the address OSPF speaks from", row.get("local") == "10.8.0.1", row)
        # WireGuard's own word comes first, and a peer that has an address asks nobody.
        pair.a.sh(f"wg set wg0 peer '{pair.key('b')}' allowed-ips 10.8.0.2/32,224.0.0.5/32")
        check("allowed-ips that name the host come first", wait(lambda: pair.a.row(interface="wg0").get("address_source") == "allowed-ips"), pair.a.rows())
        check("which is no reason for a Down", pair.a.row(interface="wg0")["bfd"]["downs"] == 0, pair.a.rows())


def ospf6(build):
    with Blind(build) as pair:
        pair.route("ospf6d", OSPF6)
        pair.watch()
        pair.found("OSPFv3: both resolve by its neighbour and come up", "fe80::2")


def configured(build):
    """Neighbours that bgpd has and does not hear: link-local ones, whose interface its configuration alone tells."""
    with Blind(build, link_local_only=True) as pair:
        pair.route("bgpd", "router bgp 6500{n}\n bgp router-id 10.255.0.{n}\n neighbor fe80::1 remote-as external\n"
                   " neighbor fe80::1 interface wg0\n neighbor fe80::2 remote-as external\n neighbor fe80::2 interface wg0\n"
                   " neighbor fe80::9 remote-as external\n neighbor fe80::9 interface wg9\n")
        pair.watch()
        pair.found("a configured neighbour is one, before BGP is up; our own address and other interfaces' are none", "fe80::2")
        # Without [frr] vty nobody is asked, and with it again the address is back.
        pair.a.configure(WITHOUT_VTY)
        pair.a.wgbfd("reload")
        received = lambda: pair.a.row(interface="wg0")["bfd"]["packets_received"]  # noqa: E731
        before = received()
        later = wait(lambda: received() >= before + 20)  # 6 s: whoever is asked is asked every 5 s
        row = pair.a.row(interface="wg0")
        check("a reload that takes [frr] vty away keeps what is known", later and (row["remote"], row["state"]) == ("fe80::2", "up"), pair.a.rows())
        guardian, _ = pair.a.processes()
        os.kill(guardian, signal.SIGTERM)
        check("and stops with 0", pair.a.daemon.wait(timeout=30) == 0, pair.a.log()[-300:])
        pair.a.start_configured(WITHOUT_VTY)
        check("a start without it does not know", wait(lambda: pair.a.row(interface="wg0", unresolved="no-candidate")), pair.a.rows())


GROUPS = {"bgp": bgp, "ospf": ospf, "ospf6": ospf6, "configured": configured}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
