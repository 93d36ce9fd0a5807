#!/usr/bin/python3
"""What wgbfd tells of a failover, against what a monitor of the kernel's own route events saw beside it: FRR with FPM at one
end and route events at the other, and BIRD. 2,000 routes each way; WGBFD_FULL=1: 50,000. tests/vm/failover_report.py runs it
on the virtual clock.

test_failover_report.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import json
import os
import sys
from datetime import datetime

from bird import Bird
from pair import DATA_PLANE, PATIENT_TIMERS, TREE, Pair, check, main, wait
from wgbfdlab import nodes, vty

LABEL = "fr"
VIRTUAL = bool(os.environ.get("WGBFD_VIRTUAL"))
ROUTES = int(os.environ.get("WGBFD_ROUTES") or (50_000 if os.environ.get("WGBFD_FULL") else 2_000))
PATIENCE = 60 + ROUTES / 250  # seconds, on a machine that does other things too
SNIPPETS = TREE / "frr-snippets"
FPM = "127.0.0.1:2620"

# Each end's routes, which the other learns over both tunnels and prefers over wg0.
BLOCK = {"a": 64, "b": 128}

MONITOR = """
import json, os, socket, struct, sys, time
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
s.bind((0, 0))
s.setsockopt(270, 1, 7)  # RTNLGRP_IPV4_ROUTE
s.settimeout(0.2)
print("listening", flush=True)
seen = []
while True:
    try:
        seen.append((s.recv(65536), time.time()))
    except socket.timeout:  # all that came has been read
        if os.path.exists("/run/monitor.stop"):
            break
leads, moves = {}, []
for data, at in seen:
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if kind in (24, 25):
            attributes, found = data[28:length], {}
            while len(attributes) >= 4:
                n, t = struct.unpack_from("=HH", attributes)
                found[t] = attributes[4:n]
                attributes = attributes[(n + 3) & ~3:]
            if data[21] in (186, 12):  # bgp, bird
                leads[found[1]] = struct.unpack("=I", found[4])[0] if kind == 24 and 4 in found else None
                moves.append((at, found[1], leads[found[1]]))
        data = data[(length + 3) & ~3:]
json.dump({"moves": [(at, prefix.hex(), out) for at, prefix, out in moves]}, open("/run/monitor.tmp", "w"))
os.rename("/run/monitor.tmp", "/run/monitor.json")
"""


class Monitor:
    """The kernel's route events in a host, from now on."""

    def __init__(self, host):
        self.host = host
        host.sh("rm -f /run/monitor.*")
        self.process = host.process(MONITOR)

    def moved_to(self, interface):
        """(prefixes that lead there in the end, when the first came to, when the last)."""
        self.host.sh("touch /run/monitor.stop")
        self.process.wait(timeout=PATIENCE)
        with open(self.host.node.path("/run/monitor.json"), encoding="ascii") as file:
            moves = json.load(file)["moves"]
        index = json.loads(self.host.sh(f"ip -j link show {interface}"))[0]["ifindex"]
        last, times = {}, {}
        for at, prefix, out in moves:
            if out != last.get(prefix) or out is None:
                times[prefix] = at
            last[prefix] = out
        there = [times[prefix] for prefix, out in last.items() if out == index]
        return (len(there), min(there), max(there)) if there else (0, 0, 0)


def announced(host, number):
    """So many /32 that the host's kernel has, for its BGP to announce."""
    lines = "".join(f"route add blackhole 10.{number + n // 65536}.{n // 256 % 256}.{n % 256}/32 proto static\n" for n in range(ROUTES))
    host.write("/run/routes", lines)
    host.sh("ip -batch /run/routes")


def bgpd(me, other):
    """eBGP over both tunnels with BFD; wg0 is preferred."""
    mine, far = (65001, 65002) if me == "a" else (65002, 65001)
    peers = ("10.8.0.1", "10.8.0.3") if me == "a" else ("10.8.0.0", "10.8.0.2")
    return (f"router bgp {mine}\n bgp router-id 10.255.0.{1 if me == 'a' else 2}\n no bgp ebgp-requires-policy\n no bgp network import-check\n"
            + "".join(f" neighbor {peer} remote-as {far}\n neighbor {peer} timers connect 2\n neighbor {peer} bfd profile patient\n" for peer in peers)
            + " address-family ipv4 unicast\n  redistribute kernel route-map MINE\n  redistribute static route-map MINE\n"
            + f"  neighbor {peers[0]} weight 200\n exit-address-family\n"
            + f"ip prefix-list MINE seq 5 permit 10.{BLOCK[me]}.0.0/15 ge 32\nroute-map MINE permit 10\n match ip address prefix-list MINE\n")


