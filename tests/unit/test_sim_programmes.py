"""Scenarios: the same seed and start give the same bytes, and nothing lies beyond their span."""

from itertools import pairwise

import pytest

from rehearsal import START_US, Registrar, Tape, play
from sledwatch import events
from sledwatch.events import TopicKind
from sledwatch_sim.programmes import MINUTE_US, Ids, Programme, at_work, riverside
from sledwatch_sim.scenarios import load


def made(name: str, seed: int = 5, start_us: int = START_US) -> Programme:
    return at_work(load(name)[1], seed, start_us, Ids(seed))


def span_us(name: str) -> int:
    return load(name)[1].span_min * MINUTE_US


@pytest.mark.parametrize("name", ["too-deep", "beginners"])
def test_the_same_seed_and_start_give_the_same_bytes(name):
    first, again = ([tape.digest() for tape in play(made(name), 1)[0]] for _ in range(2))
    other = [tape.digest() for tape in play(made(name, seed=6), 1)[0]]
    assert first == again
    assert not set(first) & set(other)


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
