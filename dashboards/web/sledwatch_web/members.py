"""What the pages of members show. Plain functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sledwatch_web import words
from sledwatch_web.alerts import SHAPES
from sledwatch_web.api import Json
from sledwatch_web.gyms import Gyms
from sledwatch_web.words import Moment

# Machines whose strength a member's page shows.
STRENGTHS: Final = 4
# What an estimate of the one-repetition maximum rests on.
BASES: Final = {
    "line": "from their own loads and velocities, {loads}",
    "equation": "from the published loads and velocities (Conceição 2016), {loads}",
    "reps": "from the reps of a set, as if it went to failure (Brzycki 1993, Epley 1985)",
}


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A line of a member's session table."""

    session: str
    href: str
    at: Moment | None
    where: str
    state: str
    work: str
    spike: str
    compared: bool
    severity: str
    severity_word: str
    shape: str
    reps: str
    findings: int


@dataclass(frozen=True, slots=True)
class StrengthRow:
    """An estimated one-repetition maximum on a machine. guess: it takes something for granted that nobody measured."""

    where: str
    e1rm: str
    error: str
    basis: str
    guess: bool
    at: Moment | None
    href: str


def session_rows(sessions: list[Json], workload: Json, gyms: Gyms, now_us: int) -> list[SessionRow]:
    """A member's sessions, newest first, each with its comparison with the best of the 30 days before."""
    judged = {one["session"]: one for one in workload["sessions"]}
    rows = []
    for session in sessions:
        load = judged.get(session["session"], {})
        severity = load.get("severity") or ""
        work_j = load.get("work_j", session.get("work_j"))
        rows.append(
            SessionRow(
                session=session["session"],
                href=f"/sessions/{session['session']}",
                at=words.moment(session["start_at"], gyms.time_zone(session["gym"]), now_us),
                where=f"{session['machine']}, {gyms.name(session['gym'])}",
                state=session["state"],
                work=words.energy(work_j),
                spike=words.NOTHING if load.get("spike") is None else f"{words.number(load['spike'], 2)}×",
                compared=load.get("spike") is not None,
                severity=severity,
                severity_word=words.SEVERITIES.get(severity, ""),
                shape=SHAPES.get(severity, ""),
                reps=words.number(session["reps"]) if isinstance(session.get("reps"), int) else words.NOTHING,
                findings=findings_of(session),
            )
        )
    return rows


def findings_of(session: Json) -> int:
    """How many findings a session has: the API gives the number or the findings."""
    findings = session.get("findings")
    return findings if isinstance(findings, int) else len(findings or ())


def beyond(findings: list[Json], alerts: list[Json]) -> list[Json]:
    """The findings that are not shown as alerts already."""
    shown = {(alert["rule"], alert.get("session")) for alert in alerts}
    return [one for one in findings if (one["rule"], one.get("session")) not in shown]


def headline(workload: Json, last_at: Moment | None) -> tuple[str, str]:
    """The member's last session against what they are used to, in one sentence, and its severity.

    last_at: when their latest session began, however long ago.
    """
    if not workload["sessions"]:
        return "No session yet." if last_at is None else f"No session since {last_at.dated}.", ""
    last = workload["sessions"][-1]
    done = f"The last session came to {words.energy(last['work_j'])}"
    if last.get("spike") is None:
        return f"{done}; there is nothing yet to compare it with.", ""
    return f"{done}, {words.times_best(last['spike'])} of {words.energy(last['best_30d_j'])}.", last.get(
        "severity"
    ) or ""


def latest_closed(sessions: Sequence[Json]) -> list[str]:
    """The newest closed session on each machine, as far as `sessions` (newest first) go back."""
    newest: dict[tuple[str, str], str] = {}
    for one in sessions:
        if one["state"] == "closed":
            newest.setdefault((one["gym"], one["machine"]), one["session"])
    return list(newest.values())[:STRENGTHS]


def strength_rows(sessions: Sequence[Json], gyms: Gyms, now_us: int) -> list[StrengthRow]:
    """What sessions, one a machine, show of a member's strength; those that allow no estimate are left out."""
    rows = []
    for session in sessions:
        strength = session.get("strength")
        if strength is None:
            continue
        error_kg = strength.get("error_kg")
        rows.append(
            StrengthRow(
                where=f"{session['machine']}, {gyms.name(session['gym'])}",
                e1rm=words.kg(round(strength["e1rm_kg"])),
                error="" if error_kg is None else f"±{words.NBSP}{words.kg(round(error_kg))}",
                basis=BASES.get(strength["method"], strength["method"]).format(
                    loads=words.count(strength["loads"], "load")
                ),
                guess=strength["guess"],
                at=words.moment(session["start_at"], gyms.time_zone(session["gym"]), now_us),
                href=f"/sessions/{session['session']}",
            )
        )
    return rows


def height_cm(member: Json) -> str:
    """Body height as one says it; empty where it is not known."""
    height_mm = member.get("height_mm")
    if height_mm is None:
        return ""
    return words.number(height_mm / 10, 0 if round(height_mm) % 10 == 0 else 1)
