"""Workload: the check values of the literature, and what happens at each threshold and edge."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import numpy as np
import pandas as pd
import pytest

from histories import DAY_US, HOUR_US, NOON_US, history, rep, weekly
from sledwatch import workload
from sledwatch.rules import DEFAULT_RULES

Measure = Callable[[pd.Series], pd.Series]
# Williams 2017: three athletes, 28 days each, alike to the coupled ratio.
WILLIAMS = {
    "a": [30] * 21 + [50] * 7,
    "b": [
        15,
        15,
        20,
        20,
        20,
        25,
        25,
        25,
        25,
        30,
        30,
        30,
        35,
        35,
        35,
        35,
        35,
        40,
        45,
        45,
        45,
        40,
        40,
        45,
        45,
        50,
        60,
        70,
    ],
    "c": [55, 50, 40, 60, 45, 50, 50, 20, 30, 80, 25, 10, 30, 15, 20, 15, 5, 5, 15, 5, 5, 5, 5, 15, 45, 90, 95, 95],
}


def by_start(*sessions: tuple[float, float]) -> pd.Series:
    """Work indexed by start time, from (day, joules)."""
    index = pd.to_datetime([NOON_US + round(day * DAY_US) for day, _ in sessions], unit="us", utc=True)
    return pd.Series([float(work) for _, work in sessions], index=index)


def daily(values: list[float | None]) -> pd.Series:
    return pd.Series(values, index=pd.date_range("2026-07-06", periods=len(values), name="day"), dtype=float)


def last(values: pd.Series) -> float:
    return float(values.iloc[-1])


def row(sessions: pd.DataFrame, **more: object) -> dict[str, object]:
    """What the table says of the last session."""
    return workload.session_table(sessions, "Europe/Berlin", **more).iloc[-1].to_dict()


@pytest.mark.parametrize(("athlete", "ratio"), [("a", 1.25), ("b", 1.41), ("c", 1.55)])
def test_ewma_ratio_gives_the_published_values(athlete: str, ratio: float) -> None:
    assert ratio == round(last(workload.ewma_ratio(daily(WILLIAMS[athlete]))), 2)


@pytest.mark.parametrize("athlete", ["a", "b", "c"])
def test_coupled_and_uncoupled_ratio_give_the_published_values(athlete: str) -> None:
    load = daily(WILLIAMS[athlete])
    assert (1.43, 1.67) == (
        round(last(workload.coupled_ratio(load)), 2),
        round(last(workload.uncoupled_ratio(load)), 2),
    )


def test_the_ewma_begins_with_the_first_load() -> None:
    assert 1.0 == workload.ewma_ratio(daily([500.0, 0.0])).iloc[0]


def test_three_visits_a_week_have_the_monotony_that_the_literature_gives() -> None:
    """Foster 1998 with the sample SD: three equal sessions in a week give 0.80."""
    load = daily([100, 0, 100, 0, 100, 0, 0])
    assert (0.80, 0.80 * 300) == (
        pytest.approx(last(workload.monotony(load)), abs=0.005),
        pytest.approx(last(workload.strain(load)), abs=1.5),
    )


@pytest.mark.parametrize("work_j", [0.0, 0.1, 12_345.678])
def test_monotony_of_equal_days_is_undefined(work_j: float) -> None:
    assert np.isnan(last(workload.monotony(daily([work_j] * 7))))


def test_windows_need_their_days() -> None:
    load = daily([100.0 + n for n in range(28)])
    known = [
        int(measure(load).notna().sum())
        for measure in (workload.coupled_ratio, workload.uncoupled_ratio, workload.monotony, workload.strain)
    ]
    assert [1, 1, 22, 22] == known


@pytest.mark.parametrize("measure", [workload.ewma_ratio, workload.coupled_ratio, workload.uncoupled_ratio])
def test_a_chronic_load_of_nothing_gives_no_ratio(measure: Measure) -> None:
    assert np.isnan(last(measure(daily([0.01] * 28))))


@pytest.mark.parametrize("measure", [workload.ewma_ratio, workload.coupled_ratio, workload.uncoupled_ratio])
def test_more_than_a_fifth_of_missing_days_gives_no_ratio(measure: Measure) -> None:
    load: list[float | None] = [100.0, 0.0, 50.0, 0.0] * 7
    few = daily([*load[:8], *[None] * 4, *load[12:]])
    many = daily([*load[:8], *[None] * 6, *load[14:]])
    assert (False, True) == (np.isnan(last(measure(few))), np.isnan(last(measure(many))))


def test_a_missing_day_is_not_a_rest_day() -> None:
    missing = daily([100, 0, 100, 0, None, 100, 0])
    rest = daily([100, 0, 100, 0, 0, 100, 0])
    assert last(workload.monotony(missing)) > last(workload.monotony(rest))


def test_a_session_is_compared_with_the_largest_of_the_30_days_before_it() -> None:
    spike = workload.session_spike(by_start((0, 100), (10, 80), (30, 150), (30.1, 60), (61, 90)))
    assert [None, 0.8, 1.5, 0.4, None] == [None if np.isnan(value) else value for value in spike]


def test_sessions_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        workload.session_spike(by_start((1, 100), (0, 100)))


def test_a_session_without_work_is_nothing_to_compare_with() -> None:
    assert np.isnan(last(workload.session_spike(by_start((0, 0.01), (1, 100)))))


@pytest.mark.parametrize(
    ("severity", "ratio"),
    [
        (None, 1.10),
        ("note", 1.1001),
        ("note", 1.30),
        ("warn", 1.3001),
        ("warn", 2.00),
        ("alert", 2.0001),
        (None, np.nan),
    ],
)
def test_a_spike_is_as_loud_as_its_ratio(severity: str | None, ratio: float) -> None:
    assert severity == workload.spike_severity(ratio)


@pytest.mark.parametrize(("severity", "ratio"), [("note", 1.30), ("alert", 1.3001), (None, 1.10)])
def test_together_with_spacing_a_warning_becomes_an_alert(severity: str | None, ratio: float) -> None:
    assert severity == workload.spike_severity(ratio, joined=True)


@pytest.mark.parametrize(("hard", "work_j"), [(False, 70.0), (True, 70.001)])
def test_a_hard_session_is_more_than_70_percent_of_the_largest(hard: bool, work_j: float) -> None:
    assert hard == bool(workload.hard_sessions(by_start((0, 100), (1, work_j))).iloc[-1])


def test_hard_sessions_on_consecutive_days_are_too_close() -> None:
    close = workload.spacing(by_start((0, 100), (2, 100), (3, 100), (3.3, 90), (5, 100)), "UTC")
    assert [False, False, True, True, False] == close.tolist()


def test_an_easy_session_between_hard_ones_changes_nothing() -> None:
    close = workload.spacing(by_start((0, 100), (2, 100), (2.3, 10), (3, 100)), "UTC")
    assert [False, False, False, True] == close.tolist()


def test_the_gyms_time_zone_says_what_a_day_is() -> None:
    """Noon and 35 h later: two calendar days apart in UTC (23:00), three in Tokyo."""
    sessions = by_start((-5, 100), (0, 100), (35 / 24, 100))
    assert (True, False) == (
        bool(workload.spacing(sessions, "UTC").iloc[-1]),
        bool(workload.spacing(sessions, "Asia/Tokyo").iloc[-1]),
    )


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        workload.session_table(history((0, 1.0)), "Mars/Olympus")


@pytest.mark.parametrize(("habit", "weeks"), [(False, 4), (True, 5)])
def test_consecutive_days_in_each_of_four_weeks_are_a_habit(habit: bool, weeks: int) -> None:
    """The judged Tuesday is in the last of the weeks; four whole ones must lie before it."""
    assert habit == row(history(*weekly(weeks, 20_000, 0, 1)))["habit"]


def test_a_habit_may_span_the_turn_of_the_week() -> None:
    assert row(history(*weekly(6, 20_000, 0, 6)))["habit"]


def test_one_week_without_consecutive_days_ends_the_habit() -> None:
    sessions = [session for session in weekly(6, 20_000, 0, 1) if session[0] != 22]
    assert not row(history(*sessions))["habit"]


@pytest.mark.parametrize(("visits", "gap_h"), [(1, 1.999), (2, 2.0)])
def test_sessions_less_than_two_hours_apart_are_one_visit(visits: int, gap_h: float) -> None:
    sessions = history((0, 100), ((0.5 + gap_h) / 24, 60))
    assert visits == len(workload.merge_visits(sessions))


def test_a_long_session_keeps_a_visit_together_past_a_short_one_within_it() -> None:
    """Three hours on one machine, a quarter of an hour on another beside it, and a third session an hour after."""
    ends = [NOON_US + 3 * HOUR_US, NOON_US + HOUR_US, None]
    assert 1 == len(workload.merge_visits(history((0, 1.0), (0.03, 1.0), (4 / 24, 1.0), end_us=ends)))


def test_a_visit_adds_up_its_sessions() -> None:
    sessions = history((0, 100), (1 / 24, 60), top_load_kg=[80.0, 120.0], hard_sets=[2, 3])
    merged = workload.merge_visits(sessions).iloc[0].to_dict()
    assert {
        "session": "s0",
        "start_us": NOON_US,
        "end_us": NOON_US + HOUR_US * 3 // 2,
        "work_j": 160.0,
        "tonnage_kg": 2_000.0,
        "top_load_kg": 120.0,
        "hard_sets": 5,
        "sessions": 2,
    } == merged


def test_a_badge_in_without_a_rep_is_no_session() -> None:
    empty = history((0, 100), (2.4 / 24, 0), (4.5 / 24, 50), tonnage_kg=[1000.0, 0.0, 1000.0])
    assert ["s0", "s2"] == workload.merge_visits(empty)["session"].tolist()


def test_a_session_that_still_lasts_ends_where_it_began() -> None:
    sessions = history((0, 100), (2.1 / 24, 60), end_us=[None, None])
    assert 2 == len(workload.merge_visits(sessions))


def test_the_daily_load_knows_rest_from_missing() -> None:
    load = workload.daily_load(history((0, 100), (0.2, 50), (3, 70)), "UTC", {date(2026, 7, 8), date(2027, 1, 1)})
    assert {"2026-07-06": 150.0, "2026-07-07": 0.0, "2026-07-08": None, "2026-07-09": 70.0} == {
        str(day.date()): None if np.isnan(work) else work for day, work in load.items()
    }


def test_a_day_with_lost_data_is_missing_whatever_was_seen_of_it() -> None:
    assert np.isnan(workload.daily_load(history((0, 100)), "UTC", {date(2026, 7, 6)}).iloc[0])


def test_a_session_keeps_its_local_day_where_the_clocks_change() -> None:
    """22:30 UTC is half past midnight in Berlin's summer time, and 23:30 when it ended on 25 October 2026."""
    night_us = 1_792_967_400_000_000  # 25 October 2026, 22:30 UTC
    sessions = history((0, 100), (0, 70), start_us=[night_us - 3 * DAY_US, night_us], end_us=[None, None])
    load = workload.daily_load(sessions, "Europe/Berlin")
    assert [("2026-10-23", 100.0), ("2026-10-24", 0.0), ("2026-10-25", 70.0)] == [
        (str(day.date()), work) for day, work in load.items()
    ]


