"""Whether the processors were there at all, told by nobody who is measured: on each of them a process at SCHED_FIFO 99 sleeps and keeps how
late it ever woke. That is what the host took away, or the kernel from real-time threads that leave the others nothing (50 ms in a second).
It tells too little, by one sleep at the most, and never too much; it asks for no engine's word, and is the same for all of them."""
import os
import subprocess
import sys

SLEEPS = 2         # in an interval: so it misses a quarter at the most of what is called starving
LONGEST_MS = 10.0  # a sleep, where the interval is long: 100 a second take half a percent of each processor

PROGRAM = """
import os, signal, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
period, longest, taken, begun = float(sys.argv[2]), 0.0, 0.0, 0.0
def end(*_):
    print(longest * 1000, (time.process_time() - taken) / (time.monotonic() - begun), flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("here", flush=True)
begun = last = time.monotonic()
taken = time.process_time()
while True:
    time.sleep(period)
    now = time.monotonic()
    longest, last = max(longest, now - last - period), now
"""


class Witness:
    """`with Witness(interval_ms) as witness:`, and at the end of the window `witness.longest_ms()`, once."""

    def __init__(self, interval_ms):
        self.period = min(interval_ms / SLEEPS, LONGEST_MS) / 1000
        self.processes = []
        self.cost = 0.0  # of one processor, of the dearest of them; known with the answer

    def __enter__(self):
        program = ["setpriv", "--pdeathsig", "KILL", sys.executable or "/usr/bin/python3", "-ISBc", PROGRAM]
        for core in sorted(os.sched_getaffinity(0)):
            self.processes.append(subprocess.Popen([*program, str(core), str(self.period)], stdin=subprocess.DEVNULL, text=True,
                                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True))
        for process in self.processes:
            process.stdout.readline()
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()

    def longest_ms(self):
        """None where SCHED_FIFO is not to be had: then there is no witness."""
        for process in self.processes:
            process.terminate()
        said = [process.communicate(timeout=20)[0].split() for process in self.processes]
        if not all(said):
            return None
        self.cost = max(float(words[1]) for words in said)
        return max(float(words[0]) for words in said)
