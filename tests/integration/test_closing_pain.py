"""Back pain, judged again by closings that change what came before."""

from typing import Any

import pytest

from closing_house import House, empty_state, house
from presses import DAY_US, T0_US, S, Session
from sledwatch_analytics.closing.pain import note_pain
from sledwatch_storage.state import alerts, corrections, schema
from sledwatch_storage.state.corrections import Correction
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.findings import findings_of
from sledwatch_storage.state.limits import put_limit
from sledwatch_storage.state.notes import BACK_PAIN
from sledwatch_storage.state.rules import Scope, put_settings

__all__ = ["empty_state", "house"]


def close_all(house: House) -> None:
    while house.closer.run_once():
        pass


def trains(house: House, *depths_mm: float) -> Session:
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=412.0, from_rep=None, set_by="t", now_us=T0_US)
    session = Session().set_of(depths_mm)
    house.arrive(session.events(), session.now_us)
    return session


def notes_pain(house: House, at_us: int, session: str | None = "s-1") -> str:
    with begin(house.engine) as connection:
        noted = note_pain(
            connection, user="m-1", at_us=at_us, session=session, gym="north", machine="press-1", text=None,
            by="trainer", now_us=house.now_us,
        )  # fmt: skip
    assert BACK_PAIN == noted.note.kind
    return noted.note.matter


def days_that_count(house: House, days: int) -> None:
    put_settings(house.engine, Scope(), {"pain_days": days}, note=None, set_by="manager", now_us=house.now_us)


def pain(house: House) -> Any:
    return next(iter(one for one in house.rows(schema.finding) if one["rule"] == "pain.reported"), None)


def give_set_to(house: House, user: str | None) -> None:
    reps = corrections.all_reps_of(house.engine, "s-1")
    said = Correction("s-1", reps[0].t_start_us, reps[-1].t_end_us, user, "trainer", house.now_us)
    with begin(house.engine) as connection:
        corrections.correct(connection, said)
    close_all(house)


def test_a_closing_that_finds_too_much_makes_an_alert_of_a_note(house: House) -> None:
    session = trains(house, 430.0, 432.0, 380.0)
    matter = notes_pain(house, session.now_us - 20 * S)
    assert "note" == pain(house)["severity"]
    close_all(house)
    assert "alert" == pain(house)["severity"]
    told = alerts.get(house.engine, matter)
    assert told is not None
    assert ("open", 1, "s-1") == (told.state, told.count, told.session)
    assert "pain.reported" in [alert["rule"] for alert in house.hub.of("alert")]


def test_a_second_closing_changes_nothing_of_it(house: House) -> None:
    session = trains(house, 430.0, 432.0)
    close_all(house)
    notes_pain(house, session.now_us)
    before = house.dump()
    with begin(house.engine) as connection:
        corrections.want(connection, ["s-1"], house.now_us)
    close_all(house)
    after = house.dump()
    assert {name for name in before if before[name] != after[name]} == set()


def test_sets_that_were_somebody_elses_take_the_alert_back_and_their_return_brings_it_back(house: House) -> None:
    session = trains(house, 430.0, 432.0)
    close_all(house)
    matter = notes_pain(house, session.now_us)
    give_set_to(house, "m-2")
    withdrawn = alerts.get_stored(house.engine, matter)
    assert withdrawn is not None
    assert ("resolved", "closing", "note") == (withdrawn.alert.state, withdrawn.changed_by, pain(house)["severity"])
    give_set_to(house, "m-1")
    back = alerts.get_stored(house.engine, matter)
    assert back is not None
    assert ("open", None, "alert") == (back.alert.state, back.changed_by, pain(house)["severity"])


def test_what_staff_have_settled_stays_settled(house: House) -> None:
    session = trains(house, 430.0, 432.0)
    close_all(house)
    matter = notes_pain(house, session.now_us)
    alerts.change_state(house.engine, matter, "resolve", "trainer", house.now_us)
    give_set_to(house, "m-2")
    give_set_to(house, "m-1")
    settled = alerts.get_stored(house.engine, matter)
    assert settled is not None
    assert ("resolved", "trainer") == (settled.alert.state, settled.changed_by)


@pytest.mark.parametrize(("days", "expected"), [(6, "alert"), (8, "note")])
def test_days_later_it_is_still_judged_by_what_came_before(house: House, days: int, expected: str) -> None:
    session = trains(house, 430.0, 432.0)
    house.now_us = session.now_us + days * DAY_US
    notes_pain(house, house.now_us, None)
    close_all(house)
    assert expected == pain(house)["severity"]


def test_the_days_that_count_are_a_setting_and_a_pain_keeps_those_it_was_judged_by_first(house: House) -> None:
    session = trains(house, 430.0, 432.0)
    house.now_us = session.now_us + 9 * DAY_US
    days_that_count(house, 10)
    notes_pain(house, house.now_us, None)
    days_that_count(house, 3)
    close_all(house)
    found = pain(house)
    assert ("alert", 10, 1) == (found["severity"], found["evidence"]["pain_days"], found["evidence"]["rules_version"])


def test_the_findings_of_its_session_are_replaced_without_it(house: House) -> None:
    session = trains(house, 430.0, 432.0)
    close_all(house)
    notes_pain(house, session.now_us)
    listed = findings_of(house.engine, ["s-1"])["s-1"]
    assert {"depth.excessive", "pain.reported"} <= {one["rule"] for one in listed}
