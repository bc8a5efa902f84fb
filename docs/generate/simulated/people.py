"""Four hundred simulated people, and what they do in a session."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sledwatch_sim.equipment.models import INCLINE, Press
from sledwatch_sim.people import Lifter, Stroke, lifter
from sledwatch_sim.performing import TrueRep, perform

SEED: Final = 7
START_US: Final = 1_795_330_800_000_000
PEOPLE: Final = [lifter(SEED, number, "p") for number in range(400)]

Numbers = NDArray[np.float64]


class Session(NamedTuple):
    """A session as it truly was: times in µs, depths, loads, reps."""

    t_us: NDArray[np.int64]
    depth_mm: Numbers
    load_kg: Numbers
    reps: list[TrueRep]


def session(person: Lifter, press: Press) -> Session:
    """A session as usual."""
    rng = person.rng(START_US)
    stretches = list(perform(person, press, person.plan(press, rng), rng, lambda: None))
    depth_mm = np.concatenate([one.depth_mm for one in stretches])
    load_kg = np.concatenate([np.full(len(one.depth_mm), one.load_kg) for one in stretches])
    reps = [one.rep for one in stretches if one.rep is not None]
    return Session(np.arange(len(depth_mm)) * press.dt_us, depth_mm, load_kg, reps)


def _work_sets(person: Lifter) -> list[list[Stroke]]:
    rng = np.random.default_rng([SEED, person.number])
    plan = person.plan(INCLINE, rng)[1:]
    return [
        [person.stroke(INCLINE, one, (at + 1) / len(plan), rep, 10.0, None, rng) for rep in range(one.reps)]
        for at, one in enumerate(plan)
    ]


# The work sets of a session of each of them, and all their reps.
SETS: Final = [reps for person in PEOPLE for reps in _work_sets(person)]
STROKES: Final = [stroke for reps in SETS for stroke in reps]


def rounded(values: Any, decimals: int) -> list[float]:
    """As plain numbers, −0 as 0."""
    return [round(float(value), decimals) + 0.0 for value in values]


def quantiles(values: Any, *shares: float) -> list[float]:
    """Quantiles as plain numbers."""
    return [float(one) for one in np.quantile(np.asarray(values), shares)]
