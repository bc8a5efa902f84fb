"""What must be found in years of sessions: by the truth's definitions, asked only where they can apply."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from sledwatch_sim.history.bulk import Lived
from sledwatch_sim.history.lives import Flags, Numbers, Whole
from sledwatch_sim.people import DAY_US
from sledwatch_sim.truth import Done, Expected, hard_sets
from sledwatch_sim.truth import entailed as session_entailed
from sledwatch_sim.truth.overuse import BASELINE_WEEKS, YEAR

_MONTH_US: Final = 30 * DAY_US
_QUARTER_US: Final = 90 * DAY_US
_FEWEST_SESSIONS: Final = 4
# Wider than any threshold or tolerance of the definitions: what lies outside cannot be a finding.
_NO_SPIKE: Final = 1.08
_NO_HARD_WEEK: Final = 1.15
_NO_VOLUME: Final = 18
_FAR_FROM_LIMIT_MM: Final = 30.0
_NEW_US: Final = 33 * DAY_US
_AWAY_US: Final = 28 * DAY_US
_SESSIONS_AFTER: Final = 5
_NEXT_DAY_US: Final = 2 * DAY_US
# Of decades, what a judgement looks at: far more than any window, and time grows with its square.
_LOOK_BACK_US: Final = 730 * DAY_US


def sessions_done(lived: Lived) -> list[Done]:
    """The sessions of a life as the truth looks at them."""
    sessions, sets, reps = lived.sessions, lived.sets, lived.reps
    if not len(sessions.starts_us):
        return []
    worst = np.maximum.reduceat(reps.velocity_loss_pct, sets.first_rep).tolist()
    top_kg = np.maximum.reduceat(sets.load_kg, sessions.first_set).tolist()
    columns = (sessions.starts_us, sessions.ends_us, sessions.work_j, sessions.first_set, sessions.sets)
    return [
        Done(start_us, end_us, work_j, load_kg, hard_sets([[loss] for loss in worst[first : first + count]]))
        for load_kg, start_us, end_us, work_j, first, count in zip(
            top_kg, *(column.tolist() for column in columns), strict=True
        )
    ]


def spikes(lived: Lived) -> Numbers:
    """Each session's work over the largest of the 30 days before (Frandsen 2025), as `truth.spike_ratio`.

    NaN before 30 days and 4 sessions, after 30 days without one, and for what two people did on one badge, which is
    nobody's workload.
    """
    alone = np.flatnonzero(~lived.life.shared)
    starts_us, work_j = lived.sessions.starts_us[alone], lived.sessions.work_j[alone]
    known = (np.arange(len(alone)) >= _FEWEST_SESSIONS) & (starts_us - starts_us[:1] >= _MONTH_US)
    ratios = np.full(len(lived.sessions.starts_us), np.nan)
    ratios[alone] = np.where(known, _ratios(starts_us, work_j), np.nan)
    return ratios


def entailed(lived: Lived, past: Sequence[Done]) -> Iterator[tuple[int, Expected]]:
    """The findings of all sessions, each with the session's index, in order. past: all of them, as `sessions_done`."""
    own, shared = lived.life, lived.life.shared
    alone = np.flatnonzero(~shared)
    at_all = np.zeros(len(past), dtype=np.bool_)
    starts_us, work_j = lived.sessions.starts_us[alone], lived.sessions.work_j[alone]
    sets = np.array([past[at].hard_sets[1] for at in alone.tolist()], dtype=np.int64)
    at_all[alone] = _may_be_overuse(starts_us, work_j) | _may_be_a_hard_week(starts_us, work_j, sets)
    # Where every rep has to be looked at.
    looked_at = shared.copy()
    looked_at[lived.reps.session[lived.reps.bottom_mm > lived.limit_mm - _FAR_FROM_LIMIT_MM]] = True
    if own.protocol is not None:
        looked_at |= [own.protocol_at(start_us) is not None for start_us in own.starts_us.tolist()]
    for index in np.flatnonzero(at_all | looked_at).tolist():
        now = past[index]
        before = alone[np.searchsorted(alone, np.searchsorted(own.starts_us, now.start_us - _LOOK_BACK_US)) :]
        found = session_entailed(
            own.lifter,
            own.press,
            now,
            lived.true_reps(index) if looked_at[index] else [],
            lived.limit_mm,
            [past[at] for at in before.tolist() if at < index],
            shared=bool(shared[index]),
            protocol=own.protocol_at(now.start_us),
        )
        yield from ((index, one) for one in found)


def _may_be_overuse(starts_us: Whole, work_j: Numbers) -> Flags:
    """Whether any rule of overuse can hold: after a jump in work, as a beginner, after a break, or day upon day."""
    ratio = _ratios(starts_us, work_j)
    gap_us = np.diff(starts_us, prepend=starts_us[:1])
    break_ = np.flatnonzero((gap_us > _AWAY_US) & (np.arange(len(starts_us)) > 0))
    # Whoever was away for 90 days is a beginner again.
    new = starts_us - starts_us[:1] < _NEW_US
    new |= np.arange(len(starts_us)) <= _SESSIONS_AFTER
    for index in break_.tolist():
        until_us = starts_us[index] + (_NEW_US if gap_us[index] > _QUARTER_US - DAY_US else 0)
        new[index : index + _SESSIONS_AFTER] = True
        new[index:] |= starts_us[index:] < until_us
    jump: Flags = ratio > _NO_SPIKE
    return jump | new | (gap_us < _NEXT_DAY_US)


def _may_be_a_hard_week(starts_us: Whole, work_j: Numbers, hard_sets: Whole) -> Flags:
    """Whether the 7 days that end with a session's can be above any reading of the weeks before, or hold many sets."""
    if not len(starts_us):
        return np.zeros(0, dtype=np.bool_)
    day = starts_us // DAY_US
    done_j = np.concatenate([[0.0], np.cumsum(work_j)])
    done_sets = np.concatenate([[0], np.cumsum(hard_sets)])
    upto = np.arange(len(day)) + 1
    week = np.searchsorted(day, day - 6)
    week_j = done_j[upto] - done_j[week]
    flags: Flags = done_sets[upto] - done_sets[week] > _NO_VOLUME
    begins = np.diff(starts_us, prepend=starts_us[:1]) > _QUARTER_US
    chapter_day = day[np.maximum.accumulate(np.where(begins, np.arange(len(day)), 0))]
    for first_day, most in ((day[0], None), (day[0], BASELINE_WEEKS), (day[0], YEAR), (chapter_day, YEAR)):
        count = (day - first_day + 1) // 7 - 1
        weeks = np.maximum(count if most is None else np.minimum(count, most), 1)
        before_j = done_j[week] - done_j[np.searchsorted(day, day - 6 - 7 * weeks)]
        flags |= (count >= BASELINE_WEEKS) & (week_j > _NO_HARD_WEEK * before_j / weeks)
    return flags


def _ratios(starts_us: Whole, work_j: Numbers) -> Numbers:
    """Work over the largest of the 30 days before; NaN where they hold none."""
    best = np.zeros(len(work_j))
    for lag in range(1, len(work_j)):
        inside = starts_us[lag:] - starts_us[:-lag] <= _MONTH_US
        if not inside.any():
            break
        best[lag:] = np.maximum(best[lag:], np.where(inside, work_j[:-lag], 0.0))
    ratios: Numbers = np.divide(work_j, best, out=np.full(len(work_j), np.nan), where=best > 0.0)
    return ratios
