"""Who comes to which machine, and when: the scenarios."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final, Protocol

import numpy as np

from sledwatch_sim.api import Api
from sledwatch_sim.equipment.models import INCLINE, SEATED, SUPINE, Press
from sledwatch_sim.history import PastSession, past_sessions
from sledwatch_sim.people import DAY_US, Lifter, PlannedSet, Temper, lifter
from sledwatch_sim.performing import perform
from sledwatch_sim.visits import Visit, Visited

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
_MONTH_US: Final = 30 * DAY_US
# The longest that anybody stays, the overkeen included.
_LONGEST_VISIT_US: Final = 24 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Ids:
    """Names for sessions, boots and people: from the seed for a run that can be repeated, else never seen before."""

    seed: int | None

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
        return hashlib.sha256(f"{what}/{self.seed}/{number}/{at_us}".encode()).hexdigest()[:26]


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the scenario's gym."""

    name: str
    press: Press


class Programme(Protocol):
    """A scenario at work. `prepare` and `admit` run at the front desk, all else in the network's thread."""

    gym: str
    title: str

    @property
    def machines(self) -> Sequence[Machine]:
        """The machines on the floor, in order of their numbers."""

    def prepare(self, api: Api) -> None:
        """Before the first visit. Raises ApiError."""

    def next(self, machine: int, free_us: int) -> tuple[Lifter, int] | None:
        """Who comes next to a machine that is free from a time on, and when; None when nobody will."""

    def admit(self, api: Api, machine: int, lifter: Lifter, start_us: int) -> Visit:
        """Enrol who is new, with limit and history. Raises ApiError; trying again is fine."""

    def over(self, visited: Visited, work_j: float) -> None:
        """A visit is over."""


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody in a script. after_us: from the start, or from the end of the visit before at that machine."""

    temper: Temper
    after_us: int
    obeys: bool = False


class Script:
    """A scenario with a fixed cast, machine by machine; each has members of its own, enrolled before it begins."""

    def __init__(
        self, gym: str, title: str, cast: Sequence[Sequence[Role]], seed: int, start_us: int, ids: Ids
    ) -> None:
        self.gym = gym
        self.title = title
        self.machines = [Machine(f"press-{number + 1}", INCLINE) for number in range(len(cast))]
        self._seed = seed
        self._start_us = start_us
        self._ids = ids
        run = ids.run(start_us)
        self._waiting = [
            [(role, _person(seed, machine, turn, run, role)) for turn, role in enumerate(roles)]
            for machine, roles in enumerate(cast)
        ]
        self._past: dict[str, list[PastSession]] = {}

    def prepare(self, api: Api) -> None:
        api.put_gym(self.gym, self.title)
        for machine, waiting in zip(self.machines, self._waiting, strict=True):
            for _, person in waiting:
                api.put_member(person, machine.press, self.gym, machine.name)
                past = past_sessions(person, machine.press, self._start_us)
                api.send_history(person, self.gym, machine.name, past)
                self._past[person.user] = past

    def next(self, machine: int, free_us: int) -> tuple[Lifter, int] | None:
        if not self._waiting[machine]:
            return None
        role, person = self._waiting[machine].pop(0)
        return person, free_us + role.after_us

    def admit(self, api: Api, machine: int, lifter: Lifter, start_us: int) -> Visit:  # noqa: ARG002 - all are enrolled
        past = tuple((session.start_us, session.work_j) for session in self._past[lifter.user])
        return _visit(lifter, self.machines[machine].press, start_us, past, self._ids, keen=True)

    def over(self, visited: Visited, work_j: float) -> None:
        """Everybody comes once."""


def _person(seed: int, machine: int, turn: int, run: str, role: Role) -> Lifter:
    number = 100 * (machine + 1) + turn
    return lifter(seed, number, f"m-{run}-{number}", role.temper, role.obeys)


class OpenGym:
    """A gym that is never closed: people come, go, and come back in their own rhythm; new ones join when nobody is due.

    gym, title, prefix: its names, and how those of its members begin. until_us: nobody comes
    who would still be there then; None for ever. found_open: there are sessions that have just ended and some that go
    on, unless somebody has been there in an earlier run. Members have a machine that they always use.
    """

    machines = tuple(
        Machine(f"press-{number}", press)
        for number, press in enumerate((INCLINE, INCLINE, INCLINE, SEATED, INCLINE, SUPINE, INCLINE, SEATED), start=1)
    )
    # When the gym is found open, by machine, in seconds from now: the overkeen one and one who goes too deep have just
    # left; another who does is in the middle of a session, to be watched, and so is a steady one; the rest will come.
    _FOUND_OPEN_S = (-26 * 60, -13 * 60, -300, -200, 4, 25, 50, 95)
    _WATCHED = 2
    _FIRST: tuple[Temper, ...] = ("overkeen", "deep-when-tired", "deep-when-tired")

    def __init__(
        self,
        gym: str,
        title: str,
        prefix: str,
        seed: int,
        until_us: int | None,
        ids: Ids,
        *,
        found_open: bool,
    ) -> None:
        self.gym = gym
        self.title = title
        self._prefix = prefix
        self._seed = seed
        self._until_us = until_us
        self._ids = ids
        self._found_open = found_open
        self._opened: set[int] = set()  # machines that somebody came to in this run
        self._last_us: dict[int, int] = {}  # when each lifter came last, by number
        self._enrolled: set[int] = set()
        self._past: dict[int, list[tuple[int, float]]] = {}  # of those whose every session is known
        self._people: dict[int, Lifter] = {}
        self._newest = [machine - len(self.machines) for machine in range(len(self.machines))]

    def prepare(self, api: Api) -> None:
        api.put_gym(self.gym, self.title)
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
            api.put_member(lifter, place.press, self.gym, place.name)
            history = past_sessions(lifter, place.press, start_us)
            api.send_history(lifter, self.gym, place.name, history)
            self._past[lifter.number] = [(session.start_us, session.work_j) for session in history]
            self._enrolled.add(lifter.number)
        past = self._past.get(lifter.number)
        return _visit(lifter, place.press, start_us, None if past is None else tuple(past), self._ids, keen=new)

    def over(self, visited: Visited, work_j: float) -> None:
        visit = visited.visit
        if visit.lifter.number in self._past:
            self._past[visit.lifter.number].append((visit.start_us, work_j))

    def _when(self, machine: int, free_us: int) -> int:
        rng = np.random.default_rng([self._seed, machine, free_us // SECOND_US, 2])
        if machine in self._opened:
            return free_us + int(rng.uniform(40.0, 240.0) * SECOND_US)
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
            plan = _plan(person, place.press, start_us, None)
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
            and (due_us := last_us + self._person(number).gap_us(last_us // DAY_US)) <= start_us
        ]
        if due:
            return min(due)[1]
        self._newest[machine] += len(self.machines)
        return self._newest[machine]

    def _person(self, number: int) -> Lifter:
        if number not in self._people:
            temper, obeys = self._temper(number)
            self._people[number] = lifter(self._seed, number, f"{self._prefix}{1001 + number}", temper, obeys)
        return self._people[number]

    def _temper(self, number: int) -> tuple[Temper, bool | None]:
        """Most are steady. The first three, who are there when the gym is found open, show what can be seen."""
        if number < len(self._FIRST):
            return self._FIRST[number], False
        chance = np.random.default_rng([self._seed, number, 3]).random()
        if chance < 0.01:
            return "overkeen", None
        return ("deep-when-tired" if chance < 0.05 else "steady"), None

    def _number(self, user: str) -> int | None:
        digits = user.removeprefix(self._prefix)
        return int(digits) - 1001 if user.startswith(self._prefix) and digits.isdecimal() else None


def _visit(
    lifter: Lifter, press: Press, start_us: int, past: tuple[tuple[int, float], ...] | None, ids: Ids, *, keen: bool
) -> Visit:
    """A session as the lifter means to do it; the overkeen overdo it when `keen`."""
    lately = [work_j for t_us, work_j in past or () if t_us > start_us - _MONTH_US]
    overdo = keen and lifter.temper == "overkeen"
    plan = _plan(lifter, press, start_us, max(lately, default=None) if overdo else None)
    return Visit(
        lifter=lifter,
        session=ids.session(lifter, start_us),
        start_us=start_us,
        plan=tuple(plan),
        limit_mm=lifter.limit_mm(press),
        past=past,
    )


def _plan(lifter: Lifter, press: Press, start_us: int, overdo_j: float | None) -> list[PlannedSet]:
    """The sets of the session that begins at a time, as usual or far beyond a best of so many joules."""
    rng = np.random.default_rng([lifter.seed, lifter.number, start_us // SECOND_US, 4])
    return lifter.plan(press, rng) if overdo_j is None else lifter.overkeen_plan(press, rng, overdo_j)


def _microseconds(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1e6)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A programme that can be asked for by name. span_us: no event lies further than this from its start."""

    name: str
    span_us: int
    make: Callable[[int, int, Ids], Programme]


