"""Years of sessions at once: the same people as live, and what lies in a trace is what is said of it."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from sledwatch.reps import find_reps
from sledwatch_sim.equipment.models import INCLINE, SEATED, SUPINE
from sledwatch_sim.equipment.sensors import Sensor
from sledwatch_sim.history.bulk import Lived, live
from sledwatch_sim.history.entailed import entailed, sessions_done, spikes
from sledwatch_sim.history.faults import sensor_at
from sledwatch_sim.history.lives import DAY_US, SLOT_US, Life, gyms_for, life
from sledwatch_sim.history.traces import DT_US, FRAME_SAMPLES, trace
from sledwatch_sim.people import lifter
from sledwatch_sim.performing import TrueRep, perform
from sledwatch_sim.truth import caution, done, excessive_depth, overuse, spike_ratio

START_US = 1_763_769_600_000_000  # 2025-11-22, midnight UTC
DAYS = 365
PRESSES = (INCLINE, SEATED, SUPINE)
MEMBERS = range(120)
BOUNCER = next(number for number in range(1_000) if lifter(1, number, "p").bounces)


def usual(number: int, sessions: int, temper: str = "steady") -> Life:
    """A life without growth, layoffs and moods: session after session as `Training.plan` means it."""
    person = lifter(1, number, f"p-{number}", temper)  # type: ignore[arg-type]
    share = person.share_of_1rm + np.random.default_rng(number).uniform(-0.012, 0.012, sessions)
    starts_us = START_US + 3 * DAY_US * np.arange(sessions)
    never = np.zeros(sessions, dtype=np.bool_)
    deep = never | (temper == "deep-when-tired")
    sets = np.full(sessions, person.sets)
    return Life(person, PRESSES[number % 3], "g", "m", starts_us, np.ones(sessions), share, sets, deep, never)


def performed(one: Life, sessions: int) -> list[TrueRep]:
    """The same lifter's sessions, live: sample by sample."""
    person, press = one.lifter, one.press
    found: list[TrueRep] = []
    for start_us in one.starts_us[:sessions].tolist():
        rng = person.rng(start_us)
        stretches = perform(person, press, person.plan(press, rng), rng, lambda: person.limit_mm(press))
        found += [stretch.rep for stretch in stretches if stretch.rep is not None]
    return found


@pytest.fixture(scope="module")
def years() -> list[Lived]:
    return [live(life(1, number, 1, START_US, DAYS)) for number in MEMBERS]


@pytest.mark.parametrize(
    ("number", "temper"),
    [(0, "steady"), (1, "steady"), (2, "steady"), (4, "deep-when-tired"), (BOUNCER, "steady")],
)
def test_in_bulk_and_live_the_same_person_does_the_same(number: int, temper: str) -> None:
    """Depth, tempo and work of thousands of reps come from one distribution, first and last sets alike."""
    one = usual(number, 240, temper)
    bulk, singly = live(one).reps, performed(one, 60)
    strokes = [rep.stroke for rep in singly]
    newtons_per_kg = one.press.newtons_per_kg(one.lifter.setup(one.press))
    for name, in_bulk, one_by_one in (
        ("depth", bulk.bottom_mm, [rep.bottom_mm for rep in singly]),
        ("down", bulk.eccentric_s, [stroke.eccentric_s for stroke in strokes]),
        ("below", bulk.dwell_s, [stroke.dwell_s for stroke in strokes]),
        ("up", bulk.concentric_s, [stroke.concentric_s for stroke in strokes]),
        ("pause", bulk.pause_s, [stroke.pause_s for stroke in strokes]),
        ("work", bulk.work_j, [newtons_per_kg * rep.load_kg * rep.rom_mm / 1000.0 for rep in singly]),
        ("share", bulk.share_of_1rm, [rep.share_of_1rm for rep in singly]),
        ("set", bulk.set, [rep.set for rep in singly]),
        ("rep", bulk.rep, [rep.rep for rep in singly]),
        ("when", bulk.start_s, [rep.start_s for rep in singly]),
    ):
        assert ks_2samp(in_bulk, one_by_one).statistic < 0.06, name


