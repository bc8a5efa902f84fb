"""Calibrated depth limits: what a trainer set for a member on a machine, by seat notch and foot row."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, RowMapping, delete, insert, select, update

from sledwatch.limits import ANY, SetLimit
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.members import seen
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import depth_limit


@dataclass(frozen=True, slots=True)
class StoredLimit:
    """A limit as a trainer set it.

    limit_mm: sled travel from the rack. from_rep: {"session", "set", "rep"} where the trainer pointed at one.
    version: counts up with every change.
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


def set_limits(bind: Bind, user: str) -> list[SetLimit]:
    """A member's limits as `sledwatch.limits.resolve` takes them."""
    return [
        SetLimit(
            gym=stored.gym,
            machine=stored.machine,
            notch=stored.notch,
            foot_row=stored.foot_row,
            limit_mm=stored.limit_mm,
            version=stored.version,
        )
        for stored in limits_of(bind, user)
    ]


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
    set_by: str,
    now_us: int,
) -> StoredLimit:
    """Set a limit, in place of the one for the same notch and foot row; its machine need not be known yet."""
    key = {"user": user, "gym": gym, "machine": machine, "notch": notch, "foot_row": foot_row}
    same = [depth_limit.c[name] == value for name, value in key.items()]
    with begin(engine) as connection:
        seen(connection, user, now_us)
        version = connection.execute(select(depth_limit.c.version).where(*same)).scalar_one_or_none() or 0
        values = {
            "limit_mm": limit_mm,
            "from_rep": from_rep,
            "set_by": set_by,
            "set_us": now_us,
            "version": version + 1,
        }
        if version:
            connection.execute(update(depth_limit).where(*same).values(**values))
        else:
            connection.execute(insert(depth_limit).values(**key, **values))
        return _stored(connection.execute(select(depth_limit).where(*same)).mappings().one())


def delete_limits(
    engine: Engine, user: str, gym: str, machine: str, notch: int | None = None, foot_row: int | None = None
) -> int:
    """Take a member's limits on a machine away, of one notch or foot row where these are given; returns how many."""
    query = delete(depth_limit).where(
        depth_limit.c.user == user, depth_limit.c.gym == gym, depth_limit.c.machine == machine
    )
    if notch is not None:
        query = query.where(depth_limit.c.notch == notch)
    if foot_row is not None:
        query = query.where(depth_limit.c.foot_row == foot_row)
    with begin(engine) as connection:
        return int(connection.execute(query).rowcount)


def _stored(row: RowMapping) -> StoredLimit:
    return StoredLimit(**{name: row[name] for name in StoredLimit.__slots__})
