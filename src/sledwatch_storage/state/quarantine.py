"""Messages that were refused, kept for the person who has to find out why, and to be tried again after a fix.

Ingest keeps them and tries them; whoever wants one tried marks it so (`ask`). What is kept is bounded, and what has
gone through is tallied by gym and reason in the same transactions, so that no bound is checked by counting rows.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, delete, func, select, update

from sledwatch.events import MAX_PAYLOAD_BYTES, Reason, Refusal
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import quarantine, quarantine_tally
from sledwatch_storage.state.upsert import insertion

MessageState = Literal["held", "asked", "replayed"]

# A topic of the contract has at most 150 characters, and a detail is read by a person; a stranger's may be any length.
_TOPIC_CHARACTERS: Final = 1_024
_DETAIL_CHARACTERS: Final = 1_000
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Room:
    """What quarantine may hold: messages, bytes of their payloads, and for how long."""

    messages: int
    payload_bytes: int
    age_us: int


# Ten thousand are nearly three hours of one machine that is refused every second: time to see the alarm and act. 64 MiB
# are a thousand messages of the largest size, and still a small part of the state DB's disk. What nobody has looked at
# within 90 days is about samples whose retention ends then too.
ROOM: Final = Room(10_000, 64 * 1024 * 1024, 90 * 86_400 * 1_000_000)


class UnknownMessage(LookupError):
    """No such message is in quarantine, or none any longer."""


class NotReplayable(Exception):
    """Trying this message again makes no sense; the message says why."""


class PayloadCut(NotReplayable):
    """Only the beginning of the payload is kept."""


class AlreadyReplayed(NotReplayable):
    """It is stored."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A message as it came, when, and why it was refused."""

    received_us: int
    topic: str
    payload: bytes
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class QuarantinedMessage:
    """A row of quarantine.

    refused: with the time at which it came first, and the reason of its last trial. count: how often it came, byte for
    byte the same. size: bytes of the payload as it came. tries: how often it was tried again. asked_us: when somebody
    asked for a trial that is still to come. replayed_us: when a trial took it.
    """

    id: int
    refused: Refused
    count: int
    size: int
    tries: int
    asked_us: int | None
    replayed_us: int | None

    @property
    def state(self) -> MessageState:
        """held: waits for a person; asked: waits for its trial; replayed: stored after all."""
        if self.replayed_us is not None:
            return "replayed"
        return "held" if self.asked_us is None else "asked"

    @property
    def is_cut(self) -> bool:
        """Whether only the beginning of its payload is kept."""
        return self.size > len(self.refused.payload)


@dataclass(frozen=True, slots=True)
class Tally:
    """A row of `quarantine_tally`, which says what the figures are. gym: None where none could be read."""

    gym: str | None
    reason: str
    refused: int
    held: int
    held_bytes: int
    replayed: int
    expired: int
    dropped: int
    dropped_us: int | None


