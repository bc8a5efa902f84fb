"""Sessions, their reps and the daily loads made of them, in the state DB.

A session is there from its start event on; each closing replaces its figures and reps whole. Imported sessions come
with their reps and have no samples behind them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, TypedDict, cast
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, RowMapping, Select, delete, func, insert, select, update

from sledwatch.events import Rep, Tier
from sledwatch.strength import Strength, kg_of
from sledwatch.workload import SessionTotals, hard_sets, session_totals
from sledwatch_storage.state import ranges, schema
from sledwatch_storage.state.findings import StoredFinding, findings_of
from sledwatch_storage.state.members import seen
from sledwatch_storage.state.reading import Bind, beyond, cursor, reading
from sledwatch_storage.state.upsert import insertion

DAY_US: Final = 86_400_000_000
# How far back the best load counts as a reference, and how far a lost day matters (docs/science.md).
REFERENCE_DAYS: Final = 90
WINDOW_DAYS: Final = 30

_session, _rep, _log = schema.session, schema.rep, schema.session_log
_DAY_FIGURES: Final = ("work_j", "tonnage_kg", "top_load_kg", "hard_sets")
_REP_FIELDS: Final = tuple(field.name for field in fields(Rep))


class StoredSession(TypedDict):
    """A session as analytics sees it. Figures are None until it is closed; findings by time; sets: how many."""

    session: str
    user: str
    user_name: str | None
    gym: str
    machine: str
    start_us: int
    end_us: int | None
    state: Literal["live", "closed", "void"]
    source: Literal["samples", "import"]
    split_of: str | None
    setup: dict[str, Any] | None
    closed_version: int | None
    wanted_us: int | None
    limit_mm: float | None
    limit_tier: Tier | None
    limit_version: int | None
    frozen: dict[str, Any] | None
    work_j: float | None
    tonnage_kg: float | None
    top_load_kg: float | None
    reps: int | None
    sets: int
    hard_sets: int | None
    strength: dict[str, Any] | None
    friction_n: float | None
    findings: list[StoredFinding]


def get_session(bind: Bind, session: str) -> StoredSession | None:
    """One session, None where its start was never seen."""
    with reading(bind) as connection:
        found = _with_findings(connection, _sessions().where(_session.c.session == session))
    return found[0] if found else None


def sessions_of(bind: Bind, user: str, after: str | None = None, limit: int = 100) -> list[StoredSession]:
    """A member's sessions, newest first, at most `limit`.

    after: the `cursor_of` the last one of the page before. Raises BadCursor.
    """
    query = _sessions().where(_session.c.user == user)
    query = query.order_by(_session.c.start_us.desc(), _session.c.session.desc()).limit(limit)
    if after is not None:
        query = query.where(beyond(after, _session.c.start_us, _session.c.session))
    with reading(bind) as connection:
        return _with_findings(connection, query)


def first_start_us(bind: Bind, user: str) -> int | None:
    """When a member's first session began, None where there is none."""
    with reading(bind) as connection:
        found: int | None = connection.execute(
            select(func.min(_session.c.start_us)).where(_session.c.user == user)
        ).scalar_one()
    return found


def latest_setup(bind: Bind, user: str, gym: str, machine: str) -> dict[str, Any] | None:
    """How a machine was set at the start of a member's latest session on it; None where that is not known."""
    query = (
        select(_session.c.setup)
        .where(_session.c.user == user, _session.c.gym == gym, _session.c.machine == machine)
        .where(_session.c.source == "samples")
        .order_by(_session.c.start_us.desc())
        .limit(1)
    )
    with reading(bind) as connection:
        found: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
    return found


def cursor_of(item: StoredSession) -> str:
    """Where a list goes on after this session."""
    return cursor(item["start_us"], item["session"])


def reps_of(bind: Bind, session: str) -> list[Rep]:
    """The reps that the last closing found, or that were imported, ascending; empty while a session is live."""
    query = select(*(_rep.c[name] for name in _REP_FIELDS)).where(_rep.c.session == session).order_by(_rep.c.rep)
    with reading(bind) as connection:
        return [Rep(**row) for row in connection.execute(query).mappings()]