def test_nobody_is_at_a_machine_while_another_is(years: list[Lived]) -> None:
    at: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for lived in years:
        spans = zip(lived.sessions.starts_us.tolist(), lived.sessions.ends_us.tolist(), strict=True)
        at.setdefault((lived.life.gym, lived.life.machine), []).extend(spans)
    assert {f"press-{number}" for number in range(1, 7)} == {machine for _, machine in at}
    for spans in at.values():
        spans.sort()
        assert all(end_us < start_us for (_, end_us), (start_us, _) in itertools.pairwise(spans))


def test_nobody_stays_longer_than_their_place_in_the_day(years: list[Lived]) -> None:
    assert max(int((lived.sessions.ends_us - lived.sessions.starts_us).max(initial=0)) for lived in years) < SLOT_US


def test_a_year_has_layoffs_beginners_and_people_who_leave(years: list[Lived]) -> None:
    gaps = [np.diff(lived.sessions.starts_us).max(initial=0) / DAY_US for lived in years]
    firsts = [(lived.sessions.starts_us[0] - START_US) / DAY_US for lived in years if len(lived.sessions.starts_us)]
    lasts = [(lived.sessions.starts_us[-1] - START_US) / DAY_US for lived in years if len(lived.sessions.starts_us)]
    assert 0.2 < np.mean(np.array(gaps) > 21) < 0.7
    assert 0.05 < np.mean(np.array(firsts) > 30) < 0.3
    assert 0.03 < np.mean(np.array(lasts) < DAYS - 60) < 0.25
    assert 60 < np.median([len(lived.sessions.starts_us) for lived in years]) < 130


def test_reps_follow_each_other_and_lie_within_their_session(years: list[Lived]) -> None:
    for lived in years[:40]:
        reps = lived.reps
        same = reps.session[1:] == reps.session[:-1]
        assert (reps.start_s < reps.turn_s).all()
        assert (reps.turn_s < reps.end_s).all()
        assert (reps.end_s[:-1][same] <= reps.start_s[1:][same]).all()
        assert (reps.rep[1:][same] == reps.rep[:-1][same] + 1).all()
        assert (reps.rep[1:][~same] == 1).all()
        seconds = (lived.sessions.ends_us - lived.sessions.starts_us)[reps.session] / 1e6
        assert (reps.end_s < seconds).all()
        assert len(reps.rep) == lived.sessions.reps.sum()


def test_steady_people_raise_no_alert_in_a_year(years: list[Lived]) -> None:
    steady = [lived for lived in years if lived.life.lifter.temper == "steady"]
    found = [one for lived in steady for _, one in entailed(lived, sessions_done(lived))]
    assert all((lived.reps.bottom_mm < lived.limit_mm).all() for lived in steady)
    # What science.md allows is one in 50 member-weeks.
    assert sum(one.severity == "alert" for one in found) < len(steady) * DAYS / 7 / 50


def someone(temper: str) -> Lived:
    """The first who is like this, and does not turn at the light."""
    lives = (life(1, number, 1, START_US, DAYS) for number in range(1_000))
    return next(live(one) for one in lives if one.lifter.temper == temper and not one.lifter.obeys)


def test_the_overkeen_do_more_than_twice_their_best_of_a_month() -> None:
    lived = someone("overkeen")
    found = {index: one for index, one in entailed(lived, sessions_done(lived)) if one.rule == "workload.spike"}
    assert lived.life.overdo.any()
    for index in np.flatnonzero(lived.life.overdo).tolist():
        assert ("alert", False, False) == (found[index].severity, found[index].near, found[index].severity_near)


def test_those_who_go_deep_when_tired_do_so_for_some_weeks() -> None:
    lived = someone("deep-when-tired")
    found = {index for index, one in entailed(lived, sessions_done(lived)) if one.rule == "depth.excessive"}
    assert 0 < len(found) < len(lived.life.starts_us)
    assert found == set(np.flatnonzero(lived.life.deep).tolist())


