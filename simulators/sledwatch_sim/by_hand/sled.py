"""A sled that a person moves: stroke by stroke, or nudged along; it never jumps, and nobody pulls it with their feet.

No clock here: whoever holds it says how much time has gone by.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from sledwatch_sim.equipment.travel import minimum_jerk

# Where the legs are long: a sled that is not racked waits here (judgement).
TOP_MM: Final = 10.0
# By hand: how far a nudge takes it, how far ahead of the sled the hand may be, and how fast it follows (judgement).
NUDGE_MM: Final = 20.0
_LEAD_MM: Final = 150.0
_MOST_MM_S: Final = 650.0
_RESPONSE_S: Final = 0.1
# Of what gravity allows: a sled falls no faster than that, and flies no further.
_OF_GRAVITY: Final = 0.9
_MOST_M_S2: Final = 6.0
# Minimum jerk: the hardest braking of a movement is this times distance / time² (Flash & Hogan 1985).
_MINIMUM_JERK_BRAKING: Final = 10.0 / math.sqrt(3.0)
# To unrack and to rack, it is pushed a little off its stops while they swing.
_OFF_THE_STOPS_MM: Final = -10.0
_HOMEWARD_MM_S: Final = 500.0
_STEP_S: Final = 0.005
_STILL_MM_S: Final = 2.0
_STILL_MM: Final = 0.3


@dataclass(frozen=True, slots=True)
class Stroke:
    """A repetition: how deep, and how long the way down, the pause below and the way up take, in seconds.

    What gravity does not allow takes longer.
    """

    bottom_mm: float
    down_s: float
    dwell_s: float
    up_s: float


@dataclass(frozen=True, slots=True)
class _Move:
    from_mm: float
    to_mm: float
    seconds: float

    def at(self, now_s: float) -> tuple[float, float]:
        """Place and velocity, mm and mm/s."""
        share = min(1.0, now_s / self.seconds)
        place_mm = float(minimum_jerk(self.from_mm, self.to_mm, np.array([share]))[0])
        return place_mm, 30.0 * (self.to_mm - self.from_mm) / self.seconds * (share * (1.0 - share)) ** 2


@dataclass(frozen=True, slots=True)
class _Rack:
    """Put it on its stops."""


class Sled:
    """Where the sled truly is.

    travel_mm: how far it goes. free_braking_m_s2: how hard gravity alone stops it on its way up. depth_mm: from the
    rack. velocity_mm_s: towards the user.
    """

    def __init__(self, travel_mm: float, free_braking_m_s2: float) -> None:
        self.depth_mm = 0.0
        self.velocity_mm_s = 0.0
        self.racked = True
        self._travel_mm = travel_mm
        self._gravity_m_s2 = _OF_GRAVITY * free_braking_m_s2
        self._braking_mm_s2 = 1000.0 * min(_MOST_M_S2, self._gravity_m_s2)
        self._goal_mm: float | None = None  # of the hand; None while a move is under way
        self._asked: deque[Stroke | _Rack] = deque()
        self._moves: deque[_Move] = deque()
        self._into_s = 0.0  # of the first of these
        self._racking = False

    @property
    def still(self) -> bool:
        """Whether it rests and nothing is asked of it."""
        return not self._asked and not self._moves and self._goal_mm is None

    @property
    def waiting(self) -> int:
        """How many strokes are asked for and not begun."""
        return sum(isinstance(one, Stroke) for one in self._asked)

    def stroke(self, stroke: Stroke) -> None:
        """Do a repetition after what is under way; unrack first where it is racked."""
        self._asked.append(stroke)

    def nudge(self, by_mm: float) -> None:
        """Take it by hand, deeper where positive; strokes under way or asked for are given up."""
        self._let_go()
        at_mm = self.depth_mm
        goal_mm = at_mm if self._goal_mm is None or (self._goal_mm - at_mm) * by_mm < 0.0 else self._goal_mm
        goal_mm = min(max(goal_mm + by_mm, at_mm - _LEAD_MM), at_mm + _LEAD_MM)
        self._goal_mm = min(max(goal_mm, 0.0), self._travel_mm)
        self.racked = False

    def rack(self) -> None:
        """Put it on its stops; strokes that are asked for and not begun are given up."""
        self._asked = deque([_Rack()] if not self.racked or self._moves else [])

    def step(self, seconds: float) -> None:
        """Let time go by."""
        steps = max(1, math.ceil(seconds / _STEP_S - 1e-9))
        for _ in range(steps):
            self._step(seconds / steps)

    def _step(self, seconds: float) -> None:
        if not self._moves and self._asked and self._at_rest():
            self._begin(self._asked.popleft())
        if self._moves:
            self._follow_move(seconds)
        else:
            self._follow_hand(seconds)

    def _at_rest(self) -> bool:
        """A hand that is still at work ends first."""
        if self._goal_mm is not None:
            return False
        return abs(self.velocity_mm_s) < _STILL_MM_S

    def _begin(self, asked: "Stroke | _Rack") -> None:
        self._into_s = 0.0
        at_mm = self.depth_mm
        if isinstance(asked, _Rack):
            self._racking = True
            home_s = max(0.5, abs(at_mm - _OFF_THE_STOPS_MM) / _HOMEWARD_MM_S)
            self._moves.extend(self._path(at_mm, (_OFF_THE_STOPS_MM, home_s), (_OFF_THE_STOPS_MM, 0.2), (0.0, 0.4)))
            return
        before: list[tuple[float, float]] = []
        if self.racked:
            before = [(_OFF_THE_STOPS_MM, 0.4), (_OFF_THE_STOPS_MM, 0.3), (TOP_MM, 0.5), (TOP_MM, 0.4)]
        elif abs(at_mm - TOP_MM) > _STILL_MM:
            before = [(TOP_MM, asked.up_s), (TOP_MM, 0.4)]
        self.racked = False
        bottom = (asked.bottom_mm, asked.down_s), (asked.bottom_mm, asked.dwell_s)
        self._moves.extend(self._path(at_mm, *before, *bottom, (TOP_MM, asked.up_s), (TOP_MM, 0.4)))

    def _path(self, from_mm: float, *points: tuple[float, float]) -> list[_Move]:
        """Moves from point to point, in the seconds given or in what gravity takes."""
        path: list[_Move] = []
        for to_mm, seconds in points:
            away_m = abs(to_mm - from_mm) / 1000.0
            shortest_s = math.sqrt(_MINIMUM_JERK_BRAKING * away_m / self._gravity_m_s2)
            if max(seconds, shortest_s) > 0.0:
                path.append(_Move(from_mm, to_mm, max(seconds, shortest_s)))
            from_mm = to_mm
        return path

    def _follow_move(self, seconds: float) -> None:
        self._into_s += seconds
        # What is left of a step belongs to the next move.
        while self._moves and self._into_s >= self._moves[0].seconds:
            done = self._moves.popleft()
            self._into_s -= done.seconds
            self.depth_mm, self.velocity_mm_s = done.to_mm, 0.0
        if self._moves:
            self.depth_mm, self.velocity_mm_s = self._moves[0].at(self._into_s)
        elif self._racking:
            self._racking = False
            self.racked = True

    def _follow_hand(self, seconds: float) -> None:
        """The velocity follows what the way to the goal asks for: first-order, and braking in time."""
        if self._goal_mm is None:
            self.velocity_mm_s = 0.0
            return
        left_mm = self._goal_mm - self.depth_mm
        if abs(left_mm) < _STILL_MM and abs(self.velocity_mm_s) < _STILL_MM_S:
            self.velocity_mm_s = 0.0
            self.racked = self._goal_mm == 0.0
            self._goal_mm = None
            return
        braking_mm_s = math.sqrt(1.4 * self._braking_mm_s2 * abs(left_mm))
        wanted_mm_s = math.copysign(min(_MOST_MM_S, braking_mm_s, abs(left_mm) / _RESPONSE_S), left_mm)
        change = (wanted_mm_s - self.velocity_mm_s) * min(1.0, seconds / (0.3 * _RESPONSE_S))
        most = self._braking_mm_s2 * seconds
        self.velocity_mm_s += min(max(change, -most), most)
        self.depth_mm += self.velocity_mm_s * seconds
        if not _OFF_THE_STOPS_MM <= self.depth_mm <= self._travel_mm:
            # Against the end of the rails.
            self.depth_mm = min(max(self.depth_mm, _OFF_THE_STOPS_MM), self._travel_mm)
            self.velocity_mm_s = 0.0

    def _let_go(self) -> None:
        self._asked.clear()
        self._moves.clear()
        self._racking = False
