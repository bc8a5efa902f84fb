"""What is wrong with a machine's sensors, for whoever manages the floor, and depth findings while they are doubtful."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sledwatch.events import Severity
from sledwatch.findings.finding import Finding
from sledwatch.findings.protocol import RULE as PROTOCOL
from sledwatch.sensors import SESSIONS_UNTIL_GOOD, ZERO_OFF_MM, Seen, Trouble
from sledwatch.sensors.history import DRIFT, DROPOUT, LOAD, NOISE, SLIP, STUCK

# How many of the sessions it rests on a finding lists.
_LISTED: Final = 10
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNTIL_GOOD: Final = f"It is taken back by itself after {SESSIONS_UNTIL_GOOD} good sessions in a row"


def sensor_finding(trouble: Trouble, machine_name: str, time_zone: str) -> Finding:
    """Say what is wrong, since when, and what to do. It is about the machine, and names nobody.

    Raises KeyError for a rule that is none of `SENSOR_RULES`.
    """
    since = day_of(trouble.since_us, time_zone)
    title, message, advice, figures = _WORDS[trouble.rule](trouble, machine_name, since)
    last, severity = trouble.shown[-1], severity_of(trouble)
    return Finding(
        rule=trouble.rule,
        severity=severity,
        at_us=trouble.since_us,
        last_us=last.end_us,
        set=None,
        count=len(trouble.shown),
        title=title,
        message=message,
        advice=f"{advice} {_UNTIL_GOOD}{'.' if severity == 'note' else ', or when you resolve it.'}",
        evidence=figures
        | {
            "since_at": _iso(trouble.since_us),
            "sessions_count": len(trouble.shown),
            "good_sessions_needed": SESSIONS_UNTIL_GOOD,
            "sessions_shown": [_shown(seen, trouble) for seen in trouble.shown[-_LISTED:]],
        },
        limit_tier=None,
    )


def severity_of(trouble: Trouble) -> Severity:
    """A warning where depths or reps cannot be relied on; else a note, which is in nobody's inbox."""
    return "warn" if trouble.rule in {SLIP, DRIFT, STUCK} or trouble.doubtful else "note"


def doubt_reason(doubt: Trouble, time_zone: str) -> str:
    """Why depths are doubtful, as the end of a sentence."""
    since = day_of(doubt.since_us, time_zone)
    match doubt.rule:
        case "machine.encoder-slip":
            return f"slipped {abs(doubt.value):.0f} mm on {since}"
        case "machine.encoder-noise":
            return f"noise of {doubt.value:.1f} mm since {since}"
        case _:
            return f"drifted {abs(doubt.value):.0f} mm since {since}"


def withheld(finding: Finding, doubt: Trouble | None, machine_name: str, time_zone: str) -> Finding:
    """A finding as it may be told while the machine's depth sensor is doubtful: an alert about depth becomes a note.

    So does the warning of a protocol's breach, unless a load was part of it.
    """
    depth = finding.rule.startswith("depth.") and finding.severity == "alert"
    window = finding.rule == PROTOCOL and "reps_over_load_cap" not in finding.evidence
    if doubt is None or not (depth or window):
        return finding
    reason = f"withheld while the depth sensor of {machine_name} is doubtful ({doubt_reason(doubt, time_zone)})"
    return replace(
        finding,
        severity="note",
        title=f"{finding.title}, as far as a doubtful sensor shows",
        message=f"{finding.message} No alert: {reason}.",
        advice=f"Watch the next set from the side; the machine's sensor has to be seen to before its depths count. "
        f"{finding.advice}",
        evidence=finding.evidence
        | {
            "withheld": reason,
            "severity_withheld": finding.severity,
            "sensor_rule": doubt.rule,
            "sensor_error_mm": round(doubt.value, 1),
            "sensor_since_at": _iso(doubt.since_us),
        },
    )


def day_of(t_us: int, time_zone: str) -> str:
    """A day as sentences name it, in the gym's time zone."""
    local = datetime.fromtimestamp(t_us / 1e6, ZoneInfo(time_zone))
    return f"{local.day} {_MONTHS[local.month - 1]}"


class _Said(NamedTuple):
    """What is told of a trouble."""

    title: str
    message: str
    advice: str
    figures: dict[str, Any]


def _slip(trouble: Trouble, machine: str, since: str) -> _Said:
    last = trouble.shown[-1].reading.slips
    return _Said(
        title="The depth sensor has slipped",
        message=f"The depth sensor of {machine} slipped {_times(trouble, since)}: at a stroke it showed the sled "
        f"{abs(trouble.value):.0f} mm {_way(trouble.value)} than it was, and the sled came to rest that much off.",
        advice="Check the encoder's belt or cable and its coupling, then set its zero with the sled in the rack. Until "
        "then depth alerts of this machine are withheld.",
        figures={
            "slipped_mm": round(trouble.value, 1),
            "slips": [{"t_us": one.to_us, "slipped_mm": one.by_mm} for one in last],
            "rule": f"a jump that no sled makes, after which the sled rests off by as much; more than "
            f"{ZERO_OFF_MM:.0f} mm",
        },
    )


