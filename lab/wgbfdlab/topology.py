"""A containerlab file and the labels this lab reads from it; no side effects.

lab.daemons                daemons of the node; without wgbfd's and FRR's BFD where the mode (none, stock) excludes them
lab.daemons.MODE           the daemons in that mode, where it is not as above
lab.address.IFACE          the address of a link's end
lab.wireguard.IFACE        address=CIDR listen=PORT
lab.peer.IFACE.NODE        allowed=PREFIX[,PREFIX] endpoint=ADDRESS:PORT; the peer's interface has the same name; without endpoint
                           the peer calls; keepalive=SECONDS
lab.vrf.NAME               table=NUMBER interfaces=IFACE[,IFACE]: a VRF, and which links and tunnels are in it
lab.watch                  PREFIX prefers IFACE[+IFACE]: the kernel route that a scenario watches, in main or the table of IFACE's VRF
lab.feed                   how wgbfd tells BIRD: bird-nexthop, or bird-include; routes where there is no routing daemon
lab.stream                 send ADDRESS | receive
lab.stream.beside          the same of a second stream, which no scenario is to touch
lab.cut                    from=IFACE to=IFACE near=NODE/IFACE/PEER far=NODE/IFACE/PEER (from and to: the stream's direction); port=PORT: UDP to it alone
lab.cut.backup             the same of the tunnel that carries when that one is cut
lab.table                  PREFIX in /LENGTH number=N: routes that the node announces beside its own, for ${table} in its files
lab.move                   by=IFACE from=CIDR to=CIDR name=NAME caller=NODE: where the node moves to, and who asks for its name

IFACE and NODE of a label may be patterns (spoke*); {n} is the number at the end of the name that matched, and in a
group's texts the number at the end of the node's name.
"""
import fnmatch
import ipaddress
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import yaml

MODES = ("none", "stock", "wgbfd")


class LabError(Exception):
    """Something the operator can act on, in one line."""


@dataclass(frozen=True)
class Peer:
    node: str
    allowed: str
    endpoint: str = ""   # none: it calls
    keepalive: str = ""  # seconds


@dataclass
class WireGuard:
    name: str
    address: str
    listen: int
    peers: list[Peer] = field(default_factory=list)
    vrf: str = ""


@dataclass(frozen=True)
class Vrf:
    name: str
    table: str
    interfaces: list


@dataclass(frozen=True)
class Tunnel:
    """One end of a tunnel: seen from `node`, on `interface`, towards `peer`."""
    node: str
    interface: str
    peer: str

    @staticmethod
    def parse(text):
        return Tunnel(*text.split("/"))


@dataclass(frozen=True)
class Cut:
    node: str
    inward: str
    outward: str
    near: Tunnel
    far: Tunnel
    port: str = ""  # none: all that goes that way

    @property
    def ways(self):
        """The stream's direction, and the other."""
        return (self.inward, self.outward), (self.outward, self.inward)


@dataclass(frozen=True)
class Move:
    """A node takes another address, and nothing else of it can be reached."""
    by: str
    old: str
    new: str
    name: str
    caller: str


@dataclass
class Routes:
    """The first `number` prefixes of that length in `prefix`."""
    prefix: ipaddress.IPv4Network
    length: int
    number: int


@dataclass
class Node:
    name: str
    addresses: dict
    wireguards: list[WireGuard]
    daemons: dict
    sysctls: dict
    commands: list
    binds: list
    watch: tuple | None
    stream: list
    beside: list = field(default_factory=list)
    vrfs: list[Vrf] = field(default_factory=list)
    feed: str | None = None
    move: Move | None = None
    table: Routes | None = None

    def vrf_of(self, interface):
        return next((vrf for vrf in self.vrfs if interface in vrf.interfaces), None)

    @property
    def watched_table(self):
        return vrf.table if (vrf := self.vrf_of(self.watch[1].split("+")[0])) else "main"


@dataclass
class Topology:
    name: str
    directory: Path
    nodes: dict
    links: list
    cut: Cut | None
    backup: Cut | None = None

    @property
    def table(self):
        """What the cut's near end learns from whoever announces it."""
        return next((node.table for node in self.nodes.values() if node.table), None)

    def stream_end(self, what, beside=False):
        return next((node for node in self.nodes.values() if (node.beside if beside else node.stream)[:1] == [what]), None)

    def peer_address(self, tunnel):
        """The tunnel address of the peer of `tunnel`, without its length."""
        for wireguard in self.nodes[tunnel.peer].wireguards:
            if wireguard.name == tunnel.interface:
                return wireguard.address.split("/")[0]
        raise LabError(f"{self.name}: {tunnel.peer} has no interface {tunnel.interface}")

    def tunnels(self, node):
        return [Tunnel(node.name, wg.name, peer.node) for wg in node.wireguards for peer in wg.peers]


