"""netem on one direction of an underlay: what an interface sends, with an impairment of its own for each chosen UDP port.

Changed while it runs; the kernel's own counts are the truth of what it did. netem's words are tc's: `loss 5%`, `delay 20ms 5ms`,
`reorder 25% 50%`, `duplicate 1%`, `rate 2mbit`.
"""
import json

FIRST_BAND = 2


class Netem:
    """`ports`: source ports, which are both ends' (tunnels.py); what has none of them passes untouched, and so does TCP."""

    def __init__(self, node, interface, ports):
        self._node, self._interface = node, interface
        self._bands = {port: FIRST_BAND + number for number, port in enumerate(ports)}
        lines = [f"qdisc add dev {interface} root handle 1: prio bands {max(3, len(self._bands) + 1)} priomap {' '.join('0' * 16)}"]
        for port, band in self._bands.items():
            lines += [f"qdisc add dev {interface} parent 1:{band} handle {band}: netem limit 10000",
                      f"filter add dev {interface} parent 1: protocol ip prio 1 u32 match ip protocol 17 0xff "
                      f"match ip sport {port} 0xffff flowid 1:{band}"]
        self._tc(lines)

    def set(self, words, ports=None):
        """Of these ports or all; no words: nothing is impaired."""
        self._tc([f"qdisc change dev {self._interface} parent 1:{self._bands[port]} handle {self._bands[port]}: netem limit 10000 {words}"
                  for port in ports or self._bands])

    def counts(self):
        """{port: (packets that came, of these dropped)} since the beginning."""
        rows = {row["handle"]: row for row in json.loads(self._node.run(["tc", "-s", "-j", "qdisc", "show", "dev", self._interface]).stdout)}
        return {port: (rows[f"{band:x}:"]["packets"] + rows[f"{band:x}:"]["drops"], rows[f"{band:x}:"]["drops"])
                for port, band in self._bands.items()}

    def _tc(self, lines):
        self._node.run(["tc", "-batch", "-"], text="\n".join(lines) + "\n")
