"""An MQTT connection from its TCP handshake to its end: of one machine, or of a gateway that speaks for many.

Each has a paho client of its own: the library's memory of what is under way would otherwise be sent again beside the
machines' own queues, which know better what is stored.
"""

import socket
import ssl
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, Protocol

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sledwatch import events
from sledwatch.address import BrokerAddress
from sledwatch_sim.wire.conditions import Passage
from sledwatch_sim.wire.network import Network
from sledwatch_sim.wire.ring import Message

log = structlog.get_logger()

CONNECT_TIMEOUT_S: Final = 5.0
KEEPALIVE_S: Final = 30
# rumqttd admits 100 unacknowledged messages and other brokers as few as 20.
WINDOW: Final = 50
HANDSHAKES_AT_ONCE: Final = 64
_LOOK_AFTER_S: Final = 5.0
_GATEWAY_RETRY_S: Final = 1.0
_HEARD: Final = (events.TopicKind.STORED, events.TopicKind.LIMIT, events.TopicKind.CUE)


class Firmware(Protocol):
    """What a line needs of the machine behind it."""

    gym: str
    machine: str

    def topic(self, kind: events.TopicKind) -> str:
        """Where the machine says and hears things of a kind."""

    def will(self) -> bytes:
        """What is to be said of it when it is gone without a word."""

    def holds(self, message: Message) -> bool:
        """Whether it still has to be sent."""

    def retains(self, message: Message) -> bool:
        """Whether the broker is to keep it for those who come later."""

    def greet(self, line: "Line") -> None:
        """The broker knows the machine and what it wants to hear."""

    def hear(self, kind: events.TopicKind, payload: bytes) -> None:
        """Something for the machine."""

    def count_sent(self) -> None:
        """A numbered message was handed to the broker."""

    def count_answer(self, *, refused: bool) -> None:
        """The broker has answered one."""

    def gone(self, line: "Line", why: str) -> None:
        """The connection is gone."""


class Carries(Protocol):
    """What a line needs of the connection that it is a share of."""

    def publish(self, line: "Line", kind: events.TopicKind, payload: bytes, *, retain: bool, last: bool) -> None:
        """Publish something that is not numbered, ahead of the queue. After the `last` thing comes the goodbye."""

    def send(self, line: "Line", messages: Iterable[Message]) -> None:
        """Send numbered messages that the machine still holds when their turn comes."""

    def lose(self, line: "Line") -> None:
        """A machine is gone without a word."""


class Line:
    """A machine's share of a connection. ready: subscribed. sending: numbered messages may go."""

    def __init__(self, device: Firmware, connection: Carries, passage: Passage | None) -> None:
        self.ready = False
        self.sending = False
        self.over = False
        self.device = device
        # As it is now: by the time that it is said, the machine may have another boot.
        self.will = device.will()
        self._connection = connection
        self._passage = passage

    def say(self, kind: events.TopicKind, payload: bytes, *, retain: bool = False, last: bool = False) -> None:
        """Publish something that is not numbered, ahead of the queue. After the `last` thing comes the goodbye."""
        publish = partial(self._connection.publish, self, kind, payload, retain=retain, last=last)
        if self._passage is None:
            publish()
        else:
            self._passage.carry(self, publish)

    def send(self, messages: Sequence[Message]) -> None:
        """Queue numbered messages and send as many as the window admits."""
        if self._passage is None:
            self._connection.send(self, messages)
        else:
            self._passage.send(self, messages, partial(self._connection.send, self))

    def hear(self, kind: events.TopicKind, payload: bytes) -> None:
        """Something has come for the machine."""
        if self._passage is None:
            self.device.hear(kind, payload)
        else:
            self._passage.carry_in(self, partial(self.device.hear, kind, payload))

    def drop(self) -> None:
        """Be gone without a word."""
        self.over = True
        self._connection.lose(self)


