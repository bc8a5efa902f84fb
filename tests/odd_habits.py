"""Sessions of people who do odd things on machines whose sensors are well: what is not the sensor's fault.

They badge in late, hold the sled on trembling legs, lock out beyond the rack, rest on the stops at the bottom, drop the
sled, let it fall into the rack and leave it anywhere.
"""

from typing import Final

import numpy as np

from pressing import START_US, Samples

FREE_FALL_MM_S2: Final = 6_900.0
LOADS_KG: Final = (47.0, 67.0, 87.0, 127.0)


def odd_session(
    seed: int, *, rate_hz: float = 50.0, rack_mm: float = 0.0, noise_mm: float = 0.3, step_mm: float = 0.5
) -> Samples:
    """A session by chance, of the same seed always the same; missing samples, spikes and uneven times included."""
    rng = np.random.default_rng(seed)
    path = _Path(rng, rate_hz, rack_mm)
    late = rng.random() < 0.2
    if late:
        path.at_mm = float(rng.uniform(-15.0, 60.0)) + rack_mm
    path.rest(float(rng.uniform(3.0, 15.0)), trembles=late)
    for _ in range(int(rng.integers(1, 5))):
        path.go(rack_mm - 10.0, 0.6)
        path.rest(0.7)
        path.go(rack_mm + float(rng.uniform(-15.0, 20.0)), 0.8)
        path.load_kg = float(rng.choice(LOADS_KG))
        for _ in range(int(rng.integers(3, 9))):
            path.rep(float(rng.uniform(250.0, 450.0)))
        path.after_a_set()
    path.rest(float(rng.uniform(0.0, 12.0)))
    return path.seen(noise_mm, step_mm)


class _Path:
    """A sled's way, drawn a thousand times a second and looked at as often as its encoder does."""

    def __init__(self, rng: np.random.Generator, rate_hz: float, rack_mm: float) -> None:
        self.rng, self.rate_hz, self.rack_mm = rng, rate_hz, rack_mm
        self.at_mm = rack_mm
        self.load_kg = LOADS_KG[0]
        self._parts: list[np.ndarray] = []
        self._loads: list[np.ndarray] = []

    def rest(self, seconds: float, *, trembles: bool = False) -> None:
        """Stay; on legs that tremble, where somebody holds it."""
        at_s = np.arange(round(seconds * 1000)) / 1000.0
        held = np.full(len(at_s), self.at_mm)
        if trembles:
            held += self.rng.uniform(0.5, 4.0) * np.sin(2 * np.pi * self.rng.uniform(0.2, 9.0) * at_s)
        self._write(held)

    def go(self, to_mm: float, seconds: float) -> None:
        """A smooth movement (Flash & Hogan 1985)."""
        s = np.arange(1, round(seconds * 1000) + 1) / (seconds * 1000)
        self._write(self.at_mm + (to_mm - self.at_mm) * (10 * s**3 - 15 * s**4 + 6 * s**5))
        self.at_mm = to_mm

    def fall(self, to_mm: float) -> None:
        """Let go: it falls until something stops it, at once and with a small bounce."""
        at_s = np.arange(0, (2 * abs(to_mm - self.at_mm) / FREE_FALL_MM_S2) ** 0.5, 1e-3)
        way = 0.5 * FREE_FALL_MM_S2 * at_s**2
        self._write(self.at_mm + np.sign(to_mm - self.at_mm) * way)
        s = np.arange(0, 0.06, 1e-3)
        self._write(to_mm + np.sign(self.at_mm - to_mm) * 3.0 * np.sin(np.pi * s / 0.06))
        self.at_mm = to_mm

    def rep(self, depth_mm: float) -> None:
        top_mm = self.at_mm
        if self.rng.random() < 0.1:
            self.fall(depth_mm)  # onto the stops, from where it is pushed off
            self.rest(float(self.rng.choice([0.3, 2.5, 8.0])))
        else:
            self.go(depth_mm, float(self.rng.uniform(0.6, 3.0)))
            self.rest(float(self.rng.uniform(0.0, 0.5)))
        self.go(top_mm + float(self.rng.uniform(-6.0, 6.0)), float(self.rng.uniform(0.45, 2.0)))
        self.rest(float(self.rng.choice([0.2, 0.5, 1.0, 3.0])), trembles=True)

    def after_a_set(self) -> None:
        what = self.rng.random()
        if what < 0.6:
            self.go(self.rack_mm - 10.0, 0.7)
            self.rest(0.5)
            if self.rng.random() < 0.5:
                self.fall(self.rack_mm)
            else:
                self.go(self.rack_mm, 0.5)
            self.rest(float(self.rng.uniform(20.0, 50.0)))
        elif what < 0.85:
            self.rest(float(self.rng.uniform(5.0, 30.0)), trembles=True)  # on the legs
        else:
            self.fall(480.0)  # on the stops; somebody helps
            self.rest(float(self.rng.uniform(5.0, 30.0)))
            self.go(self.rack_mm + 5.0, 3.0)

    def seen(self, noise_mm: float, step_mm: float) -> Samples:
        path, loads = np.concatenate(self._parts), np.concatenate(self._loads)
        n = int(len(path) * self.rate_hz / 1000.0)
        at_s = np.arange(n) / self.rate_hz + self.rng.uniform(-0.1, 0.1, n) / self.rate_hz
        index = np.clip(np.round(at_s * 1000.0).astype(np.int64), 0, len(path) - 1)
        depths = path[index] + noise_mm * self.rng.standard_normal(n)
        depths += np.where(self.rng.random(n) < 2e-4, self.rng.normal(0.0, 300.0, n), 0.0)
        if step_mm:
            depths = np.round(depths / step_mm) * step_mm
        depths[self.rng.random(n) < 2e-3] = np.nan
        t_us = START_US + np.round(np.arange(n) / self.rate_hz * 1e6).astype(np.int64)
        return Samples(t_us, depths, loads[index])

    def _write(self, depths: np.ndarray) -> None:
        self._parts.append(depths)
        self._loads.append(np.full(len(depths), self.load_kg))
