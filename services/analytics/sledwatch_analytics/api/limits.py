"""Depth limits: how far a member's sled may come, set by a trainer in millimetres or by pointing at a rep."""

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sledwatch import events
from sledwatch.events import MAX_DEPTH_MM, Rep, Tier
from sledwatch.limits import ANY, DepthLimit
from sledwatch.machine import ANGLE_ERROR_DEG, Basis, LegFit, MachineSpec
from sledwatch.protocol import cap_of
from sledwatch_analytics.api.names import TOKEN, GymPath, MachinePath, UserPath
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import AskedBy, Parts, UsesParts
from sledwatch_analytics.api.problems import invalid, not_found
from sledwatch_analytics.api.sessions import Setup, reps_of
from sledwatch_analytics.api.times import At, at
from sledwatch_storage.state import arrivals
from sledwatch_storage.state import limits as kept
from sledwatch_storage.state.machines import ASSUMED_MACHINE, online_of
from sledwatch_storage.state.protocols import get_protocol
from sledwatch_storage.state.sessions import StoredSession, get_session, latest_setup

router = APIRouter(tags=["limits"])

How = Literal["figure", "rep", "calibration"]
# Where the bottom of such a rep was is not known.
_NO_BOTTOM: Final = frozenset({"gap", "glitch"})
_HOW: Final = "given as a figure, taken from a rep, or confirmed in a calibration visit"


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
    how: How = Field(description=_HOW)
    setup: Setup | None = Field(description="how the machine was set when it was found; null for a bare figure")
    session: str | None = Field(description="in which it was found", examples=["01JDX4"])
    note: str | None = Field(examples=["sacrum lifts at 415"])


class LimitChange(BaseModel):
    """A change of a limit; nothing of it is ever altered."""

    change: Literal["set", "deleted"]
    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-1"])
    notch: int | None = Field(description="null: every one", examples=[4])
    foot_row: int | None = Field(description="null: every one", examples=[2])
    limit_mm: float = Field(description="as set; of a deletion what was taken away", examples=[412.0])
    how: How = Field(description=_HOW)
    from_rep: FromRep | None
    setup: Setup | None
    session: str | None
    note: str | None
    changed_by: str = Field(examples=["admin"])
    changed_at: At
    version: int = Field(description="of a deletion the one that was taken away", examples=[1])


class LimitFrom(BaseModel):
    """Where a transferred limit was set, and how it was carried over."""

    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-2"])
    notch: int | None = Field(description="null: every one", examples=[4])
    foot_row: int | None = Field(description="null: every one", examples=[2])
    by: Literal["pitch", "geometry", "as-set"] = Field(
        description="pitch: the seat moved by whole notches; geometry: the hip is bent as far; as-set: unchanged, "
        "though the backrest stood otherwise"
    )
    basis: Basis | None = Field(description="of geometry: the reach that machines state, or a reference extension")


class LimitInForce(BaseModel):
    """What a member's limit would be on a machine as it is set, and why."""

    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-1"])
    setup: Setup | None = Field(description="the setting that is asked about; null: not known")
    limit_mm: float | None = Field(examples=[437.0])
    caution_mm: float | None = Field(examples=[417.0])
    tier: Tier | None
    version: int | None = Field(examples=[1])
    error_mm: float | None = Field(description="of a limit carried over by geometry, to either side", examples=[112.0])
    transferred_from: LimitFrom | None
    refused: list[str] = Field(description="limits that could not be carried over, each with the reason")
    knee_deg: float | None = Field(description="flexion at the limit, estimated", examples=[104.0])
    hip_deg: float | None = Field(description="trunk-referenced flexion at the limit, estimated", examples=[127.0])
    angle_error_deg: float = Field(description="to either side", examples=[10.0])
    angle_basis: Basis | None = Field(description="null where there are no angles: no height, or it does not fit")
    told_mm: float | None = Field(description="what the machine is told: the limit, or a protocol's end before it")
    told_by: Literal["limit", "protocol"] | None


