#!/usr/bin/python3
# lab/vm: --timeout 1500
"""wgbfd and the kernel's own WireGuard: peers and their changes by generic netlink, big dumps, interfaces that come and go; the feed
link (operstate DORMANT and back, down and up meanwhile, ends of every kind); and no secret key in the daemon's memory.
WGBFD_FULL=1: also what takes long."""
import os
import signal
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from guest import links  # noqa: E402  pylint: disable=wrong-import-position
from guest.daemon import Wgbfd, bfd_up  # noqa: E402  pylint: disable=wrong-import-position
from guest.dormant import dormant  # noqa: E402  pylint: disable=wrong-import-position
from guest.keys import Key, random_public  # noqa: E402  pylint: disable=wrong-import-position
from guest.memory import search  # noqa: E402  pylint: disable=wrong-import-position
from guest.pair import Pair  # noqa: E402  pylint: disable=wrong-import-position
from guest.report import Report, seconds, wait  # noqa: E402  pylint: disable=wrong-import-position
from guest.space import Space  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
PEERS, WIDE = 300, 700  # peers on one device; allowed-ips of three of them
ADDRESSES = {"A": ["10.8.1.1/24"], "B": ["10.8.1.2/24"]}
FOLLOWED = 2  # seconds; a device of more than 200 peers is looked at every 5 s


def big_dump(report):
    """One device whose dump takes many messages, three peers of it more than one each."""
    space, before = Space("many"), time.monotonic()
    space.ip("link add big type wireguard")
    keys = [random_public() for _ in range(PEERS)]
    tunnel = [f"10.50.{number // 250}.{1 + number % 250}" for number in range(PEERS)]
    wide = {0: [f"10.2.{i // 250}.{i % 250}/32" for i in range(WIDE)], PEERS // 2: [f"10.200.{i // 250}.{i % 250}/32" for i in range(WIDE)],
            PEERS - 1: [f"fd00::{i:x}/128" for i in range(WIDE)]}  # below, above and after the tunnel address in the dump
    text = f"[Interface]\nPrivateKey = {Key().private}\n" + "".join(
        f"[Peer]\nPublicKey = {key}\nAllowedIPs = {','.join([tunnel[n] + '/32', *wide.get(n, [])])}\n" for n, key in enumerate(keys))
    space.run("wg setconf big /dev/stdin", text=text)
    space.ip("address add 10.50.100.1/16 dev big", "link set big up")
    daemon = Wgbfd(space)
    begun = time.monotonic()
    daemon.start()
    took = wait(lambda: len(daemon.by_peer()) == PEERS, 20)
    rows = daemon.by_peer()
    report.tell(f"{PEERS} peers were made in {begun - before:.1f} s")
    report.check(took is not None, f"{PEERS} peers of one device are all found, {seconds(took)} after the start ({len(rows)})")
    wrong = [n for n, key in enumerate(keys) if rows.get(key, {}).get("remote") != tunnel[n]]
    report.check(not wrong, f"each has its tunnel address, by allowed-ips, also the three with {WIDE} more ({len(wrong)} wrong: {wrong[:5]})")
    state = {(rows[key]["state"], rows[key]["cause"]) for key in keys if key in rows}
    report.check(state == {("unknown", "no-endpoint")}, f"none has an endpoint, so none is probed: {state}")
    space.run(f"wg set big peer {keys[7]} remove")
    space.run(f"wg set big peer {keys[0]} allowed-ips 10.50.9.9/32")
    took = wait(lambda: keys[7] not in (rows := daemon.by_peer()) and rows[keys[0]]["remote"] == "10.50.9.9", 12)
    report.check(took is not None and took < 6, f"one removed and one given another address: followed after {seconds(took)} (looked at every 5 s)")
    daemon.terminate()


def changes(report, net, near, far):
    """`wg set` on wg1, which no feed watches."""
    a, b, keys = net.a, net.b, net.keys["wg1"]
    theirs = lambda: near.by_peer().get(keys["B"].public)  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
    stranger = random_public()
    a.run(f"wg set wg1 peer {stranger} allowed-ips 10.8.1.77/32")
    followed(report, "a peer is added", lambda: near.by_peer().get(stranger, {}).get("remote") == "10.8.1.77")
    a.run(f"wg set wg1 peer {stranger} remove")
    followed(report, "it is removed", lambda: stranger not in near.by_peer())
    report.check(theirs()["bfd"]["downs"] == 0, "and the other peer's session has not noticed")

    moved = "192.168.9.22"
    b.ip(f"address add {moved}/24 dev under")
    # A packet from the old address would take the endpoint back (roaming): the peer has left that address.
    b.run("nft 'add table ip moved; add chain ip moved out { type filter hook output priority 0; }; "
          "add rule ip moved out ip saddr 192.168.9.2 udp sport 5001 drop'")
    a.run(f"wg set wg1 peer {keys['B'].public} endpoint {moved}:5001")
    followed(report, "its endpoint moves", lambda: theirs()["wireguard"]["endpoint"] == f"{moved}:5001")
    time.sleep(1)
    report.check(bfd_up(theirs()) and theirs()["bfd"]["downs"] == 0, f"without a Down; packets go there now ({theirs()['wireguard']['endpoint']})")

    b.run("nft delete table ip moved")
    old, keys["B"] = keys["B"], Key()
    b.run("wg set wg1 private-key /dev/stdin", text=keys["B"].private + "\n")
    a.run(f"wg set wg1 peer {old.public} remove peer {keys['B'].public} allowed-ips 10.8.1.2/32 endpoint 192.168.9.2:5001")
    followed(report, "it is re-keyed", lambda: old.public not in near.by_peer() and theirs() is not None)
    up_again(report, near, far, keys)

    b.ip("address del 10.8.1.2/24 dev wg1", "address add 10.8.1.3/24 dev wg1")
    a.run(f"wg set wg1 peer {keys['B'].public} allowed-ips 10.8.1.3/32")
    followed(report, "its allowed-ips change", lambda: theirs()["remote"] == "10.8.1.3")
    up_again(report, near, far, keys)


