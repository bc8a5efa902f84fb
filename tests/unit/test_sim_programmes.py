"""Scenarios: the same seed and start give the same bytes, and nothing lies beyond their span."""

import hashlib
from itertools import pairwise
from typing import Any

import pytest

from sledwatch import events
from sledwatch.events import TopicKind
from sledwatch_sim.equipment.sensors import SensorAtWork
from sledwatch_sim.history import PastSession
from sledwatch_sim.pace import Hurried
from sledwatch_sim.programmes import MINUTE_US, Ids, OpenGym, Programme, at_work, riverside
from sledwatch_sim.scenarios import load
from sledwatch_sim.truth import Expected, done, excessive_depth, overuse
from sledwatch_sim.visits import Station, Visited
from sledwatch_sim.wire.network import Network
from sledwatch_sim.wire.ring import Ring

START_US = 1_795_330_800_000_000


class Tape:
    """A machine without a line: it keeps what it would send."""

    limit = None
    unstored = 0
    congested = False

    def __init__(self) -> None:
        self.ring = Ring("boot", capacity=100_000)
        self.session: str | None = None

    def badge_in(self, session: str, user: str, t_us: int, setup: events.Setup) -> None:
        self.session = session
        self.ring.add(TopicKind.SESSION, lambda boot, seq: events.SessionStart(boot, seq, session, user, t_us, setup))

    def frame(self, t_us: int, dt_us: int, depth_mm: Any, load_kg: Any) -> None:
        session = self.session
        self.ring.add(
            TopicKind.FRAME,
            lambda boot, seq: events.Frame(boot, seq, t_us, dt_us, list(depth_mm), load_kg, session),
        )

    def badge_out(self, t_us: int, reason: str = "badge_out") -> None:
        session = self.session or ""
        self.ring.add(TopicKind.SESSION, lambda boot, seq: events.SessionEnd(boot, seq, session, t_us, reason))

    def digest(self) -> str:
        return hashlib.sha256(b"".join(message.payload for message in self.ring.above_watermark())).hexdigest()


class Registrar:
    """An API that admits everybody and remembers what it was told."""

    def __init__(self, members: dict[str, str | None] | None = None) -> None:
        self.known = members or {}
        self.enrolled: list[str] = []
        self.history: dict[str, list[PastSession]] = {}

    def put_gym(self, gym: str, name: str) -> None:
        pass

    def members(self) -> dict[str, str | None]:
        return self.known

    def put_member(self, lifter: Any, *_: Any, **__: Any) -> None:
        self.enrolled.append(lifter.user)

    def send_history(self, lifter: Any, _gym: str, _machine: str, sessions: list[PastSession]) -> None:
        self.history[lifter.user] = sessions


def play(programme: Programme, visits_each: int = 99) -> tuple[list[Tape], list[Visited], Registrar]:
    """Run every visit at once, without a clock to wait for."""
    api = Registrar()
    programme.prepare(api)  # type: ignore[arg-type]
    tapes = [Tape() for _ in programme.machines]
    visited: list[Visited] = []
    with Network() as network:
        for number, tape in enumerate(tapes):
            visited += play_one(programme, number, tape, network, api, visits_each)
    return tapes, visited, api


def play_one(
    programme: Programme, number: int, tape: Tape, network: Network, api: Registrar, visits: int
) -> list[Visited]:
    """The visits at one machine."""
    over: list[Visited] = []
    pace = Hurried(START_US, network.clock(), 1e12, network.clock)
    machine = programme.machines[number]
    sensor = SensorAtWork(machine.sensor, (5, number), START_US)
    station = Station(
        network, tape, machine.press, pace, lambda _station, one: over.append(one), sensor, START_US, lambda _: "next"
    )  # type: ignore[arg-type]
    free_us = START_US
    while len(over) < visits and (coming := programme.next(number, free_us)) is not None:
        station.expect(programme.admit(api, number, *coming))  # type: ignore[arg-type]
        before = len(over)
        network.run(lambda before=before: len(over) > before)  # type: ignore[misc]
        free_us = over[-1].end_us
        visit = over[-1].visit
        programme.over(over[-1], done(machine.press, visit.lifter, visit.start_us, free_us, over[-1].reps))
    return over


def made(name: str, seed: int = 5, start_us: int = START_US) -> Programme:
    return at_work(load(name)[1], seed, start_us, Ids(seed))


def span_us(name: str) -> int:
    return load(name)[1].span_min * MINUTE_US


def expected(programme: Programme, number: int, visited: Visited) -> list[Expected]:
    """What a visit entails, but for what is near."""
    visit, press = visited.visit, programme.machines[number].press
    now = done(press, visit.lifter, visit.start_us, visited.end_us, visited.reps)
    found = [excessive_depth(visited.reps, visit.limit_mm), *overuse(visit.past or (), now)]
    return [one for one in found if one is not None and not one.near]


def rules(name: str, seed: int) -> list[set[str]]:
    """What each visit of a scenario entails, machine by machine."""
    programme = made(name, seed)
    api = Registrar()
    programme.prepare(api)  # type: ignore[arg-type]
    with Network() as network:
        return [
            {one.rule for one in expected(programme, number, visited)}
            for number in range(len(programme.machines))
            for visited in play_one(programme, number, Tape(), network, api, 99)
        ]


