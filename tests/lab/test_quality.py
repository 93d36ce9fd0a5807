#!/usr/bin/python3
"""Measuring between real daemons: by STAMP, by ICMP echo, with the port taken; what packets come through, padded sessions, and
peers that answer pings alone; and what the reflector gives those who are up to no good: strangers, a replayed flood, packets that are
too long, another reflector.

test_quality.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import json
import sys

from pair import HOLD_PORT, PATIENT, TREE, Pair, check, main, wait

LABEL = "qu"
REFLECTOR = TREE / "tests/vm/qualitylab/reflector.py"

# DESTINATION SOURCE SOURCE_PORT SIZE TIMES WANTED: requests, all alike; the sizes of what comes back until nothing does, or so many have
# come as are wanted; and when the last one came.
SEND = """
import json, socket, struct, sys, time
destination, source, port, size, times, wanted = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((source, port))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
request = struct.pack("!IIIHH", 7, int(time.time()) + 2208988800, 0, 0x8001, 0x1234) + bytes(28)
begun = time.monotonic()
for _ in range(times):
    s.sendto((request + bytes(size))[:size], (destination, 862))
took = time.monotonic() - begun
s.settimeout(10 if wanted else 2)
sizes = []
try:
    while not wanted or len(sizes) < wanted:
        sizes.append(len(s.recv(65536)))
        took = time.monotonic() - begun
except TimeoutError:
    pass
