"""Real brokers for tests: iotcore as `sledwatch up` runs it, and Mosquitto.

A test that takes the fixture `broker` runs on both.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from shipped_mosquitto import ShippedMosquitto
from sledwatch_app.broker import EmbeddedBroker, wait_ready

_MOSQUITTO_CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
user root
persistence false
max_queued_messages 0
"""


class Broker(Protocol):
    """A broker on a port of its own that can be stopped, killed and started again."""

    @property
    def url(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class Mosquitto:
    """Mosquitto with its own limits but for the queue, in memory only: the harder case."""

    def __init__(self, directory: Path, port: int) -> None:
        self._port = port
        self._config = directory / "mosquitto.conf"
        self._config.write_text(_MOSQUITTO_CONFIG.format(port=port), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._port}"

    def start(self) -> None:
        program = shutil.which("mosquitto")
        assert program is not None
        self._process = subprocess.Popen([program, "-c", self._config], stderr=subprocess.DEVNULL)
        wait_ready("127.0.0.1", self._port, 15.0, while_running=self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None


_KINDS: dict[str, Callable[[Path, Callable[[], int]], Broker]] = {
    "iotcore": lambda directory, free_port: EmbeddedBroker(directory, free_port()),
    "mosquitto": lambda directory, free_port: Mosquitto(directory, free_port()),
    "shipped": lambda directory, free_port: ShippedMosquitto(directory, free_port(), free_port()),
}


def url_for_ingest(broker: Broker) -> str:
    """Where ingest connects; a broker that asks for names knows it by its own."""
    return broker.url_of("ingest") if isinstance(broker, ShippedMosquitto) else broker.url


@contextmanager
def running_broker(kind: str, directory: Path, free_port: Callable[[], int]) -> Iterator[Broker]:
    """A broker of a kind, running; what it writes goes to the directory.

    iotcore and mosquitto hold all in memory; shipped is Mosquitto with the files of deploy/mosquitto.
    """
    running = _KINDS[kind](directory, free_port)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(params=["iotcore", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))])
def broker(request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Broker]:
    """A running broker of each kind."""
    with running_broker(request.param, tmp_path, free_port) as running:
        yield running
