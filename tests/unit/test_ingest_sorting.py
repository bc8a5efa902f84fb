"""Sorting a batch into what is stored, what is recorded, and what is set aside."""

import msgspec
import pytest

from sledwatch.events import MAX_BEHIND_US, Reason, encode
from sledwatch_ingest.inbox import Message
from sledwatch_ingest.sorting import sort
from store_and_forward import ONLINE, frame

NOW_US = 1_795_330_800_000_000


def message(kind: str, payload: bytes, received_us: int = NOW_US) -> Message:
    return Message(f"sledwatch/v1/gym/lp-1/{kind}", payload, received_us, retained=False, generation=1, packet_id=1)


def frame_message(seq: int, t_us: int = NOW_US, received_us: int = NOW_US) -> Message:
    return message("frame", encode(frame(seq, t_us=t_us)), received_us)


STATE = message("state", encode(ONLINE))
BROKEN = message("frame", msgspec.json.encode({"v": 1, "boot": "boot-1", "seq": 7, "dt_us": "soon"}))


def test_frames_are_stored_and_all_that_keeps_the_contract_is_recorded_in_order() -> None:
    batch = sort([frame_message(0), STATE, frame_message(1), BROKEN, frame_message(2)])
    assert [0, 1, 2] == [stored.frame.seq for stored in batch.frames]
    assert [0, "online", 1, 2] == [getattr(arrived.event.payload, "seq", "online") for arrived in batch.arrived]
    assert [(Reason.WRONG_TYPE, 7)] == [(one.refusal.reason, one.refusal.seq) for one in batch.refused]


def test_a_message_is_judged_by_the_time_it_arrived_however_long_the_store_was_away() -> None:
    """Thirty days behind is refused; a frame that was in time when it came stays in time while it waits."""
    received_us = NOW_US - 100 * MAX_BEHIND_US
    batch = sort([frame_message(0, t_us=received_us, received_us=received_us)])
    assert [0] == [stored.frame.seq for stored in batch.frames]


@pytest.mark.parametrize(("refused", "kept"), [((), [0, 1, 2]), ((1,), [0, 2]), ((0, 2), [1])])
def test_what_the_store_refuses_leaves_the_record_and_goes_to_quarantine(
    refused: tuple[int, ...], kept: list[int]
) -> None:
    batch = sort([STATE, frame_message(0), frame_message(1), STATE, frame_message(2)]).without(refused, "no")
    assert kept == [stored.frame.seq for stored in batch.frames]
    assert 2 + len(kept) == len(batch.arrived)
    assert [(Reason.STORE_REFUSED, seq) for seq in refused] == [
        (one.refusal.reason, one.refusal.seq) for one in batch.refused
    ]


@pytest.mark.parametrize("kind", ["state", "session"])
def test_an_empty_message_that_clears_a_retained_one_is_no_mistake_of_a_machine(kind: str) -> None:
    batch = sort([message(kind, b"")])
    assert ([], []) == (batch.arrived, batch.refused)


def test_an_empty_frame_is_refused() -> None:
    (refused,) = sort([message("frame", b"")]).refused
    assert Reason.BAD_JSON is refused.refusal.reason
