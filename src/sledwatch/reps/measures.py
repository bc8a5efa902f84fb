"""What a found rep was like: its phases by the velocity rule, its velocities, its work."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, pi, sqrt, tan
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sledwatch.machine import MachineSpec, coasting_m_s2, force_n
from sledwatch.reps.compiled import compiled
from sledwatch.reps.kernel import despiked
from sledwatch.reps.settings import DEFAULTS, RepSettings, Times, Values, rules_of
from sledwatch.reps.tracking import FOUND, Span, begins_of, columns_of, find_reps

# What is looked at beside a rep, for the filter to settle and the ends of its phases to be found.
_BESIDE_US: Final = 500_000
# scipy.signal.sosfiltfilt's padding for one section.
_PAD: Final = 9
# Where no velocity can say it, a phase ends within this share of its travel from the extremum.
_END_SHARE: Final = 0.02
# This close to the smallest depth of a set the legs are as good as straight (docs/science.md, lock-out).
_LOCKOUT_MM: Final = 20.0

# A rep measured: the fields of RepMeasures, NaN for None.
MEASURED: Final = np.dtype([
    ("start_us", "i8"), ("turn_us", "i8"), ("end_us", "i8"), ("eccentric_s", "f8"), ("concentric_s", "f8"),
    ("bottom_dwell_s", "f8"), ("rom_mm", "f8"), ("mean_velocity_m_s", "f8"), ("mean_propulsive_velocity_m_s", "f8"),
    ("peak_velocity_m_s", "f8"), ("work_j", "f8"), ("velocity_loss_pct", "f8"), ("propulsive_s", "f8"),
    ("eccentric_peak_velocity_m_s", "f8"), ("turn_deceleration_m_s2", "f8"), ("lockout_velocity_m_s", "f8"),
])  # fmt: skip

# What a machine does with a kilogram: weight and inertia along the rails, and the acceleration when nobody pushes.
_MACHINE: Final = np.dtype([("weight_n_kg", "f8"), ("inertia_kg_kg", "f8"), ("coasting_mm_us2", "f8")])


@dataclass(frozen=True, slots=True)
class RepMeasures:
    """What a rep was like. Phases begin and end by the velocity rule (docs/science.md), to a fraction of a sample.

    rom_mm: concentric travel, from the bottom. work_j: concentric, on the load. velocity_loss_pct: against the fastest
    rep of the set until then.
    None below 30 Hz: the mean and the peak velocity of the concentric phase; mean_propulsive_velocity_m_s and
    propulsive_s: of as much of it as is pushed; eccentric_peak_velocity_m_s: how fast the sled came down;
    turn_deceleration_m_s2: the hardest braking of the way down, the turn included; lockout_velocity_m_s: the fastest
    within 20 mm of the set's smallest depth, None too where the rep stays short of it.
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
    propulsive_s: float | None
    eccentric_peak_velocity_m_s: float | None
    turn_deceleration_m_s2: float | None
    lockout_velocity_m_s: float | None


@compiled
def butterworth(x: Values, cutoff_hz: float, rate_hz: float, causal: bool) -> Values:
    """Low-pass of 2nd order, forward and backward: a zero-lag one of 4th order; `causal`: forward only.

    As scipy.signal.sosfiltfilt(butter(2, cutoff), x) does it, ends continued by point reflection.
    """
    return _filtered(x, cutoff_hz, rate_hz, causal, np.empty(len(x) + 2 * _PAD))


@compiled
def _filtered(x: Values, cutoff_hz: float, rate_hz: float, causal: bool, wide: Values) -> Values:
    """See `butterworth`. Worked in `wide`, which is _PAD longer than `x` at both ends, and returned as a part of it."""
    k = tan(pi * cutoff_hz / rate_hz)
    norm = 1.0 / (1.0 + sqrt(2.0) * k + k * k)
    b0 = k * k * norm
    a1 = 2.0 * (k * k - 1.0) * norm
    a2 = (1.0 - sqrt(2.0) * k + k * k) * norm
    n = len(x)
    pad = 0 if causal else min(_PAD, n - 1)
    y = wide[: n + 2 * pad]
    inner = wide[pad : pad + n]
    for i in range(n):
        inner[i] = x[i]
    for i in range(pad):
        y[i] = 2.0 * x[0] - x[pad - i]
        y[n + pad + i] = 2.0 * x[n - 1] - x[n - 2 - i]
    _pass(y, b0, a1, a2)
    if not causal:
        _pass(y[::-1], b0, a1, a2)
    return inner


