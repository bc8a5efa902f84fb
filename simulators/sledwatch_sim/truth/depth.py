"""What the depths of a session entail, from the definitions alone (docs/science.md, Depth)."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from sledwatch_sim.performing import TrueRep
from sledwatch_sim.truth.expected import Expected

# A sensor that is well is right to this; what it decides may be found either way.
DEPTH_TOLERANCE_MM: Final = 2.0
FAR_BEYOND_MM: Final = 30.0
CAUTION_MM: Final = 20.0
# Below this share of their best load a finding of depth is a note.
LIGHT_SHARE: Final = 0.3


def excessive_depth(reps: Iterable[TrueRep], limit_mm: float | None, best_load_kg: float = 0.0) -> Expected | None:
    """Two reps of a set past the calibrated limit, or one by more than 30 mm; None where that is not so.

    best_load_kg: of the 90 days before; loads far below it, or below the best of these reps, alert nobody.
    """
    reps = list(reps)
    if limit_mm is None or not reps:
        return None
    best_kg = max(best_load_kg, *(rep.load_kg for rep in reps))
    heavy = [rep for rep in reps if rep.load_kg >= LIGHT_SHARE * best_kg]
    for judged, severity in ((heavy, "alert"), (reps, "note")):
        holds = _excessive_by(judged, limit_mm)
        if holds(DEPTH_TOLERANCE_MM):
            return Expected("depth.excessive", severity, near=not holds(-DEPTH_TOLERANCE_MM))
    return None


def _excessive_by(reps: Iterable[TrueRep], limit_mm: float) -> Callable[[float], bool]:
    """Whether it holds when all depths are off by so much."""
    sets: dict[int, list[float]] = defaultdict(list)
    for rep in reps:
        sets[rep.set].append(rep.bottom_mm - limit_mm)

    def holds(error_mm: float) -> bool:
        over = [[depth + error_mm for depth in depths] for depths in sets.values()]
        return any(sum(d > 0 for d in depths) >= 2 or max(depths) > FAR_BEYOND_MM for depths in over)

    return holds


def caution(reps: Iterable[TrueRep], limit_mm: float | None, excessive: Expected | None) -> Expected | None:
    """From 20 mm before the limit on, short of excessive."""
    if limit_mm is None or (excessive is not None and not excessive.near):
        return None
    deepest_mm = max((rep.bottom_mm for rep in reps), default=0.0)
    over_mm = deepest_mm - (limit_mm - CAUTION_MM)
    if over_mm < -DEPTH_TOLERANCE_MM:
        return None
    return Expected("depth.caution", "note", near=excessive is not None or over_mm <= DEPTH_TOLERANCE_MM)
