"""The rules: reps against a depth limit, a session against the person's own history, each with evidence and advice.

A finding's message says in one sentence what happened, its advice what to do, and its evidence holds the arithmetic:
named figures with units in their names, ready for JSON. Wordings and limits of what may be claimed: the measures say
"beyond the calibrated range" or "above the own history"; none of them tells what will happen to a body.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pandas as pd

from sledwatch import workload
from sledwatch.events import Rep, Severity, Tier
from sledwatch.limits import DepthLimit, OwnHistory, is_light
from sledwatch.workload import LEG_PRESS_ONLY, WorkloadContext

# Judgement, as the next three: what makes depth excessive, and what counts as late in a set.
EXCESSIVE_REPS: Final = 2
EXCESSIVE_OVER_MM: Final = 30.0
LATE_SET_REPS: Final = 4
# An estimated limit never says "excessive" and a person's own habit is no limit.
LIMITING_TIERS: Final[frozenset[Tier]] = frozenset({"calibrated", "transferred"})

# Hazard of an overuse problem in 5 205 runners, by session spike against sessions of at most 1.10× the 30-day best.
_RUNNERS: Final = (
    (workload.SPIKE_ALERT, "> 2.00", 2.28),
    (workload.SPIKE_WARN, "> 1.30 to 2.00", 1.52),
    (workload.SPIKE_NOTE, "> 1.10 to 1.30", 1.64),
)
_RUNNERS_SOURCE: Final = "Frandsen 2025, BJSM 59:1203: 5 205 runners; an association in running, not on the leg press"
_TIMES: Final = {1: "once", 2: "twice"}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a rule saw.

    at_us: when the rule was first met; last_us: when it last was, None for the same. count: how often (reps, or 1).
    evidence: named figures with units in their names. limit_tier: of the depth limit it used, None without one.
    """

    rule: str
    severity: Severity
    at_us: int
    set: int | None
    count: int
    title: str
    message: str
    advice: str
    evidence: dict[str, Any]
    limit_tier: Tier | None
    last_us: int | None = None


def excessive(over_mm_of_set: Sequence[float]) -> bool:
    """Whether a set went too deep: two reps or more past the limit, or one by more than 30 mm (judgement).

    over_mm_of_set: millimetres past the limit of the set's reps of quality ok; 0 or less is within it.
    """
    past = [over for over in over_mm_of_set if over > 0]
    return len(past) >= EXCESSIVE_REPS or any(over > EXCESSIVE_OVER_MM for over in past)


def depth_findings(
    reps: Sequence[Rep],
    limit: DepthLimit | None,
    own: OwnHistory | None,
    reference_load_kg: float | None,
    member_name: str,
    machine_name: str,
) -> list[Finding]:
    """Judge the depth of a session's reps (SCIENCE §1); at most one finding a rule.

    limit: the member's limit, in force for all the reps; own: what was usual before this session.
    reference_load_kg: e1RM, or the best load in 90 days on that machine. A load of this session above it takes its
    place; below 30 % of it all is a note. Reps of quality unsure are evidence but meet no rule.
    """
    session = _Depths.of(reps, reference_load_kg, member_name, machine_name)
    against_limit = session.against(limit) if limit is not None and limit.tier in LIMITING_TIERS else []
    # What is close to a limit or past it has been told; "unusually deep" would say it again.
    told_from_mm = limit.caution_mm if against_limit and limit is not None else None
    return against_limit + (session.against_habit(own, limit, told_from_mm) if own is not None else [])


