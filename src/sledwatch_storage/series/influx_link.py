"""What goes over the wire to one bucket of InfluxDB 2, through influxdb-client: lines, questions, deletions.

Here it is decided what an answer means. A line that the server will never take is refused; anything that somebody can
put right (a wrong token, organisation or bucket, a server that is busy or away, a proxy that answers in its place, a
bucket that something else writes to) makes the store unavailable, and what was to be written is kept.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from urllib3.exceptions import HTTPError

from sledwatch_storage.series import influx_answers, influxql, line_protocol
from sledwatch_storage.series.influx_answers import Points
from sledwatch_storage.series.port import StoreUnavailable

# 400: the body is refused whole for one line that cannot be read. 422: that line alone was dropped, all others are
# stored. Which line it is, is ours to find.
_POISONED: Final = {400, 422}
_TOO_LARGE: Final = 413
# More than a full batch of ingest, 512 frames of 50 samples: two bodies for it cost both sides more than one, and
# InfluxDB takes this one well within a time-out.
BODY_BYTES: Final = 3 * 1024 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS

# A body, and its position in what was to be written.
_Numbered = tuple[int, bytes]


class InfluxLink:
    """One bucket. Safe to use from several threads; nothing is sent before the first call.

    control: measurements, each with fields that every line of it has, so that these can be written if any line can.
    timeout_s: to connect, and of each wait for the server. gzip: compress what is written, which pays on a slow link.
    """

    def __init__(
        self,
        url: str,
        token: str,
        org: str,
        bucket: str,
        *,
        control: Mapping[str, str],
        timeout_s: float,
        gzip: bool = False,
    ) -> None:
        self._url = url
        self._org = org
        self._bucket = bucket
        self._control = control
        self._gzip = gzip
        self._closed = False
        # The client's own types are wrong in places (a precision is a str there) and missing in others.
        self._client: Any = InfluxDBClient(url=url, token=token, org=org, timeout=round(timeout_s * 1000))
        # The services beneath the client's write API: that one's batching mode accepts without bound and drops without
        # raising, and its gzip is level 9.
        service: Any = WriteService
        self._writing: Any = service(self._client.api_client)
        self._deleting: Any = self._client.delete_api()

    def close(self) -> None:
        """Let go of the connections; closing twice is fine."""
        if not self._closed:
            self._closed = True
            self._client.close()

    def check_open(self) -> None:
        """Raises StoreUnavailable where it is closed."""
        if self._closed:
            raise StoreUnavailable(f"the series store at {self._url} is closed")

    def write(self, bodies: Sequence[bytes]) -> dict[int, str]:
        """Write bodies, each one or more lines that belong together; durable on return.

        Returns why each of those that can never be written cannot, by position; all others are written, and of these
        perhaps some lines. A body is written over itself where it was there before.
        Raises StoreUnavailable; any part may be written then.
        """
        self.check_open()
        refused: dict[int, str] = {}
        for chunk in _chunks(bodies):
            refused |= self._write(chunk)
        if refused and len(refused) == len(bodies):
            self._check_control()
        return refused

    def ask(self, query: str) -> list[Points]:
        """The points that a question of `influxql` finds, a part for each measurement and set of tags.

        Raises StoreUnavailable.
        """
        self.check_open()
        try:
            response = self._client.api_client.call_api(
                "/query",
                "GET",
                query_params={"db": self._bucket, "q": query, "epoch": line_protocol.PRECISION},
                header_params={"Accept": influx_answers.PACKED},
                response_type="str",
                auth_settings=[],
                _return_http_data_only=True,
                _preload_content=False,
            )
            body: bytes = response.data
            found = influx_answers.read(body, response.headers.get("Content-Type", ""))
        except ApiException as error:
            raise self._unavailable(error) from error
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        except influx_answers.NoAnswer:
            begin = _one_line(body[:120].decode(errors="replace"))
            raise StoreUnavailable(
                f"{self._url} does not answer as InfluxDB does; its answer begins with {begin!r}"
            ) from None
        if isinstance(found, str):
            # With status 200, for a bucket that is not there say.
            raise StoreUnavailable(f"{self._where}: {found}")
        return found

    def delete(self, predicate: str, from_ns: int, to_ns: int) -> None:
        """Delete the points of a predicate of `influxql` with times in [from_ns, to_ns). Raises StoreUnavailable."""
        self.check_open()
        bounds = influxql.span(from_ns, to_ns)
        if bounds is None:
            return
        try:
            self._deleting.delete(*bounds, predicate, bucket=self._bucket)
        except ApiException as error:
            raise self._unavailable(error) from error
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error

    def _write(self, bodies: Sequence[_Numbered]) -> dict[int, str]:
        """Write what can be written. A request that is refused is halved until what is wrong stands alone; writing the
        good ones twice does no harm."""
        try:
            self._post(b"\n".join(body for _, body in bodies))
        except ApiException as error:
            poisoned = error.status in _POISONED and _told(error) is not None
            if not poisoned and error.status != _TOO_LARGE:
                raise self._unavailable(error) from error
            if len(bodies) == 1:
                return {bodies[0][0]: explained(error)}
            middle = len(bodies) // 2
            return self._write(bodies[:middle]) | self._write(bodies[middle:])
        return {}

    def _check_control(self) -> None:
        """Nothing went through: is it what was written, or would any line be refused?

        A bucket in which something else has written our fields with other types takes none of ours, now or in some of
        its weeks. Raises StoreUnavailable.
        """
        lines = "\n".join(f"{measurement},control=1 {fields}" for measurement, fields in self._control.items())
        try:
            self._post(lines.encode())
        except ApiException as error:
            raise StoreUnavailable(
                f"{self._where}, refuses whatever is written: {explained(error)}", _retry_after_s(error)
            ) from error
        finally:
            for measurement in self._control:
                predicate = influxql.points(measurement, {"control": "1"})
                self.delete(predicate, influxql.FIRST_NS, influxql.LAST_NS)

    def _post(self, lines: bytes) -> None:
        headers: dict[str, str] = {"content_type": "text/plain; charset=utf-8"}
        if self._gzip:
            packer = zlib.compressobj(1, wbits=_GZIP)
            lines = packer.compress(lines) + packer.flush()
            headers["content_encoding"] = "gzip"
        try:
            self._writing.post_write(self._org, self._bucket, lines, precision=line_protocol.PRECISION, **headers)
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error

    @property
    def _where(self) -> str:
        return f"InfluxDB at {self._url}, bucket {self._bucket!r}"

    def _unavailable(self, error: ApiException) -> StoreUnavailable:
        return StoreUnavailable(f"{self._where}, answers {error.status}: {explained(error)}", _retry_after_s(error))

    def _unreachable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"InfluxDB at {self._url} cannot be reached: {_one_line(str(error))}")


def _chunks(bodies: Sequence[bytes]) -> Iterator[list[_Numbered]]:
    """Bodies in order, so many at a time as make a request of good size."""
    chunk: list[_Numbered] = []
    size = 0
    for position, body in enumerate(bodies):
        if chunk and size + len(body) > BODY_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append((position, body))
        size += len(body)
    if chunk:
        yield chunk


def _told(error: ApiException) -> str | None:
    """What InfluxDB itself says was wrong; None where it is not InfluxDB that speaks."""
    try:
        said = json.loads(error.body or b"")
        text = said.get("message") or said.get("error")
    except (ValueError, AttributeError):
        return None
    return text if isinstance(text, str) else None


def explained(error: ApiException) -> str:
    """What was wrong, in one line: in the server's words where it has any."""
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body
    return _one_line(_told(error) or body or error.reason or "no reason given")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _retry_after_s(error: ApiException) -> float | None:
    """How long the server wants to be left alone, in seconds: it says so itself, or until when by its own clock."""
    headers: Any = error.headers or {}
    after: str = headers.get("Retry-After", "").strip()
    if after.isdecimal():
        return float(after)
    try:
        until, now = (parsedate_to_datetime(text) for text in (after, headers.get("Date", "")))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None
