#!/usr/bin/python3
# lab/vm: --timeout 2400
"""The feed `endpoint` over the kernel's WireGuard: one tunnel, two underlays. How long a stream of echoes is without an answer when the
underlay in use is cut, when the peer loses its keys, and after a cut of 200 s: with wgbfd, and (WGBFD_FULL=1: all of them) without. The
preferred underlay comes back without a cut, and `wg showconf` is in the end what it was."""
import os
import select
import socket
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from guest.daemon import Wgbfd, bfd_up  # noqa: E402  pylint: disable=wrong-import-position
from guest.keys import Key  # noqa: E402  pylint: disable=wrong-import-position
from guest.report import Report, seconds, wait  # noqa: E402  pylint: disable=wrong-import-position
from guest.space import Space  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
PORT = 5001
DETECTION, ROUND_TRIP = 0.150, 0.010
BACK = 10  # s, fail_back
PSK = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
WIDE = 3000  # of which the kernel takes a thousand in a message


class Net:
    """A and B with underlays u0 (192.168.0.0/24) and u1 (192.168.1.0/24); A calls B, which knows no endpoint of A."""

    def __init__(self):
        self.a, self.b = Space("A"), Space("B")
        for n in (0, 1):
            self.a.ip(f"link add u{n} type veth peer name u{n} netns B")
            for space, host in ((self.a, 1), (self.b, 2)):
                space.ip(f"address add 192.168.{n}.{host}/24 dev u{n}", f"link set u{n} up")
                space.run(f"tc qdisc add dev u{n} root netem delay 5ms")
        self.keys = {"A": Key(), "B": Key()}
        self.create(self.a, "A", "B", 1, f"Endpoint = 192.168.0.2:{PORT}\nPersistentKeepalive = 25\n")
        self.create_b()
        self.before = self.showconf()

    def create(self, space, mine, theirs, host, more=""):
        space.ip("link add wg0 type wireguard")
        space.run("wg setconf wg0 /dev/stdin", text=f"[Interface]\nPrivateKey = {self.keys[mine].private}\nListenPort = {PORT}\n[Peer]\n"
                  f"PublicKey = {self.keys[theirs].public}\nPresharedKey = {PSK}\nAllowedIPs = 10.8.0.{3 - host}/32, 10.9.{3 - host}.0/24\n{more}")
        space.ip(f"address add 10.8.0.{host}/24 dev wg0", "link set wg0 up")

    def create_b(self):
        self.create(self.b, "B", "A", 2)

    def showconf(self):
        return self.a.run("wg showconf wg0")

    def allowed_ips(self):
        return self.a.run("wg show wg0 allowed-ips").split()[1:]

    def allow(self, prefixes):
        self.a.run(f"wg set wg0 peer '{self.keys['B'].public}' allowed-ips {','.join(prefixes)}")

    def endpoint(self):
        return self.a.run("wg show wg0 endpoints").split()[-1]

    def loss(self, share, *underlays):
        for n in underlays:
            for space in (self.a, self.b):
                space.run(f"tc qdisc change dev u{n} root netem delay 5ms loss {share}%")


class Echo:
    """Datagrams from A to B through the tunnel, sent back from there; when each answer came."""

    def __init__(self, net):
        self.net, self.interval, self.answers, self.running = net, 0.02, [], True
        with net.a:
            self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with net.b:
            self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.bind(("0.0.0.0", 7))
        self.near.bind(("0.0.0.0", 7777))
        threading.Thread(target=self.reflect, daemon=True).start()
        threading.Thread(target=self.send, daemon=True).start()
        threading.Thread(target=self.receive, daemon=True).start()

    def reflect(self):
        while self.running:
            if select.select([self.far], [], [], 1)[0]:
                data, sender = self.far.recvfrom(64)
                self._try(self.far.sendto, data, sender)

    def send(self):
        while self.running:
            self._try(self.near.sendto, b"echo", ("10.8.0.2", 7))
            time.sleep(self.interval)

    def receive(self):
        while self.running:
            if select.select([self.near], [], [], 1)[0]:
                self.near.recv(64)
                self.answers.append(time.monotonic())

    @staticmethod
    def _try(call, *arguments):
        try:
            call(*arguments)
        except OSError:  # the interface is gone for now
            pass

    def first_after(self, since, limit=30):
        wait(lambda: self.answers and self.answers[-1] > since, limit, 0.01)
        return next((at - since for at in self.answers if at > since), None)

    def gap(self, since):
        """The longest time without an answer."""
        times = [since] + [at for at in self.answers if at > since] + [time.monotonic()]
        return max(after - before for before, after in zip(times, times[1:]))


