"""The words in which we ask InfluxDB and tell it what to delete; all of their text is here.

Questions are InfluxQL, because every InfluxDB product answers it. Deletions are predicates of `/api/v2/delete`, which
knows nothing but tags that equal a value, joined by AND.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sledwatch_storage.series.line_protocol import FRAME, SAMPLE

# The times that InfluxDB knows, in nanoseconds: 64 bits without the ends. They do to the year 2262.
FIRST_NS: Final = -9_223_372_036_854_775_806
LAST_NS: Final = 9_223_372_036_854_775_806

FRAME_FIELDS: Final = ("dt_us", "lists", "load_kg", "n", "received", "seq", "session")


def quoted(text: str, quote: str = "'") -> str:
    """A string literal: whatever is in the text, it is compared, and never read as part of the question."""
    escaped = text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")
    return f"{quote}{escaped}{quote}"


def frames(gym: str, machine: str, boot: str, from_us: int, to_us: int) -> str:
    """What is known of the frames of a boot that begin in [from_us, to_us)."""
    return _select(FRAME_FIELDS, FRAME, {"gym": gym, "machine": machine, "boot": boot}, from_us * 1000, to_us * 1000)


def extents(gym: str, machine: str, from_us: int, to_us: int) -> str:
    """How long the frames are that begin in [from_us, to_us), of all boots of a machine; the boots come as tags."""
    found = _select(("dt_us", "n"), FRAME, {"gym": gym, "machine": machine}, from_us * 1000, to_us * 1000)
    return f"{found} GROUP BY boot"


def samples(columns: Sequence[str], gym: str, machine: str, boot: str, from_ns: int, to_ns: int) -> str:
    """The samples of a boot in [from_ns, to_ns)."""
    return _select(columns, SAMPLE, {"gym": gym, "machine": machine, "boot": boot}, from_ns, to_ns)


def copies(measurements: Sequence[str], session: str, tags: dict[str, str], from_ns: int, to_ns: int) -> str:
    """When the points of these measurements are that were copied of a session in [from_ns, to_ns)."""
    return _select(("session",), ", ".join(measurements), {**tags, "session": session}, from_ns, to_ns)


def points(measurement: str, tags: dict[str, str]) -> str:
    """A predicate for the points of a measurement with these tags."""
    equal = {"_measurement": measurement, **tags}
    return " AND ".join(f'"{name}"=' + quoted(value, quote='"') for name, value in equal.items())


def span(from_ns: int, to_ns: int) -> tuple[str, str] | None:
    """The ends of [from_ns, to_ns) as a deletion takes them, which includes its last moment; None where it is empty."""
    first, last = max(from_ns, FIRST_NS), min(to_ns - 1, LAST_NS)
    return (_iso(first), _iso(last)) if first <= last else None


def _select(columns: Sequence[str], measurement: str, equal: dict[str, str], from_ns: int, to_ns: int) -> str:
    low, high = (min(max(bound, FIRST_NS), LAST_NS) for bound in (from_ns, to_ns))
    conditions = [f'"{name}" = {quoted(value)}' for name, value in equal.items()]
    return (
        f"SELECT {', '.join(columns)} FROM {measurement}"  # noqa: S608 - constants; what comes from outside is quoted
        f" WHERE {' AND '.join(conditions)} AND time >= {low} AND time < {high}"
    )


def _iso(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
