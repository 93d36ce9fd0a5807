"""What a test says: checks that count, and facts that are told alone."""
import time


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, good, sentence):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print(("ok" if good else "FAIL") + " - " + sentence, flush=True)
        return bool(good)

    @staticmethod
    def tell(sentence):
        print("told - " + sentence, flush=True)

    def close(self):
        """The last line, and the exit status."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return int(self.failed > 0)


def wait(holds, limit, step=0.05):
    """Seconds until `holds()` is true, or None after `limit`."""
    begun = time.monotonic()
    while True:
        if holds():
            return time.monotonic() - begun
        if time.monotonic() - begun > limit:
            return None
        time.sleep(step)


def seconds(value):
    return "never" if value is None else f"{value:.3f} s"
