"""Times as the API speaks them: UTC, ISO 8601 with a Z, from the microseconds that the stores keep."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

At = Annotated[datetime, Field(description="UTC, ISO 8601", examples=["2026-11-22T17:03:12.480000Z"])]


def at(time_us: int) -> datetime:
    """The moment that many microseconds after the Unix epoch, exact."""
    return EPOCH + timedelta(microseconds=time_us)


def at_or_none(time_us: int | None) -> datetime | None:
    """As `at`, None for None."""
    return None if time_us is None else at(time_us)


def microseconds(moment: datetime) -> int:
    """Microseconds since the Unix epoch of a moment with a time zone, exact."""
    return (moment - EPOCH) // timedelta(microseconds=1)
