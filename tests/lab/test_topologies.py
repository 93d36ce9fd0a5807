#!/usr/bin/python3
"""The lab's topologies are containerlab files: they validate against its schema, and their labels make sense to lab/run."""
import copy
import ipaddress
import json
import sys
from pathlib import Path

import jsonschema
import yaml

sys.dont_write_bytecode = True
TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "lab"))

from wgbfdlab import daemons, topology  # noqa: E402
from wgbfdlab.settings import Settings  # noqa: E402

FILES = sorted((TREE / "lab/topologies").glob("*.clab.yml"))
counts = {"ok": 0, "FAIL": 0}


def check(sentence, problems):
    verdict = "FAIL" if problems else "ok"
    counts[verdict] += 1
    print(f"{verdict} - {sentence}" + (f": {'; '.join(problems)}" if problems else ""))


def schema_problems(document):
    schema = json.loads((TREE / "tests/lab/clab.schema.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:120]}" for error in validator.iter_errors(document)]


def link_problems(net):
    ends = [end for link in net.links for end in link]
    found = [f"{node} is not a node" for node, _ in ends if node not in net.nodes]
    found += [f"{node}:{interface} stands twice" for node, interface in set(ends) if ends.count((node, interface)) > 1]
    return found + [f"{node}:{interface} has no address" for node, interface in ends if interface not in net.nodes[node].addresses]


def tunnel_problems(net):
    """Each peer has this node as a peer too, and the two tunnel addresses lie in one prefix."""
    found = []
    for node in net.nodes.values():
        for wireguard in node.wireguards:
            prefix = ipaddress.ip_interface(wireguard.address).network
            for peer in wireguard.peers:
                tunnel = topology.Tunnel(node.name, wireguard.name, peer.node)
                if ipaddress.ip_address(net.peer_address(tunnel)) not in prefix:
                    found.append(f"{tunnel}: the peer's address is not in {prefix}")
                if topology.Tunnel(peer.node, wireguard.name, node.name) not in net.tunnels(net.nodes[peer.node]):
                    found.append(f"{tunnel}: not known at the other end")
    return found


def vrf_problems(net):
    """Each is of links and tunnels that its node has, none of which is in another too; no two have the same table."""
    found = []
    for node in net.nodes.values():
        inside, tables = [interface for vrf in node.vrfs for interface in vrf.interfaces], [vrf.table for vrf in node.vrfs]
        there = [*node.addresses, *(wireguard.name for wireguard in node.wireguards)]
        found += [f"{node.name} has no {interface}" for interface in inside if interface not in there]
        found += [f"{node.name}: {what} stands twice" for what in (*inside, *tables) if (inside + tables).count(what) > 1]
    return found


def configuration_problems(net):
    """Every template exists and renders in every mode, with nothing left to put in."""
    settings = Settings(wgbfd=Path("wgbfd"))
    values = {**settings.template_values(), "logs": "/log", "bfd_peers": "", "table": ""}
    values |= {f"key_{node.name}_{wg.name}".replace("-", "_"): "k" for node in net.nodes.values() for wg in node.wireguards}
    found = []
    for node in net.nodes.values():
        for source, _ in node.binds:
            path = net.directory / source
            for mode, feed in (("none", "frr-bfd"), ("stock", "frr-bfd"), ("wgbfd", "frr-bfd"), ("wgbfd", "link"), ("wgbfd", "both"),
                               ("wgbfd", "bird-nexthop"), ("wgbfd", "bird-include"), ("wgbfd", "routes"), ("wgbfd", "repair"), ("wgbfd", "endpoint")):
                try:
                    text = daemons.render(path.read_text(), values, daemons.tags(mode, feed))
                    found += [f"{source}, {mode}: {line}" for line in text.splitlines() if line.startswith("@") or "$" in line]
                except (OSError, KeyError, ValueError) as error:
                    found.append(f"{source}, {mode}: {error!r}")
    return found


def scenario_problems(net):
    found = [] if net.cut else ["no lab.cut"]
    for cut in filter(None, (net.cut, net.backup)):
        found += [f"lab.cut names {tunnel}, which is no tunnel" for tunnel in (cut.near, cut.far) if tunnel not in net.tunnels(net.nodes[tunnel.node])]
        found += [f"lab.cut names {end}, which {cut.node} has not" for end in (cut.inward, cut.outward) if end not in net.nodes[cut.node].addresses]
    for node in net.nodes.values():
        if node.move and (node.addresses.get(node.move.by) != node.move.old or node.move.caller not in net.nodes):
            found.append(f"lab.move of {node.name} names another address or node than there is")
    found += [f"no node does {what} of the stream" for what in ("send", "receive") if not net.stream_end(what)]
    beside = [bool(net.stream_end(what, beside=True)) for what in ("send", "receive")]
    return found + ["the stream beside has one end"] * (beside[0] != beside[1])


def main():
    check("there are topologies", [] if len(FILES) >= 3 else [f"only {len(FILES)}"])
    for path in FILES:
        document = yaml.safe_load(path.read_text())
        check(f"{path.name} validates against containerlab's schema", schema_problems(document))
        broken = copy.deepcopy(document)
        next(iter(broken["topology"]["nodes"].values()))["wireguard"] = "wg0"
        check(f"{path.name} with a key of our own outside the labels does not validate", [] if schema_problems(broken) else ["it does"])
        net = topology.load(path)
        for what, problems in (("links", link_problems), ("tunnels", tunnel_problems), ("VRFs", vrf_problems), ("configuration templates", configuration_problems),
                               ("places for scenarios", scenario_problems)):
            check(f"{path.name}: its {what} are whole", problems(net))
    for spokes in (2, 5, 20, 100):
        net = topology.load(TREE / "lab/topologies/hub.clab.yml", spokes)
        size = len(net.nodes["hub"].wireguards[0].peers)
        check(f"hub with {spokes} spokes has as many peers, all whole",
              ([] if size == spokes else [f"{size} peers"]) + link_problems(net) + tunnel_problems(net) + scenario_problems(net))
    print(f"{counts['ok']} passed, {counts['FAIL']} failed")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
