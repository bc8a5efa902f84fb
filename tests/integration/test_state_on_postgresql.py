"""The state DB on a real PostgreSQL: what SQLite, with one writer at a time, cannot show."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, select

from closing_house import House, earlier_session
from kept_lifts import PROMISES as OF_LIFTS
from kept_limits import PROMISES
from kept_rules import PROMISES as OF_RULES
from postgresql_server import postgresql_url
from presses import DAY_US, T0_US, S, Session, online
from sledwatch.events import Event, Frame, Reason, Refusal
from sledwatch_analytics.bulk.exporting import Range
from sledwatch_analytics.bulk.reanalysing import Plan, Report, reanalyse
from sledwatch_analytics.closing import DailyLook
from sledwatch_analytics.closing.pain import note_pain
from sledwatch_storage.series.sqlite import SqliteSeries
from sledwatch_storage.state import alerts, lookback, notes, quarantine, schema
from sledwatch_storage.state.engine import begin, migrate, open_state
from sledwatch_storage.state.imports import Imported, import_sessions
from sledwatch_storage.state.ledger import Arrived, Refused, record
from sledwatch_storage.state.limits import put_limit
from sledwatch_storage.state.quarantine import Tally
from sledwatch_storage.state.sessions import member_sessions, reps_of

__all__ = ["postgresql_url"]

pytestmark = pytest.mark.needs("initdb", "pg_ctl")


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    """Migrated and empty."""
    migrate(postgresql_url)
    opened = open_state(postgresql_url)
    with begin(opened) as connection:
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(table.delete())
    yield opened
    opened.dispose()


@pytest.fixture
def house(engine: Engine, tmp_path: Path) -> Iterator[House]:
    series = SqliteSeries(tmp_path / "series.db")
    yield House(engine, series)
    series.close()


def too_deep(house: House) -> None:
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=410.0, set_by="trainer", now_us=T0_US)
    session = Session().set_of([420.0, 425.0])
    house.arrive(session.events(), session.now_us + S)


def test_a_session_is_closed_once_and_again_to_the_same(house: House) -> None:
    house.machine_says_what_it_is()
    too_deep(house)
    assert ["s-1"] == house.closer.run_once()
    assert ["live", "closed"] == [told["state"] for told in house.hub.of("session")]
    before = house.dump()
    assert 2 == len(reps_of(house.engine, "s-1"))

    house.arrive(Session().set_of([420.0, 425.0]).events())
    assert [] == house.closer.run_once()
    assert before["alert"] == house.dump()["alert"]


def test_history_is_imported_once(engine: Engine) -> None:
    history = [earlier_session("m-1", days, 900.0) for days in (9, 6, 3)]
    assert [Imported(3, 30, 0), Imported(0, 0, 3)] == [import_sessions(engine, history, T0_US) for _ in range(2)]
    assert 3 == len(member_sessions(engine, "m-1", T0_US))


def test_what_happened_in_a_span_is_found_by_member_and_time(house: House) -> None:
    too_deep(house)
    house.closer.run_once()
    span = (house.engine, "m-1", T0_US - DAY_US, T0_US + DAY_US)
    assert ([2], [10.0, 15.0]) == (
        [len(reps_of(house.engine, session)) for session in lookback.velocity_losses(*span)],
        pytest.approx(sorted(lookback.reps_too_deep(*span)["over_mm"]), abs=2.0),
    )
    (alert,) = lookback.alerts_then(*span)
    assert "depth.excessive" == alert["rule"]
    assert alert["rule"] in {found["rule"] for found in lookback.findings_then(*span)}
    assert [410.0] == [change["limit_mm"] for change in lookback.limit_changes_until(house.engine, "m-1", T0_US)]
    assert ["equation"] == [one["strength"]["method"] for one in lookback.strengths(*span)]
    assert [] == lookback.notes_then(*span)


def test_what_is_missing_is_known_by_day_and_looked_for_daily(house: House) -> None:
    events = Session().set_of([380.0, 390.0]).events()
    house.arrive(events[:5] + events[8:], T0_US + 120 * S)
    house.wait(60.0)
    house.closer.run_once()
    (today,) = house.rows(schema.daily_load)
    assert (True, 0, 0.0) == (today["missing"], today["over_reps"], today["exposure_kg_mm"])
    daily = DailyLook(house.engine, lambda: house.now_us)
    assert [{"north": 0}, {}] == [daily.run_once() for _ in range(2)]


def test_the_migrations_give_the_schema_here_too(engine: Engine) -> None:
    with engine.connect() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), schema.metadata)


def test_what_is_on_record_of_an_earlier_version_is_counted_by_the_migration(engine: Engine) -> None:
    """As many as are stored, may still come, and are lost; and what quarantine holds."""
    frames = [
        Arrived(Event("north", "press-1", Frame("b1", seq, T0_US, 20_000, [1.0], 1.0)), T0_US) for seq in (0, 1, 5, 9)
    ]
    refused = Refused(T0_US, "t", b"abc", Refusal(Reason.BAD_NAME, "", "north", "press-1", "b1", 7))
    record(engine, frames, [refused], T0_US)
    record(engine, [Arrived(Event("north", "press-1", online(boot="b1", oldest_seq=4)), T0_US)], [], T0_US)
    before = counted(engine)
    assert (4, 3, 2) == before[0]
    url = engine.url.render_as_string(hide_password=False)
    with begin(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(resources.files("sledwatch_storage.state") / "migrations"))
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    migrate(url)
    assert before == counted(engine)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_limits_and_protocols_are_kept_here_too(engine: Engine, promise: Callable[[Engine], None]) -> None:
    promise(engine)


@pytest.mark.parametrize("promise", OF_LIFTS, ids=lambda promise: promise.__name__)
def test_what_was_lifted_is_told_here_too(engine: Engine, promise: Callable[[Engine], None]) -> None:
    promise(engine)


@pytest.mark.parametrize("promise", OF_RULES, ids=lambda promise: promise.__name__)
def test_settings_of_rules_are_kept_here_too(engine: Engine, promise: Callable[[Engine], None]) -> None:
    promise(engine)


def test_two_taps_at_once_are_one_note_and_pain_stands_above_what_came_later(house: House) -> None:
    too_deep(house)
    house.closer.run_once()
    came: list[bool] = []

    def tap() -> None:
        with begin(house.engine) as connection:
            noted = note_pain(
                connection, user="m-1", at_us=house.now_us - 10 * S, session="s-1", gym="north", machine="press-1",
                text=None, by="trainer", now_us=house.now_us,
            )  # fmt: skip
            came.append(noted.repeated)

    second = threading.Thread(target=tap)
    with begin(house.engine) as connection:
        notes.hold(connection, ["m-1"])
        second.start()
        second.join(0.3)
        assert [] == came
    tap()
    second.join(10.0)
    assert [False, True] == sorted(came)
    found = alerts.list_alerts(house.engine, "open")
    assert ["pain.reported", "depth.excessive"] == [one.rule for one in found]
    after = alerts.cursor_of(found[0])
    assert ["depth.excessive"] == [one.rule for one in alerts.list_alerts(house.engine, "open", after=after)]
    (note,) = notes.list_notes(house.engine, "m-1")
    assert [] == notes.list_notes(house.engine, "m-1", notes.cursor_of(note))


def counted(engine: Engine) -> tuple[tuple[int, ...], list[Tally]]:
    with engine.connect() as connection:
        row = connection.execute(select(schema.ledger)).mappings().one()
    return tuple(row[name] for name in ("stored", "missing", "lost")), quarantine.tallies(engine)


def test_text_that_postgresql_does_not_take_ends_nothing(engine: Engine) -> None:
    refusal = Refusal(Reason.WRONG_TYPE, "Invalid value '\0'")
    record(engine, [], [Refused(T0_US, "sledwatch/v1/north/press-1/session", b"\0", refusal)], T0_US)
    assert [b"\0"] == [kept.refused.payload for kept in quarantine.listing(engine)]


def test_who_acknowledges_while_a_closing_writes_is_not_overwritten(house: House) -> None:
    too_deep(house)
    house.closer.run_once()
    (alert,) = alerts.list_alerts(house.engine)
    trainer = threading.Thread(
        target=alerts.change_state, args=(house.engine, alert.id, "acknowledge", "trainer", house.now_us)
    )
    with begin(house.engine) as connection:
        known = alerts.get_stored(connection, alert.id)
        assert known is not None
        trainer.start()
        trainer.join(0.5)
        alerts.save(connection, replace(known.alert, count=3), provisional=False)
    trainer.join(10.0)

    (after,) = alerts.list_alerts(house.engine)
    assert ("acknowledged", 3) == (after.state, after.count)


def test_history_is_judged_anew_once(house: House, tmp_path: Path) -> None:
    house.has_trained("m-1", range(3, 60, 3), 10_000.0)
    house.has_trained("m-1", [1], 25_000.0)
    plan = Plan(
        Range(alerts.at(T0_US).date() - timedelta(days=60), alerts.at(T0_US).date()),
        tmp_path / "work",
        1,
        None,
        dry_run=False,
    )
    report = Report(lambda _: None, lambda _: None, lambda _done, _of: None)
    first, second = (
        reanalyse(house.engine, plan, lambda: house.now_us, report, threading.Event()).compared for _ in range(2)
    )
    assert 1 == first.findings["workload.spike"]["new"]
    assert ["m-1-1-days-ago"] == [alert.session for alert in alerts.list_alerts(house.engine, rule="workload.spike")]
    assert (0, 0) == (second.changed, sum(second.alerts.values()))
