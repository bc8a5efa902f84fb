"""Findings: what the rules said of sessions, with the arithmetic."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from sledwatch.events import Severity, Tier
from sledwatch_analytics.api.names import RuleQuery, SessionQuery, UserQuery
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import UsesParts
from sledwatch_analytics.api.times import At, at
from sledwatch_storage.state import findings as kept

router = APIRouter(tags=["findings"])


class Finding(BaseModel):
    """What a rule found in a session. Those of severity warn and alert are in the inbox as alerts too."""

    id: str = Field(examples=["9f3c0a7be1d24486a1f2c3d4e5f60718"])
    session: str | None = Field(examples=["01JDX4"])
    gym: str = Field(examples=["north"])
    machine: str | None = Field(examples=["press-1"])
    user: str | None = Field(examples=["m-1042"])
    rule: str = Field(examples=["depth.excessive"])
    severity: Severity
    at: At
    set: int | None = Field(examples=[2])
    count: int = Field(description="how often, such as reps past the limit", examples=[3])
    title: str
    message: str = Field(description="one sentence: what happened")
    advice: str = Field(description="one sentence: what to do about it")
    evidence: dict[str, Any] = Field(description="the arithmetic: figures with units in their names")
    limit_tier: Tier | None = Field(description="how the depth limit is known")


@router.get("/findings")
def list_findings(
    parts: UsesParts, page: WantsPage, user: UserQuery = None, session: SessionQuery = None, rule: RuleQuery = None
) -> Page[Finding]:
    """Findings, newest first."""
    found = kept.list_findings(parts.engine, user, session, rule, page.after, page.one_more)
    rows, following = page.cut(found, kept.cursor_of)
    return Page(items=[shown_finding(row) for row in rows], next=following)


def shown_finding(finding: kept.StoredFinding) -> Finding:
    """A finding as the API shows it."""
    return Finding.model_validate({**finding, "at": at(finding["at_us"])})
