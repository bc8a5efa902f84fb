"""e1RM: from a line of one's own, from the published one, from reps; and when none of them may say anything."""

import pytest

from sledwatch.limits import ReferenceLoad
from sledwatch.machine import MachineSpec
from sledwatch.strength import (
    Lift,
    SetDone,
    brzycki,
    epley,
    estimate,
    load_velocity,
    pct_1rm_at,
    reference_load,
)

INCLINE = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0)
SEATED = MachineSpec("seated", 0.0, 60.0, 620.0, 50.0, resistance="stack", ratio=0.5)


def on_a_line(*loads_kg: float, e1rm_kg: float = 200.0, slope: float = -0.008) -> list[Lift]:
    """Pushes that lie on a line exactly, through 0.21 m/s at the 1RM."""
    return [Lift(load, 0.21 + slope * (load - e1rm_kg)) for load in loads_kg]


def test_strength_from_reps_to_failure():
    assert 100 * 36 / 32 == pytest.approx(brzycki(100, 5))
    assert 100 * (1 + 0.0333 * 5) == pytest.approx(epley(100, 5))
    assert (100, 100) == (brzycki(100, 1), epley(100, 1))


def test_more_than_ten_reps_say_nothing_of_strength():
    assert (None, None, None) == (brzycki(100, 11), epley(100, 11), brzycki(100, 37))


@pytest.mark.parametrize("formula", [brzycki, epley])
def test_no_reps_are_no_set(formula):
    with pytest.raises(ValueError, match="expected 1 or more"):
        formula(100, 0)


def test_four_loads_on_a_line_give_the_load_that_moves_at_021():
    found = estimate(on_a_line(80, 100, 120, 140), [], INCLINE)
    assert found is not None
    assert ("line", False, 4) == (found.method, found.guess, found.loads)
    assert pytest.approx(200) == found.e1rm_kg
    # Nothing is left but how much people's velocities at the 1RM differ.
    assert pytest.approx(0.04 / 0.008) == found.error_kg


@pytest.mark.parametrize(
    ("loads_kg", "good"),
    [
        ((80, 100, 120, 139), False),  # 29.5 % of 200 kg
        ((80, 100, 120, 141), True),
        ((80, 110, 141), False),
        ((80, 80, 110, 141), False),
    ],
)
def test_a_line_needs_four_loads_that_span_30_percent(loads_kg, good):
    assert good == (load_velocity(on_a_line(*loads_kg)) is not None)


@pytest.mark.parametrize(("off_m_s", "good"), [(0.059, True), (0.061, False)])
def test_a_line_needs_an_r2_of_90_percent(off_m_s, good):
    """Off by ±d in the pattern + − − +, which leaves the slope alone: r² = 0.128 / (0.128 + 4 d²)."""
    exact = on_a_line(80, 100, 120, 140)
    signs = (1, -1, -1, 1)
    swung = [Lift(one.load_kg, one.velocity_m_s + off_m_s * sign) for one, sign in zip(exact, signs, strict=True)]
    assert good == (load_velocity(swung) is not None)


@pytest.mark.parametrize("slope", [0.0, 0.004])
def test_who_pushes_heavy_loads_no_slower_has_no_line(slope):
    assert load_velocity([Lift(load, 0.5 + slope * load) for load in (80, 100, 120, 150)]) is None


def test_the_error_of_a_line_grows_with_what_lies_off_it_and_with_how_far_it_is_followed():
    def error(loads_kg: tuple[float, ...], off_m_s: float) -> float:
        lifts = [
            Lift(lift.load_kg, lift.velocity_m_s + off_m_s * (-1) ** n) for n, lift in enumerate(on_a_line(*loads_kg))
        ]
        line = load_velocity(lifts)
        assert line is not None
        return line.error_kg

    near, far = (110.0, 130.0, 150.0, 180.0), (50.0, 70.0, 90.0, 120.0)
    assert error(near, 0.0) < error(near, 0.02) < error(far, 0.02)


def test_the_published_equation_is_a_guess_from_the_heaviest_load():
    found = estimate([Lift(60, 1.2), Lift(140, 0.6)], [SetDone(140, 3)], INCLINE)
    assert found is not None
    pct = 109.29 - 55.509 * 0.6
    assert ("equation", True, 1) == (found.method, found.guess, found.loads)
    assert (100 * 140 / pct, 100 * 140 / pct * 5.8 / pct) == pytest.approx((found.e1rm_kg, found.error_kg))


@pytest.mark.parametrize(("velocity_m_s", "inside"), [(0.185, False), (0.195, True), (1.655, True), (1.665, False)])
def test_the_equation_is_not_used_beyond_the_velocities_it_rests_on(velocity_m_s, inside):
    assert inside == (pct_1rm_at(velocity_m_s) is not None)
    found = estimate([Lift(100, velocity_m_s)], [], INCLINE)
    assert inside == (found is not None)


@pytest.mark.parametrize(
    "spec",
    [
        SEATED,
        MachineSpec("supine", 0.0, 10.0, 620.0, 50.0),
        MachineSpec("incline", 42.0, 30.0, 620.0, 50.0),
        MachineSpec("incline", 45.0, 30.0, 620.0, 50.0, resistance="stack"),
    ],
)
def test_other_machines_than_the_45_degree_press_have_no_equation(spec):
    found = estimate([Lift(140, 0.6)], [SetDone(140, 5)], spec)
    assert found is not None
    assert "reps" == found.method


def test_from_reps_the_best_set_counts_by_the_formula_that_says_less():
    found = estimate([], [SetDone(60, 10), SetDone(140, 4), SetDone(200, 11)], SEATED)
    # The set of eleven says nothing of strength but that 200 kg were lifted.
    assert found is None
    found = estimate([], [SetDone(60, 10), SetDone(140, 4)], SEATED)
    assert found is not None
    assert (140 * 36 / 33, None, True) == (found.e1rm_kg, found.error_kg, found.guess)


@pytest.mark.parametrize(("reps", "method"), [(9, "equation"), (10, "reps")])
def test_the_equation_gives_way_where_reps_say_more(reps, method):
    """100 kg at 0.58 m/s is 77.1 % and 129.7 kg; nine reps say 128.6 kg, ten 133.3 kg."""
    found = estimate([Lift(100, 0.58)], [SetDone(100, reps)], INCLINE)
    assert found is not None
    assert method == found.method


def test_what_was_lifted_refutes_an_estimate():
    """A light push without full intent makes the equation say 107 kg of somebody who lifted 130."""
    found = estimate([Lift(60, 0.95), Lift(70, 0.8)], [SetDone(130, 3)], INCLINE)
    assert found is not None
    assert ("reps", 130 * 36 / 34) == (found.method, found.e1rm_kg)


def test_nothing_lifted_says_nothing():
    assert estimate([], [], INCLINE) is None


def test_loads_are_measured_against_e1rm_else_the_best_load():
    strength = estimate(on_a_line(80, 100, 120, 141), [], INCLINE)
    assert strength is not None
    found = [reference_load(strength, 150.0), reference_load(None, 150.0), reference_load(strength, 210.0)]
    assert [
        ReferenceLoad(strength.e1rm_kg, "e1rm"),
        ReferenceLoad(150.0, "best-load"),
        ReferenceLoad(210.0, "best-load"),
    ] == found
    assert reference_load(None, None) is None
