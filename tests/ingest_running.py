"""Ingest for tests: in a thread, with stores the test holds, or as a process of its own that can be killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from sqlalchemy import Engine, select

from mqtt_brokers import Broker
from sledwatch.events import Frame
from sledwatch_ingest.pulse import part_of
from sledwatch_ingest.service import IngestConfig, run
from sledwatch_storage.series.port import SeriesStore
from sledwatch_storage.series.sqlite import SqliteSeries
from sledwatch_storage.state import heartbeat
from sledwatch_storage.state.engine import migrate, open_state
from sledwatch_storage.state.schema import ledger
from store_and_forward import Machine, now_us
from waiting import eventually

if TYPE_CHECKING:
    # At run time pytest loads it, as a plugin of the tests.
    from influx_server import InfluxServer


@contextmanager
def running_ingest(
    url: str, series: SeriesStore, state: Engine, *, until_subscribed: bool = True, **config: Any
) -> Iterator[None]:
    """Ingest in a thread; what ends it is raised at the end of the block."""
    stop = threading.Event()
    begun_us = now_us()
    settings = IngestConfig(mqtt_url=url, **config)
    part = part_of(settings.client_id, settings.group)

    def subscribed() -> bool:
        beat = heartbeat.beats(state).get(part)
        return stop.is_set() or (beat is not None and beat.at_us >= begun_us and beat.detail["subscribed"])

    with ThreadPoolExecutor(1) as threads:
        work = threads.submit(run, settings, series, state, now_us, stop)
        try:
            if until_subscribed:
                eventually(subscribed)
            yield
        finally:
            stop.set()
            work.result(20)


class Stores:
    """The stores in a directory: the state DB in SQLite, and the series too.

    environment: what tells a process of their whereabouts.
    """

    def __init__(self, directory: Path) -> None:
        self.url = f"sqlite:///{directory / 'state.db'}"
        self.environment = {"SLEDWATCH_DATA": str(directory)}
        self.state_path = directory / "state.db"
        self._series_path = directory / "series.db"
        migrate(self.url)
        self.state = open_state(self.url)
        self.series: SeriesStore = self._open_series()

    def seqs(self, gym: str, machine: str, boot: str = "boot-1") -> list[int]:
        """The numbers of the stored frames, in order of time."""
        return [stored.frame.seq for stored in self.series.frames(gym, machine, boot, 0, 2**62)]

    def counts(self) -> tuple[int, int]:
        """How many frames and samples there are, whoever sent them, as the series store itself counts them."""
        with closing(sqlite3.connect(self._series_path)) as connection:
            boots = connection.execute("SELECT gym, machine, boot FROM boot").fetchall()
            (frames,) = connection.execute("SELECT count(*) FROM frame").fetchone()
        stored = [one.frame for boot in boots for one in self.series.frames(*boot, 0, 2**62)]
        return frames, usable(stored)

    def recorded(self) -> int:
        """How many messages of all machines are on record in the ledger."""
        with self.state.connect() as connection:
            return sum(
                high - low + 1 for (known,) in connection.execute(select(ledger.c.ranges)) for low, high in known
            )

    def beat(self, part: str = "ingest") -> dict[str, Any]:
        """What ingest, or a replica of it, said of itself last; nothing before its first heartbeat."""
        said = heartbeat.beats(self.state).get(part)
        return {} if said is None else said.detail

    def close(self) -> None:
        self.series.close()
        self.state.dispose()

    def _open_series(self) -> SeriesStore:
        return SqliteSeries(self._series_path)


class InfluxStores(Stores):
    """The series in an empty bucket of a real InfluxDB, the state DB in SQLite.

    retention_s: how long the bucket keeps what it has, from an hour on; none: for ever.
    """

    def __init__(self, directory: Path, server: "InfluxServer", retention_s: int | None = None) -> None:
        self.server = server
        self.bucket = server.new_bucket(retention_s)
        super().__init__(directory)
        self.environment |= {
            "SLEDWATCH_INFLUXDB_URL": server.url,
            "SLEDWATCH_INFLUXDB_TOKEN": server.token,
            "SLEDWATCH_INFLUXDB_ORG": server.org,
            "SLEDWATCH_INFLUXDB_BUCKET": self.bucket,
        }

    def counts(self) -> tuple[int, int]:
        """As above: points, of which there would be more than samples were a frame stored at two times."""
        return self._points("frame", "seq"), self._points("sample", "depth_mm")

    def write(self, lines: str) -> None:
        """Write points of another kind than ours: line protocol, times in µs."""
        place = urllib.parse.urlencode({"org": self.server.org, "bucket": self.bucket, "precision": "us"})
        self._answer(urllib.request.Request(f"{self.server.url}/api/v2/write?{place}", lines.encode()))

    def _points(self, measurement: str, field: str) -> int:
        query = urllib.parse.urlencode({"db": self.bucket, "q": f'SELECT count("{field}") FROM "{measurement}"'})
        answer = msgspec.json.decode(self._answer(urllib.request.Request(f"{self.server.url}/query?{query}")))
        (result,) = answer["results"]
        return sum(int(series["values"][0][1]) for series in result.get("series", []))

    def _answer(self, request: urllib.request.Request) -> bytes:
        request.add_header("Authorization", f"Token {self.server.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            body: bytes = answer.read()
        return body

    def _open_series(self) -> SeriesStore:
        return self.server.series(self.bucket)


def usable(frames: Iterable[Frame]) -> int:
    """How many of their samples have a value."""
    return sum(len(frame.depth_mm) - frame.depth_mm.count(None) for frame in frames)


def assert_stored_once(stores: Stores, machines: Iterable[Machine]) -> None:
    """What these machines sent is what is stored: all of it, nothing else, nothing twice."""
    sent: dict[tuple[str, str, str], list[Frame]] = {}
    for machine in machines:
        for frame in machine.frames:
            sent.setdefault((machine.gym, machine.name, frame.boot), []).append(frame)
    for boot, frames in sent.items():
        assert frames == [kept.frame for kept in stores.series.frames(*boot, 0, 2**62)]
    everything = [frame for frames in sent.values() for frame in frames]
    assert (len(everything), usable(everything)) == stores.counts()


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
    """`sledwatch ingest` on some stores.

    settings: further ones, as SLEDWATCH_… names them; metrics_port: where it tells its metrics.
    """

    def __init__(self, url: str, stores: Stores, *, metrics_port: int | None = None, **settings: str) -> None:
        self._environment = {**os.environ, **stores.environment, "SLEDWATCH_MQTT_URL": url, **settings}
        if metrics_port is not None:
            self._environment["SLEDWATCH_METRICS_PORT"] = str(metrics_port)
        self._metrics_port = metrics_port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

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

    def interrupt(self) -> None:
        """As Ctrl-C does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)

    def metric(self, name: str) -> float:
        """One of its metrics, `sledwatch_ingest_` left out; 0 while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0.0
        return sum(float(line.split()[1]) for line in lines if line.startswith(f"sledwatch_ingest_{name} "))
