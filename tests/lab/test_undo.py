#!/usr/bin/python3
"""All feeds that touch the kernel and WireGuard at once: routes, repair, endpoint, link and hook. While a path is cut each has acted; after
SIGTERM, and after kill -9 of guardian and worker and `wgbfd undo`, the host is byte for byte what it was before wgbfd (see wgbfdlab.untouched).
WGBFD_FULL=1: in three topologies, and after each scenario. Counts and states, never times.

test_undo.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import os
import signal
import sys
from pathlib import Path

from pair import TREE, check, main, wait
from wgbfdlab import scenario, untouched
from wgbfdlab.daemons import RUN_DIR
from wgbfdlab.network import Network
from wgbfdlab.settings import Settings
from wgbfdlab.topology import load

FULL = bool(os.environ.get("WGBFD_FULL"))
SCENARIOS = ("cut", "one-way-cut", "flap", "asymmetric-recovery", "both-down", "peer-reboot", "daemon-kill", "config-reload")
COMMON = """[probe]
interval = "${interval}"
multiplier = ${multiplier}
[damping]
max = "0s"
[hook]
command = ["/bin/sh", "-c", "echo $$WGBFD_STATE >> /run/verdicts"]
"""
GROUP = """[[group]]
name = "site-b"
prefixes = ["10.2.0.0/24"]
source = "10.1.0.1"
mode = "MODE"
fail_back_after = "2s"
"""
ROW = """[interface.WG]
feeds = ["link"]
[[adjacency]]
name = "WG-to-b"
interface = "WG"
peer = "${key_b_WG}"
feeds = [FEEDS]
endpoints = [ENDPOINTS]
"""


def row(interface, endpoints, feeds, more=""):
    """The tables of one tunnel at node a."""
    def quoted(words):
        return ", ".join(f'"{word}"' for word in words)
    return ROW.replace("WG", interface).replace("FEEDS", quoted(feeds)).replace("ENDPOINTS", quoted(endpoints)) + more


def two_tunnels(mode):
    """In one group. The second endpoint of each is a router's, who answers nothing: what is dead stays dead, and is looked for there too."""
    feeds, order = ("routes", "repair", "endpoint", "hook"), ("priority = 1\n", "priority = 2\n") if mode == "active-passive" else ("", "")
    return (COMMON + GROUP.replace("MODE", mode)
            + row("wg0", ("192.0.2.5:51820", "192.0.2.6:51820"), feeds, 'group = "site-b"\n' + order[0])
            + row("wg1", ("198.51.100.5:51821", "198.51.100.6:51821"), feeds, 'group = "site-b"\n' + order[1]))


def one_tunnel():
    return f'{COMMON}[endpoint]\nresolve = "10s"\n' + row("wg0", ("vpn.example.org:51820", "198.51.100.6:51820"), ("endpoint", "hook"))


class Host(Network):
    """A topology whose node a has all feeds; what a was before wgbfd came is known."""

    def __init__(self, build, name, toml):
        topology = load(TREE / f"lab/topologies/{name}.clab.yml")
        super().__init__(topology, Settings(wgbfd=Path(build).resolve() / "src/wgbfd", interval_us=300_000))
        self.name, self._toml = name, toml
        self.has_group = "[[group]]" in toml

    def _start_daemons(self):
        self.a = self.nodes["a"]
        source = self.a.directory / "all.toml"
        source.write_text(self._toml)
        self.a.spec.binds = [(str(source), target) if target.endswith("wgbfd.toml") else (one, target) for one, target in self.a.spec.binds]
        if self.has_group:
            self.a.run(["ip", "route", "add", "10.3.0.0/24", "dev", "wg0"])  # an operator's own: it stays, so repair has to
        self.before = untouched.settled_snapshot(self.a)
        super()._start_daemons()

    def say(self, sentence, holds, figures=""):
        return check(f"{self.name}: {sentence}", holds, figures)

    def all_have_acted(self):
        """With wg0 cut: what of the feeds is not to be seen; empty when all is."""
        now = untouched.snapshot(self.a)
        verdicts = Path(self.a.path("/run/verdicts"))
        seen = {"link": "state DORMANT" in now, "hook": verdicts.exists() and verdicts.read_text().split()[-1:] == ["down"],
                "endpoint": "endpoint" in self.undo_records()}
        if self.has_group:
            seen |= {"repair": "Redirect to device wg1" in now, "routes": any(line.startswith("10.2.0.0/24 dev wg1") for line in now.splitlines())}
        return [name for name, is_seen in seen.items() if not is_seen]

    def undo_records(self):
        path = Path(self.a.path(f"{RUN_DIR}/undo"))
        return path.read_text() if path.exists() else ""

    def cut(self):
        with self.prepared_cut() as fire:
            fire()
        self.say("the tunnel is cut: every feed acts", wait(lambda: not self.all_have_acted()), self.all_have_acted())

    def mend(self):
        with self.prepared_restore() as fire:
            fire()

    def start(self):
        """Begins with all tunnels up."""
        if not self.daemons["a"].guardian()[0]:
            self.daemons["a"].start("wgbfd")
        self.wait_ready()

    def terminate(self):
        pid = self.daemons["a"].guardian()[0]
        os.kill(pid, signal.SIGTERM)
        return wait(lambda: not os.path.exists(f"/proc/{pid}"))

    def kill(self):
        both = self.daemons["a"].guardian()
        for pid in both:  # in this order, or the guardian would start another worker
            os.kill(pid, signal.SIGKILL)
        return wait(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in both))

    def is_untouched(self, after):
        now = untouched.snapshot(self.a)
        self.say(f"after {after} all is as before wgbfd", now == self.before and not self.undo_records(),
                 untouched.difference(self.before, now) or self.undo_records())


def ended(host):
    """By SIGTERM, and by kill -9 and undo, each time while a path is dead."""
    host.cut()
    host.say("SIGTERM ends it", host.terminate())
    host.is_untouched("a cut and SIGTERM")
    host.mend()
    host.start()
    host.cut()
    host.kill()
    host.say("kill -9 of guardian and worker leaves what was done", untouched.snapshot(host.a) != host.before)
    done = host.a.run([host.settings.wgbfd, "undo", "--run-dir", RUN_DIR], check=False)
    host.say("undo ends with status 0", done.returncode == 0, done.stderr)
    host.is_untouched("a cut, kill -9 and undo")
    host.mend()


def after_each(host, names):
    for name in names:
        host.start()
        scenario.run(host, name)
        host.terminate()
        host.is_untouched(f"{name} and SIGTERM")


def of_topology(name, toml, scenarios):
    def group(build):
        with Host(build, name, toml) as host:
            ended(host)
            if FULL:
                after_each(host, scenarios)
    return group


GROUPS = {"active-passive": of_topology("active-passive", two_tunnels("active-passive"), SCENARIOS)}
if FULL:
    GROUPS |= {"active-active": of_topology("active-active", two_tunnels("active-active"), SCENARIOS),
               "endpoints": of_topology("endpoints", one_tunnel(), ("cut", "nat-rebind", "dns-change"))}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
