"""The store goes away: nothing is acknowledged, memory stays bounded, and work resumes by itself, oldest first."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from failing_series import Interrupted
from ingest_running import Stores, running_ingest, stores
from mqtt_brokers import Broker
from store_and_forward import Machine
from waiting import eventually

__all__ = ["stores"]


@pytest.fixture
def series(stores: Stores) -> Interrupted:
    return Interrupted(stores.series)


@pytest.fixture
def machine(broker: Broker) -> Iterator[Machine]:
    """A machine that sends nothing twice of its own accord: what is redelivered, the broker redelivers."""
    made = Machine(broker.url, again_s=3600.0)
    eventually(lambda: made.connected)
    yield made
    made.close()


def test_work_resumes_by_itself_oldest_first(
    broker: Broker, stores: Stores, series: Interrupted, machine: Machine
) -> None:
    with running_ingest(broker.url, series, stores.state):
        machine.press(10)
        eventually(lambda: not machine.unstored)
        series.away.set()
        machine.press(60)
        eventually(lambda: len(series.attempted) >= 3)
        eventually(lambda: not stores.beat()["store"])
        assert list(range(10, 70)) == machine.unstored
        series.away.clear()
        eventually(lambda: not machine.unstored)
        eventually(lambda: stores.beat()["store"])
    assert list(range(70)) == series.taken
    assert list(range(70)) == stores.seqs("gym", "lp-1")


def test_what_was_not_stored_was_not_acknowledged(
    broker: Broker, stores: Stores, series: Interrupted, machine: Machine
) -> None:
    """The next ingest gets it from the broker: the machine sends nothing again."""
    with running_ingest(broker.url, series, stores.state):
        machine.press(10)
        eventually(lambda: not machine.unstored)
        series.away.set()
        machine.press(40)
        eventually(lambda: series.attempted)
    assert list(range(10)) == stores.seqs("gym", "lp-1")
    with running_ingest(broker.url, stores.series, stores.state):
        eventually(lambda: not machine.unstored)
    assert list(range(50)) == stores.seqs("gym", "lp-1")


def test_an_outage_longer_than_the_queue_and_the_keepalive_is_sat_out(
    broker: Broker, stores: Stores, series: Interrupted, machine: Machine
) -> None:
    """A full queue leaves the socket unread; past a keep-alive ingest leaves, and the broker keeps its place."""
    with running_ingest(broker.url, series, stores.state, queue=4, batch=1, keepalive_s=1):
        machine.press(5)
        eventually(lambda: not machine.unstored)
        series.away.set()
        machine.press(400)
        eventually(lambda: not stores.beat()["subscribed"])
        series.away.clear()
        eventually(lambda: not machine.unstored, timeout_s=40.0)
    assert list(range(405)) == stores.seqs("gym", "lp-1")


def test_a_database_locked_by_another_program_is_waited_for(
    broker: Broker, stores: Stores, machine: Machine, tmp_path: Path
) -> None:
    with running_ingest(broker.url, stores.series, stores.state):
        machine.press(5)
        eventually(lambda: not machine.unstored)
        with sqlite3.connect(tmp_path / "state.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            machine.press(20)
            eventually(lambda: len(stores.seqs("gym", "lp-1")) > 5)
            assert 25 > 25 - len(machine.unstored)
            other.execute("ROLLBACK")
        other.close()
        eventually(lambda: not machine.unstored, timeout_s=40.0)
    assert list(range(25)) == stores.seqs("gym", "lp-1")
