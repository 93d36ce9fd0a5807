#!/usr/bin/python3
"""tests/lab/test_endpoint.py BUILD [GROUP…]: the feed `endpoint` over wireguard-go: one tunnel, two underlays, and a name. Counts and waits,
times nothing. Closes with `N passed, N failed`."""
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from pair import PATIENT, Pair, check, check_up, main, wait  # noqa: E402

LABEL = "endpoint"
FIRST, SECOND = "192.0.2.2:51820", "198.51.100.2:51820"


def both_underlays(pair, endpoints):
    for host, number in ((pair.a, 1), (pair.b, 2)):
        host.sh(f"ip address add 198.51.100.{number}/30 dev net0")
    pair.a.start_configured(pair.adjacency("b", '[endpoint]\nfail_back = "5s"\n') + f'feeds = ["endpoint"]\nendpoints = {endpoints}\n' + PATIENT)
    pair.b.start_configured(pair.adjacency("a") + PATIENT)
    return check_up(pair.a) and check_up(pair.b)


def cut(host, *addresses):
    host.sh("nft 'add table ip cut; add chain ip cut in { type filter hook input priority 0; }; add chain ip cut out { type filter hook output priority 0; }'")
    for address in addresses:
        host.sh(f"nft 'add rule ip cut in ip daddr {address} udp dport 51820 drop; add rule ip cut out ip saddr {address} udp sport 51820 drop'")


def mend(host):
    host.sh("nft delete table ip cut")


def endpoint(host):
    return host.sh("wg show wg0 endpoints").split()[-1]


def failover(build):
    """The other underlay, the way back, and what is left after each end of a daemon."""
    with Pair(build, LABEL) as pair:
        a, b = pair.a, pair.b
        a.sh(f"wg set wg0 peer '{pair.key('b')}' persistent-keepalive 25")
        before = a.sh("wg showconf wg0")
        both_underlays(pair, f'["{FIRST}", "{SECOND}"]')
        cut(b, "192.0.2.2")
        check("the underlay in use is cut: WireGuard sends to the other endpoint", wait(lambda: endpoint(a) == SECOND), a.log()[-500:])
        check("and the path is up", check_up(a), a.rows())
        check("status tells where", wait(lambda: a.row(name="to-b")["feeds"]["endpoint"]["told"] == SECOND), a.row(name="to-b"))
        downs = a.row(name="to-b")["bfd"]["downs"]
        # On a busy machine the first echo may be late too, and then that is the result. Each trial waits twice as long as the one before.
        check("the preferred one is tried in vain", wait(lambda: re.search("action=fail-back .*result=", a.log()), 90), a.log()[-500:])
        check("which takes nothing down", a.row(name="to-b")["bfd"]["downs"] == downs and wait(lambda: endpoint(a) == SECOND), a.rows())
        a.kill_worker()
        check("a killed worker leaves the endpoint", check_up(a) and wait(lambda: endpoint(a) == SECOND), endpoint(a))
        mend(b)
        check("alive again, it is gone back to", wait(lambda: endpoint(a) == FIRST, 120), a.log()[-500:])
        check("wg showconf says what it said, and nothing is left to undo", wait(lambda: a.sh("cat /run/wgbfd/undo") == "")
              and a.sh("wg showconf wg0") == before, a.sh("wg showconf wg0; cat /run/wgbfd/undo"))
        cut(b, "192.0.2.2")
        wait(lambda: endpoint(a) == SECOND)
        cut(b, "198.51.100.2")
        check("SIGTERM puts it back: status 0", a.terminate() == 0 and a.sh("wg showconf wg0") == before, a.log()[-500:])


def lost_keys(build):
    """The peer comes back without its keys, and without our endpoint: nobody but us can call."""
    with Pair(build, LABEL) as pair:
        a, b = pair.a, pair.b
        before = a.sh("wg showconf wg0")
        both_underlays(pair, f'["{FIRST}"]')
        key, private = pair.key("a"), b.sh("wg showconf wg0 | sed -n 's/^PrivateKey = //p'").strip()
        b.sh(f"wg set wg0 peer '{key}' remove")
        check("it is down", wait(lambda: a.row(name="to-b", state="down")), a.rows())
        b.write("/run/private", private)
        b.sh(f"wg set wg0 private-key /run/private peer '{key}' allowed-ips 10.8.0.0/31")
        check("the peer is back without an endpoint of ours: up again", check_up(a), a.log()[-500:])
        check("wg showconf says what it said", a.sh("wg showconf wg0") == before)


def name(build):
    """The name of an endpoint changes its address while the peer is away."""
    with Pair(build, LABEL) as pair:
        a, b = pair.a, pair.b
        a.write("/run/hosts", "192.0.2.2 vpn.example.org\n")
        a.sh("touch /run/hosts; mount --bind /run/hosts /etc/hosts")
        both_underlays(pair, '["vpn.example.org:51820"]')
        check("its name is looked up", wait(lambda: "name=vpn.example.org address=192.0.2.2" in a.log()), a.log()[-500:])
        a.write("/run/hosts", "198.51.100.2 vpn.example.org\n")
        cut(b, "192.0.2.2")
        check("not heard, it is looked up anew, and sent to its new address", wait(lambda: endpoint(a) == SECOND, 60), a.log()[-500:])
        check("up", check_up(a), a.rows())


def dns(build):
    """The same by DNS, whose record lives for 10 s: it is asked again then, while the path lives, which stays where it is."""
    with Pair(build, LABEL) as pair:
        a, b = pair.a, pair.b
        a.write("/run/resolv.conf", "nameserver 127.0.0.1\n")
        a.write("/run/address", "192.0.2.2")
        a.node.spawn([Path(__file__).with_name("dns_server.py"), "/run/address", "10"], "dns.out")
        check("a name server answers", wait(lambda: "ready" in a.log("dns.out")), a.log("dns.out"))
        both_underlays(pair, '["vpn.example.org:51820"]')
        check("the name is asked of it", wait(lambda: "name=vpn.example.org address=192.0.2.2" in a.log()), a.log()[-500:])
        a.write("/run/address", "198.51.100.2")
        downs = a.row(name="to-b")["bfd"]["downs"]
        check("when its record has died it is asked again, long before the 5 min of one without", wait(
            lambda: "name=vpn.example.org address=198.51.100.2" in a.log(), 90), a.log("dns.out"))
        check("the path that lives is left alone", endpoint(a) == FIRST and a.row(name="to-b")["bfd"]["downs"] == downs, a.rows())
        cut(b, "192.0.2.2")
        check("when it dies, WireGuard sends to the new address", wait(lambda: endpoint(a) == SECOND), a.log()[-500:])
        check("up", check_up(a), a.rows())


GROUPS = {"failover": failover, "lost-keys": lost_keys, "name": name, "dns": dns}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