@pytest.mark.parametrize("name", ["too-deep", "too-much-too-soon"])
def test_the_same_seed_and_start_give_the_same_bytes(name):
    first, again = ([tape.digest() for tape in play(made(name), 1)[0]] for _ in range(2))
    other = [tape.digest() for tape in play(made(name, seed=6), 1)[0]]
    assert first == again
    assert not set(first) & set(other)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ["too-deep", "too-much-too-soon"])
def test_a_scenario_ends_within_its_span(name, seed):
    _, visited, _ = play(made(name, seed))
    assert 6 == len(visited)
    assert max(done.end_us for done in visited) <= START_US + span_us(name) <= START_US + 240 * MINUTE_US


@pytest.mark.parametrize("seed", range(1, 6))
def test_too_deep_are_those_who_tire_and_do_not_obey(seed):
    deep = {"depth.excessive"}
    assert [deep, set(), set(), deep, set(), deep] == rules("too-deep", seed)


@pytest.mark.parametrize("seed", range(1, 6))
def test_too_much_are_the_overkeen(seed):
    much = {"workload.spike"}
    assert [much, set(), set(), much, set(), set()] == rules("too-much-too-soon", seed)


def frames(tape: Tape) -> list[events.Frame]:
    """The frames that a machine sent, decoded as the services do when all is over."""
    topic, end_us = events.topic("g", "m", TopicKind.FRAME), START_US + span_us("too-deep")
    sent = [m.payload for m in tape.ring.above_watermark() if m.kind is TopicKind.FRAME]
    return [events.decode(topic, payload, end_us).payload for payload in sent]  # type: ignore[union-attr]


def test_every_frame_keeps_the_contract_and_its_second():
    sent = frames(play(made("too-deep"), 1)[0][0])
    assert {1_000_000} == {later.t_us - frame.t_us for frame, later in pairwise(sent)}
    assert {50} == {len(frame.depth_mm) for frame in sent[:-1]}


def test_true_bottoms_are_where_the_samples_are_deepest():
    (tape, *_), (visited, *_), _ = play(made("too-deep"), 1)
    samples = [
        (frame.t_us + i * frame.dt_us, mm)
        for frame in frames(tape)
        for i, mm in enumerate(frame.depth_mm)
        if mm is not None
    ]
    for rep in visited.reps:
        start_us, end_us = (visited.visit.start_us + round(s * 1e6) for s in (rep.start_s, rep.end_s))
        assert rep.bottom_mm == pytest.approx(max(mm for t_us, mm in samples if start_us <= t_us <= end_us), abs=2.0)


def test_the_gym_is_found_open_once():
    """The overkeen one has left, somebody will soon be seen to go past their limit, others are on their way."""
    gym = riverside(load("gym")[1], 1, Ids(None))
    _, visited, api = play(gym, 1)
    assert [1001 + number for number in range(8)] == [int(done.visit.lifter.user.split("-")[1]) for done in visited]
    assert ["overkeen", "deep-when-tired"] == [done.visit.lifter.temper for done in visited[:2]]
    assert all(START_US - 30 * MINUTE_US < done.end_us < START_US for done in visited[:2])
    assert all(done.visit.start_us < START_US < done.end_us for done in visited[2:4])
    assert all(START_US < done.visit.start_us for done in visited[4:])
    past_it = [rep for rep in visited[2].reps if rep.bottom_mm > visited[2].visit.limit_mm]
    told_s = next(rep.turn_s for first, rep in pairwise(past_it) if first.set == rep.set)
    assert 25 <= (visited[2].visit.start_us - START_US) / 1e6 + told_s <= 45
    assert {done.visit.lifter.user for done in visited} == set(api.history)


def test_who_was_there_before_comes_back_in_their_rhythm_and_no_backlog_with_them():
    gym = riverside(load("gym")[1], 1, Ids(None))
    lately, long_ago = "2026-11-22T06:00:00Z", "2026-11-01T06:00:00Z"
    api = Registrar({"sim-1001": lately, "sim-1002": long_ago, "sim-1003": None, "somebody": long_ago})
    gym.prepare(api)  # type: ignore[arg-type]
    coming = [gym.next(number, START_US) for number in range(3)]
    assert ["sim-1009", "sim-1002", "sim-1003"] == [lifter.user for lifter, _ in coming]
    assert all(start_us > START_US for _, start_us in coming)
    for number, visit in enumerate(coming):
        gym.admit(api, number, *visit)  # type: ignore[arg-type]
    assert ["sim-1009", "sim-1003"] == api.enrolled


def test_an_hour_of_gym_stays_within_its_span():
    _, visited, _ = play(made("gym"))
    assert len(visited) > 20
    assert max(done.end_us for done in visited) <= START_US + span_us("gym")


def test_nobody_comes_twice_within_two_days():
    until_us = START_US + 2 * 60 * MINUTE_US
    gym = OpenGym(load("gym")[1], "p-", 3, until_us, Ids(3), found_open=False)
    _, visited, _ = play(gym)
    users = [done.visit.lifter.user for done in visited]
    assert len(users) == len(set(users))
    assert max(done.end_us for done in visited) <= until_us