STEADY = weekly(6)


@pytest.mark.parametrize(
    ("state", "sessions"),
    [
        ("beginner", [(0, 1.0)]),
        ("beginner", [(0, 1.0), (10, 1.0), (20, 1.0), (31, 1.0)]),
        ("beginner", [(0, 1.0), (10, 1.0), (15, 1.0), (20, 1.0), (29.99, 1.0)]),
        ("baseline", [(0, 1.0), (10, 1.0), (15, 1.0), (20, 1.0), (30, 1.0)]),
        ("baseline", [*STEADY, (42, 1.0)]),
        ("baseline", [*STEADY, (38 + 30, 1.0)]),
        ("returning", [*STEADY, (38 + 30.01, 1.0)]),
        ("returning", [*STEADY, (70, 1.0), (72, 1.0)]),
        ("baseline", [*STEADY, (70, 1.0), (72, 1.0), (74, 1.0)]),
        ("returning", [*STEADY, (70, 1.0), (95, 1.0), (120, 1.0)]),
        ("returning", [*STEADY, (38 + 90, 1.0)]),
        ("beginner", [*STEADY, (38 + 90.01, 1.0)]),
        ("baseline", [(20 * number, 1.0) for number in range(6)]),
    ],
)
def test_the_history_decides_the_state(state: str, sessions: list[tuple[float, float]]) -> None:
    assert state == row(history(*sessions))["state"]


