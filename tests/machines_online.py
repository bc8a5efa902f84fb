"""A machine on a real broker, as its firmware would speak: frames at their time, or as fast as they go."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from sledwatch.events import Event, Frame, Offline, Online, TopicKind, encode, topic


class Wire:
    """A connection to a broker that publishes events and remembers what it hears."""

    def __init__(self, url: str, listens_to: str) -> None:
        self.heard: list[tuple[str, dict[str, Any], bool]] = []
        self._subscribed = threading.Event()
        self._filter = listens_to
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(self._filter, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear
        parts = urlsplit(url)
        self._client.connect(parts.hostname or "", parts.port or 1883, clean_start=True)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def say(self, events: Sequence[Event]) -> None:
        """Publish, QoS 1, states and session events retained; returns when the broker has confirmed all."""
        sent = [self.put(event) for event in events]
        for one in sent:
            one.wait_for_publish(10)

    def put(self, event: Event) -> Any:
        """Publish one event and do not wait."""
        payload = event.payload
        kind = TopicKind.SESSION
        if isinstance(payload, Frame):
            kind = TopicKind.FRAME
        elif isinstance(payload, Online | Offline):
            kind = TopicKind.STATE
        where = topic(event.gym, event.machine, kind)
        return self._client.publish(where, encode(payload), qos=1, retain=kind is not TopicKind.FRAME)

    def say_bytes(self, where: str, payload: bytes) -> None:
        """Publish anything."""
        self._client.publish(where, payload, qos=1).wait_for_publish(10)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What was heard of a kind."""
        return [payload for where, payload, _ in list(self.heard) if where.endswith("/" + kind)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.heard.append((message.topic, msgspec.json.decode(message.payload), message.retain))


@contextmanager
def wire(url: str, listens_to: str = "sledwatch/v1/#") -> Iterator[Wire]:
    """Such a connection for as long as the block lasts."""
    connection = Wire(url, listens_to)
    try:
        yield connection
    finally:
        connection.close()
