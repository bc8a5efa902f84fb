"""The whole line as one command: the simulated gym to the trainer's alert, and what survives."""

import os
import re
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from waiting import eventually
from whole_line import WholeLine


@pytest.fixture
def line(tmp_path: Path, free_port):  # type: ignore[no-untyped-def]
    with WholeLine(tmp_path / "data", free_port) as running:
        yield running


def alerts(line: WholeLine, rule: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = line.get("/alerts", rule=rule)["items"]
    return found


def test_both_alerts_arrive_and_an_acknowledgement_survives_a_restart(tmp_path: Path, free_port) -> None:  # type: ignore[no-untyped-def]
    with WholeLine(tmp_path / "data", free_port) as line:
        deep = eventually(lambda: alerts(line, "depth.excessive"), timeout_s=60)[0]
        spike = eventually(lambda: alerts(line, "workload.spike"), timeout_s=60)[0]
        assert deep["severity"] == spike["severity"] == "alert"
        assert deep["evidence"]
        assert deep["advice"]
        line.call("POST", f"/alerts/{deep['id']}/acknowledge")
        members = line.get("/members", limit=1000)["items"]
        assert line.stop() == 0
        line.start()
        (again,) = [alert for alert in alerts(line, "depth.excessive") if alert["id"] == deep["id"]]
        assert again["state"] == "acknowledged"
        assert {m["user"] for m in members} <= {m["user"] for m in line.get("/members", limit=1000)["items"]}


def test_the_printed_link_signs_in_once(line: WholeLine) -> None:
    link = eventually(lambda: re.search(r"http://\S+/sign-in\S+", line.printed()))[0]
    with httpx.Client(follow_redirects=True) as browser:
        assert browser.get(link).status_code == 200
        assert browser.get(f"{line.url}/api/v1/gyms").status_code == 200
    assert httpx.get(link).status_code == 401
    assert httpx.get(f"{line.url}/api/v1/gyms").status_code == 401


def test_a_part_that_dies_is_started_again(tmp_path: Path, free_port) -> None:  # type: ignore[no-untyped-def]
    with WholeLine(tmp_path / "data", free_port, "--no-simulator") as line:
        for name in ("ingest", "broker", "analytics"):
            before = line.part(name)
            os.kill(before, signal.SIGKILL)
            eventually(lambda name=name, before=before: line.part(name) != before, timeout_s=10)
        eventually(line.is_ready, timeout_s=30)


def test_a_second_up_on_the_same_data_is_turned_away(tmp_path: Path, free_port) -> None:  # type: ignore[no-untyped-def]
    with WholeLine(tmp_path / "data", free_port, "--no-simulator") as line:
        done = line.run("up", "--http-port", str(free_port()))
    assert done.returncode == 2
    assert "in use by another" in done.stderr


def test_nothing_stays_when_up_is_killed(tmp_path: Path, free_port) -> None:  # type: ignore[no-untyped-def]
    with WholeLine(tmp_path / "data", free_port) as line:
        parts = [line.part(name) for name in ("broker", "ingest", "analytics", "simulate")]
        assert line.process is not None
        line.process.kill()
        line.process.wait()
        eventually(lambda: not [pid for pid in parts if Path(f"/proc/{pid}").exists()], timeout_s=15)
        line.process = None
