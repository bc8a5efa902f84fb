"""What the state DB tells of lifting, on SQLite."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from closing_house import House, empty_state, house
from kept_lifts import PROMISES

__all__ = ["empty_state", "house"]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_what_was_lifted_is_told(house: House, promise: Callable[[Engine], None]) -> None:
    promise(house.engine)
