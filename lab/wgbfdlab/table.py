#!/usr/bin/python3
"""A full table of routes that a node learns: generated at one end, and each move of each route at the other, as the kernel told it.

As a program `follow FILE` writes the kernel's messages about IPv4 routes with the time of each: `ip monitor` loses them when a
hundred thousand routes move, for want of a buffer.
"""
import ipaddress
import os
import socket
import struct
import sys
import time

RTMGRP_IPV4_ROUTE, RTM_NEWROUTE, RTM_DELROUTE = 0x40, 24, 25  # linux/rtnetlink.h
RTA_DST, RTA_OIF = 1, 4
SO_RCVBUFFORCE = 33
BUFFER = 256 << 20
HEAD = struct.Struct("=QI")          # when it came, realtime ns; length of what follows
MESSAGE = struct.Struct("=IHHII")    # struct nlmsghdr
ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg


def follow(path):
    line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    line.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    line.bind((0, RTMGRP_IPV4_ROUTE))
    with open(path, "ab", buffering=0) as sink:
        while True:
            data = line.recv(1 << 20)
            sink.write(HEAD.pack(time.time_ns(), len(data)) + data)


def prefixes(spec):
    """The routes of a topology's table (lab.table), in order."""
    first, size = int(spec.prefix.network_address), 1 << (32 - spec.length)
    return (f"{ipaddress.IPv4Address(first + n * size)}/{spec.length}" for n in range(spec.number))


def as_bird(spec):
    """Lines of a static protocol of BIRD's."""
    return "\n".join(f"    route {prefix} blackhole;" for prefix in prefixes(spec)) if spec else ""


class Table:
    """Where each route of the table leads at one node, and when it came to lead there."""

    def __init__(self, node, spec):
        self.spec = spec
        self._node, self._path = node, node.logs / "table.bin"
        self._read_to, self._rest = 0, b""
        self._first, self._last = int(spec.prefix.network_address), int(spec.prefix.broadcast_address)
        self._leads = {}   # destination: interface number
        self._moves = []   # (at, destination, interface number or None)
        node.spawn([sys.executable or "/usr/bin/python3", os.path.abspath(__file__), "follow", self._path], "table.out")

    def elsewhere(self, interface):
        """How many routes do not lead by that interface, of those there should be."""
        self._read()
        number = self._number(interface)
        return self.spec.number - sum(1 for leads in self._leads.values() if leads == number)

    def by(self, interface):
        return self.spec.number - self.elsewhere(interface)

    def moves(self, to, since, until=float("inf")):
        """When the first and the last route came to lead by that interface, in [since, until), and how many did; None: none."""
        self._read()
        number = self._number(to)
        found = {}
        for at, destination, leads in self._moves:
            if since <= at < until and leads == number:
                found.setdefault(destination, at)
        return (min(found.values()), max(found.values()), len(found)) if found else None

    def _number(self, interface):
        """Of the interface as it is now: one that is made anew has another."""
        try:
            with open(f"/proc/{self._node.pid}/net/dev_snmp6/{interface}", encoding="ascii") as counters:
                return int(counters.readline().split()[1])
        except OSError:
            return None

    def _read(self):
        if not self._path.exists():
            return
        with open(self._path, "rb") as source:
            source.seek(self._read_to)
            data = source.read()
        self._read_to += len(data)
        data, at = self._rest + data, 0
        while at + HEAD.size <= len(data):
            when, length = HEAD.unpack_from(data, at)
            if at + HEAD.size + length > len(data):
                break
            at += HEAD.size
            self._take(when / 1e9, data, at, at + length)
            at += length
        self._rest = data[at:]

    def _take(self, when, data, at, end):
        while at + MESSAGE.size <= end:
            length, kind, _, _, _ = MESSAGE.unpack_from(data, at)
            if kind in (RTM_NEWROUTE, RTM_DELROUTE):
                destination, leads = _of_message(data, at + MESSAGE.size, at + length)
                if destination and self._first <= destination[0] <= self._last and destination[1] == self.spec.length:
                    self._move(when, destination[0], leads, kind == RTM_NEWROUTE)
            at += (length + 3) & ~3

    def _move(self, when, destination, leads, is_new):
        if is_new:
            if self._leads.get(destination) != leads:
                self._moves.append((when, destination, leads))
            self._leads[destination] = leads
        elif self._leads.get(destination) == leads:  # an older one goes when the new one stands
            del self._leads[destination]
            self._moves.append((when, destination, None))


def _of_message(data, at, end):
    """((destination, length), interface number) of a route."""
    _, length, *_ = ROUTE.unpack_from(data, at)
    at += ROUTE.size
    destination = leads = None
    while at + 4 <= end:
        size, kind = struct.unpack_from("=HH", data, at)
        if kind == RTA_DST:
            destination = struct.unpack_from("!I", data, at + 4)[0], length
        elif kind == RTA_OIF:
            leads = struct.unpack_from("=I", data, at + 4)[0]
        at += max(4, (size + 3) & ~3)
    return destination, leads


if __name__ == "__main__":
    follow(sys.argv[2])
