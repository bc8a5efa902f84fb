"""What tests of other software are given: time, machines and gyms that do as they are told, the same each time."""

import hashlib
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from sledwatch import events
from sledwatch.events import Event
from sledwatch_sim.equipment.sensors import Sensor
from sledwatch_sim.simulation import SimulationError
from sledwatch_sim.testing import START_US, Message, SimulatedPress, Storing, VirtualBroker, VirtualClock, play
from sledwatch_sim.wire.conditions import Conditions

S = 1_000_000
MY_SCENARIO = """
summary = "Somebody comes for a set"
span_min = 30

[[gyms]]
name = "mine"
title = "My gym"

[[machines]]
model = "XP-180"

[[people]]
machine = 1
after_s = 5
weeks = 0
sets_today = 1
"""


def frames(messages: list[Message]) -> list[dict[str, Any]]:
    return [message.body for message in messages if message.kind == "frame"]


def samples(messages: list[Message]) -> list[tuple[int, float | None]]:
    """Time and depth of each sample, in order."""
    return [
        (body["t_us"] + number * body["dt_us"], mm)
        for body in frames(messages)
        for number, mm in enumerate(body["depth_mm"])
    ]


def digest(messages: list[Message]) -> str:
    return hashlib.sha256(b"".join(message.topic.encode() + message.payload for message in messages)).hexdigest()


def test_a_clock_stands_still_until_it_is_told(virtual_clock: VirtualClock) -> None:
    assert [START_US, START_US] == [virtual_clock(), virtual_clock()]
    virtual_clock.advance(1.25)
    virtual_clock.sleep(0.25)
    assert (START_US + 1_500_000, 1.5) == (virtual_clock(), virtual_clock.monotonic())
    assert "2026-11-22T07:00:01.500000+00:00" == virtual_clock.datetime().isoformat()
    assert virtual_clock.time() == virtual_clock.datetime().timestamp()


def test_timers_wake_in_order_each_at_its_time(virtual_clock: VirtualClock) -> None:
    woken: list[tuple[str, float]] = []

    def wake(name: str) -> None:
        woken.append((name, virtual_clock.monotonic()))

    def wake_and_sleep() -> None:
        wake("asleep")
        virtual_clock.sleep(1.5)
        wake("awake")

    virtual_clock.call_later(3.0, lambda: wake("late"))
    virtual_clock.call_at(1.0, wake_and_sleep)
    virtual_clock.at(START_US + 2 * S, lambda: wake("meanwhile"))
    virtual_clock.call_later(2.0, lambda: wake("after it"))
    virtual_clock.call_later(0.5, lambda: wake("never")).cancel()
    virtual_clock.advance(2.6)
    assert [("asleep", 1.0), ("meanwhile", 2.0), ("after it", 2.0), ("awake", 2.5)] == woken
    virtual_clock.run(lambda: len(woken) == 5)
    assert ("late", 3.0) == woken[-1]


def test_time_does_not_go_back_and_is_not_waited_for_in_vain(virtual_clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="time does not go back"):
        virtual_clock.advance(-1.0)
    with pytest.raises(ValueError, match="time does not go back"):
        virtual_clock.advance_to(START_US - 1)
    with pytest.raises(TimeoutError, match="after 5 s"):
        virtual_clock.run(lambda: False, within_s=5.0)


def a_session(seed: int, start_us: int = START_US) -> str:
    """What a machine says in one session, as a digest."""
    broker = VirtualBroker(VirtualClock(start_us))
    machine = SimulatedPress(broker, "g", "p", seed=seed, network=Conditions(loss=0.05, latency_ms=3.0))
    machine.badge_in("m-1")
    machine.do_set()
    machine.reboot()
    machine.do_set(3, depth_mm=[300.0, 310.0, 320.0])
    return digest(broker.messages)


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert a_session(5) == a_session(5)
    assert 3 == len({a_session(5), a_session(6), a_session(5, START_US + 60 * S)})


