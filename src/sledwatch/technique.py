"""How somebody moved the sled: faults of single reps, how a set went, and whether both legs pressed alike.

Notes for a trainer, and nothing more: none of these is a measure of harm. Reps of quality unsure never count.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

import numpy as np

from sledwatch.events import Rep

# Judgement, all of the next seven.
BOUNCE_M_S2: Final = 10.0
DROPPED_M_S: Final = 1.2
LOCK_OUT_M_S: Final = 0.3
# Of a push that lasts less than this share of its phase, something else than gravity stopped the sled.
PUSHED_SHARE: Final = 0.98
# A hard turn after which the sled stands this long was no bounce: something stopped it.
STOPPED_S: Final = 0.2
# A trend needs as many reps, and the bottom has to come so much deeper over the set: as far as caution reaches.
TREND_REPS: Final = 4
DEEPER_MM: Final = 20.0
# Loss of velocity within a set: noteworthy, and near failure (Sánchez-Medina & González-Badillo 2011).
SLOWER_PCT: Final = 20.0
NEAR_FAILURE_PCT: Final = 40.0
# Between the legs, in per cent of the stronger one (judgement); fewer reps say nothing of somebody's own variability.
ASYMMETRY_PCT: Final = 10.0
STRONG_ASYMMETRY_PCT: Final = 15.0
ASYMMETRY_REPS: Final = 5

Fault = Literal["bounce", "dropped", "lock-out"]
Side = Literal["left", "right"]


def faults(rep: Rep) -> tuple[Fault, ...]:
    """What a sure rep shows of poor technique (judgement).

    bounce: braked at the turn by more than 10 m/s². dropped: the sled came down faster than 1.2 m/s, or was met by the
    stops, that is braked as hard and then stood for 0.2 s or more. lock-out: faster than 0.3 m/s within 20 mm of the
    set's smallest depth, and stopped there by more than gravity, which is by straight legs or the stop: a brisk push
    that slows down by itself is as fast 20 mm before its end. Below 30 Hz none of them can be told.
    """
    if rep.quality != "ok":
        return ()
    found: list[Fault] = []
    hard = (rep.turn_deceleration_m_s2 or 0.0) > BOUNCE_M_S2
    stood = (rep.bottom_dwell_s or 0.0) >= STOPPED_S
    if hard and not stood:
        found.append("bounce")
    if (rep.eccentric_peak_velocity_m_s or 0.0) > DROPPED_M_S or (hard and stood):
        found.append("dropped")
    pushed_s = rep.concentric_s if rep.propulsive_s is None else rep.propulsive_s
    if (rep.lockout_velocity_m_s or 0.0) > LOCK_OUT_M_S and pushed_s < PUSHED_SHARE * rep.concentric_s:
        found.append("lock-out")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class SetTrend:
    """How a set went, by its sure reps.

    load_kg: at its first one. velocity_loss_pct: of the last one. drift_mm_per_rep: how much deeper the bottom came
    with each (least squares); drift_error_mm_per_rep: its standard error. None where too few reps tell.
    """

    set: int
    reps: int
    load_kg: float
    best_velocity_m_s: float | None
    velocity_loss_pct: float | None
    drift_mm_per_rep: float | None
    drift_error_mm_per_rep: float | None

    @property
    def deeper_mm(self) -> float | None:
        """How much deeper the last rep was than the first, by the line through all of them."""
        return None if self.drift_mm_per_rep is None else self.drift_mm_per_rep * (self.reps - 1)

    @property
    def near_failure(self) -> bool:
        """Whether the last rep was slower than the best by more than 40 % (Sánchez-Medina & González-Badillo 2011).

        Holds for reps that are all pushed as fast as can be.
        """
        return (self.velocity_loss_pct or 0.0) > NEAR_FAILURE_PCT

    @property
    def fatigue(self) -> bool:
        """Deeper and slower together (judgement): by 20 mm or more over the set, and by 20 % or more at its end.

        The drift has to be twice its standard error, so that a spread of bottoms is none.
        """
        if self.drift_mm_per_rep is None or self.drift_error_mm_per_rep is None:
            return False
        deeper = (self.deeper_mm or 0.0) >= DEEPER_MM and self.drift_mm_per_rep > 2 * self.drift_error_mm_per_rep
        return deeper and (self.velocity_loss_pct or 0.0) >= SLOWER_PCT


def set_trends(reps: Iterable[Rep]) -> list[SetTrend]:
    """The sets of a session by their sure reps, ascending; sets without one are left out."""
    of_set: defaultdict[int, list[Rep]] = defaultdict(list)
    for rep in reps:
        if rep.quality == "ok":
            of_set[rep.set].append(rep)
    return [set_trend(of_set[number]) for number in sorted(of_set)]


def set_trend(reps: Sequence[Rep]) -> SetTrend:
    """How a set went. reps: its sure ones, ascending, one at least."""
    velocities = [rep.mean_velocity_m_s for rep in reps if rep.mean_velocity_m_s is not None]
    drift = _slope([rep.rep for rep in reps], [rep.depth_mm for rep in reps]) if len(reps) >= TREND_REPS else None
    return SetTrend(
        set=reps[0].set,
        reps=len(reps),
        load_kg=reps[0].load_kg,
        best_velocity_m_s=max(velocities, default=None),
        velocity_loss_pct=reps[-1].velocity_loss_pct,
        drift_mm_per_rep=None if drift is None else drift[0],
        drift_error_mm_per_rep=None if drift is None else drift[1],
    )


@dataclass(frozen=True, slots=True)
class Asymmetry:
    """How much more one leg pressed than the other. weaker: which pressed less.

    pct: of the stronger one's force, 100 (max − min) / max, with its direction averaged over the reps. own_pct: how
    much that varies from rep to rep (standard deviation).
    """

    pct: float
    weaker: Side
    own_pct: float
    reps: int

    @property
    def told(self) -> bool:
        """Whether it is more than 10 % and more than the person's own variability (Exell 2012 asks for the latter)."""
        return self.pct > ASYMMETRY_PCT and self.pct > self.own_pct

    @property
    def strong(self) -> bool:
        """Whether it is told, and more than 15 %."""
        return self.told and self.pct > STRONG_ASYMMETRY_PCT


def asymmetry(reps: Iterable[Rep]) -> Asymmetry | None:
    """Of the sure reps of a session on a machine with a force sensor for each foot; None with fewer than 5 of them."""
    towards_right = [
        100.0 * (rep.right_n - rep.left_n) / max(rep.left_n, rep.right_n)
        for rep in reps
        if rep.quality == "ok" and rep.left_n is not None and rep.right_n is not None
        if max(rep.left_n, rep.right_n) > 0
    ]
    if len(towards_right) < ASYMMETRY_REPS:
        return None
    mean = float(np.mean(towards_right))
    weaker: Side = "left" if mean > 0 else "right"
    return Asymmetry(abs(mean), weaker, float(np.std(towards_right, ddof=1)), len(towards_right))


def _slope(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Slope of a least-squares line and its standard error. x: three or more that differ."""
    across = np.asarray(x, dtype=np.float64) - np.mean(x)
    up = np.asarray(y, dtype=np.float64) - np.mean(y)
    spread = float(across @ across)
    slope = float(across @ up) / spread
    left = up - slope * across
    return slope, sqrt(float(left @ left) / (len(x) - 2) / spread)
