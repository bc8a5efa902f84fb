"""Numbers, times and rule names in the words of a gym floor: the same figures read the same everywhere.

Figures and units are joined by a no-break space, so that a line never ends between them.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NBSP: Final = "\u00a0"
NOTHING: Final = "–"

_FIGURE_AND_UNIT: Final = re.compile(r"(\d) (mm|kg|kJ|J|m/s|s|%)(?!\w)")
SEVERITIES: Final = {"alert": "Alert", "warn": "Warning", "note": "Note"}
ALERT_STATES: Final = {
    "open": "Open",
    "acknowledged": "Acknowledged",
    "silenced": "Silenced",
    "resolved": "Resolved",
}
RULES: Final = {
    "depth.excessive": "Past the depth limit",
    "depth.caution": "Close to the depth limit",
    "depth.unusual": "Unusually deep",
    "technique.bounce": "Bounced at the bottom",
    "technique.dropped": "Sled dropped",
    "technique.lock-out": "Knees locked at speed",
    "technique.asymmetry": "One leg presses less",
    "technique.fatigue": "Deeper and slower",
    "badge.shared": "Two people on one badge?",
    "depth.estimated": "Deep, as far as can be estimated",
    "protocol.breach": "Outside the protocol",
    "workload.spike": "Much more than usual",
    "workload.spacing": "Hard sessions close together",
    "workload.returning": "Back after a break",
    "workload.beginner": "A lot for a beginner",
    "workload.baseline": "Above their own weeks",
    "workload.volume": "Many hard sets",
    "pain.reported": "Pain reported",
    "machine.quarantine": "Refused messages are being lost",
    "machine.encoder-drift": "The depth sensor's zero has moved",
    "machine.encoder-slip": "The depth sensor has slipped",
    "machine.encoder-stuck": "The depth sensor was stuck",
    "machine.encoder-noise": "The depth sensor is noisy",
    "machine.encoder-dropout": "The depth sensor drops out",
    "machine.load-offset": "The load cell's zero has moved",
}
TIERS: Final = {
    "calibrated": "calibrated: set by a trainer for this member and machine",
    "transferred": "transferred: worked out from a calibration on another notch or machine",
    "estimated": "estimated from body height and the machine's geometry, ±10°",
    "own-history": "own history: taken from the member's earlier reps on this machine",
}


def number(value: float | None, digits: int = 0) -> str:
    """A figure without its unit, thousands apart, with a real minus sign; a dash for none."""
    if value is None:
        return NOTHING
    rounded = round(value, digits) + 0.0
    return f"{rounded:,.{digits}f}".replace("-", "\u2212")


def quantity(value: float | None, unit: str, digits: int = 0) -> str:
    """A figure with its unit; a dash for none."""
    return NOTHING if value is None else f"{number(value, digits)}{NBSP}{unit}"


def mm(value: float | None) -> str:
    """A depth or a distance, to the millimetre."""
    return quantity(value, "mm")


def kg(value: float | None) -> str:
    """A load, with a decimal only where it has one."""
    return quantity(value, "kg", 0 if value is None or float(value).is_integer() or value >= 1000 else 1)


def energy(value_j: float | None) -> str:
    """Work: joules below a kilojoule, then kilojoules."""
    if value_j is None or abs(value_j) < 1000:
        return quantity(value_j, "J")
    return quantity(value_j / 1000, "kJ", 1)


def times_best(ratio: float | None) -> str:
    """A session's spike in words."""
    return NOTHING if ratio is None else f"{number(ratio, 2)}× their 30-day best"


def count(n: int, one: str, many: str | None = None) -> str:
    """A counted thing: `1 rep`, `2 reps`."""
    return f"{number(n)}{NBSP}{one if n == 1 else many or one + 's'}"


def against_limit(depth_mm: float | None, limit_mm: float | None) -> str:
    """How a depth stands to the limit, in words; nothing where there is no limit."""
    if depth_mm is None or limit_mm is None:
        return ""
    over = depth_mm - limit_mm
    return f"{apart(over)} {'past' if over > 0 else 'before'} the limit" if apart(over) else "at the limit"


