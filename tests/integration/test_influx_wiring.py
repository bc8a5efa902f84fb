"""From settings to stores in InfluxDB: the buckets are there when a part has started, or as soon as the server is."""

import pytest

from frames import T0_US, a_frame, stored
from influx_server import InfluxServer
from sledwatch_app import wiring
from sledwatch_app.settings import Settings, load
from waiting import eventually

pytestmark = pytest.mark.needs("influxd")


def settings_for(server: InfluxServer, bucket: str, token: str | None = None) -> Settings:
    return load(
        influxdb_url=server.url,
        influxdb_token=token or server.token,
        influxdb_org=server.org,
        influxdb_bucket=bucket,
        influxdb_retention_days=30,
    )


def test_the_buckets_are_made_at_the_start(influx_server: InfluxServer) -> None:
    bucket = influx_server.new_name()
    series = wiring.series_store(settings_for(influx_server, bucket))
    series.append([stored(a_frame())])
    assert [a_frame()] == [one.frame for one in series.frames("north", "press-1", "b1", T0_US, T0_US + 1)]
    assert [30 * 86_400, 0] == [
        sum(rule["everySeconds"] for rule in (influx_server.bucket(name) or {})["retentionRules"])
        for name in (bucket, f"{bucket}-derived")
    ]
    series.close()


def test_a_token_that_may_make_no_bucket_ends_no_start_and_is_said_so(
    influx_server: InfluxServer, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = influx_server.new_bucket(retention_s=30 * 86_400)
    token = influx_server.new_token({bucket: "rw"})
    series = wiring.series_store(settings_for(influx_server, bucket, token))
    series.append([stored(a_frame())])
    series.close()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "not_as_expected" in line]
    assert f"influx bucket create --org {influx_server.org} --name {bucket}-derived" in line


def test_the_buckets_are_made_when_the_server_comes_later_than_the_part(influx_server: InfluxServer) -> None:
    bucket = influx_server.new_name()
    influx_server.stop()
    series = wiring.series_store(settings_for(influx_server, bucket))
    influx_server.start()
    eventually(lambda: influx_server.bucket(f"{bucket}-derived"))
    series.append([stored(a_frame())])
    series.close()
