"""Reading the state DB page by page, from an engine or within a transaction that is open already."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Column, ColumnElement, Connection, Engine, tuple_

Bind = Engine | Connection


class BadCursor(ValueError):
    """A cursor that no page of ours has ended with."""


@contextmanager
def reading(bind: Bind) -> Iterator[Connection]:
    """A connection to read with: the one given, or one of the engine's for as long as the block lasts."""
    if isinstance(bind, Connection):
        yield bind
    else:
        with bind.connect() as connection:
            yield connection


def cursor(at_us: int, key: str) -> str:
    """Where a list by time, newest first, goes on after the item with this time and key."""
    return f"{at_us}.{key}"


def beyond(text: str, at_us: Column[int], key: Column[str]) -> ColumnElement[bool]:
    """The condition for what follows a cursor in a list by (time, key), newest first. Raises BadCursor."""
    time_text, _, key_text = text.partition(".")
    if not time_text.removeprefix("-").isdecimal() or not key_text:
        raise BadCursor(f"cursor {text[:80]!r}: expected the `next` of an earlier page")
    return tuple_(at_us, key) < (int(time_text), key_text)
