"""Virtual machines on a real broker: what they say is published there, and what is answered there comes back."""

import queue
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from sledwatch import events
from sledwatch.address import BrokerAddress
from sledwatch_sim.testing.broker import Message, VirtualBroker

_CONNECT_S: Final = 10.0
_POLL_S: Final = 0.02
_SAID: Final = ("state", "session", "frame")
_ANSWERED: Final = ("stored", "limit", "cue")


class BrokerGym:
    """Hands everything that virtual machines say to a real MQTT broker, and what is said to them there to them.

    Time remains virtual: a set of a minute is published at once, and is for ingest what a backlog is.
    What the broker answers is heard by the machines while `settle` or `until` waits, in the thread that calls them.
    """

    def __init__(self, broker: VirtualBroker, url: str, ca: Path | None = None) -> None:
        """url: mqtt://[USER:PASSWORD@]HOST[:PORT], or mqtts:// and the file of its CA. Raises ValueError for another
        one, OSError where nobody answers there."""
        address = BrokerAddress.parse(url, ca)
        self._virtual = broker
        self._under_way: list[MQTTMessageInfo] = []
        self._heard: queue.SimpleQueue[tuple[str, bytes, bool]] = queue.SimpleQueue()
        self._subscribed = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"virtual-machines-{secrets.token_hex(8)}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        address.prepare(self._client)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect(address.host, address.port, clean_start=True)
        self._client.loop_start()
        if not self._subscribed.wait(_CONNECT_S):
            self._client.loop_stop()
            raise ConnectionError(f"{address} did not let us in within {_CONNECT_S:g} s")
        self._leave = broker.subscribe(self._publish)

    def settle(self, timeout_s: float = 30.0) -> None:
        """Wait until the broker has confirmed all that was said so far. Raises TimeoutError."""
        self.until(lambda: all(one.is_published() for one in self._under_way), timeout_s)
        self._under_way.clear()

    def until(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait in real time, handing machines what comes for them. Virtual time stands still. Raises TimeoutError."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            self._hear()
            if condition():
                return
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"still not so after {timeout_s:g} s")
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Leave the broker."""
        self._leave()
        self._client.disconnect()
        self._client.loop_stop()

    def _publish(self, message: Message) -> None:
        if message.kind in _SAID:
            self._under_way.append(self._client.publish(message.topic, message.payload, 1, message.retain))

    def _hear(self) -> None:
        while not self._heard.empty():
            topic, payload, retain = self._heard.get()
            self._virtual.publish(topic, payload, retain=retain)

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe([(f"{events.ROOT}/+/+/{kind}", 1) for kind in _ANSWERED])

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        # Those that the contract retains are kept for machines that connect later.
        retain = not message.topic.endswith("/cue")
        self._heard.put((message.topic, bytes(message.payload), retain))
