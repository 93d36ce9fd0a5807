#!/usr/bin/python3
# lab/vm: --timeout 900
"""Tenants in VRFs: three tunnels between two routers, in the VRFs red and blue and outside any, with the same addresses and the same
prefixes. Each has its own sessions (single hop of both families, and several hops), is measured, and takes no other down; no packet
crosses, whatever somebody in one of them forges. bind = "addresses" and udp_l3mdev_accept = 1 change nothing of it."""
import socket
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "lab"), str(Path(__file__).resolve().parent)]

from guest import bfd  # noqa: E402  pylint: disable=wrong-import-position
from guest.daemon import Wgbfd  # noqa: E402  pylint: disable=wrong-import-position
from guest.pair import OTHER, Pair  # noqa: E402  pylint: disable=wrong-import-position
from guest.report import Report, seconds, wait  # noqa: E402  pylint: disable=wrong-import-position

TENANTS = {"red": ("wg-red", 5000, 100), "blue": ("wg-blue", 5001, 200), "": ("wg-main", 5002, 254)}
NEAR = {"A": "10.8.0.1", "B": "10.8.0.2"}
FAR = {"A": "10.9.0.1", "B": "10.9.0.2"}  # several hops
NEAR_V6 = {"A": "fd08::1", "B": "fd08::2"}
SITE = "10.50.0.0/16"
KINDS = ("", "-v6", "-far")


def build(net):
    for tenant, (name, port, _) in TENANTS.items():
        net.tunnel(name, port, {end: [f"{NEAR[end]}/24", f"{FAR[end]}/32", f"{NEAR_V6[end]}/64"] for end in net.spaces})
        for end, space in net.spaces.items():
            peer = net.keys[name][OTHER[end]].public
            space.run(f"wg set {name} peer {peer} allowed-ips 10.0.0.0/8,fd08::/64")
            space.ip(f"address del {FAR[end]}/32 dev {name}", f"address del {NEAR_V6[end]}/64 dev {name}")
            home = enslave(space, tenant, name) if tenant else "lo"
            space.ip(f"address add {FAR[end]}/32 dev {home}", f"address add {NEAR_V6[end]}/64 dev {name} nodad")
            table = TENANTS[tenant][2]
            space.ip(f"route add {FAR[OTHER[end]]}/32 dev {name} src {FAR[end]} table {table}", f"route add {SITE} dev {name} table {table}")


def enslave(space, vrf, name):
    space.ip(f"link add {vrf} type vrf table {TENANTS[vrf][2]}", f"link set {vrf} up", f"link set {name} master {vrf}")
    return vrf


def configuration(net, end, probe=""):
    text = probe + f'[metrics]\nlisten = "127.0.0.1:9784"\n'
    for tenant, (name, _, _) in TENANTS.items():
        title = tenant or "main"
        quality = 'quality = { method = "icmp" }\n' if tenant == "blue" else ""
        text += f'[[adjacency]]\nname = "{title}"\ninterface = "{name}"\npeer = "{net.keys[name][OTHER[end]].public}"\n' \
                f'address = "{NEAR[OTHER[end]]}"\n{quality}'
        text += f'[[session]]\nname = "{title}-v6"\nlocal = "{NEAR_V6[end]}"\nremote = "{NEAR_V6[OTHER[end]]}"\ninterface = "{name}"\n'
        vrf = f'vrf = "{tenant}"\n' if tenant else ""
        text += f'[[session]]\nname = "{title}-far"\nlocal = "{FAR[end]}"\nremote = "{FAR[OTHER[end]]}"\nmultihop = true\n{vrf}'
    return text


def sessions(daemon):
    """{name: bfd object}: an IPv6 session over a tunnel is the adjacency's further one."""
    found = {}
    for row in daemon.status()["adjacencies"]:
        if row["bfd"]:
            found[row["name"]] = row["bfd"]
        for further in row["sessions"]:
            found[row["name"] + "-v6"] = further
    return found


ALL = {(tenant or "main") + kind for tenant in TENANTS for kind in KINDS}


