"""Calibration visits under way; they survive a restart, and are gone when the point is confirmed or given up."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select

from sledwatch_storage.state import schema
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import calibration

DAY_US: Final = 86_400_000_000
# How far back a machine's lightest load tells what its sled weighs; plates and pins do change.
EMPTY_DAYS: Final = 90
# Judgement: no sled is heavier by itself, so that where nobody lifted less it is not known what it weighs.
HEAVIEST_SLED_KG: Final = 80.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibration visit.

    session, reps_before: the one that went on when it began, and how many reps it had. empty_kg: the lightest load
    lifted on the machine in 90 days, None where nobody lifted.
    """

    user: str
    gym: str
    machine: str
    begun_by: str
    begun_us: int
    session: str | None
    reps_before: int
    empty_kg: float | None


def begin_calibration(
    engine: Engine,
    user: str,
    gym: str,
    machine: str,
    *,
    session: str | None,
    reps_before: int,
    begun_by: str,
    now_us: int,
) -> Calibration:
    """Begin a visit, or begin it anew where one is under way."""
    with begin(engine) as connection:
        end_calibration(connection, user, gym, machine)
        empty_kg = _empty_kg(connection, gym, machine, now_us)
        begun = Calibration(user, gym, machine, begun_by, now_us, session, reps_before, empty_kg)
        connection.execute(insert(calibration).values(**{name: getattr(begun, name) for name in Calibration.__slots__}))
    return begun


def get_calibration(bind: Bind, user: str, gym: str, machine: str) -> Calibration | None:
    """The visit under way, None where there is none."""
    query = select(calibration).where(*_same(user, gym, machine))
    with reading(bind) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Calibration(**row)


def end_calibration(connection: Connection, user: str, gym: str, machine: str) -> bool:
    """Forget a visit, within a writing transaction; returns whether there was one."""
    return bool(connection.execute(delete(calibration).where(*_same(user, gym, machine))).rowcount)


def _same(user: str, gym: str, machine: str) -> tuple[ColumnElement[bool], ...]:
    return calibration.c.user == user, calibration.c.gym == gym, calibration.c.machine == machine


def _empty_kg(connection: Connection, gym: str, machine: str, now_us: int) -> float | None:
    rep, session = schema.rep, schema.session
    query = (
        select(func.min(rep.c.load_kg))
        .join(session, session.c.session == rep.c.session)
        .where(session.c.gym == gym, session.c.machine == machine, session.c.start_us >= now_us - EMPTY_DAYS * DAY_US)
    )
    found: float | None = connection.execute(query).scalar_one()
    return found if found is not None and found <= HEAVIEST_SLED_KG else None
