"""Two replicas that enter messages of the same machines at the same time lose nothing and count nothing twice."""

import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from closing_house import empty_state
from frames import T0_US, a_frame
from postgresql_server import postgresql_url
from sledwatch.events import Event, Online, Reason, Refusal, TopicKind, encode, topic
from sledwatch_storage.state import quarantine, schema
from sledwatch_storage.state.engine import StateUnavailable, begin, migrate, open_state
from sledwatch_storage.state.ledger import Arrived, Refused, Trial, record, record_replay
from sledwatch_storage.state.quarantine import Room

__all__ = ["empty_state", "postgresql_url"]

MACHINES = [("north", "press-1"), ("north", "press-2"), ("south", "press-1")]
FRAMES = 60
# So little that both make room for each other's messages all the time.
ROOM = Room(20, 10**9, 10**15)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("initdb", "pg_ctl"))])
def engine(request: pytest.FixtureRequest, tmp_path: Path, empty_state: Path) -> Iterator[Engine]:
    """Migrated and empty."""
    if request.param == "sqlite":
        shutil.copy(empty_state, tmp_path / "state.db")
        opened = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    else:
        url = request.getfixturevalue("postgresql_url")
        migrate(url)
        opened = open_state(url)
        with begin(opened) as connection:
            for table in reversed(schema.metadata.sorted_tables):
                connection.execute(table.delete())
    yield opened
    opened.dispose()


def online(boot: str) -> Online:
    return Online(boot=boot, kind="incline", rail_deg=45, backrest_deg=30, travel_mm=600, rate_hz=50)


def bad(gym: str, machine: str, number: int) -> Refused:
    refusal = Refusal(Reason.WRONG_TYPE, "what an earlier version said", gym, machine, "b1", number)
    payload = encode(a_frame(number, session=None))
    return Refused(T0_US, topic(gym, machine, TopicKind.FRAME), payload, refusal)


def batches(seed: int, of: range) -> list[tuple[list[Arrived], list[Refused]]]:
    """The frames of all machines with these numbers, in an order and in batches of its own, refused ones among them."""
    order = random.Random(seed)
    messages: list[Arrived | Refused] = [
        Arrived(Event(gym, machine, a_frame(seq, session=f"s-{gym}-{machine}")), T0_US)
        for gym, machine in MACHINES
        for seq in of
    ]
    messages += [bad(gym, machine, 1_000 + seq) for gym, machine in MACHINES for seq in of]
    order.shuffle(messages)
    made = []
    while messages:
        size = order.randint(1, 20)
        batch, messages = messages[:size], messages[size:]
        states = [Arrived(Event(gym, machine, online("b1")), T0_US) for gym, machine in MACHINES]
        arrived = [one for one in batch if isinstance(one, Arrived)]
        made.append(([*states, *arrived], [one for one in batch if isinstance(one, Refused)]))
    return made


def at_once(*works: Callable[[], None]) -> None:
    with ThreadPoolExecutor(len(works)) as threads:
        for running in [threads.submit(work) for work in works]:
            running.result(60)


def until_taken(write: Callable[[], object]) -> None:
    """As ingest does: what the state DB does not take is tried again, whole."""
    for _ in range(50):
        try:
            write()
        except StateUnavailable:
            continue
        return
    raise AssertionError("the state DB took nothing")


def test_both_have_what_they_entered(engine: Engine) -> None:
    """They share the frames, and some came to both."""
    parts = [batches(1, range(FRAMES * 2 // 3)), batches(2, range(FRAMES // 3, FRAMES))]

    def enter(part: list[tuple[list[Arrived], list[Refused]]]) -> None:
        for arrived, refused in part:
            until_taken(lambda: record(engine, arrived, refused, T0_US, room=ROOM))  # noqa: B023 - called at once

    at_once(*(partial(enter, part) for part in parts))
    with engine.connect() as connection:
        rows = connection.execute(select(schema.ledger)).mappings().all()
        machines = connection.execute(select(schema.machine_event)).all()
    assert [[[0, FRAMES - 1]]] * 3 == [row["ranges"] for row in rows]
    assert [(4 * FRAMES // 3, FRAMES // 3)] * 3 == [(row["received"], row["repeated"]) for row in rows]
    assert 3 == len(machines)
    tallies = quarantine.tallies(engine)
    assert 3 * 4 * FRAMES // 3 == sum(one.refused for one in tallies)
    assert ROOM.messages == sum(one.held for one in tallies) == len(quarantine.listing(engine, limit=1_000))


def test_what_both_take_up_from_quarantine_is_entered_once(engine: Engine) -> None:
    for gym, machine in MACHINES:
        record(engine, [], [bad(gym, machine, seq) for seq in range(20)], T0_US)
    quarantine.ask_all(engine, T0_US)
    waiting = quarantine.asked(engine, 100)
    trials = [
        Trial(one.id, Arrived(Event(of.gym or "", of.machine or "", a_frame(of.seq or 0, session=None)), T0_US))
        for one in waiting
        if (of := one.refused.refusal)
    ]

    def take_up(mine: list[Trial]) -> None:
        for at in range(0, len(mine), 7):
            until_taken(lambda: record_replay(engine, mine[at : at + 7], T0_US))  # noqa: B023 - called at once

    at_once(partial(take_up, trials), partial(take_up, trials[::-1]))
    with engine.connect() as connection:
        rows = connection.execute(select(schema.ledger)).mappings().all()
    assert [([[0, 19]], [])] * 3 == [(row["ranges"], row["refused_ranges"]) for row in rows]
    assert [(20, 0)] * 3 == [(row["stored"], row["repeated"]) for row in rows]
    assert {"north": 40, "south": 20} == {one.gym: one.replayed for one in quarantine.tallies(engine)}
