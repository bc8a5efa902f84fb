"""How somebody moves the sled: depth and its spread, tempo, the pause or bounce below, and what tiredness changes."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sledwatch_sim.equipment.models import Press
from sledwatch_sim.people.body import Body

# Mean propulsive velocity by share of the 1RM on a 45° press (Conceição 2016).
LOAD_PCT: Final = np.arange(15.0, 101.0, 5.0)
VELOCITY_M_S: Final = np.array(
    [1.66, 1.58, 1.49, 1.40, 1.32, 1.23, 1.15, 1.06, 0.97, 0.89, 0.79, 0.71, 0.63, 0.54, 0.45, 0.37, 0.28, 0.19]
)
# How much of today's strength the sets before have left behind at the end of a session (judgement).
CARRIED_FATIGUE: Final = 0.06
# In squats velocity falls little over the first half of a set to failure, and ever faster after it (Izquierdo 2006).
_LATE_FATIGUE: Final = 1.5
# How sharply somebody changes from the speed that they mean to push at to the one that they still can (judgement).
_BEND: Final = 1.5
# Minimum jerk: the hardest braking of a movement is this times distance / time². People leave a little to spare.
_BRAKING: Final = 10.0 / math.sqrt(3.0)
_SPARE: Final = 0.95
# Who bounces lets the sled come down faster, does not wait below, and comes into the turn at so many times the mean
# speed of the way down; but never faster than the push goes on (judgement).
BOUNCE_HASTE: Final = 0.7
BOUNCE_SPEED: Final = 2.2

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlannedSet:
    """A set as the lifter means to do it. rest_s: after it. intent: share of full effort in each push.

    friends: done by whoever shares their badge.
    """

    load_kg: float
    reps: int
    rest_s: float
    share_of_1rm: float
    intent: float
    friends: bool = False


@dataclass(frozen=True, slots=True)
class Stroke:
    """One repetition as it is about to be done; distances from the rack, millimetres, times in seconds.

    bounce_m_s: how fast the sled comes into a bounce, and out of it again; 0 for who turns as one should.
    """

    top_mm: float
    bottom_mm: float
    end_mm: float
    eccentric_s: float
    dwell_s: float
    concentric_s: float
    pause_s: float
    bounce_m_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique(Body):
    """Somebody's way to press.

    spread_mm: how much the bottom varies. drift_mm: how much deeper the last rep before failure is. obeys: they turn
    when the machine's light says so. eccentric_s, dwell_s: on the way down and below, when fresh. bounces: no dwell.
    intent: the share of the speed they could push at that they mean to push at. velocity_at_1rm_m_s, velocity_slope:
    their own load–velocity line, the slope as a multiple of the published one.
    """

    spread_mm: float
    drift_mm: float
    obeys: bool
    eccentric_s: float
    dwell_s: float
    bounces: bool
    intent: float
    velocity_at_1rm_m_s: float
    velocity_slope: float

    def full_effort_m_s(self, pct_of_1rm: float | Numbers) -> Numbers:
        """Mean propulsive velocity of a push as fast as they can, where gravity can stop it in time.

        The published line, through their own velocity at the 1RM.
        """
        above_1rm = np.interp(pct_of_1rm, LOAD_PCT, VELOCITY_M_S) - VELOCITY_M_S[-1]
        velocity: Numbers = self.velocity_at_1rm_m_s + self.velocity_slope * above_1rm
        return velocity

    def push_m_s(
        self,
        share_of_1rm: float | Numbers,
        fatigue: float | Numbers,
        tired: float | Numbers,
        intent: float | Numbers = 1.0,
    ) -> Numbers:
        """Mean velocity of a push: what they mean to do, as long as they can, and then what they can.

        fatigue: the share of the possible reps of the set that is done with this one; at the last, the load is all they
        have. tired: share of the session's sets that are behind. intent: of the plan, on top of their own.
        """
        left = 1.0 - (1.0 - share_of_1rm) * fatigue**_LATE_FATIGUE - CARRIED_FATIGUE * tired
        can = self.full_effort_m_s(100.0 * share_of_1rm / left)
        fresh = self.full_effort_m_s(100.0 * share_of_1rm)
        mean = self.intent * intent * fresh
        # The speed that is meant while fresh, what can be done at failure; at full intent all along what can be done.
        velocity: Numbers = (mean**-_BEND + can**-_BEND - fresh**-_BEND) ** (-1.0 / _BEND)
        return velocity

    def stroke(
        self,
        press: Press,
        planned: PlannedSet,
        tired: float,
        rep: int,
        top_mm: float,
        light_mm: float | None,
        rng: np.random.Generator,
    ) -> Stroke:
        """The next rep. tired: share of the session's sets that are behind. rep: from 0 within the set.

        light_mm: where the machine's light comes on, if it does; those who obey turn before it.
        """
        fatigue = min(1.0, (rep + 1) / possible_reps(planned.share_of_1rm))
        drift_mm = self.drift_mm * fatigue**2 * (0.15 + 0.85 * tired)
        bottom_mm = self.habit_mm(press) + drift_mm + self.spread_mm * float(rng.normal())
        short_of_it_mm = max(3.0, float(rng.normal(8.0, 3.0)))
        if self.obeys and light_mm is not None:
            bottom_mm = min(bottom_mm, light_mm - short_of_it_mm)
        bottom_mm = min(max(bottom_mm, 130.0), press.online.travel_mm - 10.0)
        end_mm = float(rng.uniform(6.0, 16.0))
        velocity = float(self.push_m_s(planned.share_of_1rm, fatigue, tired, planned.intent))
        travel_m = (bottom_mm - end_mm) / 1000.0
        shortest_s = float(shortest_push_s(press, travel_m))
        eccentric_s = self.eccentric_s * (1.0 + 0.15 * fatigue) * near(1.0, 0.06, rng)
        dwell_s = self.dwell_s * float(rng.uniform(0.7, 1.4))
        concentric_s = max(shortest_s, travel_m / velocity * near(1.0, 0.03, rng))
        pause_s = 0.35 + float(rng.uniform(0.0, 0.5)) + 1.6 * fatigue**3
        bounce_m_s = 0.0
        if self.bounces:
            eccentric_s, dwell_s = max(0.8, BOUNCE_HASTE * eccentric_s), 0.0
            bounce_m_s = BOUNCE_SPEED * min((bottom_mm - top_mm) / 1000.0 / eccentric_s, travel_m / concentric_s)
        return Stroke(top_mm, bottom_mm, end_mm, eccentric_s, dwell_s, concentric_s, pause_s, bounce_m_s)


def shortest_push_s(press: Press, travel_m: float | Numbers) -> Numbers:
    """How short a push can be: legs never pull, so gravity has to stop the sled by the end of its travel.

    travel_m: metres. Returns seconds.
    """
    shortest: Numbers = np.sqrt(_BRAKING * travel_m / (_SPARE * press.free_braking_m_s2))
    return shortest


def possible_reps(share_of_1rm: float) -> float:
    """Reps to failure at a share of the 1RM: Brzycki (1993) turned round, one at least."""
    return max(1.0, 37.0 - 36.0 * share_of_1rm)


def near(mean: float, spread: float, rng: np.random.Generator) -> float:
    """About the mean, and never further than two and a half spreads from it."""
    return mean + spread * min(max(float(rng.normal()), -2.5), 2.5)
