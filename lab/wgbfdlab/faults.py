"""Scenarios of what people do to a tunnel: an endpoint or allowed-ips that are wrong, a peer shut down, an interface deleted.

Each is mended once both ends have said what they see.
"""
import os
import time

from . import wireguard
from .act import RETURN_LIMIT
from .network import wait_until

GONE = 3.0  # s that it stays wrong once all have seen it
ELSEWHERE = "198.18.0.0/15"  # RFC 2544: nobody's tunnel
FALLEN = ("down", "unknown")


def _mended(act, ends, mend):
    """Once `ends` have fallen, `mend` is called; then all that fell comes back."""
    act.wait_moved(ends)
    act.rest(GONE)
    for end in (act.near, act.far):
        act.notes[f"verdicts at {end.node}"] = act.verdicts(end)
    act.mark_restore(time.time())
    mend()
    act.wait_returned()


def no_endpoint(act):
    """Both ends forget each other's endpoint: WireGuard has nowhere to send to. The near end is told again."""
    act.mark_cut(time.time())
    for end in (act.near, act.far):
        wireguard.forget_endpoint(*_peer(act, end))
    for end in (act.near, act.far):
        act.wait_verdict(end, FALLEN, "no-endpoint")
    _mended(act, None, lambda: wireguard.set_peer(*_peer(act, act.near), "endpoint"))


def wrong_allowed_ips(act):
    """The near end's allowed-ips do not hold the peer's tunnel address any more: nothing goes in, and what comes out is refused."""
    act.mark_cut(time.time())
    wireguard.set_peer(*_peer(act, act.near), "allowed-ips", ELSEWHERE)
    act.wait_verdict(act.near, FALLEN)
    _mended(act, [act.far], lambda: wireguard.set_peer(*_peer(act, act.near), "allowed-ips"))


def peer_admin_down(act):
    """BFD at the far end is ended in good order (SIGTERM), which says AdminDown to its peers; started again after 3 s."""
    daemons = act.daemons(act.far)
    act.mark_cut(time.time())
    name = next((one for one in ("wgbfd", "bfdd") if one in daemons.names), None)
    if not name:
        act.notes["ended"] = "nothing: there is no BFD daemon at the far end"
        return
    pid = daemons.guardian()[0] if name == "wgbfd" else daemons.frr_pid(name)
    os.kill(pid, 15)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 30, lambda: f"{name} to end after SIGTERM")
    if name == "wgbfd":
        act.wait_verdict(act.near, ("admin-down",), "admin")
    act.rest(GONE)
    act.notes[f"verdicts at {act.near.node}"] = act.verdicts(act.near)
    act.mark_restore(time.time())
    daemons.start(name)
    wait_until(lambda: not daemons.not_ready(), RETURN_LIMIT, daemons.not_ready, pause=0.2)
    act.wait_returned()


def interface_deleted(act):
    """The near end's WireGuard interface is deleted, and made anew 3 s after the far end must have noticed."""
    settings = act.network.settings
    gone, back = act.network.remake_wireguard(act.near, pause=GONE + settings.multiplier * settings.interval_us / 1e6)
    act.mark_cut(gone)
    act.mark_restore(back)
    act.wait_verdict(act.near, FALLEN, "interface-gone")
    act.wait_moved([act.far])
    act.wait_returned()
    for end in (act.near, act.far):
        act.notes[f"verdicts at {end.node}"] = act.verdicts(end)


def _peer(act, end):
    """node, interface, keys and peer, as wireguard.py takes them."""
    node = act.network.nodes[end.node]
    interface = next(one for one in node.spec.wireguards if one.name == end.interface)
    return node, interface, act.network.keys, next(peer for peer in interface.peers if peer.node == end.peer)


FAULTS = {"no-endpoint": no_endpoint, "wrong-allowed-ips": wrong_allowed_ips, "peer-admin-down": peer_admin_down,
          "interface-deleted": interface_deleted}
