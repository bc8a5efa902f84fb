"""Sessions: their figures, their reps, and the trace of their samples."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from sledwatch import events
from sledwatch.events import Tier
from sledwatch.technique import SetTrend, faults, set_trends
from sledwatch_analytics.api.findings import Finding, shown_finding
from sledwatch_analytics.api.names import SessionPath
from sledwatch_analytics.api.noted import Note, shown_note
from sledwatch_analytics.api.paging import Page, WantsPage
from sledwatch_analytics.api.parts import Parts, UsesParts
from sledwatch_analytics.api.problems import not_found
from sledwatch_analytics.api.times import At, at, at_or_none
from sledwatch_analytics.api.trace import read_trace, thinned
from sledwatch_storage.state import notes as kept_notes
from sledwatch_storage.state import sessions as kept

router = APIRouter(tags=["sessions"])

MAX_POINTS = 100_000


class Setup(BaseModel):
    """How seat and feet are set."""

    backrest_deg: float = Field(description="above horizontal", examples=[30.0])
    notch: int = Field(examples=[4])
    foot_row: int = Field(examples=[2])
    foot_offset_mm: float = 0.0


class Session(BaseModel):
    """A session, from badge-in to badge-out. What is said of a live one is provisional."""

    session: str = Field(examples=["01JDX4"])
    user: str = Field(examples=["m-1042"])
    user_name: str | None = Field(examples=["Ada"])
    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-1"])
    start_at: At
    end_at: At | None = Field(description="UTC, ISO 8601; null while it lasts")
    state: Literal["live", "closed"]
    source: Literal["samples", "import"] = Field(description="import: history from elsewhere, without samples")
    split_of: str | None = Field(description="the session on somebody else's badge that it was split off")
    setup: Setup | None
    limit_mm: float | None = Field(description="the depth limit it is judged by", examples=[412.0])
    limit_tier: Tier | None
    work_j: float | None = Field(description="concentric work of all reps", examples=[8421.0])
    tonnage_kg: float | None = Field(description="sum of load over the reps, sled included", examples=[3600.0])
    top_load_kg: float | None = Field(examples=[140.0])
    reps: int = Field(examples=[30])
    sets: int = Field(examples=[3])
    hard_sets: int | None = Field(examples=[1])
    findings: list[Finding] = Field(description="what the rules said of it, by time")


class Strength(BaseModel):
    """The one-repetition maximum on this machine as of this session, estimated from 90 days of lifting."""

    e1rm_kg: float = Field(examples=[186.4])
    error_kg: float | None = Field(description="standard error; null where nobody knows it", examples=[9.2])
    method: Literal["line", "equation", "reps"] = Field(
        description="line: the member's own loads and velocities; equation: the published ones (Conceição 2016), from "
        "one load; reps: of a set, as if it went to failure (Brzycki 1993, Epley 1985)"
    )
    guess: bool = Field(description="it takes for granted that the push was as fast, or the set as long, as could be")
    loads: int = Field(description="how many different loads it rests on", examples=[5])


class SetFigures(BaseModel):
    """How a set went, by its sure reps. Null where undefined."""

    set: int = Field(examples=[2])
    reps: int = Field(examples=[10])
    load_kg: float = Field(examples=[120.0])
    pct_1rm: float | None = Field(description="of the estimated one-repetition maximum", examples=[64.4])
    best_velocity_m_s: float | None = Field(description="mean velocity of the fastest rep", examples=[0.42])
    velocity_loss_pct: float | None = Field(description="of the last rep", examples=[24.0])
    near_failure: bool = Field(description="more than 40 % slower than the best, if all was pushed with full intent")
    drift_mm_per_rep: float | None = Field(description="how much deeper with each rep", examples=[1.4])
    fatigue: bool = Field(description="deeper and slower together (judgement)")


class SessionDetail(Session):
    """A session with how strong it shows its member to be, and how its sets went."""

    strength: Strength | None = Field(description="null while it is live, and where nothing allows an estimate")
    friction_n: float | None = Field(description="of the machine, where its footplate measures forces", examples=[25.0])
    set_figures: list[SetFigures]
    notes: list[Note] = Field(description="what its member said of it, by time; what was taken back too")


class Rep(BaseModel):
    """One repetition: an eccentric phase (sled towards the user), then a concentric one. Null where undefined."""

    session: str = Field(examples=["01JDX4"])
    user: str = Field(examples=["m-1042"])
    gym: str = Field(examples=["north"])
    machine: str = Field(examples=["press-1"])
    set: int = Field(description="from 1", examples=[2])
    rep: int = Field(description="through the session, from 1", examples=[14])
    t_start_us: int = Field(description="start of the eccentric phase", examples=[1795330800000000])
    t_turn_us: int = Field(
        description="of the deepest sample; anywhere within a dwell at the bottom", examples=[1795330801800000]
    )
    t_end_us: int = Field(description="end of the concentric phase", examples=[1795330803100000])
    load_kg: float = Field(description="the moved mass, sled included", examples=[120.0])
    depth_mm: float = Field(description="sled travel from the rack at the bottom", examples=[408.5])
    rom_mm: float = Field(description="concentric travel", examples=[390.0])
    eccentric_s: float = Field(examples=[1.8])
    concentric_s: float = Field(examples=[1.3])
    bottom_dwell_s: float | None = Field(examples=[0.2])
    mean_velocity_m_s: float | None = Field(description="of the concentric phase", examples=[0.3])
    mean_propulsive_velocity_m_s: float | None = Field(examples=[0.32])
    peak_velocity_m_s: float | None = Field(examples=[0.52])
    work_j: float | None = Field(description="concentric", examples=[274.0])
    velocity_loss_pct: float | None = Field(description="against the best of the set", examples=[12.0])
    knee_deg: float | None = Field(description="flexion at the bottom, ±5–10°", examples=[98.0])
    hip_deg: float | None = Field(description="trunk-referenced flexion at the bottom, ±5–10°", examples=[112.0])
    limit_mm: float | None = Field(examples=[412.0])
    over_mm: float | None = Field(description="how far past the limit; null where there is none or it was kept")
    limit_tier: Tier | None
    quality: Literal["ok", "unsure"]
    quality_reason: str | None
    propulsive_s: float | None = Field(description="how long of the concentric phase was pushed", examples=[1.3])
    eccentric_peak_velocity_m_s: float | None = Field(examples=[0.41])
    turn_deceleration_m_s2: float | None = Field(description="hardest braking of the way down", examples=[1.9])
    lockout_velocity_m_s: float | None = Field(
        description="the fastest within 20 mm of the set's smallest depth; null for who stays short of it",
        examples=[0.14],
    )
    left_n: float | None = Field(description="mean force of the left foot on the way up, measured", examples=[431.0])
    right_n: float | None = Field(examples=[402.0])
    asymmetry_pct: float | None = Field(description="100 (max − min) / max of both feet", examples=[6.7])
    technique: list[Literal["bounce", "dropped", "lock-out"]] = Field(
        description="what a sure rep shows of it (judgement); notes are made of it at loads that matter only"
    )


class Trace(BaseModel):
    """The samples of a session, in columns of equal length, ascending in time."""

    session: str = Field(examples=["01JDX4"])
    samples: int = Field(description="how many there are in all, thinned or not", examples=[3])
    t_us: list[int] = Field(examples=[[1795330800000000, 1795330800020000, 1795330800040000]])
    depth_mm: list[float | None] = Field(description="null where the sensor gave nothing", examples=[[12.1, None, 14]])
    load_kg: list[float] = Field(examples=[[120.0, 120.0, 120.0]])


@router.get("/sessions/{session}")
def get_session(parts: UsesParts, session: SessionPath) -> SessionDetail:
    """One session."""
    known = known_session(parts, session)
    strength = known["strength"]
    e1rm_kg = None if strength is None else strength["e1rm_kg"]
    return SessionDetail(
        **shown_session(parts, known).model_dump(),
        strength=None if strength is None else Strength(**strength),
        friction_n=known["friction_n"],
        set_figures=[_set_figures(trend, e1rm_kg) for trend in set_trends(reps_of(parts, known))],
        notes=[shown_note(one) for one in kept_notes.of_session(parts.engine, session)],
    )


@router.get("/sessions/{session}/reps")
def list_reps(parts: UsesParts, session: SessionPath, page: WantsPage) -> Page[Rep]:
    """The reps of a session, ascending; of a live one those so far, provisional."""
    reps = reps_of(parts, known_session(parts, session))
    after = int(page.after) if page.after is not None and page.after.isdecimal() else 0
    rows, following = page.cut([rep for rep in reps if rep.rep > after], lambda rep: str(rep.rep))
    return Page(items=[_shown_rep(rep) for rep in rows], next=following)


@router.get("/sessions/{session}/trace", response_model=Trace)
def get_trace(
    parts: UsesParts,
    session: SessionPath,
    points: Annotated[
        int | None, Query(ge=2, le=MAX_POINTS, description="thin to about as many, keeping every peak and bottom")
    ] = None,
) -> Response:
    """Every sample of a session, or enough of them to draw it. Imported sessions have none."""
    known = known_session(parts, session)
    trace = read_trace(parts.engine, parts.series, known["split_of"] or session)
    if known["split_of"] is not None and known["end_us"] is not None:
        trace = trace.between(known["start_us"], known["end_us"])
    shown = trace if points is None else thinned(trace, points)
    body = {"session": session, "samples": len(trace.t_us), **shown.columns()}
    # Encoded directly: a model of a hundred thousand numbers takes longer to check than to read.
    return Response(msgspec.json.encode(body), media_type="application/json")


def known_session(parts: Parts, session: str) -> kept.StoredSession:
    """The session, or the problem that there is none."""
    found = kept.get_session(parts.engine, session)
    if found is None or found["state"] == "void":
        raise not_found(f"no session {session}: none with this id has begun")
    return found


def reps_of(parts: Parts, session: kept.StoredSession) -> list[events.Rep]:
    """The reps of a session, provisional ones while it is live."""
    if session["state"] == "live":
        return sorted(parts.floor.live_reps(session["session"]), key=lambda rep: rep.rep)
    return kept.reps_of(parts.engine, session["session"])


def shown_session(parts: Parts, session: kept.StoredSession) -> Session:
    """A session as the API shows it."""
    figures: dict[str, Any] = {
        name: session[name]  # type: ignore[literal-required]
        for name in Session.model_fields
        if name not in {"start_at", "end_at", "findings", "reps"}
    }
    figures["reps"] = session["reps"] or 0
    if session["state"] == "live":
        figures |= _so_far(parts.floor.live_reps(session["session"]))
    return Session(
        **figures,
        start_at=at(session["start_us"]),
        end_at=at_or_none(session["end_us"]),
        findings=[shown_finding(one) for one in session["findings"]],
    )


def _shown_rep(rep: events.Rep) -> Rep:
    return Rep.model_validate({name: getattr(rep, name) for name in rep.__slots__} | {"technique": faults(rep)})


def _set_figures(trend: SetTrend, e1rm_kg: float | None) -> SetFigures:
    return SetFigures(
        set=trend.set,
        reps=trend.reps,
        load_kg=trend.load_kg,
        pct_1rm=100.0 * trend.load_kg / e1rm_kg if e1rm_kg else None,
        best_velocity_m_s=trend.best_velocity_m_s,
        velocity_loss_pct=trend.velocity_loss_pct,
        near_failure=trend.near_failure,
        drift_mm_per_rep=trend.drift_mm_per_rep,
        fatigue=trend.fatigue,
    )


def _so_far(reps: Sequence[events.Rep]) -> dict[str, Any]:
    if not reps:
        return {}
    return {
        "reps": len(reps),
        "sets": max(rep.set for rep in reps),
        "tonnage_kg": sum(rep.load_kg for rep in reps),
        "top_load_kg": max(rep.load_kg for rep in reps),
    }
