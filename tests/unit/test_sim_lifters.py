"""Simulated people: how they move, tire and train."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest

from sledwatch.events import Online
from sledwatch.machine import MachineSpec, force_n
from sledwatch_sim.equipment.models import INCLINE, SEATED, SUPINE, Press
from sledwatch_sim.equipment.travel import Pen, minimum_jerk
from sledwatch_sim.history import past_sessions
from sledwatch_sim.people import DAY_US, Lifter, lifter, possible_reps
from sledwatch_sim.performing import TrueRep, perform, seen
from sledwatch_sim.truth import excessive_depth, spike_ratio, workload_spike

NOW_US = 1_795_330_800_000_000
PEOPLE = range(40)
PRESSES = (INCLINE, SEATED, SUPINE)


def session(person: Lifter, press: Press, light_mm: float | None = None) -> list[TrueRep]:
    rng = person.rng(NOW_US)
    stretches = perform(person, press, person.plan(press, rng), rng, lambda: light_mm)
    return [stretch.rep for stretch in stretches if stretch.rep is not None]


def steady(number: int) -> tuple[Lifter, Press]:
    return lifter(1, number, f"p-{number}"), PRESSES[number % 3]


def test_a_movement_between_rests_peaks_at_1_875_times_its_mean_speed():
    at = np.linspace(0.0, 1.0, 2001)
    speed = np.diff(minimum_jerk(0.0, 300.0, at)) / np.diff(at)
    assert 1.875 * 300.0 == pytest.approx(speed.max(), rel=1e-3)


def test_a_pen_never_loses_or_invents_a_sample():
    pen = Pen(50.0)
    drawn = sum(len(pen.hold(1.0, seconds)) for seconds in (0.333, 0.001, 1.7, 0.02, 0.0))
    assert int(np.ceil(pen.end_s * 50.0)) == drawn


@pytest.mark.parametrize("number", PEOPLE)
def test_reps_stay_within_what_people_do(number):
    """Travel: knee angles of 70 to 115 degrees; tempo and velocities as gyms see them, bar of 1RM table, none flies."""
    person, press = steady(number)
    for rep in session(person, press):
        stroke = rep.stroke
        assert 130.0 <= rep.bottom_mm <= press.online.travel_mm
        assert 150.0 <= rep.rom_mm <= 450.0
        assert 0.8 <= stroke.eccentric_s <= 4.0
        assert 0.1 <= rep.rom_mm / 1000.0 / stroke.concentric_s <= 1.0
        assert rep.start_s < rep.turn_s < rep.end_s


@pytest.mark.parametrize("bounces", [False, True])
def test_what_is_said_of_a_rep_is_what_its_speed_says(bounces):
    """From the first to the last moment faster than 0.02 m/s, sampled a thousand times a second."""
    person, press = replace(lifter(1, 3, "p"), bounces=bounces), INCLINE.at_rate(1_000.0)
    rng = person.rng(NOW_US)
    done = [one for one in perform(person, press, person.plan(press, rng)[:2], rng, lambda: None) if one.rep]
    for stretch, rep in zip(done, seen([one.rep for one in done]), strict=True):
        depth_mm, began_s = stretch.depth_mm, stretch.rep.start_s
        bottom = int(depth_mm.argmax())
        speed_m_s = np.gradient(depth_mm)
        fast = np.flatnonzero(-speed_m_s[bottom:] > 0.02) + bottom
        mean_m_s = (depth_mm[fast[0]] - depth_mm[fast[-1]]) / (fast[-1] - fast[0])
        assert np.flatnonzero(speed_m_s > 0.02)[0] / 1e3 == pytest.approx(rep.start_s - began_s, abs=0.04)
        assert fast[-1] / 1e3 == pytest.approx(rep.end_s - began_s, abs=0.01)
        assert mean_m_s == pytest.approx(rep.mean_velocity_m_s, rel=0.01)


@pytest.mark.parametrize("number", PEOPLE)
def test_a_set_slows_down(number):
    person, press = steady(number)
    reps = [rep for rep in session(person, press) if rep.set == 3]
    velocities = [rep.rom_mm / rep.stroke.concentric_s for rep in reps]
    assert velocities[-1] < 0.85 * velocities[0]


def test_heavier_is_slower():
    light, heavy = possible_reps(0.6), possible_reps(0.8)
    assert light > heavy > 5


@pytest.mark.parametrize("number", PEOPLE)
def test_steady_people_stay_short_of_their_limit_and_their_caution(number):
    person, press = steady(number)
    deepest = max(rep.bottom_mm for rep in session(person, press))
    assert deepest < person.limit_mm(press) - 20.0


@pytest.mark.parametrize("number", PEOPLE)
def test_some_go_too_deep_when_they_tire(number):
    person = lifter(1, number, "p", "deep-when-tired", obeys=False)
    press = PRESSES[number % 3]
    reps = session(person, press)
    found = excessive_depth(reps, person.limit_mm(press))
    assert found is not None
    assert all(rep.bottom_mm < person.limit_mm(press) for rep in reps if rep.set == 1)


@pytest.mark.parametrize("number", PEOPLE)
def test_who_obeys_the_light_turns_before_it(number):
    person = lifter(1, number, "p", "deep-when-tired", obeys=True)
    press = PRESSES[number % 3]
    limit_mm = person.limit_mm(press)
    assert max(rep.bottom_mm for rep in session(person, press, limit_mm)) <= limit_mm - 3.0


@pytest.mark.parametrize("number", PEOPLE)
def test_an_overkeen_session_is_more_than_twice_the_best_of_a_month(number):
    person = lifter(1, number, "p", "overkeen")
    press = PRESSES[number % 3]
    past = [(done.start_us, done.work_j) for done in past_sessions(person, press, NOW_US)]
    rng = person.rng(NOW_US)
    plan = person.overkeen_plan(press, rng, max(work for t_us, work in past if t_us > NOW_US - 30 * DAY_US))
    stretches = list(perform(person, press, plan, rng, lambda: None))
    setup = person.setup(press)
    work_j = sum(press.work_j(setup, s.rep.load_kg, s.rep.rom_mm) for s in stretches if s.rep is not None)
    found = workload_spike(spike_ratio(past, NOW_US, work_j))
    assert ("alert", False) == (found.severity, found.near)
    assert sum(len(stretch.depth_mm) for stretch in stretches) / 50.0 < 24 * 60


@pytest.mark.parametrize("number", PEOPLE)
def test_steady_people_never_do_too_much(number):
    person, press = steady(number)
    past = [(done.start_us, done.work_j) for done in past_sessions(person, press, NOW_US)]
    setup = person.setup(press)
    work_j = sum(press.work_j(setup, rep.load_kg, rep.rom_mm) for rep in session(person, press))
    assert spike_ratio(past, NOW_US, work_j) < 1.3


@pytest.mark.parametrize("number", PEOPLE)
def test_history_is_eight_weeks_of_sessions_never_on_consecutive_days(number):
    person, press = steady(number)
    starts = [done.start_us for done in past_sessions(person, press, NOW_US)]
    assert 7 <= len(starts) <= 28
    days = [start_us // DAY_US for start_us in [*starts, NOW_US]]
    assert all(later - earlier >= 2 for earlier, later in pairwise(days))
    assert 45 <= days[-1] - days[0] < 56


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns"])
@pytest.mark.parametrize("minutes", [0, 8, 719, 1439])
def test_who_comes_day_after_day_does_so_whatever_the_time_of_the_day(zone, minutes):
    """Through both changes of the clocks, and from midnight to midnight."""
    here = ZoneInfo(zone)
    coming = datetime(2026, 11, 8, tzinfo=here) + timedelta(minutes=minutes)
    person = replace(lifter(1, 3, "p"), gap_days=(1,), days=300)
    starts = person.starts_before(round(coming.timestamp() * 1e6), person.rng(NOW_US), here)
    days = [datetime.fromtimestamp(start_us / 1e6, here).date() for start_us in starts]
    assert [coming.date() - timedelta(days=ago) for ago in range(299, 0, -1)] == days


def test_a_rhythm_is_kept_over_and_over():
    person = replace(lifter(1, 3, "p"), gap_days=(1, 1, 1, 1, 3), days=700)
    starts = person.starts_before(NOW_US, person.rng(NOW_US))
    assert 5 / 7 == pytest.approx(len(starts) / 700, abs=0.01)


def test_loads_are_what_the_plates_allow():
    assert {0.0} == {(INCLINE.load_near(kg) - 47.0) % 5.0 for kg in (0.0, 81.3, 244.9, 900.0)}
    assert (47.0, 447.0) == (INCLINE.load_near(0.0), INCLINE.load_near(900.0))


def test_work_is_force_over_distance():
    setup = lifter(1, 1, "p").setup(INCLINE)
    assert force_n(MachineSpec.of(INCLINE.online, setup), 100.0, 0.0) * 0.35 == pytest.approx(
        INCLINE.work_j(setup, 100.0, 350.0)
    )


def test_a_birth_certificate_of_each_press_keeps_the_contract():
    for press in PRESSES:
        online = msgspec.structs.replace(press.online, boot="b1")
        assert online == msgspec.json.decode(msgspec.json.encode(online), type=Online)
