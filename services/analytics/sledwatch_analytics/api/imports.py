"""`POST /import`: history from elsewhere, a session with its reps a line."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Request
from msgspec import Meta, Struct
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from sledwatch import events
from sledwatch.events import MAX_AHEAD_US, MAX_DEPTH_MM, MAX_LOAD_KG, MIN_DEPTH_MM, TimeUs
from sledwatch_analytics.api.names import NAME, TOKEN
from sledwatch_analytics.api.parts import Parts, UsesParts
from sledwatch_analytics.api.problems import FieldProblem, ProblemError
from sledwatch_analytics.api.times import microseconds
from sledwatch_storage.state.imports import ImportedSession, import_sessions, known_sessions

router = APIRouter(tags=["import"])

MAX_BODY_BYTES: Final = 64 * 1024 * 1024


def _to_the_end(pattern: str) -> str:
    """A pattern for msgspec, which matches as Python does: there `$` also stands before a newline at the end."""
    return pattern.removesuffix("$") + r"\Z"


_Name = Annotated[str, Meta(pattern=_to_the_end(NAME))]
_Number = Annotated[int, Meta(ge=1, le=1_000_000)]
_Duration = Annotated[float, Meta(ge=0, le=3_600)]
_Moment = Annotated[datetime, Meta(tz=True)]
_Velocity = Annotated[float, Meta(ge=0, le=20)]
_Depth = Annotated[float, Meta(ge=MIN_DEPTH_MM, le=MAX_DEPTH_MM)]
_Share = Annotated[float, Meta(ge=-1_000, le=100)]
_Force = Annotated[float, Meta(ge=-50_000, le=50_000)]


# Plain values only: the collector need not follow hundreds of thousands of them.
class RepLine(Struct, frozen=True, gc=False):
    """A rep of an imported session: a Rep, whose session, user, gym and machine are the line's."""

    set: _Number
    rep: _Number
    t_start_us: TimeUs
    t_turn_us: TimeUs
    t_end_us: TimeUs
    load_kg: Annotated[float, Meta(ge=0, le=MAX_LOAD_KG)]
    depth_mm: _Depth
    rom_mm: Annotated[float, Meta(ge=0, le=MAX_DEPTH_MM)]
    eccentric_s: _Duration
    concentric_s: _Duration
    bottom_dwell_s: _Duration | None = None
    mean_velocity_m_s: _Velocity | None = None
    mean_propulsive_velocity_m_s: _Velocity | None = None
    peak_velocity_m_s: _Velocity | None = None
    work_j: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    velocity_loss_pct: _Share | None = None
    knee_deg: float | None = None
    hip_deg: float | None = None
    limit_mm: _Depth | None = None
    over_mm: float | None = None
    limit_tier: events.Tier | None = None
    quality: Literal["ok", "unsure"] = "ok"
    quality_reason: Annotated[str, Meta(max_length=64)] | None = None
    propulsive_s: _Duration | None = None
    eccentric_peak_velocity_m_s: _Velocity | None = None
    turn_deceleration_m_s2: Annotated[float, Meta(ge=0, le=1_000)] | None = None
    lockout_velocity_m_s: _Velocity | None = None
    left_n: _Force | None = None
    right_n: _Force | None = None
    asymmetry_pct: Annotated[float, Meta(ge=0, le=100)] | None = None


class SessionLine(Struct, frozen=True):
    """A line of an import."""

    session: Annotated[str, Meta(pattern=_to_the_end(TOKEN))]
    user: _Name
    gym: _Name
    machine: _Name
    start_at: _Moment
    end_at: _Moment
    reps: list[RepLine]


class Imported(BaseModel):
    """What an import did."""

    sessions: int = Field(description="sessions that are new", examples=[56])
    reps: int = Field(description="reps that are new", examples=[1680])
    repeated: int = Field(description="sessions that were there already; they stay as they are", examples=[0])


_decode = msgspec.json.Decoder(SessionLine).decode
_EXAMPLE: Final = (
    '{"session":"h-1","user":"m-1042","gym":"north","machine":"press-1","start_at":"2026-10-01T17:00:00Z",'
    '"end_at":"2026-10-01T17:20:00Z","reps":[{"set":1,"rep":1,"t_start_us":1790874010000000,'
    '"t_turn_us":1790874012000000,"t_end_us":1790874013500000,"load_kg":120,"depth_mm":398,"rom_mm":385,'
    '"eccentric_s":2.0,"concentric_s":1.5}]}\n'
)


