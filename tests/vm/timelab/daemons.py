"""Who speaks BFD over the tunnels, each in its own words; started in a node, at a real-time priority or none."""
import json
import os

from wgbfdlab.nodes import give_to_frr
from wgbfdlab.topology import LabError

WGBFD = os.environ.get("WGBFD", "wgbfd")
MULTIPLIER = 3


def wgbfd(net, name, realtime, extra="", tunnels=None, multiplier=lambda _tunnel: MULTIPLIER):
    lines = []
    for one in tunnels or net.tunnels:
        if name in ("far", one.near):
            far = name == "far"
            lines += ["[[adjacency]]", f'name = "{one.interface}"', f'interface = "{one.interface}"',
                      f'peer = "{net.public(one.near if far else "far")}"', f'address = "{one.address(not far)}"',
                      f'interval = "{one.interval}ms"', f"multiplier = {multiplier(one)}"]
    node = net.nodes[name]
    path = node.directory / "wgbfd.toml"
    path.write_text("\n".join([*lines, extra]) + "\n")
    return node.spawn([*(["chrt", "-f", "50"] if realtime else []), WGBFD, "run", "--config", path], "wgbfd.log")


def status(node):
    done = node.run([WGBFD, "status", "--json"], check=False)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        return {"adjacencies": []}


def bfdd(net, name):
    node = net.nodes[name]
    mine = [one for one in net.tunnels if one.near == name]
    lines = ["bfd"]
    for interval in sorted({one.interval for one in mine}):
        lines += [f" profile p{interval}", f"  detect-multiplier {MULTIPLIER}", f"  receive-interval {interval}",
                  f"  transmit-interval {interval}"]
    for one in mine:
        lines += [f" peer {one.address(True)} local-address {one.address(False)} interface {one.interface}",
                  f"  profile p{one.interval}"]
    for daemon, text in (("zebra", []), ("bfdd", lines)):
        path = node.etc_frr / f"{daemon}.conf"
        path.write_text("\n".join([f"hostname {name}", f"log file {node.logs}/{daemon}.log", *text]) + "\n")
        give_to_frr(path)
        started = node.spawn([f"/usr/lib/frr/{daemon}", "-d", "-f", f"/etc/frr/{daemon}.conf", "-i", f"/run/frr/{daemon}.pid"],
                             f"{daemon}.out")
        if started.wait(timeout=60) != 0:
            raise LabError(f"{daemon} does not start")


def bird(net, name, extra=""):
    node = net.nodes[name]
    lines = [f'log "{node.logs}/bird.log" all;', "router id 10.0.0.1;", "protocol device { }", f"protocol bfd {{ {extra}"]
    for one in net.tunnels:
        if one.near == name:
            lines += [f' interface "{one.interface}" {{ interval {one.interval} ms; multiplier {MULTIPLIER}; }};',
                      f' neighbor {one.address(True)} dev "{one.interface}" local {one.address(False)};']
    path = node.directory / "bird.conf"
    path.write_text("\n".join([*lines, "}"]) + "\n")
    if node.spawn(["bird", "-c", path, "-s", "/run/bird.ctl"], "bird.out").wait(timeout=60) != 0:
        raise LabError("BIRD does not start")
