"""The watermark, end to end: a machine keeps what it sent until it is stored, and every machine gets to its end."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from deployments import DEPLOYMENTS, EACH_BROKER, ONE_COMMAND
from failing_series import Interrupted
from fault_scale import either, progress
from ingest_running import Stores, assert_stored_once, running_ingest
from mqtt_brokers import Broker, url_for_ingest
from sledwatch.address import BrokerAddress
from sledwatch.events import StoredBoot
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.wire.connection import OwnConnection
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Network, run_in_thread
from sledwatch_storage.state import ledger
from sledwatch_storage.state.schema import ledger as ledger_table
from store_and_forward import Machine, now_us
from waiting import eventually

AWAY_FRAMES = either(3_000, 86_400)  # a day, at a frame a second


@pytest.fixture
def series(stores: Stores) -> Interrupted:
    return Interrupted(stores.series)


@pytest.fixture
def machine(broker: Broker) -> Iterator[Machine]:
    """A machine that sends again after a reconnect, and what is missing."""
    made = Machine(broker.url, again_s=2.0)
    eventually(lambda: made.connected)
    yield made
    made.close()


def told(stores: Stores, machine: Machine) -> tuple[StoredBoot, ...]:
    """What ingest would tell it now."""
    return ledger.watermark(stores.state, machine.gym, machine.name).boots


def lost(stores: Stores) -> dict[str, int]:
    """How many numbers of each boot are lost for good."""
    with stores.state.connect() as connection:
        return {row.boot: row.lost for row in connection.execute(select(ledger_table))}


def test_what_the_broker_acknowledged_and_dropped_is_sent_again(
    broker: Broker, stores: Stores, machine: Machine
) -> None:
    """A broker in memory is killed while ingest is away: what it took is nowhere but at the machine."""
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        pass
    machine.press(200)
    eventually(lambda: machine.acknowledged > 200)
    broker.kill()
    broker.start()
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        eventually(lambda: not machine.unstored)
    assert_stored_once(stores, [machine])
    assert (StoredBoot("boot-1", 199),) == told(stores, machine)


@pytest.mark.parametrize("kinds", [ONE_COMMAND], indirect=True)
def test_what_the_broker_had_no_more_room_for_is_sent_again(broker: Broker, stores: Stores) -> None:
    """rumqttd keeps one log of frames, and drops its oldest without a word to anybody."""
    machine = Machine(broker.url, again_s=4.0)
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        pass
    # 40 MB, where its log has room for 32 MiB.
    for _ in range(900):
        machine.press_badly(note="x" * 45_000)
    eventually(lambda: machine.acknowledged > 900, timeout_s=60.0)
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        eventually(lambda: any(boot.missing for said in machine.heard for boot in said.boots))
        eventually(lambda: not machine.unstored, timeout_s=60.0)
    machine.close()
    assert list(range(900)) == stores.seqs("gym", "lp-1")


def test_an_earlier_boot_is_held_until_it_is_stored(
    broker: Broker, stores: Stores, series: Interrupted, machine: Machine
) -> None:
    """Power goes at the machine and at the broker while the store is away."""
    with running_ingest(url_for_ingest(broker), series, stores.state):
        machine.press(5)
        eventually(lambda: stores.recorded() == 5)
        series.away.set()
        machine.press(20)
        machine.reboot("boot-2")
        machine.press(20)
        broker.kill()
        broker.start()
        machine.press(5)
        series.away.clear()
        eventually(lambda: not machine.unstored)
        assert (StoredBoot("boot-2", 24), StoredBoot("boot-1", 24)) == told(stores, machine)
        machine.say_state()
        eventually(lambda: (StoredBoot("boot-2", 24),) == told(stores, machine))
    assert_stored_once(stores, [machine])
    assert {"boot-1": 0, "boot-2": 0} == lost(stores)


@pytest.mark.parametrize("kinds", either([ONE_COMMAND], DEPLOYMENTS), indirect=True)
def test_what_fell_out_of_a_machine_is_final(broker: Broker, stores: Stores, machine: Machine) -> None:
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        machine.press(10)
        eventually(lambda: not machine.unstored)
        machine.go_away()
        machine.press(40)
        machine.forget(range(10, 25))
        machine.come_back()
        eventually(lambda: not machine.unstored)
        eventually(lambda: (StoredBoot("boot-1", 49),) == machine.heard[-1].boots)
    assert [*range(10), *range(25, 50)] == stores.seqs("gym", "lp-1")
    assert {"boot-1": 15} == lost(stores)


@pytest.mark.parametrize("kinds", either([ONE_COMMAND], DEPLOYMENTS), indirect=True)
def test_what_fell_out_of_an_earlier_boot_is_final(broker: Broker, stores: Stores, machine: Machine) -> None:
    """It is below what a newer State holds of it."""
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        machine.press(10)
        eventually(lambda: not machine.unstored)
        machine.go_away()
        machine.press(40)
        machine.forget(range(10, 25))
        machine.reboot("boot-2")
        machine.press(3)
        eventually(lambda: not machine.unstored)
        eventually(lambda: (StoredBoot("boot-2", 2), StoredBoot("boot-1", 49)) == machine.heard[-1].boots)
    assert {"boot-1": 15, "boot-2": 0} == lost(stores)


@pytest.mark.parametrize("kinds", [ONE_COMMAND], indirect=True)
def test_what_a_machine_gave_up_of_an_earlier_boot_is_final(broker: Broker, stores: Stores, machine: Machine) -> None:
    """It holds nothing of that boot any more, though something of it never came."""
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        machine.go_away()
        machine.press(40)
        machine.forget(range(10, 25))
        machine.reboot("boot-2")
        machine.press(3)
        eventually(lambda: not machine.unstored)
        machine.say_state()
        eventually(lambda: (StoredBoot("boot-2", 2),) == told(stores, machine))
    assert {"boot-1": 15, "boot-2": 0} == lost(stores)


def test_a_machine_that_was_away_for_a_day_comes_between_the_others(broker: Broker, stores: Stores) -> None:
    """What it brings arrives in one go, and those who press now are stored in the midst of it."""
    away = Machine(broker.url, name="lp-away", again_s=60.0, ago_us=86_400_000_000)
    present = Machine(broker.url, name="lp-now", again_s=60.0)
    try:
        eventually(lambda: away.connected and present.connected)
        with running_ingest(url_for_ingest(broker), stores.series, stores.state):
            away.go_away()
            away.press(AWAY_FRAMES)
            brought_all = threading.Event()

            def press_on() -> None:
                while not brought_all.wait(0.02):
                    present.press(1)

            pressing = threading.Thread(target=press_on)
            pressing.start()
            try:
                away.come_back()
                eventually(lambda: not away.unstored, timeout_s=either(60.0, 600.0))
            finally:
                brought_all.set()
                pressing.join()
            progress.info("%s frames of the others came meanwhile", len(present.frames))
            eventually(lambda: not present.unstored, timeout_s=either(60.0, 600.0))
        assert_stored_once(stores, [away, present])
        brought = [stored.received_us for stored in stores.series.frames("gym", "lp-away", "boot-1", 0, 2**62)]
        live = [stored.received_us for stored in stores.series.frames("gym", "lp-now", "boot-1", 0, 2**62)]
        assert any(min(brought) < received_us < max(brought) for received_us in live)
    finally:
        away.close()
        present.close()


class SimulatedMachine:
    """A device of the simulator, which looks again as often as a test has time for."""

    def __init__(self, url: str, **options: Any) -> None:
        self.network = Network()
        carrier = OwnConnection(self.network, BrokerAddress.parse(url))
        self.device = Device(
            self.network, carrier, "gym", "lp-sim", INCLINE.online, "boot-1", look_again_s=1.0, **options
        )
        self.end = run_in_thread(self.network)
        self.do(self.device.switch_on)

    def do(self, act: Callable[[], Any]) -> None:
        """Do something in the machine's thread, and wait until it is done."""
        done = threading.Event()
        self.network.call_soon(act)
        self.network.call_soon(done.set)
        assert done.wait(10)

    def press(self, frames: int) -> None:
        for _ in range(frames):
            self.do(lambda: self.device.frame(now_us(), 100, [1.0] * 10, 80.0))


