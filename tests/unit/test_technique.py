"""Faults of single reps, how sets go, and legs that press unevenly: each threshold from both sides."""

from typing import Any

import pytest

from histories import rep
from sledwatch.events import Rep
from sledwatch.technique import SetTrend, asymmetry, faults, set_trend, set_trends


def moved(**figures: Any) -> Rep:
    """A calm rep, but for what is said of it."""
    calm = {
        "bottom_dwell_s": 0.05, "propulsive_s": 1.0, "eccentric_peak_velocity_m_s": 0.4, "turn_deceleration_m_s2": 2.0,
        "lockout_velocity_m_s": 0.1,
    }  # fmt: skip
    return rep(1, 380.0, **calm | figures)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, ()),
        ({"turn_deceleration_m_s2": 9.9}, ()),
        ({"turn_deceleration_m_s2": 10.1}, ("bounce",)),
        ({"turn_deceleration_m_s2": 10.1, "bottom_dwell_s": 0.19}, ("bounce",)),
        ({"turn_deceleration_m_s2": 10.1, "bottom_dwell_s": 0.21}, ("dropped",)),
        ({"eccentric_peak_velocity_m_s": 1.19}, ()),
        ({"eccentric_peak_velocity_m_s": 1.21}, ("dropped",)),
        ({"eccentric_peak_velocity_m_s": 1.21, "turn_deceleration_m_s2": 15.0}, ("bounce", "dropped")),
        ({"lockout_velocity_m_s": 0.31}, ()),
        ({"lockout_velocity_m_s": 0.31, "propulsive_s": 0.97}, ("lock-out",)),
        ({"lockout_velocity_m_s": 0.31, "propulsive_s": 0.99}, ()),
        ({"lockout_velocity_m_s": 0.29, "propulsive_s": 0.97}, ()),
        ({"lockout_velocity_m_s": None, "propulsive_s": 0.97}, ()),
    ],
)
def test_a_fault_begins_past_its_threshold(figures, expected):
    assert expected == faults(moved(**figures))


def test_an_unsure_rep_shows_no_fault():
    wild = {"turn_deceleration_m_s2": 40.0, "eccentric_peak_velocity_m_s": 2.0, "quality_reason": "glitch"}
    assert () == faults(moved(**wild, quality="unsure"))


def test_where_no_velocity_is_measured_no_fault_is_told():
    assert () == faults(rep(1, 380.0))


def a_set(depths_mm: list[float], losses_pct: list[float | None]) -> list[Rep]:
    return [
        rep(number, depth, velocity_loss_pct=loss, mean_velocity_m_s=None if loss is None else 0.5 * (1 - loss / 100))
        for number, (depth, loss) in enumerate(zip(depths_mm, losses_pct, strict=True), start=1)
    ]


def test_the_drift_is_the_slope_of_the_bottoms():
    trend = set_trend(a_set([380.0, 385.0, 390.0, 395.0], [0.0, 5.0, 10.0, 30.0]))
    assert (5.0, 0.0, 15.0) == pytest.approx((trend.drift_mm_per_rep, trend.drift_error_mm_per_rep, trend.deeper_mm))
    assert (0.5, 30.0, 4) == (trend.best_velocity_m_s, trend.velocity_loss_pct, trend.reps)


def test_its_error_is_that_of_least_squares():
    """Off the line by +d −d −d +d: residual variance 4d²/2, over Σ(x − x̄)² = 5."""
    trend = set_trend(a_set([380.0 + 3, 385.0 - 3, 390.0 - 3, 395.0 + 3], [0.0] * 4))
    assert (5.0, (18 / 5) ** 0.5) == pytest.approx((trend.drift_mm_per_rep, trend.drift_error_mm_per_rep))


def test_three_reps_are_no_trend():
    trend = set_trend(a_set([380.0, 400.0, 420.0], [0.0, 20.0, 50.0]))
    assert (None, None, False, True) == (trend.drift_mm_per_rep, trend.deeper_mm, trend.fatigue, trend.near_failure)


@pytest.mark.parametrize(
    ("step_mm", "scatter_mm", "loss_pct", "tired"),
    [
        (7.0, 0.0, 20.5, True),
        (7.0, 0.0, 19.5, False),
        (6.6, 0.0, 30.0, False),
        (6.7, 0.0, 30.0, True),
        (7.0, 5.4, 30.0, True),
        (7.0, 5.7, 30.0, False),
        (-7.0, 0.0, 30.0, False),
    ],
)
def test_deeper_and_slower_together_is_fatigue(step_mm, scatter_mm, loss_pct, tired):
    """Deeper by 20 mm over four reps, and by more than twice what the scatter could feign: d < 7 √(5/2)/2 = 5.53."""
    signs = (1, -1, -1, 1)
    depths = [380.0 + step_mm * number + scatter_mm * sign for number, sign in enumerate(signs)]
    assert tired == set_trend(a_set(depths, [0.0, 5.0, 10.0, loss_pct])).fatigue


@pytest.mark.parametrize(("loss_pct", "near"), [(40.0, False), (40.5, True)])
def test_a_loss_of_more_than_40_percent_is_near_failure(loss_pct, near):
    assert near == set_trend(a_set([380.0] * 4, [0.0, 5.0, 10.0, loss_pct])).near_failure


def test_without_velocities_nobody_is_told_to_be_tired():
    trend = set_trend(a_set([380.0, 390.0, 400.0, 420.0], [None] * 4))
    assert (False, False, None) == (trend.fatigue, trend.near_failure, trend.best_velocity_m_s)


def test_unsure_reps_are_in_no_trend():
    reps = [*a_set([380.0] * 4, [0.0] * 4), rep(5, 500.0, quality="unsure"), rep(6, 380.0, in_set=2, quality="unsure")]
    assert [SetTrend(1, 4, 120.0, 0.5, 0.0, 0.0, 0.0)] == set_trends(reps)


def pressed(*sides: tuple[float, float], **fields: Any) -> list[Rep]:
    return [
        rep(number, 380.0, left_n=left, right_n=right, **fields) for number, (left, right) in enumerate(sides, start=1)
    ]


@pytest.mark.parametrize(
    ("left_n", "told", "strong"),
    [(456.0, False, False), (444.0, True, False), (431.0, True, False), (419.0, True, True)],
)
def test_asymmetry_is_told_from_10_percent_and_strong_from_15(left_n, told, strong):
    found = asymmetry(pressed(*[(left_n - 2, 500.0), (left_n, 500.0), (left_n + 2, 500.0)] * 2))
    assert found is not None
    assert pytest.approx(100 * (500 - left_n) / 500) == found.pct
    assert ("left", told, strong) == (found.weaker, found.told, found.strong)


def test_legs_that_take_turns_are_no_asymmetry():
    """Twenty per cent each time, but now the one and now the other: it is their own variability."""
    found = asymmetry(pressed(*[(400.0, 500.0), (500.0, 400.0)] * 3, (400.0, 500.0)))
    assert found is not None
    assert (False, True) == (found.told, found.own_pct > 20.0)


def test_fewer_than_five_sure_reps_say_nothing_of_asymmetry():
    assert asymmetry(pressed(*[(400.0, 500.0)] * 4)) is None
    assert asymmetry(pressed(*[(400.0, 500.0)] * 9, quality="unsure")) is None
    assert asymmetry(pressed(*[(0.0, 0.0)] * 9)) is None
