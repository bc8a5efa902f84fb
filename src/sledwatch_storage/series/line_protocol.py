"""Frames as InfluxDB line protocol, with times in nanoseconds.

Written by hand because influxdb-client's `Point` takes ten times as long for the same bytes; a test holds the two
against each other.

    sample,boot=B,gym=G,machine=M depth_mm=12.1 T                a sample; nothing where the sensor gave nothing
    frame,boot=B,gym=G,machine=M dt_us=20000i,…,seq=1042i T      what holds for the frame, at its first sample's time

Load and forces stand with the samples only where the frame has a list of them; `lists` of the frame names those that
it has. A load that holds for the whole frame stands there, which saves InfluxDB a third of its work.

InfluxDB names a point by its series and time. Machines count microseconds, and a machine whose clock was set back gives
the same one twice; what would then be one point is kept apart by the nanoseconds, the `phase` of the frame.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from sledwatch.events import Frame
from sledwatch_storage.series.port import StoredFrame

SAMPLE: Final = "sample"
FRAME: Final = "frame"
HEARTBEAT: Final = "heartbeat"
# The unit of every time that is written.
PRECISION: Final = "ns"

_KEY: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_STRING: Final = str.maketrans({'"': r"\"", "\\": r"\\"})
_HOUR_US: Final = 3_600_000_000
_NINE_DIGITS: Final = 10**9
# The largest prime that leaves three digits: how far a clock is set back is rarely a multiple of it.
_PHASES: Final = 997
_TEXTS: Final = 2**15


class _Texts(dict[float, str]):
    """The shortest decimals of numbers. A sensor has some thousand values, and to look one up is quicker than to work
    it out again."""

    def __missing__(self, value: float) -> str:
        text = repr(value).removesuffix(".0")
        # Zero equals its negative, but is not written like it.
        if value:
            if len(self) >= _TEXTS:
                self.clear()
            self[value] = text
        return text


_decimal: Final = _Texts()


def can_be_tag(value: str) -> bool:
    """Whether the protocol can express a tag of this value: not with a line break, nor with a backslash at the end."""
    return "\n" not in value and not value.endswith("\\")


def series(measurement: str, tags: Sequence[tuple[str, str]]) -> str:
    """What a line begins with. tags: sorted by key, as InfluxDB keeps them; without those that are empty.

    Raises ValueError for a tag that cannot be expressed.
    """
    for _, value in tags:
        if not can_be_tag(value):
            raise ValueError(f"{value!r} cannot be written as a tag")
    pairs = [f",{key.translate(_KEY)}={value.translate(_KEY)}" for key, value in tags if value]
    return measurement + "".join(pairs)


def field(value: float | str) -> str:
    """A field's value: an integer with its `i`, the shortest decimal that gives back a float, or a quoted string."""
    if isinstance(value, str):
        return f'"{value.translate(_STRING)}"'
    if isinstance(value, int):
        return f"{value}i"
    return _decimal[value]


def fields(values: dict[str, float | str | None]) -> str:
    """Fields by name, in the order of the names; without those that are None."""
    return ",".join(f"{name}={field(value)}" for name, value in sorted(values.items()) if value is not None)


def phase(frame: Frame) -> int:
    """Where the machine's clock stands against its count of frames, in sampling steps; 0 … 996.

    It stays the same while frames follow each other, so that times keep their even steps, which InfluxDB stores in
    next to nothing. It changes when the clock is set back by any number of steps: two samples of one boot that claim
    the same microsecond have different phases.
    """
    return (frame.t_us // frame.dt_us - frame.seq * len(frame.depth_mm)) % _PHASES


def lines_of(stored: StoredFrame) -> bytes:
    """A frame's own line and those of its samples, with line breaks between them.

    Raises ValueError where a name cannot be written.
    """
    frame = stored.frame
    of_frame, of_sample = _series_of(frame.boot, stored.gym, stored.machine)
    lists = [
        (name, column)
        for name, column in (("left_n", frame.left_n), ("load_kg", frame.load_kg), ("right_n", frame.right_n))
        if isinstance(column, list)
    ]
    digits = f"{phase(frame):03d}"
    head = f"{of_frame} {_frame_fields(stored, [name for name, _ in lists])} {frame.t_us}"
    before, times = _times(frame.t_us, frame.dt_us, len(frame.depth_mm))
    if lists:
        columns = [("depth_mm", frame.depth_mm), *lists]
        samples = [
            f"{row}{before}{end}"
            for i, end in enumerate(times)
            if (row := ",".join(f"{name}={_decimal[value]}" for name, of in columns if (value := of[i]) is not None))
        ]
        between = f"{digits}\n{of_sample} "
    else:
        samples = [
            f"{_decimal[depth]}{before}{end}"
            for depth, end in zip(frame.depth_mm, times, strict=True)
            if depth is not None
        ]
        between = f"{digits}\n{of_sample} depth_mm="
    return (between.join((head, *samples)) + digits).encode()


def _times(t_us: int, dt_us: int, n: int) -> tuple[str, range]:
    """Times of samples, as what all of them begin with and the number each ends with.

    Python writes a number of nine digits twice as fast as one of sixteen, which is a fifth of all the work.
    """
    begin, end = divmod(t_us, _NINE_DIGITS)
    last = end + n * dt_us
    if begin > 0 and end * 10 >= _NINE_DIGITS and last <= _NINE_DIGITS:
        return f" {begin}", range(end, last, dt_us)
    return " ", range(t_us, t_us + n * dt_us, dt_us)


def heartbeat(now_us: int) -> bytes:
    """A line that says when it was written. It is written over for an hour, so that there are few of them."""
    return f"{HEARTBEAT} at_us={field(now_us)} {now_us - now_us % _HOUR_US}000".encode()


@lru_cache(maxsize=4096)
def _series_of(boot: str, gym: str, machine: str) -> tuple[str, str]:
    """What the lines of a boot begin with: its frames', its samples'."""
    tags = (("boot", boot), ("gym", gym), ("machine", machine))
    return series(FRAME, tags), series(SAMPLE, tags)


def _frame_fields(stored: StoredFrame, lists: list[str]) -> str:
    """A frame's fields as `fields` writes them, which would take longer than all of its samples."""
    frame: Frame = stored.frame
    return (
        f"dt_us={frame.dt_us}i"
        + (f',lists="{" ".join(lists)}"' if lists else "")
        + ("" if isinstance(frame.load_kg, list) else f",load_kg={_decimal[float(frame.load_kg)]}")
        + f",n={len(frame.depth_mm)}i,received={stored.received_us}i,seq={frame.seq}i"
        + ("" if frame.session is None else f",session={field(frame.session)}")
    )
