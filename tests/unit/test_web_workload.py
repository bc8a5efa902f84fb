"""How a member stands, in words."""

from datetime import date

import pytest

from fake_api import busy_floor, standing_now
from sledwatch_web import workload

TODAY = date(2026, 7, 20)


def said(**changed):
    return " ".join(workload.standing(standing_now(**changed), TODAY)).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("sessions", "begins", "words"),
    [
        (2, "2026-08-05", "No baseline yet Needs 2 more sessions, and until Wed 5 Aug"),
        (3, "2026-07-10", "No baseline yet Needs 1 more session; before that"),
        (6, "2026-08-05", "No baseline yet Until Wed 5 Aug: 30 days from the first session"),
        (0, None, "No baseline yet Comparisons need 4 sessions and 30 days from the first one on"),
    ],
)
def test_a_beginner_is_told_what_is_still_needed(sessions, begins, words):
    assert said(state="beginner", sessions=sessions, comparisons_from=begins).startswith(words)


def test_whoever_was_away_for_long_begins_anew():
    assert "everything begins anew" in said(state="beginner", anew=True, sessions=0, comparisons_from=None)


def test_whoever_returns_is_told_which_session_counts():
    told = said(state="returning", returning_session=1, days_off=41.2, best_90d_j=12_000.0)
    assert told.startswith("Returning (session 1 of 2) After 41 days without one")
    assert "best of 90 days, 12.0 kJ" in told


def test_missing_days_are_named_where_they_forbid_comparing():
    assert "8 days of the last 30 are missing, more than 6" in said(state="no-baseline", missing_30d=8)


def test_the_last_seven_days_are_held_against_their_own_weeks():
    weeks = busy_floor().workloads["m-1042"]["weeks"]
    told = workload.own_weeks(standing_now(), weeks).replace("\u00a0", " ")
    assert "more than usual: their 8 weeks before came to 24.0 kJ ± 2.5 kJ each" in told
    few = standing_now(baseline="few-weeks", baseline_weeks=3)
    assert "3 of the 8 that are needed" in workload.own_weeks(few, weeks)


def test_pairs_of_people_who_train_so_every_week_are_left_out():
    view = busy_floor().workloads["m-1042"]
    pair = {
        "session": "b",
        "start_at": "2026-07-07T12:00:00Z",
        "work_j": 9_000.0,
        "earlier_session": "a",
        "earlier_at": "2026-07-06T12:00:00Z",
        "earlier_work_j": 8_000.0,
    }
    view["pairs"] = [{**pair, "habit": True}, {**pair, "habit": False}]
    (row,) = workload.pair_rows(view, 1_784_500_000_000_000)
    assert ("/sessions/a", "8.0 kJ, then 9.0 kJ") == (row.earlier_href, row.text.replace("\u00a0", " "))
