"""All sessions of a life at once: every set and rep in arrays, by the same rules as `Lifter` does them one by one."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sledwatch_sim.history.lives import Flags, Life, Numbers, Whole
from sledwatch_sim.people import (
    BOUNCE_HASTE,
    BOUNCE_SPEED,
    DAY_US,
    OVERKEEN,
    Stroke,
    shortest_push_s,
)
from sledwatch_sim.performing import TrueRep

_REP_STREAM: Final = 22
# As `perform` has it: the load is put on, the sled is unracked and settles; after the set it is racked.
BEFORE_SET_S: Final = 2.0
UNRACK_S: Final = 2.9
RACK_S: Final = 1.8
# Those who go too deep when tired were hardly deeper before they took to it.
_EARLIER_DRIFT_MM: Final = 8.0
_SPREADS: Final = 2.5


@dataclass(frozen=True, slots=True)
class Reps:
    """Reps in order of time, a column each. session, set_of_all: the index of the session, and of the set among all.

    Times are seconds since the session's start, distances millimetres from the rack; truth, as in TrueRep.
    """

    session: Whole
    set_of_all: Whole
    set: Whole
    rep: Whole
    start_s: Numbers
    turn_s: Numbers
    end_s: Numbers
    load_kg: Numbers
    share_of_1rm: Numbers
    top_mm: Numbers
    bottom_mm: Numbers
    end_mm: Numbers
    eccentric_s: Numbers
    dwell_s: Numbers
    concentric_s: Numbers
    pause_s: Numbers
    bounce_m_s: Numbers
    work_j: Numbers
    velocity_m_s: Numbers
    velocity_loss_pct: Numbers


@dataclass(frozen=True, slots=True)
class Sets:
    """Sets in order of time, a column each. last: of its session. first_rep: its index among all reps."""

    session: Whole
    last: Flags
    load_kg: Numbers
    rest_s: Numbers
    first_rep: Whole
    reps: Whole


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions in order of time, a column each.

    before_s, after_s: how long they stand at the machine before the first set and after the last. first_set, first_rep:
    their indices among all.
    """

    starts_us: Whole
    ends_us: Whole
    before_s: Numbers
    after_s: Numbers
    first_set: Whole
    sets: Whole
    first_rep: Whole
    reps: Whole
    work_j: Numbers


@dataclass(frozen=True, slots=True)
class Lived:
    """A life as it went. limit_mm: the member's calibrated limit."""

    life: Life
    limit_mm: float
    sessions: Sessions
    sets: Sets
    reps: Reps

    def reps_of(self, session: int) -> slice:
        """Where the reps of the session of this index stand among all."""
        first = int(self.sessions.first_rep[session])
        return slice(first, first + int(self.sessions.reps[session]))

    def true_reps(self, session: int) -> list[TrueRep]:
        """The reps of the session of this index, one by one."""
        reps, here = self.reps, self.reps_of(session)
        columns = (
            reps.set, reps.rep, reps.start_s, reps.turn_s, reps.end_s, reps.load_kg, reps.share_of_1rm, reps.top_mm,
            reps.bottom_mm, reps.end_mm, reps.eccentric_s, reps.dwell_s, reps.concentric_s, reps.pause_s,
            reps.bounce_m_s,
        )  # fmt: skip
        return [
            TrueRep(
                set=number,
                rep=rep,
                start_s=start_s,
                turn_s=turn_s,
                end_s=end_s,
                load_kg=load_kg,
                top_mm=top_mm,
                bottom_mm=bottom_mm,
                end_mm=end_mm,
                stroke=Stroke(top_mm, bottom_mm, end_mm, *times),
                share_of_1rm=share,
            )
            for number, rep, start_s, turn_s, end_s, load_kg, share, top_mm, bottom_mm, end_mm, *times in zip(
                *(column[here].tolist() for column in columns), strict=True
            )
        ]


