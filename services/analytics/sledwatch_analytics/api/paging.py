"""Lists in pages: `{"items": […], "next": cursor}`, the cursor opaque and by key, so that new rows shift nothing."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Generic, NamedTuple, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from sledwatch_storage.state.reading import BadCursor

DEFAULT_ITEMS: Final = 100
MAX_ITEMS: Final = 1_000

Item = TypeVar("Item")
Row = TypeVar("Row")


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(None, description="`cursor` of the page that follows; null on the last one")


class Wanted(NamedTuple):
    """The page that is asked for. after: where the one before it ended, in the words of the store."""

    after: str | None
    limit: int

    @property
    def one_more(self) -> int:
        """How many rows to read, to see whether another page follows."""
        return self.limit + 1

    def cut(self, rows: Sequence[Row], cursor_of: Callable[[Row], str]) -> tuple[Sequence[Row], str | None]:
        """The rows of this page, of `one_more` that were read, and the cursor of the next."""
        if len(rows) <= self.limit:
            return rows, None
        return rows[: self.limit], _seal(cursor_of(rows[self.limit - 1]))


async def wanted(
    cursor: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_ITEMS, description="items at most")] = DEFAULT_ITEMS,
) -> Wanted:
    """Read the page asked for from the query. Raises BadCursor."""
    return Wanted(None if cursor is None else _open(cursor), limit)


WantsPage = Annotated[Wanted, Depends(wanted)]


def _seal(after: str) -> str:
    return urlsafe_b64encode(after.encode()).decode().rstrip("=")


def _open(cursor: str) -> str:
    try:
        return b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise BadCursor(f"cursor {cursor[:80]!r}: expected the `next` of an earlier page") from None