def appear(
    connection: Connection,
    *,
    session: str,
    gym: str,
    machine: str,
    user: str,
    start_us: int,
    setup: dict[str, Any] | None,
    now_us: int,
) -> bool:
    """Note, within a writing transaction, that a session has started, and its member with it.

    Returns whether it is new; one that is there stays as it is.
    """
    seen(connection, user, now_us)
    values = {
        "session": session,
        "gym": gym,
        "machine": machine,
        "user": user,
        "start_us": start_us,
        "setup": setup,
        "state": "live",
        "source": "samples",
    }
    # Not by rowcount: of an INSERT PostgreSQL's driver does not keep it.
    added = insertion(connection, _session).values(**values).on_conflict_do_nothing().returning(_session.c.session)
    return connection.execute(added).first() is not None


@dataclass(frozen=True, slots=True)
class Closed:
    """What a closing writes into the session's row. limit_*, frozen: as the first closing took them.

    frozen: the limits by setup and the protocol, ready for JSON; the closing that wrote it reads it. strength: e1RM as
    the 90 days before and this session say it. friction_n: of the machine, where it is measured.
    """

    session: str
    start_us: int
    end_us: int
    setup: dict[str, Any] | None
    closed_version: int
    limit_mm: float | None
    limit_tier: Tier | None
    limit_version: int | None
    frozen: dict[str, Any] | None = None
    strength: Strength | None = None
    friction_n: float | None = None


def close(connection: Connection, closed: Closed, reps: Sequence[Rep]) -> None:
    """Put what a closing found in place of what was there, within a writing transaction."""
    # What was copied of it before is not what it is now, though no message has arrived since.
    values = asdict(closed) | figures(reps, kg_of(closed.strength)) | {"state": "closed", "copied_version": None}
    connection.execute(update(_session).where(_session.c.session == closed.session).values(**values))
    replace_reps(connection, closed.session, reps)


def replace_reps(connection: Connection, session: str, reps: Collection[Rep]) -> None:
    """Put reps in place of those of a session, within a writing transaction."""
    connection.execute(delete(_rep).where(_rep.c.session == session))
    if reps:
        connection.execute(insert(_rep), [_row(rep) for rep in reps])


def figures(reps: Sequence[Rep], e1rm_kg: float | None = None) -> dict[str, float | int]:
    """The columns of a session that its reps add up to. e1rm_kg: None where it is not known."""
    totals: SessionTotals = session_totals(reps)
    return {
        "work_j": totals.work_j,
        "tonnage_kg": totals.tonnage_kg,
        "top_load_kg": totals.top_load_kg,
        "reps": totals.reps,
        "hard_sets": hard_sets(reps, e1rm_kg),
    }


def reference_load(
    bind: Bind, user: str, gym: str, machine: str, start_us: int, reps: Iterable[Rep] = ()
) -> float | None:
    """A member's best load on a machine in the 90 days before a session, the session's own `reps` included, in kg."""
    query = (
        select(func.max(_session.c.top_load_kg))
        .where(_session.c.user == user, _session.c.gym == gym, _session.c.machine == machine)
        .where(_session.c.start_us >= start_us - REFERENCE_DAYS * DAY_US, _session.c.start_us < start_us)
    )
    with reading(bind) as connection:
        best = connection.execute(query).scalar_one()
    return max((load for load in (best, *(rep.load_kg for rep in reps)) if load is not None), default=None)


def depths_before(bind: Bind, user: str, gym: str, machine: str, before_us: int, n: int) -> NDArray[np.float64]:
    """Bottom depths, mm, of a member's last `n` sure reps on a machine before a time, in order."""
    query = (
        select(_rep.c.depth_mm)
        .where(_rep.c.user == user, _rep.c.gym == gym, _rep.c.machine == machine)
        .where(_rep.c.t_turn_us < before_us, _rep.c.quality == "ok")
        .order_by(_rep.c.t_turn_us.desc())
        .limit(n)
    )
    with reading(bind) as connection:
        return np.array(list(connection.execute(query).scalars())[::-1], dtype=np.float64)


