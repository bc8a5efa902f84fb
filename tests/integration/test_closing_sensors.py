"""Sensors over days, on real stores: what closings say of a machine, and which alerts they hold back."""

from typing import Any

import msgspec
import pytest

from closing_house import House, empty_state, house
from presses import DAY_US, RACK_MM, RATE_HZ, T0_US, S, Session
from sledwatch.alerts import alert_id
from sledwatch.events import Alert, Event, Frame
from sledwatch_analytics.closing.raising import CLOSING
from sledwatch_storage.series.memory import MemorySeries
from sledwatch_storage.state import alerts, findings, outbox, schema, sensors
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.limits import put_limit

__all__ = ["empty_state", "house"]

DRIFT, SLIP, STUCK = "machine.encoder-drift", "machine.encoder-slip", "machine.encoder-stuck"
WITHIN = [380.0, 385.0, 390.0]
TOO_DEEP = [420.0, 425.0, 421.0]
WELL_DAYS = 4


def shifted(event: Event, by_mm: float) -> Event:
    """As an encoder would tell it whose zero is off."""
    payload: Any = event.payload
    if isinstance(payload, Frame):
        depths = [None if depth is None else round(depth + by_mm, 1) for depth in payload.depth_mm]
        payload = msgspec.structs.replace(payload, depth_mm=depths)
    return Event(event.gym, event.machine, payload)


def _news(house: House) -> None:
    """As if something had arrived that changes nothing."""
    with begin(house.engine) as connection:
        log = schema.session_log
        connection.execute(log.update().values(version=log.c.version + 1, arrival_us=house.now_us))


class Days:
    """A machine day by day: somebody presses, its encoder is off by so much, and the session is closed."""

    def __init__(self, house: House) -> None:
        self.house, self.day = house, 0
        house.machine_says_what_it_is()
        put_limit(house.engine, "m-1", "north", "press-1", limit_mm=410.0, set_by="trainer", now_us=house.now_us)

    def press(self, depths_mm: list[float], off_mm: float = 0.0) -> str:
        name = f"s-{self.day}"
        session = Session(session=name, start_us=T0_US + self.day * DAY_US, seq=1000 * self.day).set_of(depths_mm)
        self.day += 1
        self.house.arrive([shifted(event, off_mm) for event in session.events()], session.now_us)
        assert [name] == self.house.closer.run_once()
        return name

    def well(self, days: int = WELL_DAYS) -> None:
        for _ in range(days):
            self.press(WITHIN)

    def drifted(self, days: int = 3, off_mm: float = 34.0) -> None:
        for _ in range(days):
            self.press([340.0], off_mm)

    def alert(self, rule: str) -> Any:
        found = alerts.list_alerts(self.house.engine, rule=rule)
        return found[0] if found else None

    def found(self, session: str) -> dict[str, str]:
        return {
            one["rule"]: one["severity"]
            for one in findings.list_findings(self.house.engine, session=session)
            if one["rule"].startswith(("depth.", "machine."))
        }


@pytest.fixture
def days(house: House) -> Days:
    return Days(house)


def test_a_zero_that_moved_is_an_alert_about_the_machine_and_about_nobody(days: Days) -> None:
    days.well()
    days.drifted(2)
    assert days.alert(DRIFT) is None
    days.drifted(1)

    alert = days.alert(DRIFT)
    assert ("north", None, "press-1", None, "warn", "open", 3) == (
        alert.gym, alert.user, alert.machine, alert.session, alert.severity, alert.state, alert.count,
    )  # fmt: skip
    assert T0_US + WELL_DAYS * DAY_US == alerts.micros(alert.first_at)
    assert 34.0 == pytest.approx(alert.evidence["zero_off_mm"], abs=1.0)
    assert alert.id in [told["id"] for told in days.house.hub.of("alert")]
    assert alert.id in [letter.alert for letter in outbox.waiting(days.house.engine, "mqtt")]
    assert "m-1" not in repr(alert)
    (stored,) = findings.list_findings(days.house.engine, rule=DRIFT)
    assert (None, f"s-{WELL_DAYS + 2}") == (stored["user"], stored["session"])


def test_it_stays_one_alert_that_counts(days: Days) -> None:
    days.well()
    days.drifted(5)
    assert [5] == [alert.count for alert in alerts.list_alerts(days.house.engine, rule=DRIFT)]


def test_while_the_sensor_is_doubtful_no_depth_alert_is_raised_and_the_finding_says_so(days: Days) -> None:
    days.well()
    days.drifted()
    session = days.press([386.0, 391.0, 387.0], 34.0)

    assert {"depth.excessive": "note", DRIFT: "warn"} == days.found(session)
    assert days.alert("depth.excessive") is None
    (finding,) = findings.list_findings(days.house.engine, session=session, rule="depth.excessive")
    assert "withheld while the depth sensor of press-1 is doubtful (drifted 34 mm since 26 Nov)" in finding["message"]
    assert "alert" == finding["evidence"]["severity_withheld"]


def test_when_the_zero_is_right_again_alerts_are_raised_as_ever(days: Days) -> None:
    days.well()
    days.drifted()
    days.well(2)
    session = days.press(TOO_DEEP)

    assert {"depth.excessive": "alert"} == days.found(session)
    resolved = alerts.get_stored(days.house.engine, days.alert(DRIFT).id)
    assert resolved is not None
    assert ("resolved", CLOSING) == (resolved.alert.state, resolved.changed_by)
    assert None is sensors.doubt_of(days.house.engine, "north", "press-1")


