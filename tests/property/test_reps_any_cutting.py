"""Reps do not depend on how the stream is cut, on when it happened, or on where the encoder's zero is."""

from dataclasses import replace
from itertools import cycle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pressing import Press, Samples
from sledwatch.reps import RepTracker, Span, find_reps
from spoilt_presses import few, lives, presses, spoilt

cuts = st.lists(st.one_of(st.just(1), st.integers(1, 9), st.integers(1, 400)), min_size=1, max_size=12)


def in_pieces(samples: Samples, sizes: list[int]) -> list[Span]:
    tracker = RepTracker()
    spans: list[Span] = []
    begin = 0
    for size in cycle(sizes):
        if begin >= len(samples.t_us):
            return spans + tracker.finish()
        spans += tracker.push(*samples.part(begin, begin + size))
        begin += size
    raise AssertionError


@few
@given(lives, cuts)
def test_any_cutting_gives_the_same_reps(samples, sizes):
    assert find_reps(*samples) == in_pieces(samples, sizes)


@few
@given(lives, st.integers(0, 2**16), cuts)
def test_any_cutting_of_a_spoilt_stream_gives_the_same_reps(samples, seed, sizes):
    damaged = spoilt(samples, seed)
    assert find_reps(*damaged) == in_pieces(damaged, sizes)


@few
@given(lives, st.integers(0, 2**16))
def test_sample_by_sample_gives_the_same_reps(samples, seed):
    damaged = spoilt(samples, seed)
    assert find_reps(*damaged) == in_pieces(damaged, [1])


@few
@given(lives, st.integers(0, 2**16), st.integers(-(10**15), 10**15))
def test_another_time_gives_the_same_reps_at_that_time(samples, seed, later_us):
    damaged = spoilt(samples, seed)
    moved = [
        replace(s, start_us=s.start_us + later_us, turn_us=s.turn_us + later_us, end_us=s.end_us + later_us)
        for s in find_reps(*damaged)
    ]
    assert moved == find_reps(damaged.t_us + later_us, damaged.depth_mm, damaged.load_kg)


@few
@given(presses, st.integers(-1_000, 1_000))
def test_another_zero_gives_the_same_reps_that_much_deeper(press, deeper_mm):
    """Depths are multiples of 3 mm here, so that means of three are exact."""
    samples = press.samples(50, noise_mm=1.0, step_mm=3.0)
    samples = samples._replace(depth_mm=np.round(samples.depth_mm))
    moved = find_reps(samples.t_us, samples.depth_mm + deeper_mm, samples.load_kg)
    expected = find_reps(*samples)
    assert [(s.start_us, s.turn_us, s.end_us, s.quality) for s in expected] == [
        (s.start_us, s.turn_us, s.end_us, s.quality) for s in moved
    ]
    np.testing.assert_allclose([s.bottom_mm + deeper_mm for s in expected], [s.bottom_mm for s in moved], atol=1e-9)


@few
@given(presses)
def test_reps_follow_each_other_and_keep_the_minimum_travel(press):
    spans = find_reps(*press.samples(50, noise_mm=1.0))
    times = [at_us for span in spans for at_us in (span.start_us, span.turn_us, span.end_us)]
    assert sorted(times) == times
    # Where the sled seems to leap, the end of what came before is not sure, and says so.
    sure = [span for span in spans if span.quality == "ok"]
    assert all(span.bottom_mm - max(span.top_mm, span.end_mm) >= 100 for span in sure)
    assert list(range(1, len(spans) + 1)) == [span.rep for span in spans]


@few
@given(st.floats(0, 600), st.floats(0, 6), st.integers(0, 2**16), st.sampled_from([10.0, 50.0, 1_000.0]))
def test_a_sled_at_rest_makes_no_reps(depth_mm, noise_mm, seed, rate_hz):
    assert [] == find_reps(*Press(((0.0, depth_mm),)).rest(30).samples(rate_hz, noise_mm=noise_mm, seed=seed))


@few
@given(
    st.floats(0, 45),
    st.floats(0.02, 25),
    st.floats(-1_500, 1_500),
    st.floats(0, 2),
    st.floats(0, 0.05),
    st.sampled_from([10.0, 50.0, 200.0]),
    st.integers(0, 2**16),
)
def test_a_sensor_that_sways_drifts_trembles_and_leaps_makes_no_reps(
    sway_mm, sways_hz, drift_mm_per_h, noise_mm, spikes, rate_hz, seed
):
    """Swaying by 45 mm to both sides is 90 mm of travel, back and forth."""
    t_us, depth_mm, load_kg = Press(((0.0, 50.0),)).rest(60).samples(rate_hz, noise_mm=noise_mm, seed=seed)
    since_s = (t_us - t_us[0]) / 1e6
    depth_mm += sway_mm * np.sin(2 * np.pi * sways_hz * since_s) + drift_mm_per_h * since_s / 3_600
    lone = (np.random.default_rng(seed).random(len(t_us)) < spikes) & (np.arange(len(t_us)) % 3 == 0)
    assert [] == find_reps(t_us, np.where(lone, depth_mm + 500, depth_mm), load_kg)


@few
@given(lives, st.integers(0, 2**16))
def test_what_is_shown_of_a_rep_in_progress_never_passes_its_bottom(samples, seed):
    damaged = spoilt(samples, seed)
    tracker = RepTracker()
    shown_mm: float | None = None
    for i in range(len(damaged.t_us)):
        spans = tracker.push(*damaged.part(i, i + 1))
        assert all(span.quality != "ok" or shown_mm is None or shown_mm <= span.bottom_mm for span in spans)
        shown_mm = tracker.now.descending_bottom_mm
