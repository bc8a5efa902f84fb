"""What a session's page shows. Plain functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sledwatch_web import charts, words
from sledwatch_web.alerts import SHARED_BADGE, sets_href
from sledwatch_web.api import Json


@dataclass(frozen=True, slots=True)
class RepRow:
    """A line of the rep table: figures with their comparison."""

    key: str
    rep: int
    depth: str
    against: str
    kind: str  # within | over | unsure
    reason: str
    load: str
    tempo: str
    rom: str
    velocity: str
    loss: str
    work: str
    limit_href: str
    technique: str


@dataclass(frozen=True, slots=True)
class SetRows:
    """The reps of one set. said: how it went as a whole, where there is something to say."""

    title: str
    said: str
    rows: tuple[RepRow, ...]


def limit_of(session: Json, reps: Sequence[Json]) -> tuple[float | None, str | None]:
    """The limit that the session is judged by, and where it comes from; of a live one, that of its latest rep."""
    limited = [rep for rep in reps if rep.get("limit_mm") is not None]
    if session.get("limit_mm") is not None or not limited:
        return session.get("limit_mm"), session.get("limit_tier")
    return limited[-1]["limit_mm"], limited[-1].get("limit_tier")


def verdict(reps: Sequence[Json], limit: float | None, state: str) -> tuple[str, str]:
    """What the session comes to, in one sentence, and its level (none, within or over)."""
    whose = words.mm(limit)
    if not reps:
        return ("No rep found yet." if state == "live" else "No rep was found in this session."), "none"
    counted = words.count(len(reps), "rep")
    if limit is None:
        deepest = max(rep["depth_mm"] for rep in reps)
        return f"{counted}, the deepest {words.mm(deepest)}. No depth limit is set for this machine.", "none"
    over = [rep for rep in reps if charts.rep_kind(rep) == "over"]
    if over:
        furthest = words.apart(max(rep["over_mm"] for rep in over)) or words.mm(0)
        past = f"{words.number(len(over))} of {counted}"
        return f"{past} went past the limit of {whose}, by up to {furthest}.", "over"
    deepest = max(rep["depth_mm"] for rep in reps)
    return f"All {counted} stayed within the limit of {whose}; the deepest came to {words.mm(deepest)}.", "within"


def set_rows(reps: Sequence[Json], figures: Sequence[Json] = ()) -> list[SetRows]:
    """The rep table, by sets. figures: how each set went, as the API has it."""
    went = {one["set"]: one for one in figures}
    sets: dict[int, list[Json]] = {}
    for rep in reps:
        sets.setdefault(rep["set"], []).append(rep)
    return [
        SetRows(
            f"Set {number} · {words.kg(max(rep['load_kg'] for rep in of_set))} · {words.count(len(of_set), 'rep')}",
            _said_of(went.get(number)),
            tuple(_row(rep) for rep in of_set),
        )
        for number, of_set in sorted(sets.items())
    ]


def _said_of(figures: Json | None) -> str:
    """A set as a whole: its share of the 1RM, and whether somebody tired in it."""
    if figures is None:
        return ""
    share = figures.get("pct_1rm")
    tired = "deeper and slower towards the end" if figures["fatigue"] else ""
    near = "near failure by its speed" if figures["near_failure"] else ""
    parts = ["" if share is None else f"{words.quantity(share, '%')} of the estimated 1RM", tired, near]
    return " · ".join(part for part in parts if part)


def strength_words(session: Json) -> tuple[str, str]:
    """The estimated 1RM as of a session, and what it rests on; empty where there is none."""
    strength = session.get("strength")
    if strength is None:
        return "", ""
    error_kg = strength.get("error_kg")
    basis = _BASES.get(strength["method"], "")
    guess = ", a guess" if strength["guess"] else ""
    known = "" if error_kg is None else f"±{words.NBSP}{words.kg(round(error_kg))}, "
    return words.kg(round(strength["e1rm_kg"])), f"{known}{basis}{guess}"


_BASES: Final = {"line": "by their own speeds", "equation": "by published speeds", "reps": "by the reps of a set"}
# What is seen of a rep's technique, in a word or two.
TECHNIQUE: Final = {"bounce": "bounced", "dropped": "dropped", "lock-out": "locked out at speed"}
# Less between the feet is nothing to speak of (the rule's own threshold looks at many reps).
UNEVEN_PCT: Final = 10.0


def _technique(rep: Json) -> str:
    said = [TECHNIQUE.get(one, one) for one in rep.get("technique") or ()]
    left, right, uneven = rep.get("left_n"), rep.get("right_n"), rep.get("asymmetry_pct")
    if uneven is not None and uneven > UNEVEN_PCT and left is not None and right is not None:
        said.append(f"{'left' if left < right else 'right'} leg {words.quantity(-uneven, '%')}")
    return ", ".join(said)


def sets_address(session: Json) -> str:
    """Where to say whose sets they were; empty where nothing can be said."""
    if session["state"] != "closed" or session.get("source") != "samples":
        return ""
    asked = next((one for one in session["findings"] if one["rule"] == SHARED_BADGE), None)
    return sets_href(asked) if asked else f"/sessions/{session['session']}/sets"


def setup_words(setup: Json | None) -> str:
    """How seat and feet are set."""
    if not setup:
        return ""
    parts = [f"seat notch {setup['notch']}", f"foot row {setup['foot_row']}"]
    if setup.get("backrest_deg") is not None:
        parts.append(f"backrest {words.number(setup['backrest_deg'])}°")
    return ", ".join(parts)


def _row(rep: Json) -> RepRow:
    kind = charts.rep_kind(rep)
    against = words.against_limit(rep["depth_mm"], rep.get("limit_mm"))
    loss = rep.get("velocity_loss_pct")
    return RepRow(
        key=f"{rep['set']}-{rep['rep']}",
        rep=rep["rep"],
        depth=words.mm(rep["depth_mm"]),
        against=against if against.startswith("at") else against.removesuffix(" the limit"),
        kind=kind,
        reason=rep.get("quality_reason") or "",
        load=words.kg(rep["load_kg"]),
        tempo=f"{words.number(rep['eccentric_s'], 1)} / {words.quantity(rep['concentric_s'], 's', 1)}",
        rom=words.mm(rep["rom_mm"]),
        velocity=words.quantity(rep.get("mean_velocity_m_s"), "m/s", 2),
        loss="" if loss is None else "best" if round(loss) <= 0 else f"{words.number(-loss)}{words.NBSP}%",
        work=words.energy(rep.get("work_j")),
        limit_href=f"/sessions/{rep['session']}/limit?set={rep['set']}&rep={rep['rep']}",
        technique=_technique(rep),
    )
