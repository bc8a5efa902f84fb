"""Load per calendar day: a rest day is 0, a missing day is missing."""

from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

from sledwatch.workload.days import day_number, day_numbers, local_days, midnights
from sledwatch.workload.sessions import Sessions
from sledwatch.workload.terms import Floats, Micros


def daily_load(
    sessions: pd.DataFrame,
    time_zone: str,
    missing_days: Iterable[date] = (),
    from_day: date | None = None,
    to_day: date | None = None,
) -> pd.Series:
    """Work per calendar day in the gym's time zone: a rest day is 0, a missing day NaN whatever was seen of it.

    from_day, to_day: both included; by default the days of the first and the last session.
    Returns joules, indexed by local midnight without a zone, every day present; empty where there is no day to show.
    """
    every = Sessions.of_frame(sessions)
    day = local_days(every.start_us, time_zone)
    first = day_number(from_day) if from_day else (int(day.min()) if len(day) else 0)
    last = day_number(to_day) if to_day else (int(day.max()) if len(day) else first - 1)
    work = per_day(day, every.work_j, first, last)
    missing = day_numbers(missing_days)
    work[missing[(missing >= first) & (missing <= last)] - first] = np.nan
    return pd.Series(work, index=midnights(first, last), name="work_j")


def daily_load_of_all(sessions: pd.DataFrame, missing_days: pd.DataFrame | None = None) -> pd.DataFrame:
    """The daily loads of all members, each from the day of their first session to that of their last.

    sessions: SESSION_COLUMNS, `user` and `time_zone` (of the gym: it says which day a session belongs to).
    missing_days: `user`, `day`. Returns `user` (categories), `day` (local midnight), `work_j` (NaN = missing), by user
    and day: what `daily_measures` takes. Raises ZoneInfoNotFoundError for an unknown time zone.
    """
    member, users = pd.factorize(sessions["user"], sort=True)
    zone, zones = pd.factorize(sessions["time_zone"])
    start_us = sessions["start_us"].to_numpy(dtype=np.int64)
    work = np.nan_to_num(pd.to_numeric(sessions["work_j"]).to_numpy(dtype=np.float64))
    trained = (work > 0) | (np.nan_to_num(pd.to_numeric(sessions["tonnage_kg"]).to_numpy(dtype=np.float64)) > 0)
    member, start_us, work, zone = member[trained], start_us[trained], work[trained], zone[trained]
    day = np.empty(len(start_us), dtype=np.int64)
    for code, name in enumerate(zones):
        day[zone == code] = local_days(start_us[zone == code], str(name))
    first, last = np.full(len(users), np.iinfo(np.int64).max), np.full(len(users), np.iinfo(np.int64).min)
    np.minimum.at(first, member, day)
    np.maximum.at(last, member, day)
    seen = np.unique(member)
    begin = np.zeros(len(users), dtype=np.int64)
    length = last[seen] - first[seen] + 1
    begin[seen] = np.cumsum(length) - length
    load = np.bincount(begin[member] + day - first[member], weights=work, minlength=int(length.sum())).astype(
        np.float64
    )
    if missing_days is not None and len(users):
        whose = users.get_indexer(pd.Index(missing_days["user"]))
        gone = pd.to_datetime(missing_days["day"]).to_numpy().astype("datetime64[D]").astype(np.int64)
        within = (whose >= 0) & (gone >= first[whose]) & (gone <= last[whose])
        load[begin[whose[within]] + gone[within] - first[whose[within]]] = np.nan
    number = np.arange(len(load)) - np.repeat(begin[seen] - first[seen], length)
    return pd.DataFrame(
        {
            "user": pd.Categorical.from_codes(np.repeat(seen, length), categories=pd.Index(users)),
            "day": number.astype("datetime64[D]").astype("datetime64[s]"),
            "work_j": load,
        }
    )


def per_day(day: Micros, values: Floats, first: int, last: int, *, largest: bool = False) -> Floats:
    """Add values up by day (or take the largest), from one day to another, both included; 0 where there is none."""
    result = np.zeros(max(last - first + 1, 0))
    inside = (day >= first) & (day <= last)
    (np.maximum if largest else np.add).at(result, day[inside] - first, values[inside])
    return result
