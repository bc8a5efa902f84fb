"""The inbox: alerts, and what people do with them."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from sledwatch import events
from sledwatch.alerts import IllegalTransition
from sledwatch.events import AlertState, Severity, Tier
from sledwatch_analytics.api.names import GymQuery, RuleQuery, UserQuery
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import AskedBy, Parts, UsesParts
from sledwatch_analytics.api.problems import ProblemError, not_found
from sledwatch_analytics.api.times import At, at
from sledwatch_storage.state import alerts as kept
from sledwatch_storage.state.members import names_of

router = APIRouter(tags=["alerts"])

AlertPath = Annotated[str, Path(alias="id", pattern=r"^[0-9a-f]{1,32}$", description="an alert")]


class Comment(BaseModel):
    """What somebody wrote beside an alert."""

    author: str = Field(examples=["admin"])
    at: At
    text: str = Field(examples=["Showed her the stop at 400 mm."])


class CommentWish(BaseModel):
    """A comment to write."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=2_000, pattern=r"\S", examples=["Showed her the stop at 400 mm."])


class Alert(BaseModel):
    """Something a trainer should act on. One alert for one matter: it repeats by counting."""

    id: str = Field(examples=["9f3c0a7be1d24486a1f2c3d4e5f60718"])
    gym: str = Field(examples=["north"])
    user: str | None = Field(examples=["m-1042"])
    user_name: str | None = Field(examples=["Ada"])
    machine: str | None = Field(examples=["press-1"])
    session: str | None = Field(examples=["01JDX4"])
    rule: str = Field(examples=["depth.excessive"])
    severity: Severity
    state: AlertState
    count: int = Field(examples=[3])
    first_at: At
    last_at: At
    title: str
    message: str = Field(description="one sentence: what happened")
    advice: str = Field(description="one sentence: what to do about it")
    evidence: dict[str, Any] = Field(description="the arithmetic: figures with units in their names")
    limit_tier: Tier | None
    comments: list[Comment] = Field(description="the first written first")


@router.get("/alerts")
def list_alerts(
    parts: UsesParts,
    page: WantsPage,
    state: Annotated[AlertState | None, Query(description="in this state only")] = None,
    user: UserQuery = None,
    gym: GymQuery = None,
    rule: RuleQuery = None,
) -> Page[Alert]:
    """Alerts, the last that happened first; above all others those of back pain, while they are open."""
    found = kept.list_alerts(parts.engine, state, user, gym, rule, page.after, page.one_more)
    rows, following = page.cut(found, kept.cursor_of)
    return Page(items=shown_alerts(parts, rows), next=following)


@router.get("/alerts/{id}")
def get_alert(parts: UsesParts, alert_id: AlertPath) -> Alert:
    """One alert."""
    return _known(parts, alert_id)


@router.post("/alerts/{id}/acknowledge")
def acknowledge(parts: UsesParts, asked_by: AskedBy, alert_id: AlertPath) -> Alert:
    """Say that somebody takes care of it."""
    return _changed(parts, alert_id, "acknowledge", asked_by.name)


@router.post("/alerts/{id}/silence")
def silence(parts: UsesParts, asked_by: AskedBy, alert_id: AlertPath) -> Alert:
    """Hear no more of this matter; it goes on counting."""
    return _changed(parts, alert_id, "silence", asked_by.name)


@router.post("/alerts/{id}/resolve")
def resolve(parts: UsesParts, asked_by: AskedBy, alert_id: AlertPath) -> Alert:
    """Say that it is dealt with; it opens again if it happens again."""
    return _changed(parts, alert_id, "resolve", asked_by.name)


@router.post("/alerts/{id}/comments", status_code=201)
def write_comment(parts: UsesParts, asked_by: AskedBy, alert_id: AlertPath, wish: CommentWish) -> Alert:
    """Write something beside an alert; the answer is the alert with all its comments."""
    try:
        kept.comment(parts.engine, alert_id, asked_by.name, parts.clock(), wish.text.strip())
    except kept.UnknownAlert:
        raise _unknown(alert_id) from None
    return _told(parts, alert_id)


def _changed(parts: Parts, alert_id: str, verb: kept.Verb, by: str) -> Alert:
    try:
        kept.change_state(parts.engine, alert_id, verb, by, parts.clock())
    except kept.UnknownAlert:
        raise _unknown(alert_id) from None
    except IllegalTransition as error:
        raise ProblemError(409, "illegal-transition", str(error)) from None
    return _told(parts, alert_id)


def _told(parts: Parts, alert_id: str) -> Alert:
    """The alert as it is now, told to everybody who looks at it too."""
    alert = _known(parts, alert_id)
    parts.hub.publish("alert", alert.model_dump())
    return alert


def _known(parts: Parts, alert_id: str) -> Alert:
    found = kept.get(parts.engine, alert_id)
    if found is None:
        raise _unknown(alert_id)
    return shown_alerts(parts, [found])[0]


def _unknown(alert_id: str) -> ProblemError:
    return not_found(f"no alert {alert_id}")


def shown_alerts(parts: Parts, alerts: Sequence[events.Alert]) -> list[Alert]:
    """Alerts as the API shows them."""
    with parts.engine.connect() as connection:
        comments = kept.comments_of(connection, [alert.id for alert in alerts])
        names = names_of(connection, {alert.user for alert in alerts if alert.user is not None})
    return [
        Alert.model_validate(
            {
                **{name: getattr(alert, name) for name in events.Alert.__slots__},
                "user_name": names.get(alert.user or ""),
                "comments": [Comment(author=one.author, at=at(one.at_us), text=one.text) for one in comments[alert.id]],
            }
        )
        for alert in alerts
    ]
