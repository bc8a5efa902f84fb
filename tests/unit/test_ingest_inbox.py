"""The queue between the network and the writer."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sledwatch_ingest.inbox import GROWTH, Inbox, Message


def message(number: int, payload: bytes = b"{}") -> Message:
    return Message("topic", payload, number, retained=False, generation=1, packet_id=number)


def numbers(messages: list[Message]) -> list[int]:
    return [taken.packet_id for taken in messages]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(most=8, most_bytes=100)


def test_messages_are_taken_in_the_order_of_their_arrival(inbox: Inbox) -> None:
    for n in range(1, 6):
        inbox.put([message(n)])
    assert [1, 2, 3, 4, 5] == numbers(inbox.take(batch=5, linger_s=10.0, timeout_s=0.0))


def test_a_full_batch_is_taken_without_lingering(inbox: Inbox) -> None:
    for n in range(3):
        inbox.put([message(n)])
    with ThreadPoolExecutor(1) as threads:
        assert [0, 1, 2] == numbers(threads.submit(inbox.take, 3, 60.0, 60.0).result(20))


def test_a_burst_that_is_over_is_taken_without_lingering() -> None:
    """A broker whose window is smaller than a batch sends nothing more until it is acknowledged."""
    inbox = Inbox(most=100)
    for n in range(20):
        inbox.put([message(n)])
    with ThreadPoolExecutor(1) as threads:
        assert list(range(20)) == numbers(threads.submit(inbox.take, 64, 60.0, 60.0).result(20))


def test_what_comes_while_lingering_joins_the_batch(inbox: Inbox) -> None:
    with ThreadPoolExecutor(1) as threads:
        inbox.put([message(1)])
        taking = threads.submit(inbox.take, 2, 30.0, 30.0)
        inbox.put([message(2)])
        assert [1, 2] == numbers(taking.result(20))


def test_under_load_a_batch_grows_so_far_and_no_further() -> None:
    inbox = Inbox(most=1000)
    for n in range(100):
        inbox.put([message(n)])
    assert list(range(3 * GROWTH)) == numbers(inbox.take(batch=3, linger_s=0.0, timeout_s=0.0))


def test_nothing_comes_of_an_empty_inbox(inbox: Inbox) -> None:
    assert [] == inbox.take(batch=4, linger_s=0.0, timeout_s=0.0)


@pytest.mark.parametrize(("count", "payload"), [(8, b""), (2, bytes(50))], ids=["by messages", "by bytes"])
def test_it_says_that_it_is_full(inbox: Inbox, count: int, payload: bytes) -> None:
    for n in range(count - 1):
        inbox.put([message(n, payload)])
    assert not inbox.full
    inbox.put([message(count, payload)])
    assert inbox.full
    assert not inbox.roomy


def test_it_is_roomy_again_once_half_empty(inbox: Inbox) -> None:
    for n in range(8):
        inbox.put([message(n, bytes(12))])
    inbox.take(batch=1, linger_s=0.0, timeout_s=0.0)
    assert inbox.roomy


def test_closing_ends_a_wait_and_takes_nothing(inbox: Inbox) -> None:
    with ThreadPoolExecutor(1) as threads:
        taking = threads.submit(inbox.take, 2, 30.0, 30.0)
        threading.Timer(0.05, inbox.close).start()
        assert [] == taking.result(20)


def test_long_topics_fill_it_as_payloads_do(inbox: Inbox) -> None:
    inbox.put([Message("t" * 100, b"", 0, retained=False, generation=1, packet_id=1)])
    assert (True, 0) == (inbox.full, inbox.room)
    inbox.take(batch=1, linger_s=0.0, timeout_s=0.0)
    assert (False, 8) == (inbox.full, inbox.room)
