#!/usr/bin/python3
"""tests/lab/test_bench.py BUILD [group…]: `wgbfd bench` and lab/bench, small. Nothing is judged by a time: what a machine
takes is its own affair, and lab/bench --short fails on ratios alone."""
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pair import TREE, check, main
from wgbfdlab import nodes
from wgbfdlab.bench import field as fields
from wgbfdlab.bench import overshoot, report, short, witness
from wgbfdlab.bench.cells import Result, Wish


def result(engine, per_packet, **more):
    out = Result(Wish(engine, 100, 50), up_after=1.0, came_up=100, seconds=60.0, per_packet_us=per_packet)
    out.near.share = out.far.share = 1.0
    out.near.up = out.far.up = 100
    for name, value in more.items():
        for whose in ([out.near, out.far] if hasattr(out.near, name) else [out]):
            setattr(whose, name, value)
    return out


def figures(_build):
    ours, theirs = [result("wgbfd", 5.0), result("wgbfd", 10.0)], [result("bird", 20.0), result("bird", 15.0)]
    check("a ratio is made round by round", report.ratios(ours, theirs) == [4.0, 1.5])
    never = Result(Wish("bird", 100, 50), came_up=7)
    check("a round in which an engine did not come up gives none", report.ratios(ours, [never, theirs[1]]) == [1.5])
    check("what did not come up is told, not shown as 0", "7 of 100 within 90 s" in report.table([*ours, never]))
    check("Downs are those of both ends", report.downs([result("bird", 1.0, downs=3)]) == "3/3 in 60 s")
    starving()
    refusals()
    bounds()
    captured()


def starving():
    """Who starved is told by what others count of it, never by what it says itself."""
    def told(**more):
        return report.downs([result("wgbfd", 1.0, downs=3, **more)])
    lacking = told(share=0.8, waited=0.3)
    check("a cell whose peer starved says so", "peer starved: 80% of its packets, 30% of the time waiting for a processor" in lacking, lacking)
    check("what the host stole is no processor either", "peer starved" in told(share=0.8, steal=0.3))
    check("waiting half of what is missing is starving", "starved" in told(share=0.8, waited=0.1))
    check("who waited less than that was silent by itself", "starved" not in told(share=0.8, waited=0.09))
    check("95 of 100 packets are not starving", told(share=0.95, waited=0.9) == "3/3 in 60 s")
    check("of whom no packets are known is not said to starve", told(share=None, waited=0.9) == "3/3 in 60 s")
    check("a processor that was away for 100 ms is not starving at 50 ms x 3", told(gap_ms=100) == "3/3 in 60 s")
    check("more than that is, for both", told(gap_ms=101).count("starved: a processor was away for 101 ms") == 2)
    own = told(late_ms=101)
    check("what wgbfd alone says of its lateness is told, and excuses nothing", "near end says that it woke 101 ms late" in own
          and "starved" not in own, own)
    others = [report.starved("peer", "far", [result(engine, 1.0, share=0.8, waited=0.3)]) for engine in ("wgbfd", "bird", "bfdd")]
    check("all engines are judged alike", others[0] and others == [others[0]] * 3, others)
    rounds = [result("wgbfd", 1.0, share=0.8), result("wgbfd", 1.0, waited=0.3)]
    check("one round's waiting does not excuse another's silence", report.starved("peer", "far", rounds) == "")
    with witness.Witness(50) as watch:
        time.sleep(0.2)
        longest = watch.longest_ms()
    check("a witness on each processor tells how long it was away", longest is not None and longest >= 0, longest)
    check("and is nearly free", watch.cost < 0.05, watch.cost)


def refusals():
    own = {"kernel": 1_000, "zero_your_discriminator": 50}
    words = report.refused([result("wgbfd", 1.0, dropped=own, buffer_errors=100), result("bird", 1.0, buffer_errors=7)])
    check("what the filter refused and what found the buffer full are told apart", "wgbfd in 60 s: refused by the socket's filter 900, "
          "zero_your_discriminator 50; 100 found a socket's buffer full" in words, words)
    check("a full buffer is told of every engine", "bird in 60 s: 7 found a socket's buffer full" in words, words)
    check("nothing is told where nothing was dropped", report.refused([result("wgbfd", 1.0, dropped={"kernel": 0})]) == "")


def bounds():
    def judged(ours, theirs, bound):
        return short.judge({"wgbfd": [result("wgbfd", cost) if cost else never for cost in ours],
                            "bird": [result("bird", cost) if cost else never for cost in theirs]}, "bird", bound)
    never, ours = Result(Wish("bird", 100, 50), came_up=7), [5.0] * 5
    check("a bound holds by the best of five rounds", judged(ours, [5.0, 5.0, 5.0, 5.0, 20.0], 4.0)[0])
    check("and fails when no round reaches it", not judged(ours, [20.0] * 5, 4.1)[0])
    good, words = judged(ours, [20.0] * 4, 1.0)
    check("four rounds are not enough: not judged, which is a failure", not good and "not judged: 4 of 5 rounds" in words, words)
    check("a round that was tried again makes it five", judged([*ours, 5.0], [20.0, None, 20.0, 20.0, 20.0, 20.0], 4.0)[0])
    good, words = judged(ours, [None] * 5, 1.0)
    check("nor is it judged when theirs never came up", not good and "bird's in 0" in words, words)
    good, words = judged([None] * 5, [20.0] * 5, 0.1)
    check("or ours", not good and "wgbfd came up in 0" in words, words)


