#!/usr/bin/python3
# lab/vm: --mem 1024 --timeout 1500
"""`wgbfd restart` and kill -9 of the worker beside BIRD, under traffic: two tunnels, one at 50 ms x 3 and one at 10 ms x 3, BGP of BIRD over
each with its next hops in our table, our constants in the filters of the first. What the far wgbfd counts, what BIRD was told, which routes
moved, and what the traffic lost. kill -9 with the first alone: at 10 ms x 3 another process cannot be there in time.
Beside FRR: tests/vm/lifecycle.py."""
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from guest.daemon import Wgbfd, bfd_up  # noqa: E402  pylint: disable=wrong-import-position
from guest.pair import OTHER, Pair  # noqa: E402  pylint: disable=wrong-import-position
from guest.report import Report, seconds, wait  # noqa: E402  pylint: disable=wrong-import-position
from wgbfdlab import ping  # noqa: E402  pylint: disable=wrong-import-position

FULL = bool(os.environ.get("WGBFD_FULL"))
RESTARTS, KILLS = (100, 20) if FULL else (6, 3)
ADDRESSES = {"wg0": {"A": "10.8.0.1", "B": "10.8.0.2"}, "wg1": {"A": "10.9.0.1", "B": "10.9.0.2"}}
LANS = {"wg0": {"A": "10.50.1", "B": "10.50.2"}, "wg1": {"A": "10.51.1", "B": "10.51.2"}}  # told over that tunnel
PROTOCOLS = {"wg0": "tunnel", "wg1": "fast"}
NUMBERS = {"A": 65001, "B": 65002}
INTERVALS = {"wg0": "50ms", "wg1": "10ms"}


