"""The state machine over samples that finds reps; its state is carried from one call to the next.

It works on runs of samples: each is cleaned (`scan`), averaged and followed (`_follow`). A run in which nothing is
missing, uneven or implausible is cleaned in loops that the compiler turns into vector instructions; all others sample
by sample. Both give the same samples to the bit, whichever way the stream is cut.
"""

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

# The longest run of samples in the mean: 60 ms at 1 000 Hz.
RING: Final = 64
# How many samples are taken in at a time, and how many one by one before it is tried again.
RUN: Final = 512
_ONE_BY_ONE: Final = 128
# How many are passed over at a time where nothing happens.
STEP: Final = 8
# Reps that one run may end; each takes two samples at least.
ROOM: Final = RUN // 2 + 2
# What is averaged is whole grains of a nanometre (2^-20 mm): floats that add up exactly, as far as their sum is small
# enough. What rounds to them is 1.5 · 2^52 grains.
_ROUNDER_MM: Final = 1.5 * 2.0**32
_MOST_MM: Final = 1e6
# Up to so many samples it is quicker to add all of them up, eight means at a time.
_FEW: Final = 8
# Two samples further apart than this say nothing about the turn between them.
_TURN_WITHIN_US: Final = 100_000.0

# What is to be thought of a sample; held anew: it does not agree with those held before it either.
_PLAUSIBLE: Final = 0
_SLIPPED: Final = 1
_HELD: Final = 2
_HELD_ANEW: Final = 3

