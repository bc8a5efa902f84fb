"""Geometry and forces against the figures of the science page."""

import pytest

from sledwatch.events import Online, Setup
from sledwatch.machine import MachineSpec, angle_basis, coasting_m_s2, force_n, joint_angles

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
