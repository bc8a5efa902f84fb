"""Machines for tests of software that meets the wire contract: pytest fixtures without a broker and without real time.

Name this module in a conftest.py, and a test has them:

    pytest_plugins = ["sledwatch_sim.testing"]

- `virtual_clock`: a clock that advances only when told, and wakes timers in order.
- `virtual_broker`: what machines say to it, who listens, what is said to machines.
- `press`: makes a leg press with somebody to sit in it.
- `gym_day`: plays a scenario, with the truth about it.
- `broker_gym`: hands all of it to a real MQTT broker, for services that connect to one.

The classes behind them can be used without pytest. docs/testing-with-machines.md shows how.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

from sledwatch import events
from sledwatch_sim.testing.bridge import BrokerGym
from sledwatch_sim.testing.broker import Message, VirtualBroker
from sledwatch_sim.testing.clock import VirtualClock
from sledwatch_sim.testing.day import GymDay, play
from sledwatch_sim.testing.press import DoneRep, SetUnderWay, SimulatedPress, Tempo
from sledwatch_sim.testing.storing import Storing

__all__ = [
    "START_US",
    "BrokerGym",
    "BrokerGymFactory",
    "DoneRep",
    "GymDay",
    "GymDayFactory",
    "Message",
    "PressFactory",
    "SetUnderWay",
    "SimulatedPress",
    "Storing",
    "Tempo",
    "VirtualBroker",
    "VirtualClock",
    "broker_gym",
    "gym_day",
    "play",
    "press",
    "virtual_broker",
    "virtual_clock",
    "virtual_start_us",
]

# A Sunday morning, 2026-11-22T07:00:00Z.
START_US: Final = 1_795_330_800_000_000


class PressFactory(Protocol):
    """Makes machines; see `press`."""

    def __call__(self, gym: str = ..., name: str | None = ..., *, stores: bool = ..., **options: Any) -> SimulatedPress:
        """Make one."""


class GymDayFactory(Protocol):
    """Plays scenarios; see `gym_day`."""

    def __call__(self, scenario: str, *, seed: int = ..., minutes: float | None = ..., stores: bool = ...) -> GymDay:
        """Play one."""


class BrokerGymFactory(Protocol):
    """Connects virtual machines to real brokers; see `broker_gym`."""

    def __call__(self, url: str, ca: Path | None = ...) -> BrokerGym:
        """Connect to one."""


@pytest.fixture
def virtual_start_us() -> int:
    """When the virtual clock starts, µs since the epoch, UTC; override it for another time."""
    return START_US


@pytest.fixture
def virtual_clock(virtual_start_us: int) -> VirtualClock:
    """A clock that stands still until the test lets it go by: `virtual_clock.advance(seconds)`."""
    return VirtualClock(virtual_start_us)


@pytest.fixture
def virtual_broker(virtual_clock: VirtualClock) -> VirtualBroker:
    """A broker in memory: `virtual_broker.subscribe(function)` hears what the test's machines say."""
    return VirtualBroker(virtual_clock)


@pytest.fixture
def press(virtual_broker: VirtualBroker) -> PressFactory:
    """Makes a leg press, switched on and connected to `virtual_broker`: `press(gym, name, seed=1, …)`.

    gym, name: `gym-1` and `press-1`, `press-2` and so on where not said. stores: somebody stores all that it says and
    answers `stored`; False leaves that to the test. Further options as `SimulatedPress` takes them: model, rate_hz,
    seed, obeys, sensor, network, capacity.
    """
    made = 0

    def make(gym: str = "gym-1", name: str | None = None, *, stores: bool = True, **options: Any) -> SimulatedPress:
        nonlocal made
        made += 1
        name = name or f"press-{made}"
        if stores:
            Storing(virtual_broker, f"{events.ROOT}/{gym}/{name}/+")
        return SimulatedPress(virtual_broker, gym, name, **{"number": made, **options})

    return make


@pytest.fixture
def gym_day(virtual_broker: VirtualBroker) -> GymDayFactory:
    """Plays a scenario in virtual time: `gym_day("too-deep", seed=1)`, or the path of a TOML file.

    Returns its messages with the truth about them. Whoever listens at `virtual_broker` hears each at its time. minutes:
    only the first ones. stores: as for `press`.
    """

    def make(scenario: str, *, seed: int = 1, minutes: float | None = None, stores: bool = True) -> GymDay:
        if stores:
            Storing(virtual_broker)
        return play(virtual_broker, scenario, seed=seed, minutes=minutes)

    return make


@pytest.fixture
def broker_gym(virtual_broker: VirtualBroker) -> Iterator[BrokerGymFactory]:
    """Hands what the test's machines say to a real broker: `broker_gym("mqtt://127.0.0.1:1883")`, before they are made.

    Machines that a real ingest is to answer are made with `press(stores=False)`, and the clock has to start lately: a
    service refuses what is older than 30 days. Override `virtual_start_us` for that.
    """
    open_: list[BrokerGym] = []

    def make(url: str, ca: Path | None = None) -> BrokerGym:
        open_.append(BrokerGym(virtual_broker, url, ca))
        return open_[-1]

    yield make
    for one in open_:
        one.close()
