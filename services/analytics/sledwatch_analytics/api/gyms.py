"""Gyms, and the machines on their floors."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sledwatch.events import Kind, Tier
from sledwatch_analytics.api.names import GymPath
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import Parts, UsesParts
from sledwatch_analytics.api.problems import not_found
from sledwatch_analytics.api.times import At
from sledwatch_storage.state import gyms as kept

router = APIRouter(tags=["gyms"])


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a name of the time zone database, such as Europe/Berlin") from None
    return name


class Gym(BaseModel):
    """A gym; it appears at the first sight of one of its machines."""

    gym: str = Field(examples=["north"])
    name: str | None = Field(examples=["Gym North"])
    time_zone: str = Field(description="IANA name; says what a day is", examples=["Europe/Berlin"])
    machines: int = Field(description="machines ever seen there", examples=[12])
    in_use: int = Field(description="machines with somebody badged in now", examples=[3])
    open_alerts: int = Field(examples=[1])


class GymWish(BaseModel):
    """What to change of a gym; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=200, examples=["Gym North"])
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field("UTC", max_length=64, examples=["Europe/Berlin"])


class Machine(BaseModel):
    """A machine and what happens on it now."""

    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-1"])
    kind: Kind | None = Field(None, description="none before its first State")
    model: str | None = Field(None, examples=["LP-45"])
    status: Literal["online", "offline"]
    state: Literal["free", "in_use", "offline"]
    last_seen_at: At | None = None
    user: str | None = Field(None, description="who is badged in", examples=["m-1042"])
    user_name: str | None = Field(None, examples=["Ada"])
    session: str | None = Field(None, examples=["01JDX4"])
    since_at: At | None = Field(None, description="since when it is free, in use or offline; UTC, ISO 8601")
    load_kg: float | None = Field(None, description="the moved mass, sled included", examples=[120.0])
    depth_mm: float | None = Field(None, description="sled travel from the rack at the last sample", examples=[212.5])
    deepest_mm: float | None = Field(None, description="deepest of the current set", examples=[401.0])
    limit_mm: float | None = Field(None, description="the member's depth limit here", examples=[412.0])
    caution_mm: float | None = Field(None, description="where caution begins", examples=[392.0])
    limit_tier: Tier | None = None
    set: int | None = Field(None, description="the current set, from 1", examples=[2])
    reps: int = Field(0, description="reps of the session", examples=[14])
    set_reps: int = Field(0, description="reps of the current set", examples=[4])
    travel_mm: float | None = Field(None, description="how far the sled can travel", examples=[620.0])
    over: bool = Field(False, description="whether the current set has gone past the limit")
    track_mm: list[float | None] = Field([], description="a few depths of the last frame, for drawing motion")
    t_us: int | None = Field(None, description="time of the last sample, microseconds since the epoch")


@router.get("/gyms")
def list_gyms(parts: UsesParts, page: WantsPage) -> Page[Gym]:
    """All gyms, by name of contract."""
    rows, following = page.cut(kept.list_gyms(parts.engine, page.after, page.one_more), lambda row: row.gym)
    return Page(items=[_shown(parts, row) for row in rows], next=following)


@router.get("/gyms/{gym}")
def get_gym(parts: UsesParts, gym: GymPath) -> Gym:
    """One gym."""
    return _shown(parts, _known(parts, gym))


@router.put("/gyms/{gym}")
def put_gym(parts: UsesParts, gym: GymPath, wish: GymWish) -> Gym:
    """Name a gym or set its time zone; one that was not seen yet begins here."""
    changes: kept.GymChanges = {}
    if "name" in wish.model_fields_set:
        changes["name"] = wish.name
    if "time_zone" in wish.model_fields_set:
        changes["time_zone"] = wish.time_zone
    kept.put_gym(parts.engine, gym, changes, parts.clock(), time_zone=parts.config.time_zone)
    return _shown(parts, _known(parts, gym))


@router.get("/gyms/{gym}/machines")
def list_machines(parts: UsesParts, gym: GymPath, page: WantsPage) -> Page[Machine]:
    """The machines of a gym as they are now, by name."""
    _known(parts, gym)
    machines = sorted((Machine.model_validate(one) for one in parts.floor.machines(gym)), key=lambda one: one.machine)
    behind = [one for one in machines if page.after is None or one.machine > page.after]
    rows, following = page.cut(behind, lambda one: one.machine)
    return Page(items=list(rows), next=following)


def _known(parts: Parts, gym: str) -> kept.Gym:
    found = kept.get_gym(parts.engine, gym)
    if found is None:
        raise not_found(f"no gym {gym}: none of its machines was ever seen")
    return found


def _shown(parts: Parts, gym: kept.Gym) -> Gym:
    in_use = sum(machine["state"] == "in_use" for machine in parts.floor.machines(gym.gym))
    return Gym(
        gym=gym.gym,
        name=gym.name,
        time_zone=gym.time_zone,
        machines=gym.machines,
        in_use=in_use,
        open_alerts=gym.open_alerts,
    )
