#!/usr/bin/python3
# lab/vm: --timeout 900
# tests/run: with --full alone
"""The feeds of a group where an interface is not the whole of it: `repair` per peer, on two interfaces with the same two peers, and `routes`
inside two VRFs with the same prefixes. What is not cut goes its own way meanwhile and loses nothing; where a backup would not carry the
traffic, repair refuses and says why; in the end the host is as it was."""
import json
import signal
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from guest.daemon import Wgbfd  # noqa: E402  pylint: disable=wrong-import-position
from guest.keys import Key  # noqa: E402  pylint: disable=wrong-import-position
from guest.pair import OTHER, Pair  # noqa: E402  pylint: disable=wrong-import-position
from guest.report import Report, seconds, wait  # noqa: E402  pylint: disable=wrong-import-position
from guest.space import Space  # noqa: E402  pylint: disable=wrong-import-position
from timelab.tables import EVERYTHING, difference  # noqa: E402  pylint: disable=wrong-import-position

PORTS = {"wg0": 5000, "wg1": 5001}
HOSTS = {"A": 1, "B": 2, "C": 3}
GAP = 0.180  # s: the detection time, 10 ms beside it, and what two echoes are apart


class Echoes:
    """Pings from one host's address to another's, 100 a second: when each answer came."""

    def __init__(self, space, source, target, size=56):
        self.path, self.interval = f"/run/ping-{space.name}-{target}-{size}-{time.monotonic_ns()}", 0.01
        self.process = space.spawn(["ping", "-n", "-D", "-i", self.interval, "-s", size, "-I", source, target], self.path)

    def gap(self):
        """Ends it. The longest time without an answer, and how many there were; s."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        times = [float(line[1:line.index("]")]) for line in open(self.path, encoding="ascii") if line.startswith("[") and "bytes from" in line]
        return max((after - before for before, after in zip(times, times[1:])), default=float("inf")), len(times)


class Star:
    """A, and B and C, which both stand on A's wg0 and on its wg1. 10.N.0.0/24 is the site of each, routed by wg0."""

    def __init__(self):
        self.spaces = {name: Space(f"star{name}") for name in HOSTS}
        self.keys = {name: Key() for name in HOSTS}
        self.a = self.spaces["A"]
        for name, n in HOSTS.items():
            self.spaces[name].ip(f"address add 10.{n}.0.1/24 dev lo")
            if name != "A":
                self.a.ip(f"link add u{n} type veth peer name under netns star{name}", f"address add 192.168.{n}.1/24 dev u{n}", f"link set u{n} up")
                self.spaces[name].ip(f"address add 192.168.{n}.2/24 dev under", "link set under up")
        for name, space in self.spaces.items():
            for number, (interface, port) in enumerate(PORTS.items()):
                text = f"[Interface]\nPrivateKey = {self.keys[name].private}\nListenPort = {port}\n"
                for other in self.others(name):
                    endpoint = f"192.168.{HOSTS[other]}.2" if name == "A" else f"192.168.{HOSTS[name]}.1"
                    text += f"[Peer]\nPublicKey = {self.keys[other].public}\nAllowedIPs = {self.allowed(other, interface)}\nEndpoint = {endpoint}:{port}\n"
                space.ip(f"link add {interface} type wireguard")
                space.run(f"wg setconf {interface} /dev/stdin", text=text)
                space.ip(f"address add 10.8.{number}.{HOSTS[name]}/24 dev {interface}", f"link set {interface} up")
            space.ip(*(f"route add 10.{HOSTS[other]}.0.0/24 dev wg0 src 10.{HOSTS[name]}.0.1" for other in self.others(name)))
            space.run("for i in all default wg0 wg1; do sysctl -qw net.ipv4.conf.$i.rp_filter=0; done; nft add table ip seen; nft 'add chain ip seen in "
                      "{ type filter hook input priority 0; }'; for i in wg0 wg1; do nft add rule ip seen in iifname $i icmp type echo-request counter; done")

    @staticmethod
    def others(name):
        return ["B", "C"] if name == "A" else ["A"]

    @staticmethod
    def allowed(other, interface):
        return f"10.8.{'01'[interface == 'wg1']}.{HOSTS[other]}/32,10.{HOSTS[other]}.0.0/24"

    def configuration(self, name):
        text = ""
        for other in self.others(name):
            text += f'[[group]]\nname = "{other}"\n'
            for number, interface in enumerate(PORTS):
                text += f'[[adjacency]]\nname = "{other}{number}"\ninterface = "{interface}"\npeer = "{self.keys[other].public}"\n' \
                        f'address = "10.8.{number}.{HOSTS[other]}"\ngroup = "{other}"\nfeeds = ["repair"]\npriority = {number + 1}\n'
        return text

    def cut(self, name):
        """The tunnel wg0 between A and that host."""
        self.spaces[name].run(f"nft 'add table ip cut; add chain ip cut in {{ type filter hook input priority 0; }}; add rule ip cut in udp dport "
                              f"{PORTS['wg0']} drop; add chain ip cut out {{ type filter hook output priority 0; }}; add rule ip cut out udp dport "
                              f"{PORTS['wg0']} drop'")

    def mend(self, name):
        self.spaces[name].run("nft delete table ip cut")

    def arrived(self, name):
        """(echo requests that came in by wg0, by wg1) there."""
        rules = json.loads(self.spaces[name].run("nft -j list table ip seen"))["nftables"]
        return tuple(part["counter"]["packets"] for entry in rules for part in entry.get("rule", {}).get("expr", []) if "counter" in part)


