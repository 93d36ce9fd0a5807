"""Interfaces as the kernel tells them, and operstate set by hand (RTM_SETLINK)."""
import json
import socket
import struct
import time

from .space import shell

OPERSTATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")
RTM_GETLINK, RTM_SETLINK, IFLA_IFNAME, IFLA_OPERSTATE, REQUEST, REQUEST_ACK, NLMSG_ERROR = 18, 19, 3, 16, 1, 5, 2


def link(space, name):
    """ip's own words of an interface, or None."""
    with space:
        text = shell(f"ip -j link show dev {name}", check=False)
    try:
        return json.loads(text)[0]
    except (ValueError, IndexError):
        return None


def operstate(space, name):
    """Without a process: asked hundreds of times."""
    word = name.encode() + b"\0"
    body = bytes(16) + struct.pack("=HH", 4 + len(word), IFLA_IFNAME) + word + bytes(-len(word) % 4)
    kind, answer = _talk(space, RTM_GETLINK, REQUEST, body)
    at = 32
    while kind != NLMSG_ERROR and at + 4 <= len(answer):
        length, attribute = struct.unpack_from("=HH", answer, at)
        if attribute == IFLA_OPERSTATE:
            return OPERSTATES[answer[at + 4]]
        at += length + 3 & ~3
    return None


def _talk(space, kind, flags, body):
    """(type, whole message) of the answer."""
    with space, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as line:
        line.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        answer = line.recv(65536)
    return struct.unpack_from("=H", answer, 4)[0], answer


def set_operstate(space, name, state):
    index = link(space, name)["ifindex"]
    body = struct.pack("=BxHiII", 0, 0, index, 0, 0) + struct.pack("=HHB3x", 5, IFLA_OPERSTATE, OPERSTATES.index(state))
    error = struct.unpack_from("=i", _talk(space, RTM_SETLINK, REQUEST_ACK, body)[1], 16)[0]
    if error:
        raise OSError(-error, "RTM_SETLINK")


class Watch:
    """`ip monitor link` of a namespace, into a file."""

    def __init__(self, space, name):
        self._path = f"/run/watch-{space.name}-{name}-{time.monotonic_ns()}"
        self._process = space.spawn(["ip", "-o", "monitor", "link", "dev", name], self._path)
        time.sleep(0.2)  # it listens

    def states(self):
        """Every operstate that was announced."""
        with open(self._path, encoding="ascii", errors="replace") as lines:
            return [words[words.index("state") + 1] for words in map(str.split, lines) if "state" in words]

    def stop(self):
        self._process.kill()
        self._process.wait()
