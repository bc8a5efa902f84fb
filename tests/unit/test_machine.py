"""Geometry and forces against the figures of the science page."""

import numpy as np
import pytest

from sledwatch.events import Online, Setup
from sledwatch.machine import LegFit, MachineSpec, angle_basis, coasting_m_s2, force_n, joint_angles

INCLINE = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0)
SETUP = Setup(backrest_deg=30.0, notch=4, foot_row=2)

# Knee flexion, travel from the reference extension for bodies of 1.60, 1.75 and 1.90 m, hip flexion for an angle of 90,
# 105, 120 and 135° between backrest and rail.
TABLE = [
    (60, (104, 113, 123), (120, 105, 90, 75)),
    (80, (182, 199, 216), (130, 115, 100, 85)),
    (90, (228, 250, 271), (135, 120, 105, 90)),
    (100, (279, 305, 331), (140, 125, 110, 95)),
    (110, (333, 365, 396), (145, 130, 115, 100)),
    (120, (391, 428, 464), (150, 135, 120, 105)),
]


@pytest.mark.parametrize(("knee_deg", "travels_mm", "hips_deg"), TABLE)
@pytest.mark.parametrize(("height_mm", "column"), [(1_600, 0), (1_750, 1), (1_900, 2)])
@pytest.mark.parametrize(("between_deg", "hip_column"), [(90, 0), (105, 1), (120, 2), (135, 3)])
def test_angles_at_a_depth(knee_deg, travels_mm, hips_deg, height_mm, column, between_deg, hip_column):
    spec = MachineSpec("incline", 45.0, 135.0 - between_deg, 620.0, 50.0)
    angles = joint_angles(spec, None, height_mm, travels_mm[column])
    assert (knee_deg, hips_deg[hip_column]) == pytest.approx(angles, abs=0.25)


@pytest.mark.parametrize(("knee_deg", "travels_mm", "hips_deg"), TABLE)
@pytest.mark.parametrize(("height_mm", "column"), [(1_600, 0), (1_750, 1), (1_900, 2)])
@pytest.mark.parametrize(("between_deg", "hip_column"), [(90, 0), (105, 1), (120, 2), (135, 3)])
def test_depths_at_an_angle(knee_deg, travels_mm, hips_deg, height_mm, column, between_deg, hip_column):
    fit = leg(MachineSpec("incline", 45.0, 135.0 - between_deg, 620.0, 50.0), None, height_mm)
    assert travels_mm[column] == pytest.approx(fit.depth_at_knee(knee_deg), abs=0.6)
    # The table's angles are whole degrees, and a quarter of one is three millimetres.
    assert travels_mm[column] == pytest.approx(fit.depth_at_hip(hips_deg[hip_column]), abs=3.5)


def leg(spec: MachineSpec, setup: Setup | None, height_mm: float = 1_750.0) -> LegFit:
    fit = LegFit.of(spec, setup, height_mm)
    assert fit is not None
    return fit


@pytest.mark.parametrize(("expected_mm", "knee_deg"), [(10.6, 90), (12.3, 110)])
def test_the_error_of_an_angle_is_as_many_millimetres_as_the_hip_is_slow(expected_mm, knee_deg):
    fit = leg(INCLINE, None)
    depth_mm = fit.depth_at_knee(knee_deg)
    assert depth_mm is not None
    assert expected_mm == pytest.approx(fit.mm_per_hip_deg(depth_mm), abs=0.1)
    assert 10 * expected_mm == pytest.approx(fit.depth_error_mm(depth_mm), abs=1.0)
    # Half of what the knee bends is the hip's.
    assert expected_mm / 2 == pytest.approx(fit.mm_per_knee_deg(depth_mm), abs=0.1)


@pytest.mark.parametrize(("knee_deg", "hip_deg"), [(-1.0, 60.0), (180.0, 300.0), (179.9, 40.0)])
def test_an_angle_that_no_depth_gives_has_no_depth(knee_deg, hip_deg):
    fit = leg(INCLINE, Setup(backrest_deg=30.0, notch=0, foot_row=4, foot_offset_mm=120.0))
    assert (None, None) == (fit.depth_at_knee(knee_deg), fit.depth_at_hip(hip_deg))


def test_a_body_that_does_not_fit_has_no_error_either():
    fit = leg(INCLINE, None)
    assert (None, None, None) == (fit.mm_per_hip_deg(900.0), fit.mm_per_knee_deg(900.0), fit.depth_error_mm(-50.0))


def test_many_depths_at_once_are_as_one_by_one():
    fit = leg(INCLINE, Setup(backrest_deg=30.0, notch=0, foot_row=4, foot_offset_mm=80.0))
    depths = np.array([[-60.0, 0.0, 120.0], [431.5, 900.0, np.nan]])
    one_by_one = [fit.angles(depth) or (np.nan, np.nan) for depth in depths.ravel()]
    np.testing.assert_allclose(np.array(one_by_one).T, np.array(fit.angles_of(depths)).reshape(2, -1))


