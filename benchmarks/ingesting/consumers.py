"""Who takes frames from the broker in the benchmark of ingest, and what their stores and the broker know afterwards.

Each consumer is a context manager that yields its process id.
"""

import json
import multiprocessing
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingesting.servers import GaveUp, connections_to, cpu_s, program, wait_until
from sledwatch_app import logs
from sledwatch_ingest.service import IngestConfig, have_the_process, run
from sledwatch_storage.series.port import StoredFrame
from sledwatch_storage.state.engine import migrate, open_state

_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Session:
    """Under which name a consumer is known to the broker, and what it subscribes to."""

    client_id: str
    topics: tuple[str, ...]
    protocol: MQTTProtocolVersion

    def remember(self, port: int) -> None:
        """Have the broker keep from now on what is published, though the consumer is not there."""
        client = self._client(port)
        subscribed = threading.Event()

        def subscribe(*_: object) -> None:
            client.subscribe([(topic, 1) for topic in self.topics])

        client.on_connect = subscribe
        client.on_subscribe = lambda *_: subscribed.set()
        client.loop_start()
        done = subscribed.wait(_PATIENCE_S)
        client.disconnect()
        client.loop_stop()
        if not done:
            raise GaveUp("the broker accepts no subscription")

    def left_behind(self, port: int) -> int:
        """How many messages the broker still has for it, because it never acknowledged them. They are gone then."""
        client = self._client(port)
        found: list[str] = []

        def count(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
            if not message.retain:
                found.append(message.topic)

        client.on_message = count
        client.loop_start()
        time.sleep(0.5)
        client.disconnect()
        client.loop_stop()
        return len(found)

    def _client(self, port: int) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            protocol=self.protocol,
            clean_session=None if self.protocol is MQTTProtocolVersion.MQTTv5 else False,
        )
        if self.protocol is MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 3_600
            client.connect_async("127.0.0.1", port, clean_start=False, properties=properties)
        else:
            client.connect_async("127.0.0.1", port)
        return client


INGEST: Final = Session(
    "bench-ingest",
    ("sledwatch/v1/+/+/state", "sledwatch/v1/+/+/session", "sledwatch/v1/+/+/frame"),
    MQTTProtocolVersion.MQTTv5,
)


@contextmanager
def sledwatch_ingest(directory: Path, mqtt_url: str, influx: dict[str, str] | None = None) -> Iterator[int]:
    """`sledwatch ingest` with its state DB in a directory, and its series too where `influx` sets no other place."""
    migrate(f"sqlite:///{directory / 'state.db'}")
    settings = {
        "SLEDWATCH_MQTT_URL": mqtt_url,
        "SLEDWATCH_DATA": str(directory),
        "SLEDWATCH_INGEST_CLIENT_ID": INGEST.client_id,
        "SLEDWATCH_LOG_LEVEL": "warning",
    }
    with program([sys.executable, "-m", "sledwatch_app", "ingest"], directory, settings | (influx or {})) as process:
        yield process.pid


@contextmanager
def null_ingest(directory: Path, mqtt_url: str) -> Iterator[int]:
    """The same parts wired to a series store that keeps nothing, in a process of their own."""
    state_url = f"sqlite:///{directory / 'state.db'}"
    migrate(state_url)
    process = multiprocessing.get_context("spawn").Process(target=_run_null_ingest, args=(mqtt_url, state_url))
    process.start()
    assert process.pid is not None
    try:
        yield process.pid
    finally:
        process.terminate()
        process.join(10)
        process.kill()
        process.join()


@contextmanager
def telegraf(path: str, configuration: Path) -> Iterator[int]:
    """Telegraf as it is configured. How it collects garbage may be set where the benchmark is run: GOGC."""
    environment = {name: value for name, value in os.environ.items() if name == "GOGC"}
    with program([path, "--config", configuration], configuration.parent, environment) as process:
        yield process.pid


def wait_for(pid: int, port: int) -> None:
    """Wait until a consumer has connected to a broker that is halted, and is at rest."""
    wait_until(lambda: connections_to(port) > 0, "the consumer connects", _PATIENCE_S, pid=pid)
    seen = [cpu_s(pid)]

    def resting() -> bool:
        seen.append(cpu_s(pid))
        return len(seen) > 5 and seen[-1] - seen[-5] <= 0.02

    wait_until(resting, "the consumer comes to rest", _PATIENCE_S, pid=pid, every_s=0.1)


class Ledger:
    """What ingest has recorded in the state DB of a directory, looked at from outside. Use it in one thread."""

    def __init__(self, directory: Path) -> None:
        self._connection = sqlite3.connect(f"file:{directory / 'state.db'}?mode=ro", uri=True, timeout=10)
        self._version = -1

    def wait_for(self, numbers: int, pid: int, timeout_s: float = 60.0) -> None:
        """Wait until so many numbers are on record, by the ingest of that process. Raises GaveUp."""
        wait_until(lambda: self.numbers() >= numbers, f"{numbers} numbers are in the ledger", timeout_s, pid=pid)

    def wait_for_subscription(self, pid: int) -> None:
        """Wait until ingest has said that it is subscribed. Raises GaveUp."""
        wait_until(lambda: bool(self.said().get("subscribed")), "ingest is subscribed", _PATIENCE_S, pid=pid)

    def tops(self) -> dict[str, int]:
        """The highest number of each machine. Ingest records in order of arrival: all below are there too."""
        rows = self._connection.execute("SELECT machine, ranges FROM ledger").fetchall()
        return {machine: max((high for _, high in json.loads(ranges)), default=-1) for machine, ranges in rows}

    def numbers(self) -> int:
        """How many numbers of all machines are on record."""
        rows = self._connection.execute("SELECT ranges FROM ledger").fetchall()
        return sum(high - low + 1 for (ranges,) in rows for low, high in json.loads(ranges))

    def changed(self) -> bool:
        """Whether anything was committed since the last look; much cheaper than looking."""
        (now,) = self._connection.execute("PRAGMA data_version").fetchone()
        before, self._version = self._version, now
        return bool(before != now)

    def said(self) -> dict[str, Any]:
        """What ingest says of itself in its last heartbeat."""
        row = self._connection.execute("SELECT detail FROM heartbeat WHERE part = 'ingest'").fetchone()
        said: dict[str, Any] = json.loads(row[0]) if row else {}
        return said

    def close(self) -> None:
        self._connection.close()


class _NullSeries:
    """A series store that keeps nothing."""

    writers = 1

    def append(self, frames: Sequence[StoredFrame]) -> None:
        """They are gone."""

    def frames(self, *_: object) -> list[StoredFrame]:
        return []

    def heartbeat(self, now_us: int) -> None:
        """It is always well."""

    def erase(self, *_: object) -> None:
        """There is nothing."""

    def close(self) -> None:
        """Nothing is held."""


def _run_null_ingest(mqtt_url: str, state_url: str) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # Ctrl-C is for whoever started us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logs.configure("ingest", "warning", "console")
    state = open_state(state_url)
    have_the_process()
    run(
        IngestConfig(mqtt_url=mqtt_url, client_id=INGEST.client_id),
        _NullSeries(),
        state,
        lambda: time.time_ns() // 1_000,
        stop,
    )
