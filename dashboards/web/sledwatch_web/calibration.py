"""What the pages of a calibration visit show. Plain functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sledwatch_web import words
from sledwatch_web.api import Json
from sledwatch_web.gyms import Gyms
from sledwatch_web.sessions import setup_words
from sledwatch_web.tiles import STATES
from sledwatch_web.words import Moment

# A frame takes 10 s at the most: a machine that is silent for longer sends nothing (judgement).
SILENT_S: Final = 12
TOLD: Final = {
    "anew": "Begun anew: what the sled did before no longer counts.",
    "cancelled": "The visit is cancelled. Limits stay as they were.",
    "set": "The limit is set.",
    "over": "The visit is over: somebody confirmed or cancelled it, or two hours went by.",
}
# What a limit comes from, as the history says it.
HOW: Final = {
    "figure": "typed in",
    "rep": "taken from a rep",
    "calibration": "confirmed in a calibration visit",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A machine that can be chosen. here: the member is badged in on it."""

    href: str
    machine: str
    gym: str
    said: str
    limit: str
    here: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit under way. depth: the figure alone. near: how the load is, ok | heavy | unknown | none.

    latest_mm, deepest_mm: whole millimetres, to confirm.
    """

    awaiting: str
    says: str
    depth: str
    load: str
    near: str
    near_word: str
    latest: str
    latest_mm: int | None
    latest_key: str
    deepest: str
    deepest_mm: int | None
    setup: str
    warnings: tuple[str, ...]
    begun_by: str
    begun: Moment | None
    ends: Moment | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The limit as it stands when no visit is under way, and whether the machine knows it. told: yes | later | none."""

    limit: str
    tier: str
    who: str
    how: str
    at: Moment | None
    told: str
    told_word: str


def places(halls: Sequence[tuple[Json, Sequence[Json]]], user: str, limits: Sequence[Json]) -> list[Place]:
    """All machines: first the one that the member is on, then those with a limit of theirs, then the others.

    halls: gyms, each with its machines as the floor shows them.
    """
    limited: dict[tuple[str, str], list[float]] = {}
    for one in limits:
        limited.setdefault((one["gym"], one["machine"]), []).append(one["limit_mm"])
    found = []
    for gym, machines in halls:
        for item in machines:
            here = item["state"] == "in_use" and item.get("user") == user
            theirs = limited.get((gym["gym"], item["machine"]), [])
            state = STATES.get(item["state"], "")
            found.append(
                Place(
                    href=f"/members/{user}/calibrate/{gym['gym']}/{item['machine']}",
                    machine=item["machine"],
                    gym=gym.get("name") or gym["gym"],
                    said="Badged in here" if here else state,
                    limit=" and ".join(words.mm(mm) for mm in theirs),
                    here=here,
                )
            )
    return sorted(found, key=lambda one: (not one.here, not one.limit))


def visit_of(calibration: Json, machine: Json, name: str, time_zone: str | None, now_us: int) -> Visit:
    """A visit of the API. machine: its item of the floor. name: of the member."""
    latest, deepest = calibration.get("latest"), calibration.get("deepest")
    load_kg, near_empty = calibration.get("load_kg"), calibration.get("near_empty")
    near, near_word = _NEAR[None if load_kg is None else near_empty] if load_kg is not None else ("none", "")
    return Visit(
        awaiting=calibration["awaiting"],
        says=calibration["says"],
        depth=words.number(calibration.get("depth_mm")),
        load=words.kg(load_kg),
        near=near,
        near_word=near_word,
        latest=_bottom(latest),
        latest_mm=None if latest is None else round(latest["depth_mm"]),
        latest_key="" if latest is None else f"{latest.get('set')}-{latest.get('rep')}",
        deepest=_bottom(deepest),
        deepest_mm=None if deepest is None else round(deepest["depth_mm"]),
        setup=setup_words(calibration.get("setup")),
        warnings=tuple(
            words.keep_units(one)
            for one in [*_of_machine(calibration, machine, name, now_us), *calibration["warnings"]]
        ),
        begun_by=calibration["begun_by"],
        begun=words.moment(calibration["begun_at"], time_zone, now_us),
        ends=words.moment(calibration["ends_at"], time_zone, now_us),
    )


_NEAR: Final[Mapping[bool | None, tuple[str, str]]] = {
    True: ("ok", "near-empty"),
    False: ("heavy", "too heavy"),
    None: ("unknown", "not known whether near-empty"),
}


def _bottom(bottom: Json | None) -> str:
    return words.NOTHING if bottom is None else words.mm(bottom["depth_mm"])


def _of_machine(calibration: Json, machine: Json, name: str, now_us: int) -> list[str]:
    """What speaks against confirming that only the floor knows."""
    if machine["state"] == "offline":
        return [f"{machine['machine']} is offline: nothing of it can be seen."]
    if machine["state"] != "in_use":
        return []
    if machine.get("user") != calibration["user"]:
        other = machine.get("user_name") or machine.get("user") or "Somebody else"
        return [f"{other} is badged in on {machine['machine']}: have {name} badge in instead."]
    seen = machine.get("last_seen_at")
    silent_s = 0.0 if seen is None else now_us / 1e6 - words.parse_at(seen).timestamp()
    return [f"No data from {machine['machine']} for {words.duration(silent_s)}."] if silent_s > SILENT_S else []


def point_of(calibration: Json | None, wanted_mm: float) -> Json:
    """How a confirmed depth is told to the API: by the bottom that was shown, so that its rep stays on record.

    calibration: the visit as it stands now; a bottom of another depth than the wanted one is not meant.
    """
    for point in ("latest", "deepest"):
        bottom = (calibration or {}).get(point)
        if bottom is not None and round(bottom["depth_mm"]) == wanted_mm:
            return {"point": point}
    return {"depth_mm": wanted_mm}


def outcome(in_force: Json, change: Json | None, machine: Json, user: str, gyms: Gyms, now_us: int) -> Outcome | None:
    """The limit that holds now; None where there is none. change: the newest of the member's on that machine."""
    if in_force.get("limit_mm") is None:
        return None
    told, told_word = _told(in_force, machine, user)
    latest = change if change is not None and change["change"] == "set" else None
    zone = gyms.time_zone(in_force["gym"])
    return Outcome(
        limit=words.mm(in_force["limit_mm"]),
        tier=words.tier(in_force.get("tier")),
        who=latest["changed_by"] if latest else "",
        how=HOW.get(latest["how"], "") if latest else "",
        at=words.moment(latest["changed_at"], zone, now_us) if latest else None,
        told=told,
        told_word=told_word,
    )


def _told(in_force: Json, machine: Json, user: str) -> tuple[str, str]:
    """Whether the machine itself warns by this limit already."""
    name, told_mm = machine["machine"], in_force.get("told_mm")
    if machine["state"] != "in_use" or machine.get("user") != user or told_mm is None:
        return "later", f"{name} is told when they badge in next."
    at_machine = machine.get("limit_mm")
    if at_machine is None or abs(at_machine - told_mm) > 0.05:
        return "later", f"{name} is about to be told."
    if in_force.get("told_by") == "protocol":
        return "yes", f"{name} was told {words.mm(told_mm)}: that is where the protocol ends."
    caution = words.mm(machine.get("caution_mm"))
    return "yes", f"{name} was told: it says caution from {caution} on, and warns past {words.mm(told_mm)}."
