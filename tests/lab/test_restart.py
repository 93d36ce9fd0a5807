#!/usr/bin/python3
"""`wgbfd restart` and kill -9 of the worker, again and again, with BGP across the tunnel and traffic over its routes: no peer goes Down, FRR and
BIRD are told nothing, no route moves. Counted, never timed (10 ms and 50 ms are for tests/vm/restart.py).

test_restart.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups.
"""
import json
import os
import shutil
import sys
import time
from pathlib import Path

from bird import Bird, Since
from pair import DATA_PLANE, PATIENT, Pair, check, main, wait
from wgbfdlab import ping
from wgbfdlab.topology import LabError

LABEL = "rs"
FULL = bool(os.environ.get("WGBFD_FULL"))
RESTARTS, KILLS = (25, 8) if FULL else (4, 2)
NETS = {"a": "10.50.1", "b": "10.50.2"}
ADDRESSES = {"a": "10.8.0.0", "b": "10.8.0.1"}
NUMBERS = {"a": 65001, "b": 65002}


def far(name):
    return "b" if name == "a" else "a"


class Ends:
    """Both hosts of a pair, each with a network behind it, and all that must not change."""

    def __init__(self, pair):
        self.hosts = {"a": pair.a, "b": pair.b}
        for name, host in self.hosts.items():
            host.sh(f"ip address add {NETS[name]}.1/24 dev lo; sysctl -qw net.ipv4.ip_forward=1; "
                    f"wg set wg0 peer '{pair.key(far(name))}' allowed-ips 10.8.0.0/31,{NETS[far(name)]}.0/24")

    def watch(self):
        self.logs = {}
        for name, host in self.hosts.items():
            host.node.spawn(["ip", "-o", "monitor", "route"], "routes.log")
            self.logs[name] = len(host.log("routes.log"))
        a = self.hosts["a"]
        self.traffic = a.node.spawn(["ping", "-i", "0.02", "-I", f"{NETS['a']}.1", f"{NETS['b']}.1"], "ping.log")

    def routes_moved(self):
        """Lines of `ip monitor route` about anything but what a ping leaves."""
        found = []
        for name, host in self.hosts.items():
            found += [f"{name}: {line}" for line in host.log("routes.log")[self.logs[name]:].splitlines() if "10.50." in line or "10.8.0." in line]
        return found

    def end_traffic(self):
        host = self.hosts["a"]
        host.sh("kill -2 $(pidof ping)", check_status=False)
        wait(lambda: "transmitted" in host.log("ping.log"))
        return host.log("ping.log")

    def sessions(self):
        """What both ends count, and how each other is called: all that a restart could change."""
        return {name: [host.row(interface="wg0")["bfd"][key] for key in ("ups", "downs", "local_discriminator", "remote_discriminator")]
                for name, host in self.hosts.items()}


def lives(host, seconds):
    """One that dies within a second is not trusted; and after 10 s in which none has lived for 4 s the guardian gives up."""
    wait(lambda: host.status()["uptime_s"] >= seconds)


def again_and_again(ends, told):
    """Restarts and kills at end a; `told`: what its routing daemon was told so far."""
    host = ends.hosts["a"]
    ends.watch()
    before, said, since = ends.sessions(), told(), host.row(interface="wg0")["since"]
    events = len(host.log())
    count = host.status()["worker_restarts"]
    refused = []
    for _ in range(RESTARTS):
        done = host.wgbfd("restart")
        if done.returncode:
            refused.append(done.stderr)
        wait(lambda: host.row(interface="wg0", state="up"))
    check(f"{RESTARTS} restarts succeed", not refused, refused)
    for kill in range(KILLS):
        lives(host, 5 if kill % 3 == 0 else 1)
        host.kill_worker()
    wait(lambda: host.row(interface="wg0", state="up"))
    time.sleep(6)  # what nobody asks for again would end now, and what was adopted wrongly be told
    after = ends.sessions()
    check("neither end counts another Up or Down, and both keep their discriminators", after == before, (before, after))
    check("FRR or BIRD was told nothing", told() == said, (said, told()))
    check("no route moved at either end", not ends.routes_moved(), ends.routes_moved()[:5])
    pings = ends.end_traffic()
    check("the traffic lost nothing", not ping.lost(pings), (ping.lost(pings)[:20], pings[-300:]))
    row = host.row(interface="wg0")
    check("the verdict goes on, since when it did", row["state"] == "up" and row["since"] == since, row)
    check("no event tells of a session or a verdict", " verdict " not in host.log()[events:] and " session " not in host.log()[events:],
          host.log()[events:][-600:])
    check("status counts the workers", host.status()["worker_restarts"] == count + RESTARTS + KILLS, host.status()["worker_restarts"])


