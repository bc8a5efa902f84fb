"""The wire contract: what is taken, what is refused and why, and that a refusal still names the message."""

import json
from typing import Any

import pytest

from sledwatch import events
from sledwatch.events import Event, Frame, Reason, Refusal, TopicKind

NOW_US = 1_795_330_800_000_000
FRAME_TOPIC = "sledwatch/v1/riverside/press-1/frame"
STATE_TOPIC = "sledwatch/v1/riverside/press-1/state"
SESSION_TOPIC = "sledwatch/v1/riverside/press-1/session"


def frame(**changes: Any) -> bytes:
    """A frame that keeps the contract, but for the changes."""
    fields = {
        "v": 1,
        "boot": "k3x9q0m2v7a1d",
        "seq": 7,
        "t_us": NOW_US,
        "dt_us": 20_000,
        "session": "01JD",
        "depth_mm": [1.5, None, 3.0],
        "load_kg": 120.0,
    }
    return json.dumps({**fields, **changes}).encode()


def test_a_frame_is_decoded_to_its_columns() -> None:
    depth_mm = [1.5, None, 3.0]
    expected = Frame("k3x9q0m2v7a1d", 7, NOW_US, 20_000, depth_mm=depth_mm, load_kg=120.0, session="01JD")
    assert Event("riverside", "press-1", expected) == events.decode(FRAME_TOPIC, frame(), NOW_US)


def test_unknown_fields_are_ignored() -> None:
    assert isinstance(events.decode(FRAME_TOPIC, frame(colour="red"), NOW_US), Event)


@pytest.mark.parametrize(
    ("reason", "payload"),
    [
        (Reason.BAD_JSON, b"{"),
        (Reason.BAD_JSON, b"\xff\xfe"),
        (Reason.BAD_JSON, b""),
        (Reason.BAD_JSON, frame()[:-1] + b', "nested": ' + b"[" * 30_000),
        (Reason.BAD_JSON, frame().replace(b"120.0", b"NaN")),
        (Reason.WRONG_TYPE, b"[]"),
        (Reason.WRONG_TYPE, frame(seq="7")),
        (Reason.WRONG_TYPE, frame(seq=-1)),
        (Reason.WRONG_TYPE, frame(dt_us=0)),
        (Reason.WRONG_TYPE, frame(depth_mm=["deep"])),
        (Reason.WRONG_TYPE, frame().replace(b"120.0", b"1e999")),
        (Reason.WRONG_VERSION, frame(v=2)),
        (Reason.WRONG_VERSION, frame(v=2, seq="seven")),
        (Reason.WRONG_VERSION, frame().replace(b'"v": 1, ', b"")),
        (Reason.BAD_NAME, frame(boot="not a boot")),
        (Reason.BAD_NAME, frame(session="x" * 65)),
        (Reason.TOO_LARGE, frame(note="x" * events.MAX_PAYLOAD_BYTES)),
        (Reason.TOO_MANY_SAMPLES, frame(depth_mm=[1] * 1_001)),
        (Reason.TOO_MANY_SAMPLES, frame(depth_mm=[])),
        (Reason.UNEQUAL_LENGTHS, frame(load_kg=[120.0])),
        (Reason.UNEQUAL_LENGTHS, frame(left_n=[1.0])),
        (Reason.LOAD_OUT_OF_RANGE, frame(load_kg=-0.1)),
        (Reason.LOAD_OUT_OF_RANGE, frame(load_kg=[1.0, 2.0, 1_500.1])),
        (Reason.TOO_FEW_USABLE, frame(depth_mm=[None, None, 1.0])),
        (Reason.TOO_FEW_USABLE, frame(depth_mm=[2_001, -51, 1.0])),
        (Reason.TIME_AHEAD, frame(t_us=NOW_US + 300_000_001)),
        (Reason.TIME_BEHIND, frame(t_us=NOW_US - 30 * 86_400_000_000 - 1)),
    ],
)
def test_a_frame_outside_the_contract_is_refused_with_the_reason(reason: Reason, payload: bytes) -> None:
    refusal = events.decode(FRAME_TOPIC, payload, NOW_US)
    assert isinstance(refusal, Refusal)
    assert reason is refusal.reason


@pytest.mark.parametrize(
    "payload",
    [
        frame(load_kg=0),
        frame(load_kg=1_500),
        frame(t_us=NOW_US + 300_000_000),
        frame(t_us=NOW_US - 30 * 86_400_000_000),
        frame(depth_mm=[1.0] * 1_000),
        frame(depth_mm=[None, 1.0]),
        frame(depth_mm=[-50, 2_000]),
    ],
)
def test_the_borders_of_the_contract_belong_to_it(payload: bytes) -> None:
    assert isinstance(events.decode(FRAME_TOPIC, payload, NOW_US), Event)


