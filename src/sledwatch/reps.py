"""Samples to reps to sets: one compiled kernel, fed frame by frame while somebody presses, and whole sessions after.

A rep is an eccentric phase (the sled comes towards the user) followed by a concentric one, each of at least 100 mm. The
kernel looks at samples only, in order, and carries its state from one to the next, so that every way of cutting a
stream gives the same reps. What it does to a sample:

1. A sample that stands out from both neighbours by more than any turn of the sled explains is a spike, and its median
   with them takes its place. One that would need a speed no sled reaches is held back; when the signal returns, it
   never was; when it stays, the encoder has slipped, and what the kernel remembers slips along.
2. The mean over 60 ms takes the noise off the bottom, however fast the machine samples.
3. Extrema alternate, and one is accepted only after the sled travelled back by the minimum travel, so that bounces,
   pauses and trembling are part of a phase and not phases of their own.
4. A rep is told once, when its end can no longer change: the next rep's eccentric has begun, or the sled rests near the
   top, or the set's rest has passed, or the session is over.

`measure` then looks closely at the found reps: phases by the velocity rule, velocities, work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, pi, sqrt, tan
from typing import Any, Final, Literal, TypeVar

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sledwatch.machine import MachineSpec, coasting_m_s2, force_n

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Quality = Literal["ok", "unsure"]

# Below it the filter of the velocities cannot exist; machines that say 30 Hz round their interval to microseconds.
MIN_VELOCITY_RATE_HZ: Final = 29.9


@dataclass(frozen=True)
class RepSettings:
    """How reps are told from other movement. Defaults are judgement but for the two cited ones.

    min_travel_mm: of either phase. rack_mm: movement this close to the rack is racking; a pause this close to the top
    ends a rep. set_rest_s: without a rep, ends a set. speed_m_s: a phase lasts from its first to its last moment above
    it. cutoff_hz: of the velocity filter (Pareja-Blanco 2017). still_s, still_mm: the sled rests when it stays within
    this distance for this long. pause_s: the same at speed_m_s, for ends of phases. edge_mm: this close to an extremum
    a phase is as good as over. gap_s: missing samples that make a rep unsure. max_speed_m_s, jump_mm: a sample further
    from the one before than this speed and distance allow is implausible; slip_s: when it stays so for this long, the
    encoder slipped. turn_m_s2: deceleration of the sharpest turn that is no spike. smooth_s: the mean over samples.
    load_step_kg: the change that begins a new set.
    """

    min_travel_mm: float = 100.0
    rack_mm: float = 40.0
    set_rest_s: float = 30.0
    speed_m_s: float = 0.02
    cutoff_hz: float = 10.0
    still_s: float = 1.0
    still_mm: float = 10.0
    pause_s: float = 0.3
    edge_mm: float = 5.0
    gap_s: float = 0.5
    max_speed_m_s: float = 3.0
    jump_mm: float = 20.0
    slip_s: float = 0.1
    turn_m_s2: float = 10.0
    smooth_s: float = 0.06
    load_step_kg: float = 1.0


DEFAULTS: Final = RepSettings()


@dataclass(frozen=True, slots=True)
class Span:
    """A rep as the kernel finds it.

    set, rep: counted through the session from 1. start_us: the sled leaves the top; turn_us: the bottom; end_us: it
    arrives at the top again. top_mm, bottom_mm, end_mm: the extrema of the despiked depth. load_kg: at the bottom.
    quality_reason: of an unsure rep: gap (samples are missing), glitch (the encoder jumped), interrupted (the data end
    on the way up), short (less than half the way back up); the first of them that holds.
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


@dataclass(frozen=True, slots=True)
class RepMeasures:
    """What a rep was like. Phases begin and end by the velocity rule (SCIENCE §2), to a fraction of a sample.

    rom_mm: concentric travel, from the bottom. Velocities are means and the peak of the concentric phase, None below
    30 Hz. work_j: concentric, on the load. velocity_loss_pct: against the fastest rep of the set until then.
    """

    start_us: int
    turn_us: int
    end_us: int
    eccentric_s: float
    concentric_s: float
    bottom_dwell_s: float
    rom_mm: float
    mean_velocity_m_s: float | None
    mean_propulsive_velocity_m_s: float | None
    peak_velocity_m_s: float | None
    work_j: float
    velocity_loss_pct: float | None


_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    """Compile at first use, and keep the result on disk where there is a place for it."""
    jit: Any = numba.njit
    try:
        kept: _Function = jit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither beside this file nor in a cache directory: compiled anew in each process
        kept = jit(nogil=True)(function)
    return kept


_GAP: Final = 1
_GLITCH: Final = 2
_INTERRUPTED: Final = 4
_SHORT: Final = 8
_REASONS: Final = ((_GAP, "gap"), (_GLITCH, "glitch"), (_INTERRUPTED, "interrupted"), (_SHORT, "short"))

_REST: Final = 0
_DOWN: Final = 1
_UP: Final = 2
_PHASES: Final[tuple[Literal["idle", "down", "up"], ...]] = ("idle", "down", "up")

# The longest run of samples in the mean: 60 ms at 1 000 Hz. A power of two, so that the ring's index is a mask.
_RING: Final = 64
# Two samples further apart than this say nothing about the turn between them.
_TURN_WITHIN_US: Final = 100_000.0

