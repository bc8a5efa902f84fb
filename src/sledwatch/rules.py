"""The rules of overuse as data: every threshold and combination of docs/science.md, with its bounds and its source.

Windows and formulas are definitions and stand where they are computed; what may be argued about is here. A gym or a
member may have values of their own; a finding names the version that judged it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, cast

_FRANDSEN: Final = "Frandsen 2025, BJSM 59:1203"
_JUDGEMENT: Final = "judgement"


def _setting(default: float | bool, unit: str, least: float, most: float, source: str, meaning: str) -> Any:
    return field(
        default=default, metadata={"unit": unit, "least": least, "most": most, "source": source, "meaning": meaning}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRules:
    """What makes a finding of a workload. Every field is described by `TABLE`.

    Raises ValueError for a value out of its bounds, or thresholds that are not in order; the message names the fields.
    """

    spike_note: float = _setting(
        1.10, "ratio", 1.0, 10.0, _FRANDSEN, "a session above this × the 30-day best is a note"
    )
    spike_warn: float = _setting(
        1.30, "ratio", 1.0, 10.0, _FRANDSEN, "a session above this × the 30-day best is a warn"
    )
    spike_alert: float = _setting(
        2.00, "ratio", 1.0, 10.0, _FRANDSEN, "a session above this × the 30-day best is an alert"
    )
    spike_alert_joined: float = _setting(
        1.30, "ratio", 1.0, 10.0, _JUDGEMENT, "above this × the 30-day best, together with what follows, it is an alert"
    )
    join_spacing: bool = _setting(True, "yes or no", 0, 1, _JUDGEMENT, "hard sessions too close together join a spike")
    join_baseline: bool = _setting(True, "yes or no", 0, 1, _JUDGEMENT, "a red baseline joins a spike")
    hard_session_share: float = _setting(
        0.70, "share", 0.1, 1.0, _JUDGEMENT, "a session above this share of the 30-day best is hard"
    )
    volume_hard_sets: int = _setting(20, "sets", 1, 200, "Baz-Valle 2022", "more hard sets in 7 days are a note")
    baseline_weeks: int = _setting(
        8, "weeks", 2, 52, _JUDGEMENT, "weeks that the own baseline needs, before the last 7 days"
    )
    baseline_least_sd: float = _setting(
        0.10,
        "share",
        0.0,
        1.0,
        _JUDGEMENT,
        "the weeks' standard deviation counts as no smaller than this share of their mean",
    )
    baseline_yellow: float = _setting(
        2.0, "SD", 0.5, 10.0, _JUDGEMENT, "7 days this far above the own weeks are a note"
    )
    baseline_red: float = _setting(3.0, "SD", 0.5, 10.0, _JUDGEMENT, "7 days this far above the own weeks are a warn")
    history_days: int = _setting(
        30, "days", 7, 90, _JUDGEMENT, "days since the first session before ratios say anything"
    )
    history_sessions: int = _setting(4, "sessions", 2, 20, _JUDGEMENT, "sessions before ratios say anything")
    returned_sessions: int = _setting(
        2, "sessions", 1, 10, _JUDGEMENT, "sessions within 30 days after which somebody has returned from a break"
    )
    returning_share: float = _setting(
        0.80, "share", 0.1, 2.0, _JUDGEMENT, "a session above this share of the 90-day best, after a break, is a warn"
    )
    beginner_days_in_a_row: int = _setting(
        3, "days", 2, 14, _JUDGEMENT, "so many days in a row are a warn, for a beginner"
    )
    beginner_hard_sets: int = _setting(
        10, "sets", 1, 100, _JUDGEMENT, "more hard sets in a session are a warn, for a beginner"
    )
    beginner_load_ratio: float = _setting(
        1.30,
        "ratio",
        1.0,
        10.0,
        _JUDGEMENT,
        "a load above this × the best so far is a warn, for a beginner from session 3 on",
    )
    missing_share: float = _setting(
        0.20, "share", 0.0, 1.0, _JUDGEMENT, "with more of a window's days missing, nothing is raised, and it says why"
    )
    hard_set_velocity_loss_pct: float = _setting(
        20.0, "%", 5.0, 90.0, "Sánchez-Medina & González-Badillo 2011", "a set that loses this much velocity is hard"
    )
    hard_set_reps: int = _setting(
        6, "reps", 1, 50, _JUDGEMENT, "where velocity says nothing, so many reps make a set hard …"
    )
    hard_set_e1rm_share: float = _setting(0.60, "share", 0.1, 1.0, _JUDGEMENT, "… at this share of e1RM or more")
    pain_days: int = _setting(
        7, "days", 1, 30, _JUDGEMENT, "back pain this long after excessive depth or a warn is an alert"
    )

    def __post_init__(self) -> None:
        for one in TABLE:
            value = getattr(self, one.name)
            wanted = "true or false" if one.kind is bool else "a whole number" if one.kind is int else "a number"
            good = isinstance(value, bool) if one.kind is bool else not isinstance(value, bool)
            if not good or not isinstance(value, (int, float) if one.kind is float else one.kind):
                raise ValueError(f"{one.name}: expected {wanted}, got {value!r}")
            if not one.least <= value <= one.most:
                raise ValueError(f"{one.name}: expected {one.least:g} to {one.most:g} {one.unit}, got {_shown(value)}")
        for lower, upper in ORDERED:
            if getattr(self, lower) > getattr(self, upper):
                raise ValueError(
                    f"{lower}: expected no more than {upper} ({getattr(self, upper):g}), got {getattr(self, lower):g}"
                )

    def changed(self, values: Mapping[str, float | bool]) -> "WorkloadRules":
        """These rules with other values. Raises ValueError for a name that is none of them, and as the class does."""
        kinds = {one.name: one.kind for one in TABLE}
        fitting: dict[str, Any] = {}
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"{name}: no such setting; expected one of {', '.join(sorted(kinds))}")
            is_whole = type(value) is int and abs(value) <= _WHOLE
            fitting[name] = float(value) if kinds[name] is float and is_whole else value
        return replace(self, **fitting)

    def differing(self) -> dict[str, float | bool]:
        """The values that are not the defaults, ready for JSON: `DEFAULT_RULES.changed` makes these rules of them."""
        return {one.name: getattr(self, one.name) for one in TABLE if getattr(self, one.name) != one.default}


# Beyond this no float is a whole number for certain, and far beyond none is that large.
_WHOLE: Final = 2**53


def _shown(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# No threshold may lie above the one that says more.
ORDERED: Final = (
    ("spike_note", "spike_warn"),
    ("spike_warn", "spike_alert"),
    ("spike_note", "spike_alert_joined"),
    ("baseline_yellow", "baseline_red"),
)
# In the order in which they are shown.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "A session above the own 30-day best": (
        "spike_note",
        "spike_warn",
        "spike_alert",
        "spike_alert_joined",
        "join_spacing",
        "join_baseline",
    ),
    "Hard sessions too close together": ("hard_session_share",),
    "A week above the own weeks": ("baseline_yellow", "baseline_red", "baseline_weeks", "baseline_least_sd"),
    "Hard sets in a week": (
        "volume_hard_sets",
        "hard_set_velocity_loss_pct",
        "hard_set_reps",
        "hard_set_e1rm_share",
    ),
    "Beginners": (
        "history_days",
        "history_sessions",
        "beginner_days_in_a_row",
        "beginner_hard_sets",
        "beginner_load_ratio",
    ),
    "Back after a break": ("returning_share", "returned_sessions"),
    "Missing data": ("missing_share",),
    "Back pain": ("pain_days",),
}


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """A row of the table: what a setting means, in which unit and bounds, and where its default comes from."""

    name: str
    kind: type[float] | type[int] | type[bool]
    default: float | bool
    unit: str
    least: float
    most: float
    source: str
    meaning: str


TABLE: Final[tuple[RuleSetting, ...]] = tuple(
    RuleSetting(
        name=one.name, kind=type(cast("float", one.default)), default=cast("float", one.default), **one.metadata
    )
    for one in fields(WorkloadRules)
)
DEFAULT_RULES: Final = WorkloadRules()


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The rules that hold for somebody, and the version of the settings they come from: 0 where nobody changed any."""

    rules: WorkloadRules = DEFAULT_RULES
    version: int = 0
