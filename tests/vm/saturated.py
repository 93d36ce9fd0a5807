#!/usr/bin/python3
# lab/vm: --timeout 7200
# tests/run: with --full alone
"""Tunnels that are full, on the virtual clock: as much TCP as they carry, and 50 ms x 3 beside it. Each cell is a tunnel of its own, all run
side by side: the bottleneck drops at the tail, or is fq_codel, in the underlay; or it is a shaper on the tunnel's interface that
has bands. BFD's packets are CS6 and of SO_PRIORITY 6, or are stripped of both; trust_data is on at both ends or off.
Every Down is false here. What WireGuard leaves of their marks is counted, too. WGBFD_FULL=1: ten minutes, else three cells for 12 s."""
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from wgbfdlab.network import wait_until  # noqa: E402  pylint: disable=wrong-import-position

from qualitylab.paths import Paths  # noqa: E402  pylint: disable=wrong-import-position
from timelab import daemons  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, busiest, busy  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
SECONDS = 600 if FULL else 12
RATE = 2             # Mbit/s of the bottleneck, where nothing else is said: each packet costs the host's time
FLOWS = 12           # TCP connections through it
QUEUE = 25           # packets: 150 ms
DELAY = 10           # ms, from the far end to the near one
OUTER = {"all": "", "CS6": "ip dscp cs6", "a priority": "meta priority != none", "AF41": "ip dscp af41"}
FLOWS_PY = Path(__file__).with_name("qualitylab") / "flows.py"


@dataclass(frozen=True)
class Cell:
    queue: str           # tail, fq_codel: in the underlay; bands: a shaper on the tunnel's interface
    trust: bool = False
    marked: bool = True
    far: str = "wgbfd"
    flows: int = FLOWS
    rate: int = RATE
    target: int = 0      # ms, of fq_codel; 0: its own 5

    @property
    def name(self):
        words = [f"{self.flows}"] * (self.flows != FLOWS) + [f"{self.rate}M"] * (self.rate != RATE) + [f"{self.target}ms"] * (self.target > 0) + [
            "trust"] * self.trust + ["bare"] * (not self.marked)
        return "-".join([self.queue.removesuffix("_codel"), *words])

    @property
    def judged(self):
        """fq_codel's target is what RFC 8290 §5.2.2 asks for, the time of a whole packet at this rate, or data vouches: no session may fall."""
        return self.trust or (self.target or 5) >= 12 / self.rate

    @property
    def settings(self):
        return ('interval = "50ms"', "multiplier = 3", f"trust_data = {str(self.trust).lower()}")

    def queues(self, way, device):
        if way == 1:
            return [f"tc qdisc add dev {device} root netem delay {DELAY}ms limit 10000"]
        return self.shaper(device) if self.queue != "bands" else []

    def shaper(self, device):
        leaf = {"tail": f"pfifo limit {QUEUE}", "fq_codel": f"fq_codel target {self.target or 5}ms", "bands": "prio"}[self.queue]
        lines = [f"tc qdisc add dev {device} root handle 1: htb default 1", f"tc class add dev {device} parent 1: classid 1:1 htb rate {self.rate}mbit",
                 f"tc qdisc add dev {device} parent 1:1 handle 10: {leaf}"]
        if self.queue == "bands":
            lines += [f"tc qdisc add dev {device} parent 10:{band} pfifo limit {QUEUE}" for band in (1, 2, 3)]
        return lines

    def leaf(self, number):
        return self.name if self.queue == "bands" else f"u{number}"


def cells():
    if not FULL:
        return [Cell("tail"), Cell("tail", trust=True), Cell("fq_codel", target=100)]
    both = (True, False)
    every = [Cell("tail", trust, marked) for trust in both for marked in both] + [
        Cell(queue, marked=marked) for queue in ("fq_codel", "bands") for marked in both] + [Cell("fq_codel", trust=True), Cell("fq_codel", flows=4),
        Cell("fq_codel", target=100), Cell("fq_codel", rate=10)]
    return [cell for cell in every if not sys.argv[1:] or cell.name in sys.argv[1:]]


def prepare(paths):
    """Shapers of the tunnels' own interfaces, and what takes the marks off BFD."""
    for number, cell in paths.cells:
        if cell.queue == "bands":
            paths.near.run(["sh", "-ec", "\n".join(cell.shaper(cell.name))])
    paths.near.run(["nft", "-f", "-"], text="table ip outer { chain out { type filter hook postrouting priority 0;\n" + "".join(
        f'oifname "u*" meta l4proto udp {match} counter\n' for match in OUTER.values()) + "}\n}\n")
    bare = ", ".join(f'"{cell.name}"' for _, cell in paths.cells if not cell.marked)
    for node in paths.nodes.values() if bare else ():
        node.run(["nft", "-f", "-"], text="table ip marks { chain out { type filter hook postrouting priority 0;\n"
                 f"oifname {{ {bare} }} udp dport 3784 counter ip dscp set cs0 meta priority set none\n}}\n}}\n")


def tell_marks(paths, report):
    shown = json.loads(paths.near.run(["nft", "-j", "list", "chain", "ip", "outer", "out"]).stdout)["nftables"]
    counts = dict(zip(OUTER, (word["counter"]["packets"] for one in shown if "rule" in one for word in one["rule"]["expr"] if "counter" in word)))
    report.check(counts["all"] > 1000 and not counts["CS6"] and not counts["a priority"], f"WireGuard's own packets carry neither CS6 nor a priority, "
                 f"whatever is inside ({', '.join(f'{count} {what}' for what, count in counts.items())}: its handshakes)")


