"""A member's workload, and all that is shown beside it on the same time axis."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from sledwatch.events import Severity
from sledwatch.exposure import exposure_by_day, exposure_by_week
from sledwatch.technique import NEAR_FAILURE_PCT
from sledwatch.workload import DAY_US, LOOK_BACK_DAYS, workload_view
from sledwatch.workload.days import day_number, midnight_us
from sledwatch_analytics.api.members import known_member
from sledwatch_analytics.api.names import UserPath
from sledwatch_analytics.api.parts import Parts, UsesParts
from sledwatch_analytics.api.problems import invalid
from sledwatch_analytics.api.times import EPOCH, At, at
from sledwatch_storage.state import lookback
from sledwatch_storage.state import sessions as kept_sessions
from sledwatch_storage.state.missing import missing_days
from sledwatch_storage.state.rules import rules_in_force

router = APIRouter(tags=["members"])

WORKLOAD_DAYS: Final = 90
MAX_WORKLOAD_DAYS: Final = 3_660

State = Literal["beginner", "no-baseline", "returning", "baseline"]
Baseline = Literal["usual", "yellow", "red", "beginner", "returning", "few-weeks", "missing", "no-load", "alike"]
_KEY: Final = ("gym", "machine", "notch", "foot_row")


class AgainstWeeks(BaseModel):
    """7 days against the member's own weeks before them."""

    baseline: Baseline = Field(
        description="usual, yellow (≥ 2 SD above) or red (≥ 3 SD); else why there is none: beginner, returning, "
        "few-weeks, missing (too many days are), no-load, alike",
        examples=["usual"],
    )
    baseline_weeks: int = Field(description="weeks compared with, at most the last 52", examples=[12])
    baseline_weeks_left_out: int = Field(description="weeks that hold a missing day", examples=[0])
    baseline_mean_j: float | None = Field(description="mean of those weeks", examples=[48_000.0])
    baseline_sd_j: float | None = Field(
        description="their sample standard deviation, no smaller than 10 % of the mean", examples=[5_200.0]
    )
    baseline_z: float | None = Field(description="(the 7 days − mean) / standard deviation", examples=[0.8])


class Now(AgainstWeeks):
    """How the member stands at the end of `to`, and what is still needed. Of a session that would begin then."""

    state: State
    footing: Literal["beginner", "returning", "baseline"] = Field(
        description="the state but for missing days", examples=["baseline"]
    )
    anew: bool = Field(description="more than 90 days without a session: everything begins anew")
    sessions: int = Field(
        description="visits of this history, at most those of 53 weeks; sessions less than 2 h apart are one",
        examples=[31],
    )
    sessions_needed: int = Field(description="before sessions are compared", examples=[4])
    days: float = Field(description="since the first of them", examples=[71.2])
    days_needed: int = Field(description="before sessions are compared", examples=[30])
    comparisons_from: date | None = Field(description="when those days are over; null before a first session")
    returning_session: int | None = Field(
        description="after a break: which session since it the next one is; null where nobody is returning",
        examples=[1],
    )
    returning_sessions: int = Field(description="so many within 30 days end a return", examples=[2])
    days_off: float | None = Field(description="how long the break was", examples=[41.0])
    best_30d_j: float | None = Field(description="what the next session would be compared with", examples=[11_200.0])
    best_90d_j: float | None = Field(description="the same after a break", examples=[11_900.0])
    missing_30d: int = Field(description="missing days of the last 30", examples=[0])
    missing_allowed_30d: int = Field(description="with more of them nothing is compared", examples=[6])
    weeks_needed: int = Field(description="own weeks before 7 days are held against them", examples=[8])


class Span(BaseModel):
    """Days in a row on which the same may be said."""

    state: State | None = Field(description="null before the first session")
    from_day: date = Field(alias="from")
    to_day: date = Field(alias="to")


