"""The engines under test: their configuration for a set of cells, how they are started, asked and changed while running.

`facts()` of each gives, for each cell it serves, what that end says: state, ups, downs, and what it believes of the other.
"""
import json
import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from wgbfdlab import vty
from wgbfdlab.nodes import children, give_to_frr
from wgbfdlab.topology import LabError

# One virtual processor stands for four hosts: what has a deadline goes before what has none. Of wgbfd only the probe thread has
# one, and it goes before the other daemons, which read their configuration in the thread that sends, ten milliseconds and more
# at a time. Its control thread stays behind WireGuard's workers: telling the state of 67 sessions takes it longer than the
# detection time of the fastest.
REALTIME, PROBES = ["chrt", "-f", "50"], 60
POLLED = 0.5  # seconds: longer than a poll sequence takes with timers of 200 ms
DATA_PLANE = "unix:/run/frr/bfddp.sock"
WGBFD = os.environ.get("WGBFD", "wgbfd")


@dataclass
class Fact:
    up: bool
    downs: int      # counted by the engine
    agreed: tuple   # what this end says of intervals; the engine's own words
    raw: dict


class Wgbfd:
    """Also our own end: then `cells` are all there are, and their near side is ours. `realtime`: all of it at SCHED_FIFO, and so the
    workers that come later; else the probe thread of the first one alone."""

    def __init__(self, node, cells, public, extra="", realtime=False):
        self.node, self.cells, self.public, self.extra, self.realtime = node, cells, public, extra, realtime
        self.path = node.directory / "wgbfd.toml"
        self.ours = node.name == "us"
        self._process = None

    def _text(self):
        lines = []
        if any(cell.several_hops for cell in self.cells):
            lines += ["[[adjacency]]", 'name = "router"', 'interface = "mh"', f'peer = "{self.public("r")}"', "probe = false"]
        for cell in self.cells:
            here, there = ("us", cell.node) if self.ours else (cell.node, "us")
            side = cell.timers.near if self.ours else cell.timers.far
            lines += ["[[session]]" if cell.several_hops else "[[adjacency]]", f'name = "{cell.name}"']
            if cell.several_hops:
                lines += [f'local = "{cell.address(here)}"', f'remote = "{cell.address(there)}"', "multihop = true",
                          f"minimum_ttl = {cell.minimum_ttl}"]
            else:
                lines += [f'interface = "{cell.interface}"', f'peer = "{self.public(there)}"',
                          f'address = "{cell.address(there)}"']
            lines += [f'interval = "{side.tx}ms"', f"multiplier = {side.multiplier}"]
        return "\n".join(lines) + "\n" + self.extra

    def start(self):
        self.path.write_text(self._text())
        self._process = self.node.spawn([*(REALTIME if self.realtime else []), WGBFD, "run", "--config", self.path], "wgbfd.log")
        end = time.monotonic() + 10
        while not (probes := [task for task in _tasks(self._process.pid) if _name(task) == "probe"]):
            if time.monotonic() > end:
                raise LabError(f"{self.node.name}: wgbfd has no probe thread")
            time.sleep(0.05)
        for task in probes if not self.realtime else ():
            os.sched_setscheduler(task, os.SCHED_FIFO, os.sched_param(PROBES))

    def change(self, cells):
        """The same sessions with other timers, while they run."""
        self.cells = cells
        self.path.write_text(self._text())
        done = self.node.run([WGBFD, "reload"], check=False)
        if done.returncode != 0:
            raise LabError(f"{self.node.name}: wgbfd reload: {done.stderr.strip()}")

    def stop(self):
        """SIGTERM, and the exit status."""
        for child in children(self._process.pid):
            os.kill(child, 15)
        return self._process.wait(timeout=30)

    def status(self):
        done = self.node.run([WGBFD, "status", "--json"], check=False)
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return {}

    def rows(self):
        return {row["name"]: row for row in self.status().get("adjacencies", [])}

    def facts(self):
        rows, found = self.rows(), {}
        for cell in self.cells:
            row = rows.get(cell.name)
            if row and row["bfd"]:
                bfd = row["bfd"]
                agreed = tuple(bfd[key] / 1000 for key in ("tx_interval_us", "rx_interval_us", "detection_time_us"))
                found[cell.name] = Fact(bfd["state"] == "Up", bfd["downs"], agreed, bfd)
        return found

    def expected(self, cell, agreed):
        if self.ours:
            return agreed.tx, agreed.rx, agreed.detection
        return agreed.rx, agreed.tx, agreed.far_detection


