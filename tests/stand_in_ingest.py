"""Somebody who listens to machines and says `stored` when a test wants it: not our ingest, so it can misbehave."""

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from sledwatch import events
from sledwatch.address import BrokerAddress
from sledwatch.events import Stored, StoredBoot, TopicKind
from waiting import eventually


class StandInIngest:
    """Remembers what arrived. With `stores` on it says `stored` after each message and State.

    deaf: what it is true for is taken as if the broker had lost it. now_us: its clock, which stands still.
    """

    def __init__(self, url: str, *, stores: bool = True, now_us: int = 0) -> None:
        self.stores = stores
        self._now_us = now_us
        self.deaf: Callable[[int], bool] = lambda _seq: False
        self.states: list[events.State] = []
        self.heard: list[tuple[str, int]] = []  # boot and seq in order of arrival
        self.payloads: dict[tuple[str, int], bytes] = {}
        self._seqs: dict[str, set[int]] = defaultdict(set)
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._on_message
        broker = BrokerAddress.parse(url)
        self._client.connect_async(broker.host, broker.port, clean_start=True)
        self._client.loop_start()
        assert self._ready.wait(10)

    def offline_said(self) -> bool:
        return any(isinstance(state, events.Offline) for state in self.states)

    def say_stored(self, seq: int, *missing: tuple[int, int], boot: str, topic: str) -> None:
        self._client.publish(topic, events.encode(Stored((StoredBoot(boot, seq, missing),))), qos=1, retain=True)

    def reconnect(self) -> None:
        """Wait until it listens again after the broker was away."""
        self._ready.clear()
        eventually(self._ready.is_set)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe([(f"{events.ROOT}/+/+/{kind}", 1) for kind in ("state", "session", "frame")])

    def _on_message(self, client: Client, _userdata: Any, message: MQTTMessage) -> None:
        event = events.decode(message.topic, bytes(message.payload), self._now_us)
        assert isinstance(event, events.Event), event
        payload = event.payload
        with self._lock:
            if isinstance(payload, events.Online | events.Offline):
                self.states.append(payload)
                if self.stores and isinstance(payload, events.Online):
                    self._say_stored(client, event)
                return
            if self.deaf(payload.seq):
                return
            self.heard.append((payload.boot, payload.seq))
            self.payloads[payload.boot, payload.seq] = bytes(message.payload)
            self._seqs[payload.boot].add(payload.seq)
            if self.stores:
                self._say_stored(client, event)

    def _say_stored(self, client: Client, event: events.Event) -> None:
        seqs = self._seqs[event.payload.boot]
        top = max(seqs, default=-1)
        gaps = tuple((seq, seq) for seq in range(top) if seq not in seqs)
        topic = events.topic(event.gym, event.machine, TopicKind.STORED)
        report = Stored((StoredBoot(event.payload.boot, top, gaps),))
        client.publish(topic, events.encode(report), qos=1, retain=True)
