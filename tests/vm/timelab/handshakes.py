"""WireGuard's handshakes of a tunnel: forced at one end, blocked in the router, and when the last one was."""

KINDS = (1, 2, 3)  # initiation, response, cookie reply; 4 is data


def force(node, interfaces):
    """Another private key for a moment: WireGuard sends nothing more with the session it has, and shakes hands before the next packet."""
    sets = [f"wg set {one} private-key /run/{key}" for one in interfaces for key in ("other", "key")]
    node.run(["sh", "-ec", "; ".join(["umask 077", "wg genkey >/run/other", *sets])])


def last(node, tunnels):
    """Realtime, in whole seconds, of each."""
    rows = map(str.split, node.run(["wg", "show", "all", "latest-handshakes"]).stdout.splitlines())
    names = {one.interface: one for one in tunnels}
    return {names[row[0]]: int(row[2]) for row in rows if row[0] in names}


class Gate:
    """In the router; the ports are the tunnels'."""

    def __init__(self, router):
        self._router = router
        self._nft("add table inet gate", "add chain inet gate shut { type filter hook forward priority 0; }")

    def shut(self, ports):
        self._nft(*(f"add rule inet gate shut udp sport {port} @th,64,32 {kind << 24:#x} counter drop" for port in ports for kind in KINDS))

    def open(self):
        """How many knocked meanwhile."""
        text = self._router.run(["nft", "list", "chain", "inet", "gate", "shut"]).stdout
        self._nft("flush chain inet gate shut")
        words = text.split()
        return sum(int(words[at + 1]) for at, word in enumerate(words) if word == "packets")

    def _nft(self, *lines):
        self._router.run(["nft", "-f", "-"], text="\n".join(lines) + "\n")
