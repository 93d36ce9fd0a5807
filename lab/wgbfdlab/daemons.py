"""FRR, BIRD and wgbfd in the nodes: their configuration from the templates beside the topology, starting, stopping, asking.

A template line that begins with @TAG is kept, without the tag, where the tag holds: `bfd` (the routing daemons ask for BFD),
`link`, `frr-bfd`, `frr-vty`, `bird-nexthop`, `bird-include`, `routes`, `repair` and `endpoint` (the feed of wgbfd), `at-rest` (no wgbfd). ${…} is put in everywhere.
"""
import json
import os
import shlex
import string
import subprocess
from pathlib import Path

from . import vty
from .nodes import children, give_to_frr
from .settings import feed_of
from .table import as_bird
from .topology import LabError

FRR = ("zebra", "staticd", "bfdd", "bgpd", "ospfd")  # in the order of starting
DATA_PLANE = "unix:/run/frr/bfddp.sock"
BIRD_CONTROL = "/run/bird/bird.ctl"
BIRD_INCLUDE = "/run/bird/wgbfd.conf"
RUN_DIR = "/run/wgbfd"
FOR_ALL = ("/etc/hosts",)  # what every program of a node reads at its usual place


def tags(mode, feed):
    if mode == "stock":
        return {"bfd", "at-rest"}
    if mode == "wgbfd":
        return {"link": {"link"}, "frr-bfd": {"bfd", "frr-bfd"}, "both": {"bfd", "frr-bfd", "link"},
                "frr-vty": {"frr-vty"}, "bird-nexthop": {"bird-nexthop"}, "bird-include": {"bird-include"}, "routes": {"routes"}, "repair": {"repair"},
                "endpoint": {"endpoint"}}[feed]
    return {"at-rest"}


def render(template, values, wanted):
    lines = []
    for line in template.splitlines():
        if line.startswith("@"):
            tag, _, rest = line[1:].partition(" ")
            if tag not in wanted:
                continue
            line = rest if rest.startswith(("[", "feeds", "bfd_", "vty")) else " " + rest
        lines.append(line)
    return string.Template("\n".join(lines) + "\n").substitute(values)


