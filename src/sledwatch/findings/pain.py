"""Back pain that somebody noted, beside what was found in the days before (docs/science.md, Pain).

One came after the other: that is all that is said. Whether the one made the other nobody here can know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sledwatch.events import Severity
from sledwatch.findings.finding import Finding, listed, often
from sledwatch.rules import DEFAULT_RULES, WorkloadRules
from sledwatch.workload import LEG_PRESS_ONLY

PAIN: Final = "pain.reported"
# Judgement: what is noted again within so many days is the same pain.
SAME_PAIN_DAYS: Final = 7

_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US
# What happened to somebody; who else was on the badge, how a machine stands and how reps look is another matter.
_COUNTED: Final = ("depth.", "protocol.", "workload.")
_LOUD: Final = frozenset({"warn", "alert"})
_WORDS: Final = {
    "depth.excessive": "going past the depth limit",
    "protocol.breach": "leaving the protocol",
    "workload.spike": "far more work than usual",
    "workload.spacing": "hard sessions close together",
    "workload.returning": "a fast return after a break",
    "workload.beginner": "a fast start",
    "workload.baseline": "a week far above the own weeks",
}
# The figure that says how far a finding went: the first of these that it has.
_FIGURES: Final = (
    "over_mm",
    "ratio",
    "z",
    "load_ratio",
    "hard_sets",
    "days_in_a_row",
    "days_between",
    "knee_over_deg",
    "knee_short_deg",
    "depth_over_mm",
    "depth_short_mm",
    "over_kg",
)


@dataclass(frozen=True, slots=True)
class Noted:
    """That somebody's back hurt. at_us: when it was felt. session: in which, None where it was in none."""

    at_us: int
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """A finding of the days before. provisional: raised live, in a session that is not closed yet."""

    rule: str
    severity: Severity
    at_us: int
    session: str | None
    machine: str | None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    provisional: bool = False

    @property
    def counts(self) -> bool:
        """Whether pain after it is an alert: excessive depth, or a warning."""
        return self.rule.startswith(_COUNTED) and self.severity in _LOUD

    @property
    def held_back(self) -> bool:
        """Whether it would have counted, had the data been sure."""
        kept = self.evidence.get("severity_withheld", self.evidence.get("severity_held_back"))
        return self.rule.startswith(_COUNTED) and kept in _LOUD and not self.counts


def is_same_pain(at_us: int, other_us: int) -> bool:
    """Whether what was felt at two times is one matter."""
    return abs(at_us - other_us) <= SAME_PAIN_DAYS * _DAY_US


def pain_finding(
    notes: Sequence[Noted],
    before: Sequence[Before],
    member_name: str,
    rules: WorkloadRules = DEFAULT_RULES,
    rules_version: int = 0,
) -> Finding:
    """One pain, noted once or more: an alert where it follows excessive depth or a warning, else a note.

    notes: ascending, at least one. before: what was found of this member; what lies outside the `rules.pain_days`
    before each note is left out, but for what was found later in the note's own session, which is judged whole. Raises
    ValueError without notes.
    """
    if not notes:
        raise ValueError("no note of pain: expected one or more")
    near = [(one, after_us) for one in before if (after_us := _after_us(one, notes, rules.pain_days)) is not None]
    met = sorted(((one, after_us) for one, after_us in near if one.counts), key=lambda pair: (pair[1], pair[0].rule))
    unsure = [one for one, _ in near if one.held_back]
    first, last = notes[0], notes[-1]
    said = "reported back pain" + (f" {often(len(notes))}" if len(notes) > 1 else "")
    title = "Back pain"
    if met:
        title = f"Back pain after {_WORDS.get(met[0][0].rule, met[0][0].rule)}"
        what = listed(list(dict.fromkeys(_WORDS.get(one.rule, one.rule) for one, _ in met)))
        message = f"{member_name} {said}, {_long_after(met[0][1])} {what}. Whether it comes from that is not known."
    else:
        message = (
            f"{member_name} {said}. Nothing in the {rules.pain_days} days before was past the depth limit, outside a "
            "protocol or a warning of the workload, as far as it was measured."
        )
    return Finding(
        rule=PAIN,
        severity="alert" if met else "note",
        at_us=first.at_us,
        last_us=last.at_us,
        set=None,
        count=len(notes),
        title=title,
        message=f"{message} {LEG_PRESS_ONLY}",
        advice=_advice([one for one, _ in met], member_name),
        evidence={
            "notes": [{"felt_at": _iso(one.at_us), "session": one.session} for one in notes],
            "before": [_shown(one, after_us) for one, after_us in met],
            **({"days_between": round(max(0, met[0][1]) / _DAY_US, 2)} if met else {}),
            "pain_days": rules.pain_days,
            "rules_version": rules_version,
            "not_known": _not_known(unsure, any(one.provisional for one, _ in met)),
            "seen": LEG_PRESS_ONLY,
        },
        limit_tier=None,
    )


def _after_us(one: Before, notes: Sequence[Noted], pain_days: int) -> int | None:
    """How long after a finding the next pain was noted; None where it was not within the days that count.

    Negative where it was noted before the finding, in the same session.
    """
    spans = [
        note.at_us - one.at_us
        for note in notes
        if note.at_us - one.at_us <= pain_days * _DAY_US
        and (note.at_us >= one.at_us or (note.session is not None and note.session == one.session))
    ]
    return min(spans, key=lambda span: (span < 0, abs(span)), default=None)


def _long_after(span_us: int) -> str:
    if span_us < 0:
        return "in the same session as"
    if span_us < _HOUR_US:
        return "within an hour of"
    if span_us < 2 * _DAY_US:
        hours = span_us // _HOUR_US
        return f"{hours} hour{'s' if hours > 1 else ''} after"
    return f"{span_us // _DAY_US} days after"


def _advice(met: Sequence[Before], member_name: str) -> str:
    families = {one.rule.partition(".")[0] for one in met}
    steps = [f"Speak with {member_name} before the next session."]
    if "depth" in families:
        steps.append("Cap the depth: raise the stop, so that the hips stay on the pad.")
    if "workload" in families:
        steps.append("Cut sets and leave a day or two between sessions, so that there is time to recover.")
    if "protocol" in families:
        steps.append("Ask the clinician who set the protocol before going on.")
    steps.append(
        "Until it is gone, offer a hack squat, a supine leg press or a ball squat instead: lowering a load too far is "
        "what practitioners name first. If it is strong, stays or comes back, a clinician should look at it."
    )
    return " ".join(steps)


def _shown(one: Before, after_us: int) -> dict[str, Any]:
    figure = next((name for name in _FIGURES if one.evidence.get(name) is not None), None)
    return {
        "rule": one.rule,
        "severity": one.severity,
        "found_at": _iso(one.at_us),
        "session": one.session,
        "machine": one.machine,
        "days_before": round(after_us / _DAY_US, 2),
        **({} if figure is None else {figure: one.evidence[figure]}),
        **({"provisional": True} if one.provisional else {}),
    }


def _not_known(unsure: Sequence[Before], provisional: bool) -> list[str]:
    return [
        "whether it comes from training at all, how strong it is, and whether it was there before",
        "what was done elsewhere, or without this badge",
        *(f"what {one.rule} found on {_iso(one.at_us)[:10]} was held back: the data was not sure" for one in unsure),
        *(["the session is not closed yet: what was found in it is provisional"] if provisional else []),
    ]


def _iso(t_us: int) -> str:
    return datetime.fromtimestamp(t_us // 1_000_000, tz=UTC).isoformat().replace("+00:00", "Z")
