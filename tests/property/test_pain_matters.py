"""Whatever is noted, taken back, found and corrected, in any order: a pain stands as its notes and findings say."""

import shutil
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from api_house import a_finding
from closing_house import empty_state
from presses import DAY_US, T0_US, S
from sledwatch_analytics.closing.pain import judge_pain_again, note_pain, take_back_pain
from sledwatch_storage.state import alerts, notes, schema
from sledwatch_storage.state.engine import begin, open_state
from sledwatch_storage.state.findings import replace_findings
from sledwatch_storage.state.members import put_member

__all__ = ["empty_state"]

FELT = st.tuples(st.just("felt"), st.integers(0, 30), st.integers(0, 2))
TAKEN_BACK = st.tuples(st.just("taken back"), st.integers(0, 20), st.just(0))
CLOSED = st.tuples(st.just("closed"), st.integers(0, 6), st.just(0))
STEPS = st.lists(st.one_of(FELT, TAKEN_BACK, CLOSED), min_size=6, max_size=20)


def does(connection: Connection, step: tuple[str, int, int], loud: dict[int, int], now_us: int) -> None:
    """One thing that happens. loud: when each session whose finding counts went too deep; kept up to date."""
    what, number, taps = step
    if what == "felt":
        at_us = T0_US - number * DAY_US // 2 - taps * 40 * S
        whose: dict[str, Any] = {"user": "m-1", "session": None, "gym": "north", "machine": None, "text": None}
        note_pain(connection, at_us=at_us, by="trainer", now_us=now_us, **whose)
    elif what == "taken back":
        known = notes.of_user(connection, "m-1")
        take_back_pain(connection, "m-1", known[number % len(known)].id if known else number, "trainer", now_us)
    else:
        at_us = T0_US - number * 2 * DAY_US - 3600 * S
        found = [] if loud.pop(number, None) else [a_finding(number, session=f"s-{number}", at_us=at_us)]
        loud |= {number: at_us} if found else {}
        replace_findings(connection, f"s-{number}", found)
        judge_pain_again(connection, {"m-1"}, (at_us, at_us), now_us)


def holds(engine: Engine, loud: dict[int, int]) -> None:
    with engine.connect() as connection:
        standing = notes.standing(notes.of_user(connection, "m-1"))
        query = select(schema.finding).where(schema.finding.c.rule == "pain.reported")
        found = {row["id"]: row for row in connection.execute(query).mappings()}
        raised = {one.id: one for one in alerts.list_alerts(connection, rule="pain.reported")}
    matters: dict[str, list[int]] = {}
    for note in standing:
        matters.setdefault(note.matter, []).append(note.at_us)
    follows = {
        matter: any(0 <= at_us - went_us <= 7 * DAY_US for at_us in felt_us for went_us in loud.values())
        for matter, felt_us in matters.items()
    }
    assert {matter: ("alert" if after else "note", len(matters[matter])) for matter, after in follows.items()} == {
        matter: (row["severity"], row["count"]) for matter, row in found.items()
    }
    assert {matter for matter, after in follows.items() if after} == {
        matter for matter, alert in raised.items() if alert.state == "open"
    }
    felt = sorted(note.at_us for note in standing)
    assert all(after - before > 60 * S for before, after in pairwise(felt))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_pain_stands_as_its_notes_and_the_findings_before_them_say(empty_state: Path, steps: Any) -> None:
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(empty_state, Path(directory) / "state.db")
        engine = open_state(f"sqlite:///{directory}/state.db")
        put_member(engine, "m-1", {"name": "Ada"}, T0_US)
        loud: dict[int, int] = {}
        for number, step in enumerate(steps):
            with begin(engine) as connection:
                does(connection, step, loud, T0_US + number * S)
            holds(engine, loud)
        engine.dispose()
