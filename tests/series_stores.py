"""Where the contract tests open a series store, by its kind, and how each kind is made to fail."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sledwatch_storage.series import SeriesStore
from sledwatch_storage.series.memory import MemorySeries
from sledwatch_storage.series.sqlite import SqliteSeries

LASTING_KINDS = ["sqlite"]


class Place(Protocol):
    """Where stores of one kind can be opened."""

    def open(self) -> SeriesStore:
        """A store on this place."""

    def open_anew(self) -> SeriesStore:
        """A store on an empty place of the same kind."""


class LastingPlace(Place, Protocol):
    """A place where a store has what others have stored there before."""

    def away(self) -> AbstractContextManager[None]:
        """The place takes no writes within the block."""


class MemoryPlace:
    """Nowhere."""

    def open(self) -> SeriesStore:
        return MemorySeries()

    def open_anew(self) -> SeriesStore:
        return MemorySeries()


class _SqlitePlace:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._made = 0

    def open(self) -> SeriesStore:
        # Short, for a test of a locked file not to wait for long, and ample for writers beside each other.
        return SqliteSeries(self._directory / "series.db", busy_timeout_s=2.0)

    def open_anew(self) -> SeriesStore:
        self._made += 1
        return SqliteSeries(self._directory / f"series-{self._made}.db")

    @contextmanager
    def away(self) -> Iterator[None]:
        lock = sqlite3.connect(self._directory / "series.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        yield
        lock.execute("ROLLBACK")
        lock.close()


@contextmanager
def lasting_place_of(kind: str, request: Any) -> Iterator[LastingPlace]:
    """An empty place for stores of the kind."""
    assert kind in LASTING_KINDS
    yield _SqlitePlace(request.getfixturevalue("tmp_path"))
