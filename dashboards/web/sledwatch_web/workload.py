"""A member's workload in words: what may be said of it, and what is still needed. Plain functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sledwatch_web import words
from sledwatch_web.api import Json
from sledwatch_web.words import Moment

# Ranges that a page offers: by name in the address, days back, and words.
RANGES: Final = {"4w": (28, "4 weeks"), "3m": (91, "3 months"), "1y": (364, "A year")}
USUAL_RANGE: Final = "3m"
LEAST_RANGE: Final = "4w"
_STATES: Final = {
    "baseline": "Sessions are compared",
    "beginner": "No baseline yet",
    "returning": "Returning from a break",
    "no-baseline": "No baseline, days are missing",
    None: "Before the first session",
}
_WEEKS: Final = {
    "usual": "as usual",
    "yellow": "more than usual",
    "red": "much more than usual",
    "beginner": "no baseline yet",
    "returning": "returning",
    "few-weeks": "too few weeks before",
    "missing": "too many days missing",
    "no-load": "no load before",
    "alike": "no spread before",
}


@dataclass(frozen=True, slots=True)
class RangeLink:
    """A choice of range: where it leads, and whether it is the one shown."""

    href: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class WeekRow:
    """7 days as a line of a table. kind: yellow, red or nothing."""

    to: str
    work: str
    own: str
    against: str
    kind: str
    sets: str
    hard_sets: str
    over: str
    exposure: str


@dataclass(frozen=True, slots=True)
class SetRow:
    """How the sets of a session went, and what strength it showed."""

    at: Moment | None
    href: str
    sets: str
    loss: str
    near: str
    e1rm: str


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two hard sessions close together."""

    earlier: Moment | None
    earlier_href: str
    later: Moment | None
    later_href: str
    text: str


@dataclass(frozen=True, slots=True)
class StandingRow:
    """Days in a row on which the same may be said."""

    days: str
    text: str


def range_links(user: str, chosen: str) -> list[RangeLink]:
    """The ranges to choose from."""
    return [RangeLink(f"/members/{user}?range={name}#load", text, name == chosen) for name, (_, text) in RANGES.items()]


def standing(now: Json, today: date) -> tuple[str, str]:
    """How the member stands: a heading, and a sentence of what is compared with what, or what is still needed."""
    state = now["state"]
    if state == "beginner":
        return "No baseline yet", _needs(now, today)
    if state == "no-baseline":
        missing = f"{words.count(now['missing_30d'], 'day')} of the last 30 are missing"
        return (
            "No baseline: days are missing",
            f"{missing}, more than {now['missing_allowed_30d']}: nothing is compared, as their best may be among them.",
        )
    if state == "returning":
        number, of = now["returning_session"] or 1, now["returning_sessions"]
        best = "" if now["best_90d_j"] is None else f", {words.energy(now['best_90d_j'])}"
        off = words.count(round(now["days_off"] or 30), "day")
        said = f"After {off} without one, the next session is number {number} of {of} that are held against the best of"
        return f"Returning (session {number} of {of})", f"{said} 90 days{best}."
    best = "" if now["best_30d_j"] is None else f", {words.energy(now['best_30d_j'])} now"
    return "Baseline known", f"Each session is compared with the best of the 30 days before it{best}."


def own_weeks(now: Json, weeks: Sequence[Json]) -> str:
    """The last 7 days against the member's own weeks, in a sentence; empty where there is nothing to say."""
    kind = now["baseline"]
    if kind in {"usual", "yellow", "red"} and weeks:
        last = weeks[-1]
        if last["baseline_mean_j"] is None:
            return ""
        mean, spread = words.energy(last["baseline_mean_j"]), words.energy(last["baseline_sd_j"])
        before = f"their {last['baseline_weeks']} weeks before came to {mean} ± {spread} each"
        return f"The last 7 days came to {words.energy(last['work_j'])}, {_WEEKS[last['baseline']]}: {before}."
    if kind == "few-weeks":
        known = f"{now['baseline_weeks']} of the {now['weeks_needed']} that are needed"
        return f"Own weeks: {known} before 7 days can be held against them."
    if kind == "missing":
        return "Own weeks: too many of their days are missing to hold 7 days against them."
    return ""


def standing_rows(view: Json) -> list[StandingRow]:
    """What could be said when, as a table."""
    return [
        StandingRow(_days(span["from"], span["to"]), _STATES.get(span["state"], str(span["state"])))
        for span in reversed(view["standing"])
    ]


