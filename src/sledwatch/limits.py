"""A member's depth limit: where it comes from, and how well it is known; strength from reps to failure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from sledwatch.events import Setup, Tier

# Judgement, all of them: settings that are shown to the trainer as defaults.
CAUTION_BEFORE_MM: Final = 20.0
OWN_HISTORY_REPS: Final = 20
OWN_HISTORY_LEAST_MM: Final = 25.0
LIGHT_SHARE: Final = 0.30
# Beyond ten reps both formulas overestimate on a leg press.
MAX_REPS_TO_FAILURE: Final = 10

ANY: Final = -1


@dataclass(frozen=True, slots=True)
class DepthLimit:
    """How far a member's sled may come, and how well we know it.

    limit_mm: sled travel from the rack, in millimetres. tier: where the limit comes from; findings repeat it.
    version: of the stored limit that it comes from.
    """

    limit_mm: float
    tier: Tier
    version: int

    @property
    def caution_mm(self) -> float:
        """The depth from which on the member is told that the limit is near."""
        return self.limit_mm - CAUTION_BEFORE_MM


@dataclass(frozen=True, slots=True)
class SetLimit:
    """A limit that a trainer set for a member: on one machine, for a notch and a foot row, or for any (-1)."""

    gym: str
    machine: str
    notch: int
    foot_row: int
    limit_mm: float
    version: int


@dataclass(frozen=True, slots=True)
class OwnHistory:
    """What depth is usual for a member on a machine: median and spread (MAD) of `reps` earlier bottoms."""

    median_mm: float
    mad_mm: float
    reps: int

    @property
    def threshold_mm(self) -> float:
        """Deeper than this is unusual: 3 robust standard deviations past the median, 25 mm at least."""
        return self.median_mm + max(3 * 1.4826 * self.mad_mm, OWN_HISTORY_LEAST_MM)


def resolve(
    set_limits: Sequence[SetLimit], gym: str, machine: str, setup: Setup | None, notch_mm: float | None
) -> DepthLimit | None:
    """The calibrated limit that holds for a session, or the nearest that can be carried over; None where there is none.

    Set for this notch and foot row, then for this notch, then for this row, then for all. Else one that was set at
    another notch of this machine, for the same foot row or any, moves with the seat: the limit keeps the hip as far
    from the footplate, and a notch takes it `notch_mm` away. Such a limit is "transferred"; the nearest notch serves,
    of two the one with the smaller result. Foot rows change the leg's angle, so nothing is carried across them.

    setup: how the seat is set, None where unknown: then only a limit for all notches and rows holds.
    """
    here = {
        (known.notch, known.foot_row): known for known in set_limits if (known.gym, known.machine) == (gym, machine)
    }
    if setup is None:
        exact = here.get((ANY, ANY))
        return None if exact is None else DepthLimit(exact.limit_mm, "calibrated", exact.version)
    for key in ((setup.notch, setup.foot_row), (setup.notch, ANY), (ANY, setup.foot_row), (ANY, ANY)):
        if key in here:
            return DepthLimit(here[key].limit_mm, "calibrated", here[key].version)
    if notch_mm is None:
        return None
    moved = [
        (abs(known.notch - setup.notch), known.limit_mm + (setup.notch - known.notch) * notch_mm, known.version)
        for (_, row), known in here.items()
        if row in {setup.foot_row, ANY}
    ]
    reachable = [candidate for candidate in moved if candidate[1] > 0]
    if not reachable:
        return None
    _, limit_mm, version = min(reachable)
    return DepthLimit(limit_mm, "transferred", version)


def own_history(depths_mm: ArrayLike) -> OwnHistory | None:
    """What the bottoms of earlier reps on one machine say; None with fewer than 20 of them.

    depths_mm: one-dimensional, in millimetres; missing ones (NaN) are left out.
    """
    depths = np.asarray(depths_mm, dtype=np.float64)
    depths = depths[np.isfinite(depths)]
    if depths.size < OWN_HISTORY_REPS:
        return None
    median_mm = float(np.median(depths))
    return OwnHistory(median_mm, float(np.median(np.abs(depths - median_mm))), int(depths.size))


def is_light(load_kg: float, reference_kg: float | None) -> bool:
    """Whether a load is too light for a depth finding to be more than a note: below 30 % of the reference.

    reference_kg: the member's e1RM, or the best load in 90 days on that machine; None where neither is known, and then
    no load is called light.
    """
    return reference_kg is not None and load_kg < LIGHT_SHARE * reference_kg


def brzycki(load_kg: float, reps: int) -> float | None:
    """One-repetition maximum in kg from reps to failure, 36 Q / (37 − n) (Brzycki 1993); None past 10 reps.

    One rep to failure gives Q itself. Raises ValueError below one rep.
    """
    return _refused(reps, load_kg, load_kg * 36 / (37 - reps) if reps <= MAX_REPS_TO_FAILURE else None)


def epley(load_kg: float, reps: int) -> float | None:
    """One-repetition maximum in kg from reps to failure, Q (1 + 0.0333 n) (Epley 1985); None past 10 reps.

    One rep to failure gives Q itself. Raises ValueError below one rep.
    """
    return _refused(reps, load_kg, load_kg * (1 + 0.0333 * reps))


def _refused(reps: int, load_kg: float, estimate_kg: float | None) -> float | None:
    if reps < 1:
        raise ValueError(f"{reps} reps to failure: expected 1 or more")
    if reps > MAX_REPS_TO_FAILURE:
        return None
    return load_kg if reps == 1 else estimate_kg
