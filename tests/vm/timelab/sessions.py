#!/usr/bin/python3
"""Two TCP connections that live long: one like ssh's, a line and its echo every 50 ms, and a bulk transfer of half a megabyte a second. As a
program, one end: `serve`, or `talk ADDRESS FILE` until SIGTERM, which leaves in FILE what became of both.

Every octet has its place: what arrives is compared. Times are realtime seconds.
"""
import json
import signal
import socket
import struct
import sys
import threading
import time

LINES, BULK = 2222, 2223
PAUSE, RATE, BLOCK = 0.05, 500_000, 8192
WORTH_TELLING = 0.02  # seconds without anything
MAX_PACING_RATE = 47


def pattern(number):
    return struct.pack("!Q", number) * (BLOCK // 8)


def echo(line):
    while data := line.recv(4096):
        line.sendall(data)


def sink(line):
    """At the end: how much came, the first wrong block, and the times when nothing came."""
    buffer, blocks, wrong, gaps, before = b"", 0, None, [], time.time()
    while data := line.recv(65536):
        now = time.time()
        if now - before > WORTH_TELLING:
            gaps.append((before, now - before))
        before, buffer = now, buffer + data
        while len(buffer) >= BLOCK:
            if buffer[:BLOCK] != pattern(blocks) and wrong is None:
                wrong = blocks
            buffer, blocks = buffer[BLOCK:], blocks + 1
    line.sendall(json.dumps({"octets": blocks * BLOCK + len(buffer), "wrong": wrong, "gaps": gaps}).encode())


def serve():
    def listen(port, what):
        with socket.create_server(("", port)) as door:
            while True:
                line, _ = door.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=lambda: (what(line), line.close()), daemon=True).start()
    threading.Thread(target=listen, args=(LINES, echo), daemon=True).start()
    print("ready", flush=True)
    listen(BULK, sink)


class Talk:
    def __init__(self, address):
        self.address, self.over = address, False
        self.found = {"lines": [], "errors": [], "sent": 0, "received": None}

    def run(self):
        threads = [threading.Thread(target=self.guarded, args=(what,)) for what in (self.lines, self.bulk)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def guarded(self, what):
        try:
            what()
        except OSError as error:
            self.found["errors"].append(f"{what.__name__}: {error}")

    def lines(self):
        """When each was sent, and how long its echo took."""
        with socket.create_connection((self.address, LINES), 10) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.settimeout(60)
            number = 0
            while not self.over:
                text, at, back = f"{number:063}\n".encode(), time.time(), b""
                line.sendall(text)
                while len(back) < len(text):
                    data = line.recv(len(text) - len(back))
                    if not data:
                        raise OSError("closed by the far end")
                    back += data
                if back != text:
                    raise OSError("another line came back")
                self.found["lines"].append((at, time.time() - at))
                number += 1
                time.sleep(PAUSE)

    def bulk(self):
        with socket.create_connection((self.address, BULK), 10) as line:
            line.setsockopt(socket.SOL_SOCKET, MAX_PACING_RATE, RATE)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * BLOCK)
            line.settimeout(60)
            number = 0
            while not self.over:
                line.sendall(pattern(number))
                number += 1
                self.found["sent"] = number * BLOCK
            line.shutdown(socket.SHUT_WR)
            said = b""
            while data := line.recv(65536):
                said += data
            self.found["received"] = json.loads(said)


def talk(address, path):
    speaker = Talk(address)
    signal.signal(signal.SIGTERM, lambda *_: setattr(speaker, "over", True))
    speaker.run()
    with open(path, "w", encoding="ascii") as out:
        json.dump(speaker.found, out)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        talk(*sys.argv[2:4])
