"""Closing on real SQLite stores: what comes out of samples, once, again, and late."""

import threading
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from closing_house import House, empty_state, house
from presses import DAY_US, T0_US, S, Session
from sledwatch.alerts import alert_id
from sledwatch.events import Alert, Event, Frame
from sledwatch.reps import find_reps
from sledwatch_analytics.measured import joined, samples_of
from sledwatch_storage.series import SeriesStore, StoredFrame, StoreUnavailable
from sledwatch_storage.series.memory import MemorySeries
from sledwatch_storage.state import alerts, arrivals, findings, outbox, schema, sessions
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.limits import put_limit
from sledwatch_storage.state.members import get_member
from waiting import eventually

__all__ = ["empty_state", "house"]

WITHIN = [380.0, 385.0, 390.0]
TOO_DEEP = [380.0, 425.0, 428.0]


def limit_is(house: House, limit_mm: float, **where: int) -> None:
    put_limit(
        house.engine, "m-1", "north", "press-1", limit_mm=limit_mm, set_by="trainer", now_us=house.now_us, **where
    )


def close_all(house: House) -> list[str]:
    return house.closer.run_once()


def test_a_complete_session_is_closed_at_once(house: House) -> None:
    session = Session().set_of([380.0, 400.0, 410.0])
    house.machine_says_what_it_is()
    house.arrive(session.events(), session.now_us)

    assert ["s-1"] == close_all(house)

    found = sessions.get_session(house.engine, "s-1")
    reps = sessions.reps_of(house.engine, "s-1")
    assert found is not None
    assert ("closed", 3, 1, session.start_us, session.now_us) == (
        found["state"], found["reps"], found["sets"], found["start_us"], found["end_us"],
    )  # fmt: skip
    assert [380.0, 400.0, 410.0] == pytest.approx([rep.depth_mm for rep in reps], abs=2.0)
    assert session.bottoms_us == pytest.approx([rep.t_turn_us for rep in reps], abs=60_000)
    # Weight along 45° rails over the concentric travel: it starts and ends at rest.
    assert 120.0 * 9.80665 * 0.70711 * 1.13 == pytest.approx(found["work_j"], rel=0.02)
    assert 360.0 == found["tonnage_kg"]


def test_a_session_is_listed_with_its_member_from_its_start_on(house: House) -> None:
    session = Session().rest(5.0)
    house.arrive(session.events(ended=False)[:1])

    assert [] == close_all(house)

    found = sessions.get_session(house.engine, "s-1")
    assert found is not None
    assert ("live", None, "m-1") == (found["state"], found["end_us"], found["user"])
    assert get_member(house.engine, "m-1") is not None
    assert ["live"] == [told["state"] for told in house.hub.of("session")]


def test_a_gap_holds_the_closing_back_for_a_minute(house: House) -> None:
    session = Session().set_of(WITHIN)
    first, *rest = session.events()
    house.arrive([first, *rest[1:]], session.now_us)

    assert [] == close_all(house)
    house.wait(59.0)
    assert [] == close_all(house)
    house.wait(1.0)
    assert ["s-1"] == close_all(house)


def test_a_session_without_an_end_is_closed_after_ten_silent_minutes(house: House) -> None:
    session = Session().set_of(WITHIN)
    house.arrive(session.events(ended=False), session.now_us)

    house.wait(599.0)
    assert [] == close_all(house)
    house.wait(1.0)
    assert ["s-1"] == close_all(house)
    assert session.now_us == house.rows(schema.session)[0]["end_us"]


def test_an_end_whose_clock_was_set_back_ends_nothing_before_its_samples(house: House) -> None:
    session = Session().set_of([380.0])
    *sent, end = session.events()
    early = msgspec.structs.replace(end.payload, t_us=session.start_us - 3600 * S)
    house.arrive([*sent, msgspec.structs.replace(end, payload=early)])
    house.new_closer().run_once()

    (closed,) = house.rows(schema.session)
    assert session.now_us == closed["end_us"]


def test_a_backlog_is_closed_oldest_first(house: House) -> None:
    for number in (3, 1, 2):
        session = Session(session=f"s-{number}", start_us=T0_US + number * 3600 * S, seq=number * 1000).set_of(WITHIN)
        house.arrive(session.events(), T0_US + DAY_US)
    house.wait(60.0)

    assert ["s-1", "s-2", "s-3"] == close_all(house)


