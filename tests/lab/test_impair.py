#!/usr/bin/python3
"""lab/impair against its own promises, by counting what came through; and scenarios of a bad underlay and of faults, by the causes
they show (at 300 ms × 10, so that a busy machine takes nothing down; what falls and what does not is for tests/vm/impairments.py).

test_impair.py BUILD [GROUP…]: BUILD holds src/wgbfd; GROUPs run only those (see --list). Chance is seeded, and how long anything
took is asserted nowhere.
"""
import os
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

sys.dont_write_bytecode = True
TREE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "lab"), str(TREE / "tests/vm")]

from interoplab.wire import inside  # noqa: E402
from wgbfdlab import mounts, report, scenario  # noqa: E402
from wgbfdlab.direction import Direction, checksum, fragments  # noqa: E402
from wgbfdlab.impairment import BadWord, Impairment  # noqa: E402
from wgbfdlab.impairments import LOSS  # noqa: E402
from wgbfdlab.network import PREFIX, Network, wait_until  # noqa: E402
from wgbfdlab.nodes import RunningNode, children, sweep  # noqa: E402
from wgbfdlab.settings import Settings  # noqa: E402
from wgbfdlab.topology import LabError, load  # noqa: E402
from wgbfdlab.underlay import Underlay  # noqa: E402

PORT = 7000
INTERVAL_US, MULTIPLIER = 300_000, 10
ADDRESS = {"a": "192.0.2.1", "b": "198.51.100.1"}
SETUP = """
ip link add to-a netns {router} type veth peer name under netns {a}
ip link add to-b netns {router} type veth peer name under netns {b}
"""
ROUTER = """
sysctl -qw net.ipv4.ip_forward=1
ip address add 192.0.2.2/30 dev to-a && ip link set to-a up
ip address add 198.51.100.2/30 dev to-b && ip link set to-b up
"""
END = "ip address add {address}/30 dev under; ip link set under up; ip route add default via {router}"
counts = {"ok": 0, "FAIL": 0}


def check(sentence, holds, figures=""):
    verdict = "ok" if holds else "FAIL"
    counts[verdict] += 1
    print(f"{verdict} - {sentence}" + (f" [{' '.join(str(figures).split())}]" if figures != "" else ""), flush=True)


def binomial(count, share, sigmas=3.29):
    """The middle 99.9 % of a binomial distribution (normal approximation: thousands of packets)."""
    width = sigmas * (count * share * (1 - share)) ** 0.5
    return count * share - width, count * share + width


def within(count, total, share):
    least, most = binomial(total, share)
    return least <= count <= most


class End:
    """A UDP socket in a node: sends numbered packets to the other end, and reads what came."""

    def __init__(self, node, there):
        with inside(node):
            self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        self._line.setsockopt(socket.IPPROTO_IP, 10, 0)         # IP_MTU_DISCOVER: no DF, the underlay may split
        self._line.bind(("", PORT))
        self._line.setblocking(False)
        self._there = (there, PORT)
        self.sent, self.came, self.seen, self.sources = 0, 0, [], set()

    def send(self, count, size=64, head=b"data"):
        for _ in range(count):
            self._line.sendto(head + struct.pack("!I", self.sent) + bytes(size - 8), self._there)
            self.sent += 1

    def read(self):
        try:
            while True:
                data, source = self._line.recvfrom(65536)
                self.came += 1
                self.seen.append(struct.unpack_from("!I", data, 4)[0])
                self.sources.add(source)
        except BlockingIOError:
            return self.seen

    def read_until(self, count):
        """So many have come since the beginning, or no more come."""
        limit = time.monotonic() + 20
        while self.read() is not None and self.came < count and time.monotonic() < limit:
            time.sleep(0.01)

    def close(self):
        self._line.close()


