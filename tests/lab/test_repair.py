#!/usr/bin/python3
"""The feed repair over two tunnels with static routes: redirected at both ends while a tunnel is dead, taken back when it lives or routing has
moved, refused where it would not work, never in a circle, and undone byte for byte. Counts and states, never times.

test_repair.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import sys

from groups import Sites, cut, difference, everything, flap, heal, problem, told
from pair import TIMERS, UNMEASURED, Pair, check, main, wait
from wgbfdlab.topology import Peer, WireGuard

LABEL = "rep"
FEED = "repair"


def start(pair):
    pair.a.sh("ip route add 10.2.0.0/16 dev wg0 src 10.1.0.1")
    pair.b.sh("ip route add 10.1.0.0/16 dev wg0 src 10.2.0.1")
    pair.before = everything(pair.a)
    for host in (pair.a, pair.b):
        host.start_configured(pair.toml(host, FEED))
    check("both tunnels come up at both ends", pair.all_up(), pair.a.rows())


def is_redirected(host, to="wg1"):
    return f"Egress Redirect to device {to}" in host.sh("tc filter show dev wg0 egress")


def stand(build):
    """What is redirected, what is not, and what becomes of it."""
    with Sites(build, LABEL) as pair:
        start(pair)
        check("both are ready", wait(lambda: told(pair.a, FEED) == told(pair.a, FEED, "wg1") == "ready"), pair.a.status().get("feeds"))
        check("what passes is in place before anything fails", "clsact" in pair.a.sh("tc qdisc show dev wg0")
              and not is_redirected(pair.a))
        cut(pair)
        check("a dead tunnel is redirected at both ends", wait(lambda: is_redirected(pair.a) and is_redirected(pair.b)), problem(pair.a, FEED))
        check("status says so", wait(lambda: told(pair.a, FEED) == "redirected to wg1"), told(pair.a, FEED))
        check("site reaches site, by routes that still say wg0", wait(pair.reaches) and "dev wg0" in pair.a.sh("ip route show 10.2.0.0/16"))
        check("the far end of the dead tunnel does not answer: it is dead", not pair.reaches("10.8.0.1", "10.8.0.0"))
        check("wgbfd itself is not fooled", pair.a.row(interface="wg0")["state"] == "down")
        pair.a.kill_worker()
        check("a worker that died leaves it standing", is_redirected(pair.a) and wait(pair.reaches))
        wait(lambda: told(pair.a, FEED) == "redirected to wg1")
        heal(pair)
        check("it ends when the tunnel is back", wait(lambda: told(pair.a, FEED) == "ready") and wait(lambda: not is_redirected(pair.a)
              and not is_redirected(pair.b)) and wait(pair.reaches), told(pair.a, FEED))
        cut(pair)
        wait(lambda: is_redirected(pair.a))
        pair.a.sh("ip route replace 10.2.0.0/16 dev wg1 src 10.1.0.1")
        check("it ends when routing has moved", wait(lambda: told(pair.a, FEED) == "moved" and not is_redirected(pair.a)), told(pair.a, FEED))
        pair.a.sh("ip route replace 10.2.0.0/16 dev wg0 src 10.1.0.1")
        check("and begins again when a route comes back to the dead tunnel", wait(lambda: is_redirected(pair.a)))
        undone(pair)


def undone(pair):
    """wg0 is dead and redirected."""
    pair.a.kill_both()
    check("kill -9 leaves it, and undo puts everything back", is_redirected(pair.a) and pair.a.wgbfd("undo").returncode == 0
          and everything(pair.a) == pair.before, difference(pair.before, everything(pair.a)))
    pair.a.start_configured(pair.toml(pair.a, FEED))
    heal(pair)
    pair.all_up()
    flap(pair)
    pair.all_up()
    check("after flapping the tables are as at rest", wait(lambda: told(pair.a, FEED) == "ready" and not is_redirected(pair.a)))
    cut(pair)
    wait(lambda: is_redirected(pair.a))
    check("a stop puts everything back", pair.a.terminate() == 0 and everything(pair.a) == pair.before,
          difference(pair.before, everything(pair.a)))


def refused(build):
    """Where it would make things worse it does nothing, and says what to do."""
    with Sites(build, LABEL) as pair:
        start(pair)
        wait(lambda: told(pair.a, FEED) == "ready")
        pair.a.sh("sysctl -qw net.ipv4.conf.wg1.rp_filter=1")
        check("strict rp_filter on the backup: refused, with the way to mend it", wait(lambda: told(pair.a, FEED) == "refused")
              and "sysctl -w net.ipv4.conf.wg1.rp_filter=2" in problem(pair.a, FEED), problem(pair.a, FEED))
        check("`wgbfd explain` says so", "rp_filter" in pair.a.wgbfd("explain", "wg0-to-b").stdout, pair.a.wgbfd("explain", "wg0-to-b").stdout)
        check("`wgbfd doctor` says so", "wg0-to-b is not repaired" in pair.a.wgbfd("doctor", "--config", "/run/wgbfd.toml").stdout,
              pair.a.wgbfd("doctor", "--config", "/run/wgbfd.toml").stdout)
        cut(pair)
        wait(lambda: pair.a.row(interface="wg0", state="down"))
        check("nothing is redirected then", not is_redirected(pair.a))
        pair.a.sh("sysctl -qw net.ipv4.conf.wg1.rp_filter=2")
        check("mended, it is repaired at once", wait(lambda: is_redirected(pair.a)))
        pair.a.sh(f"wg set wg1 peer {pair.key('b', 'wg1')} allowed-ips 10.8.0.2/31")
        check("a backup whose allowed-ips do not carry it: refused, and let go", wait(lambda: "allowed-ips" in problem(pair.a, FEED)
              and not is_redirected(pair.a)), problem(pair.a, FEED))
        pair.a.terminate()


def far_end_of(host):
    return host.row(interface="wg1").get("far_end")


def far_end(build):
    """What the far end would drop: its own wgbfd says so when it is asked."""
    with Sites(build, LABEL) as pair:
        pair.b.sh("sysctl -qw net.ipv4.conf.wg1.rp_filter=1")
        pair.a.sh("ip route add 10.2.0.0/16 dev wg0 src 10.1.0.1")
        pair.b.sh("ip route add 10.1.0.0/16 dev wg0 src 10.2.0.1")
        for host in (pair.a, pair.b):
            host.start_configured(pair.toml(host, FEED).replace('method = "off"', 'method = "stamp"'))
        pair.all_up()
        check("strict rp_filter at the backup's far end: refused, with the way to mend it", wait(lambda: told(pair.a, FEED) == "refused", 90)
              and "rp_filter at the far end of wg1-to-b is strict" in problem(pair.a, FEED), problem(pair.a, FEED))
        check("status tells of it", far_end_of(pair.a) == {"rp_filter": "strict"}, pair.a.row(interface="wg1"))
        explained = pair.a.wgbfd("explain", "wg1-to-b").stdout
        check("`wgbfd explain` says what to do there", "at the far end" in explained and "rp_filter=2" in explained, explained)
        doctor = pair.a.wgbfd("doctor", "--config", "/run/wgbfd.toml").stdout
        check("`wgbfd doctor` finds it", "wg0-to-b is not repaired: rp_filter at the far end of wg1-to-b" in doctor, doctor)
        cut(pair)
        wait(lambda: pair.a.row(interface="wg0", state="down"))
        check("nothing is redirected then", not is_redirected(pair.a))
        pair.b.sh("sysctl -qw net.ipv4.conf.wg1.rp_filter=2")
        check("mended there, it is repaired here, and site reaches site", wait(lambda: is_redirected(pair.a), 90) and wait(pair.reaches),
              (far_end_of(pair.a), problem(pair.a, FEED)))
        check("status tells of that", far_end_of(pair.a) == {"rp_filter": "open"}, pair.a.row(interface="wg1"))
        doctor = pair.a.wgbfd("doctor", "--config", "/run/wgbfd.toml").stdout
        check("`wgbfd doctor` finds nothing", "is not repaired" not in doctor and "wg0: has a backup" in doctor, doctor)


class Nested(Pair):
    """Two groups of two tunnels: wg1, the backup of wg0, runs inside wg2, and wg3, the backup of wg2, inside wg0."""

    @staticmethod
    def _wireguard(name, other, n):
        host, far = (2 * n, 2) if name == "a" else (2 * n + 1, 1)
        endpoint = f"10.9.{n}.{far}" if n % 2 else f"192.0.2.{far}"
        return WireGuard(f"wg{n}", f"10.8.0.{host}/31", 51820 + n, [Peer(other, "0.0.0.0/0", f"{endpoint}:{51820 + n}")])

    def _build(self):
        super()._build()
        for host, here, far in ((self.a, 1, 2), (self.b, 2, 1)):
            host.sh(f"ip link set lo up; ip address add 10.{here}.0.1/32 dev lo; ip route add 10.{far}.0.0/16 dev wg0 src 10.{here}.0.1")
            for n, inside in ((1, "wg2"), (3, "wg0")):
                host.sh(f"ip address add 10.9.{n}.{here}/32 dev lo; ip route add 10.9.{n}.{far} dev {inside} src 10.9.{n}.{here}")

    def toml(self, other):
        """The backups are believed for longer, as if they failed later."""
        rows = "".join(f'[[adjacency]]\nname = "wg{n}-to-{other}"\ninterface = "wg{n}"\npeer = "{self.key(other, f"wg{n}")}"\n'
                       f'group = "{"paris" if n < 2 else "rome"}"\nfeeds = ["repair"]\n{"multiplier = 100" if n % 2 else ""}\n' for n in range(4))
        return f'[probe]\n{TIMERS}{UNMEASURED}[[group]]\nname = "paris"\n[[group]]\nname = "rome"\n{rows}'

    def sent(self, interface):
        return int(self.a.sh(f"cat /sys/class/net/{interface}/statistics/tx_packets"))


def circle(build):
    """Each of two backups needs the other's dead tunnel: what they send is not redirected, and no packet comes round."""
    with Nested(build, LABEL, tunnels=4) as pair:
        for host, other in ((pair.a, "b"), (pair.b, "a")):
            host.start_configured(pair.toml(other))
        check("tunnels inside tunnels come up", wait(lambda: sum(row["state"] == "up" for row in pair.a.rows()) == 4), pair.a.rows())
        cut(pair)
        cut(pair, "wg2")
        check("both groups are redirected", wait(lambda: told(pair.a, FEED) == "redirected to wg1" and told(pair.a, FEED, "wg2") == "redirected to wg3"),
              (told(pair.a, FEED), told(pair.a, FEED, "wg2")))
        before = pair.sent("wg1"), pair.sent("wg3")
        pair.a.node.run(["ping", "-c", "20", "-i", "0.05", "-W", "1", "-I", "10.1.0.1", "10.2.0.1"], check=False)
        after = pair.sent("wg1"), pair.sent("wg3")
        check("still", told(pair.a, FEED) == "redirected to wg1" and told(pair.a, FEED, "wg2") == "redirected to wg3", pair.a.rows())
        check("what is sent meanwhile goes into the backup once", 20 <= after[0] - before[0] < 100 and after[1] - before[1] < 100, (before, after))


if __name__ == "__main__":
    sys.exit(main({"stand": stand, "refused": refused, "far_end": far_end, "circle": circle}, sys.argv[1:]))
