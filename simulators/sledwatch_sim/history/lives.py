"""The years of a member: where they train, on which days, how strong they are by then, and how much they mean to do.

All of it follows from the seed and the member's number; how many others there are changes nothing.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sledwatch_sim.equipment.models import INCLINE, SEATED, SUPINE, Press
from sledwatch_sim.people import DAY_US, Lifter, Temper, after_breaks, friend_of, lifter
from sledwatch_sim.scenarios.schema import Protocol

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

MINUTE_US: Final = 60 * 1_000_000
MACHINES_A_GYM: Final = 8
MEMBERS_A_MACHINE: Final = 20
# As gyms buy them, over and over.
_MODELS: Final = (INCLINE, INCLINE, INCLINE, SEATED, INCLINE, SUPINE, INCLINE, SEATED)
# A member has a place in the day at their machine, so that no two are there at the same time: 24 minutes, from 6 to
# 22 o'clock UTC, of which they start late by 5 at most.
SLOT_US: Final = 24 * MINUTE_US
MOST_LATE_US: Final = 5 * MINUTE_US
_OPENS_US: Final = 6 * 60 * MINUTE_US
_SLOTS: Final = 40
# Streams of chance of their own, so that a question more in one leaves the others as they are.
_SLOT_STREAM, _LIFE_STREAM, _KIND_STREAM = 20, 21, 25

# Judgement, all of these; the results are to look like the members of a gym, not to be statistics of one.
_BEGINNERS: Final = 0.15
_LEAVERS: Final = 0.10
_LAYOFFS_A_YEAR: Final = 0.7
_OVERKEEN: Final = 0.01
_DEEP_WHEN_TIRED: Final = 0.04
_WITHOUT_A_BADGE: Final = 0.02
_WITH_A_FRIEND: Final = 0.02
_IN_REHAB: Final = 0.03
# Two friends train together for some weeks, not always; together they stay no longer than their place in the day.
_FRIENDS_DAYS: Final = 70.0
_FRIENDS_COME: Final = 0.4
_FRIENDS_SETS: Final = 2
_FRIENDS_REST_S: Final = 45.0
# In rehab: how far they bend the knee, how heavy they press, what is allowed, and how often they forget.
_REHAB_KNEE_DEG: Final = 72.0
_REHAB_SHARE: Final = 0.5
_REHAB_WINDOW_DEG: Final = (0.0, 85.0)
_REHAB_CAP: Final = 1.2
_REHAB_FORGETS: Final = 0.06
_REHAB_TOO_HEAVY: Final = 1.45
_FRIENDS_NUMBERS: Final = 1_000_000
_LAYOFF_US: Final = 21 * DAY_US
_MONTH_US: Final = 30 * DAY_US
# How many sessions somebody takes it easy after a layoff, with so many work sets at most.
_EASY_SESSIONS: Final = 3
_EASY_SETS: Final = 3
_FEWEST_BEFORE_OVERDOING: Final = 6


@dataclass(frozen=True, slots=True)
class Life:
    """A member and their sessions to come, one entry a session, ascending.

    strength: their 1RM then, as a share of the lifter's. share: of that 1RM in the work sets. sets: work sets. deep:
    they go deeper as they tire. overdo: they mean to do far too much. friend_came: the friend was there too, and took
    turns on the same badge; None: never. badged: False for who trains without a badge, and is nobody to the services.
    """

    lifter: Lifter
    press: Press
    gym: str
    machine: str
    starts_us: Whole
    strength: Numbers
    share: Numbers
    sets: Whole
    deep: Flags
    overdo: Flags
    friend: Lifter | None = None
    friend_came: Flags | None = None
    protocol: Protocol | None = None
    badged: bool = True

    @property
    def shared(self) -> Flags:
        """The sessions that two people did."""
        return np.zeros(len(self.starts_us), dtype=np.bool_) if self.friend_came is None else self.friend_came

    def protocol_at(self, start_us: int) -> Protocol | None:
        """What a clinician allows them in the session that begins then; the protocol holds from their first on."""
        if self.protocol is None or start_us >= self.starts_us[0] + self.protocol.days * DAY_US:
            return None
        return self.protocol

    @property
    def limit_mm(self) -> float:
        """The member's calibrated limit."""
        return self.lifter.limit_mm(self.press)


