"""wgbfd in a namespace: started, asked over its control socket, ended. One virtual processor serves everything, so it runs under
`chrt -f 50` like any BFD speaker in these tests: what has a deadline goes before what has none."""
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from wgbfdlab.nodes import children

WGBFD = os.environ.get("WGBFD", "wgbfd")
REALTIME = ["chrt", "-f", "50"]


class Wgbfd:
    def __init__(self, space, configuration="", name=None, guardian=True):
        self.space, self.name, self.guarded = space, name or space.name, guardian
        self.run_dir = Path(f"/run/wgbfd-{self.name}")
        self.path = Path(f"/run/{self.name}.toml")
        self.log = Path("/run/out") / f"{self.name}.log"
        self.configure(configuration)
        self.process = None

    def configure(self, text):
        self.path.write_text(text)

    def command(self, *words):
        return [WGBFD, *words, "--run-dir", str(self.run_dir)]

    def start(self):
        extra = ["--config", str(self.path)] + ([] if self.guarded else ["--no-guardian"])
        self.process = self.space.spawn([*REALTIME, *self.command("run", *extra)], self.log)

    @property
    def guardian(self):
        return self.process.pid  # chrt becomes it

    @property
    def worker(self):
        """Process number of the worker, or None."""
        return next(iter(children(self.process.pid)), None) if self.guarded else self.process.pid

    def kill_worker(self):
        pid = self.worker
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_both(self):
        """Guardian first: it starts no new worker."""
        worker = self.worker
        os.kill(self.guardian, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        self.process.wait()
        while os.path.exists(f"/proc/{worker}") and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2]:
            time.sleep(0.001)

    def terminate(self, limit=20):
        """SIGTERM, and the exit status."""
        self.process.terminate()
        return self.process.wait(limit)

    def cli(self, *words):
        """Exit status and output of a subcommand."""
        with self.space:
            done = subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def ask(self, command):
        """The result of a request, or None while nobody answers."""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(10)
                line.connect(str(self.run_dir / "control.sock"))
                line.sendall(json.dumps({"command": command}).encode() + b"\n")
                return json.loads(line.makefile("rb").readline())["result"]
        except (OSError, ValueError, KeyError):
            return None

    def status(self):
        return self.ask("status") or {"adjacencies": []}

    def rows(self):
        return {row["name"]: row for row in self.status()["adjacencies"]}

    def row(self, name):
        return self.rows().get(name) or {"state": "none", "bfd": None, "cause": None}

    def by_peer(self):
        return {row["peer"]: row for row in self.status()["adjacencies"] if row["peer"]}

    def undo_records(self):
        path = self.run_dir / "undo"
        return [line for line in path.read_text().splitlines() if line] if path.exists() else []


def bfd_up(row):
    return bool(row and row.get("bfd") and row["bfd"]["state"] == "Up")
