"""A recording fed by `sledwatch replay` comes out as its reps, its depths and one alert."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from influx_server import InfluxServer
from waiting import eventually
from whole_line import WholeLine, now_us

LIMIT_MM = 400.0
BOTTOMS_MM = [370, 375, 380, 385, 380, 412, 378, 385, 418, 380]
RATE_HZ = 50


def recording(path: Path) -> None:
    """Ten presses from 20 mm to their bottoms, with pauses, at 50 Hz and with half a millimetre of noise."""
    rng = np.random.default_rng(7)
    pieces = [np.full(3 * RATE_HZ, 20.0)]
    for bottom in BOTTOMS_MM:
        pieces += [travel(20, bottom, 2.0), np.full(5, float(bottom)), travel(bottom, 20, 1.5), np.full(40, 20.0)]
    depth = np.concatenate([*pieces, np.full(2 * RATE_HZ, 20.0)])
    depth += rng.normal(0, 0.5, len(depth))
    t0 = now_us() - 600_000_000
    rows = [f"{t0 + i * 20_000},{mm:.1f},120" for i, mm in enumerate(depth)]
    path.write_text("t_us,depth_mm,load_kg\n" + "\n".join(rows) + "\n")


def travel(start: float, end: float, seconds: float) -> Any:
    """A minimum-jerk movement (Flash & Hogan 1985)."""
    s = np.linspace(0, 1, int(seconds * RATE_HZ))
    return start + (end - start) * (10 * s**3 - 15 * s**4 + 6 * s**5)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("influxdb", marks=pytest.mark.needs("influxd"))])
def line(request, tmp_path_factory, free_port):  # type: ignore[no-untyped-def]
    settings = influx_settings(request.getfixturevalue("influx_server")) if request.param == "influxdb" else {}
    with WholeLine(tmp_path_factory.mktemp("replay") / "data", free_port, "--no-simulator", **settings) as running:
        yield running


def influx_settings(server: InfluxServer) -> dict[str, str]:
    """What points the series at a bucket of their own."""
    bucket = server.new_bucket()
    return {
        "INFLUXDB_URL": server.url,
        "INFLUXDB_TOKEN": server.token,
        "INFLUXDB_ORG": server.org,
        "INFLUXDB_BUCKET": bucket,
    }


def replay(line: WholeLine, path: Path, user: str) -> str:
    done = line.run("replay", str(path), "--gym", "riverside", "--machine", "press-1", "--user", user)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def closed(line: WholeLine, session: str) -> bool:
    return bool(line.get(f"/sessions/{session}")["state"] == "closed")


def test_ten_reps_with_two_past_the_limit_give_one_alert(line: WholeLine, tmp_path: Path) -> None:
    recording(tmp_path / "set.csv")
    line.call("PUT", "/members/m-1042/limits/riverside/press-1", json={"limit_mm": LIMIT_MM})
    session = replay(line, tmp_path / "set.csv", "m-1042")
    eventually(lambda: closed(line, session), timeout_s=30)
    reps = line.get(f"/sessions/{session}/reps")["items"]
    assert len(BOTTOMS_MM) == len(reps)
    assert BOTTOMS_MM == pytest.approx([rep["depth_mm"] for rep in reps], abs=2.0)
    assert [6, 9] == [rep["rep"] for rep in reps if (rep["over_mm"] or 0) > 0]
    (alert,) = line.get("/alerts", user="m-1042")["items"]
    assert ("depth.excessive", "alert", 2, session) == tuple(
        alert[name] for name in ("rule", "severity", "count", "session")
    )


def test_the_trace_of_a_recording_is_every_sample_of_it(line: WholeLine, tmp_path: Path) -> None:
    recording(tmp_path / "set.csv")
    session = replay(line, tmp_path / "set.csv", "m-7")
    trace = line.get(f"/sessions/{session}/trace")
    rows = (tmp_path / "set.csv").read_text().splitlines()[1:]
    assert [float(row.split(",")[1]) for row in rows] == trace["depth_mm"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t,depth,load\n1,2,3\n", "t_us,depth_mm,load_kg"),
        ("t_us,depth_mm,load_kg\n1,deep,3\n", "line 2"),
        ("t_us,depth_mm,load_kg\n", "no samples"),
        ("", "t_us,depth_mm,load_kg"),
    ],
)
def test_a_recording_that_is_none_is_one_clear_line(line: WholeLine, tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    done = line.run("replay", str(tmp_path / "bad.csv"), "--gym", "g", "--machine", "m", "--user", "u")
    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert expected in done.stderr


def test_what_was_refused_is_listed(line: WholeLine) -> None:
    done = line.run("quarantine", "list", "--json")
    assert done.returncode == 0
    assert [] == [json.loads(row) for row in done.stdout.splitlines()]
