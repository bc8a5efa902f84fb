"""A house for each test of the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api_house import House, open_house
from sledwatch_storage.state.engine import migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state DB without rows, to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "state.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def house(tmp_path: Path, migrated: Path) -> Iterator[House]:
    with open_house(tmp_path, migrated) as opened:
        yield opened
