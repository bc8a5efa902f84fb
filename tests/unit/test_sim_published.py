"""Simulated people stay within what is published of leg presses, and of sets to failure. Sources: docs/simulator.md."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sledwatch_sim.equipment.models import INCLINE, MODELS, Press
from sledwatch_sim.equipment.travel import BOUNCE_M_S2, Pen
from sledwatch_sim.people import LOAD_PCT, VELOCITY_M_S, Lifter, PlannedSet, Stroke, lifter
from sledwatch_sim.performing import pressed

PEOPLE = [lifter(7, number, "p") for number in range(400)]
# 5.8 % of the 1RM, the error of estimate of Conceição 2016, as a velocity by the slope of the same regression.
ERROR_M_S = 5.8 / 55.509


def first_push(person: Lifter, share_of_1rm: float) -> tuple[float, float]:
    """Mean velocity of a fresh push as fast as they can, and the same if the sled might fly, on the 45° press."""
    planned = PlannedSet(100.0, 1, 60.0, share_of_1rm, 1.0)
    keen = replace(person, intent=1.0)
    stroke = keen.stroke(INCLINE, planned, 0.0, 0, 10.0, None, np.random.default_rng(person.number))
    may_fly = float(keen.full_effort_m_s(100.0 * share_of_1rm))
    return (stroke.bottom_mm - stroke.end_mm) / 1000.0 / stroke.concentric_s, may_fly


def work_sets(person: Lifter, press: Press = INCLINE) -> list[list[Stroke]]:
    rng = np.random.default_rng(person.number)
    plan = person.plan(press, rng)[1:]
    return [
        [person.stroke(press, one, (at + 1) / len(plan), rep, 10.0, None, rng) for rep in range(one.reps)]
        for at, one in enumerate(plan)
    ]


STROKES = [stroke for person in PEOPLE for reps in work_sets(person) for stroke in reps]


def test_what_people_can_push_is_the_published_velocity_within_its_error():
    """Conceição 2016: the table over all loads; one person differs from it by less than the error of estimate."""
    can = np.array([person.full_effort_m_s(LOAD_PCT) for person in PEOPLE])
    assert VELOCITY_M_S.tolist() == pytest.approx(can.mean(axis=0).tolist(), abs=0.02)
    assert (np.abs(can - VELOCITY_M_S) < 2.0 * ERROR_M_S).mean() > 0.95
    assert (can.std(axis=0) < ERROR_M_S).all()


def test_at_the_1rm_velocities_are_0_21_with_a_spread_of_0_04():
    can = np.array([person.full_effort_m_s(100.0) for person in PEOPLE])
    assert 0.21 == pytest.approx(can.mean(), abs=0.04)
    assert 0.02 < can.std() < 0.06


def test_nobody_is_faster_than_published_and_heavy_pushes_are_as_fast():
    """Light ones are slower: these people stop the sled before the end of its travel, and legs cannot pull."""
    light = np.array([first_push(person, 0.5) for person in PEOPLE])
    heavy = np.array([first_push(person, 0.9) for person in PEOPLE])
    assert (light[:, 0] < light[:, 1]).all()
    assert heavy[:, 0].mean() == pytest.approx(np.interp(90.0, LOAD_PCT, VELOCITY_M_S), abs=ERROR_M_S)


def test_tempo_is_between_as_fast_as_possible_and_two_seconds():
    """ACSM 2009: 1 to 2 s each way is moderate; Martín-Fuentes 2020 had people press at 2 s each way, and flat out."""
    down = np.array([stroke.eccentric_s for stroke in STROKES])
    up = np.array([stroke.concentric_s for stroke in STROKES])
    assert 1.0 < np.median(down) < 2.0
    assert np.mean((down > 0.75) & (down < 2.5)) > 0.98
    assert np.mean((up > 0.35) & (up < 2.0)) > 0.99


def test_knees_bend_as_far_as_is_taught_and_trained():
    """90° is where a 1RM is tested, 100° where a limited range of motion ended in a trained group."""
    knee_deg = np.array([person.knee_deg for person in PEOPLE])
    assert 90.0 < np.median(knee_deg) < 100.0
    assert 80.0 < knee_deg.min() < knee_deg.max() < 115.0


@pytest.mark.parametrize("press", MODELS.values(), ids=MODELS)
def test_hips_bend_no_further_than_hips_can(press: Press):
    """Mean and two spreads of passive hip flexion with the error of the model, as for the estimated limit."""
    for sex, mean_deg, spread_deg in (("male", 110.8, 7.4), ("female", 121.3, 7.2)):
        furthest = max(person.hip_range_deg(press) for person in PEOPLE if person.sex == sex)
        assert furthest < mean_deg + 2.0 * math.hypot(spread_deg, 10.0)


def test_the_first_half_of_a_set_costs_little_velocity_and_the_last_rep_is_as_slow_as_a_1rm():
    """In squats to failure the loss is significant from 48 % of the reps on, whatever the load (Izquierdo 2006)."""
    for share in (0.60, 0.65, 0.70, 0.75):
        done = np.array([0.0, 0.25, 0.48, 1.0])
        velocity = np.array([replace(person, intent=1.0).push_m_s(share, done, 0.0) for person in PEOPLE])
        loss = 1.0 - velocity / velocity[:, :1]
        assert loss[:, 1].max() < 0.12
        assert 0.10 < loss[:, 2].mean() < 0.25
        assert velocity[:, 3].mean() == pytest.approx(0.20, abs=0.02)


def test_work_sets_end_short_of_failure():
    losses = [
        1.0 - velocities[-1] / max(velocities)
        for person in PEOPLE
        for reps in work_sets(person)
        for velocities in [[(one.bottom_mm - one.end_mm) / one.concentric_s for one in reps]]
    ]
    assert 0.25 < np.median(losses) < 0.45
    assert np.quantile(losses, 0.95) < 0.65


def test_full_intent_is_all_that_can_be_done_and_less_is_less_while_fresh():
    person = replace(PEOPLE[0], intent=1.0)
    left = 1.0 - 0.3 * 0.5**1.5
    assert float(person.push_m_s(0.7, 0.5, 0.0)) == pytest.approx(float(person.full_effort_m_s(70.0 / left)))
    assert 0.6 * float(person.push_m_s(0.7, 0.0, 0.0)) == pytest.approx(float(person.push_m_s(0.7, 0.0, 0.0, 0.6)))


def test_a_bounce_turns_harder_than_a_press_and_goes_no_deeper_than_meant():
    pen = Pen(1_000.0)
    stroke = Stroke(10.0, 330.0, 12.0, 1.0, 0.0, 0.7, 0.4, bounce_m_s=0.6)
    travel = np.concatenate(pressed(pen, stroke, np.random.default_rng(3)))
    braking = -np.gradient(np.gradient(travel / 1000.0, 0.001), 0.001)
    assert 330.0 == pytest.approx(travel.max(), abs=0.1)
    assert 1.0 == pytest.approx(np.argmax(travel) / 1000.0, abs=0.005)
    assert BOUNCE_M_S2 == pytest.approx(braking[200:-200].max(), rel=0.02)
    assert 1.7 == pytest.approx(pen.end_s)
