"""Closing with what its reps say of strength, technique and the machine: stored with the session, and judged by."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from closing_house import House, empty_state, house
from presses import DAY_US, RATE_HZ, T0_US, S, Session
from sledwatch.events import Frame
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_storage.state import schema, sessions
from sledwatch_storage.state.limits import put_limit

__all__ = ["empty_state", "house"]


def close(house: House, session: Session, changed: Callable[[Frame], Frame] | None = None) -> dict[str, Any]:
    """changed: what the machine's frames are instead."""
    arriving = [
        msgspec.structs.replace(event, payload=changed(event.payload))
        if changed is not None and isinstance(event.payload, Frame)
        else event
        for event in session.events()
    ]
    house.arrive(arriving, session.now_us)
    while house.closer.run_once():
        pass
    found = sessions.get_session(house.engine, session.session)
    assert found is not None
    return dict(found)


def rules(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["rule"]: one for one in found["findings"] if not one["rule"].startswith("workload.")}


def at_loads(loads_kg: Sequence[float], **changes: Any) -> Session:
    """A set of three at each load, each heavier one slower by 0.004 m/s a kilogram: 0.21 m/s at 200 kg."""
    session = Session(**changes)
    for load_kg in loads_kg:
        session.load_kg = load_kg
        for _ in range(3):
            session.rep(380.0, up_s=0.36 / (0.21 + 0.004 * (200.0 - load_kg)))
        session.rest(35.0)
    return session


def test_a_line_of_ones_own_loads_is_the_strength_of_a_session(house: House) -> None:
    house.machine_says_what_it_is()
    strength = close(house, at_loads([60.0, 90.0, 120.0, 150.0]))["strength"]
    assert ("line", False, 4) == (strength["method"], strength["guess"], strength["loads"])
    # By the velocity rule a phase is shorter than its stroke, the more so the slower it is.
    assert pytest.approx(200, rel=0.08) == strength["e1rm_kg"]


def test_loads_of_earlier_sessions_count_for_90_days_and_no_longer(house: House) -> None:
    house.machine_says_what_it_is()
    light = at_loads([60.0, 90.0], session="s-0", start_us=T0_US - 89 * DAY_US)
    close(house, light)
    assert "line" == close(house, at_loads([120.0, 150.0], seq=1_000))["strength"]["method"]
    later = at_loads([120.0, 150.0], session="s-2", start_us=T0_US + 2 * DAY_US, seq=2_000)
    assert "line" != close(house, later)["strength"]["method"]


def test_depth_is_told_against_the_estimated_maximum(house: House) -> None:
    house.machine_says_what_it_is()
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=370.0, set_by="trainer", now_us=house.now_us)
    found = close(house, at_loads([60.0, 90.0, 120.0, 150.0]))
    told = rules(found)["depth.excessive"]
    assert "e1rm" == told["evidence"]["reference_basis"]
    assert round(found["strength"]["e1rm_kg"], 1) == told["evidence"]["reference_load_kg"]


def test_without_velocities_a_set_of_six_at_60_percent_is_hard(house: House) -> None:
    """Below 30 Hz e1RM is known from reps only."""
    house.machine_says_what_it_is(rate_hz=25.0)
    session = Session().set_of([380.0] * 6).set_of([380.0] * 5)

    def every_other(frame: Frame) -> Frame:
        return msgspec.structs.replace(frame, dt_us=40_000, depth_mm=frame.depth_mm[::2], load_kg=120.0)

    found = close(house, session, every_other)
    assert ("reps", 1) == (found["strength"]["method"], found["hard_sets"])


def test_a_dropped_sled_is_a_note_of_the_session(house: House) -> None:
    house.machine_says_what_it_is()
    session = Session()
    for down_s in (1.6, 0.5, 1.6):
        session.rep(380.0, down_s=down_s)
    found = rules(close(house, session))
    assert ["technique.dropped"] == [rule for rule in found if rule.startswith("technique.")]
    assert ("note", 1) == (found["technique.dropped"]["severity"], found["technique.dropped"]["count"])
    assert found["technique.dropped"]["message"].startswith("m-1 let the sled drop once in set 1")
    assert [] == house.rows(schema.alert)


def test_forces_of_the_feet_give_asymmetry_and_the_machines_friction(house: House) -> None:
    house.machine_says_what_it_is()
    session = Session().set_of([380.0] * 6)
    total_n = INCLINE.pushed_n(session.with_setup, session.load_kg, np.array(session.depth_mm), RATE_HZ)

    def with_feet(frame: Frame) -> Frame:
        begin = (frame.t_us - session.start_us) * RATE_HZ // S
        newtons = total_n[begin : begin + len(frame.depth_mm)]
        left, right = (4 / 9 * newtons).tolist(), (5 / 9 * newtons).tolist()
        return msgspec.structs.replace(frame, left_n=left, right_n=right)

    found = close(house, session, with_feet)
    assert pytest.approx(INCLINE.friction_n, abs=2.0) == found["friction_n"]
    assert {20.0} == {round(rep.asymmetry_pct or 0.0, 3) for rep in sessions.reps_of(house.engine, "s-1")}
    assert "much less with the left leg: 20 %" in rules(found)["technique.asymmetry"]["message"]


def test_a_second_closing_finds_the_same_strength_and_friction(house: House) -> None:
    house.machine_says_what_it_is()
    session = at_loads([60.0, 90.0, 120.0, 150.0])
    first = close(house, session)
    with house.engine.begin() as connection:
        log = schema.session_log
        connection.execute(log.update().values(version=log.c.version + 1, arrival_us=house.now_us))
    assert ["s-1"] == house.closer.run_once()
    assert first["strength"] == sessions.get_session(house.engine, "s-1")["strength"]  # type: ignore[index]
