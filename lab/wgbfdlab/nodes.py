"""A node: network, mount and process namespace of its own, with a private /run and /etc/frr.

Its first process is a shell that only waits; killing it ends everything in the node, and it dies with the lab, so nothing
is left behind however the lab ends. The processes of a node see themselves alone, as on a real router.
"""
import os
import pwd
import shlex
import shutil
import subprocess
from pathlib import Path

from .topology import LabError

# /run is private: WireGuard's sockets, FRR's and wgbfd's live there. /proc/self/stat is read while /proc is still the
# outer one: its first word is the process number the lab knows this shell by. `wait` reaps whatever is orphaned here.
FIRST_PROCESS = """
read -r pid rest < /proc/self/stat
mount -t tmpfs -o mode=755 lab /run && mkdir -p /run/frr /run/lock /run/wireguard && chown {frr} /run/frr || exit 1
if [ -d /etc/frr ]; then mount --bind {etc} /etc/frr || exit 1; fi
mount -t proc proc /proc || exit 1
mount -t sysfs sysfs /sys 2>/dev/null
ip link set lo up || exit 1
echo "$pid"
while :; do sleep 3600 & wait; done
"""


class RunningNode:
    def __init__(self, spec, directory, prefix):
        self.spec = spec
        self.name = spec.name
        self.namespace = f"{prefix}-{spec.name}"
        self.directory = Path(directory)
        self.logs = self.directory / "log"
        self.etc_frr = self.directory / "etc/frr"
        for path in (self.logs, self.etc_frr):
            path.mkdir(parents=True)
        give_to_frr(self.logs, self.etc_frr)
        self.pid = 0
        self._holder = None

    def start(self):
        script = FIRST_PROCESS.format(etc=shlex.quote(str(self.etc_frr)), frr="frr:frr" if frr_ids() else "root:root")
        with open(self.logs / "node.out", "wb") as errors:
            self._holder = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
                 "--propagation", "private", "/bin/sh", "-c", script],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True)

    def wait_started(self):
        word = self._holder.stdout.readline().strip()
        if not word:
            reason = (self.logs / "node.out").read_text(errors="replace").strip()
            raise LabError(f"node {self.name}: no namespaces: {reason}")
        self.pid = int(word)
        subprocess.run(["ip", "netns", "attach", self.namespace, str(self.pid)], check=True)

    def inside(self, command):
        """The command line that runs `command` in this node; -r, as a mount namespace's own root is outside a chroot."""
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "-p", "-r", *map(str, command)]

    def run(self, command, check=True, text=None, timeout=60):
        done = subprocess.run(self.inside(command), input=text, stdin=None if text is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
                              timeout=timeout, start_new_session=True)
        if check and done.returncode != 0:
            raise LabError(f"node {self.name}: {shlex.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def spawn(self, command, output, extra_environment=None, stdin=subprocess.DEVNULL):
        """Starts a process whose output is appended to the file `output` of this node."""
        with open(self.logs / output, "ab") as sink:
            return subprocess.Popen(self.inside(command), stdin=stdin, stdout=sink, stderr=sink,
                                    env=environment(extra_environment), start_new_session=True)

    def kernel_has(self, kind, *more):
        """Whether it makes links of this kind."""
        done = self.run(["ip", "link", "add", "labprobe", "type", kind, *more], check=False)
        if done.returncode == 0:
            self.run(["ip", "link", "del", "labprobe"])
        return done.returncode == 0

    def overflows(self, interfaces=()):
        """Datagrams that found a socket's queue full so far, or that of an interface of these: who should have read it had no turn."""
        names, values = (line.split() for line in self._proc_net("snmp") if line.startswith("Udp:"))
        sent = {name.strip(): rest.split() for name, _, rest in (line.partition(":") for line in self._proc_net("dev"))}
        return int(dict(zip(names, values))["RcvbufErrors"]) + sum(int(sent[name][11]) for name in interfaces if name in sent)

    def _proc_net(self, name):
        return Path(f"/proc/{self.pid}/net/{name}").read_text(encoding="ascii").splitlines()

    def path(self, inner):
        """A path inside the node as the lab reaches it (sockets in the private /run)."""
        return f"/proc/{self.pid}/root{inner}"

    def stop(self):
        if self.pid:
            try:
                os.kill(self.pid, 9)
            except ProcessLookupError:
                pass
        if self._holder:
            self._holder.kill()
            self._holder.wait()
            self._holder.stdout.close()
        if self.pid:
            remove_namespace(self.namespace)


def environment(extra=None):
    return {**os.environ, "TZ": "UTC", "LC_ALL": "C", **(extra or {})}


def frr_ids():
    try:
        entry = pwd.getpwnam("frr")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def give_to_frr(*paths):
    ids = frr_ids()
    for path in paths:
        if ids:
            os.chown(path, *ids)


def remove_namespace(name):
    subprocess.run(["ip", "netns", "del", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def sweep(label):
    """Removes the namespaces' names (LABEL-PID-NODE) that a killed lab left; its processes went with it."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        parts = name.split("-", 2)
        if len(parts) == 3 and parts[0] == label and parts[1].isdigit() and not os.path.exists(f"/proc/{parts[1]}"):
            remove_namespace(name)


def remove_tree(path):
    """Removes a folder of ours, never through a mount: whatever is mounted below it would be emptied too."""
    below = os.path.realpath(path) + "/"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as table:
        mounted = [line.split()[4] for line in table if (line.split()[4] + "/").startswith(below)]
    if mounted:
        raise LabError(f"{path} is left where it is: {mounted[0]} is mounted there")
    shutil.rmtree(path, ignore_errors=True)


def children(pid):
    """Processes whose parent is `pid`, as the lab numbers them."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            if int(stat.rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(entry))
    return sorted(found)


def terminate(process, limit=20):
    """SIGTERM to the process inside the node: nsenter, its parent, would not pass the signal on."""
    for child in children(process.pid):
        try:
            os.kill(child, 15)
        except ProcessLookupError:
            pass
    try:
        process.wait(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
