"""However a broker delivers what a machine sent, the ledger comes to the same.

In batches of any size, with any part given again after a crash, after an outage in an order of its own, shared between
two that write, with messages that are refused and replayed later, and with what a machine gives up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from frames import T0_US, a_frame
from sledwatch.events import (
    Event,
    Online,
    Payload,
    Reason,
    Refusal,
    SessionEnd,
    SessionStart,
    Setup,
    StoredBoot,
    TopicKind,
    encode,
    topic,
)
from sledwatch_storage.state import quarantine, schema
from sledwatch_storage.state.engine import migrate, open_state
from sledwatch_storage.state.ledger import Arrived, Refused, Trial, record, record_replay, settled, watermark

_names = count()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    url = f"sqlite:///{Path(tmp_path_factory.mktemp('ledger')) / 'state.db'}"
    migrate(url)
    return open_state(url)


def sent(session: str, frames: int) -> list[Payload]:
    """A session with its frames, and a frame of nobody on each side."""
    setup = Setup(backrest_deg=30.0, notch=1, foot_row=1)
    last = frames + 2
    return [
        a_frame(0, session=None),
        SessionStart(boot="b1", seq=1, session=session, user="m-1", t_us=T0_US + 1_000_000, setup=setup),
        *(a_frame(seq, session=session) for seq in range(2, last)),
        SessionEnd(boot="b1", seq=last, session=session, t_us=T0_US + last * 1_000_000, reason="timeout"),
        a_frame(last + 1, session=None),
    ]


def deliver(engine: Engine, machine: str, batches: Sequence[Sequence[Payload]]) -> None:
    for batch in batches:
        record(engine, [Arrived(Event("g", machine, payload), T0_US) for payload in batch], [], T0_US)


def outcome(engine: Engine, machine: str) -> tuple[Any, dict[str, Any]]:
    """What is settled, and the session without its names and without how often it was touched."""
    with engine.connect() as connection:
        query = select(schema.session_log).where(schema.session_log.c.machine == machine)
        row = dict(connection.execute(query).mappings().one())
    return settled(engine, "g", machine, "b1"), row | {"session": "", "machine": "", "version": 0}


@settings(max_examples=50)
@given(data=st.data(), frames=st.integers(0, 6))
def test_the_order_and_the_repeats_of_a_delivery_do_not_matter(engine, data, frames):
    straight, astray = (f"m{next(_names)}" for _ in range(2))
    deliver(engine, straight, [sent(f"s-{straight}", frames)])

    messages = sent(f"s-{astray}", frames)
    messages = data.draw(st.permutations(messages + data.draw(st.lists(st.sampled_from(messages), max_size=5))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(messages)), max_size=4)))
    deliver(engine, astray, [messages[a:b] for a, b in zip([0, *cuts], [*cuts, len(messages)], strict=True)])

    assert outcome(engine, straight) == outcome(engine, astray)


@settings(max_examples=25)
@given(frames=st.integers(0, 6), again=st.integers(0, 9))
def test_a_reboot_between_does_not_matter_once_all_has_come(engine, frames, again):
    """What was held through the reboot ends the session as it would have ended without."""
    straight, astray = (f"m{next(_names)}" for _ in range(2))
    deliver(engine, straight, [sent(f"s-{straight}", frames)])

    messages = sent(f"s-{astray}", frames)
    cut = min(again, len(messages))
    states = [
        Online(boot=boot, kind="incline", rail_deg=45, backrest_deg=30, travel_mm=600, rate_hz=50)
        for boot in ("b1", "b2")
    ]
    deliver(engine, astray, [[states[0], *messages[:cut], states[1]], messages[cut:]])

    assert outcome(engine, straight) == outcome(engine, astray)


# -- numbers, against sets of them -------------------------------------------------------------------------------------

SEQS = range(24)


@dataclass
class Oracle:
    """What should be known of one boot: plain sets."""

    stored: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    oldest: int = 0

    @property
    def settled(self) -> set[int]:
        return self.stored | self.refused | set(range(self.oldest))

    def account(self) -> dict[str, int]:
        top = max(self.settled, default=-1)
        never = set(range(top + 1)) - self.stored - self.refused
        lost = {seq for seq in never if seq < self.oldest}
        return {"stored": len(self.stored), "missing": len(never - lost), "lost": len(lost)}


Step = tuple[str, int]
steps = st.one_of(
    st.tuples(st.sampled_from(["frame", "frame", "frame", "refused"]), st.sampled_from(SEQS)),
    st.tuples(st.just("state"), st.integers(0, 26)),
    st.tuples(st.just("replay"), st.just(0)),
)


def bad(machine: str, seq: int) -> Refused:
    """A frame that an earlier version refused, and that keeps the contract all the same."""
    refusal = Refusal(Reason.WRONG_TYPE, "what an earlier version said", "g", machine, "b1", seq)
    payload = encode(a_frame(seq, session=None))
    return Refused(T0_US, topic("g", machine, TopicKind.FRAME), payload, refusal)


def enter(engine: Engine, machine: str, batch: Sequence[Step]) -> None:
    """One batch as a writer of ingest enters it."""
    arrived: list[Arrived] = []
    refused: list[Refused] = []
    for kind, number in batch:
        if kind == "frame":
            arrived.append(Arrived(Event("g", machine, a_frame(number, session=None)), T0_US))
        elif kind == "state":
            state = Online(
                boot="b1", kind="incline", rail_deg=45, backrest_deg=30, travel_mm=600, rate_hz=50, oldest_seq=number
            )
            arrived.append(Arrived(Event("g", machine, state), T0_US))
        elif kind == "refused":
            refused.append(bad(machine, number))
    record(engine, arrived, refused, T0_US)


def replay_all(engine: Engine, machine: str) -> None:
    """Somebody asks for all, and ingest takes all; another replica, a moment later, the same."""
    held = [one for one in quarantine.listing(engine, limit=1000) if one.refused.refusal.machine == machine]
    quarantine.ask_all(engine, T0_US, ids=[one.id for one in held])
    trials = [
        Trial(one.id, Arrived(Event("g", machine, a_frame(one.refused.refusal.seq or 0, session=None)), T0_US))
        for one in held
    ]
    for _ in range(2):
        record_replay(engine, trials, T0_US)


def known(engine: Engine, machine: str, oracle: Oracle, step: Step, held: set[int]) -> None:
    """What the oracle makes of a step. held: refused ones that wait in quarantine."""
    kind, number = step
    if kind == "frame":
        oracle.stored.add(number)
        oracle.refused.discard(number)
    elif kind == "state":
        oracle.oldest = max(oracle.oldest, number)
    elif kind == "refused":
        held.add(number)
        if number not in oracle.stored:
            oracle.refused.add(number)
    else:
        oracle.stored |= held
        oracle.refused -= held
        held.clear()


def told(engine: Engine, machine: str) -> StoredBoot:
    found = watermark(engine, "g", machine).boots
    return found[0] if found else StoredBoot("b1", -1)


@settings(max_examples=150)
@given(batches=st.lists(st.lists(steps, max_size=6), max_size=8))
def test_what_is_settled_is_what_was_stored_refused_or_given_up(engine, batches):
    machine, oracle, held, before = f"m{next(_names)}", Oracle(), set[int](), StoredBoot("b1", -1)
    for batch in batches:
        # Within a batch what was accepted is entered before what was refused.
        numbered = sorted((step for step in batch if step[0] != "replay"), key=lambda step: step[0] == "refused")
        replays = [step for step in batch if step[0] == "replay"]
        enter(engine, machine, numbered)
        if replays:
            replay_all(engine, machine)
        for step in [*numbered, *replays[:1]]:
            known(engine, machine, oracle, step, held)

        now = told(engine, machine)
        missing = {seq for low, high in now.missing for seq in range(low, high + 1)}
        assert oracle.settled == set(range(now.seq + 1)) - missing
        # Nothing that a machine was told is stored, and let go of, is asked for ever after.
        before_missing = {seq for low, high in before.missing for seq in range(low, high + 1)}
        assert before.seq <= now.seq
        assert not missing & (set(range(before.seq + 1)) - before_missing)
        before = now
    row = account(engine, machine)
    assert oracle.account() == {name: row.get(name, 0) for name in ("stored", "missing", "lost")}
    assert oracle.stored == as_set(row.get("ranges", []))
    assert oracle.refused == as_set(row.get("refused_ranges", []))


@settings(max_examples=50)
@given(data=st.data(), frames=st.lists(st.sampled_from(SEQS), max_size=40))
def test_it_does_not_matter_how_two_writers_share_what_comes(engine, data, frames):
    """Replicas each take a part of the frames, see every State, and enter them at any pace."""
    machine = f"m{next(_names)}"
    whose = data.draw(st.lists(st.booleans(), min_size=len(frames), max_size=len(frames)))
    state: list[Step] = [("state", data.draw(st.integers(0, 10)))]
    queues = [
        [*state, *(("frame", seq) for seq, mine in zip(frames, whose, strict=True) if mine == who)]
        for who in (True, False)
    ]
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        take = data.draw(st.integers(1, len(queue)))
        enter(engine, machine, queue[:take])
        del queue[:take]
    row = account(engine, machine)
    assert set(frames) == as_set(row["ranges"])
    assert (len(frames), len(frames) - len(set(frames))) == (row["received"], row["repeated"])


@settings(max_examples=25)
@given(away=st.integers(1, 40), together=st.integers(1, 7))
def test_a_backlog_and_live_frames_may_be_mixed(engine, away, together):
    """A machine that was away sends what it kept while it goes on; the broker hands out both as it likes."""
    machine = f"m{next(_names)}"
    enter(engine, machine, [("state", 0), *(("frame", seq) for seq in range(5))])
    kept, live = list(range(5, 5 + away)), list(range(5 + away, 5 + 2 * away))
    mixed = [seq for pair in zip(kept, live, strict=True) for seq in pair]
    for at in range(0, len(mixed), together):
        enter(engine, machine, [("frame", seq) for seq in mixed[at : at + together]])
        assert told(engine, machine).seq >= 4
    assert StoredBoot("b1", 4 + 2 * away) == told(engine, machine)
    row = account(engine, machine)
    assert (5 + 2 * away, 0, 0, 0) == tuple(row[name] for name in ("stored", "missing", "lost", "repeated"))


def account(engine: Engine, machine: str) -> dict[str, Any]:
    with engine.connect() as connection:
        query = select(schema.ledger).where(schema.ledger.c.machine == machine)
        row = connection.execute(query).mappings().one_or_none()
    return {} if row is None else dict(row)


def as_set(ranges: Sequence[Sequence[int]]) -> set[int]:
    return {seq for low, high in ranges for seq in range(low, high + 1)}
