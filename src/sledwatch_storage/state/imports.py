"""History from elsewhere in the state DB: sessions that come with their reps and have no samples behind them."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, select

from sledwatch.events import Rep
from sledwatch.machine import MachineSpec, force_n
from sledwatch.workload import LOOK_BACK_DAYS
from sledwatch_storage.state import schema
from sledwatch_storage.state.corrections import want_later
from sledwatch_storage.state.days import DAY_US, refresh_days
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.machines import ASSUMED_MACHINE, online_of
from sledwatch_storage.state.sessions import figures, time_zone_of
from sledwatch_storage.state.upsert import insertion, put_missing

# What one transaction takes, whichever comes first: SQLite admits one writer, and ingest must not wait for long.
SESSIONS_AT_ONCE: Final = 200
REPS_AT_ONCE: Final = 5_000
# Whoever waits for SQLite's lock looks for it every 25 ms: without a pause as long, nobody else would get it.
PAUSE_S: Final = 0.03

_session, _rep = schema.session, schema.rep
_row: Final[Callable[[Rep], tuple[Any, ...]]] = attrgetter(*_rep.columns.keys())


@dataclass(frozen=True, slots=True)
class ImportedSession:
    """A session from elsewhere: its reps as they were found there; no samples."""

    session: str
    user: str
    gym: str
    machine: str
    start_us: int
    end_us: int
    reps: tuple[Rep, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: sessions and reps that are new, and sessions that were there already (left as they are)."""

    sessions: int
    reps: int
    repeated: int


def known_sessions(engine: Engine, sessions: Sequence[str]) -> frozenset[str]:
    """Those of these session ids that are there already."""
    found: set[str] = set()
    with engine.connect() as connection:
        for first in range(0, len(sessions), SESSIONS_AT_ONCE):
            found |= _known(connection, sessions[first : first + SESSIONS_AT_ONCE])
    return frozenset(found)


def import_sessions(
    engine: Engine,
    sessions: Iterable[ImportedSession],
    now_us: int,
    *,
    time_zone: str = "UTC",
    rest: Callable[[float], None] = time.sleep,
) -> Imported:
    """Store sessions from elsewhere, in portions of some 100; those that are there already stay as they are.

    Each portion is there whole or not at all, with the daily loads that follow from it: what was broken off can be done
    again. A rep without work gets that of lifting its load along the rails: it starts and ends at rest, so what went
    into motion came out of it again. time_zone: of gyms not seen before. rest: lets others write between two portions.
    It is quickest where a member's sessions stand together.
    """
    taken, reps, count = 0, 0, 0
    for portion in _portions(sessions):
        if count and engine.dialect.name == "sqlite":
            rest(PAUSE_S)
        added = _import(engine, portion, now_us, time_zone)
        taken += len(added)
        reps += sum(len(one.reps) for one in added)
        count += len(portion)
    return Imported(taken, reps, count - taken)


def _portions(sessions: Iterable[ImportedSession]) -> Iterator[list[ImportedSession]]:
    portion: list[ImportedSession] = []
    reps = 0
    for one in sessions:
        if portion and (len(portion) >= SESSIONS_AT_ONCE or reps + len(one.reps) > REPS_AT_ONCE):
            yield portion
            portion, reps = [], 0
        portion.append(one)
        reps += len(one.reps)
    if portion:
        yield portion


def _import(
    engine: Engine, portion: Sequence[ImportedSession], now_us: int, time_zone: str
) -> Sequence[ImportedSession]:
    """Store a portion; returns the sessions that are new."""
    wanted: dict[str, ImportedSession] = {}
    for one in portion:
        wanted.setdefault(one.session, one)
    # What can be computed before is, so that the lock is held for writing only.
    specs: dict[tuple[str, str], MachineSpec] = {}
    with engine.connect() as connection:
        for where in {(one.gym, one.machine) for one in wanted.values() if any(rep.work_j is None for rep in one.reps)}:
            specs[where] = MachineSpec.of(online_of(connection, *where) or ASSUMED_MACHINE, None)
        for session in _known(connection, list(wanted)):
            del wanted[session]
    whole = [_with_work(one, specs) for one in wanted.values()]
    if not whole:
        return ()
    session_rows = [_session_row(one) for one in whole]
    rep_rows = {one.session: [_row(rep) for rep in one.reps] for one in whole}
    with begin(engine) as connection:
        gyms = [
            {"gym": gym, "time_zone": time_zone, "created_us": now_us} for gym in sorted({one.gym for one in whole})
        ]
        put_missing(connection, schema.gym, gyms)
        users = [{"user": user, "first_seen_us": now_us} for user in sorted({one.user for one in whole})]
        put_missing(connection, schema.member, users)
        # Somebody may have written one of them meanwhile.
        added = insertion(connection, _session).on_conflict_do_nothing().returning(_session.c.session)
        fresh = set(connection.execute(added, session_rows).scalars())
        new = [one for one in whole if one.session in fresh]
        _insert_reps(connection, [row for one in new for row in rep_rows[one.session]])
        by_user: dict[str, list[ImportedSession]] = defaultdict(list)
        for one in new:
            by_user[one.user].append(one)
        for user, of_user in by_user.items():
            of_user.sort(key=lambda one: one.start_us)
            # One member, one time zone: days are those of the gym of the latest session.
            zone = time_zone_of(connection, of_user[-1].gym)
            refresh_days(connection, user, of_user[0].start_us, of_user[-1].start_us, zone)
        # What was closed already was judged by a history without these.
        earliest_us, latest_us = min(one.start_us for one in whole), max(one.start_us for one in whole)
        want_later(connection, list(by_user), earliest_us, latest_us + (LOOK_BACK_DAYS + 1) * DAY_US, now_us)
    return new


def _known(connection: Connection, sessions: Sequence[str]) -> set[str]:
    return set(connection.execute(select(_session.c.session).where(_session.c.session.in_(sessions))).scalars())


def _with_work(one: ImportedSession, specs: dict[tuple[str, str], MachineSpec]) -> ImportedSession:
    if all(rep.work_j is not None for rep in one.reps):
        return one
    spec = specs[one.gym, one.machine]
    return replace(
        one,
        reps=tuple(
            rep
            if rep.work_j is not None
            else replace(rep, work_j=float(force_n(spec, rep.load_kg, 0.0)) * rep.rom_mm / 1_000)
            for rep in one.reps
        ),
    )


def _session_row(one: ImportedSession) -> dict[str, Any]:
    return {
        "session": one.session,
        "gym": one.gym,
        "machine": one.machine,
        "user": one.user,
        "start_us": one.start_us,
        "end_us": one.end_us,
        "state": "closed",
        "source": "import",
        **figures(one.reps),
    }


def _insert_reps(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert thousands of rows of plain values: past SQLAlchemy's way with parameters, which costs as much again."""
    if not rows:
        return
    statement = insert(_rep).compile(dialect=connection.dialect)
    if connection.dialect.positional:
        connection.exec_driver_sql(str(statement), list(rows))
    else:
        names = _rep.columns.keys()
        connection.exec_driver_sql(str(statement), [dict(zip(names, row, strict=True)) for row in rows])
