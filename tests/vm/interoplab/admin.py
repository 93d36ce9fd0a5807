"""Maintenance: who stops a session on purpose, and what BGP makes of it at both ends.

Our end and `two` run FRR with `bfdd --dplaneaddr` and wgbfd; `frr` runs stock bfdd and bgpd, `bird` runs BIRD. BGP crosses
tunnels of its own, and our bgpd asks for BFD on each. What stock daemons do when they are sent AdminDown is told, not judged.
"""
import time
from dataclasses import dataclass

from wgbfdlab import vty

from .cells import NUMBERS
from .engines import Frr

WATCHED = 5  # seconds: longer than the hold time of BGP
INTERVAL_MS = 50


@dataclass(frozen=True)
class Peering:
    """A tunnel for one BGP session; `watches`: the far end's BGP asks for BFD too."""
    interface: str
    node: str
    number: int
    watches: bool

    @property
    def port(self):
        return 25000 + self.number

    def address(self, node):
        return f"10.{60 + self.number}.0.{1 if node == 'us' else 2}"

    @property
    def as_number(self):
        return 65000 + NUMBERS[self.node]

    @property
    def name(self):
        return f"bgp-{self.interface}"


PEERINGS = (Peering("f-deaf", "frr", 1, False), Peering("f-bgp", "frr", 2, True), Peering("b-bgp", "bird", 3, True),
            Peering("t-bgp", "two", 4, True))


def lan(node):
    """Where it has one (guest/traffic.py), its first three numbers; BGP tells it."""
    return f"10.71.{NUMBERS[node]}"


def bgpd(name, peerings):
    here = "us" if name == "us" else name
    lines = [f"router bgp {65000 + NUMBERS[name]}", f" bgp router-id 10.0.{NUMBERS[name]}.2", " bgp log-neighbor-changes",
             " no bgp ebgp-requires-policy", " timers bgp 1 3", f" network {lan(name)}.0/24"]
    for one in peerings:
        there = one.address(one.node if here == "us" else "us")
        number = one.as_number if here == "us" else 65000 + NUMBERS["us"]
        lines += [f" neighbor {there} remote-as {number}", f" neighbor {there} timers connect 1"]
        if here == "us" or one.watches:
            lines += [f" neighbor {there} bfd", f" neighbor {there} bfd profile fast"]
    return "\n".join(lines) + "\n"


def _profile(interval_ms):
    return [" profile fast", "  detect-multiplier 3", f"  receive-interval {interval_ms}", f"  transmit-interval {interval_ms}"]


def our_frr(node, interval_ms=INTERVAL_MS):
    return Frr(node, "\n".join(["bfd", *_profile(interval_ms)]) + "\n", bgpd("us", PEERINGS), data_plane=True)


def far_frr(node, bfdd_text, interval_ms=INTERVAL_MS):
    """Stock: the cells' peers, and one for the peering whose BGP does not ask."""
    deaf = PEERINGS[0]
    text = bfdd_text + "\n".join([*_profile(interval_ms), f" {_peer(deaf)}", "  profile fast"]) + "\n"
    return Frr(node, text, bgpd("frr", PEERINGS[:2]))


def second_frr(node, interval_ms=INTERVAL_MS):
    return Frr(node, "\n".join(["bfd", *_profile(interval_ms)]) + "\n", bgpd("two", PEERINGS[3:]), data_plane=True)


def bird_bgp():
    one = PEERINGS[2]
    return (f"protocol bgp peering {{ local {one.address('bird')} as {one.as_number}; neighbor {one.address('us')} as 65001; "
            "debug { states }; bfd on; hold time 3; keepalive time 1; connect delay time 1; connect retry time 1; "
            "error wait time 1, 2; ipv4 { import all; export none; }; }")


def bird_bfd_interface(interval_ms=INTERVAL_MS):
    return f' interface "{PEERINGS[2].interface}" {{ interval {interval_ms} ms; multiplier 3; }};'


def wgbfd_extra(node, public):
    """The peerings' adjacencies by name, and bfdd's data plane; their timers are bfdd's wish."""
    lines = ["[frr]", 'bfd_dataplane = "unix:/run/frr/bfddp.sock"']
    for one in PEERINGS:
        if node in ("us", one.node):
            there = one.node if node == "us" else "us"
            lines += ["[[adjacency]]", f'name = "{one.name}"', f'interface = "{one.interface}"', f'peer = "{public(there)}"',
                      f'address = "{one.address(there)}"']
    return "\n".join(lines) + "\n"


def _peer(one):
    return f"peer {one.address('us')} local-address {one.address(one.node)} interface {one.interface}"


