"""One badge, two people: the question, what staff say to it, and everything that follows from that, for both."""

from typing import Any

import pytest

from closing_house import House, empty_state, house
from presses import DAY_US, T0_US, Session
from sledwatch.events import Alert
from sledwatch_storage.state import alerts, corrections, schema, sessions
from sledwatch_storage.state.corrections import NOBODY, Correction, split_id
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.limits import put_limit

__all__ = ["empty_state", "house"]

MINE, THEIRS = [400.0, 402.0, 398.0, 401.0], [330.0, 333.0, 331.0, 329.0]


def shared(**changes: Any) -> Session:
    session = Session(**changes)
    for _ in range(2):
        session.set_of(MINE, load_kg=160.0).set_of(THEIRS, load_kg=100.0)
    return session


def arrive_and_close(house: House, session: Session) -> None:
    house.machine_says_what_it_is()
    house.arrive(session.events(), session.now_us)
    close_all(house)


def close_all(house: House) -> list[str]:
    closed = []
    while now := house.closer.run_once():
        closed += now
    return closed


def say(house: House, number: int, user: str | None, session: str = "s-1") -> None:
    """As the API does."""
    reps = [rep for rep in corrections.all_reps_of(house.engine, session) if rep.set == number]
    span = min(rep.t_start_us for rep in reps), max(rep.t_end_us for rep in reps)
    house.wait(1.0)
    with begin(house.engine) as connection:
        corrections.correct(connection, Correction(session, *span, user, "trainer", house.now_us))


def rules(house: House, session: str) -> set[str]:
    found = sessions.get_session(house.engine, session)
    assert found is not None
    return {finding["rule"] for finding in found["findings"]}


def sets_of(house: House, session: str) -> list[int]:
    return sorted({rep.set for rep in sessions.reps_of(house.engine, session)})


def weeks_of_training(house: House, user: str, work_j: float) -> None:
    house.has_trained(user, [3, 7, 10, 14, 17, 21, 24, 28, 31, 35], work_j)


def test_two_patterns_are_asked_about_and_workload_waits_for_the_answer(house: House) -> None:
    weeks_of_training(house, "m-1", 1_500.0)
    arrive_and_close(house, shared())
    assert "badge.shared" in rules(house, "s-1")
    assert set() == {rule for rule in rules(house, "s-1") if rule.startswith("workload.")}
    asked = [alert for alert in alerts.list_alerts(house.engine) if alert.rule == "badge.shared"]
    assert [("warn", "open", "m-1")] == [(alert.severity, alert.state, alert.user) for alert in asked]


def test_the_same_session_by_one_person_is_judged_at_once(house: House) -> None:
    weeks_of_training(house, "m-1", 1_500.0)
    session = Session()
    for load_kg in (100.0, 160.0, 100.0, 160.0):
        session.set_of(MINE, load_kg=load_kg)
    arrive_and_close(house, session)
    assert "workload.spike" in rules(house, "s-1")
    assert "badge.shared" not in rules(house, "s-1")


def test_sets_given_to_somebody_else_are_theirs_in_everything(house: House) -> None:
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=410.0, set_by="trainer", now_us=T0_US)
    put_limit(house.engine, "m-2", "north", "press-1", limit_mm=300.0, set_by="trainer", now_us=T0_US)
    weeks_of_training(house, "m-1", 1_500.0)
    weeks_of_training(house, "m-2", 200.0)
    arrive_and_close(house, shared())
    whole = sessions.get_session(house.engine, "s-1")
    assert whole is not None
    assert whole["work_j"] is not None

    say(house, 2, "m-2")
    say(house, 4, "m-2")
    assert ["s-1"] == close_all(house)

    split = split_id("s-1", "m-2")
    assert ([1, 3], [2, 4]) == (sets_of(house, "s-1"), sets_of(house, split))
    mine, theirs = (sessions.get_session(house.engine, one) for one in ("s-1", split))
    assert mine is not None
    assert theirs is not None
    assert ("m-2", "s-1", "closed") == (theirs["user"], theirs["split_of"], theirs["state"])
    assert whole["work_j"] == pytest.approx((mine["work_j"] or 0) + (theirs["work_j"] or 0))
    # Against their own limit, with their own past; and what was asked is answered.
    assert {300.0} == {rep.limit_mm for rep in sessions.reps_of(house.engine, split)}
    assert {"depth.excessive", "workload.spike"} <= rules(house, split)
    assert "badge.shared" not in rules(house, "s-1")
    assert "depth.excessive" not in rules(house, "s-1")
    states = {(one.rule, one.user): one.state for one in alerts.list_alerts(house.engine)}
    assert ("resolved", "open") == (states["badge.shared", "m-1"], states["depth.excessive", "m-2"])
    days = {row["user"]: row["work_j"] for row in house.rows(schema.daily_load) if row["work_j"] > 1_500.0}
    assert mine["work_j"] == pytest.approx(days["m-1"])