def _tasks(pid):
    """The threads of all processes below `pid`."""
    for child in children(pid):
        try:
            yield from map(int, os.listdir(f"/proc/{child}/task"))
        except FileNotFoundError:
            continue
        yield from _tasks(child)


def _name(task):
    try:
        return Path(f"/proc/{task}/comm").read_text().strip()
    except OSError:
        return ""


class Frr:
    """zebra, bfdd and bgpd of one node; with `data_plane` bfdd leaves its sessions to wgbfd."""

    def __init__(self, node, bfdd="", bgpd="", data_plane=False):
        self.node, self.data_plane = node, data_plane
        head = f"hostname {node.name}\nlog timestamp precision 6\nlog file {node.logs}/"
        self._write("zebra", f"{head}zebra.log\n")
        self._write("bfdd", f"{head}bfdd.log\ndebug bfd peer\n{bfdd}")
        self._write("bgpd", f"{head}bgpd.log\n{bgpd}")

    def _write(self, name, text):
        path = self.node.etc_frr / f"{name}.conf"
        path.write_text(text)
        give_to_frr(path)

    def start(self, name):
        """A process whose end means that the daemon is ready."""
        command = [f"/usr/lib/frr/{name}", "-d", "-f", f"/etc/frr/{name}.conf", "-i", f"/run/frr/{name}.pid"]
        if name == "bfdd":
            command = [*REALTIME, *command, *(["--dplaneaddr", DATA_PLANE] if self.data_plane else [])]
        return self.node.spawn(command, f"{name}.out")

    def bgp(self, address):
        """(state, what reset it last) of a neighbour."""
        row = vty.ask_json(self.node, "bgpd", "show bgp neighbors json").get(address, {})
        return row.get("bgpState", "unknown"), row.get("lastResetDueTo", "")

    def established(self):
        """{neighbour: connections dropped so far} of those that are Established."""
        rows = vty.ask_json(self.node, "bgpd", "show bgp neighbors json")
        return {address: row.get("connectionsDropped", 0) for address, row in rows.items()
                if row.get("bgpState") == "Established"}


class Bfdd:
    """Stock bfdd: a profile for each kind of timers, a peer for each cell."""

    def __init__(self, node, cells):
        self.node, self.cells = node, cells

    def text(self):
        lines = ["bfd"]
        for timers in {cell.timers.key: cell.timers for cell in self.cells}.values():
            lines += [f" profile {timers.key}", *_bfdd_timers(timers.far), " exit"]
        for cell in self.cells:
            ends = f"local-address {cell.address(cell.node)}"
            where = f"multihop {ends}" if cell.several_hops else f"{ends} interface {cell.interface}"
            lines += [f" peer {cell.address('us')} {where}", f"  profile {cell.timers.key}", " exit"]
        return "\n".join(lines) + "\n"

    def change(self, cells):
        """bfdd sends at the new pace after any Final, even one that answers a Poll with its old values (RFC 5880 §6.8.3 says
        otherwise), and is silent for too long then. So each line has its poll sequence to itself."""
        old = {cell.timers.key: _bfdd_timers(cell.timers.far) for cell in self.cells}
        self.cells = cells
        new = {cell.timers.key: _bfdd_timers(cell.timers.far) for cell in cells}
        for number in range(len(_bfdd_timers(cells[0].timers.far) if cells else [])):
            changed = {key: lines[number] for key, lines in new.items() if lines[number] != old[key][number]}
            for key, line in changed.items():
                vty.configure(self.node, "bfdd", ["bfd", f"profile {key}", line])
            if changed:
                time.sleep(POLLED)

    def facts(self):
        peers = {_bfdd_key(row): row for row in vty.ask_json(self.node, "bfdd", "show bfd peers json")}
        counters = {_bfdd_key(row): row for row in vty.ask_json(self.node, "bfdd", "show bfd peers counters json")}
        found = {}
        for cell in self.cells:
            key = (cell.address("us"), cell.interface)
            row, count = peers.get(key), counters.get(key)
            if row and count:
                agreed = tuple(row.get(f"{whose}{what}") for whose in ("remote-", "")
                               for what in ("receive-interval", "transmit-interval", "detect-multiplier"))
                found[cell.name] = Fact(row["status"] == "up", count["session-down"], agreed, row)
        return found

    def expected(self, cell, _agreed):
        near, far = cell.timers.near, cell.timers.far
        return near.rx, near.tx, near.multiplier, far.rx, far.tx, far.multiplier


