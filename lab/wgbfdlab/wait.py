"""Waiting for a condition, and saying what for when it does not come."""
import time

from .topology import LabError


def wait_until(condition, limit, waiting_for, pause=0.05):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"not within {limit} s: {waiting_for()}")
        time.sleep(pause)
