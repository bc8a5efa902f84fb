"""How long to wait before the next attempt."""

import random


class Backoff:
    """Doubling waits with jitter, so that many processes do not come back in step.

    first_s, most_s: the first wait and the longest one, in seconds, before jitter (half of it to the whole).
    """

    def __init__(self, first_s: float, most_s: float, chance: random.Random) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance
        self._next_s = first_s

    def wait_s(self, at_least_s: float | None = None) -> float:
        """The next wait; never shorter than what the other side asked for."""
        wait_s = self._next_s * self._chance.uniform(0.5, 1.0)
        self._next_s = min(2 * self._next_s, self._most_s)
        return max(wait_s, at_least_s or 0.0)

    def reset(self) -> None:
        """Begin anew: an attempt succeeded."""
        self._next_s = self._first_s