def of_kind(wanted: Callable[[Life], bool]) -> Lived:
    """The first of a chain who is like this."""
    lives = (life(1, number, 10, START_US, DAYS) for number in range(1_000))
    return live(next(one for one in lives if wanted(one) and len(one.starts_us)))


def test_two_friends_on_a_badge_take_turns_for_some_weeks() -> None:
    lived = of_kind(lambda one: one.shared.sum() > 3)
    reps, shared, past = lived.reps, lived.life.shared, sessions_done(lived)
    assert 0 < shared.sum() < len(shared)
    assert set(reps.session[reps.friends].tolist()) == set(np.flatnonzero(shared).tolist())
    assert reps.bottom_mm[reps.friends].max() < reps.bottom_mm[~reps.friends].min()
    whose = [rep.friends for rep in lived.true_reps(int(np.flatnonzero(shared)[0]))]
    assert sum(before != after for before, after in itertools.pairwise(whose)) >= 3
    # What they did together is nobody's workload: neither then nor in what is looked back on later.
    found = list(entailed(lived, past))
    rules = {index: {one.rule for at, one in found if at == index} for index in np.flatnonzero(shared).tolist()}
    assert {frozenset({"badge.shared"})} == {frozenset(of) for of in rules.values()}
    assert np.isnan(spikes(lived)[shared]).all()
    alone = [(one.start_us, one.work_j) for one, two in zip(past, shared.tolist(), strict=True) if not two]
    ratios = [spike_ratio(alone[:at], start_us, work_j) for at, (start_us, work_j) in enumerate(alone)]
    assert ratios == pytest.approx([None if np.isnan(ratio) else ratio for ratio in spikes(lived)[~shared]])


def test_in_rehab_what_is_too_heavy_is_a_breach_until_the_protocol_ends() -> None:
    lived = of_kind(lambda one: one.protocol is not None and len(one.starts_us) > 40 and one.share[:15].max() > 0.6)
    protocol, starts_us = lived.life.protocol, lived.life.starts_us
    assert protocol is not None
    heaviest = np.maximum.reduceat(lived.sets.load_kg, lived.sessions.first_set)
    held = starts_us < starts_us[0] + protocol.days * DAY_US
    breaches = {at for at, one in entailed(lived, sessions_done(lived)) if one.rule == "protocol.breach"}
    assert breaches == set(np.flatnonzero(held & (heaviest > protocol.load_kg)).tolist())
    assert 0 < len(breaches) < held.sum() < len(starts_us)


@pytest.mark.parametrize(
    ("sensor", "fault"),
    [
        (Sensor(stuck=((100.0, 120.0),)), "stuck"),
        (Sensor(blind=((100.0, 120.0),)), "blind"),
        (Sensor(slip_mm_at=((0.0, 9.0),)), "slip"),
        (Sensor(load_offset_kg=4.0), "load-offset"),
    ],
)
def test_a_trace_shows_what_is_wrong_with_the_sensor(years: list[Lived], sensor: Sensor, fault: str) -> None:
    told: list[str] = []
    lived = years[3]
    seen, sound = trace(lived, 5, sensor, lambda kind, *_: told.append(kind)), trace(lived, 5)
    assert [fault] == told
    inside = slice(round(100 / DT_US * 1e6), round(120 / DT_US * 1e6))
    assert (fault == "blind") == np.isnan(seen.depth_mm[inside]).all()
    assert (fault == "stuck") == (1 == len(set(seen.depth_mm[inside][~np.isnan(seen.depth_mm[inside])].tolist())))
    off_mm = np.nanmedian(seen.depth_mm - sound.depth_mm)
    assert (9.0 if fault == "slip" else 0.0) == pytest.approx(float(off_mm), abs=0.5)
    assert (4.0 if fault == "load-offset" else 0.0) == pytest.approx(float((seen.load_kg - sound.load_kg).mean()))


