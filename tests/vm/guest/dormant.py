"""The feed link on wg0 of A: operstate DORMANT while the peer is down, and back; whatever happens to the daemon meanwhile."""
import time

from . import links
from .daemon import bfd_up
from .report import seconds, wait


def dormant(report, net, near, full):
    case = _Case(report, net, near)
    case.untouched()
    case.there_and_back()
    case.what_the_kernel_does()
    case.down_and_up(keep=True)
    if full:
        case.down_and_up(keep=False)
    case.killed_and_adopted()
    case.killed_and_undone()
    case.terminated()


def _after_up(states):
    return states[states.index("UP"):] if "UP" in states else []


class _Case:
    def __init__(self, report, net, near):
        self.report, self.net, self.near, self.space = report, net, near, net.a
        self.key = net.keys["wg0"]["B"].public

    def state(self):
        return links.operstate(self.space, "wg0")

    def row(self):
        return self.near.by_peer().get(self.key)

    def reaches(self, state, limit=15):
        return wait(lambda: self.state() == state, limit, 0.01)

    def ends_down(self):
        """Cut until wg0 is DORMANT."""
        self.net.cut()
        return self.reaches("DORMANT")

    def ends_up(self, state="UP"):
        """Mended until the session is Up and wg0 shows it."""
        self.net.mend()
        up = wait(lambda: bfd_up(self.row()), 20, 0.01)
        return None if up is None else self.reaches(state)

    def stays(self, state, duration):
        end = time.monotonic() + duration
        while time.monotonic() < end:
            if self.state() != state:
                return False
            time.sleep(0.02)
        return True

    def untouched(self):
        watch = links.Watch(self.space, "wg0")
        time.sleep(5)
        self.report.check(self.state() == "UNKNOWN" and not watch.states() and not self.near.undo_records(),
                          f"while all is well operstate stays UNKNOWN: {self.state()}, {len(watch.states())} changes announced in 5 s, "
                          f"{len(self.near.undo_records())} undo records")
        watch.stop()

    def there_and_back(self):
        watch = links.Watch(self.space, "wg0")
        took = self.ends_down()
        link = links.link(self.space, "wg0")
        self.report.check(took is not None and "RUNNING" not in link["flags"] and "UP" in link["flags"],
                          f"the underlay is cut: wg0 is {self.state()} {seconds(took)} later, without RUNNING and still UP: {link['flags']}")
        told = (self.row() or {}).get("feeds", {}).get("link", {}).get("told")
        self.report.check(told == "down" and len(self.near.undo_records()) == 1, f"status says what was told ({told}), and there is an undo record: "
                          f"{self.near.undo_records()}")
        self.report.check(self.row()["bfd"]["packets_sent"] > 0 and self._still_probes(), "packets still pass: probing goes on")
        took = self.ends_up()
        self.report.check(took is not None and not self.near.undo_records(), f"mended: the session is Up, wg0 UP {seconds(took)} later, no undo record left")
        wait(lambda: "UP" in watch.states(), 5)  # who writes it down is another process
        self.report.check(watch.states() == ["DORMANT", "UP"], f"the kernel announced: {watch.states()}")
        watch.stop()

    def _still_probes(self):
        before = self.row()["bfd"]["packets_sent"]
        time.sleep(3)
        return self.row()["bfd"]["packets_sent"] >= before + 2

    def what_the_kernel_does(self):
        """Without wgbfd: told, not judged. (A link-local address of WireGuard's is gone for good after down: the kernel keeps none.)"""
        self.space.ip("link add spare type wireguard", "address add fd55::5/64 dev spare nodad", "link set spare up")
        self.space.run("sysctl -qw net.ipv6.conf.spare.keep_addr_on_down=1")
        links.set_operstate(self.space, "spare", "DORMANT")
        self.space.ip("link set spare down", "link set spare up")
        time.sleep(1)
        routes = self.space.run("ip -6 route show dev spare").split("\n")[0]
        addresses = self.space.run("ip -o -6 address show dev spare").split()[3:4]
        self.report.tell(f"by itself the kernel, after down and up while DORMANT: {links.operstate(self.space, 'spare')}, address "
                         f"{' '.join(addresses) or 'gone'}, its route {routes or 'is gone'}")
        self.space.ip("link del spare")

    def down_and_up(self, keep):
        self.space.run(f"sysctl -qw net.ipv6.conf.wg0.keep_addr_on_down={int(keep)}")
        addresses, routes = self._addresses(), self._routes()
        self.ends_down()
        self.space.ip("link set wg0 down")
        time.sleep(1)
        watch = links.Watch(self.space, "wg0")
        self.space.ip("link set wg0 up")
        took = wait(lambda: "DORMANT" in _after_up(watch.states()), 5, 0.01)  # wgbfd sets it UP first
        states = watch.states()
        watch.stop()
        if keep:
            back = self._addresses() == addresses and self._routes() == routes
            self.report.check(took is not None and took < 1.5 and back, f"down and up while DORMANT: UP at once, DORMANT again after {seconds(took)}, with "
                              f"all addresses and routes of before ({', '.join(sorted(addresses))}; {len(routes)} IPv6 routes); announced: {states}")
            if not back:
                self.report.tell(f"now {sorted(self._addresses())}, {self._routes()}; before {routes}")
        else:
            self.report.check(took is not None and 1.5 < took < 3, f"the same where the kernel drops IPv6 addresses with the link: DORMANT again after "
                              f"{seconds(took)} (waits 2 s for what it had); left: {', '.join(sorted(self._addresses()))}")
            self.space.ip(*(f"address add {one} dev wg0 nodad" for one in addresses - self._addresses()))
        took = self.ends_up()
        self.report.check(took is not None and not self.near.undo_records(), "    mended: UP, no undo record left")

    def _addresses(self):
        return {line.split()[3] for line in self.space.run("ip -o address show dev wg0").splitlines()}

    def _routes(self):
        return sorted(line.split(" proto")[0] for line in self.space.run("ip -6 route show dev wg0").splitlines())

    def killed_and_adopted(self):
        self.ends_down()
        self.near.kill_both()
        self.report.check(self.stays("DORMANT", 5) and len(self.near.undo_records()) == 1, "kill -9 of guardian and worker: DORMANT and its undo record stand")
        watch = links.Watch(self.space, "wg0")
        self.near.start()
        time.sleep(10)
        self.report.check(self.state() == "DORMANT" and not watch.states(),
                          f"the next start adopts it: still {self.state()} after 10 s, announced meanwhile: {watch.states() or 'nothing'}")
        watch.stop()
        took = self.ends_up()
        self.report.check(took is not None and not self.near.undo_records(), f"    mended: UP {seconds(took)} after the session, no undo record left")

    def killed_and_undone(self):
        self.ends_down()
        self.near.kill_both()
        status, text = self.near.cli("undo")
        self.report.check(status == 0 and self.state() == "UP" and not self.near.undo_records(),
                          f"kill -9 of both, then `wgbfd undo`: status {status}, {self.state()}, no undo record left ({text.strip()})")
        status, text = self.near.cli("undo")
        self.report.check(status == 0 and self.state() == "UP", "undo once more: nothing to do, status 0")
        self.near.start()
        self.ends_up()

    def terminated(self):
        self.ends_down()
        begun = time.monotonic()
        status = self.near.terminate()
        self.report.check(status == 0 and self.state() == "UP" and not self.near.undo_records(),
                          f"SIGTERM while DORMANT: status {status} after {time.monotonic() - begun:.3f} s, {self.state()}, no undo record left")
        self.net.mend()
        self.near.start()
        up = wait(lambda: bfd_up(self.row()), 20)
        self.report.check(up is not None, f"and started again: Up after {seconds(up)}")
