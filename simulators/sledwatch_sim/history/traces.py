"""The samples of whole sessions at once: what `perform` and the encoder make one stretch after the other."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sledwatch_sim.equipment.models import RATE_HZ
from sledwatch_sim.equipment.sensors import DROPOUT, NOISE_MM, STEP_MM, Sensor, SensorAtWork, Tell
from sledwatch_sim.equipment.travel import bounce_mm, bounce_s, passing
from sledwatch_sim.history.bulk import BEFORE_SET_S, Lived
from sledwatch_sim.history.lives import Numbers, Whole

SOUND: Final = Sensor()
DT_US: Final = round(1e6 / RATE_HZ)
FRAME_SAMPLES: Final = 50
_TRACE_STREAM: Final = 23
# Unracking as in `perform`: off the stops, while they swing away, to where the legs are long, and a moment there …
_OFF_THE_STOPS_MM: Final = -10.0
_UNRACK_S: Final = (0.6, 0.7, 0.8, 0.8)
# … and racking.
_RACK_S: Final = (0.7, 0.6, 0.5)
# Phases of a set that are not of a rep: the wait before it, unracking, racking, and the rest after it.
_BEFORE: Final = 1 + len(_UNRACK_S)
_AFTER: Final = len(_RACK_S) + 1
# Down, below, up, above.
_OF_A_REP: Final = 4
_MOST_WOBBLE_MM: Final = (1.5, 0.0, 0.8, 0.0)
_WOBBLES: Final = ((2.0, 4.0), (0.0, 0.0), (1.0, 2.0), (0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Trace:
    """The samples of a session, `DT_US` apart from its start on, in frames of `FRAME_SAMPLES` at most.

    depth_mm: as the encoder saw it, NaN where it gave nothing. first: the index of each frame's first sample; a frame
    ends where the load changes. load_kg: of each frame.
    """

    depth_mm: NDArray[np.float32]
    first: Whole
    load_kg: Numbers


@dataclass(frozen=True, slots=True)
class Phases:
    """A session as phases of movement or rest, a column each: how long, from where, to where, and the wobble of it.

    from_m_s, to_m_s: speeds at the ends, towards the user; 0 but for bounces.
    """

    seconds: Numbers
    from_mm: Numbers
    to_mm: Numbers
    from_m_s: Numbers
    to_m_s: Numbers
    wobble_mm: Numbers
    turns: Numbers


def trace(done: Lived, session: int, sensor: Sensor = SOUND, tell: Tell | None = None) -> Trace:
    """What the machine saw of the session of this index.

    sensor: its own; times in it count from the session's start. tell: hears of its faults.
    """
    lifter = done.life.lifter
    start_us = int(done.sessions.starts_us[session])
    rng = np.random.default_rng([lifter.seed, lifter.number, start_us // 1_000_000, _TRACE_STREAM])
    phases, set_starts_s = _phases(done, session, rng)
    ends_s = np.cumsum(phases.seconds)
    true_mm = _depths(phases, ends_s)
    sets = slice(
        int(done.sessions.first_set[session]), int(done.sessions.first_set[session] + done.sessions.sets[session])
    )
    loads = np.concatenate([[done.life.press.empty_kg], done.sets.load_kg[sets]])
    first, load_kg = _frames(np.concatenate([[0], _samples_before(set_starts_s)]), loads, len(true_mm))
    if sensor == SOUND:
        return Trace(_seen(true_mm, rng), first, load_kg)
    seed = (lifter.seed, lifter.number, start_us // 1_000_000, _TRACE_STREAM)
    at_work = SensorAtWork(sensor, seed, start_us, tell)
    each_kg = np.repeat(load_kg, np.diff(first, append=len(true_mm)))
    read = at_work.read(np.arange(len(true_mm)) / RATE_HZ, true_mm, each_kg)
    at_work.close()
    return Trace(read.depth_mm.astype(np.float32), first, read.load_kg[first])


def _phases(done: Lived, session: int, rng: np.random.Generator) -> tuple[Phases, Numbers]:
    """The phases, and when each set's load is put on."""
    sessions, reps = done.sessions, done.reps
    here = done.reps_of(session)
    sets = np.arange(int(sessions.sets[session])) + int(sessions.first_set[session])
    count = done.sets.reps[sets]
    # Each set's phases stand one after the other; `at` is where a set's begin, after the wait at the start.
    length = _BEFORE + _OF_A_REP * count + _AFTER
    at = 1 + np.cumsum(length) - length
    n = 1 + int(length.sum())
    seconds, from_mm, to_mm, from_m_s, to_m_s, wobble_mm, turns = (np.zeros(n) for _ in range(7))
    seconds[0] = sessions.before_s[session]
    seconds[at] = BEFORE_SET_S
    top_mm = reps.top_mm[done.sets.first_rep[sets]]
    last_mm = reps.end_mm[done.sets.first_rep[sets] + count - 1]
    zero_mm, off_mm = np.zeros(len(sets)), np.full(len(sets), _OFF_THE_STOPS_MM)
    racking = at + length - _AFTER
    around = [
        *zip(at + np.arange(1, _BEFORE)[:, None], _UNRACK_S, (zero_mm, off_mm, off_mm, top_mm), strict=True),
        *zip(racking + np.arange(len(_RACK_S))[:, None], _RACK_S, (last_mm, off_mm, off_mm), strict=True),
    ]
    goals = (off_mm, off_mm, top_mm, top_mm, off_mm, off_mm, zero_mm)
    for (place, lasts_s, start_mm), goal_mm in zip(around, goals, strict=True):
        seconds[place], from_mm[place], to_mm[place] = lasts_s, start_mm, goal_mm
    seconds[racking + len(_RACK_S)] = np.where(done.sets.last[sets], 0.0, done.sets.rest_s[sets])
    seconds[-1] = sessions.after_s[session]
    rep_at = (
        np.repeat(at, count)
        + _BEFORE
        + _OF_A_REP * (reps.rep[here] - np.repeat(reps.rep[done.sets.first_rep[sets]], count))
    )
    # A bounce takes half of its turn from the way down and half from the way up, as in `perform`.
    bounce_m_s = reps.bounce_m_s[here]
    turn_s = bounce_s(bounce_m_s)
    below_mm = reps.bottom_mm[here] - bounce_mm(bounce_m_s)
    times_s = (
        reps.eccentric_s[here] - turn_s / 2.0,
        reps.dwell_s[here] + turn_s,
        reps.concentric_s[here] - turn_s / 2.0,
        reps.pause_s[here],
    )
    places_mm = (reps.top_mm[here], below_mm, below_mm, reps.end_mm[here], reps.end_mm[here])
    speeds_m_s = (0.0, bounce_m_s, -bounce_m_s, 0.0, 0.0)
    for step, lasting_s in enumerate(times_s):
        place = rep_at + step
        seconds[place], from_mm[place], to_mm[place] = lasting_s, places_mm[step], places_mm[step + 1]
        from_m_s[place], to_m_s[place] = speeds_m_s[step], speeds_m_s[step + 1]
        wobble_mm[place] = rng.uniform(0.0, _MOST_WOBBLE_MM[step], len(place))
        turns[place] = rng.uniform(*_WOBBLES[step], len(place))
    starts_s = np.cumsum(seconds) - seconds
    return Phases(seconds, from_mm, to_mm, from_m_s, to_m_s, wobble_mm, turns), starts_s[at]


