"""Who comes to which machine, and when: scenarios at work."""

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from itertools import pairwise, zip_longest
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from sledwatch_sim.api import Api
from sledwatch_sim.equipment.models import INCLINE, MODELS, Press
from sledwatch_sim.equipment.sensors import Sensor
from sledwatch_sim.history import PastSession, past_sessions
from sledwatch_sim.people import DAY_US, Lifter, PlannedSet, Temper, friend_of, lifter
from sledwatch_sim.performing import perform
from sledwatch_sim.scenarios import Gym, Person, Scenario
from sledwatch_sim.truth import Done, hard_sets
from sledwatch_sim.visits import Visit, Visited
from sledwatch_sim.wire.conditions import Conditions

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
_MONTH_US: Final = 30 * DAY_US
_LONG_WINDOW_US: Final = 90 * DAY_US
# The longest that anybody stays, the overkeen included.
_LONGEST_VISIT_US: Final = 24 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Ids:
    """Names for sessions, boots and people: from the seed for a run that can be repeated, else never seen before.

    scenario: so that two of one seed and start do not share names.
    """

    seed: int | None
    scenario: str = ""

    def session(self, lifter: Lifter, start_us: int) -> str:
        """A session id; it does not depend on the order in which sessions are made."""
        return self._token("session", lifter.number, start_us)

    def boot(self, machine: int, start_us: int) -> str:
        """A boot, of more than 64 bits."""
        return self._token("boot", machine, start_us)

    def run(self, start_us: int) -> str:
        """A short name for the run."""
        return self._token("run", 0, start_us)[:6]

    def _token(self, what: str, number: int, at_us: int) -> str:
        if self.seed is None:
            return secrets.token_hex(13)
        return hashlib.sha256(f"{what}/{self.scenario}/{self.seed}/{number}/{at_us}".encode()).hexdigest()[:26]


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine on the floor: in which gym, of which model, with which sensors, behind which network."""

    gym: str
    name: str
    press: Press
    sensor: Sensor
    network: Conditions


class Programme(Protocol):
    """A scenario at work. `prepare` and `admit` run at the front desk, all else in the network's thread."""

    @property
    def machines(self) -> Sequence[Machine]:
        """The machines on the floor, in order of their numbers."""

    def prepare(self, api: Api) -> None:
        """Before the first visit. Raises ApiError."""

    def next(self, machine: int, free_us: int) -> tuple[Lifter, int] | None:
        """Who comes next to a machine that is free from a time on, and when; None when nobody will."""

    def admit(self, api: Api, machine: int, lifter: Lifter, start_us: int) -> Visit:
        """Enrol who is new, with limit and history. Raises ApiError; trying again is fine."""

    def over(self, machine: int, visited: Visited, done: Done) -> None:
        """A visit is over."""


class Cast:
    """A scenario with a fixed cast, machine by machine; each comes once. zone: of its gyms."""

    def __init__(self, scenario: Scenario, seed: int, start_us: int, ids: Ids, zone: tzinfo = UTC) -> None:
        self.machines = _machines(scenario)
        self._gyms = scenario.gyms
        self._ids = ids
        self._zone = zone
        run = ids.run(start_us)
        self._waiting: list[list[_Role]] = [[] for _ in self.machines]
        for at, _ in enumerate(scenario.gyms):
            everybody = [kind for kind in scenario.people for _ in range(kind.count)]
            for turn, kind in enumerate(everybody):
                machine = at * scenario.machines_each + kind.machine - 1
                self._waiting[machine].append(_role(kind, seed, 1_000 * (at + 1) + 2 * turn, run))
        self._roles = {role.lifter.number: role for waiting in self._waiting for role in waiting}

    def prepare(self, api: Api) -> None:
        for gym in self._gyms:
            api.put_gym(gym.name, gym.title, self._zone)

    def next(self, machine: int, free_us: int) -> tuple[Lifter, int] | None:
        if not self._waiting[machine]:
            return None
        role = self._waiting[machine].pop(0)
        return role.lifter, free_us + round(role.kind.after_s * SECOND_US)

    def admit(self, api: Api, machine: int, lifter: Lifter, start_us: int) -> Visit:
        place, role = self.machines[machine], self._roles[lifter.number]
        press = place.press
        known = role.kind.badge != "none"
        history: list[PastSession] = []
        if known:
            api.put_member(lifter, press, place.gym, place.name, calibrated=role.kind.calibrated)
            if role.kind.protocol is not None:
                api.put_protocol(lifter, role.kind.protocol, start_us)
            history = past_sessions(lifter, press, start_us, self._zone)
            if history:
                api.send_history(lifter, place.gym, place.name, history)
        past = tuple(_known(session) for session in history)
        return Visit(
            lifter=lifter,
            session=self._ids.session(lifter, start_us) if known else None,
            start_us=start_us,
            plan=tuple(role.plan(press, start_us, past)),
            limit_mm=lifter.limit_mm(press) if known and role.kind.calibrated else None,
            past=past,
            friend=role.friend,
            protocol=role.kind.protocol,
        )

    def over(self, machine: int, visited: Visited, done: Done) -> None:
        """Everybody comes once."""


