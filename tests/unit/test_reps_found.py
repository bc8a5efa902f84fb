"""What is a rep and what is none, on movement with known truth."""

import numpy as np
import pytest

from pressing import Samples, idle, joined
from sledwatch.reps import RepTracker, Span, find_reps

TEN = (380.0, 400.0, 395.0, 390.0, 405.0, 400.0, 385.0, 410.0, 415.0, 398.0)


def found(samples: Samples) -> list[Span]:
    return find_reps(*samples)


def bottoms(spans: list[Span]) -> list[float]:
    return [span.bottom_mm for span in spans]


def reasons(spans: list[Span]) -> list[str | None]:
    return [span.quality_reason for span in spans]


@pytest.mark.parametrize("rate_hz", [10, 20, 30, 50, 100, 500, 1_000])
@pytest.mark.parametrize(("noise_mm", "step_mm"), [(0.0, 0.0), (0.3, 1.0), (0.8, 0.5)])
def test_each_rep_is_found_once_with_its_bottom(rate_hz, noise_mm, step_mm):
    samples = idle().reps(TEN).rest(3).samples(rate_hz, noise_mm=noise_mm, step_mm=step_mm)
    spans = found(samples)
    assert bottoms(spans) == pytest.approx(TEN, abs=2.0 if rate_hz >= 30 else 3.0)
    assert list(range(1, 11)) == [span.rep for span in spans]
    assert {"ok"} == {span.quality for span in spans}


@pytest.mark.parametrize("rate_hz", [10, 50, 1_000])
def test_a_turn_without_a_pause_has_its_bottom(rate_hz):
    samples = idle().reps(TEN, bottom_s=0.0, concentric_s=0.7, eccentric_s=0.9).rest(3).samples(rate_hz, noise_mm=0.3)
    assert bottoms(found(samples)) == pytest.approx(TEN, abs=2.0)


@pytest.mark.parametrize("jitter", [0.3, 0.9])
def test_uneven_sampling_changes_nothing(jitter):
    samples = idle().reps(TEN).rest(3).samples(50, noise_mm=0.3, jitter=jitter)
    assert bottoms(found(samples)) == pytest.approx(TEN, abs=2.0)


def test_slow_reps_after_a_long_idle_start():
    samples = idle(240).reps((320, 330, 325), eccentric_s=8, concentric_s=9, top_s=4).rest(5).samples(50, noise_mm=0.5)
    spans = found(samples)
    assert bottoms(spans) == pytest.approx((320, 330, 325), abs=2.0)
    assert (spans[0].start_us - samples.t_us[0]) / 1e6 == pytest.approx(241, abs=1.0)


def test_a_bench_press_that_starts_and_ends_far_from_zero():
    press = idle().to(190, 1.0).rest(2).reps((560, 555, 558), top_mm=200, eccentric_s=1.2, concentric_s=0.8).rest(2)
    spans = found(press.samples(100, noise_mm=1.0))
    assert bottoms(spans) == pytest.approx((560, 555, 558), abs=2.0)
    assert [span.end_mm for span in spans] == pytest.approx([200] * 3, abs=3.0)


@pytest.mark.parametrize("rate_hz", [20, 50, 200])
def test_a_sensor_that_sways_as_far_as_a_rep_goes_makes_none_that_is_sure(rate_hz):
    t_us = np.arange(30 * rate_hz) * 1_000_000 // rate_hz
    sway_mm = 200 + 60 * np.sin(2 * np.pi * 2.0 * t_us / 1e6)
    assert {"glitch"} == {span.quality_reason for span in find_reps(t_us, sway_mm, np.full(t_us.size, 80.0))}


def test_an_oscillating_sensor_makes_no_reps_and_hides_none():
    samples = idle().reps((400, 420)).rest(20).samples(50)
    sway_mm = 30 * np.sin(2 * np.pi * 1.7 * (samples.t_us - samples.t_us[0]) / 1e6)
    spans = found(samples._replace(depth_mm=samples.depth_mm + sway_mm))
    assert 2 == len(spans)


@pytest.mark.parametrize("noise_mm", [0.0, 1.0, 8.0])
def test_an_idle_machine_makes_no_reps(noise_mm):
    assert [] == found(idle(300).samples(50, noise_mm=noise_mm))


