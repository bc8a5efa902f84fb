"""The ledger: what is durable or settled of every machine, and the answer a machine gets about it.

Ingest records each batch once its frames are in the series store, and acknowledges it afterwards.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, CursorResult, Engine, Select, Subquery, Table, bindparam, func, select, text

from sledwatch.events import Event, Online, Stored, StoredBoot
from sledwatch_storage.state import machine_events, quarantine, ranges, schema
from sledwatch_storage.state.accounts import Books, BootRow, MachineRow, SessionRow, held_from
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.quarantine import Refused
from sledwatch_storage.state.ranges import Range
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.upsert import put, put_missing

__all__ = ["Arrived", "Recorded", "Refused", "Trial", "record", "record_replay", "settled", "watermark", "watermarks"]

# What one `stored` message may hold. A machine lists the earlier boots it still holds, so those come first.
MAX_BOOTS: Final = 8
MAX_MISSING: Final = 64
# In how many boots, the latest, the watermark looks for what is missing.
_MOST_WITH_HOLES: Final = 32

K = TypeVar("K")
R = TypeVar("R", MachineRow, BootRow, SessionRow)


class _Rows(Generic[R]):
    """The rows of a table, as objects of the class whose fields are its columns: hundreds of them in a transaction."""

    def __init__(self, table: Table, of: type[R]) -> None:
        self._table = table
        self._of: Callable[..., R] = of
        self._names = tuple(field.name for field in fields(of))
        self._values = attrgetter(*self._names)
        self.all: Final[Select[Any]] = select(*(table.c[name] for name in self._names))

    def within(self, ranked: Subquery, most: int) -> Select[Any]:
        """Of rows that are numbered by `place`, the first so many, in their order."""
        columns = (ranked.c[name] for name in self._names)
        return select(*columns).where(ranked.c.place <= most).order_by(ranked.c.place)

    def read(self, found: CursorResult[Any]) -> list[R]:
        """What a query that begins with `all` has found."""
        of = self._of
        return [of(*row) for row in found]

    def notes(self, rows: Mapping[K, R]) -> dict[K, tuple[Any, ...]]:
        """What is in rows now. Their lists are never altered, only replaced, so that this stays as it is."""
        values = self._values
        return {key: values(row) for key, row in rows.items()}

    def changed(self, rows: Mapping[K, R], before: Mapping[K, tuple[Any, ...]]) -> list[R]:
        """The rows that are new, or not as they were noted."""
        values = self._values
        return [row for key, row in rows.items() if values(row) != before.get(key)]

    def write(self, connection: Connection, rows: Iterable[R]) -> None:
        """Put rows into the table, in the place of those with the same key."""
        put(connection, self._table, [dict(zip(self._names, self._values(row), strict=True)) for row in rows])


# Ingest asks these many times a second; building a statement costs more than executing it.
_machine, _ledger, _log = schema.machine, schema.ledger, schema.session_log
_machine_rows = _Rows(_machine, MachineRow)
_boot_rows = _Rows(_ledger, BootRow)
_session_rows = _Rows(_log, SessionRow)
_OF_MACHINE: Final = _boot_rows.all.where(_ledger.c.gym == bindparam("gym"), _ledger.c.machine == bindparam("machine"))
_NAMED: Final = _OF_MACHINE.where(_ledger.c.boot.in_(bindparam("boots", expanding=True)))
# Conditions that these machines meet, and few others: SQLite uses no index for a list of pairs.
_THE_MACHINES: Final = _machine_rows.all.where(
    _machine.c.gym.in_(bindparam("gyms", expanding=True)), _machine.c.machine.in_(bindparam("machines", expanding=True))
)
_MACHINES: Final = _THE_MACHINES.order_by(_machine.c.gym, _machine.c.machine).with_for_update()
_ranked = _boot_rows.all.add_columns(
    func.row_number()
    .over(partition_by=(_ledger.c.gym, _ledger.c.machine), order_by=(_ledger.c.updated_us.desc(), _ledger.c.boot))
    .label("place")
).where(
    _ledger.c.gym.in_(bindparam("gyms", expanding=True)), _ledger.c.machine.in_(bindparam("machines", expanding=True))
)
_LATEST: Final = _boot_rows.within(_ranked.subquery(), 1)
# A machine has thousands of boots in its life and numbers missing of a few: those have an index of their own.
_WITH_HOLES: Final = _boot_rows.within(_ranked.where(text(schema.HAS_HOLES)).subquery(), _MOST_WITH_HOLES)
_BOOTS: Final = _boot_rows.all.where(_ledger.c.boot.in_(bindparam("boots", expanding=True)))
_SESSIONS: Final = _session_rows.all.where(_log.c.session.in_(bindparam("sessions", expanding=True)))
_STILL_OPEN: Final = _session_rows.all.where(
    _log.c.gym.in_(bindparam("gyms", expanding=True)),
    _log.c.machine.in_(bindparam("machines", expanding=True)),
    _log.c.end_us.is_(None),
)


class Arrived(Struct, frozen=True, gc=False):
    """A message that keeps the contract; a frame is in the series store already.

    retained: the broker had kept it, so that it may have come before.
    """

    event: Event
    received_us: int
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch came to.

    moved: the machines (gym, machine) whose watermark may have moved or who may have missed it.
    repeated: messages that were in the ledger already. quarantine_dropped: older messages that made room.
    conflicts: messages that name a session of another machine or boot; they are stored, but in no session.
    """

    moved: frozenset[tuple[str, str]]
    quarantine_dropped: int = 0
    repeated: int = 0
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """A message of quarantine that was tried again. id: its row there. outcome: what came of it.

    Its times are those of its first arrival.
    """

    id: int
    outcome: Arrived | Refused


