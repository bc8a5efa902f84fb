"""The disk is full: nothing is acknowledged until there is room again, and then all goes on by itself."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from ingest_running import IngestProcess, Stores, assert_stored_once
from mqtt_brokers import Broker, url_for_ingest
from store_and_forward import Machine
from waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux limits a running process, and mounts a tmpfs")

Fill = Callable[[IngestProcess], AbstractContextManager[None]]


@pytest.fixture(params=["limit", "tmpfs"])
def full(request: pytest.FixtureRequest, data: Path) -> Iterator[Fill]:
    """What fills the disk for the length of a block.

    limit: the process may make no file larger than it is. tmpfs: a file system without room, which only root can mount.
    """
    if request.param == "limit":
        yield file_size_limited
        return
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", data], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted: {mounted.stderr.decode().strip()}")
    yield lambda _ingest: no_room(data)
    subprocess.run(["umount", data], check=True)


@contextmanager
def file_size_limited(ingest: IngestProcess) -> Iterator[None]:
    _, hard = resource.prlimit(ingest.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(ingest.pid, resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.prlimit(ingest.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def no_room(directory: Path) -> Iterator[None]:
    ballast = directory / "ballast"
    with ballast.open("wb") as file:
        free = os.statvfs(directory)
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_bsize)
        yield
    ballast.unlink()


def test_a_full_disk_is_sat_out(
    full: Fill, broker: Broker, data: Path, new_stores: Callable[[], Stores], free_port: Callable[[], int]
) -> None:
    stores = new_stores()
    ingest = IngestProcess(url_for_ingest(broker), stores, metrics_port=free_port())
    machine = Machine(broker.url, again_s=3600.0)
    try:
        ingest.start()
        eventually(lambda: stores.beat().get("subscribed"))
        machine.press(20)
        eventually(lambda: not machine.unstored)
        with full(ingest):
            machine.press(100)
            eventually(lambda: ingest.metric("store_available") == 0.0 and ingest.metric("store_failures_total") > 2)
            assert 100 == len(machine.unstored)
            assert ingest.running
        eventually(lambda: not machine.unstored)
        eventually(lambda: stores.beat()["store"])
        assert_stored_once(stores, [machine])
    finally:
        machine.close()
        ingest.kill()
        # Before the file system goes.
        stores.close()
