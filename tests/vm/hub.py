#!/usr/bin/python3
# lab/vm: --mem 2048 --timeout 2400
"""A hub: many peers on one in-kernel WireGuard interface, each spoke a namespace with WireGuard and a wgbfd of its own. One spoke is
cut, one forges another's session, one is taken out and put back: nobody else may notice. WGBFD_FULL=1: 100 spokes at 300 ms × 3, which
is what one virtual processor carries with 101 daemons on it (the load is told); else 10 spokes at 50 ms × 3."""
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from guest import bfd  # noqa: E402  pylint: disable=wrong-import-position
from guest.daemon import Wgbfd, bfd_up  # noqa: E402  pylint: disable=wrong-import-position
from guest.keys import Key  # noqa: E402  pylint: disable=wrong-import-position
from guest.report import Report, seconds, wait  # noqa: E402  pylint: disable=wrong-import-position
from guest.space import Space  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
COUNT, INTERVAL_MS = (100, 300) if FULL else (10, 50)
STILL, FORGED = (60, 100) if FULL else (10, 30)  # seconds without a fault; packets of each kind of forgery
CONFIGURATION = f'[probe]\ninterval = "{INTERVAL_MS}ms"\nmultiplier = 3\n'
HUB, PORT = "10.9.0.1", 51820


class Spoke:
    def __init__(self, number, hub, hub_key):
        self.number, self.key, self.space = number, Key(), Space(f"s{number}")
        self.address, self.underlay = f"10.9.1.{number}", f"u{number}"
        hub.ip(f"link add {self.underlay} type veth peer name under netns {self.space.name}",
               f"address add 10.1.{number}.1/30 dev {self.underlay}", f"link set {self.underlay} up")
        self.space.ip(f"address add 10.1.{number}.2/30 dev under", "link set under up", "link add wg0 type wireguard")
        self.space.run("wg setconf wg0 /dev/stdin", text=interface(self.key) + peer(hub_key, f"{HUB}/32", f"10.1.{number}.1"))
        self.space.ip(f"address add {self.address}/16 dev wg0", "link set wg0 up")
        self.daemon = Wgbfd(self.space, CONFIGURATION)

    def as_peer(self):
        return peer(self.key, f"{self.address}/32", f"10.1.{self.number}.2")

    def row(self):
        return next(iter(self.daemon.status()["adjacencies"]), None)


def interface(key):
    return f"[Interface]\nPrivateKey = {key.private}\nListenPort = {PORT}\n"


def peer(key, allowed, endpoint):
    return f"[Peer]\nPublicKey = {key.public}\nAllowedIPs = {allowed}\nEndpoint = {endpoint}:{PORT}\n"


class Lab:
    def __init__(self, report):
        self.report, self.key, self.space = report, Key(), Space("hub")
        self.spokes = [Spoke(number, self.space, self.key) for number in range(1, COUNT + 1)]
        self.space.ip("link add wg0 type wireguard")
        self.space.run("wg setconf wg0 /dev/stdin", text=interface(self.key) + "".join(one.as_peer() for one in self.spokes))
        self.space.ip(f"address add {HUB}/16 dev wg0", "link set wg0 up")
        self.daemon = Wgbfd(self.space, CONFIGURATION)

    def start(self):
        for spoke in self.spokes:
            spoke.daemon.start()
        begun = time.monotonic()
        self.daemon.start()
        took = wait(lambda: sum(map(bfd_up, self.rows().values())) == COUNT, 90, 0.25)
        rows = self.rows()
        table = [(one, rows.get(one.key.public), one.row()) for one in self.spokes]
        self.report.check(took is not None, f"all {COUNT} peers of one interface are found and Up at the hub {time.monotonic() - begun:.1f} s "
                          f"after its start ({sum(map(bfd_up, rows.values()))} of {COUNT})")
        sources = {row["address_source"] for _, near, far in table for row in (near, far) if row}
        self.report.check(sources == {"allowed-ips"}, f"each address is found by allowed-ips, at both ends: {sorted(map(str, sources))}")
        right = sum(1 for one, near, far in table if near and far and near["remote"] == one.address and far["remote"] == HUB
                    and near["bfd"]["remote_discriminator"] == far["bfd"]["local_discriminator"])
        self.report.check(right == COUNT, f"{right} of {COUNT} sessions are between the right two ends (discriminators agree)")

    def rows(self):
        """{public key: row} at the hub."""
        return self.daemon.by_peer()

    def downs(self):
        """[(Downs at the hub, Downs at the spoke)] by spoke; -1 where there is no session."""
        rows = self.rows()
        count = lambda row: row["bfd"]["downs"] if row and row["bfd"] else -1  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
        return [(count(rows.get(one.key.public)), count(one.row())) for one in self.spokes]

    def nobody_else(self, but, what):
        """No other spoke has had a Down, at either end, since the start."""
        wrong = [(one.space.name, *pair) for one, pair in zip(self.spokes, self.downs()) if one not in but and pair != (0, 0)]
        self.report.check(not wrong, f"{what}: no Down at either end of the other {COUNT - len(but)} sessions "
                          f"{'since the start' if not wrong else wrong}")


