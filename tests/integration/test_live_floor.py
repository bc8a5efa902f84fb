"""The live floor, fed event by event on real state and series stores."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine
from sqlalchemy.event import listen, remove

from closing_house import HeardHub, House, empty_state, house
from presses import DAY_US, T0_US, S, Session, online, setup
from sledwatch.events import Cue, Event, Frame, Limit, Offline, Rep, SessionEnd, SessionSetup, SessionStart
from sledwatch.protocol import Window
from sledwatch_analytics.live import LiveFloor
from sledwatch_analytics.measured import end_us
from sledwatch_storage.state import alerts, schema, sessions
from sledwatch_storage.state.engine import StateUnavailable, begin
from sledwatch_storage.state.limits import delete_limits, put_limit
from sledwatch_storage.state.members import put_member
from sledwatch_storage.state.protocols import delete_protocol, put_protocol
from sledwatch_storage.state.sensors import StoredSensors, put_sensors

__all__ = ["empty_state", "house"]


@dataclass
class Floor:
    """A live floor, what it said to machines, and a clock that goes with what arrives."""

    house: House
    hub: HeardHub = field(default_factory=HeardHub)
    said: list[tuple[str, dict[str, Any], bool, int | None]] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.live = LiveFloor(
            self.house.engine,
            self.hub,
            lambda: self.house.now_us,
            series=self.house.series,
            publish=self.say,
            monotonic=lambda: self.seconds,
        )

    def say(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: int | None = None) -> bool:
        self.said.append((topic, msgspec.json.decode(payload), retain, expires_s))
        return True

    def hear(self, events: list[Event], *, delay_s: float = 0.05) -> "Floor":
        """Each event as soon as it is over, `delay_s` on its way."""
        for event in events:
            payload = event.payload
            if isinstance(payload, Frame):
                self.house.now_us = end_us(payload) + round(delay_s * S)
            elif isinstance(payload, SessionStart | SessionSetup | SessionEnd):
                self.house.now_us = payload.t_us + round(delay_s * S)
            self.seconds = self.house.now_us / S
            self.live.on_event(event, self.house.now_us)
        self.live.writer.drain()
        return self

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [payload for topic, payload, _, _ in self.said if topic.endswith("/" + kind)]

    @property
    def tile(self) -> dict[str, Any]:
        (tile,) = self.live.machines("north")
        return tile


@pytest.fixture
def floor(house: House) -> Floor:
    """A floor with one machine, and a member who has a limit of 410 mm on it."""
    house.machine_says_what_it_is()
    limit_is(house, 410.0)
    floor = Floor(house)
    floor.live.load()
    return floor


def limit_is(house: House, limit_mm: float, notch: int = -1) -> None:
    put_limit(
        house.engine, "m-1", "north", "press-1", limit_mm=limit_mm, notch=notch, set_by="trainer", now_us=house.now_us
    )


def until(events: list[Event], t_us: int) -> list[Event]:
    """What the machine has sent by a time."""
    return [
        event
        for event in events
        if (end_us(event.payload) if isinstance(event.payload, Frame) else event.payload.t_us) <= t_us  # type: ignore[union-attr]
    ]


def test_the_limit_goes_to_the_machine_when_a_session_starts(floor: Floor) -> None:
    floor.hear(Session().events(ended=False))

    (topic, payload, retained, _) = floor.said[0]
    assert "sledwatch/v1/north/press-1/limit" == topic
    assert retained
    assert Limit("s-1", 410.0, 390.0, "calibrated") == msgspec.convert(payload, Limit)


@contextmanager
def away(engine: Engine) -> Iterator[None]:
    """A state DB that answers no statement."""

    def refuse(*_: Any) -> None:
        raise StateUnavailable("away for a while")

    listen(engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        remove(engine, "before_cursor_execute", refuse)


def test_while_limits_cannot_be_read_nobody_is_told_that_there_is_none(floor: Floor) -> None:
    events = Session().set_of([380.0, 390.0]).events(ended=False)
    floor.house.arrive(events)
    with away(floor.house.engine):
        floor.hear(events[:2])
    before = floor.of("limit")
    floor.hear(events[2:])

    assert ([], [410.0]) == (before, [limit["limit_mm"] for limit in floor.of("limit")])


def test_a_member_without_a_limit_is_told_so(floor: Floor) -> None:
    floor.hear(Session(user="m-2").events(ended=False))

    assert [{"v": 1, "session": "s-1", "limit_mm": None, "caution_mm": None, "tier": None}] == floor.of("limit")


def test_a_moved_seat_and_a_new_limit_are_told_the_machine(floor: Floor) -> None:
    limit_is(floor.house, 400.0, notch=6)
    session = Session().rest(5.0).move_seat(6).rest(5.0)
    floor.hear(session.events(ended=False))
    limit_is(floor.house, 380.0, notch=6)
    floor.live.limits_changed("m-1")
    floor.live.limits_changed("m-2")

    assert [410.0, 400.0, 380.0] == [limit["limit_mm"] for limit in floor.of("limit")]


def protocol_ends(floor: Floor, most_mm: float) -> None:
    put_protocol(
        floor.house.engine, "m-1", windows=[Window("depth_mm", None, most_mm, "north", "press-1")], load_cap_kg=None,
        expires_us=T0_US + DAY_US, clinician=None, note=None, set_by="trainer", now_us=floor.house.now_us,
    )  # fmt: skip
    floor.live.limits_changed("m-1")


def test_a_machine_is_told_where_a_protocol_ends_before_the_limit(floor: Floor) -> None:
    floor.hear(Session().events(ended=False))
    protocol_ends(floor, 300.0)
    protocol_ends(floor, 450.0)
    delete_protocol(floor.house.engine, "m-1", deleted_by="trainer", now_us=floor.house.now_us)
    floor.live.limits_changed("m-1")

    assert [(410.0, "calibrated"), (300.0, None), (410.0, "calibrated"), (410.0, "calibrated")] == [
        (limit["limit_mm"], limit["tier"]) for limit in floor.of("limit")
    ]


def test_past_the_end_of_a_protocol_a_single_rep_is_too_deep(floor: Floor) -> None:
    floor.hear(Session().events(ended=False)[:1])
    protocol_ends(floor, 300.0)
    floor.hear(Session().set_of([250.0, 290.0, 305.0]).events(ended=False))

    assert ["caution", "caution", "excessive"] == [cue["kind"] for cue in floor.of("cue") if cue["depth_mm"] > 285]
    assert (300.0, None) == (floor.tile["limit_mm"], floor.tile["limit_tier"])


def test_a_machine_that_says_anew_what_it_is_hears_its_limit_anew(floor: Floor) -> None:
    limit_is(floor.house, 400.0, notch=6)
    floor.live.limits_changed("m-1")
    delete_limits(
        floor.house.engine, "m-1", "north", "press-1", notch=-1, deleted_by="trainer", now_us=floor.house.now_us
    )
    floor.hear(Session().events(ended=False))
    floor.hear([Event("north", "press-1", online(notch_mm=20.0))])
    floor.hear([Event("north", "press-1", online(notch_mm=20.0))])

    assert [350.0, 360.0] == [limit["limit_mm"] for limit in floor.of("limit")]


def test_a_session_is_listed_from_its_start_on(floor: Floor) -> None:
    floor.hear(Session().events(ended=False))

    found = sessions.get_session(floor.house.engine, "s-1")
    assert found is not None
    assert "live" == found["state"]
    assert [("s-1", None)] == [(told["session"], told["end_at"]) for told in floor.hub.of("session")]


def test_a_buffered_session_does_not_appear_on_the_floor(floor: Floor) -> None:
    floor.hear(Session().set_of([380.0]).events(), delay_s=600.0)

    assert [] == floor.of("limit")
    assert ("free", []) == (floor.tile["state"], floor.hub.of("session"))


def test_a_session_that_began_during_an_outage_is_taken_up_by_its_frames(floor: Floor) -> None:
    start, *frames = Session().rest(120.0).set_of([380.0]).events(ended=False)
    floor.house.now_us = end_us(frames[-20].payload)
    floor.live.on_event(start, floor.house.now_us)
    before = floor.tile["state"]
    floor.hear(frames[-20:])

    assert ("free", "in_use", "m-1") == (before, floor.tile["state"], floor.tile["user"])
    assert [410.0] == [limit["limit_mm"] for limit in floor.of("limit")]


def test_the_reps_of_an_outage_count_in_a_session_that_is_taken_up_after_it(floor: Floor) -> None:
    start, *frames = Session().set_of([380.0, 390.0]).rest(120.0).set_of([385.0]).events(ended=False)
    floor.house.now_us = end_us(frames[-20].payload)
    for buffered in [start, *frames[:-20]]:
        floor.live.on_event(buffered, floor.house.now_us)
    floor.hear(frames[-20:])

    assert 3 == floor.tile["reps"]


def test_an_outage_within_a_session_loses_no_rep(floor: Floor) -> None:
    events = Session().set_of([380.0, 390.0, 385.0, 380.0]).rest(100.0).events(ended=False)
    floor.hear(events[:4])
    floor.house.now_us = end_us(events[-1].payload)
    for late in events[4:]:
        floor.live.on_event(late, floor.house.now_us)

    assert 4 == floor.tile["reps"]


def test_near_the_limit_the_member_is_cautioned_once_a_rep(floor: Floor) -> None:
    floor.hear(Session().set_of([380.0, 395.0, 400.0]).events(ended=False))

    assert ["caution", "caution"] == [cue["kind"] for cue in floor.of("cue")]
    assert {5} == {expires_s for topic, _, _, expires_s in floor.said if topic.endswith("/cue")}
    assert 395.0 == pytest.approx(msgspec.convert(floor.of("cue")[0], Cue).depth_mm, abs=2.0)
    assert [] == floor.hub.of("alert")


def test_the_alert_comes_while_the_second_deep_rep_is_still_on_its_way_up(floor: Floor) -> None:
    session = Session().set_of([380.0, 420.0, 422.0])
    third_bottom_us = session.bottoms_us[2]
    events = session.events()

    floor.hear(until(events, third_bottom_us - S))
    assert [] == floor.hub.of("alert")
    floor.hear(until(events, third_bottom_us + S)[len(until(events, third_bottom_us - S)) :])

    (alert,) = floor.hub.of("alert")
    assert ("depth.excessive", "alert", 2) == (alert["rule"], alert["severity"], alert["count"])
    assert 2 == len(floor.live.live_reps("s-1"))
    assert [alert["id"]] == [told["id"] for _, told, _, _ in floor.said if "rule" in told]
    assert "excessive" == floor.of("cue")[-1]["kind"]


def test_one_rep_far_past_the_limit_is_enough(floor: Floor) -> None:
    session = Session().rep(445.0)
    floor.hear(until(session.events(), session.bottoms_us[0] + S))

    (alert,) = floor.hub.of("alert")
    assert 1 == alert["count"]


def tiring(load_kg: float = 120.0, step_mm: float = 0.0, slowest_s: float = 2.2) -> Session:
    """A set of six that gets slower, from 1.0 s a push, and `step_mm` deeper with each rep; then one more set."""
    session = Session(load_kg=load_kg)
    for number in range(6):
        session.rep(340.0 + step_mm * number, up_s=1.0 + (slowest_s - 1.0) * number / 5)
    session.rest(35.0)
    return session.rep(340.0).rest(3.0)


@pytest.mark.parametrize(("slowest_s", "cues"), [(1.6, []), (2.2, ["fatigue"])])
def test_who_is_near_failure_hears_of_it_once_a_set(floor: Floor, slowest_s: float, cues: list[str]) -> None:
    """Twice as slow is a loss of half the velocity: past 40 % with the fifth rep, and said before the sixth is over."""
    events = tiring(slowest_s=slowest_s).events()
    floor.hear(events)
    assert cues == [cue["kind"] for cue in floor.of("cue")]
    assert {340.0} >= {round(cue["depth_mm"]) for cue in floor.of("cue")}


def test_who_gets_deeper_and_slower_together_hears_of_it(floor: Floor) -> None:
    floor.hear(tiring(step_mm=6.0, slowest_s=1.6).events())
    assert ["fatigue"] == [cue["kind"] for cue in floor.of("cue")]


def test_the_tile_shows_who_is_tiring_until_the_set_is_over(floor: Floor) -> None:
    seen = []
    for event in tiring().events():
        floor.hear([event])
        seen.append(floor.tile["tired"])
    # Not yet, then for the rest of the set, and no longer in the next one.
    assert [False, True, False] == [tired for tired, _ in groupby(seen)]


def test_depth_is_said_before_tiredness(floor: Floor) -> None:
    """One frame brings the end of the rep that shows it and the next one near the limit, let down fast."""
    session = Session()
    for up_s in (1.0, 1.0, 1.3, 2.2):
        session.rep(340.0, up_s=up_s)
    # To the beginning of a frame, which then holds all of the way down.
    session.rest(1.0 - len(session.depth_mm) % 50 / 50 + 0.02)
    floor.hear(session.rep(395.0, down_s=0.7).rest(3.0).events())
    assert ["caution", "fatigue"] == [cue["kind"] for cue in floor.of("cue")]


def test_on_a_light_load_nobody_is_called_tired(floor: Floor) -> None:
    floor.house.has_trained("m-1", [2], 9_000.0)
    floor.hear(tiring(load_kg=35.0).events())
    assert [] == floor.of("cue")


def test_while_the_depth_sensor_is_doubtful_cues_go_on_and_no_alert_is_raised(floor: Floor) -> None:
    """A cue costs nobody more than a shallower rep, and the machine's own light knows of no doubt."""
    doubtful = StoredSensors(
        "north", "press-1", "machine.encoder-drift", T0_US - DAY_US, T0_US - DAY_US, 39.0, 5.0, troubles=[], settled={}
    )
    with begin(floor.house.engine) as connection:
        put_sensors(connection, doubtful)
    floor.hear(Session().set_of([425.0, 428.0, 430.0]).events())

    assert ["excessive"] == sorted({cue["kind"] for cue in floor.of("cue")} - {"caution"})
    assert ([], []) == (floor.of("alert"), alerts.list_alerts(floor.house.engine))


