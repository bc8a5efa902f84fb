"""Settings of the rules in the state DB, on SQLite; test_state_on_postgresql has the other."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from closing_house import empty_state
from kept_rules import PROMISES
from sledwatch_storage.state.engine import open_state

__all__ = ["empty_state"]


@pytest.fixture
def engine(tmp_path: Path, empty_state: Path) -> Iterator[Engine]:
    shutil.copyfile(empty_state, tmp_path / "state.db")
    opened = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.dispose()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_settings_of_rules(engine: Engine, promise: Callable[[Engine], None]) -> None:
    promise(engine)