class Maintenance:
    """`ends`: ours, stock, second (engines.Frr); bird; near, far (engines.Wgbfd at us and two)."""

    def __init__(self, ends, report):
        self.ends, self.report = ends, report

    def waits(self):
        """What is not Up or not Established yet, in words."""
        rows = self.ends["near"].rows()
        established = self.ends["ours"].established()
        for one in PEERINGS:
            if (rows.get(one.name, {}).get("bfd") or {}).get("state") != "Up":
                return f"BFD of {one.interface} not Up at our end"
            if one.address(one.node) not in established:
                return f"BGP over {one.interface} not Established at our end"
        if "second" in self.ends:  # the far ends are asked too: one of the two is Established before the other
            late = [one.interface for one in PEERINGS if self._theirs(one) is None]
            return f"BGP over {', '.join(late)} not Established at the far end" if late else ""
        return ""

    def run(self, settle):
        """`settle` waits until all is up again."""
        self._shutdown(PEERINGS[0], "its BGP does not watch BFD", judged=True)
        settle()
        self._shutdown(PEERINGS[1], "its BGP watches BFD", judged=True)
        settle()
        self._bird_disabled()
        settle()
        self._stopped(self.ends["far"], "the far wgbfd is stopped with SIGTERM", PEERINGS[3:], judged=True)
        self.ends["far"].start()
        settle()
        self._stopped(self.ends["near"], "our wgbfd is stopped with SIGTERM", PEERINGS, judged=False)

    def _shutdown(self, one, how, judged):
        at = f"{one.interface}: `shutdown` of the peer in stock bfdd, {how}"
        before = self._drops(one)
        self._bfdd(one, "shutdown")
        self._watch(at, [one], {one: before}, judged)
        self._bfdd(one, "no shutdown")

    def _bfdd(self, one, command):
        vty.configure(self.ends["stock"].node, "bfdd", ["bfd", _peer(one), command])

    def _bird_disabled(self):
        one = PEERINGS[2]
        before = {one: self._drops(one)}
        self.ends["bird"].ask("disable bfd1")
        self._watch(f"{one.interface}: BIRD's bfd protocol disabled (BIRD sends no AdminDown)", [one], before, False)
        self.ends["bird"].ask("enable bfd1")

    def _stopped(self, wgbfd, what, peerings, judged):
        before = {one: self._drops(one) for one in peerings}
        status = wgbfd.stop()
        self.report.check(status == 0, f"{what}: it ends with status 0 (was {status})")
        self._watch(what, peerings, before, judged)

    def _drops(self, one):
        """(ours, theirs): how often BGP was dropped so far (at BIRD: came up); None while it is not Established."""
        ours = self.ends["ours"].established().get(one.address(one.node))
        return ours, self._theirs(one)

    def _theirs(self, one):
        if one.node == "bird":
            bird = self.ends["bird"]
            return bird.ups("peering") if "Established" in bird.ask("show protocols peering") else None
        frr = self.ends["stock" if one.node == "frr" else "second"]
        return frr.established().get(one.address("us"))

    def _watch(self, what, peerings, before, judged):
        """For WATCHED seconds; BGP may be back before they end, so the counts tell, not the state."""
        seen = {}
        rows = None
        for _ in range(WATCHED):
            time.sleep(1)
            rows = rows or self.ends["near"].rows()
            for one in peerings:
                for end, now in enumerate(self._drops(one)):
                    if now is None or now != before[one][end]:
                        seen.setdefault((one, end), self._reset(one, end))
        for one in peerings:
            row = (rows or {}).get(one.name, {})
            bfd = row.get("bfd") or {}
            verdict = f"our verdict {row['state']} ({row['cause'] or 'no cause'}), session {bfd.get('state')}, it says " \
                      f"{bfd.get('remote_state')}" if row else "our wgbfd is stopped"
            told = [f"{name} " + (f"DROPPED ({seen[one, end]})" if (one, end) in seen else "kept")
                    for end, name in enumerate(("BGP at our end", f"at {one.node}"))]
            sentence = f"{what}: {one.interface}: {', '.join(told)}; {verdict}"
            kept = (one, 0) not in seen and (one.node != "two" or (one, 1) not in seen)
            if judged or one.node == "two":
                self.report.check(kept, sentence)
            else:
                self.report.tell(sentence)

    def _reset(self, one, end):
        if end == 0:
            return self.ends["ours"].bgp(one.address(one.node))[1]
        if one.node == "bird":
            text = self.ends["bird"].ask("show protocols peering")
            return " ".join(text.split())[-60:]
        return self.ends["stock" if one.node == "frr" else "second"].bgp(one.address("us"))[1]