@dataclass(frozen=True, slots=True)
class _Role:
    """Somebody of the cast, and their friend where two share a badge."""

    kind: Person
    lifter: Lifter
    friend: Lifter | None

    def plan(self, press: Press, start_us: int, past: Sequence[Done]) -> list[PlannedSet]:
        """What they mean to do today."""
        kind, lifter = self.kind, self.lifter
        rng = _planning(lifter, start_us)
        if kind.work_of_best is not None:
            best_j = _best(past, start_us, _LONG_WINDOW_US)
            return lifter.plan_of(press, rng, kind.work_of_best * best_j)
        if kind.sets_today is not None:
            return lifter.plan_sets(press, rng, kind.sets_today, kind.load_today or 1.0)
        if lifter.temper == "overkeen" and past:
            return lifter.overkeen_plan(press, rng, _best(past, start_us, _MONTH_US))
        usual = lifter.plan(press, rng)
        if self.friend is None:
            return usual
        friends = [replace(one, friends=True) for one in self.friend.plan(press, rng)]
        return [one for both in zip_longest(usual, friends) for one in both if one is not None]


def _role(kind: Person, seed: int, number: int, run: str) -> _Role:
    drawn = lifter(seed, number, f"m-{run}-{number}", kind.temper, kind.obeys, kind.sex)
    asked: dict[str, Any] = {
        "height_mm": kind.height_mm,
        "one_rm_n": None if kind.one_rm_kg is None else INCLINE.newtons_per_kg(drawn.setup(INCLINE)) * kind.one_rm_kg,
        "knee_deg": kind.knee_deg,
        "spread_mm": kind.spread_mm,
        "bounces": kind.bounces,
        "share_of_1rm": kind.share_of_1rm,
        "reserve": kind.reserve,
        "sets": kind.sets,
        "rest_s": kind.rest_s,
        "gap_days": kind.rhythm_days,
        "growth_a_week": None if kind.growth_pct_a_week is None else kind.growth_pct_a_week / 100.0,
        "feels_back": kind.feels_back,
    }
    if kind.height_mm is not None:
        scale = kind.height_mm / drawn.height_mm
        asked |= {name: scale * getattr(drawn, name) for name in ("femur_mm", "shank_mm", "ankle_mm")}
    person = replace(
        drawn,
        kept=kind.kept,
        days=round(7 * kind.weeks),
        off_days=kind.off_days,
        **{name: value for name, value in asked.items() if value is not None},
    )
    friend = friend_of(person, number + 1, f"m-{run}-{number + 1}") if kind.badge == "shared" else None
    return _Role(kind, person, friend)


def _machines(scenario: Scenario) -> list[Machine]:
    """All machines of all gyms, those of the first gym first."""
    each = [kind for kind in scenario.machines for _ in range(kind.count)]
    return [
        Machine(gym.name, f"press-{number}", MODELS[kind.model].at_rate(kind.rate_hz), kind.sensor, kind.network)
        for gym in scenario.gyms
        for number, kind in enumerate(each, start=1)
    ]


def _known(session: PastSession) -> Done:
    """An earlier session as overuse looks at it."""
    sets: dict[int, list[float]] = defaultdict(list)
    for rep in session.reps:
        sets[rep["set"]].append(rep["velocity_loss_pct"])
    top_kg = max(rep["load_kg"] for rep in session.reps)
    return Done(session.start_us, session.end_us, session.work_j, top_kg, hard_sets(sets.values()))


def _best(past: Iterable[Done], now_us: int, window_us: int) -> float:
    """The most work of the sessions of a window before now, in joules; 0 for none."""
    return max((one.work_j for one in past if one.start_us > now_us - window_us), default=0.0)


