"""lab/impair: a UDP relay inside a router, between two of its interfaces; each direction has impairments of its own, which are
changed while it runs, and counts all it does, so that a test knows the truth.

    lab/impair run A B [--seed N]        until SIGTERM, in the router's network namespace
    lab/impair set 'A>B' loss=2% delay=20ms …       the words stand in impairment.py, lab/impair set --help prints them
    lab/impair clear ['A>B']             carries everything again, at once
    lab/impair show [--json]

Why there and so: the relay reads whole IP packets from a TUN device that policy routing leads the router's UDP packets through
(tun.py), and writes them back unchanged. Both ends keep their endpoints and see each other's true address and port, so WireGuard's
roaming, a NAT before or behind, and a changed port behave as without it; nothing in a configuration names the relay. An explicit
relay that endpoints point at would be every packet's source and hide all that. TPROXY would need a socket for each address pair
and sees datagrams, not IP packets (no MTU, no fragments); a queue of nftables needs a kernel module and a library; AF_PACKET would
have to keep the router from forwarding and to resolve link addresses. A TUN device is what wireguard-go needs anyway. What is
seen of it: one more hop is counted off the TTL. A relay that dies leaves a router that forwards as usual.
"""
import argparse
import json
import os
import select
import signal
import socket
import sys
import time

from . import impairment
from .direction import COUNTS, Direction, is_udp
from .tun import Tun, TunError

SOCKET = "/run/wgbfd-impair.sock"
FIRST_TABLE = 7301
BATCH = 64  # packets read before what is due is sent
USUAL = impairment.Impairment()


class Relay:
    def __init__(self, one, two, seed, path):
        self._names = [f"{one}>{two}", f"{two}>{one}"]
        self.directions = {name: Direction(f"{seed} {name}") for name in self._names}
        self._control = _listen(path)
        self._asking = []  # connections whose line has not come yet
        self._tuns = {}
        try:
            for number, (source, target) in enumerate(((one, two), (two, one))):
                self._tuns[self._names[number]] = Tun(source, target, FIRST_TABLE + number)
        except TunError:
            self.close()
            raise
        self._ways = [(self._tuns[name].fd, self.directions[name]) for name in self._names]
        self._begun = time.monotonic()

    def close(self):
        for one in (*self._tuns.values(), *self._asking, self._control):
            one.close()

    def run(self):
        inputs = [self._control, *(fd for fd, _ in self._ways)]
        while True:
            now = time.monotonic()
            due = [direction.next_due() for _, direction in self._ways if direction.next_due() is not None]
            ready, _, _ = select.select([*inputs, *self._asking], [], [], max(0.0, min(due) - now) if due else None)
            for fd, direction in self._ways:
                if fd in ready:
                    _read(fd, direction)
                _write(fd, direction)
            for line in [one for one in self._asking if one in ready]:
                self._asking.remove(line)
                self._answer(line)
            if self._control in ready:
                self._asking.append(self._control.accept()[0])

    def _answer(self, line):
        with line:
            line.settimeout(0.2)
            try:
                line.sendall((self.obey(line.recv(65536).decode().strip()) + "\n").encode())
            except (OSError, UnicodeDecodeError):
                pass  # whoever asked has gone, or never spoke our language

    def obey(self, text):
        """The answer to a line of the socket; one that begins with `error: ` tells what to do instead."""
        command, *words = text.split() or [""]
        try:
            if command == "set" and len(words) > 1:
                return self._set(words[0], words[1:])
            if command == "clear" and len(words) < 2:
                for name in self._named(words[0] if words else "both"):
                    self.directions[name].impairment = USUAL
                return "ok"
            if command == "show" and not words:
                return json.dumps(self.state())
        except impairment.BadWord as error:
            return f"error: {error}"
        return f"error: {text or 'nothing'}: want set DIRECTION NAME=VALUE…, clear [DIRECTION], or show"

    def _set(self, which, words):
        changed = {name: self.directions[name].impairment.with_words(words) for name in self._named(which)}
        for name, value in changed.items():
            self.directions[name].impairment = value
        return "ok"

    def _named(self, which):
        if which not in (*self._names, "both"):
            raise impairment.BadWord(f"{which}: no such direction; want {', '.join(self._names)}, or both")
        return self._names if which == "both" else [which]

    def state(self):
        used = os.times()
        return {"seconds": round(time.monotonic() - self._begun, 3), "cpu_seconds": round(used.user + used.system, 3),
                "directions": {name: {"impairment": str(way.impairment), **way.counts, "waiting": way.waiting,
                                      "missed": self._tuns[name].missed()} for name, way in self.directions.items()}}


