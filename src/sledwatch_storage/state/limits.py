"""Depth limits that trainers set for a member on a machine, by seat notch and foot row, and every change of them."""

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update

from sledwatch.events import Setup
from sledwatch.limits import ANY, LimitBook, SetLimit
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.machines import online_of
from sledwatch_storage.state.members import seen
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import depth_limit, limit_change, member

How = Literal["figure", "rep", "calibration"]


@dataclass(frozen=True, slots=True)
class StoredLimit:
    """A limit as a trainer set it.

    limit_mm: sled travel from the rack. from_rep: {"session", "set", "rep"} where the trainer pointed at one.
    version: counts up with every change. how: given as a figure, taken from a rep, or confirmed in a calibration visit.
    setup: how the machine was set when it was found (events.Setup), None for a figure; session: in which. visit_reps:
    of a calibration visit, that session's reps up to the confirmation, None for others.
    """

    user: str
    gym: str
    machine: str
    notch: int
    foot_row: int
    limit_mm: float
    from_rep: dict[str, Any] | None
    set_by: str
    set_us: int
    version: int
    how: How
    setup: dict[str, Any] | None
    session: str | None
    visit_reps: int | None
    note: str | None


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A change of a limit, as it was made; of a deletion, what was taken away."""

    id: int
    user: str
    gym: str
    machine: str
    notch: int
    foot_row: int
    change: Literal["set", "deleted"]
    limit_mm: float
    how: How
    from_rep: dict[str, Any] | None
    setup: dict[str, Any] | None
    session: str | None
    note: str | None
    changed_by: str
    changed_us: int
    version: int


_KEPT: Final = ("limit_mm", "how", "from_rep", "setup", "session", "note", "version")
_KEY: Final = ("user", "gym", "machine", "notch", "foot_row")


def limits_of(bind: Bind, user: str, gym: str | None = None, machine: str | None = None) -> list[StoredLimit]:
    """A member's limits, of one machine or of all, ordered by gym, machine, notch and foot row."""
    query = select(depth_limit).where(depth_limit.c.user == user)
    if gym is not None:
        query = query.where(depth_limit.c.gym == gym)
    if machine is not None:
        query = query.where(depth_limit.c.machine == machine)
    ordered = query.order_by(depth_limit.c.gym, depth_limit.c.machine, depth_limit.c.notch, depth_limit.c.foot_row)
    with reading(bind) as connection:
        return [_stored(row) for row in connection.execute(ordered).mappings()]


def limit_book(bind: Bind, user: str) -> LimitBook:
    """A member's limits, their height, and what the machines are that the limits were set on."""
    with reading(bind) as connection:
        stored = limits_of(connection, user)
        height = select(member.c.height_mm).where(member.c.user == user)
        height_mm = connection.execute(height).scalar_one_or_none()
        places = sorted({(one.gym, one.machine) for one in stored})
        known = {place: online_of(connection, *place) for place in places}
    return LimitBook(
        set_limits=tuple(_as_set(one) for one in stored),
        height_mm=height_mm,
        machines={place: online for place, online in known.items() if online is not None},
    )


def put_limit(
    engine: Engine,
    user: str,
    gym: str,
    machine: str,
    *,
    limit_mm: float,
    notch: int = ANY,
    foot_row: int = ANY,
    from_rep: dict[str, Any] | None = None,
    how: How = "figure",
    setup: dict[str, Any] | None = None,
    session: str | None = None,
    note: str | None = None,
    set_by: str,
    now_us: int,
) -> StoredLimit:
    """Set a limit, in place of the one for the same notch and foot row; its machine need not be known yet."""
    with begin(engine) as connection:
        return write_limit(
            connection,
            {"user": user, "gym": gym, "machine": machine, "notch": notch, "foot_row": foot_row},
            {
                "limit_mm": limit_mm,
                "from_rep": from_rep,
                "how": how,
                "setup": setup,
                "session": session,
                "visit_reps": None,
                "note": note,
            },
            set_by,
            now_us,
        )


def write_limit(
    connection: Connection, key: dict[str, Any], values: dict[str, Any], set_by: str, now_us: int
) -> StoredLimit:
    """The same within a writing transaction. key: user, gym, machine, notch, foot_row; values: what is to be kept."""
    same = [depth_limit.c[name] == value for name, value in key.items()]
    seen(connection, key["user"], now_us)
    exists = connection.execute(select(depth_limit.c.version).where(*same)).scalar_one_or_none() is not None
    # Also of what was taken away meanwhile: no two limits of one setting have the same version.
    before = select(func.max(limit_change.c.version)).where(*(limit_change.c[name] == key[name] for name in _KEY))
    version = (connection.execute(before).scalar_one_or_none() or 0) + 1
    row = values | {"set_by": set_by, "set_us": now_us, "version": version}
    if exists:
        connection.execute(update(depth_limit).where(*same).values(**row))
    else:
        connection.execute(insert(depth_limit).values(**key, **row))
    stored = _stored(connection.execute(select(depth_limit).where(*same)).mappings().one())
    _note_change(connection, stored, "set", set_by, now_us)
    return stored


def delete_limits(
    engine: Engine,
    user: str,
    gym: str,
    machine: str,
    notch: int | None = None,
    foot_row: int | None = None,
    *,
    deleted_by: str,
    now_us: int,
) -> int:
    """Take a member's limits on a machine away, of one notch or foot row where these are given; returns how many."""
    chosen = [depth_limit.c.user == user, depth_limit.c.gym == gym, depth_limit.c.machine == machine]
    if notch is not None:
        chosen.append(depth_limit.c.notch == notch)
    if foot_row is not None:
        chosen.append(depth_limit.c.foot_row == foot_row)
    with begin(engine) as connection:
        gone = [_stored(row) for row in connection.execute(select(depth_limit).where(*chosen)).mappings()]
        for limit in gone:
            _note_change(connection, limit, "deleted", deleted_by, now_us)
        connection.execute(delete(depth_limit).where(*chosen))
    return len(gone)


def changes_of(
    bind: Bind, user: str, gym: str, machine: str, before_id: int | None = None, limit: int = 100
) -> list[LimitChange]:
    """The changes of a member's limits on a machine, newest first, at most `limit`; before_id: those older than one."""
    query = select(limit_change).where(
        limit_change.c.user == user, limit_change.c.gym == gym, limit_change.c.machine == machine
    )
    if before_id is not None:
        query = query.where(limit_change.c.id < before_id)
    with reading(bind) as connection:
        rows = connection.execute(query.order_by(limit_change.c.id.desc()).limit(limit)).mappings()
        return [LimitChange(**{field.name: row[field.name] for field in fields(LimitChange)}) for row in rows]


def _note_change(
    connection: Connection, limit: StoredLimit, change: Literal["set", "deleted"], changed_by: str, now_us: int
) -> None:
    kept = {name: getattr(limit, name) for name in (*_KEY, *_KEPT)}
    connection.execute(insert(limit_change).values(**kept, change=change, changed_by=changed_by, changed_us=now_us))


def _as_set(stored: StoredLimit) -> SetLimit:
    return SetLimit(
        gym=stored.gym,
        machine=stored.machine,
        notch=stored.notch,
        foot_row=stored.foot_row,
        limit_mm=stored.limit_mm,
        version=stored.version,
        setup=None if stored.setup is None else msgspec.convert(stored.setup, Setup),
        visit=None if stored.session is None or stored.visit_reps is None else (stored.session, stored.visit_reps),
    )


def _stored(row: RowMapping) -> StoredLimit:
    return StoredLimit(**{name: row[name] for name in StoredLimit.__slots__})
