"""What machines sent and nobody could take: refused messages, with the reason, and trying them again after a fix."""

from base64 import b64encode
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sledwatch.events import Reason
from sledwatch_analytics.api.names import NAME, GymQuery
from sledwatch_analytics.api.paging import MAX_ITEMS, Page, WantsPage
from sledwatch_analytics.api.parts import UsesParts
from sledwatch_analytics.api.problems import Problem, ProblemError, not_found
from sledwatch_analytics.api.times import At, at, at_or_none
from sledwatch_storage.state import quarantine as kept
from sledwatch_storage.state.quarantine import MessageState
from sledwatch_storage.state.reading import number_of

router = APIRouter(tags=["quarantine"])

_CONFLICT: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": Problem, "description": "it is stored already, or only the beginning of its payload is kept"}
}
MessageId = Annotated[int, Field(ge=1, le=2**62)]
MessagePath = Annotated[int, Path(alias="id", ge=1, le=2**62, description="a refused message")]


class Quarantined(BaseModel):
    """A refused message."""

    id: int = Field(examples=[17])
    received_at: At
    topic: str = Field(examples=["sledwatch/v1/north/press-1/frame"])
    reason: Reason = Field(examples=["load-out-of-range"])
    detail: str = Field(description="what was wrong, where, and what is expected")
    gym: str | None
    machine: str | None
    boot: str | None
    seq: int | None
    count: int = Field(description="how often the same message came", examples=[1])
    bytes: int = Field(description="length of the payload as it came", examples=[412])
    state: MessageState = Field(description="held: waits for a person; asked: for its trial; replayed: it is stored")
    tries: int = Field(description="how often it was tried again", examples=[0])
    replayed_at: At | None = Field(None, description="UTC, ISO 8601; when a trial took it")


class QuarantinedWhole(Quarantined):
    """A refused message with its payload, as text where it is UTF-8, else as base64."""

    payload: str | None = Field(description="as text; null where it is none")
    payload_base64: str | None = Field(description="where it is no text")
    cut: bool = Field(description="whether only the beginning of the payload is kept")


class Counts(BaseModel):
    """What quarantine holds of a gym for a reason, and what has gone through it."""

    gym: str | None = Field(description="null where none could be read")
    reason: str = Field(examples=["load-out-of-range"])
    refused: int = Field(description="how often such a message came, ever", examples=[120])
    held: int = Field(description="messages kept now, replayed ones included", examples=[17])
    held_bytes: int = Field(description="bytes of their payloads", examples=[8_400])
    replayed: int = Field(description="messages that a trial took, ever", examples=[3])
    expired: int = Field(description="messages that went because of their age, ever", examples=[0])
    dropped: int = Field(description="messages that went for want of room, ever: nobody can replay those", examples=[0])
    dropped_at: At | None = Field(None, description="UTC, ISO 8601; when the last of those went")


class ReplayWish(BaseModel):
    """Which messages to try again: these, or all of a reason or a gym, or all."""

    model_config = ConfigDict(extra="forbid")

    ids: list[MessageId] | None = Field(None, min_length=1, max_length=MAX_ITEMS, examples=[[17, 18]])
    reason: Reason | None = Field(None, examples=["load-out-of-range"])
    gym: str | None = Field(None, pattern=NAME, examples=["north"])
    all: bool = Field(False, description="has to be true where nothing else says which")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if not self.all and self.ids is None and self.reason is None and self.gym is None:
            raise ValueError("ids, reason or gym, or `all` as true")
        return self


class Asked(BaseModel):
    """What was asked for."""

    asked: int = Field(description="messages that wait for their trial now, of those that were meant", examples=[17])


@router.get("/quarantine")
def list_quarantine(
    parts: UsesParts,
    page: WantsPage,
    state: Annotated[MessageState | None, Query(description="in this state only; else held and asked")] = None,
    reason: Annotated[Reason | None, Query(description="refused for this reason only")] = None,
    gym: GymQuery = None,
) -> Page[Quarantined]:
    """Refused messages, the newest first. They are bounded in number, bytes and age: the oldest go."""
    found = kept.listing(
        parts.engine,
        None if page.after is None else number_of(page.after),
        page.one_more,
        state=state,
        reason=None if reason is None else reason.value,
        gym=gym,
    )
    rows, following = page.cut(found, lambda row: str(row.id))
    return Page(items=[Quarantined.model_validate(_fields(row)) for row in rows], next=following)


@router.get("/quarantine/counts")
def list_counts(parts: UsesParts) -> Page[Counts]:
    """What quarantine holds and what has gone through it, by gym and reason; all on one page."""
    rows = kept.tallies(parts.engine)
    fields = ("gym", "reason", "refused", "held", "held_bytes", "replayed", "expired", "dropped")
    return Page(
        items=[
            Counts(**{name: getattr(row, name) for name in fields}, dropped_at=at_or_none(row.dropped_us))
            for row in rows
        ],
        next=None,
    )


@router.post("/quarantine/replay", status_code=202)
def replay_many(parts: UsesParts, wish: ReplayWish) -> Asked:
    """Have ingest try many messages again; those that are stored already or cut are left out."""
    reason = None if wish.reason is None else wish.reason.value
    return Asked(asked=kept.ask_all(parts.engine, parts.clock(), ids=wish.ids, reason=reason, gym=wish.gym))


@router.get("/quarantine/{id}")
def get_quarantined(parts: UsesParts, message_id: MessagePath) -> QuarantinedWhole:
    """One refused message, with its payload."""
    found = kept.get(parts.engine, message_id)
    if found is None:
        raise _unknown(message_id)
    try:
        text, encoded = found.refused.payload.decode(), None
    except UnicodeDecodeError:
        text, encoded = None, b64encode(found.refused.payload).decode()
    payload = {"payload": text, "payload_base64": encoded, "cut": found.is_cut}
    return QuarantinedWhole.model_validate({**_fields(found), **payload})


@router.post("/quarantine/{id}/replay", status_code=202, responses=_CONFLICT)
def replay(parts: UsesParts, message_id: MessagePath) -> Quarantined:
    """Have ingest try a message again, after a fix: within seconds it is replayed, or held with the new reason."""
    try:
        return Quarantined.model_validate(_fields(kept.ask(parts.engine, message_id, parts.clock())))
    except kept.UnknownMessage:
        raise _unknown(message_id) from None
    except kept.PayloadCut as error:
        raise ProblemError(409, "payload-cut", str(error)) from None
    except kept.AlreadyReplayed as error:
        raise ProblemError(409, "already-replayed", str(error)) from None


def _unknown(message_id: int) -> ProblemError:
    return not_found(f"no message {message_id} is in quarantine; the oldest go when it is full")


def _fields(message: kept.QuarantinedMessage) -> dict[str, Any]:
    refused, refusal = message.refused, message.refused.refusal
    return {
        "id": message.id,
        "received_at": at(refused.received_us),
        "topic": refused.topic,
        "reason": refusal.reason,
        "detail": refusal.detail,
        "gym": refusal.gym,
        "machine": refusal.machine,
        "boot": refusal.boot,
        "seq": refusal.seq,
        "count": message.count,
        "bytes": message.size,
        "state": message.state,
        "tries": message.tries,
        "replayed_at": at_or_none(message.replayed_us),
    }