class Repair:
    def __init__(self, report):
        self.report, self.net = report, Star()
        time.sleep(3)  # the underlay's own fe80 are there
        self.before = self.net.a.run(EVERYTHING)
        self.daemons = {name: Wgbfd(space, self.net.configuration(name)) for name, space in self.net.spaces.items()}
        self.near = self.daemons["A"]
        for daemon in self.daemons.values():
            daemon.start()

    def all_told(self, end="A"):
        return {name: row.get("feeds", {}).get("repair", {}).get("told") for name, row in self.daemons[end].rows().items()}

    def told(self, name):
        return self.all_told().get(name)

    def problem(self, end="A"):
        return self.daemons[end].status().get("feeds", {}).get("repair", {}).get("problem") or ""

    def redirected(self):
        """The prefixes that A's wg0 redirects, as tc tells them."""
        text, found, last = self.net.a.run("tc filter show dev wg0 egress"), [], None
        for line in text.splitlines():
            if " at 16" in line and "match" in line:
                last = line.split()[1]
            if "Egress Redirect" in line:
                found.append(last)
        return found

    def ready(self):
        return wait(lambda: all(set(self.all_told(end).values()) == {"ready"} for end in self.daemons), 30, 0.25)

    def run(self):
        report, net = self.report, self.net
        report.check(self.ready() is not None, f"two interfaces with two peers each: repair is ready for all four {self.problem()}")
        streams = {name: Echoes(net.a, "10.1.0.1", f"10.{HOSTS[name]}.0.1") for name in "BC"}
        time.sleep(1)
        net.cut("B")
        wait(lambda: self.told("B0") == "redirected to wg1", 5)
        time.sleep(1)
        report.check(self.told("B0") == "redirected to wg1" and self.told("C0") == "ready", f"one peer of wg0 is cut: {self.told('B0')}; the other: {self.told('C0')}")
        report.check(self.redirected() == ["0a020000/ffffff00"], f"its allowed-ips alone are redirected: {self.redirected()}")
        net.cut("C")
        wait(lambda: self.told("C0") == "redirected to wg1", 5)
        report.check(sorted(self.redirected()) == ["0a020000/ffffff00", "0a030000/ffffff00"], f"the other is cut, too: {self.redirected()}")
        time.sleep(1)
        net.mend("C")
        wait(lambda: self.told("C0") == "ready", 20)
        report.check(self.redirected() == ["0a020000/ffffff00"], f"and is back, while the first is still redirected: {self.redirected()}")
        net.mend("B")
        self.ready()
        gaps = {name: stream.gap() for name, stream in streams.items()}
        report.check(all(gap <= GAP for gap, _ in gaps.values()), f"echoes, 100 a second: the longest time without an answer from B {gaps['B'][0] * 1000:.0f} ms, "
                     f"from C {gaps['C'][0] * 1000:.0f} ms (<= {GAP * 1000:.0f}; each was cut once)")
        report.check(not self.redirected(), "nothing is redirected when all are back")
        self.bystander()
        self.refuses()
        self.ends()

    def bystander(self):
        """While B is redirected, C's packets come by wg0 and none is lost."""
        net = self.net
        before = net.arrived("C")
        stream = Echoes(net.a, "10.1.0.1", "10.3.0.1")
        time.sleep(0.5)
        net.cut("B")
        wait(lambda: self.told("B0") == "redirected to wg1", 5)
        time.sleep(1)
        gap, count = stream.gap()
        after = net.arrived("C")
        self.report.check(after[1] == before[1] and after[0] - before[0] >= count > 100 and gap < 0.05,
                          f"the peer that is not cut: {after[0] - before[0]} of its packets by wg0, {after[1] - before[1]} by wg1, {gap * 1000:.0f} ms between two answers at most")
        net.mend("B")
        self.ready()

    def refuses(self):
        wider = {"B": "10.8.1.2/32", "C": "10.8.1.3/32,10.3.0.0/24,10.2.0.128/25"}
        for peer, allowed in wider.items():
            key = self.net.keys[peer].public
            self.net.a.run(f"wg set wg1 peer {key} allowed-ips {allowed}")
            self.refused("10.2.0.0/24 is not in the allowed-ips of B1 alone", f"wg1's peer {peer} has {allowed}")
            self.net.a.run(f"wg set wg1 peer {key} allowed-ips {self.net.allowed(peer, 'wg1')}")
            if peer == "C":  # it took a part of B's
                self.net.a.run(f"wg set wg1 peer {self.net.keys['B'].public} allowed-ips {self.net.allowed('B', 'wg1')}")
            self.report.check(self.ready() is not None, f"    mended, it is ready again {self.problem()}")
        self.net.a.run("sysctl -qw net.ipv4.conf.wg1.rp_filter=1")
        self.refused("sysctl -w net.ipv4.conf.wg1.rp_filter=2", "rp_filter of wg1 is strict", others=True)
        self.net.a.run("sysctl -qw net.ipv4.conf.wg1.rp_filter=0")
        self.ready()

    def refused(self, words, why, others=False):
        took = wait(lambda: self.told("B0") == "refused" and words in self.problem(), 10)
        self.report.check(took is not None and (others or self.told("C0") == "ready"), f"{why}: refused for B0, told in words; C0: {self.told('C0')} {'' if took else self.problem()}")
        self.net.cut("B")
        wait(lambda: self.near.row("B0")["state"] == "down", 10)
        time.sleep(0.5)
        self.report.check(self.near.row("B0")["state"] == "down" and not self.redirected(), f"    and when it is cut nothing is redirected {self.redirected()}")
        self.net.mend("B")
        wait(lambda: self.near.row("B0")["state"] == "up", 20)

    def ends(self):
        self.net.cut("B")
        wait(lambda: self.told("B0") == "redirected to wg1", 5)
        status, after = self.near.terminate(), self.net.a.run(EVERYTHING)
        self.report.check(status == 0 and after == self.before, f"a stop while one peer is redirected: status {status}, the host is as it was {difference(self.before, after)}")
        for name in "BC":
            self.daemons[name].terminate()


