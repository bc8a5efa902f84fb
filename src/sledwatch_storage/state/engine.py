"""Opening the state DB, writing to it in one transaction, and bringing its tables up to date.

Reads use a plain `engine.connect()`; whatever writes uses `begin(engine)`, so that reading first and writing what
follows from it is safe between processes.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Final

import msgspec
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import URL, ExceptionContext, make_url

from sledwatch_storage.write_ahead import use_write_ahead_log

BUSY_TIMEOUT_S: Final = 10.0
# The API answers in a pool of 40 threads, each of which may hold a connection.
_POOL_SIZE: Final = 8
_POOL_OVERFLOW: Final = 40
# Any number, the same for all processes: whoever holds PostgreSQL's advisory lock of this number migrates.
_MIGRATION_LOCK: Final = 0x51ED
_IMMEDIATE: Final = "sledwatch_immediate"
# What SQLite says when a file cannot be used now: the caller may wait and try again, or tell the operator.
_UNAVAILABLE: Final = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}


class StateUnavailable(Exception):
    """The state DB cannot be reached or written now. Any statement on an engine of `open_state` may raise it."""


class SchemaOutdated(Exception):
    """The tables are not those of this version; the message says what to do."""


def open_state(url: str) -> Engine:
    """Open the state DB and look whether it answers.

    url: an SQLAlchemy URL; SQLite (`sqlite:///FILE`) and PostgreSQL (`postgresql+psycopg://…`) are supported.
    Raises StateUnavailable, in one line, where it cannot be opened. Does not look at the tables: see require_current.
    """
    engine = _engine(url, foreign_keys=True)
    try:
        with engine.connect():
            pass
    except StateUnavailable:
        engine.dispose()
        raise
    return engine


@contextmanager
def begin(engine: Engine) -> Iterator[Connection]:
    """A writing transaction: committed at the end of the block, rolled back by an exception.

    On SQLite it takes the write lock at once (BEGIN IMMEDIATE): a transaction that reads first and asks for the lock
    later would fail wherever another process has written between. Raises StateUnavailable.
    """
    with engine.connect() as connection:
        connection.execution_options(**{_IMMEDIATE: True})
        with connection.begin():
            yield connection


def is_writing(connection: Connection) -> bool:
    """Whether this is a transaction of `begin`: what it reads before it writes nobody else may change meanwhile.

    SQLite sees to that by itself; elsewhere a query has to lock its rows.
    """
    return bool(connection.get_execution_options().get(_IMMEDIATE, False))


def migrate(url: str) -> str:
    """Bring the tables up to date and return the revision. Several processes may call it at the same time.

    Raises StateUnavailable, or SchemaOutdated where the tables are of a newer version than this program.
    """
    # SQLite alters a table by copying and dropping it: with foreign keys on, that would delete what refers to it.
    engine = _engine(url, foreign_keys=False)
    try:
        with begin(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            config = _alembic()
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise SchemaOutdated(_newer(_revision(connection), engine.url)) from error
            return _revision(connection) or ""
    finally:
        engine.dispose()


def shown(url: URL) -> str:
    """A state URL as it may be told: without its password, be it before the host or among the options."""
    options = {name: "***" if "password" in name.lower() else value for name, value in url.query.items()}
    return url.set(query=options).render_as_string(hide_password=True)


def require_current(engine: Engine) -> None:
    """Raises SchemaOutdated where the tables are not those of this version, and StateUnavailable."""
    with engine.connect() as connection:
        found = _revision(connection)
    scripts = ScriptDirectory.from_config(_alembic())
    if found == scripts.get_current_head():
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise SchemaOutdated(_newer(found, engine.url))
    state = "not made yet" if found is None else "outdated"
    raise SchemaOutdated(f"the tables of {shown(engine.url)} are {state}: run `sledwatch migrate`")


def _engine(url: str, *, foreign_keys: bool) -> Engine:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise StateUnavailable(f"state URL {url!r} cannot be read: expected for example sqlite:///FILE") from None
    try:
        if parsed.get_backend_name() == "sqlite":
            engine = _sqlite(parsed, foreign_keys=foreign_keys)
        else:
            engine = create_engine(
                parsed,
                pool_pre_ping=True,
                pool_size=_POOL_SIZE,
                max_overflow=_POOL_OVERFLOW,
                json_serializer=_json,
                json_deserializer=msgspec.json.decode,
            )
    except exc.NoSuchModuleError:
        raise StateUnavailable(
            f"state URL {shown(parsed)}: {parsed.drivername!r} is no known database; "
            "expected sqlite or postgresql+psycopg"
        ) from None
    except ImportError as error:
        raise StateUnavailable(
            f"state URL {shown(parsed)} needs the Python package {error.name}: install sledwatch[postgresql]"
        ) from None
    event.listen(engine, "handle_error", _translate)
    return engine


def _sqlite(url: URL, *, foreign_keys: bool) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StateUnavailable("the state DB needs a file, several processes share it: expected sqlite:///FILE")
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        json_serializer=_json,
        json_deserializer=msgspec.json.decode,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        # The driver would open transactions by rules of its own; `start` below does it instead.
        connection.isolation_level = None
        use_write_ahead_log(connection, BUSY_TIMEOUT_S)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(_IMMEDIATE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _json(value: object) -> str:
    """For JSON columns: several times faster than `json`, and ingest writes hundreds of them in a transaction."""
    # Subclasses of float, such as numpy's, are the one thing that `json` takes and msgspec does not.
    return msgspec.json.encode(value, enc_hook=float).decode()


def _translate(context: ExceptionContext) -> StateUnavailable | None:
    error = context.original_exception
    if isinstance(error, sqlite3.Error):
        code: int | None = getattr(error, "sqlite_errorcode", None)
        unavailable = code is not None and code & 0xFF in _UNAVAILABLE
    else:
        unavailable = context.is_disconnect or isinstance(context.sqlalchemy_exception, exc.OperationalError)
    if not unavailable:
        return None
    where = context.dialect.name if context.engine is None else shown(context.engine.url)
    return StateUnavailable(f"the state DB {where}: {' '.join(str(error).split())}")


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("sledwatch_storage.state") / "migrations"))
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _newer(found: str | None, url: URL) -> str:
    return (
        f"the tables of {shown(url)} are of revision {found}, which this version does not know: use a newer Sledwatch"
    )
