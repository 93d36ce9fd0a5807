#!/usr/bin/python3
"""tests/lab/test_hook.py BUILD [GROUP…]: evidence from outside and the feed `hook`, with the examples in packaging/examples, on two
hosts with wireguard-go between them. Nothing is timed. Closes with `N passed, N failed`."""
import json
import os
import sys

sys.dont_write_bytecode = True

import unpacked  # noqa: E402
from pair import PATIENT, TREE, Pair, check, main, wait  # noqa: E402

LABEL = "hook"
FULL = bool(os.environ.get("WGBFD_FULL"))
# A bus of the host's own, on which everybody may do everything, and the user that it becomes.
RESOLVED = """set -e
mkdir -p /run/dbus /run/systemd/resolve /run/own
cp /etc/passwd /etc/group /run/own
grep -q ^systemd-resolve: /etc/passwd || echo systemd-resolve:x:990:990::/:/usr/sbin/nologin >>/run/own/passwd
grep -q ^systemd-resolve: /etc/group || echo systemd-resolve:x:990: >>/run/own/group
mount --bind /run/own/passwd /etc/passwd; mount --bind /run/own/group /etc/group
chown systemd-resolve:systemd-resolve /run/systemd/resolve
cat >/run/bus.conf <<X
<busconfig><listen>unix:path=/run/dbus/system_bus_socket</listen><policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
X
dbus-daemon --config-file=/run/bus.conf --nofork --nopidfile &
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.1; done
exec "$1"
"""
EXAMPLES = TREE / "packaging/examples"
WEB = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(open("/run/code").read())); self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        open("/run/posted", "ab").write(body); self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer((sys.argv[1], 80), Handler)
print("ready", flush=True)
server.serve_forever()
"""


def evidence(build):
    """`wgbfd evidence` by hand, and by the HTTP check."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        pair.both_up()
        done = host.wgbfd("evidence", "nobody", "down")
        check("evidence on a name that nobody has: 1, and where to look", done.returncode == 1 and "wgbfd status" in done.stderr, done.stderr)
        for words in (("evidence", "to-b"), ("evidence", "to-b", "down", "--ttl", "soon")):
            check(f"{' '.join(words)}: 2", host.wgbfd(*words).returncode == 2)
        check("a state that is none: 1", host.wgbfd("evidence", "to-b", "fine").returncode == 1)
        host.wgbfd("evidence", "to-b", "down", "--ttl", "10s", "--reason", "HTTP 503")
        row = host.row(name="to-b")
        check("down: the path is down, its session is not", row.get("state") == "down" and row.get("cause") == "external"
              and row["bfd"]["state"] == "Up" and row["external"]["reason"] == "HTTP 503", row)
        check("explain tells who says so", 'A check outside says down for another' in host.wgbfd("explain", "to-b").stdout)
        check("it expires by itself", wait(lambda: host.row(name="to-b", state="up")), host.rows())
        pair.b.write("/run/code", "200")
        web = pair.b.process(WEB, "10.8.0.1")
        host.write("/run/bin/wgbfd", f'#!/bin/sh\nexec {host.binary} "$@"\n')
        for code, state in (("200", "up"), ("503", "degraded"), ("500", "down"), ("204", "up")):
            pair.b.write("/run/code", code)
            host.sh(f"chmod +x /run/bin/wgbfd; PATH=/run/bin:$PATH ONCE=1 sh {EXAMPLES}/http-check to-b http://10.8.0.1/ --run-dir /run/wgbfd")
            row = host.row(name="to-b")
            check(f"http-check: HTTP {code} makes it {state}", row.get("state") == state, row)
        pair.b.end(web)


