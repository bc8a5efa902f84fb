"""What a machine's sensors make of the truth: noise and steps when all is well, and faults when it is not.

A `Sensor` says what is wrong, as plain data; a `SensorAtWork` reads arrays through it. The same seed gives the same
readings, however the travel is cut into pieces.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sledwatch_sim.equipment.travel import Depths

# Told of a fault that was really injected: its kind, from and to in µs (both ends included), and figures about it.
Tell = Callable[[str, int, int, Mapping[str, float]], None]

# A string encoder of the better kind; its step is half a millimetre.
NOISE_MM: Final = 0.3
STEP_MM: Final = 0.5
DROPOUT: Final = 2e-4

_HOUR_S: Final = 3600.0
_SHARES: Final = ("dropout", "rate_jitter", "sample_jitter")
_SIZES: Final = ("noise_mm", "step_mm", "load_noise_kg", "load_step_kg")
# A frame's own length may not become nothing, nor a sample change places with its neighbour.
_MOST_JITTER: Final = 0.3
_SPREADS: Final = 2.5
_DECIMALS: Final = 3
# What is drawn has a stream of its own, so that one fault more does not change all others.
_NOISE, _DROPOUT, _LOAD, _MOMENT, _RATE = range(5)


@dataclass(frozen=True, slots=True)
class Sensor:
    """How well a machine sees itself. All times are seconds of event time since the run began.

    noise_mm: standard deviation of a depth. step_mm: its resolution; 0: none. dropout: share of samples that are
    missing, one by one. drift_mm_per_h: how fast the zero wanders. stuck: spans (from, to) in which the encoder shows
    what it showed last. blind: spans in which it shows nothing. slip_mm_at: (at, by how much) it reads deeper from then
    on. load_offset_kg, load_drift_kg_per_h, load_noise_kg, load_step_kg: the load cell; without noise the load is told
    once a frame. rate_jitter: spread of the time between samples, from frame to frame, as a share of it; the frame says
    so. sample_jitter: by what share of that time a sample is taken off the moment that the frame claims. reboots_s:
    when the power goes for a moment. Raises ValueError for what cannot be.
    """

    noise_mm: float = NOISE_MM
    step_mm: float = STEP_MM
    dropout: float = DROPOUT
    drift_mm_per_h: float = 0.0
    stuck: tuple[tuple[float, float], ...] = ()
    blind: tuple[tuple[float, float], ...] = ()
    slip_mm_at: tuple[tuple[float, float], ...] = ()
    load_offset_kg: float = 0.0
    load_drift_kg_per_h: float = 0.0
    load_noise_kg: float = 0.0
    load_step_kg: float = 0.0
    rate_jitter: float = 0.0
    sample_jitter: float = 0.0
    reboots_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in _SIZES:
            if getattr(self, name) < 0.0:
                raise ValueError(f"{name} {getattr(self, name):g}: expected 0 or more")
        for name in _SHARES:
            most = 1.0 if name == "dropout" else _MOST_JITTER
            if not 0.0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name):g}: expected a share from 0 to {most:g}")
        for name in ("stuck", "blind"):
            check_spans(name, getattr(self, name))
        for name, times in (("slip_mm_at", [at_s for at_s, _ in self.slip_mm_at]), ("reboots_s", list(self.reboots_s))):
            if times != sorted(times) or any(at_s < 0.0 for at_s in times):
                raise ValueError(f"{name}: expected seconds since the start, ascending")

    @property
    def sound(self) -> bool:
        """Whether nothing is the matter with it beyond what every sensor has."""
        usual = {"noise_mm", "step_mm", "dropout", "load_step_kg"}
        return all(getattr(self, one.name) == one.default for one in fields(self) if one.name not in usual)


def check_spans(name: str, spans: tuple[tuple[float, float], ...]) -> None:
    """Raise ValueError unless these are (from, to) in seconds since the start, ascending and apart."""
    edges = [edge_s for span in spans for edge_s in span]
    if edges != sorted(edges) or any(from_s >= to_s for from_s, to_s in spans) or any(edge_s < 0.0 for edge_s in edges):
        raise ValueError(f"{name}: expected spans (from, to) in seconds since the start, ascending and apart")


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read: depths in mm, NaN where the sensor gave nothing, and loads in kg, one a sample."""

    depth_mm: Depths
    load_kg: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Account:
    """What a sensor did from one time to another, seconds since the run began: the truth about one session.

    missing: samples without a depth. stood: (for how long, how far off it then was in mm, at) for each span in which
    the encoder stood and that ended meanwhile. slips: (at, by how much). start_mm, end_mm: how far the zero was off at
    both ends. start_kg: how far the load cell was off at the start.
    """

    from_s: float
    to_s: float
    samples: int
    missing: int
    stood: tuple[tuple[float, float, float], ...]
    slips: tuple[tuple[float, float], ...]
    start_mm: float
    end_mm: float
    start_kg: float