def test_what_it_was_asked_to_press_is_in_its_frames(press, virtual_clock) -> None:
    machine = press(rate_hz=100.0)
    machine.badge_in("m-1042")
    depths = [400.0, 410.0, 420.0]
    reps = machine.do_set(3, depth_mm=depths, load_kg=122.0, tempo=(2.0, 0.5, 1.0, 1.5))
    assert depths == [rep.depth_mm for rep in reps]
    assert [(1, 1), (1, 2), (1, 3)] == [(rep.set, rep.rep) for rep in reps]
    for rep in reps:
        seen = [mm for t_us, mm in samples(machine.messages) if rep.t_start_us <= t_us <= rep.t_end_us and mm]
        assert rep.depth_mm == pytest.approx(max(seen), abs=2.0)
        assert (2.5, 1.0) == pytest.approx(((rep.t_turn_us - rep.t_start_us) / S, (rep.t_end_us - rep.t_turn_us) / S))
    assert {122.0} == {body["load_kg"] for body in frames(machine.messages)[3:]}
    assert 4 == machine.do_set(2, depth_mm=390.0)[0].rep


def test_all_that_it_says_keeps_the_contract(press, virtual_clock) -> None:
    machine = press("north", "lp-1", model="SP-200", number=3)
    session = machine.badge_in("m-7")
    machine.set_up(notch=6)
    machine.do_set(2)
    virtual_clock.advance(0.3)
    machine.badge_out()
    machine.switch_off()
    said = [events.decode(message.topic, message.payload, virtual_clock()) for message in machine.messages]
    assert all(isinstance(one, Event) for one in said)
    assert ["state", "session", "session", "frame"] == [message.kind for message in machine.messages[:4]]
    assert [{"retain"}, {"retain"}, set()] == [
        {"retain" for message in machine.messages if message.kind == kind and message.retain}
        for kind in ("state", "session", "frame")
    ]
    numbered = [one.payload.seq for one in said if hasattr(one.payload, "seq")]
    assert list(range(len(numbered))) == numbered
    assert {session} == {body["session"] for body in frames(machine.messages)}
    ends = [body["t_us"] + body["dt_us"] * len(body["depth_mm"]) for body in frames(machine.messages)]
    assert ends[:-1] == [body["t_us"] for body in frames(machine.messages)[1:]]
    assert {"v": 1, "status": "offline", "boot": machine.boot} == machine.messages[-1].body


def test_a_frame_comes_each_second_while_somebody_is_there(press, virtual_clock) -> None:
    machine = press()
    virtual_clock.advance(60.0)
    machine.badge_in()
    machine.take()
    virtual_clock.advance(5.5)
    during = machine.take()
    machine.badge_out()
    virtual_clock.advance(60.0)
    after = machine.take()
    assert [S] * 4 == [later.at_us - one.at_us for one, later in pairwise(during)]
    assert ["frame", "session"] == [message.kind for message in after]
    assert 25 == len(after[0].body["depth_mm"])


def test_who_does_not_badge_in_belongs_to_no_session(press, virtual_clock) -> None:
    machine = press()
    reps = machine.do_set(2)
    virtual_clock.advance(60.0)
    assert {None} == {body["session"] for body in frames(machine.messages)}
    assert reps[-1].t_end_us < max(t_us for t_us, _ in samples(machine.messages)) < reps[-1].t_end_us + 10 * S


def test_a_set_goes_on_as_time_goes_by(press, virtual_clock) -> None:
    machine, other = press(), press()
    machine.badge_in()
    virtual_clock.advance(0.7)
    under_way = machine.begin_set(4, tempo=(2.0, 0.0, 1.0, 1.0))
    with pytest.raises(RuntimeError, match="a set is going on"):
        machine.begin_set()
    virtual_clock.advance(13.0)
    assert (2, False) == (len(under_way.reps), under_way.over)
    assert 4 == len(other.do_set(4))
    assert (4, True) == (len(under_way.reps), under_way.over)
    assert under_way.reps[0].t_start_us > START_US + 2 * S


@pytest.mark.parametrize(("obeys", "deepest_mm"), [(True, 390.0), (False, 430.0)])
def test_some_turn_at_the_light_and_some_do_not(press, obeys, deepest_mm) -> None:
    machine = press(obeys=obeys)
    machine.badge_in("m-1")
    machine.answer_limit(395.0)
    assert [deepest_mm] * 2 == [rep.depth_mm for rep in machine.do_set(2, depth_mm=430.0)]


