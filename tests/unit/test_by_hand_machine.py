"""A machine that is worked by keys: what each does, and that no key makes its samples leap."""

from itertools import count, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sledwatch.events import Limit, Setup
from sledwatch_sim.by_hand.keys import BY_KEY, Key, Step
from sledwatch_sim.by_hand.machine import Light, MachineByHand
from sledwatch_sim.equipment.models import INCLINE, MODELS, Press
from sledwatch_sim.equipment.sensors import Sensor, SensorAtWork

START_US = 1_795_330_800_000_000
TICK_US = 20_000
EXACT = Sensor(noise_mm=0.0, step_mm=0.0, dropout=0.0)


class Line:
    """What a device would be told, in order."""

    def __init__(self) -> None:
        self.limit: Limit | None = None
        self.session: str | None = None
        self.told: list[tuple[str, Any]] = []
        self.frames: list[tuple[int, int, list[float | None], Any, str | None]] = []

    def badge_in(self, session: str, user: str, _t_us: int, _setup: Setup) -> None:
        self.session = session
        self.told.append(("badge_in", user))

    def set_up(self, _t_us: int, setup: Setup) -> None:
        self.told.append(("set_up", setup.notch))

    def frame(self, t_us: int, dt_us: int, depth_mm: list[float | None], load_kg: float | list[float]) -> None:
        self.frames.append((t_us, dt_us, depth_mm, load_kg, self.session))
        self.told.append(("frame", len(depth_mm)))

    def badge_out(self, _t_us: int, reason: str = "badge_out") -> None:
        self.session = None
        self.told.append(("badge_out", reason))

    def reboot(self, boot: str) -> None:
        self.session = None
        self.told.append(("reboot", boot))

    def unplug(self) -> None:
        self.told.append(("unplug", None))

    def plug_in(self) -> None:
        self.told.append(("plug_in", None))

    @property
    def depths(self) -> np.ndarray[Any, Any]:
        return np.array([np.nan if mm is None else mm for _, _, part, _, _ in self.frames for mm in part])


class Gym:
    """A machine by hand, its line, and a clock that is moved by the test."""

    def __init__(self, press: Press = INCLINE) -> None:
        self.line = Line()
        self.now_us = START_US
        ids = (f"id-{number}" for number in count(1))
        self.machine = MachineByHand(
            press, self.line, SensorAtWork(EXACT, (1,), START_US), START_US, lambda: next(ids), "m-1"
        )

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 1e6 / TICK_US)):
            self.now_us += TICK_US
            self.machine.advance(self.now_us)

    def press(self, *keys: Key | Step) -> str:
        said = ""
        for key in keys:
            said = self.machine.do(key if isinstance(key, Step) else Step(key))
        return said

    def until_free(self) -> None:
        while not self.machine.free:
            self.wait(0.1)


def told(gym: Gym) -> list[tuple[str, Any]]:
    """All but the frames."""
    return [one for one in gym.line.told if one[0] != "frame"]


@pytest.mark.parametrize("model", MODELS)
@given(keys=st.lists(st.tuples(st.sampled_from(sorted(set(BY_KEY.values()))), st.sampled_from([0.0, 0.06, 1.3]))))
@settings(max_examples=12)
def test_whatever_is_pressed_the_sled_never_leaps(model: str, keys: list[tuple[Key, float]]):
    gym = Gym(MODELS[model].at_rate(100.0))
    gym.press(Key.BADGE, Key.DOWN)
    gym.wait(0.1)
    for key, seconds in keys:
        if key not in {Key.QUIT, Key.USER, Key.REBOOT}:
            gym.press(key)
        gym.wait(seconds)
    gym.machine.finish()
    gym.until_free()
    t_us = np.array([t + i * dt for t, dt, part, _, _ in gym.line.frames for i in range(len(part))])
    assert len(t_us) == len(np.unique(t_us))
    depth_mm = gym.line.depths
    assert depth_mm.min() >= -10.0
    assert depth_mm.max() <= MODELS[model].online.travel_mm
    # Beside one another in time: from one session to the next there may be a pause.
    next_to = np.diff(t_us) == MODELS[model].at_rate(100.0).dt_us
    speed_m_s = np.abs(np.diff(depth_mm))[next_to] / 10.0
    assert (speed_m_s < 1.7).all()


def test_a_rep_goes_to_its_target_and_is_counted():
    gym = Gym()
    gym.press(Key.BADGE, Step(Key.TARGET, 400.0), Key.REP, Key.REP)
    gym.until_free()
    assert [400.0, 400.0] == [round(rep.bottom_mm, 1) for rep in gym.machine.reps]
    gym.press(Key.BADGE)
    gym.until_free()
    assert 400.0 == pytest.approx(gym.line.depths.max())
    assert (0.0, True) == (gym.machine.sled.depth_mm, gym.machine.sled.racked)
    assert [("badge_in", "m-1"), ("badge_out", "badge_out")] == told(gym)


def test_a_hand_takes_the_sled_down_and_up_step_by_step():
    gym = Gym()
    gym.press(*[Key.DOWN] * 3)
    gym.until_free()
    assert 60.0 == pytest.approx(gym.machine.sled.depth_mm, abs=0.5)
    gym.press(Key.UP)
    gym.until_free()
    assert 40.0 == pytest.approx(gym.machine.sled.depth_mm, abs=0.5)


