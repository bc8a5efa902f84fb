"""How somebody moves the sled: depth and its spread, tempo, the pause or bounce below, and what tiredness changes."""

import math
from dataclasses import dataclass, fields
from typing import Final, Self

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

# What varies from rep to rep stays within so many standard deviations.
_SPREADS: Final = 2.5

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
        chances = Chances.drawn(rng)
        one = self.strokes(press, planned.share_of_1rm, planned.intent, tired, rep, top_mm, light_mm, chances)
        return Stroke(top_mm, *(float(getattr(one, each.name)) for each in fields(Strokes)))

    def strokes(
        self,
        press: Press,
        share_of_1rm: float | Numbers,
        intent: float | Numbers,
        tired: float | Numbers,
        rep: float | Numbers,
        top_mm: float | Numbers,
        light_mm: float | None,
        chances: "Chances",
        drift_mm: float | Numbers | None = None,
    ) -> "Strokes":
        """Reps at once, or one: all that `stroke` says of it, in columns of one length or as numbers.

        drift_mm: in place of their own.
        """
        possible = np.maximum(1.0, 37.0 - 36.0 * share_of_1rm)
        fatigue = np.minimum(1.0, (rep + 1) / possible)
        drift_mm = self.drift_mm if drift_mm is None else drift_mm
        bottom_mm = self.habit_mm(press) + drift_mm * fatigue**2 * (0.15 + 0.85 * tired)
        bottom_mm = bottom_mm + self.spread_mm * chances.deeper
        if self.obeys and light_mm is not None:
            bottom_mm = np.minimum(bottom_mm, light_mm - np.maximum(3.0, 8.0 + 3.0 * chances.short_of_light))
        bottom_mm = np.minimum(np.maximum(bottom_mm, 130.0), press.online.travel_mm - 10.0)
        travel_m = (bottom_mm - chances.end_mm) / 1_000.0
        velocity = self.push_m_s(share_of_1rm, fatigue, tired, intent)
        eccentric_s = self.eccentric_s * (1.0 + 0.15 * fatigue) * (1.0 + 0.06 * chances.lowering)
        dwell_s = self.dwell_s * chances.dwell
        concentric_s = np.maximum(
            shortest_push_s(press, travel_m), travel_m / velocity * (1.0 + 0.03 * chances.pushing)
        )
        bounce_m_s = np.zeros_like(travel_m)
        if self.bounces:
            eccentric_s, dwell_s = np.maximum(0.8, BOUNCE_HASTE * eccentric_s), np.zeros_like(travel_m)
            slower_m_s = np.minimum((bottom_mm - top_mm) / 1_000.0 / eccentric_s, travel_m / concentric_s)
            bounce_m_s = BOUNCE_SPEED * slower_m_s
        pause_s = 0.35 + chances.pause_s + 1.6 * fatigue**3
        return Strokes(bottom_mm, chances.end_mm, eccentric_s, dwell_s, concentric_s, pause_s, bounce_m_s)


@dataclass(frozen=True, slots=True)
class Strokes:
    """Reps as they are about to be done, in columns: as `Stroke` has them, but for where they begin."""

    bottom_mm: Numbers
    end_mm: Numbers
    eccentric_s: Numbers
    dwell_s: Numbers
    concentric_s: Numbers
    pause_s: Numbers
    bounce_m_s: Numbers


@dataclass(frozen=True, slots=True)
class Chances:
    """What chance decides of reps, in columns, or of one.

    deeper, short_of_light: standard normal. end_mm: where the push ends. lowering, pushing: standard normal, and never
    further than two and a half from 0. dwell: times their own. pause_s: at the top, beyond the least.
    """

    deeper: Numbers
    short_of_light: Numbers
    end_mm: Numbers
    lowering: Numbers
    dwell: Numbers
    pushing: Numbers
    pause_s: Numbers

    @classmethod
    def drawn(cls, rng: np.random.Generator, count: int | None = None) -> Self:
        """Of so many reps; None: of one, as numbers."""
        deeper, short_of_light = rng.standard_normal(count), rng.standard_normal(count)
        end_mm = rng.uniform(6.0, 16.0, count)
        lowering = _bounded(rng.standard_normal(count))
        dwell = rng.uniform(0.7, 1.4, count)
        pushing = _bounded(rng.standard_normal(count))
        return cls(
            *map(np.asarray, (deeper, short_of_light, end_mm, lowering, dwell, pushing, rng.uniform(0.0, 0.5, count)))
        )

    def of(self, reps: NDArray[np.bool_]) -> Self:
        """Those of some of the reps."""
        return type(self)(*(getattr(self, each.name)[reps] for each in fields(self)))


def _bounded(drawn: float | Numbers) -> Numbers:
    return np.minimum(np.maximum(drawn, -_SPREADS), _SPREADS)


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
    return mean + spread * float(_bounded(float(rng.standard_normal())))
