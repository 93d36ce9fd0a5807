"""Scenarios of ends that move while WireGuard goes on: a NAT between them forgets a mapping, a peer has another address and its name follows.

They want a topology that has such a place: `endpoints`.
"""
import re
import struct
import time

from .act import RETURN_LIMIT
from .network import wait_until
from .topology import LabError

REBINDS = 3
APART = 1.0          # s that each stands
NAME_IS_LATE = 2.0   # s that a name still says where the peer was, once both ends have fallen
# The NAT's table is emptied by one message: IPCTNL_MSG_CT_DELETE (linux/netfilter/nfnetlink_conntrack.h) that names no entry.
NLMSG_ERROR, REQUEST_AND_ACK, NETLINK_NETFILTER = 2, 5, 12
FORGET = struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, REQUEST_AND_ACK, 1, 0, 0, 0, 0)
FORGETS = f"""
import socket, struct
line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, {NETLINK_NETFILTER})
line.send({FORGET!r})
_, kind, _, _, _, error = struct.unpack_from("=IHHIIi", line.recv(4096))
assert kind == {NLMSG_ERROR} and error == 0, error
"""


def nat_rebind(act):
    """The NAT in the first underlay forgets its mappings, three times: the source port changes, WireGuard follows, and nothing falls."""
    router = act.network.nodes[act.cut.node]
    if "masquerade" not in router.run(["nft", "list", "ruleset"]).stdout:
        raise LabError(f"nat-rebind: {act.cut.node} of {act.network.topology.name} is no NAT; take the topology endpoints")
    wait_until(lambda: _endpoint(act, act.near) != "(none)", 60, lambda: f"{act.far.node} to call")
    ports = [_endpoint(act, act.near)]
    for number in range(1, REBINDS + 1):
        begun = time.time()
        router.run(["/usr/bin/python3", "-c", FORGETS])
        act.mark_cut(begun)
        wait_until(lambda: _endpoint(act, act.near) != ports[-1], 60, lambda: f"another source port than {ports[-1]}")
        ports.append(_endpoint(act, act.near))
        act.rest(APART)
        act.watch_gap(f"longest gap around rebind {number}", begun - 0.05, begun + APART)
    act.mark_restore(time.time())
    act.notes[f"{act.far.node} as {act.near.node} sees it"] = " -> ".join(ports)
    act.wait_returned()


def dns_change(act):
    """A peer moves: none of its old addresses is there any more, and its name follows 2 s after all have noticed."""
    node = next((node for node in act.network.nodes.values() if node.spec.move), None)
    if not node:
        raise LabError(f"dns-change: no node of {act.network.topology.name} moves; take the topology endpoints")
    move = node.spec.move
    caller = next(end for end in (act.near, act.far) if end.node == move.caller)
    act.afterwards.append(lambda: _move_back(act, node, caller))
    act.mark_cut(*_move(node, move.by, move.old, move.new, others="drop"))
    act.wait_moved()
    act.rest(NAME_IS_LATE)
    act.mark_restore(time.time())
    _name(act, move, move.old, move.new)
    act.wait_returned()
    act.rest(APART)
    act.notes["endpoint after the move"] = _endpoint(act, caller)


def _move_back(act, node, caller):
    """Its name first, as whoever plans a move does, so that its place is known when it comes."""
    move, daemons = node.spec.move, act.daemons(caller)
    old = move.old.split("/")[0]
    _name(act, move, move.new, move.old)
    if daemons.has_wgbfd:
        wait_until(lambda: _looked_up(daemons, move.name) == old, RETURN_LIMIT, lambda: f"{move.name} to be looked up")
    _move(node, move.by, move.new, move.old, others="accept")
    wait_until(lambda: _endpoint(act, caller).startswith(old), RETURN_LIMIT, lambda: f"{old} to be sent to, not {_endpoint(act, caller)}")
    wait_until(lambda: not any(one.not_ready() for one in act.network.daemons.values()), RETURN_LIMIT, lambda: f"{caller.node} to be up again")


def _looked_up(daemons, name):
    """The address that wgbfd found last."""
    log = (daemons.node.logs / "wgbfd.log").read_text(errors="replace")
    return (re.findall(rf"endpoint name={re.escape(name)} address=(\S+)", log) or [""])[-1]


def _move(node, interface, old, new, others):
    """When it began and ended; what comes in by other underlays meets its fate `others`."""
    rules = ("add table inet labmove\nadd chain inet labmove in { type filter hook input priority 0; }\nflush chain inet labmove in\n"
             f'add rule inet labmove in iifname != {{ lo, {interface} }} iifname != "wg*" {others}\n')
    at = time.time()
    node.run(["sh", "-ec", 'nft -f -; ip address add "$1" dev "$0"; ip address del "$2" dev "$0"', interface, new, old], text=rules)
    return at, time.time()


def _name(act, move, old, new):
    hosts = act.network.nodes[move.caller].directory / "etc/hosts"
    hosts.write_text(hosts.read_text().replace(*(f"{address.split('/')[0]} {move.name}" for address in (old, new))))


def _endpoint(act, end):
    """Where WireGuard sends to from there."""
    return act.network.nodes[end.node].run(["wg", "show", end.interface, "endpoints"]).stdout.split()[-1]


MOVES = {"nat-rebind": nat_rebind, "dns-change": dns_change}
