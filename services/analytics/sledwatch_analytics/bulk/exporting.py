"""From the state DB to Parquet, hashed by member: what an analysis in bulk needs to know, and nothing else.

Members are read some at a time, each as of one moment, so that no transaction lasts and memory is bounded: by what is
buffered of each partition, whatever the length of the history.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, func, select

from sledwatch.rules import RulesInForce
from sledwatch_analytics.bulk.partitions import REP_COLUMNS, SESSIONS, digest_of, partition_name, partition_of
from sledwatch_storage.state import schema
from sledwatch_storage.state.days import DAY_US, local_day
from sledwatch_storage.state.missing import missing_days_of_all

RulesFor = Callable[[str, str], RulesInForce]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What looks back on hard sets, looks back on a week; by local days, hence a day more.
REPS_BEFORE_US: Final = 8 * DAY_US
# How far any rule looks back (docs/science.md); by local days, hence a day more.
LOOK_BACK_US: Final = (7 * 53 + 1) * DAY_US
# What is read at once, of one member at least.
_REPS_AT_ONCE: Final = 200_000
_MEMBERS_AT_ONCE: Final = 200
# No session lies outside these days, and calendars hold them with all that is looked back on.
_NONE_BEFORE: Final = date(1970, 1, 1)
_NONE_AFTER: Final = date(2200, 1, 1)
_SESSIONS_A_GROUP: Final = 500
_DOUBT: Final = "badge.shared"

_session, _rep, _gym, _finding = schema.session, schema.rep, schema.gym, schema.finding
_REPS: Final = ("set", "load_kg", "work_j", "velocity_loss_pct", "quality")


@dataclass(frozen=True, slots=True)
class Range:
    """Which sessions are judged anew: those of local days of their gyms, both included. gym: None for all."""

    first: date
    last: date
    gym: str | None = None

    def bounds_us(self) -> tuple[int, int]:
        """Times that hold these days in every time zone."""
        first, last = max(self.first, _NONE_BEFORE), min(self.last, _NONE_AFTER)
        return _midnight_us(first) - DAY_US, _midnight_us(last) + 2 * DAY_US


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition's file, what names its contents, and how many judged sessions and reps it holds."""

    number: int
    path: Path
    digest: str
    sessions: int
    reps: int


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """Members exported of all, and the sessions and reps that came of them."""

    done: int
    members: int
    sessions: int
    reps: int


class Stopped(Exception):
    """Somebody asked for it to stop."""


def export(
    engine: Engine,
    wanted: Range,
    directory: Path,
    partitions: int,
    rules_for: RulesFor,
    report: Callable[[ExportProgress], None],
    stop: threading.Event,
) -> list[Partition]:
    """Write all that the judged sessions' members have done up to the end of the range; returns what has any rows.

    rules_for: those in force for a gym and a member. Raises StateUnavailable, OSError, and Stopped.
    """
    from_us, until_us = wanted.bounds_us()
    zones = time_zones(engine)
    members = _members(engine, wanted, from_us, until_us)
    missing = _missing_days(engine, zones, from_us - LOOK_BACK_US, until_us)
    files = Files(directory, partitions, SESSIONS, _SESSIONS_A_GROUP)
    done = sessions = reps = 0
    try:
        for portion in _portions(members):
            if stop.is_set():
                raise Stopped
            done += len(portion)
            for row in _rows(engine, portion, wanted, zones, missing, rules_for):
                of_row = 0 if row["rep_set"] is None else len(row["rep_set"])
                files.add(row, weight=1, judged=row["judged"], reps=of_row)
                sessions += row["judged"]
                reps += of_row
            report(ExportProgress(done, len(members), sessions, reps))
    finally:
        files.close()
    return files.written()


def _rows(
    engine: Engine,
    users: Sequence[str],
    wanted: Range,
    zones: dict[str, str],
    missing: dict[str, dict[str, list[date]]],
    rules_for: RulesFor,
) -> Iterator[dict[str, Any]]:
    from_us, until_us = wanted.bounds_us()
    with engine.connect() as connection:
        found = _sessions_of(connection, users, until_us)
        doubtful = _doubtful(connection, users, from_us, until_us)
        reps = _reps_of(connection, users, from_us - REPS_BEFORE_US, until_us)
    told: set[tuple[str, str]] = set()
    for row in found:
        zone = zones.get(row["gym"], "UTC")
        day = local_day(row["start_us"], ZoneInfo(zone))
        in_force = rules_for(row["gym"], row["user"])
        of_member = (row["user"], zone)
        strength = row.pop("strength")
        yield row | reps.get(row["session"], _NONE) | {
            "time_zone": zone,
            "judged": wanted.first <= day <= wanted.last and wanted.gym in {None, row["gym"]},
            "doubtful": row["session"] in doubtful,
            "hard_sets": row["hard_sets"] or 0,
            "e1rm_kg": None if strength is None else strength["e1rm_kg"],
            "rules": msgspec.json.encode(in_force.rules.differing(), order="sorted").decode(),
            "rules_version": in_force.version,
            "missing_days": [] if of_member in told else missing.get(zone, {}).get(row["user"], []),
        }  # fmt: skip
        told.add(of_member)


_NONE: Final[dict[str, Any]] = dict.fromkeys(REP_COLUMNS)


