"""What a machine's page shows: what has become of all it sent, its clock, and what befell it. Plain functions."""

from dataclasses import dataclass
from typing import Final

from sledwatch_web import words
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
