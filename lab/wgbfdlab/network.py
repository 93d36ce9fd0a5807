"""A topology that stands: nodes, links, WireGuard, daemons, the cut and the stream. Leaving the `with` block removes it all."""
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from . import daemons, mounts, nodes, wireguard
from .before import Before
from .nodes import RunningNode, terminate
from .settings import BESIDE_PORT, STREAM_PORT, STREAM_RATE
from .stream import Record, ended
from .tcp import Connections
from .topology import LabError
from .wait import wait_until
from .watch import Watch

PREFIX = "wgbfd"
CUT_TABLE = "add table inet labcut\nadd chain inet labcut forward { type filter hook forward priority 0; }\n"


class Network:
    def __init__(self, topology, settings, out=None):
        self.topology, self.settings = topology, settings
        self._out = Path(out) if out else None
        self._temporary = None
        self.nodes, self.daemons, self.watches = {}, {}, {}
        self.before = None  # what the nodes were without wgbfd, where that is looked at
        self.remade = set()  # (node, interface) that a scenario made anew

    def __enter__(self):
        nodes.sweep(PREFIX)
        self._temporary = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-"))
        self._temporary.chmod(0o755)
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # A second Ctrl-C waits until everything is removed.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            for node in self.nodes.values():
                node.stop()
            if self._out:
                _keep_files(self._temporary, self._out)
            nodes.remove_tree(self._temporary)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _build(self):
        prefix = f"{PREFIX}-{os.getpid()}"
        mounts.separate()
        self.keys = wireguard.Keys(self.topology)
        for name, spec in self.topology.nodes.items():
            self.nodes[name] = RunningNode(spec, self._temporary / name, prefix)
            self.nodes[name].start()
        for node in self.nodes.values():
            node.wait_started()
        self._check_vrfs()
        self._link()
        for node in self.nodes.values():
            _configure(node)
        self.kernel = self._kernel_wireguard()
        for node in self.nodes.values():
            for interface in node.spec.wireguards:
                wireguard.create(node, interface, self.keys, self.kernel)
        self._start_daemons()
        for cut in filter(None, (self.topology.cut, self.topology.backup)):
            self.nodes[cut.node].run(["nft", "-f", "-"], text=CUT_TABLE)
        self.wait_ready()

    def _link(self):
        lines = [f"link add {one[1]} netns {self.nodes[one[0]].pid} type veth peer name {two[1]} netns {self.nodes[two[0]].pid}"
                 for one, two in self.topology.links]
        subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def _kernel_wireguard(self):
        if self.settings.wireguard != "auto":
            return self.settings.wireguard == "kernel"
        return next(iter(self.nodes.values())).kernel_has("wireguard")

    def _check_vrfs(self):
        node = next((node for node in self.nodes.values() if node.spec.vrfs), None)
        if node and not node.kernel_has("vrf", "table", "1"):
            raise LabError(f"this kernel has no vrf module: run it in a virtual machine that has one: lab/vm run lab/run {self.topology.name} SCENARIO")

    def _start_daemons(self):
        for name, node in self.nodes.items():
            mode = self.settings.mode_of(name, self.topology.cut)
            self.daemons[name] = daemons.Daemons(node, self.topology, mode, self.settings, self.keys)
            self.watches[name] = Watch(node, self.daemons[name], self.topology, self.keys)
        if self.settings.undo:
            self.before = Before(self)
        daemons.start_all(list(self.daemons.values()))

    def wait_ready(self, limit=90):
        """Every session, adjacency and neighbour is up, and the watched routes lead where they should."""
        limit += self.topology.table.number // 500 if self.topology.table else 0
        waiting = dict(self.daemons)
        for_what = ""

        def ready():
            nonlocal for_what
            for name in list(waiting):
                for_what = _first_wait(waiting[name]) or self.watches[name].waits()
                if for_what:
                    return False
                del waiting[name]
            return True
        wait_until(ready, limit, lambda: for_what, pause=0.1)
        for name, watch in self.watches.items():
            if self.daemons[name].has_wgbfd:
                watch.follow_wgbfd()

    def moments(self):
        every = [moment for watch in self.watches.values() for moment in watch.moments()]
        return sorted(every, key=lambda moment: moment.at)

    def overflows(self):
        """What was lost in the nodes to full queues; kernel WireGuard's interfaces drop for other reasons too, and are left out."""
        return sum(node.overflows([] if self.kernel else [wg.name for wg in node.spec.wireguards]) for node in self.nodes.values())

    @contextmanager
    def prepared_cut(self, one_way=False):
        """Yields a function that cuts the path and returns when that began and ended; nft already waits for its input."""
        cut = self.topology.cut
        with self.prepared_dead(cut, *(cut.ways[:1] if one_way else cut.ways)) as fire:
            yield fire

    @contextmanager
    def prepared_restore(self):
        with self.prepared_dead(self.topology.cut) as fire:
            yield fire

    @contextmanager
    def prepared_dead(self, cut, *ways):
        """Yields a function that makes these ways through the cut's node dead, and no others, in one step."""
        what = f"udp dport {cut.port} " if cut.port else ""
        rules = "".join(f'add rule inet labcut forward iifname "{a}" oifname "{b}" {what}drop\n' for a, b in ways)
        node = self.nodes[cut.node]
        process = subprocess.Popen(node.inside(["nft", "-f", "-"]), stdin=subprocess.PIPE, text=True, start_new_session=True)
        time.sleep(0.2)

        def fire():
            begun = time.time()
            process.communicate(f"flush chain inet labcut forward\n{rules}", timeout=20)
            if process.returncode != 0:
                raise LabError(f"node {node.name}: nft failed")
            return begun, time.time()
        try:
            yield fire
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def remake_wireguard(self, tunnel, pause):
        """The interface goes with its keys and sessions, and comes back after `pause` with the same configuration."""
        node = self.nodes[tunnel.node]
        interface = next(wg for wg in node.spec.wireguards if wg.name == tunnel.interface)
        self.remade.add((node.name, interface.name))
        at = time.time()
        wireguard.delete(node, interface)
        time.sleep(pause)
        back = time.time()
        wireguard.create(node, interface, self.keys, self.kernel)
        return at, back

    def stream(self, beside=False):
        return Stream(self, beside)

    def connections(self):
        sender, receiver = _stream_ends(self.topology, beside=False)
        return Connections(self.nodes[sender.name], sender.stream[1], self.nodes[receiver.name], STREAM_PORT)