def life(seed: int, number: int, gyms: int, start_us: int, days: int) -> Life:
    """The life of member `number` from `start_us` (midnight, UTC) on, for so many days, in one of `gyms` gyms."""
    rng = np.random.default_rng([seed, number, _LIFE_STREAM])
    chance = rng.random(7)
    temper: Temper = "steady"
    if chance[0] < _OVERKEEN:
        temper = "overkeen"
    elif chance[0] < _OVERKEEN + _DEEP_WHEN_TIRED:
        temper = "deep-when-tired"
    person = lifter(seed, number, f"h{seed}-{number:05d}", temper)
    machine = number // MEMBERS_A_MACHINE
    place = machine // gyms
    press = _MODELS[place % len(_MODELS)]
    kinds = np.random.default_rng([seed, number, _KIND_STREAM])
    kind = float(kinds.random()) if temper == "steady" else 1.0
    badged, sociable = kind >= _WITHOUT_A_BADGE, _WITHOUT_A_BADGE <= kind < _WITHOUT_A_BADGE + _WITH_A_FRIEND
    in_rehab = 0.0 <= kind - _WITHOUT_A_BADGE - _WITH_A_FRIEND < _IN_REHAB
    if in_rehab:
        person = replace(person, knee_deg=_REHAB_KNEE_DEG, share_of_1rm=_REHAB_SHARE, spread_mm=3.0, bounces=False)
    beginner = bool(chance[1] < _BEGINNERS)
    first = chance[2] * days if beginner else 0.0
    last = first + chance[3] * (days - first) if chance[4] < _LEAVERS else float(days)
    starts_us, layoff_days = _starts(person, days, first, last, 0.03 + 0.12 * float(chance[5]), rng)
    starts_us += start_us + _slot_us(seed, number)
    late_us = rng.integers(0, MOST_LATE_US, len(starts_us))
    count = np.arange(len(starts_us))
    weeks_ago = (start_us + days * DAY_US - starts_us) / (7 * DAY_US)
    strength = _strength(person, beginner, weeks_ago, count, layoff_days)
    back = _since(layoff_days >= _LAYOFF_US / DAY_US, count)
    easy = (back < _EASY_SESSIONS) & (temper != "overkeen")
    share = person.share_of_1rm + rng.uniform(-0.012, 0.012, len(count)) - 0.10 * easy
    if beginner:
        share -= 0.12 * np.exp(-count / 8.0)
    sets = np.where(easy, min(_EASY_SETS, person.sets), person.sets)
    overdo = np.zeros(len(count), dtype=np.bool_)
    deep = np.zeros(len(count), dtype=np.bool_)
    if temper == "overkeen" and len(count):
        settled = (count >= _FEWEST_BEFORE_OVERDOING) & (starts_us - starts_us[0] > _MONTH_US) & (layoff_days < 21)
        # A month apart, so that each is measured against usual sessions.
        overdo = settled & (rng.random(len(count)) < 0.05)
        for index in np.flatnonzero(overdo):
            overdo[index] = not np.any(overdo[:index] & (starts_us[:index] > starts_us[index] - _MONTH_US - DAY_US))
    if temper == "deep-when-tired" and len(count):
        began_us = start_us + int(chance[6] * days * DAY_US)
        corrected_us = began_us + int(rng.uniform(20.0, 60.0) * DAY_US)
        deep = (starts_us >= began_us) & (starts_us < corrected_us)
    friend, friend_came, protocol = None, None, None
    if sociable:
        drawn = friend_of(person, number + _FRIENDS_NUMBERS, f"{person.user}-friend")
        friend = replace(drawn, sets=_FRIENDS_SETS, rest_s=_FRIENDS_REST_S)
        person = replace(person, rest_s=_FRIENDS_REST_S)
        together_us = start_us + int(kinds.uniform(0.0, max(0.0, days - _FRIENDS_DAYS)) * DAY_US)
        friend_came = (starts_us >= together_us) & (starts_us < together_us + _FRIENDS_DAYS * DAY_US)
        friend_came &= kinds.random(len(count)) < _FRIENDS_COME
    if in_rehab:
        protocol = _protocol(person, press, int(kinds.integers(42, 120)))
        share = np.where(kinds.random(len(count)) < _REHAB_FORGETS, _REHAB_TOO_HEAVY * share, share)
    in_time = overdo if friend_came is None else overdo | friend_came
    return Life(
        lifter=person,
        press=press,
        gym=f"gym-{machine % gyms + 1}",
        machine=f"press-{place + 1}",
        # Who means to stay long is in time.
        starts_us=starts_us + np.where(in_time, 0, late_us),
        strength=strength,
        share=share,
        sets=sets,
        deep=deep,
        overdo=overdo,
        friend=friend,
        friend_came=friend_came,
        protocol=protocol,
        badged=badged,
    )


