"""Once a day: what is missing of days has changed since sessions were judged, and they are judged anew."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from closing_house import House, empty_state, house
from presses import DAY_US, T0_US, S, Session
from sledwatch.events import Event, Frame
from sledwatch_analytics.closing import DailyLook
from sledwatch_storage.state import schema, sessions
from sledwatch_storage.state.alerts import at
from sledwatch_storage.state.daily import take_day
from sledwatch_storage.state.engine import begin

__all__ = ["empty_state", "house"]

HOUR_US = 3600 * S


def look(house: House) -> dict[str, int]:
    """As after a restart: it remembers nothing."""
    return DailyLook(house.engine, lambda: house.now_us).run_once()


def close_all(house: House) -> list[str]:
    closed = []
    while some := house.new_closer().run_once():
        closed += some
    return closed


def missing_of(house: House, session: str) -> list[str] | None:
    found = sessions.get_session(house.engine, session)
    assert found is not None
    return found["judged_missing"]


def day_before(days: int) -> str:
    return at(T0_US - days * DAY_US).date().isoformat()


@pytest.fixture
def late_part(house: House) -> list[Event]:
    """m-1 pressed on two machines: a message of the other one, of nobody's session, is still on its way."""
    first = Session(session="s-1", machine="press-2", start_us=T0_US - 3 * DAY_US).rest(5.0)
    second = Session(session="s-2", machine="press-2", start_us=T0_US - 2 * DAY_US, seq=100, user="m-2").rest(5.0)
    seqs = range(len(first.events()), 100)
    between = [
        Event("north", "press-2", Frame(boot="b1", seq=seq, t_us=T0_US, dt_us=20_000, depth_mm=[0.0], load_kg=20.0))
        for seq in seqs
    ]
    house.arrive(first.events() + between[:-1], first.now_us)
    close_all(house)
    judged = Session(session="s-3", start_us=T0_US - DAY_US).set_of([380.0, 390.0])
    house.arrive(judged.events(), judged.now_us)
    close_all(house)
    house.arrive(second.events(), T0_US - DAY_US + HOUR_US)
    house.now_us = T0_US
    close_all(house)
    return between[-1:]


def test_a_gap_that_shows_later_has_sessions_judged_anew_and_again_when_it_is_filled(
    house: House, late_part: list[Event]
) -> None:
    assert None is missing_of(house, "s-3")
    assert {"north": 2} == look(house)
    assert ["s-1", "s-3"] == close_all(house)
    assert [day_before(3), day_before(2)] == missing_of(house, "s-3")

    house.arrive(late_part, T0_US)
    assert {} == look(house)
    house.now_us += DAY_US
    assert {"north": 3} == look(house)
    assert ["s-1", "s-2", "s-3"] == close_all(house)
    assert None is missing_of(house, "s-3")


def test_a_day_is_done_once_whoever_looks_and_however_often(house: House, late_part: list[Event]) -> None:
    assert {"north": 2} == look(house)
    assert {} == look(house)
    close_all(house)
    assert {} == look(house)
    # A week of which every day was slept through.
    house.now_us += 7 * DAY_US
    assert {"north": 0} == look(house)


def test_of_processes_that_look_at_the_same_time_one_has_the_day(house: House) -> None:
    """Each has found what is to be done when it writes; the day belongs to the first."""
    today = at(T0_US).date()

    def take(days: int) -> bool:
        with begin(house.engine) as connection:
            return take_day(connection, "north", today + timedelta(days=days), T0_US)

    assert [True, False, True, False, False] == [take(0), take(0), take(1), take(0), take(1)]


def test_a_day_begins_after_midnight_of_each_gym(house: House) -> None:
    house.machine_says_what_it_is("north")
    house.machine_says_what_it_is("south")
    with begin(house.engine) as connection:
        gym = schema.gym
        connection.execute(update(gym).where(gym.c.gym == "south").values(time_zone="Pacific/Auckland"))
    # T0 is 17:00 UTC, 6:00 of the next day in Auckland.
    assert {"north": 0, "south": 0} == look(house)
    house.now_us += round(timedelta(hours=7, minutes=14) / timedelta(microseconds=1))
    assert {} == look(house)
    house.now_us += 60 * S
    assert {"north": 0} == look(house)
    house.now_us += 11 * HOUR_US
    assert {"south": 0} == look(house)


def test_sessions_of_more_than_90_days_ago_stay_as_they_were_judged(house: House, late_part: list[Event]) -> None:
    house.now_us += 95 * DAY_US
    assert {"north": 0} == look(house)
