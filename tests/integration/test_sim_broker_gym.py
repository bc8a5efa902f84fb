"""Virtual machines on a real broker, with our own ingest behind it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest_running import Stores, running_ingest, stores
from mqtt_brokers import running_broker
from store_and_forward import now_us

__all__ = ["stores"]


@pytest.fixture
def virtual_start_us() -> int:
    """An hour ago: ingest refuses what is long past."""
    return now_us() - 3_600_000_000


def test_a_set_of_virtual_time_is_stored_by_a_real_ingest_and_its_machine_is_told(
    press, broker_gym, virtual_clock, stores: Stores, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    with (
        running_broker("iotcore", tmp_path, free_port) as broker,
        running_ingest(broker.url, stores.series, stores.state),
    ):
        gym = broker_gym(broker.url)
        machine = press("g", "lp-1", stores=False)
        machine.badge_in("m-1")
        machine.do_set(3)
        gym.settle()
        # It is told of what it said before the cable was pulled, and of the rest when it is back.
        gym.until(lambda: machine.unstored < 5)
        machine.unplug()
        machine.do_set(2)
        machine.plug_in()
        virtual_clock.advance(1.0)
        machine.badge_out()
        gym.until(lambda: machine.unstored == 0)
        numbers = [message.body["seq"] for message in machine.messages if message.kind == "frame"]
        assert sorted(set(numbers)) == stores.seqs("g", "lp-1", machine.boot)


def test_a_broker_that_is_not_there_is_said(broker_gym, free_port: Callable[[], int]) -> None:
    with pytest.raises(OSError, match="refused"):
        broker_gym(f"mqtt://127.0.0.1:{free_port()}")
