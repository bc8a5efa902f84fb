"""Alerts in the state DB: one row a matter, whatever raised it and however often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, RowMapping, Select, case, insert, select, update

from sledwatch import alerts as life
from sledwatch.events import Alert, AlertState
from sledwatch.findings.pain import PAIN
from sledwatch_storage.state.engine import begin, is_writing
from sledwatch_storage.state.reading import Bind, beyond, cursor, reading
from sledwatch_storage.state.schema import alert as table
from sledwatch_storage.state.schema import alert_comment, member

Verb = Literal["acknowledge", "silence", "resolve"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AS_THEY_ARE: Final = tuple(name for name in Alert.__slots__ if name not in {"first_at", "last_at"})
_VERBS: Final = {"acknowledge": life.acknowledge, "silence": life.silence, "resolve": life.resolve}
# Added to the time by which alerts are ordered: more than any time, and both fit into 63 bits.
_PAIN_FIRST: Final = 2**61
_RANK: Final = table.c.last_us + case(((table.c.rule == PAIN) & (table.c.state == "open"), _PAIN_FIRST), else_=0)


class UnknownAlert(LookupError):
    """There is no alert with this id."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody wrote beside an alert."""

    author: str
    at_us: int
    text: str


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert and what is kept beside it.

    provisional: raised live, not yet confirmed by a closing. changed_by, changed_us: who changed its state last, when.
    """

    alert: Alert
    provisional: bool
    changed_by: str | None
    changed_us: int | None


def at(time_us: int) -> datetime:
    """The instant, in UTC, of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=time_us)


def micros(instant: datetime) -> int:
    """Microseconds since the epoch of an instant that knows its time zone."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def list_alerts(
    bind: Bind,
    state: AlertState | None = None,
    user: str | None = None,
    gym: str | None = None,
    rule: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[Alert]:
    """Alerts, open ones of pain above all others, then the last that happened first; at most `limit`.

    after: the `cursor_of` the last one of the page before. Raises BadCursor.
    """
    # Where none can be open, the index by state and time serves.
    rank = _RANK if state in (None, "open") else table.c.last_us
    query = select(table).order_by(rank.desc(), table.c.id.desc()).limit(limit)
    for column, value in ((table.c.state, state), (table.c.user, user), (table.c.gym, gym), (table.c.rule, rule)):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(beyond(after, rank, table.c.id))
    return [stored.alert for stored in _all(bind, query)]


def cursor_of(alert: Alert) -> str:
    """Where a list goes on after this alert."""
    first = _PAIN_FIRST if (alert.rule, alert.state) == (PAIN, "open") else 0
    return cursor(micros(alert.last_at) + first, alert.id)


def get(bind: Bind, alert_id: str) -> Alert | None:
    """One alert, None where there is none with this id."""
    found = get_stored(bind, alert_id)
    return None if found is None else found.alert


def get_stored(bind: Bind, alert_id: str) -> StoredAlert | None:
    """One alert with what is kept beside it."""
    found = _all(bind, select(table).where(table.c.id == alert_id))
    return found[0] if found else None


def several_stored(bind: Bind, alert_ids: Sequence[str]) -> dict[str, StoredAlert]:
    """Those of these alerts that there are, by id."""
    return {one.alert.id: one for one in _all(bind, select(table).where(table.c.id.in_(alert_ids)))}


def of_session(bind: Bind, session: str) -> list[StoredAlert]:
    """All alerts that a session has raised, by id."""
    return _all(bind, select(table).where(table.c.session == session).order_by(table.c.id))


def provisional_of(bind: Bind, user: str) -> list[Alert]:
    """What live has raised of a member and no closing has confirmed yet, by id; what is resolved left out."""
    query = select(table).where(table.c.user == user, table.c.provisional, table.c.state != "resolved")
    return [one.alert for one in _all(bind, query.order_by(table.c.id))]


def save(connection: Connection, alert: Alert, *, provisional: bool) -> None:
    """Store an alert in place of the one with its id, within a writing transaction; `mark` says who changed it."""
    values: dict[str, Any] = {name: getattr(alert, name) for name in _AS_THEY_ARE}
    values |= {"first_us": micros(alert.first_at), "last_us": micros(alert.last_at), "provisional": provisional}
    known = connection.execute(update(table).where(table.c.id == alert.id).values(**values)).rowcount
    if not known:
        connection.execute(insert(table).values(**values))


def mark(connection: Connection, alert_id: str, by: str | None, now_us: int | None) -> None:
    """Note who changed an alert's state last, within a writing transaction."""
    connection.execute(update(table).where(table.c.id == alert_id).values(changed_by=by, changed_us=now_us))


def change_state(engine: Engine, alert_id: str, verb: Verb, by: str, now_us: int) -> Alert:
    """Acknowledge, silence or resolve an alert.

    by: who does. Raises UnknownAlert, and sledwatch.alerts.IllegalTransition where its state does not allow it.
    """
    with begin(engine) as connection:
        found = get(connection, alert_id)
        if found is None:
            raise UnknownAlert(alert_id)
        changed = _VERBS[verb](found)
        noted = {"state": changed.state, "changed_by": by, "changed_us": now_us}
        connection.execute(update(table).where(table.c.id == alert_id).values(**noted))
        return changed


def comment(bind: Engine | Connection, alert_id: str, author: str, at_us: int, text: str) -> None:
    """Write a comment beside an alert. Raises UnknownAlert."""
    if isinstance(bind, Engine):
        with begin(bind) as connection:
            comment(connection, alert_id, author, at_us, text)
        return
    if get(bind, alert_id) is None:
        raise UnknownAlert(alert_id)
    bind.execute(insert(alert_comment).values(alert=alert_id, author=author, at_us=at_us, text=text))


def comments_of(bind: Bind, alert_ids: Sequence[str]) -> dict[str, list[Comment]]:
    """The comments beside each of these alerts, the first written first."""
    query = select(alert_comment).where(alert_comment.c.alert.in_(alert_ids)).order_by(alert_comment.c.id)
    found: dict[str, list[Comment]] = {alert_id: [] for alert_id in alert_ids}
    with reading(bind) as connection:
        for row in connection.execute(query):
            found[row.alert].append(Comment(row.author, row.at_us, row.text))
    return found


def as_told(bind: Bind, alert: Alert) -> dict[str, Any]:
    """An alert as the API and the stream tell it: with its member's name and its comments."""
    with reading(bind) as connection:
        name = connection.execute(select(member.c.name).where(member.c.user == alert.user)).scalar_one_or_none()
        comments = comments_of(connection, [alert.id])[alert.id]
    told = {field: getattr(alert, field) for field in Alert.__slots__}
    written = [{"author": one.author, "at": at(one.at_us), "text": one.text} for one in comments]
    return told | {"user_name": name, "comments": written}


def _all(bind: Bind, query: Select[Any]) -> list[StoredAlert]:
    with reading(bind) as connection:
        # Staff acknowledge while a closing writes: neither may overwrite what the other has not seen.
        asked = query.with_for_update() if is_writing(connection) else query
        return [_stored(row) for row in connection.execute(asked).mappings()]


def _stored(row: RowMapping) -> StoredAlert:
    same = {name: row[name] for name in _AS_THEY_ARE}
    alert = Alert(**same, first_at=at(row["first_us"]), last_at=at(row["last_us"]))
    return StoredAlert(alert, row["provisional"], row["changed_by"], row["changed_us"])
