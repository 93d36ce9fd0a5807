#!/usr/bin/python3
"""tests/lab/test_hook.py BUILD [GROUP…]: evidence from outside and the feed `hook`, with the examples in packaging/examples, on two
hosts with wireguard-go between them. Nothing is timed. Closes with `N passed, N failed`."""
import json
import sys

sys.dont_write_bytecode = True

from pair import TREE, Pair, check, main, wait  # noqa: E402

LABEL = "hook"
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
        host.wgbfd("evidence", "to-b", "down", "--ttl", "3s", "--reason", "HTTP 503")
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
        a.write("/run/bin/conntrack", '#!/bin/sh\necho "$@" >>/run/flushed\n')
        a.write("/run/hook", f"""#!/bin/sh
PATH=/run/bin:$PATH
sh {EXAMPLES}/resolv-conf /run/resolv.conf 10.8.0.1 9.9.9.9 </dev/null
sh {EXAMPLES}/conntrack-flush </dev/null
exec sh {EXAMPLES}/webhook http://192.0.2.2/
""")
        a.sh("chmod +x /run/bin/conntrack /run/hook")
        text = pair.adjacency("b", '[hook]\ncommand = "/run/hook"\n') + 'feeds = ["hook"]\n'
        a.start_configured(text)
        b.start_configured(pair.adjacency("a"))
        servers = lambda: [line.split()[1] for line in a.sh("cat /run/resolv.conf 2>/dev/null || true").splitlines() if "nameserver" in line]  # noqa: E731
        posted = lambda: [json.loads(line)["state"] for line in b.sh("cat /run/posted 2>/dev/null || true").splitlines()]  # noqa: E731
        check("up: DNS goes through the tunnel", wait(lambda: servers() == ["10.8.0.1", "9.9.9.9"]), servers())
        check("and the webhook has the verdict as JSON", wait(lambda: posted() == ["up"]), posted())
        told = lambda: a.row(name="to-b").get("feeds", {}).get("hook", {}).get("told")  # noqa: E731
        check("status tells what it last ran for", wait(lambda: told() == "up"), a.rows())
        b.kill_both()
        check("down: DNS leaves the dead tunnel", wait(lambda: servers() == ["9.9.9.9"]), servers())
        check("the flows that it masqueraded are flushed", wait(lambda: "-D --reply-dst 10.8.0.0" in a.sh("cat /run/flushed || true")))
        check("and the webhook says down", wait(lambda: posted() == ["up", "down"]), posted())
        wait(lambda: told() == "down")
        a.kill_worker()
        wait(lambda: a.row(name="to-b", state="down"))
        b.start("--config", "/run/wgbfd.toml")
        check("a killed worker runs nothing again; back up, it does", wait(lambda: posted() == ["up", "down", "up"]), posted())
        b.kill_both()
        wait(lambda: posted()[-1:] == ["down"] and told() == "down")
        check("SIGTERM: status 0, and the hook hears `unknown`", a.terminate() == 0 and posted()[-1] == "unknown", posted())
        b.end(web)


GROUPS = {"evidence": evidence, "hook": hook}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