def test_what_is_taken_back_leaves_no_trace(house: House) -> None:
    weeks_of_training(house, "m-1", 1_500.0)
    arrive_and_close(house, shared())
    before = {name: house.dump()[name] for name in ("rep", "daily_load")}
    say(house, 2, "m-2")
    say(house, 4, None)
    close_all(house)
    assert ([1, 3], [2], [4]) == tuple(
        sets_of(house, one) for one in ("s-1", split_id("s-1", "m-2"), split_id("s-1", NOBODY))
    )

    for number in (2, 4):
        say(house, number, "m-1")
    close_all(house)
    assert before == {name: house.dump()[name] for name in before}
    assert [None] * 11 == [row["split_of"] for row in house.rows(schema.session)]
    # All sets of one pattern are said to be hers: so the session is judged.
    assert "badge.shared" not in rules(house, "s-1")
    assert "workload.spike" in rules(house, "s-1")


def test_discarded_sets_count_for_nobody(house: House) -> None:
    arrive_and_close(house, shared())
    say(house, 2, None)
    close_all(house)
    mine = sessions.get_session(house.engine, "s-1")
    assert mine is not None
    assert 12 == mine["reps"]
    assert [("m-1", 12)] == [(row["user"], row["reps"]) for row in house.rows(schema.session) if row["reps"]]
    depths = sessions.depths_before(house.engine, "m-1", "north", "press-1", T0_US + DAY_US, 200)
    assert 12 == len(depths)


def test_what_members_did_later_is_judged_anew(house: House) -> None:
    weeks_of_training(house, "m-1", 1_500.0)
    arrive_and_close(house, shared())
    later = Session(session="s-2", boot="b2", start_us=T0_US + 3 * DAY_US)
    for _ in range(2):
        later.set_of(MINE, load_kg=160.0)
    arrive_and_close(house, later)
    # The day before last holds the work of two, so nothing stands out after it.
    assert "workload.spike" not in rules(house, "s-2")

    for number in (1, 2, 3):
        say(house, number, "m-2")
    assert ["s-1", "s-2"] == close_all(house)
    assert "workload.spike" in rules(house, "s-2")
    assert [] == close_all(house)


def test_of_old_sessions_others_change_what_is_found_but_call_nobody(house: House) -> None:
    weeks_of_training(house, "m-1", 1_500.0)
    arrive_and_close(house, shared())
    later = Session(session="s-2", boot="b2", start_us=T0_US + 3 * DAY_US)
    for _ in range(2):
        later.set_of(MINE, load_kg=160.0)
    arrive_and_close(house, later)
    house.now_us = later.now_us + 8 * DAY_US

    for number in (1, 2, 3):
        say(house, number, "m-2")
    assert ["s-1", "s-2"] == close_all(house)
    assert "workload.spike" in rules(house, "s-2")
    assert "s-2" not in {alert.session for alert in alerts.list_alerts(house.engine, user="m-1")}


def test_late_frames_leave_what_was_said_where_it_belongs(house: House) -> None:
    session = shared()
    events = session.events()
    late = range(20, 26)
    house.machine_says_what_it_is()
    house.arrive([event for n, event in enumerate(events) if n not in late], session.now_us)
    house.wait(61.0)
    close_all(house)
    say(house, 4, "m-2")
    close_all(house)
    before = {rep.t_turn_us for rep in sessions.reps_of(house.engine, split_id("s-1", "m-2"))}
    house.arrive([event for n, event in enumerate(events) if n in late], house.now_us)
    close_all(house)
    assert before == {rep.t_turn_us for rep in sessions.reps_of(house.engine, split_id("s-1", "m-2"))}


def test_past_retention_sets_can_still_be_given_to_somebody(house: House) -> None:
    session = shared()
    arrive_and_close(house, session)
    house.series.erase("north", "press-1", T0_US - DAY_US, T0_US + DAY_US)
    say(house, 2, "m-2")
    close_all(house)
    assert ([1, 3, 4], [2]) == (sets_of(house, "s-1"), sets_of(house, split_id("s-1", "m-2")))
    say(house, 2, "m-1")
    close_all(house)
    assert [1, 2, 3, 4] == sets_of(house, "s-1")


def test_a_split_fits_into_an_id_however_long_the_session_is() -> None:
    ids = {split_id("s" * 64, "m-1"), split_id("s" * 64, "m-2"), split_id("s" * 63 + "t", "m-1")}
    assert 3 == len(ids)
    assert {64} == {len(one) for one in ids}


def test_what_somebody_else_is_not_charged_with_any_more_is_withdrawn_though_samples_are_missing(house: House) -> None:
    put_limit(house.engine, "m-2", "north", "press-1", limit_mm=300.0, set_by="trainer", now_us=T0_US)
    session = shared()
    house.machine_says_what_it_is()
    events = session.events()
    house.arrive([event for event in events if event.payload.seq != 2], session.now_us)
    house.wait(3_600.0)
    close_all(house)

    say(house, 2, "m-2")
    close_all(house)
    assert [("m-2", "open")] == [(one.user, one.state) for one in alerts.list_alerts(house.engine) if is_depth(one)]

    say(house, 2, "m-1")
    close_all(house)
    assert [("m-2", "resolved")] == [(one.user, one.state) for one in alerts.list_alerts(house.engine) if is_depth(one)]


def is_depth(alert: Alert) -> bool:
    return alert.rule == "depth.excessive"
