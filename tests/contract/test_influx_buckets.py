"""The buckets that Sledwatch needs: what is looked at, what is made, and what is left to the operator."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from http_stand_in import Answer, answering
from sledwatch_storage.series import StoreUnavailable
from sledwatch_storage.series.influx_buckets import Finding, create, look

if TYPE_CHECKING:
    from influx_server import InfluxServer

real = pytest.mark.needs("influxd")
DAY_S = 86_400


def looked_at(server: "InfluxServer", bucket: str, days: int = 90, *, make=look, token: str | None = None):
    return make(server.url, token or server.token, server.org, bucket, days)


def kept_s(server: "InfluxServer", bucket: str) -> int | None:
    found = server.bucket(bucket)
    return None if found is None else sum(rule["everySeconds"] for rule in found["retentionRules"])


def outcome(findings: list[Finding]) -> list[bool]:
    return [finding.ok for finding in findings]


@real
def test_buckets_that_are_not_there_are_named_and_looking_makes_none(influx_server):
    bucket = influx_server.new_name()
    findings = looked_at(influx_server, bucket)
    assert ["InfluxDB", f"bucket {bucket}", f"bucket {bucket}-derived"] == [finding.name for finding in findings]
    assert [True, False, False] == outcome(findings)
    assert f"sledwatch doctor --create`, or `influx bucket create --org {influx_server.org} --name {bucket}" in str(
        findings[1].to_do
    )
    assert [None, None] == [kept_s(influx_server, name) for name in (bucket, f"{bucket}-derived")]


@real
@pytest.mark.parametrize("days", [1, 90, 0])
def test_samples_are_kept_for_so_many_days_and_what_is_made_of_them_for_ever(influx_server, days):
    bucket = influx_server.new_name()
    assert [True, True, True] == outcome(looked_at(influx_server, bucket, days, make=create))
    assert [days * DAY_S, 0] == [kept_s(influx_server, name) for name in (bucket, f"{bucket}-derived")]
    assert [True, True, True] == outcome(looked_at(influx_server, bucket, days))


@real
def test_a_bucket_with_another_retention_is_reported_and_left_alone(influx_server):
    bucket = influx_server.new_bucket(retention_s=30 * DAY_S)
    _, samples, derived = looked_at(influx_server, bucket, make=create)
    assert (False, True) == (samples.ok, derived.ok)
    assert "keeps its data for 30 days; expected: for 90 days" == samples.what
    assert "--retention 90d`, or SLEDWATCH_INFLUXDB_RETENTION_DAYS" in str(samples.to_do)
    assert 30 * DAY_S == kept_s(influx_server, bucket)


@real
def test_several_parts_that_start_together_make_each_bucket_once(influx_server):
    bucket = influx_server.new_name()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: looked_at(influx_server, bucket, make=create), range(4)))
    assert [[True, True, True]] * 4 == [outcome(findings) for findings in found]


@real
@pytest.mark.parametrize(
    ("letters", "what"), [("r", "the token may not write it"), ("w", "the token may not read it"), ("rw", None)]
)
def test_a_token_that_may_do_too_little_is_said_so(influx_server, letters, what):
    bucket = influx_server.new_bucket(retention_s=90 * DAY_S)
    beside = influx_server.new_bucket(name=f"{bucket}-derived")
    token = influx_server.new_token({bucket: letters, beside: "rw"})
    _, samples, derived = looked_at(influx_server, bucket, token=token)
    assert derived.ok
    assert samples.ok if what is None else what in samples.what


@real
def test_a_token_that_may_not_make_a_bucket_leaves_it_to_the_operator(influx_server):
    bucket = influx_server.new_bucket(retention_s=90 * DAY_S)
    token = influx_server.new_token({bucket: "rw"})
    findings = looked_at(influx_server, bucket, make=create, token=token)
    assert [True, True, False] == outcome(findings)
    assert "the token may not make it" in findings[2].what
    assert f"influx bucket create --org {influx_server.org} --name {bucket}-derived --retention 0" in str(
        findings[2].to_do
    )


@real
def test_a_wrong_token_and_a_wrong_organisation_are_told_apart(influx_server):
    (token,) = looked_at(influx_server, "any", token="wrong")
    (org,) = look(influx_server.url, influx_server.token, "no-such-org", "any", 90)
    assert "SLEDWATCH_INFLUXDB_TOKEN" in str(token.to_do)
    assert "SLEDWATCH_INFLUXDB_ORG" in str(org.to_do)


@pytest.mark.parametrize("answer", [Answer(0), Answer(503, "later"), Answer(200, "<html></html>"), Answer(200, "7")])
@pytest.mark.parametrize("make", [look, create])
def test_where_no_influxdb_answers_nothing_is_found(make, answer):
    with answering(lambda _: answer) as server, pytest.raises(StoreUnavailable):
        make(server.url, "token", "org", "bucket", 90)


def test_a_server_that_is_not_there_is_unavailable(free_port):
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        look(f"http://127.0.0.1:{free_port()}", "token", "org", "bucket", 90)