class Daemons:
    """The daemons of one node in one mode."""

    def __init__(self, node, topology, mode, settings, keys):
        self.node = node
        self.mode = mode
        self.settings = settings
        self.names = list(node.spec.daemons[mode])
        if mode == "wgbfd" and settings.feed in ("link", "frr-vty"):
            self.names = [name for name in self.names if name != "bfdd"]
        self.feed = feed_of(self.names, settings.feed, node.spec.feed)
        self._wgbfd = None
        self._write_configuration(topology, keys)

    def _write_configuration(self, topology, keys):
        values = {**self.settings.template_values(), **keys.template_values(), "logs": self.node.logs, "table": as_bird(self.node.spec.table)}
        values["bfd_peers"] = "\n".join(f" peer {topology.peer_address(tunnel)} interface {tunnel.interface}\n  profile lab"
                                        for tunnel in topology.tunnels(self.node.spec))
        self._values, self._templates = values, topology.directory
        for source, target in self.node.spec.binds:
            self._write(source, target, values)
            if target in FOR_ALL:
                self.node.run(["mount", "--bind", self.node.directory / target.lstrip("/"), target])

    def _write(self, source, target, values):
        path = self.node.directory / target.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render((self._templates / source).read_text(), values, tags(self.mode, self.feed)))
        give_to_frr(path)

    @property
    def has_wgbfd(self):
        return "wgbfd" in self.names

    def start_frr(self, name):
        """Begins to start one FRR daemon; it is ready when the process returned ends."""
        command = [f"/usr/lib/frr/{name}", "-d", "-f", f"/etc/frr/{name}.conf", "-i", f"/run/frr/{name}.pid"]
        if name == "bfdd" and self.has_wgbfd:
            command += ["--dplaneaddr", DATA_PLANE]
        return self.node.spawn(self._scheduled(name, command), f"{name}.out")

    def start_bird(self):
        """Begins to start BIRD: it goes on in the background once it has read its file."""
        self.node.run(["mkdir", "-p", "/run/bird"])
        if self.has_wgbfd and self.feed == "bird-include":
            self._write_include()
        return self.node.spawn(["bird", "-c", self.node.directory / "etc/bird/bird.conf", "-s", BIRD_CONTROL], "bird.out")

    def _write_include(self):
        """The file that BIRD includes, as an operator makes it before wgbfd has ever run."""
        command = shlex.join(map(str, [self.settings.wgbfd, "snippets", "bird-include", "--config", self._wgbfd_toml]))
        self.node.run(["sh", "-ec", f"[ -e {BIRD_INCLUDE} ] || {command} > {BIRD_INCLUDE}"])

    @property
    def _wgbfd_toml(self):
        return self.node.directory / "etc/wgbfd/wgbfd.toml"

    def start_wgbfd(self):
        configuration = self._wgbfd_toml
        command = [self.settings.wgbfd, "run", "--config", configuration, "--run-dir", RUN_DIR]
        self._wgbfd = self.node.spawn(self._scheduled("wgbfd", command), "wgbfd.log")

    def _scheduled(self, name, command):
        """BFD's own process runs at a real-time priority where one is asked for."""
        if self.settings.realtime and name in ("bfdd", "wgbfd"):
            return ["chrt", "-f", self.settings.realtime, *command]
        return command

    def guardian(self):
        """Process number of wgbfd's guardian, and of its worker; None for what is not there."""
        found = children(self._wgbfd.pid) if self._wgbfd and self._wgbfd.poll() is None else []
        guardian = found[0] if found else None
        worker = next(iter(children(guardian)), None) if guardian else None
        return guardian, worker

    @property
    def router(self):
        """The routing daemon of this node."""
        return next(name for name in ("bird", "ospfd", "bgpd") if name in self.names)

    def pid_of(self, name):
        """The process number, as the lab counts, of BIRD or an FRR daemon."""
        return self._bird_pid() if name == "bird" else self.frr_pid(name)

    def _bird_pid(self):
        for pid, text in _node_processes(self.node.pid, "comm"):
            if text.strip() == "bird":
                return pid
        raise LabError(f"node {self.node.name}: bird is not running")

    def frr_pid(self, name):
        """The process number, as the lab counts, of an FRR daemon."""
        inner = self.node.run(["cat", f"/run/frr/{name}.pid"]).stdout.strip()
        for pid, text in _node_processes(self.node.pid, "status"):
            if any(line.startswith("NSpid:") and line.split()[-1] == inner for line in text.splitlines()):
                return pid
        raise LabError(f"node {self.node.name}: {name} is not running")

    def start(self, name):
        """Starts again what a scenario ended."""
        if name == "wgbfd":
            return self.start_wgbfd()
        begun = self.start_bird() if name == "bird" else self.start_frr(name)
        if begun.wait(timeout=30) != 0:
            raise LabError(f"node {self.node.name}: {name} did not start: {self.log_tail(name + '.out')}")

    def reload_wgbfd(self, interval_us):
        """`wgbfd reload` with another interval in the file."""
        source, target = next(bind for bind in self.node.spec.binds if bind[1].endswith("wgbfd.toml"))
        self._write(source, target, {**self._values, "interval": f"{interval_us}us"})
        self.node.run([self.settings.wgbfd, "reload", "--run-dir", RUN_DIR])

    def intervals(self):
        """Microseconds between two packets, as wgbfd's sessions send them."""
        return {row["bfd"]["tx_interval_us"] for row in self.adjacencies() if row["bfd"]}

    def reload_bird(self):
        """What BIRD says to `configure`."""
        return self.node.run(["birdc", "-s", BIRD_CONTROL, "configure"]).stdout.strip().splitlines()[-1]

    def check_alive(self):
        if self._wgbfd and self._wgbfd.poll() is not None:
            raise LabError(f"node {self.node.name}: wgbfd ended ({self._wgbfd.returncode}): {self.log_tail('wgbfd.log')}")

    def log_tail(self, name):
        path = self.node.logs / name
        return path.read_text(errors="replace").strip()[-400:] if path.exists() else ""

    def adjacencies(self):
        """`wgbfd status --json`, or an empty list while it does not answer."""
        done = self.node.run([self.settings.wgbfd, "status", "--json", "--run-dir", RUN_DIR], check=False)
        try:
            return json.loads(done.stdout)["adjacencies"]
        except (json.JSONDecodeError, KeyError):
            return []

    def status(self):
        done = self.node.run([self.settings.wgbfd, "status", "--json", "--run-dir", RUN_DIR], check=False)
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return {}

    def not_ready(self):
        """What this node still waits for, in words; empty when all is up."""
        self.check_alive()
        checks = {"wgbfd": self._wgbfd_waits, "bird": self._bird_waits, "bfdd": self._bfdd_waits, "bgpd": self._bgpd_waits, "ospfd": self._ospfd_waits}
        for name in self.names:
            waits = checks.get(name, lambda: "")()
            if waits:
                return waits
        return ""

    def _wgbfd_waits(self):
        rows = [row for row in self.adjacencies() if row.get("peer")]
        expected = sum(len(wg.peers) for wg in self.node.spec.wireguards)
        up = sum(1 for row in rows if row["state"] in ("up", "degraded"))
        return "" if up == expected else f"wgbfd: {up} of {expected} adjacencies up"

    def _bfdd_waits(self):
        peers = vty.ask_json(self.node, "bfdd", "show bfd peers json")
        up = sum(1 for peer in peers if peer["status"] == "up")
        expected = sum(len(wg.peers) for wg in self.node.spec.wireguards)
        return "" if up == expected else f"bfdd: {up} of {expected} sessions up"

    def _bird_waits(self):
        rows = [line.split() for line in self._birdc("show protocols")]
        rows = [row for row in rows if len(row) > 3 and row[1] in ("BGP", "OSPF")]
        late = [row[0] for row in rows if row[1] == "BGP" and row[-1] != "Established"]
        if not rows or late:
            return f"bird: {', '.join(late) or 'no neighbour'} not Established"
        expected = sum(len(wg.peers) for wg in self.node.spec.wireguards) if any(row[1] == "OSPF" for row in rows) else 0
        full = sum(1 for line in self._birdc("show ospf neighbors") if "Full/" in line) if expected else 0
        return "" if full == expected else f"bird: {full} of {expected} OSPF neighbours Full"

    def _birdc(self, command):
        return self.node.run(["birdc", "-s", BIRD_CONTROL, command], check=False).stdout.splitlines()

    def _bgpd_waits(self):
        peers = vty.ask_json(self.node, "bgpd", "show bgp summary json").get("ipv4Unicast", {}).get("peers", {})
        late = [address for address, peer in peers.items() if peer["state"] != "Established"]
        return "" if peers and not late else f"bgpd: {', '.join(late) or 'no neighbour'} not Established"

    def _ospfd_waits(self):
        found = vty.ask_json(self.node, "ospfd", "show ip ospf neighbor json").get("neighbors", {})
        full = sum(1 for rows in found.values() for row in rows if row.get("nbrState", row.get("state", "")).startswith("Full"))
        expected = sum(len(wg.peers) for wg in self.node.spec.wireguards)
        return "" if full == expected else f"ospfd: {full} of {expected} neighbours Full"


def _node_processes(first, file):
    """(pid, /proc/PID/file) of each process there; one that ends meanwhile is none."""
    namespace = os.readlink(f"/proc/{first}/ns/pid")
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.readlink(f"/proc/{entry}/ns/pid") == namespace:
                    yield int(entry), Path(f"/proc/{entry}/{file}").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue


def start_all(every):
    """Starts the daemons of all nodes, kind by kind, each kind everywhere at once; wgbfd as soon as bfdd listens."""
    for name in FRR:
        _wait_started(name, [(daemons, daemons.start_frr(name)) for daemons in every if name in daemons.names])
        if name == "bfdd":
            for daemons in every:
                if daemons.has_wgbfd:
                    daemons.start_wgbfd()
    _wait_started("bird", [(daemons, daemons.start_bird()) for daemons in every if "bird" in daemons.names])


def _wait_started(name, begun):
    for daemons, process in begun:
        try:
            status = process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            status = "no answer in 60 s"
        if status != 0:
            raise LabError(f"node {daemons.node.name}: {name} did not start ({status}): {daemons.log_tail(name + '.out')}")