def spare(depth_mm: float, limit_mm: float) -> str:
    """The same where there is little room for words."""
    over = depth_mm - limit_mm
    if not apart(over):
        return "at the limit"
    return f"{apart(over)} past the limit" if over > 0 else f"{apart(over)} to spare"


def apart(over_mm: float) -> str:
    """How far two depths are apart, to the millimetre; below one to the tenth, so that a little past is not nothing."""
    distance = abs(over_mm)
    if distance < 0.05:
        return ""
    return quantity(distance, "mm", 1 if distance < 0.95 else 0)


def keep_units(text: str) -> str:
    """A sentence in which no line ends between a figure and its unit."""
    return _FIGURE_AND_UNIT.sub(rf"\1{NBSP}\2", text)


def rule(name: str) -> str:
    """A rule's name for a heading."""
    return RULES.get(name, name.replace(".", ": ").replace("_", " ").capitalize())


def tier(name: str | None) -> str:
    """Where a limit comes from, in a phrase; empty where there is none."""
    return "" if name is None else TIERS.get(name, name)


# -- times -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moment:
    """A time for a page, in the gym's time zone but for `iso`.

    iso: for machines, UTC. text: short, the clock alone today. dated: with the day in any case. full: to the second.
    """

    iso: str
    text: str
    dated: str
    full: str


