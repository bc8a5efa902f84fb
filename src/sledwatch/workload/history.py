"""Sessions → visits → daily load, and what a person's own history says about them.

Load is concentric work in joules, on the leg press only. A session frame holds the sessions of ONE member, from all
gyms and machines, with the columns `session start_us end_us work_j tonnage_kg top_load_kg hard_sets` (times in µs since
the epoch, UTC; `end_us` may be missing while a session lasts). Sessions without a rep are no training and do not count.

Windows look back from the start of a session: the previous 30 days are [start − 30 × 24 h, start). A day is a calendar
day in the gym's time zone, a session belongs to the day of its start. Thresholds that no paper gives are named as
judgement where they stand.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sledwatch.events import Rep, Severity

LEG_PRESS_ONLY: Final = "Only the leg press is seen: squats, running and other training are not in these figures."
DAY_US: Final = 86_400_000_000
# Sessions of one visit, on two machines or with a second badge-in, are one session for these measures.
VISIT_GAP_US: Final = 2 * 3_600_000_000
WINDOW_DAYS: Final = 30
RETURN_WINDOW_DAYS: Final = 90
SPIKE_NOTE: Final = 1.10
SPIKE_WARN: Final = 1.30
SPIKE_ALERT: Final = 2.00
HARD_SHARE: Final = 0.70
HABIT_WEEKS: Final = 4
# Judgement, all of the next six: how much history the ratios need, and what holds before it is there.
BASELINE_DAYS: Final = 30
BASELINE_SESSIONS: Final = 4
RETURNED_SESSIONS: Final = 2
BEGINNER_DAYS_IN_A_ROW: Final = 3
BEGINNER_HARD_SETS: Final = 10
BEGINNER_LOAD_RATIO: Final = 1.3
RETURNING_SHARE: Final = 0.8
MAX_MISSING_SHARE: Final = 0.2
# Below this (joules) a chronic load is no load: dividing by it would give a figure without meaning.
NO_LOAD_J: Final = 0.01
HARD_SET_VELOCITY_LOSS_PCT: Final = 20.0
HARD_SET_REPS: Final = 6
HARD_SET_SHARE: Final = 0.6

Standing = Literal["beginner", "no-baseline", "returning", "baseline"]
Micros = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WorkloadContext:
    """What the workload rules look at when a session has closed.

    sessions: the session frame of one member, the judged session included; later ones are not looked at.
    session: the id of the judged session.
    time_zone: IANA name; says what a day is.
    missing_days: local days of which a machine that the member used has lost or outstanding numbers.
    """

    sessions: pd.DataFrame
    session: str
    time_zone: str
    missing_days: frozenset[date]
    member_name: str


@dataclass(frozen=True, slots=True)
class SessionTotals:
    """What the reps of a session add up to. `reps_without_work` counted as 0 J: their work is unknown."""

    work_j: float
    tonnage_kg: float
    top_load_kg: float
    reps: int
    reps_without_work: int


def session_totals(reps: Sequence[Rep]) -> SessionTotals:
    """Sum the work and tonnage of all reps, and find the heaviest load.

    The top load is looked for among reps of quality ok, and among all where there is none: one unsure reading should
    not become the best load of a year.
    """
    sure = [rep.load_kg for rep in reps if rep.quality == "ok"] or [rep.load_kg for rep in reps]
    return SessionTotals(
        work_j=sum(rep.work_j for rep in reps if rep.work_j is not None),
        tonnage_kg=sum(rep.load_kg for rep in reps),
        top_load_kg=max(sure, default=0.0),
        reps=len(reps),
        reps_without_work=sum(rep.work_j is None for rep in reps),
    )


def hard_sets(reps: Iterable[Rep], e1rm_kg: float | None) -> int:
    """Count the hard sets of a session (judgement).

    A set is hard when its last rep is ≥ 20 % slower than its fastest (Sánchez-Medina & González-Badillo 2011); where no
    rep has a velocity, when it holds ≥ 6 reps at ≥ 60 % of e1RM. An unknown e1RM makes no set hard.
    """
    sets: defaultdict[int, list[Rep]] = defaultdict(list)
    for rep in reps:
        sets[rep.set].append(rep)
    return sum(_is_hard_set(of_set, e1rm_kg) for of_set in sets.values())


def _is_hard_set(reps: list[Rep], e1rm_kg: float | None) -> bool:
    losses = [rep.velocity_loss_pct for rep in reps if rep.velocity_loss_pct is not None and rep.quality == "ok"]
    if losses:
        return losses[-1] >= HARD_SET_VELOCITY_LOSS_PCT
    if e1rm_kg is None or e1rm_kg <= 0:
        return False
    return sum(rep.load_kg >= HARD_SET_SHARE * e1rm_kg for rep in reps) >= HARD_SET_REPS


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
    if not work_j.index.is_monotonic_increasing:
        raise ValueError("sessions must ascend by start time")
    # Closed on the left: a session at the same instant is not one of the days before.
    return work_j.astype(np.float64).rolling(f"{window_days}D", closed="left").max()


def hard_sessions(work_j: pd.Series, window_days: int = WINDOW_DAYS, share: float = HARD_SHARE) -> pd.Series:
    """Whether each session's work is more than 70 % of the largest in the days before it (judgement).

    work_j: joules per session, indexed by start time (UTC), ascending. False where the window holds no session.
    Raises ValueError when the index is not sorted.
    """
    best = best_before(work_j, window_days)
    return (work_j > share * best) & (best > NO_LOAD_J)


def spacing(work_j: pd.Series, time_zone: str) -> pd.Series:
    """Whether each session is hard and follows a hard one on the same or the previous local day (ACSM).

    work_j: joules per session, indexed by start time (UTC), ascending; merge visits first.
    Raises ValueError when the index is not sorted, ZoneInfoNotFoundError for an unknown time zone.
    """
    hard = hard_sessions(work_j).to_numpy(dtype=np.bool_)
    day = _local_days(_micros(work_j.index), time_zone)
    return pd.Series(_spaced(hard, hard, day, np.arange(len(day)))[0], index=work_j.index)


def ewma_ratio(load: pd.Series, acute_days: int = 7, chronic_days: int = 28) -> pd.Series:
    """Ratio of two exponentially weighted means (Williams 2017): E₁ = L₁, then E = λL + (1 − λ)E', λ = 2/(N + 1).

    load: joules per day, every calendar day, NaN = missing (the mean waits through it). Context only, never an alert.
    Returns NaN where the chronic mean is ≤ 0.01 or more than 20 % of either window is missing.
    """
    acute = load.ewm(alpha=2 / (acute_days + 1), adjust=False, ignore_na=True).mean()
    chronic = load.ewm(alpha=2 / (chronic_days + 1), adjust=False, ignore_na=True).mean()
    known = _enough_known(load, acute_days) & _enough_known(load, chronic_days)
    return acute / chronic.where((chronic > NO_LOAD_J) & known)


def coupled_ratio(load: pd.Series, acute_days: int = 7, chronic_days: int = 28) -> pd.Series:
    """Mean of 7 days over the mean of 28 that hold them (Gabbett 2016). Context only, never an alert.

    load: joules per day, every calendar day, NaN = missing. Returns NaN before 28 days, where the chronic mean is
    ≤ 0.01, or where more than 20 % of either window is missing.
    """
    chronic = _window_mean(load, chronic_days)
    return _window_mean(load, acute_days) / chronic.where(chronic > NO_LOAD_J)


def uncoupled_ratio(load: pd.Series, acute_days: int = 7, chronic_days: int = 28) -> pd.Series:
    """Mean of 7 days over the mean of the 21 before them (Windt & Gabbett 2019). Context only, never an alert.

    load: joules per day, every calendar day, NaN = missing. Returns NaN before 28 days, where the chronic mean is
    ≤ 0.01, or where more than 20 % of either window is missing.
    """
    chronic = _window_mean(load, chronic_days - acute_days).shift(acute_days)
    return _window_mean(load, acute_days) / chronic.where(chronic > NO_LOAD_J)


def monotony(load: pd.Series, days: int = 7) -> pd.Series:
    """Mean over sample standard deviation of 7 daily loads (Foster 1998). Context only, never an alert.

    load: joules per day, every calendar day, NaN = missing. Returns NaN before 7 days, where all days are alike, or
    where more than 20 % of the window is missing.
    """
    return _weeks(load, days)[1]


def strain(load: pd.Series, days: int = 7) -> pd.Series:
    """A week's load times its monotony, in joules (Foster 1998). Context only, never an alert.

    load: joules per day, every calendar day, NaN = missing: it counts as a day like the mean of the others.
    Returns NaN where monotony is undefined.
    """
    mean, ratio = _weeks(load, days)
    return mean * days * ratio


def merge_visits(sessions: pd.DataFrame) -> pd.DataFrame:
    """Make one row of the sessions of a visit: those that start less than 2 h after all before them had ended.

    Returns the columns of a session frame, ascending, with `session` the first one's id and `sessions` how many there
    were. Work, tonnage and hard sets add up, the top load is the largest. Sessions without a rep are left out.
    """
    trained = _trained(sessions)
    if trained.empty:
        return trained.assign(sessions=pd.Series(dtype=np.int64))
    visit = _visits(_column(trained, "start_us"), _column(trained, "end_us"))
    return (
        trained.assign(sessions=1)
        .groupby(visit)
        .agg(
            {
                "session": "first",
                "start_us": "first",
                "end_us": "max",
                "work_j": "sum",
                "tonnage_kg": "sum",
                "top_load_kg": "max",
                "hard_sets": "sum",
                "sessions": "sum",
            }
        )
    )


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
    trained = _trained(sessions)
    day = _local_days(_column(trained, "start_us"), time_zone)
    first = _day_number(from_day) if from_day else (int(day[0]) if len(day) else 0)
    last = _day_number(to_day) if to_day else (int(day[-1]) if len(day) else first - 1)
    work = _per_day(day, trained["work_j"].to_numpy(dtype=np.float64), first, last)
    missing = _day_numbers(missing_days)
    work[missing[(missing >= first) & (missing <= last)] - first] = np.nan
    return pd.Series(work, index=_midnights(first, last), name="work_j")


def state_of(
    sessions: pd.DataFrame, at_us: int, time_zone: str = "UTC", missing_days: Iterable[date] = frozenset()
) -> Standing:
    """What the history before a moment allows to say.

    beginner: fewer than 30 days or 4 sessions since the first one, or since 90 days without; the ratios say nothing.
    no-baseline: more than 20 % of the previous 30 days are missing.
    returning: the previous 30 days were empty, and do not hold 2 sessions yet.
    baseline: there is something to compare with.
    """
    visits = merge_visits(sessions)
    start = _column(visits, "start_us")
    start = np.append(start[start < at_us], at_us)
    missing = _missing_before(_local_days(start[-1:], time_zone), _day_numbers(missing_days), WINDOW_DAYS)
    return _standing(str(_footing(start)[0][-1]), int(missing[0]))


def session_table(sessions: pd.DataFrame, time_zone: str, missing_days: Iterable[date] = frozenset()) -> pd.DataFrame:
    """Every session as the rules saw it when it closed, in one vectorised pass.

    A row a session with a rep, ascending. Figures that start with `visit_` add up the visit from its first session to
    this one; what comes before is counted in whole visits. Columns beyond those of the session frame:
    day (local midnight), visit (number), visit_start_us, visit_work_j, visit_hard_sets, visit_top_load_kg,
    footing (beginner | returning | baseline: the state before missing days are looked at), state,
    earlier_visits and history_days (since the first session, or since 90 days without), visits_30d, days_off (since the
    visit before), best_30d_j, best_90d_j, ratio_30d, ratio_90d, spike (ratio_30d where the state is baseline), hard,
    spaced, spaced_visit (number of the hard visit too close, or −1), habit (trains on consecutive days: spacing is
    context), days_in_a_row, best_load_kg (before this visit), missing_30d, missing_90d (days), severity (of the spike;
    None where there is none).
    Raises ZoneInfoNotFoundError for an unknown time zone.
    """
    table = _trained(sessions)
    start = _column(table, "start_us")
    visit = _visits(start, _column(table, "end_us"))
    first = np.flatnonzero(np.diff(visit, prepend=-1))
    visit_start = start[first]
    work = table["work_j"].to_numpy(dtype=np.float64)
    of_visit = table.groupby(visit)
    visit_work = np.add.reduceat(work, first) if len(first) else work

    footing, chapter, earlier, visits_30d = _footing(visit_start)
    by_start = pd.Series(visit_work, index=pd.to_datetime(visit_start, unit="us", utc=True))
    best_30d = best_before(by_start, WINDOW_DAYS).to_numpy()
    best_90d = best_before(by_start, RETURN_WINDOW_DAYS).to_numpy()
    visit_top = np.maximum.reduceat(table["top_load_kg"].to_numpy(dtype=np.float64), first) if len(first) else work
    best_load = pd.Series(visit_top).groupby(chapter).cummax().groupby(chapter).shift(1).to_numpy()
    chapter_start = visit_start[np.searchsorted(chapter, chapter)]
    missing = _day_numbers(missing_days)
    visit_day = _local_days(visit_start, time_zone)

    table["day"] = pd.DatetimeIndex(_local_days(start, time_zone).astype("datetime64[D]").astype("datetime64[s]"))
    table["visit"] = visit
    table["visit_start_us"] = visit_start[visit]
    table["visit_work_j"] = of_visit["work_j"].cumsum()
    table["visit_hard_sets"] = of_visit["hard_sets"].cumsum()
    table["visit_top_load_kg"] = of_visit["top_load_kg"].cummax()
    table["footing"] = footing[visit]
    table["earlier_visits"] = earlier[visit]
    table["history_days"] = ((visit_start - chapter_start) / DAY_US)[visit]
    table["visits_30d"] = visits_30d[visit]
    table["days_off"] = (np.diff(visit_start, prepend=visit_start[:1]) / DAY_US)[visit]
    table["best_30d_j"] = best_30d[visit]
    table["best_90d_j"] = best_90d[visit]
    table["ratio_30d"] = table["visit_work_j"] / table["best_30d_j"].where(table["best_30d_j"] > NO_LOAD_J)
    table["ratio_90d"] = table["visit_work_j"] / table["best_90d_j"].where(table["best_90d_j"] > NO_LOAD_J)
    table["best_load_kg"] = best_load[visit]
    table["missing_30d"] = _missing_before(visit_day, missing, WINDOW_DAYS)[visit]
    table["missing_90d"] = _missing_before(visit_day, missing, RETURN_WINDOW_DAYS)[visit]
    unsure = (table["missing_30d"] > MAX_MISSING_SHARE * WINDOW_DAYS) & (table["footing"] != "beginner")
    table["state"] = table["footing"].mask(unsure, "no-baseline")
    table["spike"] = table["ratio_30d"].where(table["state"] == "baseline")
    visit_hard = (visit_work > HARD_SHARE * best_30d) & (best_30d > NO_LOAD_J)
    hard = (table["visit_work_j"] > HARD_SHARE * table["best_30d_j"]) & (table["best_30d_j"] > NO_LOAD_J)
    table["hard"] = hard
    table["spaced"], table["spaced_visit"] = _spaced(hard.to_numpy(dtype=np.bool_), visit_hard, visit_day, visit)
    table["habit"] = _habit(visit_day)[visit]
    table["days_in_a_row"] = _days_in_a_row(visit_day)[visit]
    table["severity"] = _spike_severities(table)
    return table


def spike_severity(ratio: float, *, joined: bool = False) -> Severity | None:
    """How loud a session spike is: > 1.10 note, > 1.30 warn, > 2.00 alert (Frandsen 2025).

    joined: together with spacing (or a red baseline), which makes an alert of a warn (judgement).
    """
    if ratio > SPIKE_ALERT or (joined and ratio > SPIKE_WARN):
        return "alert"
    if ratio > SPIKE_WARN:
        return "warn"
    return "note" if ratio > SPIKE_NOTE else None


def workload_view(
    sessions: pd.DataFrame, time_zone: str, from_day: date, to_day: date, missing_days: Iterable[date] = frozenset()
) -> dict[str, Any]:
    """A member's workload from one day to another, both included, ready for JSON (None where a figure is undefined).

    sessions: the whole history, of which the days shown are computed. The state is that at the end of `to_day`.
    The context measures say nothing in the first 27 days of a history.
    Raises ValueError when the days are in the wrong order, ZoneInfoNotFoundError for an unknown time zone.
    """
    if from_day > to_day:
        raise ValueError(f"from {from_day} is after to {to_day}")
    missing = frozenset(missing_days)
    table = session_table(sessions, time_zone, missing)
    midnight = datetime.combine(to_day + timedelta(days=1), datetime.min.time(), tzinfo=ZoneInfo(time_zone))
    at_us = int(midnight.timestamp()) * 1_000_000
    return {
        "time_zone": time_zone,
        "state": state_of(sessions, at_us, time_zone, missing),
        "note": LEG_PRESS_ONLY,
        "days": _days_shown(table, time_zone, from_day, to_day, missing),
        "sessions": _sessions_shown(table, from_day, to_day),
    }


def _days_shown(
    table: pd.DataFrame, time_zone: str, from_day: date, to_day: date, missing_days: frozenset[date]
) -> list[dict[str, Any]]:
    shown_from, shown_to = _day_number(from_day), _day_number(to_day)
    day = _local_days(_column(table, "start_us"), time_zone)
    begin = int(day[0]) if len(day) and day[0] < shown_from else shown_from
    load = daily_load(table, time_zone, missing_days, _day_of(begin), to_day)
    # The history begins with the first session: days before it are no rest, and 28 days are needed for a ratio.
    of_history = load.iloc[int(day[0]) - begin if len(day) else len(load) :]
    settled = of_history.index[27:]
    columns: dict[str, list[Any]] = {
        "day": [_day_of(number).isoformat() for number in range(shown_from, shown_to + 1)],
        "work_j": _plain(load.iloc[shown_from - begin :]),
    }
    for name in ("tonnage_kg", "top_load_kg", "hard_sets"):
        values = table[name].to_numpy(dtype=np.float64)
        per_day = _per_day(day, values, shown_from, shown_to, largest=name == "top_load_kg")
        columns[name] = per_day.astype(np.int64).tolist() if name == "hard_sets" else per_day.tolist()
    counts = _per_day(day, np.ones(len(day)), shown_from, shown_to)
    columns["sessions"] = counts.astype(np.int64).tolist()
    columns["missing"] = [_day_of(number) in missing_days for number in range(shown_from, shown_to + 1)]
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


def _trained(sessions: pd.DataFrame) -> pd.DataFrame:
    """The sessions with a rep, ascending, without holes: a badge-in that lifted nothing is no training."""
    filled = sessions.copy()
    filled["end_us"] = filled["end_us"].fillna(filled["start_us"]).astype(np.int64)
    for name in ("work_j", "tonnage_kg", "top_load_kg", "hard_sets"):
        filled[name] = pd.to_numeric(filled[name]).fillna(0)
    filled = filled[(filled["work_j"] > 0) | (filled["tonnage_kg"] > 0)]
    return filled.sort_values(["start_us", "session"]).reset_index(drop=True)


def _column(frame: pd.DataFrame, name: str) -> Micros:
    return frame[name].to_numpy(dtype=np.int64)


def _micros(index: pd.Index) -> Micros:
    return pd.DatetimeIndex(index).as_unit("us").asi8


def _local_days(start_us: Micros, time_zone: str) -> Micros:
    """Local calendar days as days since 1970-01-01."""
    local = pd.to_datetime(start_us, unit="us", utc=True).tz_convert(ZoneInfo(time_zone)).tz_localize(None)
    return np.floor_divide(_micros(local), DAY_US)


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _day_of(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=number)


def _day_numbers(days: Iterable[date]) -> Micros:
    return np.array(sorted(_day_number(day) for day in set(days)), dtype=np.int64)


def _midnights(first: int, last: int) -> pd.DatetimeIndex:
    return pd.date_range(pd.Timestamp(_day_of(first)), periods=last - first + 1, freq="D", name="day")


def _per_day(day: Micros, values: Floats, first: int, last: int, *, largest: bool = False) -> Floats:
    result = np.zeros(max(last - first + 1, 0))
    inside = (day >= first) & (day <= last)
    (np.maximum if largest else np.add).at(result, day[inside] - first, values[inside])
    return result


def _visits(start_us: Micros, end_us: Micros) -> Micros:
    """Number the visits of sessions that ascend by start. Sessions may overlap: the latest end so far counts."""
    ended = np.maximum.accumulate(np.maximum(start_us, end_us))
    apart = np.ones(len(start_us), dtype=np.bool_)
    apart[1:] = start_us[1:] - ended[:-1] >= VISIT_GAP_US
    return np.cumsum(apart) - 1


def _footing(visit_start: Micros) -> tuple[NDArray[np.object_], Micros, Micros, Micros]:
    """For each visit: beginner, returning or baseline; its chapter (90 empty days begin a new one); how many visits of
    the chapter came before; and how many in the previous 30 days."""
    number = np.arange(len(visit_start))
    new_chapter = np.diff(visit_start, prepend=visit_start[:1]) > RETURN_WINDOW_DAYS * DAY_US
    chapter = np.cumsum(new_chapter, dtype=np.int64)
    chapter_first = np.searchsorted(chapter, chapter)
    earlier = number - chapter_first
    visits_30d = number - np.searchsorted(visit_start, visit_start - WINDOW_DAYS * DAY_US, side="left")
    beginner = (visit_start - visit_start[chapter_first] < BASELINE_DAYS * DAY_US) | (earlier < BASELINE_SESSIONS)
    # An empty window starts a return, two visits in it end one, a single visit leaves things as they were.
    starts = (visits_30d == 0) & (earlier > 0)
    decided = starts | (visits_30d >= RETURNED_SESSIONS) | (earlier == 0)
    latest = np.maximum.accumulate(np.where(decided, number, 0))
    footing = np.where(beginner, "beginner", np.where(starts[latest], "returning", "baseline"))
    return footing.astype(object), chapter, earlier, visits_30d


def _standing(footing: str, missing_30d: int) -> Standing:
    if footing == "beginner":
        return "beginner"
    if missing_30d > MAX_MISSING_SHARE * WINDOW_DAYS:
        return "no-baseline"
    return "returning" if footing == "returning" else "baseline"


def _missing_before(day: Micros, missing: Micros, days: int) -> Micros:
    return np.searchsorted(missing, day) - np.searchsorted(missing, day - days)


def _spaced(hard: Bools, visit_hard: Bools, visit_day: Micros, visit: Micros) -> tuple[Bools, Micros]:
    """Which rows are hard on the day of the last hard visit before theirs or the day after, and which visit that is."""
    latest = np.maximum.accumulate(np.where(visit_hard, np.arange(len(visit_hard)), -1))
    before = np.concatenate([[-1], latest[:-1]]) if len(latest) else latest
    close = (before >= 0) & (visit_day - visit_day[before] <= 1)
    spaced = hard & close[visit]
    return spaced, np.where(spaced, before[visit], -1)


def _habit(day: Micros) -> Bools:
    """Whether, on each day, the person trained on consecutive days in each of the 4 weeks before it.

    day: local days, ascending. A week is 7 days, the last one ends the day before; a pair of days counts for the week
    of its second day, so that a habit of Sunday and Monday is one too.
    """
    unique = np.unique(day)
    second = unique[1:][np.diff(unique) == 1]
    habit = np.ones(len(day), dtype=np.bool_)
    for week in range(1, HABIT_WEEKS + 1):
        habit &= np.searchsorted(second, day - 7 * (week - 1)) > np.searchsorted(second, day - 7 * week)
    return habit


def _days_in_a_row(day: Micros) -> Micros:
    unique = np.unique(day)
    number = np.arange(len(unique))
    begins = np.diff(unique, prepend=unique[:1] - 2) != 1
    row = number - np.maximum.accumulate(np.where(begins, number, 0)) + 1
    return row[np.searchsorted(unique, day)]


def _spike_severities(table: pd.DataFrame) -> pd.Series:
    joined = table["spaced"] & ~table["habit"]
    severities = [
        spike_severity(ratio, joined=together) for ratio, together in zip(table["spike"], joined, strict=True)
    ]
    return pd.Series(severities, index=table.index, dtype=object)


def _enough_known(load: pd.Series, days: int) -> pd.Series:
    return load.isna().rolling(days, min_periods=1).sum() <= MAX_MISSING_SHARE * days


def _window_mean(load: pd.Series, days: int) -> pd.Series:
    mean = load.rolling(days, min_periods=1).mean().where(_enough_known(load, days))
    return mean.where(np.arange(len(load)) >= days - 1)


def _weeks(load: pd.Series, days: int) -> tuple[pd.Series, pd.Series]:
    """Mean and monotony up to each day. Window by window, since a running variance of equal days is not quite 0."""
    mean = np.full(len(load), np.nan)
    ratio = np.full(len(load), np.nan)
    if len(load) >= days:
        windows = np.lib.stride_tricks.sliding_window_view(load.to_numpy(dtype=np.float64), days)
        missing = np.isnan(windows)
        known = days - missing.sum(axis=1)
        usable = days - known <= MAX_MISSING_SHARE * days
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(missing, 0.0, windows).sum(axis=1) / known
            squares = (np.where(missing, 0.0, windows - means[:, None]) ** 2).sum(axis=1)
            ratios = means / np.sqrt(squares / (known - 1))
        alike = np.fmax.reduce(windows, axis=1) == np.fmin.reduce(windows, axis=1)
        mean[days - 1 :] = np.where(usable, means, np.nan)
        ratio[days - 1 :] = np.where(usable & ~alike, ratios, np.nan)
    return pd.Series(mean, index=load.index), pd.Series(ratio, index=load.index)


def _plain(values: pd.Series) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.to_numpy(dtype=np.float64).tolist()]
