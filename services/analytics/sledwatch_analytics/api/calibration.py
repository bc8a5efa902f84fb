"""Calibration visits: the sled comes down near-empty, the trainer watches the pelvis and confirms the point.

A visit is kept in the state DB, so that it survives a restart; what the sled did since it began is read from the live
session, which live analysis takes up again from the stored samples.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from sledwatch.events import MAX_DEPTH_MM, Rep
from sledwatch.limits import LIGHT_SHARE, is_near_empty
from sledwatch.strength import reference_load
from sledwatch_analytics.api.limits import Limit, or_any, shown_limit
from sledwatch_analytics.api.names import GymPath, MachinePath, UserPath
from sledwatch_analytics.api.parts import AskedBy, Parts, UsesParts
from sledwatch_analytics.api.problems import Problem, ProblemError, invalid, not_found
from sledwatch_analytics.api.sessions import Setup
from sledwatch_analytics.api.times import At, at
from sledwatch_analytics.lifting import strength_at
from sledwatch_analytics.live.pressed import Pressed
from sledwatch_storage.state import calibrations as kept
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.limits import write_limit
from sledwatch_storage.state.machines import ASSUMED_MACHINE, online_of
from sledwatch_storage.state.sensors import doubt_of
from sledwatch_storage.state.sessions import get_session
from sledwatch_storage.state.sessions import reference_load as best_load

router = APIRouter(tags=["limits"])

# Judgement: a visit that nobody confirmed for so long was forgotten.
LASTS_US: Final = 2 * 3_600 * 1_000_000
# Where the bottom of such a rep was is not known.
_NO_BOTTOM: Final = frozenset({"gap", "glitch"})

Point = Literal["latest", "deepest", "now"]


class Bottom(BaseModel):
    """Where the sled turned since the visit began, or how deep it has come in the movement that goes on."""

    depth_mm: float = Field(examples=[408.5])
    load_kg: float | None = Field(examples=[47.0])
    set: int | None = Field(description="null while the movement goes on", examples=[1])
    rep: int | None = Field(description="null while the movement goes on", examples=[3])


class Calibration(BaseModel):
    """A calibration visit under way."""

    user: str = Field(examples=["m-1042"])
    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-1"])
    begun_by: str = Field(examples=["admin"])
    begun_at: At
    ends_at: At = Field(description="when it is given up unless the point is confirmed, UTC, ISO 8601")
    awaiting: Literal["badge", "descent", "confirmation"] = Field(
        description="badge: the member is not badged in there; descent: the sled has not come down since; "
        "confirmation: say which point it is"
    )
    says: str = Field(description="what is to be done next, for the trainer")
    session: str | None = Field(description="the member's present one", examples=["01JDX4"])
    setup: Setup | None
    depth_mm: float | None = Field(description="where the sled is now", examples=[402.0])
    load_kg: float | None = Field(description="what is on it now, sled included", examples=[47.0])
    latest: Bottom | None = Field(description="the newest bottom since the visit began")
    deepest: Bottom | None = Field(description="the deepest bottom since the visit began")
    reference_load_kg: float | None = Field(
        description="e1RM or best load of 90 days, without this session", examples=[180.0]
    )
    empty_kg: float | None = Field(
        description="lightest load lifted there in 90 days: the sled; null above 80 kg", examples=[47.0]
    )
    near_empty: bool | None = Field(
        description="whether the load is below 30 % of the reference, or hardly more than the sled; null: not known"
    )
    warnings: list[str] = Field(description="what speaks against confirming now")


class Confirmation(BaseModel):
    """Which point is the limit. Without depth_mm a bottom since the visit began; seat and feet are as set now."""

    model_config = ConfigDict(extra="forbid")

    depth_mm: float | None = Field(
        None, gt=0, le=MAX_DEPTH_MM, description="sled travel from the rack; null: that of the point", examples=[405.0]
    )
    point: Point = Field(
        "latest", description="latest or deepest bottom since the visit began; now: where the sled is held"
    )
    accept_load: bool = Field(False, description="confirm although the sled is not known to be near-empty")
    every_notch: bool = Field(False, description="let it hold for every notch without a limit of its own")
    every_foot_row: bool = Field(False, description="let it hold for every foot row without a limit of its own")
    note: str | None = Field(None, max_length=2_000, examples=["sacrum lifts at 415"])


@router.post("/members/{user}/limits/{gym}/{machine}/calibration")
def begin_calibration(
    parts: UsesParts, asked_by: AskedBy, user: UserPath, gym: GymPath, machine: MachinePath
) -> Calibration:
    """Begin a visit, or begin it anew: what the sled did before does not count."""
    pressed = _pressed(parts, user, gym, machine)
    begun = kept.begin_calibration(
        parts.engine,
        user,
        gym,
        machine,
        session=None if pressed is None else pressed.session,
        reps_before=0 if pressed is None else len(pressed.reps),
        begun_by=asked_by.name,
        now_us=parts.clock(),
    )
    return _shown(_Visit.of(parts, begun, pressed))


@router.get("/members/{user}/limits/{gym}/{machine}/calibration")
def get_calibration(parts: UsesParts, user: UserPath, gym: GymPath, machine: MachinePath) -> Calibration:
    """How the visit stands: the sled now, its bottoms since, the load, and what is awaited."""
    return _shown(_visit(parts, user, gym, machine))


@router.post(
    "/members/{user}/limits/{gym}/{machine}/calibration/confirm",
    responses={409: {"model": Problem, "description": "not badged in, no bottom yet, or the sled is not near-empty"}},
)
def confirm_calibration(
    parts: UsesParts,
    asked_by: AskedBy,
    user: UserPath,
    gym: GymPath,
    machine: MachinePath,
    confirmation: Confirmation | None = None,
) -> Limit:
    """This deep, no deeper: set the limit for the seat and feet as they are, and end the visit."""
    wish = confirmation if confirmation is not None else Confirmation.model_validate({})
    visit = _visit(parts, user, gym, machine)
    pressed = visit.pressed
    if pressed is None:
        raise _conflict("not-badged-in", f"{user} is not badged in on {gym}/{machine}: the limit needs their seat")
    limit_mm, bottom = _confirmed(visit, pressed, wish)
    load_kg = pressed.load_kg if bottom is None or bottom.load_kg is None else bottom.load_kg
    if not (wish.accept_load or visit.near_empty(load_kg)):
        shown = "an unknown load" if load_kg is None else f"{load_kg:g} kg"
        raise _conflict(
            "not-near-empty",
            f"the sled is not known to be near-empty ({shown}; {visit.compared}): take plates off and let it down "
            "again, or confirm with accept_load",
        )
    setup = pressed.setup
    key = {
        "user": user,
        "gym": gym,
        "machine": machine,
        "notch": or_any(None if setup is None or wish.every_notch else setup.notch),
        "foot_row": or_any(None if setup is None or wish.every_foot_row else setup.foot_row),
    }
    rep = None if bottom is None or bottom.rep is None else bottom
    values: dict[str, Any] = {
        "limit_mm": limit_mm,
        "from_rep": None if rep is None else {"session": pressed.session, "set": rep.set, "rep": rep.rep},
        "how": "calibration",
        "setup": None if setup is None else msgspec.to_builtins(setup),
        "session": pressed.session,
        "visit_reps": len(pressed.reps) + (pressed.bottom_mm is not None),
        "note": wish.note,
    }
    with begin(parts.engine) as connection:
        if not kept.end_calibration(connection, user, gym, machine):
            raise _none(user, gym, machine)
        stored = write_limit(connection, key, values, asked_by.name, parts.clock())
    parts.floor.limits_changed(user)
    return shown_limit(stored)


@router.delete("/members/{user}/limits/{gym}/{machine}/calibration", status_code=204, response_class=Response)
def cancel_calibration(parts: UsesParts, user: UserPath, gym: GymPath, machine: MachinePath) -> None:
    """Give the visit up; limits stay as they are."""
    with begin(parts.engine) as connection:
        if not kept.end_calibration(connection, user, gym, machine):
            raise _none(user, gym, machine)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A visit with what the live floor shows of it. pressed: None where the member is not badged in there."""

    begun: kept.Calibration
    pressed: Pressed | None
    reference_kg: float | None
    doubt: str | None

    @staticmethod
    def of(parts: Parts, begun: kept.Calibration, pressed: Pressed | None) -> "_Visit":
        where = begun.user, begun.gym, begun.machine
        session = None if pressed is None else get_session(parts.engine, pressed.session)
        start_us = parts.clock() if session is None else session["start_us"]
        doubt = doubt_of(parts.engine, begun.gym, begun.machine)
        with parts.engine.connect() as connection:
            online = online_of(connection, begun.gym, begun.machine) or ASSUMED_MACHINE
            strength = strength_at(connection, *where, online, start_us)
            reference = reference_load(strength, best_load(connection, *where, start_us))
        return _Visit(begun, pressed, None if reference is None else reference.kg, doubt)

    @property
    def bottoms(self) -> list[Bottom]:
        """Where the sled turned since the visit began, and last of all how deep it is in the movement that goes on."""
        pressed = self.pressed
        if pressed is None:
            return []
        before = self.begun.reps_before if pressed.session == self.begun.session else 0
        told = [_bottom(rep) for rep in pressed.reps[before:] if rep.quality_reason not in _NO_BOTTOM]
        if pressed.bottom_mm is None:
            return told
        return [*told, Bottom(depth_mm=pressed.bottom_mm, load_kg=pressed.load_kg, set=None, rep=None)]

    def near_empty(self, load_kg: float | None) -> bool | None:
        return None if load_kg is None else is_near_empty(load_kg, self.reference_kg, self.begun.empty_kg)

    @property
    def compared(self) -> str:
        """What a load is compared with."""
        known = [
            *([] if self.reference_kg is None else [f"{100 * LIGHT_SHARE:.0f} % of {self.reference_kg:.0f} kg"]),
            *([] if self.begun.empty_kg is None else [f"the sled with {self.begun.empty_kg:g} kg"]),
        ]
        return " or ".join(known) if known else "nothing light was lifted there lately, so that nothing can be compared"

    @property
    def warnings(self) -> list[str]:
        pressed = self.pressed
        found = []
        if self.doubt is not None:
            found.append("The depth sensor of this machine is doubtful: have it seen to before a limit is set by it.")
        if pressed is None:
            return found
        near_empty = self.near_empty(pressed.load_kg)
        if near_empty is False:
            found.append(f"{pressed.load_kg:g} kg is no near-empty sled ({self.compared}): take plates off.")
        elif near_empty is None:
            found.append("Whether the sled is near-empty is not known: use the sled alone.")
        if pressed.setup is None:
            found.append("How the seat is set is not known: the limit would hold for every notch and foot row.")
        if pressed.reps and pressed.reps[-1].quality_reason in _NO_BOTTOM:
            found.append(f"The last movement had a {pressed.reps[-1].quality_reason} in it and is left out.")
        return found


