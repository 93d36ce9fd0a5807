#!/usr/bin/python3
"""The whole daemon on real tunnels: what it probes, feeds and tells, and that whatever ends it leaves routing as it was.
States are counted and waited for, never timed (times are for lab/vm).

test_daemon.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import json
import os
import signal
import socket
import subprocess
import sys
import threading

from pair import DATA_PLANE, HOLD_PORT, PATIENT, RUN_DIR, UNMEASURED, Pair, check, main, wait

LABEL = "dm"
LINK = '[interface.wg0]\nfeeds = ["link"]\n'

# design.md "Commands", and what was added to it since (stable; additions only).
KEYS = {
    "status": {"version", "uptime_s", "worker_restarts", "probe_loop", "adjacencies", "feeds", "problems", "routes", "control_loop"},
    "probe_loop": {"late_wakes", "max_lateness_us", "stalls", "wakeups_per_s", "realtime", "dropped", "kernel_drops", "quality",
                   "problems", "stands_still", "standstills", "longest_standstill_us"},
    "adjacency": {"name", "interface", "peer", "local", "remote", "address_source", "group", "state", "cause", "since", "cost", "bfd",
                  "quality", "wireguard", "sessions", "feeds", "unresolved", "configured", "asked_by",
                  "prefixes", "failover", "base_cost", "measuring", "external", "classes", "icmp", "padding", "path_mtu", "far_end", "protocol"},
    "bfd": {"state", "remote_state", "diagnostic", "remote_diagnostic", "local_discriminator", "remote_discriminator",
            "tx_interval_us", "rx_interval_us", "detection_time_us", "packets_sent", "packets_received", "ups", "downs",
            "send_failures", "refused", "extended", "vouched"},
    "control_loop": {"handlers", "long_handlers", "longest_handler_us"},
    "routes": {"source", "routes", "refused", "bytes", "resyncs", "fpm", "refused_nexthops", "refused_hops", "complete"},
    "wireguard": {"endpoint", "latest_handshake", "rx_bytes", "tx_bytes"},
    "event": {"at", "adjacency", "event", "from", "to", "cause"},
}


def same_keys(what, value):
    difference = set(value) ^ KEYS[what]
    check(f"status --json: {what} has exactly the documented keys", not difference, sorted(difference))


# --- [process] ------------------------------------------------------------------------------------------------------
def process(build):
    """The probe thread's priority and CPU: as configured, followed by a reload; what is refused is told and stops nothing."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        cpu = min(os.sched_getaffinity(0))
        host.start_configured(f"[process]\npriority = 2\ncpu = {cpu}\n")
        policies = _policies(host)
        check("[process] priority: the probe thread alone is real-time", policies == {"probe": (os.SCHED_FIFO, 2), "wgbfd": (os.SCHED_OTHER, 0)},
              policies)
        check("[process] cpu: the probe thread alone runs there and nowhere else", _cpus(host)["probe"] == {cpu} and
              _cpus(host)["wgbfd"] == os.sched_getaffinity(0), _cpus(host))
        loop = host.status()["probe_loop"]
        check("status says so", loop["realtime"] is True and loop["problems"] == [], loop)
        host.configure("[process]\ncpu = 1023\n")
        check("a reload takes both back", host.wgbfd("reload").returncode == 0 and not host.status()["probe_loop"]["realtime"] and
              _policies(host)["probe"] == (os.SCHED_OTHER, 0) and _cpus(host)["probe"] == {cpu}, (_policies(host), _cpus(host)))
        problem = " ".join(host.status()["problems"])
        check("a CPU that is not there is told in status", "[process] cpu = 1023" in problem and "lscpu -e" in problem, problem)
        check("and in the log", bool(wait(lambda: "cpu = 1023" in host.log())), host.log()[-400:])
        host.configure("")
        check("and forgotten with its key", host.wgbfd("reload").returncode == 0 and host.status()["problems"] == [] and
              _cpus(host)["probe"] == os.sched_getaffinity(0), (host.status()["problems"], _cpus(host)))
        host.terminate()
        _not_permitted(pair)


