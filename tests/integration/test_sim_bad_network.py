"""Simulated machines on bad networks, a real broker and a real ingest: everything arrives once in spite of it."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ingest_running import Stores, running_ingest, stores
from machines_online import wire
from mqtt_brokers import Broker, url_for_ingest
from sledwatch.address import BrokerAddress
from sledwatch.events import Frame, Setup, TopicKind, topic
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.wire.conditions import Conditions, Passage
from sledwatch_sim.wire.connection import Gateway, OwnConnection
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Network, run_in_thread
from store_and_forward import now_us
from waiting import eventually

__all__ = ["stores"]

SETUP = Setup(backrest_deg=30.0, notch=4, foot_row=2)
FRAME_US = 20_000
FRAMES = 300


class Floor:
    """Machines on their network, in a thread of its own."""

    def __init__(self, url: str) -> None:
        self.network = Network()
        self.broker = BrokerAddress.parse(url)
        self.start_us = now_us() - FRAMES * FRAME_US
        self.devices: list[Device] = []
        self.frames: dict[str, list[Frame]] = {}
        self._end = run_in_thread(self.network)

    def add(self, name: str, conditions: Conditions | None = None, gateway: Gateway | None = None) -> Device:
        passage = None
        if conditions is not None:
            seed = (1, len(self.devices))
            passage = Passage(conditions, seed, self.network, self.start_us, lambda t_us: (t_us - self.start_us) / 1e6)
        device = Device(
            self.network,
            gateway or OwnConnection(self.network, self.broker),
            "gym",
            name,
            INCLINE.online,
            f"boot-{name}",
            look_again_s=2.5,
            passage=passage,
        )
        self.devices.append(device)
        self.frames[name] = []
        self.do(device.switch_on)
        return device

    def do(self, action: Callable[[], Any]) -> None:
        """Do something in the machines' thread, and wait until it is done."""
        done = threading.Event()
        self.network.call_soon(lambda: (action(), done.set()))
        assert done.wait(10)

    def press(self, frames: int, conditions: Conditions | None = None) -> None:
        """Each machine sends so many more frames."""

        def send() -> None:
            for device in self.devices:
                sent = self.frames[device.machine]
                for _ in range(frames):
                    t_us = self.start_us + len(sent) * FRAME_US
                    shown_us = t_us if conditions is None else conditions.shown_us(t_us, self.start_us)
                    depth_mm: list[float | None] = [float(len(sent)), None, 3.0]
                    seq = len(sent) + 1
                    sent.append(Frame(device.boot, seq, shown_us, 5_000, depth_mm, 80.0, f"s-{device.machine}"))
                    device.frame(t_us, 5_000, depth_mm, 80.0)

        self.do(send)

    def badge_in(self) -> None:
        """Somebody badges in at each machine."""
        for device in self.devices:
            self.do(lambda device=device: device.badge_in(f"s-{device.machine}", "u1", self.start_us, SETUP))

    def all_stored(self) -> bool:
        return all(device.unstored == 0 for device in self.devices)

    def close(self) -> None:
        self._end()


@pytest.fixture
def floor(broker: Broker, stores: Stores) -> Iterator[Floor]:
    with running_ingest(url_for_ingest(broker), stores.series, stores.state):
        made = Floor(broker.url)
        yield made
        made.close()


def assert_all_stored_once(floor: Floor, stores: Stores) -> None:
    eventually(floor.all_stored, timeout_s=60)
    for device in floor.devices:
        stored = stores.series.frames("gym", device.machine, device.boot, 0, 2**62)
        assert floor.frames[device.machine] == [one.frame for one in stored]
    assert [0] * len(floor.devices) == [device.lost for device in floor.devices]


def test_everything_arrives_once(floor, stores):
    floor.add("press-1", Conditions(latency_ms=30.0, latency_spread_ms=40.0, loss=0.05, repeat=0.05, disorder=0.05))
    floor.badge_in()
    for _ in range(3):
        floor.press(FRAMES // 3)
    assert_all_stored_once(floor, stores)


def test_a_wrong_clock_is_in_all_that_the_machine_says(floor, stores):
    conditions = Conditions(skew_ms=-90_000.0, drift_ppm=200.0)
    floor.add("press-1", conditions)
    floor.badge_in()
    floor.press(50, conditions)
    assert_all_stored_once(floor, stores)


def test_what_is_pressed_offline_comes_as_a_burst_and_the_will_says_where_the_machine_is(floor, stores, broker):
    where = topic("gym", "press-1", TopicKind.STATE)
    with wire(broker.url, where) as listening:
        device = floor.add("press-1", Conditions(latency_ms=5.0))
        eventually(lambda: listening.heard)
        floor.badge_in()
        floor.press(50)
        floor.do(device.unplug)
        floor.press(FRAMES - 50)
        assert device.unstored >= FRAMES - 50
        eventually(lambda: any(payload["status"] == "offline" for _, payload, _ in list(listening.heard)))
        floor.do(device.plug_in)
        assert_all_stored_once(floor, stores)
        eventually(lambda: len(listening.heard) >= 3)
        assert ["online", "offline", "online"] == [payload["status"] for _, payload, _ in listening.heard[:3]]


def test_a_gateway_speaks_for_many_and_each_is_heard_by_itself(floor, stores, broker):
    gateway = Gateway(floor.network, floor.broker, "gateway-1")
    for number in range(5):
        floor.add(f"press-{number}", Conditions(loss=0.05) if number == 2 else None, gateway)
    eventually(lambda: all(device.connected for device in floor.devices))
    floor.badge_in()
    floor.press(60)
    assert_all_stored_once(floor, stores)


def test_a_machine_that_drops_off_a_gateway_is_offline_and_the_others_are_not(floor, stores, broker):
    gateway = Gateway(floor.network, floor.broker, "gateway-1")
    with wire(broker.url, "sledwatch/v1/gym/+/state") as listening:
        first, second = (floor.add(f"press-{number}", None, gateway) for number in range(2))
        eventually(lambda: first.connected and second.connected)
        floor.do(first.unplug)
        offline = {"v": 1, "status": "offline", "boot": first.boot}
        eventually(lambda: (topic("gym", "press-0", TopicKind.STATE), offline, False) in list(listening.heard))
        floor.badge_in()
        floor.press(20)
        eventually(lambda: second.unstored == 0)
        assert (False, 21) == (first.connected, first.unstored)
        floor.do(first.plug_in)
        assert_all_stored_once(floor, stores)
        gone: list[str] = []
        for device in floor.devices:
            floor.do(lambda device=device: device.switch_off(lambda: gone.append(device.machine)))
        eventually(lambda: sorted(gone) == ["press-0", "press-1"])
        offline = {"v": 1, "status": "offline", "boot": second.boot}
        eventually(lambda: (topic("gym", "press-1", TopicKind.STATE), offline, False) in list(listening.heard))


def test_a_gateway_that_is_cut_brings_all_its_machines_back(floor, stores, broker):
    gateway = Gateway(floor.network, floor.broker, "gateway-1")
    for number in range(3):
        floor.add(f"press-{number}", None, gateway)
    eventually(lambda: all(device.connected for device in floor.devices))
    floor.badge_in()
    floor.press(30)
    broker.kill()
    floor.press(30)
    broker.start()
    assert_all_stored_once(floor, stores)
