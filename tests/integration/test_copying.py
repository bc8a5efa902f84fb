"""Copying to the derived series: everything that was closed, in its latest form, whatever is away meanwhile."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from closing_house import House, empty_state, house
from influx_server import InfluxServer
from presses import T0_US, S, Session
from sledwatch_analytics.copying import Copier, copier
from sledwatch_storage.series import StoreRefused, StoreUnavailable
from sledwatch_storage.series.derived import EventCopy, SessionCopy
from sledwatch_storage.series.influx_buckets import create, derived
from sledwatch_storage.series.influx_derived import InfluxDerived
from sledwatch_storage.state import copies, machine_events, schema
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.machine_events import Happened
from waiting import eventually

__all__ = ["empty_state", "house"]


@dataclass
class Shelf:
    """Derived series in memory. away: it takes nothing; refuses: a session it will never take."""

    sessions: dict[str, SessionCopy] = field(default_factory=dict)
    events: dict[int, EventCopy] = field(default_factory=dict)
    away: threading.Event = field(default_factory=threading.Event)
    refuses: str | None = None
    asked: list[list[str]] = field(default_factory=list)

    def put_sessions(self, copies: Sequence[SessionCopy]) -> None:
        self._ask([copy.session for copy in copies])
        bad = [position for position, copy in enumerate(copies) if copy.session == self.refuses]
        self.sessions |= {copy.session: copy for copy in copies if copy.session != self.refuses}
        if bad:
            raise StoreRefused("never, says the test", bad)

    def put_events(self, copies: Sequence[EventCopy]) -> None:
        self._ask([])
        self.events |= {copy.id: copy for copy in copies}

    def forget(self, user: str) -> None:
        self.sessions = {name: copy for name, copy in self.sessions.items() if copy.user != user}

    def close(self) -> None:
        """Nothing to let go of."""

    def _ask(self, names: list[str]) -> None:
        if self.away.is_set():
            raise StoreUnavailable("away, says the test")
        self.asked.append(names)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits as it does, only not so long."""
    for name in ("LOOK_S", "PAUSE_S"):
        monkeypatch.setattr(copier, name, 0.01)


def closed_session(house: House, session: Session) -> None:
    house.arrive(session.events(), session.now_us)
    house.closer.run_once()


def befell(house: House, *kinds: machine_events.Kind) -> None:
    with begin(house.engine) as connection:
        machine_events.add(connection, [Happened("north", "press-1", "b1", kind, house.now_us) for kind in kinds])


def test_a_closed_session_is_copied_with_its_reps_once(house: House, shelf: Shelf) -> None:
    closed_session(house, Session().set_of([380.0, 385.0]))
    copying = Copier(house.engine, shelf)
    assert not copying.copy_some()
    assert not copying.copy_some()
    assert [["s-1"]] == shelf.asked
    assert ("m-1", 2) == (shelf.sessions["s-1"].user, len(shelf.sessions["s-1"].reps))


def test_a_session_that_is_closed_again_is_copied_again(house: House, shelf: Shelf) -> None:
    session = Session().set_of([380.0, 385.0, 390.0])
    *early, late, end = session.events()
    house.arrive([*early, end], session.now_us)
    house.wait(61.0)
    house.closer.run_once()
    copying = Copier(house.engine, shelf)
    copying.copy_some()
    before = shelf.sessions["s-1"]
    house.arrive([late], house.now_us)
    house.closer.run_once()
    copying.copy_some()
    assert [["s-1"], ["s-1"]] == shelf.asked
    assert before.start_us == shelf.sessions["s-1"].start_us


def test_a_session_closed_while_it_is_copied_stays_to_be_copied(house: House, shelf: Shelf) -> None:
    closed_session(house, Session().set_of([380.0]))
    ((copy, version),) = copies.sessions_to_copy(house.engine, 10)
    with begin(house.engine) as connection:
        connection.execute(text("UPDATE session SET closed_version = closed_version + 1"))
    copies.sessions_copied(house.engine, [(copy.session, version)])
    assert ["s-1"] == [again.session for again, _ in copies.sessions_to_copy(house.engine, 10)]


def test_a_session_that_is_still_going_on_is_not_copied(house: House, shelf: Shelf) -> None:
    house.arrive(Session().set_of([380.0]).events(ended=False), T0_US + S)
    house.closer.run_once()
    Copier(house.engine, shelf).copy_some()
    assert {} == shelf.sessions