class WorkloadDay(BaseModel):
    """A day in the gym's time zone. The ratios are context; they never raise an alert."""

    day: date
    work_j: float | None = Field(description="concentric work; null on a day of which data is missing")
    tonnage_kg: float
    top_load_kg: float
    sessions: int
    hard_sets: int
    hard_sets_7d: int = Field(description="of the 7 days that end with this one", examples=[12])
    missing: bool = Field(description="whether a machine that the member used has lost data of this day")
    best_30d_j: float | None = Field(
        description="the largest session of the 30 days before this day began", examples=[11_200.0]
    )
    over_reps: int = Field(description="sure reps beyond a calibrated limit", examples=[0])
    exposure_kg_mm: float = Field(description="Σ load × millimetres beyond, of those reps", examples=[0.0])
    deepest_over_mm: float | None = Field(description="the furthest that one of them came", examples=[None])
    ewma_ratio: float | None = Field(description="7 to 28 days, exponentially weighted (Williams 2017)")
    coupled_ratio: float | None = Field(description="mean of 7 days over mean of 28 (Gabbett 2016)")
    uncoupled_ratio: float | None = Field(description="7 days over the 21 before (Windt & Gabbett 2019)")
    monotony: float | None = Field(description="mean over sample SD of 7 days (Foster 1998)")
    strain: float | None = Field(description="week's load × monotony (Foster 1998)")


class WorkloadWeek(AgainstWeeks):
    """7 days; the last week ends with `to`. Exposure is a count to look at, no measure of harm."""

    from_day: date = Field(alias="from")
    to_day: date = Field(alias="to")
    work_j: float = Field(description="what is known of them", examples=[51_000.0])
    sessions: int = Field(examples=[3])
    sets: int = Field(examples=[14])
    hard_sets: int = Field(examples=[9])
    missing_days: int = Field(examples=[0])
    over_reps: int = Field(description="sure reps beyond a calibrated limit", examples=[3])
    exposure_kg_mm: float = Field(description="Σ load × millimetres beyond, of those reps", examples=[7_200.0])
    deepest_over_mm: float | None = Field(description="the furthest that one of them came", examples=[31.0])


class WorkloadSession(AgainstWeeks):
    """A session against the member's own last 30 days and weeks."""

    session: str
    start_at: At
    day: date
    work_j: float | None
    visit_work_j: float = Field(description="with what came before it in the same visit", examples=[10_400.0])
    best_30d_j: float | None = Field(description="largest session of the 30 days before")
    spike: float | None = Field(description="its visit's work over best_30d_j (Frandsen 2025)", examples=[1.42])
    severity: Severity | None = Field(description="of the spike")
    hard: bool = Field(description="more than 70 % of the largest in the 30 days before")
    state: State = Field(description="what it was judged by")
    sets: int = Field(examples=[4])
    hard_sets: int = Field(examples=[3])
    hard_sets_7d: int = Field(description="up to this session, of the 7 days that end with its day", examples=[11])
    week_j: float = Field(description="the same of work", examples=[31_000.0])
    sets_measured: int = Field(description="sets of which velocity says how they ended", examples=[4])
    sets_above_40_pct: int = Field(description="of those, sets that ended more than 40 % slower", examples=[1])
    velocity_loss_pct: float | None = Field(
        description="mean of those sets: last rep against the fastest (Sánchez-Medina & González-Badillo 2011); valid "
        "for reps done with full intent",
        examples=[24.5],
    )


class HardPair(BaseModel):
    """Two hard sessions on the same day or on consecutive ones."""

    session: str
    start_at: At
    work_j: float
    best_30d_j: float | None = Field(description="what makes it hard: it is more than 70 % of this")
    earlier_session: str
    earlier_at: At
    earlier_work_j: float
    earlier_best_30d_j: float | None
    habit: bool = Field(description="trains on consecutive days every week: context only")


class StrengthPoint(BaseModel):
    """An estimated one-repetition maximum."""

    session: str
    start_at: At
    day: date
    e1rm_kg: float = Field(examples=[182.0])
    error_kg: float | None = Field(description="standard error; null where nobody knows it", examples=[6.1])
    method: Literal["line", "equation", "reps"] = Field(
        description="line: the member's own loads and velocities; equation: published ones (Conceição 2016); reps: as "
        "if a set went to failure (Brzycki 1993, Epley 1985)"
    )
    guess: bool = Field(description="it takes something for granted that nobody measured")


class StrengthLine(BaseModel):
    """Estimates on one machine, by time."""

    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-1"])
    points: list[StrengthPoint]


class LimitStep(BaseModel):
    """A depth limit from a moment on; null: none from then on."""

    at: At
    day: date
    limit_mm: float | None = Field(examples=[412.0])
    how: str = Field(description="figure, rep or calibration", examples=["calibration"])
    by: str = Field(examples=["admin"])


