"""The machine's side of the contract at its own pace, thirty seconds and all: in virtual time, a moment of ours."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sledwatch import events
from sledwatch.events import Online, TopicKind
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.testing import Message, Storing, VirtualBroker, VirtualClock
from sledwatch_sim.wire.conditions import Conditions, Passage
from sledwatch_sim.wire.device import LOOK_AGAIN_S, Device


class Machine:
    """A device on a broker in memory, with somebody who stores what it says."""

    def __init__(self, broker: VirtualBroker, conditions: Conditions | None = None, **options: Any) -> None:
        self.clock = clock = broker.clock
        self.broker = broker
        self.ingest = Storing(broker)
        passage = None
        if conditions is not None:
            passage = Passage(conditions, (1, 7), clock, clock(), lambda t_us: (t_us - clock()) / 1e6)
        self.device = Device(
            clock, broker.carrier, "g", "press-1", INCLINE.online, "boot-1", passage=passage, **options
        )
        self.device.switch_on()
        clock.advance()

    def press(self, frames: int) -> None:
        for _ in range(frames):
            self.device.frame(self.clock(), 20_000, [1.0, None, 3.0], 80.0)

    def frames(self) -> list[Message]:
        return [message for message in self.broker.messages if message.kind == "frame"]

    def sent(self) -> Counter[int]:
        """How often each number came to the broker."""
        return Counter(message.body["seq"] for message in self.frames())

    def states(self) -> list[Online]:
        """What it said of itself while it was there."""
        said = [
            events.decode(message.topic, message.payload, 0)
            for message in self.broker.messages
            if message.kind == "state"
        ]
        return [one.payload for one in said if isinstance(one.payload, Online)]  # type: ignore[union-attr]

    def run(self, done: Callable[[], bool]) -> None:
        self.clock.run(done)


@pytest.fixture
def machine(virtual_broker: VirtualBroker) -> Iterator[Machine]:
    return Machine(virtual_broker)


def test_a_tail_that_the_broker_lost_is_sent_again(machine: Machine) -> None:
    """No later message shows that it is missing."""
    machine.ingest.deaf = lambda _seq: True
    machine.press(5)
    machine.ingest.deaf = lambda _seq: False
    machine.run(lambda: machine.device.unstored == 0)
    assert {0: 2, 1: 2, 2: 2, 3: 2, 4: 2} == machine.sent()
    assert 3 * LOOK_AGAIN_S + 5.0 > machine.clock.monotonic() > 2 * LOOK_AGAIN_S


def test_what_never_comes_through_is_sent_three_times_more_then_given_up_and_said(machine: Machine) -> None:
    machine.ingest.deaf = lambda seq: seq in {3, 4}
    machine.press(10)
    machine.run(lambda: machine.device.unstored == 0)
    assert {3: 4, 4: 4} == {seq: times for seq, times in machine.sent().items() if times > 1}
    assert (2, 10) == (machine.device.lost, machine.states()[-1].oldest_seq)
    # Of each two looks one asks with a State: what does not arrive has no watermark come after it.
    assert 7 * LOOK_AGAIN_S == machine.clock.monotonic()


def test_nothing_is_given_up_while_ingest_says_nothing(machine: Machine) -> None:
    """It asks with its State instead, and goes on when it is answered."""
    machine.ingest.deaf = lambda seq: seq == 1
    machine.press(4)
    machine.run(lambda: machine.device.unstored == 1)
    machine.ingest.answers = False
    said = len(machine.states())
    machine.clock.advance(20 * LOOK_AGAIN_S)
    assert len(machine.states()) > said + 15
    assert (1, 0) == (machine.device.unstored, machine.device.lost)
    machine.ingest.deaf = lambda _seq: False
    machine.ingest.answers = True
    machine.run(lambda: machine.device.unstored == 0)
    assert 0 == machine.device.lost


def test_an_earlier_boot_is_announced_until_it_is_stored(machine: Machine) -> None:
    machine.ingest.answers = False
    machine.press(5)
    machine.clock.advance(5.0)
    machine.device.reboot("boot-2")
    machine.clock.advance(5.0)
    assert ("boot-2", (events.Held("boot-1", 0, 4),)) == (machine.states()[-1].boot, machine.states()[-1].held)
    machine.press(3)
    machine.ingest.answers = True
    machine.run(lambda: machine.device.unstored == 0)
    assert {("boot-1", seq) for seq in range(5)} | {("boot-2", seq) for seq in range(3)} == {
        (message.body["boot"], message.body["seq"]) for message in machine.frames()
    }
    machine.run(lambda: machine.states()[-1].held == ())


def test_what_fell_out_of_a_full_memory_is_said(virtual_broker: VirtualBroker) -> None:
    """A machine that was away for longer than it has room for."""
    machine = Machine(virtual_broker, capacity=20)
    machine.device.unplug()
    machine.press(50)
    assert (30, 20) == (machine.device.lost, machine.device.unstored)
    machine.device.plug_in()
    machine.run(lambda: machine.device.unstored == 0)
    assert [0, 30] == [state.oldest_seq for state in machine.states()]


def test_what_it_does_not_understand_does_not_stop_it(machine: Machine) -> None:
    machine.broker.publish(machine.device.topic(TopicKind.STORED), b"{")
    machine.press(3)
    machine.run(lambda: machine.device.unstored == 0)
    assert {0, 1, 2} == set(machine.sent())


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param(Conditions(loss=0.1), id="loss"),
        pytest.param(Conditions(repeat=0.3, disorder=0.3), id="repeats-and-disorder"),
        pytest.param(Conditions(latency_ms=800.0, latency_spread_ms=900.0, loss=0.1), id="far-away"),
        pytest.param(Conditions(offline=((3.0, 200.0),), cuts_s=(1.0, 220.0)), id="offline"),
    ],
)
def test_everything_arrives_in_the_end(virtual_broker: VirtualBroker, conditions: Conditions) -> None:
    machine = Machine(virtual_broker, conditions)
    for _ in range(300):
        machine.press(1)
        machine.clock.advance(1.0)
    machine.run(lambda: machine.device.unstored == 0)
    assert 0 == machine.device.lost
    assert set(range(300)) == set(machine.sent())


def test_a_machine_without_a_broker_keeps_trying_ever_less_often(virtual_clock: VirtualClock) -> None:
    broker = VirtualBroker(virtual_clock)
    broker.stop()
    machine = Machine(broker)
    machine.press(3)
    virtual_clock.advance(600.0)
    assert ("the broker is stopped", False, 3) == (
        machine.device.last_error,
        machine.device.connected,
        machine.device.unstored,
    )
    broker.start()
    machine.run(lambda: machine.device.unstored == 0)
    assert 605.0 + 3.0 > virtual_clock.monotonic()
