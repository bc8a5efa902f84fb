"""Numbers, times and rule names in the words of a gym floor: the same figures read the same everywhere.

Figures and units are joined by a no-break space, so that a line never ends between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NBSP: Final = "\u00a0"
NOTHING: Final = "–"

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
    "depth.estimated": "Deep, as far as can be estimated",
    "protocol.breach": "Outside the protocol",
    "workload.spike": "Much more than usual",
    "workload.spacing": "Hard sessions close together",
    "workload.returning": "Back after a break",
    "workload.beginner": "A lot for a beginner",
    "workload.baseline": "Above their own weeks",
    "workload.volume": "Many hard sets",
    "pain.reported": "Pain reported",
}
TIERS: Final = {
    "calibrated": "calibrated: set by a trainer for this member and machine",
    "transferred": "transferred: worked out from a calibration on another notch or machine",
    "estimated": "estimated from body height and the machine's geometry, ±10°",
    "own-history": "own history: taken from the member's earlier reps on this machine",
}
KINDS: Final = {"incline": "incline press", "seated": "seated press", "supine": "supine press"}
WORKLOAD_STATES: Final = {
    "beginner": ("Beginner", "Comparisons begin after 30 days and 4 sessions; until then the beginner rules hold."),
    "no-baseline": (
        "No baseline yet",
        "Comparisons begin after 30 days and 4 sessions; until then the beginner rules hold.",
    ),
    "returning": (
        "Returning",
        "Nothing in the 30 days before: the first two sessions back are compared with the last 90 days.",
    ),
    "baseline": ("Baseline known", "Each session is compared with the best of the 30 days before it."),
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
    over = round(depth_mm) - round(limit_mm)
    if over > 0:
        return f"{mm(over)} past the limit"
    return "at the limit" if over == 0 else f"{mm(-over)} before the limit"


def joined(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def rule(name: str) -> str:
    """A rule's name for a heading."""
    return RULES.get(name, name.replace(".", ": ").replace("_", " ").capitalize())


def tier(name: str | None) -> str:
    """Where a limit comes from, in a phrase; empty where there is none."""
    return "" if name is None else TIERS.get(name, name)


# -- times -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moment:
    """A time for a page: `iso` for machines (UTC), `text` for people, in the gym's time zone, `full` to be exact."""

    iso: str
    text: str
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
    utc = parse_at(at)
    local = utc.astimezone(zone(time_zone))
    today = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(local.tzinfo).date()
    clock = local.strftime("%H:%M")
    if local.date() == today:
        text = clock
    elif local.date() == today - timedelta(days=1):
        text = f"yesterday {clock}"
    else:
        text = f"{day(local.date(), today)}, {clock}"
    return Moment(
        utc.astimezone(UTC).isoformat().replace("+00:00", "Z"), text, local.strftime("%A %-d %B %Y, %H:%M:%S %Z")
    )


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

# The last part of a name says its unit: (suffix, unit, digits).
_UNITS: Final = (
    ("_m_s", "m/s", 2),
    ("_m_s2", "m/s²", 1),
    ("_mm", "mm", 0),
    ("_kg", "kg", 1),
    ("_pct", "%", 0),
    ("_deg", "°", 0),
    ("_n", "N", 0),
    ("_s", "s", 1),
    ("_h", "h", 1),
    ("_days", "days", 0),
)
_RATIOS: Final = ("spike", "ratio", "fraction", "factor")
_LABELS: Final = {
    "limit_mm": "Depth limit",
    "caution_mm": "Caution from",
    "deepest_mm": "Deepest",
    "over_mm": "Past the limit",
    "max_over_mm": "Furthest past the limit",
    "spike": "Against the 30-day best",
    "work_j": "Work of this session",
    "best_30d_j": "Best of the 30 days before",
    "e1rm_kg": "Estimated one-rep maximum",
    "rom_mm": "Range of motion",
    "mad_mm": "Spread (MAD)",
}
# Bookkeeping that says nothing to a reader.
_HIDDEN: Final = frozenset({"source", "session", "sessions_ids", "user", "version", "limit_version"})


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of an alert's arithmetic."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A list of alike records within the evidence, as a table: what each column is called, and the rows."""

    label: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """An alert's arithmetic, ready to be read."""

    figures: tuple[Figure, ...]
    sheets: tuple[Sheet, ...]


def evidence(raw: dict[str, Any]) -> Evidence:
    """Evidence as the API gives it (named figures, units in their names) with readable labels and units."""
    figures: list[Figure] = []
    sheets: list[Sheet] = []
    for name, value in raw.items():
        if name in _HIDDEN:
            continue
        if isinstance(value, list) and value and all(isinstance(record, dict) for record in value):
            sheets.append(_sheet(name, value))
        elif isinstance(value, dict):
            figures += [
                Figure(f"{label(name)}: {label(inner).lower()}", figure(inner, v)) for inner, v in value.items()
            ]
        else:
            figures.append(Figure(label(name), figure(name, value)))
    return Evidence(tuple(figures), tuple(sheets))


def _sheet(name: str, records: list[dict[str, Any]]) -> Sheet:
    names = [key for key in dict.fromkeys(key for record in records for key in record) if key not in _HIDDEN]
    rows = tuple(tuple(figure(key, record.get(key)) for key in names) for record in records)
    return Sheet(label(name), tuple(label(key) for key in names), rows)


def label(name: str) -> str:
    """What a figure is called, from its name."""
    if name in _LABELS:
        return _LABELS[name]
    stem = name
    for suffix, _, _ in (*_UNITS, ("_j", "", 0), ("_us", "", 0), ("_at", "", 0)):
        if name.endswith(suffix):
            stem = name.removesuffix(suffix)
            break
    words = stem.replace("_", " ").replace("30d", "30 days").strip()
    return words[:1].upper() + words[1:]


def figure(name: str, value: Any) -> str:
    """A figure with the unit that its name says."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(figure(name, item) for item in value) or "none"
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float):
        return str(value)
    if name.endswith("_us"):
        return datetime.fromtimestamp(value / 1e6, UTC).strftime("%-d %b %Y, %H:%M:%S UTC")
    if name.endswith("_j"):
        return energy(value)
    if name.endswith("_kg"):
        return kg(value)
    for suffix, unit, digits in _UNITS:
        if name.endswith(suffix):
            return quantity(value, unit, 0 if float(value).is_integer() and digits == 1 else digits)
    if any(word in name for word in _RATIOS):
        return f"{number(value, 2)}×"
    return number(value, 0 if float(value).is_integer() else 2)
