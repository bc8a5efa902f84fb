"""The machine's side of the contract: what the firmware of a leg press does about MQTT.

It connects with a clean start and keeps its own queue; it numbers what it sends and lets go of it only when it is told
`stored`; after a reconnect it says anew who it is, and then everything above the watermark again.
"""

import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec
import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sledwatch import events
from sledwatch.address import BrokerAddress
from sledwatch_sim.wire.network import Network, Timer
from sledwatch_sim.wire.ring import CAPACITY, Message, Ring

log = structlog.get_logger()

KEEPALIVE_S: Final = 30
# As the contract says: what is missing is sent again every 30 s.
LOOK_AGAIN_S: Final = 30.0
FIRST_RETRY_S: Final = 0.2
LAST_RETRY_S: Final = 5.0
CONNECT_TIMEOUT_S: Final = 5.0
# A subscription's retained messages follow its acknowledgement; the newest watermark among them saves sending again
# what was stored while the machine was away.
WATERMARK_GRACE_S: Final = 0.2
# rumqttd admits 100 unacknowledged messages and other brokers as few as 20.
WINDOW: Final = 50
_LOOK_AFTER_S: Final = 5.0

_stored = msgspec.json.Decoder(events.Stored)
_limit = msgspec.json.Decoder(events.Limit)
_cue = msgspec.json.Decoder(events.Cue)


@dataclass(slots=True)
class Account:
    """What a device has counted since it was made."""

    sent: int = 0  # numbered messages handed to the broker, those sent again included
    acknowledged: int = 0
    refused: int = 0  # by the broker, with a reason code
    connections: int = 0


