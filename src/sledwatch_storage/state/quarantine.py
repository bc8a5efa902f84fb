"""Messages that were refused, kept for the person who has to find out why."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, delete, func, select

from sledwatch.events import MAX_PAYLOAD_BYTES, Reason, Refusal
from sledwatch_storage.state.schema import quarantine
from sledwatch_storage.state.upsert import insertion

LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Refused:
    """A message as it came, when, and why it was refused."""

    received_us: int
    topic: str
    payload: bytes
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class QuarantinedMessage:
    """count: how often it came, byte for byte the same; received_us: for the first time."""

    id: int
    refused: Refused
    count: int


def add(connection: Connection, refused: Sequence[Refused], limit: int = LIMIT) -> int:
    """Keep messages within a transaction, each once; beyond `limit` the oldest go. Returns how many of those went.

    Of a payload larger than the contract allows, its beginning is kept.
    """
    if not refused:
        return 0
    statement = insertion(connection, quarantine)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["digest"], set_={"count": quarantine.c.count + 1}),
        [_row(one) for one in refused],
    )
    excess: int = connection.execute(select(func.count()).select_from(quarantine)).scalar_one() - limit
    if excess <= 0:
        return 0
    oldest = select(quarantine.c.id).order_by(quarantine.c.id).limit(excess).scalar_subquery()
    connection.execute(delete(quarantine).where(quarantine.c.id.in_(oldest)))
    return excess


def listing(engine: Engine, cursor: int | None = None, limit: int = 100) -> list[QuarantinedMessage]:
    """Messages, the latest first; those older than the one with the id `cursor`. Raises StateUnavailable."""
    query = select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)
    if cursor is not None:
        query = query.where(quarantine.c.id < cursor)
    with engine.connect() as connection:
        return [_message(row) for row in connection.execute(query).mappings()]


def get(engine: Engine, id_: int) -> QuarantinedMessage | None:
    """One message, None where there is none, or none any longer. Raises StateUnavailable."""
    with engine.connect() as connection:
        row = connection.execute(select(quarantine).where(quarantine.c.id == id_)).mappings().one_or_none()
    return None if row is None else _message(row)


def _row(refused: Refused) -> dict[str, object]:
    refusal = refused.refusal
    return {
        "received_us": refused.received_us,
        "topic": _text(refused.topic),
        "payload": refused.payload[:MAX_PAYLOAD_BYTES],
        "reason": refusal.reason.value,
        "detail": _text(refusal.detail),
        "gym": refusal.gym,
        "machine": refusal.machine,
        "boot": refusal.boot,
        "seq": refusal.seq,
        "digest": hashlib.sha256(refused.topic.encode() + b"\0" + refused.payload).hexdigest(),
        "count": 1,
    }


def _text(of_a_stranger: str) -> str:
    """Without the one character that PostgreSQL takes in no text."""
    return of_a_stranger.replace("\0", "\ufffd")


def _message(row: RowMapping) -> QuarantinedMessage:
    refusal = Refusal(Reason(row["reason"]), row["detail"], row["gym"], row["machine"], row["boot"], row["seq"])
    return QuarantinedMessage(
        row["id"], Refused(row["received_us"], row["topic"], row["payload"], refusal), row["count"]
    )