def rows(node):
    return {row["name"]: row for row in daemons.status(node)["adjacencies"]}


def counters(paths):
    """{cell: (Downs at the far end, detection times that data stood in for at both ends, bytes that came to the far end, BFD packets of the
    near end that the far one has not got)}"""
    near, far = rows(paths.near), rows(paths.nodes["wgbfd"])
    return {cell: (far[cell.name]["bfd"]["downs"], near[cell.name]["bfd"]["vouched"] + far[cell.name]["bfd"]["vouched"],
                   far[cell.name]["wireguard"]["rx_bytes"],
                   near[cell.name]["bfd"]["packets_sent"] - far[cell.name]["bfd"]["packets_received"]) for _, cell in paths.cells}


def queue_drops(paths, number, cell):
    """Packets that came to the bottleneck's queue, and those of them that were dropped there."""
    shown = json.loads(paths.near.run(["tc", "-s", "-j", "qdisc", "show", "dev", cell.leaf(number)]).stdout)
    leaf = next(one for one in shown if one.get("handle") == "10:")
    return leaf["packets"] + leaf["drops"], leaf["drops"]


def tell(paths, seconds, seen, report):
    print(f"\n{seconds:.0f} s of as much TCP as goes through, Mbit/s, 50 ms x 3, both ends wgbfd; median and 95 % of the round trips\n"
          f"{'bottleneck':<12}{'rate':>5}{'TCPs':>5}{'target':>7}  {'trust_data':<12}{'BFD as':<8}{'lost':>6}{'Downs':>6}{'vouched':>9}{'Mbit/s':>8}{'dropped':>9}{'RTT ms':>16}")
    measured = rows(paths.near)
    for number, cell in paths.cells:
        downs, vouched, size, missing = seen[cell]
        came, dropped = queue_drops(paths, number, cell)
        rtt = ((measured[cell.name]["quality"] or {}).get("lasting") or {}).get("rtt_us") or {"median": 0, "p95": 0}
        rate = 8 * size / seconds / 1e6
        print(f"{cell.queue:<12}{cell.rate:>5}{cell.flows:>5}{cell.target or 5 if cell.queue == 'fq_codel' else '':>7}  {'on' if cell.trust else 'off':<12}{'CS6' if cell.marked else 'CS0':<8}{missing:>6}{downs:>6}{vouched:>9}{rate:>8.2f}"
              f"{dropped / max(came, 1):>8.1%}{rtt['median'] / 1000:>9.1f}{rtt['p95'] / 1000:>7.1f}")
        report.check(rate > 0.85 * cell.rate and dropped > 0, f"{cell.name}: it is full ({rate:.2f} Mbit/s, {dropped} of {came} packets dropped)")
    print()


def judge(seen, report):
    for cell, (downs, vouched, *_) in seen.items():
        if cell.queue == "fq_codel":
            words = f"{cell.name}: fq_codel knows the flows inside the tunnel, no session falls ({downs})"
            if cell.judged:
                report.check(downs == 0, words)
            else:  # a round of its flows takes longer than the target, and CoDel drops BFD's packets, too, for waiting their turn
                report.tell(f"       {words}: not judged, its target is shorter than one packet takes")
        elif cell.queue == "bands" and cell.marked:
            report.check(downs == 0, f"{cell.name}: CS6 has a band of its own on the tunnel's interface, no session falls ({downs})")
        elif cell.trust:
            report.check(downs == 0, f"{cell.name}: data vouched {vouched} times, no session falls ({downs})")
    bare = [one for one in seen if one.queue in ("tail", "bands") and not one.trust and not (one.queue == "bands" and one.marked)]
    missed = sum(seen[one][0] for one in bare) + sum(vouched for _, vouched, *_ in seen.values())
    report.check(missed > 0, f"the queue is one that BFD sees: {missed} silences of a detection time")
    report.check(all(vouched == 0 for cell, (_, vouched, *_) in seen.items() if not cell.trust), "without trust_data no data vouches")


def main():
    report, paths = Report(), Paths(cells())
    far = paths.nodes["wgbfd"]
    try:
        prepare(paths)
        paths.start()
        os.nice(19)
        wait_until(lambda: all(row["state"] == "up" for row in rows(far).values()) and len(rows(far)) == len(paths.cells), 30,
                   lambda: f"every session Up {[(row['name'], row['state']) for row in rows(far).values()]}", pause=0.5)
        far.spawn([sys.executable, FLOWS_PY, "receive", *(f"10.60.{number}.2:5001" for number, _ in paths.cells)], "flows.out")
        time.sleep(1)
        paths.near.spawn([sys.executable, FLOWS_PY, "send", *(f"{cell.flows}x10.60.{number}.2:5001" for number, cell in paths.cells)], "flows.out")
        time.sleep(2)
        before, begun = counters(paths), time.monotonic()
        time.sleep(SECONDS)
        after, seconds = counters(paths), time.monotonic() - begun
        seen = {cell: tuple(new - old for new, old in zip(after[cell], before[cell])) for cell in after}
        tell(paths, seconds, seen, report)
        judge(seen, report)
        tell_marks(paths, report)
        report.tell(f"{time.monotonic():.0f} s of virtual time, {busy():.0f} s of the processor: {busiest()}")
        Path("/run/out/status.json").write_text(json.dumps([daemons.status(node) for node in (paths.near, far)], indent=1), encoding="utf-8")
    finally:
        paths.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
