"""What waiting does not mend ends ingest loudly; what belongs to the network does not."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ingest_running import IngestProcess, Stores, running_ingest, stores
from mqtt_brokers import Broker, url_for_ingest
from sledwatch_ingest.service import IngestConfig, run
from sledwatch_storage.series.memory import MemorySeries
from sledwatch_storage.series.port import StoredFrame
from store_and_forward import Machine, now_us
from waiting import eventually

__all__ = ["stores"]


class Broken(MemorySeries):
    """A store with a bug."""

    def append(self, frames: Sequence[StoredFrame]) -> None:
        raise ZeroDivisionError(f"a bug with {len(frames)} frames, says the test")


@pytest.fixture
def machine(broker: Broker) -> Iterator[Machine]:
    made = Machine(broker.url, again_s=0.5)
    yield made
    made.close()


def test_a_bug_in_writing_ends_it(broker: Broker, stores: Stores, machine: Machine) -> None:
    ended = threading.Event()
    machine.press(1)
    with pytest.raises(ZeroDivisionError):
        run(IngestConfig(mqtt_url=url_for_ingest(broker)), Broken(), stores.state, now_us, ended)
    assert ended.is_set()


def test_a_bug_in_receiving_ends_it(broker: Broker, stores: Stores, machine: Machine) -> None:
    def clock() -> int:
        if threading.current_thread().name == "ingest_1":  # the connection's; the writer's is ingest_0
            raise ZeroDivisionError("a bug, says the test")
        return now_us()

    machine.press(1)
    with pytest.raises(ZeroDivisionError):
        run(IngestConfig(mqtt_url=url_for_ingest(broker)), stores.series, stores.state, clock, threading.Event())


def test_a_second_interrupt_ends_it_though_a_batch_is_still_in_hand(
    broker: Broker, stores: Stores, machine: Machine, tmp_path: Path
) -> None:
    ingest = IngestProcess(url_for_ingest(broker), stores)
    ingest.start()
    try:
        eventually(lambda: stores.beat().get("subscribed"))
        with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            machine.press(5)
            eventually(lambda: stores.seqs("gym", "lp-1"))
            ingest.interrupt()
            # The first must have been heard, and the wait for the last batch not be over.
            threading.Event().wait(0.5)
            ingest.interrupt()
            other.execute("ROLLBACK")
        eventually(lambda: not ingest.running, timeout_s=20.0)
    finally:
        ingest.kill()


def test_an_address_that_is_none_is_refused_at_once(stores: Stores) -> None:
    with pytest.raises(ValueError, match="expected mqtt://"):
        run(IngestConfig(mqtt_url="broker.gym"), stores.series, stores.state, now_us, threading.Event())


def test_a_message_beyond_all_measure_is_no_matter_to_the_others(
    broker: Broker, stores: Stores, machine: Machine
) -> None:
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        machine.press(3)
        eventually(lambda: stores.recorded() == 3)
        machine.publish_and_forget("sledwatch/v1/gym/lp-9/frame", bytes(3 * 1024 * 1024))
        machine.press(3)
        eventually(lambda: not machine.unstored)
    assert list(range(6)) == stores.seqs("gym", "lp-1")
