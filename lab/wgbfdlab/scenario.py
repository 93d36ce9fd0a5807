"""The scenarios: what is done to a standing network while the stream crosses it, and the result as plain data.

A scenario waits for states, not for times; what must move when a path dies is derived from what the node runs.
"""
import os
import time
from dataclasses import dataclass, field

from .daemons import Daemons
from .network import wait_until
from .topology import LabError

SETTLE = 2.0        # the stream before the first act and after the last
MOVE_LIMIT = 45
RETURN_LIMIT = 90


@dataclass
class Result:
    """One run of a scenario."""
    cut_at: float
    restore_at: float
    end_at: float
    record: object
    moments: list
    notes: dict = field(default_factory=dict)


class Act:
    """One run in progress: what the scenarios below use."""

    def __init__(self, network):
        self.network = network
        self.cut = network.topology.cut
        self.near, self.far = self.cut.near, self.cut.far
        self.start = time.time()
        self.cut_at = self.restore_at = self._cut_done = None
        self.notes = {}
        self._stream = network.stream()
        time.sleep(SETTLE)

    def mark_cut(self, begun, done=None):
        """The first of several counts. A cut takes effect somewhere in [begun, done]."""
        if self.cut_at is None:
            self.cut_at, self._cut_done = begun, done

    def mark_restore(self, at):
        self.restore_at = at

    def moments(self):
        return [moment for moment in self.network.moments() if moment.at >= self.start]

    def daemons(self, tunnel) -> Daemons:
        return self.network.daemons[tunnel.node]

    def _latest(self, who, tunnel):
        found = [m for m in self.moments() if m.who == who and m.node == tunnel.node
                 and (m.interface, m.peer) == (tunnel.interface, tunnel.peer)]
        return found[-1].state if found else None

    def _routers(self, tunnel):
        """The routing protocol over that node's tunnels, as moments call it; BGP beside OSPF runs between loopbacks."""
        names = self.daemons(tunnel).names
        return next(([who] for who, daemon in (("ospf", "ospfd"), ("bgp", "bgpd")) if daemon in names), [])

    def _probers(self, tunnel):
        return ["bfd"] if {"bfdd", "wgbfd"} & set(self.daemons(tunnel).names) else []

    def _route(self, tunnel):
        found = [m for m in self.moments() if m.who == "route" and m.node == tunnel.node]
        return found[-1].state if found else None

    def wait_moved(self, ends=None):
        """BFD and routing at these ends of the tunnel have seen that it is dead; the near end's route has left it."""
        def missing():
            late = [f"{who} down at {end.node}" for end in ends or (self.near, self.far)
                    for who in self._probers(end) + self._routers(end) if not self._went_down(who, end)]
            if self._watched() and self._route(self.near) in (None, self.near.interface, "none"):
                late.append(f"the route at {self.near.node} to move")
            return late
        wait_until(lambda: not missing(), MOVE_LIMIT, lambda: "; ".join(missing()))

    def _went_down(self, who, tunnel):
        return any(m.who == who and m.state == "down" and m.at >= self.cut_at and m.node == tunnel.node
                   and (m.interface, m.peer) == (tunnel.interface, tunnel.peer) for m in self.moments())

    def wait_returned(self):
        """Whatever went down since the start is up again, and the route prefers the tunnel again."""
        def missing():
            late = [f"{who} up at {end.node}" for end in (self.near, self.far)
                    for who in self._probers(end) + self._routers(end) if self._latest(who, end) not in (None, "up")]
            if self._watched() and self._route(self.near) not in (None, self.near.interface):
                late.append(f"the route at {self.near.node} to return")
            return late
        wait_until(lambda: not missing(), RETURN_LIMIT, lambda: "; ".join(missing()))

    def _watched(self):
        return self.network.nodes[self.near.node].spec.watch

    def rest(self, seconds):
        time.sleep(seconds)

    def finish(self):
        self.rest(SETTLE)
        end = time.time()
        record = self._stream.record()
        self.mark_cut(end)
        if self._cut_done:  # the stream knows it to the millisecond
            self.cut_at = record.first_lost(self.cut_at, self._cut_done + 0.02) or self.cut_at
        return Result(self.cut_at, self.restore_at or end, end, record, self.moments(), self.notes)

    def abandon(self):
        self._stream.record()


def cut(act, one_way=False):
    """The underlay of the first tunnel drops everything, silently; later it carries again."""
    with act.network.prepared_cut(one_way) as fire:
        act.mark_cut(*fire())
    act.wait_moved()
    act.rest(2)
    with act.network.prepared_restore() as fire:
        act.mark_restore(fire()[0])
    act.wait_returned()


def one_way_cut(act):
    """Only the stream's direction is dropped: the far end is deaf, the near end still hears."""
    cut(act, one_way=True)


def peer_reboot(act):
    """The far end's WireGuard is restarted: interface, keys and sessions gone for 2 s."""
    gone, back = act.network.remake_wireguard(act.far, pause=2.0)
    act.mark_cut(gone)
    act.mark_restore(back)
    act.wait_moved([act.near])
    act.wait_returned()