@compiled
def _pass(y: Values, b0: float, a1: float, a2: float) -> None:
    """The filter, once through, in place; before the first value there were only more of the same.

    Two outputs at a time, both from the two before them: then they wait for each other half as long.
    """
    after1 = a1 * a1 - a2
    after2 = a1 * a2
    x1 = x2 = y1 = y2 = y[0]
    for i in range(0, len(y) - 1, 2):
        x0 = y[i]
        x_next = y[i + 1]
        fed = b0 * (x0 + 2.0 * x1 + x2)
        fed_next = b0 * (x_next + 2.0 * x0 + x1) - a1 * fed
        y[i] = (fed - a2 * y2) - a1 * y1
        y[i + 1] = (fed_next + after2 * y2) + after1 * y1
        x2 = x0
        x1 = x_next
        y2 = y[i]
        y1 = y[i + 1]
    if len(y) % 2:
        y[-1] = (b0 * (y[-1] + 2.0 * x1 + x2) - a2 * y2) - a1 * y1


# Plain loops from here on: numba takes seconds to compile what numpy calls median, searchsorted or a slice assigned.


@compiled
def _first_from(t_us: Times, at_us: int, low: int, high: int) -> int:
    """The index of the first sample at a time or later, in [low, high]; near `low` it is found soonest."""
    step = 64
    while low + step < high and t_us[low + step] < at_us:
        low += step
        step *= 2
    high = min(high, low + step)
    while low < high:
        middle = (low + high) // 2
        if t_us[middle] < at_us:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
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


@compiled
def _deepest(x_mm: Values, begin: int, stop: int) -> int:
    """The index of the largest value in [begin, stop]."""
    at = begin
    for i in range(begin, stop + 1):
        if x_mm[i] > x_mm[at]:
            at = i
    return at


@compiled
def _shallowest_mm(x_mm: Values, begin: int, stop: int) -> float:
    """The smallest value in [begin, stop]."""
    least: float = x_mm[begin]
    for i in range(begin, stop + 1):
        least = min(least, x_mm[i])
    return least


@compiled
def _as_it_should_be(t_us: Times, depth_mm: Values, begin: int, stop: int, r: Any, even: Values) -> bool:
    """Despike the samples [begin, stop) into `even`, if they are evenly spaced and none is missing or implausible."""
    count = stop - begin
    interval_us = t_us[begin + 1] - t_us[begin]
    if interval_us <= 0 or interval_us > r.gap_us:
        return False
    us = t_us[begin:stop]
    mm = depth_mm[begin:stop]
    next_us = us[1:]
    next_mm = mm[1:]
    after_mm = mm[2:]
    spoilt = int(mm[0] != mm[0])
    for k in range(count - 1):
        spoilt |= (next_us[k] - us[k] != interval_us) | (next_mm[k] != next_mm[k])
    if spoilt:
        return False
    since_us = float(interval_us)
    turn_mm_us2 = r.turn_mm_us2
    inner = even[1:]
    even[0] = mm[0]
    for k in range(count - 2):
        inner[k] = despiked(mm[k], next_mm[k], after_mm[k], since_us, since_us, turn_mm_us2)
    even[count - 1] = mm[count - 1]
    most_mm = r.max_speed_mm_us * interval_us + r.jump_mm
    leaps = 0
    for k in range(count - 1):
        leaps |= abs(inner[k] - even[k]) > most_mm
    return not leaps


@compiled
def _even_grid(
    t_us: Times, depth_mm: Values, begin: int, stop: int, start_us: int, end_us: int, r: Any, room: Values
) -> tuple[int, float, Values]:
    """The depth around a rep, despiked and evenly spaced: time of the first value, interval, values (none: too few).

    begin, stop: the samples to look at. room: where the values may be written, if it is large enough. Beside the rep it
    stops where samples are missing for long; within, the line between its neighbours stands in.
    """
    if _PAD < stop - begin <= len(room) and _as_it_should_be(t_us, depth_mm, begin, stop, r, room):
        return t_us[begin], float(t_us[begin + 1] - t_us[begin]), room[: stop - begin]
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
            value = despiked(raw_mm[i - 1], raw_mm[i], raw_mm[i + 1], before_us, after_us, r.turn_mm_us2)
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


