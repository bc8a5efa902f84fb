"""What is true of a scenario is what it promises: for other people, at any hour, wherever days begin and end."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from rehearsal import Registrar, Tape, play_one
from scenario_promises import CAST, CROWDS, Loud, Place, of_temper
from sledwatch_sim.programmes import MINUTE_US, Ids, Programme, at_work
from sledwatch_sim.scenarios import load, names
from sledwatch_sim.truth import Expected, done, entailed
from sledwatch_sim.visits import Visited
from sledwatch_sim.wire.network import Network

# Just before and after midnight, and on days on which the clocks change, forwards and back, some of them at midnight.
MOMENTS = (
    (1, "2026-11-22T13:00:00", "UTC"),
    (2, "2026-11-10T00:08:00", "Europe/Berlin"),
    (3, "2026-10-25T23:59:55", "Europe/Berlin"),
    (4, "2026-03-29T01:50:00", "Europe/Berlin"),
    (5, "2026-04-25T00:20:00", "Africa/Cairo"),
    (6, "2026-11-01T00:00:01", "America/Los_Angeles"),
    (7, "2026-10-05T23:40:00", "Pacific/Kiritimati"),
)
# The days of beginners count; of the others each is tried at two moments.
TRIED = [("beginners", *moment) for moment in MOMENTS] + [
    (name, *MOMENTS[(2 * number + turn) % len(MOMENTS)])
    for number, name in enumerate(sorted({*CAST} - {"beginners", "steady-years"}))
    for turn in (0, 1)
]


def visits(programme: Programme, start_us: int) -> Iterator[tuple[str, Place, Visited]]:
    """Everybody who comes: in which gym, at which machine of it, and who they are in turn."""
    api = Registrar()
    programme.prepare(api)  # type: ignore[arg-type]
    machines: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))
    with Network() as network:
        for number, machine in enumerate(programme.machines):
            here = next(machines[machine.gym])
            played = play_one(programme, number, Tape(), network, api, start_us=start_us)
            yield from ((machine.gym, (here, turn), visited) for turn, visited in enumerate(played, start=1))


def true_of(programme: Programme, number: int, visited: Visited, zone: tzinfo) -> list[Expected]:
    visit, press = visited.visit, programme.machines[number].press
    now = done(press, visit.lifter, visit.start_us, visited.end_us, visited.reps)
    return entailed(
        visit.lifter,
        press,
        now,
        visited.reps,
        visit.limit_mm,
        visit.past,
        shared=visit.friend is not None,
        protocol=visit.protocol,
        zone=zone,
    )


def loud(found: list[Expected]) -> Loud:
    """What a trainer must be told of, and how."""
    told = [one for one in found if one.severity != "note" and not one.near]
    assert not any(one.severity_near for one in told)
    return {one.rule: one.severity for one in told}


def rehearsed(
    name: str, seed: int, begins: str, zone: str
) -> tuple[dict[tuple[str, Place], tuple[Visited, list[Expected]]], set[str]]:
    """What is true of every visit of a scenario, and its gyms."""
    here = ZoneInfo(zone)
    start_us = round(datetime.fromisoformat(begins).replace(tzinfo=here).astimezone(UTC).timestamp() * 1e6)
    scenario = load(name)[1]
    programme = at_work(scenario, seed, start_us, Ids(seed), here)
    gyms = [machine.gym for machine in programme.machines]
    found = {}
    for gym, place, visited in visits(programme, start_us):
        number = gyms.index(gym) + place[0] - 1
        found[gym, place] = visited, true_of(programme, number, visited, here)
        assert visited.end_us <= start_us + scenario.span_min * MINUTE_US
    return found, set(gyms)


def test_every_scenario_promises_something():
    assert set(names()) == {*CAST, *CROWDS}


@pytest.mark.parametrize(("name", "seed", "begins", "zone"), TRIED)
def test_a_scenario_keeps_its_promise(name, seed, begins, zone):
    found, gyms = rehearsed(name, seed, begins, zone)
    true = {where: told for where, (_, entails) in found.items() if (told := loud(entails))}
    assert {(gym, place): told for gym in gyms for place, told in CAST[name].items()} == true
    # Nothing of what it promises is too near to a threshold to call, and nothing loud may be read both ways there.
    doubtful = {one.rule for _, entails in found.values() for one in entails if one.near and one.severity != "note"}
    assert doubtful <= ({"workload.spacing"} if name == "beginners" else set())


@pytest.mark.parametrize(("seed", "begins", "zone"), MOMENTS[1:2])
def test_years_of_steady_training_stay_silent(seed, begins, zone):
    found, _ = rehearsed("steady-years", seed, begins, zone)
    assert {} == {where: told for where, (_, entails) in found.items() if (told := loud(entails))}


@pytest.mark.parametrize(("name", "moment"), [("gym", MOMENTS[1]), ("rush-hour", MOMENTS[2])])
def test_in_a_crowd_it_depends_on_who_they_are(name, moment):
    found, _ = rehearsed(name, *moment)
    assert {where: of_temper(visited.visit.lifter) for where, (visited, _) in found.items()} == {
        where: loud(entails) for where, (_, entails) in found.items()
    }
    # Nobody comes twice; there are enough who come.
    assert 12 < len(found) == len({visited.visit.lifter.user for visited, _ in found.values()})
