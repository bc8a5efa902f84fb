"""What is to be told to the world: written in the transaction that made it true, taken from here by a sender."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import outbox


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing to tell over one channel. key: the same matter has the same key, for receivers that must tell once."""

    id: int
    key: str
    alert: str
    channel: str
    payload: dict[str, Any]
    attempts: int


def put(connection: Connection, *, key: str, alert: str, channel: str, payload: dict[str, Any], now_us: int) -> None:
    """Write a letter within a writing transaction; one with its key that is not sent yet says the newer thing."""
    same = (outbox.c.key == key, outbox.c.channel == channel)
    found = connection.execute(select(outbox.c.sent_us).where(*same)).one_or_none()
    if found is None:
        values = {"key": key, "alert": alert, "channel": channel, "payload": payload, "created_us": now_us}
        connection.execute(insert(outbox).values(**values, attempts=0))
    elif found.sent_us is None:
        connection.execute(update(outbox).where(*same).values(payload=payload))


def withdraw(connection: Connection, alert: str) -> None:
    """Take back, within a writing transaction, what was not sent yet of an alert."""
    connection.execute(delete(outbox).where(outbox.c.alert == alert, outbox.c.sent_us.is_(None)))


def waiting(bind: Bind, channel: str, limit: int = 100) -> list[Letter]:
    """The letters of a channel that are not sent yet, oldest first."""
    columns = (outbox.c[name] for name in Letter.__slots__)
    query = select(*columns).where(outbox.c.channel == channel, outbox.c.sent_us.is_(None)).order_by(outbox.c.id)
    with reading(bind) as connection:
        return [Letter(**row) for row in connection.execute(query.limit(limit)).mappings()]


def tried(engine: Engine, letter: Letter, *, sent_us: int | None) -> None:
    """Count an attempt, and note when it was sent if it was."""
    values: dict[str, Any] = {"attempts": outbox.c.attempts + 1}
    if sent_us is not None:
        values["sent_us"] = sent_us
    with begin(engine) as connection:
        connection.execute(update(outbox).where(outbox.c.id == letter.id).values(**values))