def _sessions_of(connection: Connection, users: Sequence[str], until_us: int) -> list[dict[str, Any]]:
    names = (
        "user", "session", "gym", "machine", "start_us", "end_us", "closed_version", "work_j", "tonnage_kg",
        "top_load_kg", "hard_sets", "strength",
    )  # fmt: skip
    query = (
        select(*(_session.c[name] for name in names))
        .where(_session.c.user.in_(users), _session.c.state == "closed", _session.c.start_us < until_us)
        .order_by(_session.c.user, _session.c.start_us, _session.c.session)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _reps_of(connection: Connection, users: Sequence[str], from_us: int, until_us: int) -> dict[str, dict[str, Any]]:
    """The reps of the sessions of a span, as columns, by session; of one without reps the columns are empty."""
    query = (
        select(_session.c.session, *(_rep.c[name] for name in _REPS))
        .outerjoin(_rep, _rep.c.session == _session.c.session)
        .where(
            _session.c.user.in_(users),
            _session.c.state == "closed",
            _session.c.start_us >= from_us,
            _session.c.start_us < until_us,
        )
        .order_by(_session.c.session, _rep.c.rep)
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for session, *rep in connection.execute(query):
        found[session].append(rep)
    return {session: _columns(reps) for session, reps in found.items()}


def _columns(reps: list[Any]) -> dict[str, Any]:
    """As arrays: some thousand sessions wait for their files. A session without reps is one row of nothing."""
    number, load_kg, work_j, loss_pct, quality = zip(*reps, strict=True) if reps[0][0] is not None else [()] * 5
    return {
        "rep_set": np.array(number, dtype=np.int32),
        "rep_load_kg": np.array(load_kg, dtype=np.float64),
        "rep_work_j": np.array(work_j, dtype=np.float64),
        "rep_velocity_loss_pct": np.array(loss_pct, dtype=np.float64),
        "rep_ok": np.array([one == "ok" for one in quality], dtype=np.bool_),
    }


def _doubtful(connection: Connection, users: Sequence[str], from_us: int, until_us: int) -> set[str]:
    query = (
        select(_finding.c.session)
        .join(_session, _session.c.session == _finding.c.session)
        .where(_finding.c.user.in_(users), _finding.c.rule == _DOUBT)
        .where(_session.c.start_us >= from_us, _session.c.start_us < until_us)
    )
    return set(connection.execute(query).scalars())


def _portions(members: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    portion: list[str] = []
    waiting = 0
    for user, reps in members:
        if portion and (waiting + reps > _REPS_AT_ONCE or len(portion) >= _MEMBERS_AT_ONCE):
            yield portion
            portion, waiting = [], 0
        portion.append(user)
        waiting += reps
    if portion:
        yield portion


def _members(engine: Engine, wanted: Range, from_us: int, until_us: int) -> list[tuple[str, int]]:
    """Who has a session in the range, by pseudonym, and how many reps."""
    query = select(_session.c.user, func.coalesce(func.sum(_session.c.reps), 0)).where(
        _session.c.state == "closed", _session.c.start_us >= from_us, _session.c.start_us < until_us
    )
    if wanted.gym is not None:
        query = query.where(_session.c.gym == wanted.gym)
    with engine.connect() as connection:
        return sorted((user, int(reps)) for user, reps in connection.execute(query.group_by(_session.c.user)))


def time_zones(engine: Engine) -> dict[str, str]:
    """The time zone of every gym."""
    with engine.connect() as connection:
        return {row.gym: row.time_zone for row in connection.execute(select(_gym.c.gym, _gym.c.time_zone))}


def _missing_days(
    engine: Engine, zones: dict[str, str], from_us: int, until_us: int
) -> dict[str, dict[str, list[date]]]:
    """The days that are missing, by time zone and member."""

    def zone_of(zone: str, _user: str) -> str:
        return zone

    return {
        zone: {
            user: sorted(days)
            for user, days in missing_days_of_all(engine, from_us, until_us, partial(zone_of, zone)).items()
        }
        for zone in sorted({*zones.values(), "UTC"})
    }


def _midnight_us(day: date) -> int:
    return (datetime.combine(day, time(), UTC) - _EPOCH) // timedelta(microseconds=1)


@dataclass(slots=True)
class _File:
    """A partition being written. weight: of the rows that wait."""

    path: Path
    writer: pq.ParquetWriter
    schema: pa.Schema
    rows: list[dict[str, Any]] = field(default_factory=list)
    weight: int = 0
    sessions: int = 0
    reps: int = 0

    def flush(self) -> None:
        if self.rows:
            arrays = [
                pa.array([row[one.name] for row in self.rows], _plain(one.type)).cast(one.type) for one in self.schema
            ]
            self.writer.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
            self.rows.clear()
            self.weight = 0


class Files:
    """The partitions of an export, each made when its first row comes."""

    def __init__(self, directory: Path, partitions: int, schema: pa.Schema, a_group: int) -> None:
        """a_group: of what weight rows wait for their file; row groups follow from the partition's own rows alone."""
        self._directory = directory
        self._partitions = partitions
        self._schema = schema
        self._a_group = a_group
        self._files: dict[int, _File] = {}

    def add(self, row: dict[str, Any], *, weight: int, judged: bool, reps: int) -> None:
        """Write a row into its member's partition. judged: it counts as a session; reps: how many it holds."""
        number = partition_of(row["user"], self._partitions)
        file = self._files.get(number)
        if file is None:
            path = self._directory / partition_name(number) / "sessions.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            writer = pq.ParquetWriter(path, self._schema, compression="zstd")
            file = self._files[number] = _File(path, writer, self._schema)
        file.rows.append(row)
        file.weight += weight
        file.sessions += judged
        file.reps += reps
        if file.weight >= self._a_group:
            file.flush()

    def close(self) -> None:
        """Write what waits."""
        for file in self._files.values():
            file.flush()
            file.writer.close()

    def written(self) -> list[Partition]:
        """All of them, once closed."""
        return [
            Partition(number, file.path, digest_of(file.path), file.sessions, file.reps)
            for number, file in sorted(self._files.items())
        ]


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