@dataclass(frozen=True, slots=True)
class _Depths:
    """The reps of a session by how sure they are, and the load that makes others light."""

    sure: list[Rep]
    unsure: list[Rep]
    reference_load_kg: float
    member_name: str
    machine_name: str

    @staticmethod
    def of(reps: Sequence[Rep], reference_load_kg: float | None, member_name: str, machine_name: str) -> "_Depths":
        in_time = sorted(reps, key=lambda rep: rep.t_turn_us)
        sure = [rep for rep in in_time if rep.quality == "ok"]
        unsure = [rep for rep in in_time if rep.quality != "ok"]
        reference = max([reference_load_kg or 0.0, *(rep.load_kg for rep in sure)])
        return _Depths(sure, unsure, reference, member_name, machine_name)

    def is_light(self, rep: Rep) -> bool:
        return is_light(rep.load_kg, self.reference_load_kg)

    def against(self, limit: DepthLimit) -> list[Finding]:
        """Excessive depth as an alert; failing that, as a note on a light load, and caution for the other sets."""
        heavy = [rep for rep in self.sure if not self.is_light(rep)]
        if sets := _excessive_sets(heavy, limit):
            return [self._excessive(heavy, sets, limit, "alert")]
        findings = []
        light = [rep for rep in self.sure if self.is_light(rep)]
        if sets := _excessive_sets(light, limit):
            findings.append(self._excessive(light, sets, limit, "note"))
        close = [rep for rep in self.sure if rep.depth_mm >= limit.caution_mm and rep.set not in sets]
        return [*findings, self._caution(close, limit)] if close else findings

    def against_habit(self, own: OwnHistory, limit: DepthLimit | None, told_from_mm: float | None) -> list[Finding]:
        deep = [
            rep
            for rep in self.sure
            if rep.depth_mm > own.threshold_mm and (told_from_mm is None or rep.depth_mm < told_from_mm)
        ]
        return [self._unusual(deep, own, limit)] if deep else []

    def _excessive(self, reps: list[Rep], sets: Mapping[int, Rep], limit: DepthLimit, severity: Severity) -> Finding:
        past = [rep for rep in reps if rep.depth_mm > limit.limit_mm]
        deepest = max(past, key=lambda rep: rep.depth_mm)
        depth, allowed = _told_apart(deepest.depth_mm, limit.limit_mm)
        light = severity == "note"
        message = (
            f"{self.member_name} went past the depth limit {_often(len(past))} {_in_sets(past)}: "
            f"deepest {depth} mm against {allowed} mm at {self._load(deepest)}{_dwell(deepest)}."
        )
        if light:
            advice = "Nothing to act on at this load: use it to set the stop before the heavier sets."
        else:
            advice = self._how_to_stay_within(past, sets, limit)
        if limit.tier == "transferred":
            advice += " The limit is transferred from another setting: check it on this one."
        completing = min(sets.values(), key=lambda rep: rep.t_turn_us)
        return Finding(
            rule="depth.excessive",
            severity=severity,
            at_us=completing.t_turn_us,
            last_us=past[-1].t_turn_us,
            set=deepest.set,
            count=len(past),
            title="Beyond the calibrated range" + (", on a light load" if light else ""),
            message=message,
            advice=advice,
            evidence=self._evidence(past, deepest, limit)
            | {
                "over_mm": round(deepest.depth_mm - limit.limit_mm, 1),
                "reps_over": len(past),
                "sets_excessive": sorted(sets),
                "reps_over_unsure": sum(rep.depth_mm > limit.limit_mm for rep in self.unsure),
                "reps_over_light_load": sum(self.is_light(rep) and rep.depth_mm > limit.limit_mm for rep in self.sure),
                "rule": f"{EXCESSIVE_REPS} or more reps of a set past the limit, or one by more than 30 mm",
            },
            limit_tier=limit.tier,
        )

    def _how_to_stay_within(self, past: list[Rep], sets: Mapping[int, Rep], limit: DepthLimit) -> str:
        reason = "past the limit the hips have little range left, and the pelvis may roll off the pad under load"
        if all(self._came_late(number, past) for number in sets):
            return f"Cut the set before the depth grows, and raise the stop to {limit.limit_mm:.0f} mm: {reason}."
        if len(sets) > 1:
            return (
                f"Raise the stop to {limit.limit_mm:.0f} mm, or swap the exercise (hack squat, supine leg press, "
                f"ball squat): {reason}, and it happened in {len(sets)} sets."
            )
        return f"Cap the depth: raise the stop so that the sled turns by {limit.limit_mm:.0f} mm; {reason}."

    def _came_late(self, number: int, past: list[Rep]) -> bool:
        of_set = [rep.rep for rep in self.sure if rep.set == number]
        first = min(rep.rep for rep in past if rep.set == number)
        return len(of_set) >= LATE_SET_REPS and of_set.index(first) >= len(of_set) / 2

    def _caution(self, close: list[Rep], limit: DepthLimit) -> Finding:
        deepest = max(close, key=lambda rep: rep.depth_mm)
        past = sum(rep.depth_mm > limit.limit_mm for rep in close)
        depth, allowed = _told_apart(deepest.depth_mm, limit.limit_mm)
        return Finding(
            rule="depth.caution",
            severity="note",
            at_us=close[0].t_turn_us,
            last_us=close[-1].t_turn_us,
            set=deepest.set,
            count=len(close),
            title="Close to the depth limit",
            message=(
                f"{self.member_name} came within {limit.limit_mm - limit.caution_mm:.0f} mm of the depth limit"
                f"{' or just past it' if past else ''} {_often(len(close))} {_in_sets(close)}: "
                f"deepest {depth} mm against {allowed} mm at {self._load(deepest)}{_dwell(deepest)}."
            ),
            advice=f"Set the stop to {limit.limit_mm:.0f} mm before the load goes up, so that tired reps stay within.",
            evidence=self._evidence(close, deepest, limit)
            | {"over_mm": round(deepest.depth_mm - limit.limit_mm, 1), "reps_close": len(close), "reps_over": past},
            limit_tier=limit.tier,
        )

    def _unusual(self, deep: list[Rep], own: OwnHistory, limit: DepthLimit | None) -> Finding:
        deepest = max(deep, key=lambda rep: rep.depth_mm)
        if limit is None:
            advice = f"Watch a set from the side and calibrate a limit: none is set on {self.machine_name}."
        else:
            advice = "Watch the next set from the side: the pelvis should stay on the pad all the way down."
        return Finding(
            rule="depth.unusual",
            severity="note",
            at_us=deep[0].t_turn_us,
            last_us=deep[-1].t_turn_us,
            set=deepest.set,
            count=len(deep),
            title="Unusually deep",
            message=(
                f"{self.member_name} went unusually deep {_often(len(deep))} {_in_sets(deep)}: deepest "
                f"{deepest.depth_mm:.0f} mm against a usual {own.median_mm:.0f} mm at "
                f"{self._load(deepest)}{_dwell(deepest)}."
            ),
            advice=advice,
            evidence=self._evidence(deep, deepest, None)
            | {
                "usual_mm": round(own.median_mm, 1),
                "threshold_mm": round(own.threshold_mm, 1),
                "reps_deep": len(deep),
                "history_reps": own.reps,
            },
            limit_tier="own-history",
        )

    def _evidence(self, reps: list[Rep], deepest: Rep, limit: DepthLimit | None) -> dict[str, Any]:
        """What every depth finding shows; the figures of a single rep are the deepest one's."""
        limited: dict[str, Any] = {}
        if limit is not None:
            limited = {
                "limit_mm": round(limit.limit_mm, 1),
                "caution_mm": round(limit.caution_mm, 1),
                "limit_version": limit.version,
            }
        return limited | {
            "deepest_mm": round(deepest.depth_mm, 1),
            "set": deepest.set,
            "rep": deepest.rep,
            "load_kg": round(deepest.load_kg, 1),
            "reference_load_kg": round(self.reference_load_kg, 1),
            "load_share": round(deepest.load_kg / self.reference_load_kg, 3) if self.reference_load_kg > 0 else None,
            "bottom_dwell_s": deepest.bottom_dwell_s,
            "sets": sorted({rep.set for rep in reps}),
            "reps": [
                {
                    "set": rep.set,
                    "rep": rep.rep,
                    "t_turn_us": rep.t_turn_us,
                    "depth_mm": round(rep.depth_mm, 1),
                    "load_kg": round(rep.load_kg, 1),
                }
                for rep in reps
            ],
            "reps_judged": len(self.sure),
            "reps_unsure": len(self.unsure),
        }

    def _load(self, rep: Rep) -> str:
        load = f"{round(rep.load_kg, 1):g} kg"
        if not self.is_light(rep):
            return load
        share = 100 * rep.load_kg / self.reference_load_kg
        return f"{load}, a light load ({share:.0f} % of {round(self.reference_load_kg, 1):g} kg)"