_RULES = np.dtype([
    ("min_travel_mm", "f8"), ("rack_mm", "f8"), ("edge_mm", "f8"), ("still_mm", "f8"), ("still_us", "i8"),
    ("gap_us", "i8"), ("rest_us", "i8"), ("smooth_us", "i8"), ("slip_us", "i8"), ("load_step_kg", "f8"),
    ("max_speed_mm_us", "f8"), ("jump_mm", "f8"), ("turn_mm_us2", "f8"), ("pause_us", "i8"), ("speed_mm_us", "f8"),
    ("cutoff_hz", "f8"), ("min_rate_hz", "f8"),
])  # fmt: skip

_STATE = np.dtype([
    # The two newest samples as they came, and how many there are of them; the median needs one after its middle.
    ("seen", "i8"), ("a_us", "i8"), ("a_mm", "f8"), ("b_us", "i8"), ("b_mm", "f8"), ("b_kg", "f8"),
    # The newest plausible sample, and the first and the newest of the implausible ones that agree since; how far the
    # encoder has slipped. All levels below are as if it never had; those of a rep are told as the encoder showed them.
    ("plausible", "i8"), ("good_us", "i8"), ("good_mm", "f8"), ("held", "i8"), ("held_from_us", "i8"),
    ("held_us", "i8"), ("held_mm", "f8"),
    ("slip_mm", "f8"), ("low_slip_mm", "f8"), ("top_slip_mm", "f8"), ("turn_slip_mm", "f8"),
    # The mean's ring.
    ("ring_from", "i8"), ("ring_count", "i8"), ("ring_sum", "f8"),
    # Where the sled came to rest; the shallowest depth of the half still_s that is over, and of the one that runs.
    ("anchor_us", "i8"), ("anchor_mm", "f8"), ("settled_mm", "f8"), ("calm_us", "i8"), ("calm_mm", "f8"),
    ("newest_us", "i8"),
    # The movement in progress: the shallowest depth since the last bottom, when the sled was last near it (leave) and
    # first near it (arrive), what was wrong since the start of the rep and since it last left the top.
    ("mode", "i8"), ("low_mm", "f8"), ("leave_us", "i8"), ("arrive_us", "i8"), ("arrive_mm", "f8"),
    ("flags", "i8"), ("leave_flags", "i8"), ("arrive_flags", "i8"),
    # The rep in progress.
    ("start_us", "i8"), ("top_mm", "f8"), ("turn_us", "i8"), ("bottom_mm", "f8"), ("turn_kg", "f8"),
    # What was told.
    ("reps", "i8"), ("sets", "i8"), ("set_reps", "i8"), ("end_us", "i8"), ("end_kg", "f8"),
])  # fmt: skip

_SPAN = np.dtype([
    ("set", "i8"), ("rep", "i8"), ("start_us", "i8"), ("turn_us", "i8"), ("end_us", "i8"), ("top_mm", "f8"),
    ("bottom_mm", "f8"), ("end_mm", "f8"), ("load_kg", "f8"), ("flags", "i8"),
])  # fmt: skip


def _rules(settings: RepSettings) -> NDArray[np.void]:
    rules = np.zeros(1, dtype=_RULES)
    for name in ("min_travel_mm", "rack_mm", "edge_mm", "still_mm", "load_step_kg", "jump_mm", "cutoff_hz"):
        rules[name] = getattr(settings, name)
    rules["still_us"] = round(settings.still_s * 1e6)
    rules["pause_us"] = round(settings.pause_s * 1e6)
    rules["gap_us"] = round(settings.gap_s * 1e6)
    rules["rest_us"] = round(settings.set_rest_s * 1e6)
    rules["slip_us"] = round(settings.slip_s * 1e6)
    rules["smooth_us"] = round(settings.smooth_s * 1e6)
    rules["max_speed_mm_us"] = settings.max_speed_m_s * 1e-3
    rules["speed_mm_us"] = settings.speed_m_s * 1e-3
    rules["turn_mm_us2"] = settings.turn_m_s2 * 1e-9
    rules["min_rate_hz"] = MIN_VELOCITY_RATE_HZ
    return rules


@_compiled
def _despiked(a_mm: float, b_mm: float, c_mm: float, before_us: float, after_us: float, turn_mm_us2: float) -> float:
    """The middle one of three samples, or their median where no turn of the sled explains it.

    At a turn with deceleration d the middle sample stands out from the nearer of its neighbours by d/2 times the two
    intervals at most.
    """
    median = max(min(a_mm, b_mm), min(max(a_mm, b_mm), c_mm))
    before_us = min(before_us, _TURN_WITHIN_US)
    after_us = min(after_us, _TURN_WITHIN_US)
    if abs(b_mm - median) > 0.5 * turn_mm_us2 * before_us * after_us:
        return median
    return b_mm