def configuration(pair, other, more="", feeds=""):
    rows = "".join(f'[[adjacency]]\nname = "{other}-{i}"\ninterface = "{i}"\npeer = "{pair.key(other, i)}"\n{feeds}' for i in ("wg0", "wg1"))
    return f"[probe]\n{PATIENT_TIMERS}{more}{rows}"


def start_frr(pair, me, fpm):
    host, other = (pair.a, "b") if me == "a" else (pair.b, "a")
    text = (SNIPPETS / "fpm/frr.conf").read_text() if fpm else ""
    options = zebra_options() if fpm else []
    host.start_frr("zebra", *options)
    host.start_frr("bfdd", "--dplaneaddr", DATA_PLANE, config="bfd\n profile patient\n  detect-multiplier 10\n")
    more = f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\n' + (f'fpm = "{FPM}"\n' if fpm else "")
    host.start_configured(configuration(pair, other, more))
    host.start_frr("bgpd", config=bgpd(me, other))
    if text:
        load(host, text)
    announced(host, BLOCK[me])


def zebra_options():
    line = next(line for line in (SNIPPETS / "fpm/daemons").read_text().splitlines() if line.startswith("zebra_options="))
    return line.split('"')[1].split()


def load(host, text):
    """zebra's part of a snippet, by vtysh as an operator would."""
    path = host.node.etc_frr / "frr.conf"
    path.write_text(text)
    (host.node.etc_frr / "vtysh.conf").write_text("")
    nodes.give_to_frr(path, host.node.etc_frr / "vtysh.conf")
    done = host.node.run(["vtysh", "-f", "/etc/frr/frr.conf"], check=False)
    check("FRR takes the FPM line", done.returncode == 0 and "nknown" not in done.stdout + done.stderr, done.stdout + done.stderr)


def prefixes(host, name):
    return host.row(name=name).get("prefixes")


def cut(pair):
    """The underlay of wg0 carries nothing any more, silently."""
    pair.b.sh("nft add table inet cut; nft 'add chain inet cut in { type filter hook input priority 0; }'; "
              "nft 'add chain inet cut out { type filter hook output priority 0; }'; "
              "nft add rule inet cut in udp dport 51820 drop; nft add rule inet cut out udp sport 51820 drop")


def established(host):
    """Neighbours with BFD Up whose prefixes are all in."""
    peers = vty.ask_json(host.node, "bgpd", "show bgp neighbors json").values()
    return sum(1 for peer in peers if peer.get("peerBfdInfo", {}).get("status") == "Up" and
               peer.get("addressFamilyInfo", {}).get("ipv4Unicast", {}).get("acceptedPrefixCounter") == ROUTES)


def last(host, name):
    return host.row(name=name).get("failover")


def slack(times):
    """What the first and the last may differ by, in seconds and in words. In real time both are told by processes that wait for
    their turn: only a long failover is a measure there, and 5 % are of its length; a short one is none. Moments are stamped to the
    millisecond."""
    if VIRTUAL:
        return [max(0.05 * time, 0.002) for time in times], "within 5 % or 2 ms"
    return ([0.05 * times[1]] * 2, "within 5 % of the whole") if ROUTES > 10_000 else (None, "")


def near(one, other):
    return abs(one - other) <= 0.05 * max(one, other)


