#!/usr/bin/python3
"""A name server for one name: `dns_server.py FILE TTL` answers each question for an A record with the address that stands in FILE now,
which lives for TTL seconds, and any other without an answer. On 127.0.0.1:53; a line of standard output for each question."""
import socket
import struct
import sys
from pathlib import Path

A, IN = 1, 1
ANSWER, AUTHORITATIVE = 0x8000, 0x0400


def question(query):
    """The name, the type, and the question as it came."""
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], query[12:at + 5]


def reply(query, address, ttl):
    name, kind, asked = question(query)
    number, flags = struct.unpack_from("!HH", query)
    record = struct.pack("!HHHIH", 0xC00C, A, IN, ttl, 4) + socket.inet_aton(address) if kind == A else b""
    print(name, kind, flush=True)
    return struct.pack("!HHHHHH", number, flags | ANSWER | AUTHORITATIVE, 1, int(kind == A), 0, 0) + asked + record


def main(file, ttl):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 53))
        print("ready", flush=True)
        while True:
            query, sender = door.recvfrom(4096)
            door.sendto(reply(query, Path(file).read_text(encoding="ascii").strip(), int(ttl)), sender)


if __name__ == "__main__":
    main(*sys.argv[1:])
