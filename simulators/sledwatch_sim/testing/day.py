"""A scenario played in virtual time: what its machines say, whom its people are, and what truly happened."""

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import msgspec

from sledwatch_sim.api import Api, ApiError
from sledwatch_sim.pace import Hurried
from sledwatch_sim.programmes import MINUTE_US, Ids, at_work
from sledwatch_sim.scenarios import load
from sledwatch_sim.simulation import Floor, Surroundings
from sledwatch_sim.testing.broker import Message, VirtualBroker
from sledwatch_sim.truth import Truth

T = TypeVar("T")

_NOWHERE: Final = "http://front-desk.invalid"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the run would have told the system's API before and between sessions. body: JSON, or NDJSON as a list."""

    method: str
    path: str
    body: Any


@dataclass(frozen=True, slots=True)
class GymDay:
    """A scenario that has been played.

    messages: of all machines, in the order in which the broker got them. truth: the lines of the truth file, as
    `sledwatch simulate --truth` writes them. sessions: their ids, in the order of their ends. asked: members, limits
    history and notes of pain as they were told to the API.
    """

    scenario: str
    messages: list[Message]
    truth: list[dict[str, Any]]
    sessions: list[str]
    asked: list[Asked]

    def true(self, kind: str) -> list[dict[str, Any]]:
        """The truth of a kind: run, member, session, rep, finding, pain, unbadged or fault."""
        return [line for line in self.truth if line["kind"] == kind]


def play(broker: VirtualBroker, scenario: str, *, seed: int = 1, minutes: float | None = None) -> GymDay:
    """Play a scenario from the broker's present time on, in virtual time; returns when all has left and is stored.

    scenario: a name, or the path of a .toml file. minutes: stop after so many; whoever is at a machine then has their
    session ended by `reboot`. Somebody has to answer `stored` (see `Storing`). The same seed and time give the same
    bytes, those that `sledwatch simulate --seed --start` sends. Raises WrongScenario, and SimulationError where nobody
    stores.
    """
    clock = broker.clock
    name, found = load(scenario)
    start_us, said, ids, stop = clock(), len(broker.messages), Ids(seed, name), threading.Event()
    programme = at_work(found, seed, start_us, ids)
    desk = _AtOnce(clock.call_later)
    if minutes is not None:
        clock.call_later(60.0 * minutes, stop.set)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "truth.jsonl"
        with Truth(path) as truth:
            truth.run(name, sorted({machine.gym for machine in programme.machines}), seed, start_us)
            pace = Hurried(start_us, clock.monotonic(), 1.0, clock.monotonic)
            surroundings = Surroundings(clock, pace, [broker.carrier] * len(programme.machines), desk, clock)
            span_us = found.span_min * MINUTE_US
            floor = Floor(surroundings, programme, truth, ids, seed, start_us, span_us, lambda _: None, stop)
            sessions = floor.run()
        lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    return GymDay(name, broker.messages[said:], lines, sessions, desk.asked)


class _AtOnce:
    """A front desk whose system says yes to everything, without delay."""

    def __init__(self, later: Callable[[float, Callable[[], None]], object]) -> None:
        self.asked: list[Asked] = []
        self._later = later
        self._api = Api(_NOWHERE, None, httpx.MockTransport(self._answer))

    def closed(self) -> bool:
        return False

    def ask(self, job: Callable[[Api], T], then: Callable[[T], None], failed: Callable[[ApiError], None]) -> None:  # noqa: ARG002 - nothing is refused
        result = job(self._api)
        self._later(0.0, lambda: then(result))

    def close(self) -> None:
        self._api.close()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(httpx.codes.OK, json={"items": [], "next": None})
        lines = [msgspec.json.decode(line) for line in request.read().splitlines()]
        ndjson = request.headers.get("Content-Type", "").endswith("x-ndjson")
        body = lines if ndjson else lines[0] if lines else None
        self.asked.append(Asked(request.method, request.url.path.removeprefix("/api/v1"), body))
        return httpx.Response(httpx.codes.OK, json={})
