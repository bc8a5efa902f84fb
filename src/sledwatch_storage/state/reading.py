"""Reading the state DB page by page, from an engine or within a transaction that is open already."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Column, ColumnElement, Connection, Engine, tuple_

Bind = Engine | Connection

# The integers that a database holds.
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
_DIGITS: Final = 20


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


def beyond(text: str, at_us: ColumnElement[int], key: Column[str] | Column[int]) -> ColumnElement[bool]:
    """The condition for what follows a cursor in a list by (time, key), newest first. Raises BadCursor."""
    time_text, _, key_text = text.partition(".")
    if not key_text:
        raise _bad(text)
    after = _whole(key_text, text) if key.type.python_type is int else key_text
    return tuple_(at_us, key) < (_whole(time_text, text), after)


def number_of(text: str) -> int:
    """The number that a cursor of a list by number is. Raises BadCursor."""
    return _whole(text, text)


def _whole(digits: str, text: str) -> int:
    # Longer than any integer of a database: neither it nor `int` would take that.
    if not digits.removeprefix("-").isdecimal() or len(digits) > _DIGITS or not _LEAST <= int(digits) <= _MOST:
        raise _bad(text)
    return int(digits)


def _bad(text: str) -> BadCursor:
    return BadCursor(f"cursor {text[:80]!r}: expected the `next` of an earlier page")