def captured():
    def packet(at, kind, source, destination, state):
        stamp = int(at).to_bytes(8, "little") + int(at % 1 * 1e9).to_bytes(8, "little")
        ip = bytes([0x45, 0, 0, 52, 0, 0, 0, 0, 255, 17, 0, 0, *source, *destination])
        return stamp, kind, ip + b"\xc0\x00\x0e\xc8\x00\x20\x00\x00" + bytes([0x20, state << 6, 3, 24]) + bytes(8) + (50_000).to_bytes(4, "big") + bytes(8)
    us, peer = (10, 64, 0, 1), (10, 128, 0, 1)
    found = overshoot.moments([packet(1.0, 0, peer, us, 3), packet(1.25, 4, us, peer, 3), packet(1.25, 3, peer, us, 3),
                               packet(1.5, 4, us, peer, 1), packet(1.75, 4, us, peer, 1)])
    check("a Down is dated by the wire: after the last packet that was ours to read", found == {"10.128.0.1": [1.0, 1.5, 0.15]}, found)


def host(build):
    """`wgbfd bench`, in a namespace whose links it must leave alone."""
    wgbfd = Path(build).resolve() / "src/wgbfd"
    with fields.Field(1) as field:
        before = field.near.run(["ip", "-4", "-o", "addr"]).stdout
        done = field.near.run([wgbfd, "bench", "--sessions", 20, "--interval", "1s", "--seconds", 2], check=False)
        check("wgbfd bench: 20 sessions at 1 s hold", done.returncode == 0 and "this machine holds 20 sessions at 1000 ms" in done.stdout,
              done.stdout + done.stderr)
        row = done.stdout.splitlines()[2].split() if done.returncode == 0 else ["0"] * 6
        check("it counts packets and what they cost", int(row[1]) > 40 and float(row[2]) > 0 and row[5] == "0", row)
        check("it leaves the network of its caller alone", field.near.run(["ip", "-4", "-o", "addr"]).stdout == before)
        done = field.near.run(["setpriv", "--reuid", "65534", "--clear-groups", wgbfd, "bench", "--sessions", 20], check=False)
        check("without root it says what it needs", done.returncode == 1 and "needs root" in done.stderr, done.stderr)


def flood(build):
    """A whole run of lab/bench, with a flood: told by reason, and nothing left behind."""
    with tempfile.TemporaryDirectory() as folder:
        command = [TREE / "lab/bench", "--build", build, "--engines", "wgbfd", "--sessions", "5", "--interval", "1000ms", "--stress",
                   "flood,flood-valid", "--seconds", "2", "--out", folder]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=200, check=False)
        check("lab/bench runs to its end", done.returncode == 0, done.stderr[-600:])
        invalid, valid = json.loads((Path(folder) / "result.json").read_text())
        check("invalid packets are refused by the socket's filter, beside those that find its buffer full",
              invalid["near"]["dropped"].get("kernel", 0) - invalid["near"]["buffer_errors"] > 10_000, invalid["near"])
        check("a witness stood beside it", None not in (invalid["gap_ms"], valid["gap_ms"]), done.stdout)
        check("whole ones for sessions that do not exist are counted by that reason",
              max(valid["near"]["dropped"].values(), default=0) > 1_000, valid["near"]["dropped"])
        check("no session falls by either", [one["near"]["downs"] + one["far"]["downs"] for one in (invalid, valid)] == [0, 0])
        check("table and pictures are written", {"table.md", "per-packet.svg"} <= {path.name for path in Path(folder).iterdir()})
        check("table.md is what was printed", (Path(folder) / "table.md").read_text().strip() == done.stdout.strip())


def ratios(build):
    """What CI judges."""
    done = subprocess.run([str(TREE / "lab/bench"), "--short", "--build", build], capture_output=True, text=True, timeout=1200, check=False)
    print("\n".join(line for line in done.stdout.splitlines() if line.startswith("|")))
    for line in done.stdout.splitlines():
        if line.startswith(("ok - ", "FAIL - ")):
            check(line.split(" - ", 1)[1], line.startswith("ok"))
    check("lab/bench --short runs to its end", done.returncode in (0, 1) and "| cell |" in done.stdout, done.stderr[-600:])
    left = [name for name in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=False).stdout.split()
            if name.startswith(fields.PREFIX)]
    nodes.sweep(fields.PREFIX)
    check("no namespace is left of runs that have ended", all(Path(f"/proc/{name.split('-')[1]}").exists() for name in left), left)


GROUPS = {"figures": figures, "host": host, "flood": flood, "ratios": ratios}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
