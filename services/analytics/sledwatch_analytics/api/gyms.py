"""Gyms, the machines on their floors, and what has become of what those sent."""

from dataclasses import asdict
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sledwatch.events import Kind, Tier
from sledwatch_analytics.api.names import GymPath, MachinePath
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import Parts, UsesParts
from sledwatch_analytics.api.problems import not_found
from sledwatch_analytics.api.sensors import Sensors, sensors_of
from sledwatch_analytics.api.times import At, at, at_or_none
from sledwatch_storage.state import gyms as kept
from sledwatch_storage.state import machine_accounts as kept_accounts
from sledwatch_storage.state import machine_events
from sledwatch_storage.state.machine_accounts import boot_accounts, machine_accounts
from sledwatch_storage.state.machines import known_machine
from sledwatch_storage.state.reading import number_of

router = APIRouter(tags=["gyms"])

# What one answer about a machine holds; a machine that starts anew each day has its last month in it.
BOOTS: Final = 32
EVENTS: Final = 20


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


class Account(BaseModel):
    """What has become of the numbered messages of a machine: its frames and session events.

    A frame that comes late fills its gap, and the account follows.
    """

    model_config = ConfigDict(from_attributes=True)

    received: int = Field(description="came and kept the contract, repeats included", examples=[5012])
    repeated: int = Field(description="of these, came though they were stored already", examples=[12])
    refused: int = Field(description="came and went to quarantine", examples=[1])
    stored: int = Field(description="numbers that are durable", examples=[5000])
    missing: int = Field(description="numbers that may still come", examples=[4])
    lost: int = Field(description="numbers that never came and that the machine holds no more", examples=[0])
    disordered: int = Field(description="came after a later one", examples=[7])
    out_of_range: int = Field(description="samples stored as missing, for no sled is there", examples=[0])


class MachineAccount(Account):
    """The account of a machine over all its boots."""

    clock_offset_s: float | None = Field(
        None,
        description="by which its clock is ahead of ours, in its last boot; null before a live frame",
        examples=[-0.02],
    )


class BootAccount(Account):
    """The account of one boot: the time from one power-up to the next, in which numbers count up from 0."""

    boot: str = Field(examples=["k3x9q0m2v7a1d"])
    current: bool = Field(description="whether it is the machine's last")
    top: int = Field(description="the largest number that is settled; -1 for none", examples=[5004])
    missing_ranges: list[tuple[int, int]] = Field(
        description="what may still come, both ends included; the first 64 ranges", examples=[[[970, 973]]]
    )
    oldest_seq: int = Field(description="the oldest number that the machine still held", examples=[0])
    online_at: At | None = Field(description="UTC, ISO 8601; when its first State came")
    updated_at: At = Field(description="UTC, ISO 8601; when this account last changed")
    clock_offset_s: float | None = Field(description="by which its clock was ahead of ours", examples=[-0.02])


class MachineEvent(BaseModel):
    """What befell a machine."""

    id: int = Field(examples=[31])
    at: At
    kind: Literal["online", "offline", "gap"] = Field(description="gap: numbers that are lost for good")
    boot: str
    after: str | None = Field(None, description="of a machine that started anew: its boot before")
    lost: int | None = Field(None, description="of a gap: how many numbers", examples=[4])
    ranges: list[tuple[int, int]] | None = Field(
        None, description="of a gap: which, both ends included; the first 64", examples=[[[970, 973]]]
    )


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
    tired: bool = Field(
        False, description="whether the current set has shown it: near failure by speed, or deeper and slower together"
    )
    track_mm: list[float | None] = Field([], description="a few depths of the last frame, for drawing motion")
    t_us: int | None = Field(None, description="time of the last sample, microseconds since the epoch")
    account: MachineAccount | None = Field(None, description="null before anything was stored of it")


class MachineWhole(Machine):
    """A machine with its account, boot by boot, what befell it last, and how well it sees."""

    boots: list[BootAccount] = Field(description="the last 32 boots, the last changed first")
    events: list[MachineEvent] = Field(description="the last 20; all are at …/events")
    sensors: Sensors


@router.get("/gyms")
def list_gyms(parts: UsesParts, page: WantsPage) -> Page[Gym]:
    """All gyms, by name of contract."""
    rows, following = page.cut(kept.list_gyms(parts.engine, page.after, page.one_more), lambda row: row.gym)
    return Page(items=[_shown(parts, row) for row in rows], next=following)