def up(daemon):
    return {name for name, one in sessions(daemon).items() if one["state"] == "Up"}


def all_up(report, ends, what, limit=30):
    took = wait(lambda: all(up(daemon) >= ALL for daemon in ends), limit)
    return report.check(took is not None, f"{what}: all {len(ALL)} sessions Up at both ends after {seconds(took)}"
                        + ("" if took is not None else f"; missing: {[sorted(ALL - up(daemon)) for daemon in ends]}"))


def downs(daemon):
    return {name: one["downs"] for name, one in sessions(daemon).items()}


def separate(report, net, near, far):
    """Every BFD packet on a tunnel is of that tenant's sessions, by the discriminators of both ends."""
    captures = {tenant: bfd.Capture(net.a, name) for tenant, (name, _, _) in TENANTS.items()}
    before = near.status()["probe_loop"]["dropped"]
    wait(lambda: False, 2)
    ours, theirs = sessions(near), sessions(far)
    for tenant, capture in captures.items():
        title = tenant or "main"
        mine = {one["local_discriminator"] for name, one in [*ours.items(), *theirs.items()] if name.split("-")[0] == title}
        seen = {int.from_bytes(data[4:8], "big") for _, _, _, data in capture.take()}
        report.check(seen and seen <= mine, f"{title}: packets of {len(seen)} discriminators on its tunnel, all of its own sessions")
        capture.close()
    report.check(near.status()["probe_loop"]["dropped"] == before, "and none was refused")


def measured(report, near):
    wanted = {"red": "stamp", "blue": "icmp", "main": "stamp"}
    method = lambda: {name: (near.row(name).get("quality") or {}).get("method") for name in wanted}  # noqa: E731
    took = wait(lambda: method() == wanted, 20)
    losses = [near.row(name)["quality"]["loss"]["round_trip"] for name in wanted] if took is not None else []
    report.check(took is not None and not any(losses), f"each is measured after {seconds(took)}: {method()}, loss {losses}")


def cut(report, net, near, far, tenant):
    title, port = tenant or "main", TENANTS[tenant][1]
    before = [downs(daemon) for daemon in (near, far)]
    net.b.run(f"nft 'add table ip cut; add chain ip cut in {{ type filter hook input priority 0; }}; add rule ip cut in udp dport {port} drop'")
    net.a.run(f"nft 'add table ip cut; add chain ip cut in {{ type filter hook input priority 0; }}; add rule ip cut in udp dport {port} drop'")
    mine = {name for name in ALL if name.split("-")[0] == title}
    took = wait(lambda: not (up(near) | up(far)) & mine, 5, 0.01)
    report.check(took is not None, f"{title} is cut: its sessions are Down after {seconds(took)}")
    wait(lambda: False, 2)
    after = [downs(daemon) for daemon in (near, far)]
    fallen = [{name for name in ALL if then[name] != now[name]} for then, now in zip(before, after)]
    report.check(fallen == [mine, mine], f"    and no other: {fallen}")
    for space in net.spaces.values():
        space.run("nft delete table ip cut")
    all_up(report, (near, far), "    it is mended", 60)


