"""The series store in InfluxDB 2, through influxdb-client: for the full stack, and for Grafana to read from.

InfluxDB names a point by its series and time, not by our number. Where a machine gives two samples of one boot the same
microsecond (its clock was set back by a whole number of its sampling steps), the later one is kept.
"""

import csv
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from numpy.typing import NDArray
from urllib3.exceptions import HTTPError

from sledwatch.events import Frame
from sledwatch_storage.series import influxql, line_protocol
from sledwatch_storage.series.port import StoredFrame, StoreRefused, StoreUnavailable

# The server reads a body as a whole: what it finds wrong is ours to find. 422 is a write that was done in part.
_POISONED: Final = {400, 422}
_TOO_LARGE: Final = 413
# Some 300 frames of 50 samples: InfluxDB takes larger bodies no faster, and this one well within a time-out.
_BODY_BYTES: Final = 1024 * 1024

_Key = tuple[str, str, str, int]


class InfluxSeries:
    """Measurements `sample` and `frame` in a bucket, as `line_protocol` writes them.

    Synchronous writes only: the client's batching mode accepts without bound, and drops without raising. The bucket
    must be there, and the token be allowed to read and write it; nothing is sent before the first call.

    timeout_s: of one request, as a whole.
    """

    def __init__(self, url: str, token: str, org: str, bucket: str, *, timeout_s: float = 10) -> None:
        self._url = url
        self._bucket = bucket
        # The client's own types are wrong in places (a precision is a str there) and missing in others.
        self._client: Any = InfluxDBClient(url=url, token=token, org=org, timeout=round(timeout_s * 1000))
        self._writer: Any = self._client.write_api(write_options=SYNCHRONOUS)
        self._lock = threading.Lock()
        self._closed = False

    @property
    def writers(self) -> int:
        """See SeriesStore.writers: while the server works at one body it takes in another."""
        return 2

    def append(self, frames: Sequence[StoredFrame]) -> None:
        """See SeriesStore.append. A frame sent again is written over itself; it keeps the later arrival time."""
        self._check_open()
        positions: dict[_Key, list[int]] = {}
        for position, stored in enumerate(frames):
            key = (stored.gym, stored.machine, stored.frame.boot, stored.frame.seq)
            positions.setdefault(key, []).append(position)
        refused: dict[int, str] = {}
        bodies: list[tuple[int, bytes]] = []
        for first, *_ in positions.values():
            try:
                bodies.append((first, line_protocol.lines_of(frames[first])))
            except ValueError as error:
                refused[first] = str(error)
        for chunk in _chunks(bodies):
            refused |= self._write(chunk)
        if refused:
            lost = [position for same in positions.values() if same[0] in refused for position in same]
            raise StoreRefused(
                f"InfluxDB will not take {len(lost)} of {len(frames)} frames: {min(refused.items())[1]}",
                sorted(lost),
            )

    def frames(self, gym: str, machine: str, boot: str, from_us: int, to_us: int) -> list[StoredFrame]:
        """See SeriesStore.frames."""
        self._check_open()
        rows = csv.DictReader(self._ask(influxql.frames(gym, machine, boot, from_us, to_us)).splitlines())
        heads = [head for head in map(_Head, rows) if head.whole]
        if not heads:
            return []
        columns = ["depth_mm", *sorted({name for head in heads for name in head.lists})]
        begin_us, end_us = min(head.t_us for head in heads), max(head.end_us for head in heads)
        samples = self._ask(influxql.samples(columns, gym, machine, boot, begin_us, end_us))
        stored = [
            StoredFrame(gym, machine, head.frame(boot, values), head.received_us)
            for head, values in zip(heads, _values(samples, columns, heads), strict=True)
        ]
        return sorted(stored, key=lambda one: (one.frame.t_us, one.frame.seq))

    def heartbeat(self, now_us: int) -> None:
        """See SeriesStore.heartbeat."""
        self._check_open()
        refused = self._write([(0, line_protocol.heartbeat(now_us))])
        if refused:
            raise StoreUnavailable(f"InfluxDB at {self._url} takes no heartbeat: {refused[0]}")

    def close(self) -> None:
        """See SeriesStore.close."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._writer.close()
        self._client.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"the series store at {self._url} is closed")

    def _write(self, bodies: Sequence[tuple[int, bytes]]) -> dict[int, str]:
        """Write what can be written; why each of the others, by its position, cannot.

        A body that is refused is halved until what is wrong stands alone. Writing the good ones twice does no harm.
        """
        try:
            self._writer.write(
                bucket=self._bucket, record=b"\n".join(body for _, body in bodies), write_precision=WritePrecision.US
            )
        except ApiException as error:
            if error.status not in {*_POISONED, _TOO_LARGE}:
                raise self._unavailable(error) from error
            if len(bodies) == 1:
                return {bodies[0][0]: _message(error)}
            middle = len(bodies) // 2
            return self._write(bodies[:middle]) | self._write(bodies[middle:])
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        return {}

    def _ask(self, query: str) -> str:
        """The answer as CSV, with a line of names first; nothing at all where there is nothing."""
        text = self._get(query, "application/csv")
        if not text:
            self._raise_hidden_error(query)
        return text

    def _raise_hidden_error(self, query: str) -> None:
        """An answer in CSV is empty too where the question failed, for a bucket that is not there say; JSON tells."""
        results: list[dict[str, Any]] = json.loads(self._get(query, "application/json")).get("results", [])
        for result in results:
            if "error" in result:
                raise StoreUnavailable(f"InfluxDB at {self._url}, bucket {self._bucket!r}: {result['error']}")

    def _get(self, query: str, accept: str) -> str:
        try:
            response = self._client.api_client.call_api(
                "/query",
                "GET",
                query_params={"db": self._bucket, "q": query, "epoch": "u"},
                header_params={"Accept": accept},
                response_type="str",
                auth_settings=[],
                _return_http_data_only=True,
                _preload_content=False,
            )
            body: bytes = response.data
        except ApiException as error:
            raise self._unavailable(error) from error
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        return body.decode()

    def _unavailable(self, error: ApiException) -> StoreUnavailable:
        headers: Any = error.headers or {}
        after: str = headers.get("Retry-After", "")
        return StoreUnavailable(
            f"InfluxDB at {self._url}, bucket {self._bucket!r}, answers {error.status}: {_message(error)}",
            float(after) if after.isdecimal() else None,
        )

    def _unreachable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"InfluxDB at {self._url} cannot be reached: {' '.join(str(error).split())}")


def _chunks(bodies: Sequence[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Bodies in order, so many at a time as make a request of good size."""
    chunk: list[tuple[int, bytes]] = []
    size = 0
    for position, body in bodies:
        if chunk and size + len(body) > _BODY_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append((position, body))
        size += len(body)
    if chunk:
        yield chunk