def live(life: Life) -> Lived:
    """Do all sessions of a life."""
    rng = np.random.default_rng([life.lifter.seed, life.lifter.number, _REP_STREAM])
    person, press = life.lifter, life.press
    setup = person.setup(press)
    newtons_per_kg = press.newtons_per_kg(setup)
    habit_mm, limit_mm = person.habit_mm(press), person.limit_mm(press)

    # What they mean to do.
    count = len(life.starts_us)
    per_set_j = newtons_per_kg * (habit_mm - 10.0) / 1_000.0
    usual = _work_set_reps(life.share, person.reserve, 4)
    keen = _work_set_reps(np.full(count, person.share_of_1rm), 0.92, 6)
    sets_of = 1 + np.where(life.overdo, _overdone_sets(life, usual, keen, per_set_j, newtons_per_kg), life.sets)
    first_set = _firsts(sets_of)
    session = np.repeat(np.arange(count), sets_of)
    index = np.arange(len(session)) - first_set[session]
    warm_up, overdone = index == 0, life.overdo[session]
    share = np.where(warm_up, 0.45, np.where(overdone, person.share_of_1rm, life.share[session]))
    one_rm_n = life.strength[session] * person.one_rm_n
    load_kg = _loads_near(life, share * one_rm_n / newtons_per_kg)
    true_share = load_kg * newtons_per_kg / one_rm_n
    more = rng.integers(-1, 2, len(session))
    reps_of = np.where(
        overdone,
        np.where(warm_up, 12, keen[session]),
        np.where(warm_up, 10, usual[session] + more),
    )
    rest_s = np.where(
        overdone & ~warm_up, rng.uniform(45.0, 55.0, len(session)), person.rest_s * rng.uniform(0.9, 1.15, len(session))
    )
    last = index == sets_of[session] - 1
    tired = index / np.maximum(1, sets_of[session] - 1)
    intent = np.where(warm_up, 0.7, 1.0)

    # Every rep, as Lifter.stroke has it.
    in_set = np.repeat(np.arange(len(session)), reps_of)
    first_rep = _firsts(reps_of)
    n = len(in_set)
    number = np.arange(n) - first_rep[in_set]
    possible = np.maximum(1.0, 37.0 - 36.0 * true_share)
    fatigue = np.minimum(1.0, (number + 1) / possible[in_set])
    drift_mm = np.where(life.deep, person.drift_mm, min(person.drift_mm, _EARLIER_DRIFT_MM))[session][in_set]
    bottom_mm = habit_mm + drift_mm * fatigue**2 * (0.15 + 0.85 * tired[in_set])
    bottom_mm += person.spread_mm * rng.standard_normal(n)
    short_of_it_mm = np.maximum(3.0, 8.0 + 3.0 * rng.standard_normal(n))
    if person.obeys:
        bottom_mm = np.minimum(bottom_mm, limit_mm - short_of_it_mm)
    bottom_mm = np.clip(bottom_mm, 130.0, press.online.travel_mm - 10.0)
    end_mm = rng.uniform(6.0, 16.0, n)
    top_mm = np.concatenate([end_mm[:1], end_mm[:-1]])
    top_mm[first_rep] = rng.uniform(6.0, 14.0, len(session))
    velocity = person.push_m_s(true_share[in_set], fatigue, tired[in_set], intent[in_set])
    travel_m = (bottom_mm - end_mm) / 1_000.0
    eccentric_s = person.eccentric_s * (1.0 + 0.15 * fatigue) * _near_one(0.06, rng, n)
    dwell_s = person.dwell_s * rng.uniform(0.7, 1.4, n)
    concentric_s = np.maximum(shortest_push_s(press, travel_m), travel_m / velocity * _near_one(0.03, rng, n))
    bounce_m_s = np.zeros(n)
    if person.bounces:
        eccentric_s, dwell_s = np.maximum(0.8, BOUNCE_HASTE * eccentric_s), np.zeros(n)
        bounce_m_s = BOUNCE_SPEED * np.minimum((bottom_mm - top_mm) / 1_000.0 / eccentric_s, travel_m / concentric_s)
    pause_s = 0.35 + rng.uniform(0.0, 0.5, n) + 1.6 * fatigue**3

    # When it happens.
    before_s, after_s = rng.uniform(6.0, 12.0, count), rng.uniform(5.0, 9.0, count)
    whole_s = eccentric_s + dwell_s + concentric_s + pause_s
    set_s = BEFORE_SET_S + UNRACK_S + _sums(whole_s, first_rep) + RACK_S + np.where(last, 0.0, rest_s)
    set_start_s = before_s[session] + _before(set_s, first_set, session)
    start_s = set_start_s[in_set] + BEFORE_SET_S + UNRACK_S + _before(whole_s, first_rep, in_set)
    turn_s = start_s + eccentric_s + dwell_s
    mean_m_s = travel_m / concentric_s
    best_m_s = np.maximum.reduceat(mean_m_s, first_rep)[in_set] if n else mean_m_s
    reps = Reps(
        session=session[in_set],
        set_of_all=in_set,
        set=index[in_set] + 1,
        rep=np.arange(n) - first_rep[first_set][session[in_set]] + 1 if n else in_set,
        start_s=start_s,
        turn_s=turn_s,
        end_s=turn_s + concentric_s,
        load_kg=load_kg[in_set],
        share_of_1rm=true_share[in_set],
        top_mm=top_mm,
        bottom_mm=bottom_mm,
        end_mm=end_mm,
        eccentric_s=eccentric_s,
        dwell_s=dwell_s,
        concentric_s=concentric_s,
        pause_s=pause_s,
        bounce_m_s=bounce_m_s,
        work_j=newtons_per_kg * load_kg[in_set] * travel_m,
        velocity_m_s=mean_m_s,
        velocity_loss_pct=100.0 * (best_m_s - mean_m_s) / best_m_s,
    )
    sets = Sets(session, last, load_kg, rest_s, first_rep, reps_of)
    duration_s = before_s + _sums(set_s, first_set) + after_s
    first_rep_of = first_rep[first_set] if n else first_set
    work_j = _sums(reps.work_j, first_rep_of)
    sessions = Sessions(
        starts_us=life.starts_us,
        ends_us=life.starts_us + np.ceil(duration_s * 1e6).astype(np.int64),
        before_s=before_s,
        after_s=after_s,
        first_set=first_set,
        sets=sets_of,
        first_rep=first_rep_of,
        reps=np.add.reduceat(reps_of, first_set) if count else first_set,
        work_j=work_j,
    )
    return Lived(life, limit_mm, sessions, sets, reps)


