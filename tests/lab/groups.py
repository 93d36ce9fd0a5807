"""Two hosts whose tunnels all lead to the same place: each has a LAN address, 10.1.0.1 and 10.2.0.1, and what of a host must be as before
when wgbfd is gone."""
import os
import time

from pair import TIMERS, UNDAMPED, UNMEASURED, Pair, wait
from test_bird import cut, heal
from wgbfdlab import untouched
from wgbfdlab.topology import Peer, WireGuard
from wgbfdlab.untouched import difference  # noqa: F401  pylint: disable=unused-import  # of two everythings

FULL = bool(os.environ.get("WGBFD_FULL"))
FLAPS = 60 if FULL else 8


class Sites(Pair):
    def __init__(self, build, label, allowed="0.0.0.0/0, ::/0"):
        self.allowed = allowed
        super().__init__(build, label, 2)

    def _wireguard(self, name, other, n):  # pylint: disable=arguments-differ
        host, far = (2 * n, "192.0.2.2") if name == "a" else (2 * n + 1, "192.0.2.1")
        return WireGuard(f"wg{n}", f"10.8.0.{host}/31", 51820 + n, [Peer(other, self.allowed, f"{far}:{51820 + n}")])

    def _build(self):
        super()._build()
        for n, host in enumerate((self.a, self.b), 1):
            host.sh(f"ip link set lo up; ip address add 10.{n}.0.1/32 dev lo; sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.net0.disable_ipv6=1")

    def toml(self, host, feed, group="", rows=("", ""), more=""):
        """wgbfd.toml of `host`: both tunnels in one group, with this feed."""
        other = "b" if host is self.a else "a"
        text = f'[probe]\n{TIMERS}{UNDAMPED}{UNMEASURED}{more}[[group]]\nname = "site"\n{group}'
        for n in range(2):
            text += (f'[[adjacency]]\nname = "wg{n}-to-{other}"\ninterface = "wg{n}"\npeer = "{self.key(other, f"wg{n}")}"\ngroup = "site"\n'
                     f'feeds = ["{feed}"]\n{rows[n]}')
        return text

    def all_up(self):
        return all(wait(lambda host=host: sum(row["state"] == "up" for row in host.rows()) == 2) for host in (self.a, self.b))

    def reaches(self, address="10.2.0.1", source="10.1.0.1"):
        return self.a.node.run(["ping", "-c", "1", "-W", "1", "-I", source, address], check=False).returncode == 0


def everything(host):
    return untouched.snapshot(host.node)


def told(host, feed, interface="wg0"):
    return host.row(interface=interface).get("feeds", {}).get(feed, {}).get("told", "")


def problem(host, feed):
    return host.status().get("feeds", {}).get(feed, {}).get("problem") or ""


def flap(pair, times=FLAPS):
    """Every second another state: a fault shorter or longer than the detection time of 900 ms."""
    for _ in range(times):
        cut(pair)
        time.sleep(1)
        heal(pair)
        time.sleep(1)
