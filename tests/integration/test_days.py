"""What is kept of each day: exposure beyond a limit, and which days have something missing."""

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select, update

from closing_house import House, earlier_session, empty_state, house
from presses import DAY_US, T0_US, S, Session
from sledwatch.events import Event, Frame
from sledwatch.exposure import exposure_by_day
from sledwatch_storage.state import schema, sessions
from sledwatch_storage.state.days import mark_missing, refresh_days
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.imports import import_sessions
from sledwatch_storage.state.limits import put_limit
from sledwatch_storage.state.lookback import reps_too_deep
from sledwatch_storage.state.missing import missing_days, missing_days_of_all

__all__ = ["empty_state", "house"]

SUNDAY = date(2026, 11, 22)


def test_reps_beyond_a_calibrated_limit_are_the_exposure_of_their_day(house: House) -> None:
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=400.0, set_by="trainer", now_us=T0_US)
    session = Session().set_of([380.0, 410.0, 425.0])
    house.arrive(session.events(), session.now_us)
    house.closer.run_once()

    (today,) = house.rows(schema.daily_load)
    over = [rep.over_mm for rep in sessions.reps_of(house.engine, "s-1") if rep.over_mm is not None]
    assert (2, 120.0 * sum(over)) == (today["over_reps"], pytest.approx(today["exposure_kg_mm"]))
    assert [10.0, 25.0] == pytest.approx(over, abs=2.0)
    beyond = reps_too_deep(house.engine, "m-1", T0_US - DAY_US, T0_US + DAY_US)
    (of_reps,) = exposure_by_day(beyond, "UTC", today["day"], today["day"]).to_dict("records")
    assert (2, pytest.approx(today["exposure_kg_mm"])) == (of_reps["over_reps"], of_reps["exposure_kg_mm"])


def test_neither_unsure_reps_nor_estimated_limits_count_as_exposure(house: House) -> None:
    plain = earlier_session("m-1", 3, 900.0)
    reps = [replace(rep, limit_mm=370.0, over_mm=10.0, limit_tier="transferred") for rep in plain.reps]
    reps[0] = replace(reps[0], quality="unsure", quality_reason="gap")
    reps[1] = replace(reps[1], limit_tier="estimated")
    reps[2] = replace(reps[2], over_mm=None)
    import_sessions(house.engine, [replace(plain, reps=tuple(reps))], T0_US)

    (day,) = house.rows(schema.daily_load)
    assert (7, pytest.approx(7 * 120.0 * 10.0)) == (day["over_reps"], day["exposure_kg_mm"])


def test_a_migration_sums_up_the_exposure_of_what_is_stored(house: House) -> None:
    house.machine_says_what_it_is()
    with begin(house.engine) as connection:
        connection.execute(update(schema.gym).values(time_zone="Pacific/Auckland"))
    plain = earlier_session("m-1", 3, 900.0)
    over = tuple(replace(rep, limit_mm=370.0, over_mm=10.0, limit_tier="calibrated") for rep in plain.reps)
    import_sessions(house.engine, [replace(plain, reps=over), earlier_session("m-2", 5, 900.0)], T0_US)
    before = house.dump()

    config = Config()
    config.set_main_option("script_location", "sledwatch_storage:state/migrations")
    with begin(house.engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0008")
        command.upgrade(config, "head")
    assert before == house.dump()
    assert 10 == max(row["over_reps"] for row in house.rows(schema.daily_load))


def test_a_day_without_a_session_is_kept_for_as_long_as_something_of_it_is_missing(house: House) -> None:
    import_sessions(house.engine, [earlier_session("m-1", 3, 900.0)], T0_US)
    span = (T0_US - 10 * DAY_US, T0_US, "UTC")

    def days(missing: set[date]) -> list[tuple[date, int, bool]]:
        with begin(house.engine) as connection:
            mark_missing(connection, "m-1", *span, missing)
            refresh_days(connection, "m-1", *span)
        return sorted((row["day"], row["sessions"], row["missing"]) for row in house.rows(schema.daily_load))

    trained, rested = SUNDAY - timedelta(days=3), SUNDAY - timedelta(days=5)
    assert [(rested, 0, True), (trained, 1, True)] == days({trained, rested, SUNDAY - timedelta(days=40)})
    assert [(trained, 1, False)] == days(set())


def with_holes(house: House) -> None:
    """Two members on two machines for three months; here and there a machine lost a number, between sessions too."""
    chance = random.Random(7)
    for machine in ("press-1", "press-2"):
        seq, sent = 0, []
        for day in range(80):
            if chance.random() < 0.3:
                continue
            start_us = T0_US - (80 - day) * DAY_US
            session, user = f"{machine}-{day}", chance.choice(["m-1", "m-2"])
            of_day = Session(session=session, user=user, machine=machine, start_us=start_us, seq=seq).rest(2.0)
            sent += of_day.events()
            # Heard of once between two sessions: of that there is no event.
            seq += len(of_day.events()) + 1
            with begin(house.engine) as connection:
                sessions.appear(
                    connection, session=session, gym="north", machine=machine, user=user, start_us=start_us,
                    setup=None, now_us=start_us,
                )  # fmt: skip
        said = {one.payload.seq for one in sent}
        between = [
            Event("north", machine, Frame(boot="b1", seq=at, t_us=T0_US, dt_us=20_000, depth_mm=[0.0], load_kg=20.0))
            for at in set(range(seq)) - said
        ]
        house.arrive([one for one in sent + between if chance.random() < 0.95], T0_US)


def test_missing_days_are_the_same_whatever_span_is_asked_for_and_for_whom(house: House) -> None:
    with_holes(house)
    whole = {
        user: missing_days(house.engine, user, T0_US - 80 * DAY_US, T0_US, "Europe/Berlin") for user in ("m-1", "m-2")
    }
    assert all(10 < len(days) < 70 for days in whole.values())
    assert whole == missing_days_of_all(house.engine, T0_US - 80 * DAY_US, T0_US, lambda _user: "Europe/Berlin")

    chance = random.Random(11)
    for _ in range(20):
        first, last = sorted(chance.sample(range(80), 2))
        span = (T0_US - (80 - first) * DAY_US, T0_US - (80 - last) * DAY_US)
        from_day, to_day = SUNDAY - timedelta(days=80 - first), SUNDAY - timedelta(days=80 - last)
        for user, days in whole.items():
            assert {day for day in days if from_day <= day <= to_day} == missing_days(
                house.engine, user, *span, "Europe/Berlin"
            )


def test_nobody_is_missing_a_day_of_machines_that_lost_nothing(house: House) -> None:
    house.arrive(Session().rest(2.0).events(), T0_US + 60 * S)
    house.closer.run_once()
    assert frozenset() == missing_days(house.engine, "m-1", T0_US - DAY_US, T0_US + DAY_US, "UTC")
    with house.engine.connect() as connection:
        assert 0 == connection.execute(select(schema.ledger.c.missing)).scalar_one()


def test_what_was_lost_at_the_end_of_a_boot_is_missing_too(house: House) -> None:
    """The machine says that it holds nothing below a number that never came."""
    house.arrive(Session().rest(2.0).events(), T0_US + 60 * S)
    house.machine_says_what_it_is(oldest_seq=50)
    house.closer.run_once()
    assert {SUNDAY} == missing_days(house.engine, "m-1", T0_US - DAY_US, T0_US + DAY_US, "UTC")