def test_a_clock_that_was_set_back_holds_no_session_back(house: House) -> None:
    first = Session().set_of(WITHIN)
    house.arrive(first.events(), first.now_us)
    assert ["s-1"] == close_all(house)

    house.wait(-3600.0)
    house.arrive(Session(session="s-2", start_us=T0_US - 3600 * S, seq=1000).set_of(WITHIN).events())
    house.wait(1.0)
    assert ["s-2"] == close_all(house)


def test_a_machine_whose_clock_is_set_back_has_the_reps_that_live_has_heard(house: House) -> None:
    """Numbers say what came after what; two stretches of the same time are never mixed."""
    events = Session().set_of(WITHIN).set_of([400.0, 430.0, 410.0]).events()
    stepped = [
        Event(one.gym, one.machine, msgspec.structs.replace(one.payload, t_us=one.payload.t_us - 41_300_000))
        if isinstance(one.payload, Frame) and one.payload.seq > 48
        else one
        for one in events
    ]
    house.arrive(stepped, T0_US + 200 * S)
    close_all(house)

    heard = joined(samples_of(one.payload) for one in stepped if isinstance(one.payload, Frame))
    spans = find_reps(heard.t_us, heard.depth_mm, heard.load_kg)
    reps = sessions.reps_of(house.engine, "s-1")
    assert [(span.turn_us, span.bottom_mm) for span in spans] == [(rep.t_turn_us, rep.depth_mm) for rep in reps]


def test_late_frames_bring_their_reps(house: House) -> None:
    session = Session().set_of(WITHIN).set_of([400.0, 401.0])
    events = session.events()
    house.arrive(events[:10] + events[20:], session.now_us)
    house.wait(60.0)
    assert ["s-1"] == close_all(house)
    before = house.rows(schema.session)[0]["reps"]

    house.arrive(events[10:20])
    assert ["s-1"] == close_all(house)

    assert before < 5 == house.rows(schema.session)[0]["reps"]
    assert 5 == len(sessions.reps_of(house.engine, "s-1"))


def test_a_second_closing_changes_nothing(house: House) -> None:
    house.machine_says_what_it_is()
    house.has_trained("m-1", [35, 30, 25, 20, 15, 10, 5], work_j=500.0)
    limit_is(house, 410.0)
    session = Session().set_of(TOO_DEEP).set_of(WITHIN)
    house.arrive(session.events(), session.now_us)
    assert ["s-1"] == close_all(house)
    before = house.dump()
    assert before["alert"]
    assert before["outbox"]

    _news(house)
    house.wait(30.0)
    assert ["s-1"] == close_all(house)

    after = house.dump()
    for bookkeeping in ("session", "session_log"):
        before.pop(bookkeeping)
        after.pop(bookkeeping)
    assert before == after


def test_nothing_new_closes_nothing(house: House) -> None:
    house.arrive(Session().set_of(WITHIN).events(), T0_US + 60 * S)
    close_all(house)

    assert [] == close_all(house)
    assert [] == house.new_closer().run_once()


def test_the_limit_of_the_first_closing_holds_for_later_ones(house: House) -> None:
    house.machine_says_what_it_is()
    limit_is(house, 410.0)
    house.arrive(Session().set_of(TOO_DEEP).events(), T0_US + 60 * S)
    close_all(house)

    limit_is(house, 500.0)
    _news(house)
    assert ["s-1"] == close_all(house)

    found = sessions.get_session(house.engine, "s-1")
    assert found is not None
    assert (410.0, "calibrated", 1) == (found["limit_mm"], found["limit_tier"], found["limit_version"])
    assert {410.0} == {rep.limit_mm for rep in sessions.reps_of(house.engine, "s-1")}
    assert ["depth.excessive"] == [finding["rule"] for finding in found["findings"] if "depth" in finding["rule"]]


def test_no_limit_at_the_first_closing_is_none_for_ever(house: House) -> None:
    house.arrive(Session().set_of(TOO_DEEP).events(), T0_US + 60 * S)
    close_all(house)
    limit_is(house, 410.0)
    _news(house)
    close_all(house)

    assert {None} == {rep.limit_mm for rep in sessions.reps_of(house.engine, "s-1")}
    assert [] == alerts.list_alerts(house.engine, rule="depth.excessive")


