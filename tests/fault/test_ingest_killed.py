"""Ingest killed, and the broker killed, under load: what the machines sent equals what is stored, none twice."""

import pytest

from busy_gym import BusyGym
from deployments import EACH_BROKER, EVERY_PAIR, ONE_COMMAND
from fault_scale import either, progress
from ingest_running import IngestProcess, Stores, assert_stored_once
from mqtt_brokers import Broker
from waiting import eventually

KILLS = either(3, 20)


@pytest.mark.parametrize("kinds", either(EACH_BROKER, EVERY_PAIR), indirect=True)
def test_ingest_killed_again_and_again_loses_nothing_and_stores_nothing_twice(
    gym: BusyGym, ingest: IngestProcess, stores: Stores
) -> None:
    """The machines send nothing again: what was not acknowledged must come from the broker."""
    gym.open(again_s=3600.0)
    for kill in range(1, KILLS + 1):
        before = stores.recorded()
        gym.wait_sent(kill / (KILLS + 1))
        # On a busy machine all of it may have been sent and recorded while ingest started.
        eventually(lambda known=before: stores.recorded() > known or stores.recorded() == gym.frames)
        ingest.kill()
        progress.info("ingest killed %s of %s times", kill, KILLS)
        ingest.start()
    gym.wait_settled()
    assert_stored_once(stores, gym.machines)


@pytest.mark.parametrize("kinds", either(EACH_BROKER, EVERY_PAIR), indirect=True)
def test_the_broker_killed_again_and_again_loses_nothing_and_stores_nothing_twice(
    gym: BusyGym, ingest: IngestProcess, stores: Stores, broker: Broker
) -> None:
    gym.open()
    kills = either(1, KILLS)
    for kill in range(1, kills + 1):
        gym.wait_sent(kill / (kills + 1))
        broker.kill()
        progress.info("the broker killed %s of %s times", kill, kills)
        broker.start()
    gym.wait_settled()
    assert_stored_once(stores, gym.machines)


@pytest.mark.parametrize("kinds", [ONE_COMMAND], indirect=True)
def test_ingest_ends_cleanly_when_it_is_asked_to(gym: BusyGym, ingest: IngestProcess, stores: Stores) -> None:
    gym.open()
    eventually(lambda: any(stores.seqs("gym", machine.name) for machine in gym.machines))
    assert 0 == ingest.stop()
    ingest.start()
    gym.wait_settled()
    assert_stored_once(stores, gym.machines)
