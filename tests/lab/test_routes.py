#!/usr/bin/python3
"""The feed routes, without any routing daemon: active-passive and active-active over two tunnels, maintenance, policy rules, and everything
undone byte for byte. Counts and states, never times.

test_routes.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import sys

from groups import Sites, cut, difference, everything, flap, heal, problem, told
from pair import check, main, wait

LABEL = "rou"
FEED = "routes"
PASSIVE = 'prefixes = ["10.{}.0.0/16"]\nsource = "10.{}.0.1"\nfail_back_after = "2s"\n'
FIRST = ("priority = 1\n", "priority = 2\n")


def group(host, pair, more=""):
    mine, theirs = (1, 2) if host is pair.a else (2, 1)
    return PASSIVE.format(theirs, mine) + more


def route(host, prefix="10.2.0.0/16", more=""):
    return host.sh(f"ip route show {prefix} {more}")


def start(pair, more="", rows=FIRST):
    pair.before = everything(pair.a)
    for host in (pair.a, pair.b):
        host.start_configured(pair.toml(host, FEED, group(host, pair, more), rows))
    check("both tunnels come up at both ends", pair.all_up(), pair.a.rows())


def passive(build):
    with Sites(build, LABEL) as pair:
        start(pair)
        ours = "10.2.0.0/16 dev wg0 proto 87 scope link src 10.1.0.1 metric 100"
        check("the first by priority carries, with our protocol number, the metric and the source", wait(lambda: route(pair.a).strip() == ours),
              route(pair.a))
        check("status tells who carries and who stands by", wait(lambda: (told(pair.a, FEED), told(pair.a, FEED, "wg1")) == ("carries", "stands by")),
              (told(pair.a, FEED), told(pair.a, FEED, "wg1")))
        check("site reaches site", wait(pair.reaches))
        with Monitor(pair.a) as monitor:
            cut(pair)
            check("a dead tunnel's routes move to the other", wait(lambda: "dev wg1" in route(pair.a) and "dev wg1" in route(pair.b, "10.1.0.0/16")))
            check("site reaches site by it", wait(pair.reaches))
            heal(pair)
            check("they come back", wait(lambda: "dev wg0" in route(pair.a) and "dev wg0" in route(pair.b, "10.1.0.0/16"), 60))
            check("at no moment was there none", not monitor.deleted(), monitor.deleted())
        pair.b.wgbfd("drain", "wg0-to-a")
        check("a peer that leaves on purpose (AdminDown) moves traffic", wait(lambda: pair.a.row(interface="wg0", state="admin-down")
              and "dev wg1" in route(pair.a)), pair.a.rows())
        pair.b.wgbfd("undrain", "wg0-to-a")
        wait(lambda: "dev wg0" in route(pair.a), 60)
        pair.b.terminate()
        check("when all have left, the last one keeps the routes", wait(lambda: not any(row["state"] == "up" for row in pair.a.rows()))
              and "dev wg" in route(pair.a), route(pair.a))
        pair.b.start("--config", "/run/wgbfd.toml")
        undone(pair)


class Monitor:
    """What the kernel tells of its routes meanwhile."""

    def __init__(self, host):
        self.host = host

    def __enter__(self):
        self.process = self.host.node.spawn(["ip", "monitor", "route"], "monitor.log")
        wait(lambda: (self.host.sh("ip route replace 10.99.0.0/16 dev wg1; ip route del 10.99.0.0/16"), "10.99" in self.host.log("monitor.log"))[1])
        return self

    def deleted(self):
        return [line for line in self.host.log("monitor.log").splitlines() if line.startswith("Deleted 10.2.")]

    def __exit__(self, *_):
        self.host.end(self.process)


def undone(pair):
    pair.all_up()
    wait(lambda: "dev wg0" in route(pair.a), 60)
    at_rest = everything(pair.a)
    flap(pair)
    pair.all_up()
    check("after flapping the tables are as at rest", wait(lambda: everything(pair.a) == at_rest, 60), difference(at_rest, everything(pair.a)))
    pair.a.kill_worker()
    check("a worker that died leaves them as they are", everything(pair.a) == at_rest, difference(at_rest, everything(pair.a)))
    pair.a.kill_both()
    check("kill -9 leaves them, and undo puts everything back", "proto 87" in route(pair.a) and pair.a.wgbfd("undo").returncode == 0
          and everything(pair.a) == pair.before, difference(pair.before, everything(pair.a)))
    pair.a.start("--config", "/run/wgbfd.toml")
    wait(lambda: "dev wg0" in route(pair.a))
    check("a stop puts everything back", pair.a.terminate() == 0 and everything(pair.a) == pair.before, difference(pair.before, everything(pair.a)))
    pair.a.start_configured(pair.toml(pair.a, FEED, group(pair.a, pair, "keep_on_exit = true\n"), FIRST))
    wait(lambda: "dev wg0" in route(pair.a))
    check("keep_on_exit: a stop leaves them", pair.a.terminate() == 0 and "dev wg0 proto 87" in route(pair.a), route(pair.a))


def active(build):
    """Both carry, by their weights; and each end of a tunnel has a table of its own."""
    rows = ("weight = 3\nsource_table = 101\n", "source_table = 102\n")
    with Sites(build, LABEL) as pair:
        start(pair, 'mode = "active-active"\ntable = 77\n', rows)
        shares = ("nexthop dev wg0 weight 3", "nexthop dev wg1 weight 1")
        check("both carry, by their weights, in the table chosen", wait(lambda: all(share in route(pair.a, more="table 77") for share in shares))
              and not route(pair.a), route(pair.a, more="table 77"))
        check("status tells the shares", wait(lambda: told(pair.a, FEED) == "carries 3 of 4"), told(pair.a, FEED))
        check("the kernel's hash by addresses alone is told, with the way to mend it",
              wait(lambda: any("fib_multipath_hash_policy=1" in one for one in pair.a.status().get("problems", []))), pair.a.status().get("problems"))
        rules = lambda: pair.a.sh("ip rule")  # noqa: E731
        check("a rule for each source address", wait(lambda: all(f"from 10.8.0.{2 * n} lookup {101 + n} proto 87" in rules() for n in range(2))), rules())
        check("what a tunnel's end sends goes by that tunnel",
              wait(lambda: "dev wg1" in pair.a.sh("ip route get 10.2.0.1 from 10.8.0.2", check_status=False)))
        cut(pair)
        check("a dead one's share goes to the other, in every table", wait(lambda: "dev wg1" in route(pair.a, more="table 77")
              and "nexthop" not in route(pair.a, more="table 77") and "dev wg1" in route(pair.a, more="table 101")), route(pair.a, more="table 77"))
        heal(pair)
        check("and comes back", wait(lambda: all(share in route(pair.a, more="table 77") for share in shares), 60))
        pair.a.sh("ip route add 10.2.0.0/16 dev net0 table 78 metric 100")
        pair.a.configure(pair.toml(pair.a, FEED, group(pair.a, pair, "table = 78\n"), FIRST))
        pair.a.wgbfd("reload")
        check("a reload to a table where somebody has that route: left alone, told, and nothing of ours is left in the old one",
              wait(lambda: "somebody else has a route" in problem(pair.a, FEED) and not route(pair.a, more="table 77"))
              and "dev net0" in route(pair.a, more="table 78"), (problem(pair.a, FEED), route(pair.a, more="table 77")))
        pair.a.sh("ip route del 10.2.0.0/16 dev net0 table 78")
        check("it is set once that is gone", wait(lambda: "dev wg0 proto 87" in route(pair.a, more="table 78")))
        check("a stop puts everything back", pair.a.terminate() == 0 and everything(pair.a) == pair.before,
              difference(pair.before, everything(pair.a)))


if __name__ == "__main__":
    sys.exit(main({"passive": passive, "active": active}, sys.argv[1:]))