@compiled
def _crossing(values: Values, level: float, outside: int, inside: int) -> float:
    """Where between two neighbouring indices the values cross a level."""
    rise: float = values[inside] - values[outside]
    if rise == 0.0:
        return float(inside)
    share: float = min(1.0, max(0.0, (level - values[outside]) / rise))
    return outside + share * (inside - outside)


@compiled
def _at(values: Values, index: float) -> float:
    i = min(max(int(index), 0), len(values) - 2)
    value: float = values[i] + (index - i) * (values[i + 1] - values[i])
    return value


@compiled
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


@compiled
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


@compiled
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


@compiled
def _acceleration(x_mm: Values, j: int, interval_us: float) -> float:
    """Towards the user. Of 4th order: the usual second difference would soften a bounce by a tenth at 50 Hz."""
    near = x_mm[j + 1] + x_mm[j - 1]
    far = x_mm[j + 2] + x_mm[j - 2]
    value: float = (16.0 * near - far - 30.0 * x_mm[j]) / (12.0 * interval_us * interval_us)
    return value


@compiled
def _look_down(x_mm: Values, v_mm_us: Values, interval_us: float, start: float, down: float, f: Any) -> None:
    """How fast the sled came down, and how hard it was stopped: before a pause, or by a turn at once."""
    stop = min(int(down) + 2, len(x_mm) - 3)
    fastest = max(2, int(start))
    for j in range(fastest, stop + 1):
        if v_mm_us[j] > v_mm_us[fastest]:
            fastest = j
    f.eccentric_peak_velocity_m_s = max(0.0, v_mm_us[fastest] * 1e3)
    hardest_m_s2 = 0.0
    for j in range(fastest, stop + 1):
        hardest_m_s2 = max(hardest_m_s2, -_acceleration(x_mm, j, interval_us) * 1e9)
    f.turn_deceleration_m_s2 = hardest_m_s2


@compiled
def _look_out(x_mm: Values, v_mm_us: Values, up: float, end: float, lock_mm: float, f: Any) -> None:
    """How fast the sled was where the legs are as good as straight."""
    level_mm = lock_mm + _LOCKOUT_MM
    j = int(up)
    while j < end and x_mm[j] > level_mm:
        j += 1
    if x_mm[j] > level_mm or j == 0:
        return
    fastest_m_s = max(0.0, -_at(v_mm_us, _crossing(x_mm, level_mm, j - 1, j)) * 1e3)
    for i in range(j, int(end) + 1):
        fastest_m_s = max(fastest_m_s, -v_mm_us[i] * 1e3)
    f.lockout_velocity_m_s = fastest_m_s


@compiled
def _lock_mm(found: Any) -> Values:
    """The smallest depth of each rep's set: of all ok reps but the last, and of the rep itself."""
    smallest = np.empty(len(found))
    first = 0
    for n in range(len(found)):
        if n + 1 < len(found) and found[n + 1].set == found[n].set and found[n + 1].session == found[n].session:
            continue
        least_mm = np.inf
        for k in range(first, n):
            if found[k].flags == 0:
                least_mm = min(least_mm, found[k].end_mm)
        for k in range(first, n + 1):
            smallest[k] = min(least_mm, found[k].end_mm)
        first = n + 1
    return smallest


