"""The offset of a machine's clock is found through any delay, and through what was buffered for hours."""

from hypothesis import given
from hypothesis import strategies as st

from sledwatch_storage.state.clocks import BUCKET_US, Clock, heard, offset_us

S = 1_000_000
T0_US = 1_795_330_800_000_000

offsets = st.integers(-30 * 86_400 * S, 300 * S)
delays = st.integers(0, 3 * S)
NEGLIGIBLE_US = 20_000


def after(frames: list[tuple[int, int]], clock: Clock | None = None) -> Clock | None:
    """The estimate after frames of (how far ahead each seems, when it arrived)."""
    for ahead_us, at_us in frames:
        clock = heard(clock, ahead_us, at_us)
    return clock


def live(offset: int, lags: list[int], from_us: int = T0_US) -> list[tuple[int, int]]:
    """A frame a second, each so late, by a clock that is so far ahead."""
    return [(offset - lag, from_us + n * S + lag) for n, lag in enumerate(lags)]


def backlog(offset: int, frames: int, from_us: int, hours: int) -> list[tuple[int, int]]:
    """Frames of hours ago, a hundred a second."""
    return [(offset - hours * 3600 * S + n * (S - 10_000), from_us + n * 10_000) for n in range(frames)]


@given(offsets, st.lists(delays, min_size=1, max_size=300), st.integers(0, 300))
def test_one_frame_without_delay_among_late_ones_tells_it(offset, lags, where):
    lags.insert(where % (len(lags) + 1), 0)
    assert offset == offset_us(after(live(offset, lags)))


@given(offsets, st.lists(delays, min_size=1, max_size=300))
def test_delay_only_makes_a_clock_look_further_behind(offset, lags):
    seen = offset_us(after(live(offset, lags)))
    assert offset - max(lags) <= seen <= offset


@given(offsets, st.integers(1, 500), st.integers(1, 24))
def test_a_backlog_drives_out_nothing_that_was_known(offset, frames, hours):
    known = after(live(offset, [NEGLIGIBLE_US] * 5))
    away_until_us = T0_US + hours * 3600 * S
    assert offset - NEGLIGIBLE_US == offset_us(after(backlog(offset, frames, away_until_us, hours), known))


@given(offsets, st.integers(1, 500), st.integers(1, 24))
def test_one_live_frame_after_a_backlog_tells_it_where_nothing_was_known(offset, frames, hours):
    buffered = backlog(offset, frames, T0_US, hours)
    assert offset - NEGLIGIBLE_US == offset_us(after([*buffered, (offset - NEGLIGIBLE_US, buffered[-1][1] + S)]))


@given(offsets, st.integers(1, 600), st.booleans())
def test_a_clock_that_is_set_is_followed_within_two_buckets(offset, step_s, back):
    step = -step_s * S if back else step_s * S
    known = after(live(offset, [0] * 400))
    then = live(offset + step, [0] * (2 * BUCKET_US // S + 1), T0_US + 400 * S)
    assert offset + step == offset_us(after(then, known))


@given(offsets, st.integers(1, 300))
def test_a_clock_that_is_set_forward_is_followed_at_once(offset, step_s):
    known = after(live(offset, [0] * 100))
    assert offset + step_s * S == offset_us(after([(offset + step_s * S, T0_US + 100 * S)], known))


@given(offsets, st.lists(delays, min_size=1, max_size=100))
def test_our_own_clock_set_back_for_days_stops_nothing(offset, lags):
    known = after(live(offset, [0] * 10, T0_US + 86_400 * S))
    ours_back = [(offset + 86_400 * S - lag, at_us) for lag, (_, at_us) in zip(lags, live(offset, lags), strict=True)]
    assert offset + 86_400 * S - min(lags) == offset_us(after(ours_back, known))


@given(st.lists(st.tuples(offsets, st.integers(0, 2 * BUCKET_US)), min_size=1))
def test_what_says_nothing_new_changes_nothing(frames):
    clock = after(frames)
    assert clock is heard(clock, clock["best_us"], clock["from_us"])


def test_of_a_machine_that_was_never_heard_live_nothing_is_known():
    assert offset_us(None) is None
