"""The copies in InfluxDB: what Grafana finds there, and what is put in whose place."""

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from copies import S, a_rep, a_session, an_event
from frames import T0_US
from http_stand_in import Answer, answering
from sledwatch_storage.series import StoreRefused, StoreUnavailable
from sledwatch_storage.series.influx_derived import InfluxDerived

if TYPE_CHECKING:
    from influx_server import InfluxServer

real = pytest.mark.needs("influxd")
DAY_US = 86_400 * S


class Copies:
    """A bucket with copies, asked as Grafana asks."""

    def __init__(self, server: "InfluxServer", retention_s: int | None = None) -> None:
        self.server = server
        self.bucket = server.new_bucket(retention_s)
        self.derived = InfluxDerived(server.url, server.token, server.org, self.bucket)

    def of(self, measurement: str) -> list[dict[str, Any]]:
        """All points, in order of time; without what is not set."""
        answer = self.server.get(
            f"/query?{urlencode({'db': self.bucket, 'q': f'SELECT * FROM {measurement}'})}&epoch=u"
        )
        (result,) = json.loads(answer)["results"]
        return [
            {name: value for name, value in zip(series["columns"], row, strict=True) if value is not None}
            for series in result.get("series", [])
            for row in series["values"]
        ]

    def reps(self) -> list[tuple[str, int]]:
        return [(row["session"], row["rep"]) for row in self.of("rep")]


@pytest.fixture
def copies(influx_server: "InfluxServer") -> Copies:
    return Copies(influx_server)


@real
def test_a_session_and_its_reps_stand_there_with_their_figures(copies):
    copies.derived.put_sessions([a_session(2, limit_mm=400.0, limit_tier="calibrated")])
    (session,) = copies.of("session")
    tags = {"gym": "north", "machine": "press-1", "user": "m-1"}
    assert tags | {
        "time": T0_US, "session": "s1", "source": "samples", "reps": 2, "sets": 1, "hard_sets": 1, "work_j": 810.5,
        "tonnage_kg": 240, "top_load_kg": 120, "limit_mm": 400, "limit_tier": "calibrated", "duration_s": 60,
        "end_us": T0_US + 60 * S,
    } == session  # fmt: skip
    first, _ = copies.of("rep")
    assert tags | {
        "time": T0_US + 6 * S, "session": "s1", "set": 1, "rep": 1, "t_start_us": T0_US + 4 * S,
        "t_end_us": T0_US + 7 * S, "load_kg": 120, "depth_mm": 402.5, "rom_mm": 390, "eccentric_s": 2,
        "concentric_s": 1, "quality": "ok",
    } == first  # fmt: skip


@real
def test_a_session_that_is_closed_again_replaces_its_copy(copies):
    """Two reps became one, at another time; and one lies before what was known to be its start."""
    copies.derived.put_sessions([a_session(3)])
    again = a_session(start_us=T0_US + S, reps=(a_rep(1), a_rep(2, t_turn_us=T0_US + 9 * S)))
    copies.derived.put_sessions([again])
    assert [("s1", 1), ("s1", 2)] == copies.reps()
    assert [T0_US + 6 * S, T0_US + 9 * S] == [row["time"] for row in copies.of("rep")]
    assert [T0_US + S] == [row["time"] for row in copies.of("session")]


@real
def test_a_session_put_twice_stands_there_once(copies):
    for _ in range(2):
        copies.derived.put_sessions([a_session(2), a_session(2, machine="press-2")])
    assert 4 == len(copies.reps())


@real
def test_a_session_without_reps_leaves_none(copies):
    copies.derived.put_sessions([a_session(2)])
    copies.derived.put_sessions([a_session(0)])
    assert [] == copies.reps()


@real
def test_sessions_of_one_time_and_place_are_kept_apart(copies):
    """As an import knows them that has no times of day; and one that changes takes nothing from the other."""
    one, other = a_session(2), a_session(2, session="s2")
    copies.derived.put_sessions([one, other])
    assert 2 == len(copies.of("session"))
    copies.derived.put_sessions([replace(one, reps=one.reps[:1])])
    assert {("s1", 1), ("s2", 1), ("s2", 2)} == set(copies.reps())


@real
@pytest.mark.parametrize("session", ["s'1", "x' OR session <> '", "s\\", 's"1'])
def test_a_session_is_never_read_as_a_question(copies, session):
    copies.derived.put_sessions([a_session(1), a_session(2, session=session)])
    copies.derived.put_sessions([a_session(0, session=session)])
    assert [("s1", 1)] == copies.reps()


@real
def test_what_befell_a_machine_stands_there_once(copies):
    """Several things may be heard of in one message."""
    gap = an_event(2, kind="gap", detail={"ranges": [[970, 973]], "lost": 4})
    for _ in range(2):
        copies.derived.put_events([an_event(1), gap, an_event(3, kind="offline", at_us=T0_US + S)])
    of = {"gym": "north", "machine": "press-1", "boot": "b1"}
    assert [
        of | {"time": T0_US, "kind": "online", "online": 1},
        of | {"time": T0_US, "kind": "gap", "lost": 4, "detail": '{"ranges": [[970, 973]], "lost": 4}'},
        of | {"time": T0_US + S, "kind": "offline", "online": 0},
    ] == copies.of("machine")


@real
def test_a_member_is_forgotten_and_no_other(copies):
    copies.derived.put_sessions([a_session(1), a_session(1, machine="press-2"), a_session(1, user="m-2")])
    copies.derived.forget("m-1")
    copies.derived.forget('m-2" OR user="m-2')
    assert ["m-2"] == [row["user"] for row in copies.of("session")] == [row["user"] for row in copies.of("rep")]


@real
def test_what_is_older_than_the_bucket_keeps_is_refused_and_the_rest_stored(influx_server):
    copies = Copies(influx_server, retention_s=86_400)
    now_us = time.time_ns() // 1000
    old, young = (a_session(start_us=at_us, end_us=at_us, reps=()) for at_us in (now_us - 9 * DAY_US, now_us - S))
    with pytest.raises(StoreRefused, match="outside retention policy") as refused:
        copies.derived.put_sessions([old, replace(young, session="s2")])
    assert (0,) == refused.value.positions
    assert ["s2"] == [row["session"] for row in copies.of("session")]


@pytest.mark.parametrize(
    "use",
    [
        lambda derived: derived.put_sessions([a_session()]),
        lambda derived: derived.put_events([an_event()]),
        lambda derived: derived.forget("m-1"),
    ],
    ids=["sessions", "events", "forget"],
)
@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_a_server_in_trouble_is_unavailable(use, status):
    with answering(lambda _: Answer(status)) as server, pytest.raises(StoreUnavailable, match=str(status)):
        use(InfluxDerived(server.url, "token", "org", "gyms-derived"))


def test_a_closed_one_is_unavailable(free_port):
    derived = InfluxDerived(f"http://127.0.0.1:{free_port()}", "token", "org", "gyms-derived")
    derived.close()
    derived.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        derived.put_events([an_event()])
