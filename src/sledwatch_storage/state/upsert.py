"""Rows that are written whether or not they are there already. SQLite and PostgreSQL share the words for it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insertion(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    return _insertion(connection.dialect.name, table)


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, each in the place of the one with the same primary key. All rows name the same columns."""
    if rows:
        connection.execute(_replacing(connection.dialect.name, table, tuple(rows[0])), list(rows))


def put_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write those rows whose primary key is not there yet."""
    if rows:
        connection.execute(insertion(connection, table).on_conflict_do_nothing(), list(rows))


def _insertion(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@lru_cache(maxsize=64)
def _replacing(dialect: str, table: Table, names: tuple[str, ...]) -> sqlite.Insert | postgresql.Insert:
    """Kept, for ingest writes the same rows many times a second, and building this costs more than executing it."""
    statement = _insertion(dialect, table)
    keys = [column.name for column in table.primary_key]
    others = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=others)
