"""Results as data and as a table: medians with their spread, and ratios made round by round, so that what the machine
did meanwhile touches both sides of each."""
import math
import statistics
from itertools import groupby

from .stress import WORDS

STARVED = 0.95  # of the packets it should have sent: below, an end did not get to run, or its sessions were down

HEADINGS = ("engine", "µs/packet", "against wgbfd", "cores", "µs/s a session", "wake-ups/s", "RSS MB (PSS)", "up after s",
            "held at the ends", "false Downs near/far", "machine busy, %")


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
    why = [words for name, end in (("near end", "near"), ("peer", "far")) if (words := starved(name, end, results))]
    return f"{text} ({'; '.join(why)})" if why else text


def starved(name, end, results):
    """How an end fell short, in words: silence of its own making, which no engine at the other end can tell from a fault."""
    shares = [getattr(result, end).share for result in results if getattr(result, end).share is not None]
    late = max(getattr(result, end).late_ms for result in results)
    words = []
    if shares and min(shares) < STARVED:
        words.append(f"{min(shares):.0%} of its packets")
    if late > 2 * results[0].wish.interval_ms:  # of the three intervals that it may be silent
        words.append(f"once {late:.0f} ms without a processor")
    return f"{name} starved: {', '.join(words)}" if words else ""


def row(engine, results, ours):
    held = [result for result in results if result.held]
    if not held:
        most = max(result.came_up for result in results)
        return [engine, *["–"] * 6, "never", f"{most} of {results[0].wish.sessions} within {results[0].wish.up_limit:.0f} s", "–", "–"]
    sessions = held[0].wish.sessions
    return [engine, spread(result.per_packet_us for result in held),
            "1" if results is ours else spread(ratios(ours, results), "{:.2f}"),
            spread((result.near.cores for result in held), "{:.3f}"),
            spread((result.near.cores * 1e6 / sessions for result in held), "{:.0f}"),
            spread((result.wakeups_per_s for result in held), "{:,.0f}"),
            f"{max(r.rss_kib for r in held) / 1024:.1f} ({max(r.pss_kib for r in held) / 1024:.1f})",
            spread(result.up_after for result in held),
            " and ".join(str(min(getattr(result, end).up for result in held)) for end in ("near", "far")),
            downs(held), spread((result.machine_busy * 100 for result in held), "{:.0f}")]


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
    """What wgbfd dropped, by reason, in the cells where it dropped anything."""
    lines = []
    for key, engines in by_cell(results).items():
        total = {}
        for result in engines.get("wgbfd", []):
            for reason, count in result.near.dropped.items():
                total[reason] = total.get(reason, 0) + count
        if total:
            seconds = sum(result.seconds for result in engines["wgbfd"])
            words = ", ".join(f"{reason} {count:,}" for reason, count in sorted(total.items(), key=lambda one: -one[1]))
            lines.append(f"- {title(key)}: wgbfd refused in {seconds:.0f} s: {words}{_flood(engines['wgbfd'])}")
    return "\n".join(lines) + "\n" if lines else ""


def _flood(results):
    rates = [result.flood_per_s for result in results if result.flood_per_s]
    return f" ({statistics.median(rates):,.0f}/s arrived)" if rates else ""
