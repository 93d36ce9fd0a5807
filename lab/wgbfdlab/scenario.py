"""The scenarios that cut a path, or end and start what speaks; `run` knows those of impairments.py, faults.py, moves.py and recovery.py too.

A scenario waits for states, not for times.
"""
import os
import time

from .act import RETURN_LIMIT, Act
from .faults import FAULTS
from .impairments import IMPAIRMENTS
from .moves import MOVES
from .network import wait_until
from .recovery import RECOVERIES
from .topology import LabError


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
    """The far end's WireGuard is restarted: interface, keys and sessions gone for 2 s, or a little more than the detection time."""
    gone, back = act.network.remake_wireguard(act.far, pause=act.network.settings.at_least(2.0))
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
    wait_until(lambda: daemons.guardian()[1] not in (None, worker), 30, lambda: "a new worker", pause=0.005)
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
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 30, lambda: f"{name} to end after SIGTERM")
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
    """Five cuts of one second, or a little more than the detection time where that is longer, two seconds apart: shorter than any hold timer."""
    dead = act.network.settings.at_least(dead)
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
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 30, lambda: f"{name} to end after SIGTERM")
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
            wait_until(lambda: daemons.intervals() == {in_force}, 60, lambda: f"{in_force} us between packets, not {daemons.intervals()}")
    if "bird" in daemons.names:
        act.notes["bird"] = daemons.reload_bird()
    _wait_all_up(act)


SCENARIOS = {"cut": cut, "one-way-cut": one_way_cut, "peer-reboot": peer_reboot, "daemon-kill": daemon_kill,
             "stop": stop, "flap": flap, "routing-daemon-restart": routing_daemon_restart, "config-reload": config_reload,
             **IMPAIRMENTS, **FAULTS, **MOVES, **RECOVERIES}


def run(network, name):
    """Runs one scenario once."""
    act = Act(network, name)
    try:
        SCENARIOS[name](act)
    except BaseException:
        act.abandon()
        raise
    return act.finish()
