#!/usr/bin/python3
"""The tiers of tests/run: builds, runs, counts. See tests/run --help for what each is. They run side by side; what runs in real
time (lab) has the processors first, and compilers, fuzzers and the virtual clock, which care for no time, take what it leaves."""
import argparse
import fcntl
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TREE / "lab"))
sys.dont_write_bytecode = True
from wgbfdlab import mounts  # noqa: E402  pylint: disable=wrong-import-position

BUILD = TREE / "build"
LOGS = BUILD / "logs"
CORES = os.cpu_count() or 1
FULL = False
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed\s*$", re.M)
STARTED = time.monotonic()


class NotRun(Exception):
    """A tier that could not be run: it counts as failed, and says why."""


class Commands:
    """Runs commands into a log, each in a process group of its own so that an interrupt ends all they started."""

    def __init__(self):
        self.running, self.lock, self.stopped = set(), threading.RLock(), False
        self.here = threading.local()  # .last: what this thread and those it has asked run goes last

    def go_last(self):
        """What this thread runs from now on takes only the processor time that nobody else wants."""
        self.here.last = True

    def asks(self):
        """For the threads of a pool that this one has work for: the same holds for them."""
        last = getattr(self.here, "last", False)
        return lambda: setattr(self.here, "last", last)

    def run(self, command, log, timeout=None, env=None, lines=None):
        """The exit status (124: out of time) and the output."""
        with self.lock:
            if self.stopped:
                raise NotRun("interrupted")
            log.write(f"$ {shlex.join(map(str, command))}\n")
            log.flush()
            last = getattr(self.here, "last", False)
            process = subprocess.Popen([*(["nice", "-n", "19"] if last else []), *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, cwd=TREE, env={**os.environ, **(env or {})},
                                       start_new_session=True, text=True, errors="replace")
            self.running.add(process)
            if last:
                yield_as_session(process.pid)
        expired = threading.Event()
        watch = threading.Timer(timeout or 7200, lambda: (expired.set(), self.end(process)))
        watch.start()
        output = []
        for line in process.stdout:
            output.append(line)
            log.write(line)
            log.flush()
        status = process.wait()
        watch.cancel()
        with self.lock:
            self.running.discard(process)
        if expired.is_set():
            log.write(f"out of time after {timeout} s\n")
            status = 124
        return status, "".join(output)

    @staticmethod
    def end(process):
        """TERM first, so that a test can clean up what it made; KILL for what is deaf."""
        for number, grace in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
            try:
                os.killpg(process.pid, number)
                process.wait(grace)
                return
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                return

    def stop(self):
        with self.lock:
            self.stopped = True
            running = list(self.running)
        for process in running:
            self.end(process)


def yield_as_session(pid):
    """Where the kernel groups by session (sched(7), autogroup), nice alone would count within the session only."""
    try:
        Path(f"/proc/{pid}/autogroup").write_text("19", encoding="ascii")
    except OSError:  # it does not group, or the process has ended
        pass


commands = Commands()


# --- building ---------------------------------------------------------------------------------------------------------
def build(log, folder, targets, *options):
    """Configures and builds TREE/folder; raises when that fails."""
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    status, _ = commands.run(["cmake", "-S", TREE, "-B", TREE / folder, "-G", "Ninja", *launcher, *options], log)
    if status == 0:
        status, _ = commands.run(["ninja", "-C", TREE / folder, "-j", CORES, *targets], log)
    if status:
        raise NotRun(f"{folder} does not build")


def release_built():
    if not (BUILD / "src/wgbfd").exists() or BROKEN_BUILD.is_set():
        raise NotRun("there is no Release build")


BROKEN_BUILD = threading.Event()


def tier_build(log):
    try:
        build(log, "build", [], "-DCMAKE_BUILD_TYPE=Release")
    except NotRun:
        BROKEN_BUILD.set()
        raise
    with tempfile.TemporaryDirectory() as scratch:
        status, _ = commands.run(["cmake", "--install", BUILD, "--prefix", "/usr"], log, env={"DESTDIR": scratch})
        installed = Path(scratch) / "usr/sbin/wgbfd"
        if status == 0:
            status, _ = commands.run([installed, "--version"], log, timeout=20)
    if status:
        log.write("FAIL - what cmake --install gives runs\n")
    return (2, 0) if status == 0 else (1, 1)


# --- counting ---------------------------------------------------------------------------------------------------------
def script(log, name, command, timeout, env=None):
    """Runs a test that closes with `N passed, N failed`; one that does not, or whose status disagrees, is a failure."""
    status, output = commands.run(command, log, timeout, env)
    counts = COUNTS.findall(output)
    passed, failed = map(int, counts[-1]) if counts else (0, 0)
    if not counts or (status != 0 and failed == 0) or passed + failed == 0:
        log.write(f"FAIL - {name} ends with status {status}" + ("" if counts else ", without its counts") + "\n")
        failed += 1
    return passed, failed


def add(pairs):
    pairs = list(pairs)
    return sum(p for p, _ in pairs), sum(f for _, f in pairs)


def ctest(log, folder, env=None):
    """ctest's run, counted in doctest's cases; an executable that ends without a summary is one failure."""
    status, output = commands.run(["ctest", "--test-dir", TREE / folder, "-V", "-j", CORES], log, 1800, env)
    cases = re.findall(r"\[doctest\] test cases: +\d+ +\| +(\d+) passed +\| +(\d+) failed", output)
    ended = re.findall(r"^ *\d+/\d+ Test +#\d+: (\S+) \.+ *(\S.*)$", output, re.M)
    broken = [(name, how) for name, how in ended if not how.startswith("Passed")]
    for name, how in broken:
        log.write(f"FAIL - {name}: {how.strip('* ')}\n")
    passed, failed = add((int(p), int(f)) for p, f in cases)
    if not ended or (status != 0 and not broken):
        log.write(f"FAIL - ctest ends with status {status} after {len(ended)} tests\n")
        failed += 1
    return passed, max(failed, len(broken))


# --- tiers ------------------------------------------------------------------------------------------------------------
def tier_includes(log):
    return add([script(log, "check_includes", ["tests/check_includes"], 120),
                script(log, "check_map", ["tests/bfd/check_map"], 120)])


def tier_format(log):
    return script(log, "check_format", ["tests/check_format"], 300)


def tier_unit(log):
    release_built()
    return ctest(log, "build")


def tier_sanitizers(log):
    # Lines are all that a report needs; the rest of the debug information costs time and disk.
    build(log, "build-asan", [], "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-g1", "-DWGBFD_SANITIZE=address,undefined")
    return ctest(log, "build-asan", {"UBSAN_OPTIONS": "print_stacktrace=1"})


def tier_threads(log):
    build(log, "build-tsan", ["test_net"], "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DWGBFD_SANITIZE=thread")
    # Without -R gcc 12's ThreadSanitizer meets an address-space layout of newer kernels that it does not know.
    status, output = commands.run(["setarch", "-R", TREE / "build-tsan/tests/test_net"], log, 900)
    cases = re.findall(r"\[doctest\] test cases: +\d+ +\| +(\d+) passed +\| +(\d+) failed", output)
    passed, failed = add((int(p), int(f)) for p, f in cases)
    return passed, max(failed, int(status != 0 or not cases))


# What a stranger can reach, and what everyone writes: 20 seconds each; what only a local daemon says: 8. Half of it on a machine
# that took LATE for all the rest: the whole has an hour.
LATE = 2400  # seconds
FUZZ_LONGER = ("fuzz_bfd_packet", "fuzz_stamp", "fuzz_dataplane", "fuzz_uapi", "fuzz_config")


def fuzz_one(log, name):
    corpus = TREE / "build-fuzz/corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = [seed for seed in (TREE / "tests/fuzz/corpus" / name,) if seed.is_dir()]
    seconds = 600 if FULL else (20 if name in FUZZ_LONGER else 8) // (1 + (time.monotonic() - STARTED > LATE))
    status, output = commands.run([TREE / "build-fuzz/tests" / name, f"-max_total_time={seconds}", "-timeout=10",
                                   "-rss_limit_mb=2048", "-print_final_stats=1",
                                   f"-artifact_prefix={TREE}/build-fuzz/{name}-", corpus, *seeds], log, seconds + 120)
    runs = re.findall(r"stat::number_of_executed_units: *(\d+)", output)
    good = status == 0 and runs and int(runs[-1]) > 1000
    log.write(f"{'ok' if good else 'FAIL'} - {name}: {runs[-1] if runs else 0} inputs in {seconds} s, status {status}\n")
    return (1, 0) if good else (0, 1)


def tier_fuzz(log):
    names = sorted((path.stem for path in (TREE / "tests/fuzz").glob("fuzz_*.cpp")), key=lambda name: name not in FUZZ_LONGER)
    if not names:
        raise NotRun("tests/fuzz holds no target")
    build(log, "build-fuzz", names, "-DCMAKE_CXX_COMPILER=clang++-14", "-DWGBFD_FUZZ=ON", "-DWGBFD_TESTS=OFF",
          "-DWGBFD_SANITIZE=address,undefined", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1 -DNDEBUG")
    with ThreadPoolExecutor(2, initializer=commands.asks()) as pool:
        return add(pool.map(lambda name: fuzz_one(log, name), names))


def executables(pattern):
    return [path for path in sorted(TREE.glob(pattern)) if path.is_file() and os.access(path, os.X_OK)]


FULL_ALONE = "\n# tests/run: with --full alone\n"  # in a test that takes long however little it does


def tier_vm(log):
    release_built()
    tests = executables("tests/vm/*")
    if not tests:
        raise NotRun("tests/vm holds no test")
    for test in [test for test in tests if not FULL and FULL_ALONE in test.read_text()]:
        log.write(f"== {test.name}: left to --full\n")
        tests.remove(test)
    status, _ = commands.run(["lab/vm", "image"], log, 900)
    if status:
        raise NotRun("the virtual machine's image cannot be built")
    with ThreadPoolExecutor(min(CORES, 4), initializer=commands.asks()) as pool:  # each is one thread of the host's, on a clock of its own
        return add(pool.map(lambda test: one_test(log, test, ["lab/vm", "run", "--timeout", vm_limit(test), "--build", BUILD, "--out",
                                                              LOGS / "vm" / test.stem, test], vm_limit(test) + 200), tests))


def vm_limit(test):
    """Against what hangs; the script's own where that is more."""
    own = re.search(r"^# lab/vm:.* --timeout (\d+)", test.read_text(), re.M)
    return max(14400 if FULL else 3600, int(own[1]) if own else 0)


# Nothing beside these: what a cut does to daemons that real time drives is counted; and what takes all the processors there are.
ALONE = {"test_scenarios.py", "test_bench.py"}


def tier_lab(log):
    release_built()
    tests = executables("tests/lab/test_*.py")
    if not tests:
        raise NotRun("tests/lab holds no test")
    def run(test):
        return one_test(log, test, [test, BUILD], 14400 if FULL else 2400)
    counted = [run(test) for test in tests if test.name in ALONE]
    with ThreadPoolExecutor(2) as pool:  # they mostly wait for states, each in namespaces of its own
        return add([*counted, *pool.map(run, [test for test in tests if test.name not in ALONE])])


def one_test(log, test, command, timeout):
    """A script with a log of its own, added to the tier's when it has ended."""
    before, path = time.monotonic(), LOGS / f"{test.parent.name}-{test.stem}.log"
    with path.open("w", encoding="utf-8") as own:
        passed, failed = script(own, test.name, command, timeout)
    log.write(f"{path.read_text(errors='replace')}== {test.name}: {passed} passed, {failed} failed, "
              f"{time.monotonic() - before:.0f} s\n\n")
    log.flush()
    return passed, failed


# --- the run ----------------------------------------------------------------------------------------------------------
# A failure, and of doctest's also the case, the check and its values.
TELLING = re.compile(r"FAIL|error:|ERROR: |runtime error|Traceback|TEST CASE: |^(\d+: )? +(values|logged): ")


def tail(path):
    """The lines that fail, or the last ones."""
    lines = path.read_text(errors="replace").splitlines()
    telling = [line for line in lines if TELLING.search(line)]
    shown = telling[:30] + ["…"] + lines[-5:] if telling else lines[-25:]
    return "".join(f"    | {line[:240]}\n" for line in shown)


def slowest(path):
    """The scripts of a tier that took longest."""
    took = [(int(seconds), name) for name, seconds in re.findall(r"^== (\S+): \d+ passed, \d+ failed, (\d+) s$", path.read_text(errors="replace"), re.M)]
    words = ", ".join(f"{name} {seconds} s" for seconds, name in sorted(took, reverse=True)[:6])
    return f"    | longest: {words}\n" if words else ""


class Run:
    def __init__(self, wanted):
        self.wanted, self.results, self.lock = wanted, {}, threading.Lock()

    def tier(self, name):
        before, path, reason = time.monotonic(), LOGS / f"{name}.log", ""
        with path.open("w", encoding="utf-8") as log:
            try:
                passed, failed = TIERS[name](log)
                if passed + failed == 0:
                    raise NotRun("no test ran")
            except NotRun as why:
                passed, failed, reason = 0, 1, f"  ({why})"
                log.write(f"FAIL - {why}\n")
            except Exception as why:  # pylint: disable=broad-except
                passed, failed, reason = 0, 1, f"  ({why!r})"
                log.write(f"FAIL - {why!r}\n")
        with self.lock:
            self.results[name] = (passed, failed, time.monotonic() - before)
            say(f"{'FAIL' if failed else 'ok  '} {name:<11}{passed:>6} passed {failed:>4} failed "
                f"{time.monotonic() - before:>6.0f} s{reason}")
            sys.stdout.write((tail(path) + f"    | (all of it: {path})\n" if failed else "") + slowest(path))
            sys.stdout.flush()

    def lane(self, *names, last=True):
        def work():
            if last:
                commands.go_last()
            for name in names:
                if name in self.wanted:
                    self.tier(name)
        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def go(self):
        image = None
        if "vm" in self.wanted:  # mostly download and disk: beside the compiler
            image = threading.Thread(target=prepare_image)
            image.start()
        if {"build", "unit", "vm", "lab"} & set(self.wanted):  # whatever tests the program tests the present one
            self.tier("build")
        lanes = [self.lane("lab", last=False), self.lane("includes", "format", "unit"), self.lane("sanitizers", "threads", "fuzz")]
        if image:
            image.join()
        lanes.append(self.lane("vm"))
        for lane in lanes:
            lane.join()


def prepare_image():
    with (LOGS / "image.log").open("w", encoding="utf-8") as log:
        try:
            commands.run(["lab/vm", "image"], log, 900)
        except NotRun:
            pass


def say(text):
    print(f"[{time.monotonic() - STARTED:5.0f} s] {text}", flush=True)


TIERS = {name: globals()[f"tier_{name}"]
         for name in ("build", "includes", "format", "unit", "sanitizers", "threads", "fuzz", "vm", "lab")}


def arguments():
    parser = argparse.ArgumentParser(prog="tests/run")
    parser.add_argument("--full", action="store_true", help="every cell of every matrix, fuzzing for ten minutes")
    parser.add_argument("--only", metavar="TIER[,TIER…]", default=",".join(TIERS), help=f"of {', '.join(TIERS)}")
    given = parser.parse_args()
    wanted = given.only.split(",")
    for name in wanted:
        if name not in TIERS:
            parser.error(f"no tier '{name}' (there are {', '.join(TIERS)})")
    return given.full, wanted


def interrupted(number, _frame):
    say("interrupted: ending what runs")
    commands.stop()
    os._exit(128 + number)


def main():
    global FULL
    FULL, wanted = arguments()
    os.environ["WGBFD_FULL"] = "1" if FULL else ""
    LOGS.mkdir(parents=True, exist_ok=True)
    lock = (BUILD / ".tests-run.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("tests/run: another tests/run is at work in this tree\n0 passed, 1 failed")
        return 1
    mounts.separate()  # in a chroot, where no test could make its mounts private
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    run = Run(wanted)
    run.go()
    print()
    for name in TIERS:
        if name in run.results:
            passed, failed, seconds = run.results[name]
            print(f"{name:<11}{passed:>6} passed {failed:>4} failed {seconds:>6.0f} s")
    passed, failed = add((p, f) for p, f, _ in run.results.values())
    print(f"{time.monotonic() - STARTED:.0f} s in all, logs in {LOGS}")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
