"""The faults: how each is done and mended at one path, and which causes are right for it at either end."""
from dataclasses import dataclass

from timelab import handshakes

from wgbfdlab import wireguard

ELSEWHERE = "198.18.0.0/15"  # RFC 2544: nobody's tunnel
QUIET = None                 # an end that has no word to say of it
BASE = 5                     # ms each way
# Eight: at the loss below fewer packets in a row are lost now and then, and that is a Down, rightly. In 40 s all of 2.4 s are lost in 2 of a
# million runs; with five packets it were 3 of a thousand, at each end that loses.
TIMERS = ('interval = "300ms"', "multiplier = 8")
SOON, WINDOW = 5.0, 40.0     # s until it is told: by BFD, and by windows of ten seconds, where chance may take some
KEYS_LIVE = 180              # WireGuard's REJECT_AFTER_TIME
FLAPS, FLAP, GONE = 5, 5.8, 2.6  # enough for design.md's damping: cuts, and s from one to the next


@dataclass(frozen=True)
class Fault:
    name: str
    near: tuple             # the causes that are right, QUIET among them where none is
    far: tuple
    act: object
    mend: object
    lasts: float = SOON     # s from the injection to the question what it was
    far_end: str = "wgbfd"


class Path:
    """One tunnel of qualitylab.Paths: what can be done to it."""

    def __init__(self, paths, number, cell):
        self.paths, self.number, self.cell = paths, number, cell
        self.near, self.far = paths.near, paths.nodes[cell.far]

    def node(self, end):
        return self.near if end == "near" else self.far

    def netem(self, ends, words):
        """What the underlay does with the packets that these ends send; no words: nothing but its delay."""
        for end in ends:
            self.node(end).run(["tc", "qdisc", "change", "dev", f"u{self.number}", "root", "netem", *(words or f"delay {BASE}ms").split(),
                                "limit", "10000"])

    def drop(self, end, match):
        """What comes in at that end and matches; until open()."""
        self.node(end).run(["nft", "-f", "-"], text=f"add table inet cut{self.number}\n"
                           f"add chain inet cut{self.number} in {{ type filter hook input priority 0; }}\n"
                           + "".join(f"add rule inet cut{self.number} in {one} drop\n" for one in match))

    def cut(self, end):
        self.drop(end, [f'iifname "u{self.number}"'])

    def block_handshakes(self):
        for end in ("near", "far"):
            self.drop(end, [f'iifname "u{self.number}" udp dport {21000 + self.number} @th,64,32 {kind << 24:#x}' for kind in handshakes.KINDS])

    def open(self):
        for end in ("near", "far"):
            self.node(end).run(["nft", "delete", "table", "inet", f"cut{self.number}"], check=False)

    def wg(self, end, *words):
        """`wg set` of its peer."""
        self.node(end).run(["wg", "set", self.cell.name, "peer", self._peer(end), *words])

    def remove_peer(self, end):
        self.wg(end, "remove")

    def forget_endpoint(self):
        for end in ("near", "far"):
            key = self._peer(end)
            self.node(end).run(["wg", "set", self.cell.name, "peer", key, "remove", "peer", key, "allowed-ips", "0.0.0.0/0"])

    def add_peer(self, *ends):
        for end in ends:
            there = 2 if end == "near" else 1
            self.wg(end, "endpoint", f"10.61.{self.number}.{there}:{21000 + self.number}", "allowed-ips", "0.0.0.0/0")

    def re_key(self, end, key):
        self.node(end).run(["wg", "set", self.cell.name, "private-key", "/dev/stdin"], text=key + "\n")

    def own_key(self, end):
        self.re_key(end, self.node(end).run(["cat", "/run/key"]).stdout.strip())

    def delete(self):
        self.near.run(["ip", "link", "del", self.cell.name])

    def make(self):
        self.near.run(["sh", "-ec", "\n".join(self.paths.tunnel("near", self.number, self.cell))])

    def set_link(self, state):
        self.near.run(["ip", "link", "set", self.cell.name, state])

    def address(self, word):
        self.near.run(["ip", "address", word, f"10.60.{self.number}.1/24", "dev", self.cell.name])

    def ask(self, end, *words):
        self.node(end).run(["wgbfd", *words, self.cell.name])

    def flap(self):
        """Cuts, each for longer than the detection time; nobody waits for it."""
        cut = f'nft "add table inet cut{self.number}; add chain inet cut{self.number} in {{ type filter hook input priority 0; }}; ' \
              f'add rule inet cut{self.number} in iifname u{self.number} drop"; sleep {GONE}; nft delete table inet cut{self.number}; sleep {FLAP - GONE}'
        self.near.spawn(["sh", "-c", "; ".join([cut] * FLAPS)], "flap.out")

    def _peer(self, end):
        return self.paths.peer("near" if end == "near" else self.cell.far, self.cell)


BOTH = ("near", "far")
# 12 %: chance keeps it from being named within 40 s in 1 of 100,000 runs; 10 % in 23.
LOSS, LATE, VARIED = f"delay {BASE}ms loss 12%", "delay 400ms", "delay 280ms 280ms"


