"""What a session's page shows. Plain functions."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class SetRows:
    """The reps of one set."""

    title: str
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


def set_rows(reps: Sequence[Json]) -> list[SetRows]:
    """The rep table, by sets."""
    sets: dict[int, list[Json]] = {}
    for rep in reps:
        sets.setdefault(rep["set"], []).append(rep)
    return [
        SetRows(
            f"Set {number} · {words.kg(max(rep['load_kg'] for rep in of_set))} · {words.count(len(of_set), 'rep')}",
            tuple(_row(rep) for rep in of_set),
        )
        for number, of_set in sorted(sets.items())
    ]


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
    )
