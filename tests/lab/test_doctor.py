#!/usr/bin/python3
"""wgbfd doctor on hosts that fail each of its checks for real, and on one that passes.

test_doctor.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import json
import sys

from bird import CONTROL, Bird
from pair import DATA_PLANE, HOLD_PORT, TIMERS, Pair, Server, check, main, wait

LABEL = "dr"


def examine(host, *options, before=()):
    """(exit status, findings that are not ok)."""
    done = host.wgbfd("doctor", "--json", *options, before=before)
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return done.returncode, [{"check": "output", "severity": "error", "subject": None, "message": done.stderr, "fix": None}]
    return done.returncode, [finding for finding in report["findings"] if finding["severity"] not in ("ok", "info")]


def hints(host, *options):
    """The findings that are no fault."""
    return [f for f in json.loads(host.wgbfd("doctor", "--json", *options).stdout)["findings"] if f["severity"] == "info"]


def hinted(host, sentence, name, words, *options):
    def told():
        found = [f for f in hints(host, *options) if f["check"] == name]
        text = " ".join(str(f[key]) for f in found for key in ("subject", "message", "fix"))
        return found and all(f["fix"] for f in found) and all(w in text for w in words)
    check(f"{sentence}: a hint, {name}, with its fix", wait(told), hints(host, *options))


def apply(host, finding_of, *options):
    """Does what the fix of the only fault says."""
    _, faults = examine(host, *options)
    fixes = [f["fix"] for f in faults if f["check"] == finding_of]
    return host.sh(fixes[0].split(", and ")[0].replace("{", "'{").replace("}", "}'")) if len(fixes) == 1 else check("one fix", False, faults)


def finds(host, sentence, name, severity, words, *options, before=()):
    """The doctor finds exactly this; `words` stand in its message or its fix."""
    status, faults = examine(host, *options, before=before)
    found = [f for f in faults if f["check"] == name and f["severity"] == severity]
    text = " ".join(str(f[key]) for f in found for key in ("subject", "message", "fix"))
    errors = any(f["severity"] == "error" for f in faults)
    check(f"{sentence}: {severity} {name}, with its fix", found and all(f["fix"] for f in found) and all(w in text for w in words), faults)
    check(f"{sentence}: nothing else is found, exit status {int(errors)}",
          {f["check"] for f in faults} == {name} and status == int(errors), (status, faults))


def passes(host, sentence, *options):
    status, faults = examine(host, *options)
    check(f"{sentence}: nothing is found, exit status 0", status == 0 and not faults, (status, faults))


def healthy(build):
    with Pair(build, LABEL) as pair:
        host = pair.a
        passes(host, "a host with a tunnel, no configuration and no daemon")
        text = host.wgbfd("doctor")
        lines = text.stdout.splitlines()
        check("the list ends with a summary", lines and lines[-1].startswith("0 errors, 0 warnings, "), text.stdout)
        check("a doctor that ran has left no file", not host.sh("ls /run | grep wgbfd || true").strip())
        pair.both_up()
        passes(host, "the same with the daemon running", "--config", "/run/wgbfd.toml")
        report = json.loads(host.wgbfd("doctor", "--json").stdout)
        ours = [f for f in report["findings"] if f["check"] == "ports" and "our daemon's" in f["message"]]
        check("BFD's ports are our daemon's", len(ours) == 2, report)
        host.terminate()


def host_faults(build):
    with Pair(build, LABEL) as pair:
        host = pair.a
        for port in ("3784", "4784"):
            holder = host.process(HOLD_PORT, port)
            finds(host, f"UDP {port} held by another program", "ports", "error", ["python3 (pid ", "stop it", port])
            host.end(holder)
        host.sh("sysctl -qw net.ipv4.conf.wg0.rp_filter=1")
        finds(host, "strict rp_filter on wg0", "rp_filter", "warning", ["wg0", "net.ipv4.conf.wg0.rp_filter=2"])
        host.sh("sysctl -qw net.ipv4.conf.wg0.rp_filter=2")
        passes(host, "the fix of rp_filter")
        _configuration(pair, host)
        _permission(host)
        _daemon(host)


def _configuration(pair, host):
    path = host.configure("[probe]\ninterval = \"1ms\"\n[inteface.wg0]\n")
    status, faults = examine(host, "--config", path)
    check("each mistake of a configuration is found with its place",
          status == 1 and sorted(f["message"].split(": ")[0] for f in faults) == [f"{path}:2:12", f"{path}:3:2"], faults)
    finds(host, "a configuration that does not exist", "config", "error", ["/run/none.toml"], "--config", "/run/none.toml")
    passes(host, "a good configuration", "--config", host.configure(pair.adjacency("b")))


def _permission(host):
    without = ("setpriv", "--bounding-set", "-net_admin,-net_raw")
    status, faults = examine(host, before=without)
    text = str([f for f in faults if f["check"] == "permission"])
    check("without capabilities: told which, exit status 1", status == 1 and "CAP_NET_ADMIN" in text and "CAP_NET_RAW" in text, faults)
    config = host.configure(f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\n')
    server = Server(host, "/run/frr/bfddp.sock", lambda connection: connection.recv(1))
    host.sh("chown frr:frr /run/frr/bfddp.sock; chmod 750 /run/frr/bfddp.sock")
    _, faults = examine(host, "--config", config, before=("setpriv", "--bounding-set", "-dac_override,-dac_read_search"))
    check("a data plane socket that refuses us is told", any(f["check"] == "permission" and f["subject"] == "/run/frr/bfddp.sock"
                                                           for f in faults), faults)
    check("bfdd's data plane was not connected to", not server.open)
    server.close()


def _daemon(host):
    host.sh("mkdir -p /run/wgbfd")
    holder = host.process("import fcntl, time\nf = open('/run/wgbfd/lock', 'w')\nfcntl.flock(f, fcntl.LOCK_EX)\n"
                          "print('held', flush=True)\ntime.sleep(600)")
    finds(host, "a run directory held by a process that does not answer", "daemon", "error", ["does not answer", "--run-dir"])
    host.end(holder)
    silent = Server(host, "/run/wgbfd/control.sock", lambda connection: wait(lambda: False, 20))
    passes(host, "a socket nobody answers on, and no lock: no daemon")
    silent.close()


def wireguard_faults(build):
    with Pair(build, LABEL) as pair:
        host, key = pair.a, pair.key("b")
        configured = ("--config", host.configure(pair.adjacency("b") + 'address = "10.9.9.9"\n'))
        finds(host, "a configured address that the peer's allowed-ips miss", "allowed-ips", "error",
              ["10.9.9.9", "Required key not available", f"wg set wg0 peer {key} allowed-ips 10.8.0.0/31,10.9.9.9/32"], *configured)
        host.sh(f"wg set wg0 peer '{key}' allowed-ips 10.8.0.0/31,10.9.9.9/32")
        passes(host, "the fix of allowed-ips", *configured)
        host.sh("ip address flush dev wg0")
        finds(host, "wg0 without an address", "addresses", "warning", ["wg0 has no address", "ip address add"])
        host.sh("ip address add 10.8.0.0/24 dev wg0")
        finds(host, "allowed-ips that name no host of wg0", "addresses", "warning", ["no allowed-ips", "[[adjacency]]", key])
        host.sh(f"wg set wg0 peer '{key}' allowed-ips 10.8.0.1/32,10.8.0.2/32")
        finds(host, "allowed-ips that name two", "addresses", "warning", ["more than one", 'address = "ADDRESS"'])
        finds(host, "the same for a configured peer", "addresses", "error", ["to-b", 'address = "ADDRESS"'],
              "--config", host.configure(pair.adjacency("b")))
        passes(host, "the fix of it", "--config", host.configure(pair.adjacency("b") + 'address = "10.8.0.1"\n'))
        host.sh(f"wg set wg0 peer '{key}' allowed-ips fe80::1/128")
        finds(host, "a peer of another family", "addresses", "warning", ["family"])
        host.sh(f"wg set wg0 peer '{key}' remove")
        finds(host, "wg0 without a peer", "wireguard", "warning", ["has no peer"])
        _unreadable(host)


def _unreadable(host):
    host.sh("ip link add wgx type veth peer name wgy")
    garbage = Server(host, "/run/wireguard/wgx.sock", lambda connection: connection.sendall(b"garbage\n\n"))
    _, faults = examine(host)
    check("a WireGuard socket that answers garbage is an error", any(f["subject"] == "wgx" and f["severity"] == "error" for f in faults), faults)
    garbage.close()
    silent = Server(host, "/run/wireguard/wgx.sock", lambda connection: wait(lambda: False, 20))
    _, faults = examine(host)
    check("one that does not answer too, and the doctor ends", any(f["subject"] == "wgx" and "answer" in f["message"] for f in faults), faults)
    silent.close()
    host.sh("ip link del wgx; ip link del wg0")
    _, faults = examine(host)
    check("no WireGuard at all is a warning", any("no WireGuard interface" in f["message"] for f in faults), faults)


def frr(build):
    with Pair(build, LABEL) as pair:
        host = pair.a
        ours = ("--config", host.configure(f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\n'))
        _daemons_file(host, ours)
        host.start_frr("zebra")
        host.start_frr("bfdd")
        _, faults = examine(host)
        check("a running bfdd without --dplaneaddr is an error, and it holds the ports",
              [(f["check"], f["severity"]) for f in faults] == [("ports", "error"), ("ports", "error"), ("bfdd", "error")] and
              "--dplaneaddr" in faults[2]["fix"] and "bfdd (pid " in faults[0]["message"], faults)
        host.stop_frr("bfdd")
        wait(lambda: not host.sh("ss -Hlun sport = 3784"))  # the kernel closes sockets after the process has gone
        host.start_frr("bfdd", "--dplaneaddr", DATA_PLANE)
        finds(host, "bfdd waits for a data plane, and we are not configured", "bfdd", "error", [f'bfd_dataplane = "{DATA_PLANE}"'])
        other = host.write("/run/other.toml", '[frr]\nbfd_dataplane = "unix:/run/frr/other.sock"\n')
        finds(host, "bfdd and we name different places", "bfdd", "error", [DATA_PLANE, "other.sock"], "--config", other)
        passes(host, "bfdd and we name the same place", *ours)
        check("bfdd saw nobody connect", "File descriptor" not in host.ask_frr("bfdd", "show bfd distributed"))
        pair.both_up(f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\n')
        passes(host, "the same with our daemon serving it", "--config", "/run/wgbfd.toml")
        host.terminate()
        host.stop_frr("bfdd")
        finds(host, "bfd_dataplane without bfdd", "bfdd", "warning", ["bfdd=yes"], *ours)
        _link_detect(host)


def _daemons_file(host, ours):
    host.write("/etc/frr/daemons", 'bfdd=yes\nbfdd_options="  -A 127.0.0.1"\n')
    finds(host, "/etc/frr/daemons enables bfdd without --dplaneaddr", "bfdd", "error", ["/etc/frr/daemons", "--dplaneaddr"])
    host.write("/etc/frr/daemons", f'bfdd=yes\nbfdd_options="  -A 127.0.0.1 --dplaneaddr {DATA_PLANE}"\n')
    passes(host, "with it, and [frr] bfd_dataplane", *ours)
    host.sh("rm /etc/frr/daemons")


def _link_detect(host):
    feeds = ("--config", host.write("/run/link.toml", f'[probe]\n{TIMERS}[interface.wg0]\nfeeds = ["link"]\n'))
    passes(host, "an interface that feeds link, as FRR has it", *feeds)
    host.stop_frr("zebra")
    host.start_frr("zebra", config="interface wg0\n no link-detect\n")
    finds(host, "link-detect off on an interface that feeds link", "link-detect", "error", ["wg0", "link-detect"], *feeds)
    passes(host, "the same where nothing feeds link")
    host.stop_frr("zebra")
    _old_version(host)


def _old_version(host):
    """A zebra of another release, made up: its vty is text, three NULs and a status."""
    def serve(version):
        def answer(connection):
            while command := connection.recv(4096):
                text = f"FRRouting {version} (r) on Linux".encode() if b"version" in command else b"{}" if b"json" in command else b""
                connection.sendall(text + b"\0\0\0\0")
        return answer
    for version, bad in (("10.4.1", True), ("10.5.2", True), ("10.5.3", False)):
        zebra = Server(host, "/run/frr/zebra.vty", serve(version))
        if bad:
            finds(host, f"FRR {version}", "frr", "warning", [version, "30 s", "upgrade"])
        else:
            passes(host, f"FRR {version}")
        zebra.close()
    silent = Server(host, "/run/frr/zebra.vty", lambda connection: wait(lambda: False, 20))
    finds(host, "a zebra that hangs, where [frr] vty names it", "frr", "warning", ["does not answer"], "--config",
          host.write("/run/vty.toml", '[frr]\nvty = "/run/frr"\n'))
    silent.close()
    _fpm(host)


def _fpm(host):
    """zebra's module that tells of routes, in the file that starts it, in the process, and in its configuration."""
    fpm = ("--config", host.configure('[frr]\nfpm = "127.0.0.1:2620"\n'))
    finds(host, "fpm where no zebra runs", "fpm", "warning", ["no zebra runs here", "-M dplane_fpm_nl"], *fpm)
    host.write("/etc/frr/daemons", 'zebra_options="  -A 127.0.0.1 -s 90000000"\n')
    finds(host, "/etc/frr/daemons starts zebra without its module", "fpm", "warning", ["zebra starts without", "zebra_options"], *fpm)
    host.write("/etc/frr/daemons", 'zebra_options="  -A 127.0.0.1 -M dplane_fpm_nl"\n')
    passes(host, "with it", *fpm)
    host.sh("rm /etc/frr/daemons")
    host.start_frr("zebra")
    finds(host, "a zebra that runs without it", "fpm", "warning", ["zebra runs without its module"], *fpm)
    passes(host, "the same where fpm is not asked for")
    host.stop_frr("zebra")
    host.start_frr("zebra", "-M", "dplane_fpm_nl")
    finds(host, "a zebra with it that connects nowhere", "fpm", "warning", ["connects nowhere", "fpm address 127.0.0.1"], *fpm)
    apply(host, "fpm", *fpm)
    passes(host, "the fix of it, as it is told", *fpm)
    host.stop_frr("zebra")


