"""The store goes away: nothing is acknowledged, memory stays bounded, and work resumes by itself, oldest first."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from busy_gym import BusyGym
from deployments import EACH_BROKER, FULL_STACK, ONE_COMMAND, REPLICATED, pair
from failing_series import Interrupted, Slow
from fault_scale import either, long_form, progress
from ingest_running import InfluxStores, IngestProcess, Stores, assert_stored_once, running_ingest
from mqtt_brokers import Broker, url_for_ingest
from sledwatch_ingest.service import IngestConfig
from store_and_forward import Machine
from waiting import eventually

OUTAGE_S = either(0.0, 600.0)


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
    with running_ingest(url_for_ingest(broker), series, stores.state):
        machine.press(10)
        eventually(lambda: stores.recorded() == 10)
        series.away.set()
        machine.press(60)
        eventually(lambda: len(series.attempted) >= 3)
        eventually(lambda: not stores.beat()["store"])
        assert 10 == stores.recorded()
        series.away.clear()
        eventually(lambda: not machine.unstored)
        eventually(lambda: stores.beat()["store"])
    assert_stored_once(stores, [machine])
    assert_told_without_gaps(machine)


def test_what_was_not_stored_was_not_acknowledged(
    broker: Broker, stores: Stores, series: Interrupted, machine: Machine
) -> None:
    """The next ingest gets it from the broker: the machine sends nothing again."""
    with running_ingest(url_for_ingest(broker), series, stores.state):
        machine.press(10)
        eventually(lambda: stores.recorded() == 10)
        series.away.set()
        machine.press(40)
        eventually(lambda: series.attempted)
    assert list(range(10)) == stores.seqs("gym", "lp-1")
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        eventually(lambda: not machine.unstored)
    assert_stored_once(stores, [machine])


@pytest.mark.parametrize("kinds", EACH_BROKER, indirect=True)
def test_an_outage_longer_than_the_queue_and_the_keepalive_is_sat_out(
    broker: Broker, stores: Stores, series: Interrupted, machine: Machine
) -> None:
    """A full queue leaves the socket unread; past a keep-alive ingest leaves, and the broker keeps its place."""
    with running_ingest(url_for_ingest(broker), series, stores.state, queue=4, batch=1, keepalive_s=1):
        machine.press(5)
        eventually(lambda: stores.recorded() == 5)
        series.away.set()
        machine.press(400)
        eventually(lambda: not stores.beat()["subscribed"])
        assert stores.beat()["queue"] <= 4
        series.away.clear()
        eventually(lambda: not machine.unstored, timeout_s=40.0)
    assert_stored_once(stores, [machine])
    assert_told_without_gaps(machine)


@long_form
@pytest.mark.parametrize("kinds", REPLICATED, indirect=True)
def test_a_replica_that_leaves_for_an_outage_keeps_its_place_for_longer_than_one_that_is_killed(
    broker: Broker, stores: Stores, series: Interrupted, machine: Machine
) -> None:
    with running_ingest(
        url_for_ingest(broker),
        series,
        stores.state,
        queue=4,
        batch=1,
        keepalive_s=5,
        group="ingest",
        group_expiry_s=1,
    ):
        machine.press(5)
        eventually(lambda: stores.recorded() == 5)
        series.away.set()
        machine.press(400)
        eventually(lambda: not stores.beat("ingest:sledwatch-ingest")["subscribed"])
        left_s = time.monotonic()
        eventually(lambda: time.monotonic() > left_s + 30.0, timeout_s=60.0, interval_s=1.0)
        series.away.clear()
        eventually(lambda: not machine.unstored, timeout_s=40.0)
    assert_stored_once(stores, [machine])


def test_a_slow_store_is_waited_for_and_the_connection_lives(broker: Broker, stores: Stores, machine: Machine) -> None:
    """Each write takes longer than the keep-alive."""
    series = Slow(stores.series, 1.2)
    subscribed: list[bool] = []

    def settled() -> bool:
        beat = stores.beat()
        subscribed.append(beat["subscribed"])
        assert beat["queue"] <= 40
        return not machine.unstored

    with running_ingest(url_for_ingest(broker), series, stores.state, queue=40, keepalive_s=1):
        machine.press(60)
        eventually(settled, timeout_s=40.0)
    assert all(subscribed)
    assert_stored_once(stores, [machine])
    assert_told_without_gaps(machine)


@pytest.mark.parametrize("kinds", [FULL_STACK], indirect=True)
def test_influxdb_killed_under_load_comes_back_and_nothing_is_lost(
    gym: BusyGym, ingest: IngestProcess, stores: InfluxStores
) -> None:
    gym.open(again_s=3600.0)
    gym.wait_sent(0.3)
    stores.server.kill()
    try:
        eventually(lambda: not stores.beat()["store"])
        known = stores.recorded()
        gym.wait_sent(0.7)
        sit_out(stores, OUTAGE_S)
        assert known == stores.recorded()
        assert ingest.running
    finally:
        stores.server.start()
    gym.wait_settled(timeout_s=either(60.0, 120.0))
    eventually(lambda: stores.beat()["store"])
    assert_stored_once(stores, gym.machines)
    for machine in gym.machines:
        assert_told_without_gaps(machine)


@long_form
@pytest.mark.parametrize("kinds", [ONE_COMMAND, pair("sqlite", "mosquitto")], indirect=True)
def test_a_store_away_for_long_is_waited_for(gym: BusyGym, broker: Broker, stores: Stores, series: Interrupted) -> None:
    """The machines send all they have meanwhile, many times what ingest has room for."""
    with running_ingest(url_for_ingest(broker), series, stores.state):
        gym.open(again_s=3600.0)
        gym.wait_sent(0.1)
        series.away.set()
        gym.wait_sent(1.0)
        sit_out(stores, OUTAGE_S)
        series.away.clear()
        gym.wait_settled(timeout_s=120.0)
    assert_stored_once(stores, gym.machines)


def sit_out(stores: Stores, seconds: float) -> None:
    """Let the outage last, and look at what ingest says of itself meanwhile."""
    until_s = time.monotonic() + seconds
    said_s = 0.0

    def over() -> bool:
        nonlocal said_s
        beat: dict[str, Any] = stores.beat()
        assert not beat["store"]
        assert beat["queue"] <= IngestConfig(mqtt_url="").queue
        left_s = until_s - time.monotonic()
        if said_s - left_s > 30.0 or not said_s:
            said_s = left_s
            progress.info("the store stays away for %.0f s; ingest holds %s messages", left_s, beat["queue"])
        return left_s <= 0

    eventually(over, timeout_s=seconds + 10.0, interval_s=0.5)


def assert_told_without_gaps(machine: Machine) -> None:
    """What it heard of its watermark never had a hole: all was recorded in the order in which it was sent."""
    assert [] == [hole for said in machine.heard for boot in said.boots for hole in boot.missing]