def forged(report, net, near, what):
    """From inside red, with the discriminators of blue's and main's sessions."""
    ours, before = sessions(near), downs(near)
    refused = lambda: near.status()["probe_loop"]["dropped"]["wrong-interface"]  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
    had = refused()
    for name, one in ours.items():
        tenant, _, kind = name.partition("-")
        if tenant == "red":
            continue
        family, there, port = (socket.AF_INET6, NEAR_V6, 3784) if kind == "v6" else (socket.AF_INET, FAR if kind else NEAR, 4784 if kind == "far" else 3784)
        with net.b:
            line = socket.socket(family, socket.SOCK_DGRAM)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"red")
        level, option = (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if kind == "v6" else (socket.IPPROTO_IP, socket.IP_TTL)
        line.setsockopt(level, option, 255)
        line.bind((there["B"], 0))
        for _ in range(50):
            line.sendto(bfd.packet("AdminDown", one["remote_discriminator"], one["local_discriminator"]), (there["A"], port))
        line.close()
    wait(lambda: refused() - had >= 300, 5)
    report.check(up(near) >= ALL and downs(near) == before and refused() - had == 300,
                 f"{what}: 300 forged packets from red for sessions of the others: {refused() - had} refused, nobody has noticed")


def handed_over(report, near, far, what):
    """The next worker goes on with the sockets of each VRF, before it knows that there are any."""
    names = ("ups", "downs", "local_discriminator", "remote_discriminator")
    counted = lambda: [{name: [one[key] for key in names] for name, one in sessions(daemon).items()} for daemon in (near, far)]  # noqa: E731  pylint: disable=unnecessary-lambda-assignment
    before, workers = counted(), near.status()["worker_restarts"]
    for number in range(3):
        if number < 2:
            status, output = near.cli("restart")
            report.check(status == 0, f"{what}: wgbfd restart {'' if status == 0 else output}".rstrip())
        else:
            near.kill_worker()
        wait(lambda wanted=workers + number + 1: near.status().get("worker_restarts") == wanted, 20, 0.05)
        wait(lambda: False, 4)
    after = counted()
    report.check(after == before, f"{what}: two restarts and a kill of the worker: no session of any VRF was Down at either end "
                 f"{'' if after == before else (before, after)}".rstrip())


def moves(report, net, near, far):
    for space in net.spaces.values():
        space.ip("link add green type vrf table 300", "link set green up")
    net.a.ip("link set wg-blue master green")
    net.b.ip("link set wg-blue master green")
    took = wait(lambda: "blue" in up(near) and "blue" in up(far), 30)
    report.check(took is not None, f"wg-blue moves to another VRF: Up again after {seconds(took)}")
    before = downs(near)
    net.a.ip("link del green")
    took = wait(lambda: sessions(near)["blue"]["downs"] > before["blue"] and "blue" in up(near), 30)
    wait(lambda: False, 3)
    report.check("red" in up(near) and downs(near)["red"] == before["red"], f"a VRF is deleted under it ({seconds(took)}); red has not noticed")


def main():
    report, net = Report(), Pair()
    build(net)
    net.a.run("sysctl -q -w net.ipv4.raw_l3mdev_accept=0")
    near, far = Wgbfd(net.a, configuration(net, "A")), Wgbfd(net.b, configuration(net, "B"))
    far.start()
    near.start()
    if not all_up(report, (near, far), "three tenants with the same addresses"):
        print(near.cli("status")[1], near.status().get("problems"), near.log.read_text()[-2000:])
    separate(report, net, near, far)
    measured(report, near)
    took = wait(lambda: all(near.row(name).get("prefixes", 0) >= 1 for name in ("red", "blue", "main")), 10)
    report.check(took is not None, f"routes to {SITE} are counted in each tenant's own table: {[near.row(n).get('prefixes') for n in ('red', 'blue', 'main')]}")
    for tenant in TENANTS:
        cut(report, net, near, far, tenant)
    forged(report, net, near, "udp_l3mdev_accept = 0")
    handed_over(report, near, far, "bind = \"any\"")
    measured(report, near)
    net.a.run("sysctl -q -w net.ipv4.udp_l3mdev_accept=1")
    forged(report, net, near, "udp_l3mdev_accept = 1")
    report.check(near.terminate() == 0, "the near end stops")
    near.configure(configuration(net, "A", '[probe]\nbind = "addresses"\n'))
    near.start()
    all_up(report, (near, far), 'bind = "addresses"')
    report.check(not near.status().get("problems"), f"nothing is told as a problem: {near.status().get('problems')}")
    forged(report, net, near, 'bind = "addresses"')
    handed_over(report, near, far, 'bind = "addresses"')
    measured(report, near)
    report.check(not near.status().get("problems"), f"and nothing is told as a problem: {near.status().get('problems')}")
    moves(report, net, near, far)
    report.check(near.terminate() == 0 and far.terminate() == 0, "both daemons end with status 0")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
