#!/usr/bin/python3
"""Partners of the daemon that send garbage, half a message, or nothing: told in status, and the rest goes on.

test_bad_partners.py BUILD: BUILD holds src/wgbfd.
"""
import os
import struct
import sys

from pair import DATA_PLANE, PATIENT, RUN_DIR, Pair, Server, check, main, wait

LABEL = "bp"


def bad_partners(build):
    with Pair(build, LABEL) as pair:
        host = pair.a
        host.sh("ip link add wgx type veth peer name wgy; ip link set wgx up")
        dataplane = f'[frr]\nbfd_dataplane = "{DATA_PLANE}"\n'
        bfdd = Server(host, "/run/frr/bfddp.sock", _half_a_message)
        garbage = Server(host, "/run/wireguard/wgx.sock", lambda connection: connection.sendall(b"\0\xffpublic_key=zz\n" * 1000))
        pair.both_up(dataplane, own=PATIENT)
        check("a bfdd that sends half a message and stops was connected to", wait(lambda: bfdd.open))
        _others_go_on(host, "beside half a message and a WireGuard that answers garbage")
        check("garbage of a WireGuard is a problem in status", wait(lambda: any(p.startswith("wgx: ") for p in host.status()["problems"])),
              host.status().get("problems"))
        garbage.close()
        silent = Server(host, "/run/wireguard/wgx.sock", lambda connection: wait(lambda: False, 60))
        check("so is one that does not answer", wait(lambda: any("wgx: no answer" in p for p in host.status()["problems"])), host.status().get("problems"))
        _others_go_on(host, "beside a WireGuard that does not answer")
        silent.close()
        bfdd.close()
        wrong = Server(host, "/run/frr/bfddp.sock", lambda connection: connection.sendall(os.urandom(65536)))
        wait(lambda: wrong.open)
        _others_go_on(host, "beside a bfdd that sends noise")
        check("noise of bfdd is a problem in status", wait(lambda: host.status()["feeds"]["frr-bfd"]["problem"]), host.status().get("feeds"))
        wrong.close()
        _bad_callers(host)
        check("nothing was restarted over it", host.status()["worker_restarts"] == 0 and "worker_died" not in host.log(), host.log()[-400:])
        check("SIGTERM still ends it", host.terminate() == 0)


def _half_a_message(connection):
    message = struct.pack("!BBHHH", 1, 0, 2, 0, 140) + bytes(132)  # DP_ADD_SESSION
    connection.sendall(message[:70])
    wait(lambda: False, 600)


def _others_go_on(host, beside):
    before = host.row(name="to-b")["bfd"]
    heard = wait(lambda: host.row(name="to-b")["bfd"]["packets_received"] >= before["packets_received"] + 10)
    after = host.row(name="to-b")
    check(f"the session goes on {beside}", heard and after["state"] == "up" and after["bfd"]["downs"] == before["downs"], after)


def _bad_callers(host):
    """Clients of the control socket that send garbage, never read, or never finish."""
    code = ("import socket, sys, time\nall = []\n"
            "for n in range(50):\n s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.setblocking(False); all.append(s)\n"
            " try:\n  s.send([b'\\xff' * 70000, b'{\"command\": \"sta', b'{\"command\":\"status\"}\\n' * 5000][n % 3])\n"
            " except OSError: pass\n"
            "print('sent', flush=True)\ntime.sleep(600)\n")
    callers = host.process(code, f"{RUN_DIR}/control.sock")
    check("fifty bad callers, and status answers", bool(host.status()))
    _others_go_on(host, "beside fifty bad callers")
    host.end(callers)


if __name__ == "__main__":
    sys.exit(main({"bad-partners": bad_partners}, sys.argv[1:]))
