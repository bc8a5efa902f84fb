"""What the samples of one session say about the machine that took them: one `SensorReading` a session."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sledwatch.reps import Span

# All of these are judgement. A sled is looked at in bins of this length, each by its median …
BIN_S: Final = 0.2
# … and rests where the bins stay together for this long: nobody holds a loaded sled as still as this between two reps.
REST_S: Final = 2.0
REST_MM: Final = 2.0
RESTING_SHARE: Final = 0.8
# What no sled does: leave its neighbouring steps behind by more than this, and by more than this acceleration explains.
JUMP_MM: Final = 15.0
JUMP_M_S2: Final = 20.0
# The same value for this long, then a jump: the sled went on while the encoder stood.
STUCK_S: Final = 0.5
# The level of rest before and after a slip differ by what it slipped, give or take this.
SLIP_AGREES_MM: Final = 8.0
# A zero that creeps within a session: at least so many rests on a line, and no further from it than this share of it.
CREEP_RESTS: Final = 5
CREEP_REST_S: Final = 5.0
CREEP_MM: Final = 10.0
CREEP_SHARE: Final = 0.1
# A session in which the sled never moved, though somebody was there for this long.
MOTIONLESS_S: Final = 60.0
MOTIONLESS_MM: Final = 2.0

# A step of the encoder smaller than this is none.
_LEAST_STEP_MM: Final = 0.05
# Bins and runs need a few samples to be worth looking at.
_LEAST_SAMPLES: Final = 16
# A sample that comes later than this many intervals has others missing before it.
_NEXT_WITHIN: Final = 1.6
_STEP_SAMPLES: Final = 2048

Times = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something the encoder did: from and to when (µs, UTC), and by how many millimetres it was off at the end."""

    from_us: int
    to_us: int
    by_mm: float

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.to_us - self.from_us) / 1e6


@dataclass(frozen=True, slots=True)
class SensorReading:
    """What a session's samples say about the machine's sensors; None where they do not say.

    rack_start_mm, rack_end_mm: where the sled rested before the first rep and after the last. creep_mm: by how much
    the level of rest moved along a straight line through the session, 0 where it did not. noise_mm: standard deviation
    of white noise on the depth. step_mm: the encoder's resolution, 0 where none shows. missing_share: of the samples,
    those without a depth. stuck, slips: as `Fault`. motionless: the sled never moved, for a minute or more. idle_kg:
    the load while the sled rested before the first rep. load_noise_kg: spread of the load from sample to sample while
    it rests. rate_hz: samples a second; irregular_share: of the intervals, those more than 20 % off the usual one.
    """

    samples: int
    reps: int
    rack_start_mm: float | None = None
    rack_end_mm: float | None = None
    creep_mm: float = 0.0
    noise_mm: float | None = None
    step_mm: float = 0.0
    missing_share: float = 0.0
    stuck: tuple[Fault, ...] = ()
    slips: tuple[Fault, ...] = ()
    motionless: bool = False
    idle_kg: float | None = None
    load_noise_kg: float | None = None
    rate_hz: float | None = None
    irregular_share: float = 0.0

    @property
    def stuck_s(self) -> float:
        """How long the encoder stood while the sled moved, in all."""
        return sum(one.seconds for one in self.stuck)

    @property
    def slipped_mm(self) -> float:
        """How far the encoder slipped, in all."""
        return sum(one.by_mm for one in self.slips)