def test_a_hand_on_the_sled_ends_a_rep():
    gym = Gym()
    gym.press(Key.BADGE, Key.REP)
    gym.wait(2.5)
    before_mm = gym.machine.sled.depth_mm
    gym.press(Key.UP)
    gym.until_free()
    # It was on its way down: it goes on a little before it turns.
    assert before_mm - 20.0 <= gym.machine.sled.depth_mm <= before_mm + 60.0
    assert [] == gym.machine.reps


def test_deeper_than_the_limit_lights_the_light():
    gym = Gym()
    gym.press(Key.BADGE)
    gym.wait(0.1)
    assert Light.OFF == gym.machine.light
    gym.line.limit = Limit("id-1", 300.0, 280.0, "calibrated")
    gym.wait(0.1)
    assert Light.GREEN == gym.machine.light
    gym.press(Step(Key.TARGET, 290.0), Key.REP)
    lights = []
    while not gym.machine.free:
        gym.wait(0.02)
        lights.append(gym.machine.light)
    assert {Light.GREEN, Light.CAUTION} == set(lights)
    gym.press(Step(Key.TARGET, 310.0), Key.REP)
    while not gym.machine.free:
        gym.wait(0.02)
        lights.append(gym.machine.light)
    assert Light.OVER in lights
    assert [False, True] == [rep.over for rep in gym.machine.reps]
    assert 1 == gym.machine.all_over


def test_frames_last_a_second_and_follow_each_other():
    gym = Gym(INCLINE.at_rate(333.0))
    gym.press(Key.BADGE)
    gym.wait(3.5)
    gym.press(Key.BADGE)
    *whole, (_, _, rest, _, _) = gym.line.frames
    assert [333] * 3 == [len(part) for _, _, part, _, _ in whole]
    assert 0 < len(rest) < 333
    assert all(t + dt * len(part) == later for (t, dt, part, _, _), (later, *_) in pairwise(gym.line.frames))


def test_a_sled_that_moves_is_told_of_though_nobody_is_badged_in_and_one_that_rests_is_not():
    gym = Gym()
    gym.wait(5.0)
    assert [] == gym.line.frames
    gym.press(Key.REP)
    gym.until_free()
    gym.wait(5.0)
    assert {None} == {session for *_, session in gym.line.frames}
    seconds = sum(len(part) for _, _, part, _, _ in gym.line.frames) / 50
    assert 3.0 < seconds < 6.0


def test_a_badge_is_taken_out_once_the_sled_is_racked():
    gym = Gym()
    gym.press(Key.BADGE, *[Key.DOWN] * 5)
    gym.until_free()
    assert "racking the sled, then the badge is out" == gym.press(Key.BADGE)
    assert "the sled is being racked" == gym.press(Key.REP)
    gym.until_free()
    assert [("badge_in", "m-1"), ("badge_out", "badge_out")] == told(gym)
    assert ("frame", "badge_out") == (gym.line.told[-2][0], gym.line.told[-1][0])


def test_the_seat_and_the_plates_are_changed_within_a_session():
    gym = Gym()
    gym.press(Step(Key.NOTCH, 3.0), Step(Key.LOAD, 100.0), Key.BADGE)
    gym.wait(0.5)
    assert "seat notch 4" == gym.press(Key.NOTCH_UP)
    assert "load 107 kg" == gym.press(Key.MORE)
    assert [("badge_in", "m-1"), ("set_up", 4)] == told(gym)
    gym.wait(0.5)
    gym.machine.end_now()
    assert [102.0, 107.0] == [load for *_, load, _ in gym.line.frames]


def test_plates_stay_on_while_the_sled_moves():
    gym = Gym()
    gym.press(Key.REP)
    gym.wait(1.0)
    load_kg = gym.machine.load_kg
    assert "plates are changed while the sled rests" == gym.press(Key.MORE)
    assert load_kg == gym.machine.load_kg


def test_another_user_comes_when_nobody_is_badged_in():
    gym = Gym()
    gym.press(Key.BADGE)
    assert "m-1 is badged in: badge out first" == gym.press(Step(Key.USER, "m-2"))
    gym.press(Key.BADGE, Step(Key.USER, "m-2"), Key.BADGE)
    assert [("badge_in", "m-1"), ("badge_out", "badge_out"), ("badge_in", "m-2")] == told(gym)
    with pytest.raises(ValueError, match="lower-case"):
        gym.press(Step(Key.USER, "Anna"))


def test_the_power_goes_without_a_word_and_takes_what_was_not_sent():
    gym = Gym()
    gym.press(Key.BADGE)
    gym.wait(1.5)
    gym.press(Key.REBOOT)
    gym.wait(2.0)
    assert [("badge_in", "m-1"), ("reboot", "id-2")] == told(gym)
    assert 1 == len(gym.line.frames)
    assert not gym.machine.in_session


def test_a_machine_that_slept_has_a_gap():
    gym = Gym()
    gym.press(Key.BADGE)
    gym.wait(1.5)
    gym.now_us += 60_000_000
    gym.wait(1.5)
    starts = [t for t, *_ in gym.line.frames]
    assert [0.0, 1.0, 61.5] == pytest.approx([(t - START_US) / 1e6 for t in starts], abs=0.05)


def test_the_cable_is_cut_and_mended():
    gym = Gym()
    gym.press(Key.CABLE)
    assert not gym.machine.plugged_in
    gym.press(Key.CABLE)
    assert [("unplug", None), ("plug_in", None)] == told(gym)
