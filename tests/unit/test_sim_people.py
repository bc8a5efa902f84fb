"""What makes people differ: segments, strength over the weeks, layoffs, bouncing; and years that stay silent."""

from dataclasses import replace

import numpy as np
import pytest

from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.history import past_sessions
from sledwatch_sim.people import DAY_US, lifter
from sledwatch_sim.programmes import Ids, at_work
from sledwatch_sim.scenarios import load
from sledwatch_sim.truth import Done, overuse

NOW_US = 1_795_330_800_000_000
PEOPLE = range(200)


def test_legs_of_one_height_differ_by_a_few_per_cent():
    shares = np.array([(one.femur_mm / one.height_mm, one.shank_mm / one.height_mm) for one in drawn()])
    assert [0.245, 0.246] == pytest.approx(shares.mean(axis=0).tolist(), abs=0.001)
    assert (shares.std(axis=0) / shares.mean(axis=0)).tolist() == pytest.approx([0.02, 0.02], abs=0.004)


def drawn() -> list:
    return [lifter(1, number, "p") for number in PEOPLE]


def test_the_hip_has_more_range_than_habit_uses():
    assert all(one.hip_range_deg(INCLINE) > 90.0 for one in drawn())
    assert all(one.limit_mm(INCLINE) > one.habit_mm(INCLINE) for one in drawn())


def test_who_bounces_does_not_wait_below():
    one = replace(lifter(1, 1, "p"), bounces=True)
    rng = np.random.default_rng(1)
    strokes = [one.stroke(INCLINE, planned, 0.0, 0, 10.0, None, rng) for planned in one.plan(INCLINE, rng)]
    assert {0.0} == {stroke.dwell_s for stroke in strokes}


def test_loads_grow_with_strength():
    one = replace(lifter(1, 3, "p"), growth_a_week=0.01, days=364)
    done = past_sessions(one, INCLINE, NOW_US)
    first, last = (max(rep["load_kg"] for rep in session.reps) for session in (done[0], done[-1]))
    assert 1.4 < last / first < 1.9


def test_a_layoff_ends_today():
    one = replace(lifter(1, 3, "p"), off_days=40, days=140)
    latest = past_sessions(one, INCLINE, NOW_US)[-1]
    assert 40 * DAY_US == NOW_US - latest.start_us


def test_who_is_new_has_no_past():
    assert [] == past_sessions(replace(lifter(1, 3, "p"), days=0), INCLINE, NOW_US)


def test_work_can_be_meant_to_the_rep():
    one = lifter(1, 5, "p")
    rng = np.random.default_rng(2)
    setup, rom_mm = one.setup(INCLINE), one.habit_mm(INCLINE) - 10.0
    planned = one.plan_of(INCLINE, rng, 20_000.0)
    work_j = sum(each.reps * INCLINE.work_j(setup, each.load_kg, rom_mm) for each in planned)
    assert work_j == pytest.approx(20_000.0, abs=0.5 * INCLINE.work_j(setup, planned[-1].load_kg, rom_mm))


def test_steady_years_entail_fewer_than_one_alert_in_fifty_weeks_of_a_member():
    scenario = load("steady-years")[1]
    programme = at_work(scenario, 1, NOW_US, Ids(1))
    alerts = weeks = 0
    for kind in scenario.people:
        person = programme.next(kind.machine - 1, NOW_US)[0]
        done = [
            Done(one.start_us, one.end_us, one.work_j, max(rep["load_kg"] for rep in one.reps), (3, 3))
            for one in past_sessions(person, programme.machines[kind.machine - 1].press, NOW_US)
        ]
        # Every session against those before it; the first year is looked back on only.
        later = range(len(done) // 2, len(done))
        found = [one for at in later for one in overuse(done[max(0, at - 150) : at], done[at])]
        alerts += sum(one.severity == "alert" for one in found)
        weeks += int(kind.weeks) // 2
    assert 50 * alerts < weeks