def record(
    engine: Engine,
    arrived: Sequence[Arrived],
    refused: Sequence[Refused],
    now_us: int,
    *,
    time_zone: str = "UTC",
    room: quarantine.Room = quarantine.ROOM,
) -> Recorded:
    """Enter a batch, in order of arrival, in one transaction. Recording it again changes nothing but the accounts.

    time_zone: what a gym gets at first sight (IANA name). room: what quarantine may hold. Raises StateUnavailable, and
    then nothing is recorded.
    """
    readable = [(key, one) for one in refused if (key := _boot_of(one)) is not None]
    keys = _boots_of(arrived)
    keys |= {key for key, _ in readable}
    with begin(engine) as connection:
        machines = _machines(connection, {key[:2] for key in keys}, now_us, time_zone)
        books = _open(connection, machines, keys, arrived, now_us)
        before = _noted(books)
        for one in arrived:
            books.enter(one.event, one.received_us, retained=one.retained)
        for key, message in readable:
            books.refuse(*key, message.refusal.seq, message.received_us)
        _write(connection, books, before)
        dropped = quarantine.add(connection, refused, now_us, room) if refused else 0
    return Recorded(frozenset(books.moved), dropped, books.repeated, books.conflicts)


def record_replay(engine: Engine, trials: Sequence[Trial], now_us: int, *, time_zone: str = "UTC") -> Recorded:
    """Enter messages of quarantine that were tried again, and what came of them there, in one transaction.

    A frame among them is in the series store already. Killed before, this is done again, to the same end; what another
    replica has done meanwhile is not done twice. Raises StateUnavailable, and then nothing is recorded.
    """
    arrived = {trial.id: trial.outcome for trial in trials if isinstance(trial.outcome, Arrived)}
    refused = {trial.id: trial.outcome for trial in trials if isinstance(trial.outcome, Refused)}
    keys = _boots_of(list(arrived.values()))
    keys |= {key for one in refused.values() if (key := _boot_of(one)) is not None}
    with begin(engine) as connection:
        # Machines first, as everywhere: two who lock in different orders would wait for each other.
        machines = _machines(connection, {key[:2] for key in keys}, now_us, time_zone)
        taken = quarantine.mark_replayed(connection, list(arrived), now_us)
        again = quarantine.mark_refused(connection, {id_: one.refusal for id_, one in refused.items()})
        books = _open(connection, machines, keys, list(arrived.values()), now_us)
        before = _noted(books)
        for id_, one in arrived.items():
            if id_ in taken:
                books.enter(one.event, one.received_us, retained=one.retained, replayed=True)
        for id_, message in refused.items():
            key = _boot_of(message)
            if id_ in again and key is not None:
                books.refuse(*key, message.refusal.seq, message.received_us, replayed=True)
        _write(connection, books, before)
    return Recorded(frozenset(books.moved), 0, books.repeated, books.conflicts)