@_compiled
def _tell(r: Any, s: Any, span: Any, flags: int) -> int:
    """Write the rep in progress down, unless no sled moves as fast; how many were written."""
    down_mm = s.bottom_mm - s.top_mm
    up_mm = s.bottom_mm - s.low_mm
    down_us = s.turn_us - s.start_us
    up_us = s.arrive_us - s.turn_us
    if down_mm > r.max_speed_mm_us * down_us or up_mm > r.max_speed_mm_us * up_us:
        return 0
    if up_mm < 0.5 * down_mm:
        flags |= _SHORT
    new_load = abs(s.turn_kg - s.end_kg) >= r.load_step_kg
    if s.reps == 0 or s.start_us - s.end_us > r.rest_us or new_load:
        s.sets += 1
        s.set_reps = 0
    s.reps += 1
    s.set_reps += 1
    s.end_us = s.arrive_us
    s.end_kg = s.turn_kg
    span.set = s.sets
    span.rep = s.reps
    span.start_us = s.start_us
    span.turn_us = s.turn_us
    span.end_us = s.arrive_us
    span.top_mm = s.top_mm + s.top_slip_mm
    span.bottom_mm = s.bottom_mm + s.turn_slip_mm
    span.end_mm = s.low_mm + s.low_slip_mm
    span.load_kg = s.turn_kg
    span.flags = flags
    return 1


@_compiled
def _break_off(r: Any, s: Any, span: Any) -> int:
    """The data end, or pause for longer than a set's rest: tell what is complete enough, and begin anew."""
    told = 0
    if s.mode == _UP:
        at_top = s.low_mm <= s.top_mm + r.rack_mm
        rests = s.newest_us - s.anchor_us >= r.still_us
        told = _tell(r, s, span, s.arrive_flags | (0 if at_top or rests else _INTERRUPTED))
    s.seen = 0
    s.plausible = 0
    s.held = 0
    s.ring_from = 0
    s.ring_count = 0
    s.ring_sum = 0.0
    s.mode = _REST
    return told


@_compiled
def _scan(
    t_us: Times,
    depth_mm: Values,
    load_kg: Values,
    begin: int,
    rules: Any,
    state: Any,
    ring_us: Times,
    ring_mm: Values,
    spans: Any,
) -> tuple[int, int]:
    """Take in samples from `begin` on; returns the first one not taken (the spans were full) and the spans written."""
    r = rules[0]
    s = state[0]
    told = 0
    for i in range(begin, len(t_us)):
        if told == len(spans):
            return i, told
        c_mm = depth_mm[i]
        c_us = t_us[i]
        if isnan(c_mm) or (s.seen > 0 and c_us <= s.b_us):
            continue
        if s.seen > 0 and c_us - s.b_us > r.rest_us:
            told += _break_off(r, s, spans[told])
        a_us = s.a_us
        a_mm = s.a_mm
        b_us = s.b_us
        b_mm = s.b_mm
        b_kg = s.b_kg
        s.a_us = b_us
        s.a_mm = b_mm
        s.b_us = c_us
        s.b_mm = c_mm
        s.b_kg = load_kg[i]
        if s.seen < 2:
            s.seen += 1
            continue
        b_mm = _despiked(a_mm, b_mm, c_mm, float(b_us - a_us), float(c_us - b_us), r.turn_mm_us2)

        if s.plausible:
            since_us = b_us - s.good_us
            jump_mm = b_mm - s.good_mm
            implausible = abs(jump_mm) > r.max_speed_mm_us * since_us + r.jump_mm
            if s.held or implausible:
                from_held_mm = abs(b_mm - s.held_mm)
                as_held = s.held and from_held_mm <= r.max_speed_mm_us * (b_us - s.held_us) + r.jump_mm
                if as_held and (implausible or from_held_mm < abs(jump_mm)):
                    s.held_us = b_us
                    s.held_mm = b_mm
                    if b_us - s.held_from_us < r.slip_us:
                        continue
                    s.held = 0
                    s.slip_mm += jump_mm
                    s.ring_count = 0
                    s.ring_sum = 0.0
                    s.flags |= _GLITCH
                    s.leave_flags |= _GLITCH
                elif implausible:
                    s.held = 1
                    s.held_from_us = b_us
                    s.held_us = b_us
                    s.held_mm = b_mm
                    continue
                else:
                    s.held = 0
            if since_us > r.gap_us:
                s.flags |= _GAP
                s.leave_flags |= _GAP
        s.good_us = b_us
        s.good_mm = b_mm

        while s.ring_count > 0 and (s.ring_count == _RING or ring_us[s.ring_from] <= b_us - r.smooth_us):
            s.ring_sum -= ring_mm[s.ring_from]
            s.ring_from = (s.ring_from + 1) & (_RING - 1)
            s.ring_count -= 1
        if s.ring_count == 0:
            s.ring_sum = 0.0
        at = (s.ring_from + s.ring_count) & (_RING - 1)
        ring_us[at] = b_us
        ring_mm[at] = b_mm
        s.ring_sum += b_mm
        s.ring_count += 1
        y_mm = s.ring_sum / s.ring_count - s.slip_mm
        y_us = (ring_us[s.ring_from] + b_us) // 2

        if not s.plausible:
            s.plausible = 1
            s.anchor_mm = np.inf
            s.low_mm = y_mm
            s.low_slip_mm = s.slip_mm
            s.leave_us = y_us
            s.flags = 0
        s.newest_us = y_us
        if abs(y_mm - s.anchor_mm) > r.still_mm:
            s.anchor_us = y_us
            s.anchor_mm = y_mm
            s.calm_us = y_us
            s.calm_mm = y_mm
        elif 2 * (y_us - s.calm_us) > r.still_us:
            s.settled_mm = s.calm_mm
            s.calm_us = y_us
            s.calm_mm = y_mm
        elif y_mm < s.calm_mm:
            s.calm_mm = y_mm
        still_us = y_us - s.anchor_us

        if s.mode == _DOWN:
            if y_mm > s.bottom_mm:
                s.bottom_mm = y_mm
                s.turn_us = y_us
                s.turn_kg = b_kg
                s.turn_slip_mm = s.slip_mm
            elif s.bottom_mm - y_mm >= r.min_travel_mm:
                s.mode = _UP
                s.low_mm = y_mm
                s.low_slip_mm = s.slip_mm
                s.arrive_us = y_us
                s.arrive_mm = y_mm
                s.arrive_flags = s.flags
                s.leave_us = y_us
                s.leave_flags = 0
            continue

        if s.mode == _UP:
            if y_mm < s.low_mm:
                s.low_mm = y_mm
                s.low_slip_mm = s.slip_mm
                if s.arrive_mm > y_mm + r.edge_mm:
                    s.arrive_us = y_us
                    s.arrive_mm = y_mm
                    s.arrive_flags = s.flags
            if y_mm <= s.low_mm + r.edge_mm:
                s.leave_us = y_us
                s.leave_flags = 0
            rests_at_top = still_us >= r.still_us and y_mm <= s.top_mm + r.rack_mm
            if rests_at_top or still_us >= r.rest_us:
                told += _tell(r, s, spans[told], s.arrive_flags)
                s.mode = _REST
                s.low_mm = min(s.settled_mm, s.calm_mm)
                s.low_slip_mm = s.slip_mm
                s.leave_us = y_us
                s.flags = 0
            elif y_mm - s.low_mm >= r.min_travel_mm:
                told += _tell(r, s, spans[told], s.arrive_flags)
                s.mode = _DOWN
                s.top_mm = s.low_mm
                s.top_slip_mm = s.low_slip_mm
                s.start_us = s.leave_us
                s.flags = s.leave_flags
                s.bottom_mm = y_mm
                s.turn_us = y_us
                s.turn_kg = b_kg
                s.turn_slip_mm = s.slip_mm
            continue

        if y_mm < s.low_mm:
            s.low_mm = y_mm
            s.low_slip_mm = s.slip_mm
        elif still_us >= r.still_us and y_mm <= s.low_mm + r.rack_mm:
            # Unracked, settled, or a sensor that drifts: a rep begins at the level at which the sled came to rest.
            s.low_mm = min(s.settled_mm, s.calm_mm)
            s.low_slip_mm = s.slip_mm
        if y_mm <= s.low_mm + r.edge_mm:
            s.leave_us = y_us
            s.flags = 0
        elif y_mm - s.low_mm >= r.min_travel_mm and y_mm + s.slip_mm > r.rack_mm:
            s.mode = _DOWN
            s.top_mm = s.low_mm
            s.top_slip_mm = s.low_slip_mm
            s.start_us = s.leave_us
            s.bottom_mm = y_mm
            s.turn_us = y_us
            s.turn_kg = b_kg
            s.turn_slip_mm = s.slip_mm
    return len(t_us), told


