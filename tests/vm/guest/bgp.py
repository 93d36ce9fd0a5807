"""The four BGP sessions of interoplab, and when each was dropped: read from the daemons' own logs, which date to the microsecond."""
import datetime
import os
import re
import time

from interoplab import admin, engines
from interoplab.net import Net
from wgbfdlab import vty
from wgbfdlab.nodes import children

TITLES = {"f-deaf": "stock, BGP without BFD", "f-bgp": "stock bfdd 8.4.4", "b-bgp": "BIRD 2.0.12", "t-bgp": "wgbfd + bfdd"}
DROPPED = re.compile(r"^(\S+ \S+) BGP: .*%ADJCHANGE: neighbor ([0-9.]+)\S* in vrf \S+ Down (.*)$", re.M)
STARTED = re.compile(r"^(\S+) info started ", re.M)
BIRD_DROPPED = re.compile(r"^(\S+ \S+) <\S+> peering: (?:State changed to (?:stop|down|start)|(.*(?:Error|BFD|closed|Received).*))$", re.M)


class Ends:
    def __init__(self, interval_ms=admin.INTERVAL_MS, realtime=False):
        self.interval_ms = interval_ms
        self.net = Net([], admin.PEERINGS)
        nodes, public = self.net.nodes, self.net.public
        self.near = engines.Wgbfd(nodes["us"], [], public, admin.wgbfd_extra("us", public), realtime)
        self.far = engines.Wgbfd(nodes["two"], [], public, admin.wgbfd_extra("two", public), realtime)
        self.ours, self.second = admin.our_frr(nodes["us"], interval_ms), admin.second_frr(nodes["two"], interval_ms)
        self.stock = admin.far_frr(nodes["frr"], "bfd\n", interval_ms)
        self.bird = engines.Bird(nodes["bird"], [], admin.bird_bfd_interface(interval_ms), admin.bird_bgp().replace("ipv4 {", "debug { states, events }; ipv4 {"))
        self._maintenance = admin.Maintenance({"near": self.near, "ours": self.ours}, None)

    def start(self):
        frrs = (self.ours, self.stock, self.second)
        for daemon in ("zebra", "bfdd"):
            _ready([frr.start(daemon) for frr in frrs])
        _ready([self.bird.start()])
        self.near.start()
        self.far.start()
        _ready([frr.start("bgpd") for frr in frrs])

    def waits(self):
        """What is not up yet, in words."""
        found = self._maintenance.waits()
        if not found and admin.PEERINGS[3].address("us") not in self.second.established():
            found = "BGP of t-bgp not Established at the far end"
        return found or " ".join(name for name, up in self.bfdd_up().items() if not up)

    @staticmethod
    def title(one):
        return TITLES[one.interface]

    @staticmethod
    def mark():
        return time.time()

    def drops(self, one, since):
        """([(when, why)] at our end, the same at the far end) after `since`."""
        near = _frr_drops(self.ours, one.address(one.node), since)
        if one.node == "bird":
            found = [(_moment(at), why) for at, why in BIRD_DROPPED.findall(self.bird.log.read_text(errors="replace"))]
            down = [(at, why or "left Established") for at, why in found if at > since]
            return near, down[:1]
        return near, _frr_drops(self.stock if one.node == "frr" else self.second, one.address("us"), since)

    def bfdd_up(self):
        """{interface: is the session up} as our bfdd says."""
        names = {one.address(one.node): one.interface for one in admin.PEERINGS}
        peers = vty.ask_json(self.ours.node, "bfdd", "show bfd peers json")
        up = {names[row["peer"]]: row["status"] == "up" for row in peers if row["peer"] in names}
        return {name: up.get(name, False) for name in names.values()}

    def bfdd_told(self):
        """What our bfdd counts of each session's states, and of what it passed on."""
        peers = vty.ask_json(self.ours.node, "bfdd", "show bfd peers counters json")
        return {row["peer"]: [row.get(key) for key in ("session-up", "session-down", "zebra-notifications")] for row in peers}

    def restart(self):
        """`wgbfd restart` at our end: [what it says] when it fails."""
        done = self.near.node.run([engines.WGBFD, "restart"], check=False)
        return [] if done.returncode == 0 else [done.stdout + done.stderr]

    def far_row(self):
        """The session of t-bgp at its far end."""
        return self.far.rows()[admin.PEERINGS[3].name]["bfd"]

    def pids(self):
        """(guardian, worker) at our end; a worker that is not there is None."""
        guardian = children(self.near._process.pid)[0]  # pylint: disable=protected-access
        return guardian, next(iter(children(guardian)), None)

    def started(self, since):
        """When our wgbfd said so first after `since`; infinity: never."""
        text = (self.near.node.logs / "wgbfd.log").read_text(errors="replace")
        moments = (datetime.datetime.fromisoformat(at).timestamp() for at in STARTED.findall(text))
        return min((at for at in moments if at >= since - 0.001), default=float("inf"))

    def kill_both(self):
        for pid in self.pids():  # the guardian first: it starts no other worker
            os.kill(pid, 9)
        self.near._process.wait(10)  # pylint: disable=protected-access

    def kill_bfdd(self):
        self.ours.node.run(["sh", "-c", "kill -9 $(cat /run/frr/bfdd.pid)"])

    def start_bfdd(self):
        """At normal priority: its start would hold up all that probes on the one processor."""
        command = ["/usr/lib/frr/bfdd", "-d", "-f", "/etc/frr/bfdd.conf", "-i", "/run/frr/bfdd.pid", "--dplaneaddr", engines.DATA_PLANE]
        _ready([self.ours.node.spawn(command, "bfdd.out")])


def _frr_drops(frr, neighbour, since):
    path = frr.node.logs / "bgpd.log"
    text = path.read_text(errors="replace") if path.exists() else ""
    found = [(_moment(at), why) for at, who, why in DROPPED.findall(text) if who == neighbour]
    return [(at, why) for at, why in found if at > since]


def _moment(text):
    form = "%Y/%m/%d %H:%M:%S.%f" if "/" in text else "%Y-%m-%d %H:%M:%S.%f"
    return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc).timestamp()


def _ready(processes):
    """Daemons that go to the background when they can serve."""
    for process in processes:
        if process.wait(timeout=60) != 0:
            raise RuntimeError(f"{' '.join(map(str, process.args))} ends with status {process.returncode}")
