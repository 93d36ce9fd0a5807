"""What makes a WireGuard endpoint another one while it speaks: a new address, a new listening port, a NAT that takes another port."""


def new_address(net, name, last):
    """The node's underlay address becomes 10.0.N.`last`; the old one is gone."""
    node, number = net.nodes[name], net.number(name)
    old = node.run(["ip", "-o", "-4", "address", "show", "dev", "under"]).stdout.split()[3]
    node.run(["sh", "-ec", f"sysctl -qw net.ipv4.conf.under.promote_secondaries=1; ip address add 10.0.{number}.{last}/24 dev under; "
              f"ip address del {old} dev under; ip route replace default via 10.0.{number}.1"])


def new_port(net, tunnel, port):
    net.nodes[tunnel.near].run(["wg", "set", tunnel.interface, "listen-port", port])


class Nat:
    """The router gives a tunnel's near end another source port, and undoes it on the way back; without state, so that a change is one."""

    def __init__(self, router):
        self._router = router
        self._nft("add table inet nat", "add chain inet nat pre { type filter hook prerouting priority -300; }")

    def show(self, ports):
        """Packets from each port seem to come from the one it is given."""
        lines = ["flush chain inet nat pre"]
        for port, shown in ports.items():
            lines += [f'add rule inet nat pre iifname != "far" udp sport {port} udp sport set {shown}',
                      f'add rule inet nat pre iifname "far" udp dport {shown} udp dport set {port}']
        self._nft(*lines)

    def _nft(self, *lines):
        self._router.run(["nft", "-f", "-"], text="\n".join(lines) + "\n")


def endpoints(net, tunnels):
    """The near ends' endpoints as the far end knows them; one process for all, since the guest is slow at starting any."""
    rows = map(str.split, net.nodes["far"].run(["wg", "show", "all", "endpoints"]).stdout.splitlines())
    names = {one.interface: one for one in tunnels}
    return {names[row[0]]: row[2] for row in rows if row[0] in names}
