"""Several batches on their way at the same time: recorded and acknowledged in order of arrival, oldest first."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event

from ingest_running import Stores, stores
from sledwatch.events import Reason, StoredBoot, encode
from sledwatch_ingest.backoff import Backoff
from sledwatch_ingest.inbox import GROWTH, Inbox, Message
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.pulse import Pulse
from sledwatch_ingest.replays import Replays
from sledwatch_ingest.watermarks import Watermarks
from sledwatch_ingest.writer import Writer
from sledwatch_storage.series.memory import MemorySeries
from sledwatch_storage.series.port import StoredFrame, StoreRefused, StoreUnavailable
from sledwatch_storage.state import heartbeat, ledger, quarantine
from store_and_forward import frame, now_us
from waiting import eventually

__all__ = ["stores"]

Answer = Exception | None


@dataclass
class Call:
    """An `append` that waits for its answer."""

    seqs: list[int]
    answer: Future[Answer] = field(default_factory=Future)

    def take(self) -> None:
        self.answer.set_result(None)

    def fail(self, error: Exception) -> None:
        self.answer.set_result(error)


class Answering(MemorySeries):
    """A store of two writers that answers when, and as, the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.released = False

    @property
    def writers(self) -> int:
        return 2

    def append(self, frames: Sequence[StoredFrame]) -> None:
        call = Call([stored.frame.seq for stored in frames])
        self.calls.append(call)
        if self.released:
            call.take()
        error = call.answer.result(30)
        refused = error.positions if isinstance(error, StoreRefused) else ()
        if not isinstance(error, StoreUnavailable):
            super().append([stored for position, stored in enumerate(frames) if position not in refused])
        if error is not None:
            raise error

    def release(self) -> None:
        """Take what was asked and will be."""
        self.released = True
        for call in self.calls:
            if not call.answer.done():
                call.take()

    def called_with(self, *batches: list[int]) -> bool:
        return [call.seqs for call in self.calls] == list(batches)


class Link:
    """A connection that notes what is acknowledged."""

    generation = 1

    def __init__(self) -> None:
        self.acked: list[int] = []

    def ack(self, messages: Sequence[Message]) -> None:
        self.acked.extend(message.packet_id for message in messages)


@dataclass
class House:
    """A writer at work, and what is around it."""

    inbox: Inbox
    series: Answering
    link: Link
    stores: Stores
    writer: Writer
    work: Future[None]

    def bring(self, *seqs: int, payload: Callable[[int], bytes] = lambda seq: encode(frame(seq))) -> None:
        """Messages that make a batch. A packet's id is its number and one."""
        topic = "sledwatch/v1/gym/lp-1/frame"
        self.inbox.put([Message(topic, payload(seq), now_us(), False, 1, seq + 1) for seq in seqs])

    def bring_two_batches(self) -> None:
        """The second is on its way while the store has not answered to the first."""
        self.bring(0, 1)
        eventually(lambda: self.series.called_with([0, 1]))
        self.bring(2, 3)
        eventually(lambda: self.series.called_with([0, 1], [2, 3]))

    def bring_three_batches(self) -> None:
        """The third is sorted, and waits for one of the first two."""
        self.bring_two_batches()
        self.bring(4, 5)
        eventually(lambda: not len(self.inbox))

    def acked(self, *packet_ids: int) -> bool:
        return self.link.acked == list(packet_ids)


@pytest.fixture
def house(stores: Stores) -> Iterator[House]:
    inbox, series, link = Inbox(100), Answering(), Link()
    metrics = Metrics(CollectorRegistry())
    clock, pace = now_us, iter(range(10**9)).__next__
    writer = Writer(
        inbox,
        link,
        series,
        stores.state,
        clock,
        Watermarks(lambda machines: ledger.watermarks(stores.state, machines), lambda _topic, _payload: True, pace),
        list,
        Replays(series, stores.state, clock, pace, metrics, time_zone="UTC"),
        Pulse("ingest", series, stores.state, clock, pace, dict, lambda: len(inbox), metrics),
        Backoff(0.01, 0.02, Random(1)),
        metrics,
        batch=2,
        linger_s=10.0,
        time_zone="UTC",
    )
    with ThreadPoolExecutor(1) as threads:
        made = House(inbox, series, link, stores, writer, threads.submit(writer.run))
        yield made
        writer.stop()
        series.release()


def test_what_is_durable_first_is_acknowledged_in_its_turn(house: House) -> None:
    house.bring_two_batches()
    first, second = house.series.calls
    second.take()
    house.bring(4, 5)
    eventually(lambda: house.series.called_with([0, 1], [2, 3], [4, 5]))
    assert house.acked()
    first.take()
    eventually(lambda: house.acked(1, 2, 3, 4))


