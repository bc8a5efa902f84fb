"""Reps found in samples: frame by frame while somebody presses, and in whole sessions after."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sledwatch.machine import MachineSpec, force_n
from sledwatch.reps.kernel import DOWN, GAP, GLITCH, INTERRUPTED, REST, RING, ROOM, SHORT, SPAN, STATE, end_of, scan
from sledwatch.reps.settings import DEFAULTS, Quality, RepSettings, Times, Values, rules_of

# A rep of many sessions: see `find_in_bulk`.
FOUND: Final = np.dtype([("session", "i8"), *SPAN.descr, ("work_j", "f8")])

_REASONS: Final = ((GAP, "gap"), (GLITCH, "glitch"), (INTERRUPTED, "interrupted"), (SHORT, "short"))

_PHASES: Final[tuple[Literal["idle", "down", "up"], ...]] = ("idle", "down", "up")


@dataclass(frozen=True, slots=True)
class Span:
    """A rep as the kernel finds it.

    set, rep: counted through the session from 1. start_us: the sled leaves the top; turn_us: the bottom; end_us: it
    arrives at the top again. top_mm, bottom_mm, end_mm: the extrema of the despiked depth. load_kg: at the bottom.
    quality_reason: of an unsure rep: gap (samples are missing), glitch (the encoder jumped or sways), interrupted (the
    data end on the way up), short (less than half the way back up); the first of them that holds.
    """

    set: int
    rep: int
    start_us: int
    turn_us: int
    end_us: int
    top_mm: float
    bottom_mm: float
    end_mm: float
    load_kg: float
    quality: Quality
    quality_reason: str | None


@dataclass(frozen=True, slots=True)
class Now:
    """Where a machine stands in the middle of things.

    depth_mm, load_kg: the newest sample, None before the first. descending_bottom_mm: the deepest so far of the rep in
    progress, despiked, from the minimum travel on until the rep is told; None where a gap or a glitch makes it unsure.
    set, set_reps: the set that the movement in progress, or a rep beginning now, belongs to, and the reps told of it;
    reps: told in the session.
    """

    phase: Literal["idle", "down", "up"]
    depth_mm: float | None
    descending_bottom_mm: float | None
    set: int
    reps: int
    set_reps: int
    load_kg: float | None


class RepTracker:
    """Finds reps in a stream of samples, however it is cut. One tracker follows one session."""

    def __init__(self, settings: RepSettings = DEFAULTS) -> None:
        self._rules = rules_of(settings)
        self._state = np.zeros(1, dtype=STATE)
        self._ring_us = np.zeros(RING, dtype=np.int64)
        self._ring_mm = np.zeros(RING, dtype=np.float64)
        self._told = np.zeros(ROOM, dtype=SPAN)
        self._depth_mm: float | None = None
        self._load_kg: float | None = None

    def push(self, t_us: ArrayLike, depth_mm: ArrayLike, load_kg: ArrayLike) -> list[Span]:
        """Take in the next samples; returns the reps whose end they made certain.

        t_us: int64, microseconds, ascending; a sample no newer than the one before is left out. depth_mm: float64, NaN
        where missing. load_kg: float64. All one-dimensional. Raises ValueError when their lengths differ.
        """
        times, depths, loads = columns_of(t_us, depth_mm, load_kg)
        found: list[Span] = []
        taken = 0
        while taken < times.size:
            taken, told = scan(
                times, depths, loads, taken, self._rules, self._state, self._ring_us, self._ring_mm, self._told
            )
            found += _spans(self._told[:told])
        self._remember(depths, loads)
        return found

    def finish(self) -> list[Span]:
        """The session is over: the rep in progress, where it is one already."""
        return _spans(self._told[: end_of(self._rules, self._state, self._told)])

    @property
    def now(self) -> Now:
        """Where things stand after the newest sample."""
        s = self._state[0]
        mode = int(s["mode"])
        wrong = (s["flags"] if mode == DOWN else s["arrive_flags"]) | s["turn_flags"]
        # Alone a leap may be a spike: the next sample says.
        alone = bool(s["fresh"]) and s["bottom_mm"] - s["before_mm"] > self._rules["lone_mm"][0]
        bottom_mm = s["before_mm"] if alone else s["bottom_mm"]
        fastest_mm = self._rules["max_speed_mm_us"][0] * (s["turn_us"] - s["start_us"])
        far = bottom_mm - s["top_mm"] >= self._rules["min_travel_mm"][0]
        sure = mode != REST and not wrong and far and s["bottom_mm"] - s["top_mm"] <= fastest_mm
        begins_us = s["newest_us"] if mode == REST else s["start_us"]
        load_kg = s["b_kg"] if mode == REST else s["turn_kg"]
        rested = begins_us - s["end_us"] > self._rules["rest_us"][0]
        reloaded = abs(load_kg - s["end_kg"]) >= self._rules["load_step_kg"][0]
        new_set = bool(s["reps"] == 0 or rested or reloaded)
        return Now(
            phase=_PHASES[mode],
            depth_mm=self._depth_mm,
            descending_bottom_mm=float(bottom_mm + s["turn_slip_mm"]) if sure else None,
            set=int(s["sets"]) + new_set,
            reps=int(s["reps"]),
            set_reps=0 if new_set else int(s["set_reps"]),
            load_kg=self._load_kg,
        )

    def _remember(self, depths: Values, loads: Values) -> None:
        for newest in range(len(depths) - 1, -1, -1):
            if not isnan(depths[newest]):
                self._depth_mm = float(depths[newest])
                self._load_kg = float(loads[newest])
                return


def find_reps(t_us: ArrayLike, depth_mm: ArrayLike, load_kg: ArrayLike, settings: RepSettings = DEFAULTS) -> list[Span]:
    """All reps of a session: the same that a RepTracker finds in any cutting of it.

    Arguments as of RepTracker.push. Raises ValueError when their lengths differ.
    """
    return _spans(find_in_bulk(t_us, depth_mm, load_kg, settings=settings)[list(SPAN.names or ())])


def find_in_bulk(
    t_us: ArrayLike,
    depth_mm: ArrayLike,
    load_kg: ArrayLike,
    starts: ArrayLike = (0,),
    specs: MachineSpec | Sequence[MachineSpec] | None = None,
    settings: RepSettings = DEFAULTS,
) -> NDArray[np.void]:
    """All reps of any number of sessions, as one array of `FOUND`, a rep a row, in the order of the samples.

    t_us, depth_mm, load_kg: as of RepTracker.push, session after session. starts: the index of each session's first
    sample, ascending from 0. specs: the machine, or one a session; None: no work.

    A row has the fields of Span, `session`: which of `starts` it belongs to, `flags`: why it is unsure (GAP, GLITCH,
    INTERRUPTED, SHORT; 0 when ok), `work_j`: weight along the rails times concentric travel. The sled is at rest at
    both ends of it, so that this is ∫F ds; `measure` takes travel and speed by the velocity rule and differs by some
    tenths of a percent. Raises ValueError when lengths differ, or `starts` are no indices in order.
    """
    times, depths, loads = columns_of(t_us, depth_mm, load_kg)
    begins = begins_of(starts, times.size)
    if isinstance(specs, Sequence) and len(specs) != len(begins) - 1:
        raise ValueError(f"{len(specs)} specs for {len(begins) - 1} sessions: expected one machine for each, or one")
    rules = rules_of(settings)
    state = np.zeros(1, dtype=STATE)
    ring_us, ring_mm = np.zeros(RING, dtype=np.int64), np.zeros(RING)
    told = np.zeros(min(1_024, ROOM + times.size // 2), dtype=SPAN)
    blank = state.copy()
    parts: list[NDArray[np.void]] = []
    for session, (begin, stop) in enumerate(pairwise(begins.tolist())):
        state[:] = blank
        columns = times[begin:stop], depths[begin:stop], loads[begin:stop]
        taken = 0
        while taken < stop - begin:
            taken, count = scan(*columns, taken, rules, state, ring_us, ring_mm, told)
            parts.append(_rows(session, told[:count]))
        parts.append(_rows(session, told[: end_of(rules, state, told)]))
    found = np.concatenate(parts)
    found["work_j"] = _newton_per_kg(specs, found["session"]) * found["load_kg"] * _rise_m(found)
    return found


def _rows(session: int, told: NDArray[np.void]) -> NDArray[np.void]:
    rows = np.zeros(len(told), dtype=FOUND)
    rows["session"] = session
    for name in SPAN.names or ():
        rows[name] = told[name]
    return rows


def _rise_m(found: NDArray[np.void]) -> Values:
    rise_m: Values = (found["bottom_mm"] - found["end_mm"]) / 1_000
    return rise_m


def _newton_per_kg(specs: MachineSpec | Sequence[MachineSpec] | None, session: NDArray[np.int64]) -> Values | float:
    """What a kilogram weighs along the rails: one figure, or one a rep."""
    if specs is None:
        return np.nan
    if isinstance(specs, MachineSpec):
        return force_n(specs, 1.0)
    return np.array([force_n(spec, 1.0) for spec in specs])[session]


def begins_of(starts: ArrayLike, samples: int) -> Times:
    """Where each session begins, and where the last one ends. Raises ValueError for what are no indices in order."""
    begins = np.append(np.asarray(starts, dtype=np.int64), samples)
    if begins.size == 1 or begins[0] != 0 or (np.diff(begins) < 0).any():
        raise ValueError(f"starts {begins[:8].tolist()}: expected indices from 0 on, ascending, within the samples")
    return begins


def columns_of(t_us: ArrayLike, depth_mm: ArrayLike, load_kg: ArrayLike) -> tuple[Times, Values, Values]:
    """The samples as the kernel takes them. Raises ValueError when their lengths differ."""
    times = np.ascontiguousarray(t_us, dtype=np.int64)
    depths = np.ascontiguousarray(depth_mm, dtype=np.float64)
    loads = np.ascontiguousarray(load_kg, dtype=np.float64)
    if not times.shape == depths.shape == loads.shape:
        raise ValueError(f"{times.shape} times, {depths.shape} depths, {loads.shape} loads: expected as many of each")
    return times, depths, loads


def _spans(told: NDArray[np.void]) -> list[Span]:
    spans = []
    for number_set, rep, start_us, turn_us, end_us, top_mm, bottom_mm, end_mm, load_kg, flags in told.tolist():
        reason = next((reason for flag, reason in _REASONS if flags & flag), None)
        quality: Quality = "ok" if reason is None else "unsure"
        spans.append(
            Span(
                set=number_set,
                rep=rep,
                start_us=start_us,
                turn_us=turn_us,
                end_us=end_us,
                top_mm=top_mm,
                bottom_mm=bottom_mm,
                end_mm=end_mm,
                load_kg=load_kg,
                quality=quality,
                quality_reason=reason,
            )
        )
    return spans
