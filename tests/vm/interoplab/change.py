"""The second part: timers change while sessions run, first at our end, then at the other; slower, then fast again."""
import time

from . import wire
from .cells import TITLES, even
from .table import agreement

SETTLED = 2  # seconds after a change: a poll of 200 ms timers is long over
STEPS = ((True, even(120)), (True, even(50)), (False, even(200)), (False, even(50)))  # ours or theirs


def all_changes(lab, full, report):
    """The cells of 50 ms take part; whatever else there is goes on beside them."""
    for ours, side in STEPS if full else STEPS[:3]:
        _step(lab, [cell.name for cell in lab.cells if _takes_part(cell, ours)], ours, side, report)


def _takes_part(cell, ours):
    shared = cell.engine == "bird" and cell.several_hops and not ours  # BIRD has one set of timers for these
    return cell.timers.key == "50" or shared


def _step(lab, chosen, ours, side, report):
    old = {cell.name: cell for cell in lab.cells}
    cells = [cell.with_timers(**{"near" if ours else "far": side}) if cell.name in chosen else cell for cell in lab.cells]
    before = lab.facts()
    captures = {node: wire.Capture(lab.net.nodes[node], sorted({cell.interface or "mh" for cell in cells if cell.name in chosen
                                                                and node in ("us", cell.node)})) for node in ("us", "two")}
    time.sleep(0.3)
    lab.cells = cells
    if ours:
        lab.us.change(cells)
    else:
        for name, engine in lab.far.items():
            engine.change([cell for cell in cells if cell.engine == name])
    lab.us.cells = cells
    for name, engine in lab.far.items():
        engine.cells = [cell for cell in cells if cell.engine == name]
    time.sleep(SETTLED)
    after = lab.facts()
    packets = {node: capture.take() for node, capture in captures.items()}
    print(f"\n{'we' if ours else 'they'} change to {side} ms")
    for cell in cells:
        if cell.name in chosen:
            _judge(lab, cell, old[cell.name], ours, side, packets, (before[cell.name], after[cell.name]), report)
    calm = [cell.name for cell in cells if _downs(before[cell.name], after[cell.name])]
    report.check(not calm, f"no session of {len(cells)} counts a Down meanwhile" + (f": {', '.join(calm)}" if calm else ""))


def _judge(lab, cell, old, ours, side, packets, facts, report):
    far = cell.address(cell.node)
    interface = cell.interface or "mh"
    at_us, at_two = ([packet for packet in packets[node].get(interface, []) if far in (packet.source, packet.target)]
                     for node in ("us", "two"))
    seen = wire.sequence(at_us, ours, side)
    was = max(old.timers.near.tx, old.timers.far.rx)
    # Stock daemons may poll once for each line of their configuration: what they announce last is in the agreement.
    problems = seen.problems(was, strict=ours) + agreement(lab, cell, facts[1])
    if cell.engine == "wgbfd" and not ours:  # judged where it sends: WireGuard may have to wait for the one processor
        problems += wire.sequence(at_two, True, side).problems(was, strict=True)
    if not ours and seen.answer_ms > 5:
        problems.append("our Final is late")
    if _downs(*facts):
        problems.append("a Down")
    report.check(not problems, f"{TITLES[cell.engine]}, {cell.family}: {'we' if ours else 'they'} change {was} to {side} ms: "
                 f"{seen.polls} Poll, {seen.finals} Final after {seen.answer_ms:.2f} ms, {len(at_us)} packets"
                 + (f" ({'; '.join(problems)})" if problems else ""))
    if problems:
        print("\n".join(wire.trace(at_us) + ["    where wgbfd sends:"] * bool(at_two) + wire.trace(at_two)))


def _downs(before, after):
    return any(early is None or late is None or late.downs != early.downs for early, late in zip(before, after))
