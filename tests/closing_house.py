"""Ingest's side of the stores by hand, and a closer on them: real SQLite, and a clock that a test sets."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from presses import DAY_US, T0_US, S, online
from sledwatch.events import Event, Frame, Rep
from sledwatch_analytics.closing import Closer
from sledwatch_storage.series import SeriesStore, StoredFrame
from sledwatch_storage.series.sqlite import SqliteSeries
from sledwatch_storage.state import schema
from sledwatch_storage.state.engine import migrate, open_state
from sledwatch_storage.state.imports import ImportedSession, import_sessions
from sledwatch_storage.state.ledger import Arrived, record


@dataclass
class HeardHub:
    """What was published, in order."""

    told: list[tuple[str, Any]] = field(default_factory=list)

    def publish(self, kind: str, data: Any) -> None:
        self.told.append((kind, data))

    def of(self, kind: str) -> list[Any]:
        return [data for told_kind, data in self.told if told_kind == kind]


@dataclass
class House:
    """Stores with what has arrived in them, and the closer that looks at it."""

    engine: Engine
    series: SeriesStore
    hub: HeardHub = field(default_factory=HeardHub)
    now_us: int = T0_US

    def __post_init__(self) -> None:
        self.closer = self.new_closer()

    def new_closer(self) -> Closer:
        """As after a restart: it remembers nothing."""
        return Closer(self.engine, self.series, lambda: self.now_us, self.hub)

    def arrive(self, events: Sequence[Event], now_us: int | None = None) -> None:
        """Store what arrives as ingest does: frames first, then the ledger."""
        self.now_us = self.now_us if now_us is None else now_us
        self.series.append(
            [
                StoredFrame(event.gym, event.machine, event.payload, self.now_us)
                for event in events
                if isinstance(event.payload, Frame)
            ]
        )
        record(self.engine, [Arrived(event, self.now_us) for event in events], [], self.now_us)

    def machine_says_what_it_is(self, gym: str = "north", machine: str = "press-1", **changes: Any) -> None:
        self.arrive([Event(gym, machine, online(**changes))])

    def wait(self, seconds: float) -> None:
        self.now_us += round(seconds * S)

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables."""
        with self.engine.connect() as connection:
            return {
                table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for table in schema.metadata.sorted_tables
            }

    def rows(self, table: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(table)).mappings())

    def has_trained(self, user: str, days_ago: Sequence[int], work_j: float, **changes: Any) -> None:
        """A history from elsewhere: a session of 10 alike reps on each of these days."""
        import_sessions(self.engine, [earlier_session(user, days, work_j, **changes) for days in days_ago], self.now_us)


def earlier_session(user: str, days: int, work_j: float, depth_mm: float = 380.0) -> ImportedSession:
    """Ten alike reps at 120 kg, so many days before T0."""
    start_us = T0_US - days * DAY_US
    session = f"{user}-{days}-days-ago"
    reps = tuple(
        Rep(
            session=session, user=user, gym="north", machine="press-1", set=1, rep=number,
            t_start_us=start_us + number * 4 * S, t_turn_us=start_us + number * 4 * S + 2 * S,
            t_end_us=start_us + number * 4 * S + 3 * S, load_kg=120.0, depth_mm=depth_mm, rom_mm=depth_mm - 20.0,
            eccentric_s=2.0, concentric_s=1.0, work_j=work_j / 10,
        )
        for number in range(1, 11)
    )  # fmt: skip
    return ImportedSession(session, user, "north", "press-1", start_us, start_us + 60 * S, reps)


@pytest.fixture(scope="session")
def empty_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated state DB to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty-state") / "state.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def house(tmp_path: Path, empty_state: Path) -> Iterator[House]:
    """Stores of its own for each test."""
    shutil.copy(empty_state, tmp_path / "state.db")
    engine = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    series = SqliteSeries(tmp_path / "series.db")
    yield House(engine, series)
    series.close()
    engine.dispose()
