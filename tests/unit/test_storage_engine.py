"""Opening, migrating and writing the state DB."""

import sqlite3
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, select, text, update

from sledwatch_storage.state import schema
from sledwatch_storage.state.engine import (
    SchemaOutdated,
    StateUnavailable,
    begin,
    migrate,
    open_state,
    require_current,
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


def test_the_migrations_give_the_schema(url):
    migrate(url)
    with open_state(url).connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    assert [] == differences


def test_migrating_twice_changes_nothing(url):
    assert migrate(url) == migrate(url)
    require_current(open_state(url))


def test_an_empty_database_is_sent_to_migrate(url):
    with pytest.raises(SchemaOutdated, match="not made yet: run `sledwatch migrate`"):
        require_current(open_state(url))


def test_tables_of_a_newer_version_are_left_alone(url):
    migrate(url)
    engine = open_state(url)
    with begin(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaOutdated, match="use a newer Sledwatch"):
        require_current(engine)
    with pytest.raises(SchemaOutdated, match="use a newer Sledwatch"):
        migrate(url)


def test_a_migration_that_fails_leaves_nothing(url):
    engine = open_state(url)
    with begin(engine) as connection:
        connection.execute(text('CREATE TABLE "session" (in_the_way INTEGER)'))
    with pytest.raises(Exception, match="session"):
        migrate(url)
    assert ["session"] == inspect(engine).get_table_names()


def test_processes_that_migrate_at_once_agree(url):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        revisions = set(pool.map(migrate, [url] * 4))
    assert 1 == len(revisions)


def test_a_read_modify_write_loses_no_count(url):
    """Without BEGIN IMMEDIATE one of two writers would fail, or undo the other's count."""
    migrate(url)
    engine = open_state(url)
    with begin(engine) as connection:
        connection.execute(insert(schema.heartbeat).values(part="p", at_us=0, detail={}))

    def count() -> None:
        for _ in range(50):
            with begin(engine) as connection:
                seen = connection.execute(select(schema.heartbeat.c.at_us)).scalar_one()
                connection.execute(update(schema.heartbeat).values(at_us=seen + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert 200 == connection.execute(select(schema.heartbeat.c.at_us)).scalar_one()


def test_an_exception_rolls_back(url):
    migrate(url)
    engine = open_state(url)

    def fail_after_writing() -> None:
        with begin(engine) as connection:
            connection.execute(insert(schema.heartbeat).values(part="p", at_us=0, detail={}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_writing()
    with engine.connect() as connection:
        assert [] == connection.execute(select(schema.heartbeat)).all()


def test_a_commit_is_synchronous_and_foreign_keys_hold(url):
    with open_state(url).connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1} == settings


def test_none_in_a_json_column_is_null(url):
    migrate(url)
    with begin(open_state(url)) as connection:
        connection.execute(insert(schema.machine).values(gym="g", machine="m", seen_us=0, online=None))
        assert 1 == connection.execute(text("SELECT count(*) FROM machine WHERE online IS NULL")).scalar_one()


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("sqlite:////no/such/directory/state.db", "unable to open database file"),
        ("nonsense", "cannot be read"),
        ("oracle9://x", "no known database"),
        ("sqlite://", "needs a file"),
        ("postgresql+psycopg://127.0.0.1:1/x?connect_timeout=2", "connection"),
    ],
)
def test_a_state_that_cannot_be_opened_says_so_in_one_line(url, line):
    with pytest.raises(StateUnavailable, match=line) as error:
        open_state(url)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    (tmp_path / "state.db").write_text("a note to myself" * 100)
    with pytest.raises(StateUnavailable, match="not a database"):
        open_state(f"sqlite:///{tmp_path / 'state.db'}")


def test_a_password_is_not_shown():
    with pytest.raises(StateUnavailable) as error:
        open_state("postgresql+psycopg://me:s3cret@127.0.0.1:1/x?connect_timeout=2")
    assert "s3cret" not in str(error.value)


def test_a_database_somebody_else_locks_is_unavailable(url, tmp_path, monkeypatch):
    migrate(url)
    monkeypatch.setattr("sledwatch_storage.state.engine.BUSY_TIMEOUT_S", 0.05)
    engine = open_state(url)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateUnavailable, match="locked"), begin(engine):
        pass
    other.execute("ROLLBACK")
    other.close()
    with begin(engine) as connection:
        assert 0 == connection.execute(text("SELECT count(*) FROM machine")).scalar_one()
