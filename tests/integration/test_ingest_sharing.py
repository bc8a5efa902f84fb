"""What replicas of a group get of each kind of message: frames and sessions one of them, States all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from random import Random

import pytest
import structlog.testing
from prometheus_client import CollectorRegistry

from ingest_running import Stores, machine, running_ingest, stores
from mqtt_brokers import Broker
from sledwatch.address import BrokerAddress
from sledwatch_ingest.backoff import Backoff
from sledwatch_ingest.connection import Connection
from sledwatch_ingest.inbox import Inbox
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.session import Session
from sledwatch_storage.state import heartbeat
from store_and_forward import Machine, now_us
from waiting import eventually

__all__ = ["machine", "stores"]


@contextmanager
def subscribed(url: str, client_id: str) -> Iterator[list[str]]:
    """A replica that only reads; the kinds of the messages that it has got, all acknowledged."""
    inbox, kinds = Inbox(10_000), []
    connection = Connection(
        BrokerAddress.parse(url),
        Session(client_id, "ingest", 30, 60, 100),
        inbox,
        now_us,
        Backoff(0.01, 0.02, Random(1)),
        Metrics(CollectorRegistry()),
    )

    def read() -> None:
        while not reading_ended:
            messages = inbox.take(64, 0.01, 0.05)
            kinds.extend(message.topic.rpartition("/")[2] for message in messages)
            connection.ack(messages)

    reading_ended: list[bool] = []
    with ThreadPoolExecutor(2) as threads:
        serving, reading = threads.submit(connection.run), threads.submit(read)
        try:
            eventually(lambda: connection.subscribed)
            yield kinds
        finally:
            reading_ended.append(True)
            reading.result(20)
            connection.stop()
            serving.result(20)
            connection.close()


@pytest.mark.parametrize("broker", [pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))], indirect=True)
def test_each_replica_has_the_states_and_one_of_them_each_frame_and_session(broker: Broker, machine: Machine) -> None:
    """The broker that comes with `sledwatch up` gives everything to everyone; the stores keep it once all the same."""
    eventually(lambda: machine.connected)
    with ExitStack() as stack:
        replicas = [stack.enter_context(subscribed(broker.url, f"ingest-{name}")) for name in "ab"]
        eventually(lambda: all("state" in kinds for kinds in replicas))
        machine.badge_in("s-1", "m-1")
        machine.press(100)
        eventually(lambda: 101 <= sum(kind != "state" for kinds in replicas for kind in kinds))
        together = [kind for kinds in replicas for kind in kinds]
        assert (100, 1) == (together.count("frame"), together.count("session"))
        assert all("frame" in kinds for kinds in replicas)


def test_each_replica_gives_a_sign_of_life_of_its_own(broker: Broker, stores: Stores) -> None:
    with (
        running_ingest(broker.url, stores.series, stores.state, group="ingest", client_id="ingest-a"),
        running_ingest(broker.url, stores.series, stores.state, group="ingest", client_id="ingest-b"),
    ):
        assert {"ingest:ingest-a", "ingest:ingest-b"} == set(heartbeat.beats(stores.state))


@pytest.mark.parametrize("broker", [pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))], indirect=True)
def test_two_by_one_client_id_are_told_what_each_needs(broker: Broker) -> None:
    with structlog.testing.capture_logs() as told, subscribed(broker.url, "ingest"), subscribed(broker.url, "ingest"):
        eventually(lambda: any(one["event"] == "broker.short_stays" for one in told))
    short = next(one for one in told if one["event"] == "broker.short_stays")
    assert ("warning", "ingest", 3) == (short["log_level"], short["client_id"], short["times"])
    assert "SLEDWATCH_INGEST_CLIENT_ID" in short["why"]
