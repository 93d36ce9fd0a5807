"""What a run is asked for, beyond topology and scenario."""
import re
from dataclasses import dataclass
from pathlib import Path

from .topology import LabError

FEEDS = ("frr-bfd", "link", "both", "frr-vty")
# Shorter than the defaults (BGP 60/180, OSPF 10/40), so that a run without BFD ends soon; said in every table.
BGP_TIMERS = (3, 9)
OSPF_TIMERS = (3, 9)
STREAM_PORT = 9000
BESIDE_PORT = 9001
STREAM_RATE = 1000


@dataclass
class Settings:
    wgbfd: Path
    mode: str = "wgbfd"
    far: str | None = None          # another mode for the far end of the cut tunnel
    feed: str = "frr-bfd"
    interval_us: int = 50_000
    multiplier: int = 3
    runs: int = 1
    realtime: int = 0
    wireguard: str = "auto"
    both: bool = False              # daemon-kill: the guardian too
    hold_s: float = 12              # an impairment stands: quality's short window, and a little
    blocked_s: float = 200          # rekey: how long no handshake passes
    tcp: bool = False               # two connections stand as long as the stream
    bgp_timers: tuple = BGP_TIMERS
    undo: bool = False              # it is looked at whether nodes with wgbfd are as before it (before.py)

    def at_least(self, seconds):
        """So long, or a little longer than the detection time: what is dead then is found so."""
        return max(seconds, 1.1 * self.interval_us * self.multiplier / 1e6)

    def template_values(self):
        return {"interval": f"{self.interval_us / 1000:g}ms", "interval_ms": self.interval_us // 1000,
                "multiplier": self.multiplier, "bgp_keepalive": self.bgp_timers[0], "bgp_hold": self.bgp_timers[1],
                "ospf_hello": OSPF_TIMERS[0], "ospf_dead": OSPF_TIMERS[1]}

    def mode_of(self, node, cut):
        return self.far if self.far and cut and node == cut.far.node else self.mode

    def modes(self):
        return {self.mode, self.far or self.mode}

    def check(self):
        uses_bfdd = "stock" in self.modes()
        if not 3_300 <= self.interval_us <= 60_000_000:
            raise LabError("--interval must be 3.3ms..60s")
        if uses_bfdd and (self.interval_us < 10_000 or self.interval_us % 1000):
            raise LabError("--interval: stock bfdd takes whole milliseconds from 10ms up")
        if not 1 <= self.multiplier <= 255 or (uses_bfdd and self.multiplier < 2):
            raise LabError("--multiplier must be 1..255, with stock bfdd at least 2")
        if self.far and self.feed == "link":
            raise LabError("--far: the feed link needs wgbfd at both ends")
        if "wgbfd" in self.modes() and not self.wgbfd.is_file():
            raise LabError(f"no wgbfd at {self.wgbfd}: build it, give --wgbfd PATH, or run --with-stock-bfd or --without-wgbfd")


def feed_of(names, asked, own=None):
    """The feed at a node with these daemons: what the topology says; else BIRD has an ear for one of the lab's alone."""
    return own or ("bird-nexthop" if "bird" in names else asked)


def parse_duration(text):
    """`50ms`, `3.3ms`, `1s`, `500us` to microseconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(us|ms|s)", text)
    if not found:
        raise LabError(f"not a duration: {text} (50ms, 3.3ms, 1s)")
    return round(float(found[1]) * {"us": 1, "ms": 1_000, "s": 1_000_000}[found[2]])
