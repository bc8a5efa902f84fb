"""Notes of back pain: one tap, judged at once by what came before, and taken back as easily."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sledwatch import events
from sledwatch.events import MAX_AHEAD_US
from sledwatch_analytics.api.alerts import Alert, shown_alerts
from sledwatch_analytics.api.findings import Finding, shown_finding
from sledwatch_analytics.api.members import known_member
from sledwatch_analytics.api.names import TOKEN, UserPath
from sledwatch_analytics.api.noted import Note, shown_note
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import AskedBy, Parts, UsesParts
from sledwatch_analytics.api.problems import invalid, not_found
from sledwatch_analytics.api.times import at, microseconds
from sledwatch_analytics.closing.pain import note_pain, take_back_pain
from sledwatch_storage.state import alerts as kept_alerts
from sledwatch_storage.state import notes as kept
from sledwatch_storage.state import sessions
from sledwatch_storage.state.days import DAY_US
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.findings import get_finding

router = APIRouter(tags=["members"])

# What is further back than this was felt before anybody here knew them, or is a slip of the pen.
OLDEST_DAYS: Final = 90

# Something that can be seen, and no zero character: PostgreSQL takes none.
_WORDS: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"

NotePath = Annotated[int, Path(alias="id", ge=1, le=2**62, description="a note of the member")]


class NoteWish(BaseModel):
    """A note to write."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["back-pain"] = Field(description="what it is about")
    at: AwareDatetime | None = Field(
        None, description="when it was felt; by default now", examples=["2026-11-22T17:40Z"]
    )
    session: str | None = Field(
        None, pattern=TOKEN, description="in which session of theirs it was felt or told", examples=["01JDX4"]
    )
    text: str | None = Field(None, min_length=1, max_length=2_000, pattern=_WORDS, examples=["lower left"])


class Noted(BaseModel):
    """A note and what came of it."""

    note: Note
    repeated: bool = Field(description="whether it was noted already: within a minute, or at the very same time")
    finding: Finding | None = Field(
        description="`pain.reported`, with what was found before; null for who was never seen in a gym"
    )
    alert: Alert | None = Field(description="the alert that it counts on; null where nothing that counts came before")


@router.post(
    "/members/{user}/notes", status_code=201, responses={200: {"description": "noted already", "model": Noted}}
)
def write_note(parts: UsesParts, asked_by: AskedBy, user: UserPath, wish: NoteWish, response: Response) -> Noted:
    """Note that a member's back hurts.

    Within 7 days of excessive depth or a warning of depth, protocol or workload this is an alert, above all others in
    the inbox. What is noted again within 7 days counts on the same one. A second tap within a minute, on the same
    session, changes nothing and answers 200.
    """
    known_member(parts, user)
    now_us = parts.clock()
    at_us = now_us if wish.at is None else _felt_us(parts, user, microseconds(wish.at), now_us)
    session = None if wish.session is None else _session(parts, user, wish.session)
    if wish.at is not None and session is not None and at_us < session["start_us"] - MAX_AHEAD_US:
        raise invalid("at", f"a time from the start of that session on, {_iso(session['start_us'])}", _iso(at_us))
    place = session or next(iter(sessions.sessions_of(parts.engine, user, None, 1)), None)
    with begin(parts.engine) as connection:
        noted = note_pain(
            connection,
            user=user,
            at_us=at_us,
            session=wish.session,
            gym=None if place is None else place["gym"],
            machine=None if session is None else session["machine"],
            text=None if wish.text is None else wish.text.strip(),
            by=asked_by.name,
            now_us=now_us,
        )
    if noted.repeated:
        response.status_code = 200
    return _told(parts, noted.note, noted.changed, repeated=noted.repeated)


@router.get("/members/{user}/notes")
def list_notes(parts: UsesParts, user: UserPath, page: WantsPage) -> Page[Note]:
    """A member's notes, what was felt last first; those taken back too."""
    known_member(parts, user)
    rows, following = page.cut(kept.list_notes(parts.engine, user, page.after, page.one_more), kept.cursor_of)
    return Page(items=[shown_note(row) for row in rows], next=following)


@router.delete("/members/{user}/notes/{id}")
def take_note_back(parts: UsesParts, asked_by: AskedBy, user: UserPath, note_id: NotePath) -> Noted:
    """Take a note back: it stays in the list, counts no longer, and what it alone had raised is withdrawn.

    Taking it back again changes nothing.
    """
    known_member(parts, user)
    with begin(parts.engine) as connection:
        changed = take_back_pain(connection, user, note_id, asked_by.name, parts.clock())
        note = kept.get(connection, user, note_id)
    if changed is None or note is None:
        raise not_found(f"{user} has no note {note_id}")
    return _told(parts, note, changed, repeated=False)


def _felt_us(parts: Parts, user: str, at_us: int, now_us: int) -> int:
    """When it was felt, as given; a clock that runs a little ahead means now."""
    if at_us > now_us + MAX_AHEAD_US:
        raise invalid("at", f"a time that has passed (it is {at(now_us):%Y-%m-%dT%H:%M:%SZ})", _iso(at_us))
    first_us = sessions.first_start_us(parts.engine, user)
    oldest_us = min(now_us - OLDEST_DAYS * DAY_US, now_us if first_us is None else first_us)
    if at_us < oldest_us:
        expected = f"a time of the last {OLDEST_DAYS} days, or since their first session: from {_iso(oldest_us)} on"
        raise invalid("at", expected, _iso(at_us))
    return min(at_us, now_us)


def _session(parts: Parts, user: str, session: str) -> sessions.StoredSession:
    found = sessions.get_session(parts.engine, session)
    if found is None or found["user"] != user or found["state"] == "void":
        raise invalid("session", f"a session of {user} that has begun", session)
    return found


def _told(parts: Parts, note: kept.StoredNote, changed: list[events.Alert], *, repeated: bool) -> Noted:
    """A note and what it counts on now, told to everybody who looks at alerts too."""
    for one in changed:
        parts.hub.publish("alert", kept_alerts.as_told(parts.engine, one))
    finding = get_finding(parts.engine, note.matter)
    alert = kept_alerts.get(parts.engine, note.matter)
    return Noted(
        note=shown_note(note),
        repeated=repeated,
        finding=None if finding is None else shown_finding(finding),
        alert=None if alert is None else shown_alerts(parts, [alert])[0],
    )


def _iso(at_us: int) -> str:
    return f"{at(at_us):%Y-%m-%dT%H:%M:%SZ}"
