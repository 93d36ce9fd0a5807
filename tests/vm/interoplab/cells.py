"""What is tried: engines, address families, timers; and what RFC 5880 says both ends must then agree on. No side effects.

A cell is one BFD session. Each single-hop cell has a WireGuard interface of its own, of the same name at both ends; the
several-hops cells run between loopback addresses, over two tunnels and the router between them.
"""
from dataclasses import dataclass, replace

ENGINES = ("bfdd", "bird", "wgbfd")
TITLES = {"bfdd": "bfdd 8.4.4", "bird": "BIRD 2.0.12", "wgbfd": "wgbfd"}
NODES = {"bfdd": "frr", "bird": "bird", "wgbfd": "two"}
NUMBERS = {"us": 1, "frr": 2, "bird": 3, "two": 4}  # of a node, in its addresses
FAMILIES = ("IPv4", "IPv6", "link-local")
SEVERAL_HOPS = ("IPv4 multihop", "IPv6 multihop")
LETTERS = {"IPv4": "4", "IPv6": "6", "link-local": "l"}


@dataclass(frozen=True)
class Side:
    """What one end asks for, in ms."""
    rx: int
    tx: int
    multiplier: int

    def __str__(self):
        one = str(self.tx) if self.rx == self.tx else f"rx{self.rx}/tx{self.tx}"
        return f"{one}x{self.multiplier}"


def even(interval, multiplier=3):
    return Side(interval, interval, multiplier)


@dataclass(frozen=True)
class Timers:
    key: str
    near: Side  # ours
    far: Side

    def __str__(self):
        return str(self.near) if self.near == self.far else f"{self.near} : {self.far}"


# BIRD has one set of timers for all its several-hops sessions: there only our side varies, so "lower" is the unequal one.
TIMERS = {timers.key: timers for timers in (
    Timers("10", even(10), even(10)),
    Timers("50", even(50), even(50)),
    Timers("300", even(300), even(300)),
    Timers("higher", even(50), even(300, 5)),
    Timers("lower", even(300, 4), even(50)),
    Timers("split", even(50), Side(50, 300, 5)),
)}


@dataclass(frozen=True)
class Cell:
    engine: str
    family: str
    timers: Timers
    number: int  # of the cell among those of its engine, from 1

    @property
    def node(self):
        return NODES[self.engine]

    @property
    def several_hops(self):
        return self.family in SEVERAL_HOPS

    @property
    def name(self):
        return f"{self.engine}-{self.family.replace(' ', '-')}-{self.timers.key}".lower()

    @property
    def interface(self):
        return "" if self.several_hops else f"{self.node[0]}{LETTERS[self.family]}-{self.timers.key}"

    @property
    def port(self):
        return 20000 + 100 * NUMBERS[self.node] + self.number

    @property
    def minimum_ttl(self):
        """Behind one router. BIRD sends to several hops with the host's TTL of 64, where the others send 255."""
        return 63 if self.engine == "bird" else 254

    def address(self, node):
        """Of one end; all link-local cells have the same two addresses, so that only the interface tells them apart."""
        host = 1 if node == "us" else 2
        engine = NUMBERS[self.node]
        return {
            "IPv4": f"10.{50 + engine}.{self.number}.{host}",
            "IPv6": f"fd00:{engine}:{self.number}::{host}",
            "link-local": f"fe80::{host}",
            "IPv4 multihop": f"10.99.{NUMBERS[node]}.{engine * 50 + self.number}",
            "IPv6 multihop": f"fd99:{NUMBERS[node]}::{engine}:{self.number}",
        }[self.family]

    def with_timers(self, near=None, far=None):
        return replace(self, timers=replace(self.timers, near=near or self.timers.near, far=far or self.timers.far))


@dataclass(frozen=True)
class Agreed:
    """RFC 5880 §6.8.2, §6.8.4, seen from our end, in ms."""
    tx: int
    rx: int
    detection: int
    far_detection: int

    @staticmethod
    def of(timers):
        tx = max(timers.near.tx, timers.far.rx)
        rx = max(timers.near.rx, timers.far.tx)
        return Agreed(tx, rx, timers.far.multiplier * rx, timers.near.multiplier * tx)


def impossible(engine, family, timers):
    """Why this cell cannot be, or None."""
    if engine == "wgbfd" and timers.far.rx != timers.far.tx:
        return "wgbfd has one interval for both directions"
    if family in SEVERAL_HOPS and engine == "bird" and timers.far != even(50):
        return "BIRD has one set of timers for all several-hops sessions"
    return None


def all_cells(full):
    """The cells, and (engine, family, timers, reason) of those that cannot be."""
    cells, cannot = [], []
    for engine in ENGINES:
        number = 0
        for family in FAMILIES + SEVERAL_HOPS:
            for timers in _timers(family, full):
                reason = impossible(engine, family, timers)
                if reason:
                    cannot.append((engine, family, timers, reason))
                    continue
                number += 1
                cells.append(Cell(engine, family, timers, number))
    return cells, cannot


def _timers(family, full):
    if not full:
        return [TIMERS["50"]] if family != "IPv6 multihop" else []
    if family in SEVERAL_HOPS:
        return [TIMERS[key] for key in ("50", "higher", "lower")]
    return list(TIMERS.values())
