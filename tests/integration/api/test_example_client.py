"""The example of an API client, as a process of its own, before a real server."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api_house import NOW_US, TOKEN, House
from sledwatch_analytics.api.server import Server
from sledwatch_storage.state.members import put_member
from waiting import eventually

CLIENT = Path(__file__).parents[3] / "examples" / "api_client.py"
A_PAGE = 100


@pytest.fixture
def begin(house: House, free_port: Callable[[], int]) -> "Iterator[Callable[..., subprocess.Popen[str]]]":
    """Starts the example with some words against the house's API."""
    port = free_port()
    server = Server(house.app, house.hub, host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    environment = {**os.environ, "SLEDWATCH_URL": f"http://127.0.0.1:{port}", "SLEDWATCH_API_TOKEN": TOKEN}
    begun: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, str(CLIENT), *words]
        begun.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()
    server.should_exit = True
    thread.join(20)


def test_members_limits_and_problems(house: House, begin: "Callable[..., subprocess.Popen[str]]") -> None:
    for number in range(A_PAGE + 1):
        put_member(house.engine, f"m-{number:03}", {"name": f"Ada {number}"}, NOW_US)
    members, limit, wrong = (
        begin("members"),
        begin("limit", "m-001", "north", "press-1", "380"),
        begin("limit", "m-001", "north", "press-1", "-3"),
    )
    assert [f"m-{number:03}" for number in range(A_PAGE + 1)] == sorted(
        line.split()[0] for line in members.communicate(timeout=20)[0].splitlines()
    )
    assert "m-001 at north/press-1: 380 mm, set by admin\n" == limit.communicate(timeout=20)[0]
    said = wrong.communicate(timeout=20)[1]
    assert (1, "The request is not as expected: limit_mm in the body:") == (wrong.returncode, said[:54].rstrip())
    assert "\n  body limit_mm: Input should be greater than 0" in said


def test_an_alert_is_seen_with_its_evidence_and_acknowledged(
    house: House, begin: "Callable[..., subprocess.Popen[str]]"
) -> None:
    alert = house.raise_alert()
    watch = begin("watch")
    eventually(lambda: house.hub.listeners == 1)
    printed = begin("acknowledge", alert.id).communicate(timeout=20)[0]
    assert "ALERT  Too deep — m-1 at north/press-1, acknowledged, 2×" in printed
    assert "deepest_mm               431.0" in printed
    assert watch.stdout is not None
    assert printed.splitlines() == [watch.stdout.readline().rstrip("\n") for _ in printed.splitlines()]