@router.post(
    "/import",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "NDJSON: a session with its reps a line, 64 MiB at most",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        }
    },
)
async def import_history(parts: UsesParts, request: Request) -> Imported:
    """Take sessions from elsewhere, of any age since 1970.

    A bad line is named, with the field, and nothing of its request is stored. Good lines are stored in portions of
    some 100 sessions, so that machines need not wait; where that is broken off, send them again. Repeating a request
    changes nothing: a session that is there already stays as it is, whether imported or recorded. Imported sessions
    count for workload and raise no findings.
    """
    return await run_in_threadpool(_take, parts, await request.body())


def _take(parts: Parts, body: bytes) -> Imported:
    lines = list(_lines(body, parts.clock()))
    known = known_sessions(parts.engine, [line.session for line in lines])
    fresh = [line for line in lines if line.session not in known]
    fresh.sort(key=lambda line: (line.user, line.start_at))
    sessions = (_session(line) for line in fresh)
    done = import_sessions(parts.engine, sessions, parts.clock(), time_zone=parts.config.time_zone)
    return Imported(sessions=done.sessions, reps=done.reps, repeated=len(lines) - done.sessions)


def _lines(body: bytes, now_us: int) -> Iterator[SessionLine]:
    for number, line in enumerate(body.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield _checked(_decode(line), now_us)
        except msgspec.ValidationError as error:
            raise _bad_line(number, str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _bad_line(number, f"not JSON: {error}") from None


def _checked(line: SessionLine, now_us: int) -> SessionLine:
    """What the types cannot say. Raises ValidationError in their words."""
    start_us, end_us = microseconds(line.start_at), microseconds(line.end_at)
    if start_us < 0:
        raise msgspec.ValidationError("Expected a time from 1970 on - at `$.start_at`")
    if not start_us <= end_us:
        raise msgspec.ValidationError("Expected a time from start_at on - at `$.end_at`")
    if end_us > now_us + MAX_AHEAD_US:
        raise msgspec.ValidationError("Expected a time that has passed - at `$.end_at`")
    for index, rep in enumerate(line.reps):
        place = f"at `$.reps[{index}]"
        if not rep.t_start_us <= rep.t_turn_us <= rep.t_end_us:
            raise msgspec.ValidationError(f"Expected a time between t_start_us and t_end_us - {place}.t_turn_us`")
        if not start_us <= rep.t_start_us <= rep.t_end_us <= end_us:
            raise msgspec.ValidationError(f"Expected times between start_at and end_at - {place}.t_start_us`")
    for index, (before, after) in enumerate(pairwise(line.reps), start=1):
        if after.rep <= before.rep or after.set < before.set:
            place = f"at `$.reps[{index}].{'rep' if after.rep <= before.rep else 'set'}`"
            raise msgspec.ValidationError(f"Expected reps to count up through the session, sets too - {place}")
    return line


def _session(line: SessionLine) -> ImportedSession:
    whose: dict[str, Any] = {"session": line.session, "user": line.user, "gym": line.gym, "machine": line.machine}
    return ImportedSession(
        **whose,
        start_us=microseconds(line.start_at),
        end_us=microseconds(line.end_at),
        reps=tuple(events.Rep(**whose, **msgspec.structs.asdict(rep)) for rep in line.reps),
    )


def _bad_line(number: int, why: str) -> ProblemError:
    expected, _, place = why.partition(" - at ")
    found = re.fullmatch(r"`\$\.?(.*)`", place)
    field = (found.group(1) if found else "") or "(whole)"
    missing = re.search(r"missing required field `(\w+)`", expected)
    if missing:
        field = missing.group(1) if field == "(whole)" else f"{field}.{missing.group(1)}"
    problem = FieldProblem(field=field, place=f"line {number}", expected=expected, given=None)
    detail = f"line {number}, {field}: {expected}; nothing of this request was stored"
    return ProblemError(422, "bad-import-line", detail, title="A line is not as expected", errors=[problem])