def test_what_was_there_before_is_copied_in_parts_the_oldest_first(house: House, shelf: Shelf) -> None:
    """After an upgrade nothing is copied yet: imported sessions have no version either."""
    house.has_trained("m-1", range(1, 46), work_j=500.0)
    copying = Copier(house.engine, shelf)
    assert [True, True, False, False] == [copying.copy_some() for _ in range(4)]
    assert [f"m-1-{days}-days-ago" for days in range(45, 0, -1)] == [name for part in shelf.asked for name in part]
    assert 45 * 10 == sum(len(copy.reps) for copy in shelf.sessions.values())


def test_what_befell_machines_is_copied_once(house: House, shelf: Shelf) -> None:
    befell(house, "online", "offline")
    copying = Copier(house.engine, shelf)
    copying.copy_some()
    befell(house, "online")
    copying.copy_some()
    copying.copy_some()
    assert 2 == len(shelf.asked)
    assert ["online", "offline", "online"] == [copy.kind for _, copy in sorted(shelf.events.items())]


def test_nothing_is_noted_as_copied_while_the_store_is_away(house: House, shelf: Shelf) -> None:
    closed_session(house, Session().set_of([380.0]))
    befell(house, "online")
    shelf.away.set()
    with pytest.raises(StoreUnavailable):
        Copier(house.engine, shelf).copy_some()
    shelf.away.clear()
    Copier(house.engine, shelf).copy_some()
    assert (1, 1) == (len(shelf.sessions), len(shelf.events))


def test_what_will_never_be_taken_is_counted_and_not_tried_again(house: House) -> None:
    house.has_trained("m-1", [1, 2, 3], work_j=500.0)
    shelf, registry = Shelf(refuses="m-1-2-days-ago"), CollectorRegistry()
    copying = Copier(house.engine, shelf, registry)
    copying.copy_some()
    copying.copy_some()
    assert 1 == len(shelf.asked)
    assert [2.0, 1.0] == [
        registry.get_sample_value("sledwatch_copies_total", {"kind": "session", "outcome": outcome})
        for outcome in ("copied", "refused")
    ]


def test_it_goes_on_by_itself_when_the_store_is_back_and_says_once_that_it_was_away(
    house: House, shelf: Shelf, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    registry, stop = CollectorRegistry(), threading.Event()
    shelf.away.set()
    house.has_trained("m-1", range(1, 31), work_j=500.0)
    thread = threading.Thread(target=Copier(house.engine, shelf, registry).run, args=(stop,))
    thread.start()
    eventually(lambda: registry.get_sample_value("sledwatch_copying_away") == 1.0)
    shelf.away.clear()
    eventually(lambda: len(shelf.sessions) == 30)
    eventually(lambda: registry.get_sample_value("sledwatch_copying_away") == 0.0)
    stop.set()
    thread.join(2.0)
    assert not thread.is_alive()
    assert 1 == capsys.readouterr().out.count("copying.store_away")


def test_it_stops_at_once_though_it_waits_for_a_store_that_is_away(house: House, shelf: Shelf) -> None:
    registry, stop = CollectorRegistry(), threading.Event()
    befell(house, "online")
    shelf.away.set()
    thread = threading.Thread(target=Copier(house.engine, shelf, registry).run, args=(stop,))
    thread.start()
    eventually(lambda: registry.get_sample_value("sledwatch_copying_away") == 1.0)
    stop.set()
    thread.join(2.0)
    assert not thread.is_alive()


@pytest.mark.needs("influxd")
def test_what_is_closed_stands_in_influxdb(house: House, influx_server: InfluxServer) -> None:
    bucket = influx_server.new_name()
    create(influx_server.url, influx_server.token, influx_server.org, bucket, 90)
    closed_session(house, Session().set_of([380.0, 385.0]))
    befell(house, "online")
    into = InfluxDerived(influx_server.url, influx_server.token, influx_server.org, derived(bucket))
    copying = Copier(house.engine, into)
    assert not copying.copy_some()
    assert {"session", "rep", "machine"} == {
        measurement
        for measurement in ("session", "rep", "machine", "sample")
        if influx_server.count(derived(bucket), measurement)
    }
    with house.engine.connect() as connection:
        assert [1, 1] == [
            connection.execute(text(f"SELECT count(*) FROM {table} WHERE {condition}")).scalar_one()
            for table, condition in (("session", f"NOT ({schema.NOT_COPIED})"), ("machine_event", "copied"))
        ]


def test_what_is_not_copied_is_found_by_its_index(house: House) -> None:
    """Else every look would read all sessions there ever were."""
    query = f"EXPLAIN QUERY PLAN SELECT session FROM session WHERE {schema.NOT_COPIED} ORDER BY start_us LIMIT 20"
    with house.engine.connect() as connection:
        plan = " ".join(str(row) for row in connection.execute(text(query)))
    assert "ix_session_not_copied" in plan
