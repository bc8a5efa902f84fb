"""Somebody who stores everything and tells machines so, for tests in which that is not the matter."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import msgspec

from sledwatch import events
from sledwatch_sim.testing.broker import Message, VirtualBroker
from sledwatch_sim.wire.network import Timer

# As the contract says.
_AT_MOST_EVERY_S: Final = 2.0


class _Numbered(msgspec.Struct):
    boot: str
    seq: int


_state = msgspec.json.Decoder(events.State)
_numbered = msgspec.json.Decoder(_Numbered)


@dataclass(slots=True)
class _Boot:
    """top: up to which number all came, but for what is missing and may still come."""

    top: int = -1
    missing: set[int] = field(default_factory=set)

    def came(self, seq: int) -> None:
        self.missing.update(range(self.top + 1, seq))
        self.missing.discard(seq)
        self.top = max(self.top, seq)

    def holds_from(self, oldest: int) -> None:
        """What lies below is lost for good."""
        self.missing = {seq for seq in self.missing if seq >= oldest}
        self.top = max(self.top, oldest - 1)

    def stored(self, boot: str) -> events.StoredBoot:
        edges = sorted(self.missing)
        gaps = [at for at, (one, following) in enumerate(pairwise(edges), start=1) if following > one + 1]
        runs = [edges[begin:end] for begin, end in pairwise([0, *gaps, len(edges)])] if edges else []
        return events.StoredBoot(boot, self.top, tuple((run[0], run[-1]) for run in runs))


@dataclass(slots=True)
class _Account:
    """Of one machine. boots: by name, the oldest first."""

    boots: dict[str, _Boot] = field(default_factory=dict)
    told_us: int | None = None
    telling: Timer | None = None


class Storing:
    """Answers `stored` as ingest does: retained, at most every 2 s, with what is missing.

    broker: where it listens. topic_filter: to whom. answers: while it is False, nothing is said. deaf: numbers for
    which this is true are not heard, as if they had been lost behind the broker. It keeps numbers only.
    """

    def __init__(self, broker: VirtualBroker, topic_filter: str = events.ROOT + "/#") -> None:
        self._broker = broker
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._answers = True
        self.deaf: Callable[[int], bool] = lambda _seq: False
        broker.subscribe(self._hear, topic_filter)

    @property
    def answers(self) -> bool:
        """Whether it says anything."""
        return self._answers

    @answers.setter
    def answers(self, answers: bool) -> None:
        self._answers = answers
        for machine in self._accounts if answers else ():
            self._tell_soon(machine)

    def _hear(self, message: Message) -> None:
        topic = events.parse_topic(message.topic)
        if topic is None or topic.machine is None:
            return
        machine = topic.gym, topic.machine
        if topic.kind in {events.TopicKind.SESSION, events.TopicKind.FRAME}:
            said = _numbered.decode(message.payload)
            if self.deaf(said.seq):
                return
            self._boot(machine, said.boot).came(said.seq)
        elif topic.kind is events.TopicKind.STATE:
            state = _state.decode(message.payload)
            if isinstance(state, events.Offline):
                return
            self._settle(machine, state)
        else:
            return
        self._tell_soon(machine)

    def _boot(self, machine: tuple[str, str], boot: str) -> _Boot:
        return self._accounts.setdefault(machine, _Account()).boots.setdefault(boot, _Boot())

    def _settle(self, machine: tuple[str, str], state: events.Online) -> None:
        """What a machine does not hold any longer will never come."""
        self._boot(machine, state.boot).holds_from(state.oldest_seq)
        for name, boot in self._accounts[machine].boots.items():
            if name != state.boot:
                held = [run for run in state.held if run.boot == name]
                boot.missing = {seq for seq in boot.missing if any(run.from_seq <= seq <= run.to_seq for run in held)}

    def _tell_soon(self, machine: tuple[str, str]) -> None:
        account, clock = self._accounts[machine], self._broker.clock
        if account.telling is None:
            since_s = _AT_MOST_EVERY_S if account.told_us is None else (clock() - account.told_us) / 1e6
            wait_s = max(0.0, _AT_MOST_EVERY_S - since_s)
            account.telling = clock.call_later(wait_s, lambda: self._tell(machine))

    def _tell(self, machine: tuple[str, str]) -> None:
        account = self._accounts[machine]
        account.telling = None
        if not self._answers:
            return
        account.told_us = self._broker.clock()
        stored = events.Stored(tuple(boot.stored(name) for name, boot in account.boots.items()))
        self._broker.publish(events.topic(*machine, events.TopicKind.STORED), events.encode(stored), retain=True)