def member_sessions_frame(
    bind: Bind, user: str, until_us: int, being_closed: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """A member's closed sessions that started up to a time, imported ones too, of all gyms and machines, ascending.

    being_closed: a session by the columns, in place of what an earlier closing made of it.
    Columns: session, start_us, end_us, work_j, tonnage_kg, top_load_kg, hard_sets; NaN where a figure is not known.
    """
    columns = ["session", "start_us", "end_us", "work_j", "tonnage_kg", "top_load_kg", "hard_sets"]
    query = (
        select(*(_session.c[name] for name in columns))
        .where(_session.c.user == user, _session.c.state == "closed", _session.c.start_us <= until_us)
        .order_by(_session.c.start_us, _session.c.session)
    )
    with reading(bind) as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    if being_closed is not None:
        own = tuple(being_closed[name] for name in columns)
        rows = sorted([*(row for row in rows if row[0] != own[0]), own], key=lambda row: (row[1], row[0]))
    # By columns of their types: pandas takes ten times as long to find them out.
    session, start_us, end_us, work_j, tonnage_kg, top_load_kg, sets = zip(*rows, strict=True) if rows else [()] * 7
    return pd.DataFrame(
        {
            "session": pd.Series(session, dtype=object),
            "start_us": np.array(start_us, dtype=np.int64),
            "end_us": np.array(end_us, dtype=np.int64),
            "work_j": np.array(work_j, dtype=np.float64),
            "tonnage_kg": np.array(tonnage_kg, dtype=np.float64),
            "top_load_kg": np.array(top_load_kg, dtype=np.float64),
            "hard_sets": np.array([count or 0 for count in sets], dtype=np.int64),
        }
    )


def time_zone_of(bind: Bind, gym: str) -> str:
    """A gym's time zone (IANA name); UTC where the gym was never seen."""
    with reading(bind) as connection:
        found = connection.execute(select(schema.gym.c.time_zone).where(schema.gym.c.gym == gym)).scalar_one_or_none()
    return found or "UTC"


def missing_days(bind: Bind, user: str, from_us: int, to_us: int, time_zone: str) -> frozenset[date]:
    """The local days from one time's to another's of which the member's machines have lost or outstanding messages.

    A day counts when the member used the machine in the 30 days up to it. A missing number has no time of its own: it
    lies between the session events of its boot before and after it, and every day from the one to the other may be the
    one it belongs to.
    """
    zone = ZoneInfo(time_zone)
    first, last = _day(from_us, zone), _day(to_us, zone)
    query = select(_session.c.gym, _session.c.machine, _session.c.start_us).where(
        _session.c.user == user, _session.c.start_us.between(from_us - (WINDOW_DAYS + 1) * DAY_US, to_us)
    )
    used: dict[tuple[str, str], set[date]] = defaultdict(set)
    found: set[date] = set()
    with reading(bind) as connection:
        for row in connection.execute(query):
            used[row.gym, row.machine].add(_day(row.start_us, zone))
        for (gym, machine), days in used.items():
            lost = _lost_days(connection, gym, machine, from_us, to_us, zone)
            found |= {day for day in lost if any(0 <= (day - other).days <= WINDOW_DAYS for other in days)}
    return frozenset(day for day in found if first <= day <= last)


def refresh_days(connection: Connection, user: str, from_us: int, to_us: int, time_zone: str) -> None:
    """Compute a member's daily loads anew, from one time's day to another's, within a writing transaction."""
    zone = ZoneInfo(time_zone)
    first, last = _day(from_us, zone), _day(to_us, zone)
    query = select(_session.c.start_us, *(_session.c[name] for name in _DAY_FIGURES)).where(
        _session.c.user == user,
        _session.c.state == "closed",
        _session.c.start_us.between(from_us - DAY_US, to_us + DAY_US),
    )
    of_day: dict[date, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        of_day[_day(row.start_us, zone)].append(row)
    missing = missing_days(connection, user, from_us, to_us, time_zone)
    table = schema.daily_load
    connection.execute(delete(table).where(table.c.user == user, table.c.day.between(first, last)))
    rows = [
        _day_load(of_day.get(day, [])) | {"user": user, "day": day, "missing": day in missing}
        for day in sorted({day for day in of_day if first <= day <= last} | missing)
    ]
    if rows:
        connection.execute(insert(table), rows)


def _day_load(of_day: Sequence[Row[Any]]) -> dict[str, Any]:
    return {
        "work_j": sum(row.work_j or 0.0 for row in of_day),
        "tonnage_kg": sum(row.tonnage_kg or 0.0 for row in of_day),
        "top_load_kg": max((row.top_load_kg or 0.0 for row in of_day), default=0.0),
        "sessions": len(of_day),
        "hard_sets": sum(row.hard_sets or 0 for row in of_day),
    }


def _lost_days(connection: Connection, gym: str, machine: str, from_us: int, to_us: int, zone: ZoneInfo) -> set[date]:
    ledger = schema.ledger
    query = select(ledger.c.boot, ledger.c.ranges).where(ledger.c.gym == gym, ledger.c.machine == machine)
    days: set[date] = set()
    for row in connection.execute(query).all():
        stored = ranges.read(row.ranges)
        gaps = ranges.missing(stored, ranges.top(stored))
        anchors = _anchors(connection, gym, machine, row.boot, from_us, to_us) if gaps else []
        for low, high in gaps:
            days |= _days_around(anchors, low, high, zone)
    return days


def _anchors(
    connection: Connection, gym: str, machine: str, boot: str, from_us: int, to_us: int
) -> list[tuple[int, int]]:
    """The session events of a boot near a span of time, as (seq, time), ascending."""
    query = select(_log.c.start_seq, _log.c.start_us, _log.c.end_seq, _log.c.end_us).where(
        _log.c.gym == gym,
        _log.c.machine == machine,
        _log.c.boot == boot,
        _log.c.start_us.between(from_us - DAY_US, to_us + DAY_US),
    )
    events = [
        pair
        for row in connection.execute(query)
        for pair in ((row.start_seq, row.start_us), (row.end_seq, row.end_us))
        if None not in pair
    ]
    return sorted(events)


def _days_around(anchors: list[tuple[int, int]], low: int, high: int, zone: ZoneInfo) -> set[date]:
    before = [time_us for seq, time_us in anchors if seq < low]
    after = [time_us for seq, time_us in anchors if seq > high]
    if not before:
        return set()
    first = _day(before[-1], zone)
    last = _day(after[0], zone) if after else first
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


def _day(time_us: int, zone: ZoneInfo) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)).astimezone(zone).date()


def _row(rep: Rep) -> dict[str, Any]:
    # dataclasses.asdict copies every value deeply, which takes longer than storing it.
    return {name: getattr(rep, name) for name in _REP_FIELDS}


def _sessions() -> Select[Any]:
    sets = select(func.coalesce(func.max(_rep.c.set), 0)).where(_rep.c.session == _session.c.session)
    return select(
        _session, schema.member.c.name.label("user_name"), sets.correlate(_session).scalar_subquery().label("sets")
    ).outerjoin(schema.member, schema.member.c.user == _session.c.user)


def _with_findings(connection: Connection, query: Select[Any]) -> list[StoredSession]:
    rows = connection.execute(query).mappings().all()
    found = findings_of(connection, [row["session"] for row in rows])
    return [_stored(row, found[row["session"]]) for row in rows]


def _stored(row: RowMapping, findings: list[StoredFinding]) -> StoredSession:
    return cast(StoredSession, {**row, "findings": findings})
