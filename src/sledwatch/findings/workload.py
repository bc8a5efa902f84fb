"""A session against the person's own history."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pandas as pd

from sledwatch import workload
from sledwatch.events import Severity
from sledwatch.findings.finding import Finding, listed
from sledwatch.workload import LEG_PRESS_ONLY, WorkloadContext

# Hazard of an overuse problem in 5 205 runners, by session spike against sessions of at most 1.10× the 30-day best.
_RUNNERS: Final = (
    (workload.SPIKE_ALERT, "> 2.00", 2.28),
    (workload.SPIKE_WARN, "> 1.30 to 2.00", 1.52),
    (workload.SPIKE_NOTE, "> 1.10 to 1.30", 1.64),
)
_RUNNERS_SOURCE: Final = "Frandsen 2025, BJSM 59:1203: 5 205 runners; an association in running, not on the leg press"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def workload_findings(context: WorkloadContext) -> list[Finding]:
    """Judge a closed session against the member's own history: spike, spacing, returning, beginner (docs/science.md).

    Where more than 20 % of the days looked back on are missing, what a rule would have raised is a note that says why.
    Raises ValueError when the judged session is not among the sessions.
    """
    sessions = context.sessions
    judged = sessions[sessions["session"] == context.session]
    if judged.empty:
        raise ValueError(f"session {context.session!r} is not among the {len(sessions)} sessions of its member")
    known = sessions[sessions["start_us"] <= judged["start_us"].iloc[0]]
    table = workload.session_table(known, context.time_zone, context.missing_days)
    own = table[table["session"] == context.session]
    if own.empty:
        return []
    session = _Judged(context, table, own.iloc[0].to_dict())
    found = [session.beginner(), session.returning(), session.spike(), session.spacing()]
    return [session.unless_missing(finding) for finding in found if finding is not None]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A session with what `workload.session_table` knows of it and of those before."""

    context: WorkloadContext
    table: pd.DataFrame
    row: Mapping[Hashable, Any]

    def spike(self) -> Finding | None:
        ratio, best = float(self.row["ratio_30d"]), float(self.row["best_30d_j"])
        joined = self._is_spaced()
        severity = workload.spike_severity(ratio, joined=joined)
        if self.row["footing"] != "baseline" or severity is None:
            return None
        threshold, band, hazard = next(row for row in _RUNNERS if ratio > row[0])
        message = (
            f"{self.context.member_name} did {_times(ratio)} the 30-day best{self._visit()}: "
            f"{_kj(self.row['visit_work_j'])} against {_kj(best)}{', right after a hard session' if joined else ''}."
        )
        cap = f"keep the next session under {_kj(workload.SPIKE_NOTE * best)} (1.10× the best before it)"
        if severity == "alert":
            advice = (
                f"Speak with {self.context.member_name} before the next session, leave at least two days, and {cap}: "
                "nothing in the last 30 days prepared for this much."
            )
        elif severity == "warn":
            advice = f"Cut a set or two: {cap} and leave a day in between, so that the load rises in steps."
        else:
            advice = f"Nothing to change today: {cap}, so that one large session does not become the new normal."
        compared = self._best_before(workload.WINDOW_DAYS)
        return self._finding(
            "workload.spike",
            severity,
            "Far above the own history" if severity == "alert" else "Above the own history",
            message,
            advice,
            {
                "best_30d_work_j": round(best, 1),
                "best_30d_session": compared["session"],
                "best_30d_at": _iso(compared["visit_start_us"]),
                "ratio": round(ratio, 4),
                "threshold": threshold,
                "thresholds": {
                    "note": workload.SPIKE_NOTE,
                    "warn": workload.SPIKE_WARN,
                    "alert": workload.SPIKE_ALERT,
                    "alert_with_spacing": workload.SPIKE_WARN,
                },
                "joined_with_spacing": joined,
                "window_days": workload.WINDOW_DAYS,
                "context": {"hazard_ratio": hazard, "band": band, "source": _RUNNERS_SOURCE},
            },
        )

    def spacing(self) -> Finding | None:
        if not self._is_spaced():
            return None
        before = self.table[self.table["visit"] == self.row["spaced_visit"]].iloc[-1].to_dict()
        same_day = before["day"] == self.row["day"]
        best = float(self.row["best_30d_j"])
        days = (
            f"twice on {_day(self.row['day'])}" if same_day else f"on {_day(before['day'])} and {_day(self.row['day'])}"
        )
        return self._finding(
            "workload.spacing",
            "warn",
            "Hard sessions too close together",
            f"{self.context.member_name} trained hard {days}: {_kj(before['visit_work_j'])}, then "
            f"{_kj(self.row['visit_work_j'])}{self._visit()}, each over 70 % of the largest session in the 30 days "
            "before it.",
            "Space the sessions: leave a day between hard ones, or keep the second under "
            f"{_kj(workload.HARD_SHARE * best)}, so that there is time to recover.",
            {
                "earlier_session": before["session"],
                "earlier_at": _iso(before["visit_start_us"]),
                "earlier_work_j": round(float(before["visit_work_j"]), 1),
                "earlier_best_30d_work_j": round(float(before["best_30d_j"]), 1),
                "best_30d_work_j": round(best, 1),
                "hard_share": workload.HARD_SHARE,
                "days_between": 0 if same_day else 1,
                "consecutive_days_in_each_of_last_4_weeks": bool(self.row["habit"]),
            },
        )

    def returning(self) -> Finding | None:
        ratio, best = float(self.row["ratio_90d"]), float(self.row["best_90d_j"])
        if self.row["footing"] != "returning" or not ratio > workload.RETURNING_SHARE:
            return None
        breaks = self.table[
            (self.table["days_off"] > workload.WINDOW_DAYS) & (self.table["visit"] <= self.row["visit"])
        ]
        layoff_days = int(breaks["days_off"].iloc[-1])
        number = int(self.row["visit"] - breaks["visit"].iloc[-1]) + 1
        compared = self._best_before(workload.RETURN_WINDOW_DAYS)
        which = "the first session" if number == 1 else f"session {number}"
        return self._finding(
            "workload.returning",
            "warn",
            "Back too fast after a break",
            f"{self.context.member_name} did {_times(ratio)} the 90-day best in {which} after {layoff_days} days "
            f"off{self._visit()}: {_kj(self.row['visit_work_j'])} against {_kj(best)}.",
            f"Cut the next session to about half, {_kj(0.5 * best)}, and build up over two weeks: after a break there "
            "is no recent training to carry this much.",
            {
                "best_90d_work_j": round(best, 1),
                "best_90d_session": compared["session"],
                "best_90d_at": _iso(compared["visit_start_us"]),
                "ratio": round(ratio, 4),
                "threshold": workload.RETURNING_SHARE,
                "window_days": workload.RETURN_WINDOW_DAYS,
                "layoff_days": layoff_days,
                "session_since_break": number,
            },
        )

    def beginner(self) -> Finding | None:
        if self.row["footing"] != "beginner":
            return None
        row = self.row
        done: list[str] = []
        todo: list[str] = []
        evidence: dict[str, Any] = {}
        if row["days_in_a_row"] >= workload.BEGINNER_DAYS_IN_A_ROW:
            done.append(f"trained on {row['days_in_a_row']} days in a row")
            todo.append("leave a day between sessions")
            evidence |= {
                "days_in_a_row": int(row["days_in_a_row"]),
                "days_in_a_row_threshold": workload.BEGINNER_DAYS_IN_A_ROW,
            }
        if row["visit_hard_sets"] > workload.BEGINNER_HARD_SETS:
            done.append(f"did {row['visit_hard_sets']:.0f} hard sets in one session")
            todo.append(f"cut to {workload.BEGINNER_HARD_SETS} hard sets at most")
            evidence |= {
                "hard_sets": int(row["visit_hard_sets"]),
                "hard_sets_threshold": workload.BEGINNER_HARD_SETS,
            }
        best_load = float(row["best_load_kg"])
        # "After the 2nd session": from the third on, when the first two have shown what a start looks like.
        if row["earlier_visits"] >= 2 and 0 < best_load * workload.BEGINNER_LOAD_RATIO < row["visit_top_load_kg"]:
            ratio = row["visit_top_load_kg"] / best_load
            done.append(f"went up to {row['visit_top_load_kg']:g} kg, {_times(ratio)} the best so far")
            todo.append(f"stay under {workload.BEGINNER_LOAD_RATIO * best_load:.0f} kg for now")
            evidence |= {
                "top_load_kg": float(row["visit_top_load_kg"]),
                "best_load_so_far_kg": best_load,
                "load_ratio": round(float(ratio), 4),
                "load_ratio_threshold": workload.BEGINNER_LOAD_RATIO,
            }
        if not done:
            return None
        start = "is new here" if row["earlier_visits"] == row["visit"] else "starts anew after a long break"
        return self._finding(
            "workload.beginner",
            "warn",
            "A fast start",
            f"{self.context.member_name} {start} (session {row['earlier_visits'] + 1}) "
            f"and {listed(done)}{self._visit()}.",
            f"{listed(todo).capitalize()}: there is no history yet that would carry more.",
            evidence
            | {
                "baseline_needs_days": workload.BASELINE_DAYS,
                "baseline_needs_sessions": workload.BASELINE_SESSIONS,
            },
        )

    def unless_missing(self, finding: Finding) -> Finding:
        """A history with holes accuses nobody: its best session may be the one that is missing."""
        windows = [workload.WINDOW_DAYS]
        if finding.rule == "workload.returning":
            windows.append(workload.RETURN_WINDOW_DAYS)
        for days in windows:
            missing = int(self.row[f"missing_{days}d"])
            if missing > workload.MAX_MISSING_SHARE * days:
                why = f"{missing} of the {days} days before are missing (machines lost data), more than 20 %"
                return replace(
                    finding,
                    severity="note",
                    message=f"{finding.message} Not raised: {why}.",
                    evidence=finding.evidence | {"held_back": why, "severity_held_back": finding.severity},
                )
        return finding

    def _is_spaced(self) -> bool:
        return bool(self.row["spaced"]) and not bool(self.row["habit"])

    def _best_before(self, window_days: int) -> Mapping[Hashable, Any]:
        start = self.row["visit_start_us"]
        before = self.table[
            (self.table["visit"] < self.row["visit"])
            & (self.table["visit_start_us"] >= start - window_days * workload.DAY_US)
        ]
        best: Mapping[Hashable, Any] = before.iloc[int(before["visit_work_j"].argmax())].to_dict()
        return best

    def _visit(self) -> str:
        """How many sessions were taken as one; nothing where it is just this one."""
        together = len(self._of_visit())
        return f" ({together} sessions of one visit together)" if together > 1 else ""

    def _of_visit(self) -> list[str]:
        of_visit = self.table[self.table["visit"] == self.row["visit"]]
        return [str(session) for session in of_visit["session"]]

    def _finding(
        self, rule: str, severity: Severity, title: str, message: str, advice: str, evidence: dict[str, Any]
    ) -> Finding:
        row = self.row
        return Finding(
            rule=rule,
            severity=severity,
            at_us=int(row["end_us"]),
            set=None,
            count=1,
            title=title,
            message=f"{message} {LEG_PRESS_ONLY}",
            advice=advice,
            evidence={
                "session_work_j": round(float(row["visit_work_j"]), 1),
                "sessions_of_visit": self._of_visit(),
            }
            | evidence
            | {
                "history_sessions": int(row["earlier_visits"]),
                "history_days": int(row["history_days"]),
                "sessions_30d": int(row["visits_30d"]),
                "missing_days_30d": int(row["missing_30d"]),
                "seen": LEG_PRESS_ONLY,
            },
            limit_tier=None,
        )


def _times(ratio: float) -> str:
    """Two digits, or as many as show that a threshold was passed: 1.3004 is not "1.30×"."""
    thresholds = {workload.SPIKE_NOTE, workload.SPIKE_WARN, workload.SPIKE_ALERT, workload.RETURNING_SHARE}
    digits = next((digits for digits in (2, 3, 4) if round(ratio, digits) not in thresholds), 5)
    return f"{ratio:.{digits}f}×"


def _kj(work_j: float) -> str:
    return f"{work_j / 1000:.1f} kJ"


def _iso(t_us: int) -> str:
    return datetime.fromtimestamp(int(t_us) / 1e6, tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _day(day: pd.Timestamp) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}"