def _read(fd, direction):
    for _ in range(BATCH):
        try:
            packet = os.read(fd, 65536)
        except BlockingIOError:
            return
        if is_udp(packet):  # else the router speaks for itself, as IPv6 does on a new interface
            direction.take(packet, time.monotonic())


def _write(fd, direction):
    for packet in direction.give(time.monotonic()):
        try:
            os.write(fd, packet)
            direction.given(packet, True)
        except OSError:
            direction.given(packet, False)


def _listen(path):
    control = socket.socket(socket.AF_UNIX)
    try:
        control.connect(path)
    except OSError:
        control.close()
    else:
        raise TunError(f"{path}: a relay listens there already; give another one --socket PATH")
    control = socket.socket(socket.AF_UNIX)
    if os.path.exists(path):
        os.unlink(path)  # its relay is dead
    control.bind(path)
    control.listen(8)
    return control


def ask(path, line, timeout=20):
    """One line to a relay, its answer back."""
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(timeout)
        control.connect(path)
        control.sendall(line.encode() + b"\n")
        answer = b""
        while block := control.recv(65536):
            answer += block
    return answer.decode().strip()


def table(state):
    """What `show` prints: a column for each direction, and a row for each count that is not 0 in both."""
    ways = state["directions"]
    rows = [("", *ways), ("impairment", *(way["impairment"] for way in ways.values()))]
    for name in (*COUNTS, "waiting", "missed"):
        figures = [way[name] for way in ways.values()]
        if any(figures) or name in ("received", "sent"):
            rows.append((name, *(f"{figure:,}" for figure in figures)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, f"{state['seconds']:g} s, of these {state['cpu_seconds']:g} s of the processor"])


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="lab/impair", description="Relays UDP between two interfaces of this router, badly.")
    every = parser.add_subparsers(dest="command", required=True)
    run = every.add_parser("run", help="relay until SIGTERM")
    run.add_argument("interfaces", nargs=2, metavar="INTERFACE")
    run.add_argument("--seed", type=int, default=1, help="of all chance; 1 by default")
    change = every.add_parser("set", help="change a direction", description=impairment.__doc__, formatter_class=argparse.RawTextHelpFormatter)
    change.add_argument("direction", metavar="A>B", help="as `show` names it, or both")
    change.add_argument("words", nargs="+", metavar="NAME=VALUE")
    clear = every.add_parser("clear", help="carry everything again, at once")
    clear.add_argument("direction", nargs="?", default="both", metavar="A>B")
    show = every.add_parser("show", help="what it does and has done")
    show.add_argument("--json", action="store_true")
    for one in (run, change, clear, show):
        one.add_argument("--socket", default=SOCKET, metavar="PATH", help=f"{SOCKET} by default")
    return parser.parse_args(arguments)


def main(arguments):
    options = _parse(arguments)
    try:
        return _relay(options) if options.command == "run" else _command(options)
    except (TunError, OSError) as error:
        print(f"lab/impair: {error}", file=sys.stderr)
        return 1


def _relay(options):
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    relay = Relay(*options.interfaces, options.seed, options.socket)
    try:
        relay.run()
    except KeyboardInterrupt:
        return 0
    finally:
        relay.close()
        os.unlink(options.socket)


def _end(_signal, _frame):
    raise KeyboardInterrupt


def _command(options):
    words = {"set": lambda: [options.direction, *options.words], "clear": lambda: [options.direction], "show": lambda: []}[options.command]()
    try:
        answer = ask(options.socket, " ".join([options.command, *words]))
    except OSError as error:
        print(f"lab/impair: no relay at {options.socket} ({error.strerror or error}): start one with lab/impair run A B", file=sys.stderr)
        return 1
    if answer.startswith("error: "):
        print(f"lab/impair: {answer.removeprefix('error: ')}", file=sys.stderr)
        return 2
    if options.command == "show":
        print(answer if options.json else table(json.loads(answer)))
    return 0
