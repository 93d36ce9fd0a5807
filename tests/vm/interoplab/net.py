"""The nodes of the table and what connects them: an underlay through one router, a tunnel for each cell, and for several hops
two tunnels with the router between them, so that what was sent with TTL 255 arrives with 254.
"""
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

from wgbfdlab import mounts, wireguard
from wgbfdlab.nodes import RunningNode

from .cells import NUMBERS

ENDS = tuple(NUMBERS)  # us, frr, bird, two
SEVERAL_HOPS_PORT = 19000
SYSCTL = "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.send_redirects=0 " \
         "net.ipv4.conf.default.send_redirects=0 net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1"


class Net:
    """Tunnels for `cells` and for `bgp`: objects with node, interface, port and address(node)."""

    def __init__(self, cells, bgp):
        self.cells, self.bgp = cells, bgp
        self._folder = Path(tempfile.mkdtemp(prefix="wgbfd-interop-"))
        self._folder.chmod(0o755)
        mounts.separate()
        self.nodes = {name: RunningNode(SimpleNamespace(name=name), self._folder / name, "interop") for name in (*ENDS, "r")}
        for node in self.nodes.values():
            node.start()
        for node in self.nodes.values():
            node.wait_started()
        self.keys = {name: wireguard._pair() for name in self.nodes}  # pylint: disable=protected-access
        self._underlay()
        self._tunnels()
        self._several_hops()

    def public(self, name):
        return self.keys[name][1]

    def stop(self):
        for node in self.nodes.values():
            node.stop()

    def _underlay(self):
        for name, number in NUMBERS.items():
            subprocess.run(["ip", "link", "add", name, "netns", str(self.nodes["r"].pid), "type", "veth",
                            "peer", "name", "under", "netns", str(self.nodes[name].pid)], check=True)
            self._shell(name, [SYSCTL], [f"address add 10.0.{number}.2/24 dev under", "link set under up",
                                         f"route add default via 10.0.{number}.1"])
        self._shell("r", [SYSCTL], [line for name, number in NUMBERS.items()
                                    for line in (f"address add 10.0.{number}.1/24 dev {name}", f"link set {name} up")])

    def _shell(self, name, before, batch):
        """One process for a node's commands, and one for all that ip(8) does."""
        self.nodes[name].run(["sh", "-ec", "\n".join([*before, "ip -batch - <<'BATCH'", *batch, "BATCH"])])

    def _tunnels(self):
        lines = {name: ([], []) for name in ENDS}
        for one in [*self.cells, *self.bgp]:
            if not one.interface:
                continue
            for here, there in (("us", one.node), (one.node, "us")):
                batch, keys = lines[here]
                address = one.address(here)
                prefix = 64 if ":" in address else 24
                batch += [f"link add {one.interface} type wireguard",
                          f"address add {address}/{prefix} dev {one.interface}" + (" nodad" if ":" in address else "")]
                keys.append(f"wg set {one.interface} private-key /run/key listen-port {one.port} peer {self.public(there)} "
                            f"endpoint 10.0.{NUMBERS[there]}.2:{one.port} allowed-ips 0.0.0.0/0,::/0 && "
                            f"ip link set {one.interface} up")
        for name, (batch, keys) in lines.items():
            self._key(name)
            self._shell(name, [], batch)
            self.nodes[name].run(["sh", "-ec", "\n".join(keys)])

    def _key(self, name):
        self.nodes[name].run(["sh", "-ec", "umask 077; cat >/run/key"], text=self.keys[name][0])

    def _several_hops(self):
        """`mh` in every node: one peer, the router, or in the router all the others."""
        cells = [cell for cell in self.cells if cell.several_hops]
        if not cells:
            return
        self._key("r")
        self._shell("r", [], ["link add mh type wireguard"])
        peers = " ".join(f"peer {self.public(name)} endpoint 10.0.{number}.2:{SEVERAL_HOPS_PORT} "
                         f"allowed-ips 10.99.{number}.0/24,fd99:{number}::/32" for name, number in NUMBERS.items())
        self.nodes["r"].run(["sh", "-ec", f"wg set mh private-key /run/key listen-port {SEVERAL_HOPS_PORT} {peers}"])
        self._shell("r", [], ["link set mh up"] + [line for number in NUMBERS.values() for line in (
            f"route add 10.99.{number}.0/24 dev mh", f"route add fd99:{number}::/32 dev mh")])
        for name, number in NUMBERS.items():
            mine = [cell for cell in cells if name in ("us", cell.node)]
            addresses = [f"address add {cell.address(name)}/{128 if ':' in cell.address(name) else 32} dev lo" for cell in mine]
            peer = f"peer {self.public('r')} endpoint 10.0.{number}.1:{SEVERAL_HOPS_PORT} allowed-ips 0.0.0.0/0,::/0"
            self._shell(name, ["ip link add mh type wireguard",
                               f"wg set mh private-key /run/key listen-port {SEVERAL_HOPS_PORT} {peer}"],
                        [*addresses, "link set mh up", "route add 10.99.0.0/16 dev mh", "route add fd99::/16 dev mh"])

