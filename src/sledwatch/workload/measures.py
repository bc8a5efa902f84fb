"""The measures of a daily load and of sessions, as functions of a Series or of all members below each other.

Those of a daily load are context: they are drawn beside an alert and never make one. All come from one scan over days
(`daily_measures`); the functions of a Series show one of its columns.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sledwatch.reps.compiled import compiled
from sledwatch.rules import DEFAULT_RULES, WorkloadRules
from sledwatch.workload.days import local_days
from sledwatch.workload.scan import hard_visits
from sledwatch.workload.terms import DAY_US, NO_LOAD_J, WINDOW_DAYS, Floats, Micros
from sledwatch.workload.windows import best_between

# Equal days do not add up to quite their number times one of them.
_SOME_LOAD_J: Final = NO_LOAD_J * (1 + 1e-9)

MEASURES: Final = ("ewma_ratio", "coupled_ratio", "uncoupled_ratio", "monotony", "strain")


def session_spike(work_j: pd.Series, window_days: int = WINDOW_DAYS) -> pd.Series:
    """Each session's work over the largest in the days before it (Frandsen 2025).

    work_j: joules per session, indexed by start time (UTC), ascending; merge visits first.
    Returns the ratio on the same index; NaN where the window holds no session, or none of more than 0.01 J.
    Raises ValueError when the index is not sorted.
    """
    best = best_before(work_j, window_days)
    return work_j / best.where(best > NO_LOAD_J)


def best_before(work_j: pd.Series, window_days: int = WINDOW_DAYS) -> pd.Series:
    """The largest work in the days before each session, itself excluded; NaN where they hold no session.

    work_j: joules per session, indexed by start time (UTC), ascending. Raises ValueError when it is not sorted.
    """
    work, best = _best_before(work_j, window_days)
    return pd.Series(np.where(best >= 0, work[best], np.nan), index=work_j.index)


def hard_sessions(
    work_j: pd.Series, window_days: int = WINDOW_DAYS, share: float = DEFAULT_RULES.hard_session_share
) -> pd.Series:
    """Whether each session's work is more than 70 % of the largest in the days before it (judgement).

    work_j: joules per session, indexed by start time (UTC), ascending. False where the window holds no session.
    Raises ValueError when the index is not sorted.
    """
    return pd.Series(hard_visits(*_best_before(work_j, window_days), share), index=work_j.index)


def spacing(work_j: pd.Series, time_zone: str, share: float = DEFAULT_RULES.hard_session_share) -> pd.Series:
    """Whether each session is hard and follows a hard one on the same or the previous local day (ACSM).

    work_j: joules per session, indexed by start time (UTC), ascending; merge visits first. share: what makes it hard.
    Raises ValueError when the index is not sorted, ZoneInfoNotFoundError for an unknown time zone.
    """
    hard = hard_visits(*_best_before(work_j, WINDOW_DAYS), share)
    day = local_days(_micros(work_j.index), time_zone)
    latest = np.maximum.accumulate(np.where(hard, np.arange(len(hard)), -1))
    before = np.concatenate([np.full(min(1, len(hard)), -1), latest[:-1]])
    return pd.Series(hard & (before >= 0) & (day - day[before] <= 1), index=work_j.index)


def ewma_ratio(
    load: pd.Series, acute_days: int = 7, chronic_days: int = 28, rules: WorkloadRules = DEFAULT_RULES
) -> pd.Series:
    """Ratio of two exponentially weighted means (Williams 2017): E₁ = L₁, then E = λL + (1 − λ)E', λ = 2/(N + 1).

    load: joules per day, every calendar day, NaN = missing (the mean waits through it). Context only, never an alert.
    Returns NaN where the chronic mean is ≤ 0.01 or more than 20 % of either window is missing.
    """
    return _column("ewma_ratio", load, rules, acute_days, chronic_days)


def coupled_ratio(
    load: pd.Series, acute_days: int = 7, chronic_days: int = 28, rules: WorkloadRules = DEFAULT_RULES
) -> pd.Series:
    """Mean of 7 days over the mean of 28 that hold them (Gabbett 2016). Context only, never an alert.

    load: joules per day, every calendar day, NaN = missing. Returns NaN before 28 days, where the chronic mean is
    ≤ 0.01, or where more than 20 % of either window is missing.
    """
    return _column("coupled_ratio", load, rules, acute_days, chronic_days)


def uncoupled_ratio(
    load: pd.Series, acute_days: int = 7, chronic_days: int = 28, rules: WorkloadRules = DEFAULT_RULES
) -> pd.Series:
    """Mean of 7 days over the mean of the 21 before them (Windt & Gabbett 2019). Context only, never an alert.

    load: joules per day, every calendar day, NaN = missing. Returns NaN before 28 days, where the chronic mean is
    ≤ 0.01, or where more than 20 % of either window is missing.
    """
    return _column("uncoupled_ratio", load, rules, acute_days, chronic_days)


def monotony(load: pd.Series, days: int = 7, rules: WorkloadRules = DEFAULT_RULES) -> pd.Series:
    """Mean over sample standard deviation of 7 daily loads (Foster 1998). Context only, never an alert.

    load: joules per day, every calendar day, NaN = missing. Returns NaN before 7 days, where all days are alike, or
    where more than 20 % of the window is missing.
    """
    return _column("monotony", load, rules, week_days=days)


def strain(load: pd.Series, days: int = 7, rules: WorkloadRules = DEFAULT_RULES) -> pd.Series:
    """A week's load times its monotony, in joules (Foster 1998). Context only, never an alert.

    load: joules per day, every calendar day, NaN = missing: it counts as a day like the mean of the others.
    Returns NaN where monotony is undefined.
    """
    return _column("strain", load, rules, week_days=days)


def daily_measures(load: pd.DataFrame, rules: WorkloadRules = DEFAULT_RULES) -> pd.DataFrame:
    """All measures of the daily loads of all members at once: the columns of MEASURES beside those of the load.

    load: `user`, `day` (local midnight), `work_j` (joules, NaN = missing); the days of a member one after the other,
    every calendar day once. Each column is what the function of its name gives for that member alone.
    Raises ValueError where a member's days are not in order, or not all there.
    """
    user, day = load["user"], load["day"].to_numpy().astype("datetime64[D]").astype(np.int64)
    # Comparing texts takes longer than measuring.
    code = user.cat.codes.to_numpy() if isinstance(user.dtype, pd.CategoricalDtype) else pd.factorize(user)[0]
    other = np.ones(len(load), dtype=np.bool_)
    other[1:] = code[1:] != code[:-1]
    begin = np.flatnonzero(other)
    if len(begin) != len(pd.unique(user.iloc[begin])):
        raise ValueError("the days of each member must lie together: sort by user and day")
    gap = np.flatnonzero((np.diff(day) != 1) & ~other[1:])
    if len(gap):
        at = int(gap[0])
        days = f"{np.datetime64(int(day[at]), 'D')} comes before {np.datetime64(int(day[at + 1]), 'D')}"
        raise ValueError(f"user {user.iloc[at]}: {days}; expected every calendar day once, ascending")
    found = _measures(np.append(begin, len(load)), _values(load["work_j"]), rules)
    return load.assign(**{name: found[number] for number, name in enumerate(MEASURES)})


@compiled
def scan_days(
    first: Micros, load: Floats, acute_days: int, chronic_days: int, week_days: int, missing_share: float, out: Floats
) -> None:
    """Fill `out` (a row a measure of MEASURES) for the days of all members; first: where each one's begin, and the end.

    Windows are added up anew each day: running sums would keep the error of every day that has left them.
    """
    longest = 0
    for member in range(len(first) - 1):
        longest = max(longest, first[member + 1] - first[member])
    known = np.empty(longest)
    days_before = chronic_days - acute_days
    for member in range(len(first) - 1):
        low, high = first[member], first[member + 1]
        acute, chronic, met = 0.0, 0.0, False
        gone_acute = gone_before = gone_chronic = gone_week = 0
        for number in range(high - low):
            day = low + number
            gone = np.isnan(load[day])
            value = 0.0 if gone else load[day]
            known[number] = value
            # How many days are missing in the windows, which are shorter where a history begins.
            gone_acute += gone
            gone_chronic += gone
            gone_week += gone
            if number >= acute_days:
                left = np.isnan(load[day - acute_days])
                gone_acute -= left
                gone_before += left
            if number >= chronic_days:
                left = np.isnan(load[day - chronic_days])
                gone_chronic -= left
                gone_before -= left
            if number >= week_days:
                gone_week -= np.isnan(load[day - week_days])
            if not gone:
                acute = value if not met else acute + 2.0 / (acute_days + 1) * (value - acute)
                chronic = value if not met else chronic + 2.0 / (chronic_days + 1) * (value - chronic)
                met = True
            ewma_ratio = coupled_ratio = uncoupled_ratio = monotony = strain = np.nan
            acute_known = gone_acute <= missing_share * acute_days
            chronic_known = gone_chronic <= missing_share * chronic_days
            if met and acute_known and chronic_known and chronic > _SOME_LOAD_J:
                ewma_ratio = acute / chronic

            if number >= chronic_days - 1 and acute_known:
                recent, before = 0.0, 0.0
                for at in range(number - acute_days + 1, number + 1):
                    recent += known[at]
                for at in range(number - chronic_days + 1, number - acute_days + 1):
                    before += known[at]
                mean = recent / (acute_days - gone_acute)
                whole = (recent + before) / (chronic_days - gone_chronic)
                if chronic_known and whole > _SOME_LOAD_J:
                    coupled_ratio = mean / whole
                if gone_before <= missing_share * days_before:
                    mean_before = before / (days_before - gone_before)
                    if mean_before > _SOME_LOAD_J:
                        uncoupled_ratio = mean / mean_before

            if number >= week_days - 1 and gone_week <= missing_share * week_days:
                total, squares = 0.0, 0.0
                for at in range(number - week_days + 1, number + 1):
                    total += known[at]
                count = week_days - gone_week
                mean = total / count
                least, most = np.inf, -np.inf
                for at in range(number - week_days + 1, number + 1):
                    if not np.isnan(load[low + at]):
                        squares += (known[at] - mean) ** 2
                        least, most = min(least, known[at]), max(most, known[at])
                # Equal days have no spread, whatever rounding leaves of it.
                if count > 1 and most > least:
                    monotony = mean / np.sqrt(squares / (count - 1))
                    strain = mean * week_days * monotony
            out[0, day], out[1, day], out[2, day] = ewma_ratio, coupled_ratio, uncoupled_ratio
            out[3, day], out[4, day] = monotony, strain


def _measures(
    first: Micros,
    load: Floats,
    rules: WorkloadRules,
    acute_days: int = 7,
    chronic_days: int = 28,
    week_days: int = 7,
) -> NDArray[np.float64]:
    found = np.empty((len(MEASURES), len(load)))
    scan_days(first.astype(np.int64), load, acute_days, chronic_days, week_days, rules.missing_share, found)
    return found


def _column(
    name: str, load: pd.Series, rules: WorkloadRules, acute_days: int = 7, chronic_days: int = 28, week_days: int = 7
) -> pd.Series:
    days = _values(load)
    found = _measures(np.array([0, len(days)]), days, rules, acute_days, chronic_days, week_days)
    return pd.Series(found[MEASURES.index(name)], index=load.index)


def _best_before(work_j: pd.Series, window_days: int) -> tuple[Floats, Micros]:
    if not work_j.index.is_monotonic_increasing:
        raise ValueError("sessions must ascend by start time")
    work, t_us = _values(work_j), _micros(work_j.index)
    # A session at the same instant is not one of the days before.
    until = np.searchsorted(t_us, t_us)
    return work, best_between(work, np.searchsorted(t_us, t_us - window_days * DAY_US), until)


def _values(series: pd.Series) -> Floats:
    """A copy: what belongs to pandas may not be written to, and the scans would be compiled anew for that."""
    return np.array(series, dtype=np.float64)


def _micros(index: pd.Index) -> Micros:
    return pd.DatetimeIndex(index).as_unit("us").asi8
