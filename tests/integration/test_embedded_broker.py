"""The broker that comes along with `sledwatch up`."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sledwatch_app.broker import LOOPBACK, BrokerNotReady, BrokerPortTaken, EmbeddedBroker, require_free, wait_ready
from waiting import eventually


def test_it_answers_mqtt_5_on_loopback_once_started(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    with EmbeddedBroker(tmp_path, port):
        wait_ready(LOOPBACK, port, timeout_s=1.0)
    require_free(port)


def test_a_taken_port_is_named_and_so_is_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BrokerPortTaken, match=rf"port {port} .* --mqtt-port"):
            EmbeddedBroker(tmp_path, port).start()


def test_something_that_is_no_broker_is_never_ready() -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        with pytest.raises(BrokerNotReady, match="no MQTT 5 broker"):
            wait_ready(LOOPBACK, other.getsockname()[1], timeout_s=0.1)


def test_it_starts_again_at_once_on_the_port_it_had(tmp_path: Path, free_port: Callable[[], int]) -> None:
    broker = EmbeddedBroker(tmp_path, free_port())
    broker.start()
    broker.kill()
    broker.start()
    broker.stop()


def test_it_goes_when_whoever_started_it_is_killed(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    starter = f"""
import time
from pathlib import Path
from sledwatch_app.broker import EmbeddedBroker
broker = EmbeddedBroker(Path({str(tmp_path)!r}), {port})
broker.start()
print(broker.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not is_running(pid))
    require_free(port)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody has waited for yet is over all the same.
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
