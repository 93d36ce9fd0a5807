"""Two sites with two tunnels between them and no routing daemon: lab/run's active-passive and active-active."""
from wgbfdlab.network import wait_until


def static_routes(network, count):
    """What an operator without a routing daemon writes: by wg0 alone."""
    for node, lan in (("a", "10.2.0.0/24"), ("b", "10.1.0.0/24")):
        lines = [f"route add {lan} dev wg0"]
        if node == "a":
            lines += [f"route add 10.{100 + n // 65536}.{n // 256 % 256}.{n % 256}/32 dev wg0" for n in range(count - 1)]
        network.nodes[node].run(["ip", "-batch", "-"], text="\n".join(lines) + "\n", timeout=600)


def told(network, node, feed):
    row = next(row for row in network.daemons[node].adjacencies() if row["interface"] == "wg0")
    return row["feeds"].get(feed, {}).get("told")


def at_rest(network, feed):
    """Until wg0 carries at both ends, as before any cut."""
    wanted = "ready" if feed == "repair" else "carries 2 of 3" if network.topology.name == "active-active" else "carries"
    wait_until(lambda: all(told(network, node, feed) == wanted for node in ("a", "b")), 90,
               lambda: f"{[told(network, node, feed) for node in ('a', 'b')]}, not {wanted}", pause=0.5)


def use(topology, feed):
    """The feed of both routers."""
    for node in (topology.nodes["a"], topology.nodes["b"]):
        node.feed = feed
        if feed == "repair":
            node.watch = None  # its routes are given to it once it stands
