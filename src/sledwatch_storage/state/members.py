"""Members: pseudonyms that a badge has shown, with the name and body that staff gave them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypedDict, cast

from sqlalchemy import Connection, Engine, RowMapping, func, select, update

from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import alert, member, session
from sledwatch_storage.state.upsert import put_missing

Sex = Literal["male", "female"]


class MemberChanges(TypedDict, total=False):
    """What staff may say of a member; what is left out stays as it is, None takes it away."""

    name: str | None
    height_mm: float | None
    sex: Sex | None


@dataclass(frozen=True, slots=True)
class Member:
    """A member. height_mm: body height. last_session_us: start of the latest session."""

    user: str
    name: str | None
    height_mm: float | None
    sex: Sex | None
    first_seen_us: int
    last_session_us: int | None
    open_alerts: int


_OPEN_ALERTS = select(func.count()).where(alert.c.user == member.c.user, alert.c.state == "open").correlate(member)
_LAST_SESSION = select(func.max(session.c.start_us)).where(session.c.user == member.c.user).correlate(member)
_MEMBERS = select(
    member,
    _LAST_SESSION.scalar_subquery().label("last_session_us"),
    _OPEN_ALERTS.scalar_subquery().label("open_alerts"),
).order_by(member.c.user)


def list_members(bind: Bind, after: str | None, limit: int) -> list[Member]:
    """Members by pseudonym, those that sort behind `after`, at most `limit`."""
    query = _MEMBERS.limit(limit)
    if after is not None:
        query = query.where(member.c.user > after)
    with reading(bind) as connection:
        return [_member(row) for row in connection.execute(query).mappings()]


def get_member(bind: Bind, user: str) -> Member | None:
    """One member, None where nobody has ever seen this pseudonym."""
    with reading(bind) as connection:
        row = connection.execute(_MEMBERS.where(member.c.user == user)).mappings().one_or_none()
    return None if row is None else _member(row)


def put_member(engine: Engine, user: str, changes: MemberChanges, now_us: int) -> None:
    """Change what is known of a member; a pseudonym not seen before begins here."""
    with begin(engine) as connection:
        seen(connection, user, now_us)
        if changes:
            connection.execute(update(member).where(member.c.user == user).values(**changes))


def seen(connection: Connection, user: str, now_us: int) -> None:
    """Note, within a writing transaction, that a pseudonym has appeared; its first sight stays what it was."""
    put_missing(connection, member, [{"user": user, "first_seen_us": now_us}])


def names_of(bind: Bind, users: Collection[str]) -> dict[str, str]:
    """Name by pseudonym, of those of `users` who have one."""
    query = select(member.c.user, member.c.name).where(member.c.user.in_(users), member.c.name.is_not(None))
    with reading(bind) as connection:
        return {row.user: cast(str, row.name) for row in connection.execute(query)}


def _member(row: RowMapping) -> Member:
    return Member(**{name: row[name] for name in Member.__slots__})
