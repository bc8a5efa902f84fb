"""The sender: takes letters from the outbox and publishes them, each until the broker has confirmed it."""

import threading
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Engine

from sledwatch.events import TopicKind, topic
from sledwatch_analytics.delivery.letters import MQTT
from sledwatch_storage.state import outbox
from sledwatch_storage.state.engine import StateUnavailable

# Letters are announced; this finds those of a process that ended before it sent them, or that a broker did not take.
LOOK_S: Final = 2.0
CONFIRMED_WITHIN_S: Final = 5.0

log = structlog.get_logger()


class Publishes(Protocol):
    """Something that hands a message to a broker."""

    def publish_confirmed(self, topic_text: str, payload: bytes, timeout_s: float) -> bool:
        """Publish with QoS 1; whether the broker confirmed it in time."""


class Sender:
    """Publishes closed alerts on `{gym}/alert`, at least once: receivers know a repeat by its id and severity."""

    def __init__(
        self, engine: Engine, link: Publishes, clock: Callable[[], int], registry: CollectorRegistry | None = None
    ) -> None:
        """registry: where figures for Prometheus go."""
        self._letters = Counter(
            "sledwatch_letters",
            "Letters about alerts, by channel and outcome",
            ["channel", "outcome"],
            registry=registry or CollectorRegistry(),
        )
        self._engine = engine
        self._link = link
        self._clock = clock
        self._news = threading.Event()

    def told(self) -> None:
        """There are new letters. Thread-safe."""
        self._news.set()

    def run(self, stop: threading.Event) -> None:
        """Send letters until `stop` is set and this was woken, or a look later."""
        while not stop.is_set():
            self._news.clear()
            try:
                all_sent = self.send_waiting()
            except StateUnavailable as error:
                log.warning("delivery.store_away", reason=str(error))
                all_sent = False
            if all_sent:
                self._news.wait(LOOK_S)
            else:
                stop.wait(LOOK_S)

    def send_waiting(self) -> bool:
        """Send what waits, oldest first; whether nothing is left. A broker that is away ends the round."""
        while letters := outbox.waiting(self._engine, MQTT):
            for letter in letters:
                where = topic(letter.payload["gym"], None, TopicKind.ALERT)
                body = msgspec.json.encode(letter.payload)
                confirmed = self._link.publish_confirmed(where, body, CONFIRMED_WITHIN_S)
                outbox.tried(self._engine, letter, sent_us=self._clock() if confirmed else None)
                self._letters.labels(MQTT, "sent" if confirmed else "failed").inc()
                if not confirmed:
                    return False
        return True