def test_names_stay_in_the_house(floor: Floor) -> None:
    put_member(floor.house.engine, "m-1", {"name": "Ada Lovelace"}, T0_US)
    floor.hear(Session().set_of([420.0, 425.0]).events())

    assert "Ada Lovelace" in floor.hub.of("alert")[0]["message"]
    (published,) = floor.of("alert")
    assert "m-1" in published["message"]
    assert "Ada" not in str(floor.said)


def test_a_light_load_alerts_nobody(floor: Floor) -> None:
    floor.house.has_trained("m-1", [3], work_j=1000.0)
    floor.hear(Session(load_kg=30.0).set_of([430.0, 445.0]).events())

    assert [] == floor.hub.of("alert")
    assert "excessive" not in [cue["kind"] for cue in floor.of("cue")]


def test_reps_are_told_as_they_happen_and_closing_finds_the_same(floor: Floor) -> None:
    session = Session().set_of([380.0, 400.0, 405.0]).set_of([390.0, 391.0])
    floor.house.arrive(session.events(), T0_US + 200 * S)
    floor.house.closer.run_once()
    floor.hear(session.events())

    told = [msgspec.convert(rep, Rep) for rep in floor.of("rep")]
    closed = sessions.reps_of(floor.house.engine, "s-1")
    for name in ("set", "rep", "depth_mm", "t_turn_us", "load_kg", "quality", "limit_mm", "limit_tier"):
        assert [getattr(rep, name) for rep in closed] == [getattr(rep, name) for rep in told]
    assert [rep.mean_velocity_m_s for rep in closed] == pytest.approx([rep.mean_velocity_m_s for rep in told], rel=0.05)
    assert told == floor.live.live_reps("s-1")