@_compiled
def _end(rules: Any, state: Any, spans: Any) -> int:
    return _break_off(rules[0], state[0], spans[0])


class RepTracker:
    """Finds reps in a stream of samples, however it is cut. One tracker follows one session."""

    def __init__(self, settings: RepSettings = DEFAULTS) -> None:
        self._rules = _rules(settings)
        self._state = np.zeros(1, dtype=_STATE)
        self._ring_us = np.zeros(_RING, dtype=np.int64)
        self._ring_mm = np.zeros(_RING, dtype=np.float64)
        self._told = np.zeros(64, dtype=_SPAN)
        self._depth_mm: float | None = None
        self._load_kg: float | None = None

    def push(self, t_us: ArrayLike, depth_mm: ArrayLike, load_kg: ArrayLike) -> list[Span]:
        """Take in the next samples; returns the reps whose end they made certain.

        t_us: int64, microseconds, ascending; a sample no newer than the one before is left out. depth_mm: float64, NaN
        where missing. load_kg: float64. All one-dimensional. Raises ValueError when their lengths differ.
        """
        times = np.ascontiguousarray(t_us, dtype=np.int64)
        depths = np.ascontiguousarray(depth_mm, dtype=np.float64)
        loads = np.ascontiguousarray(load_kg, dtype=np.float64)
        if not times.shape == depths.shape == loads.shape:
            raise ValueError(
                f"{times.shape} times, {depths.shape} depths, {loads.shape} loads: expected as many of each"
            )
        found: list[Span] = []
        taken = 0
        while taken < times.size:
            taken, told = _scan(
                times, depths, loads, taken, self._rules, self._state, self._ring_us, self._ring_mm, self._told
            )
            found += _spans(self._told[:told])
        self._remember(depths, loads)
        return found

    def finish(self) -> list[Span]:
        """The session is over: the rep in progress, where it is one already."""
        return _spans(self._told[: _end(self._rules, self._state, self._told)])

    @property
    def now(self) -> Now:
        """Where things stand after the newest sample."""
        s = self._state[0]
        mode = int(s["mode"])
        wrong = s["flags"] if mode == _DOWN else s["arrive_flags"]
        fastest_mm = self._rules["max_speed_mm_us"][0] * (s["turn_us"] - s["start_us"])
        sure = mode != _REST and not wrong and s["bottom_mm"] - s["top_mm"] <= fastest_mm
        begins_us = s["newest_us"] if mode == _REST else s["start_us"]
        load_kg = s["b_kg"] if mode == _REST else s["turn_kg"]
        rested = begins_us - s["end_us"] > self._rules["rest_us"][0]
        reloaded = abs(load_kg - s["end_kg"]) >= self._rules["load_step_kg"][0]
        new_set = bool(s["reps"] == 0 or rested or reloaded)
        return Now(
            phase=_PHASES[mode],
            depth_mm=self._depth_mm,
            descending_bottom_mm=float(s["bottom_mm"] + s["turn_slip_mm"]) if sure else None,
            set=int(s["sets"]) + new_set,
            reps=int(s["reps"]),
            set_reps=0 if new_set else int(s["set_reps"]),
            load_kg=self._load_kg,
        )

    def _remember(self, depths: Values, loads: Values) -> None:
        present = np.flatnonzero(depths == depths)  # noqa: PLR0124 - NaN is what differs from itself
        if present.size:
            self._depth_mm = float(depths[present[-1]])
            self._load_kg = float(loads[present[-1]])


