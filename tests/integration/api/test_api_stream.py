"""The event stream as a browser gets it: a real server, real sockets."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx
import pytest

from api_house import TOKEN, House
from sledwatch_analytics.api.server import Server
from waiting import eventually


@dataclass
class Served:
    """A house behind a real server."""

    house: House
    server: Server
    thread: threading.Thread
    port: int

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()

    @contextmanager
    def listening(self, query: str = "", **headers: str) -> Iterator["Listener"]:
        """Read the stream in a thread of its own."""
        url = f"http://127.0.0.1:{self.port}/api/v1/stream{query}"
        already = self.house.hub.listeners
        authorised = {"Authorization": f"Bearer {TOKEN}", **headers}
        with httpx.stream("GET", url, headers=authorised, timeout=30) as answer:
            listener = Listener(answer)
            listener.thread.start()
            eventually(lambda: self.house.hub.listeners > already)
            yield listener
            # A stream that a test leaves is cut, which ends its thread.
            with suppress(OSError):
                answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
            listener.thread.join(20)


@dataclass
class Listener:
    """A browser's half of a stream: the names of the events, in order, and whether it is over."""

    answer: httpx.Response
    events: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self.read, daemon=True)

    def read(self) -> None:
        event = ""
        try:
            for line in self.answer.iter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.events.append((event, line.removeprefix("data: ")))
        except httpx.HTTPError:
            return

    @property
    def over(self) -> bool:
        return not self.thread.is_alive()


@pytest.fixture
def served(house: House, free_port: Callable[[], int]) -> Iterator[Served]:
    port = free_port()
    server = Server(house.app, house.hub, host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    running = Served(house, server, thread, port)
    yield running
    running.stop()


def test_an_event_arrives_as_it_is_published(served: Served) -> None:
    with served.listening() as listener:
        assert ("text/event-stream", "no-store") == (
            listener.answer.headers["content-type"].partition(";")[0],
            listener.answer.headers["cache-control"],
        )
        served.house.hub.publish("rep", {"gym": "north", "rep": 1})
        assert [("rep", '{"gym":"north","rep":1}')] == eventually(lambda: listener.events)


def test_a_stream_begins_with_the_machines_of_its_gym(served: Served) -> None:
    for gym in ("north", "south"):
        served.house.client.put(f"/api/v1/gyms/{gym}", json={})
        served.house.floor.on_floor.append({"gym": gym, "machine": "press-1", "status": "online", "state": "free"})
    with served.listening("?gym=north") as listener:
        served.house.hub.publish("rep", {"gym": "south"})
        served.house.hub.publish("rep", {"gym": "north"})
        eventually(lambda: len(listener.events) >= 2)
        assert ["machine", "rep"] == [event for event, _ in listener.events]
        assert all('"north"' in data for _, data in listener.events)


def test_a_stream_goes_on_where_it_broke_off(served: Served) -> None:
    for rep in (1, 2):
        served.house.hub.publish("rep", {"gym": "north", "rep": rep})
    with served.listening(**{"Last-Event-ID": "e0-1"}) as listener:
        assert [("rep", '{"gym":"north","rep":2}')] == eventually(lambda: listener.events)


def test_an_acknowledged_alert_is_told_to_everybody(served: Served) -> None:
    alert = served.house.raise_alert()
    with served.listening() as listener:
        served.house.client.post(f"/api/v1/alerts/{alert.id}/acknowledge")
        ((event, data),) = eventually(lambda: listener.events)
        assert "alert" == event
        assert '"state":"acknowledged"' in data


def test_a_listener_that_does_not_read_holds_nobody_up(served: Served) -> None:
    request = f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port)) as deaf, served.listening() as listener:
        deaf.sendall(request.encode())
        eventually(lambda: served.house.hub.listeners == 2)
        wide = "x" * 10_000
        for rep in range(3_000):
            served.house.hub.publish("machine", {"gym": "north", "machine": f"press-{rep % 50}", "wide": wide})
        served.house.hub.publish("rep", {"gym": "north", "rep": "last"})
        eventually(lambda: listener.events and listener.events[-1][0] == "rep")
        served.stop()


def test_stopping_the_server_ends_its_streams(served: Served) -> None:
    with served.listening() as one, served.listening() as other:
        served.stop()
        eventually(lambda: one.over and other.over)


def test_a_stream_needs_to_be_signed_in(served: Served) -> None:
    answer = httpx.get(f"http://127.0.0.1:{served.port}/api/v1/stream")
    assert 401 == answer.status_code


def test_a_listener_that_hangs_up_is_forgotten(served: Served) -> None:
    with served.listening():
        assert 1 == served.house.hub.listeners
    eventually(lambda: served.house.hub.listeners == 0)
