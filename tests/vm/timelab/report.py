"""What a test says: sentences with a verdict, and spreads of figures."""
import math
import os
import statistics
from pathlib import Path


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, good, sentence):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print(("ok" if good else "FAIL") + " - " + sentence, flush=True)

    @staticmethod
    def tell(sentence):
        print(sentence, flush=True)

    def close(self):
        """The last line, and the exit status."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return int(self.failed > 0)


class Spread:
    """Of figures in one unit; `p99` is one of them, the worst where there are fewer than a hundred."""

    def __init__(self, figures):
        self.figures = sorted(figures)
        self.count = len(self.figures)
        nothing = float("nan")
        self.best, self.worst = (self.figures[0], self.figures[-1]) if self.figures else (nothing, nothing)
        self.median = statistics.median(self.figures) if self.figures else nothing
        self.p99 = self.figures[math.ceil(0.99 * self.count) - 1] if self.figures else nothing


def busy():
    """Seconds the processor worked since the boot; they, and not the idle ones, cost the host's time."""
    words = Path("/proc/stat").read_text(encoding="ascii").split()
    return sum(map(int, words[1:4] + words[6:8])) / os.sysconf("SC_CLK_TCK")


def busiest(count=6):
    """The processes that took most of the processor, in words: a daemon that spins shows here."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text(encoding="utf-8", errors="replace").split("(", 1)[1].rsplit(")", 1)
        except OSError:  # it has ended
            continue
        found.append((sum(map(int, rest.split()[11:13])) / os.sysconf("SC_CLK_TCK"), name, stat.parent.name))
    return ", ".join(f"{name} ({pid}) {seconds:.1f} s" for seconds, name, pid in sorted(found, reverse=True)[:count])