STATE = np.dtype([
    # The two newest samples as they came, and how many there are of them; the median needs one after its middle.
    ("seen", "i8"), ("a_us", "i8"), ("a_mm", "f8"), ("b_us", "i8"), ("b_mm", "f8"), ("b_kg", "f8"),
    # The newest plausible sample and when the one before it was, and the first and the newest of the implausible ones
    # that agree since; how far the encoder has slipped. All levels below are as if it never had; those of a rep are
    # told as the encoder showed them.
    ("plausible", "i8"), ("known", "i8"), ("good_us", "i8"), ("good_mm", "f8"), ("earlier_us", "i8"), ("held", "i8"),
    ("held_from_us", "i8"), ("held_us", "i8"), ("held_mm", "f8"),
    ("slip_mm", "f8"), ("low_slip_mm", "f8"), ("top_slip_mm", "f8"), ("turn_slip_mm", "f8"),
    # How many samples the mean looks back on.
    ("kept", "i8"),
    # Where the sled came to rest; the shallowest depth of the half still_s that is over, and of the one that runs.
    ("anchor_us", "i8"), ("anchor_mm", "f8"), ("settled_mm", "f8"), ("calm_us", "i8"), ("calm_mm", "f8"),
    # Since when it has been nearer than half a rep's travel to where it was then, and the shallowest depth since.
    ("put_us", "i8"), ("put_mm", "f8"), ("put_low_mm", "f8"), ("newest_us", "i8"), ("newest_mm", "f8"),
    # The movement in progress: the shallowest depth since the last bottom, when the sled was last near it (leave) and
    # first near it (arrive), what was wrong since the start of the rep and since it last left the top.
    ("mode", "i8"), ("low_mm", "f8"), ("leave_us", "i8"), ("arrive_us", "i8"), ("arrive_mm", "f8"),
    ("flags", "i8"), ("leave_flags", "i8"), ("arrive_flags", "i8"),
    # The rep in progress; the depth before its bottom, whether nothing came after it yet, what is wrong with it alone.
    ("start_us", "i8"), ("top_mm", "f8"), ("turn_us", "i8"), ("bottom_mm", "f8"), ("turn_kg", "f8"),
    ("before_mm", "f8"), ("fresh", "i8"), ("turn_flags", "i8"),
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
    if down_us + up_us <= r.least_us:
        flags |= GLITCH
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
    span.flags = flags | s.turn_flags
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
    s.known = 0
    s.held = 0
    s.kept = 0
    s.mode = REST
    return told


@compiled
def _average(
    r: Any, s: Any, us: Times, grains_mm: Values, mm: Values, taken: int, even: bool, at_us: Times, y_mm: Values
) -> int:
    """The mean over each of the `taken` new samples and those shortly before it, and its time; the last one's first.

    us, grains_mm: first the `kept` ones that were there, then the new ones; mm: the new ones; even: which are evenly
    spaced. Sums are of whole grains, and so exact in any order: whichever way they are added up, they are the same.
    """
    kept = s.kept
    slip_mm = s.slip_mm
    smooth_us = r.smooth_us
    last = kept + taken - 1
    for k in range(taken):
        value_mm = min(max(mm[np.uint64(k)], -_MOST_MM), _MOST_MM)
        # Adding and subtracting what leaves no bits below a grain rounds to one.
        grains_mm[np.uint64(kept + k)] = (value_mm + _ROUNDER_MM) - _ROUNDER_MM
    # From where on the samples are evenly spaced, and how many of those the mean then takes.
    interval_us = us[last] - us[last - 1] if last > 0 else 1
    even_from = kept if even else last
    while even_from > 0 and us[even_from] - us[even_from - 1] == interval_us:
        even_from -= 1
    n = min(RING, (smooth_us - 1) // interval_us + 1)
    uneven = min(taken, max(0, even_from + n - kept))
    first = 0
    if uneven > 0:
        total = 0.0
        for k in range(kept):
            total += grains_mm[k]
        for k in range(uneven):
            p = kept + k
            total += grains_mm[p]
            while us[first] <= us[p] - smooth_us or p - first >= RING:
                total -= grains_mm[first]
                first += 1
            y_mm[k] = total / (p - first + 1) - slip_mm
            at_us[k] = (us[first] + us[p]) >> 1
    if uneven < taken:
        oldest = kept - n
        if n <= _FEW:
            for k in range(uneven, taken):
                y_mm[np.uint64(k)] = grains_mm[np.uint64(oldest + 1 + k)]
            for j in range(2, n + 1):
                for k in range(uneven, taken):
                    y_mm[np.uint64(k)] += grains_mm[np.uint64(oldest + j + k)]
        else:
            total = 0.0
            for k in range(oldest + uneven, kept + uneven):
                total += grains_mm[np.uint64(k)]
            for k in range(uneven, taken):
                total += grains_mm[np.uint64(kept + k)] - grains_mm[np.uint64(oldest + k)]
                y_mm[np.uint64(k)] = total
        for k in range(uneven, taken):
            y_mm[np.uint64(k)] = y_mm[np.uint64(k)] / n - slip_mm
            at_us[np.uint64(k)] = (us[np.uint64(oldest + 1 + k)] + us[np.uint64(kept + k)]) >> 1
        first = last - n + 1
    return first


@compiled
def _within(y_mm: Values, first: int, from_mm: float, to_mm: float) -> bool:
    """Whether STEP depths from the first on lie in [from, to]."""
    outside = False
    for k in range(STEP):
        y = y_mm[np.uint64(first + k)]
        outside |= (y < from_mm) | (y > to_mm)
    return not outside


@compiled
def _least(y_mm: Values, first: int) -> float:
    """The smallest of STEP depths from the first on."""
    least: float = y_mm[np.uint64(first)]
    for k in range(1, STEP):
        least = min(least, y_mm[np.uint64(first + k)])
    return least


@compiled
def _follow(
    r: Any, s: Any, us: Times, grains_mm: Values, mm: Values, source: Times, taken: int, even: bool, at_us: Times,
    y_mm: Values, load_kg: Values, first_kg: float, spans: Any, told: int,
) -> int:  # fmt: skip
    """Take the `taken` new samples into the movement in progress; returns how many reps are written now.

    even: they are evenly spaced. source: which of `load_kg` belongs to each, −1: `first_kg`.
    """
    if taken == 0:
        return told
    window = _average(r, s, us, grains_mm, mm, taken, even, at_us, y_mm)
    last = s.kept + taken
    s.kept = last - window
    for k in range(s.kept):
        us[k] = us[window + k]
        grains_mm[k] = grains_mm[window + k]

    if not s.plausible:
        s.plausible = 1
        s.anchor_mm = np.inf
        s.put_mm = np.inf
        s.low_mm = y_mm[0]
        s.low_slip_mm = s.slip_mm
        s.leave_us = at_us[0]
        s.flags = 0
    edge_mm = r.edge_mm
    still_mm = r.still_mm
    travel_mm = r.min_travel_mm
    # A little short of it: what is passed over is passed over by a margin.
    short_mm = travel_mm - edge_mm
    half_us = r.still_us // 2
    k = 0
    while k < taken:
        if s.mode == DOWN:
            bottom_mm = s.bottom_mm
            before_mm = s.before_mm
            fresh = s.fresh
            newest_mm = s.newest_mm
            deepest = -1
            while k < taken:
                y = y_mm[k]
                if y > bottom_mm:
                    bottom_mm = y
                    before_mm = newest_mm
                    fresh = 1
                    deepest = k
                else:
                    if fresh:
                        fresh = 0
                        s.turn_flags = GLITCH if bottom_mm - max(before_mm, y) > r.lone_mm else 0
                    if bottom_mm - y >= travel_mm:
                        break
                newest_mm = y
                k += 1
                if k % STEP == 0 and not fresh:
                    while k + STEP <= taken and _within(y_mm, k, bottom_mm - short_mm, bottom_mm):
                        k += STEP
                        newest_mm = y_mm[k - 1]
            s.bottom_mm = bottom_mm
            s.before_mm = before_mm
            s.fresh = fresh
            s.newest_mm = newest_mm
            if deepest >= 0:
                s.turn_us = at_us[deepest]
                s.turn_kg = load_kg[source[deepest]] if source[deepest] >= 0 else first_kg
                s.turn_slip_mm = s.slip_mm
            if k < taken:
                s.mode = UP
                s.low_mm = y_mm[k]
                s.low_slip_mm = s.slip_mm
                s.arrive_us = at_us[k]
                s.arrive_mm = y_mm[k]
                s.arrive_flags = s.flags
                s.leave_us = at_us[k]
                s.leave_flags = 0
                s.anchor_us = at_us[k]
                s.anchor_mm = y_mm[k]
                s.calm_us = at_us[k]
                s.calm_mm = y_mm[k]
                s.put_us = at_us[k]
                s.put_mm = y_mm[k]
                s.put_low_mm = y_mm[k]
                k += 1
            continue

        # Resting, or on the way up: both look for the shallowest depth, for stillness, and for the next way down.
        rising = s.mode == UP
        low_mm = s.low_mm
        leave_us = s.leave_us
        anchor_us = s.anchor_us
        anchor_mm = s.anchor_mm
        calm_us = s.calm_us
        calm_mm = s.calm_mm
        settled_mm = s.settled_mm
        put_us = s.put_us
        put_mm = s.put_mm
        put_low_mm = s.put_low_mm
        lowered = False
        left = False
        rested = False
        falls = False
        again = 0
        while k < taken:
            y = y_mm[k]
            now_us = at_us[k]
            if y < low_mm:
                low_mm = y
                lowered = True
                if rising and s.arrive_mm > y + edge_mm:
                    s.arrive_us = now_us
                    s.arrive_mm = y
                    s.arrive_flags = s.flags
                    s.low_slip_mm = s.slip_mm
            if abs(y - anchor_mm) > still_mm:
                anchor_us = now_us
                anchor_mm = y
                calm_us = now_us
                calm_mm = y
            elif now_us - calm_us > half_us:
                settled_mm = calm_mm
                again = k
                calm_us = now_us
                calm_mm = y
                still_us = now_us - anchor_us
                if still_us >= r.still_us:
                    if rising:
                        rested = y <= s.top_mm + r.rack_mm or still_us >= r.rest_us
                        if rested:
                            break
                    elif y <= low_mm + r.rack_mm:
                        # Unracked, settled, or a sensor that drifts: a rep begins where the sled came to rest.
                        low_mm = min(settled_mm, calm_mm)
                        lowered = True
            elif y < calm_mm:
                calm_mm = y
            if abs(y - put_mm) > 0.5 * travel_mm:
                put_us = now_us
                put_mm = y
                put_low_mm = y
            elif now_us - put_us < r.settle_us:
                put_low_mm = min(y, put_low_mm)
            elif not rising:
                # Put down, wherever that is and however the sensor trembles. It may be on its way down again already.
                low_mm = put_low_mm
                lowered = True
                leave_us = max(leave_us, put_us)
                put_us = now_us
                put_low_mm = y
            elif y > low_mm + edge_mm or y <= s.top_mm + r.rack_mm:
                rested = True
                settled_mm = put_low_mm
                calm_mm = put_low_mm
                break
            if y <= low_mm + edge_mm:
                leave_us = now_us
                left = True
            elif y - low_mm >= travel_mm:
                falls = True
                break
            k += 1
            if k < again:
                continue
            # Where nothing happens, near the top or at rest elsewhere, nothing has to be looked at closely.
            near = y <= low_mm + edge_mm
            floor_mm = max(low_mm if near else low_mm + 2.0 * edge_mm, anchor_mm - 0.9 * still_mm)
            floor_mm = max(floor_mm, put_mm - 0.4 * travel_mm)
            ceiling_mm = min(low_mm + (edge_mm if near else short_mm), anchor_mm + 0.9 * still_mm)
            ceiling_mm = min(ceiling_mm, put_mm + 0.4 * travel_mm)
            while (
                k + STEP <= taken
                and at_us[k + STEP - 1] - calm_us <= half_us
                and at_us[k + STEP - 1] - put_us < r.settle_us
                and _within(y_mm, k, floor_mm, ceiling_mm)
            ):
                least_mm = _least(y_mm, k)
                calm_mm = min(calm_mm, least_mm)
                put_low_mm = min(put_low_mm, least_mm)
                k += STEP
                if near:
                    leave_us = at_us[k - 1]
                    left = True
            again = k + STEP
        s.low_mm = low_mm
        if lowered and not rising:
            s.low_slip_mm = s.slip_mm
        s.leave_us = leave_us
        if left:
            if rising:
                s.leave_flags = 0
            else:
                s.flags = 0
        s.anchor_us = anchor_us
        s.anchor_mm = anchor_mm
        s.calm_us = calm_us
        s.calm_mm = calm_mm
        s.settled_mm = settled_mm
        s.put_us = put_us
        s.put_mm = put_mm
        s.put_low_mm = put_low_mm
        if rested:
            told += _tell(r, s, spans[told], s.arrive_flags)
            s.mode = REST
            s.low_mm = min(settled_mm, calm_mm)
            s.low_slip_mm = s.slip_mm
            s.leave_us = at_us[k]
            s.flags = 0
        elif falls:
            if rising:
                told += _tell(r, s, spans[told], s.arrive_flags)
                s.flags = s.leave_flags
            s.mode = DOWN
            s.top_mm = s.low_mm
            s.top_slip_mm = s.low_slip_mm
            s.start_us = s.leave_us
            s.bottom_mm = y_mm[k]
            s.turn_us = at_us[k]
            s.turn_kg = load_kg[source[k]] if source[k] >= 0 else first_kg
            s.turn_slip_mm = s.slip_mm
            s.turn_flags = 0
            s.before_mm = y_mm[k - 1] if k > 0 else s.newest_mm
            s.fresh = 1
        if k < taken:
            s.newest_mm = y_mm[k]
            k += 1
        else:
            s.newest_mm = y_mm[taken - 1]
    s.newest_us = at_us[taken - 1]
    return told


@compiled
def _clean(t_us: Times, depth_mm: Values, begin: int, stop: int, r: Any, s: Any, us: Times, mm: Values) -> bool:
    """Take in the samples [begin, stop) in one go, if they are as they should be; whether they are.

    The two before `begin` came right before them. Written to `us`, behind those kept, and to `mm`: the despiked samples
    [begin − 1, stop − 1).
    """
    interval_us = t_us[begin - 1] - t_us[begin - 2]
    if interval_us > r.gap_us or interval_us > r.rest_us or t_us[begin - 1] - s.good_us > r.gap_us:
        return False
    count = stop - begin
    run_us = t_us[begin - 2 : stop]
    run_mm = depth_mm[begin - 2 : stop]
    middle_us = run_us[1:]
    middle_mm = run_mm[1:]
    after_mm = run_mm[2:]
    spoilt = 0
    for k in range(count + 1):
        spoilt |= (middle_us[k] - run_us[k] != interval_us) | (middle_mm[k] != middle_mm[k])
    if spoilt:
        return False
    new_mm = mm[:count]
    new_us = us[s.kept : s.kept + count]
    since_us = float(interval_us)
    turn_mm_us2 = r.turn_mm_us2
    for k in range(count):
        new_us[k] = middle_us[k]
        new_mm[k] = despiked(run_mm[k], middle_mm[k], after_mm[k], since_us, since_us, turn_mm_us2)
    most_mm = r.max_speed_mm_us * interval_us + r.jump_mm
    leaps = int(abs(new_mm[0] - s.good_mm) > most_mm)
    before_mm = new_mm[: count - 1]
    next_mm = new_mm[1:]
    for k in range(count - 1):
        leaps |= abs(next_mm[k] - before_mm[k]) > most_mm
    return not leaps


@compiled
def _judged(r: Any, s: Any, now_us: int, now_mm: float) -> int:
    """Whether a sample is as plausible as the one before, to be held back, or shows that the encoder slipped."""
    if not s.known:
        return _PLAUSIBLE
    jump_mm = abs(now_mm - s.good_mm)
    # What arrives in bunches has times too close to each other: two intervals say more than one.
    eased_us = max(float(now_us - s.good_us), min(_TURN_WITHIN_US, 0.5 * (now_us - s.earlier_us)))
    implausible = jump_mm > r.max_speed_mm_us * eased_us + r.jump_mm
    if not s.held:
        return _HELD if implausible else _PLAUSIBLE
    from_held_mm = abs(now_mm - s.held_mm)
    as_held = from_held_mm <= r.max_speed_mm_us * (now_us - s.held_us) + r.jump_mm
    if as_held and (implausible or from_held_mm < jump_mm):
        return _HELD if now_us - s.held_from_us < r.slip_us else _SLIPPED
    return _HELD_ANEW if implausible else _PLAUSIBLE


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
    """Take in samples from `begin` on; returns the first one not taken (the spans were full) and the spans written.

    spans: ROOM at least. ring_us, ring_mm: RING long, the samples the mean looks back on.
    """
    r = rules[0]
    s = state[0]
    us = np.empty(RING + RUN, dtype=np.int64)
    grains_mm = np.empty(RING + RUN)
    mm = np.empty(RUN)
    at_us = np.empty(RUN, dtype=np.int64)
    y_mm = np.empty(RUN)
    source = np.empty(RUN, dtype=np.int64)
    for k in range(s.kept):
        us[k] = ring_us[k]
        grains_mm[k] = ring_mm[k]
    told = 0
    n = len(t_us)
    i = begin
    b_at = -1
    first_kg = s.b_kg
    straight = 0
    while i < n and len(spans) - told >= ROOM:
        stop = min(i + (RUN if straight >= 2 else 2), n)
        taken = 0
        even = straight >= 2 and s.plausible and not s.held and _clean(t_us, depth_mm, i, stop, r, s, us, mm)
        if even:
            taken = stop - i
            s.earlier_us = t_us[stop - 3] if taken > 1 else s.good_us
            s.good_us = t_us[stop - 2]
            s.good_mm = mm[taken - 1]
            for k in range(taken):
                source[k] = i - 1 + k
            b_at = stop - 1
            s.a_us = t_us[stop - 2]
            s.a_mm = depth_mm[stop - 2]
            s.b_us = t_us[b_at]
            s.b_mm = depth_mm[b_at]
            i = stop
        else:
            stop = min(i + _ONE_BY_ONE, stop)
        # Sample by sample. What changes more than the run ends it first, and is looked at again with nothing taken.
        while i < stop:
            c_mm = depth_mm[i]
            c_us = t_us[i]
            if isnan(c_mm) or (s.seen > 0 and c_us <= s.b_us):
                straight = 0
                i += 1
                continue
            if s.seen > 0 and c_us - s.b_us > r.rest_us:
                if taken:
                    break
                told += _break_off(r, s, spans[told])
                straight = 0
            if s.seen >= 2:
                now_us = s.b_us
                raw_mm = s.b_mm
                before_us = now_us - s.a_us
                after_us = c_us - now_us
                now_mm = despiked(s.a_mm, raw_mm, c_mm, float(before_us), float(after_us), r.turn_mm_us2)
                flags = 0
                if now_mm < raw_mm and max(before_us, after_us) > _TURN_WITHIN_US:
                    # Far from its neighbours in time it may be the bottom, and no spike.
                    if taken:
                        break
                    if s.mode != REST and raw_mm - s.slip_mm > s.bottom_mm + r.lone_mm:
                        flags = GLITCH
                        s.arrive_flags |= GLITCH
                verdict = _judged(r, s, now_us, now_mm)
                if verdict == _SLIPPED or (verdict == _PLAUSIBLE and s.known and now_us - s.good_us > r.gap_us):
                    if taken:
                        break
                    flags |= GLITCH if verdict == _SLIPPED else 0
                    flags |= GAP if now_us - s.good_us > r.gap_us else 0
                    if verdict == _SLIPPED:
                        s.slip_mm += now_mm - s.good_mm
                        s.kept = 0
                s.flags |= flags
                s.leave_flags |= flags
                if verdict >= _HELD:
                    if not s.held or verdict == _HELD_ANEW:
                        s.held = 1
                        s.held_from_us = now_us
                    s.held_us = now_us
                    s.held_mm = now_mm
                else:
                    s.held = 0
                    s.known = 1
                    s.earlier_us = s.good_us
                    s.good_us = now_us
                    s.good_mm = now_mm
                    us[s.kept + taken] = now_us
                    mm[taken] = now_mm
                    source[taken] = b_at
                    taken += 1
            else:
                s.seen += 1
            straight += 1
            s.a_us = s.b_us
            s.a_mm = s.b_mm
            s.b_us = c_us
            s.b_mm = c_mm
            b_at = i
            i += 1
        if taken:
            told = _follow(r, s, us, grains_mm, mm, source, taken, even, at_us, y_mm, load_kg, first_kg, spans, told)
    if b_at >= 0:
        s.b_kg = load_kg[b_at]
    for k in range(s.kept):
        ring_us[k] = us[k]
        ring_mm[k] = grains_mm[k]
    return i, told


@compiled
def end_of(rules: Any, state: Any, spans: Any) -> int:
    """The data end: tell into `spans` what is complete enough. Returns how many reps that is."""
    return _break_off(rules[0], state[0], spans[0])
