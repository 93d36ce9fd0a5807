"""Results as data for machines and as a table for people; several modes stand side by side."""
import math
import statistics

from .settings import BGP_TIMERS, OSPF_TIMERS, STREAM_RATE, feed_of

ON_ITS_WAY = 0.3  # s that a packet may be, on a busy machine, when its path is cut: it is lost by that, though it was sent before
NAMES = {"stream": "stream", "beside": "stream beside"}
HEADINGS = {"none": "without wgbfd", "stock": "stock BFD", "wgbfd": "wgbfd"}


def run_as_data(result, network):
    """One run: the stream's figures, the moments relative to the cut, and the first move of each party."""
    cut = network.topology.cut
    record, at = result.record, result.cut_at

    def milliseconds(seconds):
        return round(seconds * 1000, 1)
    moments = [{**moment.as_json(), "after_ms": milliseconds(moment.at - at)} for moment in result.moments]
    return {
        "sent": len(record.sent), "lost": record.lost(),
        "lost_before": record.lost(until=at - ON_ITS_WAY), "lost_at_cut": record.lost(at - ON_ITS_WAY, result.restore_at),
        "lost_at_return": record.lost(result.restore_at), "overflowed": result.overflowed,
        "gap_before_ms": milliseconds(record.longest_gap(0, at - 0.05)),
        "gap_at_cut_ms": milliseconds(record.longest_gap(at - 0.05, result.restore_at)),
        "gap_at_return_ms": milliseconds(record.longest_gap(result.restore_at, result.end_at)),
        "sender_late_ms": milliseconds(record.latest_sending()),
        "restore_ms": milliseconds(result.restore_at - at),
        "first": _first_moves(moments, cut, milliseconds(result.restore_at - at)),
        "downs": {f"{who} {node}": sum(1 for m in moments if (m["who"], m["node"], m["state"]) == (who, node, "down") and m["after_ms"] >= -50)
                  for who in ("bfd", "bgp", "ospf") for node in (cut.near.node, cut.far.node)},
        "other_bfd_downs": sum(1 for m in moments if m["who"] == "bfd" and m["state"] == "down" and not _of_cut(m, cut)),
        "route_changes": sum(1 for m in moments if m["who"] == "route" and m["node"] == cut.near.node),
        "moments": moments, "notes": result.notes, "tcp": result.tcp,
        "table": {what: {"routes": number, "first_ms": milliseconds(first - since), "last_ms": milliseconds(last - since)}
                  for (what, (first, last, number)), since in zip(result.table.items(), (at, result.restore_at))},
        "beside": _beside(result), "seen": result.seen,
    }


def _beside(result):
    record = result.beside
    return record and {"sent": len(record.sent), "lost": record.lost(), "longest_gap_ms": round(record.longest_gap(0, result.end_at) * 1000, 1)}


def _of_cut(moment, cut):
    return any((moment["node"], moment["interface"], moment["peer"]) == (end.node, end.interface, end.peer)
               for end in (cut.near, cut.far))


def _first_moves(moments, cut, restore_ms):
    """Milliseconds from the cut (downs) or from the restoration (ups) to the first such moment; None: it did not move."""
    def first(who, end, state, since):
        for moment in moments:
            same = (moment["who"], moment["node"]) == (who, end.node) and (who == "route" or _of_cut(moment, cut))
            if same and state(moment["state"]) and moment["after_ms"] >= since:
                return {"ms": round(moment["after_ms"] - since, 1), "detail": moment["detail"], "state": moment["state"]}
        return None
    near, far = cut.near, cut.far
    rows = {}
    for who in ("bfd", "bgp", "ospf"):
        rows[f"{who} down at {near.node}"] = first(who, near, "down".__eq__, 0)
        rows[f"{who} down at {far.node}"] = first(who, far, "down".__eq__, 0)
    for end in (near, far):
        for state in ("degraded", "admin-down"):
            rows[f"bfd {state} at {end.node}"] = first("bfd", end, state.__eq__, 0)
    rows["route moved"] = first("route", near, lambda state: state not in (near.interface, "none"), 0)
    for who in ("bfd", "bgp", "ospf"):
        rows[f"{who} up at {near.node}"] = first(who, near, "up".__eq__, restore_ms)
    rows["route returned"] = first("route", near, near.interface.__eq__, restore_ms)
    return rows


