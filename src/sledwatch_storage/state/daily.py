"""The daily look at what time alone has changed: which days it was done for, and the sessions that it looks at."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Select, select, update

from sledwatch_storage.state import schema
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.upsert import put_missing

_gym, _done, _session = schema.gym, schema.gym_day, schema.session
# So many names a statement may hold.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Day:
    """A gym, its time zone (IANA name), and the last local day that the look was done for; None: for none yet."""

    gym: str
    time_zone: str
    done: date | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A closed session. session: the one to be closed for it. missing: the days missing when it was judged."""

    session: str
    user: str
    start_us: int
    missing: frozenset[date]


def days_done(bind: Bind) -> list[Day]:
    """Every gym with the last day that was done."""
    query = select(_gym.c.gym, _gym.c.time_zone, _done.c.day).outerjoin(_done, _done.c.gym == _gym.c.gym)
    with reading(bind) as connection:
        return [Day(*row) for row in connection.execute(query.order_by(_gym.c.gym))]


def take_day(connection: Connection, gym: str, day: date, now_us: int) -> bool:
    """Note a gym's day as done, within a writing transaction; False where another process was there first."""
    put_missing(connection, _done, [{"gym": gym, "day": date.min, "done_us": now_us}])
    taken = update(_done).where(_done.c.gym == gym, _done.c.day < day).values(day=day, done_us=now_us)
    return bool(connection.execute(taken).rowcount)


def judged_since(bind: Bind, users: Collection[str], gyms: Collection[str], since_us: int) -> dict[str, list[Judged]]:
    """The sessions of gyms that started since a time and can be closed again, by gym.

    Those of these users, and all that were judged while something was missing.
    """
    found: dict[str, Judged] = {}
    by_gym: dict[str, list[Judged]] = {gym: [] for gym in gyms}
    query = select(
        *(_session.c[name] for name in ("session", "split_of", "user", "gym", "start_us", "judged_missing"))
    ).where(_session.c.start_us >= since_us, _session.c.state == "closed", _session.c.source == "samples")
    with reading(bind) as connection:
        for one in _each(query, users):
            for row in connection.execute(one):
                if row.gym in by_gym and row.session not in found:
                    missing = frozenset(date.fromisoformat(day) for day in row.judged_missing or ())
                    found[row.session] = Judged(row.split_of or row.session, row.user, row.start_us, missing)
                    by_gym[row.gym].append(found[row.session])
    return by_gym


def _each(query: Select[Any], users: Collection[str]) -> Iterator[Select[Any]]:
    yield query.where(_session.c.judged_missing.is_not(None))
    names = sorted(users)
    for first in range(0, len(names), _AT_ONCE):
        yield query.where(_session.c.user.in_(names[first : first + _AT_ONCE]))
