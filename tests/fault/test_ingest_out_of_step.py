"""Killed between the store and the ledger: the two are out of step, and come into step again."""

import sqlite3
from contextlib import closing

from ingest_running import IngestProcess, Stores, assert_stored_once
from mqtt_brokers import Broker
from store_and_forward import Machine
from waiting import eventually


def test_what_is_stored_but_not_on_record_is_recorded_and_not_stored_twice(
    broker: Broker, stores: Stores, ingest: IngestProcess
) -> None:
    """The ledger is held by another program while the store takes the batch; then ingest is killed.

    The machine sends nothing again: without an acknowledgement the broker has it still.
    """
    machine = Machine(broker.url, again_s=3600.0)
    try:
        machine.press(10)
        eventually(lambda: stores.recorded() == 10)
        with closing(sqlite3.connect(stores.state_path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            machine.press(20)
            eventually(lambda: len(stores.seqs("gym", "lp-1")) > 10)
            assert 10 == stores.recorded()
            ingest.kill()
            other.execute("ROLLBACK")
        ingest.start()
        eventually(lambda: not machine.unstored)
        assert_stored_once(stores, [machine])
        assert 30 == stores.recorded()
    finally:
        machine.close()


def test_a_ledger_that_another_program_holds_is_waited_for(
    broker: Broker, stores: Stores, ingest: IngestProcess
) -> None:
    machine = Machine(broker.url, again_s=3600.0)
    try:
        machine.press(5)
        eventually(lambda: stores.recorded() == 5)
        with closing(sqlite3.connect(stores.state_path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            machine.press(20)
            eventually(lambda: len(stores.seqs("gym", "lp-1")) > 5)
            assert 5 == stores.recorded()
            other.execute("ROLLBACK")
        eventually(lambda: not machine.unstored)
        assert_stored_once(stores, [machine])
    finally:
        machine.close()
