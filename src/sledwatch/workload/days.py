"""Calendar days: local ones of times, and as numbers since 1 January 1970."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from sledwatch.workload.terms import DAY_US, Micros

_EPOCH: Final = date(1970, 1, 1)
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US: Final = 1_000_000
_YEAR_US: Final = 366 * DAY_US


def local_days(t_us: Micros, time_zone: str) -> Micros:
    """The local calendar days of times, as days since 1970-01-01.

    t_us: µs since the epoch, in any order. Raises ZoneInfoNotFoundError for an unknown time zone.
    """
    ZoneInfo(time_zone)
    if not len(t_us):
        return np.zeros(0, dtype=np.int64)
    first, last = int(t_us.min()) // _YEAR_US, int(t_us.max()) // _YEAR_US
    spans = [_offsets(time_zone, year) for year in range(first, last + 1)]
    since_us = np.concatenate([since for since, _ in spans])
    offset_us = np.concatenate([offset for _, offset in spans])
    days: Micros = np.floor_divide(t_us + offset_us[np.searchsorted(since_us, t_us, side="right") - 1], DAY_US)
    return days


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The day of a number."""
    return _EPOCH + timedelta(days=number)


def day_numbers(days: Iterable[date]) -> Micros:
    """Days as numbers, ascending, each once."""
    return np.array(sorted({day_number(day) for day in days}), dtype=np.int64)


def midnights(first: int, last: int) -> pd.DatetimeIndex:
    """Local midnights without a zone, from one day to another, both included."""
    return pd.date_range(pd.Timestamp(day_of(first)), periods=last - first + 1, freq="D", name="day")


@lru_cache(maxsize=16_384)
def midnight_us(day: int, time_zone: str) -> int:
    """When a local day begins, µs since the epoch. Raises ZoneInfoNotFoundError for an unknown time zone."""
    midnight = datetime.combine(day_of(day), time.min, tzinfo=ZoneInfo(time_zone))
    return round(midnight.timestamp()) * _SECOND_US


@lru_cache(maxsize=1_024)
def _offsets(time_zone: str, year: int) -> tuple[Micros, Micros]:
    """Since when which offset from UTC holds, in a span of 366 days, its begin included.

    pandas asks the zone for every time on its own, which takes most of the time of judging a session. Between two days
    with different offsets the second of the change is found by halving; no zone has changed twice within a day.
    """
    zone = ZoneInfo(time_zone)

    def offset_s(second: int) -> int:
        return round(((_START + timedelta(seconds=second)).astimezone(zone).utcoffset() or timedelta()).total_seconds())

    begin = year * _YEAR_US // _SECOND_US
    since, offsets = [begin], [offset_s(begin)]
    for day in range(1, 367):
        after = begin + day * 86_400
        now = offset_s(after)
        if now == offsets[-1]:
            continue
        before = after - 86_400
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (before, middle) if offset_s(middle) == now else (middle, after)
        since.append(after)
        offsets.append(now)
    return np.array(since, dtype=np.int64) * _SECOND_US, np.array(offsets, dtype=np.int64) * _SECOND_US