@pytest.fixture
def simulated(broker: Broker) -> Iterator[SimulatedMachine]:
    made = SimulatedMachine(broker.url)
    eventually(lambda: made.device.connected)
    yield made
    made.end()


@pytest.mark.parametrize("kinds", EACH_BROKER, indirect=True)
def test_a_simulated_machine_has_all_stored_whatever_is_cut_killed_or_away(
    broker: Broker, stores: Stores, series: Interrupted, simulated: SimulatedMachine
) -> None:
    with running_ingest(url_for_ingest(broker), series, stores.state):
        simulated.press(50)
        series.away.set()
        simulated.press(50)
        simulated.do(simulated.device.cut)
        simulated.press(50)
        simulated.do(lambda: simulated.device.reboot("boot-2"))
        simulated.press(50)
        broker.kill()
        broker.start()
        simulated.press(50)
        series.away.clear()
        eventually(lambda: not simulated.device.unstored, timeout_s=40.0)
        # Its next State says that it holds nothing of the first boot any more.
        eventually(lambda: 1 == len(ledger.watermark(stores.state, "gym", "lp-sim").boots))
    assert 0 == simulated.device.lost
    assert list(range(150)) == stores.seqs("gym", "lp-sim", "boot-1")
    assert list(range(100)) == stores.seqs("gym", "lp-sim", "boot-2")


@pytest.mark.parametrize("kinds", [ONE_COMMAND], indirect=True)
def test_a_simulated_machine_without_room_says_what_it_lost(broker: Broker, stores: Stores) -> None:
    """Its numbers and the ledger's come to the same."""
    simulated = SimulatedMachine(broker.url, capacity=100)
    try:
        simulated.press(300)
        eventually(lambda: simulated.device.connected)
        broker.kill()
        broker.start()
        with running_ingest(url_for_ingest(broker), stores.series, stores.state):
            eventually(lambda: not simulated.device.unstored, timeout_s=40.0)
            eventually(lambda: {"boot-1": simulated.device.lost} == lost(stores))
        assert 200 == simulated.device.lost
        assert list(range(200, 300)) == stores.seqs("gym", "lp-sim")
    finally:
        simulated.end()
