"""What the system says of a machine, heard beside the machine: its reps, the gym's alerts, and who else speaks as it.

A connection of its own: the machine's hears only what is meant for the machine.
"""

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from sledwatch import events
from sledwatch.address import BrokerAddress

_AGAIN_S: Final = 1.0
# The retained State follows the acknowledgement of the subscription.
_RETAINED_S: Final = 0.3

_rep = msgspec.json.Decoder(events.Rep)
_alert = msgspec.json.Decoder(events.Alert)
_state = msgspec.json.Decoder(events.State)


class Listener(Protocol):
    """Who is told; in the thread that `call` brings it to."""

    def heard_rep(self, rep: events.Rep) -> None:
        """The system found a rep of the machine's."""

    def heard_alert(self, alert: events.Alert) -> None:
        """An alert in the gym."""

    def heard_state(self, state: events.State) -> None:
        """Somebody said who the machine is: itself, or another under its name."""

    def heard_enough(self) -> None:
        """What was retained has been heard."""


class Ear:
    """Listens until it is closed, and connects again when the connection goes.

    error: why there is none, else None. call: brings a call to the listener's thread.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        gym: str,
        machine: str,
        listener: Listener,
        call: Callable[[Callable[[], None]], None],
    ) -> None:
        self.error: str | None = None
        self._broker = broker
        self._listener = listener
        self._call = call
        self._kinds = {
            events.topic(gym, machine, events.TopicKind.REP): self._hear_rep,
            events.topic(gym, None, events.TopicKind.ALERT): self._hear_alert,
            events.topic(gym, machine, events.TopicKind.STATE): self._hear_state,
        }
        self._closed = threading.Event()
        self._client: Client | None = None
        self._thread = threading.Thread(target=self._listen, name="ear", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closed.set()
        if self._client is not None:
            self._client.disconnect()
        self._thread.join(2.0)

    def _listen(self) -> None:
        while not self._closed.is_set():
            client = Client(
                CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
            )
            client.connect_timeout = 5.0
            self._broker.prepare(client)
            client.on_connect = self._on_connect
            client.on_subscribe = self._on_subscribe
            client.on_message = self._on_message
            try:
                client.connect(self._broker.host, self._broker.port, clean_start=True)
            except OSError as error:
                self.error = self._broker.why_unreachable(error)
            else:
                self._client = client
                client.loop_forever(timeout=0.2)
            self._closed.wait(_AGAIN_S)

    def _on_connect(
        self, client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            self.error = self._broker.why_refused(reason)
            return
        self.error = None
        if self._closed.is_set():
            client.disconnect()
        client.subscribe([(topic, 1) for topic in self._kinds])

    def _on_subscribe(self, *_: object) -> None:
        timer = threading.Timer(_RETAINED_S, self._call, args=(self._listener.heard_enough,))
        timer.daemon = True
        timer.start()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        try:
            self._kinds[message.topic](bytes(message.payload))
        except (msgspec.DecodeError, UnicodeDecodeError):
            # A newer system may say more than this ear knows; what is judged by is on the pages.
            return

    def _hear_rep(self, payload: bytes) -> None:
        rep = _rep.decode(payload)
        self._call(lambda: self._listener.heard_rep(rep))

    def _hear_alert(self, payload: bytes) -> None:
        alert = _alert.decode(payload)
        self._call(lambda: self._listener.heard_alert(alert))

    def _hear_state(self, payload: bytes) -> None:
        state = _state.decode(payload)
        self._call(lambda: self._listener.heard_state(state))
