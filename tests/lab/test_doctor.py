#!/usr/bin/python3
"""wgbfd doctor on hosts that fail each of its checks for real, and on one that passes.

test_doctor.py BUILD [NAME…]: BUILD holds src/wgbfd; NAMEs run only those groups (see --list).
"""
import json
import sys

from pair import DATA_PLANE, HOLD_PORT, TIMERS, Pair, Server, check, main, wait

LABEL = "dr"


def examine(host, *options, before=()):
    """(exit status, findings that are not ok)."""
    done = host.wgbfd("doctor", "--json", *options, before=before)
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return done.returncode, [{"check": "output", "severity": "error", "subject": None, "message": done.stderr, "fix": None}]
    return done.returncode, [finding for finding in report["findings"] if finding["severity"] != "ok"]


def finds(host, sentence, name, severity, words, *options, before=()):
    """The doctor finds exactly this; `words` stand in its message or its fix."""
    status, faults = examine(host, *options, before=before)
    found = [f for f in faults if f["check"] == name and f["severity"] == severity]
    text = " ".join(str(f[key]) for f in found for key in ("subject", "message", "fix"))
    errors = any(f["severity"] == "error" for f in faults)
    check(f"{sentence}: {severity} {name}, with its fix", found and all(f["fix"] for f in found) and all(w in text for w in words), faults)
    check(f"{sentence}: nothing else is found, exit status {int(errors)}",
          {f["check"] for f in faults} == {name} and status == int(errors), (status, faults))


def passes(host, sentence, *options):
    status, faults = examine(host, *options)
    check(f"{sentence}: nothing is found, exit status 0", status == 0 and not faults, (status, faults))


def healthy(build):
    with Pair(build, LABEL) as pair:
        host = pair.a
        passes(host, "a host with a tunnel, no configuration and no daemon")
        text = host.wgbfd("doctor")
        lines = text.stdout.splitlines()
        check("the list ends with a summary", lines and lines[-1].startswith("0 errors, 0 warnings, "), text.stdout)
        check("a doctor that ran has left no file", not host.sh("ls /run | grep wgbfd || true").strip())
        pair.both_up()
        passes(host, "the same with the daemon running", "--config", "/run/wgbfd.toml")
        report = json.loads(host.wgbfd("doctor", "--json").stdout)
        ours = [f for f in report["findings"] if f["check"] == "ports" and "our daemon's" in f["message"]]
        check("BFD's ports are our daemon's", len(ours) == 2, report)
        host.terminate()


def host_faults(build):
    with Pair(build, LABEL) as pair:
        host = pair.a
        for port in ("3784", "4784"):
            holder = host.process(HOLD_PORT, port)
            finds(host, f"UDP {port} held by another program", "ports", "error", ["python3 (pid ", "stop it", port])
            host.end(holder)
        host.sh("sysctl -qw net.ipv4.conf.wg0.rp_filter=1")
        finds(host, "strict rp_filter on wg0", "rp_filter", "warning", ["wg0", "net.ipv4.conf.wg0.rp_filter=2"])
        host.sh("sysctl -qw net.ipv4.conf.wg0.rp_filter=2")
        passes(host, "the fix of rp_filter")
        _configuration(pair, host)
        _permission(host)
        _daemon(host)


def _configuration(pair, host):
    path = host.configure("[probe]\ninterval = \"1ms\"\n[inteface.wg0]\n")
    status, faults = examine(host, "--config", path)
    check("each mistake of a configuration is found with its place",
          status == 1 and sorted(f["message"].split(": ")[0] for f in faults) == [f"{path}:2:12", f"{path}:3:2"], faults)
    finds(host, "a configuration that does not exist", "config", "error", ["/run/none.toml"], "--config", "/run/none.toml")
    passes(host, "a good configuration", "--config", host.configure(pair.adjacency("b")))