print(json.dumps([sizes, took]))
"""


def send(host, destination, source, port=0, size=44, times=1, wanted=0):
    words = map(str, (destination, source, port, size, times, wanted))
    sizes, took = json.loads(host.node.run(["/usr/bin/python3", "-c", SEND, *words], timeout=120).stdout)
    return sizes, took


def counters(host):
    return host.status().get("probe_loop", {}).get("quality", {})


def hostile(build):
    with Pair(build, LABEL) as pair:
        a, b = pair.a, pair.b
        b.start_configured(pair.adjacency("a"))
        wait(lambda: b.row(interface="wg0", remote="10.8.0.0"))
        wait(lambda: send(a, "10.8.0.1", "10.8.0.0")[0])
        before = counters(b)
        check("a peer's request comes back, as long as it was", send(a, "10.8.0.1", "10.8.0.0", wanted=1)[0] == [44])
        check("with 41 bytes, TWAMP's least, too", send(a, "10.8.0.1", "10.8.0.0", size=41, wanted=1)[0] == [41])
        for size in (1300, 2049, 9216):
            check(f"and with {size:,}", send(a, "10.8.0.1", "10.8.0.0", size=size, wanted=1)[0] == [size])
        for size in (0, 1, 14, 40, 9217, 20000):
            check(f"one of {size} bytes gets nothing", not send(a, "10.8.0.1", "10.8.0.0", size=size)[0])
        check("nor does one from port 862: no reflector answers another", not send(a, "10.8.0.1", "10.8.0.0", port=862)[0])
        malformed = counters(b)["malformed"] - before["malformed"]
        check("each of them is counted", malformed == 7, malformed)

        a.sh("ip address add 10.8.0.66/32 dev wg0; ip address add 198.51.100.9/32 dev net0")
        b.sh("ip route add 198.51.100.9/32 dev net0")
        strangers = counters(b)["strangers"]
        check("a stranger on the underlay gets nothing", not send(a, "192.0.2.2", "192.0.2.1", times=20)[0])
        check("nor does the peer's tunnel address by way of the underlay", not send(a, "192.0.2.2", "198.51.100.9", times=20)[0])
        check("strangers are counted", counters(b)["strangers"] - strangers == 40, counters(b))
        send(a, "10.8.0.1", "10.8.0.66", times=5)
        check("another source than the peer's gets nothing", counters(b)["reflected"] - before["reflected"] == 5, counters(b))

        sizes, took = send(a, "10.8.0.1", "10.8.0.0", size=600, times=3000)
        allowed = 100 + 200 * (took + 1)
        check("a replayed flood: some answers, none larger than its request, and no more than the rate allows",
              0 < len(sizes) <= allowed and set(sizes) == {600}, f"{len(sizes)} answers in {took:.1f} s, sizes {set(sizes)}")
        check("what was left unanswered is counted", counters(b)["limited"] > 0, counters(b))


def measures(build):
    with Pair(build, LABEL) as pair:
        pair.both_up()
        for host in (pair.a, pair.b):
            def by_stamp(host=host):  # whose first probes are all late measures by echo for a minute
                quality = host.row(interface="wg0")["quality"]
                return quality["method"] == "stamp" and quality["loss"]["forward"] is not None and quality
            quality = wait(by_stamp, 120)
            check("two daemons measure each other by STAMP, with loss each way", quality, host.row(interface="wg0"))
            rtt = quality["rtt_us"] if quality else {}
            check("its round trips are in order", 0 < rtt.get("min", 0) <= rtt.get("median", 0) <= rtt.get("p95", 0), quality)
        text = pair.a.wgbfd("status", "to-b").stdout
        check("`status NAME` tells of it", "quality.method: stamp" in text and "quality.loss_forward: " in text, text)


def taken(build):
    with Pair(build, LABEL) as pair:
        holder = pair.b.process(HOLD_PORT, "862")
        pair.both_up()
        problems = pair.b.status().get("problems", [])
        check("a port 862 that is taken is told, and BFD is up all the same", any("862" in problem for problem in problems), problems)
        quality = wait(lambda: pair.a.row(interface="wg0").get("quality") or {}, 60)
        check("the other end falls back to ICMP echo", quality.get("method") == "icmp", quality)
        loss = quality.get("loss", {})
        check("which tells of no direction", loss.get("forward", 0) is None and loss.get("backward", 0) is None, loss)
        pair.b.end(holder)
        check("the port is free again: it is taken over within half a minute",
              wait(lambda: not any("862" in problem for problem in pair.b.status().get("problems", ["862"])), 40))


def reflectors(build):
    """Reflectors that know nothing of wgbfd, in place of its own."""
    for kind in ("stateful", "stateless"):
        with Pair(build, LABEL) as pair:
            holder = pair.b.process(REFLECTOR.read_text(encoding="utf-8"), kind)
            pair.both_up()

            def quality():
                found = pair.a.row(interface="wg0").get("quality") or {}
                return found if found.get("method") == "stamp" and found["lasting"]["probes"] > 60 else None
            found = wait(quality, 120) or pair.a.row(interface="wg0")
            loss = (found.get("lasting") or {}).get("loss") or {}
            check(f"a {kind} reflector is measured by STAMP", found.get("method") == "stamp", found)
            check("loss each way is told" if kind == "stateful" else "and recognised: no loss each way is told",
                  (loss.get("forward", 9) is None) == (loss.get("backward", 9) is None) == (kind == "stateless"), loss)
            pair.b.end(holder)


def sizes(build):
    """The interface's MTU is asked for by itself; a padded session, and one that the interface does not take."""
    with Pair(build, LABEL) as pair:
        a, b = pair.a, pair.b
        mtu = int(json.loads(a.sh("ip -j link show dev wg0"))[0]["mtu"])
        pair.both_up(f"padding = {mtu}\n")
        got = lambda: a.row(interface="wg0").get("bfd") or {}  # noqa: E731
        check(f"BFD padded to {mtu} bytes is Up, against one that is not", got().get("state") == "Up", got())
        dump = b.sh("timeout 30 tcpdump -n -c 3 -i wg0 -v 'udp dst port 3784 and src 10.8.0.0' 2>/dev/null; true")
        check("each of its packets is as long as that, with DF", dump.count(f"length {mtu})") == 3 and dump.count("[DF]") == 3, dump)
        found = wait(lambda: (a.row(interface="wg0").get("path_mtu") or {}).get("fit") == "whole" and a.row(interface="wg0")["path_mtu"], 90)
        check("packets of the interface's MTU come through", found and found["largest"] == mtu, a.row(interface="wg0").get("path_mtu"))
        a.sh("ip link set dev wg0 mtu 1280")
        check("what the interface no longer takes has the cause mtu", wait(lambda: a.row(interface="wg0", state="down", cause="mtu")), a.row(interface="wg0"))
        text = a.wgbfd("doctor", "--config", "/run/wgbfd.toml").stdout
        check("and the doctor says what to write", "padding = 1280" in text, text)
        a.sh(f"ip link set dev wg0 mtu {mtu}")
        check("and it comes back", wait(lambda: a.row(interface="wg0", state="up"), 60))


def icmp(build):
    """A peer without any daemon."""
    with Pair(build, LABEL) as pair:
        a, b = pair.a, pair.b
        a.start_configured(pair.adjacency("b", 'protocol = "icmp"\n') + PATIENT)
        row = lambda: a.row(interface="wg0")  # noqa: E731
        check("a peer that runs nothing is up, by its pings", wait(lambda: row().get("state") == "up", 30), row())
        check("bfd is null", row().get("bfd", 0) is None and (row().get("icmp") or {}).get("state") == "Up", row())
        b.sh("sysctl -q net.ipv4.icmp_echo_ignore_all=1")
        check("it answers no more: down", wait(lambda: (row().get("state"), row().get("cause")) == ("down", "detect-timeout"), 30), row())
        b.sh("sysctl -q net.ipv4.icmp_echo_ignore_all=0")
        check("it answers again: up", wait(lambda: row().get("state") == "up", 30), row())
        sent = wait(lambda: row().get("icmp") if row().get("icmp", {}).get("answers", 0) > 3 else None) or row()["icmp"]
        check("its echoes are counted", sent["echoes_sent"] > sent["answers"] > 3 and (sent["ups"], sent["downs"]) == (2, 1), sent)


GROUPS = {"sizes": sizes, "icmp": icmp, "reflectors": reflectors, "hostile": hostile, "measures": measures, "taken": taken}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
