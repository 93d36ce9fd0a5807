#!/usr/bin/python3
"""Two TCP connections that live as long as a scenario: a session of small requests, as ssh's, and a transfer, as iperf3's.

As a program, one end: `serve PORT FILE`, which waits for both, or `session|transfer ADDRESS PORT FILE`, until SIGTERM. Neither end connects
anew: whatever ends its connection ends it too, and FILE says how. At SIGTERM the caller closes in good order, and both ends have then
seen the same bytes.
"""
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

REQUEST = 48          # bytes: a key in an ssh session
BETWEEN = 0.05        # s from an answer to the next request
RATE = 400_000        # bytes/s of the transfer: it is to be there at any time, not to fill the tunnel
BLOCK = 10_000
PATIENCE = 60         # s without progress: longer than any outage of a scenario
KINDS = {b"s": "session", b"t": "transfer"}


class _Stop(Exception):
    pass


def _stop(_signal, _frame):
    raise _Stop


class End:
    """What one end of a connection saw: written to a file when it is over."""

    def __init__(self, path):
        self._path = path
        self.seen = {"bytes": 0, "error": None}
        self._digest = hashlib.sha256()

    def count(self, data):
        self.seen["bytes"] += len(data)
        self._digest.update(data)

    def write(self):
        self.seen["digest"] = self._digest.hexdigest()
        with open(f"{self._path}.part", "w", encoding="ascii") as sink:
            json.dump(self.seen, sink)
        os.replace(f"{self._path}.part", self._path)


def session(line, end):
    """Request and answer in turn; the longest wait is an outage as whoever types sees it."""
    end.seen.update(requests=0, longest_wait_ms=0)
    try:
        while True:
            request = os.urandom(REQUEST)
            asked = time.monotonic()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # a request that was begun is answered
            line.sendall(request)
            if _exactly(line, REQUEST) != request:
                raise OSError("another answer than was asked for")
            end.count(request)
            end.seen["requests"] += 1
            end.seen["longest_wait_ms"] = max(end.seen["longest_wait_ms"], round((time.monotonic() - asked) * 1000))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            time.sleep(BETWEEN)
    except _Stop:
        _close(line)


def transfer(line, end):
    """RATE in one direction; what an outage held back follows at once."""
    start, block = time.monotonic(), os.urandom(BLOCK)
    try:
        while True:
            pause = start + end.seen["bytes"] / RATE - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # what is counted was sent
            line.sendall(block)
            end.count(block)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    except _Stop:
        _close(line)


def _exactly(line, size):
    data = b""
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            raise OSError("the connection was closed")
        data += more
    return data


def _close(line):
    """No more to say: the other end closes when it has read all."""
    line.shutdown(socket.SHUT_WR)
    if line.recv(1):
        raise OSError("more than was asked for")


def call(kind, address, port, path):
    end = End(path)
    try:
        line = _connect(address, port)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(kind[:1].encode())
        (session if kind == "session" else transfer)(line, end)
    except OSError as error:
        end.seen["error"] = str(error)
    end.write()


def _connect(address, port):
    """The other end may not be there yet."""
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection((address, port), PATIENCE)
        except ConnectionRefusedError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)


def answer(line, path):
    """Counts what comes, and sends it back where it is a session."""
    line.settimeout(PATIENCE)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    kind = KINDS[_exactly(line, 1)]
    end = End(f"{path}.{kind}")
    try:
        while data := line.recv(65536):
            end.count(data)
            if kind == "session":
                line.sendall(data)
        line.close()
    except OSError as error:
        end.seen["error"] = str(error)
    end.write()


def serve(port, path):
    door = socket.create_server(("", port), backlog=len(KINDS))
    threads = []
    for _ in KINDS:
        line, _ = door.accept()
        threads.append(threading.Thread(target=answer, args=(line, path)))
        threads[-1].start()
    for thread in threads:
        thread.join()


class Connections:
    """Both connections between the stream's ends, from the lab's side; `result()` ends them."""

    def __init__(self, caller, address, server, port):
        self._folders = caller.logs, server.logs
        for folder in self._folders:
            for old in folder.glob("tcp.*"):
                old.unlink()
        program = [sys.executable or "/usr/bin/python3", os.path.abspath(__file__)]
        self._server = server.spawn([*program, "serve", port, server.logs / "tcp"], "tcp.out")
        self._callers = [caller.spawn([*program, kind, address, port, caller.logs / f"tcp.{kind}"], "tcp.out") for kind in KINDS.values()]

    def result(self):
        """For each kind what the calling end saw, with `error` of either end, and whether both saw the same bytes."""
        from .nodes import terminate  # not where this file is a program
        for process in self._callers:
            terminate(process, PATIENCE)  # after an outage TCP may take as long again until it sends
        try:  # it ends when both callers have
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            terminate(self._server)
        return {kind: self._of(kind) for kind in KINDS.values()}

    def _of(self, kind):
        caller, server = (_read(folder / f"tcp.{kind}") for folder in self._folders)
        whole = (caller.get("bytes"), caller.pop("digest", "")) == (server.get("bytes"), server.pop("digest", None))
        return {**caller, "error": caller.get("error") or server.get("error"), "whole": whole}


def _read(path):
    try:
        return json.loads(path.read_text())
    except OSError:
        return {"error": "its end did not come to an end"}


def main(arguments):
    signal.signal(signal.SIGTERM, _stop)
    if arguments[0] == "serve":
        serve(int(arguments[1]), arguments[2])
    else:
        call(arguments[0], arguments[1], int(arguments[2]), arguments[3])


if __name__ == "__main__":
    main(sys.argv[1:])
