"""A house for each test of the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api_house import House, open_house
from closing_house import empty_state

__all__ = ["empty_state"]


@pytest.fixture
def house(tmp_path: Path, empty_state: Path) -> Iterator[House]:
    with open_house(tmp_path, empty_state) as opened:
        yield opened
