"""What staff said of single sets: who did them, or that they count for nobody; and the sessions split off by it.

What somebody else did on a badge is a session of its own, closed with the one it was split off, and its id follows from
that one's and theirs. What was discarded is kept the same way, as nobody's, so that it can be taken back.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from sledwatch.events import Rep
from sledwatch_storage.state import schema, sessions
from sledwatch_storage.state.members import seen
from sledwatch_storage.state.reading import Bind, reading

_session, _rep, _correction = schema.session, schema.rep, schema.set_correction

# As much of a session's id as leaves room for what makes the split's its own.
_ID_KEPT: Final = 47
NOBODY: Final = ""
# So many names a statement may hold.
_AT_ONCE: Final = 500


# Asked at each closing and for each portion of an import.
_LATER: Final = select(_session.c.session, _session.c.split_of).where(
    _session.c.user.in_(bindparam("users", expanding=True)),
    _session.c.start_us > bindparam("after_us"),
    _session.c.start_us <= bindparam("until_us"),
    _session.c.state == "closed",
    _session.c.source == "samples",
)


@dataclass(frozen=True, slots=True)
class Correction:
    """What was said of the reps of a set. from_us, until_us: of that set; user: who did it, None where discarded."""

    session: str
    from_us: int
    until_us: int
    user: str | None
    corrected_by: str
    corrected_us: int

    def covers(self, rep: Rep) -> bool:
        """Whether it was said of this rep; a set found again with other ends has its bottoms where they were."""
        return self.from_us <= rep.t_turn_us <= self.until_us


@dataclass(frozen=True, slots=True)
class Split:
    """A session that was split off another. user: NOBODY where it was discarded."""

    session: str
    user: str


def split_id(session: str, user: str) -> str:
    """The id of what `user` did in somebody else's session."""
    digest = hashlib.blake2b(json.dumps([session, user]).encode(), digest_size=8).hexdigest()
    return f"{session[:_ID_KEPT]}-{digest}"


def correct(connection: Connection, correction: Correction) -> None:
    """Note what was said of a set, in place of what was said before, and ask for a closing.

    Within a writing transaction. The member appears, where they were never seen.
    """
    if correction.user is not None:
        seen(connection, correction.user, correction.corrected_us)
    of_session = _correction.c.session == correction.session
    overlapping = (_correction.c.from_us <= correction.until_us) & (_correction.c.until_us >= correction.from_us)
    connection.execute(delete(_correction).where(of_session & overlapping))
    connection.execute(insert(_correction).values(asdict(correction)))
    want(connection, [correction.session], correction.corrected_us)


def corrections_of(bind: Bind, session: str) -> list[Correction]:
    """What was said of a session's sets, by time."""
    query = select(_correction).where(_correction.c.session == session).order_by(_correction.c.from_us)
    with reading(bind) as connection:
        return [Correction(**row) for row in connection.execute(query).mappings()]


def splits_of(bind: Bind, session: str) -> list[Split]:
    """The sessions that the last closing split off this one."""
    query = select(_session.c.session, _session.c.user).where(_session.c.split_of == session)
    with reading(bind) as connection:
        return [Split(*row) for row in connection.execute(query.order_by(_session.c.session))]


def all_reps_of(bind: Bind, session: str) -> list[Rep]:
    """The reps that the last closing found in a session, whoever did them, ascending."""
    with reading(bind) as connection:
        parts = [session, *(split.session for split in splits_of(connection, session))]
        reps = [rep for part in parts for rep in sessions.reps_of(connection, part)]
    return sorted(reps, key=lambda rep: rep.rep)


def split_off(connection: Connection, split: Split, of: dict[str, Any], now_us: int) -> None:
    """Have a row for what somebody else did, within a writing transaction.

    of: gym, machine, start_us, setup, and session: the one that it is split off.
    """
    if split.user != NOBODY:
        seen(connection, split.user, now_us)
    values = {name: of[name] for name in ("gym", "machine", "start_us", "setup")}
    values |= {"split_of": of["session"], "user": split.user, "source": "samples"}
    changed = connection.execute(update(_session).where(_session.c.session == split.session).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(_session).values(values | {"session": split.session, "state": "live"}))


def discard(connection: Connection, split: Split, reps: Collection[Rep]) -> None:
    """Keep what counts for nobody, within a writing transaction."""
    connection.execute(update(_session).where(_session.c.session == split.session).values(state="void"))
    sessions.replace_reps(connection, split.session, reps)


def join_again(connection: Connection, split: Split) -> None:
    """Let go of a split of which nothing is left, within a writing transaction."""
    connection.execute(delete(schema.finding).where(schema.finding.c.session == split.session))
    connection.execute(delete(_session).where(_session.c.session == split.session))


def want(connection: Connection, wanted: Collection[str], now_us: int) -> None:
    """Ask for another closing of sessions, within a writing transaction."""
    named = sorted(wanted)
    for first in range(0, len(named), _AT_ONCE):
        connection.execute(
            update(_session)
            .where(_session.c.session.in_(named[first : first + _AT_ONCE]))
            .where(_session.c.split_of.is_(None), _session.c.source == "samples")
            .values(wanted_us=now_us)
        )


def want_later(
    connection: Connection,
    users: Collection[str],
    after_us: int,
    until_us: int,
    now_us: int,
    but: str | None = None,
) -> None:
    """Ask for another closing of members' sessions that started after a time and up to another, within a transaction.

    Of a split, for that of the session it was split off; but: the session that is being closed. Imported ones have
    nothing that could be closed.
    """
    span = {"users": list(users), "after_us": after_us, "until_us": until_us}
    again = {split_of or session for session, split_of in connection.execute(_LATER, span)} - {but}
    if again:
        want(connection, again, now_us)


def figures_by_user(connection: Connection, session: str) -> dict[str, tuple[float | None, ...]]:
    """What a session and those split off it add to each member's workload, as the last closing found it."""
    names = ("start_us", "end_us", "work_j", "tonnage_kg", "top_load_kg", "hard_sets")
    columns = (_session.c[name] for name in names)
    query = select(_session.c.user, *columns).where(
        (_session.c.session == session) | (_session.c.split_of == session), _session.c.state == "closed"
    )
    return {row[0]: tuple(row[1:]) for row in connection.execute(query)}


def granted(connection: Connection, session: str, wanted_us: int | None) -> None:
    """What was asked for at that time has been done; what was asked for since has not. Within a writing transaction."""
    if wanted_us is not None:
        same = (_session.c.session == session) & (_session.c.wanted_us == wanted_us)
        connection.execute(update(_session).where(same).values(wanted_us=None))
