"""A broker in memory: what machines say to it, and what is said to them, without a socket and without real time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from paho.mqtt.client import topic_matches_sub

from sledwatch import events
from sledwatch_sim.testing.clock import VirtualClock
from sledwatch_sim.wire.conditions import Passage
from sledwatch_sim.wire.connection import Carrier, Firmware, Line
from sledwatch_sim.wire.ring import Message as Numbered

_TO_MACHINES: Final = (events.TopicKind.STORED, events.TopicKind.LIMIT, events.TopicKind.CUE)


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a subscriber gets it.

    retain: published to be kept for those who come later. at_us: when the broker got it, µs.
    """

    topic: str
    payload: bytes
    retain: bool
    qos: int
    at_us: int

    @property
    def body(self) -> Any:
        """The payload's JSON."""
        return msgspec.json.decode(self.payload)

    @property
    def kind(self) -> str:
        """The last level of the topic: state, session, frame, …"""
        return self.topic.rpartition("/")[2]


class VirtualBroker:
    """A broker that machines connect to and programs subscribe to. All happens in the caller's thread, at once.

    messages: what machines have said, in the order in which it came. answers: what was said to them. retained: the last
    retained message of each topic. carrier: how a machine connects to it.

    It keeps an MQTT broker's promises of the contract: QoS 1, retained messages for those who come later, the wills of
    machines that vanish. A message is acknowledged to its machine at once; `stored` is another matter.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.messages: list[Message] = []
        self.answers: list[Message] = []
        self.retained: dict[str, Message] = {}
        self.carrier: Carrier = _Lines(self)
        self.clock = clock
        self.up = True
        self._lines: dict[Line, None] = {}
        self._routes: dict[str, tuple[Line, events.TopicKind]] = {}
        self._subscribers: dict[Callable[[Message], None], str] = {}

    def subscribe(self, heard: Callable[[Message], None], topic_filter: str = events.ROOT + "/#") -> Callable[[], None]:
        """Hand every message of a topic filter to a function, retained ones at once. What is returned ends that."""
        self._subscribers[heard] = topic_filter
        for message in list(self.retained.values()):
            if topic_matches_sub(topic_filter, message.topic):
                heard(message)

        def end() -> None:
            self._subscribers.pop(heard, None)

        return end

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Say something as the services do; whoever it is for hears it at once."""
        message = Message(topic, payload, retain, 1, self.clock())
        self.answers.append(message)
        self._spread(message)

    def stop(self) -> None:
        """Be gone without a word; machines come back when it does. What is retained outlives it."""
        self.up = False
        for line in list(self._lines):
            self.leave(line)
            line.device.gone(line, "the broker is gone")

    def start(self) -> None:
        """Be there again."""
        self.up = True

    def hear(self, line: Line, kind: events.TopicKind, payload: bytes, *, retain: bool) -> None:
        """Take what a machine says."""
        message = Message(line.device.topic(kind), payload, retain, 1, self.clock())
        self.messages.append(message)
        self._spread(message)

    def join(self, line: Line) -> None:
        """A machine connects."""
        self._lines[line] = None
        self.clock.call_later(0.0, lambda: self._admit(line))

    def leave(self, line: Line) -> bool:
        """A machine's connection is over; whether it was there until now."""
        line.over = True
        if line not in self._lines:
            return False
        del self._lines[line]
        self._routes = {topic: route for topic, route in self._routes.items() if route[0] is not line}
        return True

    def _admit(self, line: Line) -> None:
        if line not in self._lines:
            return
        line.ready = True
        self._routes |= {line.device.topic(kind): (line, kind) for kind in _TO_MACHINES}
        line.device.greet(line)
        for kind in _TO_MACHINES:
            kept = self.retained.get(line.device.topic(kind))
            if kept is not None:
                line.hear(kind, kept.payload)

    def _spread(self, message: Message) -> None:
        if message.retain and message.payload:
            self.retained[message.topic] = message
        elif message.retain:
            self.retained.pop(message.topic, None)
        route = self._routes.get(message.topic)
        if route is not None:
            line, kind = route
            line.hear(kind, message.payload)
        for heard, topic_filter in list(self._subscribers.items()):
            if topic_matches_sub(topic_filter, message.topic):
                heard(message)


class _Lines:
    """The way to a broker in memory, and the connection of each machine that took it."""

    busy = False

    def __init__(self, broker: VirtualBroker) -> None:
        self._broker = broker

    def line(self, firmware: Firmware, passage: Passage | None) -> Line:
        if not self._broker.up:
            raise ConnectionRefusedError("the broker is stopped")
        line = Line(firmware, self, passage)
        self._broker.join(line)
        return line

    def why_unreachable(self, error: OSError) -> str:
        return str(error)

    def __str__(self) -> str:
        return "a broker in memory"

    def publish(self, line: Line, kind: events.TopicKind, payload: bytes, *, retain: bool, last: bool) -> None:
        self._broker.hear(line, kind, payload, retain=retain)
        if last:
            self._broker.clock.call_later(0.0, lambda: self._part(line))

    def send(self, line: Line, messages: Iterable[Numbered]) -> None:
        for message in messages:
            if line.over or not line.device.holds(message):
                continue  # stored while it waited
            line.device.count_sent()
            self._broker.hear(line, message.kind, message.payload, retain=line.device.retains(message))
            line.device.count_answer(refused=False)

    def lose(self, line: Line) -> None:
        if self._broker.leave(line):
            self._broker.hear(line, events.TopicKind.STATE, line.will, retain=True)

    def _part(self, line: Line) -> None:
        if self._broker.leave(line):
            line.device.gone(line, "it said goodbye")