def _shown(visit: _Visit) -> Calibration:
    begun, pressed, bottoms = visit.begun, visit.pressed, visit.bottoms
    awaiting: Literal["badge", "descent", "confirmation"] = (
        "badge" if pressed is None else "confirmation" if bottoms else "descent"
    )
    load_kg = None if pressed is None else pressed.load_kg
    return Calibration(
        user=begun.user,
        gym=begun.gym,
        machine=begun.machine,
        begun_by=begun.begun_by,
        begun_at=at(begun.begun_us),
        ends_at=at(begun.begun_us + LASTS_US),
        awaiting=awaiting,
        says=_SAYS[awaiting],
        session=None if pressed is None else pressed.session,
        setup=None
        if pressed is None or pressed.setup is None
        else Setup.model_validate(msgspec.to_builtins(pressed.setup)),
        depth_mm=None if pressed is None else pressed.depth_mm,
        load_kg=load_kg,
        latest=bottoms[-1] if bottoms else None,
        deepest=max(bottoms, key=lambda bottom: bottom.depth_mm) if bottoms else None,
        reference_load_kg=visit.reference_kg,
        empty_kg=begun.empty_kg,
        near_empty=visit.near_empty(load_kg),
        warnings=visit.warnings,
    )


_SAYS: Final = {
    "badge": "Have the member badge in on this machine, and set seat and feet as they train.",
    "descent": "With the sled near-empty, let it down slowly until the sacrum starts to leave the pad.",
    "confirmation": "Confirm the point where the sacrum started to leave the pad, or let the sled down again.",
}


