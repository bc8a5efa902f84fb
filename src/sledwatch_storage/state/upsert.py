"""Rows that are written whether or not they are there already. SQLite and PostgreSQL share the words for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insertion(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, each in the place of the one with the same primary key. All rows name the same columns."""
    if not rows:
        return
    statement = insertion(connection, table)
    keys = [column.name for column in table.primary_key]
    others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), list(rows))


def put_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write those rows whose primary key is not there yet."""
    if rows:
        connection.execute(insertion(connection, table).on_conflict_do_nothing(), list(rows))
