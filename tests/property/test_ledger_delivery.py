"""However a broker delivers what a machine sent, the ledger comes to the same.

In batches of any size, with any part given again after a crash, and after an outage in an order of its own.
"""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from frames import T0_US, a_frame
from sledwatch.events import Event, Online, Payload, SessionEnd, SessionStart, Setup
from sledwatch_storage.state import schema
from sledwatch_storage.state.engine import migrate, open_state
from sledwatch_storage.state.ledger import Arrived, record, settled

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