def hold_still(lab):
    before, begun = idle(), time.monotonic()
    time.sleep(STILL)
    load = 100 - 100 * (idle() - before) / (time.monotonic() - begun)
    lab.nobody_else([], f"{STILL} s without a fault")
    loops = [lab.daemon.status()["probe_loop"], *(one.daemon.status()["probe_loop"] for one in lab.spokes)]
    lab.report.tell(f"{COUNT} spokes at {INTERVAL_MS} ms × 3: the virtual processor was busy {load:.0f} % of the time; late wakes "
                    f"{loops[0]['late_wakes']} at the hub (at most {loops[0]['max_lateness_us']} us), "
                    f"{sum(loop['late_wakes'] for loop in loops[1:])} at the spokes "
                    f"(at most {max(loop['max_lateness_us'] for loop in loops[1:])} us)")
    memory = [resident(pid) for pid in (lab.daemon.worker, lab.daemon.guardian)]
    lab.report.tell(f"resident at the hub: worker {memory[0]} KiB, guardian {memory[1]} KiB")


def idle():
    with open("/proc/stat", encoding="ascii") as stat:
        words = stat.readline().split()
    return (int(words[4]) + int(words[5])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


def cut_one(lab):
    one = lab.spokes[COUNT // 2]
    ends = ((one.space, "under"), (lab.space, one.underlay))  # the hub hears nothing first: no Down of the spoke's reaches it
    begun = time.monotonic()
    for space, device in ends:
        space.run(f"tc qdisc add dev {device} root netem loss 100%")
    took = wait(lambda: not bfd_up(lab.rows().get(one.key.public)) and not bfd_up(one.row()), 10)
    row = lab.rows()[one.key.public]
    lab.report.check(took is not None and row["state"] == "down" and row["cause"] == "detect-timeout",
                     f"{one.space.name} is cut: down at both ends {seconds(took)} later, cause {row['cause']} "
                     f"(detection time {3 * INTERVAL_MS} ms)")
    time.sleep(5)
    lab.nobody_else([one], f"5 s after {one.space.name} was cut")
    for space, device in ends:
        space.run(f"tc qdisc del dev {device} root")
    lab.report.tell(f"{one.space.name} was cut for {time.monotonic() - begun:.1f} s")
    took = wait(lambda: bfd_up(lab.rows().get(one.key.public)) and bfd_up(one.row()), 15)
    lab.report.check(took is not None, f"it carries again: Up at both ends after {seconds(took)}")
    return one


def forge(lab, cut):
    """`liar` knows every discriminator and sends what would end the victim's session."""
    liar, victim = lab.spokes[1], lab.spokes[2]
    near, far = lab.rows()[victim.key.public]["bfd"], victim.row()["bfd"]
    ours, theirs = near["local_discriminator"], far["local_discriminator"]
    bad = [bfd.packet(state, mine, ours, diagnostic) for mine in (theirs, 4711)
           for state, diagnostic in (("Down", 1), ("AdminDown", 7), ("Init", 0))]
    liar.space.ip(f"address add {victim.address}/32 dev lo")
    before, refused = lab.daemon.status(), near["refused"]
    told = rates(lab)
    with liar.space:
        own, spoofed = bfd.sender(liar.address), bfd.sender(victim.address)
    for turn in range(FORGED):
        own.sendto(bad[turn % len(bad)], (HUB, bfd.PORT))
        time.sleep(0.005)
    time.sleep(0.2)
    middle = lab.daemon.status()
    for turn in range(FORGED):
        spoofed.sendto(bad[turn % len(bad)], (HUB, bfd.PORT))
        time.sleep(0.005)
    time.sleep(3 * INTERVAL_MS / 1000)
    after = lab.daemon.status()
    liar.space.ip(f"address del {victim.address}/32 dev lo")
    counted = dropped(middle, "wrong-source") - dropped(before, "wrong-source")
    lab.report.check(counted == FORGED, f"{FORGED} packets from {liar.space.name}'s own address with {victim.space.name}'s discriminators "
                     f"(Down, AdminDown, Init): {counted} refused as wrong-source")
    row = lab.rows()[victim.key.public]["bfd"]
    lab.report.check(row["refused"] - refused == FORGED, f"they are counted in the row of the session they named ({row['refused'] - refused})")
    errors = rates(lab) - told
    counted = dropped(after, None) - dropped(middle, None)
    lab.report.check(counted == 0 and errors >= FORGED, f"{FORGED} more with {victim.space.name}'s source address: WireGuard drops them all "
                     f"({errors} receive errors on wg0, {counted} reach wgbfd)")
    same = (row["state"], row["local_discriminator"], row["remote_discriminator"], row["ups"], row["remote_state"])
    lab.report.check(same == ("Up", ours, theirs, near["ups"], "Up") and bfd_up(victim.row()), f"and nothing has changed: {same}")
    lab.nobody_else([cut], "a spoke that forges")


def dropped(status, reason):
    found = status["probe_loop"]["dropped"]
    return found[reason] if reason else sum(found.values())


def rates(lab):
    with lab.space, open("/proc/thread-self/net/dev", encoding="ascii") as table:
        return next(int(line.split(":")[1].split()[2]) for line in table if line.strip().startswith("wg0:"))


def out_and_in(lab, cut):
    one = lab.spokes[0]
    lab.space.run(f"wg set wg0 peer {one.key.public} remove")
    removed = {"cause": "peer-removed"}
    gone = wait(lambda: (rows := lab.rows()) and rows.get(one.key.public, removed)["cause"] == "peer-removed", 10, 0.02)
    lab.report.check(gone is not None and gone <= 2, f"`wg set` takes {one.space.name} out: wgbfd has followed {seconds(gone)} later (<= 2 s)")
    time.sleep(2)
    lab.space.run(f"wg set wg0 peer {one.key.public} allowed-ips {one.address}/32 endpoint 10.1.{one.number}.2:{PORT}")
    back = wait(lambda: (lab.rows().get(one.key.public) or {"bfd": None})["bfd"] is not None, 10, 0.02)
    lab.report.check(back is not None and back <= 2, f"`wg set` puts it back: a session {seconds(back)} later (<= 2 s)")
    up = wait(lambda: bfd_up(lab.rows().get(one.key.public)) and bfd_up(one.row()), 20)
    lab.report.check(up is not None, f"and Up at both ends {seconds(up)} after that")
    lab.nobody_else([cut, one], "one peer taken out and put back")


def main():
    report = Report()
    lab = Lab(report)
    lab.start()
    hold_still(lab)
    cut = cut_one(lab)
    forge(lab, cut)
    out_and_in(lab, cut)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
