"""One run of a scenario in progress: the stream that crosses the network, what a scenario waits for, and the result as plain data.

What must move when a path dies is derived from what the nodes run.
"""
import time
from dataclasses import dataclass, field

from .daemons import Daemons
from .network import wait_until
from .tenants import Tenants
from .underlay import Underlay

SETTLE = 2.0        # the stream before the first act and after the last
MOVE_LIMIT = 45
RETURN_LIMIT = 90
MOST_VERDICTS = 8


@dataclass
class Result:
    """One run of a scenario."""
    cut_at: float
    restore_at: float
    end_at: float
    record: object
    moments: list
    notes: dict = field(default_factory=dict)
    tcp: dict = field(default_factory=dict)  # what became of each connection
    table: dict = field(default_factory=dict)  # when its first and its last route moved
    beside: object = None  # the record of the stream beside
    seen: dict = field(default_factory=dict)  # where in which VRF each of the two went
    overflowed: int = 0                      # packets that found a queue full, in any node


class Act:
    """One run in progress: what the scenarios below use."""

    def __init__(self, network, name):
        self.network, self.name = network, name
        self.cut = network.topology.cut
        self.near, self.far = self.cut.near, self.cut.far
        self.start = time.time()
        self.cut_at = self.restore_at = self._cut_done = None
        self.notes = {}
        self.afterwards = []  # what puts the network back, once all is told
        self._table = network.watches[self.near.node].table
        self._overflows = network.overflows()
        self._gaps, self._losses, self._returns = [], [], []
        self._tenants = Tenants(network)
        self._stream = network.stream()
        self._beside = network.stream(beside=True) if network.topology.stream_end("send", beside=True) else None
        self._connections = network.connections() if network.settings.tcp else None
        time.sleep(SETTLE)

    def mark_cut(self, begun, done=None):
        """The first of several counts. A cut takes effect somewhere in [begun, done]."""
        if self.cut_at is None:
            self.cut_at, self._cut_done = begun, done

    def mark_restore(self, at):
        self.restore_at = at

    def moments(self):
        return [moment for moment in self.network.moments() if moment.at >= self.start]

    def daemons(self, tunnel) -> Daemons:
        return self.network.daemons[tunnel.node]

    def underlay(self):
        """A `with` block in which lab/impair carries the underlay of the first tunnel."""
        return Underlay(self.network.nodes[self.cut.node], self.cut.inward, self.cut.outward)

    def of(self, tunnel, *who):
        """The moments of these parties at this end of the tunnel."""
        return [m for m in self.moments() if m.who in who and m.node == tunnel.node
                and (m.interface, m.peer) == (tunnel.interface, tunnel.peer)]

    def _latest(self, who, tunnel):
        found = self.of(tunnel, who)
        return found[-1].state if found else None

    def row(self, tunnel):
        """What `wgbfd status --json` says of this end; nothing without wgbfd."""
        daemons = self.daemons(tunnel)
        key = self.network.keys.public(tunnel.peer, tunnel.interface)
        rows = daemons.adjacencies() if daemons.has_wgbfd else []
        return next((row for row in rows if (row["interface"], row.get("peer")) == (tunnel.interface, key)), {})

    def watch_gap(self, name, since, until):
        """The stream's longest gap that begins then becomes the note `name`."""
        self._gaps.append((name, since, until))

    def watch_loss(self, name, since, until):
        """How much of the stream is lost then becomes the note `name`."""
        self._losses.append((name, since, until))

    def watch_return(self, name, since):
        """How long it took from then until a packet that was sent since arrived becomes the note `name`."""
        self._returns.append((name, since))

    def _routers(self, tunnel):
        """The routing protocol over that node's tunnels, as moments call it; BGP beside OSPF runs between loopbacks."""
        names = self.daemons(tunnel).names
        return next(([who] for who, daemon in (("ospf", "ospfd"), ("bgp", "bgpd")) if daemon in names), [])

    def _probers(self, tunnel):
        return ["bfd"] if {"bfdd", "wgbfd"} & set(self.daemons(tunnel).names) else []

    def _route(self, tunnel):
        found = [m for m in self.moments() if m.who == "route" and m.node == tunnel.node]
        return found[-1].state if found else None

    def wait_moved(self, ends=None, since=None):
        """BFD and routing at these ends of the tunnel have seen that it is dead; the near end's route has left it."""
        def missing():
            late = self._not_down(ends or (self.near, self.far), since)
            if self._watched() and self._route(self.near) in (None, *self._preferred(), "none"):
                late.append(f"the route at {self.near.node} to move")
            if not late and self._table and (left := self._table.by(self.near.interface)):
                late.append(f"{left} routes at {self.near.node} to move")
            return late
        wait_until(lambda: not missing(), MOVE_LIMIT, lambda: "; ".join(missing()))

    def wait_down(self, ends, since=None):
        """BFD and routing at these ends of a tunnel have seen that it is dead."""
        wait_until(lambda: not self._not_down(ends, since), MOVE_LIMIT, lambda: "; ".join(self._not_down(ends, since)))

    def wait_up(self, ends):
        """They have seen that it is alive again."""
        wait_until(lambda: not self._not_up(ends), RETURN_LIMIT, lambda: "; ".join(self._not_up(ends)))

    def _not_down(self, ends, since):
        return [f"{who} down at {end.node}" for end in ends
                for who in self._probers(end) + self._routers(end) if not self._went_down(who, end, since or self.cut_at)]

    def _not_up(self, ends):
        return [f"{who} up at {end.node}" for end in ends
                for who in self._probers(end) + self._routers(end) if self._latest(who, end) not in (None, "up", "degraded")]

    def routes(self, since=0.0):
        """Where the near end's watched route has led since then."""
        return [m.state for m in self.moments() if m.who == "route" and m.node == self.near.node and m.at >= since]

    def _went_down(self, who, tunnel, since):
        return any(m.who == who and m.state == "down" and m.at >= since and m.node == tunnel.node
                   and (m.interface, m.peer) == (tunnel.interface, tunnel.peer) for m in self.moments())

    def wait_verdict(self, end, states, cause=None):
        """wgbfd, where it runs at that end, has said one of these states since the cut, with that cause if one is given."""
        def told():
            return any(m.at >= self.cut_at and m.state in states and cause in (None, m.detail) for m in self.of(end, "bfd", "cause"))
        if self.daemons(end).has_wgbfd:
            wanted = " or ".join(states) + (f", {cause}" if cause else "")
            wait_until(told, MOVE_LIMIT, lambda: f"{wanted} at {end.node}, not {self.verdicts(end)}")

    def verdicts(self, end):
        """In words, since the cut."""
        words = [f"{m.state}{f' {m.detail}' * bool(m.detail)} after {(m.at - self.cut_at) * 1000:,.0f} ms" for m in self.of(end, "bfd", "cause") if m.at >= self.cut_at]
        return "; ".join([*words[:MOST_VERDICTS], *[f"… {len(words)} in all"] * (len(words) > MOST_VERDICTS)]) or "none"

    def wait_returned(self):
        """Whatever went down since the start is up again, and the route prefers the tunnel again."""
        def missing():
            late = self._not_up((self.near, self.far))
            # A path that is still held to be degraded may keep the route away for minutes.
            degraded = any(self._latest("bfd", end) == "degraded" for end in (self.near, self.far))
            if self._watched() and not degraded and self._route(self.near) not in (None, *self._preferred()):
                late.append(f"the route at {self.near.node} to return")
            if not late and self._table and (away := self._table.elsewhere(self.near.interface)):
                late.append(f"{away} routes at {self.near.node} to return")
            return late
        wait_until(lambda: not missing(), RETURN_LIMIT, lambda: "; ".join(missing()))

    def _preferred(self):
        return {self.near.interface, self._watched()[1]}

    def _watched(self):
        return self.network.nodes[self.near.node].spec.watch

    def rest(self, seconds):
        time.sleep(seconds)

    def finish(self):
        self.rest(SETTLE)
        end = time.time()
        record = self._stream.record()
        beside = self._beside.record() if self._beside else None
        tcp = self._connections.result() if self._connections else {}
        self.mark_cut(end)
        if self._cut_done:  # the stream knows it to the millisecond
            self.cut_at = record.first_lost(self.cut_at, self._cut_done + 0.02) or self.cut_at
        for name, since, until in self._gaps:
            self.notes[name] = f"{record.longest_gap(since, until) * 1000:.0f} ms"
        for name, since, until in self._losses:
            self.notes[name] = f"{record.lost(since, until)} packets"
        for name, since in self._returns:
            at = record.first_arrival(since)
            self.notes[name] = round((at - since) * 1000) if at else None
        result = Result(self.cut_at, self.restore_at or end, end, record, self.moments(), self.notes, tcp, self._table_moves(), beside, self._tenants.seen(),
                        max(0, self.network.overflows() - self._overflows))
        for put_back in self.afterwards:
            put_back()
        return result

    def _table_moves(self):
        """When the first route of the table moved and when the last one, and how many: {moved, returned: (first, last, number)}."""
        if not self._table:
            return {}
        back, backup = self.restore_at or float("inf"), self.network.topology.backup
        found = {"moved": self._table.moves(backup.near.interface, self.cut_at, back), "returned": self._table.moves(self.near.interface, back)}
        return {what: moves for what, moves in found.items() if moves}

    def abandon(self):
        for stream in filter(None, (self._stream, self._beside)):
            stream.record()
        if self._connections:
            self._connections.result()
