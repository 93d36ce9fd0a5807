#!/usr/bin/python3
"""What the lab's stream tells of a cut: a sender that is late counts for the length of a gap, and not for when the stream goes on."""
import bisect
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "lab"))

from wgbfdlab.stream import AT_ONCE, CATCH_UP, Record, rest  # noqa: E402

MS = 0.001
CUT, WHOLE = 0.1, 0.25  # seconds from the start; the packets sent in between are lost
counts = {"ok": 0, "FAIL": 0}


def check(good, sentence):
    verdict = "ok" if good else "FAIL"
    counts[verdict] += 1
    print(f"{verdict} - {sentence}")


def stream(late=0.0):
    """A packet each millisecond, which takes a tenth of one; nothing for so long before the cut, then all that is due."""
    sent = [CUT if CUT - late < at < CUT else at for at in (number * MS for number in range(400))]
    return Record(sent, {number: at + MS / 10 for number, at in enumerate(sent) if not CUT <= at < WHOLE})


def cut(record):
    at = record.first_lost(CUT - MS / 2, CUT + MS)
    return round(record.longest_gap(at - 0.05, 0.4) * 1000, 1), round(record.goes_on(at - 0.05, 0.4) * 1000, 1)


def most_at_once(held):
    """Of a sender of 1,000 packets/s that stood still for so many seconds: the most packets in 10 ms, and whether it is on time a second later."""
    now, sent = 0.0, []
    while now < 2 * held + 1:
        if len(sent) == 100:
            now += held
        now += rest(len(sent) * MS - now, MS)
        sent.append(now)
    return max(bisect.bisect_left(sent, at + 10 * MS) - number for number, at in enumerate(sent)), abs(len(sent) * MS - now) < 2 * MS


def main():
    check(cut(stream()) == (151, 250.1), f"even sender: the gap and when it is over, in ms: {cut(stream())}")
    late = cut(stream(late=0.006))
    check(late == (156, 250.1), f"a sender that was 6 ms late at the cut: the gap is longer, and is over when it was: {late}")
    check(Record([], {}).goes_on(0, 1) == float("inf"), "a stream of which nothing arrived never goes on")
    most, on_time = most_at_once(0.04)
    check(most >= 40 and on_time, f"a sender that was held up for 40 ms sends what is due at once ({most} packets in 10 ms)")
    most, on_time = most_at_once(1)
    check(most <= AT_ONCE + 10 * CATCH_UP + 10 and on_time, f"for a second: at four times the rate, until it is on time again ({most} packets in 10 ms)")
    print(f"{counts['ok']} passed, {counts['FAIL']} failed")
    return int(counts["FAIL"] > 0)


if __name__ == "__main__":
    sys.exit(main())
