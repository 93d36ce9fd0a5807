"""Failovers of a lab topology, one after another, without a polling script beside them: the processes of the lab sleep while the
daemons move, and their logs are read when the last cut is over.
"""
import json
import re
import time
from dataclasses import dataclass, field

from wgbfdlab.network import _first_wait, wait_until  # pylint: disable=protected-access

DEAD = 1.5    # seconds a path stays cut
RETURN = 5.0  # and is not looked at after it is restored
SETTLE = 0.5  # between all being back and the next cut


@dataclass
class Cut:
    at: float
    restored: float = 0.0
    moments: list = field(default_factory=list)  # from this cut up to the next
    gap_ms: float | None = None                  # of the stream

    def first(self, who, end, states, until=None):
        """The first moment of `who` at that end of the tunnel, before the restoration or before `until`."""
        for moment in self.moments:
            same = moment.node == end.node and moment.who == who and (who == "route" or moment.interface == end.interface)
            if same and self.at - 0.002 <= moment.at < (until or self.restored) and moment.state in states:
                return moment
        return None

    def all(self, who, end, state):
        return [moment for moment in self.moments if (moment.who, moment.node, moment.interface, moment.state)
                == (who, end.node, end.interface, state)]


def series(network, count, chance, one_way=False, stream=False):
    """`count` cuts of the topology's own path, each at a random moment."""
    cuts = []
    for _ in range(count):
        time.sleep(SETTLE + chance.random())
        flow = network.stream() if stream else None
        time.sleep(1 if stream else 0)
        with network.prepared_cut(one_way) as fire:
            cut = Cut(fire()[0])
        time.sleep(DEAD)
        if flow:
            record = flow.record()
            cut.gap_ms = record.longest_gap(cut.at - 0.05, cut.at + DEAD) * 1000
        with network.prepared_restore() as fire:
            cut.restored = fire()[0]
        back(network)
        cuts.append(cut)
    time.sleep(0.5)
    return assign(network, cuts)


def back(network, first_look=RETURN):
    """Looking costs the processor that the daemons want, so a first look is late."""
    time.sleep(first_look)
    waiting = list(network.daemons.values())
    wait_until(lambda: not _waits(waiting), 90, lambda: _waits(waiting), pause=0.5)


def _waits(waiting):
    while waiting:
        waits = _first_wait(waiting[0])
        if waits:
            return waits
        del waiting[0]
    return ""


def assign(network, cuts):
    moments = network.moments()
    for cut, later in zip(cuts, [*cuts[1:], None]):
        cut.moments = [moment for moment in moments if cut.at - 0.002 <= moment.at and (later is None or moment.at < later.at - 0.002)]
    return cuts


@dataclass
class Moves:
    """Milliseconds from the Down verdict to the kernel's route, at the end whose verdict was first and at the other."""
    first: list = field(default_factory=list)
    second: list = field(default_factory=list)
    missing: int = 0

    @property
    def both(self):
        return self.first + self.second


def route_after_verdict(cuts, ends):
    moves = Moves()
    for cut in cuts:
        verdicts = sorted((verdict.at, end.node, end) for end in ends if (verdict := cut.first("bfd", end, ("down",))))
        moves.missing += len(ends) - len(verdicts)
        for (at, _, end), sink in zip(verdicts, (moves.first, moves.second)):
            moved = next((m for m in cut.moments if (m.who, m.node) == ("route", end.node) and cut.at <= m.at < cut.restored
                          and m.state not in (end.interface, "none")), None)
            if moved:
                sink.append((moved.at - at) * 1000)
            else:
                moves.missing += 1
    return moves


def told_lines(node):
    """What wgbfd's log says of each verdict Down: the feeds that were told, in their order."""
    text = (node.logs / "wgbfd.log").read_text(errors="replace")
    return [found[1] if (found := re.search(r"\btold=(\S+)", line)) else "" for line in text.splitlines()
            if "verdict" in line and re.search(r"\bto=down\b", line)]


def operstate(node, interface):
    return json.loads(node.run(["ip", "-j", "link", "show", interface]).stdout)[0]["operstate"]


def inner_drop(nodes, interface, on):
    """BFD alone is lost inside the tunnel, while TCP passes."""
    if on:
        text = (f"add table inet labbfd\nadd chain inet labbfd in {{ type filter hook input priority 0; }}\n"
                f'add rule inet labbfd in iifname "{interface}" udp dport 3784 drop\n')
    else:
        text = "delete table inet labbfd\n"
    for node in nodes:
        node.run(["nft", "-f", "-"], text=text)