class OpenGym:
    """A gym that is never closed: people come, go, and come back in their own rhythm; new ones join when nobody is due.

    scenario: one with a crowd. gym: where else than the scenario says. prefix: how the names of members begin.
    until_us: nobody comes who would still be there then; None for ever. found_open: there are sessions that have just
    ended and some that go on, unless somebody has been there in an earlier run. Members have a machine that they
    always use. zone: of the gym; None: whatever staff say. Raises ValueError where the scenario has no crowd.
    """

    # When the gym is found open, by machine, in seconds from now: the overkeen one and one who goes too deep have just
    # left; another who does is in the middle of a session, to be watched, and so is a steady one; the rest will come.
    _FOUND_OPEN_S = (-26 * 60, -13 * 60, -300, -200, 4, 25, 50, 95)
    _WATCHED = 2
    _FIRST: tuple[Temper, ...] = ("overkeen", "deep-when-tired", "deep-when-tired")

    def __init__(
        self,
        scenario: Scenario,
        prefix: str,
        seed: int,
        until_us: int | None,
        ids: Ids,
        *,
        found_open: bool,
        zone: tzinfo | None = None,
    ) -> None:
        if scenario.crowd is None:
            raise ValueError("this scenario has no crowd")
        self.machines = _machines(scenario)
        self._gym = scenario.gyms[0]
        self._crowd = scenario.crowd
        self._prefix = prefix
        self._seed = seed
        self._until_us = until_us
        self._ids = ids
        self._found_open = found_open
        self._zone = zone
        self._opened: set[int] = set()  # machines that somebody came to in this run
        self._last_us: dict[int, int] = {}  # when each lifter came last, by number
        self._enrolled: set[int] = set()
        self._past: dict[int, list[Done]] = {}  # of those whose every session is known
        self._people: dict[int, Lifter] = {}
        self._newest = [machine - len(self.machines) for machine in range(len(self.machines))]

    def prepare(self, api: Api) -> None:
        api.put_gym(self._gym.name, self._gym.title, self._zone)
        if self._until_us is not None:
            return  # a run with an end has members of its own, and the same ones when it is repeated
        for user, last_at in api.members().items():
            number = self._number(user)
            # Somebody without a session was being enrolled when an earlier run ended: they are new once more.
            if number is None or last_at is None:
                continue
            self._last_us[number] = _microseconds(last_at)
            self._enrolled.add(number)
            machine = number % len(self.machines)
            self._newest[machine] = max(self._newest[machine], number)
        self._found_open = self._found_open and not self._enrolled

    def next(self, machine: int, free_us: int) -> tuple[Lifter, int] | None:
        start_us = self._when(machine, free_us)
        if self._until_us is not None and start_us > self._until_us - _LONGEST_VISIT_US:
            return None
        number = self._who(machine, start_us)
        self._last_us[number] = start_us
        return self._person(number), start_us

    def admit(self, api: Api, machine: int, lifter: Lifter, start_us: int) -> Visit:
        place = self.machines[machine]
        new = lifter.number not in self._enrolled
        if new:
            api.put_member(lifter, place.press, place.gym, place.name)
            history = past_sessions(lifter, place.press, start_us, self._zone or UTC)
            api.send_history(lifter, place.gym, place.name, history)
            self._past[lifter.number] = [_known(session) for session in history]
            self._enrolled.add(lifter.number)
        past = self._past.get(lifter.number)
        return _visit(lifter, place.press, start_us, None if past is None else tuple(past), self._ids, keen=new)

    def over(self, machine: int, visited: Visited, done: Done) -> None:  # noqa: ARG002 - members are known by number
        visit = visited.visit
        if visit.lifter.number in self._past:
            self._past[visit.lifter.number].append(done)

    def _when(self, machine: int, free_us: int) -> int:
        rng = np.random.default_rng([self._seed, machine, free_us // SECOND_US, 2])
        if machine in self._opened:
            return free_us + int(rng.uniform(*self._crowd.pause_s) * SECOND_US)
        self._opened.add(machine)
        if not self._found_open:
            return free_us + int((2.0 + 9.0 * machine + rng.uniform(0.0, 6.0)) * SECOND_US)
        if machine == self._WATCHED:
            return self._in_time(machine, free_us)
        return free_us + self._FOUND_OPEN_S[machine] * SECOND_US

    def _in_time(self, machine: int, now_us: int) -> int:
        """When somebody who goes too deep has begun, so that they go past their limit while whoever starts watching."""
        place, person = self.machines[machine], self._person(machine)
        limit_mm = person.limit_mm(place.press)
        starts_us = (now_us + wait_s * SECOND_US for wait_s in range(-480, -240, 3))
        for start_us in starts_us:
            plan = person.plan(place.press, _planning(person, start_us))
            done = perform(person, place.press, plan, person.rng(start_us), lambda: None)
            past_it = [rep for stretch in done if (rep := stretch.rep) is not None and rep.bottom_mm > limit_mm]
            told_s = next((rep.turn_s for first, rep in pairwise(past_it) if first.set == rep.set), 0.0)
            if 25.0 <= told_s + (start_us - now_us) / SECOND_US <= 45.0:
                return start_us
        return now_us + self._FOUND_OPEN_S[machine] * SECOND_US

    def _who(self, machine: int, start_us: int) -> int:
        """Who is due longest, or, if nobody is, somebody new."""
        due = [
            (due_us, number)
            for number, last_us in self._last_us.items()
            if number % len(self.machines) == machine
            and (due_us := last_us + _gap_us(self._person(number), last_us)) <= start_us
        ]
        if due:
            return min(due)[1]
        self._newest[machine] += len(self.machines)
        return self._newest[machine]

    def _person(self, number: int) -> Lifter:
        if number not in self._people:
            temper, obeys = self._temper(number)
            person = lifter(self._seed, number, f"{self._prefix}{1001 + number}", temper, obeys)
            self._people[number] = replace(person, days=round(7 * self._crowd.weeks))
        return self._people[number]

    def _temper(self, number: int) -> tuple[Temper, bool | None]:
        """Most are steady. The first three, who are there when the gym is found open, show what can be seen."""
        if self._until_us is None and number < len(self._FIRST):
            return self._FIRST[number], False
        chance = np.random.default_rng([self._seed, number, 3]).random()
        if chance < self._crowd.overkeen:
            return "overkeen", None
        deep = chance < self._crowd.overkeen + self._crowd.deep_when_tired
        return ("deep-when-tired" if deep else "steady"), None

    def _number(self, user: str) -> int | None:
        digits = user.removeprefix(self._prefix)
        return int(digits) - 1001 if user.startswith(self._prefix) and digits.isdecimal() else None


class Together:
    """Several programmes side by side, each with its own gyms: the machines of the first come first."""

    def __init__(self, programmes: Sequence[Programme]) -> None:
        self._programmes = [(each, at) for each in programmes for at, _ in enumerate(each.machines)]
        self._each = programmes
        self.machines = [machine for each in programmes for machine in each.machines]

    def prepare(self, api: Api) -> None:
        for each in self._each:
            each.prepare(api)

    def next(self, machine: int, free_us: int) -> tuple[Lifter, int] | None:
        programme, at = self._programmes[machine]
        return programme.next(at, free_us)

    def admit(self, api: Api, machine: int, lifter: Lifter, start_us: int) -> Visit:
        programme, at = self._programmes[machine]
        return programme.admit(api, at, lifter, start_us)

    def over(self, machine: int, visited: Visited, done: Done) -> None:
        programme, at = self._programmes[machine]
        programme.over(at, visited, done)


def _visit(
    lifter: Lifter, press: Press, start_us: int, past: tuple[Done, ...] | None, ids: Ids, *, keen: bool
) -> Visit:
    """A session as the lifter means to do it; the overkeen overdo it when `keen`."""
    rng = _planning(lifter, start_us)
    best_j = _best(past or (), start_us, _MONTH_US)
    overdo = keen and lifter.temper == "overkeen" and best_j > 0.0
    plan = lifter.overkeen_plan(press, rng, best_j) if overdo else lifter.plan(press, rng)
    return Visit(
        lifter=lifter,
        session=ids.session(lifter, start_us),
        start_us=start_us,
        plan=tuple(plan),
        limit_mm=lifter.limit_mm(press),
        past=past,
    )


def _planning(lifter: Lifter, start_us: int) -> np.random.Generator:
    """The chance of what they plan for the session that begins at a time."""
    return np.random.default_rng([lifter.seed, lifter.number, start_us // SECOND_US, 4])


def _gap_us(lifter: Lifter, last_us: int) -> int:
    """From the start of a session to the next: one of their rhythm's gaps."""
    rng = np.random.default_rng([lifter.seed, lifter.number, last_us // DAY_US, 5])
    return int(rng.choice(lifter.gap_days)) * DAY_US


def _microseconds(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1e6)


def at_work(scenario: Scenario, seed: int, start_us: int, ids: Ids, zone: tzinfo = UTC) -> Programme:
    """A scenario with its people drawn, ready to begin. zone: of its gyms."""
    if scenario.crowd is None:
        return Cast(scenario, seed, start_us, ids, zone)
    until_us = start_us + scenario.span_min * MINUTE_US
    return OpenGym(scenario, f"m-{ids.run(start_us)}-", seed, until_us, ids, found_open=False, zone=zone)


def riverside(scenario: Scenario, seed: int, ids: Ids) -> OpenGym:
    """The gym of `sledwatch up`, for ever: a scenario's machines and crowd; its members are always the same."""
    gym = Gym("riverside", "Riverside Gym")
    return OpenGym(msgspec.structs.replace(scenario, gyms=(gym,)), "sim-", seed, None, ids, found_open=True)
