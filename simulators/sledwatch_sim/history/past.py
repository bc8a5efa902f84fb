"""What lies behind a lifter when they come today: eight weeks of sessions, rep by rep, without a trace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

import msgspec
import numpy as np

from sledwatch_sim.equipment.models import Press
from sledwatch_sim.people import DAY_US, Lifter, PlannedSet, Stroke
from sledwatch_sim.performing import seen_push

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Those who go too deep began it lately: at most this much deeper when tired in the weeks behind them.
_EARLIER_DRIFT_MM: Final = 8.0
_WEEK_US: Final = 7 * DAY_US


@dataclass(frozen=True, slots=True)
class PastSession:
    """One earlier session. `reps` are the fields that the API's import takes."""

    session: str
    start_us: int
    end_us: int
    work_j: float
    reps: tuple[dict[str, Any], ...]

    def line(self, user: str, gym: str, machine: str) -> bytes:
        """The session as a line of the import."""
        return msgspec.json.encode(
            {
                "session": self.session,
                "user": user,
                "gym": gym,
                "machine": machine,
                "start_at": iso(self.start_us),
                "end_at": iso(self.end_us),
                "reps": self.reps,
            }
        )


def iso(t_us: int) -> str:
    """Microseconds since the epoch as UTC ISO 8601."""
    return (_EPOCH + timedelta(microseconds=t_us)).isoformat().replace("+00:00", "Z")


def past_sessions(lifter: Lifter, press: Press, coming_us: int, zone: tzinfo = UTC) -> list[PastSession]:
    """Their sessions before the one that begins at `coming_us`, ascending; none for who comes for the first time.

    zone: of the gym; they come on days of the calendar there.
    """
    starts = lifter.starts_before(coming_us, lifter.rng(coming_us), zone)
    earlier = replace(lifter, drift_mm=min(lifter.drift_mm, _EARLIER_DRIFT_MM))
    return [_past_session(earlier, press, start_us, (coming_us - start_us) / _WEEK_US) for start_us in starts]


def _past_session(lifter: Lifter, press: Press, start_us: int, weeks_ago: float) -> PastSession:
    rng = lifter.rng(start_us)
    plan = lifter.plan(press, rng, weeks_ago)
    setup = lifter.setup(press)
    t_us = start_us + 12_000_000
    reps: list[dict[str, Any]] = []
    strokes: list[Stroke] = []
    for index, planned in enumerate(plan):
        top_mm = 10.0
        tired = index / (len(plan) - 1)
        done: list[dict[str, Any]] = []
        for number in range(planned.reps):
            stroke = lifter.stroke(press, planned, tired, number, top_mm, lifter.limit_mm(press), rng)
            strokes.append(stroke)
            work_j = press.work_j(setup, planned.load_kg, stroke.bottom_mm - stroke.end_mm)
            done.append(_rep(planned, stroke, index + 1, len(reps) + number + 1, t_us, work_j))
            t_us = done[-1]["t_end_us"] + int(stroke.pause_s * 1e6)
            top_mm = stroke.end_mm
        reps += done
        t_us += int(planned.rest_s * 1e6)
    _tell_velocities(reps, strokes)
    return PastSession(
        session=f"h-{lifter.seed}-{lifter.user}-{start_us // 1_000_000}",
        start_us=start_us,
        end_us=t_us,
        work_j=sum(rep["work_j"] for rep in reps),
        reps=tuple(reps),
    )


def _rep(planned: PlannedSet, stroke: Stroke, number: int, rep: int, t_us: int, work_j: float) -> dict[str, Any]:
    turn_us = t_us + int((stroke.eccentric_s + stroke.dwell_s) * 1e6)
    rom_mm = stroke.bottom_mm - stroke.end_mm
    return {
        "set": number,
        "rep": rep,
        "t_start_us": t_us,
        "t_turn_us": turn_us,
        "t_end_us": turn_us + int(stroke.concentric_s * 1e6),
        "load_kg": planned.load_kg,
        "depth_mm": round(stroke.bottom_mm, 1),
        "rom_mm": round(rom_mm, 1),
        "eccentric_s": round(stroke.eccentric_s, 2),
        "concentric_s": round(stroke.concentric_s, 2),
        "bottom_dwell_s": round(stroke.dwell_s, 2),
        "peak_velocity_m_s": round(1.875 * rom_mm / 1000.0 / stroke.concentric_s, 3),
        "work_j": round(work_j, 1),
    }


def _tell_velocities(reps: Sequence[dict[str, Any]], strokes: Sequence[Stroke]) -> None:
    """Velocities as the contract measures them; their loss against the best of the set (Sánchez-Medina 2011)."""
    names = ("bottom_mm", "end_mm", "concentric_s", "bounce_m_s")
    means = seen_push(*(np.array([getattr(stroke, name) for stroke in strokes]) for name in names))[1]
    best: dict[int, float] = {}
    for rep, mean_m_s in zip(reps, np.round(means, 3).tolist(), strict=True):
        # Gravity alone brakes these pushes, so all of each is propulsive.
        rep["mean_velocity_m_s"] = rep["mean_propulsive_velocity_m_s"] = mean_m_s
        best[rep["set"]] = max(best.get(rep["set"], 0.0), mean_m_s)
    for rep in reps:
        fastest = best[rep["set"]]
        rep["velocity_loss_pct"] = round(100.0 * (fastest - rep["mean_velocity_m_s"]) / fastest, 1)