def find_reps(t_us: ArrayLike, depth_mm: ArrayLike, load_kg: ArrayLike, settings: RepSettings = DEFAULTS) -> list[Span]:
    """All reps of a session: the same that a RepTracker finds in any cutting of it.

    Arguments as of RepTracker.push. Raises ValueError when their lengths differ.
    """
    tracker = RepTracker(settings)
    return tracker.push(t_us, depth_mm, load_kg) + tracker.finish()


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


# What is looked at beside a rep, for the filter to settle and the ends of its phases to be found.
_BESIDE_US: Final = 1_500_000
# scipy.signal.sosfiltfilt's padding for one section.
_PAD: Final = 9
# Where no velocity can say it, a phase ends within this share of its travel from the extremum.
_END_SHARE: Final = 0.02

_FIGURES = np.dtype([
    ("start_us", "i8"), ("end_us", "i8"), ("eccentric_s", "f8"), ("concentric_s", "f8"), ("bottom_dwell_s", "f8"),
    ("rom_mm", "f8"), ("travel_mm", "f8"), ("has_velocity", "i8"), ("mean_m_s", "f8"), ("propulsive_m_s", "f8"),
    ("peak_m_s", "f8"), ("first_m_s", "f8"), ("last_m_s", "f8"),
])  # fmt: skip


@_compiled
def _butterworth(x: Values, cutoff_hz: float, rate_hz: float, causal: bool) -> Values:
    """Low-pass of 2nd order, forward and backward: a zero-lag one of 4th order; `causal`: forward only.

    As scipy.signal.sosfiltfilt(butter(2, cutoff), x) does it, ends continued by point reflection.
    """
    k = tan(pi * cutoff_hz / rate_hz)
    norm = 1.0 / (1.0 + sqrt(2.0) * k + k * k)
    b0 = k * k * norm
    a1 = 2.0 * (k * k - 1.0) * norm
    a2 = (1.0 - sqrt(2.0) * k + k * k) * norm
    n = len(x)
    pad = 0 if causal else min(_PAD, n - 1)
    y = np.empty(n + 2 * pad)
    for i in range(n):
        y[pad + i] = x[i]
    for i in range(pad):
        y[i] = 2.0 * x[0] - x[pad - i]
        y[n + pad + i] = 2.0 * x[n - 1] - x[n - 2 - i]
    for turn in range(1 if causal else 2):
        first = y[0] if turn == 0 else y[len(y) - 1]
        z1 = (1.0 - b0) * first
        z2 = (b0 - a2) * first
        for j in range(len(y)):
            i = j if turn == 0 else len(y) - 1 - j
            now = b0 * y[i] + z1
            z1 = 2.0 * b0 * y[i] - a1 * now + z2
            z2 = b0 * y[i] - a2 * now
            y[i] = now
    return y[pad : pad + n]


# Plain loops from here on: numba takes seconds to compile what numpy calls median, searchsorted or a slice assigned.


@_compiled
def _first_from(t_us: Times, at_us: int) -> int:
    """The index of the first sample at a time or later."""
    low = 0
    high = len(t_us)
    while low < high:
        middle = (low + high) // 2
        if t_us[middle] < at_us:
            low = middle + 1
        else:
            high = middle
    return low


@_compiled
def _usual_interval(us: Times, n: int) -> int:
    """The median interval between the first n times."""
    low = 1
    high = us[n - 1] - us[0]
    while low < high:
        middle = (low + high) // 2
        within = 0
        for i in range(1, n):
            if us[i] - us[i - 1] <= middle:
                within += 1
        if 2 * within < n - 1:
            low = middle + 1
        else:
            high = middle
    return low


