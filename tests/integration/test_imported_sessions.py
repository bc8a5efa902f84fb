"""History from elsewhere: stored once, with the figures that workload needs."""

from dataclasses import replace
from datetime import date

import pytest

from closing_house import House, earlier_session, empty_state, house
from presses import T0_US
from sledwatch_storage.state import alerts, schema, sessions
from sledwatch_storage.state.members import get_member
from sledwatch_storage.state.sessions import Imported, import_sessions

__all__ = ["empty_state", "house"]


def test_an_import_is_stored_once(house: House) -> None:
    history = [earlier_session("m-1", days, 900.0) for days in (9, 6, 3)]

    assert Imported(3, 30, 0) == import_sessions(house.engine, history, T0_US)
    before = house.dump()
    assert Imported(0, 0, 3) == import_sessions(house.engine, history, T0_US + 1)
    assert before == house.dump()


def test_an_import_has_days_a_member_and_no_findings(house: House) -> None:
    import_sessions(house.engine, [earlier_session("m-1", days, 900.0) for days in (9, 3)], T0_US)

    days = {row["day"]: row["work_j"] for row in house.rows(schema.daily_load)}
    assert {date(2026, 11, 13): pytest.approx(900.0), date(2026, 11, 19): pytest.approx(900.0)} == days
    assert get_member(house.engine, "m-1") is not None
    assert [] == alerts.list_alerts(house.engine)
    assert ["import", "import"] == [one["source"] for one in sessions.sessions_of(house.engine, "m-1")]


def test_work_that_was_not_measured_is_that_of_lifting_the_load(house: House) -> None:
    """A press starts and ends at rest: what went into motion came out of it again."""
    known = earlier_session("m-1", 3, 900.0)
    unknown = replace(known, reps=tuple(replace(rep, work_j=None) for rep in known.reps))
    import_sessions(house.engine, [unknown], T0_US)

    (stored,) = sessions.sessions_of(house.engine, "m-1")
    # 120 kg up 45° rails, 360 mm, ten times.
    assert 120 * 9.80665 * 0.70711 * 3.6 == pytest.approx(stored["work_j"], rel=1e-4)


def test_the_frame_for_workload_holds_all_closed_sessions_up_to_a_time(house: House) -> None:
    import_sessions(house.engine, [earlier_session("m-1", days, 900.0) for days in (9, 6, 3)], T0_US)

    frame = sessions.member_sessions_frame(house.engine, "m-1", earlier_session("m-1", 6, 1.0).start_us)
    assert ["m-1-9-days-ago", "m-1-6-days-ago"] == frame["session"].tolist()
    assert [900.0, 900.0] == pytest.approx(frame["work_j"].tolist())
    assert sessions.member_sessions_frame(house.engine, "nobody", T0_US).empty
