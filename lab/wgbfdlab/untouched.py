"""What of a node must be, byte for byte, as it was before wgbfd, when wgbfd is gone: routes, rules, qdiscs and filters, links, WireGuard.

operstate is told as UP where it is UNKNOWN: nobody can put it back there.
"""
from .wait import wait_until

LISTS = """
for family in -4 -6; do echo "# ip $family"; ip $family route show table all; ip $family rule; done
echo "# links"; ip -o link | sed 's/ state UNKNOWN / state UP /'
for link in $(ls /sys/class/net 2>/dev/null; ip -o link | sed 's/^[0-9]*: //; s/[@:].*//'); do echo $link; done | sort -u | while read -r link; do
  ip link show dev "$link" >/dev/null 2>&1 || continue
  echo "# $link"; tc qdisc show dev "$link"; for way in ingress egress; do tc filter show dev "$link" $way 2>/dev/null || true; done
done
for link in $(wg show interfaces 2>/dev/null | tr ' ' '\\n' | sort); do echo "# $link"; wg showconf "$link"; done
"""


def snapshot(node):
    """All of it, as text."""
    return node.run(["sh", "-ec", LISTS]).stdout


def settled_snapshot(node):
    """Once no IPv6 address is tentative any more: routes come with it."""
    wait_until(lambda: not node.run(["ip", "-o", "-6", "address", "show", "tentative"]).stdout, 20, lambda: f"IPv6 addresses of {node.name}")
    return snapshot(node)


def difference(before, after):
    """In one line; empty where nothing differs."""
    if before == after:
        return ""
    one, two = before.splitlines(), after.splitlines()
    return "; ".join([f"gone: {line}" for line in one if line not in two] + [f"new: {line}" for line in two if line not in one])[:600] or "another order"