BIRD = """router id 10.255.0.1;
{include}
protocol device {{ }}
protocol bgp to_b {{ local as 65001; neighbor 10.8.0.1 as 65002; ipv4 {{ import all; export none; }}; }}
"""


def bird(build):
    with Pair(build, LABEL) as pair:
        host = pair.a
        entry = f'[[adjacency]]\nname = "to_b"\ninterface = "wg0"\npeer = "{pair.key("b")}"\n'

        def fed(feed, more="", table=""):
            return "--config", host.configure(f'{table}{entry}feeds = ["{feed}"]\n{more}')
        ours = fed("bird-protocol", 'bird_protocol = "to_b"\n')
        finds(host, "a feed for BIRD, which does not run", "bird", "error", [CONTROL], *ours)
        Bird(host, BIRD.format(include=""))
        passes(host, "once it runs", *ours)
        finds(host, "a protocol that BIRD does not have", "bird", "error", ["to_c", "birdc show protocols"],
              *fed("bird-protocol", 'bird_protocol = "to_c"\n'))
        ours = fed("bird-protocol", 'bird_protocol = "to_b"\n')
        host.sh("birdc disable to_b")
        finds(host, "a protocol that somebody disabled", "bird", "warning", ["to_b", "birdc enable to_b"], *ours)
        apply(host, "bird", *ours)
        passes(host, "the fix of it, as it is told", *ours)
        _bird_table(host, fed("bird-nexthop", table="[bird]\nnexthop_table = 4242\n"))
        _bird_include(host, fed("bird-include", table='[bird]\ninclude = "/run/bird/wgbfd.conf"\n'))


