"""A daemon's vty: its unix socket, reached through the node's root (vtysh would be a process for each question)."""
import json
import socket

from .topology import LabError


def ask(node, daemon, command, timeout=20):
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(timeout)
        try:
            line.connect(node.path(f"/run/frr/{daemon}.vty"))
            _exchange(line, "enable")
            return _exchange(line, command)
        except OSError as error:
            raise LabError(f"node {node.name}: {daemon} does not answer: {error}") from error


def ask_json(node, daemon, command):
    text = ask(node, daemon, command)
    try:
        return json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise LabError(f"node {node.name}: {daemon}: {command}: {text.strip()[:200]}") from error


def configure(node, daemon, commands, timeout=20):
    """The running configuration, line by line; a line that is refused is an error."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(timeout)
        try:
            line.connect(node.path(f"/run/frr/{daemon}.vty"))
            for command in ("enable", "configure terminal", *commands):
                reply = _exchange(line, command.strip())
                if "%" in reply:
                    raise LabError(f"node {node.name}: {daemon}: {command.strip()}: {reply.strip()}")
        except OSError as error:
            raise LabError(f"node {node.name}: {daemon} does not answer: {error}") from error


def _exchange(line, command):
    """Text until three NULs and a status byte."""
    line.sendall(command.encode() + b"\0")
    reply = b""
    while len(reply) < 4 or reply[-4:-1] != b"\0\0\0":
        block = line.recv(65536)
        if not block:
            break
        reply += block
    return reply[:-4].decode(errors="replace")