def _depths(phases: Phases, ends_s: Numbers) -> Numbers:
    """Where the sled truly is at each sample."""
    after = _samples_before(ends_s)
    count = np.diff(after, prepend=0)
    depth_mm = np.repeat(phases.from_mm, count)
    moving = (phases.from_mm != phases.to_mm) | (phases.from_m_s != 0.0)
    sample = np.repeat(moving, count)
    number = np.flatnonzero(sample)
    of = count[moving]
    starts_s = (ends_s - phases.seconds)[moving]
    share = (number / RATE_HZ - np.repeat(starts_s, of)) * np.repeat(1.0 / phases.seconds[moving], of)
    np.clip(share, 0.0, 1.0, out=share)
    # Minimum jerk, as `travel.minimum_jerk`.
    travel = share * share * share * (10.0 + share * (6.0 * share - 15.0))
    travel *= np.repeat((phases.to_mm - phases.from_mm)[moving], of)
    if phases.from_m_s.any():
        speeds = (np.repeat((speed * phases.seconds)[moving], of) for speed in (phases.from_m_s, phases.to_m_s))
        travel += 1_000.0 * passing(share, *speeds)
    angle = np.pi * share
    wobble = np.sin(angle)
    wobble *= wobble
    wobble *= np.sin(np.repeat(2.0 * phases.turns[moving], of) * angle)
    travel += np.repeat(phases.wobble_mm[moving], of) * wobble
    depth_mm[number] += travel
    return depth_mm


def _seen(depth_mm: Numbers, rng: np.random.Generator) -> NDArray[np.float32]:
    """What the encoder reports: noise, steps, and now and then nothing."""
    seen = rng.standard_normal(len(depth_mm), dtype=np.float32)
    seen *= np.float32(NOISE_MM / STEP_MM)
    seen += (depth_mm * (1.0 / STEP_MM)).astype(np.float32)
    np.rint(seen, out=seen)
    seen *= np.float32(STEP_MM)
    # −0 and 0 are one reading.
    seen += np.float32(0.0)
    seen[rng.integers(0, len(seen), rng.binomial(len(seen), DROPOUT))] = np.nan
    return seen


def _samples_before(at_s: Numbers) -> Whole:
    """How many samples lie before each time."""
    return np.ceil(at_s * RATE_HZ - 1e-9).astype(np.int64)


def _frames(changes: Whole, loads: Numbers, samples: int) -> tuple[Whole, Numbers]:
    """The first sample of each frame and its load; `changes`: from which sample on each load is on."""
    lengths = np.diff(changes, append=samples)
    frames = -(-lengths // FRAME_SAMPLES)
    of = np.repeat(np.arange(len(changes)), frames)
    in_load = np.arange(len(of)) - (np.cumsum(frames) - frames)[of]
    return changes[of] + FRAME_SAMPLES * in_load, loads[of]
