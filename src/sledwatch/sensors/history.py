"""What the readings of many sessions say about a machine's sensors: what is wrong, and since when.

A machine is compared with itself. Its zero is right while the sled rests at the rack where it did in the machine's
first sessions, or at 0. One odd session says nothing: somebody who badged in late, who never racked, who left the sled
on its stops. What begins and ends over days does so by several sessions in a row.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from statistics import median
from typing import Final

from sledwatch.limits import CAUTION_BEFORE_MM
from sledwatch.sensors.reading import SensorReading

# All of these are judgement. An error of the zero of half the caution margin cannot make a depth within the limit look
# excessive by more than what caution leaves; past it, depth is doubtful.
ZERO_OFF_MM: Final = CAUTION_BEFORE_MM / 2
# So far from 0 the rack itself is not told from a rep any more (`RepSettings.rack_mm`).
MISPLACED_MM: Final = 40.0
# The machine's first sessions with a rest at the rack are what it is compared with; fewer say nothing yet.
REFERENCE_SESSIONS: Final = 5
LEAST_REFERENCE: Final = 3
# In a row: bad ones until it is said, good ones until it is taken back.
SESSIONS_UNTIL_SAID: Final = 3
SESSIONS_UNTIL_GOOD: Final = 3
STUCK_SAID_S: Final = 2.0
NOISE_MM: Final = 2.0
NOISE_GROWN: Final = 4.0
NOISE_GROWN_MM: Final = 1.0
NOISE_DOUBTFUL_MM: Final = 5.0
MISSING_SHARE: Final = 0.02
LOAD_OFF_KG: Final = 2.0
LOAD_AGREES_KG: Final = 0.5
# What differs by a multiple of the smallest plates (1.25 kg, 2.5 lb) may be plates that were left on.
PLATES_KG: Final = (1.25, 1.134)
PLATE_AGREES_KG: Final = 0.15

DRIFT: Final = "machine.encoder-drift"
STUCK: Final = "machine.encoder-stuck"
SLIP: Final = "machine.encoder-slip"
NOISE: Final = "machine.encoder-noise"
DROPOUT: Final = "machine.encoder-dropout"
LOAD: Final = "machine.load-offset"
SENSOR_RULES: Final = (SLIP, DRIFT, STUCK, NOISE, DROPOUT, LOAD)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a session's samples said of its machine, and when that was (µs, UTC)."""

    session: str
    start_us: int
    end_us: int
    reading: SensorReading


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with a machine's sensors.

    since_us: the begin of the first session that showed it. shown: the sessions that did, ascending. value: how far it
    is, in the rule's own measure: mm off (drift, slip), seconds (stuck), mm (noise), share (dropout), kg (load).
    reference: what it is compared with. doubtful: whether it can make depths look deeper than they were. misplaced: the
    zero has been off from the start.
    """

    rule: str
    since_us: int
    shown: tuple[Seen, ...]
    value: float
    reference: float | None = None
    doubtful: bool = False
    misplaced: bool = False


@dataclass(frozen=True, slots=True)
class SensorState:
    """A machine's sensors after its last session.

    troubles: by rule. reference_mm: where its sled rests at the rack, None while too few sessions said so. rack_mm,
    error_mm: of the last session that said it; error_mm is None without a reference. sessions: how many were looked at.
    """

    troubles: dict[str, Trouble]
    reference_mm: float | None = None
    rack_mm: float | None = None
    error_mm: float | None = None
    sessions: int = 0

    @property
    def doubt(self) -> Trouble | None:
        """Why depths are doubtful: the first trouble that makes them so; None while they are as good as ever."""
        found = [trouble for trouble in self.troubles.values() if trouble.doubtful]
        return min(found, key=lambda trouble: (trouble.since_us, trouble.rule)) if found else None


def judge_sensors(
    first: Callable[[int], Sequence[Seen]], recent: Sequence[Seen], settled_us: Mapping[str, int] | None = None
) -> SensorState:
    """Look at a machine's sessions in order.

    first: its first sessions from a time on (µs), ascending, a few more than `REFERENCE_SESSIONS`. recent: the last
    sessions up to the one that is judged, ascending. settled_us: by rule, when staff said that it is put right: what
    was before is neither held against the machine nor a reference. A new zero ends a slip as well as a drift.
    """
    settled = dict(settled_us or {})
    settled[SLIP] = settled[DRIFT] = max(settled.get(SLIP, 0), settled.get(DRIFT, 0))

    def since(rule: str) -> _History:
        from_us = settled.get(rule, 0)
        return _History(first(from_us), [seen for seen in recent if seen.start_us >= from_us])

    zero, stood = since(DRIFT), since(STUCK)
    slip = zero.trouble(SLIP, zero.slips, said=1)
    noise, drops, load = since(NOISE), since(DROPOUT), since(LOAD)
    troubles = [
        slip,
        # A slip that is still in it is told once, as a slip.
        zero.trouble(DRIFT, zero.drifts) if slip is None else None,
        # What staff has taken note of once is the machine's own.
        zero.misplaced() if not settled[DRIFT] else None,
        stood.trouble(STUCK, stood.stuck, said=1) or stood.trouble(STUCK, stood.motionless),
        noise.trouble(NOISE, noise.noisy),
        drops.trouble(DROPOUT, drops.drops),
        load.trouble(LOAD, load.load_off),
    ]
    found: dict[str, Trouble] = {}
    for trouble in troubles:
        if trouble is not None:
            found.setdefault(trouble.rule, trouble)
    last = next((seen for seen in reversed(zero.recent) if _levels(seen.reading)), None)
    reference_mm = zero.reference_mm
    rack_mm = None if last is None else rack_of(last.reading, reference_mm or 0.0)
    return SensorState(
        troubles=found,
        reference_mm=reference_mm,
        rack_mm=rack_mm,
        error_mm=None if rack_mm is None or reference_mm is None else round(rack_mm - reference_mm, 2),
        sessions=len(recent),
    )


class _History:
    """Sessions, and one method for each rule that says what a session shows: how far it is off, 0 for well, or None."""

    def __init__(self, first: Sequence[Seen], recent: Sequence[Seen]) -> None:
        self.recent = recent
        # A zero that has slipped is nobody's reference.
        unslipped = takewhile(lambda seen: abs(seen.reading.slipped_mm) <= ZERO_OFF_MM, first)
        self._racks = _Reference(
            (seen, _nearest(levels, 0.0)) for seen in unslipped if (levels := _levels(seen.reading))
        )
        self._noises = _Reference((seen, seen.reading.noise_mm) for seen in first)
        self._idles = _Reference((seen, seen.reading.idle_kg) for seen in first)

    @property
    def reference_mm(self) -> float | None:
        """Where the sled rested at the rack in the first sessions."""
        return self._racks.usual()

    def drifts(self, seen: Seen) -> float | None:
        reading, reference = seen.reading, self._racks.usual(seen)
        levels = _levels(reading)
        if not levels:
            return None
        if reading.creep_mm:
            levels = levels[-1:]
        right = (0.0,) if reference is None else (0.0, reference)
        if any(abs(level - place) <= ZERO_OFF_MM for level in levels for place in right):
            return 0.0
        if reference is None:
            return None
        together = len(levels) > 1 and abs(levels[-1] - levels[0]) <= ZERO_OFF_MM
        if not together and not reading.creep_mm:
            # One rest, or two that differ: somebody may have left the sled where it was.
            return None
        return levels[-1] - reference

    def slips(self, seen: Seen) -> float | None:
        slipped_mm = seen.reading.slipped_mm
        if abs(slipped_mm) > ZERO_OFF_MM:
            return slipped_mm
        return 0.0 if self.drifts(seen) == 0.0 else None

    def stuck(self, seen: Seen) -> float | None:
        stuck_s = seen.reading.stuck_s
        if stuck_s >= STUCK_SAID_S:
            return stuck_s
        return 0.0 if seen.reading.reps else None

    def motionless(self, seen: Seen) -> float | None:
        if seen.reading.motionless:
            return (seen.end_us - seen.start_us) / 1e6
        return 0.0 if seen.reading.reps else None

    def noisy(self, seen: Seen) -> float | None:
        noise_mm = seen.reading.noise_mm
        if noise_mm is None:
            return None
        usual = self._noises.usual(seen)
        grown = usual is not None and noise_mm >= max(NOISE_GROWN_MM, NOISE_GROWN * usual)
        # An encoder of coarse steps flickers between two of them: that is no noise of its own.
        return noise_mm if (grown or noise_mm >= NOISE_MM) and noise_mm > seen.reading.step_mm else 0.0

    def drops(self, seen: Seen) -> float | None:
        missing = seen.reading.missing_share
        return missing if missing >= MISSING_SHARE else 0.0

    def load_off(self, seen: Seen) -> float | None:
        idle_kg, usual = seen.reading.idle_kg, self._idles.usual(seen)
        if idle_kg is None or usual is None:
            return None
        known = self._idles.before(seen)
        if sum(abs(one - usual) <= LOAD_AGREES_KG for one in known) < len(known) - 1:
            # Here plates stay on between people: the load at rest says nothing.
            return None
        off_kg = idle_kg - usual
        if abs(off_kg) <= LOAD_OFF_KG:
            return 0.0
        plates = any(abs(off_kg - plate * round(off_kg / plate)) <= PLATE_AGREES_KG for plate in PLATES_KG)
        return None if plates else off_kg

    def misplaced(self) -> Trouble | None:
        """A zero that has been wrong from the start: an installation to be put right, and no reason for doubt."""
        reference = self.reference_mm
        if reference is None or abs(reference) <= MISPLACED_MM:
            return None

        def away(seen: Seen) -> float | None:
            levels = _levels(seen.reading)
            if not levels:
                return None
            near = any(abs(level - reference) <= ZERO_OFF_MM for level in levels)
            return reference if near else 0.0

        return self.trouble(DRIFT, away, misplaced=True)

    def trouble(
        self,
        rule: str,
        measured: Callable[[Seen], float | None],
        *,
        said: int = SESSIONS_UNTIL_SAID,
        misplaced: bool = False,
    ) -> Trouble | None:
        """What is the matter after the last session: said after so many in a row that show it, in the same direction,
        and taken back after `SESSIONS_UNTIL_GOOD` in a row that are well. Sessions that say nothing do not count.
        """
        bad: list[tuple[Seen, float]] = []
        on, good = False, 0
        for seen in self.recent:
            value = measured(seen)
            if value is None:
                continue
            if value == 0.0:
                good += 1
                if not on or good >= SESSIONS_UNTIL_GOOD:
                    bad, on = [], False
                continue
            good = 0
            if not on and bad and bad[-1][1] * value < 0:
                bad = []
            bad.append((seen, value))
            on = on or len(bad) >= said
        if not on:
            return None
        value = bad[-1][1]
        return Trouble(
            rule=rule,
            since_us=bad[0][0].start_us,
            shown=tuple(seen for seen, _ in bad),
            value=round(value, 4),
            reference=self._reference(rule),
            doubtful=not misplaced and (rule in {SLIP, DRIFT} or (rule == NOISE and value >= NOISE_DOUBTFUL_MM)),
            misplaced=misplaced,
        )

    def _reference(self, rule: str) -> float | None:
        kept = {SLIP: self._racks, DRIFT: self._racks, NOISE: self._noises, LOAD: self._idles}.get(rule)
        return None if kept is None else kept.usual()


class _Reference:
    """What was usual in a machine's first sessions: the median of up to five, of three at least."""

    def __init__(self, measured: Iterable[tuple[Seen, float | None]]) -> None:
        known = ((seen.start_us, value) for seen, value in measured if value is not None)
        taken = list(islice(known, REFERENCE_SESSIONS))
        self._starts_us = [start_us for start_us, _ in taken]
        self._values = values = [value for _, value in taken]
        # By how many of them there were.
        self._medians = [median(values[:n]) if n >= LEAST_REFERENCE else None for n in range(len(values) + 1)]

    def usual(self, seen: Seen | None = None) -> float | None:
        """The median, by the sessions before this one."""
        return self._medians[-1 if seen is None else bisect_left(self._starts_us, seen.start_us)]

    def before(self, seen: Seen) -> list[float]:
        """What was measured in the first sessions, as far as they were before this one."""
        return self._values[: bisect_left(self._starts_us, seen.start_us)]


def rack_of(reading: SensorReading, usual_mm: float) -> float | None:
    """Where the sled rested at the rack, as far as a session says: of two levels the one nearer to the usual.

    Where the zero moved meanwhile, it is the one at the end.
    """
    levels = _levels(reading)
    if not levels:
        return None
    return levels[-1] if reading.slips or reading.creep_mm else _nearest(levels, usual_mm)


def _levels(reading: SensorReading) -> list[float]:
    """Where the sled rested at the rack, at the start and at the end, as far as it did."""
    return [level for level in (reading.rack_start_mm, reading.rack_end_mm) if level is not None]


def _nearest(levels: Sequence[float], to_mm: float) -> float:
    return min(levels, key=lambda level: abs(level - to_mm))
