"""A member's one-repetition maximum on a machine, estimated from what they lifted there (e1RM), and how well.

Three ways, the best that holds: the member's own load–velocity line, the published one, and reps in a set. None is used
beyond the range that it was found in, and none that lifting has refuted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Final, Literal

import numpy as np

from sledwatch.limits import ReferenceLoad
from sledwatch.machine import MachineSpec

# Mean propulsive velocity at the 1RM on a 45° press, and its spread among people (Conceição 2016, 15 male athletes).
VELOCITY_AT_1RM_M_S: Final = 0.21
VELOCITY_AT_1RM_SD_M_S: Final = 0.04
# The same paper's regression of %1RM on velocity, its standard error, and the velocities that it rests on.
EQUATION_SLOPE: Final = -55.509
EQUATION_INTERCEPT: Final = 109.29
EQUATION_ERROR_PCT: Final = 5.8
EQUATION_M_S: Final = (0.19, 1.66)
# A rail counts as one of 45° within this (judgement).
RAIL_DEG: Final = 45.0
RAIL_WITHIN_DEG: Final = 2.5
# Judgement, the next three: what makes a line of one's own better than the published one.
LINE_LOADS: Final = 4
LINE_SPAN: Final = 0.30
LINE_R2: Final = 0.90
# Beyond ten reps both formulas overestimate on a leg press.
MAX_REPS_TO_FAILURE: Final = 10

Method = Literal["line", "equation", "reps"]


@dataclass(frozen=True, slots=True)
class Lift:
    """The fastest that a member pushed a load: mean propulsive velocity, m/s."""

    load_kg: float
    velocity_m_s: float


@dataclass(frozen=True, slots=True)
class SetDone:
    """A set as the formulas from reps to failure look at it."""

    load_kg: float
    reps: int


@dataclass(frozen=True, slots=True)
class LoadVelocity:
    """Velocity over load as a straight line: intercept_m_s + slope_m_s_kg × load. loads: how many it was drawn by."""

    intercept_m_s: float
    slope_m_s_kg: float
    r2: float
    loads: int
    e1rm_kg: float
    error_kg: float


@dataclass(frozen=True, slots=True)
class Strength:
    """An estimated one-repetition maximum. error_kg: standard error, None where nobody knows it.

    method: line (the member's own), equation (the published one, from one load), reps (in a set, as if to failure).
    guess: it rests on something that was not measured: that the push was as fast as it could be, that the set went to
    failure. loads: how many different ones it rests on. line: for the member's own.
    """

    e1rm_kg: float
    error_kg: float | None
    method: Method
    guess: bool
    loads: int
    line: LoadVelocity | None = None


def estimate(lifts: Sequence[Lift], sets: Sequence[SetDone], spec: MachineSpec) -> Strength | None:
    """The best estimate that what was lifted on a machine allows; None where it allows none.

    lifts: the fastest sure rep of each load, in the 90 days that count. sets: done in them. An estimate below a load
    that was lifted is no estimate. Both guesses say too little for want of effort (a push that could have been faster,
    a set that could have been longer), so the published equation gives way where reps say more.
    """
    lifted_kg = max([*(lift.load_kg for lift in lifts), *(done.load_kg for done in sets)], default=0.0)
    line, equation, reps = _by_line(lifts), _by_equation(lifts, spec), _by_reps(sets)
    if equation is not None and reps is not None and equation.e1rm_kg < reps.e1rm_kg:
        equation = None
    return next((one for one in (line, equation, reps) if one is not None and one.e1rm_kg >= lifted_kg), None)


def reference_load(strength: Strength | None, best_load_kg: float | None) -> ReferenceLoad | None:
    """What loads are measured against: e1RM; where it is not known, the best load of 90 days; None without either."""
    if strength is not None and strength.e1rm_kg >= (best_load_kg or 0.0):
        return ReferenceLoad(strength.e1rm_kg, "e1rm-guess" if strength.guess else "e1rm")
    return None if best_load_kg is None else ReferenceLoad(best_load_kg, "best-load")


def kg_of(strength: Strength | None) -> float | None:
    """The estimated one-repetition maximum; None where it is not known."""
    return None if strength is None else strength.e1rm_kg


def load_velocity(lifts: Sequence[Lift]) -> LoadVelocity | None:
    """The member's own line by least squares; None where it is not good enough (judgement).

    Good enough: 4 loads or more that span 30 % of the 1RM that follows, a negative slope, r² of 0.9 or more. e1RM is
    the load at which the line reaches 0.21 m/s. Its standard error: that of a load read off the line (inverse
    prediction), and what people's velocities at the 1RM differ by.
    """
    if len({lift.load_kg for lift in lifts}) < LINE_LOADS:
        return None
    load = np.array([lift.load_kg for lift in lifts])
    velocity = np.array([lift.velocity_m_s for lift in lifts])
    across = load - load.mean()
    spread = float(across @ across)
    slope = float(across @ velocity) / spread
    total = float(velocity.var()) * len(lifts)
    if slope >= 0 or total <= 0:
        return None
    intercept = float(velocity.mean() - slope * load.mean())
    left = velocity - intercept - slope * load
    r2 = 1.0 - float(left @ left) / total
    e1rm_kg = (VELOCITY_AT_1RM_M_S - intercept) / slope
    if r2 < LINE_R2 or e1rm_kg <= 0 or float(np.ptp(load)) < LINE_SPAN * e1rm_kg:
        return None
    noise = sqrt(float(left @ left) / (len(lifts) - 2))
    read_off = noise * sqrt(1.0 + 1.0 / len(lifts) + (e1rm_kg - float(load.mean())) ** 2 / spread)
    error_kg = hypot(read_off, VELOCITY_AT_1RM_SD_M_S) / -slope
    return LoadVelocity(intercept, slope, r2, len(lifts), e1rm_kg, error_kg)


def pct_1rm_at(velocity_m_s: float) -> float | None:
    """The share of the 1RM, in %, that is pushed at a mean propulsive velocity with full intent (Conceição 2016).

    %1RM = −55.509 v + 109.29, standard error 5.8 %1RM, on a 45° press. None out of 0.19–1.66 m/s, which is what the
    regression rests on. It is not to be turned round: velocity from %1RM is another regression.
    """
    slowest, fastest = EQUATION_M_S
    if not slowest <= velocity_m_s <= fastest:
        return None
    return EQUATION_SLOPE * velocity_m_s + EQUATION_INTERCEPT


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


def _by_line(lifts: Sequence[Lift]) -> Strength | None:
    line = load_velocity(lifts)
    if line is None:
        return None
    return Strength(line.e1rm_kg, line.error_kg, "line", guess=False, loads=line.loads, line=line)


def _by_equation(lifts: Sequence[Lift], spec: MachineSpec) -> Strength | None:
    """From the heaviest load, of which the error of the equation is the smallest share."""
    of_45_deg = spec.kind == "incline" and abs(spec.rail_deg - RAIL_DEG) <= RAIL_WITHIN_DEG
    if not (of_45_deg and spec.resistance == "plates"):
        return None
    heaviest = max(lifts, key=lambda lift: lift.load_kg, default=None)
    pct = None if heaviest is None else pct_1rm_at(heaviest.velocity_m_s)
    if heaviest is None or pct is None:
        return None
    e1rm_kg = 100.0 * heaviest.load_kg / pct
    return Strength(e1rm_kg, e1rm_kg * EQUATION_ERROR_PCT / pct, "equation", guess=True, loads=1)


def _by_reps(sets: Iterable[SetDone]) -> Strength | None:
    """The best of all sets: one that did not go to failure says too little, and never too much.

    Of the two formulas, which differ by up to 4 %, the one that says less.
    """
    both = [(brzycki(done.load_kg, done.reps), epley(done.load_kg, done.reps)) for done in sets]
    e1rm_kg = max((min(one, other) for one, other in both if one is not None and other is not None), default=0.0)
    return Strength(e1rm_kg, None, "reps", guess=True, loads=1) if e1rm_kg > 0 else None


def _refused(reps: int, load_kg: float, estimate_kg: float | None) -> float | None:
    if reps < 1:
        raise ValueError(f"{reps} reps to failure: expected 1 or more")
    if reps > MAX_REPS_TO_FAILURE:
        return None
    return load_kg if reps == 1 else estimate_kg
