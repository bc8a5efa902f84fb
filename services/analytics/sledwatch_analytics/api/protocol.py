"""Clinicians' protocols: windows of knee angle or depth, a load cap, and until when they hold."""

from collections import Counter
from datetime import timedelta
from typing import Any, Final, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from sledwatch.events import MAX_DEPTH_MM, MAX_LOAD_KG
from sledwatch.protocol import Quantity, Window
from sledwatch_analytics.api.names import NAME, UserPath
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import AskedBy, Parts, UsesParts
from sledwatch_analytics.api.problems import invalid, not_found
from sledwatch_analytics.api.times import At, at, at_or_none, microseconds
from sledwatch_storage.state import protocols as kept
from sledwatch_storage.state.members import get_member

router = APIRouter(tags=["protocols"])

MAX_KNEE_DEG: Final = 160.0
MAX_WINDOWS: Final = 50
# What lies further ahead is a slip of the pen: a protocol belongs to a recovery (judgement).
MAX_DAYS: Final = 5 * 366
_HIGHEST: Final[dict[Quantity, float]] = {"knee_deg": MAX_KNEE_DEG, "depth_mm": MAX_DEPTH_MM}


class ProtocolWindow(BaseModel):
    """From where to where a rep may turn: knee flexion in degrees, or sled travel in millimetres, at the bottom."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    quantity: Quantity = Field(examples=["knee_deg"])
    min: float | None = Field(None, ge=0, description="null: no bound", examples=[20.0])
    max: float | None = Field(None, gt=0, description="null: no bound", examples=[80.0])
    gym: str | None = Field(None, pattern=NAME, description="with machine; null: any", examples=["north"])
    machine: str | None = Field(None, pattern=NAME, description="null: any without an own window", examples=["press-1"])

    @model_validator(mode="after")
    def _is_a_window(self) -> "ProtocolWindow":
        highest = _HIGHEST[self.quantity]
        if self.min is None and self.max is None:
            raise ValueError("give min, max, or both")
        if max(self.min or 0.0, self.max or 0.0) > highest:
            raise ValueError(f"min and max of {self.quantity}: expected {highest:g} at most")
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"min {self.min:g} must be less than max {self.max:g}")
        if (self.gym is None) != (self.machine is None):
            raise ValueError("give gym and machine together, or neither for any machine")
        if self.quantity == "depth_mm" and self.machine is None:
            raise ValueError(
                "a depth_mm window needs gym and machine: the same travel bends the knee otherwise on another machine; "
                "use knee_deg for any machine"
            )
        return self


class ProtocolWish(BaseModel):
    """A protocol to set, whole: it takes the place of the one there is. Nothing is built in."""

    model_config = ConfigDict(extra="forbid")

    windows: list[ProtocolWindow] = Field(default_factory=list, max_length=MAX_WINDOWS)
    load_cap_kg: float | None = Field(None, gt=0, le=MAX_LOAD_KG, description="sled included", examples=[90.0])
    expires_at: AwareDatetime = Field(description="from then on it is not applied", examples=["2027-01-15T00:00:00Z"])
    clinician: str | None = Field(None, min_length=1, max_length=200, description="who decided", examples=["Dr. Ruiz"])
    note: str | None = Field(None, max_length=2_000, examples=["ACL, week 6"])

    @model_validator(mode="after")
    def _says_something(self) -> "ProtocolWish":
        if not self.windows and self.load_cap_kg is None:
            raise ValueError("give at least one window, or load_cap_kg")
        places = Counter((window.quantity, window.gym, window.machine) for window in self.windows)
        twice = next((place for place, count in places.items() if count > 1), None)
        if twice is not None:
            quantity, gym, machine = twice
            raise ValueError(f"two {quantity} windows for {'any machine' if gym is None else f'{gym}/{machine}'}")
        return self


class Protocol(BaseModel):
    """A member's protocol."""

    user: str = Field(examples=["m-1042"])
    version: int = Field(description="counts up with every change", examples=[1])
    windows: list[ProtocolWindow]
    load_cap_kg: float | None = Field(examples=[90.0])
    expires_at: At
    expired: bool = Field(description="whether it is over: it is shown, and not applied")
    clinician: str | None = Field(description="who decided", examples=["Dr. Ruiz"])
    note: str | None
    set_by: str = Field(description="who entered it", examples=["admin"])
    set_at: At
    not_judged: list[str] = Field(description="what of it cannot be judged, and why")