class LimitWish(BaseModel):
    """A limit to set: in millimetres, or by a rep. With a rep, seat and feet are those of its session unless given."""

    model_config = ConfigDict(extra="forbid")

    limit_mm: float | None = Field(None, gt=0, le=MAX_DEPTH_MM, description="sled travel from the rack", examples=[412])
    notch: int | None = Field(None, ge=0, le=100, description="seat notch; null: every one", examples=[4])
    foot_row: int | None = Field(None, ge=0, le=100, description="foot row; null: every one", examples=[2])
    from_rep: FromRep | None = Field(None, description="alone, its depth becomes the limit")
    note: str | None = Field(None, max_length=2_000, description="for the history", examples=["sacrum lifts at 415"])

    @model_validator(mode="after")
    def _says_how_deep(self) -> "LimitWish":
        if self.limit_mm is None and self.from_rep is None:
            raise ValueError("give limit_mm, or from_rep to take a rep's depth")
        return self


@router.get("/members/{user}/limits")
def list_limits(parts: UsesParts, user: UserPath) -> Page[Limit]:
    """All limits of a member."""
    return Page(items=[shown_limit(limit) for limit in kept.limits_of(parts.engine, user)], next=None)


@router.get("/members/{user}/limits/{gym}/{machine}")
def list_machine_limits(parts: UsesParts, user: UserPath, gym: GymPath, machine: MachinePath) -> Page[Limit]:
    """A member's limits on one machine."""
    return Page(items=[shown_limit(limit) for limit in kept.limits_of(parts.engine, user, gym, machine)], next=None)


@router.put("/members/{user}/limits/{gym}/{machine}")
def put_limit(
    parts: UsesParts, asked_by: AskedBy, user: UserPath, gym: GymPath, machine: MachinePath, wish: LimitWish
) -> Limit:
    """Set a limit; it holds from the next rep on, at the machine too. Accepted before member or machine were seen."""
    limit_mm, notch, foot_row = wish.limit_mm, wish.notch, wish.foot_row
    pointed_at: dict[str, Any] | None = None
    setup: dict[str, Any] | None = None
    if wish.from_rep is not None:
        session, rep = _pointed_at(parts, wish.from_rep, user, gym, machine)
        if limit_mm is None and rep.quality_reason in _NO_BOTTOM:
            expected = f"a rep with a sure bottom (this one has a {rep.quality_reason}), or limit_mm beside it"
            raise invalid("from_rep.rep", expected, rep.rep)
        limit_mm = rep.depth_mm if limit_mm is None else limit_mm
        pointed_at = {"session": rep.session, "set": rep.set, "rep": rep.rep}
        setup = _setup_at(parts, session, rep.t_start_us)
        of_setup = setup or {}
        notch = notch if "notch" in wish.model_fields_set else of_setup.get("notch")
        foot_row = foot_row if "foot_row" in wish.model_fields_set else of_setup.get("foot_row")
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
        notch=or_any(notch),
        foot_row=or_any(foot_row),
        from_rep=pointed_at,
        how="figure" if pointed_at is None else "rep",
        setup=setup,
        session=None if pointed_at is None else pointed_at["session"],
        note=wish.note,
        set_by=asked_by.name,
        now_us=parts.clock(),
    )
    parts.floor.limits_changed(user)
    return shown_limit(stored)


@router.get("/members/{user}/limits/{gym}/{machine}/history")
def list_changes(
    parts: UsesParts, user: UserPath, gym: GymPath, machine: MachinePath, page: WantsPage
) -> Page[LimitChange]:
    """Every change of a member's limits on a machine, newest first."""
    before = int(page.after) if page.after is not None and page.after.isdecimal() else None
    found = kept.changes_of(parts.engine, user, gym, machine, before, page.one_more)
    rows, following = page.cut(found, lambda change: str(change.id))
    return Page(items=[_shown_change(change) for change in rows], next=following)


