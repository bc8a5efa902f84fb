"""A thinned trace draws the same picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sledwatch.events import Frame
from sledwatch_analytics.api.trace import Columns, columns_of, thinned


def trace_of(depth_mm: list[float]) -> Columns:
    n = len(depth_mm)
    return Columns(np.arange(n) * 20_000, np.array(depth_mm, dtype=np.float64), np.full(n, 120.0))


depths = st.lists(st.one_of(st.floats(-50, 2_000), st.just(float("nan"))), min_size=1, max_size=400)


@given(depths, st.integers(2, 120))
def test_thinning_keeps_the_extremes_the_ends_and_the_order(depth_mm: list[float], points: int) -> None:
    trace = trace_of(depth_mm)
    thin = thinned(trace, points)
    assert len(thin.t_us) <= max(points, 4)
    assert (trace.t_us[0], trace.t_us[-1]) == (thin.t_us[0], thin.t_us[-1])
    assert np.all(np.diff(thin.t_us) > 0)
    present = trace.depth_mm[~np.isnan(trace.depth_mm)]
    if present.size:
        assert (present.min(), present.max()) == (np.nanmin(thin.depth_mm), np.nanmax(thin.depth_mm))


def test_a_short_trace_stays_as_it_is() -> None:
    trace = trace_of([1.0, float("nan"), 3.0])
    assert trace is thinned(trace, 3)


@pytest.mark.parametrize("points", [50, 200])
def test_a_stretch_without_depth_breaks_the_line(points: int) -> None:
    depth_mm = [1.0] * 500 + [float("nan")] * 500 + [1.0] * 500
    assert np.isnan(thinned(trace_of(depth_mm), points).depth_mm).any()


def test_frames_of_a_clock_that_was_set_back_are_shown_in_order_of_time() -> None:
    frames = [Frame("b", seq, t_us, 1_000, [float(seq), float(seq)], 100.0) for seq, t_us in ((0, 5_000), (1, 4_500))]
    trace = columns_of(frames)
    assert [4_500, 5_000, 5_500, 6_000] == trace.t_us.tolist()
    assert [1.0, 0.0, 1.0, 0.0] == trace.depth_mm.tolist()
