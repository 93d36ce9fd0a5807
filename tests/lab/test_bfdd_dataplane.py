#!/usr/bin/python3
"""frr::BfdDataplane (through dataplane_driver) against FRR's own bfdd, zebra and bgpd.

Usage, as root: test_bfdd_dataplane.py BUILD_DIRECTORY
Makes two network namespaces and two FRR path spaces of its own and removes them.
Prints `ok - …` or `FAIL - …` for each check and closes with `N passed, N failed`; exits 1 when one failed.
"""
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

PEERS = 200  # and the BGP neighbour
HERE = f"wgbfd-dp{os.getpid()}"
FAR = f"wgbfd-dpf{os.getpid()}"
DAEMONS = "/usr/lib/frr"
results = {"passed": 0, "failed": 0}


def check(name, good, detail=""):
    results["passed" if good else "failed"] += 1
    print(f"ok - {name}" if good else f"FAIL - {name} {detail}", flush=True)
    return good


def wait(probe, seconds=30):
    """The first true answer of probe, or its last one when the time is up."""
    limit = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer or time.monotonic() > limit:
            return answer
        threading.Event().wait(0.02)


def holds(probe, seconds):
    """True when probe stays true all the while."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not probe():
            return False
        threading.Event().wait(0.05)
    return True


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Frr:
    """FRR daemons in one namespace, under one path space of the same name."""

    def __init__(self, name):
        self.name = name
        self.run_directory = f"/var/run/frr/{name}"
        self.etc = f"/etc/frr/{name}"
        self.processes = {}
        for directory in (self.run_directory, self.etc):
            os.makedirs(directory)
            shutil.chown(directory, "frr", "frr")

    def start(self, daemon, *options, config=""):
        path = f"{self.etc}/{daemon}.conf"
        with open(path, "w", encoding="ascii") as file:
            file.write(config)
        shutil.chown(path, "frr", "frr")
        self.processes[daemon] = subprocess.Popen(
            ["ip", "netns", "exec", self.name, f"{DAEMONS}/{daemon}", "-N", self.name, "-f", path, "--log",
             f"file:{self.run_directory}/{daemon}.log", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(lambda: self.answers(daemon), 90)  # bfdd reads its 200 peers first

    def answers(self, daemon):
        try:
            return self.ask(daemon, "show version")
        except OSError:
            return None

    def ask(self, daemon, *commands, seconds=30):
        """The reply to the last command, over the daemon's vty socket."""
        with socket.socket(socket.AF_UNIX) as vty:
            vty.settimeout(seconds)
            vty.connect(f"{self.run_directory}/{daemon}.vty")
            for command in ("enable", *commands):
                vty.sendall(command.encode() + b"\0")
                reply = b""
                while reply[-4:-1] != b"\0\0\0":
                    piece = vty.recv(65536)
                    if not piece:
                        raise OSError(f"{daemon} closed")
                    reply += piece
        return reply[:-4].decode()

    def kill(self, daemon, number=signal.SIGKILL):
        self.processes[daemon].send_signal(number)
        if number == signal.SIGKILL:
            self.processes.pop(daemon).wait()

    def remove(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        for directory in (self.run_directory, self.etc):
            shutil.rmtree(directory, ignore_errors=True)


class Driver:
    def __init__(self, program, address):
        self.process = subprocess.Popen([program, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.queue = queue.Queue()
        self.events = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.queue.put(json.loads(line))

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def seen(self):
        while not self.queue.empty():
            self.events.append(self.queue.get())
        return self.events

    def of(self, kind, since=0):
        return [event for event in self.seen()[since:] if event["event"] == kind]

    def status(self):
        since = len(self.seen())
        self.send("status")
        found = wait(lambda: self.of("status", since))
        return found[-1] if found else {"connections": -1, "sessions": -1}

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def bfdd_config(peers):
    lines = ["bfd", " profile fast", "  transmit-interval 50", "  receive-interval 60", "  detect-multiplier 4", " exit"]
    for peer in peers:
        lines += [f" peer {peer} interface v0", "  profile fast", " exit"]
    return "\n".join(lines) + "\n"


def bgp_config(number, neighbor, far, bfd):
    lines = [f"router bgp {number}", " no bgp ebgp-requires-policy", " bgp router-id 10.9.0." + str(number - 65000),
             f" neighbor {neighbor} remote-as {far}", f" neighbor {neighbor} timers connect 1"]
    return "\n".join(lines + ([f" neighbor {neighbor} bfd"] if bfd else [])) + "\n"


class Test:
    def __init__(self, build):
        self.program = os.path.join(build, "tests", "dataplane_driver")
        self.here = Frr(HERE)
        self.far = Frr(FAR)
        self.path = f"{self.here.run_directory}/dp.sock"
        self.peers = [f"10.9.{1 + n // 100}.{1 + n % 100}" for n in range(PEERS)]
        self.everyone = set(self.peers) | {"10.9.0.2"}
        self.driver = None

    def network(self):
        for name in (HERE, FAR):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", HERE, "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", FAR)
        run("ip", "-n", HERE, "addr", "add", "10.9.0.1/16", "dev", "v0")
        run("ip", "-n", FAR, "addr", "add", "10.9.0.2/16", "dev", "v0")
        for name in (HERE, FAR):
            run("ip", "-n", name, "link", "set", "v0", "up")

    def start_bfdd(self):
        self.here.start("bfdd", "--dplaneaddr", f"unix:{self.path}", config=bfdd_config(self.peers))

    def shown(self, daemon="bfdd", command="show bfd peers json"):
        return json.loads(self.here.ask(daemon, command))

    def statuses(self):
        return {peer["peer"]: peer["status"] for peer in self.shown()}

    def others_than(self, status):
        return {peer: shown for peer, shown in self.statuses().items() if shown != status}

    def all_are(self, status):
        shown = self.statuses()
        return len(shown) == len(self.everyone) and set(shown.values()) == {status}

    def bgp(self):
        shown = self.here.ask("bgpd", "show bgp neighbors 10.9.0.2 json")
        return json.loads(shown)["10.9.0.2"]

    def established(self):
        return self.bgp()["bgpState"] == "Established"

    def dropped(self):
        return self.bgp()["connectionsDropped"]

    def lid_of(self, peer):
        return next(shown["id"] for shown in self.shown() if shown["peer"] == peer)

    def start(self):
        self.network()
        for frr in (self.here, self.far):
            frr.start("zebra")
        self.start_bfdd()
        self.far.start("bgpd", config=bgp_config(65002, "10.9.0.1", 65001, False))
        self.here.start("bgpd", config=bgp_config(65001, "10.9.0.2", 65002, True))
        wait(self.established)  # it registers with bfdd anew when it comes up
        wait(lambda: len(self.shown()) == PEERS + 1)

    def all_added_and_up(self):
        self.driver = Driver(self.program, f"unix:{self.path}")
        added = wait(lambda: {e["destination"] for e in self.driver.of("add")} >= self.everyone)
        check(f"all {PEERS + 1} sessions of bfdd are added", added, len(self.driver.of("add")))
        status = wait(lambda: (s := self.driver.status())["connections"] == 5 and s)
        check("58 a connection: four bring sessions, a fifth is kept", status, self.driver.status())
        check("all hang on a connection", self.driver.status()["sessions"] == PEERS + 1)
        newest = {e["destination"]: e for e in self.driver.of("add")}["10.9.1.1"]
        check("profile, interface and addresses arrive",
              (newest["min_tx"], newest["min_rx"], newest["detect_mult"], newest["ifname"], newest["source"]) ==
              (50000, 60000, 4, "v0", ""), newest)
        check("nothing is Up before it is told", "up" not in self.statuses().values())
        self.driver.send("up " + " ".join(str(e["lid"]) for e in self.driver.of("add")))
        check("all told Up are Up", wait(lambda: self.all_are("up")), self.others_than("up"))
        peer = next(p for p in self.shown() if p["peer"] == "10.9.1.1")
        check("the peer's values are shown",
              (peer["remote-id"], peer["remote-detect-multiplier"], peer["remote-receive-interval"]) == (4711, 5, 40), peer)

    def counters(self):
        before = len(self.driver.of("add"))
        for _ in range(4):  # 232 questions on a connection; bfdd's buffer holds 102 answers
            shown = self.shown(command="show bfd peers counters json")
        lids = {peer["peer"]: peer["id"] for peer in self.shown()}
        right = sum(peer["control-packet-input"] == lids[peer["peer"]] % 100000 and
                    peer["control-packet-output"] == lids[peer["peer"]] % 1000 for peer in shown)
        check("counters of every session are answered, four times over", right == PEERS + 1, right)
        check("no connection was lost over it", self.driver.status()["connections"] == 5 and
              len(self.driver.of("add")) == before and not self.driver.of("gone"), self.driver.status())
        text = self.here.ask("bfdd", "show bfd distributed")
        check("bfdd counts five connections", text.count("File descriptor") == 5, text)

    def profile_change(self):
        since = len(self.driver.seen())
        self.here.ask("bfdd", "configure terminal", "bfd", "profile fast", "transmit-interval 70", "end")
        changed = wait(lambda: {e["destination"] for e in self.driver.of("add", since) if e["min_tx"] == 70000}
                       == set(self.peers))
        check("a changed profile arrives as an updated ADD for each session", changed,
              len(self.driver.of("add", since)))
        check("and nothing goes down", self.all_are("up"), self.others_than("up"))

    def shutdown(self):
        lid = self.lid_of("10.9.1.1")
        since = len(self.driver.seen())
        self.here.ask("bfdd", "configure terminal", "bfd", "peer 10.9.1.1 interface v0", "shutdown", "end")
        shut = wait(lambda: [e for e in self.driver.of("add", since) if e["lid"] == lid and e["shutdown"]])
        check("`shutdown` arrives as a flag", shut)
        self.driver.send(f"up {lid}")
        check("an Up told after `shutdown` does not reach bfdd",
              wait(lambda: self.statuses()["10.9.1.1"] == "shutdown") and
              holds(lambda: self.statuses()["10.9.1.1"] == "shutdown", 1), self.statuses()["10.9.1.1"])
        self.driver.send(f"admin {lid}")
        self.driver.status()
        since = len(self.driver.seen())
        self.here.ask("bfdd", "configure terminal", "bfd", "peer 10.9.1.1 interface v0", "no shutdown", "end")
        back = wait(lambda: [e for e in self.driver.of("add", since) if e["lid"] == lid and not e["shutdown"]])
        check("`no shutdown` arrives without the flag", back, self.driver.of("add", since))
        self.driver.send(f"down {lid}")
        self.driver.send(f"up {lid}")
        check("and the session comes Up again", wait(lambda: self.statuses()["10.9.1.1"] == "up"),
              self.statuses()["10.9.1.1"])

    def shutdown_race(self):
        """An Up that bfdd reads after `shutdown` would make the flag stick for ever."""
        lid = self.lid_of("10.9.1.2")
        bfdd = self.here.processes["bfdd"]
        self.driver.send(f"down {lid}")
        wait(lambda: self.statuses()["10.9.1.2"] == "down")
        driver = self.driver.process
        driver.send_signal(signal.SIGSTOP)  # its Up below is written before it reads the ADD that says shutdown
        self.driver.send(f"up {lid}")
        self.here.ask("bfdd", "configure terminal", "bfd", "peer 10.9.1.2 interface v0", "shutdown", "end")
        driver.send_signal(signal.SIGCONT)
        self.driver.status()
        settled = wait(lambda: self.statuses()["10.9.1.2"] == "shutdown") and \
            holds(lambda: self.statuses()["10.9.1.2"] == "shutdown", 0.5)
        since = len(self.driver.seen())
        self.here.ask("bfdd", "configure terminal", "bfd", "peer 10.9.1.2 interface v0", "no shutdown", "end")
        back = wait(lambda: [e for e in self.driver.of("add", since) if e["lid"] == lid and not e["shutdown"]])
        check("an Up that crosses `shutdown` does not make the flag stick", settled and back, (settled, back))
        self.driver.send(f"down {lid}")
        self.driver.send(f"up {lid}")
        check("and that session comes Up again", bfdd.poll() is None and
              wait(lambda: self.statuses()["10.9.1.2"] == "up"), self.statuses()["10.9.1.2"])

    def admin_down_and_profile(self):
        lid = self.lid_of("10.9.1.3")
        self.driver.send(f"admin {lid}")
        check("AdminDown of the peer is shown", wait(lambda: self.statuses()["10.9.1.3"] == "shutdown"),
              self.statuses()["10.9.1.3"])
        since = len(self.driver.seen())
        self.here.ask("bfdd", "configure terminal", "bfd", "profile fast", "transmit-interval 80", "end")
        wait(lambda: [e for e in self.driver.of("add", since) if e["lid"] == lid])
        check("and stays so when a profile is applied", wait(lambda: self.statuses()["10.9.1.3"] == "shutdown"),
              self.statuses()["10.9.1.3"])
        self.driver.send(f"up {lid}")
        check("and it comes Up from there", wait(lambda: self.all_are("up")), self.others_than("up"))

    def bgp_follows(self):
        check("BGP is established", wait(self.established), self.bgp()["bgpState"])
        before, lid = self.dropped(), self.lid_of("10.9.0.2")
        self.driver.send(f"admin {lid}")
        wait(lambda: self.statuses()["10.9.0.2"] == "shutdown")
        check("AdminDown leaves BGP alone", holds(lambda: self.established() and self.dropped() == before, 1))
        self.driver.send(f"up {lid}")
        wait(lambda: self.statuses()["10.9.0.2"] == "up")
        self.driver.send(f"down {lid}")
        check("Down takes BGP down", wait(lambda: self.dropped() > before), self.bgp()["bgpState"])
        self.driver.send(f"up {lid}")
        check("and it comes back", wait(self.established), self.bgp()["bgpState"])

    def stopped_bfdd(self):
        self.here.kill("bfdd", signal.SIGSTOP)
        since = len(self.driver.seen())
        self.driver.send("flap 500")  # 201 sessions, 3.6 MB of messages: more than any socket buffer
        check("a stopped bfdd does not hold us up: 100,000 changes are taken",
              wait(lambda: self.driver.of("flapped", since)))
        status = self.driver.status()
        check("and commands are answered", status["sessions"] == PEERS + 1, status)
        check("its silence is reported", wait(lambda: [e for e in self.driver.of("problem", since)
                                                        if "does not answer" in e["text"]]))
        self.here.kill("bfdd", signal.SIGCONT)
        check("once it goes on it hears the latest of each session", wait(lambda: self.all_are("up")), self.others_than("up"))
        check("and all is well again", wait(lambda: self.driver.of("problem")[-1]["text"] == ""))
        check("over the same connections", not self.driver.of("gone") and self.driver.status()["connections"] == 5,
              self.driver.status())

    def killed_bfdd(self):
        self.driver.send("auto")
        old = {e["lid"] for e in self.driver.of("add")}
        self.here.kill("bfdd")
        check("a killed bfdd is noticed", wait(lambda: self.driver.of("gone")))
        check("and said, with what to do", wait(lambda: self.driver.of("problem")[-1]["text"]))
        since = len(self.driver.seen())
        self.start_bfdd()
        check("when it is back all is added again",
              wait(lambda: {e["destination"] for e in self.driver.of("add", since)} >= self.everyone),
              len(self.driver.of("add", since)))
        check("under new lids", not old & {e["lid"] for e in self.driver.of("add", since)})
        check("and Up again", wait(lambda: self.all_are("up")), self.others_than("up"))
        check("and nothing is wrong any more", wait(lambda: self.driver.of("problem")[-1]["text"] == ""))

    def one_by_one(self):
        since = len(self.driver.seen())
        wanted = {f"10.9.3.{n}" for n in range(1, 81)}
        self.here.ask("bfdd", "configure terminal", "bfd", *[f"peer {peer} interface v0" for peer in sorted(wanted)])
        # BGP may still come back behind the killed bfdd, and asks for its own session then.
        added = lambda: [e["destination"] for e in self.driver.of("add", since) if e["destination"] in wanted]  # noqa: E731
        check("80 sessions configured while connected arrive", wait(lambda: set(added()) == wanted), len(added()))
        shown = self.shown(command="show bfd peers counters json")
        shown = self.shown(command="show bfd peers counters json")
        check("more than 102 sessions on a connection answer their counters", len(shown) == PEERS + 81 and
              not self.driver.of("gone", since) and len(added()) == 80, (len(shown), len(added())))
        lids = {e["lid"] for e in self.driver.of("add", since) if e["destination"] in wanted}
        self.here.ask("bfdd", "configure terminal", "bfd", *[f"no peer {peer} interface v0" for peer in sorted(wanted)])
        deleted = lambda: [e["lid"] for e in self.driver.of("delete", since) if e["lid"] in lids]  # noqa: E731
        check("and are deleted", wait(lambda: set(deleted()) == lids) and len(deleted()) == 80, len(deleted()))

    def vty(self):
        def read(daemon, command):
            return subprocess.run([self.program, "vty", self.here.run_directory, daemon, command], text=True,
                                  capture_output=True, check=False, timeout=60)

        installed = subprocess.run([f"{DAEMONS}/zebra", "--version"], text=True, capture_output=True, check=True).stdout
        shown = read("bfdd", "show version")
        check("the version is read over the vty", shown.returncode == 0 and
              f"version {json.loads(shown.stdout)['version']}" in installed, shown)
        self.here.ask("zebra", "configure terminal", "interface v0", "no link-detect", "end")
        shown = read("zebra", "show interface json")
        detection = json.loads(shown.stdout)["link_detection"] if shown.returncode == 0 else {}  # of tunl0 and the like too, where there are
        check("link-detect of each interface is read", (detection.get("lo"), detection.get("v0")) == (True, False), shown)
        shown = read("bfdd", "show nonsense")
        check("a refused command is one line of reason", shown.returncode == 1 and "Unknown command" in shown.stderr, shown)
        shown = read("ospfd", "show version")
        check("a daemon that does not run too", shown.returncode == 1 and "ospfd is not running" in shown.stderr, shown)
        self.here.kill("bfdd", signal.SIGSTOP)
        shown = read("bfdd", "show version")
        self.here.kill("bfdd", signal.SIGCONT)
        check("and one that hangs", shown.returncode == 1 and "3 s" in shown.stderr, shown)

    def stop(self):
        check("BGP is established before we stop", wait(self.established), self.bgp()["bgpState"])
        before = self.dropped()
        self.driver.send("stop")
        check("stop ends", wait(lambda: self.driver.of("stopped")))
        check("every session is AdminDown or Down then, none Up",
              wait(lambda: "up" not in self.statuses().values()), self.statuses())
        check("BGP stays established while we are gone (5 s; a lost session is Down after 3)",
              holds(lambda: self.established() and self.dropped() == before, 5), self.bgp()["bgpState"])
        self.driver.end()
        self.driver = Driver(self.program, f"unix:{self.path}")
        self.driver.send("auto")
        check("and when we come back all is Up", wait(lambda: self.all_are("up")), self.others_than("up"))
        check("without BGP having noticed", self.established() and self.dropped() == before, self.bgp()["bgpState"])

    def run(self):
        for part in (self.start, self.all_added_and_up, self.counters, self.profile_change, self.shutdown,
                     self.shutdown_race, self.admin_down_and_profile, self.bgp_follows, self.stopped_bfdd,
                     self.killed_bfdd, self.one_by_one, self.vty, self.stop):
            try:
                part()
            except Exception as error:  # a part that cannot go on is a failure; the next may still tell something
                check(f"{part.__name__} runs", False, f"{type(error).__name__}: {error}")
                if part is self.start:
                    return

    def remove(self):
        if self.driver:
            self.driver.end()
        self.here.remove()
        self.far.remove()
        for name in (HERE, FAR):
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


def main():
    if len(sys.argv) != 2 or os.geteuid() != 0:
        sys.exit("usage, as root: test_bfdd_dataplane.py BUILD_DIRECTORY")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    test = Test(sys.argv[1])
    try:
        test.run()
    finally:
        test.remove()
    print(f"{results['passed']} passed, {results['failed']} failed")
    sys.exit(1 if results["failed"] else 0)


if __name__ == "__main__":
    main()
