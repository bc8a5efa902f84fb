"""The series store in InfluxDB 2, through influxdb-client: for the full stack, and for Grafana to read from."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sledwatch.events import MAX_SAMPLES, Frame
from sledwatch_storage.series import influxql, line_protocol
from sledwatch_storage.series.influx_answers import Points
from sledwatch_storage.series.influx_link import InfluxLink
from sledwatch_storage.series.port import StoredFrame, StoreRefused, StoreUnavailable

# What every frame has.
_CONTROL: Final = {line_protocol.SAMPLE: "depth_mm=0", line_protocol.FRAME: "dt_us=0i,n=0i,received=0i,seq=0i"}
# No frame is longer: its samples are at most ten seconds apart.
_LONGEST_US: Final = MAX_SAMPLES * 10_000_000
_STEP: Final = 1000  # nanoseconds to a microsecond

_Key = tuple[str, str, str, int]
# Times in nanoseconds, ascending.
_Times = NDArray[np.int64]


class InfluxSeries:
    """Measurements `sample` and `frame` in a bucket, as `line_protocol` writes them.

    The bucket must be there (see `influx_buckets`), and the token be allowed to read and write it; nothing is sent
    before the first call. Frames older than the bucket's retention are refused. timeout_s: to connect, and of each wait
    for the server. gzip: compress what is written.
    """

    def __init__(
        self, url: str, token: str, org: str, bucket: str, *, timeout_s: float = 10, gzip: bool = False
    ) -> None:
        self._url = url
        self._link = InfluxLink(url, token, org, bucket, control=_CONTROL, timeout_s=timeout_s, gzip=gzip)

    @property
    def writers(self) -> int:
        """See SeriesStore.writers: while the server works at one body it takes in another."""
        return 2

    def append(self, frames: Sequence[StoredFrame]) -> None:
        """See SeriesStore.append. A frame sent again is written over itself; it keeps the later arrival time."""
        self._link.check_open()
        positions: dict[_Key, list[int]] = {}
        for position, stored in enumerate(frames):
            key = (stored.gym, stored.machine, stored.frame.boot, stored.frame.seq)
            positions.setdefault(key, []).append(position)
        refused: dict[int, str] = {}
        written: list[int] = []
        bodies: list[bytes] = []
        for first, *_ in positions.values():
            try:
                bodies.append(line_protocol.lines_of(frames[first]))
            except ValueError as error:
                refused[first] = str(error)
            else:
                written.append(first)
        for number, reason in self._link.write(bodies).items():
            refused[written[number]] = reason
            self._take_back(frames[written[number]])
        if refused:
            lost = [position for same in positions.values() if same[0] in refused for position in same]
            raise StoreRefused(
                f"InfluxDB will not take {len(lost)} of {len(frames)} frames: {min(refused.items())[1]}",
                sorted(lost),
            )

    def _take_back(self, stored: StoredFrame) -> None:
        """Samples may be refused while their frame is taken; without it nobody reads those that were taken too."""
        frame = stored.frame
        tags = {"gym": stored.gym, "machine": stored.machine, "boot": frame.boot}
        time_ns = frame.t_us * _STEP + line_protocol.phase(frame)
        self._link.delete(influxql.points(line_protocol.FRAME, tags), time_ns, time_ns + 1)

    def frames(self, gym: str, machine: str, boot: str, from_us: int, to_us: int) -> list[StoredFrame]:
        """See SeriesStore.frames."""
        parts = self._link.ask(influxql.frames(gym, machine, boot, from_us, to_us))
        found = [_Head(row) for part in parts for row in part.rows() if _is_whole(row)]
        # By number: a frame written by an earlier version, and then again, has two points.
        heads = list({head.seq: head for head in found}.values())
        if not heads:
            return []
        columns = ["depth_mm", *sorted({name for head in heads for name in head.lists})]
        begin_ns, end_ns = min(head.time_ns for head in heads), max(head.end_ns for head in heads)
        samples = self._link.ask(influxql.samples(columns, gym, machine, boot, begin_ns, end_ns))
        stored = [
            StoredFrame(gym, machine, head.frame(boot, values), head.received_us)
            for head, values in zip(heads, _values(samples, columns, heads), strict=True)
        ]
        return sorted(stored, key=lambda one: (one.frame.t_us, one.frame.seq))

    def erase(self, gym: str, machine: str, from_us: int, to_us: int) -> None:
        """See SeriesStore.erase. The server frees the room in its own time."""
        tags = {"gym": gym, "machine": machine}
        if not all(map(line_protocol.can_be_tag, tags.values())):
            return
        from_ns, to_ns = from_us * _STEP, to_us * _STEP
        parts = self._link.ask(influxql.extents(gym, machine, from_us - _LONGEST_US, to_us + _LONGEST_US))
        kept: dict[str, list[_Times]] = defaultdict(list)
        gone: dict[str, list[_Times]] = defaultdict(list)
        for boot, row in (
            (part.tags["boot"], row) for part in parts for row in part.rows() if None not in row.values()
        ):
            times = row["time"] + np.arange(row["n"], dtype=np.int64) * (row["dt_us"] * _STEP)
            (gone if from_ns <= times[0] < to_ns else kept)[boot].append(times)
        # The frames themselves last: an erasure that was interrupted finds by them what is left to do.
        for boot in {*kept, *gone}:
            predicate = influxql.points(line_protocol.SAMPLE, {**tags, "boot": boot})
            for begin_ns, end_ns in _to_delete(gone[boot], kept[boot], from_ns, to_ns):
                self._link.delete(predicate, begin_ns, end_ns)
        self._link.delete(influxql.points(line_protocol.FRAME, tags), from_ns, to_ns)

    def heartbeat(self, now_us: int) -> None:
        """See SeriesStore.heartbeat."""
        refused = self._link.write([line_protocol.heartbeat(now_us)])
        if refused:
            raise StoreUnavailable(f"InfluxDB at {self._url} takes no heartbeat: {refused[0]}")

    def close(self) -> None:
        """See SeriesStore.close."""
        self._link.close()


def _is_whole(row: dict[str, Any]) -> bool:
    """Whether nothing of a line of `frame` is missing. InfluxDB shows the fields of a point one after the other while
    it is being written, which is before `append` has returned."""
    lists = (row["lists"] or "").split()
    return all(row[name] is not None or name in lists for name in ("dt_us", "n", "received", "seq", "load_kg"))


class _Head:
    """A line of `frame`."""

    def __init__(self, row: dict[str, Any]) -> None:
        self._load_kg: float | None = row["load_kg"]
        self._session: str | None = row["session"]
        self.lists: list[str] = (row["lists"] or "").split()
        self.seq: int = row["seq"]
        self.n: int = row["n"]
        self.received_us: int = row["received"]
        self.time_ns: int = row["time"]
        self.step_ns: int = row["dt_us"] * _STEP
        self.end_ns = self.time_ns + self.n * self.step_ns

    def frame(self, boot: str, values: dict[str, list[float | None]]) -> Frame:
        lists: dict[str, Any] = {name: values[name] for name in ("depth_mm", *self.lists)}
        if self._load_kg is not None and "load_kg" not in lists:
            lists["load_kg"] = float(self._load_kg)
        t_us, dt_us = self.time_ns // _STEP, self.step_ns // _STEP
        return Frame(boot=boot, seq=self.seq, t_us=t_us, dt_us=dt_us, session=self._session, **lists)


def _values(
    samples: Sequence[Points], names: Sequence[str], heads: Sequence[_Head]
) -> Iterator[dict[str, list[float | None]]]:
    """The named columns of each frame, from the samples of all: each sample belongs where its time says."""
    # All of one boot, so they are one part, or none.
    known_ns, known = samples[0].table() if samples else (np.zeros(1, np.int64), np.full((1, len(names)), np.nan))
    starts_ns = np.array([head.time_ns for head in heads])
    steps_ns = np.array([head.step_ns for head in heads])
    counts = np.array([head.n for head in heads])
    ends = np.cumsum(counts)
    step = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    times_ns = np.repeat(starts_ns, counts) + np.repeat(steps_ns, counts) * step
    # In order of time, as InfluxDB gives the points of one series.
    at = np.minimum(np.searchsorted(known_ns, times_ns), len(known_ns) - 1)
    values = known[at]
    values[known_ns[at] != times_ns] = np.nan
    absent = np.isnan(values)
    for begin, end in zip(ends - counts, ends, strict=True):
        columns: dict[str, list[float | None]] = {}
        for place, name in enumerate(names):
            column: list[float | None] = values[begin:end, place].tolist()
            if absent[begin:end, place].any():
                column = [None if gone else value for value, gone in zip(column, absent[begin:end, place], strict=True)]
            columns[name] = column
        yield columns


def _to_delete(gone: list[_Times], kept: list[_Times], from_ns: int, to_ns: int) -> Iterator[tuple[int, int]]:
    """The stretches of time, [begin, end) each, that hold all samples of the frames that go and none of those kept.

    A frame that begins before `from_ns` may reach into the interval, and one that goes may reach beyond it. Where the
    clock was set back, those kept and those that go may even take turns.
    """
    if not gone:
        return
    goes = np.unique(np.concatenate(gone))
    end_ns = max(to_ns, int(goes[-1]) + 1)
    stays = np.setdiff1d(np.concatenate([np.empty(0, np.int64), *kept]), goes)
    stays = stays[(stays >= from_ns) & (stays < end_ns)]
    bounds = [from_ns - 1, *stays.tolist(), end_ns]
    for place in np.unique(np.searchsorted(stays, goes)).tolist():
        yield bounds[place] + 1, bounds[place + 1]