def _permission(host):
    without = ("setpriv", "--bounding-set", "-net_admin,-net_raw")
    status, faults = examine(host, before=without)
    text = str([f for f in faults if f["check"] == "permission"])
    check("without capabilities: told which, exit status 1", status == 1 and "CAP_NET_ADMIN" in text and "CAP_NET_RAW" in text, faults)
    config = host.configure(f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\n')
    server = Server(host, "/run/frr/bfddp.sock", lambda connection: connection.recv(1))
    host.sh("chown frr:frr /run/frr/bfddp.sock; chmod 750 /run/frr/bfddp.sock")
    _, faults = examine(host, "--config", config, before=("setpriv", "--bounding-set", "-dac_override,-dac_read_search"))
    check("a data plane socket that refuses us is told", any(f["check"] == "permission" and f["subject"] == "/run/frr/bfddp.sock"
                                                           for f in faults), faults)
    check("bfdd's data plane was not connected to", not server.open)
    server.close()


def _daemon(host):
    host.sh("mkdir -p /run/wgbfd")
    holder = host.process("import fcntl, time\nf = open('/run/wgbfd/lock', 'w')\nfcntl.flock(f, fcntl.LOCK_EX)\n"
                          "print('held', flush=True)\ntime.sleep(600)")
    finds(host, "a run directory held by a process that does not answer", "daemon", "error", ["does not answer", "--run-dir"])
    host.end(holder)
    silent = Server(host, "/run/wgbfd/control.sock", lambda connection: wait(lambda: False, 20))
    passes(host, "a socket nobody answers on, and no lock: no daemon")
    silent.close()


def wireguard_faults(build):
    with Pair(build, LABEL) as pair:
        host, key = pair.a, pair.key("b")
        configured = ("--config", host.configure(pair.adjacency("b") + 'address = "10.9.9.9"\n'))
        finds(host, "a configured address that the peer's allowed-ips miss", "allowed-ips", "error",
              ["10.9.9.9", "Required key not available", f"wg set wg0 peer {key} allowed-ips 10.8.0.0/31,10.9.9.9/32"], *configured)
        host.sh(f"wg set wg0 peer '{key}' allowed-ips 10.8.0.0/31,10.9.9.9/32")
        passes(host, "the fix of allowed-ips", *configured)
        host.sh("ip address flush dev wg0")
        finds(host, "wg0 without an address", "addresses", "warning", ["wg0 has no address", "ip address add"])
        host.sh("ip address add 10.8.0.0/24 dev wg0")
        finds(host, "allowed-ips that name no host of wg0", "addresses", "warning", ["no allowed-ips", "[[adjacency]]", key])
        host.sh(f"wg set wg0 peer '{key}' allowed-ips 10.8.0.1/32,10.8.0.2/32")
        finds(host, "allowed-ips that name two", "addresses", "warning", ["more than one", 'address = "ADDRESS"'])
        finds(host, "the same for a configured peer", "addresses", "error", ["to-b", 'address = "ADDRESS"'],
              "--config", host.configure(pair.adjacency("b")))
        passes(host, "the fix of it", "--config", host.configure(pair.adjacency("b") + 'address = "10.8.0.1"\n'))
        host.sh(f"wg set wg0 peer '{key}' allowed-ips fe80::1/128")
        finds(host, "a peer of another family", "addresses", "warning", ["family"])
        host.sh(f"wg set wg0 peer '{key}' remove")
        finds(host, "wg0 without a peer", "wireguard", "warning", ["has no peer"])
        _unreadable(host)


def _unreadable(host):
    host.sh("ip link add wgx type veth peer name wgy")
    garbage = Server(host, "/run/wireguard/wgx.sock", lambda connection: connection.sendall(b"garbage\n\n"))
    _, faults = examine(host)
    check("a WireGuard socket that answers garbage is an error", any(f["subject"] == "wgx" and f["severity"] == "error" for f in faults), faults)
    garbage.close()
    silent = Server(host, "/run/wireguard/wgx.sock", lambda connection: wait(lambda: False, 20))
    _, faults = examine(host)
    check("one that does not answer too, and the doctor ends", any(f["subject"] == "wgx" and "answer" in f["message"] for f in faults), faults)
    silent.close()
    host.sh("ip link del wgx; ip link del wg0")
    _, faults = examine(host)
    check("no WireGuard at all is a warning", any("no WireGuard interface" in f["message"] for f in faults), faults)


def frr(build):
    with Pair(build, LABEL) as pair:
        host = pair.a
        ours = ("--config", host.configure(f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\n'))
        _daemons_file(host, ours)
        host.start_frr("zebra")
        host.start_frr("bfdd")
        _, faults = examine(host)
        check("a running bfdd without --dplaneaddr is an error, and it holds the ports",
              [(f["check"], f["severity"]) for f in faults] == [("ports", "error"), ("ports", "error"), ("bfdd", "error")] and
              "--dplaneaddr" in faults[2]["fix"] and "bfdd (pid " in faults[0]["message"], faults)
        host.stop_frr("bfdd")
        host.start_frr("bfdd", "--dplaneaddr", DATA_PLANE)
        finds(host, "bfdd waits for a data plane, and we are not configured", "bfdd", "error", [f'bfd_dataplane = "{DATA_PLANE}"'])
        other = host.write("/run/other.toml", '[frr]\nbfd_dataplane = "unix:/run/frr/other.sock"\n')
        finds(host, "bfdd and we name different places", "bfdd", "error", [DATA_PLANE, "other.sock"], "--config", other)
        passes(host, "bfdd and we name the same place", *ours)
        check("bfdd saw nobody connect", "File descriptor" not in host.ask_frr("bfdd", "show bfd distributed"))
        pair.both_up(f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\n')
        passes(host, "the same with our daemon serving it", "--config", "/run/wgbfd.toml")
        host.terminate()
        host.stop_frr("bfdd")
        finds(host, "bfd_dataplane without bfdd", "bfdd", "warning", ["bfdd=yes"], *ours)
        _link_detect(host)


def _daemons_file(host, ours):
    host.write("/etc/frr/daemons", 'bfdd=yes\nbfdd_options="  -A 127.0.0.1"\n')
    finds(host, "/etc/frr/daemons enables bfdd without --dplaneaddr", "bfdd", "error", ["/etc/frr/daemons", "--dplaneaddr"])
    host.write("/etc/frr/daemons", f'bfdd=yes\nbfdd_options="  -A 127.0.0.1 --dplaneaddr {DATA_PLANE}"\n')
    passes(host, "with it, and [frr] bfd_dataplane", *ours)
    host.sh("rm /etc/frr/daemons")


def _link_detect(host):
    feeds = ("--config", host.write("/run/link.toml", f'[probe]\n{TIMERS}[interface.wg0]\nfeeds = ["link"]\n'))
    passes(host, "an interface that feeds link, as FRR has it", *feeds)
    host.stop_frr("zebra")
    host.start_frr("zebra", config="interface wg0\n no link-detect\n")
    finds(host, "link-detect off on an interface that feeds link", "link-detect", "error", ["wg0", "link-detect"], *feeds)
    passes(host, "the same where nothing feeds link")
    host.stop_frr("zebra")
    _old_version(host)


def _old_version(host):
    """A zebra of another release, made up: its vty is text, three NULs and a status."""
    def serve(version):
        def answer(connection):
            while command := connection.recv(4096):
                text = f"FRRouting {version} (r) on Linux".encode() if b"version" in command else b"{}" if b"json" in command else b""
                connection.sendall(text + b"\0\0\0\0")
        return answer
    for version, bad in (("10.4.1", True), ("10.5.2", True), ("10.5.3", False)):
        zebra = Server(host, "/run/frr/zebra.vty", serve(version))
        if bad:
            finds(host, f"FRR {version}", "frr", "warning", [version, "30 s", "upgrade"])
        else:
            passes(host, f"FRR {version}")
        zebra.close()
    silent = Server(host, "/run/frr/zebra.vty", lambda connection: wait(lambda: False, 20))
    finds(host, "a zebra that hangs, where [frr] vty names it", "frr", "warning", ["does not answer"], "--config",
          host.write("/run/vty.toml", '[frr]\nvty = "/run/frr"\n'))
    silent.close()


GROUPS = {group.__name__.replace("_", "-"): group for group in (healthy, host_faults, wireguard_faults, frr)}

if __name__ == "__main__":
    sys.exit(main(GROUPS, sys.argv[1:]))
