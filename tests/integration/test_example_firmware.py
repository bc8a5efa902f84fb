"""The example of a machine's firmware, as a process of its own, before a real broker and our ingest."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from ingest_running import Stores, running_ingest, stores
from mqtt_brokers import Broker, running_broker
from sledwatch_storage.state.schema import machine as machines
from waiting import eventually

__all__ = ["stores"]

FIRMWARE = Path(__file__).parents[2] / "examples" / "machine_firmware.py"


@pytest.fixture
def broker(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Broker]:
    with running_broker("iotcore", tmp_path, free_port) as running:
        yield running


@contextmanager
def firmware(broker: Broker, directory: Path) -> "Iterator[subprocess.Popen[str]]":
    """The example, with short frames; gone when the block ends."""
    command = [sys.executable, str(FIRMWARE), "--mqtt", broker.url, "--frame-s", "0.1", "--machine", "lp-1"]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def kept(directory: Path) -> set[tuple[str, int]]:
    """Boot and number of what its memory holds."""
    with closing(sqlite3.connect(directory / "machine-memory.db")) as memory:
        return set(memory.execute("SELECT boot, seq FROM kept WHERE kind = 'frame'"))


def boot_of(process: "subprocess.Popen[str]") -> str:
    """What it calls its boot, once it is online."""
    assert process.stdout is not None
    return next(line.split()[2].rstrip(",") for line in process.stdout if line.startswith("online as"))


def test_a_kill_loses_nothing_and_ctrl_c_ends_the_session_when_all_is_stored(
    broker: Broker, stores: Stores, tmp_path: Path
) -> None:
    """Nobody stores anything until it has been killed; it is started again, and ended as by whoever sits before it."""
    with firmware(broker, tmp_path) as process:
        first = boot_of(process)
        eventually(lambda: len(kept(tmp_path)) >= 5)
        process.kill()
        process.wait(10)
    held = sorted(seq for _, seq in kept(tmp_path))
    with running_ingest(broker.url, stores.series, stores.state), firmware(broker, tmp_path) as process:
        second = boot_of(process)
        eventually(lambda: len(stores.seqs("example-gym", "lp-1", second)) >= 3)
        process.send_signal(signal.SIGINT)
        printed = process.communicate(timeout=15)[0].splitlines()
        assert (0, "0 messages are not known to be stored") == (process.returncode, printed[-1])
        eventually(lambda: "offline" == status(stores))
    assert (True, set()) == (first != second, kept(tmp_path))
    assert held == stores.seqs("example-gym", "lp-1", first)
    seqs = stores.seqs("example-gym", "lp-1", second)
    assert list(range(1, len(seqs) + 1)) == seqs
    # The start of both sessions and the end of the second are on record beside their frames.
    assert len(held) + len(seqs) + 3 == stores.recorded()


def status(stores: Stores) -> str | None:
    with stores.state.connect() as connection:
        return connection.execute(select(machines.c.status)).scalar_one()
