"""What many members trained, read at once: as much of their past as the rules of overuse look at."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from sqlalchemy import ColumnElement, Select, Subquery, and_, func, select

from sledwatch.workload import SESSION_COLUMNS
from sledwatch_storage.state import schema
from sledwatch_storage.state.days import DAY_US
from sledwatch_storage.state.reading import Bind, reading

_session = schema.session
_COLUMNS: Final = (*SESSION_COLUMNS, "user", "gym", "machine", "time_zone")


@dataclass(frozen=True, slots=True)
class Span:
    """Whose training is asked for: of everybody who trained from one time to another, all since an earlier one.

    gym, user: only of who trained there then, only of this member.
    """

    since_us: int
    from_us: int
    until_us: int
    gym: str | None = None
    user: str | None = None


def count_training(bind: Bind, span: Span) -> int:
    """How many sessions `training_of` would give, but for those before a long break."""
    query = select(func.count()).select_from(_session).where(_looked_at(span))
    with reading(bind) as connection:
        found: int = connection.execute(query).scalar_one()
    return found


def training_of(bind: Bind, span: Span) -> pd.DataFrame:
    """The closed sessions of everybody who trained in the span, and the last day of training of each before `since_us`.

    A frame of SESSION_COLUMNS, user, gym, machine and time_zone, in any order. The day before says how long a break
    was, where there was one.
    """
    rows = (
        select(*(_session.c[name] for name in _COLUMNS[:-1]), func.coalesce(schema.gym.c.time_zone, "UTC"))
        .outerjoin(schema.gym, schema.gym.c.gym == _session.c.gym)
        .where(_session.c.state == "closed")
    )
    before = _last_before(span)
    last_days = rows.join(
        before,
        and_(
            _session.c.user == before.c.user, _session.c.start_us.between(before.c.last_us - DAY_US, before.c.last_us)
        ),
    )
    with reading(bind) as connection:
        # As plain tuples, which pandas reads several times faster.
        found = [tuple(row) for query in (rows.where(_looked_at(span)), last_days) for row in connection.execute(query)]
    return pd.DataFrame(found, columns=list(_COLUMNS))


def _looked_at(span: Span) -> ColumnElement[bool]:
    return and_(
        _session.c.state == "closed",
        _session.c.start_us.between(span.since_us, span.until_us),
        _session.c.user.in_(_who(span)),
    )


def _who(span: Span) -> Select[Any]:
    """Who trained within the span."""
    there = schema.session.alias()
    query = select(there.c.user).distinct()
    query = query.where(there.c.state == "closed", there.c.start_us.between(span.from_us, span.until_us))
    if span.gym is not None:
        query = query.where(there.c.gym == span.gym)
    return query if span.user is None else query.where(there.c.user == span.user)


def _last_before(span: Span) -> Subquery:
    """When each of them last began to train before what is looked at."""
    who = _who(span).subquery()
    earlier = schema.session.alias()
    last = (
        select(earlier.c.start_us)
        .where(earlier.c.user == who.c.user, earlier.c.state == "closed", earlier.c.start_us < span.since_us)
        .where((earlier.c.work_j > 0) | (earlier.c.tonnage_kg > 0))
        .order_by(earlier.c.start_us.desc())
        .limit(1)
        .correlate(who)
    )
    return select(who.c.user, last.scalar_subquery().label("last_us")).subquery()