@dataclass(slots=True)
class _Changes:
    """What a transaction adds to the tally."""

    now_us: int | None = None
    of: dict[tuple[str, str], dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def add(self, gym: str | None, reason: str, **figures: int) -> None:
        row = self.of[gym or "", reason]
        for name, figure in figures.items():
            row[name] += figure

    def sum(self, name: str) -> int:
        return sum(row[name] for row in self.of.values())

    def write(self, connection: Connection) -> None:
        if not self.of:
            return
        names = ("refused", "held", "held_bytes", "replayed", "expired", "dropped")
        rows = [
            {
                "gym": gym,
                "reason": reason,
                **{name: row[name] for name in names},
                "dropped_us": self.now_us if row["dropped"] else None,
            }
            # In one order for all: two who lock these rows in different orders would wait for each other.
            for (gym, reason), row in sorted(self.of.items())
        ]
        statement = insertion(connection, quarantine_tally)
        table, new = quarantine_tally.c, statement.excluded
        values: dict[str, Any] = {name: table[name] + new[name] for name in names}
        values["dropped_us"] = func.coalesce(new.dropped_us, table.dropped_us)
        connection.execute(statement.on_conflict_do_update(index_elements=["gym", "reason"], set_=values), rows)


def add(connection: Connection, refused: Sequence[Refused], now_us: int, room: Room = ROOM) -> int:
    """Keep messages within a transaction, each once; where there is no room the oldest go. How many of those went.

    Those that are replayed go before all others and are not counted, for they are stored; those that somebody has asked
    to be tried again stay until they were. Of a payload larger than the contract allows, its beginning is kept.
    """
    changes = _Changes(now_us)
    rows: dict[str, dict[str, Any]] = {}
    for one in refused:
        changes.add(one.refusal.gym, one.refusal.reason.value, refused=1)
        row = _row(one)
        if row["digest"] in rows:
            rows[row["digest"]]["count"] += 1
        else:
            rows[row["digest"]] = row
    statement = insertion(connection, quarantine)
    kept = statement.on_conflict_do_update(
        index_elements=["digest"], set_={"count": quarantine.c.count + statement.excluded.count}
    ).returning(quarantine.c.digest, quarantine.c.count)
    for digest, count in connection.execute(kept, list(rows.values())):
        row = rows[digest]
        if count == row["count"]:
            changes.add(row["gym"], row["reason"], held=1, held_bytes=len(row["payload"]))
    dropped = _make_room(connection, changes, room)
    changes.write(connection)
    return dropped


def expire(engine: Engine, now_us: int, room: Room = ROOM) -> int:
    """Delete what is older than the room allows; how much that was. Raises StateUnavailable.

    Cheap where there is nothing to do: it looks at the oldest only, as ids follow time.
    """
    oldest = _droppable(quarantine.c.replay_asked_us.is_(None)).add_columns(quarantine.c.received_us)
    expired = 0
    while True:
        with engine.connect() as connection:
            found = connection.execute(oldest.limit(_AT_ONCE)).all()
        old = [row.id for row in found if row.received_us < now_us - room.age_us]
        if not old:
            return expired
        with begin(engine) as connection:
            changes = _Changes(now_us)
            for row in _delete(connection, changes, old):
                changes.add(row.gym, row.reason, expired=row.replayed_us is None)
                expired += 1
            changes.write(connection)


def ask(engine: Engine, id_: int, now_us: int) -> QuarantinedMessage:
    """Have a message tried again by ingest; asking twice is fine.

    Raises UnknownMessage, PayloadCut, AlreadyReplayed and StateUnavailable.
    """
    with begin(engine) as connection:
        connection.execute(_asking(quarantine.c.id == id_, now_us=now_us))
        found = get(connection, id_)
    if found is None:
        raise UnknownMessage(id_)
    if found.replayed_us is not None:
        raise AlreadyReplayed(f"message {id_} is replayed already: it is stored")
    if found.is_cut:
        raise PayloadCut(
            f"message {id_} had {found.size} bytes, of which the first {len(found.refused.payload)} are kept: "
            "it cannot be tried again"
        )
    return found


def ask_all(
    engine: Engine,
    now_us: int,
    *,
    ids: Collection[int] | None = None,
    reason: str | None = None,
    gym: str | None = None,
) -> int:
    """Have all these messages tried again, but those that cannot be; how many those are. Raises StateUnavailable."""
    wanted = _like(reason, gym)
    if ids is not None:
        wanted.append(quarantine.c.id.in_(ids))
    with begin(engine) as connection:
        connection.execute(_asking(*wanted, now_us=now_us))
        waiting = select(func.count()).where(quarantine.c.replay_asked_us.is_not(None), *wanted)
        asked: int = connection.execute(waiting.select_from(quarantine)).scalar_one()
    return asked


def asked(bind: Bind, limit: int) -> list[QuarantinedMessage]:
    """The messages that wait for their trial, those asked for first, and of these the oldest, first."""
    # In the order of an index: ingest asks every second, and in order of id all payloads would be gone through.
    waiting = select(quarantine).where(quarantine.c.replay_asked_us.is_not(None))
    query = waiting.order_by(quarantine.c.replay_asked_us, quarantine.c.id).limit(limit)
    with reading(bind) as connection:
        return [_message(row) for row in connection.execute(query).mappings()]


def mark_replayed(connection: Connection, ids: Collection[int], now_us: int) -> set[int]:
    """Within a transaction: a trial took these. Which of them were still to be tried."""
    if not ids:
        return set()
    changes = _Changes()
    statement = (
        update(quarantine)
        .where(quarantine.c.id.in_(ids), quarantine.c.replay_asked_us.is_not(None))
        .values(replayed_us=now_us, replay_asked_us=None, tries=quarantine.c.tries + 1)
        .returning(quarantine.c.id, quarantine.c.gym, quarantine.c.reason)
    )
    marked = set()
    for row in connection.execute(statement):
        marked.add(row.id)
        changes.add(row.gym, row.reason, replayed=1)
    changes.write(connection)
    return marked


def mark_refused(connection: Connection, refusals: Mapping[int, Refusal]) -> set[int]:
    """Within a transaction: a trial refused these again, why it now says. Which of them were still to be tried."""
    changes = _Changes()
    marked = set()
    columns = (quarantine.c.gym, quarantine.c.reason, quarantine.c.size)
    for id_, refusal in sorted(refusals.items()):
        waiting = (quarantine.c.id == id_, quarantine.c.replay_asked_us.is_not(None))
        before = connection.execute(select(*columns).where(*waiting)).one_or_none()
        values = {"replay_asked_us": None, "tries": quarantine.c.tries + 1, **_why(refusal)}
        if before is None or not connection.execute(update(quarantine).where(*waiting).values(**values)).rowcount:
            continue
        marked.add(id_)
        kept_bytes = _kept_bytes(before.size)
        changes.add(before.gym, before.reason, held=-1, held_bytes=-kept_bytes)
        changes.add(refusal.gym, refusal.reason.value, held=1, held_bytes=kept_bytes)
    changes.write(connection)
    return marked


def listing(
    bind: Bind,
    cursor: int | None = None,
    limit: int = 100,
    *,
    state: MessageState | None = None,
    reason: str | None = None,
    gym: str | None = None,
) -> list[QuarantinedMessage]:
    """Messages, the latest first; those older than the one with the id `cursor`. state: None for held and asked.

    Raises StateUnavailable.
    """
    wanted = _like(reason, gym)
    if state == "replayed":
        wanted.append(quarantine.c.replayed_us.is_not(None))
    else:
        wanted.append(quarantine.c.replayed_us.is_(None))
    if state == "held":
        wanted.append(quarantine.c.replay_asked_us.is_(None))
    elif state == "asked":
        wanted.append(quarantine.c.replay_asked_us.is_not(None))
    if cursor is not None:
        wanted.append(quarantine.c.id < cursor)
    query = select(quarantine).where(*wanted).order_by(quarantine.c.id.desc()).limit(limit)
    with reading(bind) as connection:
        return [_message(row) for row in connection.execute(query).mappings()]


def get(bind: Bind, id_: int) -> QuarantinedMessage | None:
    """One message, None where there is none, or none any longer. Raises StateUnavailable."""
    with reading(bind) as connection:
        row = connection.execute(select(quarantine).where(quarantine.c.id == id_)).mappings().one_or_none()
    return None if row is None else _message(row)


def tallies(bind: Bind) -> list[Tally]:
    """What quarantine holds and what has gone through it, by gym and reason. Raises StateUnavailable."""
    query = select(quarantine_tally).order_by(quarantine_tally.c.gym, quarantine_tally.c.reason)
    with reading(bind) as connection:
        return [Tally(**{**row, "gym": row["gym"] or None}) for row in connection.execute(query).mappings()]


def _make_room(connection: Connection, changes: _Changes, room: Room) -> int:
    sums = select(func.coalesce(func.sum(quarantine_tally.c.held), 0), func.sum(quarantine_tally.c.held_bytes))
    held, held_bytes = connection.execute(sums).one()
    dropped = 0
    for replayed in (True, False):
        while True:
            # The deltas of this transaction are not in the table yet.
            too_many = held + changes.sum("held") - room.messages
            too_large = (held_bytes or 0) + changes.sum("held_bytes") - room.payload_bytes
            going = _oldest(connection, too_many, too_large, replayed=replayed)
            gone = _delete(connection, changes, going) if going else []
            if not gone:
                break
            if not replayed:
                dropped += len(gone)
                for row in gone:
                    changes.add(row.gym, row.reason, dropped=1)
    return dropped


def _oldest(connection: Connection, too_many: int, too_large: int, *, replayed: bool) -> list[int]:
    """The oldest messages that make up for an excess in number or in bytes, some of them at a time."""
    if too_many <= 0 and too_large <= 0:
        return []
    if replayed:
        wanted = _droppable(quarantine.c.replayed_us.is_not(None))
    else:
        wanted = _droppable(quarantine.c.replayed_us.is_(None), quarantine.c.replay_asked_us.is_(None))
    going = []
    for row in connection.execute(wanted.limit(_AT_ONCE)):
        if too_many <= 0 and too_large <= 0:
            break
        going.append(row.id)
        too_many, too_large = too_many - 1, too_large - _kept_bytes(row.size)
    return going


def _droppable(*wanted: ColumnElement[bool]) -> Any:
    return select(quarantine.c.id, quarantine.c.size).where(*wanted).order_by(quarantine.c.id)


def _delete(connection: Connection, changes: _Changes, ids: Iterable[int]) -> Sequence[Any]:
    """Delete messages and take them off the tally; which were there to be deleted."""
    columns = (quarantine.c.gym, quarantine.c.reason, quarantine.c.size, quarantine.c.replayed_us)
    gone = connection.execute(delete(quarantine).where(quarantine.c.id.in_(ids)).returning(*columns)).all()
    for row in gone:
        changes.add(row.gym, row.reason, held=-1, held_bytes=-_kept_bytes(row.size))
    return gone


def _asking(*wanted: ColumnElement[bool], now_us: int) -> Any:
    # What waits keeps its place; what is cut or stored is not tried.
    replayable = (
        quarantine.c.replayed_us.is_(None),
        quarantine.c.replay_asked_us.is_(None),
        quarantine.c.size <= MAX_PAYLOAD_BYTES,
    )
    return update(quarantine).where(*wanted, *replayable).values(replay_asked_us=now_us)


def _like(reason: str | None, gym: str | None) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if reason is not None:
        wanted.append(quarantine.c.reason == reason)
    if gym is not None:
        wanted.append(quarantine.c.gym == gym)
    return wanted


def _row(refused: Refused) -> dict[str, Any]:
    return {
        "received_us": refused.received_us,
        "topic": _text(refused.topic, _TOPIC_CHARACTERS),
        "payload": refused.payload[:MAX_PAYLOAD_BYTES],
        "digest": hashlib.sha256(refused.topic.encode() + b"\0" + refused.payload).hexdigest(),
        "count": 1,
        "size": len(refused.payload),
        "tries": 0,
        **_why(refused.refusal),
    }


def _why(refusal: Refusal) -> dict[str, Any]:
    return {
        "reason": refusal.reason.value,
        "detail": _text(refusal.detail, _DETAIL_CHARACTERS),
        "gym": refusal.gym,
        "machine": refusal.machine,
        "boot": refusal.boot,
        "seq": refusal.seq,
    }


def _text(of_a_stranger: str, characters: int) -> str:
    """Without the one character that PostgreSQL takes in no text, and not longer than this."""
    text = of_a_stranger.replace("\0", "\ufffd")
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _kept_bytes(size: int) -> int:
    return min(size, MAX_PAYLOAD_BYTES)


def _message(row: RowMapping) -> QuarantinedMessage:
    refusal = Refusal(Reason(row["reason"]), row["detail"], row["gym"], row["machine"], row["boot"], row["seq"])
    return QuarantinedMessage(
        row["id"],
        Refused(row["received_us"], row["topic"], row["payload"], refusal),
        row["count"],
        row["size"],
        row["tries"],
        row["replay_asked_us"],
        row["replayed_us"],
    )