def _netem(ends, words):
    return {"act": lambda path: path.netem(ends, words), "mend": lambda path: path.netem(ends, ""), "lasts": WINDOW}


def _cut(*ends):
    return {"act": lambda path: [path.cut(end) for end in ends], "mend": lambda path: path.open()}


def every_fault():
    timeout, quiet = ("detect-timeout",), (QUIET,)
    return [
        Fault("both directions cut", timeout, timeout, **_cut("near", "far")),
        Fault("cut towards the far end", ("one-way",), timeout, **_cut("far")),
        Fault("cut towards the near end", timeout, ("one-way",), **_cut("near")),
        Fault("the far end's firewall takes BFD", ("one-way",), timeout,
              lambda path: path.drop("far", [f'iifname "{path.cell.name}" udp dport 3784']), lambda path: path.open()),
        Fault("the far end's BFD begins anew", ("neighbor-down",), quiet,
              lambda path: path.far.run(["birdc", "-s", "/run/bird.ctl", "restart", "bfd1"]), lambda path: None, far_end="none"),
        Fault("drained at the near end", ("drained",), ("admin",), lambda path: path.ask("near", "drain"), lambda path: path.ask("near", "undrain"), 8),
        Fault("drained at the far end", ("admin",), ("drained",), lambda path: path.ask("far", "drain"), lambda path: path.ask("far", "undrain"), 8),
        Fault("peer removed at the near end", ("peer-removed",), timeout, lambda path: path.remove_peer("near"), lambda path: path.add_peer("near")),
        Fault("peer removed at the far end", timeout, ("peer-removed",), lambda path: path.remove_peer("far"), lambda path: path.add_peer("far")),
        Fault("interface deleted", ("interface-gone",), timeout, lambda path: path.delete(), lambda path: path.make()),
        Fault("interface set down", ("interface-gone",), timeout, lambda path: path.set_link("down"), lambda path: path.set_link("up")),
        # Its session ends with it, and says so if it still can.
        Fault("our address taken away", ("unresolved",), ("detect-timeout", "admin"), lambda path: path.address("del"), lambda path: path.address("add")),
        Fault("allowed-ips wrong at the near end", ("wrong-allowed-ips",), timeout,
              lambda path: path.wg("near", "allowed-ips", ELSEWHERE), lambda path: path.add_peer("near")),
        Fault("allowed-ips wrong at the far end", timeout, ("wrong-allowed-ips",),
              lambda path: path.wg("far", "allowed-ips", ELSEWHERE), lambda path: path.add_peer("far")),
        Fault("endpoint forgotten at both ends", ("no-endpoint",), ("no-endpoint",), lambda path: path.forget_endpoint(),
              lambda path: path.add_peer("near", "far")),
        # The far end sends nothing more, and still reads what comes with the old session.
        Fault("another private key at the far end", timeout, ("one-way",),
              lambda path: path.re_key("far", wireguard._pair()[0]), lambda path: path.own_key("far")),  # pylint: disable=protected-access
        Fault("12 % lost both ways", ("quality-loss",), ("quality-loss",), **_netem(BOTH, LOSS)),
        Fault("12 % lost towards the far end", ("quality-loss",), quiet, **_netem(("near",), LOSS)),
        Fault("12 % lost towards the near end", quiet, ("quality-loss",), **_netem(("far",), LOSS)),
        Fault("400 ms later each way", ("quality-rtt",), ("quality-rtt",), **_netem(BOTH, LATE)),
        Fault("varied by 280 ms each way", ("quality-jitter",), ("quality-jitter",), **_netem(BOTH, VARIED)),
        Fault("cut five times", ("damped",), ("damped",), lambda path: path.flap(), lambda path: None, FLAPS * FLAP + 1),
    ]


def stale():
    """Takes its time: no handshake for longer than keys live."""
    return Fault("handshakes blocked", ("handshake-stale",), ("handshake-stale",), lambda path: path.block_handshakes(), lambda path: path.open(),
                 KEYS_LIVE + SOON)


def both_at_once(chance, singles, far_end="wgbfd"):
    """Two of different kinds at one path. Either's causes are right; to say nothing is so only where neither wants a word."""
    usable = [fault for fault in singles if fault.far_end == far_end and fault.name != "cut five times"]
    one, other = chance.sample(usable, 2)
    while _clash(one, other):
        one, other = chance.sample(usable, 2)
    near, far = (tuple(cause for cause in causes if cause) or (QUIET,) for causes in (one.near + other.near, one.far + other.far))
    return Fault(f"{one.name} + {other.name}", near, far, lambda path: (one.act(path), other.act(path)),
                 lambda path: (one.mend(path), other.mend(path)), max(one.lasts, other.lasts))


def _clash(one, other):
    """What uses the same means, or makes the other impossible."""
    means = [("cut", "firewall"), ("lost", "later", "varied"), ("peer removed", "allowed-ips", "endpoint", "deleted", "set down", "address taken", "private key"), ("drained",)]
    return any(any(word in one.name for word in words) and any(word in other.name for word in words) for words in means)