class Bench:
    """Two ends and a router that relays between them; new ends and a new relay for each `with relay()`."""

    def __enter__(self):
        sweep(PREFIX)
        mounts.separate()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-"))
        self.nodes = {name: RunningNode(SimpleNamespace(name=name), self._folder / name, f"{PREFIX}-{os.getpid()}") for name in ("a", "router", "b")}
        for node in self.nodes.values():
            node.start()
        for node in self.nodes.values():
            node.wait_started()
        pids = {name: node.pid for name, node in self.nodes.items()}
        subprocess.run(["sh", "-ec", SETUP.format(**pids)], check=True)
        self.nodes["router"].run(["sh", "-ec", ROUTER])
        for name, router in (("a", "192.0.2.2"), ("b", "198.51.100.2")):
            self.nodes[name].run(["sh", "-ec", END.format(address=ADDRESS[name], router=router)])
        return self

    def __exit__(self, *_):
        for node in self.nodes.values():
            node.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def relay(self, words="", direction="to-a>to-b"):
        return Relayed(self, direction, words)


class Relayed:
    def __init__(self, bench, direction, words):
        self._direction, self._words = direction, words
        self.underlay = Underlay(bench.nodes["router"], "to-a", "to-b", seed=7)
        self.a, self.b = End(bench.nodes["a"], ADDRESS["b"]), End(bench.nodes["b"], ADDRESS["a"])

    def __enter__(self):
        self.underlay.__enter__()
        if self._words:
            self.underlay.set(self._direction, self._words)
        return self

    def __exit__(self, *what):
        self.a.close()
        self.b.close()
        self.underlay.__exit__(*what)

    def exchange(self, count, size=64, pause=0.002, at_once=8):
        """`count` packets each way, a few at a time; what came is in the ends' `seen`."""
        for _ in range(count // at_once):
            self.a.send(at_once, size)
            self.b.send(at_once, size)
            time.sleep(pause)
            self.a.read()
            self.b.read()
        return self.settled()

    def settled(self):
        """Both directions' counts once nothing is on its way any more."""
        def waits():
            ways = self.underlay.counts()
            self.a.read()
            self.b.read()
            forward, backward = ways["to-a>to-b"], ways["to-b>to-a"]
            late = [f"{name}: {end.sent} sent, {way['received']} read, {way['missed']} missed, {way['waiting']} waiting"
                    for name, end, way in (("a", self.a, forward), ("b", self.b, backward))
                    if way["received"] + way["missed"] < end.sent or way["waiting"]]
            return late
        wait_until(lambda: not waits(), 60, lambda: "; ".join(waits()))
        ways = self.underlay.counts()
        for end, way in ((self.a, ways["to-b>to-a"]), (self.b, ways["to-a>to-b"])):
            end.read_until(way["sent"] - way["parts"] + way["split"])  # the router's last packets reach the sockets
        for name, way in ways.items():
            check(f"{name}: every packet is accounted for, and none was missed", balanced(way) and way["missed"] == 0, told(way))
        return ways["to-a>to-b"], ways["to-b>to-a"]


def balanced(way):
    came = way["received"] + way["parts"] + way["duplicated"]
    return came == sum(way[name] for name in ("sent", "unsent", "lost", "blocked", "too_long", "tail_dropped", "split", "waiting"))


def told(way):
    return ", ".join(f"{name} {count}" for name, count in way.items() if count)


def late(seen):
    """How many came after one that was sent later."""
    highest, found = -1, 0
    for number in seen:
        found += number < highest
        highest = max(highest, number)
    return found


def words():
    """Words to values and back; what cannot be obeyed is refused with what to do."""
    for text in ("loss=2% burst=4", "delay=20ms jitter=5ms", "reorder=1%/30ms", "mtu=1280/fragment", "rate=2000kbit queue=64kB", "handshakes=block",
                 "duplicate=0.5%"):
        check(f"`{text}` says itself", str(Impairment().with_words(text.split())) == text, str(Impairment().with_words(text.split())))
    check("a word changes itself alone, 0 takes it back",
          str(Impairment().with_words(["loss=2%", "delay=1s"]).with_words(["loss=0"])) == "delay=1000ms")
    for text, advice in (("loss=2", "as in loss=2%"), ("loss=101%", "0% … 100%"), ("delay=20", "as in delay=20ms"), ("delay=2h", "as in delay=20ms"),
                         ("delay=61s", "60s at most"), ("jitter=5ms", "set delay= to 5ms at least"), ("burst=0.5", "burst=4"), ("mtu=20", "68 or more"),
                         ("mtu=1280/split", "mtu=1280/fragment"), ("rate=2", "rate=2mbit"), ("rate=2bit", "1kbit at least"), ("queue=3", "queue=64kB"), ("queue=10B", "1500B"),
                         ("handshakes=no", "handshakes=block"), ("los=2%", "loss, burst, delay"), ("loss", "NAME=VALUE"), ("reorder=1%/x", "20ms"),
                         ("loss=90% burst=2", "66.7% at most")):
        try:
            Impairment().with_words(text.split())
            check(f"`{text}` is refused", False)
        except BadWord as error:
            check(f"`{text}` is refused with what to do", advice in str(error), error)


def direction():
    """The pure part on a clock of its own: times, shares, parts."""
    def sent_at(text, count=2000, gap=1.0, size=100):
        way = Direction(1)
        way.impairment = Impairment().with_words(text.split())
        found = []
        for number in range(count):
            way.take(udp(size, number), number * gap)
            while way.next_due() is not None and way.next_due() < (number + 1) * gap:
                at = way.next_due()
                found += [(at - number * gap, packet) for packet in way.give(at)]
        return way, [at for at, _ in found]
    _, at = sent_at("delay=20ms")
    check("delay=20ms: every packet goes 20 ms later", len(at) == 2000 and all(abs(one - 0.02) < 1e-9 for one in at), (min(at), max(at)))
    _, at = sent_at("delay=20ms jitter=15ms")
    low = sum(one < 0.0125 for one in at)
    check("jitter=15ms: uniform in [5 ms, 35 ms]", 0.005 <= min(at) < 0.0055 and 0.0345 < max(at) <= 0.035 and within(low, 2000, 0.25), (min(at), max(at), low))
    way, at = sent_at("rate=80kbit queue=1500B", gap=0.005)
    check("rate=80kbit with packets of 100 bytes: one goes every 10 ms, half are dropped once the queue is full",
          980 <= way.counts["tail_dropped"] <= 1000, way.counts)
    whole = udp(1400, 1)
    parts = fragments(whole, 600)
    check("an IPv4 packet in parts: each fits, offsets meet, checksums hold, only the last has no more",
          all(len(part) <= 600 and checksum(part[:20]) == 0 for part in parts) and b"".join(part[20:] for part in parts) == whole[20:]
          and [struct.unpack_from("!H", part, 6)[0] for part in parts] == [0x2000, 0x2000 + 72, 144], [len(part) for part in parts])
    check("IPv6 is not split", fragments(bytes([0x60]) + bytes(1399), 600) == [])


def udp(size, number):
    """An IPv4 packet of `size` bytes."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, number & 0xFFFF, 0, 64, 17, 0, socket.inet_aton(ADDRESS["a"]), socket.inet_aton(ADDRESS["b"]))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + struct.pack("!HHHH", PORT, PORT, size - 20, 0) + bytes(size - 28)


def relay(_build=None):
    """Everything with packets of the kernel's, in namespaces."""
    with Bench() as bench:
        for part in (_nothing, _loss, _bursts, _order, _sizes, _queue, _handshakes, _while_running, _life):
            part(bench)


def _nothing(bench):
    with bench.relay() as run:
        before = run.underlay.state()
        forward, _ = run.exchange(4000)
        state = run.underlay.state()
        check("unimpaired: all comes, in order, once, both ways", run.a.seen == run.b.seen == list(range(4000)), (len(run.a.seen), len(run.b.seen)))
        check("both ends see each other's own address and port", run.b.sources == {(ADDRESS["a"], PORT)} and run.a.sources == {(ADDRESS["b"], PORT)}, run.b.sources)
        check("bytes are counted as IP packets", forward["received_bytes"] == forward["sent_bytes"] == 4000 * 92, told(forward))
        used, seconds = (state[name] - before[name] for name in ("cpu_seconds", "seconds"))
        print(f"{8000 / seconds:.0f} packets/s both ways together, {1e6 * used / 8000:.0f} us of the processor for each", flush=True)


def _loss(bench):
    with bench.relay("loss=5%") as run:
        forward, backward = run.exchange(4000)
        check("loss=5% one way: within the 99.9 % interval of 4,000", within(forward["lost"], 4000, 0.05), forward["lost"])
        check("what it says it lost is what did not come", len(run.b.seen) == 4000 - forward["lost"] and late(run.b.seen) == 0, len(run.b.seen))
        check("the other way lost nothing", backward["lost"] == 0 and run.a.seen == list(range(4000)), backward["lost"])


def _bursts(bench):
    with bench.relay("loss=10% burst=5") as run:
        forward, _ = run.exchange(4000)
        seen = set(run.b.seen)
        runs, length = [], 0
        for number in range(4001):
            if number < 4000 and number not in seen:
                length += 1
            elif length:
                runs, length = [*runs, length], 0
        # Of bursts, which are as many as packets lost by fives: the share spreads five times as wide, and more.
        check("loss=10% burst=5: about 10 %", 250 <= forward["lost"] <= 550, forward["lost"])
        check("in bursts of five on average", 3.5 <= statistics.mean(runs) <= 6.5, f"{len(runs)} bursts of {statistics.mean(runs):.1f}")


def _order(bench):
    with bench.relay("reorder=3%/200ms") as run:
        forward, _ = run.exchange(4000)
        check("reorder=3%: within the 99.9 % interval, and so many came late", within(forward["reordered"], 4000, 0.03)
              and abs(late(run.b.seen) - forward["reordered"]) <= 3 and sorted(run.b.seen) == list(range(4000)), (forward["reordered"], late(run.b.seen)))
        check("the other way kept its order", late(run.a.seen) == 0)
        run.underlay.set("to-a>to-b", "reorder=0 duplicate=5%")
        run.b.seen.clear()
        forward, _ = run.exchange(4000)
        check("duplicate=5%: within the 99.9 % interval, and so many came twice", within(forward["duplicated"], 4000, 0.05)
              and len(run.b.seen) == 4000 + forward["duplicated"] and set(run.b.seen) == set(range(4000, 8000)), (forward["duplicated"], len(run.b.seen)))
        run.underlay.set("to-a>to-b", "duplicate=0 delay=20ms jitter=15ms")
        run.b.seen.clear()
        run.exchange(1000)
        check("jitter keeps the order", run.b.seen == list(range(8000, 9000)), len(run.b.seen))


def _sizes(bench):
    with bench.relay("mtu=600") as run:
        run.a.send(50, 572)
        run.a.send(50, 573)
        run.b.send(50, 1400)
        forward, backward = run.settled()
        check("mtu=600: a packet of 600 bytes passes, one of 601 does not", run.b.seen == list(range(50)) and forward["too_long"] == 50, told(forward))
        check("mtu one way leaves the other", run.a.seen == list(range(50)) and backward["too_long"] == 0, told(backward))
        run.underlay.set("to-a>to-b", "mtu=600/fragment")
        run.b.seen.clear()
        run.a.send(50, 1400)
        forward, _ = run.settled()
        check("mtu=600/fragment: packets of 1,428 bytes come whole, each in three parts", run.b.seen == list(range(100, 150))
              and (forward["split"], forward["parts"]) == (50, 150), told(forward))


def _queue(bench):
    with bench.relay("rate=80kbit queue=20kB") as run:
        run.a.send(100, 972)
        run.b.send(100, 972)
        forward, backward = run.settled()
        dropped = forward["tail_dropped"]
        # 20 packets fill the queue; what leaves it while the others come makes room for some more.
        check("rate=80kbit queue=20kB: a hundred packets at once find room for twenty and a few", 50 <= dropped <= 80, dropped)
        check("the head passed, and in order", run.b.seen[:20] == list(range(20)) and late(run.b.seen) == 0, run.b.seen)
        check("rate one way leaves the other", backward["tail_dropped"] == 0 and len(run.a.seen) == 100, told(backward))


def _handshakes(bench):
    with bench.relay("handshakes=block") as run:
        for kind in (1, 2, 3, 4):
            run.a.send(20, 148, bytes([kind, 0, 0, 0]))
        run.b.send(20, 148, bytes([1, 0, 0, 0]))
        forward, _ = run.settled()
        check("handshakes=block: WireGuard's types 1 to 3 do not pass, 4 does", run.b.seen == list(range(60, 80)) and forward["blocked"] == 60, told(forward))
        check("the other way they pass", len(run.a.seen) == 20)


def _while_running(bench):
    with bench.relay("delay=10s") as run:
        run.a.send(50)
        run.b.send(50)
        ways = {}

        def passed():
            ways.update(run.underlay.counts())
            return ways["to-b>to-a"]["sent"] == ways["to-a>to-b"]["received"] == 50
        wait_until(passed, 20, lambda: f"the other direction: {told(ways['to-b>to-a'])}", pause=0.01)
        way = ways["to-a>to-b"]  # of the very moment when that was so
        check("delay=10s: all wait while the other way has passed", (way["waiting"], way["sent"]) == (50, 0), told(way))
        run.underlay.clear()
        run.a.send(50)
        run.settled()
        check("after clear later packets do not overtake what is on its way", run.b.seen == list(range(100)), run.b.seen)
        run.underlay.set("to-a>to-b", "loss=100%")
        run.a.send(50)
        ping = bench.nodes["a"].run(["ping", "-c", "2", "-i", "0.2", "-W", "2", ADDRESS["b"]], check=False).returncode
        run.settled()
        check("loss=100% set while it runs: nothing more comes; only UDP is relayed, a ping passes", len(run.b.seen) == 100 and ping == 0, len(run.b.seen))
        for line in ("set to-a>to-c loss=2%", "set to-a>to-b", "set both loss=2", "clear x", "show me", "", "stop"):
            try:
                run.underlay._ask(line)  # pylint: disable=protected-access
                check(f"`{line}` is refused", False)
            except LabError as error:
                check(f"`{line}` is refused with what to do", "want " in str(error), error)


def _life(bench):
    router, program = bench.nodes["router"], TREE / "lab/impair"
    asked = router.run([program, "show"], check=False)
    check("without a relay `show` says how to start one", asked.returncode == 1 and "lab/impair run" in asked.stderr, asked.stderr)
    wrong = router.run([program, "run", "to-a", "eth9"], check=False)
    check("an interface that is not there is named", wrong.returncode == 1 and "eth9" in wrong.stderr and wrong.stderr.count("\n") == 1, wrong.stderr)
    with bench.relay("loss=100%") as run:
        second = router.run([program, "run", "to-a", "to-b"], check=False)
        check("a second relay does not take the first one's place", second.returncode == 1 and "--socket" in second.stderr, second.stderr)
        shown = router.run([program, "show"])
        check("`show` tells both directions", "loss=100%" in shown.stdout and "to-b>to-a" in shown.stdout, shown.stdout)
        bad = router.run([program, "set", "to-a>to-b", "loss=2"], check=False)
        check("a bad word: status 2, one line", bad.returncode == 2 and bad.stderr.count("\n") == 1, bad.stderr)
        a, b = run.a, run.b
        run.underlay.__exit__()
        a.send(10)
        wait_until(lambda: len(b.read()) == 10, 30, lambda: f"10 packets, not {len(b.seen)}")
        rules = router.run(["ip", "rule"]).stdout
        check("ended, the router forwards as before, and no rule is left", "ipproto" not in rules, rules)
    with bench.relay("loss=100%") as run:
        for pid in children(run.underlay._process.pid):  # pylint: disable=protected-access
            os.kill(pid, 9)
        run.a.send(10)
        wait_until(lambda: run.a.send(1) or len(run.b.read()) > 5, 30, lambda: f"packets, not {len(run.b.seen)}")
        rules = router.run(["ip", "rule"]).stdout.count("ipproto")
    with bench.relay() as run:
        run.exchange(80)
        now = router.run(["ip", "rule"]).stdout.count("ipproto")
        check("killed, it leaves a router that forwards, and rules that the next relay takes over", (rules, now, run.b.seen) == (2, 2, list(range(80))), (rules, now))


def scenarios(build):
    """One of each kind, in one network: what BFD and WireGuard make of it today."""
    settings = Settings(wgbfd=Path(build).resolve() / "src/wgbfd", interval_us=INTERVAL_US, multiplier=MULTIPLIER, hold_s=3, blocked_s=2)
    settings.check()
    with Network(load(TREE / "lab/topologies/two-sites.clab.yml"), settings) as network:
        for name, judge in (("loss", _bad_underlay), ("mtu-clamp", _clamped), ("rekey", _rekeyed), ("no-endpoint", _no_endpoint),
                            ("wrong-allowed-ips", _wrong_allowed_ips), ("peer-admin-down", _shut_down), ("interface-deleted", _deleted)):
            data = report.run_as_data(scenario.run(network, name), network)
            judge(name, data, {end: {m["detail"] for m in data["moments"] if m["who"] in ("bfd", "cause") and (m["node"], m["interface"]) == (end, "wg0")
                                     and m["state"] not in ("up", "unknown") and m["after_ms"] >= 0} for end in "ab"})


def _counted(data, direction, what):
    found = re.search(rf"\b{what} ([\d,]+)", data["notes"][f"underlay {direction}"])
    return int(found[1].replace(",", "")) if found else 0


def _stood(name, data):
    fell = {who: count for who, count in data["downs"].items() if who.startswith("bfd")}
    check(f"{name}: no session fell, and none elsewhere", not any(fell.values()) and not data["other_bfd_downs"], data["downs"])


def _bad_underlay(name, data, _causes):
    total, lost = (_counted(data, "to-a>to-b", what) for what in ("received", "lost"))
    # How many there are, and so what chance makes of them, is another each time: 4.9 deviations are exceeded in one of a million runs.
    least, most = binomial(total, LOSS / 100, sigmas=4.9)
    check(f"{name}: {LOSS} % of the underlay's packets, and what chance makes of it", total > 1000 and least <= lost <= most, f"{lost} of {total}")
    check(f"{name}: the stream lost what the relay says", 0.9 * lost <= data["lost_at_cut"] <= 1.1 * lost + 5 + data["overflowed"],
          (data["lost_at_cut"], data["overflowed"]))
    check(f"{name}: the quality is told where it is measured", "quality at a" in data["notes"] and "quality at b" in data["notes"], data["notes"])
    _stood(name, data)


def _clamped(name, data, _causes):
    pings = next(text for key, text in data["notes"].items() if key.startswith("pings"))
    check(f"{name}: big packets pass before and after, and not meanwhile", pings == "10 of 10 before, 0 of 10 clamped, 10 of 10 after", pings)
    _stood(name, data)


def _rekeyed(name, data, _causes):
    check(f"{name}: four handshakes were forced", _counted(data, "to-a>to-b", "handshakes") >= 4, data["notes"])
    _stood(name, data)


def _no_endpoint(name, data, causes):
    check(f"{name}: both ends say so", all("no-endpoint" in found for found in causes.values()), causes)
    check(f"{name}: the route moved and came back", data["route_changes"] == 2, data["route_changes"])


def _wrong_allowed_ips(name, _data, causes):
    check(f"{name}: both ends fall for want of packets, or name it", all(found & {"detect-timeout", "wrong-allowed-ips"} for found in causes.values()), causes)


def _shut_down(name, data, causes):
    check(f"{name}: the peer's AdminDown is maintenance", "admin" in causes["a"] and data["first"]["bfd admin-down at a"], causes)


def _deleted(name, data, causes):
    check(f"{name}: the near end says so, the far end hears nothing any more", "interface-gone" in causes["a"] and "detect-timeout" in causes["b"], causes)
    check(f"{name}: the other tunnel did not notice", data["other_bfd_downs"] == 0, data["other_bfd_downs"])


GROUPS = {"words": lambda _: words(), "direction": lambda _: direction(), "relay": relay, "scenarios": scenarios}


def main(arguments):
    if not arguments or arguments[0] == "--list":
        print(f"usage: test_impair.py BUILD [{'|'.join(GROUPS)}]…", file=sys.stderr)
        return 2
    build, names = arguments[0], arguments[1:] or list(GROUPS)
    for name in names:
        try:
            GROUPS[name](build)
        except (LabError, OSError, subprocess.SubprocessError) as error:
            check(f"{name} runs to its end", False, error)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