def _not_permitted(pair):
    host = pair.a
    host.configure("[process]\npriority = 2\n")
    host.start("--config", "/run/wgbfd.toml", before=("prlimit", "--rtprio=0", "setpriv", "--bounding-set", "-sys_nice"))
    pair.b.start()
    loop = host.status()["probe_loop"]
    says = " ".join(loop["problems"])
    check("who may not be real-time is told what to do", loop["realtime"] is False and "CAP_SYS_NICE" in says and
          "LimitRTPRIO=2" in says and says in host.status()["problems"], loop)
    check("in the log too", bool(wait(lambda: "LimitRTPRIO=2" in host.log())), host.log()[-400:])
    check("and probes all the same", host.is_up(), host.rows())


def _threads(host):
    worker = host.processes()[-1]
    for task in os.listdir(f"/proc/{worker}/task"):
        with open(f"/proc/{worker}/task/{task}/comm", encoding="utf-8") as comm:
            yield comm.read().strip(), int(task)


def _policies(host):
    return {name: (os.sched_getscheduler(task), os.sched_getparam(task).sched_priority) for name, task in _threads(host)}


def _cpus(host):
    return {name: os.sched_getaffinity(task) for name, task in _threads(host)}


FREEZE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
task = int(sys.argv[1])
if libc.ptrace(0x4206, task, None, None) or libc.ptrace(0x4207, task, None, None):  # SEIZE, INTERRUPT: this thread alone
    sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(task, 0x40000000)  # __WALL
