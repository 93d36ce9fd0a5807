"""Scenarios of an underlay that gets bad and does not die, by lab/impair between the two ends of the first tunnel.

Each says what the relay counted, every verdict, and the quality that wgbfd measured at either end just before all is well again.
BFD sees little of it: what DEMANDS tells is what wgbfd must say at the worst moment, by quality. Of `jitter` the figures alone are told:
the relay keeps the order, so where packets stand close each waits for the slowest before it, and what varied is delay.
"""
import time
from dataclasses import dataclass

from . import wireguard
from .network import wait_until
from .topology import LabError

LOSS = 12     # %: well above three times the 2 % that degrade a path, so that ten seconds are enough
DELAY = 0.4   # s each way: a round trip above three times 250 ms
JITTER = 0.25
STEP = 0.2    # s between two steps of the delay
MTU = 1280
PINGS, PING_SIZE = 10, 1300
PATIENCE, IN_VAIN = 20, 3  # s until ten pings are answered, and that none is
BUSY = 100    # packets/s that make a stream
REJECT_AFTER_TIME = 180  # WireGuard's: keys of an older handshake carry nothing


@dataclass(frozen=True)
class Demand:
    states: tuple
    cause: str
    ends: tuple = ("near", "far")
    hold: float = 0  # s: not before it has stood so long


DEMANDS = {
    "loss": Demand(("degraded", "down"), "quality-loss"),
    "one-way-loss": Demand(("degraded",), "quality-loss", ("near",)),  # forward from there: we steer only what we send
    "delay": Demand(("degraded",), "quality-rtt"),
    "brownout": Demand(("degraded",), "quality-loss"),
    "bufferbloat": Demand(("degraded",), "quality-rtt"),
    "mtu-clamp": Demand(("degraded",), "mtu", hold=120),               # its probe comes once a minute
}


def _impaired(act, *stages, times=1):
    """Each stage is done with the relay, and stands for --hold, or `times` that; then the underlay is as it was."""
    with act.underlay() as underlay:
        act.mark_cut(time.time())
        for stage in stages:
            stage(underlay)
            act.rest(times * act.network.settings.hold_s)
        _told(act, underlay)
        act.mark_restore(time.time())
        underlay.clear()
        act.wait_returned()


def _told(act, underlay):
    """What there is to say at the worst moment, as notes."""
    demand = DEMANDS.get(act.name)
    if demand and act.network.settings.hold_s >= demand.hold:
        for end in demand.ends:
            act.wait_verdict(getattr(act, end), demand.states, demand.cause)
    for end in (act.near, act.far):
        if act.daemons(end).has_wgbfd:
            row = act.row(end)
            act.notes[f"verdicts at {end.node}"] = act.verdicts(end)
            act.notes[f"quality at {end.node}"] = row.get("quality") or "not measured"
    # Last: what is asked above takes its time, in which the relay goes on.
    for name, counts in underlay.counts().items():
        act.notes[f"underlay {name}"] = ", ".join(f"{what} {count:,}" for what, count in counts.items() if count and what != "impairment")


def loss(act):
    """12 % of the underlay's packets are lost, each by itself, both ways."""
    _impaired(act, lambda underlay: underlay.both(f"loss={LOSS}%"))


def one_way_loss(act):
    """12 % in the stream's direction alone."""
    _impaired(act, lambda underlay: underlay.set(underlay.forward, f"loss={LOSS}%"))


def brownout(act):
    """2 % lost both ways, then 30 %, then 2 % again."""
    _impaired(act, *(lambda underlay, share=share: underlay.both(f"loss={share}%") for share in (2, 30, 2)))


def delay(act):
    """400 ms more each way, in steps that BFD bears: half an interval in 0.2 s."""
    step = act.network.settings.interval_us / 2e6

    def grow(underlay):
        for number in range(1, round(DELAY / step) + 1):
            underlay.both(f"delay={number * step:.4f}s")
            act.rest(STEP)
    _impaired(act, grow)


