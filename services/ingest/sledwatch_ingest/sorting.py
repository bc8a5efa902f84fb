"""A batch of messages, sorted into what is stored, what is recorded only, and what is set aside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sledwatch.events import Event, Frame, Reason, Refusal, TopicKind, decode, parse_topic
from sledwatch_ingest.inbox import Message
from sledwatch_storage.series.port import StoredFrame
from sledwatch_storage.state.ledger import Arrived, Refused


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that keeps the contract, and what it says."""

    message: Message
    event: Event


@dataclass(slots=True)
class Batch:
    """What one write is made of, each part in order of arrival."""

    accepted: list[Accepted] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    @property
    def frames(self) -> list[StoredFrame]:
        """What goes to the series store."""
        return [
            StoredFrame(item.event.gym, item.event.machine, item.event.payload, item.message.received_us)
            for item in self.accepted
            if isinstance(item.event.payload, Frame)
        ]

    @property
    def arrived(self) -> list[Arrived]:
        """What goes to the ledger."""
        return [Arrived(item.event, item.message.received_us, item.message.retained) for item in self.accepted]

    def without(self, positions: Collection[int], detail: str) -> "Batch":
        """The batch once the series store has refused some of its frames for good.

        positions: into `frames`. The frames go to quarantine, where a person can look at them; their numbers settle.
        """
        kept: list[Accepted] = []
        refused = list(self.refused)
        position = -1
        for item in self.accepted:
            payload = item.event.payload
            if isinstance(payload, Frame):
                position += 1
                if position in positions:
                    refused.append(_refused_by_store(item, payload, detail))
                    continue
            kept.append(item)
        return Batch(kept, refused)


def sort(messages: Sequence[Message]) -> Batch:
    """Decode each message against the time at which it arrived, so that a store outage refuses nothing as too old."""
    batch = Batch()
    for message in messages:
        if _is_clearing(message):
            continue
        outcome = decode(message.topic, message.payload, message.received_us)
        if isinstance(outcome, Event):
            batch.accepted.append(Accepted(message, outcome))
        else:
            batch.refused.append(Refused(message.received_us, message.topic, message.payload, outcome))
    return batch


def _is_clearing(message: Message) -> bool:
    """An empty message is how a broker is made to forget a retained one; it says nothing of the machine."""
    parsed = parse_topic(message.topic)
    return not message.payload and parsed is not None and parsed.kind in {TopicKind.STATE, TopicKind.SESSION}


def _refused_by_store(item: Accepted, frame: Frame, detail: str) -> Refused:
    event, message = item.event, item.message
    refusal = Refusal(Reason.STORE_REFUSED, detail, event.gym, event.machine, frame.boot, frame.seq)
    return Refused(message.received_us, message.topic, message.payload, refusal)