def test_it_shows_what_it_is_told_for_the_session_in_progress(press) -> None:
    machine = press()
    with pytest.raises(RuntimeError, match="nobody is badged in"):
        machine.answer_limit(400.0)
    machine.badge_in(session="s-1")
    machine.answer_limit(300.0, session="s-0")
    machine.answer_cue("excessive", 431.0, session="s-0")
    assert (None, []) == (machine.limit, machine.cues)
    machine.answer_limit(400.0)
    machine.answer_cue("excessive", 431.0)
    assert (400.0, 380.0) == (machine.limit.limit_mm, machine.limit.caution_mm)
    assert ["excessive"] == [cue.kind for cue in machine.cues]
    machine.badge_out()
    assert machine.limit is None


def test_it_keeps_what_nobody_stored_and_lets_go_of_what_somebody_did(press, virtual_clock) -> None:
    machine = press(stores=False)
    machine.badge_in()
    virtual_clock.advance(10.5)
    assert 11 == machine.unstored
    machine.answer_stored(8, missing=[(3, 4)])
    assert 4 == machine.unstored


def test_what_is_asked_for_three_times_in_vain_is_given_up_and_said(press, virtual_clock) -> None:
    machine = press(stores=False)
    machine.badge_in()
    virtual_clock.advance(5.0)
    machine.badge_out()
    machine.take()
    for _ in range(4):
        machine.answer_stored(6, missing=[(2, 3)])
        virtual_clock.advance(30.0)
    sent = Counter(message.body["seq"] for message in machine.take() if message.kind == "frame")
    assert ({2: 3, 3: 3}, 2, 0) == (sent, machine.lost, machine.unstored)
    assert 7 == next(message for message in reversed(machine.messages) if message.kind == "state").body["oldest_seq"]


def test_a_pulled_cable_is_told_by_the_will_and_nothing_is_lost(press, virtual_clock, virtual_broker) -> None:
    machine = press()
    machine.badge_in()
    machine.unplug()
    assert "offline" == machine.messages[-1].body["status"]
    machine.do_set(3)
    kept = machine.unstored
    virtual_broker.stop()
    machine.plug_in()
    virtual_clock.advance(20.0)
    assert (False, kept + 20) == (machine.connected, machine.unstored)
    virtual_broker.start()
    virtual_clock.advance(10.0)
    machine.cut()
    virtual_clock.advance(10.0)
    machine.badge_out()
    virtual_clock.advance(3.0)
    assert (True, 0, 0) == (machine.connected, machine.unstored, machine.lost)
    numbers = {message.body["seq"] for message in machine.messages if message.kind != "state"}
    assert set(range(len(numbers))) == numbers
    # A topic keeps its order; frames that were kept come behind nothing newer.
    seen = [body["t_us"] for body in frames(machine.messages)]
    assert sorted(seen) == seen


def test_a_reboot_ends_the_session_and_its_frames_are_still_held(press, virtual_clock) -> None:
    machine = press(stores=False)
    machine.badge_in()
    virtual_clock.advance(4.0)
    before = machine.boot
    machine.reboot()
    virtual_clock.advance(1.0)
    assert (None, True) == (machine.session, machine.boot != before)
    online = next(message.body for message in reversed(machine.messages) if message.kind == "state")
    assert [{"boot": before, "from": 0, "to": 4}] == online["held"]


def test_a_bad_network_loses_nothing_in_the_end(press, virtual_clock) -> None:
    machine = press(network=Conditions(loss=0.2, repeat=0.1, disorder=0.1, latency_ms=20.0, latency_spread_ms=30.0))
    machine.badge_in()
    machine.do_set(5)
    machine.disturb(loss=0.0, skew_ms=5_000.0)
    virtual_clock.advance(120.5)
    machine.badge_out()
    virtual_clock.advance(95.0)
    assert (0, 0) == (machine.unstored, machine.lost)
    numbers = [message.body["seq"] for message in machine.messages if message.kind == "frame"]
    assert sorted(numbers) != numbers
    assert len(set(numbers)) < len(numbers)
    assert 5.0 > (virtual_clock() - machine.messages[-1].body["t_us"]) / S - 95.0 > -6.0