def compare(host, other, source, monitor):
    """The report against the kernel's own events beside it."""
    where = f"{host.node.name}, by {source}"
    report = wait(lambda: last(host, f"{other}-wg0"), PATIENCE)
    if not check(f"{where}: there is a report of the failover", report, host.status()):
        return
    count, first, end = monitor.moved_to("wg1")
    if not check(f"{where}: routes moved", count and report["moved"], report):
        return
    verdict = datetime.fromisoformat(report["at"].replace("Z", "+00:00")).timestamp()
    kernel = f"kernel: {count} prefixes, {(first - verdict) * 1000:.1f} to {(end - verdict) * 1000:.1f} ms"
    figures = f"{report}; {kernel}"
    print(f"       {where}: {report['moved']} prefixes, {(report['first_us'] or 0) / 1000:.1f} to {(report['last_us'] or 0) / 1000:.1f} ms; {kernel}")
    check(f"{where}: it heard of every route", report["source"] == source and report["prefixes"] == ROUTES and report["exact"], figures)
    check(f"{where}: as many moved as the kernel says, within 5 %", count == ROUTES and near(report["moved"], count), figures)
    check(f"{where}: all of them to the other tunnel, none lost, none left",
          report["to"] == {f"{other}-wg1": report["moved"]} and not report["withdrawn"] and not report["left"] and not report["elsewhere"], figures)
    ours, kernels = (report["first_us"] / 1e6, report["last_us"] / 1e6), (first - verdict, end - verdict)
    allowed, text = slack(kernels)
    if allowed:
        check(f"{where}: the first and the last when the kernel says, {text}",
              all(abs(one - other) <= most for one, other, most in zip(ours, kernels, allowed)), figures)
    check(f"{where}: the prefixes ride on the other tunnel now", (prefixes(host, f"{other}-wg0"), prefixes(host, f"{other}-wg1")) == (0, ROUTES),
          (prefixes(host, f"{other}-wg0"), prefixes(host, f"{other}-wg1")))
    events = [json.loads(line) for line in host.wgbfd("events", "--json").stdout.splitlines()]
    told = [event for event in events if event["event"] == "failover"]
    check(f"{where}: `events` has it, once, and the log", [event["failover"] for event in told] == [report] and
          host.log().count("failover adjacency=") == 1, told)
    check(f"{where}: the other tunnel's session never went down", not [event for event in events if event["adjacency"] == f"{other}-wg1" and
          event["event"] in ("verdict", "session") and event["from"] in ("up", "Up")], events)
    text = host.wgbfd("status", f"{other}-wg0").stdout
    check(f"{where}: `status NAME` says it", f"{report['moved']} of {ROUTES} prefixes moved ({report['moved']} to {other}-wg1)" in text, text)


def memory(host):
    pid = host.processes()[1]
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def frr(build):
    """FPM at a, route events at b, one silent cut for both."""
    with Pair(build, LABEL, tunnels=2) as pair:
        start_frr(pair, "b", fpm=False)
        start_frr(pair, "a", fpm=True)
        both = wait(lambda: prefixes(pair.a, "b-wg0") == prefixes(pair.b, "a-wg0") == ROUTES, PATIENCE)
        if not check(f"{ROUTES} prefixes ride on wg0 at either end", both, (pair.a.status().get("routes"), pair.b.status().get("routes"),
                     prefixes(pair.a, "b-wg0"), prefixes(pair.b, "a-wg0"))):
            return
        check("both have been told everything", wait(lambda: all(host.status()["routes"]["complete"] for host in (pair.a, pair.b)), 90))
        check("none on wg1", prefixes(pair.a, "b-wg1") == prefixes(pair.b, "a-wg1") == 0, pair.a.rows())
        told = pair.a.status()["routes"]
        check("a has them from zebra", told["source"] == "fpm" and told["fpm"]["client"].startswith("127.0.0.1:") and not told["fpm"]["problem"], told)
        check("b from the kernel", pair.b.status()["routes"]["source"] == "kernel", pair.b.status()["routes"])
        for host in (pair.a, pair.b):
            told = host.status()["routes"]
            check(f"{host.node.name}: they take at most 64 bytes each", told["bytes"] <= 64 * max(told["routes"], 2048), told)
            print(f"       {host.node.name}: {told['routes']} routes, {told['bytes'] / told['routes']:.1f} bytes each; worker {memory(host)} kB")
        if not check("both ends have BGP with BFD over both tunnels", wait(lambda: established(pair.a) == established(pair.b) == 2, PATIENCE),
                     (established(pair.a), established(pair.b))):
            return
        monitors = [Monitor(pair.a), Monitor(pair.b)]
        cut(pair)
        compare(pair.a, "b", "fpm", monitors[0])
        compare(pair.b, "a", "kernel", monitors[1])


