"""Members: who is behind a pseudonym, and their sessions."""

from typing import Literal, cast

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from sledwatch_analytics.api.names import UserPath
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import Parts, UsesParts
from sledwatch_analytics.api.problems import not_found
from sledwatch_analytics.api.sessions import Session, shown_session
from sledwatch_analytics.api.times import At, at, at_or_none
from sledwatch_storage.state import members as kept
from sledwatch_storage.state import sessions as kept_sessions

router = APIRouter(tags=["members"])

Sex = Literal["male", "female"]


class Member(BaseModel):
    """A member; they appear at the first sight of their badge."""

    user: str = Field(description="the pseudonym that machines send", examples=["m-1042"])
    name: str | None = Field(examples=["Ada"])
    height_mm: float | None = Field(description="body height", examples=[1750.0])
    sex: Sex | None
    first_seen_at: At
    last_session_at: At | None = Field(description="start of the latest session, UTC, ISO 8601")
    open_alerts: int = Field(examples=[0])


class MemberWish(BaseModel):
    """What to change of a member; what is left out stays as it is, null takes it away."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=200, examples=["Ada"])
    height_mm: float | None = Field(None, ge=500, le=2_600, description="body height", examples=[1750.0])
    sex: Sex | None = None


@router.get("/members")
def list_members(parts: UsesParts, page: WantsPage) -> Page[Member]:
    """All members, by pseudonym."""
    rows, following = page.cut(kept.list_members(parts.engine, page.after, page.one_more), lambda row: row.user)
    return Page(items=[_shown(row) for row in rows], next=following)


@router.get("/members/{user}")
def get_member(parts: UsesParts, user: UserPath) -> Member:
    """One member."""
    return _shown(known_member(parts, user))


@router.put("/members/{user}")
def put_member(parts: UsesParts, user: UserPath, wish: MemberWish) -> Member:
    """Say who is behind a pseudonym; one that was not seen yet begins here."""
    changes = cast(kept.MemberChanges, wish.model_dump(exclude_unset=True))
    kept.put_member(parts.engine, user, changes, parts.clock())
    if changes:
        parts.floor.limits_changed(user)
    return _shown(known_member(parts, user))


@router.get("/members/{user}/sessions")
def list_sessions(parts: UsesParts, user: UserPath, page: WantsPage) -> Page[Session]:
    """A member's sessions, newest first, live ones too."""
    known_member(parts, user)
    found = kept_sessions.sessions_of(parts.engine, user, page.after, page.one_more)
    rows, following = page.cut(found, kept_sessions.cursor_of)
    return Page(items=[shown_session(parts, row) for row in rows], next=following)


def known_member(parts: Parts, user: str) -> kept.Member:
    """The member, or the problem that there is none."""
    found = kept.get_member(parts.engine, user)
    if found is None:
        raise not_found(f"no member {user}: this badge was never seen and nobody has named it")
    return found


def _shown(member: kept.Member) -> Member:
    return Member(
        user=member.user,
        name=member.name,
        height_mm=member.height_mm,
        sex=member.sex,
        first_seen_at=at(member.first_seen_us),
        last_session_at=at_or_none(member.last_session_us),
        open_alerts=member.open_alerts,
    )
