#!/usr/bin/python3
"""/metrics as Prometheus and others ask for it: what promtool thinks of the page, that it says what `status` says, who is
refused, a port that is taken, a reload; and the alert rules and the dashboard that come with wgbfd.

test_metrics.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from pair import PATIENT, TREE, Pair, check, main, wait

LABEL = "mt"
LISTEN = '[metrics]\nlisten = "127.0.0.1"\n'
PACKAGING = TREE / "packaging"

ASK = """
import http.client, json, sys
out = []
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
for word in sys.argv[2:]:
    method, target = word.split(",")
    connection.request(method, target)
    answer = connection.getresponse()
    out.append([answer.status, answer.headers["Content-Type"], answer.read().decode()])
print(json.dumps(out))
"""
# Connects 16 times and says nothing; then asks once more, and looks who of the silent is still there.
SILENT = """
import http.client, socket
def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
held = [socket.create_connection(("127.0.0.1", 9784)) for _ in range(16)]
connection = http.client.HTTPConnection("127.0.0.1", 9784, timeout=60)
connection.request("GET", "/metrics")
print(connection.getresponse().status, [is_open(one) for one in held].count(False), is_open(held[0]))
"""
GARBAGE = """
import socket
answers = []
for text in (b"HELLO\\r\\n\\r\\n", b"GET /metrics HTTP/1.1\\r\\nx: " + b"a" * 20000 + b"\\r\\n\\r\\n",
             b"POST /metrics HTTP/1.1\\r\\nContent-Length: 99999999\\r\\n\\r\\n", b"\\0" * 100000, b"GET /metr"):
    with socket.create_connection(("127.0.0.1", 9784), 20) as s:
        try:
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)
            answers.append(s.recv(12).decode())
        except OSError:  # closed with what we sent unread
            answers.append("")