# --- beside FRR -----------------------------------------------------------------------------------------------------
def bgp_config(name):
    there = far(name)
    return (f"router bgp {NUMBERS[name]}\n bgp router-id 10.255.0.{1 if name == 'a' else 2}\n no bgp ebgp-requires-policy\n timers bgp 3 9\n"
            f" neighbor {ADDRESSES[there]} remote-as {NUMBERS[there]}\n neighbor {ADDRESSES[there]} timers connect 1\n"
            f" neighbor {ADDRESSES[there]} bfd profile patient\n address-family ipv4 unicast\n  network {NETS[name]}.0/24\n exit-address-family\n")


def neighbor(host, name):
    try:
        return json.loads(host.ask_frr("bgpd", "show bgp neighbors json"))[ADDRESSES[far(name)]]
    except (LabError, ValueError, KeyError):
        return {}


def bfd_peer(host):
    try:
        return json.loads(host.ask_frr("bfdd", "show bfd peers counters json"))[0], json.loads(host.ask_frr("bfdd", "show bfd peers json"))[0]
    except (LabError, ValueError, IndexError):
        return {}, {}


def frr(build):
    with Pair(build, LABEL) as pair:
        ends = Ends(pair)
        for name, host in ends.hosts.items():
            host.start_frr("zebra")
            host.start_frr("bfdd", "--dplaneaddr", DATA_PLANE, config="bfd\n profile patient\n  detect-multiplier 10\n")
            host.start_configured(pair.adjacency(far(name), f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\nvty = "/run/frr"\n') +
                                  'feeds = ["frr-vty"]\n' + PATIENT)
            host.start_frr("bgpd", config=bgp_config(name))
        a, b = ends.hosts["a"], ends.hosts["b"]
        up = wait(lambda: all(neighbor(host, name).get("bgpState") == "Established" and bfd_peer(host)[1].get("status") == "up"
                              for name, host in ends.hosts.items()), 60)
        check("FRR: BGP is Established and bfdd has its session up, at both ends", up, (a.log()[-500:], b.log()[-500:]))
        wait(lambda: f"{NETS['b']}.0" in a.sh("ip route") and f"{NETS['a']}.0" in b.sh("ip route"))

        def told():
            counters, peer = bfd_peer(a)
            return (counters.get("session-up"), counters.get("session-down"), counters.get("zebra-notifications"), peer.get("id"), peer.get("status"),
                    a.status()["feeds"]["frr-bfd"], [neighbor(host, name).get("connectionsDropped") for name, host in ends.hosts.items()])

        again_and_again(ends, told)
        # What was taken over still works: a new wish of bfdd's, a Down and an Up.
        b.kill_both()
        check("a peer that dies afterwards is told to bfdd", wait(lambda: bfd_peer(a)[1].get("status") == "down"), bfd_peer(a))


# --- beside BIRD ----------------------------------------------------------------------------------------------------
def bird_config(name):
    there = far(name)
    return f"""router id 10.255.0.{1 if name == 'a' else 2};
include "/run/bird/wgbfd.conf";
protocol device {{ }}
protocol direct lan {{ ipv4; interface "lo"; }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
ipv4 table nexthops4;
protocol direct nexthops_direct {{ ipv4 {{ table nexthops4; }}; interface "wg*"; }}
protocol kernel nexthops_wgbfd {{ kernel table 4242; learn; ipv4 {{ table nexthops4;
    import filter {{ if krt_source != 87 then reject; preference = 250; igp_metric = krt_metric; accept; }}; export none; }}; }}
protocol bgp tunnel {{ local {ADDRESSES[name]} as {NUMBERS[name]}; neighbor {ADDRESSES[there]} as {NUMBERS[there]};
    direct; keepalive time 3; hold time 9; connect delay time 1;
    ipv4 {{ igp table nexthops4; gateway recursive; import filter {{ bgp_local_pref = wgbfd_to_{there}_local_pref; accept; }};
            export where proto = "lan" && net ~ [10.50.0.0/16+]; }}; }}
"""


def bird(build):
    with Pair(build, LABEL) as pair:
        ends = Ends(pair)
        birds = {}
        for name, host in ends.hosts.items():
            host.sh("mkdir -p /run/bird")
            # Not measured: on a busy machine what a round trip takes would be another cost now and then, and that BIRD is told.
            host.start_configured(pair.adjacency(far(name), '[quality]\nmethod = "off"\n[bird]\ncontrol = "/run/bird/bird.ctl"\nnexthop_table = 4242\n'
                                                 'include = "/run/bird/wgbfd.conf"\n') +
                                  'feeds = ["bird-nexthop", "bird-protocol", "bird-include"]\nbird_protocol = "tunnel"\nlocal_pref = 120\n' + PATIENT)
            birds[name] = Bird(host, bird_config(name))
        a, b = ends.hosts["a"], ends.hosts["b"]
        check("BIRD: BGP is Established at both ends", wait(lambda: all(one.established("tunnel") for one in birds.values()), 60),
              (a.log("bird.log")[-400:], b.log("bird.log")[-400:]))
        wait(lambda: f"{NETS['b']}.0" in a.sh("ip route") and f"{NETS['a']}.0" in b.sh("ip route"))
        wait(lambda: a.row(state="up").get("feeds", {}).keys() >= {"bird-nexthop", "bird-include"})

        def told():
            configured = next(line for line in birds["a"].ask("show status") if "econfiguration" in line)
            return (Since(configured.split()[-1]), [one.protocol("tunnel") for one in birds.values()], a.sh("ip route show table 4242"),
                    Path(a.node.path("/run/bird/wgbfd.conf")).read_text(encoding="ascii"))

        again_and_again(ends, told)
        b.kill_both()
        check("a peer that dies afterwards is told to BIRD", wait(lambda: "unreachable" in a.sh("ip route show table 4242")),
              a.sh("ip route show table 4242"))


# --- what cannot work changes nothing -------------------------------------------------------------------------------
def refused(build):
    with Pair(build, LABEL) as pair:
        a = pair.a
        own = a.node.path("/run/own-wgbfd")
        shutil.copy(pair.binary, own)
        a.binary = "/run/own-wgbfd"
        a.start_configured(pair.adjacency("b") + PATIENT)
        a.binary = pair.binary  # who asks
        pair.b.start_configured(pair.adjacency("a") + PATIENT)
        check("a tunnel is up", a.is_up() and pair.b.is_up(), (a.rows(), pair.b.rows()))
        ends = Ends(pair)
        before = ends.sessions()
        good = Path(a.node.path("/run/wgbfd.toml")).read_text(encoding="ascii")
        a.configure("[probe]\nintervall = 1\n")
        done = a.wgbfd("restart")
        check("a configuration with an error: 1, the error with its place, and the worker before goes on",
              done.returncode == 1 and "/run/wgbfd.toml:2:" in done.stderr and done.stderr.count("\n") == 1, done.stderr)
        a.configure(good)
        replace(own, Path("/bin/false").read_bytes())
        done = a.wgbfd("restart")
        check("a program that ends at once: 1, and its status", done.returncode == 1 and "status 1" in done.stderr, done.stderr)
        replace(own, b"rubbish")
        done = a.wgbfd("restart")
        check("one that cannot be executed: 1, and why", done.returncode == 1 and "cannot execute" in done.stderr, done.stderr)
        os.unlink(own)
        done = a.wgbfd("restart")
        check("one that is not there: 1, and why", done.returncode == 1 and "cannot open" in done.stderr, done.stderr)
        a.kill_worker()
        wait(lambda: a.row(interface="wg0", state="up"))
        check("a worker that is killed then is replaced by the program it was", ends.sessions() == before and
              a.status()["worker_restarts"] == 1, (before, ends.sessions()))
        replace(own, pair.binary.read_bytes())
        done = a.wgbfd("restart")
        check("an upgrade takes effect: the new worker runs the program as it is on disk now", done.returncode == 0 and runs(a, own), done.stderr)
        lives(a, 1)
        a.kill_worker()
        check("and so does the one after it, started when that was killed", runs(a, own))
        wait(lambda: a.row(interface="wg0", state="up"))
        found = [f for f in json.loads(a.wgbfd("doctor", "--json").stdout)["findings"] if f["check"] in ("daemon", "ports")]
        pid = found[0]["message"].removeprefix("runs (pid ").rstrip(")")
        check("doctor knows the worker of today, and its ports", all(f["severity"] == "ok" for f in found) and len(found) == 3 and
              a.sh(f"cat /proc/{pid}/comm", check_status=False).strip() != "", found)
        check("the peer noticed nothing of all that", ends.sessions() == before, (before, ends.sessions()))
        trust(a)
        a.terminate()
        a.start("--config", "/run/wgbfd.toml", "--no-guardian")
        done = a.wgbfd("restart")
        check("without a guardian: 1, and what to do", done.returncode == 1 and "guardian" in done.stderr, done.stderr)


def runs(host, program):
    def is_it():
        try:
            return os.stat(f"/proc/{host.processes()[1]}/exe").st_ino == os.stat(program).st_ino
        except FileNotFoundError:  # the worker before has just gone
            return False
    return wait(is_it)


def trust(host):
    """One that dies at once twice in a row begins without what may have killed it. Where this machine finds one late, it was not at once."""
    for kills in range(12):
        if kills % 4 == 0:
            lives(host, 5)
        before = host.processes()[1]
        os.kill(before, 9)
        wait(lambda worker=before: host.processes()[1] not in (worker, None))
        if "inherits=nothing" in host.log():
            break
    check("killed at once again and again, it begins with nothing inherited", wait(lambda: "inherits=nothing" in host.log()), host.log()[-500:])
    check("and comes up", wait(lambda: host.row(interface="wg0", state="up"), 60))


def replace(path, content):
    with open(path + ".new", "wb") as out:
        out.write(content)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


GROUPS = {"frr": frr, "bird": bird, "refused": refused}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
