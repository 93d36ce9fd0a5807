"""What became of a ping that was ended while it ran, by the lines it prints of its answers: what it had just sent then is not lost."""
import re


def lost(text):
    """The numbers that were not answered, before the last that was; none answered at all: [0]."""
    answered = {int(number) for number in re.findall(r"\bicmp_seq=(\d+) ttl=", text)}
    return sorted(set(range(1, max(answered) + 1)) - answered) if answered else [0]
