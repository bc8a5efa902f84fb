"""The two buckets in InfluxDB: looked at by `sledwatch doctor`, made at its word or at the start of a part.

`BUCKET` holds samples and frames for a time; `BUCKET-derived` holds what was made of them, for ever. A bucket that is
there already is left as it is, however long it keeps its data: a shorter retention deletes at once what a longer one
cannot bring back, so that is for somebody to decide who has looked.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.post_bucket_request import PostBucketRequest
from influxdb_client.rest import ApiException
from influxdb_client.service.buckets_service import BucketsService
from influxdb_client.service.write_service import WriteService
from urllib3.exceptions import HTTPError

from sledwatch_storage.series.influx_link import explained
from sledwatch_storage.series.port import StoreUnavailable

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. to_do: how to put it right, None where it is right."""

    name: str
    what: str
    to_do: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it is as it should be."""
        return self.to_do is None


def derived(bucket: str) -> str:
    """The name of the bucket that holds what was made of the samples in `bucket`."""
    return f"{bucket}-derived"


def look(url: str, token: str, org: str, bucket: str, retention_days: int, *, timeout_s: float = 5) -> list[Finding]:
    """Whether the token, the organisation and both buckets are as they should be; nothing is changed.

    retention_days: how long samples are to be kept, 0 for ever. Raises StoreUnavailable where no InfluxDB answers.
    """
    return _findings(url, token, org, bucket, retention_days, timeout_s, make=False)


def create(url: str, token: str, org: str, bucket: str, retention_days: int, *, timeout_s: float = 5) -> list[Finding]:
    """As `look`, but a bucket that is not there is made. Several processes may call it at the same time.

    Raises StoreUnavailable where no InfluxDB answers.
    """
    return _findings(url, token, org, bucket, retention_days, timeout_s, make=True)


def _findings(
    url: str, token: str, org: str, bucket: str, retention_days: int, timeout_s: float, *, make: bool
) -> list[Finding]:
    client: Any = InfluxDBClient(url=url, token=token, org=org, timeout=round(timeout_s * 1000))
    with closing(client):
        server = _Server(client, url, org)
        try:
            server.buckets()
        except _Denied as denied:
            return [_no_access(denied, url, org)]
        return [
            Finding("InfluxDB", f"{url} knows the token, and the organisation {org!r}"),
            server.bucket(bucket, retention_days * _DAY_S, make=make),
            server.bucket(derived(bucket), 0, make=make),
        ]


class _Denied(Exception):
    """The server knows what was asked for, and does not do it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Server:
    def __init__(self, client: Any, url: str, org: str) -> None:
        buckets: Any = BucketsService
        writing: Any = WriteService
        self._buckets = buckets(client.api_client)
        self._writing = writing(client.api_client)
        self._organisations = client.organizations_api()
        self._url = url
        self._org = org

    def buckets(self, **of: str) -> list[Any]:
        """Those of the organisation that the token may see. Raises _Denied."""
        found: list[Any] = self._ask(lambda: list(self._buckets.get_buckets(org=self._org, **of).buckets))
        return found

    def bucket(self, name: str, keep_s: int, *, make: bool) -> Finding:
        """How one bucket is, after it was made where it was not there and should be."""
        label = f"bucket {name}"
        by_hand = f"`influx bucket create --org {self._org} --name {name} --retention {_duration(keep_s)}`"
        try:
            return self._known(label, name, keep_s)
        except _Denied as denied:
            if denied.status != 404:
                return Finding(label, f"the server answers {denied.status}: {denied}", "see the server's log")
        if not make:
            return Finding(label, "is not there", f"`sledwatch doctor --create`, or {by_hand}")
        try:
            self._make(name, keep_s)
            return self._known(label, name, keep_s)
        except _Denied as denied:
            return Finding(label, f"is not there, and the token may not make it: {denied}", by_hand)

    def _known(self, label: str, name: str, keep_s: int) -> Finding:
        may = "`influx auth create --read-bucket ID --write-bucket ID` makes a token that may"
        found = self.buckets(name=name)
        if not found:
            return Finding(label, "is there, but the token may not read it", may)
        (bucket,) = found
        try:
            # Nothing: whether it may be written is looked at before what is written.
            self._ask(lambda: self._writing.post_write(self._org, name, b"", content_type="text/plain"))
        except _Denied as denied:
            if denied.status in {401, 403}:
                return Finding(label, "is there, but the token may not write it", may)
        kept_s = sum(rule.every_seconds or 0 for rule in bucket.retention_rules or [])
        if kept_s != keep_s:
            update = f"`influx bucket update --id {bucket.id} --retention {_duration(keep_s)}`"
            setting = "" if not keep_s and name.endswith("-derived") else ", or SLEDWATCH_INFLUXDB_RETENTION_DAYS"
            what = f"keeps its data {_spoken(kept_s)}; expected: {_spoken(keep_s)}"
            return Finding(label, what, f"{update}{setting}")
        return Finding(label, f"keeps its data {_spoken(kept_s)}")

    def _make(self, name: str, keep_s: int) -> None:
        request: Any = PostBucketRequest
        rule: Any = BucketRetentionRules
        rules = [rule(type="expire", every_seconds=keep_s)] if keep_s else []
        wanted = request(name=name, org_id=self._org_id(), retention_rules=rules)
        try:
            self._ask(lambda: self._buckets.post_buckets(wanted))
        except _Denied as denied:
            # Somebody else has made it meanwhile.
            if denied.status != 422:
                raise

    def _org_id(self) -> str:
        """A token for buckets alone sees no organisation, but finds its id in any bucket."""
        known = self.buckets() or self._ask(lambda: self._organisations.find_organizations(org=self._org))
        if not known:
            raise _Denied(403, "it sees neither a bucket nor the organisation")
        identity: str = getattr(known[0], "org_id", None) or known[0].id
        return identity

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except ApiException as error:
            if error.status is not None and 400 <= error.status < 500 and error.status != 429:
                raise _Denied(error.status, explained(error)) from error
            raise StoreUnavailable(f"InfluxDB at {self._url} answers {error.status}: {explained(error)}") from error
        except (HTTPError, OSError) as error:
            raise StoreUnavailable(
                f"InfluxDB at {self._url} cannot be reached: {' '.join(str(error).split())}"
            ) from error
        except (ValueError, TypeError, AttributeError) as error:
            # The client reads an answer that is none of InfluxDB's in its own ways.
            raise StoreUnavailable(f"{self._url} does not answer as InfluxDB does") from error


def _no_access(denied: _Denied, url: str, org: str) -> Finding:
    to_do = (
        f"SLEDWATCH_INFLUXDB_ORG is {org!r}: set it to an organisation that is there (`influx org list`)"
        if denied.status == 404
        else "set SLEDWATCH_INFLUXDB_TOKEN to a token that is valid (`influx auth create`)"
    )
    return Finding("InfluxDB", f"{url} answers {denied.status}: {denied}", to_do)


def _duration(seconds: int) -> str:
    """As the `influx` command takes it; 0 is for ever."""
    if not seconds:
        return "0"
    return f"{seconds // _HOUR_S}h" if seconds % _DAY_S else f"{seconds // _DAY_S}d"


def _spoken(seconds: int) -> str:
    if not seconds:
        return "for ever"
    return f"for {seconds // _HOUR_S} h" if seconds % _DAY_S else f"for {seconds // _DAY_S} days"