@_compiled
def _deepest(x_mm: Values, begin: int, stop: int) -> int:
    """The index of the largest value in [begin, stop]."""
    at = begin
    for i in range(begin, stop + 1):
        if x_mm[i] > x_mm[at]:
            at = i
    return at


@_compiled
def _shallowest_mm(x_mm: Values, begin: int, stop: int) -> float:
    """The smallest value in [begin, stop]."""
    least: float = x_mm[begin]
    for i in range(begin, stop + 1):
        least = min(least, x_mm[i])
    return least


@_compiled
def _even_grid(t_us: Times, depth_mm: Values, start_us: int, end_us: int, r: Any) -> tuple[int, float, Values]:
    """The depth around a rep, despiked and evenly spaced: time of the first value, interval, values (none: too few).

    Beside the rep it stops where samples are missing for long; within, the line between its neighbours stands in.
    """
    begin = _first_from(t_us, start_us - _BESIDE_US)
    stop = _first_from(t_us, end_us + _BESIDE_US)
    raw_us = np.empty(stop - begin, dtype=np.int64)
    raw_mm = np.empty(stop - begin)
    n = 0
    for i in range(begin, stop):
        if isnan(depth_mm[i]) or (n > 0 and t_us[i] <= raw_us[n - 1]):
            continue
        if n > 0 and t_us[i] - raw_us[n - 1] > r.gap_us:
            if t_us[i] <= start_us:
                n = 0
            elif raw_us[n - 1] >= end_us:
                break
        raw_us[n] = t_us[i]
        raw_mm[n] = depth_mm[i]
        n += 1
    us = np.empty(n, dtype=np.int64)
    mm = np.empty(n)
    m = 0
    for i in range(n):
        value = raw_mm[i]
        if 0 < i < n - 1:
            before_us = float(raw_us[i] - raw_us[i - 1])
            after_us = float(raw_us[i + 1] - raw_us[i])
            value = _despiked(raw_mm[i - 1], raw_mm[i], raw_mm[i + 1], before_us, after_us, r.turn_mm_us2)
        since_us = raw_us[i] - us[m - 1] if m > 0 else 0
        if m == 0 or abs(value - mm[m - 1]) <= r.max_speed_mm_us * since_us + r.jump_mm:
            us[m] = raw_us[i]
            mm[m] = value
            m += 1
    if m < _PAD + 1:
        return 0, 1.0, np.empty(0)
    length_us = us[m - 1] - us[0]
    interval_us = float(_usual_interval(us, m))
    if length_us > 4 * m * interval_us:
        interval_us = length_us / (m - 1)
    even = np.empty(int(length_us / interval_us + 1e-6) + 1)
    j = 0
    for i in range(len(even)):
        since_us = i * interval_us
        while j < m - 2 and us[j + 1] - us[0] < since_us:
            j += 1
        share = min(1.0, (since_us - (us[j] - us[0])) / (us[j + 1] - us[j]))
        even[i] = mm[j] + share * (mm[j + 1] - mm[j])
    return us[0], interval_us, even


@_compiled
def _crossing(values: Values, level: float, outside: int, inside: int) -> float:
    """Where between two neighbouring indices the values cross a level."""
    rise: float = values[inside] - values[outside]
    if rise == 0.0:
        return float(inside)
    share: float = min(1.0, max(0.0, (level - values[outside]) / rise))
    return outside + share * (inside - outside)


@_compiled
def _at(values: Values, index: float) -> float:
    i = min(max(int(index), 0), len(values) - 2)
    value: float = values[i] + (index - i) * (values[i + 1] - values[i])
    return value


@_compiled
def _edge(v: Values, way: float, level: float, k: int, step: int, last: int) -> float:
    """The end of a movement towards the user (`way` 1) or away (-1), looked for from near it: inwards (`step`, as far
    as `last`) to where it is fast enough, then outwards to where it ceases to be. NaN where it never is fast enough."""
    while k != last and way * v[k] <= level:
        k += step
    if way * v[k] <= level:
        return np.nan
    while 0 <= k - step < len(v):
        if way * v[k - step] <= level:
            return _crossing(v, way * level, k - step, k)
        k -= step
    return float(k)


@_compiled
def _by_velocity(
    x_mm: Values, v_mm_us: Values, interval_us: float, begin: int, stop: int, span: Any, r: Any
) -> tuple[float, float, float, float]:
    """Start and end of both phases as indices with fractions; NaN where the sled is too slow for the rule.

    Looked for outwards from where the sled leaves or reaches the extrema, so that trembling in a pause is no movement;
    a pause near the top parts the phase from racking.
    """
    band_mm = r.speed_mm_us * r.pause_us
    pause = r.pause_us / interval_us
    turn = _deepest(x_mm, begin, stop)
    bottom_mm = x_mm[turn]

    leaves = begin
    anchor = begin
    for j in range(begin, turn):
        if x_mm[j] > span.top_mm + r.rack_mm:
            break
        if abs(x_mm[j] - x_mm[anchor]) > band_mm:
            anchor = j
        elif j - anchor >= pause:
            leaves = j
    start = _edge(v_mm_us, 1.0, r.speed_mm_us, leaves, 1, turn)

    reaches = begin
    while x_mm[reaches] < bottom_mm - r.edge_mm:
        reaches += 1
    down = _edge(v_mm_us, 1.0, r.speed_mm_us, reaches, -1, leaves)

    lifts = turn
    arrives = stop
    end_mm = _shallowest_mm(x_mm, turn, stop)
    anchor = -1
    for j in range(turn, stop + 1):
        if x_mm[j] >= bottom_mm - r.edge_mm:
            lifts = j
        if x_mm[j] <= end_mm + r.edge_mm:
            arrives = j
            break
        if x_mm[j] > end_mm + r.rack_mm:
            continue
        if anchor < 0 or abs(x_mm[j] - x_mm[anchor]) > band_mm:
            anchor = j
        elif j - anchor >= pause:
            arrives = anchor
            break
    up = _edge(v_mm_us, -1.0, r.speed_mm_us, lifts, 1, arrives)
    end = _edge(v_mm_us, -1.0, r.speed_mm_us, arrives, -1, lifts)
    return start, down, up, end


