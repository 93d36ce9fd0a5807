"""What a direction of lab/impair does to its packets, as words and as values; no side effects.

    loss=2%          of the packets, each by itself; with burst=4 in bursts of four on average, 2 % in all
    delay=20ms       of every packet
    jitter=5ms       on top: uniform in [delay - 5 ms, delay + 5 ms]; packets keep their order, as in a queue
    reorder=1%/20ms  of the packets are held back by 20 ms more while later ones pass (/TIME is 20ms where it is not said)
    duplicate=1%     of the packets go twice
    mtu=1280         longer IP packets are dropped, without an ICMP error; mtu=1280/fragment: split, even where DF is set
    rate=2mbit       of a link with a queue in front of it: queue=64kB, and what finds no room in it is dropped
    handshakes=block WireGuard's handshake messages (types 1, 2 and 3) are dropped, its data passes; handshakes=pass
Each word changes itself alone; 0 takes it back.
"""
import re
from dataclasses import dataclass, fields, replace

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
BITS = {"bit": 1, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9}
BYTES = {"B": 1, "kB": 1e3, "MB": 1e6}
LEAST_MTU = 68    # RFC 791: every link carries that much
USUAL_HOLD = 0.02


class BadWord(ValueError):
    """A word that cannot be obeyed, with what would be."""


@dataclass(frozen=True)
class Impairment:
    """Ratios 0 … 1, seconds, bytes, bits per second; 0 is off."""
    loss: float = 0.0
    burst: float = 0.0       # packets; 0: each packet by itself
    delay: float = 0.0
    jitter: float = 0.0
    reorder: float = 0.0
    hold: float = USUAL_HOLD
    duplicate: float = 0.0
    mtu: int = 0
    fragment: bool = False
    rate: float = 0.0
    queue: float = 64e3
    handshakes: str = "pass"

    def __str__(self):
        return " ".join(filter(None, (_SAY[one.name](self) for one in fields(self) if one.name in _SAY))) or "nothing"

    def with_words(self, words):
        """A copy that these words have changed."""
        changes = {}
        for word in words:
            key, equals, value = word.partition("=")
            if not equals or key not in _READ:
                raise BadWord(f"{word or 'an empty word'}: want NAME=VALUE with one of {', '.join(_READ)}")
            changes |= _READ[key](word, value)
        return replace(self, **changes)._checked()

    def _checked(self):
        if self.burst and self.loss:
            # The chance to enter a burst must be one: at most `burst` of every `burst` + 1 packets can be lost.
            most = self.burst / (self.burst + 1)
            if self.loss > most:
                raise BadWord(f"loss={100 * self.loss:g}% burst={self.burst:g}: bursts that long can make {100 * most:.3g}% at most; "
                              "set a longer burst=, or burst=0")
        if self.jitter > self.delay:
            raise BadWord(f"jitter={_ms(self.jitter)}: more than the delay ({_ms(self.delay)}) cannot be taken off it; set delay= to {_ms(self.jitter)} at least")
        return self


def _number(word, value, units, example):
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", value)
    if value == "0":
        return 0.0
    if not found or found[2] not in units:
        raise BadWord(f"{word}: want a number with {', '.join(units)}, as in {example}")
    return float(found[1]) * units[found[2]]


def _ratio(name):
    def read(word, value):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)%", "0%" if value == "0" else value)
        if not found or float(found[1]) > 100:
            raise BadWord(f"{word}: want a share of the packets, 0% … 100%, as in {name}=2%")
        return {name: float(found[1]) / 100}
    return read


def _duration(name):
    def read(word, value):
        seconds = _number(word, value, UNITS, f"{name}=20ms")
        if seconds > 60:
            raise BadWord(f"{word}: want 60s at most")
        return {name: seconds}
    return read


def _burst(word, value):
    if not re.fullmatch(r"\d+(\.\d+)?", value) or 0 < float(value) < 1:
        raise BadWord(f"{word}: want the packets of a burst, 1 or more on average, as in burst=4; 0: each packet is lost by itself")
    return {"burst": float(value)}


def _reorder(word, value):
    share, slash, hold = value.partition("/")
    changes = _ratio("reorder")(word, share)
    return changes | (_duration("hold")(word, hold) if slash else {"hold": USUAL_HOLD})


def _mtu(word, value):
    size, slash, what = value.partition("/")
    if not re.fullmatch(r"\d{1,5}", size) or 0 < int(size) < LEAST_MTU or (slash and what not in ("drop", "fragment")):
        raise BadWord(f"{word}: want the bytes of an IP packet, {LEAST_MTU} or more, as in mtu=1280 or mtu=1280/fragment; 0: no limit")
    return {"mtu": int(size), "fragment": what == "fragment"}


def _rate(word, value):
    bits = _number(word, value, BITS, "rate=2mbit")
    if 0 < bits < 1000:
        raise BadWord(f"{word}: want 1kbit at least, or 0: no limit")
    return {"rate": bits}


def _queue(word, value):
    size = _number(word, value, BYTES, "queue=64kB")
    if size < 1500:
        raise BadWord(f"{word}: want room for a packet, 1500B at least, as in queue=64kB")
    return {"queue": size}


def _handshakes(word, value):
    if value not in ("block", "pass"):
        raise BadWord(f"{word}: want handshakes=block or handshakes=pass")
    return {"handshakes": value}


def _ms(seconds):
    return f"{seconds * 1000:g}ms"


_READ = {"loss": _ratio("loss"), "burst": _burst, "delay": _duration("delay"), "jitter": _duration("jitter"), "reorder": _reorder,
         "duplicate": _ratio("duplicate"), "mtu": _mtu, "rate": _rate, "queue": _queue, "handshakes": _handshakes}
_SAY = {"loss": lambda i: i.loss and f"loss={100 * i.loss:g}%", "burst": lambda i: i.burst and f"burst={i.burst:g}",
        "delay": lambda i: i.delay and f"delay={_ms(i.delay)}", "jitter": lambda i: i.jitter and f"jitter={_ms(i.jitter)}",
        "reorder": lambda i: i.reorder and f"reorder={100 * i.reorder:g}%/{_ms(i.hold)}",
        "duplicate": lambda i: i.duplicate and f"duplicate={100 * i.duplicate:g}%",
        "mtu": lambda i: i.mtu and f"mtu={i.mtu}" + ("/fragment" if i.fragment else ""),
        "rate": lambda i: i.rate and f"rate={i.rate / 1000:g}kbit queue={i.queue / 1000:g}kB",
        "handshakes": lambda i: "handshakes=block" if i.handshakes == "block" else ""}