def _work_set_reps(share: Numbers, reserve: float, fewest: int) -> Whole:
    reps: Whole = np.maximum(fewest, np.rint(reserve * np.maximum(1.0, 37.0 - 36.0 * share))).astype(np.int64)
    return reps


def _overdone_sets(life: Life, usual: Whole, keen: Whole, per_set_j: float, newtons_per_kg: float) -> Whole:
    """How many work sets it takes to far exceed the best of a month, by what each session is meant to be."""
    load_n = life.strength * life.lifter.one_rm_n / newtons_per_kg
    warm_up = _loads_near(life, 0.45 * load_n)
    work = _loads_near(life, life.share * load_n)
    hard = _loads_near(life, life.lifter.share_of_1rm * load_n)
    meant_j = per_set_j * (10 * warm_up + life.sets * usual * work)
    wanted = np.zeros(len(usual), dtype=np.int64)
    for at in np.flatnonzero(life.overdo):
        month = (life.starts_us < life.starts_us[at]) & (life.starts_us >= life.starts_us[at] - 30 * DAY_US)
        missing_j = OVERKEEN * meant_j[month].max() - per_set_j * 12 * warm_up[at]
        wanted[at] = np.ceil(missing_j / (per_set_j * keen[at] * hard[at]))
    return wanted


def _loads_near(life: Life, kg: Numbers) -> Numbers:
    """As Press.load_near."""
    press = life.press
    most = int((press.most_kg - press.empty_kg) / press.step_kg)
    loads: Numbers = press.empty_kg + press.step_kg * np.clip(np.rint((kg - press.empty_kg) / press.step_kg), 0, most)
    return loads


def _near_one(spread: float, rng: np.random.Generator, n: int) -> Numbers:
    return 1.0 + spread * np.clip(rng.standard_normal(n), -_SPREADS, _SPREADS)


def _firsts(lengths: Whole) -> Whole:
    """Where each of several runs begins when they stand one after the other."""
    firsts: Whole = np.cumsum(lengths) - lengths
    return firsts


def _sums(values: Numbers, firsts: Whole) -> Numbers:
    """The sum of each run."""
    sums: Numbers = np.add.reduceat(values, firsts) if len(firsts) else values[:0]
    return sums


def _before(values: Numbers, firsts: Whole, run: Whole) -> Numbers:
    """What stands before each value in its run, summed."""
    all_before = np.cumsum(values) - values
    before: Numbers = all_before - all_before[firsts][run]
    return before