class Connection:
    """One connection.

    will: of a single machine, topic and payload; a gateway has none, and says the last word of a machine that drops
    off in its place.
    """

    def __init__(
        self,
        network: Network,
        broker: BrokerAddress,
        client_id: str,
        keepalive_s: int,
        will: tuple[str, bytes] | None = None,
    ) -> None:
        self.open_ = False
        self._network = network
        self._broker = broker
        self._keepalive_s = keepalive_s
        self._shared = will is None
        self._up = False
        self._refused = False
        self._lines: dict[Line, None] = {}
        self._routes: dict[str, tuple[Line, events.TopicKind]] = {}
        self._joining: dict[int | None, Line] = {}
        self._queue: deque[tuple[Line, Message]] = deque()
        self._under_way: dict[int, Line] = {}
        self._last_words: dict[int, Line] = {}
        self._window = WINDOW
        self._sock: socket.socket | None = None
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages = 0  # the window is ours
        broker.prepare(client)
        if will is not None:
            client.will_set(*will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close

    def open(self) -> None:
        """Connect. Raises OSError when nobody is there; a broker that stays silent is given up by a timer."""
        self._client.connect(self._broker.host, self._broker.port, self._keepalive_s, clean_start=True)
        self.open_ = True
        self._network.handshakes.add(self)
        self._flush()
        if not self.open_:
            raise ConnectionResetError("the broker hung up")
        self._network.call_later(CONNECT_TIMEOUT_S, self._give_up)
        self._network.call_later(_LOOK_AFTER_S, self._look_after)

    def join(self, line: Line) -> None:
        """Carry a machine from now on, as soon as the broker lets us in."""
        self._lines[line] = None
        if self._up:
            self._subscribe(line)
            self._flush()

    def lose(self, line: Line) -> None:
        """A machine is gone without a word; alone, it takes the connection with it."""
        if not self._shared:
            self._drop()
            return
        if self._leave(line) and self._sock is not None:
            self._client.unsubscribe([line.device.topic(kind) for kind in _HEARD])
            self._client.publish(line.device.topic(events.TopicKind.STATE), line.will, qos=1, retain=True)
            self._flush()

    def publish(self, line: Line, kind: events.TopicKind, payload: bytes, *, retain: bool, last: bool) -> None:
        """Publish something that is not numbered, ahead of the queue."""
        info = self._client.publish(line.device.topic(kind), payload, qos=1, retain=retain)
        if last:
            self._last_words[info.mid] = line
        self._flush()

    def send(self, line: Line, messages: Iterable[Message]) -> None:
        """Queue numbered messages and send as many as the window admits."""
        self._queue.extend((line, message) for message in messages)
        self._pump()
        self._flush()

    def _pump(self) -> None:
        while self._queue and len(self._under_way) < self._window and self._sock is not None:
            line, message = self._queue.popleft()
            device = line.device
            if line.over or not device.holds(message):
                continue  # stored while it waited
            info = self._client.publish(
                device.topic(message.kind), message.payload, qos=1, retain=device.retains(message)
            )
            if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return  # the connection went in the middle; everything kept is sent again after the next
            self._under_way[info.mid] = line
            device.count_sent()

    def _flush(self) -> None:
        """Write what is waiting, and be called again when the socket takes no more."""
        if self._sock is not None and self._client.want_write():
            self._client.loop_write()
        if self._sock is not None:
            self._network.want_write(self._sock, self, self._client.want_write())

    def on_readable(self) -> None:
        """Read packets; TLS may hold decrypted ones that no selector knows of."""
        self._client.loop_read()
        while isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            self._client.loop_read()
        self._pump()
        self._flush()

    def on_writable(self) -> None:
        """Go on writing."""
        self._pump()
        self._flush()

    def _drop(self) -> None:
        """Close the socket without a word."""
        self._close()
        self._client.on_disconnect = None
        if self._sock is not None:
            sock = self._sock
            self._on_socket_close(self._client, None, sock)
            sock.close()

    def _close(self) -> None:
        self.open_ = False
        self._network.handshakes.discard(self)

    def _leave(self, line: Line) -> bool:
        """A line ends; whether it was one of ours until now."""
        line.over = True
        for kind in _HEARD:
            self._routes.pop(line.device.topic(kind), None)
        if line not in self._lines:
            return False
        del self._lines[line]
        return True

    def _end(self, why: str) -> None:
        """The connection is gone; so are the machines that it carried."""
        self._close()
        for line in list(self._lines):
            self._leave(line)
            line.device.gone(line, why)

    def _give_up(self) -> None:
        # A machine's own connection is as good as none until it hears; at a gateway each has its own time.
        ready = self._up if self._shared else any(line.ready for line in self._lines)
        if self.open_ and not ready:
            self._abandon(f"no word from the broker within {CONNECT_TIMEOUT_S:g} s")

    def _abandon(self, why: str) -> None:
        if self.open_:
            self._drop()
            self._end(why)

    def _look_after(self) -> None:
        if self._sock is not None:
            self._client.loop_misc()  # keep-alive
            self._flush()
            self._network.call_later(_LOOK_AFTER_S, self._look_after)

    def _subscribe(self, line: Line) -> None:
        for kind in _HEARD:
            self._routes[line.device.topic(kind)] = line, kind
        _, mid = self._client.subscribe([(line.device.topic(kind), 1) for kind in _HEARD])
        self._joining[mid] = line

    def _on_socket_open(self, _client: Client, _userdata: Any, sock: Any) -> None:
        # A frame a second is far from filling a packet: Nagle's algorithm would only hold it back.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._network.watch(sock, self)

    def _on_socket_close(self, _client: Client, _userdata: Any, sock: Any) -> None:
        if self._sock is not None:
            self._network.forget(sock)
            self._sock = None

    def _on_connect(
        self, _client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            # Not here: paho is in the middle of reading this answer.
            self._refused = True
            self._network.call_soon(partial(self._abandon, self._broker.why_refused(reason)))
            return
        self._up = True
        self._network.handshakes.discard(self)
        self._window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        for line in self._lines:
            self._subscribe(line)

    def _on_subscribe(
        self, _client: Client, _userdata: Any, mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        line = self._joining.pop(mid, None)
        if line is None or line.over:
            return
        for reason in reasons:
            if reason.is_failure:
                # It still has something to say; without `stored` it keeps everything, which its ring bounds.
                device = line.device
                log.warning("machine.deaf", gym=device.gym, machine=device.machine, reason=str(reason))
        line.ready = True
        line.device.greet(line)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        route = self._routes.get(message.topic)
        if route is not None:
            line, kind = route
            line.hear(kind, bytes(message.payload))

    def _on_publish(
        self, client: Client, _userdata: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        parting = self._last_words.pop(mid, None)
        if parting is not None:
            self._part(client, parting)
            return
        line = self._under_way.pop(mid, None)
        if line is None:
            return  # a State, or a Session said anew
        if reason.is_failure:
            self._network.refusals.add(line.device.gym, line.device.machine, str(reason))
        line.device.count_answer(refused=reason.is_failure)

    def _part(self, client: Client, line: Line) -> None:
        """The broker has a machine's last word."""
        if not self._shared:
            client.disconnect()
            return
        if self._leave(line):
            client.unsubscribe([line.device.topic(kind) for kind in _HEARD])
            line.device.gone(line, "it said goodbye")
        if not self._lines:
            self.open_ = False
            client.disconnect()

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not self._refused:
            self._end(str(reason))


class Carrier(Protocol):
    """How a machine comes to a line. `str` of it says where the broker is."""

    @property
    def busy(self) -> bool:
        """Whether so many others are shaking hands with the broker that it is better to wait a moment."""

    def line(self, firmware: Firmware, passage: Passage | None) -> Line:
        """Connect. The line greets its firmware as soon as the broker knows it. Raises OSError."""

    def why_unreachable(self, error: OSError) -> str:
        """What kept us from connecting, in one line, for whoever has to act."""


class OwnConnection:
    """A connection of the machine's own, with its will: the rule.

    client_id: GYM.MACHINE where none is given.
    """

    def __init__(
        self, network: Network, broker: BrokerAddress, client_id: str | None = None, keepalive_s: int = KEEPALIVE_S
    ) -> None:
        self._network = network
        self._broker = broker
        self._client_id = client_id
        self._keepalive_s = keepalive_s

    @property
    def busy(self) -> bool:
        return len(self._network.handshakes) >= HANDSHAKES_AT_ONCE

    def line(self, firmware: Firmware, passage: Passage | None) -> Line:
        client_id = self._client_id or f"{firmware.gym}.{firmware.machine}"
        will = firmware.topic(events.TopicKind.STATE), firmware.will()
        connection = Connection(self._network, self._broker, client_id, self._keepalive_s, will)
        connection.open()
        line = Line(firmware, connection, passage)
        connection.join(line)
        return line

    def why_unreachable(self, error: OSError) -> str:
        return self._broker.why_unreachable(error)

    def __str__(self) -> str:
        return str(self._broker)


class Gateway:
    """One connection that speaks for many machines, where a broker will not take as many connections.

    It opens when the first machine wants to connect. The broker has to admit its user for all of them, and never
    notices by itself that one of them is gone: the gateway says it.
    """

    def __init__(self, network: Network, broker: BrokerAddress, client_id: str, keepalive_s: int = KEEPALIVE_S) -> None:
        self._network = network
        self._broker = broker
        self._client_id = client_id
        self._keepalive_s = keepalive_s
        self._connection: Connection | None = None
        self._try_again_s = -1.0
        self._why: OSError | None = None

    @property
    def busy(self) -> bool:
        return len(self._network.handshakes) >= HANDSHAKES_AT_ONCE

    def line(self, firmware: Firmware, passage: Passage | None) -> Line:
        connection = self._open()
        line = Line(firmware, connection, passage)
        connection.join(line)
        return line

    def why_unreachable(self, error: OSError) -> str:
        return self._broker.why_unreachable(error)

    def __str__(self) -> str:
        return str(self._broker)

    def _open(self) -> Connection:
        """The open connection. Raises OSError where there is none; the next attempt is made a second later."""
        if self._connection is not None and self._connection.open_:
            return self._connection
        if self._why is not None and self._network.clock() < self._try_again_s:
            # Each machine would else wait for the same silence.
            raise self._why
        connection = Connection(self._network, self._broker, self._client_id, self._keepalive_s)
        try:
            connection.open()
        except OSError as error:
            self._why, self._try_again_s = error, self._network.clock() + _GATEWAY_RETRY_S
            raise
        self._why, self._connection = None, connection
        return connection