def watermark(engine: Engine, gym: str, machine: str) -> Stored:
    """How far one machine is stored; see `watermarks`."""
    return watermarks(engine, [(gym, machine)])[gym, machine]


def watermarks(engine: Engine, machines: Collection[tuple[str, str]]) -> dict[tuple[str, str], Stored]:
    """How far machines are stored: each its boot, then the earlier ones that it holds or of which something is missing.

    At most MAX_BOOTS boots, and MAX_MISSING ranges of each: beyond these the watermark is lower, which is true as well.
    Raises StateUnavailable.
    """
    wanted = set(machines)
    named: dict[tuple[str, str], list[str]] = {}
    accounts: dict[tuple[str, str], dict[str, BootRow]] = {key: {} for key in wanted}
    with engine.connect() as connection:
        for known in _machine_rows.read(connection.execute(_THE_MACHINES, _among(wanted))):
            named[known.gym, known.machine] = [*([known.boot] if known.boot else []), *known.held()][:MAX_BOOTS]
        for row in _boots(connection.execute(_WITH_HOLES, _among(wanted))):
            accounts.get((row.gym, row.machine), {})[row.boot] = row
        if nameless := {key for key in wanted if not named.get(key)}:
            for row in _boots(connection.execute(_LATEST, _among(nameless))):
                if (row.gym, row.machine) in nameless:
                    named[row.gym, row.machine] = [row.boot]
                    accounts[row.gym, row.machine][row.boot] = row
        unseen = {boot for key in wanted for boot in named.get(key, []) if boot not in accounts[key]}
        if unseen:
            for row in _boots(connection.execute(_BOOTS, {"boots": sorted(unseen)})):
                accounts.get((row.gym, row.machine), {})[row.boot] = row
    return {key: _watermark(named.get(key, []), accounts[key]) for key in wanted}


def _watermark(named: Sequence[str], accounts: Mapping[str, BootRow]) -> Stored:
    """named: the boots that a machine speaks of, or its latest. accounts: of these and of those with holes."""
    others = [row.boot for row in accounts.values() if row.boot not in named and _holes(row)]
    boots = list(dict.fromkeys([*named, *others]))[:MAX_BOOTS]
    return Stored(tuple(_stored(boot, accounts.get(boot)) for boot in boots))


def settled(bind: Bind, gym: str, machine: str, boot: str) -> list[Range]:
    """The numbers of a boot that are stored, refused, or lost for good: nothing more will come of them."""
    with reading(bind) as connection:
        found = _boots(connection.execute(_NAMED, {"gym": gym, "machine": machine, "boots": [boot]}))
    return found[0].settled() if found else []


def _stored(boot: str, account: BootRow | None) -> StoredBoot:
    if account is None:
        return StoredBoot(boot, -1)
    top, holes = ranges.top(account.settled()), _holes(account)
    if len(holes) > MAX_MISSING:
        top, holes = holes[MAX_MISSING][0] - 1, holes[:MAX_MISSING]
    return StoredBoot(boot, top, tuple(holes))


def _holes(account: BootRow) -> list[Range]:
    done = account.settled()
    return ranges.missing(done, ranges.top(done))


def _boots_of(arrived: Sequence[Arrived]) -> set[tuple[str, str, str]]:
    """The boots that messages are about, those that a State says are held included."""
    keys = set()
    for one in arrived:
        event = one.event
        keys.add((event.gym, event.machine, event.payload.boot))
        if isinstance(event.payload, Online) and event.payload.held:
            keys |= {(event.gym, event.machine, boot) for boot in held_from(event.payload)}
    return keys