def test_a_drift_that_comes_back_opens_its_alert_again(days: Days) -> None:
    days.well()
    days.drifted(4)
    days.well(3)
    assert "resolved" == days.alert(DRIFT).state
    began = T0_US + days.day * DAY_US
    days.drifted(3, off_mm=25.0)

    alert = days.alert(DRIFT)
    assert ("open", 3, began) == (alert.state, alert.count, alerts.micros(alert.first_at))
    assert 2 == [letter.alert for letter in outbox.waiting(days.house.engine, "mqtt")].count(alert.id)


def test_what_staff_resolve_is_over_at_once_and_is_compared_anew(days: Days) -> None:
    days.well()
    days.drifted()
    assert DRIFT == sensors.doubt_of(days.house.engine, "north", "press-1")
    alerts.change_state(days.house.engine, days.alert(DRIFT).id, "resolve", "manager", days.house.now_us)
    assert None is sensors.doubt_of(days.house.engine, "north", "press-1")

    session = days.press([386.0, 391.0, 387.0], 34.0)
    days.drifted(4)

    assert {"depth.excessive": "alert"} == days.found(session)
    assert "resolved" == days.alert(DRIFT).state
    days.drifted(3, off_mm=70.0)
    assert "open" == days.alert(DRIFT).state


def test_closing_again_finds_the_same(days: Days) -> None:
    days.well()
    days.drifted()
    days.press([386.0, 391.0, 387.0], 34.0)
    days.well(3)
    before = days.house.dump()

    _news(days.house)
    assert days.day == len(days.house.new_closer().run_once())

    after = days.house.dump()
    for bookkeeping in ("session", "session_log"):
        before.pop(bookkeeping)
        after.pop(bookkeeping)
    assert before == after


def test_a_small_drift_withholds_nothing(days: Days) -> None:
    days.well()
    days.drifted(4, off_mm=8.0)
    assert {"depth.excessive": "alert"} == days.found(days.press(TOO_DEEP, 8.0))


def test_a_live_alert_of_a_session_that_proves_doubtful_is_withdrawn_with_the_reason(days: Days) -> None:
    days.well()
    days.drifted(2)
    heard = Alert(
        id=alert_id("depth.excessive", "north", "m-1", "press-1", f"s-{days.day}"), gym="north", user="m-1",
        machine="press-1", session=f"s-{days.day}", rule="depth.excessive", severity="alert", state="open", count=3,
        first_at=alerts.at(T0_US), last_at=alerts.at(T0_US), title="", message="", advice="", evidence={},
    )  # fmt: skip
    with begin(days.house.engine) as connection:
        alerts.save(connection, heard, provisional=True)
    days.press([386.0, 391.0, 387.0], 34.0)

    stored = alerts.get_stored(days.house.engine, heard.id)
    assert stored is not None
    assert "resolved" == stored.alert.state
    (comment,) = alerts.comments_of(days.house.engine, [heard.id])[heard.id]
    assert comment.text.startswith("Withdrawn: withheld while the depth sensor of press-1 is doubtful")


def test_a_slip_in_a_session_withholds_what_it_made_too_deep(days: Days) -> None:
    """The encoder slips between the sets: from then on all is deeper than it was."""
    days.well(1)
    start_us = T0_US + DAY_US
    session = Session(session="s-1", start_us=start_us, seq=1000).set_of(WITHIN)
    slipped_us = session.now_us - 10 * S
    session.set_of([390.0, 392.0, 391.0])
    events = [
        shifted(event, 25.0) if isinstance(event.payload, Frame) and event.payload.t_us >= slipped_us else event
        for event in session.events()
    ]
    days.house.arrive(events, session.now_us)
    assert ["s-1"] == days.house.closer.run_once()

    assert {"depth.excessive": "note", SLIP: "warn"} == days.found("s-1")
    assert ("open", None) == (days.alert(SLIP).state, days.alert(SLIP).user)
    assert days.alert("depth.excessive") is None


def test_a_stuck_encoder_is_told_and_withholds_nothing(days: Days) -> None:
    days.well(1)
    session = Session(session="s-1", start_us=T0_US + DAY_US, seq=1000).set_of(TOO_DEEP).set_of(WITHIN)
    # It shows the rack until the last rep of all is on its way up.
    recovers = len(session.depth_mm) - round(36.3 * RATE_HZ)
    session.depth_mm[recovers - 350 : recovers] = [RACK_MM] * 350
    days.house.arrive(session.events(), session.now_us)
    assert ["s-1"] == days.house.closer.run_once()

    assert {"depth.excessive": "alert", STUCK: "warn"} == days.found("s-1")


def test_samples_that_are_gone_leave_what_was_read_of_them(days: Days) -> None:
    days.well()
    days.drifted()
    session = days.press([386.0, 391.0, 387.0], 34.0)
    before = days.house.rows(schema.sensor_reading), days.found(session)

    days.house.series = MemorySeries()
    _news(days.house)
    assert days.day == len(days.house.new_closer().run_once())

    assert before == (days.house.rows(schema.sensor_reading), days.found(session))
