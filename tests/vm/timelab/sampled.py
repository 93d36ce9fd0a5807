"""Where the kernel's routes to very many prefixes lead, and since when: every 64th of them. A filter in the kernel drops what it tells of the
others, so that looking costs the processor next to nothing while the routing daemons want it."""
import ctypes
import os
import socket
import struct
import threading
import time

from interoplab.wire import SO_RCVBUFFORCE, inside

STEP = 64
SO_ATTACH_FILTER, RTMGRP_IPV4_ROUTE, RTM_NEWROUTE = 26, 0x40, 24
RTA_OIF, HEADERS = 4, 28
# Byte 43 of a message is the last of its destination: netlink's header of 16, rtmsg of 12, the table in 8, 4 of the attribute itself.
FILTER = ((0x30, 0, 0, 43), (0x54, 0, 0, STEP - 1), (0x15, 0, 1, 0), (0x06, 0, 0, 0xffffffff), (0x06, 0, 0, 0))


def prefix(number):
    """An address of its own for each number."""
    return f"10.{100 + number // 65536}.{number // 256 % 256}.{number % 256}"


class SampledRoutes:
    """Of one node, for `count` prefixes; its thread goes before everything else, for it stamps a message when it reads it."""

    def __init__(self, node, count):
        with inside(node):
            self._line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._line.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        code = b"".join(struct.pack("HBBI", *one) for one in FILTER)
        self._code = ctypes.create_string_buffer(code)
        self._line.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(FILTER), ctypes.addressof(self._code)))
        self._line.bind((0, RTMGRP_IPV4_ROUTE))
        self._wanted = {socket.inet_aton(prefix(number)) for number in range(0, count, STEP)}
        self._told = []
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def sampled(self):
        return len(self._wanted)

    def _read(self):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(40))
        while True:
            data = self._line.recv(4096)
            self._told.append((time.time(), data))

    def moved(self, since, index):
        """{address: the moment its route first led out by the interface of that index}, since then."""
        found = {}
        for at, data in self._told:
            if at >= since and struct.unpack_from("=H", data, 4)[0] == RTM_NEWROUTE:
                address = data[40:44]
                if address in self._wanted and address not in found and _leads(data) == index:
                    found[address] = at
        return found


def _leads(data):
    at = HEADERS
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if kind == RTA_OIF:
            return struct.unpack_from("=I", data, at + 4)[0]
        at += max(4, length + 3 & ~3)
    return None
