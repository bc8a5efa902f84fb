"""What is to be copied to the derived series, and what has been."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Final

from sqlalchemy import Engine, false, func, select, text, update

from sledwatch.events import Rep
from sledwatch_storage.series.derived import EventCopy, SessionCopy
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import NOT_COPIED, machine_event, rep, session

_SESSION_FIELDS: Final = tuple(one.name for one in fields(SessionCopy) if one.name != "reps")
_EVENT_FIELDS: Final = tuple(one.name for one in fields(EventCopy))
_REP_FIELDS: Final = tuple(one.name for one in fields(Rep))


def sessions_to_copy(bind: Bind, limit: int) -> list[tuple[SessionCopy, int]]:
    """Sessions that were closed or imported since they were last copied, oldest first, at most `limit`.

    Each with the version that `sessions_copied` is to be told.
    """
    version = func.coalesce(session.c.closed_version, 0).label("version")
    query = select(*(session.c[name] for name in _SESSION_FIELDS), version).where(text(NOT_COPIED))
    with reading(bind) as connection:
        found = connection.execute(query.order_by(session.c.start_us).limit(limit)).mappings().all()
        names = [row["session"] for row in found]
        of_reps = select(*(rep.c[name] for name in _REP_FIELDS)).where(rep.c.session.in_(names))
        reps: dict[str, list[Rep]] = defaultdict(list)
        for row in connection.execute(of_reps.order_by(rep.c.session, rep.c.rep)).mappings():
            reps[row["session"]].append(Rep(**row))
    return [
        (
            SessionCopy(**{name: row[name] for name in _SESSION_FIELDS}, reps=tuple(reps[row["session"]])),
            row["version"],
        )
        for row in found
    ]


def sessions_copied(engine: Engine, copied: Iterable[tuple[str, int]]) -> None:
    """Note which sessions were copied, and in which version: one that was closed again meanwhile stays to be copied."""
    with begin(engine) as connection:
        for name, version in copied:
            connection.execute(update(session).where(session.c.session == name).values(copied_version=version))


def events_to_copy(bind: Bind, limit: int) -> list[EventCopy]:
    """What befell machines and is not copied yet, oldest first, at most `limit`."""
    query = select(*(machine_event.c[name] for name in _EVENT_FIELDS)).where(machine_event.c.copied == false())
    with reading(bind) as connection:
        rows = connection.execute(query.order_by(machine_event.c.id).limit(limit)).mappings()
        return [EventCopy(**row) for row in rows]


def events_copied(engine: Engine, ids: Sequence[int]) -> None:
    """Note which of them were copied."""
    with begin(engine) as connection:
        connection.execute(update(machine_event).where(machine_event.c.id.in_(ids)).values(copied=True))
