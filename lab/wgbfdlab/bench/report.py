"""Results as data and as a table: medians with their spread, and ratios made round by round, so that what the machine
did meanwhile touches both sides of each."""
import math
import statistics
from collections import Counter
from itertools import groupby

from .stress import WORDS

# An end starved when it sent less than ENOUGH of its packets, and stood without a processor for DENIED of what is missing: silence that
# nothing kept it from breaking is its own failure. So is any delay that it alone tells of.
ENOUGH = 0.95
DENIED = 0.5
AWAY = 2  # or when a processor was away for as many intervals, of the three that an end may be silent

HEADINGS = ("engine", "µs/packet", "against wgbfd", "cores", "µs/s a session", "wake-ups/s", "RSS MB (PSS)", "up after s",
            "held at the ends", "false Downs near/far", "machine busy, %", "waited near/far, %", "host took: longest ms, steal %")


def cell_key(result):
    wish = result.wish
    return wish.sessions, wish.interval_ms, list(WORDS).index(wish.stress), wish.realtime, wish.far or "", wish.far_realtime


def by_cell(results):
    """{cell: {engine: [Result, …]}}, in order of size."""
    cells = {}
    for key, group in groupby(sorted(results, key=cell_key), key=cell_key):
        engines = cells[key] = {}
        for result in group:
            engines.setdefault(result.wish.engine, []).append(result)
    return cells


def ratios(ours, theirs):
    """Theirs over ours, of the rounds in which both were measured."""
    return [b.per_packet_us / a.per_packet_us for a, b in zip(ours, theirs) if a.held and b.held and a.per_packet_us > 0]


