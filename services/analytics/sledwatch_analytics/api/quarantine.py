"""What machines sent and nobody could take: refused messages, with the reason."""

from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import UsesParts
from sledwatch_analytics.api.problems import not_found
from sledwatch_analytics.api.times import At, at
from sledwatch_storage.state import quarantine as kept
from sledwatch_storage.state.reading import number_of

router = APIRouter(tags=["quarantine"])


class Quarantined(BaseModel):
    """A refused message."""

    id: int = Field(examples=[17])
    received_at: At
    topic: str = Field(examples=["sledwatch/v1/north/press-1/frame"])
    reason: str = Field(examples=["load-out-of-range"])
    detail: str = Field(description="what was wrong, where, and what is expected")
    gym: str | None
    machine: str | None
    boot: str | None
    seq: int | None
    count: int = Field(description="how often the same message came", examples=[1])
    bytes: int = Field(description="length of the payload", examples=[412])


class QuarantinedWhole(Quarantined):
    """A refused message with its payload, as text where it is UTF-8, else as base64."""

    payload: str | None = Field(description="as text; null where it is none")
    payload_base64: str | None = Field(description="where it is no text")


@router.get("/quarantine")
def list_quarantine(parts: UsesParts, page: WantsPage) -> Page[Quarantined]:
    """Refused messages, the newest first. Their number is bounded: the oldest go."""
    found = kept.listing(parts.engine, None if page.after is None else number_of(page.after), page.one_more)
    rows, following = page.cut(found, lambda row: str(row.id))
    return Page(items=[Quarantined.model_validate(_fields(row)) for row in rows], next=following)


@router.get("/quarantine/{id}")
def get_quarantined(parts: UsesParts, message_id: Annotated[int, Path(alias="id", ge=1, le=2**62)]) -> QuarantinedWhole:
    """One refused message, with its payload."""
    found = kept.get(parts.engine, message_id)
    if found is None:
        raise not_found(f"no message {message_id} is in quarantine; the oldest go when it is full")
    try:
        text, encoded = found.refused.payload.decode(), None
    except UnicodeDecodeError:
        text, encoded = None, b64encode(found.refused.payload).decode()
    return QuarantinedWhole.model_validate({**_fields(found), "payload": text, "payload_base64": encoded})


def _fields(message: kept.QuarantinedMessage) -> dict[str, Any]:
    refused, refusal = message.refused, message.refused.refusal
    return {
        "id": message.id,
        "received_at": at(refused.received_us),
        "topic": refused.topic,
        "reason": refusal.reason.value,
        "detail": refusal.detail,
        "gym": refusal.gym,
        "machine": refusal.machine,
        "boot": refusal.boot,
        "seq": refusal.seq,
        "count": message.count,
        "bytes": len(refused.payload),
    }
