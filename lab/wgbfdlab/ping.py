"""What became of a ping that was ended while it ran, by the lines it prints of its answers."""
import re

ON_ITS_WAY = 20  # packets at most that it had just sent when it was ended: they are not lost


def lost(text):
    """The numbers that were not answered; none answered at all: [0]."""
    answered = {int(number) for number in re.findall(r"\bicmp_seq=(\d+) ttl=", text)}
    if not answered:
        return [0]
    sent = next((int(count) for count in re.findall(r"(\d+) packets transmitted", text)), max(answered))
    until = max(answered) if sent - max(answered) <= ON_ITS_WAY else sent
    return sorted(set(range(1, until + 1)) - answered)