def _bfdd_key(row):
    return row["peer"], row.get("interface", "")


def _bfdd_timers(side):
    return [f"  detect-multiplier {side.multiplier}", f"  receive-interval {side.rx}", f"  transmit-interval {side.tx}"]


class Bird:
    """BIRD: timers stand by interface, and once for all several-hops sessions. It counts no Downs: they are told by its log,
    which names no interface, so a Down of one link-local session counts for all (they have one address)."""

    def __init__(self, node, cells, bfd="", bgp=""):
        self.node, self.cells, self.bfd, self.bgp = node, cells, bfd, bgp
        self.path, self.log = node.directory / "bird.conf", node.logs / "bird.log"

    def _text(self):
        lines = [f'log "{self.log}" all;', "timeformat protocol iso long us;", "timeformat log iso long us;",
                 "router id 10.0.3.2;", "protocol device { }", "protocol bfd bfd1 {", " debug { states, events };", self.bfd]
        for cell in self.cells:
            far, local = cell.timers.far, cell.address("bird")
            timers = f"min rx interval {far.rx} ms; min tx interval {far.tx} ms; multiplier {far.multiplier};"
            if cell.several_hops:
                lines.append(f" neighbor {cell.address('us')} local {local} multihop yes;")
            else:
                lines.append(f' interface "{cell.interface}" {{ {timers} }};')
                lines.append(f' neighbor {cell.address("us")} dev "{cell.interface}" local {local};')
            if cell.several_hops:
                lines.append(f" multihop {{ {timers} }};")
        return "\n".join([*lines, "}", self.bgp]) + "\n"

    def start(self):
        self.path.write_text(self._text())
        return self.node.spawn([*REALTIME, "bird", "-c", self.path, "-s", "/run/bird.ctl", "-P", "/run/bird.pid"], "bird.out")

    def change(self, cells):
        self.cells = cells
        self.path.write_text(self._text())
        self.ask("configure")

    def ask(self, command):
        """The text of one command of the control socket."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(self.node.path("/run/bird.ctl"))
            reader = line.makefile("r", encoding="utf-8", errors="replace")
            reader.readline()  # its greeting
            line.sendall(command.encode() + b"\n")
            text = ""
            for row in reader:
                text += row[5:] if row[:1] != " " else row[1:]
                if re.match(r"[089]\d{3} ", row):
                    break
        return text

    def facts(self):
        rows = {}
        for row in self.ask("show bfd sessions").splitlines():
            words = row.split()
            if len(words) == 7 and words[6][:1].isdigit():
                rows[words[0], words[1]] = words
        text = self._told()
        return {cell.name: self._fact(cell, rows[key], text) for cell in self.cells
                if (key := (cell.address("us"), cell.interface or "---")) in rows}

    def _told(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def ups(self, protocol):
        """How often a protocol came up; its "since" is reckoned anew, and a little different, each time it is asked."""
        return self._told().count(f"{protocol}: State changed to up\n")

    def _fact(self, cell, words, log):
        ups, downs = (len(re.findall(rf"Session to {re.escape(cell.address('us'))} changed state from {change}\n", log))
                      for change in (r"\w+ to Up", r"Up to \w+"))
        # An Up that the log does not tell would be one whose end it does not tell either.
        return Fact(words[2] == "Up" and ups > 0, downs, (float(words[5]) * 1000, float(words[6]) * 1000), {"state": words[2]})

    def expected(self, _cell, agreed):
        return agreed.rx, agreed.far_detection