@_compiled
def _by_travel(x_mm: Values, begin: int, stop: int, span: Any) -> tuple[float, float, float, float]:
    """Start and end of both phases where they come within 2 % of their travel from the extrema."""
    turn = _deepest(x_mm, begin, stop)
    down_mm = _END_SHARE * (span.bottom_mm - span.top_mm)
    up_mm = _END_SHARE * (span.bottom_mm - span.end_mm)
    n = len(x_mm)

    level = min(span.top_mm + down_mm, x_mm[turn])
    i = turn
    while i > 0 and x_mm[i] > level:
        i -= 1
    start = _crossing(x_mm, level, i, i + 1) if i < n - 1 else float(i)

    level = min(span.bottom_mm - down_mm, x_mm[turn])
    j = i
    while j < turn and x_mm[j] < level:
        j += 1
    down = _crossing(x_mm, level, j - 1, j) if j > 0 else float(j)

    level = max(span.end_mm + up_mm, _shallowest_mm(x_mm, turn, n - 1))
    i = turn
    while i < n - 1 and x_mm[i] > level:
        i += 1
    end = _crossing(x_mm, level, i - 1, i) if i > 0 else float(i)

    level = min(span.bottom_mm - up_mm, x_mm[turn])
    j = i
    while j > turn and x_mm[j] < level:
        j -= 1
    up = _crossing(x_mm, level, j + 1, j) if j < n - 1 else float(j)
    return start, down, up, end


@_compiled
def _look(
    t_us: Times, depth_mm: Values, spans: Any, rules: Any, coasting_mm_us2: float, causal: bool, figures: Any
) -> None:
    """Fill in the figures of each span; those of the span alone where its samples are too few or too spoilt to tell."""
    r = rules[0]
    for n in range(len(spans)):
        span = spans[n]
        f = figures[n]
        f.start_us = span.start_us
        f.end_us = span.end_us
        f.rom_mm = span.bottom_mm - span.end_mm
        f.travel_mm = f.rom_mm
        f.eccentric_s = (span.turn_us - span.start_us) * 1e-6
        f.concentric_s = (span.end_us - span.turn_us) * 1e-6
        first_us, interval_us, x_mm = _even_grid(t_us, depth_mm, span.start_us, span.end_us, r)
        if len(x_mm) < _PAD + 1:
            continue
        rate_hz = 1e6 / interval_us
        begin = min(max(int((span.start_us - first_us) / interval_us + 0.5), 0), len(x_mm) - 2)
        stop = min(max(int((span.end_us - first_us) / interval_us + 0.5), begin + 1), len(x_mm) - 1)
        start = np.nan
        down = np.nan
        up = np.nan
        end = np.nan
        v = np.zeros(len(x_mm))  # towards the user
        if rate_hz >= r.min_rate_hz:
            x_mm = _butterworth(x_mm, r.cutoff_hz, rate_hz, causal)
            # Of 4th order: at 50 Hz the usual difference of two neighbours would lengthen a fast phase by 2 %.
            for i in range(2, len(x_mm) - 2):
                v[i] = (8.0 * (x_mm[i + 1] - x_mm[i - 1]) - (x_mm[i + 2] - x_mm[i - 2])) / (12.0 * interval_us)
            start, down, up, end = _by_velocity(x_mm, v, interval_us, begin, stop, span, r)
        if isnan(start) or isnan(down) or isnan(up) or isnan(end) or end <= up or down <= start:
            start, down, up, end = _by_travel(x_mm, begin, stop, span)
        start_us = first_us + int(start * interval_us)
        end_us = first_us + int(end * interval_us)
        if not (start_us < span.turn_us < end_us and start < down and up < end):
            continue
        f.start_us = start_us
        f.end_us = end_us
        f.eccentric_s = (down - start) * interval_us * 1e-6
        f.concentric_s = (end - up) * interval_us * 1e-6
        f.bottom_dwell_s = max(0.0, up - down) * interval_us * 1e-6
        f.rom_mm = span.bottom_mm - _at(x_mm, end)
        f.travel_mm = _at(x_mm, up) - _at(x_mm, end)
        if rate_hz < r.min_rate_hz:
            continue
        f.has_velocity = 1
        f.mean_m_s = f.travel_mm / ((end - up) * interval_us) * 1e3
        f.first_m_s = -_at(v, up) * 1e3
        f.last_m_s = -_at(v, end) * 1e3
        fastest = int(up)
        for j in range(int(up), int(end) + 1):
            if v[j] < v[fastest]:
                fastest = j
        f.peak_m_s = -v[fastest] * 1e3
        # Pushing ends where the sled slows down more than it would if nobody pushed.
        pushed = end
        for j in range(max(fastest, 1), min(int(end) + 1, len(v) - 1)):
            if -(v[j + 1] - v[j - 1]) / (2.0 * interval_us) < coasting_mm_us2:
                pushed = max(float(j), up + 1.0)
                break
        f.propulsive_m_s = (_at(x_mm, up) - _at(x_mm, pushed)) / ((pushed - up) * interval_us) * 1e3


