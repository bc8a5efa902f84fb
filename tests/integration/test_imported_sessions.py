"""History from elsewhere: stored once, with the figures that workload needs."""

from dataclasses import replace
from datetime import date

import pytest

from closing_house import House, earlier_session, empty_state, house
from presses import T0_US
from sledwatch_storage.state import alerts, schema, sessions
from sledwatch_storage.state.imports import (
    REPS_AT_ONCE,
    SESSIONS_AT_ONCE,
    Imported,
    ImportedSession,
    import_sessions,
    known_sessions,
)
from sledwatch_storage.state.members import get_member, put_member

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


def test_the_sessions_for_workload_are_all_closed_ones_up_to_a_time(house: House) -> None:
    import_sessions(house.engine, [earlier_session("m-1", days, 900.0) for days in (9, 6, 3)], T0_US)

    found = sessions.member_sessions(house.engine, "m-1", earlier_session("m-1", 6, 1.0).start_us)
    assert ["m-1-9-days-ago", "m-1-6-days-ago"] == found.session.tolist()
    assert [900.0, 900.0] == pytest.approx(found.work_j.tolist())
    assert 0 == len(sessions.member_sessions(house.engine, "nobody", T0_US))


def years() -> list[ImportedSession]:
    """More than a transaction takes, of two members."""
    return [earlier_session(user, days, 900.0) for user in ("m-1", "m-2") for days in range(3, 203)]


def test_a_long_import_lets_others_write_in_between(house: House) -> None:
    """SQLite admits one writer: while an import rests, ingest gets its turn."""
    written: list[int] = []

    def write(_: float) -> None:
        put_member(house.engine, f"other-{len(written)}", {}, T0_US)
        written.append(len(sessions.sessions_of(house.engine, "m-1", limit=1_000)))

    assert Imported(400, 4_000, 0) == import_sessions(house.engine, years(), T0_US, rest=write)
    assert [SESSIONS_AT_ONCE] == written


def test_reps_fill_a_transaction_before_sessions_do(house: House) -> None:
    (rep,) = earlier_session("m-1", 3, 900.0).reps[:1]
    long = [
        replace(one, reps=tuple(replace(rep, session=one.session, rep=number) for number in range(1, 1_001)))
        for one in years()[:11]
    ]
    rests: list[float] = []
    assert Imported(11, 11_000, 0) == import_sessions(house.engine, long, T0_US, rest=rests.append)
    assert 11_000 // REPS_AT_ONCE == len(rests)


def test_an_import_that_was_broken_off_goes_on_when_it_is_sent_again(house: House) -> None:
    def break_off(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_sessions(house.engine, years(), T0_US, rest=break_off)
    assert Imported(200, 2_000, 200) == import_sessions(house.engine, years(), T0_US, rest=lambda _: None)
    loads = [(row["user"], row["work_j"], row["sessions"]) for row in house.rows(schema.daily_load)]
    assert [(user, pytest.approx(900.0), 1) for user in ("m-1", "m-2") for _ in range(200)] == sorted(loads)


def test_a_session_that_comes_twice_in_an_import_is_stored_once(house: House) -> None:
    one = earlier_session("m-1", 3, 900.0)
    assert Imported(1, 10, 1) == import_sessions(house.engine, [one, replace(one, reps=one.reps[:1])], T0_US)
    assert frozenset({one.session}) == known_sessions(house.engine, [one.session, "another"])
