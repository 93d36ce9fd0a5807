"""A TUN device, and the routing rules that lead one direction of a router's UDP packets through it and back.

A rule `iif FROM to PREFIX ipproto udp` leads the packets of one direction into the device, whose other end is a program; what
that writes comes in by the device, so the rule does not hold again and the router sends it on as always.
"""
import fcntl
import json
import os
import struct
import subprocess
from pathlib import Path

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
PRIORITY = 900  # before main


class TunError(Exception):
    """In one line, with what to do."""


class Tun:
    def __init__(self, source, target, table):
        """UDP packets that come in by `source` and go out by `target`. `table`: a routing table nobody else uses."""
        self.name = f"impair{table}"
        self._rules = []
        prefixes = _prefixes(target)
        self.fd = _open(self.name)
        _turn_off_filter(self.name)
        _sweep(table)
        _ip(4, "link", "set", self.name, "mtu", "65535", "txqueuelen", "10000", "up")
        try:
            for family, found in prefixes.items():
                if found:
                    _ip(family, "route", "add", "default", "dev", self.name, "table", str(table))
                for prefix in found:
                    rule = ["pref", str(PRIORITY), "iif", source, "to", prefix, "ipproto", "udp", "lookup", str(table)]
                    _ip(family, "rule", "add", *rule)
                    self._rules.append((family, rule))
        except TunError:
            self.close()
            raise

    def missed(self):
        """Packets that the kernel dropped since the relay did not read them in time: nobody else knows of them."""
        return int(Path(f"/sys/class/net/{self.name}/statistics/tx_dropped").read_text(encoding="ascii"))

    def close(self):
        for family, rule in self._rules:
            _ip(family, "rule", "del", *rule)
        self._rules = []
        os.close(self.fd)  # the device goes with it, and its routes with the device


def _prefixes(interface):
    """What the router reaches by `interface`, for each family; link-local addresses are no underlay's."""
    found = {4: [], 6: []}
    for family, prefixes in found.items():
        for route in json.loads(_ip(family, "-j", "route", "show", "dev", interface) or "[]"):
            if not route["dst"].startswith(("fe80:", "ff")):
                prefixes.append({"default": "0.0.0.0/0" if family == 4 else "::/0"}.get(route["dst"], route["dst"]))
    if not found[4] and not found[6]:
        raise TunError(f"interface {interface}: no route leads out by it; give it an address and bring it up first")
    return found


def _open(name):
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError as error:
        raise TunError(f"no TUN device {name}: {error.strerror} (root? modprobe tun? another relay between these interfaces?)") from error
    return fd


def _turn_off_filter(name):
    """What comes back by the device has a source that the router reaches elsewhere."""
    for key, value in (("rp_filter", "0"), ("forwarding", "1")):
        Path(f"/proc/sys/net/ipv4/conf/{name}/{key}").write_text(value, encoding="ascii")


def _sweep(table):
    """Rules of a relay that was killed; its device, and with it what they led to, went at once."""
    for family in (4, 6):
        while json.loads(_ip(family, "-j", "rule", "show", "table", str(table)) or "[]"):
            _ip(family, "rule", "del", "table", str(table))


def _ip(family, *words):
    done = subprocess.run(["ip", f"-{family}", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0 and "show" not in words:
        raise TunError(f"ip -{family} {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
