"""Closed one by one as they come, closed anew, or all at once over what is stored: the same workload findings.

Four members on two machines through six weeks, with a year of history from elsewhere behind three of them. Messages
get lost, some for good; sessions come late; sets are given to somebody else; history arrives when sessions are closed
already; somebody badges in twice in a visit, or lifts nothing.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from closing_house import House, earlier_session, empty_state
from presses import DAY_US, T0_US, S, Session
from sledwatch.events import Event
from sledwatch.findings import Finding, findings_in_bulk
from sledwatch.rules import RulesInForce
from sledwatch.workload import SESSION_COLUMNS, judge_all
from sledwatch_analytics.closing import DailyLook
from sledwatch_storage.series.sqlite import SqliteSeries
from sledwatch_storage.state import corrections, schema, sessions
from sledwatch_storage.state.corrections import Correction
from sledwatch_storage.state.engine import begin, open_state
from sledwatch_storage.state.imports import import_sessions
from sledwatch_storage.state.missing import missing_days_of_all

__all__ = ["empty_state"]

USERS = ("m-1", "m-2", "m-3", "m-4")
WEEKS = 6
HISTORY_DAYS = range(7 * WEEKS + 2, 420)

Told = dict[tuple[str, str], dict[str, Any]]


@dataclass
class Life:
    """Six weeks, and what the closer made of them."""

    house: House
    chance: random.Random
    numbers: dict[str, int] = field(default_factory=lambda: {"press-1": 0, "press-2": 0})
    held_back: list[tuple[int, list[Event]]] = field(default_factory=list)
    pressed: int = 0

    def run(self) -> None:
        """Live through it."""
        house = self.house
        for machine in self.numbers:
            house.machine_says_what_it_is(machine=machine)
        for day in range(7 * WEEKS):
            midnight_us = T0_US - (7 * WEEKS - day) * DAY_US
            visits = [(self.chance.uniform(-9.0, 5.0), user) for user in USERS if self.trains(user, day)]
            for hour, user in sorted(visits):
                self.visit(user, midnight_us + round(hour * 3600) * S)
            self.deliver(day)
            house.now_us = max(house.now_us, midnight_us + 8 * 3600 * S)
            self.settle()
            if day == 25:
                # The history of m-2 comes when a month of theirs is closed already.
                self.remember("m-2")
        self.deliver(10**6)
        house.now_us = T0_US + DAY_US
        self.give_away()
        self.settle()
        house.now_us += DAY_US
        self.settle()

    def trains(self, user: str, day: int) -> bool:
        """m-1 and m-2 steadily, m-3 after a break, m-4 a beginner who does too much."""
        often = {"m-1": 0.45, "m-2": 0.35, "m-3": 0.4 if day > 30 else 0.0, "m-4": 0.7 if day > 21 else 0.0}
        return self.chance.random() < often[user]

    def visit(self, user: str, start_us: int) -> None:
        """One badge-in, or two half an hour apart on both machines."""
        machines = self.chance.sample(sorted(self.numbers), 2 if self.chance.random() < 0.15 else 1)
        for number, machine in enumerate(machines):
            self.pressed += 1
            # The sled moved, nobody was badged in, and nothing of it ever arrived.
            self.numbers[machine] += self.chance.choice([0, 0, 0, 0, 3])
            session = Session(
                session=f"s-{self.pressed:03}",
                user=user,
                machine=machine,
                start_us=start_us + number * 1800 * S,
                seq=self.numbers[machine],
            )
            for _ in range(self.chance.choice([0, 1, 1, 1, 2])):
                load_kg = self.chance.choice([80.0, 90.0, 100.0, 100.0, 110.0, 170.0])
                session.set_of([380.0] * self.chance.choice([2, 3, 3, 6]), load_kg=load_kg)
            events = session.events()
            self.numbers[machine] += len(events)
            arriving = [one for one in events if self.chance.random() < 0.997 or one in (events[0], events[-1])]
            late = [one for one in events if one not in arriving and self.chance.random() < 0.5]
            day = (session.start_us - T0_US) // DAY_US + 7 * WEEKS
            if late:
                self.held_back.append((day + self.chance.choice([1, 2, 9]), late))
            if self.chance.random() < 0.1:
                self.held_back.append((day + self.chance.choice([1, 3]), arriving))
            else:
                self.house.arrive(arriving, max(self.house.now_us, session.now_us))

    def deliver(self, day: int) -> None:
        """What was late and comes by this day."""
        for due, events in self.held_back:
            if due <= day:
                self.house.arrive(events)
        self.held_back = [one for one in self.held_back if one[0] > day]

    def settle(self) -> None:
        """The daily look, and all closings that are due by then."""
        DailyLook(self.house.engine, lambda: self.house.now_us).run_once()
        self.house.wait(61.0)
        while self.house.closer.run_once():
            pass

    def remember(self, user: str) -> None:
        """A year before, from elsewhere."""
        days = [day for day in HISTORY_DAYS if self.chance.random() < 0.3]
        history = [earlier_session(user, day, self.chance.uniform(150.0, 450.0)) for day in days]
        import_sessions(self.house.engine, history, self.house.now_us)

    def give_away(self) -> None:
        """The sets of an early session of m-1 were those of m-2."""
        rows = [row for row in self.house.rows(schema.session) if row["source"] == "samples" and row["reps"]]
        row = min((row for row in rows if row["user"] == "m-1"), key=lambda row: row["start_us"])
        reps = sessions.reps_of(self.house.engine, row["session"])
        span = min(rep.t_start_us for rep in reps), max(rep.t_end_us for rep in reps)
        with begin(self.house.engine) as connection:
            said = Correction(row["session"], *span, "m-2", "trainer", self.house.now_us)
            corrections.correct(connection, said)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, empty_state: Path) -> Iterator[Life]:
    """Lived once for both tests: it takes some hundred closings."""
    folder = tmp_path_factory.mktemp("three-ways")
    (folder / "state.db").write_bytes(empty_state.read_bytes())
    engine = open_state(f"sqlite:///{folder / 'state.db'}")
    series = SqliteSeries(folder / "series.db")
    lived = Life(House(engine, series, now_us=T0_US - 60 * DAY_US), random.Random(9))
    lived.remember("m-1")
    lived.remember("m-3")
    lived.run()
    yield lived
    series.close()
    engine.dispose()


def told(engine: Engine) -> Told:
    """The workload findings that are stored, by session and rule, as the rules made them."""
    with engine.connect() as connection:
        rows = connection.execute(schema.finding.select().where(schema.finding.c.rule.like("workload.%"))).mappings()
        return {(row["session"], row["rule"]): _comparable(dict(row)) for row in rows}


def _comparable(values: dict[str, Any]) -> dict[str, Any]:
    names = ("severity", "at_us", "set", "count", "title", "message", "advice", "evidence", "limit_tier")
    return {name: values[name] for name in names}


def judged_at_once(engine: Engine) -> Told:
    """All sessions of all members over all that is stored, whenever it came."""
    end_us = T0_US + 3 * DAY_US
    of_users = {user: sessions.member_sessions(engine, user, end_us) for user in USERS}
    columns = {name: np.concatenate([getattr(one, name) for one in of_users.values()]) for name in SESSION_COLUMNS}
    owners = np.repeat(list(of_users), [len(one) for one in of_users.values()])
    frame = pd.DataFrame(columns | {"user": owners, "time_zone": "UTC"})
    missing = missing_days_of_all(engine, 0, end_us, lambda _user: "UTC")
    days = [(user, day) for user, of_user in missing.items() for day in of_user]
    judged = judge_all(frame, pd.DataFrame(days, columns=["user", "day"]))
    return {
        (row.session, one.rule): _comparable({name: getattr(one, name) for name in Finding.__slots__})
        for row, findings in findings_in_bulk(judged, RulesInForce())
        for one in findings
    }


def test_what_was_closed_one_by_one_is_what_all_at_once_says(life: Life) -> None:
    closed = told(life.house.engine)
    sampled = {row["session"] for row in life.house.rows(schema.session) if row["source"] == "samples"}
    at_once = {key: value for key, value in judged_at_once(life.house.engine).items() if key[0] in sampled}

    assert at_once == closed
    assert {"workload.spike", "workload.spacing", "workload.beginner", "workload.returning"} <= {
        rule for _, rule in closed
    }
    assert 12 < len(closed)
    assert any("held_back" in one["evidence"] for one in closed.values())
    assert any(row["judged_missing"] for row in life.house.rows(schema.session))
    assert any(row["split_of"] for row in life.house.rows(schema.session))


def test_closing_all_again_changes_no_finding(life: Life) -> None:
    before = told(life.house.engine)
    with begin(life.house.engine) as connection:
        connection.execute(schema.session.update().values(wanted_us=life.house.now_us))
    life.settle()
    assert before == told(life.house.engine)
    life.house.now_us += DAY_US
    assert {"north": 0} == DailyLook(life.house.engine, lambda: life.house.now_us).run_once()
