"""The vectorised workload against slow, obvious loops over the same words of the rules."""

import math
import statistics
from collections.abc import Callable
from dataclasses import replace
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
from sledwatch.rules import DEFAULT_RULES

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
    weeks = draw(st.one_of(st.integers(4, 8), st.integers(8, 60 // len(days))))
    planned = [48 * (7 * week + day) for week in range(weeks) for day in days]
    skipped = draw(st.sets(st.integers(0, len(planned) - 1), max_size=3))
    return np.array([start for number, start in enumerate(planned) if number not in skipped], dtype=np.int64)


rare = st.integers(3, 31).flatmap(
    lambda days: st.integers(1, 9).map(lambda count: np.arange(count, dtype=np.int64) * 48 * days)
)


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    """Sessions of all kinds of people; overlapping ones and empty ones among them."""
    start = BEGIN_US + draw(st.one_of(irregular, weekly_habits(), rare)) * (HOUR_US // 2)
    return drawn_sessions(draw, start)


@st.composite
def long_histories(draw: st.DrawFn) -> pd.DataFrame:
    """Two years and more, of people who come often, seldom, or stay away for months."""
    gap = st.sampled_from([1, 4, 48, 96, 144, 336, 20 * 48, 29 * 48, 31 * 48, 88 * 48, 90 * 48 + 1, 120 * 48])
    gaps = draw(st.lists(gap, min_size=20, max_size=30)) + draw(st.lists(st.sampled_from([96, 144, 336]), max_size=20))
    return drawn_sessions(draw, BEGIN_US + np.cumsum(np.array(gaps, dtype=np.int64)) * (HOUR_US // 2))


def drawn_sessions(draw: st.DrawFn, start: np.ndarray) -> pd.DataFrame:
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
        self.zone, self.missed = ZoneInfo(zone), missing
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

    def layoff(self, number: int) -> tuple[float, int]:
        """How long the break was that somebody returns from, and the how manieth visit after it this is."""
        last = number
        while self.before(number, 30):
            number -= 1
        return (self.start(number) - self.start(number - 1)) / DAY_US, last - number + 1

    def last_days(self, week: int) -> list[date]:
        """The 7 days that end with the visit's day, or those so many weeks before them."""
        return [self.day(self.now) - timedelta(days=7 * week + n) for n in range(7)]

    def in_week(self, week: int) -> list[int]:
        days = self.last_days(week)
        return [n for n in range(len(self.visits)) if self.day(self.start(n)) in days]

    def baseline(self) -> dict:
        """The last 7 days against the own weeks."""
        missing = self.missed
        last = len(self.visits) - 1
        begin = self.day(self.start(self.chapter(last)))
        footing = self.footing(last)
        weeks = 0
        while footing == "baseline" and weeks < 52 and min(self.last_days(weeks + 1)) >= begin:
            weeks += 1
        whole = [week for week in range(1, weeks + 1) if not missing.intersection(self.last_days(week))]
        loads = [sum(self.work(n) for n in self.in_week(week)) for week in whole]
        now = sum(self.work(n) for n in self.in_week(0))
        gone = sum(len(missing.intersection(self.last_days(week))) for week in range(weeks + 1))
        found: dict = {
            "week_j": float(now),
            "hard_sets_7d": sum(each["hard_sets"] for n in self.in_week(0) for each in self.visits[n]),
            "missing_7d": len(missing.intersection(self.last_days(0))),
            "baseline_weeks": len(whole),
            "baseline_weeks_left_out": weeks - len(whole),
            "baseline_missing_days": gone,
            "baseline_mean_j": math.nan,
            "baseline_sd_j": math.nan,
            "baseline_z": math.nan,
        }
        if footing != "baseline":
            return found | {"baseline": footing}
        if weeks >= 8 and (gone > 0.2 * 7 * (weeks + 1) or found["missing_7d"] > 1.4):
            return found | {"baseline": "missing"}
        if len(whole) < 8:
            return found | {"baseline": "few-weeks"}
        mean = statistics.fmean(loads)
        if mean <= 0.01:
            return found | {"baseline": "no-load"}
        spread = max(statistics.stdev(loads), 0.1 * mean)
        z = (now - mean) / spread
        state = "red" if z >= 3 else "yellow" if z >= 2 else "usual"
        return found | {"baseline": state, "baseline_mean_j": mean, "baseline_sd_j": spread, "baseline_z": z}

    def row(self) -> dict:
        last = len(self.visits) - 1
        footing = self.footing(last)
        state = "no-baseline" if self.missing[30] > 6 and footing != "beginner" else footing
        spike = self.work(last) / self.best(last, 30) if state == "baseline" else math.nan
        baseline = self.baseline()
        loud = (self.spaced(last) and not self.habit(last)) or baseline["baseline"] == "red"
        severity = None
        if spike > 1.1:
            severity = "note" if spike <= 1.3 else "alert" if loud or spike > 2 else "warn"
        tops = [max(each["top_load_kg"] for each in visit) for visit in self.visits]
        layoff_days, after_layoff = self.layoff(last) if self.returning(last) else (math.nan, 0)
        return {
            **baseline,
            "anew": self.chapter(last) > 0,
            "layoff_days": layoff_days,
            "visits_since_layoff": after_layoff,
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
        if row["baseline"] in {"yellow", "red"}:
            found["workload.baseline"] = "warn" if row["baseline"] == "red" else "note"
        if row["hard_sets_7d"] > 20 and self.visits[-1][-1]["hard_sets"] > 0:
            found["workload.volume"] = "note"
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
    for found in workload.session_table(sessions, zone, missing).tail(8).to_dict("records"):
        expected = Oracle(sessions, zone, missing, found["session"]).row()
        assert {} == {name: (value, found[name]) for name, value in expected.items() if not same(value, found[name])}


def of_all(members: list[tuple[pd.DataFrame, list[str]]]) -> pd.DataFrame:
    """The sessions of several members m0, m1, … below each other, in no order; each goes to its zones in turn."""
    frames = [
        sessions.assign(user=f"m{number}", time_zone=np.resize(np.array(zones, dtype=object), len(sessions)))
        for number, (sessions, zones) in enumerate(members)
    ]
    return pd.concat(frames, ignore_index=True).sample(frac=1, random_state=1, ignore_index=True)


@given(histories(), st.sampled_from(ZONES), missing_days)
@settings(max_examples=25, deadline=None)
def test_a_day_without_a_session_stands_on_what_a_session_at_its_end_would(
    sessions: pd.DataFrame, zone: str, missing: frozenset[date]
) -> None:
    first = datetime.fromtimestamp(BEGIN_US / 1e6, UTC).date() - timedelta(days=2)
    view = workload.workload_view(sessions, zone, first, first + timedelta(days=140), missing)
    days = {date.fromisoformat(day["day"]): day for day in view["days"]}
    said = {
        day: span["state"] for span in view["standing"] for day in days if span["from"] <= day.isoformat() <= span["to"]
    }
    assert list(days) == list(said)
    known = workload.Sessions.of_frame(sessions)
    for day in list(days)[::5]:
        at_us = (
            round(datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone)).timestamp()) * 10**6
        )
        if days[day]["sessions"] == 0 and (known.start_us < at_us).any():
            assert workload.state_of(sessions, at_us, zone, missing) == said[day]
    for session in view["sessions"]:
        assert said[date.fromisoformat(session["day"])] is not None


zones_used = st.lists(st.sampled_from(ZONES), min_size=1, max_size=2)


@given(st.lists(st.tuples(histories(), zones_used, missing_days), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_all_members_at_once_are_judged_as_each_alone(
    members: list[tuple[pd.DataFrame, list[str], frozenset[date]]],
) -> None:
    every = of_all([(sessions, zones) for sessions, zones, _ in members])
    gone = [(f"m{number}", day) for number, (_, _, missing) in enumerate(members) for day in missing]
    strict = DEFAULT_RULES.changed({"hard_session_share": 0.5, "history_sessions": 3, "baseline_weeks": 3})
    judged = workload.judge_all(every, pd.DataFrame(gone, columns=["user", "day"]), {"m1": strict})
    zone_of = {(row["user"], row["session"]): row["time_zone"] for row in every.to_dict("records")}
    found = {(record.user, record.session): record for record in map(judged.record, judged.answers)}
    expected = {}
    for number, (sessions, _, missing) in enumerate(members):
        user, rules = f"m{number}", strict if number == 1 else DEFAULT_RULES
        for session in sessions.loc[sessions["work_j"] > 0, "session"]:
            of_frame = workload.Sessions.of_frame(sessions)
            alone = workload.judged_session(of_frame, session, zone_of[user, session], missing, rules)
            expected[user, session] = alone and replace(alone, user=user)
    # As text, since a figure that is undefined is not equal to itself.
    assert {key: str(record) for key, record in expected.items()} == {key: str(one) for key, one in found.items()}
    assert [session for _, session in sorted(expected)] == judged.frame()["session"].tolist()


@given(long_histories(), st.sampled_from(ZONES), missing_days)
@settings(max_examples=40, deadline=None)
def test_a_year_says_of_a_session_what_ten_years_say(
    sessions: pd.DataFrame, zone: str, missing: frozenset[date]
) -> None:
    trained = sessions[sessions["work_j"] > 0]
    for session, start_us in list(zip(trained["session"], trained["start_us"], strict=True))[-6:]:
        cut_us = start_us - (workload.LOOK_BACK_DAYS + 1) * DAY_US
        older = trained.loc[trained["start_us"] < cut_us, "start_us"]
        recent = sessions[sessions["start_us"] >= (older.iloc[-1] - DAY_US if len(older) else cut_us)]
        whole, part = (
            workload.judged_session(workload.Sessions.of_frame(known), session, zone, missing)
            for known in (sessions, recent)
        )
        assert whole is not None
        assert part is not None
        assert str(replace(whole, visit=0)) == str(replace(part, visit=0))


@given(histories(), st.sampled_from(ZONES))
@settings(max_examples=30, deadline=None)
def test_rows_of_a_database_and_a_frame_are_the_same_sessions(sessions: pd.DataFrame, zone: str) -> None:
    rows = sessions[list(workload.SESSION_COLUMNS)].astype(object).to_numpy().tolist()[::-1]
    from_rows = workload.judge(workload.Sessions.of_rows(rows), zone).frame()
    pd.testing.assert_frame_equal(workload.session_table(sessions, zone), from_rows)


@given(histories(), st.sampled_from(ZONES), missing_days)
@settings(max_examples=50, deadline=None)
def test_findings_are_those_of_the_rules_whatever_came_later(
    sessions: pd.DataFrame, zone: str, missing: frozenset[date]
) -> None:
    for session in sessions.loc[sessions["work_j"] > 0, "session"].tail(12):
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


@given(st.lists(loads, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_all_members_have_at_once_the_measures_that_each_has_alone(members: list[list[float | None]]) -> None:
    days = [pd.date_range("2026-01-01", periods=len(values)) for values in members]
    frame = pd.concat(
        pd.DataFrame({"user": f"m{number}", "day": days[number], "work_j": np.array(values, dtype=float)})
        for number, values in enumerate(members)
    )
    found = workload.daily_measures(frame)
    for name in workload.MEASURES:
        alone = [
            getattr(workload, name)(pd.Series(values, index=index, dtype=float))
            for values, index in zip(members, days, strict=True)
        ]
        assert pd.concat(alone).tolist() == pytest.approx(found[name].tolist(), rel=1e-9, nan_ok=True)


@given(st.lists(st.tuples(histories(), st.sampled_from(ZONES), missing_days), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_all_members_have_at_once_the_days_that_each_has_alone(
    members: list[tuple[pd.DataFrame, str, frozenset[date]]],
) -> None:
    gone = [(f"m{number}", day) for number, (_, _, missing) in enumerate(members) for day in missing]
    every = of_all([(sessions, [zone]) for sessions, zone, _ in members])
    found = workload.daily_load_of_all(every, pd.DataFrame(gone, columns=["user", "day"]))
    alone = [
        workload.daily_load(sessions, zone, missing).reset_index().assign(user=f"m{number}")
        for number, (sessions, zone, missing) in enumerate(members)
    ]
    expected = pd.concat(alone)[["user", "day", "work_j"]]
    assert str(expected.to_numpy().tolist()) == str(found.to_numpy().tolist())


@given(st.lists(st.integers(0, 2_000_000_000), max_size=30), st.sampled_from([*ZONES, "Africa/Casablanca"]))
@settings(max_examples=60, deadline=None)
def test_a_local_day_is_that_of_the_zone(seconds: list[int], zone: str) -> None:
    expected = [datetime.fromtimestamp(second, tz=UTC).astimezone(ZoneInfo(zone)).date() for second in seconds]
    days = workload.local_days(np.array(seconds, dtype=np.int64) * 1_000_000, zone)
    assert expected == [date(1970, 1, 1) + timedelta(days=int(day)) for day in days]


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
