"""Sled movement with known truth: minimum-jerk strokes and pauses, sampled as well or as badly as a test wants.

A minimum-jerk stroke (Flash & Hogan 1985) is what a smooth human movement looks like; its speed is known exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

START_US = 1_790_000_000_000_000


class Samples(NamedTuple):
    """What a machine would have measured."""

    t_us: NDArray[np.int64]
    depth_mm: NDArray[np.float64]
    load_kg: NDArray[np.float64]

    def without(self, from_s: float, to_s: float) -> "Samples":
        """The samples of [from_s, to_s) are missing."""
        since_s = (self.t_us - self.t_us[0]) / 1e6
        return self._replace(depth_mm=np.where((since_s >= from_s) & (since_s < to_s), np.nan, self.depth_mm))

    def plus(self, mm: float, from_s: float, to_s: float = np.inf) -> "Samples":
        """The sensor shows `mm` too much in [from_s, to_s)."""
        since_s = (self.t_us - self.t_us[0]) / 1e6
        return self._replace(depth_mm=self.depth_mm + np.where((since_s >= from_s) & (since_s < to_s), mm, 0.0))

    def part(self, begin: int, stop: int | None) -> "Samples":
        """A run of the samples."""
        return Samples(self.t_us[begin:stop], self.depth_mm[begin:stop], self.load_kg[begin:stop])


@dataclass(frozen=True)
class Press:
    """A movement put together from strokes; each method returns a longer one."""

    knots: tuple[tuple[float, float], ...] = ((0.0, 0.0),)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.knots[-1][0]

    def to(self, depth_mm: float, seconds: float) -> Self:
        """A stroke to a depth."""
        return replace(self, knots=(*self.knots, (self.seconds + seconds, depth_mm)))

    def rest(self, seconds: float) -> Self:
        """A pause."""
        return self.to(self.knots[-1][1], seconds)

    def reps(
        self,
        bottoms_mm: Sequence[float],
        *,
        top_mm: float = 0.0,
        eccentric_s: float = 2.0,
        concentric_s: float = 1.0,
        bottom_s: float = 0.3,
        top_s: float = 0.5,
    ) -> Self:
        """One rep to each of the bottoms."""
        press = self
        for bottom_mm in bottoms_mm:
            press = press.to(bottom_mm, eccentric_s).rest(bottom_s).to(top_mm, concentric_s).rest(top_s)
        return press

    def depth_mm(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """The true depth at some times."""
        times, depths = np.array(self.knots).T
        stroke = np.clip(np.searchsorted(times, at_s, side="right") - 1, 0, len(times) - 2)
        share = np.clip((at_s - times[stroke]) / np.maximum(times[stroke + 1] - times[stroke], 1e-9), 0.0, 1.0)
        smooth = 10 * share**3 - 15 * share**4 + 6 * share**5
        return depths[stroke] + smooth * (depths[stroke + 1] - depths[stroke])

    def samples(
        self,
        rate_hz: float = 50.0,
        *,
        noise_mm: float = 0.0,
        step_mm: float = 0.0,
        jitter: float = 0.0,
        load_kg: float = 100.0,
        seed: int = 0,
    ) -> Samples:
        """Measure it: white noise, quantisation to steps, sampling times that are off by a share of the interval."""
        random = np.random.default_rng(seed)
        n = int(self.seconds * rate_hz) + 1
        at_s = (np.arange(n) + jitter * random.uniform(-0.5, 0.5, n)) / rate_hz
        t_us = np.round(at_s * 1e6).astype(np.int64)
        depth_mm = self.depth_mm(t_us / 1e6) + (random.normal(0.0, noise_mm, n) if noise_mm else 0.0)
        if step_mm:
            depth_mm = np.round(depth_mm / step_mm) * step_mm
        return Samples(START_US + t_us, depth_mm, np.full(n, load_kg))


def idle(seconds: float = 3.0) -> Press:
    """The sled hangs in the rack."""
    return Press().rest(seconds)


def joined(*parts: Samples) -> Samples:
    """Parts of a session one after the other, each a sample interval later."""
    t_us, depths, loads = [parts[0].t_us], [parts[0].depth_mm], [parts[0].load_kg]
    for part in parts[1:]:
        interval_us = int(part.t_us[1] - part.t_us[0])
        t_us.append(part.t_us - part.t_us[0] + t_us[-1][-1] + interval_us)
        depths.append(part.depth_mm)
        loads.append(part.load_kg)
    return Samples(np.concatenate(t_us), np.concatenate(depths), np.concatenate(loads))
