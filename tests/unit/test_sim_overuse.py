"""What sessions entail as overuse, by the definitions: examples made by hand."""

import pytest

from sledwatch_sim.people import DAY_US
from sledwatch_sim.truth import Done, Expected, hard_sets, overuse

HOUR_US = DAY_US // 24
MONDAY_US = 1_795_478_400_000_000 - 1_795_478_400_000_000 % DAY_US


def at(day: float, work_j: float = 20_000.0, load_kg: float = 100.0, hard: int = 3) -> Done:
    """A session of half an hour, so many days after a midnight."""
    start_us = MONDAY_US + round(day * DAY_US)
    return Done(start_us, start_us + HOUR_US // 2, work_j, load_kg, (hard, hard))


def weekly(weeks: int) -> list[Done]:
    return [at(7 * week + day) for week in range(weeks) for day in (0.5, 3.5)]


def severities(found: list[Expected]) -> dict[str, str]:
    return {one.rule: one.severity for one in found if not one.near}


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (1.05, {}),
        (1.2, {"workload.spike": "note"}),
        (1.4, {"workload.spike": "warn"}),
        (2.1, {"workload.spike": "alert"}),
    ],
)
def test_a_spike_is_as_severe_as_it_is_high(ratio, expected):
    assert expected == severities(overuse(weekly(6), at(42.5, ratio * 20_000.0)))


def test_a_spike_right_after_a_hard_session_is_an_alert():
    found = overuse(weekly(6), at(39.5, 27_000.0))
    assert {"workload.spike": "alert", "workload.spacing": "warn"} == severities(found)
    assert ("spacing",) == next(one.joined for one in found if one.rule == "workload.spike")


@pytest.mark.parametrize("share", [0.695, 0.705])
def test_the_day_after_a_session_that_is_hardly_hard_nothing_is_sure_of_spacing(share):
    past = [*weekly(6)[:-1], at(38.5, share * 20_000.0)]
    found = overuse(past, at(39.5, 27_000.0))
    assert {} == severities([one for one in found if one.rule == "workload.spacing"])
    assert [True] == [one.severity_near for one in found if one.rule == "workload.spike"]


def test_a_week_far_above_ten_others_makes_a_spike_louder():
    found = overuse([at(7 * week) for week in range(12)], at(84, 28_000.0))
    assert {"workload.spike": "alert", "workload.baseline": "warn"} == severities(found)


@pytest.mark.parametrize(
    ("week", "expected"),
    [(1.18, []), (1.195, [("note", True, False)]), (1.25, [("note", False, False)]), (1.4, [("warn", False, False)])],
)
def test_a_week_is_measured_by_the_weeks_before_it(week, expected):
    found = overuse([at(7 * number) for number in range(12)], at(84, week * 20_000.0))
    told = [(one.severity, one.near, one.severity_near) for one in found if one.rule == "workload.baseline"]
    assert expected == [one for one in told if one[0] is not None]


def test_more_than_twenty_hard_sets_in_a_week_are_noted():
    past = [Done(one.start_us, one.end_us, one.work_j, one.top_load_kg, (7, 7)) for one in weekly(6)]
    now = at(39.5, 15_000.0)
    found = overuse(past, Done(now.start_us, now.end_us, now.work_j, now.top_load_kg, (7, 8)))
    assert [("note", False)] == [(one.severity, one.near) for one in found if one.rule == "workload.volume"]


@pytest.mark.parametrize("ratio", [1.095, 1.105])
def test_what_is_within_one_per_cent_of_a_threshold_is_near(ratio):
    assert [True] == [one.near for one in overuse(weekly(6), at(42.5, ratio * 20_000.0))]


def test_those_who_train_day_after_day_hear_nothing_of_spacing():
    everyday = [at(7 * week + day) for week in range(6) for day in (0, 1, 2, 3, 4)]
    assert {} == severities(overuse(everyday, at(42)))


def test_sessions_less_than_two_hours_apart_are_one():
    assert {"workload.spike": "alert"} == severities(overuse([*weekly(6), at(42.5)], at(42.55, 22_000.0)))


def test_whoever_is_back_at_once_where_they_left_is_told():
    assert {"workload.returning": "warn"} == severities(overuse(weekly(8), at(100, 17_000.0)))
    assert {} == severities(overuse(weekly(8), at(100, 10_000.0)))
    assert {"workload.returning": "warn"} == severities(overuse([*weekly(8), at(100, 8_000.0)], at(103, 17_000.0)))


def test_ninety_days_away_make_a_beginner():
    found = overuse([*weekly(8), at(160), at(163)], at(166, 20_000.0, 140.0))
    assert {"workload.beginner": "warn"} == severities(found)


@pytest.mark.parametrize(
    ("past", "now"),
    [
        ([at(0), at(1)], at(2)),
        ([], at(0, hard=11)),
        ([at(0), at(4)], at(8, load_kg=131.5)),
    ],
)
def test_a_fast_start_is_told(past, now):
    assert "workload.beginner" in severities(overuse(past, now))


@pytest.mark.parametrize(
    ("past", "now"), [([at(0), at(1)], at(3)), ([], at(0, hard=10)), ([at(0)], at(4, load_kg=150.0)), ([], at(0, 9e4))]
)
def test_a_careful_start_is_not(past, now):
    assert {} == severities(overuse(past, now))


def test_sets_are_hard_from_a_fifth_of_their_velocity_on():
    assert (1, 2) == hard_sets([[0.0, 5.0, 25.0], [0.0, 20.1], [0.0, 19.0], []])