class _Head:
    """A line of `frame`, as CSV gives it back.

    whole: nothing is missing. InfluxDB shows the fields of a point one after the other while it is being written, which
    is before `append` has returned.
    """

    def __init__(self, row: dict[str, str]) -> None:
        self._row = row
        self.lists = row["lists"].split()
        needed = ["dt_us", "n", "received", "seq", *([] if "load_kg" in self.lists else ["load_kg"])]
        self.whole = all(row[name] for name in needed)
        if self.whole:
            self.t_us, self.dt_us, self.n = int(row["time"]), int(row["dt_us"]), int(row["n"])
            self.end_us = self.t_us + self.n * self.dt_us
            self.received_us = int(row["received"])

    def frame(self, boot: str, values: dict[str, list[float | None]]) -> Frame:
        lists: dict[str, Any] = {name: values[name] for name in ("depth_mm", *self.lists)}
        if "load_kg" not in lists:
            lists["load_kg"] = float(self._row["load_kg"])
        session = self._row["session"] or None
        return Frame(boot=boot, seq=int(self._row["seq"]), t_us=self.t_us, dt_us=self.dt_us, session=session, **lists)


def _values(text: str, names: Sequence[str], heads: Sequence[_Head]) -> Iterator[dict[str, list[float | None]]]:
    """The named columns of each frame, from the samples of all: each sample belongs where its time says."""
    table = _table(text, 1 + len(names))
    starts_us = np.array([head.t_us for head in heads])
    steps_us = np.array([head.dt_us for head in heads])
    counts = np.array([head.n for head in heads])
    ends = np.cumsum(counts)
    step = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    times_us = np.repeat(starts_us, counts) + np.repeat(steps_us, counts) * step
    # In order of time, as InfluxDB gives the points of one series.
    known_us = table[:, 0].astype(np.int64)
    at = np.minimum(np.searchsorted(known_us, times_us), len(known_us) - 1)
    values = table[at]
    values[known_us[at] != times_us] = np.nan
    absent = np.isnan(values)
    for begin, end in zip(ends - counts, ends, strict=True):
        columns: dict[str, list[float | None]] = {}
        for place, name in enumerate(names, 1):
            column: list[float | None] = values[begin:end, place].tolist()
            if absent[begin:end, place].any():
                column = [None if gone else value for value, gone in zip(column, absent[begin:end, place], strict=True)]
            columns[name] = column
        yield columns


def _table(text: str, width: int) -> NDArray[np.float64]:
    """Samples from CSV, a row each: time and values, nan for none; one row of nothing where there are no samples.

    All as doubles, because numpy reads those in one go: up to the year 2255 they hold every microsecond.
    """
    _, _, lines = text.partition("\n")
    lines = lines.replace(f"{line_protocol.SAMPLE},,", "").replace(",\n", ",nan\n")
    while ",," in lines:
        lines = lines.replace(",,", ",nan,")
    if not lines:
        return np.array([[0.0, *[np.nan] * (width - 1)]])
    return np.fromstring(lines.replace("\n", ","), sep=",").reshape(-1, width)


def _message(error: ApiException) -> str:
    """What the server says was wrong, in one line."""
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body or ""
    try:
        text = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        text = body or error.reason or "no reason given"
    return " ".join(str(text).split())[:300]
