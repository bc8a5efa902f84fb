"""Strength and drift hold for every unit, order and offset, and agree with numpy's own least squares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from histories import rep
from sledwatch.machine import MachineSpec
from sledwatch.strength import Lift, SetDone, estimate, load_velocity
from sledwatch.technique import set_trend

few = settings(deadline=None, max_examples=40)
INCLINE = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0)
lifts = st.lists(
    st.builds(Lift, st.floats(20, 400), st.floats(0.05, 2.0)), max_size=8, unique_by=lambda lift: round(lift.load_kg)
)
sets = st.lists(st.builds(SetDone, st.floats(20, 400), st.integers(1, 20)), max_size=6)


@few
@given(lifts, sets, st.randoms())
def test_no_estimate_is_below_what_was_lifted_and_none_depends_on_the_order(pushed, done, random):
    found = estimate(pushed, done, INCLINE)
    lifted = max([*(one.load_kg for one in pushed), *(one.load_kg for one in done)], default=0.0)
    shuffled = [random.sample(pushed, len(pushed)), random.sample(done, len(done))]
    again = estimate(*shuffled, INCLINE)
    assert (found is None) == (again is None)
    if found is not None and again is not None:
        assert found.e1rm_kg >= lifted
        assert found.e1rm_kg == pytest.approx(again.e1rm_kg)


@few
@given(st.floats(0.2, 5.0), lifts)
def test_twice_the_loads_are_twice_the_strength(times, pushed):
    line = load_velocity(pushed)
    scaled = load_velocity([Lift(times * one.load_kg, one.velocity_m_s) for one in pushed])
    # At the very edge of what is good enough rounding may decide.
    if line is not None and scaled is not None:
        assert times * line.e1rm_kg == pytest.approx(scaled.e1rm_kg)
        assert times * line.error_kg == pytest.approx(scaled.error_kg)


@few
@given(st.lists(st.floats(150, 500), min_size=4, max_size=15), st.floats(-50, 50))
def test_drift_is_the_slope_that_numpy_fits_whatever_the_zero(depths_mm, zero_mm):
    trend = set_trend([rep(n, depth) for n, depth in enumerate(depths_mm, start=1)])
    moved = set_trend([rep(n, depth + zero_mm) for n, depth in enumerate(depths_mm, start=1)])
    (slope, _), covariance = np.polyfit(range(len(depths_mm)), depths_mm, 1, cov=True)
    assert slope == pytest.approx(trend.drift_mm_per_rep, abs=1e-6)
    assert covariance[0, 0] ** 0.5 == pytest.approx(trend.drift_error_mm_per_rep, abs=1e-5)
    assert trend.drift_mm_per_rep == pytest.approx(moved.drift_mm_per_rep, abs=1e-6)
