"""Analytics' own connection to the broker: plain, without a persistent session, back by itself when it breaks."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from sledwatch.address import BrokerAddress
from sledwatch.events import ROOT

# One filter for all that machines publish: rumqttd keeps a log for each filter, and with several a frame could come
# before the start of its session. What comes back to us besides (limits, cues, reps) is little, and left aside.
FILTER: Final = f"{ROOT}/+/+/+"
KEEPALIVE_S: Final = 15
FIRST_RETRY_S: Final = 1
LAST_RETRY_S: Final = 4
# How long the connection is waited for at a time; what is to be sent cuts it short.
LOOP_S: Final = 1.0

log = structlog.get_logger()


class Link:
    """Publishes, and hands on what arrives. `publish` is for any thread; callbacks come on the thread of `run`."""

    def __init__(self, url: str, client_id: str, ca: Path | None = None) -> None:
        """url, ca: the broker's, and of its CA. Raises ValueError where one cannot be used."""
        self._broker = BrokerAddress.parse(url, ca)
        self._hand_on: Callable[[str, bytes, bool], None] = lambda _topic, _payload, _retained: None
        self._say_following: Callable[[], None] = lambda: None
        self._following = threading.Event()
        self._closing = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5)
        self._broker.prepare(self._client)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        # Without such a callback paho would write on whatever thread publishes, beside the one that reads and writes
        # already; a TLS connection is not made for that.
        self._client.on_socket_register_write = lambda _client, _data, _sock: None

    @property
    def following(self) -> bool:
        """Whether it is connected and subscribed."""
        return self._following.is_set()

    def run(
        self,
        stop: threading.Event,
        on_message: Callable[[str, bytes, bool], None],
        on_following: Callable[[], None] = lambda: None,
    ) -> None:
        """Be connected until `close`. An exception of a callback comes out of here.

        on_message: gets topic, payload, retained. on_following: called whenever the subscription stands (again).
        """
        self._hand_on, self._say_following = on_message, on_following
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=KEEPALIVE_S, clean_start=True)
        wait_s = FIRST_RETRY_S
        while not (stop.is_set() or self._closing.is_set()):
            followed = self._serve()
            wait_s = FIRST_RETRY_S if followed else min(LAST_RETRY_S, 2 * wait_s)
            self._closing.wait(wait_s)

    def close(self) -> None:
        """End the connection, and `run`. Thread-safe."""
        self._closing.set()
        self._client.disconnect()

    def _serve(self) -> bool:
        """Connect and be connected for as long as it lasts; whether the subscription ever stood."""
        followed = False
        try:
            self._client.reconnect()
        except OSError as error:
            why = self._broker.why_unreachable(error)
            log.warning("live.broker_unreachable", broker=str(self._broker), error=why)
            return False
        while self._client.loop(LOOP_S) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            followed = followed or self.following
            if self._closing.is_set():
                self._client.disconnect()
        self._following.clear()
        return followed

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: int | None = None) -> bool:
        """Publish with QoS 1, or not at all where there is no connection: live messages are of no use later."""
        if not self.following:
            return False
        properties: Properties | None = None
        if expires_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expires_s
        self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        return True

    def publish_confirmed(self, topic: str, payload: bytes, timeout_s: float) -> bool:
        """Publish with QoS 1; whether the broker confirmed it in time. Not for the thread of `run`."""
        if not self.following:
            return False
        sent = self._client.publish(topic, payload, qos=1)
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        sent.wait_for_publish(timeout_s)
        return sent.is_published()

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("live.broker_refused", broker=str(self._broker), reason=self._broker.why_refused(reason))
            return
        client.subscribe(FILTER, options=SubscribeOptions(qos=1, noLocal=True))

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("live.subscription_refused", filter=FILTER, reasons=[str(reason) for reason in reasons])
            return
        self._following.set()
        log.info("live.following", broker=str(self._broker))
        self._say_following()

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if self._following.is_set():
            log.info("live.disconnected", reason=str(reason))
        self._following.clear()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._hand_on(message.topic, bytes(message.payload), message.retain)
