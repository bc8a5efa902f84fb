"""Depth limits: how far a member's sled may come, set by a trainer in millimetres or by pointing at a rep."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sledwatch.events import MAX_DEPTH_MM, Rep
from sledwatch.limits import ANY
from sledwatch_analytics.api.names import TOKEN, GymPath, MachinePath, UserPath
from sledwatch_analytics.api.paging import Page
from sledwatch_analytics.api.parts import AskedBy, Parts, UsesParts
from sledwatch_analytics.api.problems import invalid, not_found
from sledwatch_analytics.api.sessions import reps_of
from sledwatch_analytics.api.times import At, at
from sledwatch_storage.state import limits as kept
from sledwatch_storage.state.sessions import StoredSession, get_session

router = APIRouter(tags=["limits"])


class FromRep(BaseModel):
    """A recorded rep that a trainer points at: this deep, no deeper."""

    model_config = ConfigDict(extra="forbid")

    session: str = Field(pattern=TOKEN, examples=["01JDX4"])
    set: int | None = Field(None, ge=1, examples=[2])
    rep: int = Field(ge=1, description="counted through the session", examples=[14])


class Limit(BaseModel):
    """A calibrated depth limit of a member on a machine."""

    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-1"])
    notch: int | None = Field(description="seat notch; null: every one that has no limit of its own", examples=[4])
    foot_row: int | None = Field(description="foot row; null: every one that has no limit of its own", examples=[2])
    limit_mm: float = Field(description="sled travel from the rack", examples=[412.0])
    from_rep: FromRep | None = Field(description="the rep that it was taken from")
    set_by: str = Field(examples=["admin"])
    set_at: At
    version: int = Field(description="counts up with every change", examples=[1])


class LimitWish(BaseModel):
    """A limit to set: in millimetres, or by a rep. With a rep, seat and feet are those of its session unless given."""

    model_config = ConfigDict(extra="forbid")

    limit_mm: float | None = Field(None, gt=0, le=MAX_DEPTH_MM, description="sled travel from the rack", examples=[412])
    notch: int | None = Field(None, ge=0, le=100, description="seat notch; null: every one", examples=[4])
    foot_row: int | None = Field(None, ge=0, le=100, description="foot row; null: every one", examples=[2])
    from_rep: FromRep | None = Field(None, description="alone, its depth becomes the limit")

    @model_validator(mode="after")
    def _says_how_deep(self) -> "LimitWish":
        if self.limit_mm is None and self.from_rep is None:
            raise ValueError("give limit_mm, or from_rep to take a rep's depth")
        return self


@router.get("/members/{user}/limits")
def list_limits(parts: UsesParts, user: UserPath) -> Page[Limit]:
    """All limits of a member."""
    return Page(items=[_shown(limit) for limit in kept.limits_of(parts.engine, user)], next=None)


@router.get("/members/{user}/limits/{gym}/{machine}")
def list_machine_limits(parts: UsesParts, user: UserPath, gym: GymPath, machine: MachinePath) -> Page[Limit]:
    """A member's limits on one machine."""
    return Page(items=[_shown(limit) for limit in kept.limits_of(parts.engine, user, gym, machine)], next=None)


@router.put("/members/{user}/limits/{gym}/{machine}")
def put_limit(
    parts: UsesParts, asked_by: AskedBy, user: UserPath, gym: GymPath, machine: MachinePath, wish: LimitWish
) -> Limit:
    """Set a limit; it holds from the next rep on, at the machine too. Accepted before member or machine were seen."""
    limit_mm, notch, foot_row = wish.limit_mm, wish.notch, wish.foot_row
    pointed_at: dict[str, Any] | None = None
    if wish.from_rep is not None:
        session, rep = _pointed_at(parts, wish.from_rep, user, gym, machine)
        limit_mm = rep.depth_mm if limit_mm is None else limit_mm
        pointed_at = {"session": rep.session, "set": rep.set, "rep": rep.rep}
        setup = session["setup"] or {}
        notch = notch if "notch" in wish.model_fields_set else setup.get("notch")
        foot_row = foot_row if "foot_row" in wish.model_fields_set else setup.get("foot_row")
        if not 0 < limit_mm <= MAX_DEPTH_MM:
            raise invalid("from_rep.rep", f"a rep deeper than 0 and up to {MAX_DEPTH_MM:g} mm", limit_mm)
    elif limit_mm is None:
        raise invalid("limit_mm", "a depth in mm, or from_rep")
    stored = kept.put_limit(
        parts.engine,
        user,
        gym,
        machine,
        limit_mm=limit_mm,
        notch=_or_any(notch),
        foot_row=_or_any(foot_row),
        from_rep=pointed_at,
        set_by=asked_by.name,
        now_us=parts.clock(),
    )
    parts.floor.limits_changed(user)
    return _shown(stored)


@router.delete("/members/{user}/limits/{gym}/{machine}", status_code=204, response_class=Response)
def delete_limits(
    parts: UsesParts,
    asked_by: AskedBy,
    user: UserPath,
    gym: GymPath,
    machine: MachinePath,
    notch: Annotated[int | None, Query(ge=-1, le=100, description="of this notch only; -1: the one for all")] = None,
    foot_row: Annotated[int | None, Query(ge=-1, le=100, description="of this row only; -1: the one for all")] = None,
) -> None:
    """Take a member's limits on a machine away: all of them, or those of a notch or foot row."""
    gone = kept.delete_limits(
        parts.engine, user, gym, machine, notch, foot_row, deleted_by=asked_by.name, now_us=parts.clock()
    )
    if not gone:
        raise not_found(f"no limit of {user} on {gym}/{machine} is set that could be taken away")
    parts.floor.limits_changed(user)


def _pointed_at(parts: Parts, wish: FromRep, user: str, gym: str, machine: str) -> tuple[StoredSession, Rep]:
    session = get_session(parts.engine, wish.session)
    if session is None or (session["user"], session["gym"], session["machine"]) != (user, gym, machine):
        raise invalid("from_rep.session", f"a session of {user} on {gym}/{machine}", wish.session)
    reps = reps_of(parts, session)
    for rep in reps:
        if rep.rep == wish.rep:
            if wish.set not in (None, rep.set):
                raise invalid(
                    "from_rep.set", f"rep {rep.rep} is in set {rep.set}; leave set out or give that", wish.set
                )
            return session, rep
    expected = f"one of its reps, 1 to {len(reps)}" if reps else "a session with reps; this one has none yet"
    raise invalid("from_rep.rep", expected, wish.rep)


def _or_any(number: int | None) -> int:
    return ANY if number is None else number


def _shown(limit: kept.StoredLimit) -> Limit:
    values: dict[str, Any] = {
        name: getattr(limit, name) for name in ("gym", "machine", "limit_mm", "from_rep", "set_by", "version")
    }
    return Limit(
        **values,
        notch=None if limit.notch == ANY else limit.notch,
        foot_row=None if limit.foot_row == ANY else limit.foot_row,
        set_at=at(limit.set_us),
    )