def configuration(net):
    return (f'[endpoint]\nfail_back = "{BACK}s"\n[[adjacency]]\nname = "b"\ninterface = "wg0"\npeer = "{net.keys["B"].public}"\naddress = "10.8.0.2"\n'
            f'feeds = ["endpoint"]\nendpoints = ["192.168.0.2:{PORT}", "192.168.1.2:{PORT}"]\n')


class Test:
    def __init__(self):
        self.report, self.net = Report(), Net()
        self.echo = Echo(self.net)
        self.near = Wgbfd(self.net.a, configuration(self.net))
        self.far = Wgbfd(self.net.b, f'[[adjacency]]\nname = "a"\ninterface = "wg0"\npeer = "{self.net.keys["A"].public}"\naddress = "10.8.0.1"\n')

    def carries(self):
        begun = time.monotonic()
        took = self.echo.first_after(begun + 1)
        self.report.check(took is not None, f"the tunnel carries ({seconds(took)})")

    def start(self):
        self.near.start()
        self.far.start()
        self.up("at the start")

    def up(self, what, limit=30):
        took = wait(lambda: bfd_up(self.near.row("b")) and bfd_up(self.far.row("a")), limit)
        self.report.check(took is not None, f"{what}: BFD is Up at both ends {seconds(took)} later")
        time.sleep(3)

    def gone_back(self):
        """The peer may have come by the other underlay, where WireGuard follows it by itself."""
        wait(lambda: self.net.endpoint() == f"192.168.0.2:{PORT}", 3 * BACK, 0.2)

    def failover(self):
        """The underlay in use is cut: the other one. Then the preferred one, dead and alive again."""
        report, net, echo = self.report, self.net, self.echo
        cut = time.monotonic()
        net.loss(100, 0)
        moved = wait(lambda: net.endpoint() == f"192.168.1.2:{PORT}", 30)
        report.check(moved is not None, f"the underlay is cut: WireGuard sends to the other one ({net.endpoint()})")
        echo.first_after(time.monotonic())
        took, limit = echo.gap(cut), DETECTION + ROUND_TRIP + 0.1
        report.check(took <= limit, f"{took * 1000:.0f} ms without an answer (limit {limit * 1000:.0f} ms)")
        report.check(bool(self.near.undo_records()), "the old endpoint is recorded for undo")
        self.up("after the failover")
        before, since = self.near.row("b")["bfd"]["downs"], time.monotonic()
        tried = wait(lambda: "action=fail-back" in self.near.log.read_text(), BACK + 20, 0.2)
        time.sleep(1)
        report.check(tried is not None and net.endpoint() == f"192.168.1.2:{PORT}" and self.near.row("b")["bfd"]["downs"] == before,
                     f"the preferred one, still dead, is tried {seconds(tried)} later and left: no Down, {echo.gap(since) * 1000:.0f} ms without an answer")
        since = time.monotonic()
        net.loss(0, 0)
        took = wait(lambda: net.endpoint() == f"192.168.0.2:{PORT}", 3 * BACK + 20, 0.2)
        time.sleep(2)
        report.check(took is not None and self.near.row("b")["bfd"]["downs"] == before and echo.gap(since) < DETECTION,
                     f"alive again, it is gone back to {seconds(took)} later: no Down, {echo.gap(since) * 1000:.0f} ms without an answer at most")
        report.check(net.showconf() == net.before, "wg showconf says what it said before")
        gone = wait(lambda: not self.near.undo_records(), 10)
        report.check(gone is not None, f"and nothing is left to undo {self.near.undo_records()}")

    def reboot(self, away, what, limit):
        """B loses its keys, and does not call: it knows no endpoint of A."""
        self.net.b.ip("link del wg0")
        time.sleep(away)
        self.net.create_b()
        back = time.monotonic()
        took = self.echo.first_after(back)
        sentence = f"{what}: the peer comes back without its keys after {away} s: answers {seconds(took)} after its return"
        if limit is None:
            self.report.tell(sentence)
        else:
            self.report.check(took is not None and took <= limit, f"{sentence} (limit {limit} s)")

    def wide(self):
        """New keys for a peer whose allowed-ips take the kernel several messages: it has them all, or has lost none."""
        narrow = self.net.allowed_ips()
        self.net.allow(narrow + [f"10.{200 + n // 250}.{n % 250}.0/24" for n in range(WIDE)])
        before = self.net.showconf()
        time.sleep(3)  # until wgbfd has read them
        self.reboot(4, f"{WIDE:,} more allowed-ips", 1.0)
        self.up("after that")
        self.gone_back()
        kept = len(self.net.allowed_ips())
        self.report.check(self.net.showconf() == before and kept == len(narrow) + WIDE, f"wg showconf says what it said before: {kept:,} allowed-ips")
        self.net.allow(narrow)

    def long_cut(self, what, limit):
        self.net.loss(100, 0, 1)
        self.echo.interval = 1
        time.sleep(200)
        self.echo.interval = 0.02
        time.sleep(2)
        mended = time.monotonic()
        self.net.loss(0, 0, 1)
        took = self.echo.first_after(mended)
        sentence = f"{what}: after a cut of 200 s, answers {seconds(took)} after its end"
        if limit is None:
            self.report.tell(sentence)
        else:
            self.report.check(took is not None and took <= limit, f"{sentence} (limit {limit} s)")

    def ends(self):
        """SIGTERM, and kill -9 and undo, while the other endpoint is in use."""
        for how in ("SIGTERM", "kill -9 and undo"):
            self.net.loss(100, 0)
            wait(lambda: self.net.endpoint() == f"192.168.1.2:{PORT}", 10)
            if how == "SIGTERM":
                self.net.loss(100, 1)  # or the peer's next packet tells WireGuard where it is, as without us
                time.sleep(0.1)
                status = self.near.terminate()
            else:
                self.near.kill_both()
                self.net.loss(100, 1)
                time.sleep(0.1)
                status = self.near.cli("undo")[0]
            self.report.check(status == 0 and self.net.showconf() == self.net.before, f"{how}: status {status}, wg showconf says what it said before ({self.net.endpoint()})")
            self.net.loss(0, 0, 1)
            if how == "SIGTERM":
                self.near.start()
                self.up("started again")


def main():
    test = Test()
    if FULL:
        test.carries()
        test.reboot(2, "without wgbfd", None)
        test.carries()
        test.reboot(20, "without wgbfd", None)
        test.carries()
        test.long_cut("without wgbfd", None)
    else:
        test.carries()
        test.reboot(2, "without wgbfd", None)
    time.sleep(2)
    test.start()
    test.failover()
    for away in ((2, 5, 20, 60) if FULL else (4,)):
        test.reboot(away, "wgbfd", 1.0)
        test.up("after that")
    test.gone_back()
    test.report.check(test.net.showconf() == test.net.before, "wg showconf says what it said before: psk, allowed-ips, keepalive")
    test.wide()
    if FULL:
        test.long_cut("wgbfd", 1.5)
        test.up("after that")
    test.gone_back()
    test.ends()
    return test.report.close()


if __name__ == "__main__":
    sys.exit(main())
