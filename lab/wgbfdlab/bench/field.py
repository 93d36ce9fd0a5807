"""Two namespaces and one veth between them, N local addresses on each side and static neighbours, so that nothing but BFD
crosses it: near ── net0 ══ net0 ── far."""
import os
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

from .. import mounts, nodes

PREFIX = "wgbfdbench"
LINK = "net0"


def address(side, number):
    """One of 10.64.0.0/10 (near) or 10.128.0.0/10 (far); all of it is one link."""
    first = {"near": 64, "far": 128}[side]
    return f"10.{first + (number >> 16)}.{(number >> 8) & 255}.{number & 255}"


class Field:
    """`with Field(sessions) as field:` field.near and field.far stand, without a daemon."""

    def __init__(self, sessions):
        self.sessions = sessions
        self.nodes, self.directory = {}, None

    @property
    def near(self):
        return self.nodes["near"]

    @property
    def far(self):
        return self.nodes["far"]

    def pairs(self, side):
        """(local, remote) of each session, seen from one side."""
        other = "far" if side == "near" else "near"
        return [(address(side, number), address(other, number)) for number in range(1, self.sessions + 1)]

    def __enter__(self):
        mounts.separate()
        nodes.sweep(PREFIX)
        self.directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-"))
        self.directory.chmod(0o755)
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes.values():
            node.stop()
        nodes.remove_tree(self.directory)

    def _build(self):
        for name in ("near", "far"):
            self.nodes[name] = nodes.RunningNode(SimpleNamespace(name=name), self.directory / name, f"{PREFIX}-{os.getpid()}")
            self.nodes[name].start()
        for node in self.nodes.values():
            node.wait_started()
        subprocess.run(["ip", "link", "add", LINK, "netns", str(self.near.pid), "type", "veth", "peer", "name", LINK,
                        "netns", str(self.far.pid)], check=True)
        macs = {name: node.run(["cat", f"/sys/class/net/{LINK}/address"]).stdout.strip() for name, node in self.nodes.items()}
        for name, node in self.nodes.items():
            other = "far" if name == "near" else "near"
            lines = [f"link set {LINK} up"]
            for local, remote in self.pairs(name):
                lines += [f"address add {local}/8 dev {LINK}",
                          f"neighbor add {remote} lladdr {macs[other]} dev {LINK} nud permanent"]
            node.run(["ip", "-batch", "-"], text="\n".join(lines) + "\n", timeout=300)