def followed(report, what, holds):
    took = wait(holds, 10, 0.02)
    report.check(took is not None and took <= FOLLOWED, f"{what}: shown {seconds(took)} after `wg set` (<= {FOLLOWED} s)")


def up_again(report, near, far, keys, limit=20):
    both = lambda: bfd_up(near.by_peer().get(keys["B"].public)) and bfd_up(far.by_peer().get(keys["A"].public))  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
    took = wait(both, limit, 0.02)
    return report.check(took is not None, f"    Up at both ends after {seconds(took)}")


def interface_comes_and_goes(report, net, near, far):
    keys, index = net.keys["wg1"], links.link(net.a, "wg1")["ifindex"]
    net.a.ip("link del wg1")
    gone = wait(lambda: (rows := near.rows()) and not any(row["interface"] == "wg1" and bfd_up(row) for row in rows.values()), 10, 0.01)
    left = [(row["state"], row["cause"]) for row in near.rows().values() if row["interface"] == "wg1"]
    report.check(gone is not None, f"wg1 is deleted: no session on it {seconds(gone)} later; rows left: {left}")
    time.sleep(2)
    net.interface("A", "wg1", 5001, {"A": ["10.8.1.1/24"], "B": ["10.8.1.3/24"]})
    now = links.link(net.a, "wg1")["ifindex"]
    report.check(now != index, f"it is made anew, with another index ({index}, {now})")
    up_again(report, near, far, keys)


def overflow(report, net, near, far):
    """More notifications than a socket holds while the daemon cannot read; among them, its interface goes and comes."""
    keys = net.keys["wg1"]
    net.b.run(f"wg set wg1 peer {keys['A'].public} preshared-key /dev/null")  # as the new interface has none
    net.a.ip("link add flood type dummy", "link set flood up")
    os.kill(near.worker, signal.SIGSTOP)
    for _ in range(8):
        net.a.ip(*(f"address {verb} 10.77.{i // 250}.{i % 250}/32 dev flood" for i in range(1500) for verb in ("add", "del")))
    lost = netlink_drops(net.a)
    net.a.ip("link del wg1", "link del flood")
    net.interface("A", "wg1", 5001, {"A": ["10.8.1.1/24"], "B": ["10.8.1.3/24"]})
    os.kill(near.worker, signal.SIGCONT)
    report.check(lost > 0, f"the kernel had no room for {lost} notifications while the worker was stopped (ENOBUFS)")
    up_again(report, near, far, keys, 30)


def netlink_drops(space):
    with space, open("/proc/thread-self/net/netlink", encoding="ascii") as table:
        return sum(int(line.split()[8]) for line in list(table)[1:])


def secrets(report, net, near):
    psk = Key()
    net.b.run(f"wg set wg1 peer {net.keys['wg1']['A'].public} preshared-key /dev/stdin", text=psk.private + "\n")
    net.a.run(f"wg set wg1 peer {net.keys['wg1']['B'].public} preshared-key /dev/stdin", text=psk.private + "\n")
    time.sleep(4)  # looked at four times
    wanted = {"preshared key": psk, **{f"private key of {name}": keys["A"] for name, keys in net.keys.items()}}
    for what, pid in (("worker", near.worker), ("guardian", near.guardian)):
        counts, mappings, size = search(pid, [*(key.secret for key in wanted.values()), net.keys["wg1"]["B"].raw_public])
        found = dict(zip(wanted, counts))
        report.check(not any(found.values()), f"no secret in the memory of the {what} ({mappings} readable mappings, {size >> 10} KiB), raw, "
                     f"base64 or hexadecimal: {found}")
        if what == "worker":
            report.check(counts[-1] > 0, f"the same search finds a peer's public key there ({counts[-1]} times)")


def main():
    report = Report()
    big_dump(report)
    net = Pair()
    net.tunnel("wg0", 5000, {"A": ["10.8.0.1/24", "fd08::1/64"], "B": ["10.8.0.2/24", "fd08::2/64"]})
    net.tunnel("wg1", 5001, ADDRESSES)
    near, far = Wgbfd(net.a, '[interface.wg0]\nfeeds = ["link"]\n'), Wgbfd(net.b)
    far.start()
    near.start()
    up_again(report, near, far, net.keys["wg0"])
    up_again(report, near, far, net.keys["wg1"])
    changes(report, net, near, far)
    interface_comes_and_goes(report, net, near, far)
    secrets(report, net, near)
    dormant(report, net, near, FULL)
    if FULL:
        overflow(report, net, near, far)
        secrets(report, net, near)
    report.check(near.terminate() == 0 and far.terminate() == 0, "both daemons end with status 0")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