def test_racking_and_unracking_make_no_reps():
    press = idle()
    for _ in range(6):
        press = press.to(-35, 0.4).rest(0.5).to(38, 0.5).rest(1).to(0, 0.4).rest(2)
    assert [] == found(press.samples(50, noise_mm=0.5))


def test_unracking_is_no_part_of_the_first_rep():
    spans = found(idle().to(30, 0.5).rest(2).reps((400,), top_mm=30).rest(2).to(0, 0.5).rest(2).samples(50))
    assert [30.0] == pytest.approx([span.top_mm for span in spans], abs=1.0)
    assert [30.0] == pytest.approx([span.end_mm for span in spans], abs=1.0)


def test_less_than_the_minimum_travel_is_no_rep():
    assert [] == found(idle().reps((90, 95, 80)).rest(3).samples(50, noise_mm=0.5))


def test_going_down_without_coming_up_is_no_rep():
    assert [] == found(idle().to(400, 2).rest(3).to(320, 1).rest(3).samples(50))


def test_coming_up_without_going_down_is_no_rep():
    press = idle().to(400, 2).rest(2)
    spans = found(press.samples(50).part(300, None)) + found(press.to(0, 1).rest(3).samples(50).part(260, None))
    assert [] == spans


def test_bounces_at_the_bottom_belong_to_the_rep():
    spans = found(idle().to(400, 1.5).to(340, 0.4).to(410, 0.4).to(360, 0.4).to(395, 0.4).to(0, 1).rest(2).samples(50))
    assert [410.0] == pytest.approx(bottoms(spans), abs=2.0)


def test_pauses_within_a_rep_belong_to_it():
    press = idle().to(150, 1).rest(2).to(400, 1).rest(5).to(200, 1).rest(3).to(0, 1).rest(2)
    spans = found(press.samples(50, noise_mm=0.5))
    assert [(400.0, 0.0)] == [pytest.approx((span.bottom_mm, span.end_mm), abs=2.5) for span in spans]


def test_resting_on_the_stops_is_a_long_bottom():
    spans = found(idle().to(600, 2).rest(60).to(0, 2).rest(2).samples(50))
    assert [600.0] == pytest.approx(bottoms(spans), abs=0.5)


def test_a_rep_is_told_when_the_sled_has_rested_at_the_top():
    samples = idle().reps((400,), top_s=5).samples(50)
    tracker = RepTracker()
    told = [i for i in range(len(samples.t_us)) if tracker.push(*samples.part(i, i + 1))]
    assert [(samples.t_us[i] - samples.t_us[0]) / 1e6 for i in told] == pytest.approx([3 + 3.3 + 1], abs=0.2)
    assert [] == tracker.finish()


def test_a_rep_is_told_when_the_next_has_begun():
    samples = idle().reps((400, 400), top_s=0.0, eccentric_s=2).samples(50)
    tracker = RepTracker()
    told = [i for i in range(len(samples.t_us)) if tracker.push(*samples.part(i, i + 1))]
    hundred_down = int(np.flatnonzero((samples.depth_mm >= 100) & (samples.t_us - samples.t_us[0] > 6.3e6))[0])
    assert 1 == len(told)
    assert abs(told[0] - hundred_down) <= 3


def test_half_a_minute_without_a_rep_ends_a_set():
    spans = found(idle().reps((400,) * 3).rest(25).reps((400,) * 2).rest(31).reps((400,)).rest(2).samples(50))
    assert [1, 1, 1, 1, 1, 2] == [span.set for span in spans]


def test_a_change_of_load_ends_a_set():
    press = idle().reps((400,) * 2).rest(2)
    spans = found(joined(press.samples(load_kg=100), press.samples(load_kg=120), press.samples(load_kg=120.4)))
    assert [(1, 100.0), (1, 100.0), (2, 120.0), (2, 120.0), (2, 120.4), (2, 120.4)] == [
        (span.set, span.load_kg) for span in spans
    ]


def test_the_load_of_a_rep_is_the_one_at_its_bottom():
    samples = idle().reps((400,)).rest(2).samples(50)
    since_s = (samples.t_us - samples.t_us[0]) / 1e6
    loads = np.where(since_s < 4.0, 60.0, np.where(since_s < 5.8, 110.0, 80.0))
    assert [110.0] == [span.load_kg for span in found(samples._replace(load_kg=loads))]


