"""The series store in one SQLite file: the default, and enough for a chain of gyms on one machine."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sledwatch.events import Frame
from sledwatch_storage.series.columns import pack, unpack
from sledwatch_storage.series.port import StoredFrame, StoreUnavailable
from sledwatch_storage.write_ahead import use_write_ahead_log

_BUSY_TIMEOUT_S: Final = 10.0
# `application_id` and `user_version` of the file: whose it is, and which layout.
_APPLICATION: Final = 0x51ED0001
_LAYOUT: Final = 1

# A boot is named once and numbered, so that a row and its index entry carry a small integer instead of three names.
# Without a rowid the table is its own index of (boot, seq); the other index holds (boot, t_us) and that key.
_TABLES: Final = """
CREATE TABLE boot (
    id INTEGER PRIMARY KEY,
    gym TEXT NOT NULL,
    machine TEXT NOT NULL,
    boot TEXT NOT NULL,
    UNIQUE (gym, machine, boot)
) STRICT;
CREATE TABLE frame (
    boot INTEGER NOT NULL REFERENCES boot (id),
    seq INTEGER NOT NULL,
    t_us INTEGER NOT NULL,
    dt_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    session TEXT,
    samples BLOB NOT NULL,
    PRIMARY KEY (boot, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX frame_by_time ON frame (boot, t_us);
CREATE TABLE heartbeat (only INTEGER PRIMARY KEY CHECK (only = 1), at_us INTEGER NOT NULL) STRICT;
"""
_INSERT: Final = """
INSERT INTO frame (boot, seq, t_us, dt_us, received_us, session, samples) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (boot, seq) DO NOTHING
"""
_SELECT: Final = """
SELECT seq, t_us, dt_us, received_us, session, samples FROM frame
WHERE boot = ? AND t_us >= ? AND t_us < ? ORDER BY t_us, seq
"""
_ERASE: Final = """
DELETE FROM frame
WHERE boot IN (SELECT id FROM boot WHERE gym = ? AND machine = ?) AND t_us >= ? AND t_us < ?
"""
_BOOT: Final = "SELECT id FROM boot WHERE gym = ? AND machine = ? AND boot = ?"
# Beyond these SQLite's integers end; as bounds of a range they stand for everything.
_INT64: Final = (-(2**63), 2**63 - 1)

_Boot = tuple[str, str, str]


class SqliteSeries:
    """One row a frame. A commit is on the disk when `append` returns (WAL, `synchronous=FULL`).

    path: the file, made where it is absent; its directory must be there.
    Raises StoreUnavailable where it cannot be opened, or is something else.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.Lock()
        self._closed = False
        self._idle: list[sqlite3.Connection] = []
        # A boot keeps its number for ever, so what one transaction has seen all later ones may use.
        self._boots: dict[_Boot, int] = {}
        try:
            with self._connection() as connection, _transaction(connection):
                self._prepare(connection)
        except StoreUnavailable:
            self.close()
            raise

    @property
    def writers(self) -> int:
        """See SeriesStore.writers: a file has one."""
        return 1

    def append(self, frames: Sequence[StoredFrame]) -> None:
        """See SeriesStore.append."""
        samples = [pack(stored.frame) for stored in frames]
        fresh: dict[_Boot, int] = {}
        with self._connection() as connection, _transaction(connection):
            rows = []
            for stored, blob in zip(frames, samples, strict=True):
                frame = stored.frame
                name = (stored.gym, stored.machine, frame.boot)
                boot = self._boots.get(name) or fresh.get(name)
                if boot is None:
                    boot = fresh[name] = _number(connection, name)
                rows.append((boot, frame.seq, frame.t_us, frame.dt_us, stored.received_us, frame.session, blob))
            connection.executemany(_INSERT, rows)
        self._boots.update(fresh)

    def frames(self, gym: str, machine: str, boot: str, from_us: int, to_us: int) -> list[StoredFrame]:
        """See SeriesStore.frames."""
        low, high = _bounds(from_us, to_us)
        with self._connection() as connection:
            found = connection.execute(_BOOT, (gym, machine, boot)).fetchone()
            rows = [] if found is None else connection.execute(_SELECT, (found[0], low, high)).fetchall()
        stored = []
        for seq, t_us, dt_us, received_us, session, samples in rows:
            depth_mm, load_kg, left_n, right_n = unpack(samples)
            frame = Frame(
                boot=boot,
                seq=seq,
                t_us=t_us,
                dt_us=dt_us,
                depth_mm=depth_mm,
                load_kg=load_kg,
                session=session,
                left_n=left_n,
                right_n=right_n,
            )
            stored.append(StoredFrame(gym, machine, frame, received_us))
        return stored

    def erase(self, gym: str, machine: str, from_us: int, to_us: int) -> None:
        """See SeriesStore.erase. The file keeps its size, for frames to come.

        Rows are overwritten with zeros. Copies that SQLite left in the unused middle of a page when it moved rows may
        outlast them; `VACUUM` writes a file without any.
        """
        with self._connection() as connection:
            with _transaction(connection):
                connection.execute(_ERASE, (gym, machine, *_bounds(from_us, to_us)))
            # The log still has the pages as they were. It is emptied later where somebody is reading it now.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def heartbeat(self, now_us: int) -> None:
        """See SeriesStore.heartbeat."""
        with self._connection() as connection, _transaction(connection):
            connection.execute("INSERT OR REPLACE INTO heartbeat (only, at_us) VALUES (1, ?)", (now_us,))

    def close(self) -> None:
        """See SeriesStore.close."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for the caller alone: an idle one, or one more."""
        with self._lock:
            if self._closed:
                raise StoreUnavailable(f"the series store {self._path} is closed")
            connection = self._idle.pop() if self._idle else None
        try:
            if connection is None:
                connection = self._open()
            yield connection
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.DataError):
                raise
            # After a full disk or a lost mount a connection may hold a stale view of its file.
            if connection is not None:
                connection.close()
                connection = None
            raise StoreUnavailable(f"the series store {self._path}: {error}") from error
        finally:
            if connection is not None:
                self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            use_write_ahead_log(connection, self._busy_timeout_s)
            connection.execute("PRAGMA synchronous = FULL")
            # What is erased is overwritten; appending, which deletes nothing, is as fast as before.
            connection.execute("PRAGMA secure_delete = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not tables and not application:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_LAYOUT}")
        elif application != _APPLICATION:
            raise StoreUnavailable(f"{self._path} is not a series store: choose another file")
        elif layout != _LAYOUT:
            raise StoreUnavailable(f"{self._path} is of layout {layout}, this version knows {_LAYOUT}: use a newer one")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A failed COMMIT, for want of space say, may have rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _bounds(from_us: int, to_us: int) -> tuple[int, int]:
    """A range of times as SQLite can compare them."""
    low, high = (min(max(bound, _INT64[0]), _INT64[1]) for bound in (from_us, to_us))
    return low, high


def _number(connection: sqlite3.Connection, name: _Boot) -> int:
    found = connection.execute(_BOOT, name).fetchone()
    if found is None:
        found = connection.execute(
            "INSERT INTO boot (gym, machine, boot) VALUES (?, ?, ?) RETURNING id", name
        ).fetchone()
    number: int = found[0]
    return number
