"""Ingest killed, and the broker killed, under load: what the machines sent equals what is stored, none twice."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_running import IngestProcess, Stores, stores
from mqtt_brokers import Broker
from store_and_forward import Machine
from waiting import eventually

__all__ = ["stores"]

MACHINES = 4
FRAMES = 500  # of each machine
PER_S = 50.0  # of each machine: 200 messages a second together
KILLS = 5


class Gym:
    """Machines that press at the same time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.machines: list[Machine] = []
        self._pressing: list[threading.Thread] = []

    def open(self, again_s: float = 3.0) -> None:
        """Let them press. again_s: after which time they send again what is not stored."""
        self.machines = [Machine(self.url, name=f"lp-{n}", again_s=again_s) for n in range(MACHINES)]
        eventually(lambda: all(machine.connected for machine in self.machines))
        self._pressing = [threading.Thread(target=m.press, args=(FRAMES, PER_S)) for m in self.machines]
        for thread in self._pressing:
            thread.start()

    def sent(self) -> int:
        return sum(len(machine.frames) for machine in self.machines)

    def settled(self) -> bool:
        """Whether all is sent and the machines have been told that all of it is stored."""
        return self.sent() == MACHINES * FRAMES and not any(machine.unstored for machine in self.machines)

    def close(self) -> None:
        for machine in self.machines:
            machine.close()
        for thread in self._pressing:
            thread.join(20)


@pytest.fixture
def gym(broker: Broker) -> Iterator[Gym]:
    made = Gym(broker.url)
    yield made
    made.close()


@pytest.fixture
def ingest(broker: Broker, stores: Stores, tmp_path: Path) -> Iterator[IngestProcess]:
    made = IngestProcess(broker.url, tmp_path)
    made.start()
    try:
        eventually(lambda: stores.beat().get("subscribed"))
        yield made
    finally:
        made.kill()


def test_ingest_killed_five_times_loses_nothing_and_stores_nothing_twice(
    gym: Gym, ingest: IngestProcess, stores: Stores
) -> None:
    """The machines send nothing again: what was not acknowledged must come from the broker."""
    gym.open(again_s=3600.0)
    for kill in range(1, KILLS + 1):
        stored = stores.frames()
        eventually(lambda share=kill / (KILLS + 1): gym.sent() > share * MACHINES * FRAMES)
        eventually(lambda before=stored: stores.frames() > before)
        ingest.kill()
        ingest.start()
    eventually(gym.settled, timeout_s=60.0)
    assert_all_is_stored_once(gym, stores)


def test_the_broker_killed_loses_nothing_and_stores_nothing_twice(
    gym: Gym, ingest: IngestProcess, stores: Stores, broker: Broker
) -> None:
    gym.open()
    eventually(lambda: gym.sent() > MACHINES * FRAMES / 2)
    broker.kill()
    broker.start()
    eventually(gym.settled, timeout_s=60.0)
    assert_all_is_stored_once(gym, stores)


def test_ingest_ends_cleanly_when_it_is_asked_to(gym: Gym, ingest: IngestProcess, stores: Stores) -> None:
    gym.open()
    eventually(lambda: any(stores.seqs("gym", machine.name) for machine in gym.machines))
    assert 0 == ingest.stop()
    ingest.start()
    eventually(gym.settled, timeout_s=60.0)
    assert_all_is_stored_once(gym, stores)


def assert_all_is_stored_once(gym: Gym, stores: Stores) -> None:
    for machine in gym.machines:
        stored = stores.series.frames("gym", machine.name, machine.boot, 0, 2**62)
        assert machine.frames == [kept.frame for kept in stored]
