"""How the time of the simulated events goes by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# Cues speak of movements that are under way: what is older than this happened before we were connected.
_LIVE_US: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class RealTime:
    """Events happen when the clock says so; those that lie behind it happen at once."""

    clock_us: Callable[[], int]

    hurried = False

    def delay_s(self, event_us: int) -> float:
        """Seconds from now until an event."""
        return (event_us - self.clock_us()) / 1e6

    def live(self, event_us: int) -> bool:
        """Whether what the services say about this moment can still reach it."""
        return event_us > self.clock_us() - _LIVE_US


@dataclass(frozen=True, slots=True)
class Hurried:
    """Events of the past, `speed` times as fast as they would be.

    from_us: the event that happens when the steady clock shows from_s.
    """

    from_us: int
    from_s: float
    speed: float
    clock_s: Callable[[], float]

    hurried = True

    def delay_s(self, event_us: int) -> float:
        """Seconds from now until an event."""
        return (event_us - self.from_us) / 1e6 / self.speed - (self.clock_s() - self.from_s)

    def live(self, event_us: int) -> bool:  # noqa: ARG002 - as RealTime has it
        """Never: what the services say about these movements comes after them, and would differ at each run."""
        return False


Pace = RealTime | Hurried
