"""What each foot pressed with, where the footplate has a force sensor on each side, and what that says of friction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sledwatch.events import Rep

# Judgement: as many samples of a phase tell its mean, if most of it is there.
_LEAST_SAMPLES: Final = 5
_LEAST_SHARE: Final = 0.5
# Judgement: as many reps tell a machine's friction.
FRICTION_REPS: Final = 5


@dataclass(frozen=True, slots=True)
class FootForces:
    """Mean forces on the footplate in newtons: of each foot on the way up, of both together on the way down."""

    left_n: float
    right_n: float
    lowering_n: float | None

    @property
    def asymmetry_pct(self) -> float | None:
        """100 (max − min) / max; None where neither foot pressed."""
        most = max(self.left_n, self.right_n)
        return 100.0 * (most - min(self.left_n, self.right_n)) / most if most > 0 else None


def foot_forces(
    t_us: ArrayLike, feet_n: ArrayLike, phases: Iterable[tuple[int, float, float, int]]
) -> list[FootForces | None]:
    """The forces of each rep; None where most samples of its way up are missing.

    t_us: int64, ascending. feet_n: float64, a row for the left foot and one for the right, newtons, NaN where missing.
    phases: of each rep its start (µs), the seconds of its way down and of its way up, and its end (µs).
    """
    times = np.asarray(t_us, dtype=np.int64)
    sides = np.asarray(feet_n, dtype=np.float64)
    found: list[FootForces | None] = []
    for start_us, down_s, up_s, end_us in phases:
        pushing = _mean(times, sides, end_us - round(up_s * 1e6), end_us)
        lowering = _mean(times, sides, start_us, start_us + round(down_s * 1e6))
        if pushing is None:
            found.append(None)
        else:
            both = None if lowering is None else float(lowering.sum())
            found.append(FootForces(float(pushing[0]), float(pushing[1]), both))
    return found


def friction_n(reps: Sequence[Rep], forces: Sequence[FootForces | None]) -> float | None:
    """A machine's friction along the rails, N: half of what pushing takes more than lowering; the median of sure reps.

    Usually that is measured at a slow, constant speed. Here a phase begins and ends at the same speed, so what inertia
    adds to the force and takes from it are the same over its duration: the mean force is weight and friction, at any
    speed. None with fewer than 5 reps (judgement). reps, forces: as many, in the same order.
    """
    found = [
        (force.left_n + force.right_n - force.lowering_n) / 2.0
        for rep, force in zip(reps, forces, strict=True)
        if rep.quality == "ok" and force is not None and force.lowering_n is not None
    ]
    return float(np.median(found)) if len(found) >= FRICTION_REPS else None


def _mean(times: NDArray[np.int64], sides: NDArray[np.float64], from_us: int, to_us: int) -> NDArray[Any] | None:
    """The mean of each side from one time to another; None where most is missing."""
    begin, stop = np.searchsorted(times, [from_us, to_us + 1])
    part = sides[:, begin:stop]
    there = part[:, ~np.isnan(part).any(axis=0)]
    if there.shape[1] < max(_LEAST_SAMPLES, _LEAST_SHARE * part.shape[1]):
        return None
    mean: NDArray[Any] = there.mean(axis=1)
    return mean
