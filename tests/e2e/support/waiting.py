"""Waits for a state."""
import time

from support.build import patience


def wait_until(condition, within, what):
    """Polls until the condition is true, and returns the condition's value."""
    end = time.monotonic() + patience(within)
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {patience(within)} s: {what}")
