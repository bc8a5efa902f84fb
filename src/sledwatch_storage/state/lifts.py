"""What a member has lifted on a machine lately, as estimates of strength look at it."""

from typing import Any, Final

from sqlalchemy import bindparam, func, select

from sledwatch.strength import MAX_REPS_TO_FAILURE, Lift, SetDone
from sledwatch_storage.state import schema
from sledwatch_storage.state.days import DAY_US
from sledwatch_storage.state.reading import Bind, reading

# How far back what was lifted counts (docs/science.md).
STRENGTH_DAYS: Final = 90

_rep = schema.rep


_lately = (
    _rep.c.user == bindparam("user"),
    _rep.c.machine == bindparam("machine"),
    _rep.c.gym == bindparam("gym"),
    _rep.c.t_turn_us.between(bindparam("from_us"), bindparam("until_us")),
    _rep.c.quality == "ok",
)
# Closing asks these for each session: building a statement costs as much as executing it.
_LIFTS: Final = (
    select(func.avg(_rep.c.load_kg), func.max(_rep.c.mean_propulsive_velocity_m_s))
    .where(*_lately, _rep.c.mean_propulsive_velocity_m_s.is_not(None))
    .group_by(func.round(_rep.c.load_kg))
    .order_by(func.round(_rep.c.load_kg))
)
_done = (
    select(func.count().label("reps"), func.min(_rep.c.load_kg).label("load_kg"))
    .where(*_lately)
    .group_by(_rep.c.session, _rep.c.set)
    .having(func.count() <= MAX_REPS_TO_FAILURE)
    .subquery()
)
_SETS: Final = select(func.max(_done.c.load_kg), _done.c.reps).group_by(_done.c.reps).order_by(_done.c.reps)


def best_lifts(bind: Bind, user: str, gym: str, machine: str, before_us: int) -> list[Lift]:
    """The fastest sure rep of each load in the 90 days before a time. Loads within the same kilogram are one."""
    with reading(bind) as connection:
        found = connection.execute(_LIFTS, _before(user, gym, machine, before_us))
        return [Lift(load_kg, velocity_m_s) for load_kg, velocity_m_s in found]


def best_sets(bind: Bind, user: str, gym: str, machine: str, before_us: int) -> list[SetDone]:
    """Of each number of reps that a set had in the 90 days before a time, up to ten, the one with the greatest load.

    Sure reps count, and the lightest of them says what the set's load was.
    """
    with reading(bind) as connection:
        found = connection.execute(_SETS, _before(user, gym, machine, before_us))
        return [SetDone(load_kg, reps) for load_kg, reps in found]


def _before(user: str, gym: str, machine: str, before_us: int) -> dict[str, Any]:
    from_us = before_us - STRENGTH_DAYS * DAY_US
    return {"user": user, "gym": gym, "machine": machine, "from_us": from_us, "until_us": before_us - 1}
