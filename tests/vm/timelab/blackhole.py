"""Silent cuts in a router: a rule of its routing policy that swallows a UDP port, both ways, without an ICMP error.

One netlink message cuts, so no process is started at the moment that matters.
"""
import errno
import socket
import struct

from interoplab.wire import inside

RTM_NEWRULE, RTM_DELRULE = 32, 33
REQUEST, ACK, EXCLUSIVE, CREATE = 1, 4, 0x200, 0x400
FR_ACT_BLACKHOLE = 6
PRIORITY, IP_PROTO, SOURCE_PORTS = 6, 22, 23


class Blackhole:
    """In the node `router`. The tunnels' ends use one and the same port, so its number as source port is both directions."""

    def __init__(self, router):
        with inside(router):
            self._line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)

    def cut(self, port):
        self._ask(RTM_NEWRULE, EXCLUSIVE | CREATE, port)

    def restore(self, port):
        self._ask(RTM_DELRULE, 0, port)

    def close(self):
        self._line.close()

    def _ask(self, kind, flags, port):
        rule = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, 0, 0, FR_ACT_BLACKHOLE, 0)
        rule += _attribute(PRIORITY, struct.pack("=I", 100)) + _attribute(IP_PROTO, bytes([socket.IPPROTO_UDP]))
        rule += _attribute(SOURCE_PORTS, struct.pack("=HH", port, port))
        self._line.send(struct.pack("=IHHII", 16 + len(rule), kind, REQUEST | ACK | flags, 1, 0) + rule)
        answer = self._line.recv(4096)
        failed = -struct.unpack_from("=i", answer, 16)[0]
        if failed:
            raise OSError(failed, f"rule for port {port}: {errno.errorcode.get(failed)}")


def _attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
