"""A batch of messages, sorted into what is stored, what is recorded only, and what is set aside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sledwatch.events import Event, Frame, Reason, Refusal, TopicKind, decode, parse_topic
from sledwatch_ingest.inbox import Message
from sledwatch_storage.series.port import StoredFrame
from sledwatch_storage.state.ledger import Arrived, Refused


@dataclass(slots=True)
class Batch:
    """What one write is made of, each part in order of arrival.

    frames: for the series store. arrived: for the ledger, frames and all else that keeps the contract; messages: what
    each of those was. refused: for quarantine.
    """

    frames: list[StoredFrame] = field(default_factory=list)
    arrived: list[Arrived] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def without(self, positions: Collection[int], detail: str) -> "Batch":
        """The batch once the series store has refused some of its frames for good.

        positions: into `frames`. The frames go to quarantine, where a person can look at them; their numbers settle.
        """
        kept = Batch(refused=list(self.refused))
        position = -1
        for one, message in zip(self.arrived, self.messages, strict=True):
            payload = one.event.payload
            if isinstance(payload, Frame):
                position += 1
                if position in positions:
                    kept.refused.append(_refused_by_store(one.event, payload, message, detail))
                    continue
                kept.frames.append(self.frames[position])
            kept.arrived.append(one)
            kept.messages.append(message)
        return kept


def sort(messages: Sequence[Message]) -> Batch:
    """Decode each message against the time at which it arrived, so that a store outage refuses nothing as too old."""
    batch = Batch()
    for message in messages:
        received_us = message.received_us
        if not message.payload and _is_clearing(message):
            continue
        outcome = decode(message.topic, message.payload, received_us)
        if isinstance(outcome, Event):
            payload = outcome.payload
            if isinstance(payload, Frame):
                batch.frames.append(StoredFrame(outcome.gym, outcome.machine, payload, received_us))
            batch.arrived.append(Arrived(outcome, received_us, message.retained))
            batch.messages.append(message)
        else:
            batch.refused.append(Refused(received_us, message.topic, message.payload, outcome))
    return batch


def _is_clearing(empty: Message) -> bool:
    """An empty message is how a broker is made to forget a retained one; it says nothing of the machine."""
    parsed = parse_topic(empty.topic)
    return parsed is not None and parsed.kind in {TopicKind.STATE, TopicKind.SESSION}


def _refused_by_store(event: Event, frame: Frame, message: Message, detail: str) -> Refused:
    refusal = Refusal(Reason.STORE_REFUSED, detail, event.gym, event.machine, frame.boot, frame.seq)
    return Refused(message.received_us, message.topic, message.payload, refusal)
