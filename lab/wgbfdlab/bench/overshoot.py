"""How long after the detection time an engine says Down: all packets of the far end stop at once, and a capture at the near
end tells, for each session, the last packet that came and the first one in state Down that went out. By the wire alone,
so the same for every engine."""
import json
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from .field import LINK
from .stress import STRESSES

OTHER_ADDRESS = "02:00:00:00:00:99"  # with it the near end is not who the far end's packets are for: no sender is told
DOWN = 1
INCOMING, OUTGOING = 0, 4  # PACKET_HOST, PACKET_OUTGOING

# In the near end's namespace; prints {remote: [last in, first Down out, detection time]} in seconds.
CAPTURE = """
import sys
sys.path.insert(0, sys.argv[1])
from wgbfdlab.bench.overshoot import capture
capture(sys.argv[2], float(sys.argv[3]))
"""


def measure(cell):
    """Milliseconds beyond the detection time, a session each, sorted; and how many sessions did not say Down."""
    near = cell.field.near
    lab = Path(__file__).resolve().parents[2]
    detection = cell.plan.interval_ms * cell.plan.multiplier / 1000
    before = near.run(["cat", f"/sys/class/net/{LINK}/address"]).stdout.strip()
    with STRESSES[cell.wish.stress](cell):
        program = [sys.executable or "/usr/bin/python3", "-B", "-c", CAPTURE, lab, LINK, 1.5 + 4 * detection]
        tool = subprocess.Popen(near.inside(program), stdout=subprocess.PIPE, text=True, start_new_session=True)
        tool.stdout.readline()  # it listens
        time.sleep(0.5)
        near.run(["ip", "link", "set", LINK, "address", OTHER_ADDRESS])
        found = json.loads(tool.communicate(timeout=60)[0].splitlines()[-1])
    near.run(["ip", "link", "set", LINK, "address", before])
    beyond = sorted((down - last - time_allowed) * 1000 for last, down, time_allowed in found.values() if down)
    return beyond, cell.field.sessions - len(beyond)


def capture(interface, seconds):
    """Reads everything first and thinks afterwards, so that it takes little of the processor meanwhile."""
    line = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
    line.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    line.setsockopt(socket.SOL_SOCKET, 35, 1)         # SO_TIMESTAMPNS
    line.bind((interface, 0x0003))
    line.settimeout(0.1)
    print("listening", flush=True)
    packets, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            data, control, _, where = line.recvmsg(128, 64)
        except TimeoutError:
            continue
        packets.append((control[0][2], where[2], data))
    print(json.dumps(moments(packets)))


def moments(packets):
    """{remote: [last in, first Down out after it, detection time]} of (stamp, kind, IPv4 datagram)."""
    found = {}
    for stamp, kind, data in packets:
        if len(data) < 52 or data[9] != 17 or data[22:24] != b"\x0e\xc8":
            continue
        seconds, nanoseconds = struct.unpack("qq", stamp[:16])
        at = seconds + nanoseconds / 1e9
        state, multiplier, transmit = data[29] >> 6, data[30], struct.unpack("!I", data[40:44])[0]
        remote = ".".join(map(str, data[16:20] if kind == OUTGOING else data[12:16]))
        if kind == INCOMING:
            found[remote] = [at, None, multiplier * transmit / 1e6]
        elif kind == OUTGOING and remote in found and state == DOWN and found[remote][1] is None:
            found[remote][1] = at
    return found
