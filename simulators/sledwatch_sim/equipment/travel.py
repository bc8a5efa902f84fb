"""How a sled travels: smooth phases between points, and wobble."""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Depths = NDArray[np.float64]
Speed = TypeVar("Speed", float, NDArray[np.float64])

# The contract takes a phase to begin and end where the sled is as fast as this (docs/science.md, Reps).
MOVING_M_S: Final = 0.02
# A bounce turns the sled harder than anybody does with their legs alone (judgement).
BOUNCE_M_S2: Final = 10.5
# Of a turn from one speed to its opposite in a time, along the polynomial of `passing`: the hardest braking is so many
# times speed / time, and it reaches so many times speed × time further.
_TURN_BRAKING: Final = 3.0
_TURN_REACH: Final = 0.3125


def minimum_jerk(
    from_mm: float | NDArray[np.float64], to_mm: float | NDArray[np.float64], at: NDArray[np.float64]
) -> Depths:
    """Position at the shares `at` (0 to 1) of a movement between two points of rest (Flash & Hogan 1985).

    The peak speed is 1.875 times the mean.
    """
    return from_mm + (to_mm - from_mm) * at**3 * (10.0 - 15.0 * at + 6.0 * at**2)


def passing(
    at: NDArray[np.float64], from_mm_s: float | NDArray[np.float64], to_mm_s: float | NDArray[np.float64]
) -> Depths:
    """What speeds at the ends add to a movement, as a share of its duration in seconds times mm.

    With it a minimum jerk movement begins and ends at these speeds, without acceleration there.
    """
    cubed = at**3
    leaving = at - cubed * (6.0 - 8.0 * at + 3.0 * at**2)
    arriving = -cubed * (4.0 - 7.0 * at + 3.0 * at**2)
    return from_mm_s * leaving + to_mm_s * arriving


def slow_s(
    travel_mm: float | NDArray[np.float64],
    seconds: float | NDArray[np.float64],
    other_end_m_s: float | NDArray[np.float64] = 0.0,
) -> Depths:
    """How long a movement is slower than MOVING_M_S next to the end at which it rests.

    other_end_m_s: how fast it is at the other, in the direction in which it goes. Near the end the speed of a
    minimum jerk movement grows with the square of the time, so a few steps find it.
    """
    mean, other = np.asarray(travel_mm) / 1_000.0 / seconds, np.asarray(other_end_m_s)
    at = np.zeros(np.broadcast(mean, other).shape)
    for _ in range(6):
        grows = 30.0 * mean * (1.0 - at) ** 2 + other * (-12.0 + 28.0 * at - 15.0 * at**2)
        at = np.sqrt(MOVING_M_S / grows).clip(0.0, 0.5)
    slow: Depths = at * seconds
    return slow


def bounce_s(speed_m_s: Speed) -> Speed:
    """How long a bounce takes that the sled comes into at a speed."""
    return _TURN_BRAKING * speed_m_s / BOUNCE_M_S2


def bounce_mm(speed_m_s: Speed) -> Speed:
    """How much deeper a bounce goes than where it begins."""
    return 1_000.0 * _TURN_REACH * speed_m_s * bounce_s(speed_m_s)


@dataclass(slots=True)
class Pen:
    """Draws a travel sample by sample at a fixed rate; times between samples are carried over, never rounded away.

    rate_hz: samples a second. Times are seconds since the first sample.
    """

    rate_hz: float
    _end_s: float = 0.0
    _samples: int = 0

    @property
    def end_s(self) -> float:
        """Where the drawing stands."""
        return self._end_s

    def hold(self, at_mm: float, seconds: float) -> Depths:
        """Stay."""
        return np.full(len(self._shares(seconds)), at_mm)

    def move(
        self,
        from_mm: float,
        to_mm: float,
        seconds: float,
        wobble_mm: float = 0.0,
        turns: float = 0.0,
        *,
        from_m_s: float = 0.0,
        to_m_s: float = 0.0,
    ) -> Depths:
        """Go; the wobble swings `turns` times and dies out at both ends. Speeds there: towards the user; 0: rest."""
        at = self._shares(seconds)
        line = minimum_jerk(from_mm, to_mm, at)
        if from_m_s or to_m_s:
            line += 1_000.0 * seconds * passing(at, from_m_s, to_m_s)
        if wobble_mm:
            line += wobble_mm * np.sin(np.pi * at) ** 2 * np.sin(2.0 * np.pi * turns * at)
        return line

    def _shares(self, seconds: float) -> NDArray[np.float64]:
        """The samples that fall into the next `seconds`, as shares of them."""
        start_s = self._end_s
        self._end_s += seconds
        after = int(np.ceil(self._end_s * self.rate_hz - 1e-9))
        indices = np.arange(self._samples, max(after, self._samples))
        self._samples = int(max(after, self._samples))
        if seconds <= 0.0:
            return np.zeros(0)
        shares: NDArray[np.float64] = (indices / self.rate_hz - start_s) / seconds
        return shares.clip(0.0, 1.0)
