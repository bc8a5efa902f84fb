"""What the feet press with: means over the phases, asymmetry, and friction out of both."""

import numpy as np
import pytest

from histories import rep
from pressing import idle
from sledwatch.events import Setup
from sledwatch.machine import MachineSpec
from sledwatch.reps import FootForces, find_reps, foot_forces, friction_n, measure
from sledwatch_sim.equipment.models import INCLINE

SPEC = MachineSpec.of(INCLINE.online, None)
SETUP = Setup(backrest_deg=30.0, notch=4, foot_row=2)


def forces_of(concentric_s: float, left_share: float = 0.5) -> list[FootForces | None]:
    """Six reps with 100 kg on the simulated incline press, which takes 25 N of friction."""
    press = idle().reps((380,) * 6, concentric_s=concentric_s, bottom_s=0.2).rest(3)
    samples = press.samples(50)
    total_n = INCLINE.pushed_n(SETUP, 100.0, press.depth_mm((samples.t_us - samples.t_us[0]) / 1e6), 50.0)
    feet_n = np.stack([left_share * total_n, (1 - left_share) * total_n])
    measured = measure(*samples, find_reps(*samples), SPEC)
    phases = [(one.start_us, one.eccentric_s, one.concentric_s, one.end_us) for one in measured]
    return foot_forces(samples.t_us, feet_n, phases)


@pytest.mark.parametrize("concentric_s", [0.7, 1.0, 3.0])
def test_friction_is_half_of_what_pushing_takes_more_than_lowering_at_any_speed(concentric_s):
    reps = [rep(number, 380.0) for number in range(1, 7)]
    assert INCLINE.friction_n == pytest.approx(friction_n(reps, forces_of(concentric_s)), abs=1.5)


def test_the_feet_carry_the_weight_along_the_rails_and_the_friction():
    weight_n = 100.0 * 9.80665 * 0.5**0.5
    for force in forces_of(1.0, left_share=0.45):
        assert force is not None
        assert (0.45, 0.55) == pytest.approx(
            (force.left_n / (weight_n + 25), force.right_n / (weight_n + 25)), rel=0.01
        )
        assert weight_n - 25 == pytest.approx(force.lowering_n, rel=0.01)
        assert 100 * 10 / 55 == pytest.approx(force.asymmetry_pct)


def test_fewer_than_five_sure_reps_tell_no_friction():
    forces = [FootForces(400.0, 400.0, 700.0)] * 6
    sure = [rep(number, 380.0) for number in range(1, 6)]
    assert friction_n(sure, forces[:5]) == 50.0
    assert friction_n([*sure[:4], rep(5, 380.0, quality="unsure")], forces[:5]) is None
    assert friction_n(sure, [*forces[:4], None]) is None
    assert friction_n(sure, [*forces[:4], FootForces(400.0, 400.0, None)]) is None


def test_where_most_samples_of_the_way_up_are_missing_there_is_no_force():
    t_us = np.arange(100) * 20_000
    feet_n = np.full((2, 100), 300.0)
    feet_n[1, 50:100] = np.nan
    feet_n[1, 50:76] = 300.0
    phases = [(0, 1.0, 0.98, 1_980_000)]
    assert [FootForces(300.0, 300.0, 600.0)] == foot_forces(t_us, feet_n, phases)
    feet_n[1, 70:76] = np.nan
    assert [None] == foot_forces(t_us, feet_n, phases)
    assert [None] == foot_forces(t_us, feet_n, [(0, 1.0, 0.05, 1_000_000)])


def test_feet_that_press_nothing_have_no_asymmetry():
    assert FootForces(0.0, 0.0, None).asymmetry_pct is None
    assert pytest.approx(100.0) == FootForces(0.0, 300.0, None).asymmetry_pct
