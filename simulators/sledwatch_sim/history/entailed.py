"""What must be found in years of sessions: by the truth's definitions, asked only where they can apply."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from sledwatch_sim.history.bulk import Lived
from sledwatch_sim.history.lives import Flags, Numbers
from sledwatch_sim.people import DAY_US
from sledwatch_sim.truth import Done, Expected, caution, excessive_depth, hard_sets, overuse

_MONTH_US: Final = 30 * DAY_US
_QUARTER_US: Final = 90 * DAY_US
_FEWEST_SESSIONS: Final = 4
# Wider than any threshold or tolerance of the definitions: what lies outside cannot be a finding.
_NO_SPIKE: Final = 1.08
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

    NaN before 30 days and 4 sessions, and after 30 days without one.
    """
    starts_us, ratio = lived.sessions.starts_us, _ratios(lived)
    known = (np.arange(len(ratio)) >= _FEWEST_SESSIONS) & (starts_us - starts_us[:1] >= _MONTH_US)
    return np.where(known, ratio, np.nan)


def entailed(lived: Lived, past: Sequence[Done]) -> Iterator[tuple[int, Expected]]:
    """The findings of all sessions, each with the session's index, in order."""
    deep = set(lived.reps.session[lived.reps.bottom_mm > lived.limit_mm - _FAR_FROM_LIMIT_MM].tolist())
    for index in np.flatnonzero(_may_be_overuse(lived) | np.isin(np.arange(len(past)), list(deep))).tolist():
        now = past[index]
        found: list[Expected | None] = []
        if index in deep:
            reps = lived.true_reps(index)
            lately = [one.top_load_kg for one in past[:index] if one.start_us >= now.start_us - _QUARTER_US]
            excessive = excessive_depth(reps, lived.limit_mm, max(lately, default=0.0))
            found = [excessive, caution(reps, lived.limit_mm, excessive)]
        found += overuse([one for one in past[:index] if one.start_us >= now.start_us - _LOOK_BACK_US], now)
        yield from ((index, one) for one in found if one is not None)


def _may_be_overuse(lived: Lived) -> Flags:
    """Whether any rule of overuse can hold: after a jump in work, as a beginner, after a break, or day upon day."""
    starts_us = lived.sessions.starts_us
    ratio = _ratios(lived)
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


def _ratios(lived: Lived) -> Numbers:
    """Work over the largest of the 30 days before; NaN where they hold none."""
    starts_us, work_j = lived.sessions.starts_us, lived.sessions.work_j
    best = np.zeros(len(work_j))
    for lag in range(1, len(work_j)):
        inside = starts_us[lag:] - starts_us[:-lag] <= _MONTH_US
        if not inside.any():
            break
        best[lag:] = np.maximum(best[lag:], np.where(inside, work_j[:-lag], 0.0))
    ratios: Numbers = np.divide(work_j, best, out=np.full(len(work_j), np.nan), where=best > 0.0)
    return ratios
