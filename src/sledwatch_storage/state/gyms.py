"""Gyms and their machines, as far as the state DB knows them."""

from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import Engine, RowMapping, func, select, update

from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import alert, gym, machine
from sledwatch_storage.state.upsert import put_missing


class GymChanges(TypedDict, total=False):
    """What staff may say of a gym; what is left out stays as it is. A time zone is never None."""

    name: str | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class Gym:
    """A gym. time_zone: IANA name; says what a day is. machines: ever seen there."""

    gym: str
    name: str | None
    time_zone: str
    machines: int
    open_alerts: int


_MACHINES = select(func.count()).where(machine.c.gym == gym.c.gym).correlate(gym).scalar_subquery()
_OPEN_ALERTS = (
    select(func.count()).where(alert.c.gym == gym.c.gym, alert.c.state == "open").correlate(gym).scalar_subquery()
)
_GYMS = select(
    gym.c.gym, gym.c.name, gym.c.time_zone, _MACHINES.label("machines"), _OPEN_ALERTS.label("open_alerts")
).order_by(gym.c.gym)


def list_gyms(bind: Bind, after: str | None, limit: int) -> list[Gym]:
    """Gyms by name of contract, those that sort behind `after`, at most `limit`."""
    query = _GYMS.limit(limit)
    if after is not None:
        query = query.where(gym.c.gym > after)
    with reading(bind) as connection:
        return [_gym(row) for row in connection.execute(query).mappings()]


def get_gym(bind: Bind, name: str) -> Gym | None:
    """One gym, None where it was never seen."""
    with reading(bind) as connection:
        row = connection.execute(_GYMS.where(gym.c.gym == name)).mappings().one_or_none()
    return None if row is None else _gym(row)


def put_gym(engine: Engine, name: str, changes: GymChanges, now_us: int, *, time_zone: str) -> None:
    """Change what is known of a gym; one not seen before begins here, in `time_zone` where the changes name none."""
    with begin(engine) as connection:
        put_missing(connection, gym, [{"gym": name, "time_zone": time_zone, "created_us": now_us}])
        if changes:
            connection.execute(update(gym).where(gym.c.gym == name).values(**changes))


def _gym(row: RowMapping) -> Gym:
    return Gym(**{name: row[name] for name in Gym.__slots__})
