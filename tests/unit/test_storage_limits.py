"""Limits, protocols and calibration visits in the state DB, on SQLite; test_state_on_postgresql has the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kept_limits import PROMISES, put
from presses import T0_US, online, setup
from sledwatch.events import Event
from sledwatch.limits import SetLimit
from sledwatch_storage.state.engine import migrate, open_state
from sledwatch_storage.state.ledger import Arrived, record
from sledwatch_storage.state.limits import limit_book
from sledwatch_storage.state.members import put_member


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    opened = open_state(url)
    yield opened
    opened.dispose()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_the_state_db_keeps(engine: Engine, promise: Callable[[Engine], None]) -> None:
    promise(engine)


def test_a_book_holds_limits_height_and_the_machines_they_are_on(engine: Engine) -> None:
    here = {"backrest_deg": 30.0, "notch": 4, "foot_row": 2, "foot_offset_mm": 0.0}
    record(engine, [Arrived(Event("north", "press-1", online()), T0_US)], [], T0_US)
    record(engine, [Arrived(Event("north", "press-2", online()), T0_US)], [], T0_US)
    put(engine, 400.0, 4, foot_row=2, how="rep", setup=here)
    put_member(engine, "m-1", {"height_mm": 1750.0}, T0_US)
    book = limit_book(engine, "m-1")
    assert (SetLimit("north", "press-1", 4, 2, 400.0, 1, setup()),) == book.set_limits
    assert (1750.0, {("north", "press-1"): online()}) == (book.height_mm, dict(book.machines))
    nobody = limit_book(engine, "m-2")
    assert ((), None, {}) == (nobody.set_limits, nobody.height_mm, dict(nobody.machines))
