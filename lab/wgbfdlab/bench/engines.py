"""The engines, each told of the same sessions: how it starts, what it says of itself, how it ends."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .. import nodes, vty
from ..topology import LabError
from .field import LINK
from .measure import processes

RUN_DIR = "/run/wgbfd"
BIRD_CONTROL = "/run/bench-bird.ctl"
REALTIME = 50


@dataclass
class Plan:
    """What is to be held: the same for every engine."""
    interval_ms: int
    multiplier: int = 3

    def expected_rate(self, sessions):
        """Packets/s of one side: jitter takes 0 to 25 % off the interval (RFC 5880 §6.8.7)."""
        return sessions / (self.interval_ms / 1000 * 0.875)


@dataclass
class Tally:
    """What an engine says of its sessions."""
    up: int = 0
    downs: dict = field(default_factory=dict)    # by remote address
    late_ms: float = 0.0                        # wgbfd alone: how late its probe thread ever woke
    dropped: dict = field(default_factory=dict)  # wgbfd alone: datagrams refused, by reason


class Engine:
    comm = ""
    reloads = looks = True  # it can be told a whole new configuration, and asked for its sessions
    scraped = False         # it answers Prometheus

    def __init__(self, node, pairs, plan, tools, realtime=False):
        self.node, self.pairs, self.plan, self.tools = node, pairs, plan, tools
        self.realtime = realtime
        self.directory = node.directory / "bench"
        self.directory.mkdir(exist_ok=True)
        self.process = None

    def configuration(self, multiplier):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    @property
    def file(self):
        return self.directory / f"{self.comm}.conf"

    def write(self, multiplier):
        self.file.write_text(self.configuration(multiplier))
        nodes.give_to_frr(self.file)

    def start(self):
        self.write(self.plan.multiplier)
        before = ["chrt", "-f", REALTIME] if self.realtime else []
        self.process = self.node.spawn([*before, *self.command()], f"{self.comm}.out")

    def pids(self):
        return processes(self.node, self.comm)

    def up(self):
        return self.tally().up

    def ask(self, *command):
        """What a command in the node prints; nothing when the engine is too busy to answer."""
        try:
            return self.node.run(command, check=False).stdout
        except subprocess.TimeoutExpired:
            return ""

    def stop(self):
        # Whoever restarts the others is the oldest, and goes first.
        end = time.monotonic() + 20
        while self.pids() and time.monotonic() < end:
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
        if self.process:
            self.process.wait(timeout=20)

    def said(self):
        path = self.node.logs / f"{self.comm}.out"
        return path.read_text(errors="replace").strip()[-300:] if path.exists() else ""


class Wgbfd(Engine):
    comm = "wgbfd"
    scraped = True

    def pids(self):
        """Guardian, worker, and who runs its jobs."""
        return sorted([*super().pids(), *processes(self.node, "wgbfd-jobs")])

    def configuration(self, multiplier):
        rows = [f'[probe]\ninterval = "{self.plan.interval_ms}ms"\nmultiplier = {multiplier}\n[metrics]\nlisten = "127.0.0.1"']
        rows += [f'[[session]]\nlocal = "{local}"\nremote = "{remote}"' for local, remote in self.pairs]
        return "\n".join(rows) + "\n"

    def command(self):
        shutil.rmtree(self.node.path(RUN_DIR), ignore_errors=True)  # what was up before is remembered there
        return [self.tools.wgbfd, "run", "--config", self.file, "--run-dir", RUN_DIR]

    def status(self):
        try:
            return json.loads(self.ask(self.tools.wgbfd, "status", "--json", "--run-dir", RUN_DIR))
        except json.JSONDecodeError:
            return {}

    def tally(self):
        status = self.status()
        rows = [row for row in status.get("adjacencies", []) if row.get("bfd")]
        loop = status.get("probe_loop", {})
        dropped = {**loop.get("dropped", {}), "kernel": loop.get("kernel_drops", 0)}
        return Tally(sum(row["bfd"]["state"] == "Up" for row in rows), {row["remote"]: row["bfd"]["downs"] for row in rows},
                     loop.get("max_lateness_us", 0) / 1000, dropped)

    def look(self):
        self.ask(self.tools.wgbfd, "status", "--run-dir", RUN_DIR)

    def reload(self, multiplier):
        self.write(multiplier)
        self.ask(self.tools.wgbfd, "reload", "--run-dir", RUN_DIR)


class Bfdd(Engine):
    comm = "bfdd"
    reloads = False  # only line by line: FRR has no reload of a daemon's own

    def configuration(self, multiplier):
        timers = f"  detect-multiplier {multiplier}\n  receive-interval {self.plan.interval_ms}\n  transmit-interval {self.plan.interval_ms}\n"
        rows = [f" peer {remote} local-address {local}\n{timers} !\n" for local, remote in self.pairs]
        return "bfd\n" + "".join(rows) + "!\n"

    @property
    def file(self):
        return self.node.etc_frr / "bfdd.conf"

    def command(self):
        return ["/usr/lib/frr/bfdd", "-f", "/etc/frr/bfdd.conf", "-i", "/run/frr/bfdd.pid"]

    def ask_json(self, command):
        return json.loads(vty.ask(self.node, "bfdd", command, timeout=30) or "[]")

    def tally(self):
        try:
            peers, counters = self.ask_json("show bfd peers json"), self.ask_json("show bfd peers counters json")
        except (LabError, json.JSONDecodeError):  # it reads its configuration, and answers nobody meanwhile
            return Tally()
        return Tally(sum(peer["status"] == "up" for peer in peers), {peer["peer"]: peer["session-down"] for peer in counters})

    def up(self):
        try:
            return sum(peer["status"] == "up" for peer in self.ask_json("show bfd peers json"))
        except (LabError, json.JSONDecodeError):
            return 0

    def look(self):
        self.up()


class Bird(Engine):
    comm = "bird"

    def configuration(self, multiplier):
        rows = [f'log "{self.log}" all;', "router id 192.0.2.1;", "protocol device { }", "protocol bfd {", " debug { events };",
                f' interface "{LINK}" {{ interval {self.plan.interval_ms} ms; multiplier {multiplier}; }};']
        rows += [f' neighbor {remote} dev "{LINK}" local {local};' for local, remote in self.pairs]
        return "\n".join(rows) + "\n}\n"

    @property
    def log(self):
        return self.directory / "bird.log"

    def command(self):
        self.log.unlink(missing_ok=True)
        return ["bird", "-f", "-c", self.file, "-s", BIRD_CONTROL]

    def birdc(self, *words):
        return self.ask("birdc", "-s", BIRD_CONTROL, *words)

    def up(self):
        return len(re.findall(r" Up +\d", self.birdc("show", "bfd", "sessions")))

    def tally(self):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return Tally(self.up(), Counter(re.findall(r"Session to (\S+) changed state from Up to Down", text)))

    def look(self):
        self.birdc("show", "bfd", "sessions")

    def reload(self, multiplier):
        self.write(multiplier)
        self.birdc("configure")


class Bare(Engine):
    """The same packets through sendmmsg and recvmmsg alone: no protocol, so it has no sessions to lose."""
    comm = "bare_loop"
    reloads = looks = False

    def configuration(self, _multiplier):
        return ""

    def command(self):
        local, remote = self.pairs[0]
        return [self.tools.bare_loop, local, remote, len(self.pairs), self.plan.interval_ms * 1000]

    def tally(self):
        return Tally(len(self.pairs) if self.pids() else 0)


ENGINES = {"wgbfd": Wgbfd, "bfdd": Bfdd, "bird": Bird, "bare": Bare}


@dataclass
class Tools:
    build: Path

    @property
    def wgbfd(self):
        return self.build / "src/wgbfd"

    @property
    def bare_loop(self):
        return self.build / "tests/bare_loop"

    @property
    def flood(self):
        return self.build / "tests/flood"

    def check(self, names):
        wanted = {"wgbfd": self.wgbfd, "bare": self.bare_loop, "bird": Path("/usr/sbin/bird"), "bfdd": Path("/usr/lib/frr/bfdd")}
        for name in names:
            if not wanted[name].is_file():
                raise LabError(f"no {name} at {wanted[name]}: build it or install it, or leave it out with --engines")
