"""What a rep was like, against strokes whose speed is known exactly."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.signal import butter, sosfilt, sosfiltfilt

from pressing import Press, Samples, idle, joined
from sledwatch.machine import MachineSpec
from sledwatch.reps import RepMeasures, find_reps, measure
from sledwatch.reps.measures import butterworth

PLATES = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0)
STACK = MachineSpec("seated", 0.0, 60.0, 620.0, 50.0, resistance="stack", ratio=0.5)
SINE_OF_45 = 0.5**0.5


def measured(samples: Samples, spec: MachineSpec = PLATES, *, causal: bool = False) -> list[RepMeasures]:
    return measure(*samples, find_reps(*samples), spec, causal=causal)


def above_20_mm_s(travel_mm: float, seconds: float) -> tuple[float, float]:
    """How long a minimum-jerk stroke is faster than 0.02 m/s, and its mean velocity (m/s) in that time."""
    metres = travel_mm / 1_000
    share = brentq(lambda u: metres / seconds * 30 * (u * (1 - u)) ** 2 - 0.02, 0, 0.5)
    duration_s = seconds * (1 - 2 * share)
    below = 10 * share**3 - 15 * share**4 + 6 * share**5
    return duration_s, metres * (1 - 2 * below) / duration_s


@pytest.mark.parametrize(
    ("rate_hz", "eccentric_s", "concentric_s"),
    [
        *[(rate_hz, 1.0, 0.6) for rate_hz in (50, 100, 1_000)],
        *[(rate_hz, 2.0, 1.0) for rate_hz in (30, 50, 100, 1_000)],
        *[(rate_hz, 7.0, 6.0) for rate_hz in (30, 50, 1_000)],
    ],
)
def test_phases_last_while_the_sled_is_faster_than_20_mm_a_second(rate_hz, eccentric_s, concentric_s):
    press = idle().reps((400,) * 3, eccentric_s=eccentric_s, concentric_s=concentric_s, bottom_s=0.5).rest(3)
    down_s, _ = above_20_mm_s(400, eccentric_s)
    up_s, mean_m_s = above_20_mm_s(400, concentric_s)
    for rep in measured(press.samples(rate_hz)):
        assert (down_s, up_s) == pytest.approx((rep.eccentric_s, rep.concentric_s), abs=0.015)
        assert mean_m_s == pytest.approx(rep.mean_velocity_m_s, rel=0.02)
        assert 0.5 + (eccentric_s - down_s + concentric_s - up_s) / 2 == pytest.approx(rep.bottom_dwell_s, abs=0.02)
        assert 1.875 * 0.4 / concentric_s == pytest.approx(rep.peak_velocity_m_s, rel=0.02)


@pytest.mark.parametrize("rate_hz", [50, 100, 500])
def test_mean_velocity_survives_an_ordinary_sensor(rate_hz):
    """White noise of 0.3 mm and steps of 0.5 mm: within 2 % on average of a set, 4 % in each rep."""
    _, mean_m_s = above_20_mm_s(380, 1.0)
    reps = measured(idle().reps((380,) * 10).rest(3).samples(rate_hz, noise_mm=0.3, step_mm=0.5))
    velocities = np.array([rep.mean_velocity_m_s for rep in reps])
    assert mean_m_s == pytest.approx(velocities.mean(), rel=0.02)
    assert velocities == pytest.approx(mean_m_s, rel=0.04)


def test_start_and_end_are_where_the_movement_is():
    samples = idle().reps((400,)).rest(3).samples(100)
    (rep,) = measured(samples)
    down_s, _ = above_20_mm_s(400, 2)
    up_s, _ = above_20_mm_s(400, 1)
    assert 3 + (2 - down_s) / 2 == pytest.approx((rep.start_us - samples.t_us[0]) / 1e6, abs=0.01)
    assert 3 + 2.3 + (1 + up_s) / 2 == pytest.approx((rep.end_us - samples.t_us[0]) / 1e6, abs=0.01)


def test_a_pause_and_racking_at_the_top_do_not_dilute_the_velocity():
    racked = idle().to(30, 0.4).rest(0.6).to(400, 2).rest(0.3).to(30, 1).rest(0.5).to(0, 0.4).rest(4).samples(50)
    _, mean_m_s = above_20_mm_s(370, 1.0)
    (rep,) = measured(racked)
    assert mean_m_s == pytest.approx(rep.mean_velocity_m_s, rel=0.02)
    assert (2.0, 1.0) == pytest.approx((rep.eccentric_s, rep.concentric_s), abs=0.3)
    assert pytest.approx(370, abs=2) == rep.rom_mm


def test_a_stall_on_the_way_up_is_part_of_the_phase():
    (rep,) = measured(idle().to(400, 2).to(200, 1).rest(0.8).to(0, 1).rest(3).samples(50))
    assert pytest.approx(2.72, abs=0.1) == rep.concentric_s


def test_noise_in_a_pause_at_the_bottom_is_no_movement():
    (rep,) = measured(idle().to(400, 2).rest(4).to(0, 1).rest(3).samples(50, noise_mm=1.0))
    assert pytest.approx(0.91, abs=0.1) == rep.concentric_s
    assert pytest.approx(4.15, abs=0.2) == rep.bottom_dwell_s


def test_below_30_hz_there_is_no_velocity_and_phases_end_within_2_percent_of_the_travel():
    share = brentq(lambda u: 10 * u**3 - 15 * u**4 + 6 * u**5 - 0.02, 0, 1)
    for rep in measured(idle().reps((400,) * 3, eccentric_s=3, concentric_s=2, bottom_s=1).rest(3).samples(25)):
        assert {None} == {
            rep.mean_velocity_m_s,
            rep.mean_propulsive_velocity_m_s,
            rep.peak_velocity_m_s,
            rep.velocity_loss_pct,
            rep.propulsive_s,
            rep.eccentric_peak_velocity_m_s,
            rep.turn_deceleration_m_s2,
            rep.lockout_velocity_m_s,
        }
        assert (3 * (1 - 2 * share), 2 * (1 - 2 * share)) == pytest.approx(
            (rep.eccentric_s, rep.concentric_s), abs=0.02
        )
        assert pytest.approx(392, abs=1) == rep.rom_mm
        assert 100 * 9.80665 * SINE_OF_45 * 0.384 == pytest.approx(rep.work_j, rel=0.01)


def test_work_lifts_the_load_along_the_rails():
    """Minimum-jerk strokes begin and end at rest: what is left is weight times travel."""
    (rep,) = measured(idle().reps((400,)).rest(3).samples(50, load_kg=120))
    assert 120 * 9.80665 * SINE_OF_45 * 0.4 == pytest.approx(rep.work_j, rel=0.01)


def test_a_stack_is_lifted_by_its_ratio_whatever_the_rails():
    (rep,) = measured(idle().reps((400,)).rest(3).samples(50, load_kg=80), STACK)
    assert 0.5 * 80 * 9.80665 * 0.4 == pytest.approx(rep.work_j, rel=0.01)


def test_a_sled_thrown_at_the_top_is_propelled_for_less_than_the_phase():
    """Up at 3.6 m/s² of a stack of ratio 4, which coasts at −2.45: pushing ends well before the top."""
    heavy_stack = MachineSpec("seated", 0.0, 60.0, 620.0, 50.0, resistance="stack", ratio=4.0)
    samples = idle().reps((400,), concentric_s=0.8).rest(3).samples(100)
    (thrown,) = measured(samples, heavy_stack)
    (pushed,) = measured(samples, PLATES)
    assert thrown.mean_propulsive_velocity_m_s > 1.1 * thrown.mean_velocity_m_s
    assert pushed.mean_propulsive_velocity_m_s == pytest.approx(pushed.mean_velocity_m_s)


def test_velocity_loss_is_against_the_fastest_rep_of_the_set_until_then():
    slower = Press().rest(2)
    for seconds in (1.0, 0.9, 1.2, 1.8):
        slower = slower.to(400, 2).to(0, seconds).rest(0.6)
    samples = joined(slower.rest(2).samples(100), idle(31).reps((400,), concentric_s=2).rest(2).samples(100))
    losses = [rep.velocity_loss_pct for rep in measured(samples)]
    velocities = [above_20_mm_s(400, seconds)[1] for seconds in (0.9, 1.2, 1.8)]
    expected = [0, 0, 100 * (1 - velocities[1] / velocities[0]), 100 * (1 - velocities[2] / velocities[0]), 0]
    assert expected == pytest.approx(losses, abs=1.5)


def test_live_and_closing_agree_within_a_few_percent():
    samples = idle().reps((400, 380, 410)).rest(3).samples(50, noise_mm=0.3)
    closing = [rep.mean_velocity_m_s for rep in measured(samples)]
    live = [rep.mean_velocity_m_s for rep in measured(samples, causal=True)]
    assert closing == pytest.approx(live, rel=0.04)


@pytest.mark.parametrize("jitter", [0.0, 0.8])
def test_uneven_and_missing_samples_leave_the_velocity_alone(jitter):
    samples = idle().reps((400,) * 4).rest(3).samples(60, jitter=jitter)
    depths = samples.depth_mm.copy()
    depths[np.random.default_rng(3).random(len(depths)) < 0.1] = np.nan
    depths[::41] += 300
    _, mean_m_s = above_20_mm_s(400, 1)
    for rep in measured(samples._replace(depth_mm=depths)):
        assert mean_m_s == pytest.approx(rep.mean_velocity_m_s, rel=0.025)


def test_a_rep_is_the_same_whatever_happened_long_before_and_after():
    alone = idle().reps((400,)).rest(5).samples(50)
    among = idle(20).reps((380,)).rest(9).reps((400,)).rest(5).reps((300,)).rest(3).samples(50)
    (expected,) = measured(alone)
    assert expected.mean_velocity_m_s == pytest.approx(measured(among)[1].mean_velocity_m_s, rel=1e-6)


def swinging(travel_mm: float, period_s: float, *, reps: int = 3, rate_hz: float = 50.0) -> Samples:
    """Reps without a pause, as a sinusoid: its greatest speed is πA/T, its turns brake by 2π²A/T²."""
    seconds = np.arange(0, 6 + reps * period_s, 1 / rate_hz)
    phase = 2 * np.pi * np.clip(seconds - 3, 0, reps * period_s) / period_s
    return Samples(
        np.round(seconds * 1e6).astype(np.int64), travel_mm / 2 * (1 - np.cos(phase)), np.full(len(seconds), 100.0)
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("rate_hz", [30.0, 50.0, 500.0])
@pytest.mark.parametrize(("travel_mm", "period_s"), [(400, 2.0), (400, 0.9), (200, 0.5)])
def test_the_way_down_is_as_fast_and_turned_as_hard_as_a_sinusoid_is(travel_mm, period_s, rate_hz, causal):
    for rep in measured(swinging(travel_mm, period_s, rate_hz=rate_hz), causal=causal):
        assert np.pi * travel_mm / 1e3 / period_s == pytest.approx(rep.eccentric_peak_velocity_m_s, rel=0.02)
        assert 2 * np.pi**2 * travel_mm / 1e3 / period_s**2 == pytest.approx(rep.turn_deceleration_m_s2, rel=0.04)


def test_a_push_that_begins_hard_is_no_hard_turn():
    """Down in 2 s, up in 0.35 s, which takes 19 m/s² at its start: braking of the way down is asked for."""
    (rep,) = measured(idle().to(400, 2).rest(0.5).to(0, 0.35).rest(3).samples(100))
    assert 10 / 3**0.5 * 0.4 / 2**2 == pytest.approx(rep.turn_deceleration_m_s2, abs=0.2)


def test_pushing_lasts_for_the_whole_phase_unless_the_sled_is_let_fly():
    heavy_stack = MachineSpec("seated", 0.0, 60.0, 620.0, 50.0, resistance="stack", ratio=4.0)
    samples = idle().reps((400,), concentric_s=0.8).rest(3).samples(100)
    (thrown,) = measured(samples, heavy_stack)
    (pushed,) = measured(samples, PLATES)
    # Of a minimum-jerk stroke: where 60 u (1 − u)(1 − 2u) A/T² falls below −9.81/4.
    share = brentq(lambda u: 60 * u * (1 - u) * (1 - 2 * u) * 0.4 / 0.8**2 + 9.80665 / 4, 0.5, 0.79)
    assert 0.8 * share - (0.8 - above_20_mm_s(400, 0.8)[0]) / 2 == pytest.approx(thrown.propulsive_s, abs=0.015)
    assert pushed.propulsive_s == pytest.approx(pushed.concentric_s)


@pytest.mark.parametrize("seconds", [0.6, 1.0, 2.0])
def test_speed_at_the_lock_out_is_that_of_the_stroke_20_mm_before_its_end(seconds):
    share = brentq(lambda u: 400 * (10 * u**3 - 15 * u**4 + 6 * u**5) - 20, 0, 0.5)
    for rep in measured(idle().reps((400,) * 2, concentric_s=seconds).rest(3).samples(50)):
        assert 0.4 / seconds * 30 * (share * (1 - share)) ** 2 == pytest.approx(rep.lockout_velocity_m_s, rel=0.02)


def test_who_stays_short_of_the_sets_smallest_depth_locks_nothing_out():
    """The last rep ends in the rack, and is no measure for the others."""
    pressed = idle().to(30, 0.4).rest(1.5).to(400, 2).to(30, 1).rest(0.6).to(400, 2).to(55, 1).rest(0.6)
    samples = pressed.to(400, 2).to(0, 1).rest(3).samples(50)
    first, short, last = measured(samples)
    assert [True, False, True] == [rep.lockout_velocity_m_s is not None for rep in (first, short, last)]
    assert first.lockout_velocity_m_s == pytest.approx(last.lockout_velocity_m_s, rel=0.1)


def test_no_reps_have_no_measures():
    assert [] == measured(idle(5).samples(50))


@pytest.mark.parametrize("rate_hz", [30.0, 50.0, 1_000.0])
def test_the_filter_is_the_one_of_scipy(rate_hz):
    x = np.cumsum(np.random.default_rng(5).normal(size=400))
    sections = butter(2, 10.0, fs=rate_hz, output="sos")
    np.testing.assert_allclose(butterworth(x, 10.0, rate_hz, False), sosfiltfilt(sections, x), rtol=1e-9, atol=1e-9)
    began = np.concatenate([np.full(2_000, x[0]), x])
    forward = sosfilt(sections, began - x[0])[2_000:] + x[0]
    np.testing.assert_allclose(butterworth(x, 10.0, rate_hz, True), forward, rtol=1e-9, atol=1e-9)