# --- routes inside VRFs -----------------------------------------------------------------------------------------------
TENANTS = {"red": (100, 6000, 100), "blue": (200, 6010, 200)}  # table, first port, octets in an echo
NEAR = {"A": 1, "B": 2}


class Vrfs:
    """Two tunnels for each tenant; 10.61.0.0/24 and 10.62.0.0/24 are the sites of both, on the VRF's own device."""

    def __init__(self, report):
        self.report, self.net = report, Pair()
        for end, space in self.net.spaces.items():
            space.run("for i in all default; do sysctl -qw net.ipv4.conf.$i.rp_filter=0; done")
            for tenant, (table, _, _) in TENANTS.items():
                space.ip(f"link add {tenant} type vrf table {table}", f"link set {tenant} up", f"address add 10.6{NEAR[end]}.0.1/32 dev {tenant}")
        for tenant, (_, port, _) in TENANTS.items():
            for n in (0, 1):
                self.tunnel(tenant, n, port + n)
        for space in self.net.spaces.values():
            space.run("nft add table ip seen; nft 'add chain ip seen in { type filter hook prerouting priority 0; }'")
            for tenant in TENANTS:
                for other, (_, _, size) in TENANTS.items():
                    space.run(f"nft add rule ip seen in iifname {tenant}0 ip length {size + 28} icmp type echo-request counter; "
                              f"nft add rule ip seen in iifname {tenant}1 ip length {size + 28} icmp type echo-request counter  # {other}")
        time.sleep(3)
        self.before = self.net.a.run(EVERYTHING)
        self.near, self.far = (Wgbfd(space, self.configuration(end), name=f"vrf-{end}") for end, space in self.net.spaces.items())

    def tunnel(self, tenant, n, port):
        name = f"{tenant}{n}"
        self.net.tunnel(name, port, {end: [f"10.60.{n}.{NEAR[end]}/24"] for end in NEAR})
        for end, space in self.net.spaces.items():
            space.run(f"wg set {name} peer {self.net.keys[name][OTHER[end]].public} allowed-ips 10.0.0.0/8")
            space.ip(f"link set {name} master {tenant}")

    def configuration(self, end):
        text, other = '[damping]\nmax = "0s"\n', OTHER[end]
        for tenant in TENANTS:
            text += f'[[group]]\nname = "{tenant}"\nprefixes = ["10.6{NEAR[other]}.0.0/24"]\nfail_back_after = "1s"\n'
            for n in (0, 1):
                name = f"{tenant}{n}"
                text += f'[[adjacency]]\nname = "{name}"\ninterface = "{name}"\npeer = "{self.net.keys[name][other].public}"\naddress = "10.60.{n}.{NEAR[other]}"\n' \
                        f'group = "{tenant}"\nfeeds = ["routes"]\npriority = {n + 1}\n'
        return text

    def leads(self):
        """{tenant: the interface its table's route leads to}; what the main table has stands under main."""
        found = {tenant: self.net.a.run(f"ip route show 10.62.0.0/24 proto 87 table {table}", check=False) for tenant, (table, _, _) in TENANTS.items()}
        found["main"] = self.net.a.run("ip route show 10.62.0.0/24 table main")
        return {where: words.split("dev ")[1].split()[0] if "dev " in words else None for where, words in found.items()}

    def arrived(self):
        """{(tunnel's tenant, echo's tenant): echo requests}, at B."""
        rules = json.loads(self.net.b.run("nft -j list table ip seen"))["nftables"]
        counts = iter([part["counter"]["packets"] for entry in rules for part in entry.get("rule", {}).get("expr", []) if "counter" in part])
        return {(tenant, other): next(counts) + next(counts) for tenant in TENANTS for other in TENANTS}

    def run(self):
        report, net = self.report, self.net
        self.far.start()
        self.near.start()
        rest = {"red": "red0", "blue": "blue0", "main": None}
        took = wait(lambda: self.leads() == rest and all(row["state"] == "up" for row in self.near.status()["adjacencies"]), 20, 0.5)
        report.check(took is not None, f"the same prefix for two tenants: a route in the table of each VRF after {seconds(took)}, none in main {self.leads()}")
        streams = {tenant: Echoes(net.a, tenant, "10.62.0.1", size) for tenant, (_, _, size) in TENANTS.items()}
        time.sleep(1)
        port = TENANTS["red"][1]
        net.b.run(f"nft 'add table ip cut; add chain ip cut in {{ type filter hook input priority 0; }}; add rule ip cut in udp dport {port} drop; "
                  f"add chain ip cut out {{ type filter hook output priority 0; }}; add rule ip cut out udp dport {port} drop'")
        took = wait(lambda: self.leads()["red"] == "red1", 5, 0.25)
        report.check(took is not None and self.leads() == {**rest, "red": "red1"}, f"red's first tunnel is cut: its route leads to the second, blue's stays {self.leads()}")
        time.sleep(1)
        net.b.run("nft delete table ip cut")
        took = wait(lambda: self.leads() == rest, 20, 0.5)
        report.check(took is not None, f"it is mended, and red's route comes back {self.leads()}")
        time.sleep(1)
        gaps, seen = {tenant: stream.gap() for tenant, stream in streams.items()}, self.arrived()
        report.check(gaps["red"][0] <= GAP, f"red had no answer for {gaps['red'][0] * 1000:.0f} ms (<= {GAP * 1000:.0f})")
        report.check(gaps["blue"][0] < 0.05, f"blue has not noticed: {gaps['blue'][0] * 1000:.0f} ms between two answers at most")
        crossed = {pair: count for pair, count in seen.items() if pair[0] != pair[1]}
        report.check(not any(crossed.values()) and all(seen[tenant, tenant] >= gaps[tenant][1] > 100 for tenant in TENANTS),
                     f"no packet crosses: {seen} echoes by (tunnel, tenant)")
        status, after = self.near.terminate(), net.a.run(EVERYTHING)
        report.check(status == 0 and after == self.before, f"a stop: status {status}, the host is as it was {difference(self.before, after)}")
        self.far.terminate()


def main():
    report = Report()
    begun = time.monotonic()
    Repair(report).run()
    report.tell(f"       repair per peer: {time.monotonic() - begun:.0f} s of virtual time")
    Vrfs(report).run()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