def test_closing_confirms_the_live_alert_as_the_same_one(floor: Floor) -> None:
    session = Session().set_of([380.0, 420.0, 425.0, 430.0])
    floor.hear(session.events())
    (live,) = alerts.list_alerts(floor.house.engine)
    alerts.change_state(floor.house.engine, live.id, "acknowledge", "trainer", floor.house.now_us)
    floor.house.arrive(session.events())
    floor.house.closer.run_once()

    (closed,) = alerts.list_alerts(floor.house.engine)
    assert (live.id, "acknowledged", 3) == (closed.id, closed.state, closed.count)
    assert [False] == [row["provisional"] for row in floor.house.rows(schema.alert)]


def test_a_live_alert_counts_up_and_keeps_what_the_trainer_did(floor: Floor) -> None:
    session = Session().set_of([420.0, 425.0]).set_of([430.0, 431.0])
    events = session.events()
    floor.hear(until(events, session.bottoms_us[1] + 5 * S))
    (first,) = alerts.list_alerts(floor.house.engine)
    alerts.change_state(floor.house.engine, first.id, "acknowledge", "trainer", floor.house.now_us)
    floor.hear(events[len(until(events, session.bottoms_us[1] + 5 * S)) :])

    (last,) = alerts.list_alerts(floor.house.engine)
    assert (2, 4) == (first.count, last.count)
    assert (first.id, "acknowledged") == (last.id, last.state)
    assert 1 == len(floor.of("alert"))


