"""BIRD in a host of tests/lab/pair.py: started, asked over its control socket as wgbfd asks, ended."""
import re
import socket

from pair import TREE, wait

CONTROL = "/run/bird/bird.ctl"
SNIPPETS = TREE / "bird-snippets"


class Since(str):
    """When a protocol came to its state, HH:MM:SS.mmm: BIRD reckons it anew for each answer, at times a millisecond off."""
    __hash__ = None

    def seconds(self):
        hours, minutes, seconds = self.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)

    def __eq__(self, other):
        return abs(self.seconds() - Since(other).seconds()) < 0.1

    def __ne__(self, other):
        return not self == other


class Bird:
    def __init__(self, host, configuration):
        self.host = host
        host.write("/run/bird/bird.conf", configuration)
        self.start()

    def start(self):
        self.process = self.host.node.spawn(["bird", "-f", "-c", "/run/bird/bird.conf", "-s", CONTROL], "bird.log")
        return wait(self.answers)

    def stop(self):
        self.host.sh("pkill -x bird; while pgrep -x bird >/dev/null; do sleep 0.05; done")
        self.process.wait(timeout=30)

    def answers(self):
        try:
            return bool(self.ask("show status"))
        except OSError:
            return False

    def ask(self, command):
        """The reply's lines, without their codes."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(20)
            control.connect(self.host.node.path(CONTROL))
            lines = control.makefile("r", encoding="utf-8", newline="\n")
            lines.readline()
            control.sendall(command.encode() + b"\n")
            found = []
            for line in lines:
                found.append(re.sub(r"^(\d{4}[- ]| |\+)", "", line.rstrip("\n")))
                if re.match(r"\d{4} ", line):
                    return found
        raise OSError("BIRD closed the connection")

    def protocol(self, name):
        """(state, since, message) of a protocol."""
        lines = self.ask(f"show protocols all {name}")
        words = next((line.split() for line in lines if line.startswith(name)), [])
        message = next((line.split("Message:", 1)[1].strip() for line in lines if "Message:" in line), "")
        return (words[3], Since(words[4]), message) if len(words) > 4 else ("", "", "")

    def established(self, *names):
        return all("Established" in " ".join(self.ask(f"show protocols {name}")) for name in names)

    def table(self, protocol):
        """{destination: metric, or "unreachable"} of the routes that a kernel protocol has learned."""
        found, destination = {}, None
        for line in self.ask(f"show route protocol {protocol} table all all"):
            head = re.match(r"([0-9a-f]\S+)\s+(unicast|unreachable)", line)
            if head:
                destination = head[1].removesuffix("/32").removesuffix("/128")
                found[destination] = head[2]
            metric = re.search(r"(?:Kernel\.metric|krt_metric): (\d+)", line)
            if metric and destination and found[destination] == "unicast":
                found[destination] = int(metric[1])
        return found

    def best(self, prefix):
        """The protocol whose route to the prefix is best and can be used, or None."""
        for line in self.ask(f"show route for {prefix} primary"):
            head = re.match(r"\S+\s+unicast \[(\S+)", line)
            if head:
                return head[1]
        return None
