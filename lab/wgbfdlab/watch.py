"""Who moved when: the logs of FRR's daemons, wgbfd's events and the kernel's route monitor, read as one list of moments.

All of them stamp realtime themselves, so it does not matter when the lab reads them.
"""
import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from .daemons import RUN_DIR
from .table import Table
from .topology import Tunnel

BGP = re.compile(r"ADJCHANGE: neighbor ([0-9a-f.:]+)\S* in vrf \S+ (Up|Down)\s*(.*)")
OSPF = re.compile(r"AdjChg: Nbr .* on ([^:]+):\S+ (\w+) -> (\w+) \((.*)\)")
BFD = re.compile(r"state-change: \[(.*?)\] (\S+) -> (\S+)(?: reason:(\S+))?")
ROUTE = re.compile(r"^\[(\S+)\] (Deleted )?(\S+) (.*)")
TABLE = re.compile(r"\btable (\S+)")
# wgbfd's follower is started again when its daemon dies; it then tells its last events once more (doubles are dropped).
FOLLOW = 'while :; do "$0" events --json --follow --run-dir "$1" 2>/dev/null; sleep 0.2; done'


@dataclass(frozen=True)
class Moment:
    at: float        # realtime, seconds
    node: str
    who: str         # bfd, bgp, ospf, route; cause: of a Down, known better
    interface: str
    peer: str
    state: str       # up, down; for a route the interface it leads to, or none
    detail: str

    def as_json(self):
        return asdict(self)


class Watch:
    """The followers of one node."""

    def __init__(self, node, daemons, topology, keys):
        self._node, self._daemons, self._keys = node, daemons, keys
        self._peers = {topology.peer_address(tunnel): tunnel for tunnel in topology.tunnels(node.spec)}
        self._names = {}
        self._read_to, self._routes_told = 0, []
        learns = topology.table and topology.cut and node.name == topology.cut.near.node
        self.table = Table(node, topology.table) if learns else None
        if node.spec.watch:
            node.spawn(["ip", "-o", "-4", "-ts", "monitor", "route"], "route.log")

    def follow_wgbfd(self):
        """Once wgbfd knows its adjacencies: their names, and their events from now on."""
        for row in self._daemons.adjacencies():
            if row.get("peer"):
                peer = self._keys.owner(row["peer"]) or ""
                self._names[row["name"]] = Tunnel(self._node.name, row["interface"], peer)
        self._node.spawn(["sh", "-c", FOLLOW, self._daemons.settings.wgbfd, RUN_DIR], "events.log")

    def waits(self):
        """What is missing of the table, in words."""
        late = self.table.elsewhere(self._node.spec.watch[1]) if self.table else 0
        return f"node {self._node.name}: {late} of {self.table.spec.number} routes" if late else ""

    def moments(self):
        found = [*self._routes(), *self._bgp(), *self._ospf()]
        found += self._wgbfd() if self._daemons.has_wgbfd else self._bfdd()
        return sorted(found, key=lambda moment: moment.at)

    def _lines(self, name):
        path = self._node.logs / name
        return path.read_text(errors="replace").splitlines() if path.exists() else []

    def _lines_about(self, prefix):
        """Of route.log, which may be long: what is new is read, and what tells of others forgotten."""
        path = self._node.logs / "route.log"
        if path.exists():
            with open(path, "rb") as source:
                source.seek(self._read_to)
                text = source.read()
            text = text[:text.rfind(b"\n") + 1]
            self._read_to += len(text)
            self._routes_told += [line for line in text.decode(errors="replace").splitlines() if prefix in line]
        return self._routes_told

    def _moment(self, at, who, tunnel, state, detail=""):
        return Moment(at, self._node.name, who, tunnel.interface, tunnel.peer, state, detail)

    def _tunnel(self, address, interface=""):
        return self._peers.get(address, Tunnel(self._node.name, interface, address))

    def _routes(self):
        if not self._node.spec.watch:
            return
        prefix, _ = self._node.spec.watch
        current = None
        for line in self._lines_about(prefix):
            found = ROUTE.match(line)
            if not found or found[3] != prefix or (TABLE.findall(found[4]) or ["main"])[0] != self._node.spec.watched_table:
                continue
            devices = re.findall(r"dev (\S+)", found[4])
            state = "+".join(devices) or "unreachable"
            if found[2]:
                if state != current:
                    continue  # zebra removes the old route after the new one stands
                state = "none"
            current = state
            yield Moment(_iso(found[1]), self._node.name, "route", state, "", state, prefix)

    def _bgp(self):
        for line in self._lines("bgpd.log"):
            found = BGP.search(line)
            if found:
                yield self._moment(_frr_time(line), "bgp", self._tunnel(found[1]), found[2].lower(), found[3])

    def _ospf(self):
        for line in self._lines("ospfd.log"):
            found = OSPF.search(line)
            if found and (found[2] == "Full") != (found[3] == "Full"):
                tunnel = next((t for t in self._peers.values() if t.interface == found[1]), self._tunnel("", found[1]))
                yield self._moment(_frr_time(line), "ospf", tunnel, "up" if found[3] == "Full" else "down", found[4])

    def _bfdd(self):
        for line in self._lines("bfdd.log"):
            found = BFD.search(line)
            if found and (found[2] == "up") != (found[3] == "up"):
                key = dict(part.split(":", 1) for part in found[1].split() if ":" in part)
                tunnel = self._tunnel(key.get("peer", ""), key.get("ifname", ""))
                yield self._moment(_frr_time(line), "bfd", tunnel, "up" if found[3] == "up" else "down", found[4] or "")

    def _wgbfd(self):
        for line in dict.fromkeys(self._lines("events.log")):
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue
            if event.get("event") not in ("verdict", "cause"):
                continue
            name = event["adjacency"]
            tunnel = self._names.get(name, Tunnel(self._node.name, name.split("/")[0], ""))
            who, state = ("bfd", event["to"]) if event["event"] == "verdict" else ("cause", "down")
            yield self._moment(_iso(event["at"]), who, tunnel, state, event.get("cause") or "")


def _iso(text):
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _frr_time(line):
    return datetime.strptime(line[:26], "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=timezone.utc).timestamp()