def _boot_of(refused: Refused) -> tuple[str, str, str] | None:
    """The boot that a refused message names, as far as it can be read."""
    refusal = refused.refusal
    if refusal.gym is None or refusal.machine is None or refusal.boot is None:
        return None
    return refusal.gym, refusal.machine, refusal.boot


def _machines(connection: Connection, machines: set[tuple[str, str]], now_us: int, time_zone: str) -> list[MachineRow]:
    """The rows of machines, made at first sight, their gyms too.

    Locking them, in one order for all, is enough between several processes: whoever writes to a boot or a session
    holds its machine.
    """
    found = _wanted(connection, machines)
    fresh = sorted(machines - {(row.gym, row.machine) for row in found})
    if not fresh:
        return found
    gyms = [{"gym": gym, "time_zone": time_zone, "created_us": now_us} for gym in sorted({gym for gym, _ in fresh})]
    put_missing(connection, schema.gym, gyms)
    put_missing(connection, schema.machine, [{"gym": gym, "machine": name, "seen_us": now_us} for gym, name in fresh])
    return _wanted(connection, machines)


def _wanted(connection: Connection, machines: set[tuple[str, str]]) -> list[MachineRow]:
    rows = _machine_rows.read(connection.execute(_MACHINES, _among(machines)))
    return [row for row in rows if (row.gym, row.machine) in machines]


def _among(machines: set[tuple[str, str]]) -> dict[str, list[str]]:
    return {"gyms": sorted({gym for gym, _ in machines}), "machines": sorted({name for _, name in machines})}


def _open(
    connection: Connection,
    machines: Sequence[MachineRow],
    keys: set[tuple[str, str, str]],
    arrived: Sequence[Arrived],
    now_us: int,
) -> Books:
    """The rows that the batch may touch."""
    restarted = {(one.event.gym, one.event.machine) for one in arrived if isinstance(one.event.payload, Online)}
    let_go = {boot for row in machines if (row.gym, row.machine) in restarted for boot in row.held()}
    accounts = _boots(connection.execute(_BOOTS, {"boots": sorted({boot for *_, boot in keys} | let_go)}))
    named = {session for one in arrived if (session := getattr(one.event.payload, "session", None)) is not None}
    logs = _session_rows.read(connection.execute(_SESSIONS, {"sessions": sorted(named)})) if named else []
    if restarted:
        logs += _session_rows.read(connection.execute(_STILL_OPEN, _among(restarted)))
    return Books(
        {(row.gym, row.machine): row for row in machines},
        {(row.gym, row.machine, row.boot): row for row in accounts},
        {row.session: row for row in logs},
        now_us,
    )


def _boots(found: CursorResult[Any]) -> list[BootRow]:
    rows = _boot_rows.read(found)
    for row in rows:
        row.ranges, row.refused_ranges = ranges.read(row.ranges), ranges.read(row.refused_ranges)
    return rows


# What was in the rows of machines, boots and sessions.
_Noted = tuple[Mapping[Any, tuple[Any, ...]], Mapping[Any, tuple[Any, ...]], Mapping[Any, tuple[Any, ...]]]


def _noted(books: Books) -> _Noted:
    return (
        _machine_rows.notes(books.machines),
        _boot_rows.notes(books.boots),
        _session_rows.notes(books.sessions),
    )


def _write(connection: Connection, books: Books, before: _Noted) -> None:
    machines_before, boots_before, sessions_before = before
    boots = _boot_rows.changed(books.boots, boots_before)
    for account in boots:
        account.updated_us = books.now_us
        account.count()
    sessions = {row.session: row for row in _session_rows.changed(books.sessions, sessions_before)}
    # A frame from the midst of a session leaves its row as it was, where the wall clock was set back before it came.
    sessions |= {session: books.sessions[session] for session in books.news}
    for row in sessions.values():
        row.version += 1
    _machine_rows.write(connection, _machine_rows.changed(books.machines, machines_before))
    _boot_rows.write(connection, boots)
    _session_rows.write(connection, sessions.values())
    machine_events.add(connection, books.happened)
