"""The questions we ask InfluxDB. InfluxQL, because every InfluxDB product answers it; all of its text is here."""

from collections.abc import Sequence
from typing import Final

from sledwatch_storage.series.line_protocol import FRAME, SAMPLE

# InfluxDB counts nanoseconds in 64 bits, which would do to the year 2262; times are read as doubles, which do to 2255.
_FIRST_US: Final = -(2**53)
_LAST_US: Final = 2**53

FRAME_FIELDS: Final = ("dt_us", "lists", "load_kg", "n", "received", "seq", "session")


def quoted(text: str) -> str:
    """A string literal: whatever is in the text, it is compared, and never read as part of the question."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def frames(gym: str, machine: str, boot: str, from_us: int, to_us: int) -> str:
    """What is known of the frames of a boot that begin in [from_us, to_us)."""
    return _select(FRAME_FIELDS, FRAME, gym, machine, boot, from_us, to_us)


def samples(columns: Sequence[str], gym: str, machine: str, boot: str, from_us: int, to_us: int) -> str:
    """The samples of a boot in [from_us, to_us)."""
    return _select(columns, SAMPLE, gym, machine, boot, from_us, to_us)


def _select(
    columns: Sequence[str], measurement: str, gym: str, machine: str, boot: str, from_us: int, to_us: int
) -> str:
    low, high = (min(max(bound, _FIRST_US), _LAST_US) * 1000 for bound in (from_us, to_us))
    return (
        f"SELECT {', '.join(columns)} FROM {measurement}"  # noqa: S608 - constants; what comes from outside is quoted
        f" WHERE gym = {quoted(gym)} AND machine = {quoted(machine)} AND boot = {quoted(boot)}"
        f" AND time >= {low} AND time < {high}"
    )
