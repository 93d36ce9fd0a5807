"""What the kernel counts of processes, of the link and of the machine: values at one moment, and their differences."""
import os
import time
from dataclasses import dataclass, fields
from pathlib import Path

from .field import LINK

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Sample:
    at: float = 0.0             # monotonic seconds
    cpu: float = 0.0            # seconds on a processor, of all threads
    waited: float = 0.0         # seconds runnable without one
    wakeups: int = 0            # context switches, voluntary and not: with them the preemptions
    sent: int = 0               # packets of the link
    received: int = 0
    buffer_errors: int = 0      # datagrams dropped for want of room in a socket of this namespace
    machine_busy: float = 0.0   # seconds of all processors
    steal: float = 0.0          # of these, taken by the host

    def __sub__(self, before):
        return Sample(**{field.name: getattr(self, field.name) - getattr(before, field.name) for field in fields(self)})


def processes(node, comm):
    """Process numbers, as the lab counts, of this name in a node's process namespace."""
    namespace = os.readlink(f"/proc/{node.pid}/ns/pid")
    found = []
    for entry in os.listdir("/proc"):
        try:
            if (entry.isdigit() and os.readlink(f"/proc/{entry}/ns/pid") == namespace
                    and Path(f"/proc/{entry}/comm").read_text().strip() == comm):
                found.append(int(entry))
        except OSError:
            continue
    return sorted(found)


def sample(node, pids):
    cpu = waited = wakeups = 0
    for pid in pids:
        for task in _tasks(pid):
            try:
                on, delay, _ = Path(f"{task}/schedstat").read_text().split()
                status = Path(f"{task}/status").read_text()
            except OSError:
                continue
            cpu, waited = cpu + int(on), waited + int(delay)
            wakeups += sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)
    sent, received = link_packets(node)
    return Sample(time.monotonic(), cpu / 1e9, waited / 1e9, wakeups, sent, received, _buffer_errors(node), *_machine())


def _tasks(pid):
    try:
        return [f"/proc/{pid}/task/{task}" for task in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def link_packets(node):
    for line in Path(f"/proc/{node.pid}/net/dev").read_text().splitlines():
        name, _, figures = line.partition(":")
        if name.strip() == LINK:
            words = figures.split()
            return int(words[9]), int(words[1])
    return 0, 0


def _buffer_errors(node):
    udp = [line.split() for line in Path(f"/proc/{node.pid}/net/snmp").read_text().splitlines() if line.startswith("Udp:")]
    return int(udp[1][udp[0].index("RcvbufErrors")])


def _machine():
    """(busy, stolen)"""
    words = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle, iowait, steal = words[3], words[4], words[7]
    return (sum(words) - idle - iowait) / TICK, steal / TICK


def memory(pids):
    """(resident, proportional) in KiB."""
    totals = {"Rss": 0, "Pss": 0}
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        for line in text.splitlines():
            name = line.split(":")[0]
            if name in totals:
                totals[name] += int(line.split()[1])
    return totals["Rss"], totals["Pss"]