class SensorAtWork:
    """A machine's sensors during one run.

    seed: whatever numbers name the machine and the run. start_us: when the run began. tell: hears of each fault when
    its first sample is read, and at `close` of those that last. Times given to it go up.
    """

    def __init__(self, sensor: Sensor, seed: tuple[int, ...], start_us: int = 0, tell: Tell | None = None) -> None:
        self.sensor = sensor
        self._start_us = start_us
        self._tell = tell
        self._rngs = [np.random.default_rng([*seed, stream]) for stream in range(5)]
        self._last_mm = np.nan
        self._told: set[tuple[str, float]] = set()
        self._first_s: float | None = None
        self._until_s = 0.0
        self._dropped = 0
        self._samples = 0
        self._missing = 0
        self._account_s: float | None = None
        self._stood: list[tuple[float, float, float]] = []

    def intervals_us(self, nominal_us: float, count: int) -> NDArray[np.int64]:
        """The time between samples in each of the next `count` frames, whole µs."""
        if not self.sensor.rate_jitter:
            return np.full(count, round(nominal_us))
        drawn = self._rngs[_RATE].standard_normal(count).clip(-_SPREADS, _SPREADS)
        return np.rint(nominal_us * (1.0 + self.sensor.rate_jitter * drawn)).astype(np.int64).clip(1)

    def moments_s(self, claimed_s: NDArray[np.float64], interval_s: float) -> NDArray[np.float64]:
        """When the samples that claim these times are really taken."""
        if not self.sensor.sample_jitter:
            return claimed_s
        drawn = self._rngs[_MOMENT].standard_normal(len(claimed_s)).clip(-_SPREADS, _SPREADS)
        return claimed_s + self.sensor.sample_jitter * interval_s * drawn

    def read(self, t_s: NDArray[np.float64], true_mm: Depths, load_kg: float | NDArray[np.float64]) -> Readings:
        """Read the sled at some times, seconds since the start, ascending, and later than those read before."""
        sensor, count = self.sensor, len(t_s)
        if not count:
            return Readings(np.zeros(0), np.zeros(0))
        first_s, last_s = float(t_s[0]), float(t_s[-1])
        before_s = None if self._first_s is None else self._until_s
        if self._first_s is None:
            self._first_s = first_s
        if self._account_s is None:
            self._account_s = first_s
        self._until_s = last_s
        read_mm = true_mm + sensor.noise_mm * self._rngs[_NOISE].standard_normal(count)
        if sensor.drift_mm_per_h:
            read_mm += sensor.drift_mm_per_h / _HOUR_S * t_s
        for at_s, by_mm in sensor.slip_mm_at:
            if last_s >= at_s:
                read_mm[np.searchsorted(t_s, at_s) :] += by_mm
                self._tell_of("slip", at_s, at_s, slip_mm=by_mm)
        if sensor.step_mm:
            read_mm = np.round(read_mm / sensor.step_mm) * sensor.step_mm
        # Three decimals are what a message needs; the sum turns -0.0 into 0.0, which JSON would tell apart.
        read_mm = np.round(read_mm, _DECIMALS) + 0.0
        self._hold_stuck(t_s, read_mm, before_s)
        self._last_mm = float(read_mm[-1])
        missing = self._rngs[_DROPOUT].random(count) < sensor.dropout
        self._dropped += int(missing.sum())
        for from_s, to_s in sensor.blind:
            inside = _inside(t_s, from_s, to_s)
            if inside.stop > inside.start:
                missing[inside] = True
                self._tell_of("blind", from_s, to_s)
        read_mm[missing] = np.nan
        self._samples += count
        self._missing += int(missing.sum())
        return Readings(read_mm, self._read_load(t_s, load_kg))

    def account(self) -> Account | None:
        """What it did since it was last asked; None where it read nothing."""
        if self._account_s is None:
            return None
        sensor, from_s, to_s = self.sensor, self._account_s, self._until_s
        account = Account(
            from_s=from_s,
            to_s=to_s,
            samples=self._samples,
            missing=self._missing,
            stood=tuple(self._stood),
            slips=tuple(slip for slip in sensor.slip_mm_at if from_s < slip[0] <= to_s),
            start_mm=self._zero_mm(from_s),
            end_mm=self._zero_mm(to_s),
            start_kg=sensor.load_offset_kg + sensor.load_drift_kg_per_h / _HOUR_S * from_s,
        )
        self._account_s, self._samples, self._missing = None, 0, 0
        self._stood.clear()
        return account

    def _zero_mm(self, at_s: float) -> float:
        slipped_mm = sum(by_mm for slip_s, by_mm in self.sensor.slip_mm_at if slip_s <= at_s)
        return self.sensor.drift_mm_per_h / _HOUR_S * at_s + slipped_mm

    def tell(self, kind: str, from_us: int, to_us: int) -> None:
        """Tell of a fault that somebody else injected for it."""
        if self._tell is not None:
            self._tell(kind, from_us, to_us, {})

    def close(self) -> None:
        """The run is over: tell of what was wrong all along, from the first sample to the last."""
        if self._first_s is None:
            return
        sensor, span = self.sensor, (self._first_s, self._until_s)
        if sensor.dropout > DROPOUT and self._dropped:
            self._tell_of("dropout", *span, samples=self._dropped, share=sensor.dropout)
        for kind, sound, figures in (
            ("noise", sensor.noise_mm <= NOISE_MM, {"noise_mm": sensor.noise_mm}),
            ("coarse", sensor.step_mm <= STEP_MM, {"step_mm": sensor.step_mm}),
            ("drift", not sensor.drift_mm_per_h, {"mm_per_h": sensor.drift_mm_per_h}),
            ("load-offset", not sensor.load_offset_kg, {"kg": sensor.load_offset_kg}),
            ("load-drift", not sensor.load_drift_kg_per_h, {"kg_per_h": sensor.load_drift_kg_per_h}),
            ("load-noise", not sensor.load_noise_kg, {"kg": sensor.load_noise_kg}),
            ("rate-jitter", not sensor.rate_jitter, {"share": sensor.rate_jitter}),
            ("sample-jitter", not sensor.sample_jitter, {"share": sensor.sample_jitter}),
        ):
            if not sound:
                self._tell_of(kind, *span, **figures)

    def _hold_stuck(self, t_s: NDArray[np.float64], read_mm: Depths, before_s: float | None) -> None:
        """before_s: when the sample before these was taken."""
        for from_s, to_s in self.sensor.stuck:
            inside = _inside(t_s, from_s, to_s)
            if inside.stop > inside.start:
                held_mm = read_mm[inside.start - 1] if inside.start else self._last_mm
                if np.isnan(held_mm):
                    held_mm = read_mm[inside.start]  # stuck from the first: it shows what it saw then
                read_mm[inside] = held_mm
                self._tell_of("stuck", from_s, to_s, at_mm=float(held_mm))
            last_s = float(t_s[inside.stop - 1]) if inside.stop else before_s
            since_s = max(from_s, self._account_s or 0.0)
            if inside.stop < len(t_s) and last_s is not None and since_s <= last_s < to_s:
                held_mm = read_mm[inside.stop - 1] if inside.stop else self._last_mm
                self._stood.append((to_s - since_s, float(read_mm[inside.stop] - held_mm), to_s))

    def _read_load(self, t_s: NDArray[np.float64], load_kg: float | NDArray[np.float64]) -> NDArray[np.float64]:
        sensor = self.sensor
        read_kg: NDArray[np.float64] = np.full(len(t_s), load_kg) + sensor.load_offset_kg
        if sensor.load_drift_kg_per_h:
            # Once a second: without noise, a frame shall have one load.
            read_kg += sensor.load_drift_kg_per_h / _HOUR_S * np.floor(t_s)
        if sensor.load_noise_kg:
            read_kg += sensor.load_noise_kg * self._rngs[_LOAD].standard_normal(len(t_s))
        if sensor.load_step_kg:
            read_kg = np.round(read_kg / sensor.load_step_kg) * sensor.load_step_kg
        np.maximum(read_kg, 0.0, out=read_kg)
        return np.round(read_kg, _DECIMALS)

    def _tell_of(self, kind: str, from_s: float, to_s: float, **figures: float) -> None:
        if self._tell is not None and (kind, from_s) not in self._told:
            self._told.add((kind, from_s))
            from_us, to_us = (self._start_us + round(s * 1e6) for s in (from_s, to_s))
            self._tell(kind, from_us, to_us, figures)


def _inside(t_s: NDArray[np.float64], from_s: float, to_s: float) -> slice:
    """Where times lie in [from, to)."""
    first, last = np.searchsorted(t_s, [from_s, to_s])
    return slice(int(first), int(last))
