"""The vectorised workload against slow, obvious loops over the same words of the rules."""

import math
import statistics
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from histories import DAY_US, HOUR_US
from sledwatch import workload
from sledwatch.findings import workload_findings

# Half hours from here on: thirty days, two hours and midnight are then all met exactly.
BEGIN_US = 1_790_000_000_000_000 // (HOUR_US // 2) * (HOUR_US // 2)
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"]


# Distances between starts: minutes to months, and those at which a rule turns.
irregular = st.lists(
    st.one_of(
        st.sampled_from([0, 1, 2, 4, 5, 24, 47, 48, 49, 96, 144, 336, 30 * 48, 30 * 48 + 1, 90 * 48, 90 * 48 + 1]),
        st.integers(1, 8),
        st.integers(20, 200),
    ),
    max_size=40,
).map(lambda gaps: np.cumsum(np.array(gaps, dtype=np.int64)))


@st.composite
def weekly_habits(draw: st.DrawFn) -> np.ndarray:
    """People who come on the same days each week, and now and then do not."""
    days = sorted(draw(st.sets(st.integers(0, 6), min_size=1, max_size=5)))
    planned = [48 * (7 * week + day) for week in range(draw(st.integers(4, 8))) for day in days]
    skipped = draw(st.sets(st.integers(0, len(planned) - 1), max_size=3))
    return np.array([start for number, start in enumerate(planned) if number not in skipped], dtype=np.int64)