class LimitCourse(BaseModel):
    """A limit as it was set on a machine, for a notch and a foot row (null: every one)."""

    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-1"])
    notch: int | None
    foot_row: int | None
    before_mm: float | None = Field(description="as it stood when `from` began", examples=[412.0])
    changes: list[LimitStep] = Field(description="within the days, by time")


class PainThen(BaseModel):
    """Back pain that was noted and not taken back."""

    id: int
    at: At
    day: date
    session: str | None
    text: str | None


class AlertThen(BaseModel):
    """An alert, as briefly as a mark on the axis needs it; by when it last happened."""

    id: str
    session: str | None
    at: At
    day: date
    rule: str
    severity: Severity
    state: str = Field(examples=["open"])
    title: str


class FindingThen(BaseModel):
    """A finding, as briefly as a mark on the axis needs it."""

    id: str
    session: str | None
    at: At
    day: date
    rule: str
    severity: Severity
    title: str


class Rules(BaseModel):
    """The settings that all this is judged by, as they are now; a finding names those that it was raised by."""

    version: int = Field(description="of the settings; 0: nobody changed any", examples=[0])
    values: dict[str, float | bool] = Field(examples=[{"spike_note": 1.1, "baseline_weeks": 8}])


class Workload(BaseModel):
    """A member's load over time, and what is to be seen beside it."""

    user: str
    time_zone: str = Field(description="says what a day is", examples=["Europe/Berlin"])
    state: State
    now: Now
    note: str = Field(description="what these figures do not see")
    rules: Rules
    days: list[WorkloadDay] = Field(description="every day from `from` to `to`")
    standing: list[Span] = Field(description="what could be said on those days")
    weeks: list[WorkloadWeek] = Field(description="whole weeks of 7 days, counted backwards from `to`")
    sessions: list[WorkloadSession]
    pairs: list[HardPair] = Field(description="hard sessions too close together, by the later one")
    strength: list[StrengthLine]
    limits: list[LimitCourse]
    pain: list[PainThen]
    alerts: list[AlertThen]
    findings: list[FindingThen]


@router.get("/members/{user}/workload", response_model=Workload)
def get_workload(
    parts: UsesParts,
    user: UserPath,
    from_day: Annotated[date | None, Query(alias="from", description="first day; by default 90 days to `to`")] = None,
    to_day: Annotated[date | None, Query(alias="to", description="last day; by default today")] = None,
) -> Response:
    """A member's load by day, week and session, with their standing, and what happened meanwhile.

    Only the leg press is seen. Read are the days asked for and the 53 weeks before them.
    """
    known_member(parts, user)
    now_us = parts.clock()
    gym, time_zone = _latest_gym(parts, user)
    to_day = to_day or at(now_us).astimezone(ZoneInfo(time_zone)).date()
    if not EPOCH.date() <= to_day <= at(now_us).date() + timedelta(days=1):
        raise invalid("to", "a day from 1970 to today", to_day.isoformat(), place="query")
    from_day = from_day or max(EPOCH.date(), to_day - timedelta(days=WORKLOAD_DAYS - 1))
    if not EPOCH.date() <= from_day <= to_day or (to_day - from_day).days >= MAX_WORKLOAD_DAYS:
        expected = f"a day up to `to` ({to_day}), and {MAX_WORKLOAD_DAYS} days at most"
        raise invalid("from", expected, from_day.isoformat(), place="query")
    from_us = midnight_us(day_number(from_day), time_zone)
    until_us = midnight_us(day_number(to_day) + 1, time_zone) - 1
    before_us = from_us - (LOOK_BACK_DAYS + 1) * DAY_US
    with parts.engine.connect() as connection:
        rules = rules_in_force(connection, gym, user)
        sessions = kept_sessions.member_sessions(connection, user, until_us, from_us=before_us)
        first_us = int(sessions.start_us[0]) if len(sessions) else from_us
        missing = missing_days(
            connection, user, max(min(first_us, from_us), before_us), min(until_us, now_us), time_zone
        )
        view = workload_view(sessions, time_zone, from_day, to_day, missing, rules.rules)
        span = (connection, user, from_us, until_us)
        by_day = exposure_by_day(lookback.reps_too_deep(*span), time_zone, from_day, to_day)
        _put_exposure(view["days"], by_day.to_dict("records"))
        weeks = exposure_by_week(by_day)
        _put_exposure(view["weeks"], weeks.to_dict("records"))
        _put_sets(view, lookback.velocity_losses(*span))
        beside: dict[str, Any] = {
            "strength": _strength(lookback.strengths(*span), ZoneInfo(time_zone)),
            "limits": _limits(lookback.limit_changes_until(connection, user, until_us), from_us, ZoneInfo(time_zone)),
            "pain": _dated(lookback.notes_then(*span), "at_us", ZoneInfo(time_zone)),
            "alerts": _dated(lookback.alerts_then(*span), "last_us", ZoneInfo(time_zone)),
            "findings": _dated(lookback.findings_then(*span), "at_us", ZoneInfo(time_zone)),
        }
    in_force = {"version": rules.version, "values": view["rules"]}
    workload = Workload.model_validate({**view, **beside, "user": user, "rules": in_force})
    # Written here: the framework would look at each of some thousand figures a second time.
    return Response(workload.model_dump_json(by_alias=True), media_type="application/json")