def _protocol(person: Lifter, press: Press, days: int) -> Protocol:
    """A window of the knee, and a cap a fifth above what they are to press."""
    usual_kg = person.share_of_1rm * person.one_rm_n / press.newtons_per_kg(person.setup(press))
    return Protocol(_REHAB_WINDOW_DEG, press.load_near(_REHAB_CAP * usual_kg), days)


def gyms_for(members: int) -> int:
    """How many gyms so many members fill."""
    return max(1, -(-members // (MACHINES_A_GYM * MEMBERS_A_MACHINE)))


def _slot_us(seed: int, number: int) -> int:
    """A member's place in the day: more want to come in the morning and the evening than in between."""
    rng = np.random.default_rng([seed, number // MEMBERS_A_MACHINE, _SLOT_STREAM])
    hour = 6.0 + np.arange(_SLOTS) * SLOT_US / (60 * MINUTE_US)
    wanted = 0.25 + np.exp(-(((hour - 7.5) / 1.5) ** 2)) + 1.6 * np.exp(-(((hour - 18.0) / 2.0) ** 2))
    slots = rng.choice(_SLOTS, MEMBERS_A_MACHINE, replace=False, p=wanted / wanted.sum())
    return _OPENS_US + int(slots[number % MEMBERS_A_MACHINE]) * SLOT_US


def _starts(
    person: Lifter, days: int, first: float, last: float, missed: float, rng: np.random.Generator
) -> tuple[Whole, Whole]:
    """The days, in µs since the first, on which they come, and how many days each lies after the one before."""
    began = int(first) + int(rng.integers(person.gap_days[0]))
    after = person.rhythm(int(rng.integers(len(person.gap_days))), days - began)
    day = began + np.concatenate([[0], after])
    here = (day < min(last, days)) & (rng.random(len(day)) >= missed)
    for _ in range(int(rng.poisson(_LAYOFFS_A_YEAR * days / 365.0))):
        away = rng.uniform(0.0, days)
        back = away + min(max(float(rng.lognormal(np.log(24.0), 0.6)), 12.0), 120.0)
        here &= (day < away) | (day >= back)
    day = day[here]
    return day * DAY_US, np.diff(day, prepend=day[:1])


def _strength(person: Lifter, beginner: bool, weeks_ago: Numbers, count: Whole, gap_days: Whole) -> Numbers:
    """Growth to what they can do at the end, beginners' fastest; what a layoff takes, and training gives back."""
    strength = person.strength(weeks_ago) * after_breaks(gap_days)
    return strength * (1.0 - 0.22 * np.exp(-count / 40.0)) if beginner else strength


def _since(began: Flags, count: Whole) -> Whole:
    """How many sessions ago the latest that `began` was; very many before the first."""
    latest: Whole = np.maximum.accumulate(np.where(began, count, -1_000_000))
    return count - latest
