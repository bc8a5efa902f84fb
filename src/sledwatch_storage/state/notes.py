"""Notes in the state DB: what members said of how they feel. What is taken back stays, with who took it back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from sledwatch_storage.state.reading import Bind, beyond, cursor, reading
from sledwatch_storage.state.schema import member
from sledwatch_storage.state.schema import note as table

Kind = Literal["back-pain"]
BACK_PAIN: Final[Kind] = "back-pain"


@dataclass(frozen=True, slots=True)
class Note:
    """A note to be kept.

    at_us: when it was felt. session: in which, None where it was in none. gym: whose staff it is for, None where the
    member was never seen in one. matter: what it counts on, the id of a finding and of its alert.
    """

    user: str
    kind: Kind
    at_us: int
    session: str | None
    gym: str | None
    machine: str | None
    text: str | None
    matter: str
    noted_by: str
    noted_us: int


@dataclass(frozen=True, slots=True)
class StoredNote(Note):
    """A note as it is kept. taken_back_*: None while it stands."""

    id: int
    taken_back_by: str | None
    taken_back_us: int | None


def hold(connection: Connection, users: Collection[str]) -> None:
    """Keep others from noting anything of these members until this writing transaction ends.

    To be called before alerts are read: whoever takes both takes members first.
    """
    # SQLite has one writer anyway.
    if connection.dialect.name == "postgresql":
        of_users = select(member.c.user).where(member.c.user.in_(users)).order_by(member.c.user)
        connection.execute(of_users.with_for_update())


def append(connection: Connection, note: Note) -> StoredNote:
    """Keep a note, within a writing transaction."""
    values = {name: getattr(note, name) for name in Note.__slots__}
    added = insert(table).values(**values).returning(table)
    return _stored(connection.execute(added).mappings().one())


def add_words(connection: Connection, note: StoredNote, text: str) -> StoredNote:
    """Put words beneath those of a note, within a writing transaction."""
    words = text if note.text is None else f"{note.text}\n{text}"
    changed = update(table).where(table.c.id == note.id).values(text=words).returning(table)
    return _stored(connection.execute(changed).mappings().one())


def take_back(connection: Connection, note_id: int, by: str, now_us: int) -> None:
    """Let a note stand no longer, within a writing transaction."""
    said = update(table).where(table.c.id == note_id).values(taken_back_by=by, taken_back_us=now_us)
    connection.execute(said)


def get(bind: Bind, user: str, note_id: int) -> StoredNote | None:
    """A note of a member, None where there is none with this number."""
    found = _all(bind, select(table).where(table.c.user == user, table.c.id == note_id))
    return found[0] if found else None


def list_notes(bind: Bind, user: str, after: str | None = None, limit: int = 100) -> list[StoredNote]:
    """A member's notes, what was felt last first, those taken back too, at most `limit`.

    after: the `cursor_of` the last one of the page before. Raises BadCursor.
    """
    query = select(table).where(table.c.user == user).order_by(table.c.at_us.desc(), table.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(beyond(after, table.c.at_us, table.c.id))
    return _all(bind, query)


def cursor_of(note: StoredNote) -> str:
    """Where a list goes on after this note."""
    return cursor(note.at_us, str(note.id))


def of_session(bind: Bind, session: str) -> list[StoredNote]:
    """The notes on a session, those taken back too, by time."""
    return _all(bind, select(table).where(table.c.session == session).order_by(table.c.at_us, table.c.id))


def of_user(bind: Bind, user: str) -> list[StoredNote]:
    """All notes of a member, those taken back too, by time."""
    return _all(bind, select(table).where(table.c.user == user).order_by(table.c.at_us, table.c.id))


def felt_between(bind: Bind, users: Collection[str], from_us: int, to_us: int) -> list[StoredNote]:
    """The notes of these members of what was felt from one time to another, those taken back too, by time."""
    felt = table.c.user.in_(users) & table.c.at_us.between(from_us, to_us)
    return _all(bind, select(table).where(felt).order_by(table.c.at_us, table.c.id))


def standing(notes: Sequence[StoredNote]) -> list[StoredNote]:
    """Those that nobody took back."""
    return [note for note in notes if note.taken_back_us is None]


def _all(bind: Bind, query: Select[tuple[object, ...]]) -> list[StoredNote]:
    with reading(bind) as connection:
        return [_stored(row) for row in connection.execute(query).mappings()]


def _stored(row: RowMapping) -> StoredNote:
    return StoredNote(**row)
