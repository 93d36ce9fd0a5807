"""What of a host must be as before when all is over: its routes, rules, links, filters and WireGuard's own configuration."""
EVERYTHING = """ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; ip -o link
for i in $(ls /sys/class/net | sort); do tc qdisc show dev $i; tc filter show dev $i egress 2>/dev/null || true; done
for i in $(wg show interfaces); do wg showconf $i; done"""


def difference(before, after):
    """In words; empty when they are the same."""
    one, two = before.splitlines(), after.splitlines()
    gone, new = [line for line in one if line not in two], [line for line in two if line not in one]
    return "; ".join([f"gone: {line}" for line in gone] + [f"new: {line}" for line in new])[:600] or ("the order" if before != after else "")
