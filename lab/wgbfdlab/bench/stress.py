"""What is done to the engines while they are measured. Each is a context manager; everything it starts ends with it."""
import os
import subprocess
import sys
import threading
from contextlib import contextmanager

from .field import address

CORES = os.cpu_count() or 1
FLOOD_RATE = 200_000
# Half of each processor, in slices of 10 ms: all of it would leave a process at normal priority nothing at all.
FIFO = """
import os, time
os.sched_setaffinity(0, {%d})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
while True:
    end = time.monotonic() + 0.01
    while time.monotonic() < end:
        pass
    time.sleep(0.01)
"""
# Prometheus asks every 15 s or so.
SCRAPE = """
import http.client, time
connection = http.client.HTTPConnection("127.0.0.1", 9784, timeout=20)
while True:
    connection.request("GET", "/metrics")
    connection.getresponse().read()
    time.sleep(0.1)
"""


@contextmanager
def _running(commands):
    started = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
               for command in commands]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


@contextmanager
def idle(_cell):
    yield


def busy(_cell):
    return _running([["sh", "-c", "while :; do :; done"]] * (2 * CORES))


def fifo(_cell):
    return _running([[sys.executable or "/usr/bin/python3", "-c", FIFO % core] for core in range(CORES)])


@contextmanager
def _inside(node, *command):
    process = node.spawn(["setpriv", "--pdeathsig", "KILL", *command], "stress.out")
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _flood(kind):
    """From the address of the far end's first session, to the near end's."""
    return lambda cell: _inside(cell.field.far, cell.tools.flood, kind, address("far", 1), address("near", 1), FLOOD_RATE)


def scrape(cell):
    return _inside(cell.near.node, sys.executable or "/usr/bin/python3", "-c", SCRAPE) if cell.near.scraped else idle(cell)


def _repeating(seconds, wanted, action):
    @contextmanager
    def repeating(cell):
        if not wanted(cell.near):
            yield
            return
        stop = threading.Event()

        def work():
            count = 0
            while not stop.wait(seconds):
                count += 1
                action(cell.near, count)
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
    return repeating


# Another multiplier for all sessions and back, as a whole new configuration.
reload = _repeating(5, lambda engine: engine.reloads, lambda engine, count: engine.reload(engine.plan.multiplier + count % 2))
look = _repeating(0.1, lambda engine: engine.looks, lambda engine, _count: engine.look())

STRESSES = {"idle": idle, "busy": busy, "fifo": fifo, "flood": _flood("invalid"), "flood-valid": _flood("valid"),
            "flood-spoofed": _flood("spoofed"), "reload": reload, "look": look, "scrape": scrape}
WORDS = {"idle": "idle", "busy": f"{2 * CORES} busy loops at nice 0", "fifo": "half of each processor taken at SCHED_FIFO 50",
         "flood": f"{FLOOD_RATE:,} invalid packets/s at UDP 3784 from one peer",
         "flood-valid": f"{FLOOD_RATE:,} whole packets/s for sessions that do not exist",
         "flood-spoofed": f"{FLOOD_RATE:,} whole packets/s in one peer's own name",
         "reload": "a reload of the whole configuration every 5 s", "look": "its sessions are asked for every 100 ms", "scrape": "its metrics are asked for every 100 ms"}


