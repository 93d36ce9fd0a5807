"""The first part: every session holds still, and both ends agree on what RFC 5880 makes of what they asked for."""
import time

from .cells import Agreed, TITLES

HEAD = f"{'against':<11} {'family':<14} {'ours : theirs, ms':<22} {'tx':>4} {'rx':>4} {'detect':>6} {'far':>6}  " \
       f"{'sent every':>10} {'rcvd every':>10}  {'ups':>5} {'downs':>5}  result"


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, good, sentence):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print(("ok" if good else "FAIL") + " - " + sentence, flush=True)

    @staticmethod
    def tell(sentence):
        print("told - " + sentence, flush=True)


def agreement(lab, cell, ends):
    """What is wrong with what the two ends say, in words."""
    agreed, found = Agreed.of(cell.timers), []
    for who, engine, fact in (("we", lab.us, ends[0]), (cell.engine, lab.far[cell.engine], ends[1])):
        if fact is None:
            found.append(f"{who}: no such session")
            continue
        if not fact.up:
            found.append(f"{who}: not Up")
        wanted = engine.expected(cell, agreed)
        if any(abs(one - other) > 0.01 for one, other in zip(fact.agreed, wanted)):
            found.append(f"{who}: {fact.agreed} instead of {wanted}")
    return found


def hold(lab, cannot, seconds, report):
    begun, before = time.monotonic(), lab.facts()
    time.sleep(seconds)
    after = lab.facts()
    lasted = time.monotonic() - begun
    print(f"\n{seconds} s, {len(lab.cells)} sessions side by side\n{HEAD}")
    verdicts = []
    for cell in lab.cells:
        verdicts.append((cell, *_row(lab, cell, before[cell.name], after[cell.name], lasted)))
    for engine, family, timers, reason in cannot:
        print(f"{TITLES[engine]:<11} {family:<14} {str(timers):<22} cannot be: {reason}")
    print()
    for cell, problems, figures in verdicts:
        report.check(not problems, f"{TITLES[cell.engine]}, {cell.family}, {cell.timers} ms: {seconds} s without a Down, "
                     f"intervals as RFC 5880 says ({'; '.join(problems) or figures})")
    loop = lab.us.status().get("probe_loop", {})
    report.tell(f"our probe loop: {loop.get('late_wakes')} late wakes, at most {loop.get('max_lateness_us')} us late, "
                f"{loop.get('stalls')} stalls")


def _row(lab, cell, before, after, lasted):
    problems, agreed = agreement(lab, cell, after), Agreed.of(cell.timers)
    sent = received = ups = 0
    downs = [-1, -1]
    if all((*before, *after)):
        ours, now = before[0].raw, after[0].raw
        sent = lasted * 1000 / max(1, now["packets_sent"] - ours["packets_sent"])
        received = lasted * 1000 / max(1, now["packets_received"] - ours["packets_received"])
        ups, downs = now["ups"], [late.downs - early.downs for early, late in zip(before, after)]
        problems += [f"{count} Downs at {who}" for count, who in zip(downs, ("our end", cell.engine)) if count]
        if ups != 1 + now["downs"] or now["downs"]:
            problems.append(f"since the start {ups} Ups and {now['downs']} Downs at our end")
        # RFC 5880 §6.8.7: 75 to 100 % of the interval; 2 % for the moments of reading.
        problems += [f"one packet in {mean:.1f} ms {way}" for mean, interval, way in (
            (sent, agreed.tx, "sent"), (received, agreed.rx, "received")) if not 0.735 * interval < mean < 1.02 * interval]
    print(f"{TITLES[cell.engine]:<11} {cell.family:<14} {str(cell.timers):<22} {agreed.tx:>4} {agreed.rx:>4} "
          f"{agreed.detection:>6} {agreed.far_detection:>6}  {sent:>7.1f} ms {received:>7.1f} ms  {ups:>5} {downs[0]:>2}/{downs[1]:<2}  "
          f"{'FAIL: ' + '; '.join(problems) if problems else 'ok'}")
    return problems, f"a packet sent in {sent:.1f} ms and received in {received:.1f} ms"
