"""Two ingest processes of a group: together they lose nothing and store nothing twice, whichever of them is killed."""

from collections.abc import Callable, Iterator

import pytest

from busy_gym import FRAMES, BusyGym
from deployments import REPLICATED
from fault_scale import either, long_form, progress
from ingest_running import IngestProcess, Stores, assert_stored_once
from mqtt_brokers import Broker, url_for_ingest
from sledwatch.address import BrokerAddress
from sledwatch.events import Setup, StoredBoot
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.wire.connection import OwnConnection
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Network, run_in_thread
from sledwatch_storage.state import ledger
from store_and_forward import now_us
from waiting import eventually

KILLS = either(1, 10)  # of each of the two


@pytest.fixture
def replicas(
    broker: Broker, stores: Stores, free_port: Callable[[], int]
) -> Iterator[tuple[IngestProcess, IngestProcess]]:
    """Both of them subscribed."""
    first, second = (
        IngestProcess(
            url_for_ingest(broker),
            stores,
            metrics_port=free_port(),
            SLEDWATCH_INGEST_GROUP="ingest",
            SLEDWATCH_INGEST_CLIENT_ID=f"ingest-{name}",
        )
        for name in ("a", "b")
    )
    first.start()
    second.start()
    try:
        eventually(lambda: first.metric("connected") and second.metric("connected"))
        yield first, second
    finally:
        first.kill()
        second.kill()


@pytest.mark.parametrize("kinds", REPLICATED, indirect=True)
def test_two_of_a_group_lose_nothing_though_each_is_killed_and_one_never_comes_back(
    gym: BusyGym, replicas: tuple[IngestProcess, IngestProcess], stores: Stores
) -> None:
    """What a broker keeps for the one that is gone, the machines send again."""
    gym.open(again_s=0.5)
    for kill in range(KILLS):
        for n, replica in enumerate(replicas):
            gym.wait_sent((2 * kill + n + 1) / (2 * KILLS + 2))
            assert replica.metric("messages_received_total") > 0
            replica.kill()
            progress.info("replica %s killed %s of %s times", n, kill + 1, KILLS)
            replica.start()
    gym.wait_sent((2 * KILLS + 1) / (2 * KILLS + 2))
    eventually(lambda: replicas[1].metric("messages_received_total") > 0)
    replicas[1].kill()
    gym.wait_settled()
    assert_stored_once(stores, gym.machines)
    for machine in gym.machines:
        whole = StoredBoot(machine.boot, FRAMES - 1)
        assert (whole,) == ledger.watermark(stores.state, "gym", machine.name).boots
        assert (whole,) == machine.heard[-1].boots


@long_form
@pytest.mark.parametrize("kinds", REPLICATED, indirect=True)
def test_a_machine_that_sends_again_three_times_has_nothing_lost_by_a_replica_that_never_comes_back(
    broker: Broker, replicas: tuple[IngestProcess, IngestProcess], stores: Stores
) -> None:
    """At its own pace, thirty seconds: before the third time the share of the dead one must have come to the living."""
    network = Network()
    device = Device(
        network, OwnConnection(network, BrokerAddress.parse(broker.url)), "gym", "lp-1", INCLINE.online, "boot-1"
    )
    end = run_in_thread(network)
    begun_us, sent = now_us(), 0

    def press() -> None:
        nonlocal sent
        device.frame(begun_us + sent * 1_000_000, 20_000, [1.0] * 50, 80.0)
        sent += 1
        if sent < 200:
            network.call_later(0.05, press)

    network.call_soon(device.switch_on)
    network.call_soon(lambda: device.badge_in("s-1", "m-1", begun_us, Setup(30.0, 4, 2)))
    network.call_soon(press)
    try:
        eventually(lambda: sent > 100)
        replicas[1].kill()
        eventually(lambda: sent == 200 and not device.unstored, timeout_s=240.0, interval_s=1.0)
        assert 0 == device.lost
        assert list(range(1, 201)) == stores.seqs("gym", "lp-1")
    finally:
        end()