@compiled
def _look(
    t_us: Times, depth_mm: Values, begins: Times, found: Any, machines: Any, rules: Any, causal: bool, measured: Any
) -> None:
    """Measure each rep; by its span alone where its samples are too few or too spoilt to tell.

    begins: of each session the index of its first sample, and of all the end. machines: one a session.
    """
    r = rules[0]
    lock_mm = _lock_mm(found)
    room = np.empty(1_024)
    wide = np.empty(len(room) + 2 * _PAD)
    speeds = np.empty(len(room))
    begin = 0
    best_m_s = 0.0
    for n in range(len(found)):
        span = found[n]
        f = measured[n]
        machine = machines[span.session]
        weight_n = machine.weight_n_kg * span.load_kg
        f.start_us = span.start_us
        f.turn_us = span.turn_us
        f.end_us = span.end_us
        f.rom_mm = span.bottom_mm - span.end_mm
        f.eccentric_s = (span.turn_us - span.start_us) * 1e-6
        f.concentric_s = (span.end_us - span.turn_us) * 1e-6
        f.work_j = weight_n * f.rom_mm * 1e-3
        f.mean_velocity_m_s = np.nan
        f.mean_propulsive_velocity_m_s = np.nan
        f.peak_velocity_m_s = np.nan
        f.velocity_loss_pct = np.nan
        f.propulsive_s = np.nan
        f.eccentric_peak_velocity_m_s = np.nan
        f.turn_deceleration_m_s2 = np.nan
        f.lockout_velocity_m_s = np.nan
        if n == 0 or span.session != found[n - 1].session:
            begin = begins[span.session]
            best_m_s = 0.0
        elif span.set != found[n - 1].set:
            best_m_s = 0.0
        last = begins[span.session + 1]
        begin = _first_from(t_us, span.start_us - _BESIDE_US, begin, last)
        stop = _first_from(t_us, span.end_us + _BESIDE_US, begin, last)
        if stop - begin > len(room):
            room = np.empty(2 * (stop - begin))
        first_us, interval_us, x_mm = _even_grid(t_us, depth_mm, begin, stop, span.start_us, span.end_us, r, room)
        if len(x_mm) < _PAD + 1:
            continue
        if len(x_mm) > len(speeds):
            wide = np.empty(2 * len(x_mm) + 2 * _PAD)
            speeds = np.empty(2 * len(x_mm))
        rate_hz = 1e6 / interval_us
        from_ = min(max(int((span.start_us - first_us) / interval_us + 0.5), 0), len(x_mm) - 2)
        to = min(max(int((span.end_us - first_us) / interval_us + 0.5), from_ + 1), len(x_mm) - 1)
        start = np.nan
        down = np.nan
        up = np.nan
        end = np.nan
        v = speeds[: len(x_mm)]  # towards the user
        if rate_hz >= r.min_rate_hz:
            x_mm = _filtered(x_mm, r.cutoff_hz, rate_hz, causal, wide)
            _differentiate(x_mm, interval_us, v)
            start, down, up, end = _by_velocity(x_mm, v, interval_us, from_, to, span, r)
        if isnan(start) or isnan(down) or isnan(up) or isnan(end) or end <= up or down <= start:
            start, down, up, end = _by_travel(x_mm, from_, to, span)
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
        travel_mm = _at(x_mm, up) - _at(x_mm, end)
        f.work_j = weight_n * travel_mm * 1e-3
        if rate_hz < r.min_rate_hz:
            continue
        f.mean_velocity_m_s = travel_mm / ((end - up) * interval_us) * 1e3
        first_m_s = -_at(v, up) * 1e3
        last_m_s = -_at(v, end) * 1e3
        f.work_j += 0.5 * machine.inertia_kg_kg * span.load_kg * (last_m_s**2 - first_m_s**2)
        if span.flags == 0:
            best_m_s = max(best_m_s, f.mean_velocity_m_s)
        if best_m_s > 0.0:
            f.velocity_loss_pct = 100.0 * max(0.0, best_m_s - f.mean_velocity_m_s) / best_m_s
        fastest = int(up)
        for j in range(int(up), int(end) + 1):
            if v[j] < v[fastest]:
                fastest = j
        f.peak_velocity_m_s = -v[fastest] * 1e3
        # Pushing ends where the sled slows down more than it would if nobody pushed.
        pushed = end
        for j in range(max(fastest, 1), min(int(end) + 1, len(v) - 1)):
            if -(v[j + 1] - v[j - 1]) / (2.0 * interval_us) < machine.coasting_mm_us2:
                pushed = max(float(j), up + 1.0)
                break
        f.mean_propulsive_velocity_m_s = (_at(x_mm, up) - _at(x_mm, pushed)) / ((pushed - up) * interval_us) * 1e3
        f.propulsive_s = (pushed - up) * interval_us * 1e-6
        _look_down(x_mm, v, interval_us, start, down, f)
        _look_out(x_mm, v, up, end, lock_mm[n], f)


