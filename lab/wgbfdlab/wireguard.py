"""WireGuard interfaces of the nodes: in-kernel where the kernel has it, else wireguard-go. Keys are made for each run."""
import shlex
import socket
import subprocess
import time

from .topology import LabError


class Keys:
    """A key pair for each (node, interface)."""

    def __init__(self, topology):
        self._pairs = {(node.name, wg.name): _pair() for node in topology.nodes.values() for wg in node.wireguards}

    def private(self, node, interface):
        return self._pairs[node, interface][0]

    def public(self, node, interface):
        return self._pairs[node, interface][1]

    def owner(self, public):
        return next((node for (node, _), pair in self._pairs.items() if pair[1] == public), None)

    def template_values(self):
        return {f"key_{node}_{interface}".replace("-", "_"): pair[1] for (node, interface), pair in self._pairs.items()}


def _pair():
    private = subprocess.run(["wg", "genkey"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    public = subprocess.run(["wg", "pubkey"], input=private, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return private, public


def create(node, wireguard, keys, kernel):
    """Makes the interface with its keys and peers, and brings it up."""
    if not kernel:
        log = f"wireguard-go-{wireguard.name}.log"
        _wait_for_socket(node, wireguard.name, node.spawn(["wireguard-go", "--foreground", wireguard.name], log, {"LOG_LEVEL": "error"}), log)
    # multicast: OSPF's hellos; the kernel's own interfaces lack the flag.
    commands = [["ip", "link", "add", wireguard.name, "type", "wireguard"]] if kernel else []
    commands += [["wg", "setconf", wireguard.name, "/dev/stdin"],
                 ["ip", "address", "add", wireguard.address, "dev", wireguard.name],
                 *[["ip", "link", "set", wireguard.name, "master", wireguard.vrf]] * bool(wireguard.vrf),
                 ["ip", "link", "set", wireguard.name, "mtu", "1420", "multicast", "on", "up"]]
    node.run(["sh", "-ec", "\n".join(map(shlex.join, commands))], text=_configuration(node, wireguard, keys))


def remove_peer(node, wireguard, keys, peer):
    node.run(["wg", "set", wireguard.name, "peer", keys.public(peer.node, wireguard.name), "remove"])


def add_peer(node, wireguard, keys, peer):
    where = ["endpoint", peer.endpoint] if peer.endpoint else []
    node.run(["wg", "set", wireguard.name, "peer", keys.public(peer.node, wireguard.name), "allowed-ips", peer.allowed, *where])


def forget_endpoint(node, wireguard, keys, peer):
    """In one step: only a peer that is made anew has none."""
    key = keys.public(peer.node, wireguard.name)
    keepalive = ["persistent-keepalive", peer.keepalive] if peer.keepalive else []
    node.run(["wg", "set", wireguard.name, "peer", key, "remove", "peer", key, "allowed-ips", peer.allowed, *keepalive])


def set_peer(node, wireguard, keys, peer, what, value=None):
    """Its `endpoint` or `allowed-ips`: the topology's own, or another."""
    usual = {"endpoint": peer.endpoint, "allowed-ips": peer.allowed}
    node.run(["wg", "set", wireguard.name, "peer", keys.public(peer.node, wireguard.name), what, value or usual[what]])


def force_handshake(node, interface, keys):
    """Another private key for a moment: WireGuard then sends nothing more with the sessions it has, and shakes hands anew."""
    commands = [f"wg set {interface} private-key /dev/stdin <<'KEY'\n{key}\nKEY" for key in (_pair()[0], keys.private(node.name, interface))]
    node.run(["sh", "-ec", "\n".join(commands)])


def delete(node, wireguard):
    """The interface goes, and with it keys and sessions; wireguard-go ends by itself."""
    node.run(["ip", "link", "del", wireguard.name])


def _configuration(node, wireguard, keys):
    lines = ["[Interface]", f"PrivateKey = {keys.private(node.name, wireguard.name)}", f"ListenPort = {wireguard.listen}"]
    for peer in wireguard.peers:
        lines += ["[Peer]", f"PublicKey = {keys.public(peer.node, wireguard.name)}",
                  f"AllowedIPs = {peer.allowed}", *[f"Endpoint = {peer.endpoint}"] * bool(peer.endpoint),
                  *[f"PersistentKeepalive = {peer.keepalive}"] * bool(peer.keepalive)]
    return "\n".join(lines) + "\n"


def _wait_for_socket(node, interface, process, log, limit=20):
    """Until the socket listens. Not by `wg show`: one that comes between bind and listen takes the socket for a dead one's,
    removes it, and wireguard-go gives up."""
    path = node.path(f"/run/wireguard/{interface}.sock")
    end = time.monotonic() + limit
    while process.poll() is None and time.monotonic() < end:
        with socket.socket(socket.AF_UNIX) as trial:
            if trial.connect_ex(path) == 0:
                return
        time.sleep(0.02)
    said = (node.logs / log).read_text(errors="replace").strip().splitlines()
    how = f"within {limit} s" if process.poll() is None else f"and ended with status {process.returncode}"
    raise LabError(f"node {node.name}: wireguard-go made no {interface} {how}: {said[-1] if said else 'it said nothing'}")
