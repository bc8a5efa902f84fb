"""Models of leg press: what their feet plates feel, and what can be set on them."""

import numpy as np
import pytest

from sledwatch.events import Setup
from sledwatch_sim.equipment.models import INCLINE, MODELS, SEATED, SUPINE, UPRIGHT
from sledwatch_sim.equipment.travel import minimum_jerk
from sledwatch_sim.people import lifter

SETUP = Setup(backrest_deg=30.0, notch=4, foot_row=2)
RATE_HZ = 1_000.0


def steady_mm(speed_mm_s: float) -> np.ndarray:
    """A second of travel at one speed, negative away from the user."""
    return 300.0 + speed_mm_s * np.arange(1_000) / RATE_HZ


def test_holding_a_hundred_kilos_at_45_degrees_takes_693_newtons():
    assert 693.4 == pytest.approx(INCLINE.pushed_n(SETUP, 100.0, np.full(50, 300.0), 50.0).mean(), abs=0.05)


def test_pushing_faster_by_a_metre_a_second_each_second_takes_a_hundred_more():
    t_s = np.arange(200) / RATE_HZ
    away_mm = 300.0 - 1000.0 * 0.5 * t_s**2
    felt_n = INCLINE.pushed_n(SETUP, 100.0, away_mm, RATE_HZ)[50:-50] - INCLINE.friction_n
    assert 793.4 == pytest.approx(felt_n.mean(), abs=0.1)


def test_a_stack_at_half_the_travel_weighs_half_and_resists_a_quarter():
    t_s = np.arange(200) / RATE_HZ
    still, faster = np.full(200, 300.0), 300.0 - 1000.0 * 0.5 * t_s**2
    held_n = UPRIGHT.pushed_n(SETUP, 200.0, still, RATE_HZ).mean()
    pushed_n = UPRIGHT.pushed_n(SETUP, 200.0, faster, RATE_HZ)[50:-50].mean() - UPRIGHT.friction_n
    assert 980.7 == pytest.approx(held_n, abs=0.1)
    assert 50.0 == pytest.approx(pushed_n - held_n, abs=0.1)


@pytest.mark.parametrize("model", MODELS)
def test_friction_is_half_of_what_pushing_takes_more_than_lowering(model):
    press = MODELS[model]
    pushing, lowering = (press.pushed_n(SETUP, 100.0, steady_mm(speed), RATE_HZ).mean() for speed in (-100.0, 100.0))
    assert press.friction_n == pytest.approx((pushing - lowering) / 2.0)


def test_whoever_rides_along_adds_inertia_and_no_weight():
    t_s = np.arange(200) / RATE_HZ
    faster = 300.0 - 1000.0 * 0.5 * t_s**2
    alone, ridden = (SEATED.pushed_n(SETUP, 100.0, faster, RATE_HZ, kg)[50:-50].mean() for kg in (0.0, 80.0))
    assert 80.0 == pytest.approx(ridden - alone, abs=0.1)
    assert (
        SEATED.pushed_n(SETUP, 100.0, np.full(9, 1.0), 50.0)[0]
        == SEATED.pushed_n(SETUP, 100.0, np.full(9, 1.0), 50.0, 80.0)[0]
    )


def test_the_work_of_a_push_from_rest_to_rest_is_weight_and_friction_over_its_way():
    at = np.linspace(0.0, 1.0, 1_001)
    depth_mm = minimum_jerk(400.0, 10.0, at)
    force = INCLINE.pushed_n(SETUP, 150.0, depth_mm, RATE_HZ)
    work_j = float(np.trapezoid(force, -depth_mm / 1000.0))
    assert INCLINE.work_j(SETUP, 150.0, 390.0) + INCLINE.friction_n * 0.39 == pytest.approx(work_j, rel=0.002)


def test_nobody_pulls_a_sled_with_their_feet():
    flung_mm = minimum_jerk(400.0, 10.0, np.linspace(0.0, 1.0, 101))
    assert 0.0 == INCLINE.pushed_n(SETUP, 50.0, flung_mm, 250.0).min()


@pytest.mark.parametrize("model", MODELS)
def test_everybody_finds_a_seat_and_a_load_on_every_model(model):
    press = MODELS[model]
    assert press.online.model == model
    for number in range(40):
        person = lifter(1, number, f"p-{number}")
        setup = person.setup(press)
        assert 0 <= setup.notch <= press.notches
        assert 130.0 < person.habit_mm(press) < press.online.travel_mm
        load_kg = press.load_near(0.7 * person.one_rm_n / press.newtons_per_kg(setup))
        assert press.empty_kg < load_kg < press.most_kg


@pytest.mark.parametrize(
    ("rate_hz", "dt_us", "samples"), [(10.0, 100_000, 10), (50.0, 20_000, 50), (1_000.0, 1_000, 1_000)]
)
def test_a_frame_is_a_second_at_every_rate(rate_hz, dt_us, samples):
    press = SUPINE.at_rate(rate_hz)
    assert (rate_hz, dt_us, samples) == (press.rate_hz, press.dt_us, press.frame_samples)
    assert SUPINE.online.rail_deg == press.online.rail_deg


@pytest.mark.parametrize("rate_hz", [9.0, 1_001.0])
def test_an_encoder_that_does_not_exist_is_refused(rate_hz):
    with pytest.raises(ValueError, match="expected 10 to 1000"):
        SUPINE.at_rate(rate_hz)
