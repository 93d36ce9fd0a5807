#!/usr/bin/python3
# lab/vm: --mem 2048 --timeout 2400
# tests/run: with --full alone
"""Many peers on one in-kernel WireGuard interface, all alive: the far end has an interface for each, and one wgbfd. How long discovery takes
until all probe (told: that processor also makes the handshakes of both ends, and answers who asks), what a poll of WireGuard costs, and whether a reload, or peers that are taken out and put back, hold up the probes of the
others: no Down at either end, and how late the probe thread ever woke. One virtual processor serves both ends, at 1 s x 3.
Its argument: another number of peers than 250."""
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from guest.daemon import Wgbfd, bfd_up  # noqa: E402  pylint: disable=wrong-import-position
from guest.keys import Key  # noqa: E402  pylint: disable=wrong-import-position
from guest.report import Report, seconds, wait  # noqa: E402  pylint: disable=wrong-import-position
from guest.space import Space  # noqa: E402  pylint: disable=wrong-import-position

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 250
MOVED, RELOADS, STILL = max(1, COUNT // 20), 10, 30  # peers taken out at once; seconds
CONFIGURATION = '[probe]\ninterval = "{}ms"\nmultiplier = 3\n[quality]\nmethod = "off"\n'
HUB, PORT = "10.9.0.1", 20000
TICKS = os.sysconf("SC_CLK_TCK")


class Ends:
    def __init__(self):
        self.hub, self.far = Space("hub"), Space("far")
        self.hub_key, self.keys = Key(), [Key() for _ in range(COUNT)]
        self.hub.ip("link add under type veth peer name under netns far", "address add 10.1.0.1/30 dev under", "link set under up")
        self.far.ip("address add 10.1.0.2/30 dev under", "link set under up")
        self.hub.ip("link add wg0 type wireguard")
        self.hub.run("wg setconf wg0 /dev/stdin", text=f"[Interface]\nPrivateKey = {self.hub_key.private}\nListenPort = {PORT}\n"
                     + "".join(f"[Peer]\nPublicKey = {key.public}\n{self.peer(number, ' = ')}\n" for number, key in enumerate(self.keys)))
        self.hub.ip(f"address add {HUB}/16 dev wg0", "link set wg0 up")
        self.far.ip(*(f"link add wg{number} type wireguard" for number in range(COUNT)))
        self.far.run("sh -e /dev/stdin", text="".join(f"wg setconf wg{number} /dev/stdin <<'E'\n[Interface]\nPrivateKey = {key.private}\nListenPort = {PORT + 1 + number}\n"
                               f"[Peer]\nPublicKey = {self.hub_key.public}\nAllowedIPs = {HUB}/32\nEndpoint = 10.1.0.1:{PORT}\nE\n"
                               for number, key in enumerate(self.keys)))
        self.far.ip(*(f"address add {address(number)}/32 peer {HUB} dev wg{number}" for number in range(COUNT)),
                    *(f"link set wg{number} up" for number in range(COUNT)))
        self.near, self.other = (Wgbfd(space, CONFIGURATION.format(1000)) for space in (self.hub, self.far))

    @staticmethod
    def peer(number, equals):
        return f"AllowedIPs{equals}{address(number)}/32\nEndpoint{equals}10.1.0.2:{PORT + 1 + number}"

    def up(self):
        return [sum(map(bfd_up, daemon.status()["adjacencies"])) for daemon in (self.near, self.other)]

    def downs(self, but=()):
        """At the hub and at the far end, of all but these."""
        keys, names = {self.keys[number].public for number in but}, {f"wg{number}" for number in but}
        rows = [row for row in self.near.status()["adjacencies"] if row["peer"] not in keys], \
               [row for row in self.other.status()["adjacencies"] if row["interface"] not in names]
        return tuple(sum(row["bfd"]["downs"] for row in end if row["bfd"]) for end in rows)

    def loop(self):
        return self.near.status()["probe_loop"]

    def processor(self):
        """Seconds of the hub's worker: (its control thread, all of it)."""
        times = {}
        for task in Path(f"/proc/{self.near.worker}/task").iterdir():
            words = (task / "stat").read_text().rsplit(")", 1)[1].split()
            times[int(task.name)] = (int(words[11]) + int(words[12])) / TICKS
        return times[self.near.worker], sum(times.values())


def address(number):
    return f"10.9.{1 + number // 250}.{1 + number % 250}"


def begin(ends, report):
    ends.other.start()
    wait(lambda: len(ends.other.status()["adjacencies"]) == COUNT, 120, 1)
    begun = time.monotonic()
    ends.near.start()
    took = wait(lambda: sum(bool(row["bfd"]) for row in ends.near.status()["adjacencies"]) == COUNT, 60, 0.05)
    report.check(took is not None, f"all {COUNT} peers of one interface are found and probed {seconds(took)} after the start")
    up = wait(lambda: ends.up() == [COUNT, COUNT], 120, 1)
    report.check(up is not None, f"all are Up at both ends {time.monotonic() - begun:.1f} s after it ({ends.up()} of {COUNT})")


def hold_still(ends, report):
    before, begun = ends.processor(), time.monotonic()
    time.sleep(STILL)
    control, whole = ((b - a) / (time.monotonic() - begun) * 1000 for a, b in zip(before, ends.processor()))
    report.tell(f"{STILL} s at rest: the control thread (a look at WireGuard every second, every 5 s from 200 peers on) takes {control:.1f} ms a second of this processor, the whole worker "
                f"{whole:.1f}")
    report.check(ends.downs() == (0, 0), f"{STILL} s at rest: no Down at either end {ends.downs()}")


def reload(ends, report):
    failed = []
    for number in range(RELOADS):
        ends.near.configure(CONFIGURATION.format(1000 + 100 * (number % 2 == 0)))
        status, output = ends.near.cli("reload")
        failed += [output] if status else []
        time.sleep(2)
    report.check(not failed and ends.downs() == (0, 0), f"{RELOADS} reloads that change every session: no Down at either end {ends.downs()} {failed[:1] or ''}".rstrip())


def out_and_in(ends, report):
    some = range(0, COUNT, COUNT // MOVED)
    ends.hub.run("sh -e /dev/stdin", text="".join(f"wg set wg0 peer {ends.keys[number].public} remove\n" for number in some))
    gone = wait(lambda: sum(map(bfd_up, ends.near.status()["adjacencies"])) == COUNT - len(some), 30, 0.2)
    report.check(gone is not None, f"`wg set` takes {len(some)} out: wgbfd has followed {seconds(gone)} later")
    time.sleep(5)
    ends.hub.run("sh -e /dev/stdin", text="".join(f"wg set wg0 peer {ends.keys[number].public} allowed-ips {address(number)}/32 "
                                                  f"endpoint 10.1.0.2:{PORT + 1 + number}\n" for number in some))
    back = wait(lambda: ends.up() == [COUNT, COUNT], 60, 0.5)
    report.check(back is not None, f"`wg set` puts them back: Up at both ends {seconds(back)} later ({ends.up()})")
    report.check(ends.downs(some) == (0, 0), f"no Down at either end of the other {COUNT - len(some)} {ends.downs(some)}")


def main():
    report, ends = Report(), Ends()
    begin(ends, report)
    late = ends.loop()
    hold_still(ends, report)
    reload(ends, report)
    out_and_in(ends, report)
    after = ends.loop()
    report.check(after["late_wakes"] == late["late_wakes"], f"the probe thread woke late {after['late_wakes'] - late['late_wakes']} times since all were Up "
                 f"(at most {after['max_lateness_us']} us ever, {late['max_lateness_us']} before that)")
    for daemon in (ends.near, ends.other):
        report.check(daemon.terminate() == 0, f"SIGTERM to {daemon.name}: status 0")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
