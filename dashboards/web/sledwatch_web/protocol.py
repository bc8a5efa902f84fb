"""A clinician's protocol on the pages: what it allows, in words, and the form that says it. Plain functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final

from sledwatch_web import words
from sledwatch_web.api import Json
from sledwatch_web.gyms import Gyms
from sledwatch_web.words import Moment

QUANTITIES: Final = {"knee_deg": "Knee bend, °", "depth_mm": "Depth, mm"}
ANY_MACHINE: Final = ""
# Rows of the form without anything in them: one to fill in, and one more on request.
ROWS: Final = 2
TOLD: Final = {
    "saved": "The protocol is set. It holds from the next rep on, at the machine too.",
    "ended": "The protocol is ended. The history keeps it.",
}
_NO_NUMBER: Final = "a number was expected"


@dataclass(frozen=True, slots=True)
class Shown:
    """A protocol in words. state: holds | expired | ended."""

    state: str
    lines: tuple[str, ...]
    until: str
    clinician: str
    note: str
    set_by: str
    set_at: Moment | None
    ended: str
    not_judged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A window as it is typed. place: gym/machine, or empty for any."""

    quantity: str = "knee_deg"
    least: str = ""
    most: str = ""
    place: str = ANY_MACHINE

    @property
    def is_blank(self) -> bool:
        """Whether nothing is said."""
        return not (self.least.strip() or self.most.strip())


@dataclass(frozen=True, slots=True)
class Form:
    """The whole form as it is typed. last_day: the last day on which it holds, ISO 8601."""

    rows: tuple[Row, ...] = (Row(),) * ROWS
    load_cap: str = ""
    last_day: str = ""
    clinician: str = ""
    note: str = ""

    @property
    def with_one_more(self) -> "Form":
        """The same with another blank row."""
        return replace(self, rows=(*self.rows, Row()))


def shown(protocol: Json, gyms: Gyms, now_us: int) -> Shown:
    """A protocol of the API, or of its history."""
    zone = gyms.time_zone(None)
    ended = words.moment(protocol.get("ended_at"), zone, now_us)
    return Shown(
        state="ended" if ended else "expired" if protocol["expired"] else "holds",
        lines=tuple([_window_words(one, gyms) for one in protocol["windows"]] + _cap_words(protocol)),
        until=_until(protocol["expires_at"], zone, now_us),
        clinician=protocol.get("clinician") or "",
        note=protocol.get("note") or "",
        set_by=protocol["set_by"],
        set_at=words.moment(protocol["set_at"], zone, now_us),
        ended=f"ended {ended.dated} by {protocol['ended_by']}" if ended else "",
        not_judged=tuple(protocol["not_judged"]),
    )


def _until(expires_at: str, time_zone: str | None, now_us: int) -> str:
    """When it ends: a midnight by the day that it ends."""
    local = words.parse_at(expires_at).astimezone(words.zone(time_zone))
    if local.time() == time():
        today = datetime.fromtimestamp(now_us / 1e6, local.tzinfo).date()
        return f"the end of {words.day(local.date() - timedelta(days=1), today)}"
    moment = words.moment(expires_at, time_zone, now_us)
    return "" if moment is None else moment.dated


def _window_words(window: Json, gyms: Gyms) -> str:
    knee = window["quantity"] == "knee_deg"
    least, most = (_bound(window[name], knee=knee) for name in ("min", "max"))
    span = f"{least} to {most}" if least and most else f"at most {most}" if most else f"at least {least}"
    what = "Knee bent" if knee else "Depth"
    where = "any machine" if window["machine"] is None else f"{window['machine']}, {gyms.name(window['gym'])}"
    return f"{what} {span} at the bottom, on {where}"


def _bound(value: float | None, *, knee: bool) -> str:
    if value is None:
        return ""
    return f"{value:g}°" if knee else words.mm(value)


def _cap_words(protocol: Json) -> list[str]:
    cap_kg = protocol.get("load_cap_kg")
    return [] if cap_kg is None else [f"Load at most {words.kg(cap_kg)}, sled included"]


def form_of(protocol: Json | None, time_zone: str | None) -> Form:
    """The form for changing a protocol; blank where there is none, since nothing is built in."""
    if protocol is None:
        return Form()
    rows = tuple(
        Row(
            quantity=one["quantity"],
            least=_typed(one["min"]),
            most=_typed(one["max"]),
            place=ANY_MACHINE if one["machine"] is None else f"{one['gym']}/{one['machine']}",
        )
        for one in protocol["windows"]
    )
    end = words.parse_at(protocol["expires_at"]).astimezone(words.zone(time_zone))
    return Form(
        rows=rows + (Row(),) * max(1, ROWS - len(rows)),
        load_cap=_typed(protocol.get("load_cap_kg")),
        # It ends at the midnight that ends this day.
        last_day="" if protocol["expired"] else (end - timedelta(microseconds=1)).date().isoformat(),
        clinician=protocol.get("clinician") or "",
        note=protocol.get("note") or "",
    )


def wish_of(form: Form, time_zone: str | None) -> tuple[Json, dict[str, str]]:
    """What the form asks the API for, and what in it cannot be read: name of the field → why.

    Fields are called windows.N by the row, load_cap, last_day, clinician, note.
    """
    wrong: dict[str, str] = {}
    windows = []
    for number, row in enumerate(form.rows):
        if row.is_blank:
            continue
        gym, _, machine = row.place.partition("/")
        bounds = {}
        for name, text in (("min", row.least), ("max", row.most)):
            bounds[name] = _number(text, f"windows.{number}", wrong)
        windows.append({"quantity": row.quantity, **bounds, "gym": gym or None, "machine": machine or None})
    cap_kg = _number(form.load_cap, "load_cap", wrong)
    expires_at = None
    try:
        day = date.fromisoformat(form.last_day.strip())
        expires_at = datetime.combine(day + timedelta(days=1), time(), tzinfo=words.zone(time_zone)).isoformat()
    except (ValueError, OverflowError):
        wrong["last_day"] = "say until which day it holds: there is no protocol without an end"
    body = {
        "windows": windows,
        "load_cap_kg": cap_kg,
        "expires_at": expires_at,
        "clinician": form.clinician.strip() or None,
        "note": form.note.strip() or None,
    }
    return body, wrong


def wrong_of(fields: Mapping[str, str], form: Form) -> dict[str, str]:
    """What the API found wrong, by the fields of the form; what belongs to none of them has the name `whole`."""
    said = [number for number, row in enumerate(form.rows) if not row.is_blank]
    wrong = {}
    for name, expected in fields.items():
        first, *rest = name.split(".")
        if first == "windows" and rest and rest[0].isdecimal() and int(rest[0]) < len(said):
            wrong[f"windows.{said[int(rest[0])]}"] = expected
        else:
            wrong[_FIELDS.get(first, "whole")] = expected
    return wrong


_FIELDS: Final = {"load_cap_kg": "load_cap", "expires_at": "last_day", "clinician": "clinician", "note": "note"}


def rows_of(
    quantities: Sequence[str], least: Sequence[str], most: Sequence[str], places: Sequence[str]
) -> tuple[Row, ...]:
    """The rows of a form as a browser sends them: each field as a list."""
    return tuple(Row(*one) for one in zip(quantities, least, most, places, strict=False))


def _number(text: str, field: str, wrong: dict[str, str]) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        wrong[field] = f"{_NO_NUMBER}, not “{text.strip()}”"
        return None


def _typed(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