def test_a_moved_seat_has_the_limit_of_its_notch(house: House) -> None:
    house.machine_says_what_it_is()
    limit_is(house, 410.0, notch=4)
    session = Session().set_of(WITHIN).move_seat(6).set_of(WITHIN)
    house.arrive(session.events(), session.now_us)
    close_all(house)
    limit_is(house, 300.0, notch=4)
    _news(house)
    close_all(house)

    reps = sessions.reps_of(house.engine, "s-1")
    assert [(410.0, "calibrated")] * 3 + [(460.0, "transferred")] * 3 == [
        (rep.limit_mm, rep.limit_tier) for rep in reps
    ]


def test_reps_past_the_limits_of_two_notches_are_one_alert(house: House) -> None:
    house.machine_says_what_it_is()
    limit_is(house, 410.0, notch=4)
    session = Session().set_of([420.0, 425.0]).move_seat(5).set_of([450.0, 460.0, 400.0])
    house.arrive(session.events(), session.now_us)
    close_all(house)

    (alert,) = alerts.list_alerts(house.engine)
    assert (4, 435.0) == (alert.count, alert.evidence["limit_mm"])


def test_two_reps_past_the_limit_raise_one_alert_that_counts(house: House) -> None:
    house.machine_says_what_it_is()
    limit_is(house, 410.0)
    house.arrive(Session().set_of(TOO_DEEP).set_of([430.0, 380.0]).events(), T0_US + 60 * S)
    house.wait(60.0)
    close_all(house)

    (alert,) = alerts.list_alerts(house.engine)
    assert ("depth.excessive", "alert", "open", 3, "calibrated") == (
        alert.rule, alert.severity, alert.state, alert.count, alert.limit_tier,
    )  # fmt: skip
    assert alert.id == house.hub.of("alert")[0]["id"]
    (letter,) = outbox.waiting(house.engine, "mqtt")
    assert (alert.id, f"{alert.id}:alert") == (letter.alert, letter.key)


def test_an_acknowledged_alert_stays_so_when_frames_come_late(house: House) -> None:
    house.machine_says_what_it_is()
    limit_is(house, 410.0)
    events = Session().set_of(TOO_DEEP).set_of([430.0, 431.0]).events()
    house.arrive(events[:25] + events[40:], T0_US + 120 * S)
    house.wait(60.0)
    close_all(house)
    (alert,) = alerts.list_alerts(house.engine)
    alerts.change_state(house.engine, alert.id, "acknowledge", "trainer", house.now_us)

    house.arrive(events[25:40])
    house.arrive(events[40:])
    assert house.closer.run_once()

    (after,) = alerts.list_alerts(house.engine)
    assert (alert.id, "acknowledged", alert.first_at) == (after.id, after.state, after.first_at)


def test_a_resolved_alert_is_not_opened_again_by_the_same_reps(house: House) -> None:
    limit_is(house, 410.0)
    house.arrive(Session().set_of(TOO_DEEP).events(), T0_US + 60 * S)
    close_all(house)
    (alert,) = alerts.list_alerts(house.engine)
    alerts.change_state(house.engine, alert.id, "resolve", "trainer", house.now_us)
    _news(house)
    close_all(house)

    (after,) = alerts.list_alerts(house.engine)
    assert ("resolved", alert.count) == (after.state, after.count)


def test_a_live_alert_is_confirmed_by_closing(house: House) -> None:
    limit_is(house, 410.0)
    house.arrive(Session().set_of(TOO_DEEP).events(), T0_US + 60 * S)
    close_all(house)
    (alert,) = alerts.list_alerts(house.engine)
    with begin(house.engine) as connection:
        alerts.save(connection, replace(alert, count=1), provisional=True)
    _news(house)
    close_all(house)

    stored = alerts.get_stored(house.engine, alert.id)
    assert stored is not None
    assert (False, "open", 2) == (stored.provisional, stored.alert.state, stored.alert.count)


def test_a_live_alert_that_closing_does_not_confirm_is_withdrawn_with_a_word(house: House) -> None:
    limit_is(house, 410.0)
    session = Session().set_of(TOO_DEEP)
    house.arrive(session.events(), session.now_us)
    close_all(house)
    (alert,) = alerts.list_alerts(house.engine)
    other = Session(session="s-2", start_us=T0_US + 3600 * S, seq=1000).set_of(WITHIN)
    phantom = replace(alert, id=alert_id("depth.excessive", "north", "m-1", "press-1", "s-2"), session="s-2")
    with begin(house.engine) as connection:
        alerts.save(connection, phantom, provisional=True)
    house.arrive(other.events(), other.now_us)
    close_all(house)

    stored = alerts.get_stored(house.engine, phantom.id)
    assert stored is not None
    assert ("resolved", False) == (stored.alert.state, stored.provisional)
    assert ["closing"] == [comment.author for comment in alerts.comments_of(house.engine, [phantom.id])[phantom.id]]
    assert f"{phantom.id}:withdrawn" in [letter.key for letter in outbox.waiting(house.engine, "mqtt")]