print(answers)
"""


def ask(host, *requests, port=9784):
    done = host.node.run(["/usr/bin/python3", "-c", ASK, port, *requests], check=False)
    return json.loads(done.stdout) if done.returncode == 0 else []


def page(host, port=9784):
    answers = ask(host, "GET,/metrics", port=port)
    return answers[0][2] if answers and answers[0][0] == 200 else ""


def sample(text, name, **labels):
    """The value of the one sample of that name with these labels among its own; none: it is not there."""
    for line in text.splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name and all(f'{key}="{value}"' in (found[2] or "").split(",") for key, value in labels.items()):
            return float(found[3])
    return None


def promtool(*words, text=None):
    return subprocess.run(["promtool", *map(str, words)], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def scrape(build):
    with Pair(build, LABEL) as pair:
        if not pair.both_up(more_a=LISTEN, own=PATIENT):
            return
        host = pair.a
        text = page(host)
        judged = promtool("check", "metrics", text=text)
        check("promtool finds nothing to say of the page", judged.returncode == 0 and not judged.stdout, judged.stdout or text[:200])
        check("the adjacency is up in it", sample(text, "wgbfd_adjacency_state", adjacency="to-b", state="up") == 1, text)
        bfd = lambda: host.row(name="to-b").get("bfd") or {}  # noqa: E731
        check("its detection time is that of status", wait(lambda: sample(page(host), "wgbfd_bfd_detection_time_seconds", adjacency="to-b") ==
              bfd().get("detection_time_us", 0) / 1e6), bfd())  # it changes once more when both are Up
        sent = [sample(page(host), "wgbfd_bfd_packets_sent_total", adjacency="to-b")]
        wait(lambda: sent.append(sample(page(host), "wgbfd_bfd_packets_sent_total", adjacency="to-b")) or sent[-1] > sent[0])
        check("the packets sent grow", sent[-1] > sent[0], sent)
        check("the probe thread's lateness is counted", wait(lambda: sample(page(host), "wgbfd_probe_lateness_seconds_count")))
        check("round trips are counted by their size", wait(lambda: sample(page(host), "wgbfd_quality_rtt_seconds_count", adjacency="to-b")))
        _answers(host)
        pair.b.terminate()
        wait(lambda: sample(page(host), "wgbfd_adjacency_state", adjacency="to-b", state="up") == 0)
        text = page(host)
        check("the verdict follows, with its cause", sample(text, "wgbfd_adjacency_cause", adjacency="to-b", cause="admin") == 1, text)


def _answers(host):
    answers = ask(host, "GET,/metrics", "HEAD,/metrics", "GET,/", "POST,/metrics", "GET,/metrics?x=y")
    check("a connection is kept for more, and each request has its answer", [a[0] for a in answers] == [200, 200, 404, 405, 200], answers)
    check("the content type is Prometheus' text format", answers and answers[0][1] == "text/plain; version=0.0.4; charset=utf-8", answers[:1])
    done = host.node.run(["/usr/bin/python3", "-c", GARBAGE], check=False)
    check("what is no HTTP, and long bodies, are refused", done.stdout.count("HTTP/1.1 400") >= 2, done.stdout + done.stderr)
    done = host.node.run(["/usr/bin/python3", "-c", SILENT], check=False)
    check("clients that say nothing make room, the oldest alone", done.stdout.strip() == "200 1 False", done.stdout + done.stderr)
    check("and BFD has noticed nothing of all that", host.row(name="to-b")["bfd"]["downs"] == 0, host.row(name="to-b"))


HOLD = """
import socket, sys
s = socket.create_server(("127.0.0.1", 9784))
print("held", flush=True)
import signal; signal.pause()
"""


def taken(build):
    """A port that somebody else has: said, and taken as soon as it is free. A reload moves it."""
    with Pair(build, LABEL) as pair:
        host = pair.a
        holder = host.process(HOLD)
        host.start_configured(pair.adjacency("b", LISTEN))
        told = wait(lambda: [p for p in host.status().get("problems", []) if "metrics 127.0.0.1:9784" in p])
        check("a taken port is told of with what to do", told and "[metrics] listen" in told[0], told)
        check("and the daemon runs all the same", host.is_up() or host.daemon.poll() is None)
        host.end(holder)
        check("once it is free, it answers", wait(lambda: page(host)))
        check("and nothing is told any more", wait(lambda: host.status().get("problems", [""]) == []), host.status().get("problems"))
        host.configure(pair.adjacency("b", LISTEN.replace("127.0.0.1", "127.0.0.1:9790")))
        host.wgbfd("reload")
        check("a reload moves it to another port", wait(lambda: page(host, 9790)) and not page(host))
        host.configure(pair.adjacency("b"))
        host.wgbfd("reload")
        check("and ends it", wait(lambda: not page(host, 9790)))


def packaged(build):
    """The rules hold what they promise; the dashboard's queries parse, and ask for metrics that there are."""
    rules = PACKAGING / "prometheus"
    done = promtool("check", "rules", rules / "wgbfd.rules.yml")
    check("promtool accepts the alert rules", done.returncode == 0, done.stdout)
    done = promtool("test", "rules", rules / "wgbfd.rules.test.yml")
    check("each alert fires when it should, and not else", done.returncode == 0, done.stdout)
    dashboard = json.loads((PACKAGING / "grafana/wgbfd.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    plain = [query.replace("$__rate_interval", "5m").replace("$instance", ".*") for query in queries]
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "queries.yml"
        trial.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": [
            {"record": f"query:{n}", "expr": query} for n, query in enumerate(plain)]}]}))
        done = promtool("check", "rules", trial)
    check("the dashboard's queries parse", done.returncode == 0 and len(queries) >= 10, done.stdout)
    source = "".join(path.read_text() for path in (TREE / "src/view").glob("metrics*.cpp"))
    known = set(re.findall(r'"(wgbfd_\w+)"', source))
    asked = set(re.findall(r"\bwgbfd_\w+", " ".join(queries) + (rules / "wgbfd.rules.yml").read_text()))
    unknown = {name for name in asked if re.sub(r"_(bucket|count|sum)$", "", name) not in known and name not in known}
    check("dashboard and rules ask for metrics that there are", asked and not unknown, unknown)


GROUPS = {"scrape": scrape, "taken": taken, "packaged": packaged}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