print("frozen", flush=True)
sys.stdin.read()  # our end lets it go
"""


def standstill(build):
    """The probe thread alone is stopped: seen, told, counted, and systemd's watchdog is not fed meanwhile."""
    with Pair(build, LABEL) as pair, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        host = pair.a
        manager.bind(host.node.path("/run/notify"))
        manager.setblocking(False)
        pair.b.start()
        host.start(before=("env", "NOTIFY_SOCKET=/run/notify", "WATCHDOG_USEC=30000000"))
        check("it is up, and systemd's watchdog is fed", host.is_up() and bool(wait(lambda: b"WATCHDOG=1" in _heard(manager))), host.rows())
        task, before = dict(_threads(host))["probe"], host.status()["probe_loop"]["standstills"]
        freezer = subprocess.Popen(["/usr/bin/python3", "-c", FREEZE, str(task)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check("the probe thread can be stopped", freezer.stdout.readline() == "frozen\n")
        still = wait(lambda: host.status().get("probe_loop", {}).get("stands_still"))
        status = host.status()
        check("a thread that stands still is seen from outside, and told", bool(still) and any("stands still" in p for p in status["problems"]), status)
        _heard(manager)
        uptime = host.status()["uptime_s"]
        check("status is answered meanwhile", bool(wait(lambda: host.status()["uptime_s"] >= uptime + 3)))
        check("and the watchdog is fed no more", b"WATCHDOG=1" not in _heard(manager))
        freezer.communicate("")
        check("it goes on, and the watchdog is fed", bool(wait(lambda: b"WATCHDOG=1" in _heard(manager))))
        check("the standstill is counted, with its length", wait(lambda: not host.status()["probe_loop"]["stands_still"]) and
              (loop := host.status()["probe_loop"])["standstills"] > before and loop["longest_standstill_us"] >= 3_000_000, host.status())
        told = lambda: (host.log().count("probe_thread stood_still_ms="), host.status()["probe_loop"]["standstills"])  # noqa: E731
        check("and logged with it once", wait(lambda: len(set(told())) == 1), (told(), host.log()[-600:]))
        check("and the path is up again", host.is_up(), host.rows())


def _heard(manager):
    heard = []
    while True:
        try:
            heard.append(manager.recv(4096))
        except BlockingIOError:
            return heard


def faults(build):
    """In its steady state the probe thread waits for no page of memory."""
    with Pair(build, LABEL) as pair:
        pair.both_up()
        host = pair.a
        wait(lambda: (host.row(name="to-b").get("quality") or {}).get("answers", 0) > 20)
        task = dict(_threads(host))["probe"]
        sent = lambda: host.row(name="to-b")["bfd"]["packets_sent"]  # noqa: E731
        before, faults_before = sent(), _faults(host, task)
        check("packets go on", bool(wait(lambda: sent() >= before + 40)))
        check("and no page was missing meanwhile", _faults(host, task) == faults_before, (faults_before, _faults(host, task)))
        with open(f"/proc/{host.processes()[-1]}/status", encoding="utf-8") as lines:
            locked = next(line for line in lines if line.startswith("VmLck:"))
        check("memory is locked", int(locked.split()[1]) > 0, locked)
        host.terminate()
        host.start(before=("prlimit", "--memlock=65536", "setpriv", "--bounding-set", "-ipc_lock"))
        says = " ".join(host.status()["probe_loop"]["problems"])
        check("where it cannot be: told, with what to do", "LimitMEMLOCK=infinity" in says, says)
        check("and the peer comes up", host.is_up(), host.rows())


def _faults(host, task):
    """Minor and major."""
    with open(f"/proc/{host.processes()[-1]}/task/{task}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[7]), int(fields[9])


def bound(build):
    """bind = "addresses": both ends measure each other, and hear nothing but at the tunnel's address."""
    with Pair(build, LABEL) as pair:
        more = 'bind = "addresses"\n'
        if not pair.both_up(more, more):
            return
        heard = {line.split()[3] for line in pair.a.sh("ss -Huln sport = :862 or sport = :3784").splitlines()}
        check("BFD and STAMP are heard at the tunnel's address alone", heard == {"10.8.0.0:862", "10.8.0.0:3784"}, heard)
        measured = wait(lambda: pair.a.row(name="to-b")["quality"]["method"] == "stamp", 120)
        check("and answered from there", measured, pair.a.rows())


# --- what it does ---------------------------------------------------------------------------------------------------
def defaults(build):
    """Without any configuration: probes all that resolves, feeds nothing, status shows all."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        before = host.operstate()
        host.sh("wg set wg0 peer \"$(wg genkey | wg pubkey)\" allowed-ips 10.20.0.0/16")
        host.start()
        pair.b.start()
        # Two peers on wg0: the /31 names no other half any more, so the peer is named by its allowed-ips.
        key = pair.key("b")
        host.sh(f"wg set wg0 peer '{key}' allowed-ips 10.8.0.1/32")
        check("without a configuration the peer that resolves comes up", host.is_up(), host.rows())
        stranger = host.row(state="unknown")
        check("one that does not resolve is shown, with the step that failed", stranger.get("cause") == "unresolved" and
              stranger.get("unresolved") == "no-candidate" and stranger.get("bfd") is None, stranger)
        check("status: 0, for a stranger nobody configured does not count", host.wgbfd("status").returncode == 0)
        _status_keys(host)
        check("nothing is fed", host.row(state="up")["feeds"] == {} and host.operstate() == before, host.operstate())
        host.kill_worker()
        _exit_status(pair)


def _status_keys(host):
    status = host.status()
    row = next(row for row in status["adjacencies"] if row["state"] == "up")
    for what, value in (("status", status), ("probe_loop", status["probe_loop"]), ("adjacency", row), ("bfd", row["bfd"]),
                        ("wireguard", row["wireguard"]), ("routes", status["routes"]),
                        ("control_loop", status["control_loop"])):
        same_keys(what, value)
    check("names and addresses are told", (row["interface"], row["local"], row["remote"], row["group"]) ==
          ("wg0", "10.8.0.0", "10.8.0.1", None), row)
    text = host.wgbfd("status", row["name"])
    check("status NAME shows that one alone", text.returncode == 0 and "10.8.0.1" in text.stdout, text.stdout + text.stderr)
    unknown = host.wgbfd("status", "nobody")
    check("status of a name that does not exist: 1, and one line that says where names are", unknown.returncode == 1 and
          unknown.stderr.count("\n") == 1 and "nobody" in unknown.stderr, unknown.stderr)


def _exit_status(pair):
    check("and is up again after a worker was killed", pair.a.is_up(), pair.a.rows())
    pair.b.kill_both()
    down = wait(lambda: pair.a.row(state="down"))
    check("a peer that died is down, for it was heard no more", down.get("cause") == "detect-timeout", pair.a.rows())
    check("status: 3 while it is down, configured or not", pair.a.wgbfd("status").returncode == 3)
    check("stopped with nothing fed: status 0", pair.a.terminate() == 0, pair.a.log()[-400:])
    gone = pair.a.wgbfd("status")
    check("status without a daemon: 1, and how to start one", gone.returncode == 1 and "wgbfd run" in gone.stderr, gone.stderr)


def commands(build):
    """Usage errors, and what is refused before anything starts."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        for words in ((), ("nonsense",), ("run", "--nonsense"), ("status", "a", "b"), ("check", "--run-dir")):
            done = host.node.run([host.binary, *words], check=False)
            check(f"wgbfd {' '.join(words) or 'alone'}: 2 and one line", done.returncode == 2 and done.stderr.count("\n") == 1 and
                  not done.stdout, done.stderr)
        status, says = host.refused("--config", "/run/none.toml")
        check("a configuration that does not exist: 1", status == 1 and "/run/none.toml" in says, says)
        status, says = host.refused("--config", host.configure("[probe]\ninterval = \"1ms\"\nx = 1\n"))
        check("a wrong one: 1, every error with its place", status == 1 and "wgbfd.toml:2:" in says and "wgbfd.toml:3:" in says, says)
        holder = host.process(HOLD_PORT, "3784")
        status, says = host.refused()
        check("a port taken: 1, naming the process", status == 1 and "3784" in says and "python3 (pid " in says, says)
        host.end(holder)
        _second_daemon(host)
        _stock_bfdd(host)
        deep = "/run/" + "x" * 120
        done = host.node.run(["timeout", "20", host.binary, "run", "--run-dir", deep], check=False)
        check("a run directory too long for a socket: 1, and what to do", done.returncode == 1 and "shorter --run-dir" in done.stderr, done.stderr)


def _second_daemon(host):
    host.start()
    status, says = host.refused()
    check("a second daemon on the same run directory: 1, and what to do", status == 1 and RUN_DIR in says and "--run-dir" in says, says)
    undo = host.wgbfd("undo")
    check("undo while a daemon runs is refused", undo.returncode == 1 and "a daemon runs" in undo.stderr, undo.stderr)
    check("the first one goes on", bool(host.status()))
    check("and stops with 0", host.terminate() == 0)
    check("its socket is gone with it", not os.path.exists(host.node.path(f"{RUN_DIR}/control.sock")))
    check("undo with nothing to undo: 0", host.wgbfd("undo").returncode == 0)


def _stock_bfdd(host):
    host.start_frr("zebra")
    host.start_frr("bfdd")
    status, says = host.refused()
    check("stock bfdd without --dplaneaddr: 1, with the fix", status == 1 and "--dplaneaddr" in says and "bfd_dataplane" in says, says)
    host.stop_frr("bfdd")
    host.write("/etc/frr/daemons", 'bfdd=yes\nbfdd_options=" -A 127.0.0.1"\n')
    status, says = host.refused()
    check("bfdd enabled in /etc/frr/daemons without it: 1, with the fix", status == 1 and "/etc/frr/daemons" in says, says)
    host.start_frr("bfdd", "--dplaneaddr", DATA_PLANE)
    host.start()
    check("a running bfdd's command line counts over the file", bool(host.status()), host.log()[-300:])
    host.terminate()


# --- what ends it ---------------------------------------------------------------------------------------------------
def worker(build):
    with Pair(build, LABEL) as pair:
        pair.both_up()
        for times in (1, 2):
            check(f"kill -9 of the worker: a new one ({times})", bool(pair.a.kill_worker()), pair.a.log()[-400:])
            check("its session comes up again", pair.a.is_up() and pair.b.is_up(), pair.a.rows())
            check("status counts it", pair.a.status()["worker_restarts"] == times, pair.a.status().get("worker_restarts"))
        guardian, _ = pair.a.processes()
        os.kill(guardian, signal.SIGHUP)
        check("SIGHUP to the guardian reloads", wait(lambda: "reloaded" in pair.a.log()))
        check("SIGTERM ends both with 0", pair.a.terminate() == 0, pair.a.log()[-400:])
        check("the peer sees AdminDown", wait(lambda: pair.b.row(state="admin-down")).get("cause") == "admin", pair.b.rows())
        sent = lambda: pair.b.rows()[0]["bfd"]["packets_sent"]  # noqa: E731
        before = sent()
        check("and takes it for nothing else", wait(lambda: sent() >= before + 5) and pair.b.row(state="admin-down") and
              "to=down" not in pair.b.log().split("to=admin-down")[-1], pair.b.log()[-600:])  # a packet a second: longer than its detection time


def dormant(build):
    """An interface held DORMANT outlives whatever happens to the daemon, and always finds its way back."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        pair.both_up(LINK)
        before = host.operstate()
        check("while the peer lives the interface is as it was", before in ("UNKNOWN", "UP"), before)
        pair.b.kill_both()
        check("the peer died: the interface is DORMANT", wait(lambda: host.operstate() == "DORMANT"), host.operstate())
        told = wait(lambda: host.row(name="to-b")["feeds"].get("link"))
        check("status says what the feed was told", told and told["told"] == "down", told)
        host.kill_worker()
        check("kill -9 of the worker: DORMANT stands", host.operstate() == "DORMANT")
        host.kill_both()
        check("kill -9 of both: DORMANT stands", host.operstate() == "DORMANT")
        done = host.wgbfd("doctor")
        check("the doctor tells it, with the fix", "wg0" in done.stdout and "wgbfd undo" in done.stdout, done.stdout)
        _adopt(host)
        host.kill_both()
        undo = host.wgbfd("undo")
        check("undo without a daemon: 0, and the interface is UP", undo.returncode == 0 and host.operstate() == "UP", undo.stderr)
        _fails_to_start(host)
        check("undo again has nothing to do", host.wgbfd("undo").returncode == 0 and host.operstate() == "UP")
        _withdraw(pair)


def _fails_to_start(host):
    """A start that fails adopts nothing: what an earlier daemon left is put back."""
    for why, options in (("a wrong configuration", ("--config", host.write("/run/wrong.toml", "[probe\n"))), ("a port taken", ())):
        host.start("--config", "/run/wgbfd.toml")
        wait(lambda: host.operstate() == "DORMANT" and host.row(name="to-b", state="down"))
        host.kill_both()
        stands = host.operstate() == "DORMANT"
        holder = None if options else host.process(HOLD_PORT, "3784")
        status, says = host.refused(*options)
        check(f"a start that {why} ends: 1, and the interface is UP", stands and status == 1 and host.operstate() == "UP", says)
        if holder:
            host.end(holder)


def _adopt(host):
    host.start("--config", "/run/wgbfd.toml")
    feed = wait(lambda: host.row(name="to-b").get("feeds", {}).get("link"))
    check("the next start adopts it: DORMANT stands, and is told", host.operstate() == "DORMANT" and feed and feed["told"] == "down", feed)
    check("who was up before is down now, not never-up", wait(lambda: host.row(name="to-b", state="down")), host.rows())
    check("and it stays DORMANT once judged anew", host.operstate() == "DORMANT")


def _withdraw(pair):
    pair.a.start("--config", "/run/wgbfd.toml")
    check("the next start knows who was up: DORMANT again", wait(lambda: pair.a.operstate() == "DORMANT"), pair.a.rows())
    check("SIGTERM withdraws it: UP, status 0", pair.a.terminate() == 0 and pair.a.operstate() == "UP", pair.a.operstate())
    pair.a.start("--config", "/run/wgbfd.toml")
    wait(lambda: pair.a.operstate() == "DORMANT")
    pair.b.start("--config", "/run/wgbfd.toml")
    check("the peer is back: UP", pair.a.is_up() and wait(lambda: pair.a.operstate() == "UP"), pair.a.operstate())


def drain(build):
    """Maintenance of a path: dear at once, AdminDown 5 s later, over a reload and a killed worker, until it is taken back."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        pair.both_up(UNMEASURED, UNMEASURED, PATIENT)
        wait(lambda: "last handshake was" in host.wgbfd("explain", "to-b").stdout)
        explained = host.wgbfd("explain", "to-b").stdout
        check("explain tells the session, the handshake and the cost",
              "to-b is up since" in explained and " is Up: a packet every" in explained and "last handshake was" in explained
              and "It costs 10: 10 at its best." in explained, explained)
        for command in ("explain", "drain", "undrain"):
            done = host.wgbfd(command, "nobody")
            check(f"{command} of a name that nobody has: 1, and where to look", done.returncode == 1 and "wgbfd status" in done.stderr, done.stderr)
        check("drain without a name: 2", host.wgbfd("drain").returncode == 2)
        done = host.wgbfd("drain", "to-b")
        row = wait(lambda: host.row(name="to-b", cause="drained"))
        check("drain: dear at once", done.returncode == 0 and row.get("cost") == 60000, (done.stderr, row))
        row = wait(lambda: host.row(name="to-b", state="admin-down"))
        check("then its session says AdminDown, and it is as dear", row.get("cause") == "drained" and row.get("cost") == 60000, host.rows())

        def steps():
            events = [json.loads(line) for line in host.wgbfd("events", "--json").stdout.splitlines()]
            return [(event["event"], event["to"]) for event in events if event["event"] in ("drain", "verdict", "session")]
        check("until then it was still in use", wait(lambda: steps()[-4:] == [("drain", "begun"), ("verdict", "degraded"), ("verdict", "admin-down"),
              ("session", "AdminDown")]), steps())
        check("which the peer takes for maintenance", wait(lambda: pair.b.row(name="to-a", state="admin-down")), pair.b.rows())
        check("a reload leaves it drained", host.wgbfd("reload").returncode == 0 and host.row(name="to-b")["cause"] == "drained")
        host.kill_worker()
        row = wait(lambda: host.row(name="to-b", cause="drained"))
        check("and so does a killed worker: AdminDown from the start", row.get("state") == "admin-down", host.rows())
        check("explain says how it is taken back", "wgbfd undrain to-b" in host.wgbfd("explain", "to-b").stdout)
        check("the peer never saw a Down", "to=down" not in pair.b.log(), pair.b.log()[-600:])
        check("undrain: up again, at its own cost", host.wgbfd("undrain", "to-b").returncode == 0 and host.is_up()
              and host.row(name="to-b")["cost"] == 10, host.rows())
        host.kill_worker()
        check("and a restart leaves it so", host.is_up(), host.rows())


def gives_up(build):
    """A worker that cannot come up any more, dying or hanging: undo, and the daemon ends."""
    for how, spoil in (("dies", "echo '[probe' > /run/wgbfd.toml"), ("hangs", "rm /run/wgbfd.toml; mkfifo /run/wgbfd.toml")):
        with Pair(build, LABEL) as pair:
            host = pair.a
            pair.both_up(LINK)
            pair.b.kill_both()
            wait(lambda: host.operstate() == "DORMANT")  # pylint: disable=cell-var-from-loop
            host.sh(spoil)
            os.kill(host.processes()[1], signal.SIGKILL)
            try:
                status = host.daemon.wait(timeout=120)
            except subprocess.TimeoutExpired:
                status = None
            check(f"a worker that {how} at each start: the guardian gives up with 1", status == 1, (status, host.log()[-300:]))
            check(f"a worker that {how}: the interface is UP again", host.operstate() == "UP", host.operstate())
            check(f"a worker that {how}: nothing is left to undo", host.wgbfd("undo").returncode == 0)
            check(f"a worker that {how}: no process is left",
                  wait(lambda: not host.sh("pgrep -x wgbfd || true").strip()))  # pylint: disable=cell-var-from-loop


def keeps_dying(build):
    """A worker that comes up and dies before it has judged what it holds, again and again: undo, and the daemon ends."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        pair.both_up(LINK)
        pair.b.kill_both()
        wait(lambda: host.operstate() == "DORMANT")
        for _ in range(30):
            wait(lambda: host.status().get("uptime_s", 0) >= 1 or host.daemon.poll() is not None)
            _, worker = host.processes()
            if worker is None:
                break
            os.kill(worker, signal.SIGKILL)
            wait(lambda: host.processes()[1] != worker)  # pylint: disable=cell-var-from-loop
        check("a worker that keeps dying: the guardian gives up with 1", host.daemon.poll() == 1, host.log()[-300:])
        check("a worker that keeps dying: the interface is UP again", host.operstate() == "UP", host.operstate())


# --- reload and events ------------------------------------------------------------------------------------------------
def reload(build):
    with Pair(build, LABEL) as pair:
        pair.both_up(own=PATIENT)
        host = pair.a
        before = host.row(name="to-b")["bfd"]
        host.configure("[probe]\ninterval = \"1ms\"\nmultiplier = 0\n[nonsense]\n")
        done = host.wgbfd("reload")
        check("a broken file: 1, and every error with its place", done.returncode == 1 and
              all(f"wgbfd.toml:{place}:" in done.stderr for place in (2, 3, 4)), done.stderr)
        after = host.row(name="to-b")
        check("what runs is untouched", after.get("state") == "up" and after["bfd"]["local_discriminator"] == before["local_discriminator"] and
              after["bfd"]["tx_interval_us"] == 300_000, after)
        _timers(pair)
        host.configure(pair.adjacency("b").replace("300ms", "250ms") + "probe = false\n")
        host.wgbfd("reload")
        check("probe = false ends the session", wait(lambda: host.row(name="to-b").get("bfd", 0) is None), host.rows())
        host.configure(pair.adjacency("b").replace("[probe]", '[probe]\nbind = "addresses"'))
        done = host.wgbfd("reload")
        check("bind cannot change while it runs: 1, and says so", done.returncode == 1 and "bind" in done.stderr, done.stderr)
        _file_appears(pair)


def _timers(pair):
    discriminators = [host.rows()[0]["bfd"]["local_discriminator"] for host in (pair.a, pair.b)]
    for host, peer in ((pair.a, "b"), (pair.b, "a")):
        host.configure(pair.adjacency(peer).replace("300ms", "200ms") + PATIENT)
        check(f"reload at {host.node.name}: 0", host.wgbfd("reload").returncode == 0)
    changed = wait(lambda: all(host.rows()[0]["bfd"]["tx_interval_us"] == 200_000 and host.rows()[0]["bfd"]["detection_time_us"] == 2_000_000
                               for host in (pair.a, pair.b)))
    check("the timers change live", changed, [host.rows() for host in (pair.a, pair.b)])
    rows = [host.rows()[0] for host in (pair.a, pair.b)]
    check("without a Down at either end", [(row["state"], row["bfd"]["downs"], row["bfd"]["ups"]) for row in rows] == [("up", 0, 1)] * 2, rows)
    check("in the same sessions", [row["bfd"]["local_discriminator"] for row in rows] == discriminators, rows)


def _file_appears(pair):
    """A daemon started without a configuration reads the default one once there is one."""
    host = pair.a
    host.terminate()
    host.sh("mkdir /run/etc; cp -a /etc/. /run/etc; mount --bind /run/etc /etc; rm -rf /etc/wgbfd/* ")
    host.start()
    host.is_up()
    host.write("/etc/wgbfd/wgbfd.toml", pair.adjacency("b"))
    done = host.wgbfd("reload")
    check("a configuration written after the start is read by reload", done.returncode == 0 and wait(lambda: host.row(name="to-b")),
          done.stderr or host.rows())


def events(build):
    with Pair(build, LABEL) as pair:
        pair.both_up()
        host = pair.a
        follower = subprocess.Popen(host.node.inside([host.binary, "events", "--follow", "--json", "--run-dir", RUN_DIR]),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        seen = []
        threading.Thread(target=read_events, args=(follower, seen), daemon=True).start()
        check("events --follow begins with what was", wait(lambda: any(e["event"] == "verdict" and e["to"] == "up" for e in list(seen))), seen)
        pair.b.kill_both()
        down = wait(lambda: next((e for e in list(seen) if e["event"] == "verdict" and e["to"] == "down"), None))
        check("and goes on with what happens", down and (down["adjacency"], down["from"], down["cause"]) == ("to-b", "up", "detect-timeout"), seen)
        check("each event has the documented keys", all(set(e) == KEYS["event"] for e in seen), seen[:1])
        text = host.wgbfd("events").stdout
        check("events without --follow ends, in words", "to-b  verdict  up -> down  (detect-timeout)" in text, text)
        check("and with --json an object a line", all(json.loads(line) for line in host.wgbfd("events", "--json").stdout.splitlines()))
        check("a state change is one line of the log, with its cause", host.log().count("from=up to=down cause=detect-timeout") == 1, host.log()[-600:])
        host.terminate()
        check("a follower ends when the daemon does, and says so", follower.wait(timeout=30) == 1 and "ended" in follower.stderr.read())


def read_events(process, seen):
    for line in process.stdout:
        seen.append(json.loads(line))


GROUPS = {group.__name__.replace("_", "-"): group
          for group in (defaults, commands, process, standstill, faults, bound, worker, dormant, drain, gives_up, keeps_dying, reload, events)}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
