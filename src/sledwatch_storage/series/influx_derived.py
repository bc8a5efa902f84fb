"""Derived series in InfluxDB: measurements `session`, `rep` and `machine` in the bucket `BUCKET-derived`.

    session,gym=G,machine=M,user=U hard_sets=2i,reps=24i,session="…",work_j=8123.4,… T     at its start
    rep,gym=G,machine=M,user=U depth_mm=402.1,rep=3i,session="…",set=1i,… T                at its bottom
    machine,gym=G,machine=M boot="…",kind="offline",online=0i T                            when we heard of it

Sessions are no tag: each would be a series of its own, for ever, and InfluxDB is slow with millions of series. So that
two of them do not become one point where their times are the same (in an import to the day, say), the nanoseconds of a
point come from the session's id and the rep's number; those of an event from its id.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Final
from zlib import crc32

from sledwatch.events import Rep
from sledwatch_storage.series import influxql, line_protocol
from sledwatch_storage.series.derived import EventCopy, SessionCopy
from sledwatch_storage.series.influx_link import InfluxLink
from sledwatch_storage.series.port import StoreRefused

SESSION: Final = "session"
REP: Final = "rep"
MACHINE: Final = "machine"

# What every line of a measurement has.
_CONTROL: Final = {SESSION: 'session=""', REP: 'session=""', MACHINE: 'kind=""'}
_OF_SESSION: Final = ("hard_sets", "limit_mm", "limit_tier", "session", "source", "tonnage_kg", "top_load_kg", "work_j")
# Tags and the time are none of a rep's fields.
_OF_REP: Final = tuple(one.name for one in fields(Rep) if one.name not in {"gym", "machine", "user", "t_turn_us"})
# Whatever a source calls a whole number, these are stored as one, and all others are not: a field has one type.
_WHOLE: Final = frozenset(
    {"end_us", "hard_sets", "lost", "online", "rep", "reps", "set", "sets", "t_end_us", "t_start_us"}
)
# A former copy may lie outside of what its session spans by now, by what closing allows for and more.
_AROUND_US: Final = 86_400 * 1_000_000
_STEP: Final = 1000  # nanoseconds to a microsecond
_PLACES: Final = 997

# Measurement, time in nanoseconds, fields.
_Point = tuple[str, int, dict[str, float | str | None]]
_Tags = dict[str, str]


class InfluxDerived:
    """A bucket for derived series, which must be there (see `influx_buckets`).

    timeout_s: to connect, and of each wait for the server. gzip: compress what is written.
    """

    def __init__(
        self, url: str, token: str, org: str, bucket: str, *, timeout_s: float = 5, gzip: bool = False
    ) -> None:
        self._link = InfluxLink(url, token, org, bucket, control=_CONTROL, timeout_s=timeout_s, gzip=gzip)

    def put_sessions(self, copies: Sequence[SessionCopy]) -> None:
        """See DerivedSeries.put_sessions."""
        points = [points_of(copy) for copy in copies]
        refused = self._write([(_tags_of(copy), of_copy) for copy, of_copy in zip(copies, points, strict=True)])
        for position, copy in enumerate(copies):
            if position not in refused:
                self._delete_former(copy, points[position])
        _raise(refused, "sessions")

    def put_events(self, copies: Sequence[EventCopy]) -> None:
        """See DerivedSeries.put_events."""
        refused = self._write([({"gym": copy.gym, "machine": copy.machine}, [_point_of(copy)]) for copy in copies])
        _raise(refused, "events")

    def forget(self, user: str) -> None:
        """See DerivedSeries.forget."""
        if line_protocol.can_be_tag(user):
            for measurement in (SESSION, REP):
                predicate = influxql.points(measurement, {"user": user})
                self._link.delete(predicate, influxql.FIRST_NS, influxql.LAST_NS)

    def close(self) -> None:
        """See DerivedSeries.close."""
        self._link.close()

    def _write(self, wanted: Sequence[tuple[_Tags, list[_Point]]]) -> dict[int, str]:
        """Write each with its points; why some can never be written, by position."""
        refused: dict[int, str] = {}
        written: list[int] = []
        bodies: list[bytes] = []
        for position, (tags, points) in enumerate(wanted):
            try:
                bodies.append(_lines(tags, points))
            except ValueError as error:
                refused[position] = str(error)
            else:
                written.append(position)
        return refused | {written[number]: reason for number, reason in self._link.write(bodies).items()}

    def _delete_former(self, copy: SessionCopy, points: list[_Point]) -> None:
        """Delete what a former copy of a session has and this one has not."""
        tags = _tags_of(copy)
        until_us = max(copy.start_us, copy.end_us or 0)
        span = ((copy.start_us - _AROUND_US) * _STEP, (until_us + _AROUND_US) * _STEP)
        kept = {(measurement, time_ns) for measurement, time_ns, _ in points}
        for part in self._link.ask(influxql.copies((SESSION, REP), copy.session, tags, *span)):
            for row in part.rows():
                if (part.name, row["time"]) not in kept:
                    self._link.delete(influxql.points(part.name, tags), row["time"], row["time"] + 1)


def _raise(refused: dict[int, str], what: str) -> None:
    if refused:
        raise StoreRefused(f"InfluxDB will not take {len(refused)} {what}: {min(refused.items())[1]}", sorted(refused))


def _tags_of(copy: SessionCopy) -> _Tags:
    return {"gym": copy.gym, "machine": copy.machine, "user": copy.user}


def points_of(copy: SessionCopy) -> list[_Point]:
    """A session's point and those of its reps."""
    place = crc32(copy.session.encode())
    of_session: dict[str, float | str | None] = {name: getattr(copy, name) for name in _OF_SESSION}
    of_session |= {
        "duration_s": None if copy.end_us is None else (copy.end_us - copy.start_us) / 1e6,
        "end_us": copy.end_us,
        "reps": len(copy.reps),
        "sets": max((rep.set for rep in copy.reps), default=0),
    }
    return [
        (SESSION, copy.start_us * _STEP + place % _PLACES, of_session),
        *(
            (REP, rep.t_turn_us * _STEP + (place + rep.rep) % _PLACES, {name: getattr(rep, name) for name in _OF_REP})
            for rep in copy.reps
        ),
    ]


def _point_of(copy: EventCopy) -> _Point:
    online = {"online": 1, "offline": 0}.get(copy.kind)
    lost = (copy.detail or {}).get("lost")
    return (
        MACHINE,
        copy.at_us * _STEP + copy.id % _PLACES,
        {
            "boot": copy.boot,
            "detail": None if copy.detail is None else json.dumps(copy.detail),
            "kind": copy.kind,
            "lost": lost,
            "online": online,
        },
    )


def lines_of(copy: SessionCopy) -> bytes:
    """A session as it is written. Raises ValueError where a name cannot be."""
    return _lines(_tags_of(copy), points_of(copy))


def _lines(tags: _Tags, points: list[_Point]) -> bytes:
    """Raises ValueError where a name cannot be written."""
    sorted_tags = sorted(tags.items())
    lines = [
        f"{line_protocol.series(measurement, sorted_tags)} {line_protocol.fields(_typed(values))} {time_ns}"
        for measurement, time_ns, values in points
    ]
    return "\n".join(lines).encode()


def _typed(values: dict[str, float | str | None]) -> dict[str, float | str | None]:
    """Numbers as the type of their field; a figure that is none of the protocol's numbers is left out."""
    return {
        name: value
        if value is None or isinstance(value, str)
        else int(value)
        if name in _WHOLE
        else float(value)
        if math.isfinite(value)
        else None
        for name, value in values.items()
    }