def zone(name: str | None) -> ZoneInfo:
    """The time zone of that name; UTC where it is unknown."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def parse_at(at: str) -> datetime:
    """An API time (`…_at`, ISO 8601, UTC)."""
    found = datetime.fromisoformat(at)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def moment(at: str | None, time_zone: str | None, now_us: int) -> Moment | None:
    """An API time as one reads it: the clock alone today, with the day before that, with the year before this one."""
    if at is None:
        return None
    utc = parse_at(at).astimezone(UTC)
    local = utc.astimezone(zone(time_zone))
    today = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(local.tzinfo).date()
    clock = local.strftime("%H:%M")
    if local.date() == today:
        dated = f"today {clock}"
    elif local.date() == today - timedelta(days=1):
        dated = f"yesterday {clock}"
    else:
        dated = f"{day(local.date(), today)}, {clock}"
    return Moment(
        iso=utc.isoformat().replace("+00:00", "Z"),
        text=clock if local.date() == today else dated,
        dated=dated,
        full=local.strftime("%A %-d %B %Y, %H:%M:%S %Z"),
    )


def local_day(now_us: int, time_zone: str | None) -> date:
    """The calendar day that it is somewhere; in UTC without a zone."""
    return datetime.fromtimestamp(now_us / 1e6, zone(time_zone)).date()


def day(value: date, today: date) -> str:
    """A calendar day, with its year where that is not this one."""
    return value.strftime("%a %-d %b" if value.year == today.year else "%a %-d %b %Y")


def duration(seconds: float) -> str:
    """A length of time, in the two units that matter."""
    whole = round(seconds)
    if whole < 60:
        return quantity(whole, "s")
    if whole < 3600:
        return (
            f"{quantity(whole // 60, 'min')} {quantity(whole % 60, 's')}"
            if whole < 600
            else quantity(whole / 60, "min")
        )
    return f"{quantity(whole // 3600, 'h')} {quantity(whole % 3600 // 60, 'min')}"


# -- evidence ----------------------------------------------------------------------------------------------------------

# The last part of a name says its unit: (suffix, unit, digits); the longer suffix first.
_UNITS: Final = (
    ("_mm_per_rep", "mm", 1),
    ("_m_s2", "m/s²", 1),
    ("_m_s", "m/s", 2),
    ("_mm", "mm", 0),
    ("_pct", "%", 0),
    ("_deg", "°", 0),
    ("_n", "N", 0),
    ("_s", "s", 1),
    ("_h", "h", 1),
)
_RATIOS: Final = ("ratio", "spike", "threshold", "factor", "alert_with_spacing", "note", "warn", "alert")
# In the order in which they are shown.
_LABELS: Final = {
    "limit_mm": "Depth limit",
    "caution_mm": "Caution from",
    "usual_mm": "Usual depth (median)",
    "threshold_mm": "Unusual from",
    "deepest_mm": "Deepest",
    "over_mm": "Past the limit by",
    "set": "Deepest in set",
    "rep": "Deepest in rep",
    "limit_from": "The limit was set on",
    "limit_moved_by": "Carried over by",
    "limit_error_mm": "Limit known to within ±",
    "hip_deg": "Hip bent to about",
    "hip_threshold_deg": "Nearly nobody's pelvis stays beyond",
    "knee_deg": "Knee bent to about",
    "angle_error_deg": "Angles known to within ±",
    "angle_basis": "Angles rest on",
    "sex": "Sex",
    "knee_most_deg": "Protocol: knee bent at most",
    "knee_deepest_deg": "Knee bent furthest, about",
    "knee_over_deg": "Beyond the window by",
    "reps_knee_too_deep": "Reps bent too far",
    "knee_least_deg": "Protocol: knee bent at least",
    "knee_shallowest_deg": "Knee bent least, about",
    "knee_short_deg": "Short of the window by",
    "reps_knee_too_shallow": "Reps not bent far enough",
    "depth_most_mm": "Protocol: depth at most",
    "depth_deepest_mm": "Deepest",
    "depth_over_mm": "Beyond the window by",
    "reps_depth_too_deep": "Reps too deep",
    "depth_least_mm": "Protocol: depth at least",
    "depth_shallowest_mm": "Shallowest",
    "depth_short_mm": "Short of the window by",
    "reps_depth_too_shallow": "Reps too shallow",
    "load_cap_kg": "Protocol: load at most",
    "load_kg": "Load",
    "over_kg": "Over the cap by",
    "reps_over_load_cap": "Reps over the load cap",
    "reference_load_kg": "Reference load",
    "reference_basis": "The reference is",
    "load_share": "Load against the reference",
    "bottom_dwell_s": "Time at the bottom",
    "outside": "What was outside",
    "sets_excessive": "Sets that met the rule",
    "turn_deceleration_m_s2": "Hardest braking at the turn",
    "eccentric_peak_velocity_m_s": "Fastest on the way down",
    "lockout_velocity_m_s": "Fastest near the top",
    "asymmetry_pct": "Difference between the legs",
    "weaker": "Weaker leg",
    "own_variability_pct": "Differs from rep to rep by",
    "strong": "Strong",
    "deeper_mm": "Deeper over the set by",
    "velocity_loss_pct": "Slower at the end by",
    "drift_mm_per_rep": "Deeper with each rep by",
    "drift_error_mm_per_rep": "Known to within ±",
    "worst_set": "Most in set",
    "worst_rep": "Most in rep",
    "reps_light": "Reps at light loads, not judged",
    "trends": "The sets",
    "reps": "The reps",
    "reps_over": "Reps past the limit",
    "reps_over_unsure": "Unsure reps past the limit, not counted",
    "reps_over_light_load": "Reps past the limit on a light load",
    "reps_close": "Reps close to the limit",
    "reps_judged": "Reps judged",
    "reps_unsure": "Unsure reps, not judged",
    "reps_deep": "Reps unusually deep",
    "history_reps": "Reps the habit is taken from",
    "rule": "The rule",
    "session_work_j": "Work of this session",
    "best_30d_work_j": "Best of the 30 days before",
    "best_30d_at": "That best was",
    "best_90d_work_j": "Best of the 90 days before",
    "best_90d_at": "That best was",
    "ratio": "This session against that best",
    "threshold": "Threshold passed",
    "thresholds": "Thresholds",
    "joined_with_spacing": "Right after a hard session",
    "window_days": "Days looked back on",
    "earlier_at": "The session before",
    "earlier_work_j": "Its work",
    "earlier_best_30d_work_j": "Best of the 30 days before it",
    "hard_share": "Hard from this share of the best",
    "consecutive_days_in_each_of_last_4_weeks": "Used to training on consecutive days",
    "history_sessions": "Sessions known before",
    "history_days": "Days known before",
    "sessions_30d": "Sessions in the 30 days before",
    "missing_days_30d": "Days missing of the 30 before",
    "layoff_days": "Days off",
    "session_since_break": "Session since the break",
    "days_in_a_row_threshold": "Days in a row, threshold",
    "hard_sets_threshold": "Hard sets, threshold",
    "best_load_so_far_kg": "Best load so far",
    "load_ratio": "Load against that",
    "load_ratio_threshold": "Load, threshold",
    "baseline_needs_days": "A baseline needs days",
    "baseline_needs_sessions": "A baseline needs sessions",
    "held_back": "Why it was not raised",
    "severity_held_back": "It would have been",
    "t_turn_us": "Time",
    "context": "In a study",
    "alert_with_spacing": "alert after a hard session",
    "withheld": "Why no alert was raised",
    "severity_withheld": "It would have been",
    "sensor_error_mm": "The depth sensor is off by",
    "sensor_since_at": "Since",
    "since_at": "Since",
    "zero_off_mm": "The zero is off by",
    "slipped_mm": "Slipped by",
    "stuck_s": "Stood still for",
    "rack_mm": "The sled rests at",
    "reference_mm": "It used to rest at",
    "tolerance_mm": "Still right within",
    "noise_mm": "Noise at rest",
    "usual_noise_mm": "Usual noise",
    "missing_share": "Missing samples",
    "load_off_kg": "The load at rest is off by",
    "idle_load_kg": "Load at rest",
    "usual_idle_load_kg": "Usual load at rest",
    "sessions_count": "Sessions that showed it",
    "good_sessions_needed": "Good sessions in a row to be right again",
    "slips": "The slips",
    "spans": "When it stood",
    "sessions_shown": "The last sessions that showed it",
    "start_at": "Session of",
    "rack_start_mm": "Rack, at the start",
    "rack_end_mm": "Rack, at the end",
    "off_mm": "Then off by",
    "patterns": "The two patterns",
    "tells": "What parts them",
    "apart_mm": "Bottoms apart by",
    "turns": "Turns taken",
    "rack_point_mm": "Reps end at",
    "messages_lost": "Messages lost",
    "messages_refused": "Messages refused, ever",
    "reasons": "By reason",
    "days_between": "Days between",
    "pain_days": "Days that count",
    "before": "What came before",
    "found_at": "Found",
    "days_before": "Days before",
    "notes": "When it was felt",
    "felt_at": "Felt",
    "provisional": "Provisional",
    "not_known": "What is not known",
}
# What some figures say in one word, in words.
_VALUES: Final = {
    "rule": RULES,
    "severity": SEVERITIES,
    "reference_basis": {
        "e1rm": "the one-repetition maximum, estimated from the member's own line",
        "e1rm-guess": "the one-repetition maximum, guessed",
        "best-load": "the best load of 90 days",
    },
    "angle_basis": {
        "reach": "the reach that the machine states",
        "reference": "legs nearly straight at the rack, as the machine does not state its reach",
    },
    "limit_moved_by": {
        "pitch": "the pitch of the seat",
        "geometry": "geometry: the depth at which the hip is bent as far",
        "as-set": "nothing: it is as it was set, though the backrest stood otherwise",
    },
}
# Bookkeeping, and what the message has said already.
_SILENT_AT_ZERO: Final = frozenset(
    {"reps_over_unsure", "reps_over_light_load", "reps_unsure", "reps_light", "missing_days_30d"}
)
_HIDDEN: Final = frozenset(
    {
        "limit_version",
        "protocol_version",
        "rules_version",
        "sessions_of_visit",
        "sets",
        "seen",
        "user",
        "session",
        "sensor_rule",
    }
)

# Within a list a set is a set and a rep a rep.
_COUNTED: Final = frozenset({"set", "rep", "sets", "reps"})


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of an alert's arithmetic; `href` where it speaks of another session, `prose` where it is a sentence."""

    label: str
    value: str
    href: str | None = None
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A list of alike records within the evidence, as a table: what each column is called, and the rows.

    links: of each row, the session that it speaks of, None for none.
    """

    label: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    links: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """An alert's arithmetic, ready to be read."""

    figures: tuple[Figure, ...]
    sheets: tuple[Sheet, ...]