def hook(build):
    """The feed, with a resolv.conf, a webhook and a conntrack flush as its commands."""
    with Pair(build, LABEL) as pair:
        a, b = pair.a, pair.b
        b.write("/run/code", "200")
        web = b.process(WEB, "192.0.2.2")
        masquerade(a)
        a.write("/run/hook", f"""#!/bin/sh
echo "$WGBFD_STATE" >>/run/heard
sh {EXAMPLES}/resolv-conf /run/resolv.conf 10.8.0.1 9.9.9.9 </dev/null
sh {EXAMPLES}/conntrack-flush </dev/null
exec sh {EXAMPLES}/webhook http://192.0.2.2/
""")
        a.sh("chmod +x /run/hook")
        a.start_configured(pair.adjacency("b", '[hook]\ncommand = "/run/hook"\n') + 'feeds = ["hook"]\n' + PATIENT)
        b.start_configured(pair.adjacency("a") + PATIENT)
        servers = lambda: [line.split()[1] for line in a.sh("cat /run/resolv.conf 2>/dev/null || true").splitlines() if "nameserver" in line]  # noqa: E731
        posted = lambda: [json.loads(line)["state"] for line in b.sh("cat /run/posted 2>/dev/null || true").splitlines()]  # noqa: E731
        check("up: DNS goes through the tunnel", wait(lambda: servers() == ["10.8.0.1", "9.9.9.9"]), servers())
        check("and the webhook has the verdict as JSON", wait(lambda: posted() == ["up"]), posted())
        told = lambda: a.row(name="to-b").get("feeds", {}).get("hook", {}).get("told")  # noqa: E731
        check("status tells what it last ran for", wait(lambda: told() == "up"), a.rows())
        check("a flow is masqueraded out of the tunnel", " dst=10.8.0.0 " in flow(a, send=True), flow(a))
        b.kill_both()
        check("down: DNS leaves the dead tunnel", wait(lambda: servers() == ["9.9.9.9"]), servers())
        check("the flow that it masqueraded is flushed", wait(lambda: not flow(a)), flow(a))
        a.sh("ip route replace 10.99.0.1 via 192.0.2.2 dev net0")
        check("and begins anew where routing sends it now", " dst=192.0.2.1 " in flow(a, send=True), flow(a))
        check("and the webhook says down", wait(lambda: posted() == ["up", "down"]), posted())
        wait(lambda: told() == "down")
        a.kill_worker()
        wait(lambda: a.row(name="to-b", state="down"))
        b.start("--config", "/run/wgbfd.toml")
        check("a killed worker runs nothing again; back up, it does", wait(lambda: posted() == ["up", "down", "up"]), posted())
        b.kill_both()
        wait(lambda: posted()[-1:] == ["down"] and told() == "down")
        heard = lambda: a.sh("cat /run/heard").split()  # noqa: E731
        check("SIGTERM: status 0, and the hook hears `unknown`", a.terminate() == 0 and heard()[-1] == "unknown", heard())  # its webhook may be cut short
        b.end(web)


def masquerade(host):
    """What 10.1.0.1 sends leaves with the address of the interface it leaves by; 10.99.0.1 is behind the tunnel."""
    host.sh("ip address add 10.1.0.1/32 dev lo; ip route add 10.99.0.1 dev wg0; nft add table ip masq; "
            "nft 'add chain ip masq post { type nat hook postrouting priority 100; }'; nft add rule ip masq post ip saddr 10.1.0.1 masquerade")


def flow(host, send=False):
    """The kernel's entry of one UDP flow from 10.1.0.1 to 10.99.0.1, once a packet of it is sent or as it stands."""
    if send:
        host.sh("""python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.1.0.1", 4000)); s.sendto(b"x", ("10.99.0.1", 9))'""")
    return host.sh("conntrack -L -p udp --orig-dst 10.99.0.1 2>/dev/null || true")


def resolved(build):
    """systemd-resolved's own, unpacked and not installed: installed it would take the host's resolv.conf."""
    tools = unpacked.tools(build, "systemd-resolved", ("lib/systemd/systemd-resolved", "usr/bin/resolvectl"))
    if not tools:
        print("told - systemd-resolved cannot be had here: its example is not tried", flush=True)
        return
    with Pair(build, LABEL) as pair:
        a, b = pair.a, pair.b
        serve, control = tools
        a.write("/run/resolved", RESOLVED)
        a.node.spawn(["sh", "/run/resolved", serve], "resolved.log")
        a.write("/run/hook", f"#!/bin/sh\nPATH={control.parent}:$PATH exec sh {EXAMPLES}/resolved 10.8.0.1\n")
        a.sh("chmod +x /run/hook")
        servers = lambda: a.sh(f"{control} dns wg0 2>/dev/null || true").strip().partition("wg0):")[2].strip()  # noqa: E731
        check("systemd-resolved answers", wait(lambda: "wg0" in a.sh(f"{control} dns 2>/dev/null || true")), a.log("resolved.log"))
        a.start_configured(pair.adjacency("b", '[hook]\ncommand = "/run/hook"\n') + 'feeds = ["hook"]\n')
        b.start_configured(pair.adjacency("a"))
        check("up: the tunnel's DNS server is its interface's", wait(lambda: servers() == "10.8.0.1"), servers())
        b.kill_both()
        check("down: it has none", wait(lambda: servers() == ""), servers())
        b.start("--config", "/run/wgbfd.toml")
        check("up again", wait(lambda: servers() == "10.8.0.1"), servers())
        check("a stop while it is up leaves it", a.terminate() == 0 and servers() == "10.8.0.1", servers())


GROUPS = {"evidence": evidence, "hook": hook, **({"resolved": resolved} if FULL else {})}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
