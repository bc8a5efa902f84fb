"""Refused messages that are lost reach the inbox of the gym: once, and counting."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from closing_house import HeardHub, House, empty_state, house
from presses import DAY_US, T0_US
from sledwatch.events import Alert, Reason, Refusal
from sledwatch_analytics.alarms import QuarantineAlarm
from sledwatch_analytics.alarms.quarantine import COUNTS_ON_US
from sledwatch_storage.state import alerts, outbox, quarantine
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.quarantine import ROOM, Refused

__all__ = ["empty_state", "house"]

SMALL = replace(ROOM, messages=2)


class Watch:
    """A gym's quarantine with room for two messages, and the alarm that looks at it."""

    def __init__(self, engine: Engine, hub: HeardHub) -> None:
        self.engine, self.hub, self.now_us, self.told = engine, hub, T0_US, 0
        self._number = 0
        self.alarm = QuarantineAlarm(engine, hub, lambda: self.now_us, told=self._heard)

    def refuse(self, messages: int, gym: str | None = "north") -> None:
        for _ in range(messages):
            self._number += 1
            refusal = Refusal(Reason.LOAD_OUT_OF_RANGE, "too heavy", gym, "press-1", "b1", self._number)
            refused = Refused(self.now_us, f"sledwatch/v1/{gym}/press-1/frame", b"%d" % self._number, refusal)
            with begin(self.engine) as connection:
                quarantine.add(connection, [refused], self.now_us, SMALL)

    def alerts(self) -> list[Alert]:
        return alerts.list_alerts(self.engine)

    def later(self) -> None:
        self.now_us += COUNTS_ON_US

    def _heard(self) -> None:
        self.told += 1


@pytest.fixture
def watch(house: House) -> Watch:
    return Watch(house.engine, house.hub)


def test_while_there_is_room_nobody_is_called(watch: Watch) -> None:
    watch.refuse(2)
    assert [] == watch.alarm.look()


def test_what_is_lost_is_an_alert_of_the_gym(watch: Watch) -> None:
    watch.refuse(5)
    (alert,) = watch.alarm.look()
    assert [alert] == watch.alerts()
    expected = ("north", None, None, None, "machine.quarantine", "warn", "open", 3)
    assert expected == (
        alert.gym, alert.user, alert.machine, alert.session, alert.rule, alert.severity, alert.state, alert.count,
    )  # fmt: skip
    assert (T0_US, 3) == (alerts.micros(alert.last_at), alert.evidence["messages_lost"])


def test_it_is_told_once_to_the_world_and_at_each_change_to_who_looks(watch: Watch) -> None:
    for _ in range(3):
        watch.refuse(5)
        watch.alarm.look()
        watch.later()
    assert 1 == len(outbox.waiting(watch.engine, "mqtt"))
    assert [3, 8, 13] == [told["count"] for told in watch.hub.of("alert")]
    assert 3 == watch.told


def test_it_counts_on_by_the_minute(watch: Watch) -> None:
    watch.refuse(5)
    watch.alarm.look()
    watch.refuse(5)
    assert [] == watch.alarm.look()
    watch.later()
    assert [8] == [alert.count for alert in watch.alarm.look()]


def test_looking_again_changes_nothing(watch: Watch) -> None:
    watch.refuse(5)
    watch.alarm.look()
    watch.later()
    assert [] == watch.alarm.look()


def test_each_gym_has_its_own_and_what_names_none_has_none(watch: Watch) -> None:
    watch.refuse(3, "north")
    watch.refuse(3, "south")
    watch.refuse(3, None)
    assert [("north", 3), ("south", 3)] == sorted((alert.gym, alert.count) for alert in watch.alarm.look())


def test_what_was_resolved_opens_again_when_more_is_lost(watch: Watch) -> None:
    watch.refuse(5)
    (alert,) = watch.alarm.look()
    alerts.change_state(watch.engine, alert.id, "resolve", "manager", watch.now_us)
    watch.later()
    assert [] == watch.alarm.look()
    watch.refuse(1)
    assert ["open"] == [alert.state for alert in watch.alarm.look()]


def test_what_somebody_silenced_stays_so(watch: Watch) -> None:
    watch.refuse(5)
    (alert,) = watch.alarm.look()
    alerts.change_state(watch.engine, alert.id, "silence", "manager", watch.now_us)
    watch.later()
    watch.refuse(1)
    assert [("silenced", 4)] == [(alert.state, alert.count) for alert in watch.alarm.look()]


def test_what_went_by_age_is_no_alarm(watch: Watch) -> None:
    watch.refuse(2)
    quarantine.expire(watch.engine, T0_US + 91 * DAY_US)
    assert [] == watch.alarm.look()
