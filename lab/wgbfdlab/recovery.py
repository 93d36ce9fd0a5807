"""Scenarios of paths that come back in parts: one direction before the other, one tunnel of two before the other.

What a route may do meanwhile is told by notes: it moves once, when there is where to.
"""
from .act import RETURN_LIMIT
from .network import wait_until
from .topology import LabError

HALF_ALIVE = 4.0  # s that one direction alone lives: long enough for whoever takes that for a path
ALL_DEAD = 2.0    # s that both tunnels are dead
SECOND_ALONE = 2.0


def asymmetric_recovery(act):
    """Twice: both directions die, one comes back, and 4 s later the other; first the stream's comes first, then the other."""
    for first, name in enumerate(("the stream's", "the other")):
        cut = act.cut
        with act.network.prepared_cut() as fire:
            begun, done = fire()
        act.mark_cut(begun, done)
        act.wait_moved(since=begun)
        with act.network.prepared_dead(cut, cut.ways[1 - first]) as fire:
            half = fire()[0]
        act.rest(HALF_ALIVE)
        too_early = act.routes(half)
        with act.network.prepared_restore() as fire:
            whole = fire()[0]
        act.mark_restore(whole)
        act.wait_returned()
        act.rest(1)
        act.notes[f"route, {name} direction back first"] = f"{' '.join(too_early) or 'stays'}; once both are: {' '.join(act.routes(whole)) or 'stays'}"


def both_down(act):
    """The first tunnel dies, then the second; the second lives again, then the first."""
    second = act.network.topology.backup
    if not second:
        raise LabError(f"both-down: {act.network.topology.name} says by no lab.cut.backup where its second tunnel is cut")
    ends = (second.near, second.far)
    with act.network.prepared_cut() as fire:
        act.mark_cut(*fire())
    act.wait_moved()
    with act.network.prepared_dead(second, *second.ways) as fire:
        begun = fire()[0]
    act.wait_down(ends, begun)
    act.rest(ALL_DEAD)
    with act.network.prepared_dead(second) as fire:
        mended = fire()[0]
    act.wait_up(ends)
    act.watch_return("traffic back, ms after the second tunnel's mending", mended)
    wait_until(lambda: act.routes()[-1:] in ([], [second.near.interface]), RETURN_LIMIT, lambda: f"the route by {second.near.interface}, not {act.routes()}")
    act.rest(SECOND_ALONE)
    with act.network.prepared_restore() as fire:
        at = fire()[0]
    act.watch_loss("lost in the last second of the second tunnel alone", at - 1, at)
    act.mark_restore(at)
    act.wait_returned()
    act.rest(1)
    act.notes["route"] = " ".join(act.routes())


RECOVERIES = {"asymmetric-recovery": asymmetric_recovery, "both-down": both_down}
