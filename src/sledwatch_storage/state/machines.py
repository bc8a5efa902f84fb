"""Machines as ingest has noted them: what they are, and when anything was last heard of them."""

from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import select

from sledwatch.events import Online
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import machine

# What is assumed of a machine that never said what it is: the usual incline press.
ASSUMED_MACHINE: Final = Online(
    boot="unknown", kind="incline", rail_deg=45.0, backrest_deg=30.0, travel_mm=620.0, rate_hz=50.0
)


def as_said(online: Online) -> Online | None:
    """What a machine said of itself; None for what is merely assumed of it."""
    return None if online is ASSUMED_MACHINE else online


@dataclass(frozen=True, slots=True)
class KnownMachine:
    """A machine. online: its last birth certificate; status: online, offline, None before the first State."""

    gym: str
    machine: str
    boot: str | None
    status: str | None
    online: Online | None
    status_us: int | None
    seen_us: int


def known_machines(bind: Bind) -> list[KnownMachine]:
    """All machines ever seen, by gym and name."""
    columns = (machine.c[name] for name in KnownMachine.__slots__)
    with reading(bind) as connection:
        rows = connection.execute(select(*columns).order_by(machine.c.gym, machine.c.machine)).mappings().all()
    return [KnownMachine(**{**row, "online": _online(row["online"])}) for row in rows]


def known_machine(bind: Bind, gym: str, name: str) -> KnownMachine | None:
    """One machine, None where nothing was ever heard of it."""
    columns = (machine.c[column] for column in KnownMachine.__slots__)
    query = select(*columns).where(machine.c.gym == gym, machine.c.machine == name)
    with reading(bind) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else KnownMachine(**{**row, "online": _online(row["online"])})


def online_of(bind: Bind, gym: str, name: str) -> Online | None:
    """The last birth certificate of a machine, None where none ever came."""
    query = select(machine.c.online).where(machine.c.gym == gym, machine.c.machine == name)
    with reading(bind) as connection:
        return _online(connection.execute(query).scalar_one_or_none())


def _online(stored: object) -> Online | None:
    return None if stored is None else msgspec.convert(stored, Online)
