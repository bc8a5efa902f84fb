"""Frames as InfluxDB line protocol, with times in microseconds.

Written by hand because influxdb-client's `Point` takes ten times as long for the same bytes; a test holds the two
against each other.

    sample,boot=B,gym=G,machine=M depth_mm=12.1 T                a sample; nothing where the sensor gave nothing
    frame,boot=B,gym=G,machine=M dt_us=20000i,…,seq=1042i T      what holds for the frame, at its first sample's time

Load and forces stand with the samples only where the frame has a list of them; `lists` of the frame names those that
it has. A load that holds for the whole frame stands there, which saves InfluxDB a third of its work.
"""

from collections.abc import Sequence
from typing import Final

from sledwatch.events import Frame
from sledwatch_storage.series.port import StoredFrame

SAMPLE: Final = "sample"
FRAME: Final = "frame"
HEARTBEAT: Final = "heartbeat"

_KEY: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_STRING: Final = str.maketrans({'"': r"\"", "\\": r"\\"})
_HOUR_US: Final = 3_600_000_000


def series(measurement: str, tags: Sequence[tuple[str, str]]) -> str:
    """What a line begins with. tags: sorted by key, as InfluxDB keeps them; without those that are empty.

    Raises ValueError for what the protocol cannot express in a tag: a line break, or a backslash at the end.
    """
    for _, value in tags:
        if "\n" in value or value.endswith("\\"):
            raise ValueError(f"{value!r} cannot be written as a tag")
    pairs = [f",{key.translate(_KEY)}={value.translate(_KEY)}" for key, value in tags if value]
    return measurement + "".join(pairs)


def field(value: float | str) -> str:
    """A field's value: an integer with its `i`, the shortest decimal that gives back a float, or a quoted string."""
    if isinstance(value, str):
        return f'"{value.translate(_STRING)}"'
    if isinstance(value, int):
        return f"{value}i"
    return repr(value).removesuffix(".0")


def lines_of(stored: StoredFrame) -> bytes:
    """A frame's own line and those of its samples, with line breaks between them.

    Raises ValueError where a name cannot be written.
    """
    frame = stored.frame
    tags = (("boot", frame.boot), ("gym", stored.gym), ("machine", stored.machine))
    lists = [
        (name, column)
        for name, column in (("left_n", frame.left_n), ("load_kg", frame.load_kg), ("right_n", frame.right_n))
        if isinstance(column, list)
    ]
    lines = [f"{series(FRAME, tags)} {_frame_fields(stored, [name for name, _ in lists])} {frame.t_us}"]
    prefix = series(SAMPLE, tags)
    times = range(frame.t_us, frame.t_us + len(frame.depth_mm) * frame.dt_us, frame.dt_us)
    if not lists:
        prefix += " depth_mm="
        lines += [
            f"{prefix}{repr(depth).removesuffix('.0')} {t_us}"
            for depth, t_us in zip(frame.depth_mm, times, strict=True)
            if depth is not None
        ]
    else:
        columns = [("depth_mm", frame.depth_mm), *lists]
        for i, t_us in enumerate(times):
            fields = ",".join(f"{name}={field(value)}" for name, of in columns if (value := of[i]) is not None)
            if fields:
                lines.append(f"{prefix} {fields} {t_us}")
    return "\n".join(lines).encode()


def heartbeat(now_us: int) -> bytes:
    """A line that says when it was written. It is written over for an hour, so that there are few of them."""
    return f"{HEARTBEAT} at_us={field(now_us)} {now_us - now_us % _HOUR_US}".encode()


def _frame_fields(stored: StoredFrame, lists: list[str]) -> str:
    frame: Frame = stored.frame
    fields: dict[str, float | str | None] = {
        "dt_us": frame.dt_us,
        "lists": " ".join(lists) or None,
        "load_kg": None if isinstance(frame.load_kg, list) else float(frame.load_kg),
        "n": len(frame.depth_mm),
        "received": stored.received_us,
        "seq": frame.seq,
        "session": frame.session,
    }
    return ",".join(f"{name}={field(value)}" for name, value in fields.items() if value is not None)