def test_the_state_at_a_moment_is_that_of_a_session_then() -> None:
    sessions = history(*STEADY, (70, 1.0), (72, 1.0), (74, 1.0), (200, 1.0))
    table = workload.session_table(sessions, "UTC")
    states = [workload.state_of(sessions, start_us) for start_us in table["visit_start_us"]]
    assert table["state"].tolist() == states


@pytest.mark.parametrize(("state", "days"), [("baseline", 6), ("no-baseline", 7)])
def test_more_than_a_fifth_of_missing_days_leaves_no_baseline(state: str, days: int) -> None:
    missing = frozenset(date(2026, 7, 27) + timedelta(days=n) for n in range(days))
    sessions = history(*STEADY, (42, 60_000.0))
    assert (state, state) == (
        row(sessions, missing_days=missing)["state"],
        workload.state_of(sessions, NOON_US + 42 * DAY_US, "Europe/Berlin", missing),
    )


def test_somebody_without_sessions_is_a_beginner() -> None:
    assert "beginner" == workload.state_of(history(), NOON_US)


def test_days_in_a_row_are_counted_once_a_day() -> None:
    table = workload.session_table(history((0, 1.0), (1, 1.0), (1.3, 1.0), (2, 1.0), (4, 1.0)), "UTC")
    assert [1, 2, 2, 3, 1] == table["days_in_a_row"].tolist()


