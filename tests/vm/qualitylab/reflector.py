#!/usr/bin/python3
"""reflector.py stateful|stateless [ADDRESS]: a STAMP Session-Reflector (RFC 8762 §4.3, unauthenticated), or what TWAMP Light calls one
(stateless, stamps of PTP's format): written from the RFC alone, to measure against. It knows nothing of wgbfd."""
import socket
import struct
import sys
import time

NTP_EPOCH = 2208988800
SO_TIMESTAMPNS, IP_RECVTTL = 35, 12  # Linux; Python 3.11 has no names for them


def ntp(ns):
    seconds, rest = divmod(ns, 10**9)
    return struct.pack("!II", (seconds + NTP_EPOCH) & 0xffffffff, (rest << 32) // 10**9)


def ptp(ns):
    return struct.pack("!II", *divmod(ns, 10**9))


def main():
    stateful = sys.argv[1] == "stateful"
    stamp, error = (ntp, 0x8001) if stateful else (ptp, 0xC001)  # S, and Z for PTP
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    sock.bind((sys.argv[2] if len(sys.argv) > 2 else "0.0.0.0", 862))
    print("ready", flush=True)
    numbers = {}
    while True:
        data, control, _, sender = sock.recvmsg(2048, 256)
        received, ttl = time.time_ns(), 0
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, rest = struct.unpack("qq", value)
                received = seconds * 10**9 + rest
            if (level, kind) == (socket.IPPROTO_IP, socket.IP_TTL):
                ttl, = struct.unpack("i", value)
        if len(data) < 44:
            continue
        sequence, ssid = data[:4], data[14:16] if stateful else b"\0\0"  # TWAMP Light knows no session identifiers
        number = sequence
        if stateful:
            count = numbers[sender, ssid] = numbers.get((sender, ssid), -1) + 1
            number = struct.pack("!I", count)
        reply = number + stamp(time.time_ns()) + struct.pack("!H", error) + ssid + stamp(received) + data[:14] + b"\0\0" + bytes([ttl]) + b"\0\0\0"
        assert len(reply) == 44
        sock.sendto(reply + data[44:], sender)


if __name__ == "__main__":
    main()
