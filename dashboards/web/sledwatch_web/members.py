"""What the pages of members show. Plain functions."""

from dataclasses import dataclass

from sledwatch_web import words
from sledwatch_web.alerts import SHAPES
from sledwatch_web.api import Json
from sledwatch_web.gyms import Gyms
from sledwatch_web.words import Moment


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
class LimitRow:
    """A depth limit of a member."""

    where: str
    holds_for: str
    limit: str
    origin: str
    set_by: str
    set_at: Moment | None


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


def headline(workload: Json) -> tuple[str, str]:
    """The member's last session against what they are used to, in one sentence, and its severity."""
    if not workload["sessions"]:
        return "No session yet.", ""
    last = workload["sessions"][-1]
    done = f"The last session came to {words.energy(last['work_j'])}"
    if last.get("spike") is None:
        return f"{done}; there is nothing yet to compare it with.", ""
    return f"{done}, {words.times_best(last['spike'])} of {words.energy(last['best_30d_j'])}.", last.get(
        "severity"
    ) or ""


def limit_rows(limits: list[Json], gyms: Gyms, now_us: int) -> list[LimitRow]:
    """A member's depth limits."""
    rows = []
    for one in limits:
        holds = [
            f"seat notch {one['notch']}" if one.get("notch") is not None else "every seat notch",
            f"foot row {one['foot_row']}" if one.get("foot_row") is not None else "every foot row",
        ]
        pointed = one.get("from_rep")
        rows.append(
            LimitRow(
                where=f"{one['machine']}, {gyms.name(one['gym'])}",
                holds_for=", ".join(holds),
                limit=words.mm(one["limit_mm"]),
                origin=f"/sessions/{pointed['session']}" if pointed else "",
                set_by=one.get("set_by") or "",
                set_at=words.moment(one.get("set_at"), gyms.time_zone(one["gym"]), now_us),
            )
        )
    return rows


def height_cm(member: Json) -> str:
    """Body height as one says it; empty where it is not known."""
    height_mm = member.get("height_mm")
    if height_mm is None:
        return ""
    return words.number(height_mm / 10, 0 if round(height_mm) % 10 == 0 else 1)
