"""Ingest tries refused messages again: once, to the end of their session, whatever happens in between."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select

from closing_house import empty_state
from failing_series import Choosy, Interrupted
from frames import T0_US, a_frame
from sledwatch.events import (
    MAX_BEHIND_US,
    Event,
    Frame,
    Offline,
    Online,
    Payload,
    Reason,
    Refusal,
    SessionEnd,
    SessionStart,
    Setup,
    TopicKind,
    encode,
    topic,
)
from sledwatch_analytics.closing.due import is_due
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.replays import AFTER_FAILURE_S, EVERY_S, Replays
from sledwatch_storage.series.port import SeriesStore, StoredFrame
from sledwatch_storage.series.sqlite import SqliteSeries
from sledwatch_storage.state import arrivals, ledger, quarantine, schema
from sledwatch_storage.state.engine import open_state
from sledwatch_storage.state.ledger import Arrived, Refused, Trial, record, record_replay, settled

__all__ = ["empty_state"]

DAY_US = 86_400 * 1_000_000
ONLINE = Online(boot="b1", kind="incline", rail_deg=45.0, backrest_deg=30.0, travel_mm=620.0, rate_hz=50.0)


@dataclass
class House:
    """Stores with a quarantine, and an ingest that tends it; its clocks are set by hand."""

    engine: Engine
    series: SeriesStore
    now_us: int = T0_US + 3600 * 1_000_000
    pace_s: float = 0.0

    def __post_init__(self) -> None:
        self.replays = self.another()

    def another(self) -> Replays:
        """As after a restart, or a second replica."""
        metrics = Metrics(CollectorRegistry())
        return Replays(self.series, self.engine, lambda: self.now_us, lambda: self.pace_s, metrics, time_zone="UTC")

    def refuses(self, *payloads: Payload | bytes, received_us: int = T0_US, seq: int | None = None) -> list[int]:
        """As an earlier version did, which did not know better; their ids."""
        for payload in payloads:
            number = getattr(payload, "seq", seq)
            boot = getattr(payload, "boot", "b1")
            refusal = Refusal(Reason.WRONG_TYPE, "what an earlier version said", "north", "press-1", boot, number)
            kind = TopicKind.SESSION if isinstance(payload, SessionStart | SessionEnd) else TopicKind.FRAME
            kind = TopicKind.STATE if isinstance(payload, Online | Offline) else kind
            body = payload if isinstance(payload, bytes) else encode(payload)
            record(self.engine, [], [Refused(received_us, topic("north", "press-1", kind), body, refusal)], received_us)
        return sorted(kept.id for kept in quarantine.listing(self.engine))

    def takes(self, *payloads: Payload, at_us: int = T0_US) -> None:
        """As ingest does live."""
        frames = [StoredFrame("north", "press-1", one, at_us) for one in payloads if isinstance(one, Frame)]
        if frames:
            self.series.append(frames)
        record(self.engine, [Arrived(Event("north", "press-1", one), at_us) for one in payloads], [], at_us)

    def ask(self, *ids: int) -> None:
        for id_ in ids:
            quarantine.ask(self.engine, id_, self.now_us)

    def tend(self) -> frozenset[tuple[str, str]]:
        self.pace_s += EVERY_S
        return self.replays.tend()

    def seqs(self) -> list[int]:
        return [one.frame.seq for one in self.series.frames("north", "press-1", "b1", 0, 2**62)]

    def row(self, table: str, **key: Any) -> dict[str, Any]:
        with self.engine.connect() as connection:
            query = select(schema.metadata.tables[table]).filter_by(**key)
            return dict(connection.execute(query).mappings().one())


@pytest.fixture
def house(tmp_path: Path, empty_state: Path) -> Iterator[House]:
    path = tmp_path / "state.db"
    path.write_bytes(empty_state.read_bytes())
    engine, series = open_state(f"sqlite:///{path}"), SqliteSeries(tmp_path / "series.db")
    yield House(engine, series)
    series.close()
    engine.dispose()


def start(seq: int = 0) -> SessionStart:
    setup = Setup(backrest_deg=30.0, notch=1, foot_row=1)
    return SessionStart(boot="b1", seq=seq, session="01JDSESSION", user="m-1", t_us=T0_US, setup=setup)


def end(seq: int) -> SessionEnd:
    return SessionEnd(boot="b1", seq=seq, session="01JDSESSION", t_us=T0_US + seq * 1_000_000, reason="timeout")


def test_a_frame_is_stored_and_entered_and_marked(house):
    (id_,) = house.refuses(a_frame(3))
    house.ask(id_)
    assert frozenset({("north", "press-1")}) == house.tend()
    assert [3] == house.seqs()
    account = house.row("ledger", boot="b1")
    assert ([[3, 3]], [], 1) == (account["ranges"], account["refused_ranges"], account["refused"])
    kept = quarantine.get(house.engine, id_)
    assert ("replayed", 1, house.now_us) == (kept.state, kept.tries, kept.replayed_us)


def test_what_nobody_asked_for_stays_where_it_is(house):
    house.refuses(a_frame(3))
    assert frozenset() == house.tend()
    assert [] == house.seqs()


def test_a_session_that_was_closed_without_it_is_due_again(house):
    ids = house.refuses(a_frame(1))
    house.takes(start(), a_frame(2), end(3))
    before = replace(arrivals.logged(house.engine, "01JDSESSION"), closed_version=1)
    house.ask(*ids)
    house.tend()
    after = replace(arrivals.logged(house.engine, "01JDSESSION"), closed_version=1)
    assert [False, True] == [is_due(one, complete=True, now_us=house.now_us) for one in (before, after)]
    assert house.now_us == after.arrival_us


def test_a_whole_session_can_be_replayed(house):
    house.ask(*house.refuses(start(), a_frame(1), end(2)))
    house.tend()
    session = house.row("session_log")
    assert ("m-1", 0, 2, "timeout") == tuple(session[name] for name in ("user", "start_seq", "end_seq", "end_reason"))
    assert arrivals.is_complete(house.engine, arrivals.logged(house.engine, "01JDSESSION"))


def test_lying_in_quarantine_makes_nothing_too_old(house):
    house.ask(*house.refuses(a_frame(1)))
    house.now_us = T0_US + MAX_BEHIND_US + 40 * DAY_US
    house.tend()
    assert [1] == house.seqs()
    (stored,) = house.series.frames("north", "press-1", "b1", 0, 2**62)
    assert T0_US == stored.received_us


def test_what_is_refused_again_says_why_and_waits_for_a_person(house):
    (id_,) = house.refuses(b'{"v":1,"boot":"b1","seq":4,"t_us":"soon"}', seq=4)
    house.ask(id_)
    house.tend()
    kept = quarantine.get(house.engine, id_)
    assert ("held", 1) == (kept.state, kept.tries)
    assert "what an earlier version said" != kept.refused.refusal.detail
    assert [(4, 4)] == settled(house.engine, "north", "press-1", "b1")
    assert 1 == house.row("ledger", boot="b1")["refused"]


def test_a_number_that_can_be_read_now_is_settled(house):
    (id_,) = house.refuses(b'{"v":1,"boot":"b1","seq":4,"t_us":"soon"}')
    house.ask(id_)
    assert frozenset({("north", "press-1")}) == house.tend()
    assert [(4, 4)] == settled(house.engine, "north", "press-1", "b1")


def test_what_the_store_will_never_take_is_refused_by_the_store(house):
    ids = house.refuses(start(), a_frame(1), a_frame(2), a_frame(3))
    house.series = Choosy(house.series, refuses=2)
    house.replays = house.another()
    house.ask(*ids)
    house.tend()
    assert [1, 3] == house.seqs()
    (kept,) = quarantine.listing(house.engine)
    assert (Reason.STORE_REFUSED, 2) == (kept.refused.refusal.reason, kept.refused.refusal.seq)


# Once


def test_killed_between_the_store_and_the_ledger_it_is_done_again_and_counts_once(house):
    house.ask(*house.refuses(a_frame(3)))
    house.series.append([StoredFrame("north", "press-1", a_frame(3), T0_US)])
    house.replays = house.another()
    house.tend()
    assert [3] == house.seqs()
    account = house.row("ledger", boot="b1")
    assert (0, 0, 1) == (account["received"], account["repeated"], account["stored"])


def test_two_replicas_that_take_up_the_same_enter_it_once(house):
    (id_,) = house.refuses(a_frame(3))
    house.ask(id_)
    trials = [Trial(id_, Arrived(Event("north", "press-1", a_frame(3)), T0_US))]
    for _ in range(2):
        record_replay(house.engine, trials, house.now_us)
    assert (1, 1) == (quarantine.get(house.engine, id_).tries, house.row("session_log")["version"])


def test_a_number_that_was_stored_meanwhile_is_not_stored_again(house):
    (id_,) = house.refuses(a_frame(3))
    house.takes(a_frame(3))
    house.ask(id_)
    house.tend()
    account = house.row("ledger", boot="b1")
    assert ([3], 1, 0) == (house.seqs(), account["received"], account["repeated"])
    assert "replayed" == quarantine.get(house.engine, id_).state


# Stores that are away


def test_a_store_that_is_away_leaves_all_as_it_is_until_later(house):
    (id_,) = house.refuses(a_frame(3))
    house.ask(id_)
    house.series = Interrupted(house.series)
    house.replays = house.another()
    house.series.away.set()
    assert frozenset() == house.tend()
    assert "asked" == quarantine.get(house.engine, id_).state
    house.series.away.clear()
    assert frozenset() == house.tend()
    house.pace_s += AFTER_FAILURE_S
    house.tend()
    assert "replayed" == quarantine.get(house.engine, id_).state


def test_many_are_taken_up_some_at_a_time_without_waiting(house):
    house.ask(*house.refuses(*(a_frame(seq) for seq in range(100))))
    house.pace_s += EVERY_S
    for _ in range(2):
        house.replays.tend()
    assert list(range(100)) == house.seqs()


# A machine's State


def test_a_state_is_the_machines_where_none_came_since(house):
    house.takes(Online(**{**_fields(ONLINE), "boot": "b0"}), at_us=T0_US)
    house.ask(*house.refuses(ONLINE, received_us=T0_US + 1))
    house.tend()
    assert ("b1", "online") == (house.row("machine")["boot"], house.row("machine")["status"])


@pytest.mark.parametrize("late", [lambda: ONLINE, lambda: Offline(boot="b1")])
def test_a_state_from_before_the_machines_last_one_changes_nothing(house, late: Callable[[], Payload]):
    ids = house.refuses(late(), received_us=T0_US)
    house.takes(Online(**{**_fields(ONLINE), "boot": "b2"}), at_us=T0_US + 1)
    before = house.row("machine")
    house.ask(*ids)
    house.tend()
    assert before == house.row("machine")


def test_a_replay_is_no_sign_of_life(house):
    house.ask(*house.refuses(a_frame(3)))
    house.now_us += DAY_US
    house.tend()
    assert T0_US == house.row("machine")["seen_us"]


def test_a_replay_says_nothing_of_the_machines_clock(house):
    house.ask(*house.refuses(a_frame(3)))
    house.tend()
    assert house.row("ledger", boot="b1")["clock"] is None


def test_the_watermark_stays_where_it_is(house):
    house.takes(ONLINE, a_frame(0), a_frame(2))
    house.ask(*house.refuses(a_frame(1)))
    before = ledger.watermark(house.engine, "north", "press-1")
    house.tend()
    assert before == ledger.watermark(house.engine, "north", "press-1")


# Age


def test_what_is_too_old_is_swept_out(house):
    house.refuses(a_frame(3))
    house.now_us = T0_US + 91 * DAY_US
    house.tend()
    assert [] == quarantine.listing(house.engine)


def _fields(state: Online) -> dict[str, Any]:
    return {name: getattr(state, name) for name in state.__struct_fields__}
