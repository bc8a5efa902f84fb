"""What lies between a machine and the broker: the same for the same seed, and told when it is over."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sledwatch.events import TopicKind
from sledwatch_sim.wire.conditions import Conditions, Passage
from sledwatch_sim.wire.network import Network, Timers
from sledwatch_sim.wire.ring import RESENDS, Message

START_US = 1_795_330_800_000_000


class Line:
    """A connection, and what came through it."""

    def __init__(self) -> None:
        self.over = False
        self.arrived: list[int] = []

    def deliver(self, messages: Sequence[Message]) -> None:
        self.arrived += [message.seq for message in messages]


class Plug:
    """A machine whose cable is pulled."""

    def __init__(self) -> None:
        self.pulled: list[str] = []

    def cut(self) -> None:
        self.pulled.append("cut")

    def unplug(self) -> None:
        self.pulled.append("unplug")

    def plug_in(self) -> None:
        self.pulled.append("plug in")


class Told(list[tuple[str, float, float, Mapping[str, float]]]):
    """What the truth hears: kind, from and to in seconds since the start, figures."""

    def __call__(self, kind: str, from_us: int, to_us: int, detail: Mapping[str, float]) -> None:
        self.append((kind, (from_us - START_US) / 1e6, (to_us - START_US) / 1e6, dict(detail)))


def numbered(count: int, boot: str = "b1") -> list[Message]:
    return [Message(boot, seq, TopicKind.FRAME, b"{}") for seq in range(count)]


def passage(network: Timers, conditions: Conditions, seed: int = 1, told: Told | None = None) -> Passage:
    return Passage(conditions, (seed, 7), network, START_US, lambda t_us: (t_us - START_US) / 1e6, told)


def sent(conditions: Conditions, count: int = 400, *, seed: int = 1, boot: str = "b1") -> list[int]:
    """What arrives of so many messages, each sent on its own, and what waits to be overtaken in the end."""
    with Network() as network:
        line = Line()
        way = passage(network, conditions, seed)
        for message in numbered(count, boot):
            way.send(line, [message], line.deliver)
        return line.arrived


def test_nothing_stands_between_good_conditions_and_the_broker():
    assert list(range(400)) == sent(Conditions())
    assert Conditions().good
    assert not Conditions(loss=0.1).good


@pytest.mark.parametrize("conditions", [Conditions(loss=0.1), Conditions(repeat=0.1), Conditions(disorder=0.1)])
def test_the_same_seed_has_the_same_fate_and_another_seed_another(conditions):
    assert sent(conditions) == sent(conditions, boot="named-otherwise")
    assert sent(conditions) != sent(conditions, seed=2)


def test_some_never_leave():
    arrived = sent(Conditions(loss=0.1))
    assert sorted(set(arrived)) == arrived
    assert 330 < len(arrived) < 385


def test_some_go_twice():
    arrived = sent(Conditions(repeat=0.1))
    assert sorted(arrived) == arrived
    assert 415 < len(arrived) < 470


def test_some_are_overtaken_by_one_to_three():
    arrived = sent(Conditions(disorder=0.1))
    late = [arrived.index(seq) - seq for seq in arrived]
    assert any(by > 0 for by in late)
    assert max(map(abs, late)) <= 6
    assert set(arrived) >= set(range(390))


def test_what_nothing_overtakes_goes_by_itself(virtual_clock):
    line = Line()
    passage(virtual_clock, Conditions(disorder=1.0)).send(line, numbered(1), line.deliver)
    virtual_clock.advance(0.9)
    assert [] == line.arrived
    virtual_clock.advance(0.1)
    assert [0] == line.arrived


@given(
    conditions=st.builds(
        Conditions, loss=st.floats(0.0, 1.0), repeat=st.floats(0.0, 1.0), disorder=st.sampled_from([0.0])
    ),
    seed=st.integers(0, 2**32),
)
def test_whatever_is_lost_comes_through_before_it_is_given_up(conditions, seed):
    """It is sent once, and as often again as it is asked for."""
    with Network() as network:
        line, way = Line(), passage(network, conditions, seed)
        for _ in range(1 + RESENDS):
            way.send(line, numbered(30), line.deliver)
        assert set(range(30)) == set(line.arrived)


def test_latency_keeps_the_order_and_reaches_both_ways(virtual_clock):
    line, way = Line(), passage(virtual_clock, Conditions(latency_ms=5.0, latency_spread_ms=20.0))
    heard: list[float] = []
    way.send(line, numbered(50), line.deliver)
    way.carry_in(line, lambda: heard.append(virtual_clock.monotonic()))
    virtual_clock.advance(0.004)
    assert ([], []) == (line.arrived, heard)
    virtual_clock.advance(0.021)
    assert list(range(50)) == line.arrived
    assert 0.005 <= heard[0] <= 0.025


def test_what_is_on_its_way_when_the_line_ends_never_arrives():
    with Network() as network:
        line, other = Line(), Line()
        way = passage(network, Conditions(latency_ms=1.0))
        way.send(line, numbered(3), line.deliver)
        line.over = True
        way.send(other, numbered(3), other.deliver)
        network.run(lambda: len(other.arrived) == 3)
        assert [] == line.arrived


def test_the_cable_is_pulled_when_its_time_comes_and_the_truth_hears_of_it(virtual_clock):
    plug, told = Plug(), Told()
    passage(virtual_clock, Conditions(offline=((20.0, 50.0),), cuts_s=(80.0,)), told=told).begin(plug)
    virtual_clock.advance(49.0)
    assert ["unplug"] == plug.pulled
    virtual_clock.advance(31.0)
    assert ["unplug", "plug in", "cut"] == plug.pulled
    assert [("offline", 20.0, 50.0, {}), ("cut", 80.0, 80.0, {})] == told


def test_nothing_is_pulled_after_the_end(virtual_clock):
    plug = Plug()
    way = passage(virtual_clock, Conditions(cuts_s=(10.0,)))
    way.begin(plug)
    way.close()
    virtual_clock.advance(60.0)
    assert [] == plug.pulled


def test_a_clock_that_was_set_wrong_and_goes_fast():
    conditions = Conditions(skew_ms=1_500.0, drift_ppm=100.0)
    hour_us = 3_600_000_000
    assert 1_500_000 == conditions.shown_us(START_US, START_US) - START_US
    assert 1_500_000 + 360_000 == conditions.shown_us(START_US + hour_us, START_US) - START_US - hour_us


def test_in_the_end_it_tells_how_much_was_done():
    with Network() as network:
        line, told = Line(), Told()
        way = passage(network, Conditions(loss=1.0, repeat=1.0, skew_ms=9.0), told=told)
        for second in (2, 5):
            way.shown_us(START_US + second * 1_000_000)
        for _ in range(3):
            way.send(line, numbered(10), line.deliver)
        way.close()
        way.close()
        expected: list[Any] = [
            ("loss", 2.0, 5.0, {"messages": 20.0, "share": 1.0}),
            ("repeat", 2.0, 5.0, {"messages": 10.0, "share": 1.0}),
            ("clock", 2.0, 5.0, {"skew_ms": 9.0, "drift_ppm": 0.0}),
        ]
        assert expected == told


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"loss": 1.2}, "loss 1.2: expected a share"),
        ({"latency_ms": -1.0}, "latency_ms -1: expected 0"),
        ({"drift_ppm": 1e9}, r"drift_ppm 1e\+09: expected"),
        ({"offline": ((2.0, 1.0),)}, "offline: expected spans"),
        ({"cuts_s": (3.0, 1.0)}, "cuts_s: expected seconds"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wrong, says):
    with pytest.raises(ValueError, match=says):
        Conditions(**wrong)
