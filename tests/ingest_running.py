"""Ingest for tests: in a thread, with stores the test holds, or as a process of its own that can be killed."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from sledwatch_ingest.service import IngestConfig, run
from sledwatch_storage.series.port import SeriesStore
from sledwatch_storage.series.sqlite import SqliteSeries
from sledwatch_storage.state import heartbeat
from sledwatch_storage.state.engine import migrate, open_state
from store_and_forward import now_us
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

    def close(self) -> None:
        self.series.close()
        self.state.dispose()


class IngestProcess:
    """Ingest as an operating system process on the stores of a directory."""

    def __init__(self, url: str, directory: Path) -> None:
        self._command = [sys.executable, __file__, url, str(directory)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)

    def kill(self) -> None:
        """As kill -9 does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> int:
        """As a supervisor does; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(10)


if __name__ == "__main__":
    import signal

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: ended.set())
    stores = Stores(Path(sys.argv[2]))
    run(IngestConfig(mqtt_url=sys.argv[1]), stores.series, stores.state, now_us, ended)
