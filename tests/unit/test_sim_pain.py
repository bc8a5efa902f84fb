"""Pain that simulated people feel is noted at the desk, however late their session is known there."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from sledwatch_sim.api import Api, ApiError
from sledwatch_sim.pace import Hurried
from sledwatch_sim.programmes import MINUTE_US, Ids, at_work
from sledwatch_sim.scenarios import load
from sledwatch_sim.simulation import Floor, SimulationError, Surroundings
from sledwatch_sim.testing import Storing, VirtualBroker, VirtualClock
from sledwatch_sim.truth import Truth

SCENARIO = """
summary = "Somebody goes too deep, and feels it"
span_min = 30

[[gyms]]
name = "mine"
title = "My gym"

[[machines]]
model = "LP-45"

[[people]]
machine = 1
after_s = 2
temper = "deep-when-tired"
obeys = false
feels_back = true
sets = 4
sets_today = 3
"""


class Desk:
    """A front desk whose system answers notes as it is told, one answer after another, and the last one for ever."""

    def __init__(self, clock: VirtualClock, statuses: list[int]) -> None:
        self.notes: list[dict[str, Any]] = []
        self._clock = clock
        self._statuses = statuses
        self._api = Api("http://front-desk.invalid", None, httpx.MockTransport(self._answer))

    def closed(self) -> bool:
        return False

    def ask(self, job: Callable[[Api], Any], then: Callable[[Any], None], failed: Callable[[ApiError], None]) -> None:
        try:
            result = job(self._api)
        except ApiError as error:
            refused = error
            self._clock.call_later(0.0, lambda: failed(refused))
        else:
            self._clock.call_later(0.0, lambda: then(result))

    def close(self) -> None:
        self._api.close()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/notes"):
            return httpx.Response(200, json={"items": [], "next": None})
        self.notes.append({"at_s": self._clock.monotonic(), **msgspec.json.decode(request.read())})
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        return httpx.Response(status, json={} if status == 201 else {"detail": "session: a session that has begun"})


def played(directory: Path, clock: VirtualClock, broker: VirtualBroker, desk: Desk) -> list[dict[str, Any]]:
    """What is true of the pain in a run of the scenario."""
    (directory / "mine.toml").write_text(SCENARIO, encoding="utf-8")
    name, scenario = load(str(directory / "mine.toml"))
    ids, start_us = Ids(1, name), clock()
    programme = at_work(scenario, 1, start_us, ids)
    pace = Hurried(start_us, clock.monotonic(), 1.0, clock.monotonic)
    surroundings = Surroundings(clock, pace, [broker.carrier], desk, clock)
    with Truth(directory / "truth.jsonl") as truth:
        span_us = scenario.span_min * MINUTE_US
        stop = threading.Event()
        Floor(surroundings, programme, truth, ids, 1, start_us, span_us, lambda _: None, stop).run()
    lines = [msgspec.json.decode(line) for line in (directory / "truth.jsonl").read_bytes().splitlines()]
    return [line for line in lines if line["kind"] == "pain"]


def test_pain_is_noted_again_until_its_session_is_known(
    tmp_path: Path, virtual_clock: VirtualClock, virtual_broker: VirtualBroker
) -> None:
    Storing(virtual_broker)
    desk = Desk(virtual_clock, [422, 503, 201])
    (pain,) = played(tmp_path, virtual_clock, virtual_broker, desk)
    assert [pain["session"]] * 3 == [note["session"] for note in desk.notes]
    assert 2.0 <= desk.notes[-1]["at_s"] - desk.notes[0]["at_s"] < 3.0


@pytest.mark.parametrize(("status", "why"), [(422, "notes of pain that were not taken: 1"), (404, "gave 404")])
def test_a_run_whose_pain_nobody_notes_does_not_end_well(
    tmp_path: Path, virtual_clock: VirtualClock, virtual_broker: VirtualBroker, status: int, why: str
) -> None:
    Storing(virtual_broker)
    with pytest.raises(SimulationError, match=why):
        played(tmp_path, virtual_clock, virtual_broker, Desk(virtual_clock, [status]))
