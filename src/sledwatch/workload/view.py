"""A member's workload from one day to another, ready for JSON."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from sledwatch.rules import DEFAULT_RULES, WorkloadRules
from sledwatch.workload.daily import daily_load, per_day
from sledwatch.workload.days import day_number, day_of, local_days
from sledwatch.workload.judging import session_table
from sledwatch.workload.measures import coupled_ratio, ewma_ratio, monotony, strain, uncoupled_ratio
from sledwatch.workload.standing import state_of
from sledwatch.workload.terms import LEG_PRESS_ONLY, Micros


def workload_view(
    sessions: pd.DataFrame,
    time_zone: str,
    from_day: date,
    to_day: date,
    missing_days: Iterable[date] = frozenset(),
    rules: WorkloadRules = DEFAULT_RULES,
) -> dict[str, Any]:
    """A member's workload from one day to another, both included, ready for JSON (None where a figure is undefined).

    sessions: the whole history, of which the days shown are computed. The state is that at the end of `to_day`.
    The context measures say nothing in the first 27 days of a history.
    Raises ValueError when the days are in the wrong order, ZoneInfoNotFoundError for an unknown time zone.
    """
    if from_day > to_day:
        raise ValueError(f"from {from_day} is after to {to_day}")
    missing = frozenset(missing_days)
    table = session_table(sessions, time_zone, missing, rules)
    midnight = datetime.combine(to_day + timedelta(days=1), datetime.min.time(), tzinfo=ZoneInfo(time_zone))
    at_us = int(midnight.timestamp()) * 1_000_000
    return {
        "time_zone": time_zone,
        "state": state_of(sessions, at_us, time_zone, missing, rules),
        "note": LEG_PRESS_ONLY,
        "days": _days_shown(table, time_zone, from_day, to_day, missing),
        "sessions": _sessions_shown(table, from_day, to_day),
    }


def _days_shown(
    table: pd.DataFrame, time_zone: str, from_day: date, to_day: date, missing_days: frozenset[date]
) -> list[dict[str, Any]]:
    shown_from, shown_to = day_number(from_day), day_number(to_day)
    day = local_days(_column(table, "start_us"), time_zone)
    begin = int(day[0]) if len(day) and day[0] < shown_from else shown_from
    load = daily_load(table, time_zone, missing_days, day_of(begin), to_day)
    # The history begins with the first session: days before it are no rest, and 28 days are needed for a ratio.
    of_history = load.iloc[int(day[0]) - begin if len(day) else len(load) :]
    settled = of_history.index[27:]
    columns: dict[str, list[Any]] = {
        "day": [day_of(number).isoformat() for number in range(shown_from, shown_to + 1)],
        "work_j": _plain(load.iloc[shown_from - begin :]),
    }
    for name in ("tonnage_kg", "top_load_kg", "hard_sets"):
        values = table[name].to_numpy(dtype=np.float64)
        of_day = per_day(day, values, shown_from, shown_to, largest=name == "top_load_kg")
        columns[name] = of_day.astype(np.int64).tolist() if name == "hard_sets" else of_day.tolist()
    counts = per_day(day, np.ones(len(day)), shown_from, shown_to)
    columns["sessions"] = counts.astype(np.int64).tolist()
    columns["missing"] = [day_of(number) in missing_days for number in range(shown_from, shown_to + 1)]
    shown = load.index[shown_from - begin :]
    for name, measure in (
        ("ewma_ratio", ewma_ratio),
        ("coupled_ratio", coupled_ratio),
        ("uncoupled_ratio", uncoupled_ratio),
        ("monotony", monotony),
        ("strain", strain),
    ):
        columns[name] = _plain(measure(of_history).reindex(settled).reindex(shown))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _sessions_shown(table: pd.DataFrame, from_day: date, to_day: date) -> list[dict[str, Any]]:
    shown = table[(table["day"] >= pd.Timestamp(from_day)) & (table["day"] <= pd.Timestamp(to_day))]
    columns: dict[str, list[Any]] = {
        "session": shown["session"].tolist(),
        "start_at": [f"{text}Z" for text in _column(shown, "start_us").astype("datetime64[us]").astype(str)],
        "day": shown["day"].dt.strftime("%Y-%m-%d").tolist(),
        "work_j": _plain(shown["work_j"]),
        "visit_work_j": _plain(shown["visit_work_j"]),
        "best_30d_j": _plain(shown["best_30d_j"]),
        "spike": _plain(shown["spike"]),
        "severity": shown["severity"].tolist(),
        "hard": shown["hard"].tolist(),
        "state": shown["state"].tolist(),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _column(frame: pd.DataFrame, name: str) -> Micros:
    return frame[name].to_numpy(dtype=np.int64)


def _plain(values: pd.Series) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.to_numpy(dtype=np.float64).tolist()]