def read_sensors(t_us: Times, depth_mm: Values, load_kg: Values, spans: Sequence[Span]) -> SensorReading:
    """Look at the sensors through a session's samples.

    t_us: ascending. depth_mm: NaN where missing; both and load_kg equally long and one-dimensional. spans: the reps
    that `find_reps` found in them. Looks at rests and at steps that no sled makes; what a person does with the sled,
    however odd, is none of the sensor's faults.
    """
    present = np.isfinite(depth_mm)
    count = int(present.sum())
    missing = 1.0 - count / len(depth_mm) if len(depth_mm) else 0.0
    if count < _LEAST_SAMPLES:
        return SensorReading(len(t_us), len(spans), missing_share=round(missing, 4))
    t, x, kg = t_us[present], depth_mm[present], load_kg[present]
    intervals = np.diff(t)
    usual_us = float(np.median(intervals))
    close = intervals <= _NEXT_WITHIN * usual_us
    n = max(2, round(BIN_S * 1e6 / usual_us))
    step_mm = _step(x)
    noise_mm = _noise(x, close, max(n, round(1e6 / usual_us)))
    rests = _Rests.of(t, x, n, usual_us, step_mm, noise_mm or 0.0)
    start, end = rests.around(spans)
    jumps = _jumps(t, x, close, usual_us, step_mm, noise_mm or 0.0)
    slips = _slips(jumps, rests)
    stuck = tuple(one.fault for one in jumps if one.fault.seconds >= STUCK_S and one not in slips)
    at_start = slice(0, 0) if start is None else slice(*np.searchsorted(t, rests.span_us(start)))
    return SensorReading(
        samples=len(t_us),
        reps=len(spans),
        rack_start_mm=None if start is None else round(float(rests.level_mm[start]), 2),
        rack_end_mm=None if end is None else round(float(rests.level_mm[end]), 2),
        creep_mm=0.0 if slips else round(rests.creep_mm(spans), 2),
        noise_mm=None if noise_mm is None else round(noise_mm, 3),
        step_mm=round(step_mm, 3),
        missing_share=round(missing, 4),
        stuck=stuck,
        slips=tuple(Fault(one.after_us, one.fault.to_us, one.fault.by_mm) for one in slips),
        motionless=_motionless(t, x, step_mm, spans),
        idle_kg=round(float(np.median(kg[at_start])), 2) if at_start.stop > at_start.start else None,
        load_noise_kg=_load_noise(kg[at_start]),
        rate_hz=round(1e6 / usual_us, 2),
        irregular_share=round(float(np.mean(np.abs(np.diff(t_us) - usual_us) > 0.2 * usual_us)), 4),
    )


