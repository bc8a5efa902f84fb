"""Quarantine: what it holds, what goes when it is full or old, and what is asked to be tried again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from closing_house import empty_state
from sledwatch.events import MAX_PAYLOAD_BYTES, Reason, Refusal
from sledwatch_storage.state import quarantine
from sledwatch_storage.state.engine import begin, open_state
from sledwatch_storage.state.quarantine import ROOM, Refused, Room, Tally

__all__ = ["empty_state"]

NOW_US = 1_795_330_800_000_000
DAY_US = 86_400 * 1_000_000


@pytest.fixture
def engine(tmp_path: Path, empty_state: Path) -> Iterator[Engine]:
    path = tmp_path / "state.db"
    path.write_bytes(empty_state.read_bytes())
    opened = open_state(f"sqlite:///{path}")
    yield opened
    opened.dispose()


def bad(
    number: int,
    *,
    gym: str | None = "north",
    reason: Reason = Reason.LOAD_OUT_OF_RANGE,
    size: int = 10,
    received_us: int = NOW_US,
) -> Refused:
    payload = f"{number:010d}".encode().ljust(size, b"x")
    topic = f"sledwatch/v1/{gym}/press-1/frame"
    return Refused(received_us, topic, payload, Refusal(reason, "what was wrong", gym, "press-1", "b1", number))


def keep(engine: Engine, *refused: Refused, room: Room = ROOM) -> int:
    with begin(engine) as connection:
        return quarantine.add(connection, refused, NOW_US, room)


def numbers(engine: Engine, **wanted: str) -> list[int | None]:
    return [kept.refused.refusal.seq for kept in quarantine.listing(engine, **wanted)]  # type: ignore[arg-type]


def id_of(engine: Engine, number: int) -> int:
    (found,) = [kept.id for kept in quarantine.listing(engine) if kept.refused.refusal.seq == number]
    return found


def tally(engine: Engine, gym: str | None = "north", reason: Reason = Reason.LOAD_OUT_OF_RANGE) -> Tally:
    (found,) = [row for row in quarantine.tallies(engine) if (row.gym, row.reason) == (gym, reason.value)]
    return found


def mark_replayed(engine: Engine, number: int) -> None:
    id_ = id_of(engine, number)
    quarantine.ask(engine, id_, NOW_US)
    with begin(engine) as connection:
        assert {id_} == quarantine.mark_replayed(connection, [id_], NOW_US)


# What goes when it is full


def test_beyond_the_number_the_oldest_go(engine):
    room = Room(3, 10**6, DAY_US)
    assert [0, 2] == [keep(engine, bad(0), bad(1), room=room), keep(engine, bad(2), bad(3), bad(4), room=room)]
    assert [4, 3, 2] == numbers(engine)


def test_beyond_the_bytes_the_oldest_go(engine):
    room = Room(100, 250, DAY_US)
    assert [0, 2] == [
        keep(engine, bad(0, size=100), bad(1, size=100), room=room),
        keep(engine, bad(2, size=200), room=room),
    ]
    assert [2] == numbers(engine)
    assert 200 == tally(engine).held_bytes


def test_a_batch_larger_than_the_room_leaves_its_end(engine):
    assert 700 == keep(engine, *(bad(n) for n in range(702)), room=Room(2, 10**6, DAY_US))
    assert [701, 700] == numbers(engine)


def test_of_a_payload_that_is_too_large_the_beginning_counts(engine):
    keep(engine, bad(0, size=5 * MAX_PAYLOAD_BYTES))
    (kept,) = quarantine.listing(engine)
    assert (5 * MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, True) == (kept.size, len(kept.refused.payload), kept.is_cut)
    assert MAX_PAYLOAD_BYTES == tally(engine).held_bytes


def test_a_strangers_topic_and_what_is_said_of_it_are_cut(engine):
    keep(engine, Refused(NOW_US, "x" * 60_000, b"", Refusal(Reason.BAD_TOPIC, "y" * 60_000)))
    (kept,) = quarantine.listing(engine)
    assert (1_024, 1_000) == (len(kept.refused.topic), len(kept.refused.refusal.detail))


def test_what_goes_is_counted_by_gym_and_reason(engine):
    room = Room(2, 10**6, DAY_US)
    keep(engine, bad(0), bad(1, gym="south"), bad(2, reason=Reason.BAD_NAME), bad(2, reason=Reason.BAD_NAME), room=room)
    assert Tally("north", "load-out-of-range", 1, 0, 0, 0, 0, 1, NOW_US) == tally(engine)
    assert Tally("south", "load-out-of-range", 1, 1, 10, 0, 0, 0, None) == tally(engine, "south")
    assert Tally("north", "bad-name", 2, 1, 10, 0, 0, 0, None) == tally(engine, reason=Reason.BAD_NAME)


def test_what_names_no_gym_is_counted_too(engine):
    keep(engine, Refused(NOW_US, "somewhere/else", b"", Refusal(Reason.BAD_TOPIC, "no topic of ours")))
    assert (None, 1) == (tally(engine, None, Reason.BAD_TOPIC).gym, tally(engine, None, Reason.BAD_TOPIC).refused)


def test_the_same_message_again_takes_no_room(engine):
    keep(engine, bad(0), bad(0))
    keep(engine, bad(0))
    assert (3, 1, 10) == (tally(engine).refused, tally(engine).held, tally(engine).held_bytes)


def test_what_was_replayed_goes_first_and_is_no_loss(engine):
    room = Room(3, 10**6, DAY_US)
    keep(engine, bad(0), bad(1), bad(2), room=room)
    mark_replayed(engine, 1)
    assert 0 == keep(engine, bad(3), room=room)
    assert [3, 2, 0] == numbers(engine)
    assert [] == numbers(engine, state="replayed")
    assert (3, 1, 0) == (tally(engine).held, tally(engine).replayed, tally(engine).dropped)


def test_what_waits_for_its_trial_stays(engine):
    room = Room(2, 10**6, DAY_US)
    keep(engine, bad(0), bad(1), room=room)
    quarantine.ask(engine, id_of(engine, 0), NOW_US)
    assert 2 == keep(engine, bad(2), bad(3), room=room)
    assert [3, 0] == numbers(engine)


# What goes with time


def test_what_is_old_goes_and_is_counted_apart(engine):
    keep(engine, bad(0, received_us=NOW_US - 91 * DAY_US), bad(1, received_us=NOW_US - 89 * DAY_US))
    assert 1 == quarantine.expire(engine, NOW_US)
    assert [1] == numbers(engine)
    assert (1, 1, 0, None) == (
        tally(engine).held,
        tally(engine).expired,
        tally(engine).dropped,
        tally(engine).dropped_us,
    )


def test_old_messages_in_thousands_go_in_one_sweep(engine):
    keep(engine, *(bad(n, received_us=NOW_US - 91 * DAY_US) for n in range(1_200)))
    assert [1_200, 0] == [quarantine.expire(engine, NOW_US) for _ in range(2)]


def test_what_is_old_but_waits_for_its_trial_stays(engine):
    keep(engine, bad(0, received_us=NOW_US - 91 * DAY_US))
    quarantine.ask(engine, id_of(engine, 0), NOW_US)
    assert 0 == quarantine.expire(engine, NOW_US)


# Asking for a trial


def test_a_message_is_held_then_asked_for_then_replayed(engine):
    keep(engine, bad(0))
    id_ = id_of(engine, 0)
    states = [quarantine.get(engine, id_).state]
    states.append(quarantine.ask(engine, id_, NOW_US).state)
    with begin(engine) as connection:
        quarantine.mark_replayed(connection, [id_], NOW_US)
    states.append(quarantine.get(engine, id_).state)
    assert ["held", "asked", "replayed"] == states


def test_asking_twice_keeps_its_place(engine):
    keep(engine, bad(0))
    asked = [quarantine.ask(engine, id_of(engine, 0), now_us).asked_us for now_us in (NOW_US, NOW_US + 5)]
    assert [NOW_US, NOW_US] == asked


def test_what_is_not_there_cannot_be_asked_for(engine):
    with pytest.raises(quarantine.UnknownMessage):
        quarantine.ask(engine, 7, NOW_US)


def test_what_is_cut_cannot_be_asked_for(engine):
    keep(engine, bad(0, size=MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(quarantine.PayloadCut, match="had 65537 bytes, of which the first 65536 are kept"):
        quarantine.ask(engine, id_of(engine, 0), NOW_US)
    assert [] == quarantine.asked(engine, 10)


def test_what_is_stored_cannot_be_asked_for(engine):
    keep(engine, bad(0))
    id_ = id_of(engine, 0)
    mark_replayed(engine, 0)
    with pytest.raises(quarantine.AlreadyReplayed):
        quarantine.ask(engine, id_, NOW_US)


def test_what_was_asked_for_first_is_tried_first(engine):
    keep(engine, bad(0), bad(1), bad(2))
    quarantine.ask(engine, id_of(engine, 2), NOW_US)
    quarantine.ask_all(engine, NOW_US + 1)
    assert [2, 0, 1] == [one.refused.refusal.seq for one in quarantine.asked(engine, 10)]


def test_many_are_asked_for_by_reason_and_gym(engine):
    keep(engine, bad(0), bad(1, gym="south"), bad(2, reason=Reason.BAD_NAME), bad(3, size=MAX_PAYLOAD_BYTES + 1))
    assert 1 == quarantine.ask_all(engine, NOW_US, reason="load-out-of-range", gym="north")
    assert [0] == [one.refused.refusal.seq for one in quarantine.asked(engine, 10)]
    assert 3 == quarantine.ask_all(engine, NOW_US)


def test_many_are_asked_for_by_id(engine):
    keep(engine, bad(0), bad(1), bad(2))
    assert 2 == quarantine.ask_all(engine, NOW_US, ids=[id_of(engine, 0), id_of(engine, 2), 99])
    assert ([2, 0], [1]) == (numbers(engine, state="asked"), numbers(engine, state="held"))


def test_a_message_is_taken_once_whoever_tries_it(engine):
    keep(engine, bad(0))
    id_ = id_of(engine, 0)
    quarantine.ask(engine, id_, NOW_US)
    with begin(engine) as connection:
        assert [{id_}, set()] == [quarantine.mark_replayed(connection, [id_], NOW_US) for _ in range(2)]
    assert (1, 1) == (tally(engine).replayed, quarantine.get(engine, id_).tries)


def test_a_message_refused_again_says_why_it_was_last(engine):
    keep(engine, bad(0))
    id_ = id_of(engine, 0)
    quarantine.ask(engine, id_, NOW_US)
    with begin(engine) as connection:
        again = Refusal(Reason.BAD_NAME, "no name", "north", "press-1", "b1", 0)
        assert {id_} == quarantine.mark_refused(connection, {id_: again})
    kept = quarantine.get(engine, id_)
    assert ("held", 1, again) == (kept.state, kept.tries, kept.refused.refusal)
    assert (0, 0, 1, 10) == (
        tally(engine).held,
        tally(engine).held_bytes,
        tally(engine, reason=Reason.BAD_NAME).held,
        tally(engine, reason=Reason.BAD_NAME).held_bytes,
    )


# Reading


def test_a_list_is_of_a_gym_a_reason_a_state(engine):
    keep(engine, bad(0), bad(1, gym="south"), bad(2, reason=Reason.BAD_NAME), bad(3))
    mark_replayed(engine, 3)
    assert [2, 1, 0] == numbers(engine)
    assert [1] == numbers(engine, gym="south")
    assert [2] == numbers(engine, reason="bad-name")
    assert [3] == numbers(engine, state="replayed")
