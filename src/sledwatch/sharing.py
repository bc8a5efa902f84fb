"""Whether one badge was used by two people: the sets of a session that fall into two clearly different patterns."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean, median, variance
from typing import Final

from sledwatch.events import Rep

# Judgement, all of them. A person's own sets differ too: deeper when tired, shallower when heavy.
LEAST_SETS: Final = 2
LEAST_REPS: Final = 3
# How far apart bottoms must lie, where load or rack point tell the same story, and where nothing else does …
DEPTH_MM: Final = 25.0
DEPTH_ALONE_MM: Final = 50.0
# … and by how many times the spread within the sets.
SPREADS: Final = 3.0
RACK_POINT_MM: Final = 12.0
LOAD_RATIO: Final = 1.25
# Who warms up and cools down has two patterns as well; two people take turns.
LEAST_TURNS: Final = 3


@dataclass(frozen=True, slots=True)
class Pattern:
    """What some sets of a session have in common: medians over their sure reps.

    depth_mm: of the bottoms; rack_point_mm: where reps end, sled travel from the rack; load_kg.
    """

    sets: tuple[int, ...]
    reps: int
    depth_mm: float
    rack_point_mm: float
    load_kg: float


@dataclass(frozen=True, slots=True)
class TwoPatterns:
    """The sets of a session in two groups, that of its first set first.

    tells: what separates them, of depth, rack point and load. turns: how often one follows the other.
    """

    first: Pattern
    second: Pattern
    tells: tuple[str, ...]
    turns: int


@dataclass(frozen=True, slots=True)
class _Set:
    number: int
    reps: list[Rep]
    depth_mm: float
    rack_point_mm: float
    load_kg: float


def two_patterns(reps: Sequence[Rep]) -> TwoPatterns | None:
    """Look for two people on one badge (docs/science.md, Shared badges); None where one person explains the session.

    reps: of one session; those of quality unsure, and sets with fewer than three sure reps, say nothing.

    The bottoms separate the sets: the widest gap between sets, at least 25 mm and three times the spread within them.
    Load (by a quarter) or rack point (by 12 mm) must part the sets into the same two groups, unless the gap is 50 mm;
    each group has two sets or more, and they take turns: one group follows the other at least three times.
    """
    sets = _sets(reps)
    if len(sets) < 2 * LEAST_SETS:
        return None
    by_depth = sorted(sets, key=lambda one: one.depth_mm)
    gap_mm, at = max((b.depth_mm - a.depth_mm, n) for n, (a, b) in enumerate(pairwise(by_depth), 1))
    groups = (by_depth[:at], by_depth[at:])
    if min(len(group) for group in groups) < LEAST_SETS:
        return None
    if gap_mm < max(DEPTH_MM, SPREADS * _spread(sets, lambda rep: rep.depth_mm)):
        return None
    tells = ["depth"]
    racks = _parted([[one.rack_point_mm for one in group] for group in groups])
    if racks and racks[1] - racks[0] >= RACK_POINT_MM:
        tells.append("rack point")
    loads = _parted([[one.load_kg for one in group] for group in groups])
    if loads and loads[1] >= LOAD_RATIO * loads[0]:
        tells.append("load")
    if len(tells) == 1 and gap_mm < DEPTH_ALONE_MM:
        return None
    shallow = {one.number for one in groups[0]}
    turns = sum((a.number in shallow) != (b.number in shallow) for a, b in pairwise(sets))
    if turns < LEAST_TURNS:
        return None
    first, second = groups if sets[0].number in shallow else (groups[1], groups[0])
    return TwoPatterns(_pattern(first), _pattern(second), tuple(tells), turns)


def _sets(reps: Sequence[Rep]) -> list[_Set]:
    of_set: defaultdict[int, list[Rep]] = defaultdict(list)
    for rep in reps:
        if rep.quality == "ok":
            of_set[rep.set].append(rep)
    return [
        _Set(
            number,
            sure,
            median(rep.depth_mm for rep in sure),
            median(rep.depth_mm - rep.rom_mm for rep in sure),
            median(rep.load_kg for rep in sure),
        )
        for number, sure in sorted(of_set.items())
        if len(sure) >= LEAST_REPS
    ]


def _pattern(group: Sequence[_Set]) -> Pattern:
    reps = [rep for one in group for rep in one.reps]
    return Pattern(
        sets=tuple(sorted(one.number for one in group)),
        reps=len(reps),
        depth_mm=median(rep.depth_mm for rep in reps),
        rack_point_mm=median(rep.depth_mm - rep.rom_mm for rep in reps),
        load_kg=median(rep.load_kg for rep in reps),
    )


def _parted(groups: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """The medians of two groups, the lower first; None where the groups overlap."""
    low, high = sorted(groups, key=median)
    return (median(low), median(high)) if max(low) < min(high) else None


def _spread(sets: Sequence[_Set], of: Callable[[Rep], float]) -> float:
    """Standard deviation within the sets, pooled."""
    return sqrt(fmean(variance([of(rep) for rep in one.reps]) for one in sets))
