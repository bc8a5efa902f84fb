"""What a tile of the floor shows: a machine as the API tells it → words and a drawing. Plain functions.

`static/live/tile.js` says the same of a live event; a browser test holds the two together.
"""

from dataclasses import dataclass
from typing import Final

from sledwatch_web import words
from sledwatch_web.api import Json
from sledwatch_web.words import Moment

STATES: Final = {"free": "Free", "in_use": "In use", "offline": "Offline"}
# The drawing's own units: the rail's top, and how long it is for the whole travel.
RAIL_TOP: Final = 10.0
RAIL_LENGTH: Final = 120.0
# A press whose travel nobody has told: most have about this much.
USUAL_TRAVEL_MM: Final = 620.0


@dataclass(frozen=True, slots=True)
class Track:
    """The rail, drawn: places along it in drawing units, None where there is nothing to draw.

    scale_mm: the travel that fills the rail.
    """

    scale_mm: float
    sled: float
    deepest: float | None
    caution: float | None
    limit: float | None


@dataclass(frozen=True, slots=True)
class Tile:
    """One machine of the floor, in the order it is read: who, how deep against the limit, load, reps."""

    key: str
    state: str
    state_word: str
    who: str
    href: str | None
    depth: str
    verdict: str
    level: str  # none | within | caution | over
    limit: str
    load: str
    reps: str
    machine: str
    seen: Moment | None
    track: Track


def tile(item: Json, time_zone: str | None, now_us: int) -> Tile:
    """The tile of one item of `GET /gyms/{gym}/machines`."""
    state = item["state"] if item["state"] in STATES else "offline"
    in_use = state == "in_use"
    level = judged(item)
    who = (item.get("user_name") or item.get("user") or "Somebody") if in_use else ""
    verdict = verdict_of(item) if in_use else ""
    return Tile(
        key=f"{item['gym']}/{item['machine']}",
        state=state,
        state_word=STATES[state],
        who=who,
        href=f"/sessions/{item['session']}" if in_use and item.get("session") else None,
        depth=words.mm(item.get("depth_mm")) if in_use else "",
        verdict=verdict,
        level=level if in_use else "none",
        limit=limit_of(item) if in_use else "",
        load=load_of(item) if in_use else "",
        reps=reps_of(item) if in_use else "",
        machine=item["machine"],
        seen=words.moment(item.get("last_seen_at"), time_zone, now_us),
        track=track(item),
    )


def judged(item: Json) -> str:
    """How the set's deepest point stands to the limit: none, within, caution or over."""
    deepest, limit = item.get("deepest_mm"), item.get("limit_mm")
    if limit is None:
        return "none"
    if item.get("over") or (deepest is not None and deepest > limit):
        return "over"
    if deepest is not None and item.get("caution_mm") is not None and deepest >= item["caution_mm"]:
        return "caution"
    return "within"


def verdict_of(item: Json) -> str:
    """The set's deepest point against the limit, in words."""
    deepest, limit = item.get("deepest_mm"), item.get("limit_mm")
    if deepest is None:
        return "No rep in this set yet"
    if limit is None:
        return f"Deepest {words.mm(deepest)}"
    said = words.spare(deepest, limit)
    return said[:1].upper() + said[1:]


def limit_of(item: Json) -> str:
    """The limit, in words; one without a tier is where a protocol ends."""
    if item.get("limit_mm") is None:
        return "No limit set"
    return f"{'Limit' if item.get('limit_tier') else 'Protocol'} {words.mm(item['limit_mm'])}"


def load_of(item: Json) -> str:
    """The load, and whether the set has shown its member tired."""
    return f"{words.kg(item.get('load_kg'))}{' · tiring' if item.get('tired') else ''}"


def reps_of(item: Json) -> str:
    """Where the session stands: the set, and the reps in it."""
    if not item.get("reps"):
        return "No reps yet"
    return f"Set{words.NBSP}{words.number(item.get('set'))} · {words.count(item.get('set_reps') or 0, 'rep')}"


def track(item: Json) -> Track:
    """The drawing of one machine's rail."""
    limit, deepest, caution = item.get("limit_mm"), item.get("deepest_mm"), item.get("caution_mm")
    travel = item.get("travel_mm") or USUAL_TRAVEL_MM
    scale = max(travel, (limit or 0.0) * 1.05)
    in_use = item["state"] == "in_use"

    def place(depth_mm: float | None) -> float | None:
        return None if depth_mm is None else round(RAIL_TOP + RAIL_LENGTH * min(max(depth_mm / scale, 0.0), 1.0), 2)

    return Track(
        scale_mm=scale,
        sled=place(item.get("depth_mm") if in_use else 0.0) or RAIL_TOP,
        deepest=place(deepest) if in_use else None,
        caution=place(caution) if in_use else None,
        limit=place(limit) if in_use else None,
    )
