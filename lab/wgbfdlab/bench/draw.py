"""Bars by hand, as SVG: CPU per packet of every engine in every cell, with the spread of its rounds."""
import statistics
from html import escape

from . import report

WIDTH, LEFT, ROW, TOP = 1100, 420, 18, 70
COLOURS = {"wgbfd": "#15803d", "bird": "#1d4ed8", "bfdd": "#c2410c", "bare": "#9ca3af"}


def bars(results, value, heading, unit):
    """`value` of a Result; cells without a measured one are left out."""
    cells = [(key, {engine: [value(r) for r in its if r.held] for engine, its in engines.items()})
             for key, engines in report.by_cell(results).items()]
    cells = [(key, {engine: its for engine, its in engines.items() if its}) for key, engines in cells]
    most = max((max(its) for _, engines in cells for its in engines.values()), default=1) or 1
    height = TOP + sum(len(engines) * ROW + 14 for _, engines in cells) + 20
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
             'font-family="sans-serif" font-size="12">', f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             _text(20, 26, heading, size=17, weight="bold"), _text(20, 46, "Median; the line is the spread of the rounds.", colour="#4b5563")]
    y = TOP
    for key, engines in cells:
        parts.append(_text(20, y + 13, report.title(key)))
        for engine, its in engines.items():
            parts += _bar(engine, its, most, y, unit)
            y += ROW
        y += 14
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(engine, values, most, y, unit):
    def at(figure):
        return LEFT + figure / most * (WIDTH - LEFT - 170)
    middle = statistics.median(values)
    yield _text(LEFT - 6, y + 13, engine, anchor="end")
    yield f'<rect x="{LEFT}" y="{y + 2}" width="{at(middle) - LEFT:.1f}" height="{ROW - 5}" fill="{COLOURS[engine]}"/>'
    yield f'<line x1="{at(min(values)):.1f}" y1="{y + ROW / 2}" x2="{at(max(values)):.1f}" y2="{y + ROW / 2}" stroke="#111827"/>'
    yield _text(at(max(middle, max(values))) + 6, y + 13, f"{middle:,.3g} {unit}")


def _text(x, y, words, size=12, colour="#111827", weight="normal", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
            f'text-anchor="{anchor}">{escape(words)}</text>')
