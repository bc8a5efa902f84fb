"""From a machine's publication to the stores, and `stored` back to the machine."""

import socket
import threading
import urllib.request
from collections.abc import Callable

import pytest
from sqlalchemy import select

from ingest_running import Stores, machine, running_ingest, stores
from mqtt_brokers import Broker
from sledwatch_ingest.service import IngestConfig, PortTaken, run
from sledwatch_storage.state.schema import machine as machine_table
from sledwatch_storage.state.schema import session_log
from store_and_forward import Machine, now_us
from waiting import eventually

__all__ = ["machine", "stores"]


def test_a_machine_is_told_what_is_stored_and_it_is(broker: Broker, stores: Stores, machine: Machine) -> None:
    with running_ingest(broker.url, stores.series, stores.state):
        machine.press(300)
        eventually(lambda: not machine.unstored)
    stored = stores.series.frames("gym", "lp-1", "boot-1", 0, 2**62)
    assert machine.frames == [kept.frame for kept in stored]


def test_a_session_is_on_record_with_its_frames(broker: Broker, stores: Stores, machine: Machine) -> None:
    with running_ingest(broker.url, stores.series, stores.state):
        machine.badge_in("s-1", "m-1")
        machine.press(5)
        machine.badge_out("s-1")
        eventually(lambda: not machine.unstored)
    with stores.state.connect() as connection:
        (row,) = connection.execute(select(session_log)).all()
    assert ("s-1", "m-1", 0, 6) == (row.session, row.user, row.start_seq, row.end_seq)


def test_the_state_of_a_machine_is_known_though_it_spoke_before_ingest_was_there(
    broker: Broker, stores: Stores, machine: Machine
) -> None:
    eventually(lambda: machine.connected)
    with running_ingest(broker.url, stores.series, stores.state):
        eventually(lambda: statuses(stores))
    assert ["online"] == statuses(stores)


def test_a_machine_that_missed_what_was_said_is_told_again(broker: Broker, stores: Stores) -> None:
    """Nothing new is stored by the second run: its `stored` comes of the new connection alone."""
    machine = Machine(broker.url, again_s=3600.0)
    with running_ingest(broker.url, stores.series, stores.state):
        machine.press(10)
        eventually(lambda: not machine.unstored)
    machine.close()
    broker.kill()
    broker.start()
    forgetful = Machine(broker.url, again_s=3600.0)
    forgetful.pretend_to_keep(range(10))
    with running_ingest(broker.url, stores.series, stores.state):
        eventually(lambda: not forgetful.unstored)
    forgetful.close()


def test_a_broker_that_is_not_there_yet_is_waited_for(broker: Broker, stores: Stores) -> None:
    broker.stop()
    with running_ingest(broker.url, stores.series, stores.state, until_subscribed=False):
        eventually(lambda: stores.beat().get("connected") is False)
        broker.start()
        machine = Machine(broker.url)
        machine.press(3)
        eventually(lambda: not machine.unstored)
        machine.close()


def test_the_heartbeat_says_that_ingest_is_at_work(broker: Broker, stores: Stores) -> None:
    with running_ingest(broker.url, stores.series, stores.state):
        healthy = {"connected": True, "subscribed": True, "store": True, "queue": 0}
        eventually(lambda: stores.beat() == healthy)


def test_a_port_for_metrics_that_is_taken_is_named(broker: Broker, stores: Stores) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = IngestConfig(mqtt_url=broker.url, metrics_port=taken.getsockname()[1])
        with pytest.raises(PortTaken, match="SLEDWATCH_METRICS_PORT chooses another port"):
            run(config, stores.series, stores.state, now_us, threading.Event())


def test_the_metrics_count_what_happened(
    broker: Broker, stores: Stores, machine: Machine, free_port: Callable[[], int]
) -> None:
    port = free_port()
    with running_ingest(broker.url, stores.series, stores.state, metrics_port=port):
        machine.press(20)
        machine.press_badly(load_kg=-1.0)
        eventually(lambda: not machine.unstored)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            metrics = answer.read().decode()
    assert 'sledwatch_ingest_messages_refused_total{reason="load-out-of-range"} 1.0' in metrics
    assert "sledwatch_ingest_messages_stored_total 21.0" in metrics  # the State is one of them
    assert "sledwatch_ingest_connected 1.0" in metrics
    assert "sledwatch_ingest_queue_messages 0.0" in metrics


def statuses(stores: Stores) -> list[str]:
    with stores.state.connect() as connection:
        return [row.status for row in connection.execute(select(machine_table.c.status))]