def sources(build):
    """zebra comes, goes and comes back; another one is turned away; a port that is taken is said."""
    with Pair(build, LABEL, tunnels=2) as pair:
        start_frr(pair, "b", fpm=False)
        start_frr(pair, "a", fpm=True)
        check("FPM serves", wait(lambda: pair.a.status()["routes"]["source"] == "fpm" and prefixes(pair.a, "b-wg0") == ROUTES, PATIENCE),
              pair.a.status()["routes"])
        second = pair.a.sh("timeout 30 /usr/bin/python3 -c 'import socket; s = socket.create_connection((\"127.0.0.1\", 2620)); print(s.recv(1))'")
        problem = pair.a.status()["routes"]["fpm"]["problem"] or ""
        check("a second zebra is turned away and named", second == "b''\n" and "was turned away" in problem and "127.0.0.1:" in problem, (second, problem))
        check("and in the log", "fpm second client refused=127.0.0.1:" in pair.a.log(), pair.a.log()[-400:])
        vty.configure(pair.a.node, "zebra", ["no fpm address"])
        check("zebra hangs up: the kernel tells, and the count stays", wait(lambda: pair.a.status()["routes"]["source"] == "kernel")
              and wait(lambda: prefixes(pair.a, "b-wg0") == ROUTES), pair.a.status()["routes"])
        check("nobody connects: status says what to do", wait(lambda: any("no zebra is connected" in line for line in pair.a.status()["problems"]), 60),
              pair.a.status()["problems"])
        vty.configure(pair.a.node, "zebra", ["fpm address 127.0.0.1"])
        check("zebra is back, and so is the count", wait(lambda: pair.a.status()["routes"]["source"] == "fpm" and prefixes(pair.a, "b-wg0") == ROUTES),
              (pair.a.status()["routes"], prefixes(pair.a, "b-wg0")))
        check("nothing of that was a failover", not last(pair.a, "b-wg0") and "failover adjacency" not in pair.a.log(), pair.a.log()[-400:])
        pair.a.configure(configuration(pair, "b", f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\n'))
        pair.a.wgbfd("reload")
        check("without the key nobody listens, and the kernel tells", wait(lambda: pair.a.status()["routes"]["source"] == "kernel")
              and pair.a.status()["routes"]["fpm"] is None and wait(lambda: prefixes(pair.a, "b-wg0") == ROUTES), pair.a.status()["routes"])
        pair.a.terminate()
        holder = pair.a.process('import socket, time; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(("127.0.0.1", 2620)); s.listen(1)\n'
                                'print("bound", flush=True); time.sleep(600)')
        pair.a.start_configured(configuration(pair, "b", f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\nfpm = "{FPM}"\n'))
        told = wait(lambda: pair.a.status().get("routes", {}).get("fpm"))
        check("a taken port is said, and the kernel tells meanwhile", told and "Address already in use" in (told["problem"] or "") and
              wait(lambda: prefixes(pair.a, "b-wg0") == ROUTES), pair.a.status())
        check("and in the log", wait(lambda: "Address already in use" in pair.a.log()), pair.a.log()[-400:])
        pair.a.end(holder)
        check("free again: zebra tells", wait(lambda: pair.a.status()["routes"]["source"] == "fpm"), pair.a.status()["routes"])


def bird(build):
    """BIRD with the feed bird-nexthop: the kernel's route events tell."""
    near_end = (TREE / "bird-snippets/ebgp-nexthop-table/bird.conf").read_text(encoding="utf-8").replace("import where net = 192.0.2.128/25;", "import all;")
    far = "router id 10.255.0.2;\nprotocol device { }\nprotocol static far { ipv4;\n" + "".join(
        f" route 10.{BLOCK['b'] + n // 65536}.{n // 256 % 256}.{n % 256}/32 blackhole;\n" for n in range(ROUTES)) + "}\n" + "".join(
        f'protocol bgp w{i} {{ local 10.8.0.{2 * i + 1} as 65002; neighbor 10.8.0.{2 * i} as 65001; connect delay time 1; '
        f'ipv4 {{ import none; export where proto = "far"; }}; }}\n' for i in (0, 1))
    feeds = 'feeds = ["bird-nexthop"]\n'
    with Pair(build, LABEL, tunnels=2) as pair:
        Bird(pair.a, near_end)
        Bird(pair.b, far)
        pair.b.start_configured(configuration(pair, "a"))
        pair.a.start_configured(configuration(pair, "b", "[bird]\nnexthop_table = 4242\n", feeds))
        count = lambda: [prefixes(pair.a, f"b-{i}") for i in ("wg0", "wg1")]  # noqa: E731
        if not check(f"{ROUTES} prefixes ride on wg0", wait(lambda: pair.a.row(name="b-wg0", state="up") and pair.a.row(name="b-wg1", state="up")
                     and count() == [ROUTES, 0], PATIENCE), (count(), pair.a.status().get("routes"))):
            return
        check("our own routes are none of them", pair.a.status()["routes"]["routes"] == ROUTES, pair.a.status()["routes"])
        monitor = Monitor(pair.a)
        cut(pair)
        compare(pair.a, "b", "kernel", monitor)


GROUPS = {"frr": frr, "sources": sources, "bird": bird}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