@router.get("/gyms/{gym}")
def get_gym(parts: UsesParts, gym: GymPath) -> Gym:
    """One gym."""
    return _shown(parts, known_gym(parts, gym))


@router.put("/gyms/{gym}")
def put_gym(parts: UsesParts, gym: GymPath, wish: GymWish) -> Gym:
    """Name a gym or set its time zone; one that was not seen yet begins here."""
    changes: kept.GymChanges = {}
    if "name" in wish.model_fields_set:
        changes["name"] = wish.name
    if "time_zone" in wish.model_fields_set:
        changes["time_zone"] = wish.time_zone
    kept.put_gym(parts.engine, gym, changes, parts.clock(), time_zone=parts.config.time_zone)
    return _shown(parts, known_gym(parts, gym))


@router.get("/gyms/{gym}/machines")
def list_machines(parts: UsesParts, gym: GymPath, page: WantsPage) -> Page[Machine]:
    """The machines of a gym as they are now, by name, each with its account."""
    known_gym(parts, gym)
    machines = sorted((Machine.model_validate(one) for one in parts.floor.machines(gym)), key=lambda one: one.machine)
    behind = [one for one in machines if page.after is None or one.machine > page.after]
    rows, following = page.cut(behind, lambda one: one.machine)
    accounts = {one.machine: _account(one) for one in machine_accounts(parts.engine, gym)}
    return Page(items=[one.model_copy(update={"account": accounts.get(one.machine)}) for one in rows], next=following)


@router.get("/gyms/{gym}/machines/{machine}")
def get_machine(parts: UsesParts, gym: GymPath, machine: MachinePath) -> MachineWhole:
    """One machine: what happens on it now, its account by boot, what befell it, and how its sensors are."""
    live = next((one for one in parts.floor.machines(gym) if one["machine"] == machine), None)
    with parts.engine.connect() as connection:
        known = known_machine(connection, gym, machine)
        if live is None and known is None:
            raise not_found(f"no machine {machine} in gym {gym}: nothing was ever heard of it")
        accounts = machine_accounts(connection, gym, machine)
        boots = boot_accounts(connection, gym, machine, BOOTS)
        events = machine_events.listing(connection, gym, machine, limit=EVENTS)
        sensors = sensors_of(connection, gym, machine)
    account = _account(accounts[0]) if accounts else None
    now = live if live is not None else {"gym": gym, "machine": machine, "status": "offline", "state": "offline"}
    current = None if known is None else known.boot
    return MachineWhole.model_validate(
        {
            **now,
            "account": account,
            "boots": [_boot(one, current=one.boot == current) for one in boots],
            "events": [_event(one) for one in events],
            "sensors": sensors,
        }
    )


@router.get("/gyms/{gym}/machines/{machine}/events")
def list_events(parts: UsesParts, gym: GymPath, machine: MachinePath, page: WantsPage) -> Page[MachineEvent]:
    """What befell a machine, the newest first: the last 1 000 of the last 90 days."""
    if known_machine(parts.engine, gym, machine) is None:
        raise not_found(f"no machine {machine} in gym {gym}: nothing was ever heard of it")
    cursor = None if page.after is None else number_of(page.after)
    found = machine_events.listing(parts.engine, gym, machine, cursor, page.one_more)
    rows, following = page.cut(found, lambda one: str(one.id))
    return Page(items=[_event(one) for one in rows], next=following)


def _account(of: kept_accounts.MachineAccount) -> MachineAccount:
    return MachineAccount(**asdict(of.account), clock_offset_s=_seconds(of.clock_offset_us))


def _boot(of: kept_accounts.BootAccount, *, current: bool) -> BootAccount:
    return BootAccount(
        **asdict(of.account),
        boot=of.boot,
        current=current,
        top=of.top,
        missing_ranges=list(of.missing),
        oldest_seq=of.oldest_seq,
        online_at=at_or_none(of.online_us),
        updated_at=at(of.updated_us),
        clock_offset_s=_seconds(of.clock_offset_us),
    )


def _event(of: machine_events.MachineEvent) -> MachineEvent:
    happened = of.happened
    detail = happened.detail or {}
    return MachineEvent(id=of.id, at=at(happened.at_us), kind=happened.kind, boot=happened.boot, **detail)


def _seconds(time_us: int | None) -> float | None:
    return None if time_us is None else round(time_us / 1e6, 3)


def known_gym(parts: Parts, gym: str) -> kept.Gym:
    """A gym that was seen, or a 404."""
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
