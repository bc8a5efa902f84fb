"""How somebody trains: on which days, how heavy, how many sets, and what that makes of them over the weeks."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sledwatch_sim.equipment.models import Press
from sledwatch_sim.people.technique import Numbers, PlannedSet, Technique, possible_reps

Days = NDArray[np.int64]

DAY_US: Final = 86_400_000_000
HISTORY_DAYS: Final = 56
# An overkeen session is more than twice the best of a month by a margin that no measurement error bridges.
OVERKEEN: Final = 2.4
# People come at their time of the day, give or take this (judgement).
_PUNCTUAL_MIN: Final = 20
# What a break takes, and training gives back.
_BREAK_DAYS: Final = 14
_KEPT_DAYS: Final = 10
_LOST_A_DAY: Final = 0.004
_MOST_LOST: Final = 0.20
_REGAINED_SESSIONS: Final = 6.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(Technique):
    """Somebody's training.

    share_of_1rm: of the work sets. reserve: the share of the possible reps that they do. gap_days: days from one
    session to the next, over and over. kept: the share of these sessions that they come to. days: how long ago they
    began. off_days: how long they have been away when they come today. growth_a_week: of their 1RM, as a share.
    """

    share_of_1rm: float
    reserve: float
    sets: int
    rest_s: float
    gap_days: tuple[int, ...]
    kept: float
    days: int
    off_days: int
    growth_a_week: float

    def rhythm(self, turn: int, days: int) -> Days:
        """On which of so many days after a session they mean to come again, beginning with the `turn`th gap."""
        gaps = np.roll(np.array(self.gap_days, dtype=np.int64), -turn)
        after = np.cumsum(np.resize(gaps, max(0, days) // int(gaps.min()) + 1))
        return after[after < days]

    def strength(self, weeks_ago: float | Numbers) -> float | Numbers:
        """Their 1RM so many weeks ago, as a share of what it is."""
        return (1.0 + self.growth_a_week) ** -weeks_ago

    def starts_before(self, coming_us: int, rng: np.random.Generator, zone: tzinfo = UTC) -> list[int]:
        """When their sessions began before the one at `coming_us`, ascending.

        Each lies whole days of the zone before the next, at about the same time of the day; after a layoff the latest
        at the very same time.
        """
        coming = (_EPOCH + timedelta(microseconds=coming_us)).astimezone(zone).replace(tzinfo=None)
        agos = self.off_days + self.rhythm(int(rng.integers(len(self.gap_days))), self.days - self.off_days)
        late_s = rng.integers(-60 * _PUNCTUAL_MIN, 60 * _PUNCTUAL_MIN + 1, len(agos)).tolist()
        kept = (rng.random(len(agos)) < self.kept).tolist()
        starts = [coming - timedelta(days=self.off_days)] if self.off_days else []
        for ago, late, came in zip(agos.tolist(), late_s, kept, strict=True):
            if came:
                starts.append(_same_day(coming - timedelta(days=ago), timedelta(seconds=late)))
        return [_moment_us(start, zone) for start in reversed(starts)]

    def plan(self, press: Press, rng: np.random.Generator, weeks_ago: float = 0.0) -> list[PlannedSet]:
        """A session as usual: a warm-up, then their sets at their share of the 1RM, a rep more or less."""
        strength = float(self.strength(weeks_ago))
        warm_up = self._set(press, 0.45, 10, 0.7, rng, strength)
        share = self.share_of_1rm + rng.uniform(-0.012, 0.012)
        reps = max(4, round(self.reserve * possible_reps(share)))
        work = [self._set(press, share, reps + int(rng.integers(-1, 2)), 1.0, rng, strength) for _ in range(self.sets)]
        return [warm_up, *work]

    def overkeen_plan(self, press: Press, rng: np.random.Generator, best_j: float) -> list[PlannedSet]:
        """Far too much: nearly to failure, set after set, until the work is 2.4 times `best_j`, with short rests."""
        reps = max(6, round(0.92 * possible_reps(self.share_of_1rm)))
        sets = [self._set(press, 0.45, 12, 0.7, rng)]
        while self._work_j(press, sets) < OVERKEEN * best_j:
            sets.append(replace(self._set(press, self.share_of_1rm, reps, 1.0, rng), rest_s=rng.uniform(45.0, 55.0)))
        return sets

    def plan_of(self, press: Press, rng: np.random.Generator, work_j: float) -> list[PlannedSet]:
        """A session of so much work: usual sets after a warm-up, the last one as long as it takes."""
        reps = max(4, round(self.reserve * possible_reps(self.share_of_1rm)))
        sets = [self._set(press, 0.45, 10, 0.7, rng)]
        while (left_j := work_j - self._work_j(press, sets)) > 0.0:
            following = self._set(press, self.share_of_1rm, reps, 1.0, rng)
            missing = round(reps * left_j / self._work_j(press, [following]))
            if missing < 1:
                break
            sets.append(replace(following, reps=min(reps, missing)))
        return sets

    def plan_sets(self, press: Press, rng: np.random.Generator, sets: int, load: float) -> list[PlannedSet]:
        """A session of so many work sets, at so many times the usual load, each as close to failure as usual."""
        share = min(0.92, load * self.share_of_1rm)
        reps = max(4, round(self.reserve * possible_reps(share)))
        return [
            self._set(press, 0.45, 10, 0.7, rng),
            *(self._set(press, share, reps, 1.0, rng) for _ in range(sets)),
        ]

    def _work_j(self, press: Press, sets: list[PlannedSet]) -> float:
        """What the reps of these sets amount to, at the usual depth."""
        setup, rom_mm = self.setup(press), self.habit_mm(press) - 10.0
        return sum(one.reps * press.work_j(setup, one.load_kg, rom_mm) for one in sets)

    def _set(
        self, press: Press, share: float, reps: int, intent: float, rng: np.random.Generator, strength: float = 1.0
    ) -> PlannedSet:
        """strength: their 1RM that day, as a share of today's."""
        newtons_per_kg = press.newtons_per_kg(self.setup(press))
        one_rm_n = strength * self.one_rm_n
        load_kg = press.load_near(share * one_rm_n / newtons_per_kg)
        true_share = load_kg * newtons_per_kg / one_rm_n
        return PlannedSet(load_kg, reps, self.rest_s * rng.uniform(0.9, 1.15), true_share, intent)


def after_breaks(gap_days: Days) -> Numbers:
    """Strength at each session, as a share of what it would be, for the breaks before: lost by the day, and regained.

    gap_days: how many days each session lies after the one before. Judgement: from the tenth day on 0.4 % a day, a
    fifth at most; six sessions give two thirds of it back.
    """
    count = np.arange(len(gap_days))
    strength = np.ones(len(gap_days))
    for index in np.flatnonzero(gap_days > _BREAK_DAYS):
        lost = min(_MOST_LOST, _LOST_A_DAY * (int(gap_days[index]) - _KEPT_DAYS))
        after = np.maximum(count - index, 0)
        strength *= np.where(count >= index, 1.0 - lost * np.exp(-after / _REGAINED_SESSIONS), 1.0)
    return strength


def _same_day(usual: datetime, late: timedelta) -> datetime:
    """So much later, or earlier, and still on the same day."""
    midnight = usual.replace(hour=0, minute=0, second=0, microsecond=0)
    return min(max(usual + late, midnight), midnight + timedelta(days=1, microseconds=-1))


def _moment_us(local: datetime, zone: tzinfo) -> int:
    return (local.replace(tzinfo=zone) - _EPOCH) // timedelta(microseconds=1)
