"""Where the time of a steady state goes: perf's samples of an engine, by system call and, within it, by what it is for. The
shares become µs per packet, so they can be held against those of the bare loop."""
import re
import shutil
import subprocess
from collections import Counter

from ..topology import LabError

# What a kernel function on the way tells of the time: the first that is found, innermost first.
PLACES = (("delivery to the other end", r"__netif_receive_skb|process_backlog|net_rx_action"), ("veth and queueing", r"__dev_queue_xmit"),
          ("neighbour, route", r"ip_route_output|fib_|neigh_"), ("waiting and waking", r"schedule|try_to_wake_up|ep_poll|hrtimer|futex"),
          ("copying", r"copy_from_iter|copy_to_iter|_copy_to_user|_copy_from_user|move_addr|put_cmsg"))


def record(pids, seconds, file):
    if not shutil.which("perf"):
        raise LabError("--profile needs perf (apt-get install linux-perf)")
    return subprocess.Popen(["perf", "record", "-q", "-g", "-F", "1999", "-o", str(file), "-p", ",".join(map(str, pids)), "--", "sleep",
                             str(seconds)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def shares(file):
    """[(what, share of all samples), …], the largest first."""
    text = subprocess.run(["perf", "script", "-i", str(file), "-F", "comm,ip,sym"], capture_output=True, text=True, check=False).stdout
    counts = Counter(_what(stack) for stack in text.split("\n\n") if stack.strip())
    total = sum(counts.values()) or 1
    return [(what, count / total) for what, count in counts.most_common()]


def _what(stack):
    """Of one sample: a line with the thread's name, then one for each function, innermost first."""
    thread, *lines = [line.strip() for line in stack.strip().splitlines()]
    functions = [line.partition(" ")[2] for line in lines]
    call = next((found[1] for function in functions if (found := re.match(r"(?:__x64_|__se_|__do_)sys_(\w+)", function))), None)
    if call is None:
        return f"{thread}: interrupts and entry" if any("irq" in function for function in functions) else f"{thread}: own code"
    for name, pattern in PLACES:
        if any(re.search(pattern, function) for function in functions):
            return f"{call}: {name}"
    return f"{call}: the rest"

