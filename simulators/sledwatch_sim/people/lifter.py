"""People as they are drawn: everything about a lifter follows from a seed and a number.

Everything about one of their sessions follows from that and the minute it begins. So the same seed and start give the
same gym, sample by sample.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from sledwatch.machine import ANKLE_SHARE, FEMUR_SHARE, SHANK_SHARE, STANDARD_GRAVITY_M_S2
from sledwatch_sim.equipment.models import INCLINE
from sledwatch_sim.people.body import Sex
from sledwatch_sim.people.names import first_name, last_name
from sledwatch_sim.people.technique import near
from sledwatch_sim.people.training import HISTORY_DAYS, Training

Temper = Literal["steady", "deep-when-tired", "overkeen"]

# Streams of chance of their own, so that a question more in one leaves the others as they are.
_BODY_STREAM: Final = 10
# How much segments differ among people of one height (judgement).
_SEGMENT_SPREAD: Final = 0.02
# How much load–velocity lines differ: together within the published error of 5.8 % of the 1RM (Conceição 2016).
_VELOCITY_AT_1RM_SPREAD: Final = 0.03
_VELOCITY_SLOPE_SPREAD: Final = 0.06
_FRIENDS_STRENGTH: Final = 0.6
_FRIENDS_LESS_MM: Final = 90.0
_BOUNCERS: Final = 0.08
_BACKS: Final = 0.1
_RHYTHMS: Final[tuple[tuple[int, ...], ...]] = ((7,), (3, 4), (3, 4), (2, 2, 3), (2, 2, 3), (2, 2, 2, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifter(Training):
    """A person, in plain numbers.

    temper: what they do that others do not. feels_back: their back tells them when they went too deep.
    """

    user: str
    name: str
    temper: Temper
    seed: int
    number: int
    feels_back: bool

    def rng(self, at_us: int) -> np.random.Generator:
        """The chance of the session that begins at `at_us`."""
        return np.random.default_rng([self.seed, self.number, at_us // 60_000_000])


def lifter(
    seed: int,
    number: int,
    user: str,
    temper: Temper = "steady",
    obeys: bool | None = None,
    sex: Sex | None = None,
) -> Lifter:
    """Draw a person; sex and whether they obey only if not said. The temper decides how deep tiredness takes them."""
    rng = np.random.default_rng([seed, number])
    drawn: Sex = "female" if rng.random() < 0.5 else "male"
    sex = drawn if sex is None else sex
    height_mm = float(rng.normal(1660, 62) if sex == "female" else rng.normal(1790, 68))
    height_mm = float(round(min(max(height_mm, 1500.0), 2050.0), -1))
    one_rm_kg = float(rng.lognormal(math.log(165 if sex == "female" else 255), 0.16))
    drift_mm, spread_mm = float(rng.uniform(2.0, 7.0)), float(rng.uniform(3.0, 5.5))
    margin_mm = float(rng.uniform(48.0, 70.0))
    if temper == "deep-when-tired":
        drift_mm, margin_mm = float(rng.uniform(100.0, 120.0)), float(rng.uniform(20.0, 26.0))
    drawn_to_obey = bool(rng.random() < 0.6)
    body = np.random.default_rng([seed, number, _BODY_STREAM])
    return Lifter(
        user=user,
        name=f"{first_name(seed, number, sex)} {last_name(rng)}",
        sex=sex,
        height_mm=height_mm,
        femur_mm=FEMUR_SHARE * height_mm * near(1.0, _SEGMENT_SPREAD, body),
        shank_mm=SHANK_SHARE * height_mm * near(1.0, _SEGMENT_SPREAD, body),
        ankle_mm=ANKLE_SHARE * height_mm,
        temper=temper,
        seed=seed,
        number=number,
        one_rm_n=one_rm_kg * STANDARD_GRAVITY_M_S2 * math.sin(math.radians(45.0)),
        knee_deg=near(97.0, 5.0, rng),
        spread_mm=spread_mm,
        drift_mm=drift_mm,
        margin_mm=margin_mm,
        obeys=drawn_to_obey if obeys is None else obeys,
        eccentric_s=float(rng.uniform(1.1, 2.0)),
        dwell_s=float(rng.uniform(0.12, 0.4)),
        bounces=bool(body.random() < _BOUNCERS),
        intent=float(rng.uniform(0.5, 0.75)),
        share_of_1rm=float(rng.uniform(0.62, 0.74)),
        reserve=float(rng.uniform(0.72, 0.84)),
        sets=int(rng.integers(3, 5)),
        rest_s=float(rng.uniform(62.0, 95.0)),
        gap_days=_RHYTHMS[int(rng.integers(len(_RHYTHMS)))],
        kept=1.0,
        days=HISTORY_DAYS,
        off_days=0,
        growth_a_week=float(body.uniform(0.0, 0.003)),
        feels_back=bool(body.random() < _BACKS),
        velocity_at_1rm_m_s=near(0.19, _VELOCITY_AT_1RM_SPREAD, body),
        velocity_slope=near(1.0, _VELOCITY_SLOPE_SPREAD, body),
    )


def friend_of(person: Lifter, number: int, user: str) -> Lifter:
    """Somebody to share a badge with, whose reps look different: weaker, and not going down as far.

    They are so far apart that nobody could take the two for one (judgement).
    """
    drawn = lifter(person.seed, number, user)
    goal_mm = person.depth_mm(INCLINE, person.knee_deg) - _FRIENDS_LESS_MM
    knee_deg = min(range(40, 120), key=lambda knee: abs(drawn.depth_mm(INCLINE, knee) - goal_mm))
    return replace(drawn, one_rm_n=_FRIENDS_STRENGTH * person.one_rm_n, knee_deg=float(knee_deg))
