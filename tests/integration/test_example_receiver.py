"""The example of a receiver of alerts, as a process of its own, fed by our delivery through a real broker."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from api_house import an_alert
from http_stand_in import Answer, answering
from ingest_running import Stores, stores
from mqtt_brokers import running_broker
from sledwatch.events import Alert, TopicKind, encode, topic
from sledwatch_analytics.delivery import Sender
from sledwatch_analytics.delivery.letters import tell, tell_withdrawn
from sledwatch_analytics.live import Link
from sledwatch_storage.state.engine import begin
from store_and_forward import now_us
from waiting import eventually

__all__ = ["stores"]

RECEIVER = Path(__file__).parents[2] / "examples" / "alert_receiver.py"


class Delivery:
    """Our outbox and its sender."""

    def __init__(self, stores: Stores, url: str) -> None:
        self._stores = stores
        self._stop = threading.Event()
        self._link = Link(url, "delivery")
        self._thread = threading.Thread(target=self._link.run, args=(self._stop, lambda *_: None))
        self._thread.start()
        self._sender = Sender(stores.state, self._link, now_us)
        eventually(lambda: self._link.following)

    def tell(self, *alerts: Alert, by: Callable[..., None] = tell) -> None:
        for alert in alerts:
            with begin(self._stores.state) as connection:
                by(connection, alert, now_us())
        assert self._sender.send_waiting()

    def repeat(self, alert: Alert) -> None:
        """Once more what was sent, as after a confirmation that was lost."""
        self._link.publish_confirmed(topic(alert.gym, None, TopicKind.ALERT), encode(alert), 5.0)

    def close(self) -> None:
        self._stop.set()
        self._link.close()
        self._thread.join(10)


@pytest.fixture
def url(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[str]:
    with running_broker("iotcore", tmp_path, free_port) as broker:
        yield broker.url


@pytest.fixture
def delivery(stores: Stores, url: str) -> Iterator[Delivery]:
    opened = Delivery(stores, url)
    yield opened
    opened.close()


@contextmanager
def receiver(url: str, directory: Path, hook: str) -> "Iterator[subprocess.Popen[str]]":
    """The example, once it listens; it is ended as by a supervisor."""
    command = [sys.executable, str(RECEIVER), "--mqtt", url, "--post", hook, "--again-s", "0.1"]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "listening\n" == process.stdout.readline()
            yield process
            process.terminate()
            assert 0 == process.wait(10)
        finally:
            process.kill()


def test_each_alert_is_told_once_though_it_comes_again_and_the_hook_fails(
    delivery: Delivery, url: str, tmp_path: Path
) -> None:
    first, second = an_alert(severity="warn"), an_alert(id="2" * 32)
    worse = replace(first, severity="alert")
    failing = [Answer(503), Answer(200)]
    with answering(lambda _body: failing.pop(0) if len(failing) > 1 else failing[0]) as hook:

        def posted() -> list[tuple[str, str, str]]:
            bodies = [json.loads(body) for body in list(hook.bodies)]
            return [(body["id"], body["severity"], body["state"]) for body in bodies]

        told = [(first.id, "warn", "open")] * 2
        with receiver(url, tmp_path, hook.url):
            delivery.tell(first)
            delivery.repeat(first)
            eventually(lambda: told == posted())
            delivery.tell(worse)
            told.append((first.id, "alert", "open"))
            eventually(lambda: told == posted())
        # While it is away, the broker keeps what comes; what it has told it still knows when it is back.
        delivery.repeat(worse)
        delivery.tell(second)
        delivery.tell(replace(second, state="resolved"), by=tell_withdrawn)
        told += [(second.id, "alert", "open"), (second.id, "alert", "resolved")]
        with receiver(url, tmp_path, hook.url):
            eventually(lambda: told == posted())
