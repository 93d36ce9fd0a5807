#!/usr/bin/python3
# lab/vm: --timeout 1500
"""What packets come through, over in-kernel WireGuard, on the virtual clock: an underlay that drops large packets is told within two
minutes, with the largest size that fits after WireGuard's padding, while BFD stays Up; one that fragments them raises nothing. By
STAMP between two wgbfd, and by ICMP echo against a peer that runs neither; the interface set to what was told is well again.
WGBFD_FULL=1: several limits, with loss beside them, and half an hour of quiet."""
import json
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from qualitylab.paths import Cell, Paths  # noqa: E402  pylint: disable=wrong-import-position
from timelab import daemons  # noqa: E402  pylint: disable=wrong-import-position
from timelab.report import Report, busiest, busy  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
LIMIT = 120      # seconds
QUIET = 1800 if FULL else 200
MTU = 1420       # of a WireGuard interface
OVERHEAD = 60    # IPv4, UDP, WireGuard's header and tag
CLAMPS = (1280, 1400, 1476, 600) if FULL else (1280,)
FAR = ("wgbfd", "none")


def fits(clamp):
    """The inner packet that fits after padding to 16 bytes."""
    return (clamp - OVERHEAD) // 16 * 16


def cells():
    found = {}
    for far, tail in zip(FAR, ("", "echo")):
        for clamp in CLAMPS:
            found[f"drop{clamp}{tail}"] = (Cell(f"drop{clamp}{tail}", delay=(10, 10), far=far), clamp)
            if FULL:
                found[f"loss{clamp}{tail}"] = (Cell(f"loss{clamp}{tail}", delay=(10, 10), loss=(5.0, 5.0), far=far), clamp)
        found[f"frag{tail}"] = (Cell(f"frag{tail}", delay=(10, 10), far=far), None)
        if FULL or not tail:
            found[f"lossy{tail}"] = (Cell(f"lossy{tail}", delay=(10, 10), loss=(20.0, 20.0), far=far), None)
    return found


def rows(paths):
    return {row["name"]: row for row in daemons.status(paths.near)["adjacencies"]}


def sizes(row):
    return row.get("path_mtu") or {}


def clamp_all(paths, wanted):
    """The far end's device refuses what is longer; what comes from there is cut to fit, since WireGuard sets no DF."""
    for number, cell in paths.cells:
        limit = wanted[cell.name][1]
        if limit:
            paths.near.run(["nft", f"add table inet clamp; add chain inet clamp out {{ type filter hook postrouting priority 0; }}; "
                                   f"add rule inet clamp out oifname u{number} meta length > {limit} drop"])
            paths.nodes[cell.far].run(["nft", f"add table inet clamp; add chain inet clamp out {{ type filter hook postrouting priority 0; }}; "
                                              f"add rule inet clamp out oifname u{number} meta length > {limit} drop"])
        elif cell.name.startswith("frag"):
            for node in (paths.near, paths.nodes[cell.far]):
                node.run(["ip", "link", "set", f"u{number}", "mtu", "1280"])


def unclamp_all(paths):
    for node in paths.nodes.values():
        node.run(["nft", "flush ruleset"])


def main():
    report, wanted = Report(), cells()
    paths = Paths([cell for cell, _ in wanted.values()])
    try:
        paths.start()
        os.nice(19)
        time.sleep(75)  # virtual: each is asked once, and once more
        for name, row in rows(paths).items():
            report.check(sizes(row).get("fit") == "whole" and row["cause"] != "mtu", f"{name}: {MTU} bytes pass ({row['state']}, {sizes(row)})")
        begun, found = time.monotonic(), {}
        clamp_all(paths, wanted)
        dropping = [name for name, (_, clamp) in wanted.items() if clamp]
        while time.monotonic() - begun < LIMIT and len(found) < len(dropping):
            time.sleep(1)  # virtual
            for name, row in rows(paths).items():
                if name in dropping and row["cause"] == "mtu" and sizes(row).get("largest"):
                    found.setdefault(name, (time.monotonic() - begun, sizes(row)["largest"]))
        for name in dropping:
            after, largest = found.get(name, (None, None))
            report.check(largest == fits(wanted[name][1]), f"{name}: degraded by mtu after {after and round(after)} s; the largest that passes: "
                         f"{largest}, the truth {fits(wanted[name][1])}")
        time.sleep(QUIET)
        Path("/run/out/status.json").write_text(json.dumps(daemons.status(paths.near), indent=1), encoding="utf-8")
        for name, row in rows(paths).items():
            clamp, fell = wanted[name][1], row["bfd"]["downs"]
            if not wanted[name][0].loss[0]:
                report.check(row["bfd"]["state"] == "Up" and fell == 0, f"{name}: BFD stayed Up ({row['bfd']['state']}, {fell} downs)")
            if clamp:
                report.check((row["cause"], sizes(row)["largest"]) == ("mtu", fits(clamp)) or row["bfd"]["state"] != "Up",
                             f"{name}: still so after {QUIET} s ({row['cause']}, {sizes(row)})")
            else:
                report.check(row["cause"] != "mtu" and sizes(row)["fit"] == "whole", f"{name}: nothing is raised ({row['cause']}, {sizes(row)})")
        events = [json.loads(line) for line in paths.near.run([daemons.WGBFD, "events", "--json"]).stdout.splitlines()]
        wrong = [one for one in events if one.get("event") == "verdict" and one.get("cause") == "mtu" and not wanted[one["adjacency"]][1]]
        report.check(not wrong, f"no path that carries all was ever degraded by mtu ({wrong})")
        text = paths.near.run([daemons.WGBFD, "explain", dropping[0]]).stdout
        command = f"ip link set dev {dropping[0]} mtu {fits(wanted[dropping[0]][1])}"
        report.check(command in text, f"`wgbfd explain` says what to do: {command}")
        paths.near.run(command.split())
        time.sleep(20)
        row = rows(paths)[dropping[0]]
        report.check(row["cause"] != "mtu" and sizes(row).get("fit") == "whole", f"{dropping[0]}: that was it ({row['state']}, {sizes(row)})")
        unclamp_all(paths)
        time.sleep(80)
        for name, row in rows(paths).items():
            if wanted[name][1]:
                report.check(row["cause"] != "mtu" and sizes(row).get("fit") == "whole", f"{name}: well again ({row['state']}, {sizes(row)})")
        report.tell(f"{busy():.0f} s of the processor since the boot: {busiest()}")
    finally:
        paths.stop()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
