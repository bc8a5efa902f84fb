"""What a member has lifted on a machine lately, as estimates of strength look at it."""

from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from sledwatch.strength import MAX_REPS_TO_FAILURE, Lift, SetDone
from sledwatch_storage.state import schema
from sledwatch_storage.state.reading import Bind, reading

DAY_US: Final = 86_400_000_000
# How far back what was lifted counts (docs/science.md).
STRENGTH_DAYS: Final = 90

_rep = schema.rep


def best_lifts(bind: Bind, user: str, gym: str, machine: str, before_us: int) -> list[Lift]:
    """The fastest sure rep of each load in the 90 days before a time. Loads within the same kilogram are one."""
    query = (
        select(func.avg(_rep.c.load_kg), func.max(_rep.c.mean_propulsive_velocity_m_s))
        .where(*_lately(user, gym, machine, before_us), _rep.c.mean_propulsive_velocity_m_s.is_not(None))
        .group_by(func.round(_rep.c.load_kg))
        .order_by(func.round(_rep.c.load_kg))
    )
    with reading(bind) as connection:
        return [Lift(load_kg, velocity_m_s) for load_kg, velocity_m_s in connection.execute(query)]


def best_sets(bind: Bind, user: str, gym: str, machine: str, before_us: int) -> list[SetDone]:
    """Of each number of reps that a set had in the 90 days before a time, up to ten, the one with the greatest load.

    Sure reps count, and the lightest of them says what the set's load was.
    """
    done = (
        select(func.count().label("reps"), func.min(_rep.c.load_kg).label("load_kg"))
        .where(*_lately(user, gym, machine, before_us))
        .group_by(_rep.c.session, _rep.c.set)
        .having(func.count() <= MAX_REPS_TO_FAILURE)
        .subquery()
    )
    query = select(func.max(done.c.load_kg), done.c.reps).group_by(done.c.reps).order_by(done.c.reps)
    with reading(bind) as connection:
        return [SetDone(load_kg, reps) for load_kg, reps in connection.execute(query)]


def _lately(user: str, gym: str, machine: str, before_us: int) -> tuple[ColumnElement[Any], ...]:
    return (
        _rep.c.user == user,
        _rep.c.machine == machine,
        _rep.c.gym == gym,
        _rep.c.t_turn_us.between(before_us - STRENGTH_DAYS * DAY_US, before_us - 1),
        _rep.c.quality == "ok",
    )
