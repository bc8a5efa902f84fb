"""Days of which something is missing: a machine that the member used has lost or outstanding messages of that day.

A missing number has no time of its own. It lies between the session events of its boot before and after it, and every
day from the one to the other may be the one that it belongs to. What is in quarantine is missing as well: nothing of it
is in any figure.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select, text

from sledwatch_storage.state import ranges, schema
from sledwatch_storage.state.days import DAY_US, local_day
from sledwatch_storage.state.reading import Bind, reading

# A day counts for whoever used the machine on it or in so many days before (docs/science.md).
USED_DAYS: Final = 30

_session, _log, _ledger = schema.session, schema.session_log, schema.ledger

# Closing asks this for each session: building a statement costs more than executing it.
_BOOTS: Final = select(_ledger.c.gym, _ledger.c.machine, _ledger.c.boot, _ledger.c.updated_us).where(
    text(schema.HAS_GAPS), _ledger.c.updated_us >= bindparam("since_us")
)
_RANGES: Final = select(_ledger.c.ranges, _ledger.c.refused_ranges, _ledger.c.oldest_seq).where(
    _ledger.c.gym == bindparam("gym"), _ledger.c.machine == bindparam("machine"), _ledger.c.boot == bindparam("boot")
)
_used = (
    select(_session.c.gym, _session.c.machine)
    .where(
        _session.c.user == bindparam("user"), _session.c.start_us.between(bindparam("used_us"), bindparam("until_us"))
    )
    .distinct()
    .subquery()
)
_BOOTS_OF_MEMBER: Final = _BOOTS.join_from(
    _used, _ledger, (_ledger.c.gym == _used.c.gym) & (_ledger.c.machine == _used.c.machine)
)
_USES_OF_MEMBER: Final = select(_session.c.gym, _session.c.machine, _session.c.start_us).where(
    _session.c.user == bindparam("user"), _session.c.start_us.between(bindparam("used_us"), bindparam("until_us"))
)
_USES: Final = select(_session.c.user, _session.c.start_us).where(
    _session.c.gym == bindparam("gym"),
    _session.c.machine == bindparam("machine"),
    _session.c.start_us.between(bindparam("used_us"), bindparam("until_us")),
)
_EVENTS: Final = select(_log.c.start_seq, _log.c.start_us, _log.c.end_seq, _log.c.end_us).where(
    _log.c.gym == bindparam("gym"), _log.c.machine == bindparam("machine"), _log.c.boot == bindparam("boot")
)
# So many boots are remembered: those of a year of hundreds of machines.
MOST_BOOTS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers are missing that may belong to any day from that of one time to that of another, both included."""

    from_us: int
    until_us: int


