"""A note as the API shows it."""

from typing import Literal

from pydantic import BaseModel, Field

from sledwatch_analytics.api.times import At, at, at_or_none
from sledwatch_storage.state.notes import StoredNote


class Note(BaseModel):
    """What a member said of how they feel. What was taken back stays in the list, with who took it back."""

    id: int = Field(examples=[17])
    user: str = Field(examples=["m-1042"])
    kind: Literal["back-pain"]
    at: At = Field(description="when it was felt")
    session: str | None = Field(description="in which session, null where in none", examples=["01JDX4"])
    text: str | None = Field(description="in whose words ever", examples=["lower left, since this morning"])
    noted_by: str = Field(examples=["admin"])
    noted_at: At
    taken_back_by: str | None = Field(examples=["admin"])
    taken_back_at: At | None = Field(description="UTC, ISO 8601; null while it stands")


def shown_note(note: StoredNote) -> Note:
    """A note as the API shows it."""
    return Note(
        id=note.id,
        user=note.user,
        kind=note.kind,
        at=at(note.at_us),
        session=note.session,
        text=note.text,
        noted_by=note.noted_by,
        noted_at=at(note.noted_us),
        taken_back_by=note.taken_back_by,
        taken_back_at=at_or_none(note.taken_back_us),
    )
