"""Whatever breaks the contract goes to quarantine with its reason, and good frames around it are stored."""

from typing import Any

import msgspec

from failing_series import Choosy
from ingest_running import Stores, machine, running_ingest, stores
from mqtt_brokers import Broker
from sledwatch.events import MAX_AHEAD_US, MAX_BEHIND_US, MAX_PAYLOAD_BYTES, Reason
from sledwatch_storage.state import quarantine
from store_and_forward import Machine, frame, now_us
from waiting import eventually

__all__ = ["machine", "stores"]

FRAME_TOPIC = "sledwatch/v1/gym/lp-1/frame"


def payload(**changes: Any) -> bytes:
    """A frame's payload, changed; its number is none that the machine below uses."""
    return msgspec.json.encode(msgspec.to_builtins(frame(1, boot="boot-0")) | changes)


DAY_US = 86_400 * 1_000_000

# A day more than what is taken: these are made when the run begins, and tried minutes later.
BROKEN: dict[Reason, tuple[str, bytes]] = {
    Reason.BAD_TOPIC: ("sledwatch/v1/Gym/lp-1/frame", payload()),
    Reason.BAD_JSON: (FRAME_TOPIC, b'{"v":1,"boot":"boot-1",'),
    Reason.WRONG_TYPE: (FRAME_TOPIC, payload(dt_us="soon")),
    Reason.WRONG_VERSION: (FRAME_TOPIC, payload(v=2)),
    Reason.BAD_NAME: (FRAME_TOPIC, payload(session="a session")),
    Reason.TOO_LARGE: (FRAME_TOPIC, payload(note="x" * MAX_PAYLOAD_BYTES)),
    Reason.TOO_MANY_SAMPLES: (FRAME_TOPIC, payload(depth_mm=[1.0] * 1001)),
    Reason.UNEQUAL_LENGTHS: (FRAME_TOPIC, payload(load_kg=[100.0, 100.0])),
    Reason.LOAD_OUT_OF_RANGE: (FRAME_TOPIC, payload(load_kg=1501.0)),
    Reason.TOO_FEW_USABLE: (FRAME_TOPIC, payload(depth_mm=[None, None, 5000.0, 1.0])),
    Reason.TIME_AHEAD: (FRAME_TOPIC, payload(t_us=now_us() + MAX_AHEAD_US + DAY_US)),
    Reason.TIME_BEHIND: (FRAME_TOPIC, payload(t_us=now_us() - MAX_BEHIND_US - DAY_US)),
}


def test_every_reason_for_refusal_but_the_stores_own_is_tried_here() -> None:
    assert set(Reason) - {Reason.STORE_REFUSED} == set(BROKEN)


def test_each_broken_message_is_set_aside_and_good_frames_around_it_are_stored(
    broker: Broker, stores: Stores, machine: Machine
) -> None:
    with running_ingest(broker.url, stores.series, stores.state):
        for topic, broken in BROKEN.values():
            machine.press(2)
            machine.publish(topic, broken)
        machine.press(2)
        eventually(lambda: not machine.unstored)
    assert [kept.seq for kept in machine.frames] == stores.seqs("gym", "lp-1")
    aside = quarantine.listing(stores.state)
    assert set(BROKEN) == {message.refused.refusal.reason for message in aside}


def test_a_number_that_was_refused_is_settled(broker: Broker, stores: Stores, machine: Machine) -> None:
    """The machine would otherwise keep, and send again, what will never be taken."""
    with running_ingest(broker.url, stores.series, stores.state):
        machine.press(3)
        machine.press_badly(load_kg=9_999.0)
        machine.press(3)
        eventually(lambda: not machine.unstored)
    assert [0, 1, 2, 4, 5, 6] == stores.seqs("gym", "lp-1")


def test_a_frame_that_the_store_will_never_take_is_set_aside_and_the_rest_goes_on(
    broker: Broker, stores: Stores, machine: Machine
) -> None:
    series = Choosy(stores.series, refuses=4)
    with running_ingest(broker.url, series, stores.state):
        machine.press(10)
        eventually(lambda: not machine.unstored)
    assert [0, 1, 2, 3, 5, 6, 7, 8, 9] == stores.seqs("gym", "lp-1")
    (aside,) = quarantine.listing(stores.state)
    assert (Reason.STORE_REFUSED, 4) == (aside.refused.refusal.reason, aside.refused.refusal.seq)