class GapBook:
    """The gaps of machines, remembered by one thread: of a boot nothing changes until something of it arrives."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[int, list[Gap]]] = {}

    def of(self, connection: Connection, boots: Iterable[Any]) -> dict[tuple[str, str], list[Gap]]:
        """The gaps of machines that have any, by machine. boots: gym, machine, boot, updated_us."""
        gaps: dict[tuple[str, str], list[Gap]] = defaultdict(list)
        for gym, machine, boot, updated_us in boots:
            known = self._known.get((gym, machine, boot))
            if known is None or known[0] != updated_us:
                if len(self._known) >= MOST_BOOTS:
                    self._known.clear()
                known = updated_us, _gaps_of(connection, gym, machine, boot)
                self._known[gym, machine, boot] = known
            if known[1]:
                gaps[gym, machine] += known[1]
        return gaps


def missing_days(
    bind: Bind, user: str, from_us: int, to_us: int, time_zone: str, book: GapBook | None = None
) -> frozenset[date]:
    """The local days, from that of one time to that of another, of which something is missing of a member's machines.

    A day counts when the member used the machine on it or in the 30 days before. book: of whoever asks often.
    """
    # Days are asked about, so use later on the last of them counts too.
    where = {"user": user, "used_us": from_us - (USED_DAYS + 1) * DAY_US, "until_us": to_us + DAY_US}
    with reading(bind) as connection:
        boots = connection.execute(_BOOTS_OF_MEMBER, where | {"since_us": from_us - DAY_US}).all()
        gaps = (book or GapBook()).of(connection, boots)
        if not gaps:
            return frozenset()
        uses: dict[tuple[str, str], list[int]] = defaultdict(list)
        for gym, machine, start_us in connection.execute(_USES_OF_MEMBER, where):
            uses[gym, machine].append(start_us)
    missing: set[date] = set()
    for machine, of_machine in gaps.items():
        missing |= _days(of_machine, uses[machine], from_us, to_us, ZoneInfo(time_zone))
    return frozenset(missing)


def missing_days_of_all(
    bind: Bind, from_us: int, to_us: int, time_zone_of: Callable[[str], str], book: GapBook | None = None
) -> dict[str, frozenset[date]]:
    """The same of every member of whom any day is missing, by member. time_zone_of: says a member's (IANA name)."""
    missing: dict[str, set[date]] = defaultdict(set)
    with reading(bind) as connection:
        boots = connection.execute(_BOOTS, {"since_us": from_us - DAY_US}).all()
        where = {"used_us": from_us - (USED_DAYS + 1) * DAY_US, "until_us": to_us + DAY_US}
        for (gym, machine), gaps in (book or GapBook()).of(connection, boots).items():
            uses: dict[str, list[int]] = defaultdict(list)
            for user, start_us in connection.execute(_USES, where | {"gym": gym, "machine": machine}):
                uses[user].append(start_us)
            for user, starts in uses.items():
                missing[user] |= _days(gaps, starts, from_us, to_us, ZoneInfo(time_zone_of(user)))
    return {user: frozenset(days) for user, days in missing.items() if days}


def _gaps_of(connection: Connection, gym: str, machine: str, boot: str) -> list[Gap]:
    where = {"gym": gym, "machine": machine, "boot": boot}
    row = connection.execute(_RANGES, where).one()
    stored = ranges.read(row.ranges)
    top = max(ranges.top(stored), ranges.top(ranges.read(row.refused_ranges)), row.oldest_seq - 1)
    holes = ranges.missing(stored, top)
    return _between(_anchors(connection.execute(_EVENTS, where)), holes) if holes else []


def _anchors(events: Iterable[Any]) -> list[tuple[int, int]]:
    """The numbers and times of session events, ascending."""
    pairs = [pair for row in events for pair in ((row.start_seq, row.start_us), (row.end_seq, row.end_us))]
    return sorted(pair for pair in pairs if None not in pair)


def _between(anchors: Sequence[tuple[int, int]], holes: Iterable[ranges.Range]) -> list[Gap]:
    numbers = [seq for seq, _ in anchors]
    found: dict[Gap, None] = {}
    for low, high in holes:
        before, after = bisect_left(numbers, low) - 1, bisect_right(numbers, high)
        if before >= 0:
            from_us = anchors[before][1]
            found[Gap(from_us, anchors[after][1] if after < len(anchors) else from_us)] = None
    return list(found)


def _days(gaps: Iterable[Gap], used_us: Iterable[int], from_us: int, to_us: int, zone: ZoneInfo) -> set[date]:
    first, last = local_day(from_us, zone), local_day(to_us, zone)
    used = sorted({local_day(start_us, zone) for start_us in used_us})
    days: set[date] = set()
    for gap in gaps:
        begin, end = max(first, local_day(gap.from_us, zone)), min(last, local_day(gap.until_us, zone))
        for number in range((end - begin).days + 1):
            day = begin + timedelta(days=number)
            latest = bisect_right(used, day) - 1
            if latest >= 0 and (day - used[latest]).days <= USED_DAYS:
                days.add(day)
    return days
