"""A process's memory, searched for secrets."""
import base64


def search(pid, secrets):
    """(how often each is there in any spelling, mappings read, bytes read)."""
    spellings = [(raw, base64.b64encode(raw)[:-1], raw.hex().encode(), raw.hex().upper().encode()) for raw in secrets]
    counts, mappings, size = [0] * len(secrets), 0, 0
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as table, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in table:
            ends, rights = line.split()[:2]
            begin, end = (int(word, 16) for word in ends.split("-"))
            if "r" not in rights:
                continue
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except (OSError, OverflowError, ValueError):  # [vvar], [vsyscall]
                continue
            mappings, size = mappings + 1, size + len(data)
            for number, words in enumerate(spellings):
                counts[number] += sum(data.count(word) for word in words)
    return counts, mappings, size
