"""What two people on one badge entail (docs/science.md, Shared badges)."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from sledwatch_sim.performing import TrueRep
from sledwatch_sim.truth.expected import Expected

# Bottoms this far apart are two patterns whatever the load; a measurement that is right may judge less either way.
CLEAR_MM: Final = 55.0
LEAST_SETS: Final = 2
LEAST_TURNS: Final = 3


def two_on_a_badge(reps: Sequence[TrueRep]) -> Expected | None:
    """That two people did the sets of a session, in two patterns; None where one person did them all."""
    bottoms: dict[bool, dict[int, list[float]]] = {True: defaultdict(list), False: defaultdict(list)}
    for rep in reps:
        bottoms[rep.friends][rep.set].append(rep.bottom_mm)
    if not all(bottoms.values()):
        return None
    theirs, friends = ([median(mm) for mm in bottoms[whose].values()] for whose in (False, True))
    apart_mm = max(min(theirs) - max(friends), min(friends) - max(theirs))
    whose_turn = [rep.friends for rep in reps]
    turns = sum(before != after for before, after in pairwise(whose_turn))
    clear = apart_mm >= CLEAR_MM and turns >= LEAST_TURNS and min(len(theirs), len(friends)) >= LEAST_SETS
    return Expected("badge.shared", "warn", near=not clear)
