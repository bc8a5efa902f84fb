"""Back pain on the pages: what was noted, in words. Plain functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sledwatch_web import words
from sledwatch_web.api import Json
from sledwatch_web.words import Moment

# What is said after a tap, by what came of it.
TOLD: Final = {
    "pain-alert": "Back pain noted. Something came before it that counts: it is an alert on top of the inbox.",
    "pain-note": "Back pain noted. Nothing that counts came in the days before.",
    "pain-again": "That was noted already, a moment ago.",
    "pain-back": "Taken back: it counts no longer.",
}
# How many are shown unfolded.
SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class PainNote:
    """A note. undo: it was noted just now, by whoever looks."""

    id: int
    at: Moment | None
    text: str
    by: str
    session_href: str | None
    taken_back: str
    taken_back_at: Moment | None
    action: str
    undo: bool


@dataclass(frozen=True, slots=True)
class Pain:
    """The part of a page that is about pain.

    action: where a tap goes. session: what it is noted on, empty for none. back: the page itself.
    """

    action: str
    session: str
    back: str
    told: str
    notes: tuple[PainNote, ...]

    @property
    def newest(self) -> tuple[PainNote, ...]:
        return self.notes[:SHOWN]

    @property
    def older(self) -> tuple[PainNote, ...]:
        return self.notes[SHOWN:]

    @property
    def undo(self) -> PainNote | None:
        """What can be undone at once."""
        return next((note for note in self.notes if note.undo), None)


def told_of(answer: Json) -> str:
    """The key of what to say of an answer to a tap."""
    if answer["repeated"]:
        return "pain-again"
    alert = answer.get("alert")
    return "pain-alert" if alert is not None and alert["state"] != "resolved" else "pain-note"


def shown(
    user: str, session: str, notes: Sequence[Json], asked: Mapping[str, str], zone: str | None, now_us: int
) -> Pain:
    """The part of a member's page, or of a session's. session: empty on a member's.

    notes: as the API lists them. asked: the address's query: `told`, and `noted`, the note that it speaks of.
    """
    told, noted = asked.get("told", ""), asked.get("noted", "")
    action = f"/members/{user}/notes"
    rows = [
        PainNote(
            id=one["id"],
            at=words.moment(one["at"], zone, now_us),
            text=one.get("text") or "",
            by=one["noted_by"],
            session_href=f"/sessions/{one['session']}" if one.get("session") and not session else None,
            taken_back=one.get("taken_back_by") or "",
            taken_back_at=words.moment(one.get("taken_back_at"), zone, now_us),
            action=f"{action}/{one['id']}/take-back",
            undo=str(one["id"]) == noted and one.get("taken_back_at") is None and told in TOLD,
        )
        for one in sorted(notes, key=lambda note: str(note["at"]), reverse=True)
    ]
    back = f"/sessions/{session}" if session else f"/members/{user}"
    return Pain(action, session, back, TOLD.get(told, ""), tuple(rows))
