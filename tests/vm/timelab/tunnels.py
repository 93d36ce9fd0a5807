"""Many tunnels side by side: near nodes, a far node, a router between them that can swallow any one tunnel."""
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from wgbfdlab import mounts, wireguard
from wgbfdlab.nodes import RunningNode

SYSCTL = "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.ip_forward=1"


@dataclass(frozen=True)
class Tunnel:
    """One BFD session between the node `near` and the node `far`, on an interface of the same name at both ends."""
    near: str
    near_number: int
    interval: int  # ms
    number: int    # among those of its near node, from 1

    @property
    def interface(self):
        return f"{self.near}-{self.interval}-{self.number}"

    @property
    def port(self):
        return 20000 + 1000 * self.near_number + self.number

    def address(self, far):
        return f"10.{50 + self.near_number}.{self.number}.{2 if far else 1}"


class Tunnels:
    """The network of `tunnels`; `nodes` holds the near nodes, `far` and `router`."""

    def __init__(self, tunnels):
        self.tunnels = tunnels
        numbers = {one.near: one.near_number for one in tunnels}
        self._numbers = {**numbers, "far": max(numbers.values()) + 1}
        folder = Path(tempfile.mkdtemp(prefix="wgbfd-time-"))
        folder.chmod(0o755)
        mounts.separate()
        self.nodes = {name: RunningNode(SimpleNamespace(name=name), folder / name, "time") for name in (*self._numbers, "router")}
        for node in self.nodes.values():
            node.start()
        for node in self.nodes.values():
            node.wait_started()
        self._keys = {name: wireguard._pair() for name in self.nodes}  # pylint: disable=protected-access
        self._underlay()
        for name in self._numbers:
            self._interfaces(name)

    def number(self, name):
        """N of the underlay prefix 10.0.N.0/24."""
        return self._numbers[name]

    def public(self, name):
        return self._keys[name][1]

    def stop(self):
        for node in self.nodes.values():
            node.stop()

    def _underlay(self):
        router = self.nodes["router"]
        for name, number in self._numbers.items():
            subprocess.run(["ip", "link", "add", name, "netns", str(router.pid), "type", "veth",
                            "peer", "name", "under", "netns", str(self.nodes[name].pid)], check=True)
            self._shell(name, [f"address add 10.0.{number}.2/24 dev under", "link set under up",
                               f"route add default via 10.0.{number}.1"])
        self._shell("router", [line for name, number in self._numbers.items()
                               for line in (f"address add 10.0.{number}.1/24 dev {name}", f"link set {name} up")])

    def _shell(self, name, batch):
        self.nodes[name].run(["sh", "-ec", "\n".join([SYSCTL, "ip -batch - <<'BATCH'", *batch, "BATCH"])])

    def _interfaces(self, name):
        node, far = self.nodes[name], name == "far"
        node.run(["sh", "-ec", "umask 077; cat >/run/key"], text=self._keys[name][0])
        batch, keys = [], []
        for one in self.tunnels:
            if far or one.near == name:
                there = one.near if far else "far"
                batch += [f"link add {one.interface} type wireguard", f"address add {one.address(far)}/24 dev {one.interface}",
                          f"link set {one.interface} up"]
                keys.append(f"wg set {one.interface} private-key /run/key listen-port {one.port} peer {self.public(there)} "
                            f"endpoint 10.0.{self._numbers[there]}.2:{one.port} allowed-ips 0.0.0.0/0")
        self._shell(name, batch)
        node.run(["sh", "-ec", "\n".join(keys)])
