"""One cell: an engine at both ends (or another at the far one) holds N sessions for a while under one stress."""
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field as member

from . import overshoot, profile
from .engines import ENGINES, Plan
from .measure import memory, sample
from .stress import CORES, STRESSES
from .witness import Witness

SETTLE = 2.0    # seconds from all Up to fast packets at both ends


@dataclass
class Wish:
    engine: str
    sessions: int
    interval_ms: int
    stress: str = "idle"
    realtime: bool = False
    far: str | None = None          # another engine for the far end
    far_realtime: bool = False      # the far end at SCHED_FIFO whatever the near one has: it does not starve
    seconds: float = 60.0
    up_limit: float = 90.0
    profile: bool = False           # perf watches the near end meanwhile, and makes it dearer
    overshoot: bool = False         # afterwards the far end's packets stop, and the Downs are dated


@dataclass
class End:
    """What one end did in the window."""
    up: int = 0                     # sessions afterwards
    downs: int = 0
    fallen: int = 0                 # sessions that these Downs were of
    share: float | None = None      # of the packets it should have sent; None: not known
    cores: float = 0.0
    waited: float = 0.0             # runnable without a processor, as a share of the window
    buffer_errors: int = 0          # packets that found a socket's buffer full
    late_ms: float = 0.0            # what wgbfd says of itself: printed, and an excuse for nothing
    dropped: dict = member(default_factory=dict)


@dataclass
class Result:
    wish: Wish
    up_after: float | None = None   # seconds; None: not all within the limit, and then nothing else is measured
    came_up: int = 0
    seconds: float = 0.0
    packets: int = 0                # of the link at the near end, sent and received
    per_packet_us: float = 0.0
    wakeups_per_s: float = 0.0
    rss_kib: int = 0
    pss_kib: int = 0
    machine_busy: float = 0.0       # share of all processors
    steal: float = 0.0              # likewise, taken by the host
    gap_ms: float | None = None     # the longest that one of them was away; None: there was no witness
    witness: float = 0.0            # what the witness took of a processor
    flood_per_s: float = 0.0        # that reached the near end
    near: End = member(default_factory=End)
    far: End = member(default_factory=End)
    beyond_ms: list = member(default_factory=list)  # the detection time, a session each
    never_down: int = 0
    profile: list = member(default_factory=list)    # (what, share of the time)

    @property
    def held(self):
        return self.up_after is not None

    @property
    def downs(self):
        return self.near.downs + self.far.downs

    def as_data(self):
        return asdict(self)


class Cell:
    """`run()` leaves nothing running."""

    def __init__(self, field, wish, tools, settle=SETTLE):
        self.field, self.wish, self.tools, self.settle = field, wish, tools, settle
        self.plan = Plan(wish.interval_ms)
        self.near = ENGINES[wish.engine](field.near, field.pairs("near"), self.plan, tools, wish.realtime)
        self.far = ENGINES[wish.far or wish.engine](field.far, field.pairs("far"), self.plan, tools, wish.realtime or wish.far_realtime)

    def run(self):
        result = Result(self.wish)
        try:
            begun = time.monotonic()
            self.far.start()
            self.near.start()
            if self._wait_up(begun + self.wish.up_limit, result):
                result.up_after = time.monotonic() - begun
                time.sleep(self.settle)
                self._window(result)
                if self.wish.overshoot:
                    result.beyond_ms, result.never_down = overshoot.measure(self)
            return result
        finally:
            self.near.stop()
            self.far.stop()

    def _wait_up(self, limit, result):
        for engine in (self.near, self.far):
            while True:
                result.came_up = engine.up()
                if result.came_up == self.field.sessions:
                    break
                if time.monotonic() > limit or engine.process.poll() is not None:
                    return False
                time.sleep(0.2)
        return True

    def _window(self, result):
        ends = (self.near, self.far)
        with ExitStack() as stack:
            witness = stack.enter_context(Witness(self.wish.interval_ms))
            tallies = [engine.tally() for engine in ends]
            pids = [engine.pids() for engine in ends]
            stack.enter_context(STRESSES[self.wish.stress](self))
            before = [sample(engine.node, its) for engine, its in zip(ends, pids)]
            watch = profile.record(pids[0], self.wish.seconds, self.near.directory / "perf.data") if self.wish.profile else None
            time.sleep(self.wish.seconds)
            after = [sample(engine.node, its) for engine, its in zip(ends, pids)]
            result.gap_ms, result.witness = witness.longest_ms(), witness.cost
        if watch:
            watch.wait(timeout=60)
            result.profile = profile.shares(self.near.directory / "perf.data")
        result.rss_kib, result.pss_kib = memory(pids[0])
        for engine, end, start, stop, tally in zip(ends, (result.near, result.far), before, after, tallies):
            self._tell_end(engine, end, stop - start, tally)
        spent = after[0] - before[0]
        # A flood is nobody's session: what the far end sent then is as much as the near end did.
        result.seconds, result.packets = spent.at, spent.sent * 2 if self.flooded else spent.sent + spent.received
        result.per_packet_us = spent.cpu / max(1, result.packets) * 1e6
        result.flood_per_s = (spent.received - spent.sent) / spent.at if self.flooded else 0.0
        result.wakeups_per_s = spent.wakeups / spent.at
        result.machine_busy, result.steal = spent.machine_busy / spent.at / CORES, spent.steal / spent.at / CORES

    @property
    def flooded(self):
        return self.wish.stress.startswith("flood")

    def _tell_end(self, engine, end, spent, before):
        tally = engine.tally()
        fallen = {remote: downs - before.downs.get(remote, 0) for remote, downs in tally.downs.items()}
        end.up, end.downs, end.fallen = tally.up, sum(fallen.values()), sum(downs > 0 for downs in fallen.values())
        end.late_ms = tally.late_ms if tally.late_ms > before.late_ms else 0.0  # it tells the worst since it began
        if engine is self.near or not self.flooded:  # the link of the far end carries the flood too
            end.share = spent.sent / spent.at / self.plan.expected_rate(self.field.sessions)
        end.cores, end.waited = spent.cpu / spent.at, spent.waited / spent.at
        end.buffer_errors = spent.buffer_errors
        end.dropped = {reason: count - before.dropped.get(reason, 0) for reason, count in tally.dropped.items()
                       if count > before.dropped.get(reason, 0)}
