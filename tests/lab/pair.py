"""Two hosts in namespaces with WireGuard tunnels between them, one unless more are asked for, and wgbfd on them as a test
wants it.

a ── wg0 10.8.0.0/31 ══ 10.8.0.1/31 wg0 ── b, a ── wg1 10.8.0.2/31 ══ 10.8.0.3/31 wg1 ── b, and so on. Nothing is timed:
tests wait for states, with generous limits.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

sys.dont_write_bytecode = True
TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "lab"))

from wgbfdlab import mounts, nodes, vty, wireguard  # noqa: E402
from wgbfdlab.topology import LabError, Peer, WireGuard  # noqa: E402

RUN_DIR = "/run/wgbfd"
DATA_PLANE = "unix:/run/frr/bfddp.sock"
TIMERS = 'interval = "300ms"\nmultiplier = 3\n'
PATIENT = "multiplier = 10\n"  # of an adjacency: 3 s, where a Down that a busy machine makes would be counted
PATIENT_TIMERS = 'interval = "300ms"\n' + PATIENT
UNDAMPED = '[damping]\nmax = "0s"\n'           # many Downs, and each counts
UNMEASURED = '[quality]\nmethod = "off"\n'     # its cost is its own, however late a busy machine finds the probes
counts = {"ok": 0, "FAIL": 0}


def check(sentence, holds, figures=""):
    verdict = "ok" if holds else "FAIL"
    counts[verdict] += 1
    print(f"{verdict} - {sentence}" + (f" [{figures}]" if not holds and figures != "" else ""), flush=True)
    return holds


def wait(probe, seconds=30):
    """The first true answer of probe, or its last one when the time is up."""
    limit = time.monotonic() + seconds
    while True:
        try:
            answer = probe()
        except (LookupError, TypeError):  # status() and row() are empty while nobody answers
            answer = None
        if answer or time.monotonic() > limit:
            return answer
        time.sleep(0.05)


class Host:
    def __init__(self, node, binary):
        self.node, self.binary = node, binary
        self.daemon = None

    # --- files and commands -----------------------------------------------------------------------------------------
    def write(self, inner, text):
        path = Path(self.node.path(inner))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return inner

    def sh(self, line, check_status=True):
        return self.node.run(["sh", "-ec", line], check=check_status).stdout

    def wgbfd(self, *words, before=()):
        """The finished command, with its status and its output."""
        return self.node.run([*before, self.binary, *words, "--run-dir", RUN_DIR], check=False, timeout=60)

    # --- wgbfd ------------------------------------------------------------------------------------------------------
    def configure(self, text):
        return self.write("/run/wgbfd.toml", text)

    def start(self, *options, log="wgbfd.log", before=()):
        self.daemon = self.node.spawn([*before, self.binary, "run", "--run-dir", RUN_DIR, *options], log)
        return wait(lambda: self.status() or self.daemon.poll() is not None)

    def start_configured(self, text):
        return self.start("--config", self.configure(text))

    def processes(self):
        """(guardian, worker) as the lab numbers them; None for what is not there."""
        inside = nodes.children(self.daemon.pid) if self.daemon and self.daemon.poll() is None else []
        guardian = inside[0] if inside else None
        worker = next(iter(nodes.children(guardian)), None) if guardian else None
        return guardian, worker

    def kill_both(self):
        guardian, worker = self.processes()
        for pid in (guardian, worker):  # in this order, or the guardian would start another worker
            os.kill(pid, signal.SIGKILL)
        self.daemon.wait(timeout=30)
        wait(lambda: not os.path.exists(f"/proc/{worker}"))

    def kill_worker(self):
        """Returns once another worker answers."""
        before = self.processes()[1]
        os.kill(before, signal.SIGKILL)
        return wait(lambda: self.processes()[1] not in (before, None) and self.status())

    def terminate(self):
        """SIGTERM; the exit status."""
        if self.daemon is None or self.daemon.poll() is not None:
            return None
        os.kill(self.processes()[0], signal.SIGTERM)
        return self.daemon.wait(timeout=30)

    def status(self):
        try:
            return json.loads(self.wgbfd("status", "--json").stdout)
        except json.JSONDecodeError:
            return {}

    def rows(self):
        return self.status().get("adjacencies", [])

    def row(self, **wanted):
        return next((row for row in self.rows() if all(row[key] == value for key, value in wanted.items())), {})

    def log(self, name="wgbfd.log"):
        path = self.node.logs / name
        return path.read_text(errors="replace") if path.exists() else ""

    def refused(self, *options):
        """Runs the daemon where it must not start: (exit status, what it says)."""
        done = self.node.run(["timeout", "20", self.binary, "run", "--run-dir", RUN_DIR, *options], check=False)
        return done.returncode, done.stderr

    def is_up(self):
        return wait(lambda: self.row(interface="wg0", state="up"))

    # --- what it acts on ----------------------------------------------------------------------------------------------
    def operstate(self, interface="wg0"):
        return json.loads(self.sh(f"ip -j link show {interface}"))[0]["operstate"]

    def start_frr(self, daemon, *options, config=""):
        path = self.node.etc_frr / f"{daemon}.conf"
        path.write_text(config)
        nodes.give_to_frr(path)
        self.node.run([f"/usr/lib/frr/{daemon}", "-d", "-f", f"/etc/frr/{daemon}.conf", "-i", f"/run/frr/{daemon}.pid", *options])

    def stop_frr(self, daemon):
        """Returns once it is gone, with its sockets."""
        self.sh(f"pid=$(cat /run/frr/{daemon}.pid); kill -9 $pid; while [ -d /proc/$pid ]; do sleep 0.05; done; rm -f /run/frr/{daemon}.*")

    def ask_frr(self, daemon, command):
        return vty.ask(self.node, daemon, command)

    def process(self, code, *words):
        """A Python program in this host, running once it has printed a line."""
        process = subprocess.Popen(self.node.inside(["/usr/bin/python3", "-c", code, *words]), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True, start_new_session=True)
        process.stdout.readline()
        return process

    def end(self, process):
        """Ends what process() started: nsenter would not pass a signal on."""
        for child in nodes.children(process.pid):
            os.kill(child, signal.SIGKILL)
        process.wait(timeout=20)


class Server:
    """A unix socket in a host that answers as `serve(connection)` says, in a thread a connection."""

    def __init__(self, host, inner, serve):
        path = host.node.path(inner)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        self.path, self.serve, self.open = path, serve, []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass

    def close(self):
        self.socket.close()
        for connection in self.open:
            connection.close()
        if os.path.lexists(self.path):
            os.unlink(self.path)


HOLD_PORT = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", int(sys.argv[1])))
print("bound", flush=True)
time.sleep(600)
"""