def test_an_acknowledged_live_alert_outlasts_a_closing_without_its_samples(house: House) -> None:
    """What live has heard, a closing that has not got the samples yet cannot deny."""
    limit_is(house, 410.0)
    session = Session().set_of(TOO_DEEP)
    events = session.events()
    house.arrive([events[0], *events[-20:]], session.now_us)
    heard = Alert(
        id=alert_id("depth.excessive", "north", "m-1", "press-1", "s-1"), gym="north", user="m-1", machine="press-1",
        session="s-1", rule="depth.excessive", severity="alert", state="acknowledged", count=2,
        first_at=alerts.at(T0_US), last_at=alerts.at(T0_US), title="", message="", advice="", evidence={},
    )  # fmt: skip
    with begin(house.engine) as connection:
        alerts.save(connection, heard, provisional=True)
    house.wait(60.0)
    assert ["s-1"] == close_all(house)
    house.arrive(events)
    assert ["s-1"] == close_all(house)

    stored = alerts.get_stored(house.engine, heard.id)
    assert stored is not None
    assert (False, "acknowledged", heard.first_at) == (
        stored.provisional,
        stored.alert.state,
        stored.alert.first_at,
    )


def test_far_more_than_usual_raises_a_workload_alert(house: House) -> None:
    house.machine_says_what_it_is()
    house.has_trained("m-1", [35, 30, 25, 20, 15, 10, 5], work_j=800.0)
    session = Session().set_of([380.0] * 8)
    house.arrive(session.events(), session.now_us)
    close_all(house)

    (alert,) = alerts.list_alerts(house.engine)
    assert ("workload.spike", "alert") == (alert.rule, alert.severity)
    assert 2.0 < alert.evidence["ratio"] < 3.5
    today = {row["day"]: row for row in house.rows(schema.daily_load)}[date(2026, 11, 22)]
    assert (1, False) == (today["sessions"], today["missing"])


def test_two_sessions_of_one_visit_are_one_matter(house: House) -> None:
    house.machine_says_what_it_is()
    house.has_trained("m-1", [35, 30, 25, 20, 15, 10, 5], work_j=800.0)
    first = Session().set_of([380.0] * 8)
    second = Session(session="s-2", start_us=first.now_us + 600 * S, seq=500).set_of([380.0] * 8)
    house.arrive(first.events(), first.now_us)
    close_all(house)
    (before,) = alerts.list_alerts(house.engine, rule="workload.spike")
    house.arrive(second.events(), second.now_us)
    close_all(house)
    (after,) = alerts.list_alerts(house.engine, rule="workload.spike")
    _news(house)
    close_all(house)

    assert (before.id, "open") == (after.id, after.state)
    assert 2 * before.evidence["ratio"] == pytest.approx(after.evidence["ratio"], rel=0.05)
    assert ["open"] == [alert.state for alert in alerts.list_alerts(house.engine, rule="workload.spike")]


def test_imported_sessions_are_never_replaced(house: House) -> None:
    house.has_trained("m-1", [3], work_j=800.0)
    imported = sessions.reps_of(house.engine, "m-1-3-days-ago")
    start = Session(session="m-1-3-days-ago").events()[0]
    house.arrive([start], T0_US)
    house.wait(3600.0)

    assert [] == close_all(house)
    assert imported == sessions.reps_of(house.engine, "m-1-3-days-ago")


def test_reps_whose_samples_are_gone_stay(house: House) -> None:
    house.arrive(Session().set_of(WITHIN).events(), T0_US + 60 * S)
    close_all(house)
    reps = sessions.reps_of(house.engine, "s-1")

    house.series = MemorySeries()
    house.closer = house.new_closer()
    _news(house)
    assert ["s-1"] == close_all(house)

    assert reps == sessions.reps_of(house.engine, "s-1")
    assert 3 == house.rows(schema.session)[0]["reps"]


