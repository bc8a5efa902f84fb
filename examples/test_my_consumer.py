"""Tests of software of your own that listens to leg presses: no broker, no gym, no waiting. Run them with

    pytest examples/test_my_consumer.py

`Display` is what you would have written: a screen beside the machine that shows who is at it and how deep they came.
The machines, the time and the people come with `sledwatch_sim.testing` (docs/testing-with-machines.md).
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

pytest_plugins = ["sledwatch_sim.testing"]

BLANK_AFTER_S = 600.0


class Display:
    """Your software. It gets MQTT messages, and a clock in µs: the tests' own, so that ten minutes are a moment."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.user: str | None = None
        self.deepest_mm = 0.0
        self.online = False
        self._heard_us = clock()
        self._seen: set[tuple[str, int]] = set()

    def on_message(self, topic: str, payload: bytes) -> None:
        body = json.loads(payload)
        match topic.rpartition("/")[2]:
            case "state":
                self.online = body["status"] == "online"
            case "session" | "frame" if (body["boot"], body["seq"]) in self._seen:
                pass  # a machine that was not told `stored` sends again
            case "session":
                self._note(body)
                self.user = None if body["event"] == "end" else body.get("user", self.user)
                self.deepest_mm = 0.0 if body["event"] == "start" else self.deepest_mm
            case "frame":
                self._note(body)
                self.deepest_mm = max([self.deepest_mm, *(mm for mm in body["depth_mm"] if mm is not None)])

    @property
    def blank(self) -> bool:
        return self.user is None or self.clock() - self._heard_us > BLANK_AFTER_S * 1e6

    def _note(self, body: dict[str, Any]) -> None:
        self._seen.add((body["boot"], body["seq"]))
        self._heard_us = self.clock()


@pytest.fixture
def display(virtual_broker, virtual_clock):
    made = Display(virtual_clock)
    virtual_broker.subscribe(lambda message: made.on_message(message.topic, message.payload))
    return made


def test_it_shows_who_is_there_and_how_deep_they_came(press, display):
    machine = press(seed=7)
    assert display.online
    machine.badge_in("m-1042")
    machine.do_set(3, depth_mm=[380.0, 410.0, 395.0], load_kg=122.0)
    assert (False, "m-1042") == (display.blank, display.user)
    assert 410.0 == pytest.approx(display.deepest_mm, abs=2.0)
    machine.badge_out()
    assert display.blank


def test_it_goes_blank_when_nothing_came_for_ten_minutes(press, display, virtual_clock):
    machine = press()
    machine.badge_in("m-1042")
    virtual_clock.advance(5.0)
    machine.unplug()
    virtual_clock.advance(BLANK_AFTER_S - 1.0)
    assert (False, False) == (display.online, display.blank)
    virtual_clock.advance(2.0)
    assert display.blank


def test_what_was_pressed_while_the_cable_was_pulled_is_shown_afterwards(press, display, virtual_clock):
    machine = press()
    machine.badge_in("m-1042")
    machine.unplug()
    machine.do_set(2, depth_mm=430.0)
    assert 0.0 == display.deepest_mm
    machine.plug_in()
    virtual_clock.advance(1.0)
    assert 430.0 == pytest.approx(display.deepest_mm, abs=2.0)


def test_a_sensor_that_slips_is_shown_as_it_reads(press, display):
    """The truth is in what `do_set` returns; the display can only know what the machine saw."""
    machine = press()
    machine.badge_in()
    machine.slip(by_mm=60.0)
    (rep,) = machine.do_set(1, depth_mm=400.0)
    assert (400.0, 460.0) == (rep.depth_mm, pytest.approx(display.deepest_mm, abs=2.0))


def test_whoever_minds_the_light_turns_before_it(press):
    """You can also stand in for the services: here for what says how far the sled may come."""
    machine = press(obeys=True)
    machine.badge_in("m-1042")
    machine.answer_limit(400.0)
    assert max(rep.depth_mm for rep in machine.do_set(5, depth_mm=430.0)) < 400.0


def test_a_whole_morning_passes_in_a_moment(gym_day, virtual_broker, virtual_clock):
    display, shown = Display(virtual_clock), set()

    def on_message(message):
        display.on_message(message.topic, message.payload)
        shown.add(display.user)

    virtual_broker.subscribe(on_message, "sledwatch/v1/+/press-1/#")
    day = gym_day("bad-network", seed=3)
    were_there = {line["user"] for line in day.true("session") if line["machine"] == "press-1"}
    assert {None, *were_there} == shown
