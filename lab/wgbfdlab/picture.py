"""The stream over time as SVG, drawn by hand: a strip for each result, whole on the left, the moments around the cut on the right."""
import math
from html import escape

from .report import HEADINGS, in_words

WIDTH, STRIP, LEFT, TOP = 1180, 190, 20, 60
OVERVIEW = (LEFT, 560)              # x, width
ZOOM = (LEFT + 600, 540)
BARS = 90                           # height of a full bar
COLOURS = {"bfd": "#c2410c", "bgp": "#1d4ed8", "ospf": "#1d4ed8", "route": "#15803d", "cut": "#111827"}


def draw(results, title):
    """`results`: (document, Record, Result) of each mode; returns the SVG's text."""
    height = TOP + STRIP * len(results) + 30
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             _text(LEFT, 24, title, size=17, weight="bold"),
             _text(LEFT, 44, "Packets that arrived, per bar, by the time they were sent; the empty part is the outage. Times from the cut.",
                   colour="#4b5563")]
    overview = (-1.0, max(min(result.end_at - result.cut_at, 25.0) for _, result in results))
    zoom = (-0.1, _zoom_end(results))
    for number, (document, result) in enumerate(results):
        y = TOP + number * STRIP
        parts.append(_text(LEFT, y + 16, _caption(document), weight="bold"))
        parts += _strip(result, document, y, OVERVIEW, overview, 200)
        parts += _strip(result, document, y, ZOOM, zoom, 180)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _zoom_end(results):
    """The zoom shows the shortest outage whole, and at least 0.4 s."""
    gaps = [document["runs"][0]["gap_at_cut_ms"] / 1000 for document, _ in results]
    return min(max(0.4, 1.6 * min(gaps)), 10.0)


def _caption(document):
    run = document["runs"][0]
    timers = "" if document["mode"] == "none" else f" {document['interval_us'] / 1000:g} ms × {document['multiplier']}"
    return f"{HEADINGS[document['mode']]}{timers}: {run['lost']:,} packets lost, longest gap {run['gap_at_cut_ms']:,.0f} ms"


def _strip(result, document, y, place, span, bars):
    x, width = place
    base = y + 40 + BARS
    start, end = span

    def at(seconds):
        return x + (seconds - start) / (end - start) * width
    parts = [f'<rect x="{x}" y="{base - BARS}" width="{width}" height="{BARS}" fill="#f3f4f6"/>']
    parts += _bars(result, span, bars, x, width, base)
    parts += _axis(span, at, base)
    parts += _moments(result, document, span, at, base)
    return parts


def _bars(result, span, count, x, width, base):
    start, end = span
    step = (end - start) / count
    sent, arrived = [0] * count, [0] * count
    for number, moment in enumerate(result.record.sent):
        index = math.floor((moment - result.cut_at - start) / step)
        if 0 <= index < count:
            sent[index] += 1
            arrived[index] += number in result.record.arrived
    before = [number for number, moment in enumerate(result.record.sent) if moment - result.cut_at < start]
    share = float(before[-1] in result.record.arrived) if before else 0.0
    goes_on = result.record.sent and result.record.sent[-1] - result.cut_at >= end
    last = count - 1 if goes_on else max((index for index in range(count) if sent[index]), default=-1)
    for index in range(last + 1):
        if sent[index]:  # where the sender was late by a bar, the one before it goes on
            share = arrived[index] / sent[index]
        if share:
            height = BARS * share
            yield (f'<rect x="{x + index * width / count:.1f}" y="{base - height:.1f}" width="{width / count + 0.2:.1f}" '
                   f'height="{height:.1f}" fill="#93c5fd"/>')


def _axis(span, at, base):
    start, end = span
    step = next(step for step in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if (end - start) / step <= 13)
    tick = -int(-start / step) * step
    while tick <= end:
        label = f"{tick * 1000:.0f} ms" if step < 1 else f"{tick:.0f} s"
        yield f'<line x1="{at(tick):.1f}" y1="{base}" x2="{at(tick):.1f}" y2="{base + 4}" stroke="#6b7280"/>'
        yield _text(at(tick), base + 16, label, size=10, colour="#4b5563", anchor="middle")
        tick += step


def _moments(result, document, span, at, base):
    """A line for each first move, its words staggered above so that they do not cover each other."""
    marks = [(0.0, "cut", "cut")]
    if result.restore_at < result.end_at:
        marks.append((result.restore_at - result.cut_at, "cut", "restored"))
    for name, move in document["runs"][0]["first"].items():
        if move:
            offset = 0 if any(word in name for word in ("down", "degraded", "moved")) else document["runs"][0]["restore_ms"]
            marks.append(((move["ms"] + offset) / 1000, name.split()[0], in_words(name)))
    shown = sorted(mark for mark in marks if span[0] <= mark[0] <= span[1])
    for number, (moment, who, words) in enumerate(shown):
        height = base - BARS + 10 + (number % 7) * 12
        x, right = at(moment), at(span[1])
        anchor = "end" if x > right - 110 else "start"
        yield f'<line x1="{x:.1f}" y1="{base - BARS}" x2="{x:.1f}" y2="{base}" stroke="{COLOURS[who]}" stroke-width="1.4"/>'
        yield _text(x + (3 if anchor == "start" else -3), height, words, size=10, colour=COLOURS[who], anchor=anchor)


def _text(x, y, words, size=12, colour="#111827", weight="normal", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
            f'text-anchor="{anchor}">{escape(words)}</text>')
