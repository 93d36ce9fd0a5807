"""Two namespaces, A and B, an underlay between them that can be cut, and tunnels."""
from .keys import Key
from .space import Space

UNDERLAY = {"A": "192.168.9.1", "B": "192.168.9.2"}
OTHER = {"A": "B", "B": "A"}


class Pair:
    def __init__(self):
        self.spaces = {name: Space(name) for name in UNDERLAY}
        self.keys = {}
        self.a, self.b = self.spaces["A"], self.spaces["B"]
        self.a.ip("link add under type veth peer name under netns B")
        for name, space in self.spaces.items():
            space.ip(f"address add {UNDERLAY[name]}/24 dev under", "link set under up")

    def tunnel(self, name, port, addresses):
        """`addresses`: {"A": [CIDR, …], "B": …}; one peer at each end, by its host addresses."""
        self.keys[name] = {end: Key() for end in self.spaces}
        for end in self.spaces:
            self.interface(end, name, port, addresses)

    def interface(self, end, name, port, addresses):
        space, there = self.spaces[end], OTHER[end]
        space.ip(f"link add {name} type wireguard")
        allowed = ",".join(host(one) for one in addresses[there])
        space.run(f"wg setconf {name} /dev/stdin", text=f"[Interface]\nPrivateKey = {self.keys[name][end].private}\nListenPort = {port}\n"
                  f"[Peer]\nPublicKey = {self.keys[name][there].public}\nAllowedIPs = {allowed}\nEndpoint = {UNDERLAY[there]}:{port}\n")
        space.ip(*(f"address add {one} dev {name}" + (" nodad" if ":" in one else "") for one in addresses[end]), f"link set {name} up")

    def cut(self):
        for space in self.spaces.values():
            space.run("tc qdisc add dev under root netem loss 100%")

    def mend(self):
        for space in self.spaces.values():
            space.run("tc qdisc del dev under root")


def host(cidr):
    address = cidr.split("/")[0]
    return address + ("/128" if ":" in address else "/32")