def daemon_kill(act):
    """kill -9 at the near end: wgbfd's worker (or guardian and worker), or stock bfdd; what is not restarted by itself
    is started again after 5 s."""
    daemons = act.daemons(act.near)
    act.mark_cut(time.time())
    if daemons.has_wgbfd:
        _kill_wgbfd(act, daemons)
    elif "bfdd" in daemons.names:
        os.kill(daemons.frr_pid("bfdd"), 9)
        act.rest(5)
        act.mark_restore(time.time())
        daemons.start("bfdd")
    else:
        act.notes["killed"] = "nothing: there is no BFD daemon in this mode"
    _wait_all_up(act)


def _kill_wgbfd(act, daemons):
    guardian, worker = daemons.guardian()
    if not worker:
        raise LabError("wgbfd has no guardian and worker")
    if act.network.settings.both:
        os.kill(guardian, 9)
    os.kill(worker, 9)
    if act.network.settings.both:
        act.notes["killed"] = "guardian and worker"
        act.rest(5)
        act.mark_restore(time.time())
        daemons.start("wgbfd")
        return
    act.notes["killed"] = "worker"
    wait_until(lambda: daemons.guardian()[1] not in (None, worker), 10, lambda: "a new worker", pause=0.005)
    act.mark_restore(time.time())
    act.notes["new_worker_ms"] = round((act.restore_at - act.cut_at) * 1000)
    _wait_all_up(act)
    act.notes["worker_restarts"] = daemons.status().get("worker_restarts")


def stop(act):
    """SIGTERM to wgbfd (or bfdd) at the near end, and a start after 5 s: routing should not notice."""
    daemons = act.daemons(act.near)
    act.mark_cut(time.time())
    name = "wgbfd" if daemons.has_wgbfd else "bfdd"
    if name in daemons.names:
        pid = daemons.guardian()[0] if name == "wgbfd" else daemons.frr_pid(name)
        os.kill(pid, 15)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 10, lambda: f"{name} to end after SIGTERM")
        act.notes["ended_after_ms"] = round((time.time() - act.cut_at) * 1000)
        act.rest(5)
        act.mark_restore(time.time())
        daemons.start(name)
    _wait_all_up(act)


def _wait_all_up(act):
    waits = ""

    def ready():
        nonlocal waits
        try:
            waits = next(filter(None, (act.daemons(end).not_ready() for end in (act.near, act.far))), "")
        except LabError as error:
            waits = str(error)
        return not waits
    act.rest(3)
    wait_until(ready, RETURN_LIMIT, lambda: waits, pause=0.2)
    act.wait_returned()


def flap(act, times=5, dead=1.0, alive=2.0):
    """Five cuts of one second, two seconds apart: shorter than any hold timer."""
    for _ in range(times):
        with act.network.prepared_cut() as fire:
            act.mark_cut(*fire())
        act.rest(dead)
        with act.network.prepared_restore() as fire:
            act.mark_restore(fire()[0])
        act.rest(alive)
    act.wait_returned()


def routing_daemon_restart(act):
    """SIGTERM to the near end's routing daemon, a start after 2 s: what it routes waits for it, BFD does not notice."""
    daemons = act.daemons(act.near)
    name = daemons.router
    pid = daemons.pid_of(name)
    act.mark_cut(time.time())
    os.kill(pid, 15)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 20, lambda: f"{name} to end after SIGTERM")
    act.rest(2)
    act.mark_restore(time.time())
    daemons.start(name)
    act.notes["restarted"] = name
    _wait_all_up(act)


def config_reload(act):
    """wgbfd reads a file with the double interval and then the old one again, and so does BIRD: nothing falls, nothing is lost."""
    daemons = act.daemons(act.near)
    act.mark_cut(time.time())
    if daemons.has_wgbfd:
        usual = act.network.settings.interval_us
        for interval_us in (2 * usual, usual):
            act.mark_restore(time.time())
            daemons.reload_wgbfd(interval_us)
            in_force = usual if daemons.feed in ("frr-bfd", "both") else interval_us  # what bfdd asks for stands
            wait_until(lambda: daemons.intervals() == {in_force}, 20, lambda: f"{in_force} us between packets, not {daemons.intervals()}")
    if "bird" in daemons.names:
        act.notes["bird"] = daemons.reload_bird()
    _wait_all_up(act)


SCENARIOS = {"cut": cut, "one-way-cut": one_way_cut, "peer-reboot": peer_reboot, "daemon-kill": daemon_kill,
             "stop": stop, "flap": flap, "routing-daemon-restart": routing_daemon_restart, "config-reload": config_reload}


def run(network, name):
    """Runs one scenario once."""
    act = Act(network)
    try:
        SCENARIOS[name](act)
    except BaseException:
        act.abandon()
        raise
    return act.finish()
