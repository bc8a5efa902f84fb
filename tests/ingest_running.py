"""Ingest for tests: in a thread, with stores the test holds, or as a process of its own that can be killed."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from mqtt_brokers import Broker
from sledwatch_ingest.service import IngestConfig, run
from sledwatch_storage.series.port import SeriesStore
from sledwatch_storage.series.sqlite import SqliteSeries
from sledwatch_storage.state import heartbeat
from sledwatch_storage.state.engine import migrate, open_state
from sledwatch_storage.state.schema import ledger
from store_and_forward import Machine, now_us
from waiting import eventually


@contextmanager
def running_ingest(
    url: str, series: SeriesStore, state: Engine, *, until_subscribed: bool = True, **config: Any
) -> Iterator[None]:
    """Ingest in a thread; what ends it is raised at the end of the block."""
    stop = threading.Event()
    begun_us = now_us()

    def subscribed() -> bool:
        beat = heartbeat.beats(state).get("ingest")
        return stop.is_set() or (beat is not None and beat.at_us >= begun_us and beat.detail["subscribed"])

    with ThreadPoolExecutor(1) as threads:
        work = threads.submit(run, IngestConfig(mqtt_url=url, **config), series, state, now_us, stop)
        try:
            if until_subscribed:
                eventually(subscribed)
            yield
        finally:
            stop.set()
            work.result(20)


class Stores:
    """The SQLite stores in a directory."""

    def __init__(self, directory: Path) -> None:
        self.url = f"sqlite:///{directory / 'state.db'}"
        migrate(self.url)
        self.state = open_state(self.url)
        self.series = SqliteSeries(directory / "series.db")

    def seqs(self, gym: str, machine: str, boot: str = "boot-1") -> list[int]:
        """The numbers of the stored frames, in order of time."""
        return [stored.frame.seq for stored in self.series.frames(gym, machine, boot, 0, 2**62)]

    def frames(self) -> int:
        """How many frames of all machines are on record."""
        with self.state.connect() as connection:
            return sum(
                high - low + 1 for (known,) in connection.execute(select(ledger.c.ranges)) for low, high in known
            )

    def beat(self) -> dict[str, Any]:
        """What ingest said of itself last; nothing before its first heartbeat."""
        said = heartbeat.beats(self.state).get("ingest")
        return {} if said is None else said.detail

    def close(self) -> None:
        self.series.close()
        self.state.dispose()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    """Empty stores of its own for each test."""
    opened = Stores(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def machine(broker: Broker) -> Iterator[Machine]:
    """A machine that is connected to the broker, or will be."""
    made = Machine(broker.url)
    yield made
    made.close()


class IngestProcess:
    """`sledwatch ingest` on the stores of a directory."""

    def __init__(self, url: str, directory: Path) -> None:
        self._environment = {**os.environ, "SLEDWATCH_MQTT_URL": url, "SLEDWATCH_DATA": str(directory)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "sledwatch_app", "ingest"]
        self._process = subprocess.Popen(command, env=self._environment)

    def kill(self) -> None:
        """As kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def stop(self) -> int:
        """As a supervisor does; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(10)