def jitter(act):
    """The delay varies as far as BFD bears: 250 ms up and down, or less where the detection time is short."""
    settings = act.network.settings
    interval = settings.interval_us / 1e6
    most = min(JITTER, (0.9 * settings.multiplier - 1) * interval / 2)
    act.notes["jitter each way"] = f"{most * 1000:.0f} ms up and down"
    _impaired(act, lambda underlay: underlay.both(f"delay={most:.4f}s jitter={most:.4f}s"))


def bufferbloat(act):
    """A link that carries nine tenths of the stream, with a queue of a second in front of it: delay grows, then a tenth is lost."""
    def saturate(underlay):
        before = underlay.counts()[underlay.forward]
        act.rest(2)
        after = underlay.counts()[underlay.forward]
        packets, size = ((after[name] - before[name]) / 2 for name in ("received", "received_bytes"))
        if packets < BUSY:
            raise LabError(f"bufferbloat: the stream does not cross {act.near.interface} of {act.near.node}; take a topology where it does")
        act.notes["rate"] = f"{0.9 * size * 8 / 1000:.0f} kbit/s for {packets:.0f} packets/s of {size * 8 / 1000:.0f} kbit/s"
        underlay.set(underlay.forward, f"rate={0.9 * size * 8 / 1000:.0f}kbit queue={0.9 * size:.0f}B")
    _impaired(act, saturate, times=2)


def mtu_clamp(act):
    """The underlay drops IP packets above 1,280 bytes without a word; small ones, BFD's among them, pass. With --hold 120 wgbfd says so."""
    found = {"before": _pings(act, PATIENCE)}
    _impaired(act, lambda underlay: underlay.both(f"mtu={MTU}"), lambda _: found.update(clamped=_pings(act, IN_VAIN)))
    found["after"] = _pings(act, PATIENCE)
    act.notes[f"pings of {PING_SIZE} bytes answered"] = ", ".join(f"{count} of {PINGS} {when}" for when, count in found.items())


def _pings(act, limit):
    """How many of PINGS are answered: it ends with the last answer, or after `limit` seconds."""
    near = act.near
    address = act.network.topology.peer_address(near)
    target = f"{address}%{near.interface}" if address.startswith("fe80:") else address
    done = act.network.nodes[near.node].run(["ping", "-q", "-c", PINGS, "-i", "0.1", "-w", limit, "-s", PING_SIZE, target], check=False)
    return min(PINGS, next((int(line.split(",")[1].split()[0]) for line in done.stdout.splitlines() if "received" in line), 0))


def rekey(act):
    """Handshakes forced at both ends in turn; then none passes for 200 s (--blocked), which is more than keys live."""
    blocked = act.network.settings.blocked_s
    with act.underlay() as underlay:
        act.mark_cut(time.time())
        for number, end in enumerate((act.near, act.far, act.near, act.far), 1):
            at = _force_handshake(act, underlay, end)
            act.rest(1)
            act.watch_gap(f"longest gap around forced handshake {number}, at {end.node}", at - 0.05, at + 1)
        begun = time.time()
        underlay.both("handshakes=block")
        act.rest(blocked)
        _told(act, underlay)
        act.mark_restore(time.time())
        underlay.clear()
        act.wait_returned()
        fell = [moment.at for end in (act.near, act.far) for moment in act.of(end, "bfd") if moment.state == "down"]
        act.notes["handshakes blocked"] = f"{begun - act.cut_at:.1f} s after the first forced one, for {blocked:g} s; keys live {REJECT_AFTER_TIME} s"
        act.notes["BFD fell"] = f"{min(fell) - begun:.1f} s after that began" if fell else "not at all"


def _force_handshake(act, underlay, end):
    """When it was asked for; returns once both of its messages have crossed the underlay."""
    def crossed():
        return [counts["handshakes"] for counts in underlay.counts().values()]
    before = crossed()
    at = time.time()
    node = act.network.nodes[end.node]
    wireguard.force_handshake(node, end.interface, act.network.keys)
    wait_until(lambda: all(now > then for now, then in zip(crossed(), before)), 60, lambda: f"a handshake from {end.node}")
    return at


IMPAIRMENTS = {"loss": loss, "one-way-loss": one_way_loss, "delay": delay, "jitter": jitter, "brownout": brownout,
               "bufferbloat": bufferbloat, "mtu-clamp": mtu_clamp, "rekey": rekey}
