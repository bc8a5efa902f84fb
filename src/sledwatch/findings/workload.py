"""A session against the person's own history."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np

from sledwatch import workload
from sledwatch.events import Severity
from sledwatch.findings.finding import Finding, listed
from sledwatch.rules import RulesInForce, WorkloadRules
from sledwatch.workload import LEG_PRESS_ONLY, EarlierVisit, Judged, JudgedSession, WorkloadContext
from sledwatch.workload.terms import Bools, Floats

# Hazard of an overuse problem in 5 205 runners, by session spike against sessions of at most 1.10× the 30-day best.
_RUNNERS: Final = (
    (2.00, "> 2.00", 2.28),
    (1.30, "> 1.30 to 2.00", 1.52),
    (1.10, "> 1.10 to 1.30", 1.64),
)
_RUNNERS_SOURCE: Final = "Frandsen 2025, BJSM 59:1203: 5 205 runners; an association in running, not on the leg press"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def workload_findings(context: WorkloadContext) -> list[Finding]:
    """Judge a closed session against the member's own history (docs/science.md, Overuse).

    The rules: beginner, returning, spike, spacing, baseline, volume. Where more than 20 % of the days looked back on
    are missing, what a rule would have raised is a note that says why. A session without a rep is not judged.
    """
    row = workload.judged_session(
        context.sessions, context.session, context.time_zone, context.missing_days, context.rules.rules
    )
    return [] if row is None else _Judged(context.member_name, context.rules, row).findings()


def findings_in_bulk(
    judged: Judged,
    rules: RulesInForce | Mapping[str, RulesInForce],
    wanted: Bools | None = None,
    member_name: Callable[[str], str] = str,
) -> Iterator[tuple[JudgedSession, list[Finding]]]:
    """The same findings for the sessions of many members; only those that have one are given, ascending.

    judged: by `workload.judge_all` or `judge`, with the same rules. rules: in force for all, or by user; others have
    the defaults. wanted: (answers,) which sessions are asked about; None: all. member_name: what messages call a user.
    """
    of_user = rules if isinstance(rules, Mapping) else {}
    others = RulesInForce() if isinstance(rules, Mapping) else rules
    flagged = _may_be_flagged(judged, of_user, others)
    for at in judged.answers[flagged if wanted is None else flagged & wanted]:
        row = judged.record(int(at))
        user = row.user or ""
        findings = _Judged(member_name(user), of_user.get(user, others), row).findings()
        if findings:
            yield row, findings


def _may_be_flagged(judged: Judged, of_user: Mapping[str, RulesInForce], others: RulesInForce) -> Bools:
    """Which answers a rule may speak of: a look at whole columns, which lets too many through rather than too few."""
    figures, member = judged.figures[judged.answers], judged.member[judged.answers]
    users = [""] if judged.users is None else judged.users.tolist()

    def threshold(name: str) -> Floats:
        values = [float(getattr(of_user.get(user, others).rules, name)) for user in users]
        return np.array(values, dtype=np.float64)[member]

    beginner = judged.word("footing")[judged.answers] == "beginner"
    flagged = (
        (beginner & (figures["days_in_a_row"] >= threshold("beginner_days_in_a_row")))
        | (beginner & (figures["visit_hard_sets"] > threshold("beginner_hard_sets")))
        | (beginner & (figures["visit_top_load_kg"] > threshold("beginner_load_ratio") * figures["best_load_kg"]))
        | (~beginner & (figures["ratio_90d"] > threshold("returning_share")) & (figures["visits_since_layoff"] > 0))
        | (~beginner & (figures["ratio_30d"] > threshold("spike_note")))
        | figures["spaced"]
        | (figures["baseline_z"] >= threshold("baseline_yellow"))
        | (figures["hard_sets_7d"] > threshold("volume_hard_sets"))
    )
    return np.asarray(flagged, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A session as the rules saw it."""

    member_name: str
    in_force: RulesInForce
    row: JudgedSession

    @property
    def rules(self) -> WorkloadRules:
        return self.in_force.rules

    def findings(self) -> list[Finding]:
        rules = (self.beginner, self.returning, self.spike, self.spacing, self.baseline, self.volume)
        return [self.unless_missing(finding) for rule in rules if (finding := rule()) is not None]

    def spike(self) -> Finding | None:
        ratio, best, rules = self.row.ratio_30d, self.row.best_30d_j, self.rules
        joined = [
            words
            for holds, words in (
                (self.row.joined_spacing, "right after a hard session"),
                (self.row.joined_baseline, "in a week far above their own weeks"),
            )
            if holds
        ]
        severity = workload.spike_severity(ratio, joined=bool(joined), rules=rules)
        if self.row.footing != "baseline" or severity is None:
            return None
        thresholds = {"alert": rules.spike_alert, "warn": rules.spike_warn, "note": rules.spike_note}
        by_joining = severity == "alert" and not ratio > rules.spike_alert
        threshold = rules.spike_alert_joined if by_joining else thresholds[severity]
        hazard = next((row for row in _RUNNERS if ratio > row[0]), None)
        message = (
            f"{self.member_name} did {_times(ratio, self.rules)} the 30-day best{self._visit()}: "
            f"{_kj(self.row.visit_work_j)} against {_kj(best)}{', ' + listed(joined) if joined else ''}."
        )
        cap = f"keep the next session under {_kj(rules.spike_note * best)} ({rules.spike_note:.2f}× the best before it)"
        if severity == "alert":
            advice = (
                f"Speak with {self.member_name} before the next session, leave at least two days, and {cap}: "
                "nothing in the last 30 days prepared for this much."
            )
        elif severity == "warn":
            advice = f"Cut a set or two: {cap} and leave a day in between, so that the load rises in steps."
        else:
            advice = f"Nothing to change today: {cap}, so that one large session does not become the new normal."
        return self._finding(
            "workload.spike",
            severity,
            "Far above the own history" if severity == "alert" else "Above the own history",
            message,
            advice,
            {
                "best_30d_work_j": round(best, 1),
                **_compared("best_30d", self.row.best_30d),
                "ratio": round(ratio, 4),
                "threshold": threshold,
                "thresholds": {
                    "note": rules.spike_note,
                    "warn": rules.spike_warn,
                    "alert": rules.spike_alert,
                    "alert_with_spacing": rules.spike_alert_joined if rules.join_spacing else None,
                    "alert_with_red_baseline": rules.spike_alert_joined if rules.join_baseline else None,
                },
                "joined_with_spacing": self.row.joined_spacing,
                "joined_with_red_baseline": self.row.joined_baseline,
                "window_days": workload.WINDOW_DAYS,
                "context": None
                if hazard is None
                else {"hazard_ratio": hazard[2], "band": hazard[1], "source": _RUNNERS_SOURCE},
            },
        )

    def spacing(self) -> Finding | None:
        before = self.row.spaced_with
        if before is None or not self._is_spaced():
            return None
        same_day = before.day == self.row.visit_day
        best, share = self.row.best_30d_j, self.rules.hard_session_share
        days = f"twice on {_day(before.day)}" if same_day else f"on {_day(before.day)} and {_day(self.row.visit_day)}"
        return self._finding(
            "workload.spacing",
            "warn",
            "Hard sessions too close together",
            f"{self.member_name} trained hard {days}: {_kj(before.work_j)}, then "
            f"{_kj(self.row.visit_work_j)}{self._visit()}, each over {100 * share:g} % of the largest session "
            "in the 30 days before it.",
            "Space the sessions: leave a day between hard ones, or keep the second under "
            f"{_kj(share * best)}, so that there is time to recover.",
            {
                "earlier_session": before.session,
                "earlier_at": _iso(before.start_us),
                "earlier_work_j": round(before.work_j, 1),
                "earlier_best_30d_work_j": round(before.best_30d_j, 1),
                "best_30d_work_j": round(best, 1),
                "hard_share": share,
                "days_between": 0 if same_day else 1,
                "consecutive_days_in_each_of_last_4_weeks": self.row.habit,
            },
        )

    def baseline(self) -> Finding | None:
        row, rules = self.row, self.rules
        if row.baseline not in {"yellow", "red"}:
            return None
        red = row.baseline == "red"
        usual = row.baseline_mean_j + rules.baseline_yellow * row.baseline_sd_j
        stay = f"stay under {_kj(usual)} in any 7 days, which is what their own weeks carry"
        return self._finding(
            "workload.baseline",
            "warn" if red else "note",
            "A week far above their own weeks" if red else "A week above their own weeks",
            f"{self.member_name} did {_kj(row.week_j)} in the last 7 days, {row.baseline_z:.1f} standard deviations "
            f"above their own {row.baseline_weeks} weeks before: {_kj(row.baseline_mean_j)} a week, give or take "
            f"{_kj(row.baseline_sd_j)}.",
            f"Make the next week a lighter one: {stay}." if red else f"Nothing to change today: {stay}.",
            {
                "week_work_j": round(row.week_j, 1),
                "baseline_mean_j": round(row.baseline_mean_j, 1),
                "baseline_sd_j": round(row.baseline_sd_j, 1),
                "baseline_least_sd_share": rules.baseline_least_sd,
                "z": round(row.baseline_z, 3),
                "threshold": rules.baseline_red if red else rules.baseline_yellow,
                "thresholds": {"note": rules.baseline_yellow, "warn": rules.baseline_red},
                "baseline_weeks": row.baseline_weeks,
                "baseline_weeks_left_out": row.baseline_weeks_left_out,
                "baseline_needs_weeks": rules.baseline_weeks,
                "missing_days_of_weeks": row.baseline_missing_days,
                "window_days": workload.WEEK_DAYS,
            },
        )

    def volume(self) -> Finding | None:
        most, done = self.rules.volume_hard_sets, self.row.hard_sets_7d
        # A session without a hard set adds nothing to what the one before it was told of.
        if done <= most or self.row.hard_sets == 0:
            return None
        return self._finding(
            "workload.volume",
            "note",
            "Many hard sets in 7 days",
            f"{self.member_name} did {done} hard sets in the last 7 days, {self.row.hard_sets} of them now; "
            f"more than {most} add little and take long to recover from.",
            f"Cut sets: stay at {most} hard sets or fewer in any 7 days.",
            {
                "hard_sets_7d": done,
                "hard_sets": self.row.hard_sets,
                "threshold": most,
                "window_days": workload.WEEK_DAYS,
                "source": "Baz-Valle 2022",
            },
        )

    def returning(self) -> Finding | None:
        ratio, best = self.row.ratio_90d, self.row.best_90d_j
        if self.row.footing != "returning" or not ratio > self.rules.returning_share:
            return None
        layoff_days, number = int(self.row.layoff_days), self.row.visits_since_layoff
        which = "the first session" if number == 1 else f"session {number}"
        return self._finding(
            "workload.returning",
            "warn",
            "Back too fast after a break",
            f"{self.member_name} did {_times(ratio, self.rules)} the 90-day best in {which} after "
            f"{layoff_days} days off{self._visit()}: {_kj(self.row.visit_work_j)} against {_kj(best)}.",
            f"Cut the next session to about half, {_kj(0.5 * best)}, and build up over two weeks: after a break there "
            "is no recent training to carry this much.",
            {
                "best_90d_work_j": round(best, 1),
                **_compared("best_90d", self.row.best_90d),
                "ratio": round(ratio, 4),
                "threshold": self.rules.returning_share,
                "window_days": workload.RETURN_WINDOW_DAYS,
                "layoff_days": layoff_days,
                "session_since_break": number,
            },
        )

    def beginner(self) -> Finding | None:
        if self.row.footing != "beginner":
            return None
        row, rules = self.row, self.rules
        done: list[str] = []
        todo: list[str] = []
        evidence: dict[str, Any] = {}
        if row.days_in_a_row >= rules.beginner_days_in_a_row:
            done.append(f"trained on {row.days_in_a_row} days in a row")
            todo.append("leave a day between sessions")
            evidence |= {
                "days_in_a_row": row.days_in_a_row,
                "days_in_a_row_threshold": rules.beginner_days_in_a_row,
            }
        if row.visit_hard_sets > rules.beginner_hard_sets:
            done.append(f"did {row.visit_hard_sets} hard sets in one session")
            todo.append(f"cut to {rules.beginner_hard_sets} hard sets at most")
            evidence |= {
                "hard_sets": row.visit_hard_sets,
                "hard_sets_threshold": rules.beginner_hard_sets,
            }
        best_load = row.best_load_kg
        # "After the 2nd session": from the third on, when the first two have shown what a start looks like.
        if row.earlier_visits >= 2 and 0 < best_load * rules.beginner_load_ratio < row.visit_top_load_kg:
            ratio = row.visit_top_load_kg / best_load
            done.append(f"went up to {row.visit_top_load_kg:g} kg, {_times(ratio, self.rules)} the best so far")
            todo.append(f"stay under {rules.beginner_load_ratio * best_load:.0f} kg for now")
            evidence |= {
                "top_load_kg": row.visit_top_load_kg,
                "best_load_so_far_kg": best_load,
                "load_ratio": round(float(ratio), 4),
                "load_ratio_threshold": rules.beginner_load_ratio,
            }
        if not done:
            return None
        start = "is new here" if not row.anew else "starts anew after a long break"
        return self._finding(
            "workload.beginner",
            "warn",
            "A fast start",
            f"{self.member_name} {start} (session {row.earlier_visits + 1}) and {listed(done)}{self._visit()}.",
            f"{listed(todo).capitalize()}: there is no history yet that would carry more.",
            evidence
            | {
                "baseline_needs_days": rules.history_days,
                "baseline_needs_sessions": rules.history_sessions,
            },
        )

    def unless_missing(self, finding: Finding) -> Finding:
        """A history with holes accuses nobody: its best session may be the one that is missing."""
        windows = [workload.WINDOW_DAYS]
        if finding.rule == "workload.returning":
            windows.append(workload.RETURN_WINDOW_DAYS)
        for days in windows:
            missing = self.row.missing_30d if days == workload.WINDOW_DAYS else self.row.missing_90d
            if missing > self.rules.missing_share * days:
                most = f"more than {100 * self.rules.missing_share:g} %"
                why = f"{missing} of the {days} days before are missing (machines lost data), {most}"
                return replace(
                    finding,
                    severity="note",
                    message=f"{finding.message} Not raised: {why}.",
                    evidence=finding.evidence | {"held_back": why, "severity_held_back": finding.severity},
                )
        return finding

    def _is_spaced(self) -> bool:
        return self.row.spaced and not self.row.habit

    def _visit(self) -> str:
        """How many sessions were taken as one; nothing where it is just this one."""
        together = len(self.row.sessions_of_visit)
        return f" ({together} sessions of one visit together)" if together > 1 else ""

    def _finding(
        self, rule: str, severity: Severity, title: str, message: str, advice: str, evidence: dict[str, Any]
    ) -> Finding:
        row = self.row
        return Finding(
            rule=rule,
            severity=severity,
            at_us=row.end_us,
            set=None,
            count=1,
            title=title,
            message=f"{message} {LEG_PRESS_ONLY}",
            advice=advice,
            evidence={
                "session_work_j": round(row.visit_work_j, 1),
                "sessions_of_visit": list(row.sessions_of_visit),
            }
            | evidence
            | {
                "history_sessions": row.earlier_visits,
                "history_days": int(row.history_days),
                "sessions_30d": row.visits_30d,
                "missing_days_30d": row.missing_30d,
                "rules_version": self.in_force.version,
                "seen": LEG_PRESS_ONLY,
            },
            limit_tier=None,
        )


def _compared(name: str, earlier: EarlierVisit | None) -> dict[str, str]:
    return {} if earlier is None else {f"{name}_session": earlier.session, f"{name}_at": _iso(earlier.start_us)}


def _times(ratio: float, rules: WorkloadRules) -> str:
    """Two digits, or as many as show that a threshold was passed: 1.3004 is not "1.30×"."""
    thresholds = {rules.spike_note, rules.spike_warn, rules.spike_alert, rules.returning_share}
    digits = next((digits for digits in (2, 3, 4) if round(ratio, digits) not in thresholds), 5)
    return f"{ratio:.{digits}f}×"


def _kj(work_j: float) -> str:
    return f"{work_j / 1000:.1f} kJ"


def _iso(t_us: int) -> str:
    return datetime.fromtimestamp(int(t_us) / 1e6, tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}"