def test_single_spikes_change_nothing():
    samples = idle().reps(TEN).rest(3).samples(50, noise_mm=0.3)
    depths = samples.depth_mm.copy()
    depths[20::37] += np.resize([700, -300, 90, 25], len(depths[20::37]))
    spans = found(samples._replace(depth_mm=depths))
    assert bottoms(spans) == pytest.approx(TEN, abs=2.0)
    assert [None] * 10 == reasons(spans)


def test_a_short_burst_of_nonsense_makes_no_rep():
    assert [] == found(idle(20).samples(50).plus(500, 5, 5.06).plus(300, 9, 9.08).plus(800, 12, 12.3))


def test_a_burst_at_the_bottom_leaves_the_bottom_alone():
    samples = idle().reps((400,), bottom_s=0.5).rest(3).samples(50).plus(250, 5.2, 5.26)
    assert [400.0] == pytest.approx(bottoms(found(samples)), abs=1.0)


def test_an_encoder_that_slips_at_rest_makes_no_rep():
    assert [] == found(idle(30).samples(50).plus(200, 10, 20))


def test_an_encoder_that_slips_within_a_rep_makes_it_unsure():
    spans = found(idle().reps((400,) * 3).rest(3).samples(50).plus(180, 3 + 3.8 + 1.2))
    assert [None, "glitch", None] == reasons(spans)


def test_an_encoder_that_slips_after_a_rep_leaves_its_bottom_alone():
    spans = found(idle().reps((400, 390), top_s=5).rest(3).samples(50).plus(180, 6.7))
    assert [(400.0, None), (570.0, None)] == [(pytest.approx(s.bottom_mm, abs=1), s.quality_reason) for s in spans]


def test_an_encoder_that_slips_at_the_top_leaves_the_end_of_the_rep_alone():
    spans = found(idle().reps((164,), concentric_s=0.5, top_s=4).samples(50, noise_mm=1.0).plus(260, 5.9))
    assert [(164.0, 0.0)] == [pytest.approx((span.bottom_mm, span.end_mm), abs=3) for span in spans]


def test_an_encoder_that_slips_to_a_lower_level_hides_no_rep():
    spans = found(idle().reps((400,) * 4, top_s=2).rest(3).samples(50).plus(-380, 3 + 5.3 * 2 - 1))
    assert [(400, None), (400, None), (20, None), (20, None)] == [(round(s.bottom_mm), s.quality_reason) for s in spans]


@pytest.mark.parametrize("noise_mm", [0.3, 6.0])
def test_a_sled_racked_deeper_than_the_top_ends_the_rep_there_and_the_set_after_its_rest(noise_mm):
    press = idle().reps((400,) * 2, top_mm=10).to(75, 1).rest(60).to(10, 1).rest(1).reps((400,) * 2, top_mm=10).rest(2)
    spans = found(press.samples(50, noise_mm=noise_mm))
    assert [1, 1, 2, 2] == [span.set for span in spans]
    assert [2.0] * 4 == pytest.approx([(span.turn_us - span.start_us) / 1e6 for span in spans], abs=1.5)


def test_samples_stamped_as_they_arrive_in_bunches_are_no_leaps():
    samples = idle().reps((600,) * 5, concentric_s=0.6, eccentric_s=0.7).rest(3).samples(20)
    late_us = np.where(np.arange(len(samples.t_us)) % 3 == 1, 49_000, 0)
    spans = found(samples._replace(t_us=samples.t_us + late_us))
    assert [None] * 5 == reasons(spans)


@pytest.mark.parametrize("after_s", [-0.1, 0.0, 0.4])
def test_at_10_hz_a_bottom_that_stands_on_one_sample_is_unsure(after_s):
    """It may be a spike that is too small to be told from a turn."""
    samples = idle().reps((300, 300), bottom_s=0.8).rest(3).samples(10).plus(45, 5.35 + after_s, 5.45 + after_s)
    assert ["glitch", None] == reasons(found(samples))


def test_a_bottom_between_missing_samples_is_unsure_or_right():
    samples = idle().reps((420,) * 4, bottom_s=0.0, eccentric_s=0.6, concentric_s=0.6).rest(3).samples(10)
    for gone in range(1, 5):
        depths = samples.depth_mm.copy()
        depths[36 - gone : 36] = np.nan
        depths[37 : 37 + gone] = np.nan
        first = found(samples._replace(depth_mm=depths))[0]
        assert first.quality == "unsure" or first.bottom_mm == pytest.approx(420, abs=12)


