"""Whether the nodes with wgbfd are what they were: after a scenario as at rest before it, and as before wgbfd once that has ended.

What is compared is untouched.py's, byte for byte. What is not wgbfd's is left out, and nothing else:
- of the routing daemon's routes, which carry its protocol's name, the order and zebra's `nhid`; once wgbfd has ended, all of them;
- of a WireGuard interface that a scenario made anew, its number, the link-local address that wireguard-go's device draws, and its place in a list;
- the endpoint of a peer that was given none: WireGuard learns it;
- the order of peers: wireguard-go tells them in another one each time.
"""
import os
import re
import signal
import time
from pathlib import Path

from . import untouched
from .daemons import RUN_DIR
from .wait import wait_until

ROUTING = re.compile(r" proto (bgp|ospf|bird|zebra)( |$)")
SEEN = re.compile(r'^\s*feeds = .*"(link|repair|routes|endpoint|bird-nexthop)"', re.M)  # whose work is seen in what is compared
ENDS = ("SIGTERM", "kill -9 and undo")
REST = 2.0            # s without a change
LIMIT = 90
DEGRADED_LIMIT = 420  # what was degraded stays so for five minutes more


class Before:
    """Made right before the daemons start."""

    def __init__(self, network):
        self._network = network
        self._names = [name for name, one in network.daemons.items() if one.has_wgbfd]
        self._without = {name: untouched.settled_snapshot(network.nodes[name]) for name in self._names}
        self._rest = {}

    def remember_rest(self):
        """What the nodes are with wgbfd at rest, once nothing changes any more."""
        def rests():
            before, self._rest = self._rest, self._snapshots()
            return not self._differences(before)
        if not self._rest:
            wait_until(rests, LIMIT, lambda: f"rest: {self._differences(self._snapshots())}", pause=REST)

    def after_scenario(self):
        """What at which node has not become what it was at rest, in words; empty when all has."""
        begun, found = time.monotonic(), self._differences(self._rest)
        while found and time.monotonic() - begun < (DEGRADED_LIMIT if self._degraded() else LIMIT):
            time.sleep(1)
            found = self._differences(self._rest)
        self._rest = self._snapshots() if found else self._rest
        return found

    def _degraded(self):
        return any(row["state"] == "degraded" for name in self._names for row in self._network.daemons[name].adjacencies())

    def end(self, first=0):
        """Cuts the first tunnel, and when the feeds have acted ends wgbfd at all nodes, by one of ENDS and by the other in turns:
        {node: (how, what is not as before wgbfd)}."""
        with self._network.prepared_cut() as fire:
            fire()
        idle = self._idle_for(LIMIT)
        ways = {name: ENDS[(first + number) % len(ENDS)] for number, name in enumerate(self._names)}
        self._silence()
        self._kill(ways)
        return {name: (way, self._undone(name, way) or ("no feed has acted before" if name in idle else "")) for name, way in ways.items()}

    def _silence(self):
        """Where endpoints are chosen no packet of the peer may come any more, or WireGuard would follow it to where that is from."""
        backup = self._network.topology.backup
        if backup and any(one.feed == "endpoint" for one in self._network.daemons.values()):
            with self._network.prepared_dead(backup, *backup.ways) as fire:
                fire()

    def _idle_for(self, limit):
        """At which ends of the tunnel nothing of a feed is seen that was not there at rest, though one has something to do when it is cut."""
        def idle():
            now = self._snapshots()
            return [name for name in seen for before in (self._without, self._rest)
                    if not self._difference(name, before[name], now[name], with_routing=False)]
        seen = [name for name in self._names if self._is_seen(name)]
        end = time.monotonic() + limit
        while (found := idle()) and time.monotonic() < end:
            time.sleep(0.2)
        return found

    def _is_seen(self, name):
        cut, configuration = self._network.topology.cut, self._network.nodes[name].directory / "etc/wgbfd/wgbfd.toml"
        return name in (cut.near.node, cut.far.node) and bool(SEEN.search(configuration.read_text()))

    def _kill(self, ways):
        running = {name: self._network.daemons[name].guardian() for name in ways}
        for name, way in ways.items():
            for pid in filter(None, running[name][:1] if way == "SIGTERM" else running[name]):  # the guardian first, or there were another worker
                os.kill(pid, signal.SIGTERM if way == "SIGTERM" else signal.SIGKILL)
        pids = [pid for both in running.values() for pid in both if pid]
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 30, lambda: "wgbfd to end")

    def _undone(self, name, way):
        """What is left; after kill -9 once it is undone."""
        if way != "SIGTERM":
            done = self._network.nodes[name].run([self._network.settings.wgbfd, "undo", "--run-dir", RUN_DIR], check=False)
            if done.returncode:
                return f"undo: status {done.returncode}: {done.stderr.strip()}"
        return self._left(name)

    def _left(self, name):
        records = self._network.nodes[name].path(f"{RUN_DIR}/undo")
        left = Path(records).read_text(encoding="utf-8").strip() if os.path.exists(records) else ""
        return self._difference(name, self._without[name], untouched.snapshot(self._network.nodes[name]), with_routing=False) or left

    def _snapshots(self):
        return {name: untouched.snapshot(self._network.nodes[name]) for name in self._names}

    def _differences(self, before):
        now = self._snapshots()
        found = {name: self._difference(name, before.get(name, ""), now[name]) for name in self._names}
        return "; ".join(f"{name}: {what}" for name, what in found.items() if what)

    def _difference(self, name, before, after, with_routing=True):
        remade = [interface for node, interface in self._network.remade if node == name]
        learned = [self._network.keys.public(peer.node, wg.name) for wg in self._network.nodes[name].spec.wireguards for peer in wg.peers if not peer.endpoint]
        return untouched.difference(*(_ours(text, with_routing, remade, learned) for text in (before, after)))


def _ours(text, with_routing, remade, learned):
    """The text without what is not wgbfd's."""
    lines, elsewhere = [], []
    for line in re.sub(r"\n[ \t]+", r" \\ ", text).splitlines():
        if ROUTING.search(line):
            elsewhere += [re.sub(r" nhid \d+", "", line)] * with_routing
        elif interface := next((one for one in remade if re.search(rf"(dev |^\d+: ){one}\b", line)), None):
            elsewhere.append(re.sub(rf"^\d+: |\bfe80::\S+(?= dev {interface}\b)", "", line))
        else:
            lines.append(line)
    return "\n".join([*_peers_in_order("\n".join(lines), learned), *sorted(elsewhere)])


def _peers_in_order(text, learned):
    """Each `wg showconf` with its peers by their keys; `learned` are those whose endpoint is not told."""
    for section in re.split(r"^(?=# )", text, flags=re.M):
        head, *peers = re.split(r"^(?=\[Peer\])", section, flags=re.M)
        yield head.rstrip("\n")
        yield from sorted(re.sub(r"^Endpoint = .*\n?", "", peer, flags=re.M).rstrip("\n") if any(key in peer for key in learned) else peer.rstrip("\n")
                          for peer in peers)