def _confirmed(visit: _Visit, pressed: Pressed, wish: Confirmation) -> tuple[float, Bottom | None]:
    """The depth that is meant, and the bottom that it was read from."""
    if wish.depth_mm is not None:
        return wish.depth_mm, None
    if wish.point == "now":
        if pressed.depth_mm is None or pressed.depth_mm <= 0:
            raise invalid("point", "a sled that is held below the rack", pressed.depth_mm)
        return pressed.depth_mm, None
    bottoms = visit.bottoms
    if not bottoms:
        raise _conflict("no-bottom", "the sled has not come down since the visit began: let it down, or give depth_mm")
    bottom = bottoms[-1] if wish.point == "latest" else max(bottoms, key=lambda one: one.depth_mm)
    return bottom.depth_mm, bottom


def _bottom(rep: Rep) -> Bottom:
    return Bottom(depth_mm=rep.depth_mm, load_kg=rep.load_kg, set=rep.set, rep=rep.rep)


def _visit(parts: Parts, user: str, gym: str, machine: str) -> _Visit:
    begun = kept.get_calibration(parts.engine, user, gym, machine)
    if begun is None or parts.clock() - begun.begun_us > LASTS_US:
        raise _none(user, gym, machine)
    return _Visit.of(parts, begun, _pressed(parts, user, gym, machine))


def _pressed(parts: Parts, user: str, gym: str, machine: str) -> Pressed | None:
    pressed = parts.floor.pressing(gym, machine)
    return pressed if pressed is not None and pressed.user == user else None


def _none(user: str, gym: str, machine: str) -> ProblemError:
    hours = LASTS_US // 3_600_000_000
    return not_found(f"no calibration of {user} on {gym}/{machine} is under way; one lasts {hours} h: POST begins it")


def _conflict(kind: str, detail: str) -> ProblemError:
    return ProblemError(409, kind, detail)