def _bird_table(host, ours):
    host.sh("ip rule add from 10.9.0.0/16 lookup 4242")
    finds(host, "a policy rule that looks into the table for BIRD", "bird", "error", ["table 4242", "nexthop_table"], *ours)
    host.sh("ip rule del from 10.9.0.0/16 lookup 4242")
    passes(host, "without that rule", *ours)


def _bird_include(host, ours):
    finds(host, "a file for BIRD that does not exist", "bird", "error", ["/run/bird/wgbfd.conf", "wgbfd snippets bird-include >"], *ours)
    host.write("/run/bird/wgbfd.conf", host.wgbfd("snippets", "bird-include", *ours).stdout)
    finds(host, "a file that BIRD does not include", "bird", "error", ['include "/run/bird/wgbfd.conf";', "birdc configure"], *ours)
    host.write("/run/bird/bird.conf", BIRD.format(include='include "/run/bird/wgbfd.conf";'))
    host.sh("birdc configure")
    passes(host, "the fixes of both", *ours)


RULES = """
table inet site {{
 set tunnels {{ type ifname; elements = {{ "wg0", "net0" }} }}
 chain forward {{ type filter hook forward priority 0; policy accept;
 {forward}
 }}
 chain input {{ type filter hook input priority 0; policy {policy};
 {input}
 }}
}}
"""


