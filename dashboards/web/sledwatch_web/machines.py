"""What a machine's page shows: how well it sees, what became of all it sent, what befell it. Plain functions."""

from dataclasses import dataclass
from typing import Final

from sledwatch_web import words
from sledwatch_web.alerts import SHAPES
from sledwatch_web.api import Json
from sledwatch_web.words import Moment

# Below this a clock is as good as any; beyond it reps stand at a time at which nobody pressed.
CLOCK_OFF_S: Final = 2.0
# How many ranges of missing numbers are named.
RANGES: Final = 6


@dataclass(frozen=True, slots=True)
class Total:
    """A figure, what it is called, and what that means; `level` warn where somebody should look."""

    label: str
    value: str
    meaning: str
    level: str = "none"


@dataclass(frozen=True, slots=True)
class BootRow:
    """A line of the table by power-up."""

    boot: str
    current: bool
    since: Moment | None
    stored: str
    missing: str
    which: str
    lost: str
    refused: str
    clock: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of what befell the machine. shape: stands beside the words."""

    at: Moment | None
    what: str
    more: str
    shape: str
    level: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with a machine's sensors, and where its alert is."""

    severity: str
    severity_word: str
    shape: str
    title: str
    since: Moment | None
    sessions: str
    message: str
    advice: str
    alert_href: str | None


def sensors_verdict(sensors: Json, since: Moment | None) -> tuple[str, str]:
    """In a sentence how a machine's sensors are, and how grave that is: none | warn."""
    if sensors["state"] == "unknown":
        return "Nothing is known of its sensors yet: they are looked at when a session is over.", "none"
    if sensors["state"] == "doubtful":
        when = "" if since is None else f" since {since.dated}"
        return f"The depth sensor is doubtful{when}: depth alerts of this machine are withheld.", "warn"
    if sensors["state"] == "faulty":
        if any(one["severity"] != "note" for one in sensors["troubles"]):
            return "Something is wrong with the sensors; the depths they show count.", "warn"
        return "The sensors work, with something to look at.", "none"
    if sensors.get("reference_mm") is None:
        return "Nothing is wrong with its sensors, as far as its few sessions can tell.", "none"
    return "Its sensors see well.", "none"


def sensor_totals(sensors: Json) -> list[Total]:
    """How well the sensors saw in the last session that said so, beside what is usual."""
    last: Json = {}
    for reading in sensors["readings"]:
        last |= {name: value for name, value in reading.items() if value is not None}
    if not last:
        return []
    usual, tolerance = sensors.get("reference_mm"), sensors["tolerance_mm"]
    found = []
    if "rack_mm" in last:
        # At 0 it is right, wherever it used to rest.
        right = [0.0] if usual is None else [0.0, usual]
        off = usual is not None and min(abs(last["rack_mm"] - place) for place in right) > tolerance
        meaning = "where the sled rests in the rack" + ("" if usual is None else f"; usually {words.mm(usual)}")
        found.append(Total("Rack", words.mm(last["rack_mm"]), meaning, "warn" if off else "none"))
    if "noise_mm" in last:
        steps = f", in steps of {words.quantity(last['step_mm'], 'mm', 1)}" if last["step_mm"] else ""
        found.append(Total("Noise", words.quantity(last["noise_mm"], "mm", 1), f"of a depth at rest{steps}"))
    found.append(Total("Missing", words.quantity(100 * last["missing_share"], "%", 1), "samples without a depth"))
    if "idle_kg" in last:
        found.append(Total("At rest", words.kg(last["idle_kg"]), "load before the first rep"))
    return found


def troubles(sensors: Json, time_zone: str | None, now_us: int) -> list[Trouble]:
    """What is wrong with the sensors, as the API orders it."""
    return [
        Trouble(
            severity=one["severity"],
            severity_word=words.SEVERITIES.get(one["severity"], one["severity"]),
            shape=SHAPES.get(one["severity"], "circle"),
            title=one["title"],
            since=words.moment(one["since_at"], time_zone, now_us),
            sessions=words.count(one["sessions"], "session"),
            message=words.keep_units(one["message"]),
            advice=words.keep_units(one["advice"]),
            alert_href=f"/alerts/{one['alert']}" if one.get("alert") else None,
        )
        for one in sensors["troubles"]
    ]


