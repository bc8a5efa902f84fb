"""The connection to the broker: one thread that owns paho and its socket, and hands what arrives to the inbox.

The thread reads and writes the socket itself and drives paho's loop functions. So a full inbox leaves the socket unread
(not every broker honours receive maximum) while pings and acknowledgements go on, and no other thread ever touches the
client.
"""

import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from sledwatch.address import BrokerAddress
from sledwatch_ingest.backoff import Backoff
from sledwatch_ingest.inbox import Inbox, Message
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.session import Session, make_client
from sledwatch_ingest.stream import PacketStream

log = structlog.get_logger(__name__)

# How long a broker may take to accept us and our subscriptions.
_ACCEPT_S: Final = 10.0
# A connection that lived this long was a good one.
_STEADY_S: Final = 5.0
# So many short stays in a row are no accident, though no broker need say why it ended them.
_SHORT_STAYS: Final = 3
# At the end: how long the last acknowledgements may take to leave.
_FAREWELL_S: Final = 0.5


# Acknowledgements of a batch: the generation and packet id of each message.
_Acks = list[tuple[int, int]]


class _Publication(NamedTuple):
    topic: str
    payload: bytes


class Connection:
    """Connects, subscribes, reads into the inbox, and comes back after every failure, until told to stop.

    `ack` and `publish` may be called from another thread; `run` is the connection's own.
    """

    def __init__(
        self,
        address: BrokerAddress,
        session: Session,
        inbox: Inbox,
        clock: Callable[[], int],
        backoff: Backoff,
        metrics: Metrics,
    ) -> None:
        self._address = address
        self._session = session
        self._inbox = inbox
        self._clock = clock
        self._backoff = backoff
        self._metrics = metrics
        self._outgoing: deque[_Acks | _Publication] = deque()
        self._reading = True
        self._stopping = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._connected = False
        self._watched = 0
        self._since_s = 0.0
        self._short_stays = 0
        self.generation = 0
        self.subscribed = False
        self._client = client = make_client(address, session)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = self._on_socket_close

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us."""
        return self._connected

    def ack(self, messages: Sequence[Message]) -> None:
        """Acknowledge messages in the order given; those of a connection that is gone are dropped."""
        self._outgoing.append([(m.generation, m.packet_id) for m in messages if m.packet_id])
        self._wake()

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish retained with QoS 1; False, and nothing done, while there is no connection."""
        if not self._connected:
            return False
        self._outgoing.append(_Publication(topic, payload))
        self._wake()
        return True

    def stop_reading(self) -> None:
        """Take in nothing more; acknowledgements still leave."""
        self._reading = False
        self._wake()

    def stop(self) -> None:
        """Send what is still to be sent and disconnect. The broker keeps our session."""
        self._stopping.set()
        self._wake()

    def run(self) -> None:
        """Serve until `stop`. Raises what is no matter of the network: such a thing must not pass unseen."""
        while not self._stopping.is_set():
            if self._connect():
                self._serve()
            self._after_connection()

    def close(self) -> None:
        """Let go of the sockets, after `run` has returned and nobody acknowledges any more."""
        self._client.on_socket_close = None
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _on_connect(
        self, client: Client, _userdata: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("broker.refused", broker=str(self._address), reason=self._address.why_refused(reason))
            return
        self.generation += 1
        self._connected = True
        self._metrics.connections.inc()
        log.info("broker.connected", session_present=flags.session_present, generation=self.generation)
        topics = self._session.topics
        if flags.session_present and self._session.group is None:
            # rumqttd sends retained messages for a new subscription only, and forgets those that were in flight when
            # we were cut off. Of a State the latest is enough.
            client.unsubscribe(topics[0])
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])

    def _on_subscribe(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        failures = [str(reason) for reason in reasons if reason.is_failure]
        if failures:
            log.error("broker.subscription_refused", topics=self._session.topics, reasons=failures)
            return
        self.subscribed = True
        self._metrics.connected.set(1)

    def _on_disconnect(
        self, _client: Client, _userdata: Any, flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        by_whom = "broker" if flags.is_disconnect_packet_from_server else "network or ourselves"
        log.info("broker.disconnected", by=by_whom, reason=str(reason))

    def _on_socket_close(self, _client: Client, _userdata: Any, sock: Any) -> None:
        if self._watched:
            self._selector.unregister(sock)
            self._watched = 0

    def _connect(self) -> bool:
        self._outgoing.clear()
        self._since_s = time.monotonic()
        try:
            return self._client.reconnect() == MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError as error:
            log.warning(
                "broker.unreachable",
                host=self._address.host,
                port=self._address.port,
                error=self._address.why_unreachable(error),
            )
            return False

    def _serve(self) -> None:
        full_since_s: float | None = None
        reading = more = False
        while (stream := self._stream()) is not None:
            if self._stopping.is_set():
                self._say_goodbye()
                return
            resumed = not reading
            reading = self._reading and not self._inbox.full
            self._watch(stream, reading)
            # What has been read already, or decrypted, no selector sees: so look, unasked, where more may be waiting.
            look = reading and (resumed or more)
            ready = {key.fileobj for key, _ in self._selector.select(0.0 if look else 1.0)}
            if self._wake_out in ready:
                self._wake_out.recv(4096)
            self._queue_outgoing(stream)
            more = self._read(stream) if look or (reading and ready - {self._wake_out}) else False
            self._write(stream)
            self._client.loop_misc()
            now_s = time.monotonic()
            full_since_s = (full_since_s or now_s) if self._inbox.full else None
            if full_since_s is not None and now_s - full_since_s > self._session.keepalive_s:
                log.warning("broker.left", why="the store is behind and the queue is full; the broker keeps our place")
                self._say_goodbye(self._session.farewell())
                return
            if not self.subscribed and now_s - self._since_s > _ACCEPT_S:
                log.warning("broker.silent", why=f"no acceptance of us or our subscriptions within {_ACCEPT_S:g} s")
                self._say_goodbye()
                return

    def _after_connection(self) -> None:
        """Wait as long as is decent, and for room, before connecting again."""
        # Two of us under one name would throw each other out without end: that is not to go fast, nor unseen.
        if self.subscribed and time.monotonic() - self._since_s > _STEADY_S:
            self._backoff.reset()
            self._short_stays = 0
        elif self.subscribed and not self._stopping.is_set():
            self._short_stays += 1
            if self._short_stays % _SHORT_STAYS == 0:
                log.warning(
                    "broker.short_stays",
                    times=self._short_stays,
                    client_id=self._session.client_id,
                    why="the broker lets us in and soon ends it; if another ingest has the same client id, give each "
                    "one of its own: SLEDWATCH_INGEST_CLIENT_ID",
                )
        self._connected = self.subscribed = False
        self._metrics.connected.set(0)
        self._stopping.wait(self._backoff.wait_s())
        while not self._inbox.roomy and not self._stopping.is_set():
            self._stopping.wait(0.1)

    def _stream(self) -> PacketStream | None:
        """The connection's stream, None once paho has closed it."""
        return None if self._client.socket() is None else self._client.stream

    def _watch(self, stream: PacketStream, reading: bool) -> None:
        """Have the selector report what we want to know of the broker's socket."""
        writing = stream.unsent or self._client.want_write()
        wanted = (selectors.EVENT_READ if reading else 0) | (selectors.EVENT_WRITE if writing else 0)
        if wanted == self._watched:
            return
        if not wanted:
            self._selector.unregister(stream)
        elif not self._watched:
            self._selector.register(stream, wanted)
        else:
            self._selector.modify(stream, wanted)
        self._watched = wanted

    def _read(self, stream: PacketStream) -> bool:
        """Read what is there, but not endlessly: whether there may be more."""
        filled = False
        while room := self._inbox.room:
            messages = stream.take(room, self._clock(), self.generation)
            if messages:
                # Also of what was read a while ago: the answer to a ping would still be behind it.
                self._client.note_traffic(received=True, sent=False)
                self._metrics.received.inc(len(messages))
                self._inbox.put(messages)
            elif stream.concerns_paho:
                if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or self._client.socket() is None:
                    return False
            elif filled:
                return stream.more
            else:
                filled = True
                if stream.fill():
                    self._client.note_traffic(received=True, sent=False)
        return True

    def _write(self, stream: PacketStream) -> None:
        """Send what we and paho have to send."""
        if self._client.want_write():
            self._client.loop_write()
        if stream.unsent:
            stream.flush()
            self._client.note_traffic(received=False, sent=True)
        if stream.broken:
            self._client.loop_read()

    def _queue_outgoing(self, stream: PacketStream) -> None:
        # Until the broker has accepted us, what is there to be acknowledged is of the connection before.
        while self._connected and self._outgoing:
            item = self._outgoing.popleft()
            if isinstance(item, _Publication):
                self._client.publish(item.topic, item.payload, qos=1, retain=True)
            else:
                current = [packet_id for generation, packet_id in item if generation == self.generation]
                self._metrics.stale_acks.inc(len(item) - len(current))
                stream.acknowledge(current)

    def _say_goodbye(self, properties: Properties | None = None) -> None:
        """Disconnect in due form; a broker that does not take our bytes is left all the same."""
        deadline = time.monotonic() + _FAREWELL_S
        stream = self._stream()
        if stream is not None:
            self._queue_outgoing(stream)
        self._client.disconnect(properties=properties)
        while (stream := self._stream()) is not None and not stream.broken and time.monotonic() < deadline:
            # paho's last word closes the socket: first the acknowledgements.
            stream.flush()
            if stream.unsent:
                self._watch(stream, reading=False)
                self._selector.select(0.05)
            else:
                self._client.loop_write()

    def _wake(self) -> None:
        try:
            self._wake_in.send(b"\0")
        except BlockingIOError:
            return  # so many wakes are pending that one more tells nothing
