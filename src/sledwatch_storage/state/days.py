"""What a member did each day, in the state DB: sums of the day's sessions, and whether something of it is missing.

A day is a calendar day in the time zone of the gym, a session belongs to the day of its start. Days without a session
have no row unless something of them is missing.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from sledwatch.exposure import KNOWN_TIERS
from sledwatch_storage.state import schema
from sledwatch_storage.state.upsert import put

DAY_US: Final = 86_400_000_000

_session, _rep, _day = schema.session, schema.rep, schema.daily_load
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_SESSIONS: Final = select(
    _session.c.session,
    _session.c.start_us,
    *(_session.c[name] for name in ("work_j", "tonnage_kg", "top_load_kg", "hard_sets")),
).where(
    _session.c.user == bindparam("user"),
    _session.c.state == "closed",
    _session.c.start_us.between(bindparam("from_us"), bindparam("until_us")),
)
_OVER: Final = (
    select(_rep.c.session, func.count(), func.sum(_rep.c.load_kg * _rep.c.over_mm))
    .where(
        _rep.c.session.in_(bindparam("sessions", expanding=True)),
        _rep.c.over_mm > 0,
        _rep.c.quality == "ok",
        _rep.c.limit_tier.in_(KNOWN_TIERS),
    )
    .group_by(_rep.c.session)
)
_of_days = (_day.c.user == bindparam("of")) & _day.c.day.between(bindparam("first"), bindparam("last"))
_MISSING: Final = select(_day.c.day).where(_of_days, _day.c.missing)
_CLEAR: Final = delete(_day).where(_of_days)
# So many names a statement may hold.
_AT_ONCE: Final = 500


def local_day(time_us: int, zone: ZoneInfo) -> date:
    """The calendar day of a time."""
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone).date()


def refresh_days(connection: Connection, user: str, from_us: int, to_us: int, time_zone: str) -> None:
    """Sum up a member's sessions anew, from one time's day to another's; what is marked as missing stays so.

    Within a writing transaction.
    """
    zone = ZoneInfo(time_zone)
    first, last = local_day(from_us, zone), local_day(to_us, zone)
    of_day: dict[date, list[Row[Any]]] = defaultdict(list)
    span = {"user": user, "from_us": from_us - DAY_US, "until_us": to_us + DAY_US}
    for row in connection.execute(_SESSIONS, span):
        day = local_day(row.start_us, zone)
        if first <= day <= last:
            of_day[day].append(row)
    over = _over(connection, [row.session for of_one in of_day.values() for row in of_one])
    days = {"of": user, "first": first, "last": last}
    missing = set(connection.execute(_MISSING, days).scalars())
    connection.execute(_CLEAR, days)
    rows = [
        {"user": user, "day": day, "missing": day in missing} | _sums(of_day.get(day, []), over)
        for day in sorted(of_day.keys() | missing)
    ]
    if rows:
        connection.execute(insert(_day), rows)


def mark_missing(
    connection: Connection, user: str, from_us: int, to_us: int, time_zone: str, missing: Collection[date]
) -> None:
    """Mark which of a member's days, from one time's to another's, have something missing; others stay as they are.

    Within a writing transaction.
    """
    zone = ZoneInfo(time_zone)
    first, last = local_day(from_us, zone), local_day(to_us, zone)
    wanted = {day for day in missing if first <= day <= last}
    days = {"of": user, "first": first, "last": last}
    changed = wanted ^ set(connection.execute(_MISSING, days).scalars())
    if changed:
        of_user = (_day.c.user == user) & _day.c.day.in_(changed)
        known = set(connection.execute(select(_day.c.day).where(of_user)).scalars())
        connection.execute(update(_day).where(of_user).values(missing=~_day.c.missing))
        empty = {"user": user, "missing": True} | _sums([], {})
        put(connection, _day, [empty | {"day": day} for day in sorted(changed - known)])
        connection.execute(delete(_day).where(of_user, _day.c.sessions == 0, ~_day.c.missing))


def _over(connection: Connection, sessions: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Of sessions with reps beyond a known limit: how many, and the sum of load × millimetres beyond, in kg·mm."""
    found: dict[str, tuple[int, float]] = {}
    for begin in range(0, len(sessions), _AT_ONCE):
        rows = connection.execute(_OVER, {"sessions": list(sessions[begin : begin + _AT_ONCE])})
        found |= {session: (reps, exposure) for session, reps, exposure in rows}
    return found


def _sums(of_day: Sequence[Row[Any]], over: dict[str, tuple[int, float]]) -> dict[str, Any]:
    beyond = [over.get(row.session, (0, 0.0)) for row in of_day]
    return {
        "work_j": sum(row.work_j or 0.0 for row in of_day),
        "tonnage_kg": sum(row.tonnage_kg or 0.0 for row in of_day),
        "top_load_kg": max((row.top_load_kg or 0.0 for row in of_day), default=0.0),
        "sessions": len(of_day),
        "hard_sets": sum(row.hard_sets or 0 for row in of_day),
        "over_reps": sum(reps for reps, _ in beyond),
        "exposure_kg_mm": sum(exposure for _, exposure in beyond),
    }
