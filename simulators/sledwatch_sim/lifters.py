"""The people: how tall and strong they are, how deep they go, how they tire, and how often they come.

Everything about a lifter follows from a seed and a number; everything about one of their sessions from that and the
minute it begins. So the same seed and start give the same gym, sample by sample.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from sledwatch import events
from sledwatch.machine import ANKLE_SHARE, FEMUR_SHARE, REFERENCE_KNEE_DEG, SHANK_SHARE, STANDARD_GRAVITY_M_S2
from sledwatch_sim.equipment.models import Press

Temper = Literal["steady", "deep-when-tired", "overkeen"]

DAY_US: Final = 86_400_000_000
HISTORY_DAYS: Final = 56
# Mean propulsive velocity by share of the 1RM on a 45° press (Conceição 2016).
_LOAD_PCT: Final = np.arange(15.0, 101.0, 5.0)
_VELOCITY_M_S: Final = np.array(
    [1.66, 1.58, 1.49, 1.40, 1.32, 1.23, 1.15, 1.06, 0.97, 0.89, 0.79, 0.71, 0.63, 0.54, 0.45, 0.37, 0.28, 0.19]
)
# How much of today's strength a set to failure takes, and how much each set before it has left behind (judgement).
_SET_FATIGUE: Final = 0.28
_CARRIED_FATIGUE: Final = 0.06
# An overkeen session is more than twice the best of a month by a margin that no measurement error bridges.
_OVERKEEN: Final = 2.4
# Minimum jerk: the hardest braking of a movement is this times distance / time².
_MINIMUM_JERK_BRAKING: Final = 10.0 / math.sqrt(3.0)

_FIRST: Final = {
    "female": [
        "Ada",
        "Amina",
        "Anna",
        "Beatriz",
        "Chiara",
        "Elif",
        "Emma",
        "Fatima",
        "Greta",
        "Hanna",
        "Ines",
        "Jana",
        "Katya",
        "Lea",
        "Maja",
        "Nadia",
        "Nora",
        "Olivia",
        "Priya",
        "Rosa",
        "Sara",
        "Sofia",
        "Thandi",
        "Yuki",
    ],
    "male": [
        "Ahmed",
        "Anton",
        "Ben",
        "Carlos",
        "David",
        "Emil",
        "Finn",
        "Goran",
        "Hugo",
        "Ivan",
        "Jonas",
        "Kofi",
        "Leo",
        "Liam",
        "Marek",
        "Matteo",
        "Noah",
        "Omar",
        "Paul",
        "Rafael",
        "Samuel",
        "Tariq",
        "Viktor",
        "Wei",
    ],
}
_LAST: Final = [
    "Adeyemi",
    "Andersson",
    "Bauer",
    "Bianchi",
    "Brandt",
    "Costa",
    "Diallo",
    "Fischer",
    "García",
    "Haddad",
    "Hansen",
    "Horvat",
    "Jansen",
    "Kaya",
    "Keller",
    "Kim",
    "Kowalski",
    "Lindgren",
    "Mensah",
    "Moreau",
    "Nakamura",
    "Novák",
    "Okafor",
    "Patel",
    "Rossi",
    "Sato",
    "Schmidt",
    "Silva",
    "Singh",
    "Tanaka",
    "Vogel",
    "Weber",
    "Yılmaz",
    "Zhang",
]


@dataclass(frozen=True, slots=True)
class PlannedSet:
    """A set as the lifter means to do it. rest_s: after it. intent: share of full effort in each push."""

    load_kg: float
    reps: int
    rest_s: float
    share_of_1rm: float
    intent: float


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


@dataclass(frozen=True, slots=True)
class Lifter:
    """A person.

    one_rm_n: the most they can push once, newtons along the rail. knee_deg: how far they bend the knee by habit.
    spread_mm: how much the bottom varies. drift_mm: how much deeper the last rep before failure is. reserve: the share
    of the possible reps that they do. gap_days: days from one session to the next, over and over. margin_mm: how far
    their calibrated limit lies beyond their habit. obeys: they turn when the machine's light says so.
    """

    user: str
    name: str
    sex: Literal["female", "male"]
    height_mm: float
    temper: Temper
    seed: int
    number: int
    one_rm_n: float
    knee_deg: float
    spread_mm: float
    drift_mm: float
    margin_mm: float
    obeys: bool
    eccentric_s: float
    dwell_s: float
    intent: float
    share_of_1rm: float
    reserve: float
    sets: int
    rest_s: float
    gap_days: tuple[int, ...]

    def setup(self, press: Press) -> events.Setup:
        """Seat and feet as they always set them: legs nearly straight at the rack."""
        reach_mm = self._distance_mm(REFERENCE_KNEE_DEG) + ANKLE_SHARE * self.height_mm
        return events.Setup(press.online.backrest_deg, press.notch_for(reach_mm), 2)

    def habit_mm(self, press: Press) -> float:
        """Sled travel at their usual bottom: the two-link model at their knee angle, on their notch."""
        rack_mm = press.reach_mm(self.setup(press).notch) - ANKLE_SHARE * self.height_mm
        return min(rack_mm - self._distance_mm(self.knee_deg), press.online.travel_mm - 110.0)

    def limit_mm(self, press: Press) -> float:
        """The limit that their trainer calibrated."""
        return float(round(self.habit_mm(press) + self.margin_mm))

    def _distance_mm(self, knee_deg: float) -> float:
        """From hip to ankle at a knee angle."""
        a, b = FEMUR_SHARE * self.height_mm, SHANK_SHARE * self.height_mm
        return math.sqrt(a * a + b * b + 2.0 * a * b * math.cos(math.radians(knee_deg)))

    def rng(self, at_us: int) -> np.random.Generator:
        """The chance of the session that begins at `at_us`."""
        return np.random.default_rng([self.seed, self.number, at_us // 60_000_000])

    def gap_us(self, session: int) -> int:
        """From the start of the session of this running number to the next one's."""
        return self.gap_days[session % len(self.gap_days)] * DAY_US

    def plan(self, press: Press, rng: np.random.Generator) -> list[PlannedSet]:
        """A session as usual: a warm-up, then their sets at their share of the 1RM, a rep more or less."""
        warm_up = self._set(press, 0.45, 10, 0.7, rng)
        share = self.share_of_1rm + rng.uniform(-0.012, 0.012)
        reps = max(4, round(self.reserve * possible_reps(share)))
        work = [self._set(press, share, reps + int(rng.integers(-1, 2)), 1.0, rng) for _ in range(self.sets)]
        return [warm_up, *work]

    def overkeen_plan(self, press: Press, rng: np.random.Generator, best_j: float) -> list[PlannedSet]:
        """Far too much: nearly to failure, set after set, until the work is 2.4 times `best_j`, with short rests."""
        setup = self.setup(press)
        rom_mm = self.habit_mm(press) - 10.0
        reps = max(6, round(0.92 * possible_reps(self.share_of_1rm)))
        sets = [self._set(press, 0.45, 12, 0.7, rng)]
        while sum(s.reps * press.work_j(setup, s.load_kg, rom_mm) for s in sets) < _OVERKEEN * best_j:
            sets.append(replace(self._set(press, self.share_of_1rm, reps, 1.0, rng), rest_s=rng.uniform(45.0, 55.0)))
        return sets

    def _set(self, press: Press, share: float, reps: int, intent: float, rng: np.random.Generator) -> PlannedSet:
        newtons_per_kg = press.newtons_per_kg(self.setup(press))
        load_kg = press.load_near(share * self.one_rm_n / newtons_per_kg)
        true_share = load_kg * newtons_per_kg / self.one_rm_n
        return PlannedSet(load_kg, reps, self.rest_s * rng.uniform(0.9, 1.15), true_share, intent)

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
        left = 1.0 - _SET_FATIGUE * fatigue - _CARRIED_FATIGUE * tired
        pct = min(98.0, 100.0 * planned.share_of_1rm / left)
        velocity = self.intent * planned.intent * float(np.interp(pct, _LOAD_PCT, _VELOCITY_M_S))
        travel_m = (bottom_mm - end_mm) / 1000.0
        # Legs push and never pull: a push too fast for gravity to stop by the end of the travel would fly.
        shortest_s = math.sqrt(_MINIMUM_JERK_BRAKING * travel_m / (0.95 * press.free_braking_m_s2))
        return Stroke(
            top_mm=top_mm,
            bottom_mm=bottom_mm,
            end_mm=end_mm,
            eccentric_s=self.eccentric_s * (1.0 + 0.15 * fatigue) * _near(1.0, 0.06, rng),
            dwell_s=self.dwell_s * float(rng.uniform(0.7, 1.4)),
            concentric_s=max(shortest_s, travel_m / velocity * _near(1.0, 0.03, rng)),
            pause_s=0.35 + float(rng.uniform(0.0, 0.5)) + 1.6 * fatigue**3,
        )


