"""Which stream leaves the routers by which interface of which VRF. Tenants may have the same addresses: only their ports tell the streams apart."""
import json

from .settings import BESIDE_PORT, STREAM_PORT

STREAMS = {"stream": STREAM_PORT, "beside": BESIDE_PORT}


class Tenants:
    """Counts from when it is made."""

    def __init__(self, network):
        self._nodes = [node for node in network.nodes.values() if node.spec.vrfs]
        for node in self._nodes:
            node.run(["nft", "-f", "-"], text=_table(node.spec.vrfs))

    def seen(self):
        """{node: {VRF: {interface: {stream: packets}}}}"""
        return {node.name: _packets(node) for node in self._nodes}


def _table(vrfs):
    rules = "".join(f'oifname "{interface}" udp dport {port} counter comment "{interface} {stream}"\n'
                    for vrf in vrfs for interface in vrf.interfaces for stream, port in STREAMS.items())
    return f"add table inet labtenants\ndelete table inet labtenants\ntable inet labtenants {{\nchain out {{\n" \
           f"type filter hook postrouting priority 0;\n{rules}}}\n}}\n"


def _packets(node):
    told = json.loads(node.run(["nft", "-j", "list", "table", "inet", "labtenants"]).stdout)["nftables"]
    rules = [one["rule"] for one in told if "rule" in one]
    counted = {rule["comment"]: one["counter"]["packets"] for rule in rules for one in rule["expr"] if "counter" in one}
    return {vrf.name: {interface: {stream: counted[f"{interface} {stream}"] for stream in STREAMS} for interface in vrf.interfaces}
            for vrf in node.spec.vrfs}