def evidence(raw: dict[str, Any], time_zone: str | None = None) -> Evidence:
    """Evidence as the API gives it (named figures, units in their names) with readable labels and units.

    Names that are not known here are read as they are written. Times are given in `time_zone`.
    """
    local = zone(time_zone)
    figures: list[Figure] = []
    sheets: list[Sheet] = []
    for name, value in sorted(raw.items(), key=_rank):
        if name in _HIDDEN or (value == 0 and name in _SILENT_AT_ZERO):
            continue
        # A session is named by when it was, which leads to it.
        if name.endswith("_session") and f"{name.removesuffix('_session')}_at" in raw:
            continue
        if isinstance(value, list) and value and all(isinstance(record, dict) for record in value):
            sheets.append(_sheet(name, value, local))
        elif isinstance(value, dict):
            figures += [
                Figure(f"{label(name)}: {label(inner).lower()}", figure(inner, found, local), prose=_is_prose(found))
                for inner, found in value.items()
            ]
        else:
            session = raw.get(f"{name.removesuffix('_at')}_session") if name.endswith("_at") else None
            href = f"/sessions/{session}" if session else None
            figures.append(Figure(label(name), figure(name, value, local), href, _is_prose(value)))
    return Evidence(tuple(figures), tuple(sheets))


def _rank(item: tuple[str, Any]) -> int:
    return list(_LABELS).index(item[0]) if item[0] in _LABELS else len(_LABELS)