def _latest_gym(parts: Parts, user: str) -> tuple[str | None, str]:
    """The gym of the member's latest session and its time zone; without one, that of the house."""
    latest = kept_sessions.sessions_of(parts.engine, user, None, 1)
    if not latest:
        return None, parts.config.time_zone
    return latest[0]["gym"], kept_sessions.time_zone_of(parts.engine, latest[0]["gym"])


def _put_exposure(shown: Sequence[dict[str, Any]], exposure: Sequence[Mapping[Any, Any]]) -> None:
    for row, of_row in zip(shown, exposure, strict=True):
        deepest_mm = of_row["deepest_over_mm"]
        row.update(of_row, deepest_over_mm=deepest_mm if of_row["over_reps"] else None)


def _put_sets(view: dict[str, Any], losses: Mapping[str, Sequence[float | None]]) -> None:
    """How many sets there were, and how much slower they ended, by session; and their number by week."""
    of_day: dict[str, int] = defaultdict(int)
    for session in view["sessions"]:
        of_sets = losses.get(session["session"], ())
        known = [loss for loss in of_sets if loss is not None]
        of_day[session["day"]] += len(of_sets)
        session |= {
            "sets": len(of_sets),
            "sets_measured": len(known),
            "sets_above_40_pct": sum(loss > NEAR_FAILURE_PCT for loss in known),
            "velocity_loss_pct": sum(known) / len(known) if known else None,
        }
    for week in view["weeks"]:
        week["sets"] = sum(count for day, count in of_day.items() if week["from"] <= day <= week["to"])


def _strength(found: Iterable[lookback.StrengthThen], zone: ZoneInfo) -> list[dict[str, Any]]:
    lines: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        kept = {name: one["strength"][name] for name in ("e1rm_kg", "error_kg", "method", "guess")}
        start_at = at(one["start_us"])
        point = {"session": one["session"], "start_at": start_at, "day": start_at.astimezone(zone).date()}
        lines[one["gym"], one["machine"]].append(point | kept)
    return [{"gym": gym, "machine": machine, "points": points} for (gym, machine), points in sorted(lines.items())]


def _limits(changes: Iterable[lookback.LimitThen], from_us: int, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The limits that stood when the span began, or changed within it."""
    courses = []
    for key, of_limit in groupby(changes, key=lambda one: (one["gym"], one["machine"], one["notch"], one["foot_row"])):
        before_mm, steps = None, []
        for one in of_limit:
            limit_mm = one["limit_mm"] if one["change"] == "set" else None
            if one["changed_us"] < from_us:
                before_mm = limit_mm
            else:
                moment = at(one["changed_us"])
                step = {"at": moment, "day": moment.astimezone(zone).date(), "limit_mm": limit_mm}
                steps.append(step | {"how": one["how"], "by": one["changed_by"]})
        if steps or before_mm is not None:
            named = {name: None if value == -1 else value for name, value in zip(_KEY, key, strict=True)}
            courses.append({**named, "before_mm": before_mm, "changes": steps})
    return courses


def _dated(rows: Iterable[Mapping[str, Any]], time: str, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [{**row, "at": (moment := at(row[time])), "day": moment.astimezone(zone).date()} for row in rows]