def document(topology, scenario, settings, kernel, runs):
    """What --json prints for one mode."""
    return {"topology": topology.name, "scenario": scenario, "mode": settings.mode, "far_mode": settings.far,
            "feed": _feed(topology, settings) if settings.mode == "wgbfd" else None,
            "interval_us": settings.interval_us, "multiplier": settings.multiplier,
            "wireguard": "kernel" if kernel else "wireguard-go", "stream_per_second": STREAM_RATE,
            "nodes": len(topology.nodes), "runs": runs, "summary": _summary(runs)}


def _feed(topology, settings):
    if not topology.cut:
        return feed_of((), settings.feed)
    near = topology.nodes[topology.cut.near.node]
    return feed_of(near.daemons["wgbfd"], settings.feed, near.feed)


def _summary(runs):
    def spread(values):
        known = [value for value in values if value is not None]
        if not known:
            return None
        p99 = sorted(known)[math.ceil(0.99 * len(known)) - 1]
        return {"median": round(statistics.median(known), 1), "p99": p99, "worst": max(known), "best": min(known), "runs": len(known)}
    figures = {name: spread([run[name] for run in runs])
               for name in ("lost", "gap_before_ms", "gap_at_cut_ms", "gap_at_return_ms", "lost_at_cut", "lost_at_return")}
    moves = {name: spread([run["first"][name] and run["first"][name]["ms"] for run in runs]) for name in runs[0]["first"]}
    return {**figures, "first": moves}


def table(documents):
    """Rows of figures, a column for each document; median, and the worst in brackets where there are several runs."""
    rows = [("", [_heading(d) for d in documents])]
    rows.append(("packets sent", [str(sum(run["sent"] for run in d["runs"])) for d in documents]))
    for name, text in (("lost", "packets lost"), ("lost_at_cut", "  of these before the restoration"),
                       ("lost_at_return", "  of these after it")):
        rows.append((text, [_cell(d["summary"][name]) for d in documents]))
    for name, text in (("gap_at_cut_ms", "longest gap, ms"), ("gap_at_return_ms", "longest gap after restoration, ms"),
                       ("gap_before_ms", "longest gap before the cut, ms")):
        rows.append((text, [_cell(d["summary"][name]) for d in documents]))
    for name in documents[0]["summary"]["first"]:
        cells = [_move(d, name) for d in documents]
        if any(cell != "-" for cell in cells):
            rows.append((f"{in_words(name)}, ms", cells))
    rows.append(("BFD downs elsewhere", [str(sum(run["other_bfd_downs"] for run in d["runs"])) for d in documents]))
    return "\n".join([_title(documents[0]), "", *_aligned(rows), "", *_remarks(documents)]) + "\n"


def _tenants(run):
    if beside := run["beside"]:
        yield f"the stream beside: {beside['sent']:,} packets, {beside['lost']:,} lost, longest gap {beside['longest_gap_ms']:g} ms"
    if run["seen"]:
        yield from (f"the {name} left {_places(run['seen'], stream)}" for stream, name in NAMES.items())


def _places(seen, stream):
    """Each router and VRF that it left, and by which interfaces."""
    places = {f"{node} in VRF {vrf}": {interface: packets[stream] for interface, packets in interfaces.items() if packets[stream]}
              for node, vrfs in seen.items() for vrf, interfaces in vrfs.items()}
    return "; ".join(f"{place} by {', '.join(f'{name} {count:,}' for name, count in counts.items())}" for place, counts in places.items() if counts)


def _connection(seen):
    asked = f", {seen['requests']:,} requests, the longest answer took {seen['longest_wait_ms']:,} ms" if "requests" in seen else ""
    end = seen["error"] or ("closed in good order, the same bytes at both ends" if seen["whole"] else "closed in good order, not the same bytes at both ends")
    return f"{seen.get('bytes', 0):,} bytes{asked}; {end}"


