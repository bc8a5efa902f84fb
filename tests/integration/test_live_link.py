"""Analytics' connection to the broker: one thread reads and writes it, whoever publishes."""

import threading
from collections.abc import Callable, Iterator

import pytest

from mqtt_brokers import Broker, broker
from sledwatch_analytics.live import Link
from waiting import eventually

__all__ = ["broker"]

TOPIC = "sledwatch/v1/north/press-1/limit"


@pytest.fixture
def serving() -> Iterator[Callable[[Link], threading.Thread]]:
    """Runs links in threads, and ends them."""
    links: list[tuple[Link, threading.Thread]] = []

    def run(link: Link) -> threading.Thread:
        thread = threading.Thread(target=link.run, args=(threading.Event(), lambda *_: None))
        links.append((link, thread))
        thread.start()
        return thread

    yield run
    for link, thread in links:
        link.close()
        thread.join(10)
        assert not thread.is_alive()


def test_what_any_thread_publishes_leaves_on_the_thread_of_the_connection(
    broker: Broker, serving: Callable[[Link], threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Link(broker.url, "live")
    writers: set[int | None] = set()
    send = link._client._sock_send

    def noted(data: bytes) -> int:
        writers.add(threading.get_ident())
        return send(data)

    monkeypatch.setattr(link._client, "_sock_send", noted)
    thread = serving(link)
    eventually(lambda: link.following)

    assert all(link.publish_confirmed(TOPIC, b"{}", 0.5) for _ in range(20))
    assert {thread.ident} == writers


def test_it_comes_back_after_the_broker_does(broker: Broker, serving: Callable[[Link], threading.Thread]) -> None:
    link = Link(broker.url, "live")
    serving(link)
    eventually(lambda: link.following)
    broker.kill()
    eventually(lambda: not link.following)
    assert not link.publish(TOPIC, b"{}")
    broker.start()
    eventually(lambda: link.following)
    assert link.publish_confirmed(TOPIC, b"{}", 2.0)
