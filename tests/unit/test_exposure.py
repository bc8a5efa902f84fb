"""Exposure: what counts as beyond the limit, and how it adds up by day and week."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from histories import DAY_US, HOUR_US, NOON_US
from sledwatch.exposure import exposure_by_day, exposure_by_week

MONDAY, SUNDAY = date(2026, 7, 6), date(2026, 7, 19)


def reps(*given: dict[str, Any]) -> pd.DataFrame:
    usual = {"start_us": NOON_US, "load_kg": 120.0, "over_mm": 20.0, "limit_tier": "calibrated", "quality": "ok"}
    return pd.DataFrame([usual | one for one in given], columns=list(usual))


def by_day(*given: dict[str, Any], zone: str = "UTC") -> pd.DataFrame:
    return exposure_by_day(reps(*given), zone, MONDAY, SUNDAY)


def test_three_reps_of_120_kg_that_are_20_mm_too_deep_are_7200_kg_mm() -> None:
    monday = by_day({}, {}, {"limit_tier": "transferred"}).iloc[0]
    assert (3, 7_200.0, 20.0) == tuple(monday)


@pytest.mark.parametrize(
    "rep", [{"quality": "unsure"}, {"limit_tier": "estimated"}, {"limit_tier": "own-history"}, {"over_mm": -5.0}]
)
def test_what_is_unsure_or_within_or_beyond_a_mere_estimate_does_not_count(rep: dict[str, Any]) -> None:
    assert 0 == by_day(rep)["over_reps"].sum()


def test_every_day_is_there_and_the_deepest_of_each_is_kept() -> None:
    days = by_day({"over_mm": 4.0}, {"over_mm": 31.0}, {"start_us": NOON_US + 2 * DAY_US, "over_mm": 7.0})
    assert 14 == len(days)
    assert [31.0, 7.0] == days["deepest_over_mm"].dropna().tolist()
    assert days.loc["2026-07-07", "over_reps"] == 0


def test_a_rep_belongs_to_the_day_of_its_session_where_the_gym_is() -> None:
    late = {"start_us": NOON_US + 11 * HOUR_US}
    assert [1, 0] == by_day(late)["over_reps"].tolist()[:2]
    assert [0, 1] == by_day(late, zone="Europe/Berlin")["over_reps"].tolist()[:2]


def test_sessions_on_other_days_are_left_out() -> None:
    assert 0 == by_day({"start_us": NOON_US - DAY_US}, {"start_us": NOON_US + 14 * DAY_US})["over_reps"].sum()


def test_weeks_are_whole_and_end_with_the_last_day() -> None:
    days = by_day({}, {"start_us": NOON_US + 7 * DAY_US, "over_mm": 30.0}).iloc[1:]
    weeks = exposure_by_week(days)
    assert [(1, 3_600.0, 30.0)] == [tuple(week) for week in weeks.to_numpy()]
    assert [pd.Timestamp(SUNDAY)] == weeks.index.tolist()


def test_without_reps_there_is_nothing_and_without_a_whole_week_no_week() -> None:
    assert (0, 0.0) == tuple(by_day()[["over_reps", "exposure_kg_mm"]].sum())
    assert exposure_by_week(by_day({}).iloc[:6]).empty