class Stream:
    """The running stream; `record()` ends it."""

    def __init__(self, network, beside):
        sender, receiver = _stream_ends(network.topology, beside)
        address, port = (sender.beside[1], BESIDE_PORT) if beside else (sender.stream[1], STREAM_PORT)
        program = str(Path(__file__).with_name("stream.py"))
        self._files = [network.nodes[end.name].logs / name for end, name in ((sender, "sent.bin"), (receiver, "seen.bin"))]
        for path in self._files:
            path.unlink(missing_ok=True)
        run = [sys.executable or "/usr/bin/python3", program]
        self._receiver = network.nodes[receiver.name].spawn([*run, "receive", port, self._files[1]], "stream.out")
        wait_until(self._files[1].exists, 30, lambda: f"the stream's receiver in {receiver.name}")
        self._sender = network.nodes[sender.name].spawn(
            [*run, "send", address, port, STREAM_RATE, self._files[0]], "stream.out")

    def record(self):
        ended(self._sender, self._receiver, terminate)
        return Record.read(*self._files)


def _stream_ends(topology, beside):
    sender, receiver = (topology.stream_end(what, beside) for what in ("send", "receive"))
    if not sender or not receiver:
        raise LabError(f"{topology.name}: no node with lab.stream")
    return sender, receiver


def _first_wait(one):
    try:
        waits = one.not_ready()
    except LabError as error:
        one.check_alive()
        waits = str(error)
    if not waits and one.node.spec.watch:
        prefix, preferred = one.node.spec.watch
        route = one.node.run(["ip", "route", "show", prefix, "table", one.node.spec.watched_table]).stdout
        waits = "" if all(f"dev {one} " in route for one in preferred.split("+")) else f"route {prefix} by {preferred}"
    return f"node {one.node.name}: {waits}" if waits else ""


def _configure(node):
    """Addresses, kernel parameters, VRFs and the topology's own commands, in one process."""
    commands = [["sysctl", "-qw", f"{key}={value}"] for key, value in node.spec.sysctls.items()]
    for vrf in node.spec.vrfs:
        commands += [["ip", "link", "add", vrf.name, "type", "vrf", "table", vrf.table], ["ip", "link", "set", vrf.name, "up"],
                     # What a VRF has no route for would be looked up in main.
                     ["ip", "route", "add", "unreachable", "default", "metric", "4278198272", "table", vrf.table]]
    for interface, address in node.spec.addresses.items():
        vrf = node.spec.vrf_of(interface)
        commands += [["ip", "address", "add", address, "dev", interface],
                     ["ip", "link", "set", interface, *(["master", vrf.name] if vrf else []), "up"]]
    commands += node.spec.commands
    if commands:
        node.run(["sh", "-ec", "\n".join(shlex.join(command) for command in commands)])


def _keep_files(source, out):
    target = out / "nodes"
    nodes.remove_tree(target)
    shutil.copytree(source, target, ignore=lambda _d, names: [n for n in names if n.endswith(".sock")], dirs_exist_ok=True)
