"""Closing with what geometry and clinicians say: transferred limits, estimates and protocols, and all of it frozen."""

from typing import Any

import pytest

from closing_house import House, empty_state, house
from presses import T0_US, Session
from sledwatch.events import Setup
from sledwatch.protocol import Window
from sledwatch_storage.state import alerts, schema, sessions
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.limits import put_limit, write_limit
from sledwatch_storage.state.members import put_member
from sledwatch_storage.state.protocols import delete_protocol, put_protocol

__all__ = ["empty_state", "house"]

UPRIGHT = Setup(backrest_deg=75.0, notch=4, foot_row=2)
KNEE_80 = Window("knee_deg", None, 80.0)


def close_all(house: House) -> None:
    while house.closer.run_once():
        pass


def trains(house: House, *depths_mm: float) -> None:
    """A session of one set, closed."""
    session = Session().set_of(depths_mm)
    house.arrive(session.events(), session.now_us)
    close_all(house)


def again(house: House) -> None:
    """Something of the session arrives late: it is closed anew."""
    with house.engine.begin() as connection:
        log = schema.session_log
        connection.execute(log.update().values(version=log.c.version + 1, arrival_us=house.now_us))
    close_all(house)


def rules(house: House) -> dict[str, dict[str, Any]]:
    found = sessions.get_session(house.engine, "s-1")
    assert found is not None
    return {one["rule"]: dict(one) for one in found["findings"] if not one["rule"].startswith("workload.")}


def protocol_is(house: House, *windows: Window, cap_kg: float | None = None, until_us: int = T0_US + 10**12) -> None:
    put_protocol(
        house.engine, "m-1", windows=windows, load_cap_kg=cap_kg, expires_us=until_us, clinician="Dr. Ruiz", note=None,
        set_by="trainer", now_us=house.now_us,
    )  # fmt: skip


def test_a_breach_of_the_protocol_is_a_warning_in_the_inbox(house: House) -> None:
    house.machine_says_what_it_is()
    put_member(house.engine, "m-1", {"name": "Ada", "height_mm": 1750.0}, house.now_us)
    protocol_is(house, KNEE_80, cap_kg=100.0)
    trains(house, 380.0, 390.0)

    (alert,) = alerts.list_alerts(house.engine)
    assert ("protocol.breach", "warn", 2) == (alert.rule, alert.severity, alert.count)
    assert alert.message.startswith("Ada went outside the protocol twice in set 1: twice too deep, the knee bent to")
    assert "120 kg against at most 100 kg" in alert.message


def test_the_protocol_of_the_first_closing_holds_for_later_ones(house: House) -> None:
    house.machine_says_what_it_is()
    protocol_is(house, cap_kg=100.0)
    trains(house, 380.0)
    first = rules(house)
    protocol_is(house, cap_kg=200.0)
    again(house)
    delete_protocol(house.engine, "m-1", deleted_by="trainer", now_us=house.now_us)
    again(house)

    assert {"protocol.breach"} == set(first)
    assert first == rules(house)


def test_a_protocol_that_comes_after_the_first_closing_is_for_later_sessions(house: House) -> None:
    house.machine_says_what_it_is()
    trains(house, 380.0)
    protocol_is(house, cap_kg=100.0)
    again(house)

    assert {} == rules(house)


def test_an_expired_protocol_is_not_applied(house: House) -> None:
    house.machine_says_what_it_is()
    protocol_is(house, cap_kg=100.0, until_us=T0_US)
    trains(house, 380.0)

    assert {} == rules(house)


def test_a_limit_of_another_machine_is_carried_over_and_stays_with_all_that_was_told_of_it(house: House) -> None:
    house.machine_says_what_it_is()
    house.machine_says_what_it_is(machine="press-9", backrest_deg=15.0)
    put_member(house.engine, "m-1", {"height_mm": 1750.0}, house.now_us)
    put_limit(
        house.engine, "m-1", "north", "press-9", limit_mm=480.0, notch=4, foot_row=2, set_by="trainer",
        now_us=house.now_us,
    )  # fmt: skip
    trains(house, 420.0, 425.0)
    first = rules(house)
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=500.0, set_by="trainer", now_us=house.now_us)
    put_member(house.engine, "m-1", {"height_mm": 1850.0}, house.now_us)
    again(house)

    told = first["depth.excessive"]
    assert ("alert", "transferred", "north/press-9") == (
        told["severity"], told["limit_tier"], told["evidence"]["limit_from"],
    )  # fmt: skip
    assert "transferred from press-9, notch 4 by geometry" in told["message"]
    # Angles follow the height that is known now; the limit does not.
    assert first == rules(house)


def test_the_reps_of_a_calibration_visit_are_not_judged_by_what_they_found(house: House) -> None:
    house.machine_says_what_it_is()
    key = {"user": "m-1", "gym": "north", "machine": "press-1", "notch": 4, "foot_row": 2}
    found = {"limit_mm": 380.0, "how": "calibration", "session": "s-1", "visit_reps": 2}
    with begin(house.engine) as connection:
        write_limit(connection, key, found, "trainer", house.now_us)
    trains(house, 430.0, 420.0, 385.0)

    assert [None, None, pytest.approx(5.0, abs=2.0)] == [rep.over_mm for rep in sessions.reps_of(house.engine, "s-1")]
    assert {"depth.caution": 1} == {rule: one["count"] for rule, one in rules(house).items()}


def test_what_is_merely_assumed_of_a_machine_says_nothing_of_hips(house: House) -> None:
    house.machine_says_what_it_is(machine="press-9")
    put_member(house.engine, "m-1", {"height_mm": 1750.0, "sex": "male"}, house.now_us)
    put_limit(
        house.engine, "m-1", "north", "press-9", limit_mm=300.0, notch=4, foot_row=2, set_by="trainer",
        now_us=house.now_us,
    )  # fmt: skip
    trains(house, 560.0)

    assert [None] == [rep.limit_mm for rep in sessions.reps_of(house.engine, "s-1")]
    assert {} == rules(house)


def test_whoever_has_no_limit_is_estimated_by_sex_and_height(house: House) -> None:
    house.machine_says_what_it_is(backrest_deg=75.0)
    put_member(house.engine, "m-1", {"height_mm": 1750.0, "sex": "male"}, house.now_us)
    session = Session(with_setup=UPRIGHT).set_of([480.0])
    house.arrive(session.events(), session.now_us)
    close_all(house)

    found = rules(house)
    assert {"depth.estimated"} == set(found)
    assert ("note", "estimated", "male", "reach") == (
        found["depth.estimated"]["severity"],
        found["depth.estimated"]["limit_tier"],
        found["depth.estimated"]["evidence"]["sex"],
        found["depth.estimated"]["evidence"]["angle_basis"],
    )
    assert [] == alerts.list_alerts(house.engine)
