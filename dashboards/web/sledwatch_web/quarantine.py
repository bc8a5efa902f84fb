"""What the pages say of refused messages. Plain functions."""

import json
from dataclasses import dataclass
from typing import Final

from sledwatch_web import words
from sledwatch_web.api import Json
from sledwatch_web.gyms import Gyms
from sledwatch_web.words import NBSP, Moment

REASONS: Final = {
    "bad-topic": "Unknown address",
    "bad-json": "Not readable",
    "wrong-type": "Not as agreed",
    "wrong-version": "Another version",
    "bad-name": "A name that is none",
    "too-large": "Too large",
    "too-many-samples": "Too many samples",
    "unequal-lengths": "Columns of unequal length",
    "load-out-of-range": "A load that cannot be",
    "too-few-usable": "Too few usable samples",
    "time-ahead": "From the future",
    "time-behind": "Too old",
    "store-refused": "Refused by the store",
}
STATES: Final = {"held": "Refused", "asked": "Waits to be tried again", "replayed": "Stored after all"}
TOLD: Final = {
    "asked": "Asked for. It is tried within seconds: what is taken goes to its session.",
    "none": "None of these can be tried again.",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A refused message as a card shows it."""

    id: int
    state: str
    state_word: str
    reason: str
    reason_word: str
    detail: str
    at: Moment | None
    replayed: Moment | None
    where: str
    machine_href: str | None
    topic: str
    boot: str
    number: str
    count: int
    tries: int
    size: str
    replayable: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The messages of a gym and a reason: how many are kept, came, were replayed, and are gone."""

    gym: str | None
    gym_name: str
    reason: str
    reason_word: str
    kept: str
    came: str
    replayed: str
    gone: str
    lost: bool
    query: dict[str, str]


def message(item: Json, gyms: Gyms, now_us: int) -> Message:
    """One item of `GET /quarantine`, or the whole of it."""
    gym, machine, state = item.get("gym"), item.get("machine"), str(item["state"])
    zone = gyms.time_zone(gym)
    place = [machine, gyms.name(gym) if gym else None]
    return Message(
        id=item["id"],
        state=state,
        state_word=STATES.get(state, state),
        reason=item["reason"],
        reason_word=reason_word(item["reason"]),
        detail=item["detail"],
        at=words.moment(item["received_at"], zone, now_us),
        replayed=words.moment(item.get("replayed_at"), zone, now_us),
        where=", ".join(part for part in place if part),
        machine_href=f"/machines/{gym}/{machine}" if gym and machine else None,
        topic=item["topic"],
        boot=item.get("boot") or words.NOTHING,
        number=words.NOTHING if item.get("seq") is None else str(item["seq"]),
        count=item["count"],
        tries=item["tries"],
        size=size(item["bytes"]),
        replayable=state == "held" and not item.get("cut"),
    )


def groups(counts: list[Json], gyms: Gyms) -> list[Group]:
    """What is kept by gym and reason, and what went through; what is all gone and was replayed is left out."""
    shown = [row for row in counts if row["held"] or row["dropped"]]
    return [
        Group(
            gym=row["gym"],
            gym_name=gyms.name(row["gym"]) if row["gym"] else "no gym named",
            reason=row["reason"],
            reason_word=reason_word(row["reason"]),
            kept=words.number(row["held"]),
            came=words.number(row["refused"]),
            replayed=words.number(row["replayed"]),
            gone=words.number(row["dropped"]),
            lost=bool(row["dropped"]),
            query={"reason": row["reason"]} | ({"gym": row["gym"]} if row["gym"] else {}),
        )
        for row in sorted(shown, key=lambda row: (-row["held"], row["gym"] or "", row["reason"]))
    ]


def reason_word(reason: str) -> str:
    """A reason's name for people."""
    return REASONS.get(reason, reason.replace("-", " ").capitalize())


def size(size_bytes: int) -> str:
    """How large a message is."""
    if size_bytes < 1024:
        return f"{words.number(size_bytes)}{NBSP}bytes"
    return words.quantity(size_bytes / 1024, "KiB", 1)


def readable(text: str | None, base64: str | None) -> str:
    """A payload for eyes: JSON laid out, other text as it is, what is no text as base64."""
    if text is None:
        return base64 or ""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