def _rules(host, forward="", policy="accept", into=""):
    host.sh("nft list table inet site >/dev/null 2>&1 && nft delete table inet site || true")
    host.node.run(["nft", "-f", "-"], text=RULES.format(forward=forward, policy=policy, input=into))


def _group(pair):
    entries = "".join(f'[[adjacency]]\nname = "path{n}"\ninterface = "wg{n}"\npeer = "{pair.key("b", f"wg{n}")}"\ngroup = "site"\ncost = {10 + 10 * n}\n'
                      for n in (0, 1))
    return "[[group]]\nname = \"site\"\n" + entries


def firewall_faults(build):
    with Pair(build, LABEL, tunnels=2) as pair:
        host = pair.a
        site = ("--config", host.configure(_group(pair)))
        passes(host, "a group of two tunnels, and no rules", *site)
        _rules(host, 'iifname "wg0" tcp dport 22 counter drop')
        finds(host, "a rule and a set that name one interface of a group", "firewall", "warning",
              ["wg1", "nft add element inet site tunnels { \"wg1\" }", 'iifname { "wg0", "wg1" } tcp dport 22 counter drop', "replace rule"], *site)
        passes(host, "the same where no group says that they belong together")
        host.sh("nft add element inet site tunnels '{ \"wg1\" }'")
        apply(host, "firewall", *site)
        passes(host, "the fixes of them, as they are told", *site)
        _rules(host, 'iifname "wg0" accept; iifname "wg1" accept')
        host.sh("nft add element inet site tunnels '{ \"wg1\" }'")
        passes(host, "a rule for each", *site)
        _rules(host, policy="drop", into='iif "lo" accept; ct state established,related accept; udp dport 51820-51830 accept; icmp type echo-request accept')
        finds(host, "a policy that drops BFD and STAMP", "input", "warning", ["wg0", "UDP 3784", "UDP 862", "udp dport 3784 accept"])
        _rules(host, policy="drop", into='iif "lo" accept; udp dport 51820-51830 accept; iifname { "wg0", "wg1" } accept')
        passes(host, "the same with what comes by the tunnels let in")
        host.sh("nft delete table inet site; mkdir -p /run/bin; printf '#!/bin/sh\\nsleep 60\\n' > /run/bin/nft; chmod +x /run/bin/nft")
        slow = ("env", "PATH=/run/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        status, faults = examine(host, before=slow)
        check("an nft that hangs keeps nobody waiting, and is no fault", status == 0 and not faults, faults)


def path_faults(build):
    with Pair(build, LABEL, tunnels=2) as pair:
        host = pair.a
        _padding(pair, host)
        _hash_policy(pair, host)
        host.sh("ip link set net0 mtu 1400")
        finds(host, "tunnels larger than what carries them", "mtu", "warning", ["wg0", "wg1", "1340", "ip link set wg0 mtu 1340"])
        host.sh("ip link set wg0 mtu 1340; ip link set wg1 mtu 1340")
        passes(host, "the fix of it")
        host.sh("ip link set net0 mtu 1500; sysctl -qw net.ipv4.ip_forward=1")
        hinted(host, "a router whose tunnel is smaller than its LAN, without a clamp", "mtu", ["1340", "net0", "maxseg"])
        host.node.run(["nft", "-f", "-"], text="table inet c {\nchain f {\ntype filter hook forward priority 0;\ntcp flags syn tcp option maxseg size set rt mtu\n}\n}\n")
        check("with one: no hint", not [f for f in hints(host) if f["check"] == "mtu"])
        host.sh("nft delete table inet c; sysctl -qw net.ipv4.ip_forward=0")
        _routes(pair, host)
        _dns(pair, host)


def _padding(pair, host):
    def padded(size):
        return "--config", host.configure(pair.adjacency("b") + f"padding = {size}\n")
    finds(host, "padding that wg0 does not take", "padding", "error", ["to-b", "padding = 1420", "ip link set dev wg0 mtu 1430"], *padded(1430))
    passes(host, "one fix of it: less padding", *padded(1420))
    host.sh("ip link set dev wg0 mtu 1430")
    passes(host, "the other: a larger MTU", *padded(1430))
    host.sh("ip link set dev wg0 mtu 1420")


def _hash_policy(pair, host):
    """Paths that share what one pair of hosts says, each family by a setting of its own."""
    rows = _group(pair).replace('group = "site"\n', 'group = "site"\nfeeds = ["routes"]\n')
    for family, prefixes in (("ipv4", '"10.2.0.0/16"'), ("ipv6", '"10.2.0.0/16", "fd02::/32"')):
        text = rows.replace('name = "site"\n', f'name = "site"\nmode = "active-active"\nprefixes = [{prefixes}]\n')
        shared, key = ("--config", host.configure(text)), f"net.{family}.fib_multipath_hash_policy"
        finds(host, f"{key} 0 where {family} is shared out", "routes", "warning", [key, f"sysctl -w {key}=1"], *shared)
        apply(host, "routes", *shared)
        passes(host, "the fix of it, as it is told", *shared)
    host.sh("sysctl -qw net.ipv4.fib_multipath_hash_policy=0 net.ipv6.fib_multipath_hash_policy=0")
    passes(host, "the same where nothing is shared out", "--config", host.configure(_group(pair)))


def _routes(pair, host):
    host.sh("ip route add 10.77.0.0/16 dev wg0")
    finds(host, "a route into a tunnel that no allowed-ips hold", "routes", "warning",
          ["10.77.0.0/16", "Required key not available", f"wg set wg0 peer {pair.key('b')} allowed-ips 10.8.0.0/31,10.77.0.0/16"])
    apply(host, "routes")
    passes(host, "the fix of it, as it is told")
    host.sh("ip route del 10.77.0.0/16 dev wg0; ip route add 10.77.1.0/24 via 10.8.0.1 dev wg0")
    passes(host, "a route inside what the peer may have")
    host.sh("ip nexthop add id 9 via 10.8.0.1 dev wg0; ip route add 10.78.0.0/16 nhid 9")
    finds(host, "the same through a next-hop object", "routes", "warning", ["10.78.0.0/16 via 10.8.0.1"])
    host.sh("ip route del 10.78.0.0/16; ip nexthop del id 9; ip route del 10.77.1.0/24 dev wg0")


def _dns(pair, host):
    host.write("/run/resolv.conf", "nameserver 192.0.2.2\nnameserver 127.0.0.1\n")
    passes(host, "a DNS server beside the tunnels")
    host.write("/run/resolv.conf", "nameserver 10.8.0.1\n")
    finds(host, "a DNS server behind a tunnel that never spoke", "dns", "warning", ["10.8.0.1", "wg0", "no handshake"])
    host.sh("ping -c1 -W5 10.8.0.1", check_status=False)
    passes(host, "the same once it has")
    host.sh("mount -t tmpfs -o mode=700 none /etc/wireguard")
    host.write("/run/wg0.conf", f"[Interface]\n[Peer]\nPublicKey = {pair.key('b')}\nEndpoint = vpn.example.net:51820\n")
    host.sh("cp /run/wg0.conf /etc/wireguard/")
    finds(host, "a tunnel whose endpoint is a name, and the DNS behind it", "dns", "warning", ["vpn.example.net", "wg0.conf, line 2"])
    host.sh("sed -i s/vpn.example.net/192.0.2.2/ /etc/wireguard/wg0.conf")
    passes(host, "the fix of it")
    _files(pair, host)


def _files(pair, host):
    host.write("/run/resolv.conf", "")
    key = "PrivateKey = " + "A" * 43 + "="
    host.write("/run/wg9.conf", f"[Interface]\n{key}\nPostUp = wg set %i private-key /run/%i.key\n")
    host.sh("umask 022; cp /run/wg9.conf /etc/wireguard/; touch /run/wg9.key; chmod 644 /run/wg9.key")
    finds(host, "a key file that everybody may read", "files", "warning", ["/run/wg9.key", "chmod o= /run/wg9.key"])
    apply(host, "files")
    host.sh("chmod 755 /etc/wireguard")
    finds(host, "a configuration with a key, likewise", "files", "warning", ["/etc/wireguard/wg9.conf"])
    host.sh("chmod 600 /etc/wireguard/wg9.conf")
    passes(host, "their fixes")
    two = "".join(f"[Peer]\nPublicKey = {pair.key('b', f'wg{n}')}\nAllowedIPs = 10.9.{n}.0/24, 0.0.0.0/0\n" for n in (0, 1))
    host.write("/run/wg8.conf", "[Interface]\n" + two)
    host.sh("cp /run/wg8.conf /etc/wireguard/")
    finds(host, "two peers of one file with one prefix", "overlap", "warning", ["wg8.conf", "0.0.0.0/0", "lines 2 and 5"])
    host.sh("sed -i '0,/, 0.0.0.0.0/s///' /etc/wireguard/wg8.conf")
    passes(host, "the fix of it")
    hinted(host, "everything for one of two peers of a file", "overlap", ["wg8.conf", "0.0.0.0/0 beside other peers"])
    host.sh("sed -i 's/, 0.0.0.0.0//' /etc/wireguard/wg8.conf")
    check("the fix of it: no hint", not [f for f in hints(host) if f["check"] == "overlap"], hints(host))
    _shared(pair, host)


def _shared(pair, host):
    """Two peers of one live interface; wgbfd leaves the second alone."""
    key, other = pair.key("b"), host.sh("wg genkey | wg pubkey").strip()
    config = ("--config", host.configure(pair.adjacency("b") + f'[[adjacency]]\ninterface = "wg0"\npeer = "{other}"\nprobe = false\n'))
    host.write("/run/wg0.conf", f"[Interface]\n[Peer]\nPublicKey = {key}\nAllowedIPs = 10.8.0.1/32, 10.77.0.0/16\n")
    host.sh("cp /run/wg0.conf /etc/wireguard/")
    host.sh(f"wg set wg0 peer {key} allowed-ips 10.8.0.1/32,10.77.0.0/16; wg set wg0 peer {other} allowed-ips 10.77.1.0/24")
    passes(host, "a prefix inside another peer's", *config)
    check("nor is it a hint", not [f for f in hints(host, *config) if f["check"] == "overlap"], hints(host, *config))
    host.sh(f"wg set wg0 peer {other} allowed-ips 10.77.0.0/16")
    finds(host, "a prefix that another peer took", "overlap", "warning", ["10.77.0.0/16", key, other, "wg0.conf"], *config)
    host.sh(f"wg set wg0 peer {key} allowed-ips 10.8.0.1/32,10.77.0.0/16")
    passes(host, "the fix of it", *config)
    host.sh(f"wg set wg0 peer {other} allowed-ips 0.0.0.0/0")
    hinted(host, "everything for one of two peers", "overlap", [other, "0.0.0.0/0 beside other peers"], *config)
    host.sh(f"wg set wg0 peer {other} remove")
    check("without it: no hint", not [f for f in hints(host, *config) if f["check"] == "overlap"], hints(host, *config))


def directions(build):
    """Each end sends by another tunnel: a stream of datagrams each way."""
    with Pair(build, LABEL, tunnels=2) as pair:
        host = pair.a
        for one, other in ((pair.a, "b"), (pair.b, "a")):
            entries = "".join(f'[[adjacency]]\nname = "path{n}"\ninterface = "wg{n}"\npeer = "{pair.key(other, f"wg{n}")}"\ngroup = "site"\ncost = {10 + 10 * n}\n'
                              for n in (0, 1))
            one.start_configured(f"[probe]\n{TIMERS}[[group]]\nname = \"site\"\n{entries}")
        up = wait(lambda: len([row for row in host.rows() if row["state"] == "up"]) == 2)
        check("both tunnels of the group are up", up, host.rows())
        config = ("--config", "/run/wgbfd.toml")
        streams = [(pair.a, pair.a.process(STREAM, "10.8.0.1")), (pair.b, pair.b.process(STREAM, "10.8.0.0"))]
        check("both ends send by one: no hint", not [f for f in hints(host, *config) if f["check"] == "asymmetric"])
        one, process = streams.pop()
        one.end(process)
        streams.append((pair.b, pair.b.process(STREAM, "10.8.0.2")))
        hinted(host, "the far end sends by the dearer one", "asymmetric", ["path0 (cost 10)", "path1 (cost 20)"], *config)
        for one, process in streams:
            one.end(process)
        for one in (pair.a, pair.b):
            one.terminate()


STREAM = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("sends", flush=True)
for _ in range(60000):
    s.sendto(bytes(1000), (sys.argv[1], 9))
    time.sleep(0.002)
"""

GROUPS = {group.__name__.replace("_", "-"): group for group in (healthy, host_faults, wireguard_faults, firewall_faults, path_faults, directions, frr, bird)}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