def test_sensors_fail_when_they_are_told(press, virtual_clock) -> None:
    machine = press(sensor=Sensor(noise_mm=0.0, dropout=0.0))
    machine.badge_in()
    virtual_clock.advance(1.0)
    machine.blind(for_s=0.4)
    virtual_clock.advance(1.0)
    machine.slip(by_mm=40.0)
    virtual_clock.advance(1.0)
    machine.wear(noise_mm=3.0)
    virtual_clock.advance(1.0)
    machine.stick(for_s=1.0)
    virtual_clock.advance(1.0)
    still, blind, slipped, noisy, stuck = (body["depth_mm"] for body in frames(machine.messages))
    assert ([0.0] * 50, [None] * 20 + [0.0] * 30, [40.0] * 50) == (still, blind, slipped)
    assert len(set(noisy)) > 5
    assert {noisy[-1]} == set(stuck)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"depth_mm": 900.0}, "depth_mm 900: expected 30 to 620"),
        ({"depth_mm": [400.0]}, "depth_mm holds 1 depths: expected one, or 8"),
        ({"load_kg": 9.0}, "load_kg 9: expected 47 to 447"),
        ({"reps": 0}, "reps 0: expected 1 to 100"),
        ({"tempo": (2.0, 0.0, 0.1, 0.0)}, "concentric_s 0.1: expected 0.3"),
    ],
)
def test_what_no_machine_can_do_is_refused_by_name(press, asked, says) -> None:
    with pytest.raises(ValueError, match=says):
        press().begin_set(**asked)


def test_a_machine_that_cannot_be_is_refused(press) -> None:
    with pytest.raises(ValueError, match="model 'LP-1': expected one of LP-45"):
        press(model="LP-1")
    with pytest.raises(ValueError, match=r"offline: expected unplug\(\)"):
        press().disturb(offline=((1.0, 2.0),))


def test_a_listener_gets_what_is_retained_and_then_each_message_at_its_time(
    press, virtual_broker, virtual_clock
) -> None:
    machine = press("g", "p")
    heard: list[tuple[str, int]] = []
    end = virtual_broker.subscribe(lambda message: heard.append((message.kind, virtual_clock())), "sledwatch/v1/g/+/#")
    machine.badge_in()
    virtual_clock.advance(1.0)
    end()
    virtual_clock.advance(1.0)
    said = [one for one in heard if one[0] != "stored"]
    assert [("state", START_US), ("session", START_US), ("frame", START_US + S)] == said


def test_a_scenario_is_played_with_its_truth(gym_day, virtual_broker) -> None:
    heard: list[Message] = []
    virtual_broker.subscribe(lambda message: heard.append(message) if message.kind != "stored" else None)
    day = gym_day("too-deep", seed=3)
    assert day.messages == heard
    assert [message.at_us for message in day.messages] == sorted(message.at_us for message in day.messages)
    starts = [
        body["session"] for body in (m.body for m in day.messages if m.kind == "session") if body["event"] == "start"
    ]
    assert sorted(day.sessions) == sorted(starts) == sorted(line["session"] for line in day.true("session"))
    assert {"depth.excessive"} <= {line["rule"] for line in day.true("finding")}
    assert {line["user"] for line in day.true("member")} == {
        one.path.split("/")[2] for one in day.asked if one.path.startswith("/members/")
    }
    (pain,) = day.true("pain")
    assert {"/import", f"/members/{pain['user']}/notes"} == {one.path for one in day.asked if one.method == "POST"}
    assert [pain["session"]] == [one.body["session"] for one in day.asked if one.path.endswith("/notes")]
    assert 3 == [message.body["status"] for message in day.messages[-3:]].count("offline")


def test_the_same_scenario_and_seed_give_the_same_bytes() -> None:
    def played(seed: int) -> str:
        broker = VirtualBroker(VirtualClock(START_US))
        Storing(broker)
        return digest(play(broker, "bad-network", seed=seed, minutes=6).messages)

    assert played(4) == played(4)
    assert played(4) != played(5)


def test_a_scenario_of_ones_own_can_be_cut_short(gym_day, tmp_path) -> None:
    (tmp_path / "mine.toml").write_text(MY_SCENARIO, encoding="utf-8")
    day = gym_day(str(tmp_path / "mine.toml"), minutes=1)
    assert ["start", "end"] == [message.body["event"] for message in day.messages if message.kind == "session"]
    assert "reboot" == [message.body for message in day.messages if message.kind == "session"][-1]["reason"]
    assert {"sledwatch/v1/mine/press-1/frame"} == {message.topic for message in day.messages if message.kind == "frame"}
    assert 58 > len(frames(day.messages)) > 50


def test_a_day_that_nobody_stores_does_not_end_well(gym_day) -> None:
    with pytest.raises(SimulationError, match="none was for 120 s"):
        gym_day("too-deep", stores=False)