rare = st.integers(3, 31).flatmap(
    lambda days: st.integers(1, 9).map(lambda count: np.arange(count, dtype=np.int64) * 48 * days)
)


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    """Sessions of all kinds of people; overlapping ones and empty ones among them."""
    start = BEGIN_US + draw(st.one_of(irregular, weekly_habits(), rare)) * (HOUR_US // 2)
    n = len(start)
    work = st.sampled_from([0.0, 50.0, 70.0, 71.0, 100.0, 100.0, 110.0, 130.0, 131.0, 201.0])
    load = st.sampled_from([60.0, 100.0, 130.0, 131.0, 180.0])
    work_j = draw(st.lists(work, min_size=n, max_size=n))
    lasts = draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))
    return pd.DataFrame(
        {
            "session": [f"s{number:02}" for number in range(n)],
            "start_us": start,
            "end_us": start + np.array(lasts, dtype=np.int64) * (HOUR_US // 2),
            "work_j": work_j,
            "tonnage_kg": [10 * joules for joules in work_j],
            "top_load_kg": draw(st.lists(load, min_size=n, max_size=n)),
            "hard_sets": draw(st.lists(st.integers(0, 6), min_size=n, max_size=n)),
        }
    )


missing_days = st.frozensets(
    st.integers(0, 200).map(lambda day: datetime.fromtimestamp(BEGIN_US / 1e6, tz=UTC).date() + timedelta(days=day)),
    max_size=80,
)
loads = st.lists(st.one_of(st.none(), st.sampled_from([0.0, 0.005, 10.0, 20.0, 70.0])), max_size=80)


class Oracle:
    """What the table must say of one session, told as the rules are: with nothing but lists of earlier visits."""

    def __init__(self, sessions: pd.DataFrame, zone: str, missing: frozenset[date], session: str) -> None:
        self.zone = ZoneInfo(zone)
        visits: list[list[dict]] = []
        for each in sessions.to_dict("records"):
            if each["work_j"] == 0:
                continue
            ended = max((one["end_us"] for visit in visits for one in visit), default=None)
            if ended is not None and each["start_us"] - ended < 2 * HOUR_US:
                visits[-1].append(each)
            else:
                visits.append([each])
            if each["session"] == session:
                break
        self.visits = visits
        self.now = visits[-1][0]["start_us"]
        self.missing = {
            days: sum(self.day(self.now) - timedelta(days=n) in missing for n in range(1, days + 1))
            for days in (30, 90)
        }

    def day(self, t_us: int) -> date:
        return datetime.fromtimestamp(t_us // 1_000_000, tz=UTC).astimezone(self.zone).date()

    def work(self, number: int) -> float:
        return sum(each["work_j"] for each in self.visits[number])

    def start(self, number: int) -> int:
        return self.visits[number][0]["start_us"]

    def before(self, number: int, days: int) -> list[int]:
        """The visits in the days before a visit."""
        return [n for n in range(number) if self.start(n) >= self.start(number) - days * DAY_US]

    def best(self, number: int, days: int) -> float:
        return max((self.work(n) for n in self.before(number, days)), default=math.nan)

    def chapter(self, number: int) -> int:
        """The visit that the history of a visit begins with."""
        while number > 0 and self.before(number, 90):
            number -= 1
        return number

    def returning(self, number: int) -> bool:
        if number == self.chapter(number) or len(self.before(number, 30)) >= 2:
            return False
        return not self.before(number, 30) or self.returning(number - 1)

    def footing(self, number: int) -> str:
        first = self.chapter(number)
        if self.start(number) - self.start(first) < 30 * DAY_US or number - first < 4:
            return "beginner"
        return "returning" if self.returning(number) else "baseline"

    def hard(self, number: int) -> bool:
        return bool(self.work(number) > 0.7 * self.best(number, 30))

    def spaced(self, number: int) -> bool:
        today = self.day(self.start(number))
        return self.hard(number) and any(
            self.hard(n) and today - self.day(self.start(n)) <= timedelta(days=1) for n in range(number)
        )

    def habit(self, number: int) -> bool:
        days = {self.day(self.start(n)) for n in range(number)}
        today = self.day(self.start(number))
        return all(
            any(
                {today - timedelta(days=back), today - timedelta(days=back + 1)} <= days
                for back in range(7 * week + 1, 7 * week + 8)
            )
            for week in range(4)
        )

    def days_in_a_row(self, number: int) -> int:
        days = {self.day(self.start(n)) for n in range(number + 1)}
        count = 0
        while self.day(self.start(number)) - timedelta(days=count) in days:
            count += 1
        return count

    def row(self) -> dict:
        last = len(self.visits) - 1
        footing = self.footing(last)
        state = "no-baseline" if self.missing[30] > 6 and footing != "beginner" else footing
        spike = self.work(last) / self.best(last, 30) if state == "baseline" else math.nan
        loud = self.spaced(last) and not self.habit(last)
        severity = None
        if spike > 1.1:
            severity = "note" if spike <= 1.3 else "alert" if loud or spike > 2 else "warn"
        tops = [max(each["top_load_kg"] for each in visit) for visit in self.visits]
        return {
            "visit": last,
            "visit_work_j": self.work(last),
            "visit_hard_sets": sum(each["hard_sets"] for each in self.visits[last]),
            "visit_top_load_kg": tops[-1],
            "earlier_visits": last - self.chapter(last),
            "visits_30d": len(self.before(last, 30)),
            "best_30d_j": self.best(last, 30),
            "best_90d_j": self.best(last, 90),
            "best_load_kg": max(tops[self.chapter(last) : last], default=math.nan),
            "footing": footing,
            "state": state,
            "spike": spike,
            "hard": self.hard(last),
            "spaced": self.spaced(last),
            "habit": self.habit(last),
            "days_in_a_row": self.days_in_a_row(last),
            "missing_30d": self.missing[30],
            "missing_90d": self.missing[90],
            "severity": severity,
        }

    def findings(self) -> dict[str, str]:
        """Rule → severity, of the last session."""
        row = self.row()
        found = {}
        if row["footing"] == "beginner" and (
            row["days_in_a_row"] >= 3
            or row["visit_hard_sets"] > 10
            or (row["earlier_visits"] >= 2 and row["visit_top_load_kg"] > 1.3 * row["best_load_kg"])
        ):
            found["workload.beginner"] = "warn"
        if row["footing"] == "returning" and row["visit_work_j"] > 0.8 * row["best_90d_j"]:
            found["workload.returning"] = "note" if self.missing[90] > 18 else "warn"
        if row["footing"] == "baseline" and row["visit_work_j"] > 1.1 * row["best_30d_j"]:
            found["workload.spike"] = row["severity"] or "note"
        if row["spaced"] and not row["habit"]:
            found["workload.spacing"] = "warn"
        return {rule: "note" if self.missing[30] > 6 else severity for rule, severity in found.items()}


def same(expected: object, found: object) -> bool:
    if isinstance(expected, float) and math.isnan(expected):
        return bool(np.isnan(found))
    return expected == pytest.approx(found) if isinstance(expected, float) else bool(expected == found)


@given(histories(), st.sampled_from(ZONES), missing_days)
@settings(max_examples=100, deadline=None)
def test_the_table_says_of_each_session_what_the_rules_say(
    sessions: pd.DataFrame, zone: str, missing: frozenset[date]
) -> None:
    for found in workload.session_table(sessions, zone, missing).to_dict("records"):
        expected = Oracle(sessions, zone, missing, found["session"]).row()
        assert {} == {name: (value, found[name]) for name, value in expected.items() if not same(value, found[name])}


@given(histories(), st.sampled_from(ZONES), missing_days)
@settings(max_examples=50, deadline=None)
def test_findings_are_those_of_the_rules_whatever_came_later(
    sessions: pd.DataFrame, zone: str, missing: frozenset[date]
) -> None:
    for session in sessions.loc[sessions["work_j"] > 0, "session"]:
        context = workload.WorkloadContext(workload.Sessions.of_frame(sessions), session, zone, missing, "Mia")
        found = {finding.rule: finding.severity for finding in workload_findings(context)}
        assert Oracle(sessions, zone, missing, session).findings() == found


def known(values: list[float | None], size: int) -> list[float] | None:
    """The days of a whole window that are not missing; None where it is short or more than a fifth is missing."""
    if len(values) < size:
        return None
    present = [value for value in values[len(values) - size :] if value is not None]
    return present if size - len(present) <= 0.2 * size else None


def slow_coupled(values: list[float | None]) -> float:
    acute, chronic = known(values, 7), known(values, 28)
    if acute is None or chronic is None or statistics.fmean(chronic) <= 0.01:
        return math.nan
    return statistics.fmean(acute) / statistics.fmean(chronic)


def slow_uncoupled(values: list[float | None]) -> float:
    acute, chronic = known(values, 7), known(values[:-7], 21)
    if acute is None or chronic is None or statistics.fmean(chronic) <= 0.01:
        return math.nan
    return statistics.fmean(acute) / statistics.fmean(chronic)


def slow_ewma(values: list[float | None]) -> float:
    def weighted(days: int) -> float | None:
        share = 2 / (days + 1)
        mean = None
        for value in values:
            if value is not None:
                mean = value if mean is None else share * value + (1 - share) * mean
        return mean

    acute, chronic = weighted(7), weighted(28)
    too_many = any(values[-days:].count(None) > 0.2 * days for days in (7, 28))
    return math.nan if too_many or acute is None or chronic is None or chronic <= 0.01 else acute / chronic


def slow_monotony(values: list[float | None]) -> float:
    week = known(values, 7)
    return math.nan if week is None or len(set(week)) == 1 else statistics.fmean(week) / statistics.stdev(week)


def slow_strain(values: list[float | None]) -> float:
    week = known(values, 7)
    return math.nan if week is None else 7 * statistics.fmean(week) * slow_monotony(values)


@pytest.mark.parametrize(
    ("measure", "oracle"),
    [
        (workload.coupled_ratio, slow_coupled),
        (workload.uncoupled_ratio, slow_uncoupled),
        (workload.ewma_ratio, slow_ewma),
        (workload.monotony, slow_monotony),
        (workload.strain, slow_strain),
    ],
)
@given(values=loads)
@example(values=[0.0] * 40)
@example(values=[70.0] * 10 + [0.0] * 60)
@settings(max_examples=150, deadline=None)
def test_context_measures_equal_their_definitions_on_every_day(
    measure: Callable[[pd.Series], pd.Series], oracle: Callable[[list[float | None]], float], values: list[float | None]
) -> None:
    load = pd.Series(values, index=pd.date_range("2026-01-01", periods=len(values)), dtype=float)
    expected = [oracle(values[: day + 1]) for day in range(len(values))]
    assert expected == pytest.approx(measure(load).tolist(), rel=1e-9, abs=1e-9, nan_ok=True)


@given(histories(), st.sampled_from(ZONES), missing_days)
@settings(max_examples=60, deadline=None)
def test_no_work_is_lost_between_sessions_visits_and_days(
    sessions: pd.DataFrame, zone: str, missing: frozenset[date]
) -> None:
    total = sessions["work_j"].sum()
    load = workload.daily_load(sessions, zone)
    marked = workload.daily_load(sessions, zone, missing)
    assert total == pytest.approx(workload.merge_visits(sessions)["work_j"].sum())
    assert total == pytest.approx(load.sum())
    assert [None if day.date() in missing else work for day, work in load.items()] == [
        None if math.isnan(work) else work for work in marked
    ]


@given(histories(), st.sampled_from(ZONES), missing_days)
@settings(max_examples=60, deadline=None)
def test_a_view_is_a_window_on_the_whole_history(sessions: pd.DataFrame, zone: str, missing: frozenset[date]) -> None:
    first = datetime.fromtimestamp(BEGIN_US / 1e6, tz=UTC).date() - timedelta(days=2)
    whole = workload.workload_view(sessions, zone, first, first + timedelta(days=120), missing)
    part = workload.workload_view(sessions, zone, first + timedelta(days=40), first + timedelta(days=60), missing)
    assert whole["days"][40:61] == part["days"]
    assert [
        each for each in whole["sessions"] if part["days"][0]["day"] <= each["day"] <= part["days"][-1]["day"]
    ] == part["sessions"]
