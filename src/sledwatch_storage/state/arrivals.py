"""What ingest has noted of sessions, beside what the last closing has seen of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, bindparam, select

from sledwatch_storage.state import ranges
from sledwatch_storage.state.ledger import settled
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import session, session_log


@dataclass(frozen=True, slots=True)
class LoggedSession:
    """A session as far as its messages have arrived; see the table `session_log` for the fields of that name.

    setups: (time, setup as on the wire), by time. listed: whether analytics has a row of it.
    closed_version: the version that the last closing has seen, None before the first. wanted_us: when another closing
    was asked for, None where none was.
    """

    session: str
    gym: str
    machine: str
    boot: str
    user: str | None
    start_seq: int | None
    start_us: int | None
    setups: tuple[tuple[int, dict[str, Any]], ...]
    end_seq: int | None
    end_us: int | None
    ended_arrival_us: int | None
    first_us: int | None
    last_us: int | None
    arrival_us: int
    version: int
    listed: bool
    closed_version: int | None
    wanted_us: int | None


_NAMES: Final = tuple(name for name in LoggedSession.__slots__ if name in session_log.c and name != "setups")
_QUERY: Final = select(
    *(session_log.c[name] for name in _NAMES),
    session_log.c.setups,
    session.c.session.is_not(None).label("listed"),
    session.c.closed_version,
    session.c.wanted_us,
).outerjoin(session, session.c.session == session_log.c.session)


_ordered = _QUERY.order_by(session_log.c.start_us)
_news = session.c.closed_version.is_(None) | (session_log.c.version > session.c.closed_version)
_sampled = session.c.source.is_(None) | (session.c.source == "samples")
_ARRIVED: Final = _ordered.where(session_log.c.arrival_us >= bindparam("since_us"), _news, _sampled)
# A daily look or a correction may ask for thousands, and this is looked at several times a second.
WANTED_AT_ONCE: Final = 500
_WANTED: Final = _ordered.where(session.c.wanted_us.is_not(None), _sampled).limit(WANTED_AT_ONCE)


def unclosed(bind: Bind, since_us: int) -> list[LoggedSession]:
    """The sessions with news for a closing that arrived at that wall-clock time or later, and those of which another
    closing was asked for, of these the first WANTED_AT_ONCE; the oldest first.

    Imported sessions have none: there are no samples to find their reps in.
    """
    # Asked for one after the other, each is found by an index of its own.
    found = {one.session: one for one in _read(bind, _ARRIVED, {"since_us": since_us})}
    found |= {one.session: one for one in _read(bind, _WANTED)}
    return sorted(found.values(), key=lambda one: (one.start_us or 0, one.session))


def open_on(bind: Bind, gym: str, machine: str) -> LoggedSession | None:
    """The session that a machine is in: the last one that has started and not ended, None where that is none."""
    started = _ordered.where(session_log.c.gym == gym, session_log.c.machine == machine)
    started = started.where(session_log.c.start_us.is_not(None), session_log.c.ended_arrival_us.is_(None))
    found = _read(bind, started)
    return found[-1] if found else None


def logged(bind: Bind, session_id: str) -> LoggedSession | None:
    """One session, None where nothing of it ever arrived."""
    found = _read(bind, _ordered.where(session_log.c.session == session_id))
    return found[0] if found else None


def is_complete(bind: Bind, of: LoggedSession) -> bool:
    """Whether every message of a session, from its start to its end, is stored or settled."""
    if of.start_seq is None or of.end_seq is None:
        return False
    return ranges.covers(settled(bind, of.gym, of.machine, of.boot), of.start_seq, of.end_seq)


def is_whole(bind: Bind, of: LoggedSession) -> bool:
    """Whether nothing is missing from its start to its end, or to the last of its boot where it has no end."""
    if of.start_seq is None:
        return False
    done = settled(bind, of.gym, of.machine, of.boot)
    return ranges.covers(done, of.start_seq, ranges.top(done) if of.end_seq is None else of.end_seq)


def _read(bind: Bind, query: Select[Any], where: Mapping[str, Any] | None = None) -> list[LoggedSession]:
    with reading(bind) as connection:
        rows = connection.execute(query, where).all()
    return [
        LoggedSession(
            **{name: getattr(row, name) for name in _NAMES},
            setups=tuple((time_us, setup) for time_us, setup in row.setups),
            listed=bool(row.listed),
            closed_version=row.closed_version,
            wanted_us=row.wanted_us,
        )
        for row in rows
    ]