def test_a_depth_out_of_range_is_taken_as_missing_and_counted() -> None:
    event = events.decode(FRAME_TOPIC, frame(depth_mm=[-50.1, 10, 20, 2_000.1, None, 30]), NOW_US)
    assert isinstance(event, Event)
    assert isinstance(event.payload, Frame)
    assert event.payload.depth_mm == [None, 10, 20, None, None, 30]
    assert event.out_of_range == 2


def test_a_refused_message_is_named_as_far_as_it_can_be_read() -> None:
    refusal = events.decode(FRAME_TOPIC, frame(load_kg="heavy"), NOW_US)
    assert isinstance(refusal, Refusal)
    assert (refusal.gym, refusal.machine, refusal.boot, refusal.seq) == ("riverside", "press-1", "k3x9q0m2v7a1d", 7)
    assert "load_kg" in refusal.detail


@pytest.mark.parametrize(
    "topic",
    [
        "sledwatch/v1/riverside/press-1/stored",
        "sledwatch/v1/riverside/frame",
        "sledwatch/v1/Riverside/press-1/frame",
        "sledwatch/v2/riverside/press-1/frame",
        "sledwatch/v1/riverside/press-1/frame/x",
        "sledwatch/v1//press-1/frame",
        "",
    ],
)
def test_a_topic_outside_the_contract_is_refused(topic: str) -> None:
    refusal = events.decode(topic, frame(), NOW_US)
    assert isinstance(refusal, Refusal)
    assert Reason.BAD_TOPIC is refusal.reason


@pytest.mark.parametrize("kind", [kind for kind in TopicKind if kind is not TopicKind.ALERT])
def test_a_machines_topic_is_parsed_to_what_it_was_built_from(kind: TopicKind) -> None:
    assert ("riverside", "press-1", kind) == events.parse_topic(events.topic("riverside", "press-1", kind))


def test_a_gyms_alert_topic_has_no_machine() -> None:
    assert events.parse_topic(events.topic("riverside", None, TopicKind.ALERT)) == ("riverside", None, TopicKind.ALERT)


def test_no_topic_is_built_for_a_bad_name() -> None:
    with pytest.raises(ValueError, match="valid name"):
        events.topic("riverside", "press/1", TopicKind.FRAME)


def test_a_last_will_and_a_birth_certificate_are_told_apart() -> None:
    will = events.decode(STATE_TOPIC, b'{"v":1,"status":"offline","boot":"b"}', NOW_US)
    assert Event("riverside", "press-1", events.Offline(boot="b")) == will


@pytest.mark.parametrize(
    "absurd", [{"oldest_seq": 2**64 - 1}, {"ratio": 1e200}, {"reach_mm": 1e308}, {"notch_mm": -1e308}]
)
def test_a_figure_that_no_machine_has_is_refused_and_never_computed_with(absurd: dict[str, float]) -> None:
    """A State is retained: what broke a part once would break it at every start."""
    state = {"v": 1, "status": "online", "boot": "b", "kind": "incline", "rail_deg": 45, "backrest_deg": 30}
    state |= {"travel_mm": 620, "rate_hz": 50}
    assert isinstance(events.decode(STATE_TOPIC, json.dumps(state).encode(), NOW_US), Event)
    refusal = events.decode(STATE_TOPIC, json.dumps(state | absurd).encode(), NOW_US)
    assert isinstance(refusal, Refusal)
    assert Reason.WRONG_TYPE is refusal.reason


def test_a_start_without_its_user_is_refused() -> None:
    setup = {"backrest_deg": 30, "notch": 1, "foot_row": 1}
    start = {"v": 1, "event": "start", "boot": "b", "seq": 0, "session": "s", "t_us": NOW_US, "setup": setup}
    refusal = events.decode(SESSION_TOPIC, json.dumps(start).encode(), NOW_US)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.boot, refusal.seq) == (Reason.WRONG_TYPE, "b", 0)


def test_what_is_encoded_carries_its_version_and_is_decoded_to_the_same() -> None:
    message = events.SessionEnd(boot="b", seq=3, session="s", t_us=NOW_US, reason="badge_out")
    wire = events.encode(message)
    assert json.loads(wire)["v"] == 1
    assert Event("riverside", "press-1", message) == events.decode(SESSION_TOPIC, wire, NOW_US)
