"""Time that stands still until a test lets it go by."""

import heapq
import itertools
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from sledwatch_sim.wire.network import Timer

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What no test means to wait for: a day of virtual time.
WITHIN_S: Final = 86_400.0


class VirtualClock:
    """A clock in whole microseconds since the Unix epoch, UTC. It advances only when told, and wakes timers in order.

    Hand it to whatever takes a clock, in the form that this wants:

    >>> clock = VirtualClock(1_795_330_800_000_000)
    >>> clock()                                  # microseconds, as the contract has them
    1795330800000000
    >>> clock.time()                             # seconds, as `time.time` has them
    1795330800.0
    >>> clock.advance(1.5)
    >>> clock.monotonic()                        # seconds since it was made, as `time.monotonic`
    1.5
    >>> woken = []
    >>> _ = clock.call_later(2.0, lambda: woken.append(clock.monotonic()))
    >>> clock.sleep(10.0)                        # as `time.sleep`, and everything that was due happens meanwhile
    >>> woken, clock.monotonic()
    ([3.5], 11.5)

    What a timer raises comes out of the call that let the time go by; the clock then shows when that was.
    """

    def __init__(self, start_us: int) -> None:
        self.start_us = start_us
        self._now_us = start_us
        self._timers: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()

    def __call__(self) -> int:
        """Now, in microseconds since the epoch."""
        return self._now_us

    def time(self) -> float:
        """Now, in seconds since the epoch."""
        return self._now_us / 1e6

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return (self._now_us - self.start_us) / 1e6

    def datetime(self) -> datetime:
        """Now, with its zone, UTC."""
        return _EPOCH + timedelta(microseconds=self._now_us)

    @property
    def clock(self) -> Callable[[], float]:
        """`monotonic`, by the name that machines look for."""
        return self.monotonic

    def call_at(self, at_s: float, do: Callable[[], None]) -> Timer:
        """Do something when `monotonic` shows a time, or as soon as time goes by where that is over."""
        since_us = math.ceil(at_s * 1e6)
        # Never before: who looks at the clock then would find that it is not time yet.
        return self.at(self.start_us + since_us + (since_us / 1e6 < at_s), do)

    def call_later(self, delay_s: float, do: Callable[[], None]) -> Timer:
        """Do something after a delay. `cancel()` of what is returned makes it nothing."""
        return self.at(self._now_us + round(delay_s * 1e6), do)

    def at(self, t_us: int, do: Callable[[], None]) -> Timer:
        """Do something at a time in microseconds. What is due together happens in the order in which it was asked."""
        timer = Timer(do)
        heapq.heappush(self._timers, (t_us, next(self._order), timer))
        return timer

    def advance(self, seconds: float = 0.0) -> None:
        """Let time go by, and all that is due happen. 0 does what is due now. Raises ValueError below 0."""
        if seconds < 0.0:
            raise ValueError(f"advance by {seconds:g} s: expected 0 or more, for time does not go back")
        self.advance_to(self._now_us + round(seconds * 1e6))

    def sleep(self, seconds: float) -> None:
        """The same by the name that programs call it by. It may be called within a timer."""
        self.advance(seconds)

    def advance_to(self, t_us: int) -> None:
        """Let time go by until a time in microseconds. Raises ValueError for one that is over."""
        if t_us < self._now_us:
            raise ValueError(f"advance to {t_us}: expected {self._now_us} or later, for time does not go back")
        while self._timers and self._timers[0][0] <= t_us:
            self._step()
        self._now_us = max(self._now_us, t_us)

    def run(self, done: Callable[[], bool], within_s: float = WITHIN_S) -> None:
        """Let time go by from timer to timer until `done`. Raises TimeoutError when it is not after `within_s`."""
        latest_us = self._now_us + round(within_s * 1e6)
        while not done():
            if not self._timers or self._timers[0][0] > latest_us:
                raise TimeoutError(f"still not so at {self.datetime().isoformat()}, after {within_s:g} s")
            self._step()

    def _step(self) -> None:
        at_us, _, timer = heapq.heappop(self._timers)
        if timer.do is not None:
            # A timer that slept has let time go by beyond the one after it.
            self._now_us = max(self._now_us, at_us)
            timer.do()