def test_buffered_frames_say_nothing_live(floor: Floor) -> None:
    floor.hear(Session().set_of([430.0, 440.0, 450.0]).events(), delay_s=120.0)

    assert [] == floor.of("cue") + floor.of("rep") + floor.hub.of("alert")


def test_frames_a_little_late_count_but_cue_nobody(floor: Floor) -> None:
    floor.hear(Session().set_of([430.0, 440.0]).events(), delay_s=8.0)

    assert [] == floor.of("cue")
    assert 2 == len(floor.of("rep"))
    assert 1 == len({alert["id"] for alert in floor.hub.of("alert")})


def test_frames_sent_twice_count_once(floor: Floor) -> None:
    events = Session().set_of([380.0, 390.0]).events(ended=False)
    for event in events:
        floor.hear([event])
        floor.hear([event])

    assert 2 == floor.tile["reps"]


def test_a_machine_is_free_then_in_use_then_offline(floor: Floor) -> None:
    seen = [floor.tile["state"]]
    events = Session().set_of([420.0, 400.0]).events()
    floor.hear(events[:6])
    tile = floor.tile
    seen.append(tile["state"])
    floor.hear(events[6:])
    seen.append(floor.tile["state"])
    floor.hear([Event("north", "press-1", Offline(boot="b1"))])
    seen.append(floor.tile["state"])

    assert ["free", "in_use", "free", "offline"] == seen
    assert ("m-1", "s-1", 120.0, 410.0, 390.0, "calibrated", 1, True) == tuple(
        tile[name] for name in ("user", "session", "load_kg", "limit_mm", "caution_mm", "limit_tier", "set", "over")
    )
    assert tile["track_mm"][-1] == tile["depth_mm"]
    assert 12 >= len(tile["track_mm"])
    assert [None, "live", "live"] == [floor.hub.of("session")[0]["end_at"]] + [
        told["state"] for told in floor.hub.of("session")
    ]