@router.get("/members/{user}/limits/{gym}/{machine}/in-force")
def get_limit_in_force(
    parts: UsesParts,
    user: UserPath,
    gym: GymPath,
    machine: MachinePath,
    notch: Annotated[int | None, Query(ge=0, le=100, description="of the seat; as in their latest session")] = None,
    foot_row: Annotated[int | None, Query(ge=0, le=100, description="as in their latest session")] = None,
    foot_offset_mm: Annotated[float | None, Query(ge=-1_000, le=1_000, description="of the foot row")] = None,
    backrest_deg: Annotated[float | None, Query(ge=-90, le=90, description="as in their latest session")] = None,
) -> LimitInForce:
    """The limit that holds for a setting, carried over where none was set for it, and what the machine is told.

    What is not given of the setting is as in the member's latest session on that machine.
    """
    with parts.engine.connect() as connection:
        said = online_of(connection, gym, machine)
        book = kept.limit_book(connection, user)
        protocol = get_protocol(connection, user)
        usual = latest_setup(connection, user, gym, machine)
    asked = {"notch": notch, "foot_row": foot_row, "foot_offset_mm": foot_offset_mm, "backrest_deg": backrest_deg}
    given = {name: value for name, value in asked.items() if value is not None}
    online = said or ASSUMED_MACHINE
    built = {"backrest_deg": online.backrest_deg, "notch": 0, "foot_row": 0} | (usual or {}) | given
    setup = msgspec.convert(built, events.Setup) if given or usual is not None else None
    found = book.on(gym, machine, said, setup)
    fit = LegFit.of(MachineSpec.of(online, setup), setup, book.height_mm)
    ends_mm = None
    if protocol is not None and protocol.rules.holds_at(parts.clock()):
        ends_mm = protocol.rules.deepest_mm(gym, machine, fit)
    return _in_force(gym, machine, setup, found.limit, found.refused, None if said is None else fit, ends_mm)


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


def _setup_at(parts: Parts, session: StoredSession, time_us: int) -> dict[str, Any] | None:
    """How the machine was set at a time of a session; of imported ones nobody knows."""
    logged = arrivals.logged(parts.engine, session["session"])
    in_force = [setup for from_us, setup in (logged.setups if logged is not None else ()) if from_us <= time_us]
    return in_force[-1] if in_force else session["setup"]


def or_any(number: int | None) -> int:
    """A notch or foot row as it is kept."""
    return ANY if number is None else number


def _or_none(number: int) -> int | None:
    return None if number == ANY else number


def _in_force(
    gym: str,
    machine: str,
    setup: events.Setup | None,
    limit: DepthLimit | None,
    refused: tuple[str, ...],
    fit: LegFit | None,
    ends_mm: float | None,
) -> LimitInForce:
    cap = cap_of(limit, ends_mm)
    angles = None if limit is None or fit is None else fit.angles(limit.limit_mm)
    moved = None if limit is None else limit.moved
    came_from = None
    if moved is not None:
        came_from = LimitFrom(
            gym=moved.gym,
            machine=moved.machine,
            notch=_or_none(moved.notch),
            foot_row=_or_none(moved.foot_row),
            by=moved.by,
            basis=moved.basis,
        )
    return LimitInForce(
        gym=gym,
        machine=machine,
        setup=None if setup is None else Setup.model_validate(msgspec.to_builtins(setup)),
        limit_mm=None if limit is None else limit.limit_mm,
        caution_mm=None if limit is None else limit.caution_mm,
        tier=None if limit is None else limit.tier,
        version=None if limit is None else limit.version,
        error_mm=None if limit is None else limit.error_mm,
        transferred_from=came_from,
        refused=list(refused),
        knee_deg=None if angles is None else angles.knee_deg,
        hip_deg=None if angles is None else angles.hip_deg,
        angle_error_deg=ANGLE_ERROR_DEG,
        angle_basis=None if angles is None or fit is None else fit.basis,
        told_mm=None if cap is None else cap.depth_mm,
        told_by=None if cap is None else "protocol" if cap.limit is None else "limit",
    )


def shown_limit(limit: kept.StoredLimit) -> Limit:
    """A limit as the API shows it."""
    values: dict[str, Any] = {
        name: getattr(limit, name)
        for name in (
            "gym", "machine", "limit_mm", "from_rep", "set_by", "version", "how", "setup", "session", "note",
        )
    }  # fmt: skip
    return Limit(**values, notch=_or_none(limit.notch), foot_row=_or_none(limit.foot_row), set_at=at(limit.set_us))


def _shown_change(change: kept.LimitChange) -> LimitChange:
    values: dict[str, Any] = {
        name: getattr(change, name)
        for name in LimitChange.model_fields
        if name not in {"notch", "foot_row", "changed_at"}
    }
    return LimitChange(
        **values,
        notch=_or_none(change.notch),
        foot_row=_or_none(change.foot_row),
        changed_at=at(change.changed_us),
    )