def test_now_shows_no_bottom_that_stands_on_one_sample():
    samples = idle().to(300, 2).rest(2).samples(10).plus(45, 5.95, 6.05)
    tracker = RepTracker()
    shown = []
    for i in range(len(samples.t_us)):
        tracker.push(*samples.part(i, i + 1))
        shown.append(tracker.now.descending_bottom_mm or 0.0)
    assert max(shown) == pytest.approx(300, abs=1)


def test_missing_samples_are_passed_over():
    samples = idle().reps(TEN).rest(3).samples(50)
    depths = samples.depth_mm.copy()
    depths[np.random.default_rng(1).random(len(depths)) < 0.4] = np.nan
    spans = found(samples._replace(depth_mm=depths))
    assert bottoms(spans) == pytest.approx(TEN, abs=2.0)
    assert [None] * 10 == reasons(spans)


def test_a_gap_makes_its_rep_unsure_and_no_other():
    spans = found(idle().reps((400,) * 4).rest(3).samples(50).without(3 + 3.8 + 0.8, 3 + 3.8 + 1.6))
    assert [None, "gap", None, None] == reasons(spans)


def test_a_gap_between_reps_makes_none_unsure():
    spans = found(idle().reps((400,) * 2, top_s=4).rest(3).samples(50).without(7.0, 9.5))
    assert [None, None] == reasons(spans)


def test_data_that_end_on_the_way_up_make_an_unsure_rep():
    spans = found(idle().reps((400,) * 2).to(400, 2).to(0, 1).samples(50).part(0, int(50 * (3 + 2 * 3.8 + 2.55))))
    assert [None, None, "interrupted"] == reasons(spans)


def test_a_pause_of_the_data_longer_than_a_rest_begins_anew():
    before = idle().reps((400,)).to(400, 2).to(150, 0.5).samples(50)
    after = idle().reps((380,)).rest(2).samples(50)
    later = after._replace(t_us=after.t_us - after.t_us[0] + before.t_us[-1] + 45_000_000)
    spans = find_reps(*(np.concatenate(pair) for pair in zip(before, later, strict=True)))
    assert [(400, None), (400, "interrupted"), (380, None)] == [(round(s.bottom_mm), s.quality_reason) for s in spans]
    assert [1, 1, 2] == [span.set for span in spans]


def test_coming_up_less_than_half_is_short():
    spans = found(idle().to(400, 2).to(280, 1).to(400, 1).to(0, 1).rest(2).samples(50))
    assert ["short", None] == reasons(spans)


def test_samples_out_of_order_are_left_out():
    samples = idle().reps((400, 390)).rest(2).samples(50)
    tracker = RepTracker()
    spans = tracker.push(*samples.part(0, 300)) + tracker.push(*samples.part(200, 300))
    spans += tracker.push(*samples.part(300, None)) + tracker.finish()
    assert found(samples) == spans


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="expected as many"):
        RepTracker().push([0, 20_000], [0.0], [100.0, 100.0])


def test_now_follows_a_rep():
    samples = idle().reps((400, 420)).samples(50)
    tracker = RepTracker()
    seen = []
    for i in range(0, len(samples.t_us), 5):
        tracker.push(*samples.part(i, i + 5))
        seen.append(tracker.now)
    phases = [now.phase for now in seen]
    assert ["idle", "down", "up", "down", "up"] == [p for p, q in zip(phases, [None, *phases], strict=False) if p != q]
    first = [now.descending_bottom_mm for now in seen if now.reps == 0 and now.phase != "idle"]
    assert sorted(first) == first
    assert (100.0, 400.0) == pytest.approx((first[0], first[-1]), abs=30)
    assert {1} == {now.set for now in seen}
    assert (1, 1, 1) == (seen[-1].reps, seen[-1].set_reps, seen[-1].set)


def test_now_says_that_the_next_rep_begins_a_set():
    tracker = RepTracker()
    assert (1, 0, 0) == (tracker.now.set, tracker.now.reps, tracker.now.set_reps)
    tracker.push(*idle().reps((400,) * 2).rest(31).samples(50))
    assert (2, 2, 0) == (tracker.now.set, tracker.now.reps, tracker.now.set_reps)


def test_now_shows_no_bottom_that_a_gap_makes_doubtful():
    tracker = RepTracker()
    tracker.push(*idle().to(400, 2).samples(50).without(3.8, 4.6))
    assert ("down", None) == (tracker.now.phase, tracker.now.descending_bottom_mm)