def week_rows(view: Json) -> list[WeekRow]:
    """The weeks as a table, newest first."""
    return [
        WeekRow(
            to=_days(week["from"], week["to"]),
            work=words.energy(week["work_j"]) + (" (days missing)" if week["missing_days"] else ""),
            own=words.NOTHING
            if week["baseline_mean_j"] is None
            else f"{words.energy(week['baseline_mean_j'])} ± {words.energy(week['baseline_sd_j'])}",
            against=_against(week),
            kind=week["baseline"] if week["baseline"] in {"yellow", "red"} else "",
            sets=words.number(week["sets"]),
            hard_sets=words.number(week["hard_sets"]),
            over=words.number(week["over_reps"]),
            exposure=words.quantity(week["exposure_kg_mm"], "kg·mm") if week["over_reps"] else words.NOTHING,
        )
        for week in reversed(view["weeks"])
    ]


def set_rows(view: Json, now_us: int) -> list[SetRow]:
    """Sessions with what their sets and their strength were, newest first."""
    strength = {point["session"]: point for line in view["strength"] for point in line["points"]}
    rows = []
    for one in reversed(view["sessions"]):
        point = strength.get(one["session"])
        e1rm = words.NOTHING if point is None else words.kg(round(point["e1rm_kg"]))
        rows.append(
            SetRow(
                at=words.moment(one["start_at"], view["time_zone"], now_us),
                href=f"/sessions/{one['session']}",
                sets=words.number(one["sets"]),
                loss=words.quantity(one["velocity_loss_pct"], "%"),
                near=f"{one['sets_above_40_pct']} of {one['sets_measured']}" if one["sets_measured"] else words.NOTHING,
                e1rm=f"{e1rm}, a guess" if point is not None and point["guess"] else e1rm,
            )
        )
    return rows


def pair_rows(view: Json, now_us: int) -> list[PairRow]:
    """Hard sessions too close together, newest first; those of people who train so every week are left out."""
    zone = view["time_zone"]
    return [
        PairRow(
            earlier=words.moment(pair["earlier_at"], zone, now_us),
            earlier_href=f"/sessions/{pair['earlier_session']}",
            later=words.moment(pair["start_at"], zone, now_us),
            later_href=f"/sessions/{pair['session']}",
            text=f"{words.energy(pair['earlier_work_j'])}, then {words.energy(pair['work_j'])}",
        )
        for pair in reversed(view["pairs"])
        if not pair["habit"]
    ]


def in_lanes(view: Json) -> list[str]:
    """What is marked above the load: alert, warn, pain, spacing."""
    severities = {one["severity"] for one in view["alerts"] if one["rule"] != "pain.reported"}
    marked = [severity for severity in ("alert", "warn") if severity in severities]
    if view["pain"]:
        marked.append("pain")
    if any(not pair["habit"] for pair in view["pairs"]):
        marked.append("spacing")
    return marked


def near_failure(view: Json) -> str:
    """The share of sets that ended near failure, in a sentence; empty where velocity says nothing."""
    measured = sum(one["sets_measured"] for one in view["sessions"])
    near = sum(one["sets_above_40_pct"] for one in view["sessions"])
    if not measured:
        return ""
    return (
        f"{words.number(near)} of {words.count(measured, 'set')} ({words.number(100 * near / measured)}{words.NBSP}%) "
        "ended more than 40 % slower than their fastest rep, which says something only where all was pushed with full "
        "intent."
    )


def _needs(now: Json, today: date) -> str:
    more = max(0, now["sessions_needed"] - now["sessions"])
    begins = None if now["comparisons_from"] is None else date.fromisoformat(now["comparisons_from"])
    anew = "More than 90 days without a session: everything begins anew. " if now["anew"] else ""
    if begins is None:
        needed = f"Comparisons need {words.count(more, 'session')} and {now['days_needed']} days from the first one on"
    elif more and begins > today:
        needed = f"Needs {words.count(more, 'more session', 'more sessions')}, and until {words.day(begins, today)}"
    elif more:
        needed = f"Needs {words.count(more, 'more session', 'more sessions')}"
    else:
        needed = f"Until {words.day(begins, today)}: {now['days_needed']} days from the first session"
    return f"{anew}{needed}; before that the rules for beginners hold."


def _against(week: Json) -> str:
    z, kind = week["baseline_z"], _WEEKS.get(week["baseline"], str(week["baseline"]))
    return kind if z is None else f"{kind} ({words.number(z, 1)}{words.NBSP}SD)"


def _days(first: str, last: str) -> str:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    if begin == end:
        return f"{begin:%-d %b %Y}"
    start = f"{begin:%-d %b %Y}" if begin.year != end.year else f"{begin:%-d %b}"
    return f"{start} – {end:%-d %b %Y}"
