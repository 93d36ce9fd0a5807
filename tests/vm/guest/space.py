"""Network namespaces of the machine, by name: a thread steps in and out, so that no process is needed for a socket."""
import ctypes
import os
import shlex
import subprocess

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def shell(*lines, check=True, text=None):
    """Runs a script; its output. A command that fails fails the test."""
    done = subprocess.run(["sh", "-ec", "\n".join(lines)], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{lines}: {done.stdout.strip()}")
    return done.stdout


class Space:
    def __init__(self, name):
        self.name = name
        shell(f"ip netns add {name}", f"ip -n {name} link set lo up")

    def __enter__(self):
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        _enter(there)
        os.close(there)
        return self

    def __exit__(self, *_):
        _enter(self._home)
        os.close(self._home)

    def run(self, command, check=True, text=None):
        """Of a command line or a list: what it prints."""
        line = command if isinstance(command, str) else shlex.join(map(str, command))
        with self:  # the child is born here
            return shell(line, check=check, text=text)

    def ip(self, *lines):
        """All lines by one ip(8)."""
        with self:
            shell("ip -batch -", text="\n".join(lines) + "\n")

    def spawn(self, command, log):
        with self, open(log, "ab") as sink:
            return subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                                    start_new_session=True)


def _enter(fd):
    if LIBC.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