def _excessive_sets(reps: Iterable[Rep], limit: DepthLimit) -> dict[int, Rep]:
    """The sets that went too deep, each with the rep that completed the rule."""
    over: defaultdict[int, list[float]] = defaultdict(list)
    completed: dict[int, Rep] = {}
    for rep in reps:
        over[rep.set].append(rep.depth_mm - limit.limit_mm)
        if rep.set not in completed and excessive(over[rep.set]):
            completed[rep.set] = rep
    return completed


def workload_findings(context: WorkloadContext) -> list[Finding]:
    """Judge a closed session against the member's own history: spike, spacing, returning, beginner (SCIENCE §3).

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
            f"and {_and(done)}{self._visit()}.",
            f"{_and(todo).capitalize()}: there is no history yet that would carry more.",
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


def _often(count: int) -> str:
    return _TIMES.get(count, f"{count} times")


def _in_sets(reps: Iterable[Rep]) -> str:
    numbers = [str(number) for number in sorted({rep.set for rep in reps})]
    return f"in set{'s' if len(numbers) > 1 else ''} {_and(numbers)}"


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _told_apart(depth_mm: float, limit_mm: float) -> tuple[str, str]:
    """Whole millimetres, unless that would make "412 mm against 412 mm" of two different depths."""
    digits = 0 if round(depth_mm) != round(limit_mm) else 1
    return f"{depth_mm:.{digits}f}", f"{limit_mm:.{digits}f}"


def _dwell(rep: Rep) -> str:
    return "" if rep.bottom_dwell_s is None else f", {rep.bottom_dwell_s:.1f} s at the bottom"


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