def test_the_will_of_an_earlier_boot_is_not_believed(floor: Floor) -> None:
    floor.hear([Event("north", "press-1", online("b2")), Event("north", "press-1", Offline(boot="b1"))])

    assert "free" == floor.tile["state"]


def test_a_reboot_ends_the_session(floor: Floor) -> None:
    floor.hear(Session().set_of([380.0]).events(ended=False))
    floor.hear([Event("north", "press-1", online("b2"))])

    assert ("free", None) == (floor.tile["state"], floor.tile["session"])


def test_frames_before_their_start_find_their_member_when_it_comes(floor: Floor) -> None:
    start, *frames = Session().set_of([380.0, 390.0]).events(ended=False)
    floor.hear(frames[:3])
    before = floor.tile
    floor.hear([start])

    assert ("in_use", None) == (before["state"], before["user"])
    assert ("m-1", 410.0) == (floor.tile["user"], floor.tile["limit_mm"])


def test_after_a_restart_a_session_goes_on_and_its_alert_is_not_told_again(floor: Floor) -> None:
    session = Session().set_of([420.0, 425.0]).set_of([430.0, 380.0])
    events = session.events(ended=False)
    half = until(events, session.bottoms_us[2] + 2 * S)
    floor.hear(half)
    floor.house.arrive(half, floor.house.now_us)
    again = Floor(floor.house, seconds=floor.seconds)
    again.live.load()
    assert floor.tile == again.tile

    again.hear(events[len(half) :])
    assert 4 == again.tile["reps"]
    assert (1, 0) == (len(floor.of("alert")), len(again.of("alert")))


def test_tiles_move_four_times_a_second_at_most(floor: Floor) -> None:
    events = Session().rest(4.0).events(ended=False)
    floor.hear(events[:2])
    told = len(floor.hub.of("machine"))
    for event in events[2:6]:
        floor.live.on_event(event, end_us(event.payload))  # type: ignore[arg-type]

    assert told == len(floor.hub.of("machine"))


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("sledwatch/v1/north/press-1/frame", b"{"),
        ("sledwatch/v1/north/press-1/frame", b'{"v":1,"boot":"b1","seq":1}'),
        ("sledwatch/v1/north/press-1/frame", b"\xff\xfe"),
        ("sledwatch/v1/north/press-1/state", b"[]"),
        ("sledwatch/v1/NORTH/press-1/state", b"{}"),
        ("sledwatch/v1/north/press-1/limit", b"garbage"),
        ("elsewhere", b""),
    ],
)
def test_garbage_changes_nothing(floor: Floor, topic: str, payload: bytes) -> None:
    before = floor.live.machines("north")
    floor.live.on_message(topic, payload, False)

    assert before == floor.live.machines("north")


def test_a_silent_session_is_over_after_ten_minutes(floor: Floor) -> None:
    floor.hear(Session().set_of([380.0]).events(ended=False))
    floor.house.wait(601.0)
    floor.live.end_silent()

    assert "free" == floor.tile["state"]


def test_a_new_setup_of_the_same_session_is_no_new_session(floor: Floor) -> None:
    session = Session().set_of([380.0])
    floor.hear(session.events(ended=False))
    floor.hear([Event("north", "press-1", SessionSetup("b1", 999, "s-1", session.now_us, setup(5)))])

    assert 1 == floor.tile["reps"]
