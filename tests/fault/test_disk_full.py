"""The disk is full: nothing is acknowledged until there is room again, and then all goes on by itself."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from deployments import EVERY_PAIR, ONE_COMMAND
from fault_scale import either
from ingest_running import IngestProcess, Stores, assert_stored_once
from mqtt_brokers import Broker, url_for_ingest
from store_and_forward import Machine
from waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux limits a running process, and mounts a tmpfs")


@pytest.fixture
def small_disk(data: Path) -> Iterator[Path]:
    """A file system of its own for the stores, which only root can mount."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", data], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted: {mounted.stderr.decode().strip()}")
    yield data
    subprocess.run(["umount", data], check=True)


@pytest.fixture
def machine(broker: Broker) -> Iterator[Machine]:
    made = Machine(broker.url, again_s=3600.0)
    yield made
    made.close()


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """No block is left on the disk."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        left = os.statvfs(disk)
        os.posix_fallocate(file.fileno(), 0, left.f_bavail * left.f_bsize)
        yield
    ballast.unlink()


@contextmanager
def limited(ingest: IngestProcess) -> Iterator[None]:
    """The process can make no file larger than a page."""
    _, hard = resource.prlimit(ingest.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(ingest.pid, resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.prlimit(ingest.pid, resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.parametrize("kinds", either([ONE_COMMAND], EVERY_PAIR), indirect=True)
def test_files_that_can_grow_no_more_are_sat_out(
    broker: Broker, new_stores: Callable[[], Stores], machine: Machine, free_port: Callable[[], int]
) -> None:
    stores = new_stores()
    sit_out(limited, stores, machine, IngestProcess(url_for_ingest(broker), stores, metrics_port=free_port()))


def test_a_disk_without_room_is_sat_out(
    broker: Broker,
    small_disk: Path,
    new_stores: Callable[[], Stores],
    machine: Machine,
    free_port: Callable[[], int],
) -> None:
    stores = new_stores()
    ingest = IngestProcess(url_for_ingest(broker), stores, metrics_port=free_port())
    sit_out(lambda _: filled(small_disk), stores, machine, ingest)


def sit_out(
    full: Callable[[IngestProcess], AbstractContextManager[None]],
    stores: Stores,
    machine: Machine,
    ingest: IngestProcess,
) -> None:
    try:
        ingest.start()
        eventually(lambda: stores.beat().get("subscribed"))
        machine.press(20)
        eventually(lambda: stores.recorded() == 20)
        with full(ingest):
            machine.press(100)
            eventually(lambda: ingest.metric("store_available") == 0.0 and ingest.metric("store_failures_total") > 2)
            assert 20 == stores.recorded()
            assert ingest.running
        eventually(lambda: not machine.unstored)
        eventually(lambda: stores.beat()["store"])
        assert_stored_once(stores, [machine])
    finally:
        ingest.kill()
        # Before the file system goes.
        stores.close()