def _drift(trouble: Trouble, machine: str, since: str) -> _Said:
    if trouble.misplaced:
        return _Said(
            title="The depth sensor's zero is not at the rack",
            message=f"On {machine} the sled rests {abs(trouble.value):.0f} mm {_way(trouble.value)} than 0, and has "
            f"since {since}: depths are counted from somewhere else than the rack.",
            advice="Set the encoder's zero with the sled in the rack, then calibrate limits again that were set on "
            "this machine.",
            figures={
                "rack_mm": round(trouble.value, 1),
                "rule": "at rest in the rack a machine shows 0, give or take 40 mm",
            },
        )
    rack_mm = (trouble.reference or 0.0) + trouble.value
    return _Said(
        title="The depth sensor's zero has moved",
        message=f"The zero of the depth sensor of {machine} has moved: since {since} the sled rests in the rack "
        f"{abs(trouble.value):.0f} mm {_way(trouble.value)} than it used to ({rack_mm:.0f} mm against "
        f"{trouble.reference or 0.0:.0f} mm), in {len(trouble.shown)} sessions in a row.",
        advice="Set the encoder's zero with the sled in the rack, and look whether its belt or cable has come "
        "loose. Until then depth alerts of this machine are withheld. If the rack itself was moved, resolve this: what "
        "follows is compared with the new place.",
        figures={
            "zero_off_mm": round(trouble.value, 1),
            "rack_mm": round(rack_mm, 1),
            "reference_mm": None if trouble.reference is None else round(trouble.reference, 1),
            "tolerance_mm": ZERO_OFF_MM,
            "rule": f"more than {ZERO_OFF_MM:.0f} mm off where it rested in the machine's first sessions, and off 0",
        },
    )


def _stuck(trouble: Trouble, machine: str, since: str) -> _Said:
    seen = trouble.shown[-1]
    figures: dict[str, Any] = {
        "stuck_s": round(trouble.value, 1),
        "spans": [
            {"t_us": one.from_us, "stuck_s": round(one.seconds, 1), "off_mm": one.by_mm} for one in seen.reading.stuck
        ],
        "rule": "the same value to the last digit for 2 s or more, then a jump that no sled makes",
    }
    advice = (
        "Check the encoder's cable and plug, and whether its belt grips. Reps are missing from sessions in which it "
        "stood; what depth it did show was there."
    )
    if seen.reading.motionless:
        return _Said(
            title="The depth sensor does not move",
            message=f"In {len(trouble.shown)} sessions in a row since {since} people were at {machine} and its sled "
            "has not moved a millimetre: either nobody pressed, or the depth sensor stands still.",
            advice=advice,
            figures=figures | {"rule": f"{len(trouble.shown)} sessions of a minute or more without any movement"},
        )
    return _Said(
        title="The depth sensor was stuck",
        message=f"The depth sensor of {machine} was stuck {_times(trouble, since)}, last for {trouble.value:.0f} s: it "
        "showed the same depth while the sled moved, then jumped to where the sled was.",
        advice=advice,
        figures=figures,
    )


def _noise(trouble: Trouble, machine: str, since: str) -> _Said:
    usual = "" if trouble.reference is None else f" (it used to be {trouble.reference:.1f} mm)"
    doubt = " Until then depth alerts of this machine are withheld." if trouble.doubtful else ""
    return _Said(
        title="The depth sensor is noisy",
        message=f"The depth of {machine} has trembled by {trouble.value:.1f} mm with the sled at rest{usual}, in "
        f"{len(trouble.shown)} sessions since {since}.",
        advice=f"Check the encoder's cable, its shield and its mounting.{doubt}",
        figures={"noise_mm": round(trouble.value, 2), "usual_noise_mm": trouble.reference},
    )


def _dropout(trouble: Trouble, machine: str, since: str) -> _Said:
    return _Said(
        title="The depth sensor drops out",
        message=f"{100 * trouble.value:.0f} % of the depths of {machine} are missing, in {len(trouble.shown)} sessions "
        f"since {since}.",
        advice="Check the encoder's cable and plug: reps in which it shows nothing for long are unsure.",
        figures={"missing_share": round(trouble.value, 3)},
    )


def _load(trouble: Trouble, machine: str, since: str) -> _Said:
    more = "more" if trouble.value > 0 else "less"
    return _Said(
        title="The load cell's zero has moved",
        message=f"With the sled at rest {machine} shows {abs(trouble.value):.1f} kg {more} than it used to "
        f"({(trouble.reference or 0.0) + trouble.value:.1f} kg against {trouble.reference or 0.0:.1f} kg), in "
        f"{len(trouble.shown)} sessions since {since}; no plate weighs that.",
        advice="Set the load cell's zero with the sled empty: work and loads of these sessions are off by as much.",
        figures={
            "load_off_kg": round(trouble.value, 1),
            "idle_load_kg": round((trouble.reference or 0.0) + trouble.value, 1),
            "usual_idle_load_kg": trouble.reference,
        },
    )


_WORDS: Final = {SLIP: _slip, DRIFT: _drift, STUCK: _stuck, NOISE: _noise, DROPOUT: _dropout, LOAD: _load}


def _times(trouble: Trouble, since: str) -> str:
    return f"on {since}" if len(trouble.shown) == 1 else f"in {len(trouble.shown)} sessions since {since}"


def _way(error_mm: float) -> str:
    return "deeper" if error_mm > 0 else "shallower"


def _shown(seen: Seen, trouble: Trouble) -> dict[str, Any]:
    reading = seen.reading
    figures: dict[str, Any] = {"start_at": _iso(seen.start_us), "session": seen.session}
    match trouble.rule:
        case "machine.encoder-slip":
            return figures | {"slipped_mm": round(reading.slipped_mm, 1)}
        case "machine.encoder-stuck":
            return figures | {"stuck_s": round(reading.stuck_s, 1)}
        case "machine.encoder-noise":
            return figures | {"noise_mm": reading.noise_mm}
        case "machine.encoder-dropout":
            return figures | {"missing_share": reading.missing_share}
        case "machine.load-offset":
            return figures | {"idle_load_kg": reading.idle_kg}
        case _:
            return figures | {"rack_start_mm": reading.rack_start_mm, "rack_end_mm": reading.rack_end_mm}


def _iso(t_us: int) -> str:
    return datetime.fromtimestamp(t_us / 1e6, tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
