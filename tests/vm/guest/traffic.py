"""Traffic between the two LANs of lifecycle.py, by routes that BGP has told over t-bgp, and what becomes of these routes meanwhile."""
import os
import signal

from interoplab import admin
from wgbfdlab import ping
from wgbfdlab.nodes import children

from .report import wait

NODES = ("us", "two")


class Traffic:
    def __init__(self, ends):
        self.nodes = {name: ends.net.nodes[name] for name in NODES}
        for name, node in self.nodes.items():
            node.run(["ip", "link", "add", "lan", "type", "dummy"])
            node.run(["ip", "address", "add", f"{admin.lan(name)}.1/24", "dev", "lan"])
            node.run(["ip", "link", "set", "lan", "up"])
        self.monitors, self.pings = [], None

    def routes(self):
        """To the LAN at the other end, as the kernels have them."""
        return {name: self.nodes[name].run(["ip", "route", "show", f"{admin.lan(other)}.0/24"]).stdout.strip() for name, other in (NODES, NODES[::-1])}

    def start(self, report):
        report.check(wait(lambda: all(self.routes().values()), 20, 0.2) is not None, f"BGP has told each LAN of the other: {self.routes()}")
        self.before = self.routes()
        self.monitors = [node.spawn(["ip", "-o", "monitor", "route"], "routes.out") for node in self.nodes.values()]
        self.pings = self.nodes["us"].spawn(["ping", "-i", "0.02", "-I", f"{admin.lan('us')}.1", f"{admin.lan('two')}.1"], "ping.out")

    def end(self, report, what):
        for process in (self.pings, *self.monitors):
            for pid in children(process.pid) or [process.pid]:  # who entered the node waits for it
                os.kill(pid, signal.SIGINT)
            process.wait(10)
        moved = [f"{name}: {line}" for name, node in self.nodes.items() for line in (node.logs / "routes.out").read_text().splitlines()
                 if any(admin.lan(one) in line for one in NODES)]
        report.check(not moved and self.routes() == self.before, f"{what}: no route moved at either end {moved[:3] or ''}".rstrip())
        text = (self.nodes["us"].logs / "ping.out").read_text()
        lost = ping.lost(text)
        report.check(not lost, f"{what}: the traffic between the LANs lost nothing: "
                     f"{next((line for line in text.splitlines() if 'loss' in line), text[-200:])} {lost[:20] or ''}".rstrip())