class Pair:
    """`with Pair(build, label) as pair:` pair.a and pair.b stand, with wg0 and no daemon."""

    def __init__(self, build, label, tunnels=1):
        self.binary = Path(build).resolve() / "src/wgbfd"
        if not self.binary.is_file():
            raise LabError(f"no wgbfd at {self.binary}: build it first")
        self.prefix = f"wgbfd-{label}-{os.getpid()}"
        self.nodes = []
        self.tunnels = tunnels

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.prefix}-"))
        self.directory.chmod(0o755)
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop()
        nodes.remove_tree(self.directory)

    def _build(self):
        self.specs = {name: SimpleNamespace(name=name, wireguards=[self._wireguard(name, other, n) for n in range(self.tunnels)])
                      for name, other in (("a", "b"), ("b", "a"))}
        self.keys = wireguard.Keys(SimpleNamespace(nodes=self.specs))
        mounts.separate()
        for name, spec in self.specs.items():
            self.nodes.append(nodes.RunningNode(spec, self.directory / name, self.prefix))
            self.nodes[-1].start()
        for node in self.nodes:
            node.wait_started()
        one, two = self.nodes
        subprocess.run(["ip", "link", "add", "net0", "netns", str(one.pid), "type", "veth", "peer", "name", "net0",
                        "netns", str(two.pid)], check=True)
        self.kernel = one.kernel_has("wireguard")
        for node, address in ((one, "192.0.2.1/30"), (two, "192.0.2.2/30")):
            node.run(["sh", "-ec", f"ip address add {address} dev net0; ip link set net0 up; mkdir -p /run/empty; "
                      "for folder in /etc/wgbfd /etc/wireguard /etc/systemd/network; do "
                      "if [ -d $folder ]; then mount --bind /run/empty $folder; fi; done; "
                      "if [ -e /etc/resolv.conf ]; then touch /run/resolv.conf; mount --bind /run/resolv.conf /etc/resolv.conf; fi; "
                      "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0"])
            for tunnel in node.spec.wireguards:
                wireguard.create(node, tunnel, self.keys, self.kernel)
        self.a, self.b = (Host(node, self.binary) for node in self.nodes)

    @staticmethod
    def _wireguard(name, other, n):
        host, far = (2 * n, "192.0.2.2") if name == "a" else (2 * n + 1, "192.0.2.1")
        port = 51820 + n
        return WireGuard(f"wg{n}", f"10.8.0.{host}/31", port, [Peer(other, f"10.8.0.{2 * n}/31", f"{far}:{port}")])

    def key(self, name, interface="wg0"):
        return self.keys.public(name, interface)

    def adjacency(self, peer, more=""):
        """A configuration with the tunnel to `peer` named to-PEER."""
        return f'[probe]\n{TIMERS}{more}[[adjacency]]\nname = "to-{peer}"\ninterface = "wg0"\npeer = "{self.key(peer)}"\n'

    def both_up(self, more_a="", more_b="", own=""):
        """`own`: what the adjacency says at either end."""
        for host in (self.a, self.b):
            if host.daemon is not None and host.daemon.poll() is None:
                host.terminate()
        self.a.start_configured(self.adjacency("b", more_a) + own)
        self.b.start_configured(self.adjacency("a", more_b) + own)
        return check_up(self.a) and check_up(self.b)


def check_up(host):
    if host.is_up():
        return True
    raise LabError(f"node {host.node.name}: wg0 does not come up: {host.rows()} {host.log()[-600:]}")


def main(groups, arguments):
    """Runs the groups named, or all; the exit status."""
    if not arguments or arguments[0] == "--list":
        print(f"usage: {Path(sys.argv[0]).name} BUILD [{'|'.join(groups)}]…", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        check("network namespaces need root", False)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        for name in arguments[1:] or list(groups):
            try:
                groups[name](arguments[0])
            except Exception as error:  # pylint: disable=broad-except  # counted, whatever it was
                check(f"{name} runs to its end", False, f"{type(error).__name__}: {error}")
    print(f"{counts['ok']} passed, {counts['FAIL']} failed")
    return 1 if counts["FAIL"] else 0