def spread(values, form="{:.1f}"):
    values = list(values)
    if not values:
        return "–"
    middle = form.format(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({form.format(min(values))}–{form.format(max(values))})"


def downs(results):
    """Counted at both ends; a Down while an end did not get to run says nothing about the engine at the other."""
    near, far = (sum(getattr(result, end).downs for result in results) for end in ("near", "far"))
    fallen = max(max(result.near.fallen, result.far.fallen) for result in results)
    text = f"{near}/{far} in {sum(result.seconds for result in results):.0f} s" + (f", {fallen} sessions" if fallen else "")
    ends = (("near end", "near"), ("peer", "far"))
    words = [starved(name, end, results) for name, end in ends] + [late(name, end, results) for name, end in ends]
    return f"{text} ({'; '.join(filter(None, words))})" if any(words) else text


def starved(name, end, results):
    """How an end was kept from running, in words, by what the kernel and the witness count alone: silence that no engine at the other end
    can tell from a fault."""
    lacking = [(getattr(result, end).share, getattr(result, end).waited, result.steal) for result in results if _denied(result, end)]
    words = ["{:.0%} of its packets, {:.0%} of the time waiting for a processor, {:.0%} stolen".format(*min(lacking))] if lacking else []
    gap = max(result.gap_ms or 0.0 for result in results)
    if gap > AWAY * results[0].wish.interval_ms:
        words.append(f"a processor was away for {gap:.0f} ms")
    return f"{name} starved: {', '.join(words)}" if words else ""


def _denied(result, end):
    its = getattr(result, end)
    return its.share is not None and its.share < ENOUGH and its.waited + result.steal >= DENIED * (1 - its.share)


def late(name, end, results):
    """What wgbfd says of itself, for the reader. It excuses nothing."""
    most = max(getattr(result, end).late_ms for result in results)
    return f"{name} says that it woke {most:.0f} ms late" if most > AWAY * results[0].wish.interval_ms else ""


def row(engine, results, ours):
    held = [result for result in results if result.held]
    if not held:
        most = max(result.came_up for result in results)
        return [engine, *["–"] * 6, "never", f"{most} of {results[0].wish.sessions} within {results[0].wish.up_limit:.0f} s", *["–"] * 4]
    sessions = held[0].wish.sessions
    return [engine, spread(result.per_packet_us for result in held),
            "1" if results is ours else spread(ratios(ours, results), "{:.2f}"),
            spread((result.near.cores for result in held), "{:.3f}"),
            spread((result.near.cores * 1e6 / sessions for result in held), "{:.0f}"),
            spread((result.wakeups_per_s for result in held), "{:,.0f}"),
            f"{max(r.rss_kib for r in held) / 1024:.1f} ({max(r.pss_kib for r in held) / 1024:.1f})",
            spread(result.up_after for result in held),
            " and ".join(str(min(getattr(result, end).up for result in held)) for end in ("near", "far")),
            downs(held), spread((result.machine_busy * 100 for result in held), "{:.0f}"),
            "/".join(f"{max(getattr(result, end).waited for result in held) * 100:.1f}" for end in ("near", "far")), _taken(held)]


def _taken(results):
    gaps = [result.gap_ms for result in results if result.gap_ms is not None]
    return f"{f'{max(gaps):.1f}' if gaps else 'no witness'}; {max(result.steal for result in results) * 100:.1f}"


def title(key):
    sessions, interval, stress, realtime, far, far_realtime = key
    words = f"{sessions:,} × {interval} ms, {list(WORDS.values())[stress]}"
    words += ", engines at SCHED_FIFO 50" if realtime else ""
    words += f", far end {far}" if far else ""
    return words + (", far end at SCHED_FIFO 50" if far_realtime and not realtime else "")


def table(results):
    """Markdown: one table, a line for each cell and engine."""
    lines = ["| cell | " + " | ".join(HEADINGS) + " |", "|" + "---|" * (len(HEADINGS) + 1)]
    for key, engines in by_cell(results).items():
        ours = engines.get("wgbfd", [])
        for engine, its in engines.items():
            lines.append(f"| {title(key)} | " + " | ".join(row(engine, its, ours)) + " |")
    return "\n".join(lines) + "\n"


def overshoots(results):
    """How long beyond the detection time the Downs came, of all sessions of all rounds of a cell."""
    lines = []
    for key, engines in by_cell(results).items():
        for engine, its in engines.items():
            beyond = sorted(value for result in its for value in result.beyond_ms)
            missing = sum(result.never_down for result in its)
            if beyond or missing:
                figures = [statistics.median(beyond), beyond[math.ceil(0.99 * len(beyond)) - 1], beyond[-1]] if beyond else []
                words = "median {:.2f}, p99 {:.2f}, worst {:.2f} ms".format(*figures) if beyond else "none"
                lines.append(f"- {title(key)}: {engine} says Down beyond the detection time by {words}, {len(beyond)} sessions"
                             + (f"; {missing} said nothing" if missing else ""))
    return "\n".join(lines) + "\n" if lines else ""


def profiles(results):
    """Shares as µs per packet, so that an engine's can be held against those of the bare loop."""
    lines = []
    for result in results:
        if result.profile:
            lines += [f"{result.wish.engine}, {title(cell_key(result))}: {result.per_packet_us:.2f} µs a packet, of which",
                      *(f"  {share * result.per_packet_us:6.2f}  {share:5.1%}  {what}" for what, share in result.profile if share >= 0.005)]
    return "\n".join(lines) + "\n" if lines else ""


def refused(results):
    """What did not get through at the near end: what wgbfd dropped, by reason, and for every engine what found a socket's buffer full."""
    lines = []
    for key, engines in by_cell(results).items():
        for engine, its in engines.items():
            full = sum(result.near.buffer_errors for result in its)
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in _by_reason(its, full))
            words = [f"refused {reasons}"] if reasons else []
            words += [f"{full:,} found a socket's buffer full"] if full else []
            if words:
                seconds = sum(result.seconds for result in its)
                lines.append(f"- {title(key)}: {engine} in {seconds:.0f} s: {'; '.join(words)}{_flood(its)}")
    return "\n".join(lines) + "\n" if lines else ""


def _by_reason(results, full):
    """[(reason, count), …], the largest first. The kernel counts a full buffer among the socket's drops, as it does what the filter refused."""
    total = Counter()
    for result in results:
        total.update(result.near.dropped)
    total["by the socket's filter"] = max(0, total.pop("kernel", 0) - full)
    return [(reason, count) for reason, count in total.most_common() if count]


def _flood(results):
    rates = [result.flood_per_s for result in results if result.flood_per_s]
    return f" ({statistics.median(rates):,.0f}/s arrived)" if rates else ""
