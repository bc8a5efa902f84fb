"""How a sled travels: smooth phases between points, and wobble."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Depths = NDArray[np.float64]


def minimum_jerk(from_mm: float, to_mm: float, at: NDArray[np.float64]) -> Depths:
    """Position at the shares `at` (0 to 1) of a movement between two points of rest (Flash & Hogan 1985).

    The peak speed is 1.875 times the mean.
    """
    return from_mm + (to_mm - from_mm) * at**3 * (10.0 - 15.0 * at + 6.0 * at**2)


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

    def move(self, from_mm: float, to_mm: float, seconds: float, wobble_mm: float = 0.0, turns: float = 0.0) -> Depths:
        """Go from rest to rest; the wobble swings `turns` times and dies out at both ends."""
        at = self._shares(seconds)
        line = minimum_jerk(from_mm, to_mm, at)
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