def load(path, spokes=None, routes=None):
    """Reads a containerlab file. `spokes` adds or removes nodes of the group `spoke` and their links; `routes` is another length of its table."""
    path = Path(path)
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise LabError(f"{path}: {error}") from error
    try:
        body = document["topology"]
        if spokes is not None:
            _set_spokes(body, spokes)
        merged = {name: _inherit(body, own or {}) for name, own in body["nodes"].items()}
        links = [tuple(tuple(end.split(":", 1)) for end in link["endpoints"]) for link in body.get("links", [])]
        nodes = {name: _node(name, config, links, merged) for name, config in merged.items()}
        topology = Topology(document["name"], path.parent, nodes, links, _cut(merged), _cut(merged, "lab.cut.backup"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LabError(f"{path}: not a topology with this lab's labels ({type(error).__name__}: {error})") from error
    if routes is not None:
        _set_routes(topology, routes)
    return topology


def _set_routes(topology, number):
    table = topology.table
    if not table:
        raise LabError("--routes: this topology has no lab.table")
    most = 1 << (table.length - table.prefix.prefixlen)
    if not 1 <= number <= most:
        raise LabError(f"--routes must be 1..{most}")
    table.number = number


def _set_spokes(body, count):
    template = next((name for name, own in body["nodes"].items() if (own or {}).get("group") == "spoke"), None)
    if template is None:
        raise LabError("--spokes: this topology has no nodes of the group spoke")
    if not 2 <= count <= 250:
        raise LabError("--spokes must be 2..250")
    present = [name for name, own in body["nodes"].items() if (own or {}).get("group") == "spoke"]
    pattern = next(link["endpoints"] for link in body["links"] if link["endpoints"][0].startswith(template + ":"))
    wanted = [f"spoke{n}" for n in range(1, count + 1)]
    for name in set(present) - set(wanted):
        del body["nodes"][name]
    gone = tuple(f"{name}:" for name in present)
    body["links"] = [link for link in body["links"] if not link["endpoints"][0].startswith(gone)]
    for name in wanted:
        body["nodes"].setdefault(name, {"group": "spoke"})
        body["links"].append({"endpoints": [re.sub(rf"\b{template}\b", name, end) for end in pattern]})


def _inherit(body, own):
    """containerlab's inheritance: defaults, kinds, groups, node; maps are merged, lists joined."""
    defaults = body.get("defaults", {})
    kind = body.get("kinds", {}).get(own.get("kind", defaults.get("kind")), {})
    group = body.get("groups", {}).get(own.get("group"), {})
    result = {"labels": {}, "sysctls": {}, "binds": [], "exec": []}
    for layer in (defaults, kind, group, own):
        for key in ("labels", "sysctls"):
            result[key].update(layer.get(key, {}))
        for key in ("binds", "exec"):
            result[key] += layer.get(key, [])
    return result


def _number(name):
    found = re.search(r"\d+$", name)
    return found.group() if found else ""


def _fields(text):
    return dict(part.split("=", 1) for part in text.split())


def _under(labels, prefix):
    return [(key.removeprefix(prefix), _fields(text)) for key, text in labels.items() if key.startswith(prefix)]


def _matching(labels, prefix, names):
    """Labels under `prefix` whose last part is one of `names` or a pattern of them: (name, text with {n} put in)."""
    for key, text in labels.items():
        if key.startswith(prefix):
            for name in names:
                if fnmatch.fnmatchcase(name, key[len(prefix):]):
                    yield name, str(text).replace("{n}", _number(name))


def _daemons(labels):
    unwanted = {"none": ("bfdd", "wgbfd"), "stock": ("wgbfd",), "wgbfd": ()}
    default = labels.get("lab.daemons", "").split()
    return {mode: labels[f"lab.daemons.{mode}"].split() if f"lab.daemons.{mode}" in labels
            else [name for name in default if name not in unwanted[mode]] for mode in MODES}


def _node(name, config, links, every_name):
    labels = {key: text if "*" in key else str(text).replace("{n}", _number(name))
              for key, text in config["labels"].items()}
    interfaces = [iface for link in links for node, iface in link if node == name]
    vrfs = [Vrf(vrf, values["table"], values["interfaces"].split(",")) for vrf, values in _under(labels, "lab.vrf.")]
    wireguards = [WireGuard(interface, values["address"], int(values["listen"]), vrf=next((vrf.name for vrf in vrfs if interface in vrf.interfaces), ""))
                  for interface, values in _under(labels, "lab.wireguard.")]
    for wireguard in wireguards:
        others = [other for other in every_name if other != name]
        for peer, text in _matching(labels, f"lab.peer.{wireguard.name}.", others):
            wireguard.peers.append(Peer(peer, **_fields(text)))
    watch = labels.get("lab.watch")
    return Node(
        name=name,
        addresses=dict(_matching(labels, "lab.address.", interfaces)),
        wireguards=wireguards,
        daemons=_daemons(labels),
        sysctls=config["sysctls"],
        commands=[shlex.split(command.replace("{n}", _number(name))) for command in config["exec"]],
        binds=[tuple(bind.split(":")[:2]) for bind in config["binds"]],
        watch=(watch.split()[0], watch.split()[2]) if watch else None,
        stream=labels.get("lab.stream", "").split(),
        beside=labels.get("lab.stream.beside", "").split(),
        vrfs=vrfs,
        feed=labels.get("lab.feed"),
        move=_move(labels.get("lab.move")),
        table=_routes(labels.get("lab.table")),
    )


def _routes(text):
    if not text:
        return None
    prefix, _, length, number = text.split()
    return Routes(ipaddress.ip_network(prefix), int(length.lstrip("/")), int(number.removeprefix("number=")))


def _move(text):
    values = _fields(text or "")
    return Move(values["by"], values["from"], values["to"], values["name"], values["caller"]) if values else None


def _cut(merged, label="lab.cut"):
    for name, config in merged.items():
        if label in config["labels"]:
            values = _fields(config["labels"][label])
            return Cut(name, values["from"], values["to"], Tunnel.parse(values["near"]), Tunnel.parse(values["far"]), values.get("port", ""))
    return None
