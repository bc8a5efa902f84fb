"""A member's workload from one day to another, ready for JSON."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, timedelta
from itertools import groupby
from math import isnan
from typing import Any, Final

import numpy as np
import pandas as pd

from sledwatch.rules import DEFAULT_RULES, WorkloadRules
from sledwatch.workload.daily import daily_load, per_day
from sledwatch.workload.days import day_number, day_of, local_days, midnight_us
from sledwatch.workload.judging import Judged, JudgedSession, judge
from sledwatch.workload.measures import coupled_ratio, ewma_ratio, monotony, strain, uncoupled_ratio
from sledwatch.workload.sessions import Sessions
from sledwatch.workload.standing import judged_at, standings
from sledwatch.workload.terms import DAY_US, LEG_PRESS_ONLY, WEEK_DAYS, WINDOW_DAYS, Floats, Micros
from sledwatch.workload.windows import best_between

# Days of a history about which its context measures say nothing.
_SETTLED_DAYS: Final = 27


def workload_view(
    sessions: pd.DataFrame | Sessions,
    time_zone: str,
    from_day: date,
    to_day: date,
    missing_days: Iterable[date] = frozenset(),
    rules: WorkloadRules = DEFAULT_RULES,
) -> dict[str, Any]:
    """A member's workload from one day to another, both included, ready for JSON (None where a figure is undefined).

    sessions: those shown and what they are compared with: all, or those of the 53 weeks before and the last day of
    training before these. `state` and `now` are how the member stands at the end of `to_day`. `weeks` are whole weeks
    of 7 days, the last of which ends with `to_day`; each is held against the member's own weeks before it. `pairs` are
    hard sessions on the same day or on consecutive ones.
    The context measures say nothing in the first 27 days of a history.
    Raises ValueError when the days are in the wrong order, ZoneInfoNotFoundError for an unknown time zone.
    """
    if from_day > to_day:
        raise ValueError(f"from {from_day} is after to {to_day}")
    missing = frozenset(missing_days)
    every = sessions if isinstance(sessions, Sessions) else Sessions.of_frame(sessions)
    judged = judge(every, time_zone, missing, rules)
    number = judged.figures["day"]
    shown = np.flatnonzero((number >= day_number(from_day)) & (number <= day_number(to_day)))
    stands = standings(judged, from_day, to_day, time_zone, missing, rules)
    now = judged_at(every, midnight_us(day_number(to_day) + 1, time_zone), time_zone, missing, rules)
    return {
        "time_zone": time_zone,
        "state": now.state,
        "now": _now(now, every, time_zone, rules),
        "note": LEG_PRESS_ONLY,
        "rules": asdict(rules),
        "days": _days_shown(judged, time_zone, from_day, to_day, missing),
        "standing": [
            {"state": state, "from": days[0].isoformat(), "to": days[-1].isoformat()}
            for state, days in _spans(stands, from_day)
        ],
        "weeks": _weeks_shown(every, time_zone, from_day, to_day, missing, rules),
        "sessions": _sessions_shown(judged, shown),
        "pairs": [_pair(judged.record(int(row))) for row in shown[judged.figures["spaced"][shown]]],
    }


def _now(now: JudgedSession, every: Sessions, time_zone: str, rules: WorkloadRules) -> dict[str, Any]:
    """How the member stands, and what is still needed. `now`: a session that would begin as the last day ends."""
    first_us = now.visit_start_us - round(now.history_days * DAY_US)
    begun = len(every) > 0 and now.earlier_visits > 0
    until = day_of(int(local_days(np.array([first_us + rules.history_days * DAY_US]), time_zone)[0]))
    return {
        "state": now.state,
        "footing": now.footing,
        "anew": now.anew or (len(every) > 0 and not begun),
        "sessions": now.earlier_visits,
        "sessions_needed": rules.history_sessions,
        "days": _number(now.history_days) if begun else 0.0,
        "days_needed": rules.history_days,
        "comparisons_from": until.isoformat() if begun else None,
        "returning_session": now.visits_since_layoff or None,
        "returning_sessions": rules.returned_sessions,
        "days_off": _number(now.layoff_days),
        "best_30d_j": _number(now.best_30d_j),
        "best_90d_j": _number(now.best_90d_j),
        "missing_30d": now.missing_30d,
        "missing_allowed_30d": int(rules.missing_share * WINDOW_DAYS),
        **_against_weeks(now),
        "weeks_needed": rules.baseline_weeks,
    }


def _against_weeks(one: JudgedSession) -> dict[str, Any]:
    return {
        "baseline": one.baseline,
        "baseline_weeks": one.baseline_weeks,
        "baseline_weeks_left_out": one.baseline_weeks_left_out,
        "baseline_mean_j": _number(one.baseline_mean_j),
        "baseline_sd_j": _number(one.baseline_sd_j),
        "baseline_z": _number(one.baseline_z),
    }


def _days_shown(
    judged: Judged, time_zone: str, from_day: date, to_day: date, missing_days: frozenset[date]
) -> list[dict[str, Any]]:
    every = judged.sessions
    shown_from, shown_to = day_number(from_day), day_number(to_day)
    day: Micros = judged.figures["day"]
    begin = int(day[0]) if len(day) and day[0] < shown_from else shown_from
    load = daily_load(pd.DataFrame(_columns(every)), time_zone, missing_days, day_of(begin), to_day)
    # The history begins with the first session: days before it are no rest, and 28 days are needed for a ratio.
    before_history = int(day[0]) - begin if len(day) else len(load)
    of_history = load.iloc[before_history:]
    columns: dict[str, list[Any]] = {
        "day": [day_of(number).isoformat() for number in range(shown_from, shown_to + 1)],
        "work_j": _plain(load.to_numpy()[shown_from - begin :]),
    }
    columns["tonnage_kg"] = per_day(day, every.tonnage_kg, shown_from, shown_to).tolist()
    columns["top_load_kg"] = per_day(day, every.top_load_kg, shown_from, shown_to, largest=True).tolist()
    sets = per_day(day, every.hard_sets.astype(np.float64), shown_from - WEEK_DAYS + 1, shown_to).astype(np.int64)
    columns["hard_sets"] = sets[WEEK_DAYS - 1 :].tolist()
    columns["hard_sets_7d"] = np.lib.stride_tricks.sliding_window_view(sets, WEEK_DAYS).sum(axis=1).tolist()
    counts = per_day(day, np.ones(len(day)), shown_from, shown_to)
    columns["sessions"] = counts.astype(np.int64).tolist()
    columns["missing"] = [day_of(number) in missing_days for number in range(shown_from, shown_to + 1)]
    columns["best_30d_j"] = _plain(_best_by_day(judged, shown_from, shown_to, time_zone))
    unsettled = np.full(min(before_history + _SETTLED_DAYS, len(load)), np.nan)
    for name, measure in (
        ("ewma_ratio", ewma_ratio),
        ("coupled_ratio", coupled_ratio),
        ("uncoupled_ratio", uncoupled_ratio),
        ("monotony", monotony),
        ("strain", strain),
    ):
        settled = measure(of_history).to_numpy()[_SETTLED_DAYS:]
        columns[name] = _plain(np.concatenate([unsettled, settled])[shown_from - begin :])
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _best_by_day(judged: Judged, first: int, last: int, time_zone: str) -> Floats:
    """The largest visit of the 30 days before each day began; NaN where there is none."""
    figures = judged.figures
    if not len(figures):
        return np.full(last - first + 1, np.nan)
    ends = np.flatnonzero(np.diff(figures["visit"], append=-1))
    start_us = np.ascontiguousarray(figures["visit_start_us"][ends])
    work_j = np.ascontiguousarray(figures["visit_work_j"][ends])
    begins = np.array([midnight_us(day, time_zone) for day in range(first, last + 1)])
    best = best_between(
        work_j, np.searchsorted(start_us, begins - WINDOW_DAYS * DAY_US), np.searchsorted(start_us, begins)
    )
    return np.where(best >= 0, work_j[best], np.nan)


def _weeks_shown(
    every: Sessions,
    time_zone: str,
    from_day: date,
    to_day: date,
    missing_days: frozenset[date],
    rules: WorkloadRules,
) -> list[dict[str, Any]]:
    weeks = []
    for number in range(((to_day - from_day).days + 1) // WEEK_DAYS - 1, -1, -1):
        last = to_day - timedelta(days=WEEK_DAYS * number)
        first = last - timedelta(days=WEEK_DAYS - 1)
        # Before the day is over, so that the 7 days are those that end with it.
        at_us = midnight_us(day_number(last) + 1, time_zone) - 1
        within = (every.start_us >= midnight_us(day_number(first), time_zone)) & (every.start_us <= at_us)
        weeks.append(
            {
                "from": first.isoformat(),
                "to": last.isoformat(),
                "work_j": float(every.work_j[within].sum()),
                "sessions": int(within.sum()),
                "hard_sets": int(every.hard_sets[within].sum()),
                "missing_days": sum(first <= day <= last for day in missing_days),
                **_against_weeks(judged_at(every, at_us, time_zone, missing_days, rules)),
            }
        )
    return weeks


def _sessions_shown(judged: Judged, rows: Micros) -> list[dict[str, Any]]:
    sessions, figures = judged.sessions.at(rows), judged.figures[rows]
    columns: dict[str, list[Any]] = {
        "session": sessions.session.tolist(),
        "start_at": [_at(start_us) for start_us in sessions.start_us.tolist()],
        "day": figures["day"].astype("datetime64[D]").astype(str).tolist(),
        "work_j": sessions.work_j.tolist(),
        "severity": judged.word("severity")[rows].tolist(),
        "state": judged.word("state")[rows].tolist(),
        "baseline": judged.word("baseline")[rows].tolist(),
        "hard_sets": sessions.hard_sets.tolist(),
    }
    for name in ("hard", "hard_sets_7d", "week_j", "baseline_weeks", "baseline_weeks_left_out"):
        columns[name] = figures[name].tolist()
    for name in ("visit_work_j", "best_30d_j", "spike", "baseline_mean_j", "baseline_sd_j", "baseline_z"):
        columns[name] = _plain(figures[name])
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _pair(one: JudgedSession) -> dict[str, Any]:
    earlier = one.spaced_with
    return {
        "session": one.session,
        "start_at": _at(one.start_us),
        "work_j": one.visit_work_j,
        "best_30d_j": _number(one.best_30d_j),
        "earlier_session": earlier and earlier.session,
        "earlier_at": earlier and _at(earlier.start_us),
        "earlier_work_j": earlier and earlier.work_j,
        "earlier_best_30d_j": earlier and _number(earlier.best_30d_j),
        "habit": one.habit,
    }


def _spans(stands: Iterable[Any], from_day: date) -> Iterable[tuple[Any, list[date]]]:
    """Days in a row that stand on the same."""
    dated = [(state, from_day + timedelta(days=number)) for number, state in enumerate(stands)]
    return ((state, [day for _, day in days]) for state, days in groupby(dated, key=lambda one: one[0]))


def _columns(every: Sessions) -> dict[str, Any]:
    return {name: getattr(every, name) for name in Sessions.__slots__}


def _at(time_us: int) -> str:
    return f"{np.datetime64(time_us, 'us')}Z"


def _number(value: float) -> float | None:
    return None if isnan(value) else value


def _plain(values: Floats) -> list[float | None]:
    return [None if isnan(value) else value for value in values.tolist()]
