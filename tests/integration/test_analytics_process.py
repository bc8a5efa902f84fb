"""Analytics whole, on real brokers and stores: what machines publish goes in, words and answers come out."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from closing_house import House, empty_state, house
from machines_online import wire
from mqtt_brokers import Broker
from presses import Session, online
from sledwatch.events import Event
from sledwatch_analytics.service import AnalyticsConfig, PartFailed, PortTaken, run
from sledwatch_storage.state import alerts
from sledwatch_storage.state.heartbeat import beats
from sledwatch_storage.state.limits import put_limit
from waiting import eventually

pytest_plugins = ("mqtt_brokers",)
__all__ = ["empty_state", "house"]

TOKEN = "the-administrators-token"


def now_us() -> int:
    return time.time_ns() // 1000


@dataclass
class Running:
    """A running service. wrong: what it ended with."""

    url: str
    broker_url: str
    stop: threading.Event
    thread: threading.Thread
    wrong: list[Exception]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {TOKEN}"})

    def machine(self) -> dict[str, Any]:
        items = self.get("/api/v1/gyms/north/machines").json().get("items", [])
        return items[0] if items else {}


@contextmanager
def analytics(house: House, broker_url: str, port: int) -> Iterator[Running]:
    stop, wrong = threading.Event(), list[Exception]()
    config = AnalyticsConfig(mqtt_url=broker_url, http_port=port, api_token=TOKEN)

    def work() -> None:
        try:
            run(config, house.series, house.engine, now_us, stop=stop)
        except (PartFailed, PortTaken) as error:
            wrong.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    running = Running(f"http://127.0.0.1:{port}", broker_url, stop, thread, wrong)
    try:
        eventually(
            lambda: "analytics" in beats(house.engine) and beats(house.engine)["analytics"].detail["following"], 90.0
        )
        yield running
    finally:
        stop.set()
        thread.join(10)


@pytest.fixture
def service(house: House, broker: Broker, free_port: Callable[[], int]) -> Iterator[Running]:
    house.now_us = now_us()
    house.machine_says_what_it_is()
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=410.0, set_by="trainer", now_us=house.now_us)
    with analytics(house, broker.url, free_port()) as running:
        yield running


def just_now(session: Session) -> list[Event]:
    """A session whose latest sample was taken just now."""
    session.start_us = now_us() - (session.now_us - session.start_us)
    return session.events(ended=False)


def test_a_deep_set_comes_back_as_limit_cue_and_alert(service: Running, house: House) -> None:
    with wire(service.broker_url) as machine:
        machine.say([Event("north", "press-1", online())])
        machine.say(just_now(Session(start_us=0).rep(420.0).rep(425.0)))

        alert = eventually(lambda: machine.of("alert"))[0]
        assert ("depth.excessive", "m-1", 2) == (alert["rule"], alert["user"], alert["count"])
        assert 410.0 == machine.of("limit")[0]["limit_mm"]
        assert "excessive" in [cue["kind"] for cue in eventually(lambda: machine.of("cue"))]
        assert 420.0 == pytest.approx(eventually(lambda: machine.of("rep"))[0]["depth_mm"], abs=2.0)
        assert "in_use" == eventually(service.machine)["state"]
    eventually(lambda: [alert["id"]] == [stored.id for stored in alerts.list_alerts(house.engine)])


def test_the_limit_waits_at_the_broker_for_a_machine_that_was_away(service: Running) -> None:
    with wire(service.broker_url) as machine:
        machine.say(just_now(Session(start_us=0)))
        eventually(lambda: machine.of("limit"))
    with wire(service.broker_url, "sledwatch/v1/+/+/limit") as again:
        eventually(lambda: again.heard)
        assert [True] == [retained for _, _, retained in again.heard]


def test_garbage_on_the_wire_stops_nothing(service: Running) -> None:
    with wire(service.broker_url, "sledwatch/v1/+/+/limit") as machine:
        for garbage in (b"", b"{", b"\xff", b'{"v":1}', b"[" * 10_000):
            machine.say_bytes("sledwatch/v1/north/press-1/frame", garbage)
            machine.say_bytes("sledwatch/v1/north/press-1/session", garbage)
        machine.say_bytes("sledwatch/v1/a/b/c/d", b"x")
        machine.say(just_now(Session(start_us=0)))

        eventually(lambda: machine.of("limit"))
    assert 200 == service.get("/livez").status_code


def test_a_broker_that_restarts_gets_the_limits_again(service: Running, broker: Broker) -> None:
    with wire(service.broker_url) as machine:
        machine.say(just_now(Session(start_us=0)))
        eventually(lambda: machine.of("limit"))
    broker.kill()
    broker.start()

    with wire(service.broker_url, "sledwatch/v1/+/+/limit") as again:
        eventually(lambda: again.of("limit"), timeout_s=30.0)


def test_a_closed_session_is_told_through_the_outbox(service: Running, house: House) -> None:
    session = Session(start_us=0).set_of([420.0, 425.0])
    session.start_us = now_us() - 3_600_000_000
    with wire(service.broker_url, "sledwatch/v1/+/alert") as listener:
        house.arrive(session.events(), now_us())

        (alert,) = eventually(lambda: listener.of("alert"))
        assert ("depth.excessive", 2, 1) == (alert["rule"], alert["count"], alert["v"])
    closed = service.get("/api/v1/sessions/s-1").json()
    assert ("closed", 2) == (closed["state"], closed["reps"])


def test_it_ends_at_once_even_with_open_streams(service: Running) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.stream("GET", f"{service.url}/api/v1/stream", headers=headers) as stream:
        next(stream.iter_lines())
        began = time.monotonic()
        service.stop.set()
        service.thread.join(10)

    assert not service.thread.is_alive()
    assert time.monotonic() - began < 2.5
    assert [] == service.wrong


def test_a_taken_port_is_told_in_one_line(house: House, free_port: Callable[[], int]) -> None:
    port = free_port()
    with analytics_listening(port), pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1"):
        run(
            AnalyticsConfig(mqtt_url="mqtt://127.0.0.1:1", http_port=port, api_token=TOKEN),
            house.series,
            house.engine,
            now_us,
            stop=threading.Event(),
        )


@contextmanager
def analytics_listening(port: int) -> Iterator[None]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        yield


def test_a_part_that_breaks_ends_the_process_loudly(house: House, free_port: Callable[[], int]) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("a bug")

    house.machine_says_what_it_is()
    house.arrive(just_now(Session(start_us=0)), now_us())
    with pytest.raises(PartFailed):
        run(
            AnalyticsConfig(mqtt_url="mqtt://127.0.0.1:1", http_port=free_port(), api_token=TOKEN),
            Broken(),  # type: ignore[arg-type]
            house.engine,
            now_us,
            stop=threading.Event(),
        )
