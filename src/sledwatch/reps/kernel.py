"""The state machine over samples that finds reps; its state is carried from one call to the next."""

from math import isnan
from typing import Any, Final

import numpy as np

from sledwatch.reps.compiled import compiled
from sledwatch.reps.settings import Times, Values

GAP: Final = 1
GLITCH: Final = 2
INTERRUPTED: Final = 4
SHORT: Final = 8

REST: Final = 0
DOWN: Final = 1
UP: Final = 2

# The longest run of samples in the mean: 60 ms at 1 000 Hz. A power of two, so that the ring's index is a mask.
RING: Final = 64
# Two samples further apart than this say nothing about the turn between them.
_TURN_WITHIN_US: Final = 100_000.0

STATE = np.dtype([
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

SPAN = np.dtype([
    ("set", "i8"), ("rep", "i8"), ("start_us", "i8"), ("turn_us", "i8"), ("end_us", "i8"), ("top_mm", "f8"),
    ("bottom_mm", "f8"), ("end_mm", "f8"), ("load_kg", "f8"), ("flags", "i8"),
])  # fmt: skip


@compiled
def despiked(a_mm: float, b_mm: float, c_mm: float, before_us: float, after_us: float, turn_mm_us2: float) -> float:
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


@compiled
def _tell(r: Any, s: Any, span: Any, flags: int) -> int:
    """Write the rep in progress down, unless no sled moves as fast; how many were written."""
    down_mm = s.bottom_mm - s.top_mm
    up_mm = s.bottom_mm - s.low_mm
    down_us = s.turn_us - s.start_us
    up_us = s.arrive_us - s.turn_us
    if down_mm > r.max_speed_mm_us * down_us or up_mm > r.max_speed_mm_us * up_us:
        return 0
    if up_mm < 0.5 * down_mm:
        flags |= SHORT
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


@compiled
def _break_off(r: Any, s: Any, span: Any) -> int:
    """The data end, or pause for longer than a set's rest: tell what is complete enough, and begin anew."""
    told = 0
    if s.mode == UP:
        at_top = s.low_mm <= s.top_mm + r.rack_mm
        rests = s.newest_us - s.anchor_us >= r.still_us
        told = _tell(r, s, span, s.arrive_flags | (0 if at_top or rests else INTERRUPTED))
    s.seen = 0
    s.plausible = 0
    s.held = 0
    s.ring_from = 0
    s.ring_count = 0
    s.ring_sum = 0.0
    s.mode = REST
    return told


@compiled
def scan(
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
        b_mm = despiked(a_mm, b_mm, c_mm, float(b_us - a_us), float(c_us - b_us), r.turn_mm_us2)

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
                    s.flags |= GLITCH
                    s.leave_flags |= GLITCH
                elif implausible:
                    s.held = 1
                    s.held_from_us = b_us
                    s.held_us = b_us
                    s.held_mm = b_mm
                    continue
                else:
                    s.held = 0
            if since_us > r.gap_us:
                s.flags |= GAP
                s.leave_flags |= GAP
        s.good_us = b_us
        s.good_mm = b_mm

        while s.ring_count > 0 and (s.ring_count == RING or ring_us[s.ring_from] <= b_us - r.smooth_us):
            s.ring_sum -= ring_mm[s.ring_from]
            s.ring_from = (s.ring_from + 1) & (RING - 1)
            s.ring_count -= 1
        if s.ring_count == 0:
            s.ring_sum = 0.0
        at = (s.ring_from + s.ring_count) & (RING - 1)
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

        if s.mode == DOWN:
            if y_mm > s.bottom_mm:
                s.bottom_mm = y_mm
                s.turn_us = y_us
                s.turn_kg = b_kg
                s.turn_slip_mm = s.slip_mm
            elif s.bottom_mm - y_mm >= r.min_travel_mm:
                s.mode = UP
                s.low_mm = y_mm
                s.low_slip_mm = s.slip_mm
                s.arrive_us = y_us
                s.arrive_mm = y_mm
                s.arrive_flags = s.flags
                s.leave_us = y_us
                s.leave_flags = 0
            continue

        if s.mode == UP:
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
                s.mode = REST
                s.low_mm = min(s.settled_mm, s.calm_mm)
                s.low_slip_mm = s.slip_mm
                s.leave_us = y_us
                s.flags = 0
            elif y_mm - s.low_mm >= r.min_travel_mm:
                told += _tell(r, s, spans[told], s.arrive_flags)
                s.mode = DOWN
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
            s.mode = DOWN
            s.top_mm = s.low_mm
            s.top_slip_mm = s.low_slip_mm
            s.start_us = s.leave_us
            s.bottom_mm = y_mm
            s.turn_us = y_us
            s.turn_kg = b_kg
            s.turn_slip_mm = s.slip_mm
    return len(t_us), told


@compiled
def end_of(rules: Any, state: Any, spans: Any) -> int:
    """The data end: tell into `spans` what is complete enough. Returns how many reps that is."""
    return _break_off(rules[0], state[0], spans[0])