@compiled
def _differentiate(x_mm: Values, interval_us: float, v_mm_us: Values) -> None:
    """The speed, 0 at both ends. Of 4th order: at 50 Hz the usual difference of two neighbours would lengthen a fast
    phase by 2 %."""
    n = len(x_mm)
    inner = v_mm_us[2:]
    b = x_mm[1:]
    d = x_mm[3:]
    e = x_mm[4:]
    for i in range(n - 4):
        inner[i] = (8.0 * (d[i] - b[i]) - (e[i] - x_mm[i])) / (12.0 * interval_us)
    for i in (0, 1, n - 2, n - 1):
        v_mm_us[i] = 0.0


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

    t_us, depth_mm, load_kg: the samples the spans were found in, as of RepTracker.push; 0.5 s beside each rep matter,
    where there are any. spans: of one session, ascending, for the velocity loss whole sets. causal: filter forward
    only, as live analysis does; in closing analysis the filter has no lag.

    Depth is despiked, evenly spaced (linear between samples where they are not) and filtered by a Butterworth low-pass
    of 10 Hz; velocity is its derivative. A phase lasts from the first to the last moment above 0.02 m/s, looked for
    from within 5 mm of the extrema. Below 30 Hz, or where a phase never is that fast, it ends within 2 % of its travel
    from the extremum. Mean velocity is travel by duration; the propulsive part ends when, past the peak, the
    acceleration falls below what the sled would do by itself (−g sin θ, stack −g / ratio). The set's smallest depth is
    that of its ok reps but the last, which ends in the rack; a rep that goes further is looked at up to its own end.

    Work is ∫F ds over the concentric phase: weight times travel, and the change of kinetic energy between its ends;
    below 30 Hz weight times travel alone. Velocity loss is 100 (best − this) / best with the best ok rep of the set
    until then (Sánchez-Medina & González-Badillo 2011).

    Raises ValueError when the samples' lengths differ.
    """
    found = np.zeros(len(spans), dtype=FOUND)
    for name in ("set", "start_us", "turn_us", "end_us", "top_mm", "bottom_mm", "end_mm", "load_kg"):
        found[name] = [getattr(span, name) for span in spans]
    found["flags"] = [span.quality != "ok" for span in spans]
    measured = measure_in_bulk(t_us, depth_mm, load_kg, found, spec, causal=causal, settings=settings)
    return [RepMeasures(*_known(row)) for row in measured.tolist()]


def _known(row: tuple[Any, ...]) -> list[Any]:
    return [None if isnan(figure) else figure for figure in row]


def measure_in_bulk(
    t_us: ArrayLike,
    depth_mm: ArrayLike,
    load_kg: ArrayLike,
    found: NDArray[np.void],
    specs: MachineSpec | Sequence[MachineSpec],
    starts: ArrayLike = (0,),
    *,
    causal: bool = False,
    settings: RepSettings = DEFAULTS,
) -> NDArray[np.void]:
    """What each rep of many sessions was like: an array of `MEASURED`, a row for each of `found`, as of `measure`.

    t_us, depth_mm, load_kg, starts: as of find_in_bulk, which gave `found`. specs: the machine, or one a session.
    Raises ValueError when lengths differ, or `starts` are no indices in order.
    """
    times, depths, _ = columns_of(t_us, depth_mm, load_kg)
    begins = begins_of(starts, times.size)
    sessions = len(begins) - 1
    each = [specs] if isinstance(specs, MachineSpec) else list(specs)
    if len(each) not in {1, sessions}:
        raise ValueError(f"{len(each)} specs for {sessions} sessions: expected one machine for each, or one")
    machines = np.zeros(sessions, dtype=_MACHINE)
    machines["weight_n_kg"] = [force_n(spec, 1.0) for spec in each]
    machines["inertia_kg_kg"] = [force_n(spec, 1.0, 1.0) - force_n(spec, 1.0) for spec in each]
    machines["coasting_mm_us2"] = [coasting_m_s2(spec) * 1e-9 for spec in each]
    measured = np.zeros(len(found), dtype=MEASURED)
    _look(times, depths, begins, found, machines, rules_of(settings), causal, measured)
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