def test_horizontal_rails_count_from_the_horizontal():
    """A backrest 60° above a horizontal rail stands at 120° to it."""
    seated = MachineSpec("seated", 0.0, 60.0, 620.0, 50.0)
    assert (90, 105) == pytest.approx(joint_angles(seated, None, 1_750, 250), abs=0.25)


def test_a_degree_of_hip_is_some_millimetres_of_travel():
    def hip_deg(depth_mm: float) -> float:
        angles = joint_angles(INCLINE, None, 1_750, depth_mm)
        assert angles is not None
        return angles.hip_deg

    assert 10.6 == pytest.approx(10 / (hip_deg(255) - hip_deg(245)), abs=0.1)
    assert 12.3 == pytest.approx(40 / (hip_deg(385) - hip_deg(345)), abs=1.5)


def test_a_stated_reach_gives_the_distance_to_the_footplate():
    """The reach for 90° at 250 mm: the ankle stands 0.039 body heights before the footplate."""
    stated = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0, reach_mm=856.7 + 0.039 * 1_750 - 4 * 25.0, notch_mm=25.0)
    assert joint_angles(INCLINE, None, 1_750, 250) == pytest.approx(joint_angles(stated, SETUP, 1_750, 250), abs=0.2)
    assert ("reach", "reference") == (angle_basis(stated, SETUP), angle_basis(stated, None))


def test_a_notch_further_back_bends_the_legs_less():
    stated = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0, reach_mm=830.0, notch_mm=25.0)
    near = joint_angles(stated, Setup(backrest_deg=30.0, notch=3, foot_row=2), 1_750, 250)
    far = joint_angles(stated, Setup(backrest_deg=30.0, notch=4, foot_row=2), 1_750, 275)
    assert near == pytest.approx(far)


def test_a_notch_of_unknown_pitch_says_nothing_of_the_reach():
    assert "reference" == angle_basis(MachineSpec("incline", 45.0, 30.0, 620.0, 50.0, reach_mm=830.0), SETUP)


def test_feet_set_higher_bend_the_hip_more():
    high = joint_angles(INCLINE, Setup(backrest_deg=30.0, notch=0, foot_row=4, foot_offset_mm=120.0), 1_750, 300)
    level = joint_angles(INCLINE, None, 1_750, 300)
    assert high is not None
    assert level is not None
    assert high.hip_deg > level.hip_deg + 5


@pytest.mark.parametrize(
    ("height_mm", "depth_mm"), [(None, 250.0), (0.0, 250.0), (1_750.0, -20.0), (1_750.0, 1_200.0), (1_750.0, 857.0)]
)
def test_a_body_that_does_not_fit_has_no_angles(height_mm, depth_mm):
    assert joint_angles(INCLINE, None, height_mm, depth_mm) is None


@pytest.mark.parametrize(("acceleration_m_s2", "expected_n"), [(0.0, 693.4), (1.0, 793.4)])
def test_plates_on_rails(acceleration_m_s2, expected_n):
    assert expected_n == pytest.approx(force_n(INCLINE, 100.0, acceleration_m_s2), abs=0.05)


def test_a_stack_pulls_by_its_ratio_whatever_the_rails():
    stack = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0, resistance="stack", ratio=0.5)
    assert 0.5 * 100 * (9.80665 + 0.5 * 2.0) == pytest.approx(force_n(stack, 100.0, 2.0))


def test_a_seat_that_moves_adds_inertia_and_friction_adds_force():
    seat = MachineSpec("supine", 0.0, 10.0, 620.0, 50.0, resistance="stack", moves="seat")
    assert 100 * 9.80665 + (100 + 90) * 1.5 + 40 == pytest.approx(
        force_n(seat, 100.0, 1.5, friction_n=40.0, riding_kg=90.0)
    )
    assert force_n(INCLINE, 100.0, 1.5) == force_n(INCLINE, 100.0, 1.5, riding_kg=90.0)


def test_a_sled_that_nobody_pushes_slows_down_by_its_weight():
    assert -6.93 == pytest.approx(coasting_m_s2(INCLINE), abs=0.01)
    stack = MachineSpec("seated", 0.0, 60.0, 620.0, 50.0, resistance="stack", ratio=2.0)
    assert -9.80665 / 2 == coasting_m_s2(stack)


def test_the_backrest_is_as_the_session_set_it():
    online = Online(boot="b", kind="incline", rail_deg=45.0, backrest_deg=30.0, travel_mm=620.0, rate_hz=50.0)
    assert (30.0, 15.0) == (
        MachineSpec.of(online, None).backrest_deg,
        MachineSpec.of(online, Setup(backrest_deg=15.0, notch=0, foot_row=0)).backrest_deg,
    )