class Ends:
    def __init__(self):
        self.pair = Pair()
        for number, (name, ends) in enumerate(ADDRESSES.items()):
            self.pair.tunnel(name, 51820 + number, {end: [f"{address}/24"] for end, address in ends.items()})
            for end, space in self.pair.spaces.items():
                other = OTHER[end]
                space.ip(f"link add {lan(name)} type dummy", f"address add {LANS[name][end]}.1/24 dev {lan(name)}", f"link set {lan(name)} up")
                space.run(f"wg set {name} peer {self.pair.keys[name][other].public} allowed-ips {ends[other]}/32,{LANS[name][other]}.0/24")
        self.daemons = {name: Wgbfd(space, self.configuration(name, ADDRESSES)) for name, space in self.pair.spaces.items()}
        self.watched, self.watches = {}, 0

    def configuration(self, name, fed):
        """`fed`: the tunnels of which BIRD is told."""
        text = "[quality]\nmethod = \"off\"\n"
        if name == "A":
            text += '[bird]\ncontrol = "/run/A.ctl"\nnexthop_table = 4242\ninclude = "/run/A-wgbfd.conf"\n'
        for tunnel, ends in ADDRESSES.items():
            other = OTHER[name]
            text += (f'[[adjacency]]\nname = "{tunnel}"\ninterface = "{tunnel}"\npeer = "{self.pair.keys[tunnel][other].public}"\n'
                     f'address = "{ends[other]}"\ninterval = "{INTERVALS[tunnel]}"\nmultiplier = 3\n')
            if name == "A" and tunnel in fed:
                constants = ', "bird-include"]\nlocal_pref = 120' if tunnel == "wg0" else "]"
                text += f'bird_protocol = "{PROTOCOLS[tunnel]}"\nfeeds = ["bird-nexthop", "bird-protocol"{constants}\n'
        return text

    def bird(self, name):
        other = OTHER[name]
        ours = name == "A"
        text = f"""router id 10.255.0.{NUMBERS[name] - 65000};
log "/run/out/bird-{name}.log" all;
debug protocols {{ states }};
{'include "/run/A-wgbfd.conf";' if ours else ''}
protocol device {{ }}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
ipv4 table nexthops4;
protocol direct nexthops_direct {{ ipv4 {{ table nexthops4; }}; interface "wg*"; }}
protocol kernel nexthops_wgbfd {{ kernel table 4242; learn; ipv4 {{ table nexthops4;
    import filter {{ if krt_source != 87 then reject; preference = 250; igp_metric = krt_metric; accept; }}; export none; }}; }}
"""
        for tunnel, ends in ADDRESSES.items():
            preference = "bgp_local_pref = wgbfd_wg0_local_pref;" if ours and tunnel == "wg0" else ""
            text += f"""protocol direct {lan(tunnel)} {{ ipv4; interface "{lan(tunnel)}"; }}
protocol bgp {PROTOCOLS[tunnel]} {{ local {ends[name]} as {NUMBERS[name]}; neighbor {ends[other]} as {NUMBERS[other]};
    direct; keepalive time 3; hold time 9; connect delay time 1;
    ipv4 {{ igp table nexthops4; gateway recursive; export where proto = "{lan(tunnel)}"; import filter {{ {preference} accept; }}; }}; }}
"""
        Path(f"/run/{name}-bird.conf").write_text(text)
        self.pair.spaces[name].spawn(["bird", "-f", "-c", f"/run/{name}-bird.conf", "-s", f"/run/{name}.ctl"], f"/run/out/bird-{name}.out")

    def start(self):
        for daemon in self.daemons.values():
            daemon.start()
        wait(lambda: Path("/run/A-wgbfd.conf").exists(), 20, 0.1)
        for name in self.pair.spaces:
            self.bird(name)

    def birdc(self, name, words):
        with self.pair.spaces[name]:
            return subprocess.run(["birdc", "-s", f"/run/{name}.ctl", *words.split()], stdout=subprocess.PIPE, text=True, check=False).stdout

    def stands(self):
        up = all(bfd_up(daemon.row(name)) for daemon in self.daemons.values() for name in ADDRESSES)
        return up and all("Established" in self.birdc(name, f"show protocols {protocol}") for name in self.pair.spaces for protocol in PROTOCOLS.values()) \
            and all(self.routes(name, [tunnel]) for name in self.pair.spaces for tunnel in ADDRESSES)

    def routes(self, name, tunnels):
        """To the other end's LANs."""
        with self.pair.spaces[name]:
            lines = subprocess.run(["ip", "route"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        return [line for line in lines if any(line.startswith(LANS[tunnel][OTHER[name]]) for tunnel in tunnels)]

    def sheet(self, tunnel):
        """What its ping says, one for each watch: the numbers begin anew."""
        return Path(f"/run/out/ping-{tunnel}-{self.watches}")

    def watch(self, tunnels):
        for name, space in self.pair.spaces.items():
            self.watched[name] = (space.spawn(["ip", "-o", "monitor", "route"], f"/run/routes-{name}"), self.routes(name, tunnels))
        for tunnel in tunnels:
            near, far = (f"{LANS[tunnel][end]}.1" for end in ("A", "B"))
            self.watched[tunnel] = (self.pair.a.spawn(["ping", "-i", "0.02", "-I", near, far], self.sheet(tunnel)), None)
        time.sleep(1)

    def end_watch(self, report, tunnels, what):
        for process, _ in self.watched.values():
            process.send_signal(2)
            process.wait(10)
        moved = [f"{name}: {line}" for name in self.pair.spaces for line in Path(f"/run/routes-{name}").read_text().splitlines()
                 if any(net in line for tunnel in tunnels for net in LANS[tunnel].values())]
        same = all(self.routes(name, tunnels) == self.watched[name][1] for name in self.pair.spaces)
        report.check(not moved and same, f"{what}: no route moved at either end {moved[:3] or ''}".rstrip())
        for tunnel in tunnels:
            text = self.sheet(tunnel).read_text()
            lost = ping.lost(text)
            report.check(not lost, f"{what}: the traffic over {tunnel} lost nothing: "
                         f"{next((line for line in text.splitlines() if 'loss' in line), text[-200:])} {lost[:20] or ''}".rstrip())
        self.watched.clear()
        self.watches += 1

    def told(self):
        """All that BIRD could be told, and what it said of itself."""
        return [line for line in self.birdc("A", "show status").splitlines() if "econfiguration" in line], self.birdc("A", "show protocols"), \
            self.birdc("A", "show route table nexthops4"), Path("/run/A-wgbfd.conf").read_text()

    def counted(self, tunnels):
        keys = ("ups", "downs", "local_discriminator", "remote_discriminator", "state")
        return {f"{name} {tunnel}": [daemon.row(tunnel)["bfd"][key] for key in keys] for name, daemon in self.daemons.items() for tunnel in tunnels}


def lan(tunnel):
    return f"lan{tunnel[-1]}"


def restarts(ends, report):
    near = ends.daemons["A"]
    counted, told, failed, took = ends.counted(ADDRESSES), ends.told(), [], []
    ends.watch(ADDRESSES)
    for _ in range(RESTARTS):
        begun = time.time()
        status, output = near.cli("restart")
        took.append(time.time() - begun)
        if status:
            failed.append(output)
        time.sleep(1)
    ends.end_watch(report, ADDRESSES, f"{RESTARTS} restarts")
    report.check(not failed, f"{RESTARTS} restarts, each {seconds(max(took))} at most {failed[:1] or ''}".rstrip())
    after = ends.counted(ADDRESSES)
    report.check(after == counted, f"{RESTARTS} restarts: no Down at either end, at 50 ms x 3 and at 10 ms x 3, and the same discriminators "
                 f"{'' if after == counted else (counted, after)}".rstrip())
    report.check(ends.told() == told, f"{RESTARTS} restarts: BIRD was told nothing {'' if ends.told() == told else (told, ends.told())}".rstrip())


def kills(ends, report):
    near, slow = ends.daemons["A"], ["wg0"]
    near.configure(ends.configuration("A", slow))
    status, output = near.cli("reload")
    gone = wait(lambda: ADDRESSES["wg1"]["B"] not in ends.pair.a.run("ip route show table 4242"), 20, 0.1)
    report.check(status == 0 and gone is not None, f"BIRD is told of wg0 alone {output if status else ''}".rstrip())
    counted, told, workers = ends.counted(slow), ends.told(), near.status()["worker_restarts"]
    ends.watch(slow)
    for number in range(KILLS):
        near.kill_worker()
        time.sleep(0.5)
        wait(lambda wanted=workers + number + 1: near.status().get("worker_restarts") == wanted, 20, 0.05)
        time.sleep(4)  # the guardian gives up on one that never lives for four seconds
    ends.end_watch(report, slow, f"kill -9, {KILLS} times")
    after = ends.counted(slow)
    report.check(after == counted, f"kill -9 of the worker, {KILLS} times: no Down at either end at 50 ms x 3, and the same discriminators "
                 f"{'' if after == counted else (counted, after)}".rstrip())
    report.check(ends.told() == told, f"kill -9, {KILLS} times: BIRD was told nothing {'' if ends.told() == told else (told, ends.told())}".rstrip())


def main():
    report, ends = Report(), Ends()
    ends.start()
    report.check(wait(ends.stands, 60, 0.2) is not None, "both tunnels are Up at both ends, BGP of BIRD is Established over each")
    restarts(ends, report)
    kills(ends, report)
    for daemon in ends.daemons.values():
        report.check(daemon.terminate() == 0, f"SIGTERM to {daemon.name}: status 0")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
