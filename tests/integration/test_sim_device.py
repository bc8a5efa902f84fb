"""A simulated machine on a real broker: nothing is lost, whatever happens to the line.

What does not depend on the broker is tested in virtual time, in tests/unit/test_sim_firmware.py.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from paho.mqtt.publish import single
from structlog.testing import capture_logs

from shipped_mosquitto import ShippedMosquitto, shipped
from sledwatch import events
from sledwatch.address import BrokerAddress
from sledwatch.events import Cue, Limit, Offline, Setup, TopicKind
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.wire.connection import OwnConnection
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Network, run_in_thread
from stand_in_ingest import StandInIngest
from waiting import eventually

__all__ = ["shipped"]

pytest_plugins = ("mqtt_brokers",)

SETUP = Setup(backrest_deg=30.0, notch=4, foot_row=2)


class Machine:
    """A device, and its network in a thread of its own."""

    def __init__(self, url: str, **options: Any) -> None:
        self.network = Network()
        self.limits: list[Limit] = []
        self.cues: list[Cue] = []
        self.device = Device(
            self.network,
            OwnConnection(self.network, BrokerAddress.parse(url)),
            "g",
            "press-1",
            INCLINE.online,
            "boot-1",
            on_limit=self.limits.append,
            on_cue=self.cues.append,
            **options,
        )
        self.end = run_in_thread(self.network)
        self.do(self.device.switch_on)

    def do(self, action: Callable[[], Any]) -> None:
        """Do something in the machine's thread, and wait until it is done."""
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self.network.call_soon(act)
        assert done.wait(10)

    def press(self, frames: int) -> None:
        """Send frames, a second of event time apart."""

        def send() -> None:
            for _ in range(frames):
                self.device.frame(1_000_000, 20_000, [1.0, None, 3.0], 80.0)

        self.do(send)

    def topic(self, kind: TopicKind) -> str:
        return events.topic("g", "press-1", kind)


@pytest.fixture
def ingest(broker) -> Iterator[StandInIngest]:
    listening = StandInIngest(broker.url)
    yield listening
    listening.close()


@pytest.fixture
def machine(broker, ingest) -> Iterator[Machine]:
    running = Machine(broker.url, look_again_s=0.5)
    eventually(lambda: running.device.connected)
    yield running
    running.end()


def test_it_says_who_it_is_and_everything_in_order(machine, ingest):
    machine.do(lambda: machine.device.badge_in("s1", "u1", 1, SETUP))
    machine.press(30)
    machine.do(lambda: machine.device.badge_out(31_000_000))
    eventually(lambda: machine.device.unstored == 0 and len(ingest.heard) == 32)
    assert [("boot-1", seq) for seq in range(32)] == sorted(ingest.heard)
    # A broker keeps the order within a topic only.
    assert list(range(1, 31)) == [seq for _, seq in ingest.heard if seq not in {0, 31}]
    assert "boot-1" == ingest.states[0].boot


def test_nothing_is_lost_when_the_cable_is_cut_again_and_again(machine, ingest):
    for _ in range(5):
        machine.press(40)
        machine.do(machine.device.cut)
        machine.press(40)
        eventually(lambda: machine.device.connected)
    eventually(lambda: machine.device.unstored == 0)
    assert {("boot-1", seq) for seq in range(400)} == set(ingest.heard)


def test_a_cut_cable_is_told_by_the_will(machine, ingest):
    machine.do(machine.device.cut)
    eventually(ingest.offline_said)


def test_nothing_is_lost_when_the_broker_is_killed(machine, ingest, broker):
    ingest.stores = False
    machine.press(50)
    eventually(lambda: len(ingest.heard) == 50)
    broker.kill()
    machine.press(50)
    ingest.stores = True
    broker.start()
    eventually(lambda: machine.device.unstored == 0, timeout_s=40)
    assert {("boot-1", seq) for seq in range(100)} == set(ingest.heard)


def test_what_the_broker_lost_on_the_way_is_sent_again(machine, ingest):
    lost_once: set[int] = set()

    def lose_once(seq: int) -> bool:
        new = seq % 7 == 0 and seq not in lost_once
        lost_once.add(seq)
        return new

    ingest.deaf = lose_once
    machine.press(50)
    eventually(lambda: machine.device.unstored == 0)
    assert {("boot-1", seq) for seq in range(50)} == set(ingest.heard)


def test_the_last_session_is_said_anew_after_a_reconnect(machine, ingest):
    machine.do(lambda: machine.device.badge_in("s1", "u1", 1, SETUP))
    machine.press(3)
    eventually(lambda: machine.device.unstored == 0)
    machine.do(machine.device.cut)
    eventually(lambda: ingest.heard.count(("boot-1", 0)) == 2)


def test_it_goes_with_a_word(machine, ingest):
    gone: list[bool] = []
    machine.do(lambda: machine.device.switch_off(lambda: gone.append(True)))
    eventually(lambda: gone)
    eventually(lambda: ingest.states[-1:] == [Offline("boot-1")])


def test_a_limit_of_another_session_is_ignored(machine, broker):
    def say(limit: Limit) -> None:
        port = BrokerAddress.parse(broker.url).port
        single(
            machine.topic(TopicKind.LIMIT),
            events.encode(limit),
            1,
            retain=True,
            hostname="127.0.0.1",
            port=port,
            protocol=5,
        )

    machine.do(lambda: machine.device.badge_in("s2", "u1", 1, SETUP))
    eventually(lambda: machine.device.session == "s2")
    say(Limit("s1", 300.0, 280.0, "calibrated"))
    say(Limit("s2", 400.0, 380.0, "calibrated"))
    eventually(lambda: machine.limits)
    assert 400.0 == machine.device.limit.limit_mm


def test_a_device_without_a_broker_keeps_trying(free_port):
    machine = Machine(f"mqtt://127.0.0.1:{free_port()}")
    machine.press(3)
    eventually(lambda: machine.device.last_error)
    assert (False, 3) == (machine.device.connected, machine.device.unstored)
    machine.end()


@pytest.mark.needs("mosquitto", "mosquitto_passwd", "openssl")
def test_what_the_broker_refuses_is_told_once_and_counted(shipped: ShippedMosquitto):
    """The monitor may not speak for machines."""
    with capture_logs() as logs:
        machine = Machine(shipped.url_of("monitor"))
        machine.press(20)
        eventually(lambda: machine.device.account.refused == 20)
        machine.do(machine.network.refusals.sum_up)
        machine.end()
    told = [(log["event"], log["reason"], log.get("messages")) for log in logs if "refused" in log["event"]]
    assert [
        ("machine.refused", "Not authorized", None),
        ("machine.refused_in_all", "Not authorized", 20),
    ] == told


@pytest.mark.parametrize("url", ["http://h", "localhost:1883", "mqtt://", "mqtt://h:port"])
def test_a_url_that_is_no_broker_is_refused(url):
    with pytest.raises(ValueError, match=r".+"):
        BrokerAddress.parse(url)


def test_a_broker_is_read_from_its_url():
    broker = BrokerAddress.parse("mqtts://press%201:se%3Acret@broker.local")
    assert ("broker.local", 8883, True, "press 1", "se:cret") == (
        broker.host,
        broker.port,
        broker.tls,
        broker.user,
        broker.password,
    )
    assert "cret" not in repr(broker) + str(broker)
