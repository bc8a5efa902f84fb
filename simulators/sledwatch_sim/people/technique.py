"""How somebody moves the sled: depth and its spread, tempo, the pause or bounce below, and what tiredness changes."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from sledwatch_sim.equipment.models import Press
from sledwatch_sim.people.body import Body

# Mean propulsive velocity by share of the 1RM on a 45° press (Conceição 2016).
LOAD_PCT: Final = np.arange(15.0, 101.0, 5.0)
VELOCITY_M_S: Final = np.array(
    [1.66, 1.58, 1.49, 1.40, 1.32, 1.23, 1.15, 1.06, 0.97, 0.89, 0.79, 0.71, 0.63, 0.54, 0.45, 0.37, 0.28, 0.19]
)
# How much of today's strength a set to failure takes, and how much each set before it has left behind (judgement).
SET_FATIGUE: Final = 0.28
CARRIED_FATIGUE: Final = 0.06
# Minimum jerk: the hardest braking of a movement is this times distance / time².
MINIMUM_JERK_BRAKING: Final = 10.0 / math.sqrt(3.0)
# Who bounces lets the sled come down faster, and does not wait below.
BOUNCE_HASTE: Final = 0.7


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
    """One repetition as it is about to be done; distances from the rack, millimetres, times in seconds."""

    top_mm: float
    bottom_mm: float
    end_mm: float
    eccentric_s: float
    dwell_s: float
    concentric_s: float
    pause_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique(Body):
    """Somebody's way to press.

    spread_mm: how much the bottom varies. drift_mm: how much deeper the last rep before failure is. obeys: they turn
    when the machine's light says so. eccentric_s, dwell_s: on the way down and below, when fresh. bounces: no dwell.
    intent: share of full effort.
    """

    spread_mm: float
    drift_mm: float
    obeys: bool
    eccentric_s: float
    dwell_s: float
    bounces: bool
    intent: float

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
        left = 1.0 - SET_FATIGUE * fatigue - CARRIED_FATIGUE * tired
        pct = min(98.0, 100.0 * planned.share_of_1rm / left)
        velocity = self.intent * planned.intent * float(np.interp(pct, LOAD_PCT, VELOCITY_M_S))
        travel_m = (bottom_mm - end_mm) / 1000.0
        # Legs push and never pull: a push too fast for gravity to stop by the end of the travel would fly.
        shortest_s = math.sqrt(MINIMUM_JERK_BRAKING * travel_m / (0.95 * press.free_braking_m_s2))
        eccentric_s = self.eccentric_s * (1.0 + 0.15 * fatigue) * near(1.0, 0.06, rng)
        dwell_s = self.dwell_s * float(rng.uniform(0.7, 1.4))
        return Stroke(
            top_mm=top_mm,
            bottom_mm=bottom_mm,
            end_mm=end_mm,
            eccentric_s=max(0.8, BOUNCE_HASTE * eccentric_s) if self.bounces else eccentric_s,
            dwell_s=0.0 if self.bounces else dwell_s,
            concentric_s=max(shortest_s, travel_m / velocity * near(1.0, 0.03, rng)),
            pause_s=0.35 + float(rng.uniform(0.0, 0.5)) + 1.6 * fatigue**3,
        )


def possible_reps(share_of_1rm: float) -> float:
    """Reps to failure at a share of the 1RM: Brzycki (1993) turned round, one at least."""
    return max(1.0, 37.0 - 36.0 * share_of_1rm)


def near(mean: float, spread: float, rng: np.random.Generator) -> float:
    """About the mean, and never further than two and a half spreads from it."""
    return mean + spread * min(max(float(rng.normal()), -2.5), 2.5)
