"""All sessions of a life at once: every set and rep in arrays, by the same rules as `Lifter` does them one by one."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from sledwatch_sim.history.lives import Flags, Life, Numbers, Whole
from sledwatch_sim.people import DAY_US, OVERKEEN, Chances, Lifter, Stroke, Strokes
from sledwatch_sim.performing import TrueRep, seen_push

_REP_STREAM: Final = 22
# As `perform` has it: the load is put on, the sled is unracked and settles; after the set it is racked.
BEFORE_SET_S: Final = 2.0
UNRACK_S: Final = 2.9
RACK_S: Final = 1.8
# Those who go too deep when tired were hardly deeper before they took to it.
_EARLIER_DRIFT_MM: Final = 8.0


@dataclass(frozen=True, slots=True)
class Reps:
    """Reps in order of time, a column each. session, set_of_all: the index of the session, and of the set among all.

    friends: done by whoever shares the badge. Times are seconds since the session's start, distances millimetres from
    the rack; truth, as in TrueRep. velocity_m_s: as the contract measures it.
    """

    session: Whole
    set_of_all: Whole
    set: Whole
    rep: Whole
    friends: Flags
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
    """A life as it went."""

    life: Life
    sessions: Sessions
    sets: Sets
    reps: Reps

    @property
    def limit_mm(self) -> float:
        """The member's calibrated limit."""
        return self.life.limit_mm

    def reps_of(self, session: int) -> slice:
        """Where the reps of the session of this index stand among all."""
        first = int(self.sessions.first_rep[session])
        return slice(first, first + int(self.sessions.reps[session]))

    def true_reps(self, session: int) -> list[TrueRep]:
        """The reps of the session of this index, one by one."""
        reps, here = self.reps, self.reps_of(session)
        columns = (
            reps.friends, reps.set, reps.rep, reps.start_s, reps.turn_s, reps.end_s, reps.load_kg, reps.share_of_1rm,
            reps.top_mm, reps.bottom_mm, reps.end_mm, reps.eccentric_s, reps.dwell_s, reps.concentric_s, reps.pause_s,
            reps.bounce_m_s,
        )  # fmt: skip
        return [
            TrueRep(
                friends=friends,
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
            for friends, number, rep, start_s, turn_s, end_s, load_kg, share, top_mm, bottom_mm, end_mm, *times in zip(
                *(column[here].tolist() for column in columns), strict=True
            )
        ]


def live(life: Life) -> Lived:
    """Do all sessions of a life."""
    rng = np.random.default_rng([life.lifter.seed, life.lifter.number, _REP_STREAM])
    press, count = life.press, len(life.starts_us)
    newtons_per_kg = press.newtons_per_kg(life.lifter.setup(press))
    plan = _planned(life, rng)
    session, sets_of = plan.session, np.bincount(plan.session, minlength=count)
    first_set = _firsts(sets_of)
    index = np.arange(len(session)) - first_set[session]
    last = index == sets_of[session] - 1
    tired = index / np.maximum(1, sets_of[session] - 1)

    # Every rep.
    in_set = np.repeat(np.arange(len(session)), plan.reps)
    first_rep = _firsts(plan.reps)
    n = len(in_set)
    number = np.arange(n) - first_rep[in_set]
    chances = Chances.drawn(rng, n)
    top_mm = np.concatenate([chances.end_mm[:1], chances.end_mm[:-1]])
    top_mm[first_rep] = rng.uniform(6.0, 14.0, len(session))
    friends = plan.friends[in_set]
    strokes = {each.name: np.zeros(n) for each in fields(Strokes)}
    for person, theirs in ((life.lifter, ~friends), (life.friend, friends)):
        if person is None or not theirs.any():
            continue
        of = in_set[theirs]
        earlier_mm = min(person.drift_mm, _EARLIER_DRIFT_MM)
        done = person.strokes(
            press,
            plan.share_of_1rm[of],
            plan.intent[of],
            tired[of],
            number[theirs].astype(np.float64),
            top_mm[theirs],
            life.limit_mm,
            chances.of(theirs),
            np.where(life.deep, person.drift_mm, earlier_mm)[session[of]],
        )
        for name, column in strokes.items():
            column[theirs] = getattr(done, name)

    # When it happens.
    before_s, after_s = rng.uniform(6.0, 12.0, count), rng.uniform(5.0, 9.0, count)
    eccentric_s, dwell_s, concentric_s = strokes["eccentric_s"], strokes["dwell_s"], strokes["concentric_s"]
    whole_s = eccentric_s + dwell_s + concentric_s + strokes["pause_s"]
    set_s = BEFORE_SET_S + UNRACK_S + _sums(whole_s, first_rep) + RACK_S + np.where(last, 0.0, plan.rest_s)
    set_start_s = before_s[session] + _before(set_s, first_set, session)
    start_s = set_start_s[in_set] + BEFORE_SET_S + UNRACK_S + _before(whole_s, first_rep, in_set)
    turn_s = start_s + eccentric_s + dwell_s
    bottom_mm, end_mm = strokes["bottom_mm"], strokes["end_mm"]
    mean_m_s = seen_push(bottom_mm, end_mm, concentric_s, strokes["bounce_m_s"])[1]
    best_m_s = np.maximum.reduceat(mean_m_s, first_rep)[in_set] if n else mean_m_s
    reps = Reps(
        session=session[in_set],
        set_of_all=in_set,
        set=index[in_set] + 1,
        rep=np.arange(n) - first_rep[first_set][session[in_set]] + 1 if n else in_set,
        friends=friends,
        start_s=start_s,
        turn_s=turn_s,
        end_s=turn_s + concentric_s,
        load_kg=plan.load_kg[in_set],
        share_of_1rm=plan.share_of_1rm[in_set],
        top_mm=top_mm,
        work_j=newtons_per_kg * plan.load_kg[in_set] * (bottom_mm - end_mm) / 1_000.0,
        velocity_m_s=mean_m_s,
        velocity_loss_pct=100.0 * (best_m_s - mean_m_s) / best_m_s,
        **strokes,
    )
    sets = Sets(session, last, plan.load_kg, plan.rest_s, first_rep, plan.reps)
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
        reps=np.add.reduceat(plan.reps, first_set) if count else first_set,
        work_j=work_j,
    )
    return Lived(life, sessions, sets, reps)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is meant to be done, a column each, set by set."""

    session: Whole
    turn: Whole
    friends: Flags
    load_kg: Numbers
    share_of_1rm: Numbers
    reps: Whole
    rest_s: Numbers
    intent: Numbers


def _planned(life: Life, rng: np.random.Generator) -> _Plan:
    """The sets of all sessions in order; where two share a badge they take turns."""
    everybody = np.arange(len(life.starts_us))
    own = _sets_of(life.lifter, life, everybody, life.share, life.strength, life.sets, life.overdo, rng, friends=False)
    if life.friend is None or not life.shared.any():
        return own
    shared = np.flatnonzero(life.shared)
    share = life.friend.share_of_1rm + rng.uniform(-0.012, 0.012, len(shared))
    sets, never = np.full(len(shared), life.friend.sets), np.zeros(len(shared), dtype=np.bool_)
    theirs = _sets_of(life.friend, life, shared, share, np.ones(len(shared)), sets, never, rng, friends=True)
    both = {each.name: np.concatenate([getattr(own, each.name), getattr(theirs, each.name)]) for each in fields(_Plan)}
    order = np.lexsort((both["friends"], both["turn"], both["session"]))
    return _Plan(**{name: column[order] for name, column in both.items()})


def _sets_of(
    person: Lifter,
    life: Life,
    sessions: Whole,
    share: Numbers,
    strength: Numbers,
    sets: Whole,
    overdo: Flags,
    rng: np.random.Generator,
    *,
    friends: bool,
) -> _Plan:
    """What one person means to do in some sessions: a warm-up and work sets, or far too many of them."""
    press = life.press
    newtons_per_kg = press.newtons_per_kg(life.lifter.setup(press))
    usual = _work_set_reps(share, person.reserve, 4)
    keen = _work_set_reps(np.full(len(sessions), person.share_of_1rm), 0.92, 6)
    work_sets = sets
    if overdo.any():
        per_set_j = newtons_per_kg * (person.habit_mm(press) - 10.0) / 1_000.0
        work_sets = np.where(overdo, _overdone_sets(life, usual, keen, per_set_j, newtons_per_kg), sets)
    sets_of = 1 + work_sets
    at = np.repeat(np.arange(len(sessions)), sets_of)
    turn = np.arange(len(at)) - _firsts(sets_of)[at]
    warm_up, overdone = turn == 0, overdo[at]
    one_rm_n = strength[at] * person.one_rm_n
    meant = np.where(warm_up, 0.45, np.where(overdone, person.share_of_1rm, share[at]))
    load_kg = _loads_near(life, meant * one_rm_n / newtons_per_kg)
    more = rng.integers(-1, 2, len(at))
    rest_s = person.rest_s * rng.uniform(0.9, 1.15, len(at))
    return _Plan(
        session=sessions[at],
        turn=turn,
        friends=np.full(len(at), friends),
        load_kg=load_kg,
        share_of_1rm=load_kg * newtons_per_kg / one_rm_n,
        reps=np.where(overdone, np.where(warm_up, 12, keen[at]), np.where(warm_up, 10, usual[at] + more)),
        rest_s=np.where(overdone & ~warm_up, rng.uniform(45.0, 55.0, len(at)), rest_s),
        intent=np.where(warm_up, 0.7, 1.0),
    )


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
