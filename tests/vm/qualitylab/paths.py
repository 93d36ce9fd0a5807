"""One node measures many paths; at their far ends stand wgbfd, or BIRD's BFD with a test reflector or with none."""
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from wgbfdlab import mounts, wireguard
from wgbfdlab.nodes import RunningNode

from timelab import daemons

REFLECTOR = Path(__file__).with_name("reflector.py")


@dataclass(frozen=True)
class Cell:
    """What netem does there and back: delay and its variation in ms, loss in per cent; `far`: wgbfd, stateful, stateless or none."""
    name: str
    delay: tuple = (0, 0)
    jitter: tuple = (0, 0)
    loss: tuple = (0.0, 0.0)
    far: str = "wgbfd"

    settings = ("interval = \"300ms\"", "multiplier = 3")

    def queues(self, way, device):
        """tc's lines for what the near end (0) or the far one (1) sends into the underlay."""
        words = f"netem delay {self.delay[way]}ms {f'{self.jitter[way]}ms' if self.jitter[way] else ''}"
        loss = f" loss {self.loss[way]}%" if self.loss[way] else ""
        return [f"tc qdisc add dev {device} root {words}{loss} limit 10000"]

    def __str__(self):
        return f"{self.name} ({self.far}; delay {self.delay[0]}/{self.delay[1]} ms, varied by {self.jitter[0]}/{self.jitter[1]} ms, loss {self.loss[0]:g}/{self.loss[1]:g} %)"


class Paths:
    def __init__(self, cells):
        self.cells = list(enumerate(cells, 1))
        folder = Path(tempfile.mkdtemp(prefix="wgbfd-quality-"))
        folder.chmod(0o755)
        mounts.separate()
        self.nodes = {name: RunningNode(SimpleNamespace(name=name), folder / name, "qual")
                      for name in ("near", *sorted({cell.far for cell in cells}))}
        for node in self.nodes.values():
            node.start()
        for node in self.nodes.values():
            node.wait_started()
        self.near = self.nodes["near"]
        self._keys = {name: wireguard._pair() for name in self.nodes}  # pylint: disable=protected-access
        for number, cell in self.cells:
            self._underlay(number, cell)
        for name in self.nodes:
            self._tunnels(name)

    def start(self):
        for name, node in self.nodes.items():
            mine = self._mine(name)
            if name in ("near", "wgbfd"):
                text = "\n".join(self._adjacency(name, number, cell) for number, cell in mine)
                (node.directory / "wgbfd.toml").write_text(text, encoding="utf-8")
                node.spawn(["chrt", "-f", "50", daemons.WGBFD, "run", "--config", node.directory / "wgbfd.toml"], "wgbfd.log")
                continue
            lines = ["router id 10.0.0.1;", "protocol device { }", "protocol bfd {"]
            lines += [f' interface "{cell.name}" {{ interval 300 ms; multiplier 3; }};\n'
                      f' neighbor 10.60.{number}.1 dev "{cell.name}" local 10.60.{number}.2;' for number, cell in mine]
            (node.directory / "bird.conf").write_text("\n".join([*lines, "}"]) + "\n", encoding="utf-8")
            node.spawn(["bird", "-c", node.directory / "bird.conf", "-s", "/run/bird.ctl"], "bird.out").wait(timeout=60)
            if name != "none":
                node.spawn(["chrt", "-f", "50", "/usr/bin/python3", REFLECTOR, name], "reflector.out")

    def stop(self):
        for node in self.nodes.values():
            node.stop()

    def _mine(self, name):
        return [(number, cell) for number, cell in self.cells if name in ("near", cell.far)]

    def _adjacency(self, name, number, cell):
        near = name == "near"
        return (f'[[adjacency]]\nname = "{cell.name}"\ninterface = "{cell.name}"\npeer = "{self.peer(name, cell)}"\n'
                f'address = "10.60.{number}.{2 if near else 1}"\n' + "\n".join(cell.settings) + "\n")

    def _underlay(self, number, cell):
        far = self.nodes[cell.far]
        subprocess.run(["ip", "link", "add", f"u{number}", "netns", str(self.near.pid), "type", "veth",
                        "peer", "name", f"u{number}", "netns", str(far.pid)], check=True)
        for way, node in enumerate((self.near, far)):
            node.run(["sh", "-ec", "\n".join([f"ip address add 10.61.{number}.{way + 1}/24 dev u{number}", f"ip link set u{number} up",
                                              *cell.queues(way, f"u{number}")])])

    def _tunnels(self, name):
        node = self.nodes[name]
        node.run(["sh", "-ec", "umask 077; cat >/run/key"], text=self._keys[name][0])
        node.run(["sh", "-ec", "\n".join(line for number, cell in self._mine(name) for line in self.tunnel(name, number, cell))])

    def tunnel(self, name, number, cell):
        """The commands that make this end of it."""
        near = name == "near"
        here, there = (1, 2) if near else (2, 1)
        return [f"ip link add {cell.name} type wireguard", f"ip address add 10.60.{number}.{here}/24 dev {cell.name}",
                f"ip link set {cell.name} up",
                f"wg set {cell.name} private-key /run/key listen-port {21000 + number} peer {self.peer(name, cell)} "
                f"endpoint 10.61.{number}.{there}:{21000 + number} allowed-ips 0.0.0.0/0"]

    def peer(self, name, cell):
        """The public key of the other end."""
        return self._keys[cell.far if name == "near" else "near"][1]