def _is_prose(value: Any) -> bool:
    return _is_sentence(value) or (isinstance(value, list) and any(_is_sentence(one) for one in value))


def _is_sentence(value: Any) -> bool:
    return isinstance(value, str) and " " in value


def _sheet(name: str, records: list[dict[str, Any]], local: ZoneInfo) -> Sheet:
    hidden = _HIDDEN - _COUNTED
    names = [key for key in dict.fromkeys(key for record in records for key in record) if key not in hidden]
    rows = tuple(tuple(figure(key, record.get(key), local) for key in names) for record in records)
    links = tuple(f"/sessions/{record['session']}" if record.get("session") else None for record in records)
    columns = tuple(key.capitalize() if key in _COUNTED else label(key) for key in names)
    return Sheet(label(name), columns, rows, links)


def label(name: str) -> str:
    """What a figure is called, from its name."""
    if name in _LABELS:
        return _LABELS[name]
    stem = name
    for suffix in (*(suffix for suffix, _, _ in _UNITS), "_kg", "_j", "_us", "_at"):
        if name.endswith(suffix):
            stem = name.removesuffix(suffix)
            break
    words = stem.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def figure(name: str, value: Any, local: ZoneInfo) -> str:
    """A figure with the unit that its name says; a time as the clock there shows it."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ("; " if _is_prose(value) else ", ").join(figure(name, item, local) for item in value) or "none"
    if isinstance(value, str):
        if name.endswith("_at"):
            return parse_at(value).astimezone(local).strftime("%a %-d %b %Y, %H:%M")
        return _VALUES.get(name, {}).get(value, value)
    if not isinstance(value, int | float):
        return str(value)
    if name.endswith("_us"):
        return datetime.fromtimestamp(value / 1e6, local).strftime("%H:%M:%S")
    if name.endswith("_j"):
        return energy(value)
    if name.endswith("_kg"):
        return kg(value)
    if name.endswith("_share"):
        return quantity(100 * value, "%")
    for suffix, unit, digits in _UNITS:
        if name.endswith(suffix):
            return quantity(value, unit, digits)
    if isinstance(value, float) and name.endswith(_RATIOS) and name != "hazard_ratio":
        return f"{number(value, 2)}×"
    return number(value, 0 if float(value).is_integer() else 2)