def test_the_best_load_so_far_is_that_of_the_visits_before() -> None:
    loads = [100.0, 120.0, 90.0, 150.0]
    table = workload.session_table(history((0, 1.0), (2, 1.0), (4, 1.0), (4.05, 1.0), top_load_kg=loads), "UTC")
    assert [None, 100.0, 120.0, 120.0] == [None if np.isnan(best) else best for best in table["best_load_kg"]]


def test_the_best_load_is_forgotten_after_90_days_without_a_session() -> None:
    table = workload.session_table(history((0, 1.0), (91, 1.0), (92, 1.0), top_load_kg=[200.0, 80.0, 90.0]), "UTC")
    assert [None, None, 80.0] == [None if np.isnan(best) else best for best in table["best_load_kg"]]


@pytest.mark.parametrize(
    ("hard", "losses"), [(1, [0, 5, 20.0]), (0, [0, 5, 19.99]), (0, [0, 25.0, 10.0]), (1, [0, None, 30.0])]
)
def test_a_set_is_hard_when_its_last_rep_is_a_fifth_slower(hard: int, losses: list[float | None]) -> None:
    reps = [rep(number, 400, velocity_loss_pct=loss) for number, loss in enumerate(losses)]
    assert hard == workload.hard_sets(reps, None)


def test_an_unsure_velocity_makes_no_set_hard() -> None:
    reps = [rep(1, 400, velocity_loss_pct=0.0), rep(2, 400, velocity_loss_pct=60.0, quality="unsure")]
    assert 0 == workload.hard_sets(reps, 120.0)


@pytest.mark.parametrize(
    ("hard", "count", "e1rm_kg"), [(1, 6, 200.0), (0, 5, 200.0), (0, 6, 200.01), (0, 6, None), (0, 6, 0.0)]
)
def test_without_velocities_six_reps_at_60_percent_are_hard(hard: int, count: int, e1rm_kg: float | None) -> None:
    assert hard == workload.hard_sets([rep(number, 400, load_kg=120.0) for number in range(count)], e1rm_kg)