def _undo(seen):
    left = [f"{node} after {one['ended_by']}: {one['left']}" for node, one in seen.items() if one["left"]]
    ways = {way: ", ".join(node for node, one in seen.items() if one["ended_by"] == way) for way in dict.fromkeys(one["ended_by"] for one in seen.values())}
    return "; ".join(left) or "as before wgbfd, after " + "; ".join(f"{way} at {nodes}" for way, nodes in ways.items())


def _title(d):
    return f"{d['topology']} {d['scenario']}: {d['nodes']} nodes, {d['wireguard']}, {d['stream_per_second']:,} packets/s, {len(d['runs'])} run(s)"


def _heading(d):
    if d["mode"] == "none":
        return HEADINGS["none"]
    feed = f" ({d['feed']})" if d["feed"] else ""
    far = f", far end {d['far_mode']}" if d["far_mode"] else ""
    return f"{HEADINGS[d['mode']]}{feed} {d['interval_us'] / 1000:g} ms × {d['multiplier']}{far}"


def _cell(spread):
    if spread is None:
        return "-"
    text = f"{spread['median']:,.6g}" if spread["median"] < 1e6 else f"{spread['median']:,.0f}"
    return text if spread["runs"] == 1 else f"{text} ({spread['worst']:,})"


def _move(d, name):
    text = _cell(d["summary"]["first"][name])
    details = {run["first"][name]["state"] if name.startswith("route") else run["first"][name]["detail"]
               for run in d["runs"] if run["first"][name]}
    details.discard("")
    return f"{text} {' / '.join(sorted(details))}".strip() if text != "-" else "-"


def _aligned(rows):
    count = len(rows[0][1])
    first = max(len(name) for name, _ in rows)
    widths = [max(len(cells[i]) for _, cells in rows) for i in range(count)]
    lines = []
    for name, cells in rows:
        lines.append("  ".join([name.ljust(first), *(cell.ljust(width) for cell, width in zip(cells, widths))]).rstrip())
        if name == "":
            lines.append("-" * (first + sum(widths) + 2 * count))
    return lines


def in_words(move):
    """The name of a move as people read it: `BFD down at a`."""
    who, rest = move.split(" ", 1)
    return f"{who.upper() if who != 'route' else who} {rest}"


def _remarks(documents):
    lines = ["Times count from the cut; those of a return from the restoration. Several runs: median (worst)."]
    if any(d["mode"] == "none" for d in documents):
        lines.append(f"Without BFD only hold timers tell: here BGP {BGP_TIMERS[0]}/{BGP_TIMERS[1]} s and OSPF "
                     f"{OSPF_TIMERS[0]}/{OSPF_TIMERS[1]} s (FRR's defaults, 60/180 and 10/40 s, take far longer).")
    for d in documents:
        late = max(run["sender_late_ms"] for run in d["runs"])
        if late > 20:
            lines.append(f"{_heading(d)}: the sender itself paused for up to {late:g} ms; this machine is busy.")
        if full := sum(run["overflowed"] for run in d["runs"]):
            lines.append(f"{_heading(d)}: {full} packets found a queue full, in a node: whoever reads it had no turn, or TCP tried how much it takes.")
        for run in d["runs"]:
            lines += [f"{_heading(d)}: {key} {value}" for key, value in run["notes"].items()]
            lines += [f"{_heading(d)}: table {what}: {moves['routes']:,} routes, the first after {moves['first_ms']:,.0f} ms, the last after {moves['last_ms']:,.0f} ms; "
                      f"the stream's longest gap {run[f'gap_at_{where}_ms']:,.0f} ms" for where, (what, moves) in zip(("cut", "return"), run["table"].items())]
            lines += [f"{_heading(d)}: {said}" for said in _tenants(run)]
            lines += [f"{_heading(d)}: TCP {kind}: {_connection(seen)}" for kind, seen in run["tcp"].items()]
        lines += [f"{_heading(d)}: undo: {_undo(d['undo'])}"] * bool(d.get("undo"))
    return lines