def test_a_session_that_cannot_be_closed_stops_no_other(house: House) -> None:
    house.arrive(Session().set_of(WITHIN).events(), T0_US + 60 * S)
    house.arrive(
        Session(session="s-2", user="m-2", machine="press-2", start_us=T0_US + S).set_of(WITHIN).events(),
        T0_US + 61 * S,
    )
    with begin(house.engine) as connection:
        connection.execute(
            schema.session_log.update()
            .where(schema.session_log.c.session == "s-1")
            .values(setups=[[0, {"notch": "x"}]])
        )

    assert ["s-2"] == close_all(house)
    assert [] == close_all(house)
    with begin(house.engine) as connection:
        connection.execute(schema.session_log.update().where(schema.session_log.c.session == "s-1").values(setups=[]))
    house.wait(660.0)
    assert ["s-1"] == close_all(house)


def test_frames_without_a_start_wait_for_it(house: House) -> None:
    session = Session().set_of(WITHIN)
    start, *rest = session.events()
    house.arrive(rest, session.now_us)
    house.wait(3600.0)
    assert [] == close_all(house)

    house.arrive([start])
    assert ["s-1"] == close_all(house)


def test_frames_of_others_on_the_same_machine_are_left_out(house: House) -> None:
    session = Session().set_of(WITHIN)
    events = session.events()
    alien = [
        Event(event.gym, event.machine, msgspec.structs.replace(event.payload, session=None))
        if isinstance(event.payload, Frame) and position > 5
        else event
        for position, event in enumerate(events)
    ]
    house.arrive(alien, session.now_us)
    close_all(house)

    assert 3 > len(sessions.reps_of(house.engine, "s-1"))


def test_findings_and_sessions_are_listed_page_by_page(house: House) -> None:
    limit_is(house, 410.0)
    for number in range(5):
        session = Session(session=f"s-{number}", start_us=T0_US + number * 3600 * S, seq=number * 1000).set_of(TOO_DEEP)
        house.arrive(session.events(), T0_US + DAY_US)
    close_all(house)

    first = sessions.sessions_of(house.engine, "m-1", limit=3)
    second = sessions.sessions_of(house.engine, "m-1", after=sessions.cursor_of(first[-1]), limit=3)
    assert ["s-4", "s-3", "s-2", "s-1", "s-0"] == [one["session"] for one in first + second]
    head = findings.list_findings(house.engine, rule="depth.excessive", limit=2)
    tail = findings.list_findings(house.engine, rule="depth.excessive", after=findings.cursor_of(head[-1]))
    assert ["s-4", "s-3", "s-2", "s-1", "s-0"] == [one["session"] for one in head + tail]
    top = alerts.list_alerts(house.engine, user="m-1", limit=4)
    rest = alerts.list_alerts(house.engine, user="m-1", after=alerts.cursor_of(top[-1]))
    assert 5 == len({alert.id for alert in top + rest})


def test_days_with_a_hole_in_the_ledger_are_missing(house: House) -> None:
    session = Session().set_of(WITHIN)
    events = session.events()
    house.arrive(events[:5] + events[8:], session.now_us)
    house.wait(60.0)
    close_all(house)

    (today,) = house.rows(schema.daily_load)
    assert (date(2026, 11, 22), True) == (today["day"], today["missing"])


def _news(house: House) -> None:
    """As if something of the session had arrived that changes nothing."""
    with begin(house.engine) as connection:
        log = schema.session_log
        connection.execute(log.update().values(version=log.c.version + 1, arrival_us=house.now_us))
    assert arrivals.unclosed(house.engine, 0)


class OnceAway:
    """A series store that does not answer the first times it is asked."""

    def __init__(self, series: SeriesStore, times: int) -> None:
        self.series, self.times = series, times

    def frames(self, *where: Any) -> list[StoredFrame]:
        self.times -= 1
        if self.times >= 0:
            raise StoreUnavailable("away, says the test")
        return self.series.frames(*where)


def test_a_store_that_is_away_is_waited_for(house: House) -> None:
    house.arrive(Session().set_of(WITHIN).events(), T0_US + 60 * S)
    house.series = OnceAway(house.series, times=2)  # type: ignore[assignment]
    stop = threading.Event()
    closing = threading.Thread(target=house.new_closer().run, args=(stop,))
    closing.start()
    eventually(lambda: sessions.reps_of(house.engine, "s-1"))
    stop.set()
    closing.join(10)

    assert 3 == len(sessions.reps_of(house.engine, "s-1"))