def measure(
    t_us: ArrayLike,
    depth_mm: ArrayLike,
    load_kg: ArrayLike,
    spans: Sequence[Span],
    spec: MachineSpec,
    *,
    causal: bool = False,
    settings: RepSettings = DEFAULTS,
) -> list[RepMeasures]:
    """What each found rep was like, in the order of `spans`.

    t_us, depth_mm, load_kg: the samples the spans were found in, as of RepTracker.push; 1.5 s beside each rep matter,
    where there are any. spans: of one session, ascending, for the velocity loss whole sets. causal: filter forward
    only, as live analysis does; in closing analysis the filter has no lag.

    Depth is despiked, evenly spaced (linear between samples where they are not) and filtered by a Butterworth low-pass
    of 10 Hz; velocity is its derivative. A phase lasts from the first to the last moment above 0.02 m/s, looked for
    from within 5 mm of the extrema. Below 30 Hz, or where a phase never is that fast, it ends within 2 % of its travel
    from the extremum. Mean velocity is travel by duration; the propulsive part ends when, past the peak, the
    acceleration falls below what the sled would do by itself (−g sin θ, stack −g / ratio).

    Work is ∫F ds over the concentric phase: weight times travel, and the change of kinetic energy between its ends;
    below 30 Hz weight times travel alone. Velocity loss is 100 (best − this) / best with the best ok rep of the set
    until then (Sánchez-Medina & González-Badillo 2011).

    Raises ValueError when the samples' lengths differ.
    """
    times = np.ascontiguousarray(t_us, dtype=np.int64)
    depths = np.ascontiguousarray(depth_mm, dtype=np.float64)
    if not times.shape == depths.shape == np.shape(load_kg):
        raise ValueError(
            f"{times.shape} times, {depths.shape} depths, {np.shape(load_kg)} loads: expected equal lengths"
        )
    found = np.zeros(len(spans), dtype=_SPAN)
    for name in ("start_us", "turn_us", "end_us", "top_mm", "bottom_mm", "end_mm"):
        found[name] = [getattr(span, name) for span in spans]
    figures = np.zeros(len(spans), dtype=_FIGURES)
    _look(times, depths, found, _rules(settings), coasting_m_s2(spec) * 1e-9, causal, figures)
    names = figures.dtype.names or ()
    best_of_set: dict[int, float] = {}
    measured = []
    for span, row in zip(spans, figures.tolist(), strict=True):
        figure = dict(zip(names, row, strict=True))
        weight_n = force_n(spec, span.load_kg)
        inertia_kg = force_n(spec, span.load_kg, 1.0) - weight_n
        kinetic_j = 0.5 * inertia_kg * (figure["last_m_s"] ** 2 - figure["first_m_s"] ** 2)
        mean_m_s: float | None = figure["mean_m_s"] if figure["has_velocity"] else None
        loss_pct: float | None = None
        if mean_m_s is not None:
            if span.quality == "ok":
                best_of_set[span.set] = max(best_of_set.get(span.set, 0.0), mean_m_s)
            best_m_s = best_of_set.get(span.set)
            loss_pct = 100 * max(0.0, best_m_s - mean_m_s) / best_m_s if best_m_s else None
        measured.append(
            RepMeasures(
                start_us=figure["start_us"],
                turn_us=span.turn_us,
                end_us=figure["end_us"],
                eccentric_s=figure["eccentric_s"],
                concentric_s=figure["concentric_s"],
                bottom_dwell_s=figure["bottom_dwell_s"],
                rom_mm=figure["rom_mm"],
                mean_velocity_m_s=mean_m_s,
                mean_propulsive_velocity_m_s=figure["propulsive_m_s"] if figure["has_velocity"] else None,
                peak_velocity_m_s=figure["peak_m_s"] if figure["has_velocity"] else None,
                work_j=weight_n * figure["travel_mm"] / 1_000 + kinetic_j,
                velocity_loss_pct=loss_pct,
            )
        )
    return measured


def warm_up() -> None:
    """Load or compile everything, so that the first frame of the day is not slow (seconds where nothing is kept)."""
    t_us = np.arange(400) * 20_000
    depth_mm = 150 - 150 * np.cos(2 * pi * np.arange(400) / 100)
    load_kg = np.full(400, 100.0)
    spans = find_reps(t_us, depth_mm, load_kg)
    spec = MachineSpec("incline", 45.0, 30.0, 620.0, 50.0)
    for causal in (False, True):
        measure(t_us, depth_mm, load_kg, spans, spec, causal=causal)