def test_the_ledger_takes_together_what_has_become_durable_together(house: House) -> None:
    written: list[str] = []

    @event.listens_for(house.stores.state, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO ledger"):
            written.append(statement)

    house.bring_three_batches()
    house.series.calls[1].take()
    eventually(lambda: house.series.called_with([0, 1], [2, 3], [4, 5]))
    house.series.calls[0].take()
    eventually(lambda: house.acked(1, 2, 3, 4))
    assert 1 == len(written)
    assert (StoredBoot("boot-1", 3),) == ledger.watermark(house.stores.state, "gym", "lp-1").boots


def test_no_more_is_taken_in_than_the_store_has_a_use_for(house: House) -> None:
    """What waits, waits in the inbox, whose room the network looks at."""
    house.bring_three_batches()
    house.bring(6, 7)
    house.series.calls[1].take()
    eventually(lambda: house.series.called_with([0, 1], [2, 3], [4, 5]))
    assert 2 == len(house.inbox)
    house.series.calls[0].take()
    eventually(lambda: not len(house.inbox))


def test_under_load_a_batch_is_what_has_come_meanwhile(house: House) -> None:
    house.bring_three_batches()
    house.bring(*range(6, 40))
    for call in house.series.calls[:2]:
        call.take()
    eventually(lambda: len(house.series.calls) == 4)
    assert list(range(6, 6 + 2 * GROWTH)) == house.series.calls[3].seqs


def test_while_the_store_is_away_the_oldest_is_tried_and_what_is_behind_it_waits(house: House) -> None:
    house.bring_three_batches()
    first, second = house.series.calls
    second.fail(StoreUnavailable("away, says the test"))
    first.fail(StoreUnavailable("away, says the test"))
    for attempt in range(2, 5):
        eventually(lambda n=attempt: len(house.series.calls) == n + 1)
        assert [0, 1] == house.series.calls[attempt].seqs
        if attempt < 4:
            house.series.calls[attempt].fail(StoreUnavailable("still away"))
    assert house.acked()
    house.series.calls[4].take()
    eventually(lambda: sorted(call.seqs for call in house.series.calls[5:]) == [[2, 3], [4, 5]])
    for call in house.series.calls[5:]:
        call.take()
    eventually(lambda: house.acked(1, 2, 3, 4, 5, 6))


def test_a_batch_that_fails_alone_is_tried_again_and_holds_up_what_came_after_it(house: House) -> None:
    house.bring_two_batches()
    first, second = house.series.calls
    second.fail(StoreUnavailable("away, says the test"))
    house.bring(4, 5)
    first.take()
    eventually(lambda: [call.seqs for call in house.series.calls].count([2, 3]) == 2)
    assert house.acked(1, 2)
    house.series.release()
    eventually(lambda: house.acked(1, 2, 3, 4, 5, 6))


def test_what_the_store_refuses_of_a_batch_in_the_middle_is_set_aside_and_acknowledged(house: House) -> None:
    house.bring_two_batches()
    first, second = house.series.calls
    second.fail(StoreRefused("never, says the test", [0]))
    first.take()
    eventually(lambda: house.acked(1, 2, 3, 4))
    (aside,) = quarantine.listing(house.stores.state)
    assert (Reason.STORE_REFUSED, 2) == (aside.refused.refusal.reason, aside.refused.refusal.seq)
    assert (StoredBoot("boot-1", 3),) == ledger.watermark(house.stores.state, "gym", "lp-1").boots


def test_messages_without_a_frame_wait_for_the_frames_before_them(house: House) -> None:
    house.bring(0, 1)
    eventually(lambda: house.series.called_with([0, 1]))
    house.bring(2, 3, payload=lambda _: b"no frame")
    eventually(lambda: not len(house.inbox))
    assert house.acked()
    house.series.calls[0].take()
    eventually(lambda: house.acked(1, 2, 3, 4))


def test_a_bug_in_appending_ends_it(house: House) -> None:
    house.bring_two_batches()
    house.series.calls[1].fail(ZeroDivisionError("a bug, says the test"))
    house.series.calls[0].take()
    with pytest.raises(ZeroDivisionError):
        house.work.result(20)
    assert house.acked(1, 2)


def test_a_sign_of_life_is_given_while_the_store_does_not_answer(house: House) -> None:
    house.bring_three_batches()
    before_us = now_us()
    eventually(lambda: (beat := heartbeat.beats(house.stores.state).get("ingest")) and beat.at_us > before_us)


def test_why_the_store_takes_no_writes_is_said_until_it_does(house: House) -> None:
    def said() -> dict[str, object]:
        beat = house.stores.beat()
        return {name: beat.get(name) for name in ("store", "why")}

    house.bring(0, 1)
    eventually(lambda: house.series.calls)
    house.series.calls[0].fail(StoreUnavailable("away,\nsays the test"))
    eventually(lambda: said() == {"store": False, "why": "away, says the test"})
    eventually(lambda: len(house.series.calls) == 2)
    house.series.calls[1].take()
    eventually(lambda: said() == {"store": True, "why": None})


def test_told_to_stop_it_finishes_what_is_on_its_way_and_takes_nothing_more(house: House) -> None:
    house.bring_two_batches()
    house.writer.stop()
    house.bring(4, 5)
    for call in house.series.calls:
        call.take()
    house.work.result(20)
    assert house.acked(1, 2, 3, 4)
    assert house.series.called_with([0, 1], [2, 3])


def test_told_to_stop_while_the_store_is_away_it_leaves_the_rest_to_the_broker(house: House) -> None:
    house.bring_two_batches()
    house.writer.stop()
    for call in house.series.calls:
        call.fail(StoreUnavailable("away, says the test"))
    house.work.result(20)
    assert house.acked()
