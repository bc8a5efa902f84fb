"""Sessions and their reps, in the state DB.

A session is there from its start event on; each closing replaces its figures and reps whole. Imported sessions come
with their reps and have no samples behind them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, TypedDict, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping, Select, bindparam, delete, func, insert, select, update

from sledwatch.events import Rep, Tier
from sledwatch.rules import DEFAULT_RULES, WorkloadRules
from sledwatch.strength import Strength, kg_of
from sledwatch.workload import SESSION_COLUMNS, Sessions, SessionTotals, hard_sets, session_totals
from sledwatch_storage.state import schema
from sledwatch_storage.state.days import DAY_US
from sledwatch_storage.state.findings import StoredFinding, findings_of
from sledwatch_storage.state.members import seen
from sledwatch_storage.state.reading import Bind, beyond, cursor, reading
from sledwatch_storage.state.upsert import insertion

# How far back the best load counts as a reference (docs/science.md).
REFERENCE_DAYS: Final = 90

_session, _rep = schema.session, schema.rep
_REP_FIELDS: Final = tuple(field.name for field in fields(Rep))


# Closing asks these for each session: building a statement costs as much as executing it.
_sets = select(func.coalesce(func.max(_rep.c.set), 0)).where(_rep.c.session == _session.c.session)
_SESSIONS: Final = select(
    _session, schema.member.c.name.label("user_name"), _sets.correlate(_session).scalar_subquery().label("sets")
).outerjoin(schema.member, schema.member.c.user == _session.c.user)
_ONE: Final = _SESSIONS.where(_session.c.session == bindparam("session"))
_REPS: Final = (
    select(*(_rep.c[name] for name in _REP_FIELDS)).where(_rep.c.session == bindparam("session")).order_by(_rep.c.rep)
)
_of_member = (_session.c.user == bindparam("user")) & (_session.c.state == "closed")
_ALL_HISTORY: Final = (
    select(*(_session.c[name] for name in SESSION_COLUMNS))
    .where(_of_member, _session.c.start_us <= bindparam("until_us"))
    .order_by(_session.c.start_us, _session.c.session)
)
_earlier = schema.session.alias()
_trained_before = (
    select(func.max(_earlier.c.start_us) - DAY_US)
    .where(_earlier.c.user == bindparam("user"), _earlier.c.state == "closed")
    .where(_earlier.c.start_us < bindparam("from_us"), (_earlier.c.work_j > 0) | (_earlier.c.tonnage_kg > 0))
)
_RECENT_HISTORY: Final = _ALL_HISTORY.where(
    _session.c.start_us >= func.coalesce(_trained_before.scalar_subquery(), bindparam("from_us"))
)


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
    judged_missing: list[str] | None
    findings: list[StoredFinding]


def get_session(bind: Bind, session: str) -> StoredSession | None:
    """One session, None where its start was never seen."""
    with reading(bind) as connection:
        found = _with_findings(connection, _ONE, {"session": session})
    return found[0] if found else None


def sessions_of(bind: Bind, user: str, after: str | None = None, limit: int = 100) -> list[StoredSession]:
    """A member's sessions, newest first, at most `limit`.

    after: the `cursor_of` the last one of the page before. Raises BadCursor.
    """
    query = _SESSIONS.where(_session.c.user == user)
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
    with reading(bind) as connection:
        return [Rep(**row) for row in connection.execute(_REPS, {"session": session}).mappings()]


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

    frozen: the limits by setup, the protocol and the rules, ready for JSON; the closing that wrote it reads it.
    strength: e1RM as the 90 days before and this session say it. friction_n: of the machine, where it is measured.
    judged_missing: the days that were missing when its workload was judged, ISO 8601.
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
    judged_missing: list[str] | None = None


def close(connection: Connection, closed: Closed, reps: Sequence[Rep], rules: WorkloadRules = DEFAULT_RULES) -> None:
    """Put what a closing found in place of what was there, within a writing transaction.

    rules: say which sets are hard.
    """
    # What was copied of it before is not what it is now, though no message has arrived since.
    values = asdict(closed) | figures(reps, kg_of(closed.strength), rules) | {"state": "closed", "copied_version": None}
    connection.execute(update(_session).where(_session.c.session == closed.session).values(**values))
    replace_reps(connection, closed.session, reps)


def replace_reps(connection: Connection, session: str, reps: Collection[Rep]) -> None:
    """Put reps in place of those of a session, within a writing transaction."""
    connection.execute(delete(_rep).where(_rep.c.session == session))
    if reps:
        connection.execute(insert(_rep), [_row(rep) for rep in reps])


def figures(
    reps: Sequence[Rep], e1rm_kg: float | None = None, rules: WorkloadRules = DEFAULT_RULES
) -> dict[str, float | int]:
    """The columns of a session that its reps add up to. e1rm_kg: None where it is not known."""
    totals: SessionTotals = session_totals(reps)
    return {
        "work_j": totals.work_j,
        "tonnage_kg": totals.tonnage_kg,
        "top_load_kg": totals.top_load_kg,
        "reps": totals.reps,
        "hard_sets": hard_sets(reps, e1rm_kg, rules),
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


def member_sessions(
    bind: Bind, user: str, until_us: int, being_closed: Mapping[str, Any] | None = None, from_us: int | None = None
) -> Sessions:
    """A member's closed sessions with a rep that started up to a time, imported ones too, of all gyms and machines.

    being_closed: a session by SESSION_COLUMNS, in place of what an earlier closing made of it. from_us: only those that
    started then or later, and the last day of training before: it says how long the break was, where there was one.
    """
    span = {"user": user, "until_us": until_us}
    with reading(bind) as connection:
        if from_us is None:
            found = connection.execute(_ALL_HISTORY, span)
        else:
            found = connection.execute(_RECENT_HISTORY, span | {"from_us": from_us})
        rows = [tuple(row) for row in found]
    if being_closed is not None:
        own = tuple(being_closed[name] for name in SESSION_COLUMNS)
        rows = [*(row for row in rows if row[0] != own[0]), own]
    return Sessions.of_rows(rows)


def time_zone_of(bind: Bind, gym: str) -> str:
    """A gym's time zone (IANA name); UTC where the gym was never seen."""
    with reading(bind) as connection:
        found = connection.execute(select(schema.gym.c.time_zone).where(schema.gym.c.gym == gym)).scalar_one_or_none()
    return found or "UTC"


def _row(rep: Rep) -> dict[str, Any]:
    # dataclasses.asdict copies every value deeply, which takes longer than storing it.
    return {name: getattr(rep, name) for name in _REP_FIELDS}


def _with_findings(
    connection: Connection, query: Select[Any], where: Mapping[str, Any] | None = None
) -> list[StoredSession]:
    rows = connection.execute(query, where).mappings().all()
    found = findings_of(connection, [row["session"] for row in rows])
    return [_stored(row, found[row["session"]]) for row in rows]


def _stored(row: RowMapping, findings: list[StoredFinding]) -> StoredSession:
    return cast(StoredSession, {**row, "findings": findings})