class PastProtocol(Protocol):
    """A protocol of the history; the one that stands has not ended."""

    ended_by: str | None = Field(description="who replaced it or took it away", examples=["admin"])
    ended_at: At | None = Field(description="UTC, ISO 8601; null while it stands")


@router.get("/members/{user}/protocol")
def get_protocol(parts: UsesParts, user: UserPath) -> Protocol:
    """A member's protocol, expired or not."""
    found = kept.get_protocol(parts.engine, user)
    if found is None:
        raise _none(user)
    return Protocol(**_shown(parts, found))


@router.put("/members/{user}/protocol")
def put_protocol(parts: UsesParts, asked_by: AskedBy, user: UserPath, wish: ProtocolWish) -> Protocol:
    """Set a protocol; it holds from the next rep on, and sessions that are not closed yet are judged by it."""
    now_us = parts.clock()
    until = at(now_us) + timedelta(days=MAX_DAYS)
    if not at(now_us) < wish.expires_at <= until:
        expected = f"a time from now to {until:%Y-%m-%d}, {MAX_DAYS // 366} years ahead"
        raise invalid("expires_at", expected, wish.expires_at.isoformat())
    stored = kept.put_protocol(
        parts.engine,
        user,
        windows=[_window(window) for window in wish.windows],
        load_cap_kg=wish.load_cap_kg,
        expires_us=microseconds(wish.expires_at),
        clinician=wish.clinician,
        note=wish.note,
        set_by=asked_by.name,
        now_us=now_us,
    )
    parts.floor.limits_changed(user)
    return Protocol(**_shown(parts, stored))


@router.delete("/members/{user}/protocol", status_code=204, response_class=Response)
def delete_protocol(parts: UsesParts, asked_by: AskedBy, user: UserPath) -> None:
    """Take a member's protocol away; the history keeps it."""
    if not kept.delete_protocol(parts.engine, user, deleted_by=asked_by.name, now_us=parts.clock()):
        raise _none(user)
    parts.floor.limits_changed(user)


@router.get("/members/{user}/protocol/history")
def list_protocols(parts: UsesParts, user: UserPath, page: WantsPage) -> Page[PastProtocol]:
    """Every protocol that a member ever had, newest first."""
    before = int(page.after) if page.after is not None and page.after.isdecimal() else None
    found = kept.protocols_of(parts.engine, user, before, page.one_more)
    rows, following = page.cut(found, lambda protocol: str(protocol.version))
    items = [
        PastProtocol(**_shown(parts, one), ended_by=one.ended_by, ended_at=at_or_none(one.ended_us)) for one in rows
    ]
    return Page(items=items, next=following)


def _window(window: ProtocolWindow) -> Window:
    return Window(window.quantity, window.min, window.max, window.gym, window.machine)


def _shown(parts: Parts, protocol: kept.StoredProtocol) -> dict[str, Any]:
    same: tuple[Literal["user", "version", "load_cap_kg", "clinician", "note", "set_by"], ...] = (
        "user", "version", "load_cap_kg", "clinician", "note", "set_by",
    )  # fmt: skip
    return {name: getattr(protocol, name) for name in same} | {
        "windows": [
            ProtocolWindow(quantity=one.quantity, min=one.least, max=one.most, gym=one.gym, machine=one.machine)
            for one in protocol.windows
        ],
        "expires_at": at(protocol.expires_us),
        "expired": not protocol.rules.holds_at(parts.clock()),
        "set_at": at(protocol.set_us),
        "not_judged": _not_judged(parts, protocol),
    }


def _not_judged(parts: Parts, protocol: kept.StoredProtocol) -> list[str]:
    member = get_member(parts.engine, protocol.user)
    if any(window.quantity == "knee_deg" for window in protocol.windows) and (
        member is None or member.height_mm is None
    ):
        return ["windows of the knee: the member's height is not known, and without it there are no angles"]
    return []


def _none(user: str) -> Exception:
    return not_found(f"no protocol of {user} is set")
