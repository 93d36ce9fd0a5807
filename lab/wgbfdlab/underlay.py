"""lab/impair in a node, from the lab's side: started, told, asked, ended."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from . import relay
from .nodes import children
from .topology import LabError

PROGRAM = str(Path(__file__).resolve().parent.parent / "impair")


class Underlay:
    """UDP between two interfaces of a router passes a relay while the `with` block lasts."""

    def __init__(self, node, one, two, seed=1):
        self.node = node
        self.forward, self.backward = f"{one}>{two}", f"{two}>{one}"
        self._command = [sys.executable or "/usr/bin/python3", PROGRAM, "run", one, two, "--seed", seed]
        self._process = None

    def __enter__(self):
        self._process = self.node.spawn(self._command, "impair.log")
        end = time.monotonic() + 20
        while self._process.poll() is None and time.monotonic() < end:
            try:
                self.state()
                return self
            except LabError:
                time.sleep(0.02)
        said = (self.node.logs / "impair.log").read_text(errors="replace").strip()
        self.__exit__()
        raise LabError(f"node {self.node.name}: lab/impair does not start: {said or 'it said nothing'}")

    def __exit__(self, *_):
        for child in children(self._process.pid):  # nsenter, their parent, would not pass the signal on
            _terminate(child)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def set(self, direction, words):
        self._ask(f"set {direction} {words}")

    def both(self, words):
        self.set("both", words)

    def clear(self):
        self._ask("clear")

    def state(self):
        return json.loads(self._ask("show"))

    def counts(self):
        """{direction: counts} so far."""
        return self.state()["directions"]

    def _ask(self, line):
        try:
            answer = relay.ask(self.node.path(relay.SOCKET), line)
        except OSError as error:
            raise LabError(f"node {self.node.name}: lab/impair does not answer: {error}") from error
        if answer.startswith("error: "):
            raise LabError(f"node {self.node.name}: lab/impair: {answer.removeprefix('error: ')}")
        return answer


def _terminate(pid):
    try:
        os.kill(pid, 15)
    except ProcessLookupError:
        pass
