"""The sets of a session, and what staff may say of them: somebody else did it, or it counts for nobody."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from sledwatch import events
from sledwatch_analytics.api.names import NAME, SessionPath
from sledwatch_analytics.api.paging import Page
from sledwatch_analytics.api.parts import AskedBy, Parts, UsesParts
from sledwatch_analytics.api.problems import ProblemError, not_found
from sledwatch_analytics.api.sessions import known_session, reps_of
from sledwatch_analytics.api.times import At, at, at_or_none
from sledwatch_storage.state import corrections as kept
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.sessions import StoredSession

router = APIRouter(tags=["sessions"])

SetPath = Annotated[int, Path(ge=1, description="a set of the session, from 1", examples=[2])]


class Set(BaseModel):
    """A set, whoever did it. Depth and load are medians of its reps."""

    set: int = Field(examples=[2])
    start_at: At
    end_at: At | None
    reps: int = Field(examples=[8])
    depth_mm: float = Field(description="of the bottoms", examples=[401.5])
    load_kg: float = Field(examples=[120.0])
    user: str | None = Field(description="whom it counts for; null: nobody, it was discarded", examples=["m-1042"])
    session: str = Field(description="the session it is told in: one of its own for each other member")
    corrected_by: str | None = Field(description="who said so; null: nobody has said anything, the badge tells")
    corrected_at: At | None


class Reassignment(BaseModel):
    """Whose set it was."""

    model_config = ConfigDict(extra="forbid")

    user: str = Field(pattern=NAME, description="who did it; whoever's badge it was, to say that all is well")


@router.get("/sessions/{session}/sets")
def list_sets(parts: UsesParts, session: SessionPath) -> Page[Set]:
    """The sets of a session, whoever did them, those that were discarded too."""
    return Page(items=_sets(parts, _badge_session(parts, session)), next=None)


@router.post("/sessions/{session}/sets/{set}/reassign", status_code=202)
def reassign(parts: UsesParts, asked_by: AskedBy, session: SessionPath, set: SetPath, wish: Reassignment) -> Set:  # noqa: A002 - the word of the address
    """Say who did a set. All that follows from it is computed again, for both members, within seconds."""
    return _correct(parts, session, set, wish.user, asked_by.name)


@router.post("/sessions/{session}/sets/{set}/discard", status_code=202)
def discard(parts: UsesParts, asked_by: AskedBy, session: SessionPath, set: SetPath) -> Set:  # noqa: A002
    """Have a set count for nobody. It can be taken back by assigning it to somebody."""
    return _correct(parts, session, set, None, asked_by.name)


def _correct(parts: Parts, session: str, number: int, user: str | None, by: str) -> Set:
    whole = _badge_session(parts, session)
    if whole["source"] == "import":
        detail = f"session {whole['session']} was imported, and has no samples to judge anew: import it again corrected"
        raise ProblemError(409, "imported", detail)
    if whole["state"] == "live":
        detail = f"session {whole['session']} is still live, and its sets may change: correct it when it is closed"
        raise ProblemError(409, "live", detail)
    reps = [rep for rep in kept.all_reps_of(parts.engine, whole["session"]) if rep.set == number]
    if not reps:
        numbers = sorted({rep.set for rep in kept.all_reps_of(parts.engine, whole["session"])})
        there = f"its sets are {numbers[0]} to {numbers[-1]}" if numbers else "it has none"
        raise not_found(f"no set {number} in session {whole['session']}: {there}")
    correction = kept.Correction(
        session=whole["session"],
        from_us=min(rep.t_start_us for rep in reps),
        until_us=max(rep.t_end_us for rep in reps),
        user=user,
        corrected_by=by,
        corrected_us=parts.clock(),
    )
    with begin(parts.engine) as connection:
        kept.correct(connection, correction)
    return next(one for one in _sets(parts, whole) if one.set == number)


def _badge_session(parts: Parts, session: str) -> StoredSession:
    """The session of the badge, also where a part of it was named that is somebody else's by now."""
    found = known_session(parts, session)
    return found if found["split_of"] is None else known_session(parts, found["split_of"])


def _sets(parts: Parts, whole: StoredSession) -> list[Set]:
    session = whole["session"]
    live = whole["state"] == "live"
    reps = reps_of(parts, whole) if live else kept.all_reps_of(parts.engine, session)
    said = [] if live else kept.corrections_of(parts.engine, session)
    of_set: defaultdict[int, list[events.Rep]] = defaultdict(list)
    for rep in reps:
        of_set[rep.set].append(rep)
    return [_shown(number, of_set[number], whole, said) for number in sorted(of_set)]


def _shown(number: int, reps: Sequence[events.Rep], whole: StoredSession, said: Sequence[kept.Correction]) -> Set:
    correction = next((one for one in said if one.covers(reps[0])), None)
    user = whole["user"] if correction is None else correction.user
    mine = user == whole["user"]
    return Set(
        set=number,
        start_at=at(min(rep.t_start_us for rep in reps)),
        end_at=at(max(rep.t_end_us for rep in reps)),
        reps=len(reps),
        depth_mm=median(rep.depth_mm for rep in reps),
        load_kg=median(rep.load_kg for rep in reps),
        user=user,
        session=whole["session"] if mine or user is None else kept.split_id(whole["session"], user),
        corrected_by=None if correction is None else correction.corrected_by,
        corrected_at=None if correction is None else at_or_none(correction.corrected_us),
    )