def test_some_machines_are_off_for_some_weeks() -> None:
    days = range(0, DAYS, 3)
    found = {
        machine: [
            sensor_at(1, "gym-1", f"press-{machine}", START_US, DAYS, START_US + day * DAY_US, 900.0) for day in days
        ]
        for machine in range(40)
    }
    off = {machine: 3 * sum(one != Sensor() for one in sensors) for machine, sensors in found.items()}
    assert 3 < sum(lasted > 0 for lasted in off.values()) < 25
    assert all(lasted <= 2 * 63 for lasted in off.values())


@pytest.mark.parametrize("temper", ["steady", "deep-when-tired", "overkeen"])
def test_nothing_that_a_session_entails_is_overlooked(temper: str) -> None:
    """Only sessions that can entail something are looked at: asking each of them gives the same."""
    lived = someone(temper)
    person, press, sessions = lived.life.lifter, lived.life.press, lived.sessions
    spans = zip(sessions.starts_us.tolist(), sessions.ends_us.tolist(), strict=True)
    past = [done(press, person, *span, lived.true_reps(at)) for at, span in enumerate(spans)]
    expected = []
    for at, now in enumerate(past):
        reps = lived.true_reps(at)
        deep = excessive_depth(reps, lived.limit_mm, max((one.top_load_kg for one in past[:at]), default=0.0))
        found = [deep, caution(reps, lived.limit_mm, deep), *overuse(past[:at], now)]
        expected += [(at, one) for one in found if one is not None]
    assert expected == list(entailed(lived, sessions_done(lived)))
    ratios = [
        spike_ratio([(one.start_us, one.work_j) for one in past[:at]], now.start_us, now.work_j)
        for at, now in enumerate(past)
    ]
    assert ratios == pytest.approx([None if np.isnan(ratio) else ratio for ratio in spikes(lived)])


@pytest.mark.parametrize("number", range(0, 40, 4))
def test_every_rep_is_found_in_its_trace(number: int, years: list[Lived]) -> None:
    lived = [one for one in years if len(one.life.starts_us)][number]
    for session in (0, len(lived.sessions.reps) - 1):
        seen = trace(lived, session)
        t_us = np.arange(len(seen.depth_mm)) * DT_US
        load_kg = np.repeat(seen.load_kg, np.diff(seen.first, append=len(seen.depth_mm)))
        found = find_reps(t_us, seen.depth_mm.astype(float), load_kg)
        true = lived.true_reps(session)
        assert [(rep.set, rep.rep, rep.load_kg) for rep in true] == [(one.set, one.rep, one.load_kg) for one in found]
        assert [rep.bottom_mm for rep in true] == pytest.approx([one.bottom_mm for one in found], abs=2.0)
        assert [rep.turn_s for rep in true] == pytest.approx([one.turn_us / 1e6 for one in found], abs=1.2)


def test_a_trace_is_cut_into_frames_of_one_load(years: list[Lived]) -> None:
    lived = years[3]
    seen = trace(lived, 5)
    lengths = np.diff(seen.first, append=len(seen.depth_mm))
    assert 0 == seen.first[0]
    assert 1 <= lengths.min() <= lengths.max() == FRAME_SAMPLES
    assert len(seen.depth_mm) == np.ceil((lived.sessions.ends_us - lived.sessions.starts_us)[5] / DT_US)
    loads = [lived.life.press.empty_kg, *lived.sets.load_kg[lived.sets.session == 5]]
    changes = np.flatnonzero(np.diff(seen.load_kg))
    assert [load for load, following in zip(loads, [*loads[1:], None], strict=True) if load != following] == [
        *seen.load_kg[changes],
        seen.load_kg[-1],
    ]
    assert {0.0} == set((seen.depth_mm[~np.isnan(seen.depth_mm)] % 0.5).tolist())


def test_a_life_with_no_session_is_one() -> None:
    empty = replace(usual(0, 0))
    lived = live(empty)
    assert (0, 0) == (len(lived.reps.rep), len(lived.sessions.reps))


def test_a_gym_holds_eight_machines_of_twenty_members() -> None:
    assert [1, 1, 2, 63] == [gyms_for(members) for members in (1, 160, 161, 10_000)]