def test_hard_sets_are_counted_set_by_set() -> None:
    reps = [rep(number, 400, in_set=1 + number // 3, velocity_loss_pct=10.0 * (number % 3)) for number in range(6)]
    assert 2 == workload.hard_sets(reps, None)


def test_the_reps_of_a_session_add_up_and_unknown_work_is_told() -> None:
    reps = [rep(1, 400, 100.0, work_j=300.0), rep(2, 400, 110.0), rep(3, 400, 900.0, work_j=1.0, quality="unsure")]
    assert workload.SessionTotals(
        work_j=301.0, tonnage_kg=1_110.0, top_load_kg=110.0, reps=3, reps_without_work=1
    ) == workload.session_totals(reps)


def test_no_reps_add_up_to_nothing() -> None:
    assert workload.SessionTotals(0, 0, 0.0, 0, 0) == workload.session_totals([])


def test_the_view_is_plain_json_with_every_day() -> None:
    sessions = history(*weekly(6), (42, 30_000.0))
    view = workload.workload_view(sessions, "UTC", date(2026, 8, 15), date(2026, 8, 18), {date(2026, 8, 18)})
    assert view == json.loads(json.dumps(view, allow_nan=False))
    assert [("2026-08-15", 0.0), ("2026-08-16", 0.0), ("2026-08-17", 30_000.0), ("2026-08-18", None)] == [
        (day["day"], day["work_j"]) for day in view["days"]
    ]


def test_the_view_shows_a_session_as_it_was_judged() -> None:
    view = workload.workload_view(history(*weekly(6), (42, 30_000.0)), "UTC", date(2026, 8, 17), date(2026, 8, 17))
    (session,) = view["sessions"]
    assert session == session | {
        "session": "s12",
        "start_at": "2026-08-17T12:00:00.000000Z",
        "day": "2026-08-17",
        "work_j": 30_000.0,
        "visit_work_j": 30_000.0,
        "best_30d_j": 20_000.0,
        "spike": 1.5,
        "severity": "warn",
        "hard": True,
        "state": "baseline",
        "hard_sets_7d": 6,
        "week_j": 50_000.0,
        "baseline": "few-weeks",
        "baseline_weeks": 5,
        "baseline_mean_j": None,
    }


def test_the_view_gives_a_day_its_figures_and_context() -> None:
    sessions = history(*weekly(6), top_load_kg=[100.0 + number for number in range(12)])
    day = workload.workload_view(sessions, "UTC", date(2026, 8, 13), date(2026, 8, 13))["days"][0]
    assert {"sessions": 1, "hard_sets": 3, "tonnage_kg": 1_000.0, "top_load_kg": 111.0, "coupled_ratio": 1.0} == {
        name: day[name] for name in ("sessions", "hard_sets", "tonnage_kg", "top_load_kg", "coupled_ratio")
    }


def view_of(sessions: pd.DataFrame, first: date, last: date, **more: Any) -> dict[str, Any]:
    return workload.workload_view(sessions, "UTC", first, last, **more)


def test_a_day_has_the_best_of_the_30_days_before_it_and_the_hard_sets_of_its_7_days() -> None:
    days = view_of(history((0, 9_000.0), (2, 8_000.0), (5, 7_000.0)), date(2026, 7, 6), date(2026, 8, 11))["days"]
    assert [None, 9_000.0, 9_000.0] == [day["best_30d_j"] for day in days[:3]]
    # What is compared with is what 30 days hold when the day begins.
    assert [9_000.0, 8_000.0, 7_000.0, None] == [days[back]["best_30d_j"] for back in (30, 31, 33, 36)]
    assert [3, 3, 6, 6, 6, 9, 9, 6] == [day["hard_sets_7d"] for day in days[:8]]


def test_days_that_stand_on_the_same_are_one_span() -> None:
    sessions = history(*weekly(6), (80, 9_000.0), (83, 9_000.0))
    spans = view_of(sessions, date(2026, 7, 4), date(2026, 9, 28))["standing"]
    assert [
        (None, "2026-07-04", "2026-07-05"),
        ("beginner", "2026-07-06", "2026-08-04"),
        ("baseline", "2026-08-05", "2026-09-11"),
        ("returning", "2026-09-12", "2026-09-27"),
        ("baseline", "2026-09-28", "2026-09-28"),
    ] == [(span["state"], span["from"], span["to"]) for span in spans]


def test_a_beginner_is_told_what_is_still_needed() -> None:
    now = view_of(history((0, 9_000.0), (3, 9_000.0)), date(2026, 7, 6), date(2026, 7, 12))["now"]
    assert ("beginner", 2, 4, "2026-08-05") == tuple(
        now[name] for name in ("state", "sessions", "sessions_needed", "comparisons_from")
    )


def test_whoever_returns_is_told_which_session_the_next_one_is() -> None:
    sessions = history(*weekly(6), (80, 9_000.0))
    (before, after) = (view_of(sessions, last, last)["now"] for last in (date(2026, 9, 20), date(2026, 9, 24)))
    assert [("returning", 1), ("returning", 2)] == [(now["state"], now["returning_session"]) for now in (before, after)]
    assert 80 - 38 == after["days_off"]


def test_nobody_begins_without_a_session_and_everybody_anew_after_90_days() -> None:
    nobody = view_of(history(), date(2026, 7, 6), date(2026, 7, 6))["now"]
    assert ("beginner", False, None) == tuple(nobody[name] for name in ("state", "anew", "comparisons_from"))
    anew = view_of(history(*weekly(6)), date(2027, 1, 1), date(2027, 1, 1))["now"]
    assert ("beginner", True, 0) == tuple(anew[name] for name in ("state", "anew", "sessions"))


def test_weeks_end_with_the_last_day_and_are_held_against_the_weeks_before() -> None:
    sessions = history(*weekly(10), (70, 20_000.0), (71, 90_000.0))
    view = view_of(sessions, date(2026, 9, 1), date(2026, 9, 16))
    assert [("2026-09-03", "2026-09-09"), ("2026-09-10", "2026-09-16")] == [
        (week["from"], week["to"]) for week in view["weeks"]
    ]
    usual, much = view["weeks"]
    assert [40_000.0, 130_000.0] == [usual["work_j"], much["work_j"]]
    assert ("usual", "red", 40_000.0, 4_000.0, 22.5) == (
        usual["baseline"], much["baseline"], much["baseline_mean_j"], much["baseline_sd_j"], much["baseline_z"]
    )  # fmt: skip


def test_hard_sessions_too_close_are_a_pair() -> None:
    view = view_of(history(*weekly(6), (43, 19_000.0), (44, 21_000.0)), date(2026, 8, 10), date(2026, 8, 20))
    (pair,) = view["pairs"]
    assert ("s13", "s12", 21_000.0, 19_000.0, False) == tuple(
        pair[name] for name in ("session", "earlier_session", "work_j", "earlier_work_j", "habit")
    )


def test_context_says_nothing_in_the_first_27_days() -> None:
    days = workload.workload_view(history(*weekly(5)), "UTC", date(2026, 7, 1), date(2026, 8, 3))["days"]
    shown = [day["day"] for day in days if day["ewma_ratio"] is not None or day["monotony"] is not None]
    assert ("2026-08-02", "2026-08-03") == (shown[0], shown[-1])


def test_the_view_of_a_member_without_sessions_is_all_rest() -> None:
    view = workload.workload_view(history(), "UTC", date(2026, 7, 1), date(2026, 7, 2))
    assert ("beginner", [0.0, 0.0], []) == (view["state"], [day["work_j"] for day in view["days"]], view["sessions"])


def test_the_view_may_end_before_the_first_session() -> None:
    view = workload.workload_view(history((0, 1.0)), "UTC", date(2026, 7, 1), date(2026, 7, 2))
    assert [None, None] == [day["ewma_ratio"] for day in view["days"]]


def test_days_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="2026-07-02 is after"):
        workload.workload_view(history(), "UTC", date(2026, 7, 2), date(2026, 7, 1))


# Ten weeks of 40 kJ: their spread counts as 4 kJ. On the Monday after them, 20 kJ of the 7 days are done.
TEN_WEEKS = weekly(10)


@pytest.mark.parametrize(
    ("baseline", "work_j"), [("usual", 27_999.0), ("yellow", 28_000.0), ("yellow", 31_999.0), ("red", 32_000.0)]
)
def test_seven_days_are_two_or_three_deviations_above_the_own_weeks(baseline: str, work_j: float) -> None:
    found = row(history(*TEN_WEEKS, (70, work_j)))
    assert (baseline, 9, 40_000.0, 4_000.0) == (
        found["baseline"],
        found["baseline_weeks"],
        found["baseline_mean_j"],
        found["baseline_sd_j"],
    )
    assert (20_000.0 + work_j - 40_000.0) / 4_000.0 == pytest.approx(found["baseline_z"])


def test_the_own_weeks_spread_as_a_sample_does() -> None:
    uneven = [(7.0 * week, 10_000.0 * (1 + week % 2)) for week in range(10)]
    assert np.std([20_000.0, 10_000.0] * 4 + [20_000.0], ddof=1) == pytest.approx(
        row(history(*uneven, (70, 10_000.0)))["baseline_sd_j"]
    )


@pytest.mark.parametrize(("baseline", "weeks"), [("few-weeks", 8), ("usual", 9)])
def test_the_own_baseline_needs_eight_weeks_before_the_last_seven_days(baseline: str, weeks: int) -> None:
    """Counted backwards from Sunday, the first Monday begins the oldest of the weeks."""
    assert baseline == row(history(*weekly(weeks), (7 * weeks - 1, 1.0)))["baseline"]


def test_the_own_baseline_looks_back_a_year() -> None:
    """A larger week a year and a week ago is forgotten."""
    found = row(history((0, 90_000.0), *[(7.0 * week, 20_000.0) for week in range(1, 60)]))
    assert (52, 20_000.0) == (found["baseline_weeks"], found["baseline_mean_j"])


def test_a_history_begins_anew_after_90_days_also_for_the_own_weeks() -> None:
    again = [(167.0 + 7 * week, 20_000.0) for week in range(7)]
    assert ("few-weeks", 5, True) == tuple(
        row(history(*TEN_WEEKS, *again))[name] for name in ("baseline", "baseline_weeks", "anew")
    )


@pytest.mark.parametrize("work_j", [0.004, 0.0])
def test_weeks_without_work_are_no_baseline(work_j: float) -> None:
    assert "no-load" == row(history(*weekly(10, work_j), (70, 20_000.0)))["baseline"]


def test_equal_weeks_give_no_deviation_where_none_is_granted() -> None:
    rules = DEFAULT_RULES.changed({"baseline_least_sd": 0})
    found = row(history(*weekly(10, 0.1), (70, 30_000.0)), rules=rules)
    assert ("alike", True) == (found["baseline"], np.isnan(found["baseline_z"]))


def test_a_week_with_missing_days_is_left_out_of_the_own_weeks() -> None:
    found = row(history(*TEN_WEEKS, (70, 20_000.0)), missing_days={date(2026, 8, 5), date(2026, 8, 6)})
    assert ("usual", 8, 1, 2) == (
        found["baseline"],
        found["baseline_weeks"],
        found["baseline_weeks_left_out"],
        found["baseline_missing_days"],
    )


@pytest.mark.parametrize(
    ("baseline", "missing"),
    [
        ("usual", [date(2026, 9, 12)]),
        ("missing", [date(2026, 9, 11), date(2026, 9, 12)]),
        ("missing", [date(2026, 7, 14) + timedelta(days=n) for n in range(15)]),
        ("few-weeks", [date(2026, 7, 14), date(2026, 7, 24)]),
    ],
)
def test_missing_days_leave_too_little_of_the_own_weeks(baseline: str, missing: list[date]) -> None:
    assert baseline == row(history(*TEN_WEEKS, (70, 20_000.0)), missing_days=missing)["baseline"]


@pytest.mark.parametrize(("severity", "work_j"), [("note", 26_000.0), ("alert", 33_000.0)])
def test_a_red_baseline_makes_an_alert_of_a_warn(severity: str, work_j: float) -> None:
    found = row(history(*TEN_WEEKS, (70, work_j)))
    assert (severity, severity == "alert") == (found["severity"], found["joined_baseline"])


def test_what_joins_a_spike_can_be_switched_off() -> None:
    rules = DEFAULT_RULES.changed({"join_baseline": False, "join_spacing": False})
    assert "warn" == row(history(*TEN_WEEKS, (69, 16_000.0), (70, 33_000.0)), rules=rules)["severity"]


def test_the_hard_sets_of_seven_days_end_with_the_day_of_the_session() -> None:
    days = [(0, 1.0), (1, 1.0), (6.4, 1.0), (7, 1.0), (7.5, 1.0)]
    table = workload.session_table(history(*days, hard_sets=[5, 6, 7, 8, 9]), "UTC")
    assert [5, 11, 18, 21, 24] == table["hard_sets_7d"].tolist()


def test_a_visit_over_midnight_belongs_to_the_day_of_its_start() -> None:
    """Sunday before midnight and Monday after it: one visit, on the day after the hard one of Saturday."""
    sessions = history((0, 100.0), (5, 100.0), (6.49, 60.0), (6.55, 40.0))
    table = workload.session_table(sessions, "UTC")
    shown = table[["day", "visit_day"]].tail(2).map(lambda day: day.day).to_numpy().tolist()
    assert ([[12, 12], [13, 12]], [None, "s1"]) == (shown, table["spaced_session"].tolist()[-2:])


def test_sessions_of_one_instant_are_one_visit_in_order_of_their_ids() -> None:
    sessions = history((0, 30.0), (0, 70.0), (2, 110.0), session=["b", "a", "c"])
    table = workload.session_table(sessions, "UTC")
    assert (["a", "b", "c"], [70.0, 100.0, 110.0], 1.1) == (
        table["session"].tolist(),
        table["visit_work_j"].tolist(),
        table["ratio_30d"].iloc[-1],
    )


def test_days_are_next_to_each_other_when_the_clocks_change() -> None:
    """23:30 on 24 October 2026 and 0:30 on the 26th in Berlin are 26 h apart, with a day between them."""
    late_us = 1_792_877_400_000_000
    starts = [late_us - 5 * DAY_US, late_us, late_us + 26 * HOUR_US]
    sessions = history((0, 100.0), (0, 100.0), (0, 100.0), start_us=starts, end_us=[None] * 3)
    days = workload.session_table(sessions, "Europe/Berlin")
    assert (["2026-10-24", "2026-10-26"], False) == (
        [str(day.date()) for day in days["day"].iloc[1:]],
        bool(days["spaced"].iloc[-1]),
    )


def test_a_session_is_judged_by_the_calendar_of_its_own_gym() -> None:
    """35 h from noon to 23:00 UTC: consecutive days there, not in Tokyo."""
    sessions = history((-5, 100), (0, 100), (35 / 24, 100), (36 / 24 + 5, 100)).assign(user="m-1")
    spaced = [
        workload.judge_all(sessions.assign(time_zone=["UTC", "UTC", zone, "UTC"])).frame()["spaced"].iloc[2]
        for zone in ("UTC", "Asia/Tokyo")
    ]
    assert [True, False] == spaced


def test_each_member_has_rules_of_their_own() -> None:
    sessions = history(*STEADY, (42, 25_000.0))
    both = pd.concat([sessions.assign(user=user, time_zone="UTC") for user in ("m-1", "m-2")])
    calm = DEFAULT_RULES.changed({"spike_note": 1.27})
    table = workload.judge_all(both, rules={"m-2": calm}).frame()
    loud = table.dropna(subset="severity")
    assert (["m-1"], ["note"]) == (loud["user"].tolist(), loud["severity"].tolist())


def test_nobody_has_nothing() -> None:
    nobody = history().assign(user=[], time_zone=[])
    assert (0, 0, 0) == (
        len(workload.judge_all(nobody).frame()),
        len(workload.daily_measures(workload.daily_load_of_all(nobody))),
        len(workload.session_table(history(), "UTC")),
    )


def test_a_session_without_a_rep_is_not_judged() -> None:
    sessions = workload.Sessions.of_rows([("s0", NOON_US, None, None, None, None, None)])
    assert workload.judged_session(sessions, "s0", "UTC") is None


def test_a_figure_that_is_not_known_counts_as_nothing() -> None:
    rows = [("s0", NOON_US, None, None, 900.0, None, None), ("s1", NOON_US + DAY_US, None, 50.0, None, 80.0, 2)]
    judged = workload.judged_session(workload.Sessions.of_rows(rows), "s1", "UTC")
    assert judged is not None
    assert (1, True, 0.0) == (judged.earlier_visits, np.isnan(judged.ratio_30d), judged.best_load_kg)


def test_a_record_names_what_a_session_is_compared_with() -> None:
    sessions = history(*STEADY, (39, 15_000.0), (40, 10_000.0), (40.05, 15_000.0))
    judged = workload.judged_session(workload.Sessions.of_frame(sessions), "s14", "UTC")
    assert judged is not None
    assert (
        "s3",
        ("s13", "s14"),
        workload.EarlierVisit("s12", NOON_US + 39 * DAY_US, date(2026, 8, 14), 15e3, 20e3),
    ) == (
        judged.best_30d and judged.best_30d.session,
        judged.sessions_of_visit,
        judged.spaced_with,
    )


def test_of_a_long_history_the_last_53_weeks_count() -> None:
    found = row(history(*[(2.0 * number, 20_000.0) for number in range(400)]))
    assert (185, 371.0, False) == (found["earlier_visits"], found["history_days"], found["anew"])


def test_a_return_is_over_after_a_year_even_for_those_who_come_once_in_a_month() -> None:
    """Never two visits within 30 days: nothing else ends it."""
    monthly = [(38 + 31 + 29.0 * number, 1.0) for number in range(15)]
    states = workload.session_table(history(*STEADY, *monthly), "UTC")["state"].tolist()[-15:]
    assert ["returning"] * 13 + ["baseline"] * 2 == states


def test_a_break_is_told_with_the_visits_since() -> None:
    table = workload.session_table(history(*STEADY, (80, 1.0), (95, 1.0)), "UTC")
    assert [(42.0, 1), (42.0, 2)] == list(
        table[["layoff_days", "visits_since_layoff"]].tail(2).itertuples(index=False, name=None)
    )


@pytest.mark.parametrize(
    ("told", "users", "days"),
    [
        ("user a: 2026-07-06 comes before 2026-07-08", ["a", "a"], ["2026-07-06", "2026-07-08"]),
        ("user a: 2026-07-06 comes before 2026-07-06", ["a", "a"], ["2026-07-06", "2026-07-06"]),
        ("lie together", ["a", "b", "a"], ["2026-07-06", "2026-07-06", "2026-07-07"]),
    ],
)
def test_days_that_are_not_all_there_are_refused(told: str, users: list[str], days: list[str]) -> None:
    load = pd.DataFrame({"user": users, "day": pd.to_datetime(days), "work_j": 1.0})
    with pytest.raises(ValueError, match=told):
        workload.daily_measures(load)


def test_each_athlete_has_the_published_values_beside_the_others() -> None:
    load = pd.concat(
        pd.DataFrame({"user": name, "day": pd.date_range("2026-07-06", periods=28), "work_j": loads})
        for name, loads in WILLIAMS.items()
    )
    on_day_28 = workload.daily_measures(load).groupby("user")[["ewma_ratio", "coupled_ratio", "uncoupled_ratio"]].last()
    assert [[1.25, 1.43, 1.67], [1.41, 1.43, 1.67], [1.55, 1.43, 1.67]] == on_day_28.round(2).to_numpy().tolist()


def test_an_unknown_time_zone_of_one_gym_is_refused() -> None:
    sessions = history((0, 1.0), (1, 1.0)).assign(user="m-1", time_zone=["UTC", "Mars/Olympus"])
    with pytest.raises(ZoneInfoNotFoundError):
        workload.judge_all(sessions)