def possible_reps(share_of_1rm: float) -> float:
    """Reps to failure at a share of the 1RM: Brzycki (1993) turned round, one at least."""
    return max(1.0, 37.0 - 36.0 * share_of_1rm)


def _near(mean: float, spread: float, rng: np.random.Generator) -> float:
    """About the mean, and never further than two and a half spreads from it."""
    return mean + spread * min(max(float(rng.normal()), -2.5), 2.5)


def _first_name(seed: int, number: int, sex: Literal["female", "male"]) -> str:
    """Neighbours in number have different ones: on a floor, people are told apart by their first names."""
    names = np.random.default_rng(seed).permutation(_FIRST[sex])
    return str(names[number % len(names)])


def lifter(seed: int, number: int, user: str, temper: Temper = "steady", obeys: bool | None = None) -> Lifter:
    """Draw a person. The temper decides how deep tiredness takes them, and whether they obey is drawn if not said."""
    rng = np.random.default_rng([seed, number])
    sex: Literal["female", "male"] = "female" if rng.random() < 0.5 else "male"
    height_mm = float(rng.normal(1660, 62) if sex == "female" else rng.normal(1790, 68))
    one_rm_kg = float(rng.lognormal(math.log(165 if sex == "female" else 255), 0.16))
    drift_mm, spread_mm = float(rng.uniform(2.0, 7.0)), float(rng.uniform(3.0, 5.5))
    margin_mm = float(rng.uniform(48.0, 70.0))
    if temper == "deep-when-tired":
        drift_mm, margin_mm = float(rng.uniform(85.0, 105.0)), float(rng.uniform(20.0, 26.0))
    drawn_to_obey = bool(rng.random() < 0.6)
    rhythms = [(7,), (3, 4), (3, 4), (2, 2, 3), (2, 2, 3), (2, 2, 2, 2)]
    return Lifter(
        user=user,
        name=f"{_first_name(seed, number, sex)} {rng.choice(_LAST)}",
        sex=sex,
        height_mm=float(round(min(max(height_mm, 1500.0), 2050.0), -1)),
        temper=temper,
        seed=seed,
        number=number,
        one_rm_n=one_rm_kg * STANDARD_GRAVITY_M_S2 * math.sin(math.radians(45.0)),
        knee_deg=_near(97.0, 5.0, rng),
        spread_mm=spread_mm,
        drift_mm=drift_mm,
        margin_mm=margin_mm,
        obeys=drawn_to_obey if obeys is None else obeys,
        eccentric_s=float(rng.uniform(1.2, 2.3)),
        dwell_s=float(rng.uniform(0.12, 0.4)),
        intent=float(rng.uniform(0.7, 0.92)),
        share_of_1rm=float(rng.uniform(0.62, 0.74)),
        reserve=float(rng.uniform(0.68, 0.82)),
        sets=int(rng.integers(3, 5)),
        rest_s=float(rng.uniform(62.0, 95.0)),
        gap_days=rhythms[int(rng.integers(len(rhythms)))],
    )