def _too_deep(seed: int, start_us: int, ids: Ids) -> Programme:
    pause_us = 40 * SECOND_US
    cast = (
        (Role("deep-when-tired", 2 * SECOND_US), Role("steady", pause_us)),
        (Role("steady", 5 * SECOND_US), Role("deep-when-tired", pause_us)),
        (Role("deep-when-tired", 9 * SECOND_US, obeys=True), Role("deep-when-tired", pause_us)),
    )
    return Script("sim-too-deep", "Too deep (simulated)", cast, seed, start_us, ids)


def _too_much_too_soon(seed: int, start_us: int, ids: Ids) -> Programme:
    pause_us = 40 * SECOND_US
    cast = (
        (Role("overkeen", 2 * SECOND_US), Role("steady", pause_us)),
        (Role("steady", 5 * SECOND_US), Role("overkeen", pause_us)),
        (Role("steady", 9 * SECOND_US), Role("steady", pause_us)),
    )
    return Script("sim-too-much", "Too much too soon (simulated)", cast, seed, start_us, ids)


_GYM_SPAN_US: Final = 60 * MINUTE_US


def riverside(seed: int, _start_us: int, ids: Ids) -> OpenGym:
    """The gym of `sledwatch up`, for ever; its members are the same at each start."""
    return OpenGym("riverside", "Riverside Gym", "sim-", seed, None, ids, found_open=True)


def _an_hour_of_gym(seed: int, start_us: int, ids: Ids) -> Programme:
    prefix, until_us = f"m-{ids.run(start_us)}-", start_us + _GYM_SPAN_US
    return OpenGym("sim-gym", "A gym (simulated)", prefix, seed, until_us, ids, found_open=False)


SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("gym", _GYM_SPAN_US, _an_hour_of_gym),
        Scenario("too-deep", 30 * MINUTE_US, _too_deep),
        Scenario("too-much-too-soon", 45 * MINUTE_US, _too_much_too_soon),
    )
}