@dataclass(frozen=True, slots=True)
class _Rests:
    """Where the sled came to rest: from and to when, and at which level."""

    from_us: Times
    to_us: Times
    level_mm: Values

    @staticmethod
    def of(t: Times, x: Values, n: int, usual_us: float, step_mm: float, noise_mm: float) -> "_Rests":
        bins = len(x) // n
        if bins < 2:
            return _Rests(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        # Medians; np.median takes three times as long over short rows.
        rows = np.sort(x[: bins * n].reshape(bins, n), axis=1)
        middle = (rows[:, (n - 1) // 2] + rows[:, n // 2]) / 2
        begins, ends = t[: bins * n : n], t[n - 1 : bins * n : n]
        # A median of n samples with noise s is off by 1.25 s / √n.
        near_mm = max(REST_MM, 1.5 * step_mm, 5.0 * 1.25 * noise_mm / n**0.5)
        apart = (np.abs(np.diff(middle)) > near_mm) | (begins[1:] - ends[:-1] > max(3 * usual_us, 1e6))
        edges = np.concatenate([[0], np.flatnonzero(apart) + 1, [bins]])
        long_enough = ends[edges[1:] - 1] - begins[edges[:-1]] >= REST_S * 1e6
        found = []
        for first, last in zip(edges[:-1][long_enough], edges[1:][long_enough], strict=True):
            # The bins at both ends may hold the begin or the end of a movement.
            inner = middle[first + 1 : last - 1]
            level = float(np.median(inner)) if len(inner) else np.nan
            # A slow movement has no level that most of it is at.
            if np.sum(np.abs(inner - level) <= near_mm) >= RESTING_SHARE * len(inner) > 0:
                found.append((begins[first], ends[last - 1], level))
        columns = list(zip(*found, strict=True)) or [(), (), ()]
        return _Rests(np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], np.float64))

    def span_us(self, at: int) -> tuple[int, int]:
        """From and to when a rest lasted."""
        return int(self.from_us[at]), int(self.to_us[at])

    def around(self, spans: Sequence[Span]) -> tuple[int | None, int | None]:
        """The first rest, before the first rep, and the last, after the last rep; None where there is none."""
        if not len(self.level_mm):
            return None, None
        last = len(self.level_mm) - 1
        if not spans:
            return 0, last
        starts_before = self.from_us[0] < spans[0].start_us
        ends_after = self.to_us[last] > spans[-1].end_us
        return 0 if starts_before else None, last if ends_after else None

    def creep_mm(self, spans: Sequence[Span]) -> float:
        """How far the level moves along a straight line from the first rest to the last, 0 where it is no line.

        A person who rests here and there makes no line; a zero that wanders makes one through all longer rests.
        """
        start, end = self.around(spans)
        long = self.to_us - self.from_us >= CREEP_REST_S * 1e6
        if start is None or end is None or np.sum(long) < CREEP_RESTS:
            return 0.0
        at_s, level_mm = ((self.from_us + self.to_us - 2 * self.from_us[0]) / 2e6)[long], self.level_mm[long]
        slope, base = np.polyfit(at_s, level_mm, 1)
        total = float(slope * (at_s[-1] - at_s[0]))
        off = float(np.max(np.abs(level_mm - base - slope * at_s)))
        return total if abs(total) >= CREEP_MM and off <= CREEP_SHARE * abs(total) else 0.0


@dataclass(frozen=True, slots=True)
class _Jump:
    """A step that no sled makes, right after `after_us`. fault: from when on the encoder had shown just the same."""

    fault: Fault
    after_us: int


def _step(x: Values) -> float:
    """The encoder's resolution: the smallest distance between two of its values; 0 where that is next to nothing."""
    values = np.unique(x[:: max(1, len(x) // _STEP_SAMPLES)])
    gaps = np.diff(values)
    gaps = gaps[gaps > 1e-6]
    if not len(gaps):
        return 0.0
    # Sums of tenths differ in the last digits; the smallest gap that is common is the step.
    least = float(np.quantile(gaps, 0.02))
    return least if least >= _LEAST_STEP_MM else 0.0


def _noise(x: Values, close: NDArray[np.bool_], n: int) -> float | None:
    """Standard deviation of white noise: second differences in the quietest runs of n samples (they hold it √6 times).

    A quarter of a session is rest.
    """
    good = close[1:] & close[:-1]
    bends = np.where(good, x[2:] - 2.0 * x[1:-1] + x[:-2], 0.0)
    bins = len(bends) // n
    if bins < 4:
        return None
    power = np.mean(bends[: bins * n].reshape(bins, n) ** 2, axis=1)
    return float(np.sqrt(np.quantile(power, 0.25) / 6.0))


def _jumps(
    t: Times, x: Values, close: NDArray[np.bool_], usual_us: float, step_mm: float, noise_mm: float
) -> list[_Jump]:
    """Steps between two samples that stand out from the steps before and after, and stay.

    A stop against something ends a speed and a start begins one: both lie between the steps around them. A spike goes
    back at once.
    """
    steps = np.diff(x)
    if len(steps) < 9:
        return []
    mid, before, after = steps[1:-1], steps[:-2], steps[2:]
    least = max(JUMP_MM, 10.0 * noise_mm, 3.0 * step_mm, JUMP_M_S2 * 1e-9 * usual_us**2)
    out = np.maximum(mid - np.maximum(before, after), np.minimum(before, after) - mid)
    found = []
    for at in (np.flatnonzero((out > least) & close[1:-1] & close[:-2] & close[2:]) + 1).tolist():
        if not 4 <= at <= len(steps) - 5:
            continue
        # Medians of three on either side, three steps apart, less what the speed around them makes of that.
        around = np.concatenate([steps[at - 3 : at], steps[at + 1 : at + 4]])
        speed = float(np.median(around))
        by_mm = float(np.median(x[at + 1 : at + 4]) - np.median(x[at - 2 : at + 1])) - 3.0 * speed
        alone = np.max(np.abs(around - speed)) < 0.5 * abs(by_mm)
        if abs(by_mm) < 0.6 * least or by_mm * steps[at] < 0 or not alone:
            continue
        held = at
        while held > 0 and x[held - 1] == x[at]:
            held -= 1
        found.append(_Jump(Fault(int(t[held]), int(t[at + 1]), round(by_mm, 1)), int(t[at])))
    return found


def _slips(jumps: Sequence[_Jump], rests: _Rests) -> tuple[_Jump, ...]:
    """Those jumps by which the sled rests further on at the end than at the start; else the encoder had stood."""
    if not jumps or not len(rests.level_mm):
        return ()
    if rests.from_us[0] > jumps[0].fault.to_us or rests.to_us[-1] < jumps[-1].fault.to_us:
        return ()
    shift_mm = float(rests.level_mm[-1] - rests.level_mm[0])
    if abs(shift_mm) <= SLIP_AGREES_MM:
        return ()
    for some in (tuple(jumps), *((one,) for one in jumps)):
        if abs(sum(one.fault.by_mm for one in some) - shift_mm) <= SLIP_AGREES_MM:
            return some
    return ()


def _motionless(t: Times, x: Values, step_mm: float, spans: Sequence[Span]) -> bool:
    if spans or t[-1] - t[0] < MOTIONLESS_S * 1e6:
        return False
    low, high = np.quantile(x, [0.01, 0.99])
    return bool(high - low <= max(MOTIONLESS_MM, 2.0 * step_mm))


def _load_noise(kg: Values) -> float | None:
    # By neighbours, of which the loading of plates is one: a median leaves it out.
    return round(float(np.median(np.abs(np.diff(kg)))) * 1.4826 / 2**0.5, 3) if len(kg) >= _LEAST_SAMPLES else None
