"""What a member's page shows of depth limits: what holds where, as set, and every change. Plain functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sledwatch_web import words
from sledwatch_web.api import Json
from sledwatch_web.calibration import HOW
from sledwatch_web.gyms import Gyms
from sledwatch_web.words import Moment

# Machines whose limit in force a member's page asks for: more are used by hardly anybody.
MACHINES: Final = 8
TIER_WORDS: Final = {
    "calibrated": "calibrated",
    "transferred": "transferred",
    "estimated": "estimated",
    "own-history": "own history",
}
_MOVED: Final = {
    "pitch": "by the pitch of the seat",
    "geometry": "by geometry: the hip is bent as far",
    "as-set": "as it is, though the backrest stood otherwise",
}


@dataclass(frozen=True, slots=True)
class Force:
    """The limit that holds on a machine as the member last sat there. tier: empty where there is none."""

    machine: str
    gym: str
    setup: str
    limit: str
    tier: str
    source: str
    angles: str
    told: str
    refused: tuple[str, ...]
    href: str


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A limit as it was set. from_href: the session in which it was found."""

    where: str
    holds_for: str
    limit: str
    how: str
    from_href: str
    set_by: str
    set_at: Moment | None
    note: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change of a limit."""

    at: Moment | None
    what: str
    where: str
    holds_for: str
    how: str
    from_href: str
    by: str
    note: str


def machines_of(limits: Sequence[Json], sessions: Sequence[Json]) -> list[tuple[str, str]]:
    """The machines that a member trains on or has limits on: gym and name."""
    used = [(one["gym"], one["machine"]) for one in [*limits, *sessions]]
    return list(dict.fromkeys(used))[:MACHINES]


def force_of(in_force: Json, user: str, gyms: Gyms) -> Force:
    """A limit in force of the API."""
    setup, limit_mm = in_force.get("setup"), in_force.get("limit_mm")
    angles = ""
    if in_force.get("knee_deg") is not None and in_force.get("hip_deg") is not None:
        angles = (
            f"knee about {words.number(in_force['knee_deg'])}°, hip {words.number(in_force['hip_deg'])}° there, "
            f"±{words.NBSP}{words.number(in_force['angle_error_deg'])}°"
        )
    told = ""
    if in_force.get("told_by") == "protocol":
        told = f"The machine is told {words.mm(in_force['told_mm'])}, where the protocol ends."
    return Force(
        machine=in_force["machine"],
        gym=gyms.name(in_force["gym"]),
        setup="" if setup is None else f"notch {setup['notch']}, foot row {setup['foot_row']}",
        limit=words.mm(limit_mm),
        tier=TIER_WORDS.get(in_force.get("tier") or "", in_force.get("tier") or ""),
        source=_source(in_force, gyms),
        angles=angles,
        told=told,
        refused=tuple(in_force["refused"]),
        href=f"/members/{user}/calibrate/{in_force['gym']}/{in_force['machine']}",
    )


def _source(in_force: Json, gyms: Gyms) -> str:
    moved = in_force.get("transferred_from")
    if moved is None:
        return ""
    here = (moved["gym"], moved["machine"]) == (in_force["gym"], in_force["machine"])
    place = "this machine" if here else f"{moved['machine']}, {gyms.name(moved['gym'])}"
    notch = "" if moved.get("notch") is None else f", notch {moved['notch']}"
    row = "" if moved.get("foot_row") is None else f", foot row {moved['foot_row']}"
    error = in_force.get("error_mm")
    known = "" if error is None else f", ±{words.NBSP}{words.mm(error)}"
    return f"from {place}{notch}{row}, {_MOVED.get(moved['by'], moved['by'])}{known}"


def limit_rows(limits: Sequence[Json], gyms: Gyms, now_us: int) -> list[LimitRow]:
    """A member's depth limits as they were set."""
    return [
        LimitRow(
            where=f"{one['machine']}, {gyms.name(one['gym'])}",
            holds_for=_holds_for(one),
            limit=words.mm(one["limit_mm"]),
            how=HOW.get(one["how"], ""),
            from_href=_from_href(one),
            set_by=one["set_by"],
            set_at=words.moment(one["set_at"], gyms.time_zone(one["gym"]), now_us),
            note=one.get("note") or "",
        )
        for one in limits
    ]


def change_rows(changes: Sequence[Json], gyms: Gyms, now_us: int) -> list[ChangeRow]:
    """Changes of several machines, the newest first."""
    return [
        ChangeRow(
            at=words.moment(one["changed_at"], gyms.time_zone(one["gym"]), now_us),
            what=f"{words.mm(one['limit_mm'])} {'set' if one['change'] == 'set' else 'taken away'}",
            where=f"{one['machine']}, {gyms.name(one['gym'])}",
            holds_for=_holds_for(one),
            how=HOW.get(one["how"], "") if one["change"] == "set" else "",
            from_href=_from_href(one) if one["change"] == "set" else "",
            by=one["changed_by"],
            note=one.get("note") or "",
        )
        for one in sorted(changes, key=lambda one: str(one["changed_at"]), reverse=True)
    ]


def _from_href(limit: Json) -> str:
    session = (limit.get("from_rep") or {}).get("session") or limit.get("session")
    return f"/sessions/{session}" if session else ""


def _holds_for(limit: Json) -> str:
    notch, row = limit.get("notch"), limit.get("foot_row")
    if notch is None and row is None:
        return "every notch and foot row"
    return ", ".join(
        [
            f"seat notch {notch}" if notch is not None else "every seat notch",
            f"foot row {row}" if row is not None else "every foot row",
        ]
    )
