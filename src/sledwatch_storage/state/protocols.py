"""Clinicians' protocols: the one that a member has, and all that went before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, func, insert, select, update

from sledwatch.protocol import Protocol, Window
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.members import seen
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import protocol


@dataclass(frozen=True, slots=True)
class StoredProtocol:
    """A protocol as it was set. ended_us: when another took its place or it was taken away; None while it stands.

    One that has expired stands, and is not applied.
    """

    user: str
    version: int
    windows: tuple[Window, ...]
    load_cap_kg: float | None
    expires_us: int
    clinician: str | None
    note: str | None
    set_by: str
    set_us: int
    ended_by: str | None
    ended_us: int | None

    @property
    def rules(self) -> Protocol:
        """What reps are judged by."""
        return Protocol(self.windows, self.load_cap_kg, self.expires_us, self.version)


def get_protocol(bind: Bind, user: str) -> StoredProtocol | None:
    """A member's protocol, expired or not; None where there is none."""
    query = select(protocol).where(protocol.c.user == user, protocol.c.ended_us.is_(None))
    with reading(bind) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _stored(row)


def put_protocol(
    engine: Engine,
    user: str,
    *,
    windows: Sequence[Window],
    load_cap_kg: float | None,
    expires_us: int,
    clinician: str | None,
    note: str | None,
    set_by: str,
    now_us: int,
) -> StoredProtocol:
    """Give a member a protocol, in place of the one they have."""
    with begin(engine) as connection:
        seen(connection, user, now_us)
        _end(connection, user, set_by, now_us)
        newest = select(func.max(protocol.c.version)).where(protocol.c.user == user)
        version = (connection.execute(newest).scalar_one_or_none() or 0) + 1
        values: dict[str, Any] = {
            "windows": [msgspec.to_builtins(window) for window in windows],
            "load_cap_kg": load_cap_kg,
            "expires_us": expires_us,
            "clinician": clinician,
            "note": note,
            "set_by": set_by,
            "set_us": now_us,
        }
        connection.execute(insert(protocol).values(user=user, version=version, **values))
        same = (protocol.c.user == user, protocol.c.version == version)
        return _stored(connection.execute(select(protocol).where(*same)).mappings().one())


def delete_protocol(engine: Engine, user: str, *, deleted_by: str, now_us: int) -> bool:
    """Take a member's protocol away; returns whether there was one."""
    with begin(engine) as connection:
        return _end(connection, user, deleted_by, now_us)


def protocols_of(bind: Bind, user: str, before: int | None = None, limit: int = 100) -> list[StoredProtocol]:
    """All protocols that a member ever had, newest first, at most `limit`; before: those of lower versions."""
    query = select(protocol).where(protocol.c.user == user)
    if before is not None:
        query = query.where(protocol.c.version < before)
    with reading(bind) as connection:
        rows = connection.execute(query.order_by(protocol.c.version.desc()).limit(limit)).mappings()
        return [_stored(row) for row in rows]


def _end(connection: Connection, user: str, ended_by: str, now_us: int) -> bool:
    standing = (protocol.c.user == user, protocol.c.ended_us.is_(None))
    there = connection.execute(select(protocol.c.version).where(*standing)).scalar_one_or_none() is not None
    if there:
        connection.execute(update(protocol).where(*standing).values(ended_by=ended_by, ended_us=now_us))
    return there


def _stored(row: RowMapping) -> StoredProtocol:
    values = {name: row[name] for name in StoredProtocol.__slots__ if name != "windows"}
    return StoredProtocol(**values, windows=tuple(msgspec.convert(window, Window) for window in row["windows"]))
