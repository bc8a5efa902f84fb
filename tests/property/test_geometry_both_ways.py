"""Travel to angles and back: whatever the body, the machine and the setting."""

import math

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sledwatch.events import Setup
from sledwatch.machine import LegFit, MachineSpec

heights = st.floats(1_300, 2_200)
reaches = st.none() | st.floats(700, 1_100)
offsets = st.floats(-250, 250)
rails = st.floats(0, 50)
backrests = st.floats(0, 80)


@st.composite
def fits(draw: st.DrawFn, offset: st.SearchStrategy[float] = offsets) -> LegFit:
    spec = MachineSpec("incline", draw(rails), draw(backrests), 620.0, 50.0, reach_mm=draw(reaches), notch_mm=25.0)
    setup = Setup(spec.backrest_deg, draw(st.integers(0, 8)), 0, draw(offset))
    fit = LegFit.of(spec, setup, draw(heights))
    assert fit is not None
    return fit


@settings(max_examples=120, deadline=None)
@given(fits(), st.floats(-50, 700))
def test_the_knee_of_a_depth_is_reached_at_that_depth(fit: LegFit, depth_mm: float) -> None:
    angles = fit.angles(depth_mm)
    assume(angles is not None and 1.0 < angles.knee_deg < 175.0)
    assert angles is not None
    found = fit.depth_at_knee(angles.knee_deg)
    assert found is not None
    assert math.isclose(depth_mm, found, abs_tol=1e-4)


@settings(max_examples=120, deadline=None)
@given(fits(), st.floats(-50, 700))
def test_the_hip_of_a_depth_is_reached_at_that_depth_or_was_before(fit: LegFit, depth_mm: float) -> None:
    """Feet far below the hip's line bend it less again in the end; then the first place counts."""
    angles = fit.angles(depth_mm)
    assume(angles is not None and angles.knee_deg > 1.0)
    assert angles is not None
    found = fit.depth_at_hip(angles.hip_deg)
    assert found is not None
    assert found <= depth_mm + 1e-3
    there = fit.angles(found)
    assert there is not None
    assert math.isclose(angles.hip_deg, there.hip_deg, abs_tol=1e-5)


@settings(max_examples=80, deadline=None)
@given(fits(st.floats(0, 250)), st.floats(0, 650), st.floats(1, 50))
def test_deeper_bends_knee_and_hip_further(fit: LegFit, depth_mm: float, more_mm: float) -> None:
    shallow, deep = fit.angles(depth_mm), fit.angles(depth_mm + more_mm)
    assume(shallow is not None and deep is not None)
    assert shallow is not None
    assert deep is not None
    assert deep.knee_deg > shallow.knee_deg
    assert deep.hip_deg > shallow.hip_deg


@settings(max_examples=80, deadline=None)
@given(fits(st.floats(0, 250)), st.floats(20, 550))
def test_the_slope_is_that_of_the_curve(fit: LegFit, depth_mm: float) -> None:
    low, high = fit.angles(depth_mm - 0.5), fit.angles(depth_mm + 0.5)
    assume(low is not None and high is not None and low.knee_deg > 10)
    assert low is not None
    assert high is not None
    slope = fit.mm_per_hip_deg(depth_mm)
    assert slope is not None
    assert math.isclose(1 / (high.hip_deg - low.hip_deg), slope, rel_tol=0.01)
