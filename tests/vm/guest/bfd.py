"""BFD packets of one's own making (RFC 5880 §4.1), and a capture of an interface."""
import socket
import struct

STATES = {"AdminDown": 0, "Down": 1, "Init": 2, "Up": 3}
PORT, MULTIHOP_PORT = 3784, 4784
PORTS = {port.to_bytes(2, "big") for port in (PORT, MULTIHOP_PORT)}
SO_TIMESTAMPNS, SO_RCVBUFFORCE, ETH_P_ALL, OUTGOING = 35, 33, 0x0003, 4


def packet(state, mine, yours, diagnostic=0, flags=0, multiplier=3, tx=300_000, rx=300_000):
    return struct.pack("!BBBBIIIII", 1 << 5 | diagnostic, STATES[state] << 6 | flags, multiplier, 24, mine, yours, tx, rx, 0)


def sender(address, port=0):
    """A UDP socket that BFD packets leave from, with TTL 255."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
    line.bind((address, port))
    return line


class Capture:
    """Packets of one interface wait in the kernel until they are taken."""

    def __init__(self, space, interface, size=16 << 20):
        with space:
            self._line = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            self._line.bind((interface, ETH_P_ALL))
        self._line.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
        self._line.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._line.setblocking(False)

    def take(self):
        """[(when, ours, source, bfd bytes)] of BFD over IPv4, one hop or several, since the last time."""
        found = []
        while True:
            try:
                data, ancillary, _, address = self._line.recvmsg(4096, 128)
            except BlockingIOError:
                return found
            begin = (data[0] & 15) * 4
            if data[0] >> 4 == 4 and data[9] == socket.IPPROTO_UDP and data[begin + 2:begin + 4] in PORTS:
                whole, part = struct.unpack("qq", ancillary[0][2][:16])
                found.append((whole + part / 1e9, address[2] == OUTGOING, socket.inet_ntoa(data[12:16]), data[begin + 8:]))

    def lost(self):
        """Packets there was no room for since the last time."""
        return struct.unpack("II", self._line.getsockopt(263, 6, 8))[1]

    def close(self):
        self._line.close()
