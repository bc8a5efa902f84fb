"""Where the contract tests open a series store, by its kind, and how each kind is made to fail."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from sledwatch_storage.series import SeriesStore
from sledwatch_storage.series.memory import MemorySeries
from sledwatch_storage.series.sqlite import SqliteSeries

if TYPE_CHECKING:
    # At run time pytest loads it, as a plugin of the tests.
    from influx_server import InfluxServer

LASTING_KINDS = ["sqlite", pytest.param("influx", marks=pytest.mark.needs("influxd"))]


class Place(Protocol):
    """Where stores of one kind can be opened."""

    def open(self) -> SeriesStore:
        """A store on this place."""


class LastingPlace(Place, Protocol):
    """A place where a store has what others have stored there before."""

    def away(self) -> AbstractContextManager[None]:
        """The place takes no writes within the block."""


class MemoryPlace:
    """Nowhere."""

    def open(self) -> SeriesStore:
        return MemorySeries()


class _SqlitePlace:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self) -> SeriesStore:
        # Short, for a test of a locked file not to wait for long, and ample for writers beside each other.
        return SqliteSeries(self._directory / "series.db", busy_timeout_s=2.0)

    @contextmanager
    def away(self) -> Iterator[None]:
        lock = sqlite3.connect(self._directory / "series.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        yield
        lock.execute("ROLLBACK")
        lock.close()


class _InfluxPlace:
    def __init__(self, server: "InfluxServer") -> None:
        self._server = server
        self._bucket = server.new_bucket()

    def open(self) -> SeriesStore:
        return self._server.series(self._bucket)

    @contextmanager
    def away(self) -> Iterator[None]:
        self._server.stop()
        yield
        self._server.start()


def lasting_place_of(kind: str, request: pytest.FixtureRequest) -> LastingPlace:
    """An empty place for stores of the kind."""
    if kind == "influx":
        return _InfluxPlace(request.getfixturevalue("influx_server"))
    return _SqlitePlace(request.getfixturevalue("tmp_path"))
