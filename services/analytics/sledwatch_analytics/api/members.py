"""Members: who is behind a pseudonym, their sessions, and their workload."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal, cast
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from sledwatch.events import Severity
from sledwatch.workload import workload_view
from sledwatch_analytics.api.names import UserPath
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import Parts, UsesParts
from sledwatch_analytics.api.problems import invalid, not_found
from sledwatch_analytics.api.sessions import Session, shown_session
from sledwatch_analytics.api.times import EPOCH, At, at, at_or_none, microseconds
from sledwatch_storage.state import members as kept
from sledwatch_storage.state import sessions as kept_sessions
from sledwatch_storage.state.missing import missing_days

router = APIRouter(tags=["members"])

WORKLOAD_DAYS: Final = 90
MAX_WORKLOAD_DAYS: Final = 3_660

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


class WorkloadDay(BaseModel):
    """A day in the gym's time zone. The ratios are context; they never raise an alert."""

    day: date
    work_j: float | None = Field(description="concentric work; null on a day of which data is missing")
    tonnage_kg: float
    top_load_kg: float
    sessions: int
    hard_sets: int
    missing: bool = Field(description="whether a machine that the member used has lost data of this day")
    ewma_ratio: float | None = Field(description="7 to 28 days, exponentially weighted (Williams 2017)")
    coupled_ratio: float | None = Field(description="mean of 7 days over mean of 28 (Gabbett 2016)")
    uncoupled_ratio: float | None = Field(description="7 days over the 21 before (Windt & Gabbett 2019)")
    monotony: float | None = Field(description="mean over sample SD of 7 days (Foster 1998)")
    strain: float | None = Field(description="week's load × monotony (Foster 1998)")


class WorkloadSession(BaseModel):
    """A session against the member's own last 30 days."""

    session: str
    start_at: At
    day: date
    work_j: float | None
    best_30d_j: float | None = Field(description="largest session of the 30 days before")
    spike: float | None = Field(description="its visit's work over best_30d_j (Frandsen 2025)", examples=[1.42])
    severity: Severity | None = Field(description="of the spike")
    hard: bool = Field(description="more than 70 % of the largest in the 30 days before")


class Workload(BaseModel):
    """A member's load over time."""

    user: str
    time_zone: str = Field(description="says what a day is", examples=["Europe/Berlin"])
    state: Literal["beginner", "no-baseline", "returning", "baseline"]
    note: str = Field(description="what these figures do not see")
    days: list[WorkloadDay] = Field(description="every day from `from` to `to`")
    sessions: list[WorkloadSession]


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


@router.get("/members/{user}/workload")
def get_workload(
    parts: UsesParts,
    user: UserPath,
    from_day: Annotated[date | None, Query(alias="from", description="first day; by default 90 days to `to`")] = None,
    to_day: Annotated[date | None, Query(alias="to", description="last day; by default today")] = None,
) -> Workload:
    """A member's load by day and session. Only the leg press is seen."""
    known_member(parts, user)
    now_us = parts.clock()
    time_zone = _time_zone(parts, user)
    to_day = to_day or at(now_us).astimezone(ZoneInfo(time_zone)).date()
    if not EPOCH.date() <= to_day <= at(now_us).date() + timedelta(days=1):
        raise invalid("to", "a day from 1970 to today", to_day.isoformat(), place="query")
    from_day = from_day or max(EPOCH.date(), to_day - timedelta(days=WORKLOAD_DAYS - 1))
    if not EPOCH.date() <= from_day <= to_day or (to_day - from_day).days >= MAX_WORKLOAD_DAYS:
        expected = f"a day up to `to` ({to_day}), and {MAX_WORKLOAD_DAYS} days at most"
        raise invalid("from", expected, from_day.isoformat(), place="query")
    until_us = _midnight_us(to_day + timedelta(days=1), time_zone) - 1
    sessions = kept_sessions.member_sessions_frame(parts.engine, user, until_us)
    first_us = int(sessions["start_us"].min()) if len(sessions) else until_us
    missing = missing_days(
        parts.engine, user, min(first_us, _midnight_us(from_day, time_zone)), min(until_us, now_us), time_zone
    )
    view: dict[str, Any] = workload_view(sessions, time_zone, from_day, to_day, missing)
    return Workload.model_validate({**view, "user": user})


def known_member(parts: Parts, user: str) -> kept.Member:
    """The member, or the problem that there is none."""
    found = kept.get_member(parts.engine, user)
    if found is None:
        raise not_found(f"no member {user}: this badge was never seen and nobody has named it")
    return found


def _time_zone(parts: Parts, user: str) -> str:
    """That of the gym of the member's latest session."""
    latest = kept_sessions.sessions_of(parts.engine, user, None, 1)
    return kept_sessions.time_zone_of(parts.engine, latest[0]["gym"]) if latest else parts.config.time_zone


def _midnight_us(day: date, time_zone: str) -> int:
    return microseconds(datetime.combine(day, datetime.min.time(), tzinfo=ZoneInfo(time_zone)))


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