def verdict(account: Json | None) -> tuple[str, str]:
    """In a sentence whether all is well, and how grave it is: none | warn."""
    if account is None or not (account["stored"] or account["missing"] or account["lost"]):
        return "Nothing of it is stored yet.", "none"
    troubles = []
    if account["lost"]:
        troubles.append(f"{words.count(account['lost'], 'message')} lost for good")
    if account["missing"]:
        troubles.append(f"{words.count(account['missing'], 'message')} missing, which may still come")
    if account["refused"]:
        troubles.append(f"{words.count(account['refused'], 'message')} refused")
    clock = clock_words(account.get("clock_offset_s"))
    off = _is_off(account.get("clock_offset_s"))
    if not troubles:
        return (f"All that it sent is stored, but its clock is {clock}." if off else "All that it sent is stored."), (
            "warn" if off else "none"
        )
    said = "; ".join(troubles)
    return f"{said[:1].upper()}{said[1:]}{f'; its clock is {clock}' if off else ''}.", "warn"


def totals(account: Json) -> list[Total]:
    """The figures of an account, those that matter most first."""
    refused, lost, missing = account["refused"], account["lost"], account["missing"]
    clock = account.get("clock_offset_s")
    return [
        Total("Stored", words.number(account["stored"]), "frames and session events kept"),
        Total("Missing", words.number(missing), "skipped so far; may still come", "warn" if missing else "none"),
        Total("Lost for good", words.number(lost), "the machine holds them no more", "warn" if lost else "none"),
        Total("Refused", words.number(refused), "set aside, with the reason", "warn" if refused else "none"),
        Total("Sent again", words.number(account["repeated"]), "stored already, kept once"),
        Total("Out of order", words.number(account["disordered"]), "came after a later one"),
        Total("Samples left out", words.number(account["out_of_range"]), "where no sled can be"),
        Total("Clock", clock_words(clock), "against this system’s", "warn" if _is_off(clock) else "none"),
    ]


def clock_words(offset_s: float | None) -> str:
    """How a clock goes, in words."""
    if offset_s is None:
        return "not known"
    if abs(offset_s) < 1.0:
        return "right"
    return f"{words.duration(abs(offset_s))} {'ahead' if offset_s > 0 else 'behind'}"


def boot_rows(boots: list[Json], time_zone: str | None, now_us: int) -> list[BootRow]:
    """The accounts by power-up, as the API orders them."""
    return [
        BootRow(
            boot=boot["boot"],
            current=boot["current"],
            since=words.moment(boot.get("online_at"), time_zone, now_us),
            stored=words.number(boot["stored"]),
            missing=words.number(boot["missing"]),
            which=ranges(boot["missing_ranges"]),
            lost=words.number(boot["lost"]),
            refused=words.number(boot["refused"]),
            clock=clock_words(boot.get("clock_offset_s")),
        )
        for boot in boots
    ]


def event_rows(events: list[Json], time_zone: str | None, now_us: int) -> list[EventRow]:
    """What befell it, the newest first."""
    return [_event(event, words.moment(event["at"], time_zone, now_us)) for event in events]


def ranges(of: list[list[int]]) -> str:
    """Numbers in ranges, the first few: `970–973, 980`."""
    named = [str(low) if low == high else f"{low}–{high}" for low, high in of[:RANGES]]
    return ", ".join(named) + (" …" if len(of) > RANGES else "")


def _event(event: Json, at: Moment | None) -> EventRow:
    if event["kind"] == "gap":
        what = f"Lost {words.count(event.get('lost') or 0, 'message')} for good"
        return EventRow(at, what, f"Numbers {ranges(event.get('ranges') or [])}", "diamond", "warn")
    if event["kind"] == "offline":
        return EventRow(at, "Went offline", "", "cross", "none")
    what = "Started anew" if event.get("after") else "Came online"
    return EventRow(at, what, "", "circle", "none")


def _is_off(offset_s: float | None) -> bool:
    return offset_s is not None and abs(offset_s) >= CLOCK_OFF_S