class Device:
    """One machine on the network. Call its methods in the network's thread.

    online: its birth certificate; boot, oldest_seq and held are filled in by the device. on_limit, on_cue: what the
    machine shows its member; a limit of another session than the present one is ignored, as the contract says.
    """

    def __init__(
        self,
        network: Network,
        broker: BrokerAddress,
        gym: str,
        machine: str,
        online: events.Online,
        boot: str,
        *,
        capacity: int = CAPACITY,
        client_id: str | None = None,
        on_limit: Callable[[events.Limit], None] | None = None,
        on_cue: Callable[[events.Cue], None] | None = None,
        look_again_s: float = LOOK_AGAIN_S,
        keepalive_s: int = KEEPALIVE_S,
    ) -> None:
        self.gym = gym
        self.machine = machine
        self.account = Account()
        self.limit: events.Limit | None = None
        self.last_error: str | None = None
        self._network = network
        self._broker = broker
        self._online = online
        self._client_id = client_id or f"{gym}.{machine}"
        self._on_limit = on_limit
        self._on_cue = on_cue
        self._look_again_s = look_again_s
        self._keepalive_s = keepalive_s
        self._ring = Ring(boot, capacity)
        self._session: str | None = None
        self._last_session: Message | None = None
        self._line: _Line | None = None
        self._retry_s = FIRST_RETRY_S
        self._retry: Timer | None = None
        self._switched_on = False
        self._switched_off: Callable[[], None] | None = None
        self._announced_lost = 0
        self._announced_held: frozenset[str] = frozenset()
        self._topics = {kind: events.topic(gym, machine, kind) for kind in events.TopicKind if kind != "alert"}

    @property
    def boot(self) -> str:
        """The present boot."""
        return self._ring.boot

    @property
    def session(self) -> str | None:
        """The session in progress."""
        return self._session

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted it and knows what it wants to hear."""
        return self._line is not None and self._line.ready

    @property
    def unstored(self) -> int:
        """How many numbered messages it keeps because nobody said that they are stored."""
        return len(self._ring)

    @property
    def lost(self) -> int:
        """How many it had to give up: no room left, or asked for three times in vain."""
        return self._ring.lost

    def switch_on(self) -> None:
        """Connect, and stay connected until it is switched off."""
        self._switched_on = True
        self._connect()

    def badge_in(self, session: str, user: str, t_us: int, setup: events.Setup) -> None:
        """Somebody begins."""
        self._session = session
        self.limit = None
        self._say_session(lambda boot, seq: events.SessionStart(boot, seq, session, user, t_us, setup))

    def set_up(self, t_us: int, setup: events.Setup) -> None:
        """The seat or the foot row is changed within the session. Raises RuntimeError when there is none."""
        session = self._required_session()
        self._say_session(lambda boot, seq: events.SessionSetup(boot, seq, session, t_us, setup))

    def frame(self, t_us: int, dt_us: int, depth_mm: Sequence[float | None], load_kg: float | list[float]) -> None:
        """Send a run of samples; it belongs to the session in progress, if there is one."""
        depths = list(depth_mm)
        session = self._session
        message = self._ring.add(
            events.TopicKind.FRAME,
            lambda boot, seq: events.Frame(boot, seq, t_us, dt_us, depths, load_kg, session),
        )
        self._send([message])

    def badge_out(self, t_us: int, reason: str = "badge_out") -> None:
        """The session ends. Raises RuntimeError when there is none."""
        session = self._required_session()
        self._session = None
        self.limit = None
        self._say_session(
            lambda boot, seq: events.SessionEnd(boot, seq, session, t_us, reason)  # type: ignore[arg-type]
        )

    def reboot(self, boot: str) -> None:
        """Power off and on: a new boot, no session, the connection gone without a word. What was kept stays kept."""
        self._session = None
        self.limit = None
        self._last_session = None
        self._ring.reboot(boot)
        self.cut()

    def cut(self) -> None:
        """Lose the connection without a word, as a pulled cable does; it comes back by itself."""
        if self._line is not None:
            self._line.drop()
            self._gone("the cable was cut")

    def switch_off(self, then: Callable[[], None] | None = None, *, leave: bytes | None = None) -> None:
        """Say Offline, disconnect, and call `then` when that is done (at once where there is no connection).

        leave: another State to leave behind, for somebody who only stood in for the machine.
        """
        self._switched_on = False
        self._switched_off = then
        if self._retry is not None:
            self._retry.cancel()
        if self._line is not None and self._line.ready:
            word = leave if leave is not None else events.encode(events.Offline(self.boot))
            self._line.say(events.TopicKind.STATE, word, retain=True, last=True)
            return
        if self._line is not None:
            self._line.drop()
            self._line = None
        self._off()

    def _required_session(self) -> str:
        if self._session is None:
            raise RuntimeError(f"nobody is badged in at {self.gym}/{self.machine}")
        return self._session

    def _say_session(self, build: Callable[[str, int], events.Session]) -> None:
        self._last_session = self._ring.add(events.TopicKind.SESSION, build)
        self._send([self._last_session])

    def _send(self, messages: Sequence[Message]) -> None:
        if self._line is not None and self._line.sending:
            self._line.send(messages)

    def _connect(self) -> None:
        self._retry = None
        line = _Line(self, self._network, self._broker)
        try:
            line.open()
        except OSError as error:
            self._line = None
            self._gone(self._broker.why_unreachable(error))
            return
        self._line = line

    def _gone(self, why: str) -> None:
        """The connection is gone, or never came about: try again in a while."""
        self._line = None
        if why != self.last_error and self._switched_on:
            log.warning("machine.unconnected", gym=self.gym, machine=self.machine, broker=str(self._broker), reason=why)
        self.last_error = why
        if not self._switched_on:
            self._off()
            return
        self._retry = self._network.call_later(self._retry_s, self._connect)
        self._retry_s = min(LAST_RETRY_S, 2 * self._retry_s)

    def _off(self) -> None:
        then, self._switched_off = self._switched_off, None
        if then is not None:
            then()

    def _announce(self, line: "_Line") -> None:
        """Say who it is and what it still holds."""
        held = self._ring.held
        self._announced_held = frozenset(run.boot for run in held)
        self._announced_lost = self._ring.lost
        online = msgspec.structs.replace(self._online, boot=self.boot, oldest_seq=self._ring.oldest_seq, held=held)
        line.say(events.TopicKind.STATE, events.encode(online), retain=True)

    def _greet(self, line: "_Line") -> None:
        """The broker knows us: the retained messages anew, then, a moment later, everything above the watermark."""
        self.account.connections += 1
        self.last_error = None
        self._retry_s = FIRST_RETRY_S
        self._announce(line)
        if self._last_session is not None:
            line.say(events.TopicKind.SESSION, self._last_session.payload, retain=True)
        self._network.call_later(
            WATERMARK_GRACE_S if self.account.connections > 1 else 0.0, partial(self._resume, line)
        )
        self._network.call_later(self._look_again_s, partial(self._look_again, line))

    def _resume(self, line: "_Line") -> None:
        if line is self._line:
            line.sending = True
            line.send(self._ring.resume())

    def _look_again(self, line: "_Line") -> None:
        """Every 30 s while connected: what is missing goes out again, and a State says or asks what there is to."""
        if line is not self._line:
            return
        # Before it looks: what is sent now has yet to be answered.
        asks = self._ring.unanswered
        again = self._ring.look_again()
        if asks or self._has_news():
            self._announce(line)
        line.send(again)
        self._network.call_later(self._look_again_s, partial(self._look_again, line))

    def _has_news(self) -> bool:
        """Whether, since the last State, something is gone for good or an earlier boot is stored."""
        ring = self._ring
        held = {run.boot for run in ring.held}
        return ring.lost != self._announced_lost or ring.asked_in_vain or held != self._announced_held

    def _hear(self, kind: events.TopicKind, payload: bytes) -> None:
        try:
            if kind is events.TopicKind.STORED:
                self._ring.stored(_stored.decode(payload))
            elif kind is events.TopicKind.LIMIT:
                self._hear_limit(_limit.decode(payload))
            elif kind is events.TopicKind.CUE:
                cue = _cue.decode(payload)
                if cue.session == self._session and self._on_cue is not None:
                    self._on_cue(cue)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # Firmware survives what it does not understand: a newer service may say more than this machine knows.
            log.warning("machine.unreadable", gym=self.gym, machine=self.machine, kind=kind.value, reason=str(error))

    def _hear_limit(self, limit: events.Limit) -> None:
        if limit.session != self._session:
            return
        self.limit = limit
        if self._on_limit is not None:
            self._on_limit(limit)


class _Line:
    """One connection of a device, from its TCP handshake to its end.

    Each has a paho client of its own: the library's memory of what is under way would otherwise be sent again beside
    our own queue, which knows better what is stored.
    """

    def __init__(self, device: Device, network: Network, broker: BrokerAddress) -> None:
        self.ready = False  # subscribed, State said
        self.sending = False  # numbered messages may go
        self._refused = False
        self._device = device
        self._network = network
        self._queue: deque[Message] = deque()
        self._under_way: set[int] = set()
        self._last_mid: int | None = None
        self._window = WINDOW
        self._sock: socket.socket | None = None
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=device._client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages = 0  # the window is ours
        broker.prepare(client)
        will = events.encode(events.Offline(device.boot))
        client.will_set(device._topics[events.TopicKind.STATE], will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        self._broker = broker

    def open(self) -> None:
        """Connect. Raises OSError when nobody is there; a broker that stays silent is given up by a timer."""
        self._client.connect(self._broker.host, self._broker.port, self._device._keepalive_s, clean_start=True)
        self._flush()
        self._network.call_later(CONNECT_TIMEOUT_S, self._give_up)
        self._network.call_later(_LOOK_AFTER_S, self._look_after)

    def drop(self) -> None:
        """Close the socket without a word."""
        self._client.on_disconnect = None
        if self._sock is not None:
            sock = self._sock
            self._on_socket_close(self._client, None, sock)
            sock.close()

    def say(self, kind: events.TopicKind, payload: bytes, *, retain: bool = False, last: bool = False) -> None:
        """Publish something that is not numbered, ahead of the queue. After the `last` thing comes the goodbye."""
        info = self._client.publish(self._device._topics[kind], payload, qos=1, retain=retain)
        if last:
            self._last_mid = info.mid
        self._flush()

    def send(self, messages: Sequence[Message]) -> None:
        """Queue numbered messages and send as many as the window admits."""
        self._queue.extend(messages)
        self._pump()
        self._flush()

    def _pump(self) -> None:
        device = self._device
        while self._queue and len(self._under_way) < self._window and self._sock is not None:
            message = self._queue.popleft()
            if not device._ring.holds(message):
                continue  # stored while it waited
            # A retained Session speaks of now: an older one that is sent again must not take the place of the last.
            retain = message is device._last_session
            info = self._client.publish(device._topics[message.kind], message.payload, qos=1, retain=retain)
            if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return  # the connection went in the middle; everything kept is sent again after the next
            self._under_way.add(info.mid)
            device.account.sent += 1

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

    def _give_up(self) -> None:
        if not self.ready:
            self._abandon(f"no word from the broker within {CONNECT_TIMEOUT_S:g} s")

    def _abandon(self, why: str) -> None:
        if self._device._line is self:
            self.drop()
            self._device._gone(why)

    def _look_after(self) -> None:
        if self._sock is not None:
            self._client.loop_misc()  # keep-alive
            self._flush()
            self._network.call_later(_LOOK_AFTER_S, self._look_after)

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
        self, client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            # Not here: paho is in the middle of reading this answer.
            self._refused = True
            self._network.call_soon(partial(self._abandon, self._broker.why_refused(reason)))
            return
        self._window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        heard = (events.TopicKind.STORED, events.TopicKind.LIMIT, events.TopicKind.CUE)
        client.subscribe([(self._device._topics[kind], 1) for kind in heard])

    def _on_subscribe(
        self, _client: Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                # It still has something to say; without `stored` it keeps everything, which its ring bounds.
                log.warning("machine.deaf", gym=self._device.gym, machine=self._device.machine, reason=str(reason))
        self.ready = True
        self._device._greet(self)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        parsed = events.parse_topic(message.topic)
        if parsed is not None:
            self._device._hear(parsed.kind, bytes(message.payload))

    def _on_publish(
        self, client: Client, _userdata: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if mid == self._last_mid:
            client.disconnect()
            return
        if mid not in self._under_way:
            return  # a State, or a Session said anew
        self._under_way.discard(mid)
        if reason.is_failure:
            self._device.account.refused += 1
            log.warning("machine.refused", gym=self._device.gym, machine=self._device.machine, reason=str(reason))
        else:
            self._device.account.acknowledged += 1

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self._device._line is self and not self._refused:
            self._device._gone(str(reason))
