"""What somebody's sessions entail as overuse, from the definitions alone (docs/science.md, Overuse).

Nothing of the services is used here, and nothing is taken from them: an error there cannot hide in the yardstick. What
lies within 1 % of a threshold is near; so is what the definitions leave open. Outages of machines are not known here:
every day without a session is rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import pairwise
from statistics import fmean, stdev
from typing import Final, Literal

from sledwatch_sim.people import DAY_US
from sledwatch_sim.truth.expected import Expected

TOLERANCE: Final = 0.01
# Session spike (Frandsen 2025), the highest first.
SPIKES: Final = ((2.00, "alert"), (1.30, "warn"), (1.10, "note"))
JOINED_ABOVE: Final = 1.30
WINDOW_US: Final = 30 * DAY_US
LONG_WINDOW_US: Final = 90 * DAY_US
FEWEST_SESSIONS: Final = 4
BACK_AFTER_SESSIONS: Final = 2
TOGETHER_US: Final = 2 * 3_600_000_000
HARD_SHARE: Final = 0.7
RETURNING_SHARE: Final = 0.8
BEGINNER_DAYS: Final = 3
BEGINNER_HARD_SETS: Final = 10
BEGINNER_LOAD: Final = 1.3
BASELINE_WEEKS: Final = 8
YELLOW: Final = 2.0
RED: Final = 3.0
YEAR: Final = 52
VOLUME_HARD_SETS: Final = 20
_LEAST_SPREAD: Final = 0.1

Footing = Literal["beginner", "returning", "baseline"]


@dataclass(frozen=True, slots=True)
class Done:
    """A session that is over, as far as overuse looks at it.

    hard_sets: those with a velocity loss of 20 % or more; fewest and most where some are within 1 % of it.
    """

    start_us: int
    end_us: int
    work_j: float
    top_load_kg: float
    hard_sets: tuple[int, int]


def overuse(past: Sequence[Done], now: Done, zone: tzinfo = UTC) -> list[Expected]:
    """What the session `now` entails after those of the `past`, in order of time; days are those of the zone."""
    visits = together([*past, now])
    *earlier, visit = visits
    footings = _footings(earlier, visit)
    spaced = _spacing(earlier, visit, zone)
    red = _red_weeks(visits, zone)
    found = [
        _sure(_spike(earlier, visit, spaced, red), footings, "baseline"),
        _sure(_returning(earlier, visit), footings, "returning"),
        _sure(_beginner(earlier, visit, zone), footings, "beginner"),
        # Without a baseline the ratios say nothing, and hard is a ratio.
        _sure(spaced, footings, "baseline") if "baseline" in footings else _doubted(spaced),
    ]
    if "baseline" in footings:
        found.append(_own_weeks(visits, zone) if len(footings) == 1 else _doubted(_own_weeks(visits, zone)))
    found.append(_volume(visits, now, zone))
    return [one for one in found if one is not None]


def together(sessions: Sequence[Done]) -> list[Done]:
    """Sessions less than 2 h apart are one."""
    visits: list[Done] = []
    for one in sessions:
        if visits and one.start_us - visits[-1].end_us < TOGETHER_US:
            last = visits.pop()
            visits.append(
                Done(
                    last.start_us,
                    max(last.end_us, one.end_us),
                    last.work_j + one.work_j,
                    max(last.top_load_kg, one.top_load_kg),
                    (last.hard_sets[0] + one.hard_sets[0], last.hard_sets[1] + one.hard_sets[1]),
                )
            )
        else:
            visits.append(one)
    return visits


def spike_ratio(past: Sequence[tuple[int, float]], start_us: int, work_j: float) -> float | None:
    """The session's work over the largest of the 30 days before it (Frandsen 2025); `past` is start and joules.

    None without a baseline: before 30 days since the first session and 4 sessions, or with nothing in the window.
    """
    if len(past) < FEWEST_SESSIONS or start_us - past[0][0] < WINDOW_US:
        return None
    window = [work for t_us, work in past if start_us - WINDOW_US <= t_us < start_us]
    return work_j / max(window) if window and max(window) > 0 else None


def workload_spike(ratio: float | None) -> Expected | None:
    """A note above 1.10, a warn above 1.30, an alert above 2.00."""
    if ratio is None or ratio <= SPIKES[-1][0] * (1.0 - TOLERANCE):
        return None
    return Expected(
        "workload.spike",
        next((name for threshold, name in SPIKES if ratio > threshold), "note"),
        near=ratio <= SPIKES[-1][0] * (1.0 + TOLERANCE),
        severity_near=any(_near(ratio, threshold) for threshold, _ in SPIKES[:-1]),
    )


def _near(figure: float, threshold: float) -> bool:
    return abs(figure - threshold) <= TOLERANCE * threshold


def _window(earlier: Sequence[Done], visit: Done, length_us: int) -> list[Done]:
    return [one for one in earlier if visit.start_us - length_us <= one.start_us < visit.start_us]


def _career(earlier: Sequence[Done], visit: Done) -> list[Done]:
    """The visits since the latest break of 90 days: whoever stays away so long begins anew."""
    visits = [*earlier, visit]
    began = 0
    for index, (before, after) in enumerate(pairwise(visits), start=1):
        if after.start_us - before.start_us > LONG_WINDOW_US:
            began = index
    return visits[began:-1]


def _footings(earlier: Sequence[Done], visit: Done) -> set[Footing]:
    """What the visit is measured as; more than one where the definitions leave it open."""
    career = _career(earlier, visit)
    away = False
    for index, one in enumerate([*career, visit]):
        window = _window(career[:index], one, WINDOW_US)
        away = index > 0 and (not window or (away and len(window) < BACK_AFTER_SESSIONS))
    old = bool(career) and visit.start_us - career[0].start_us >= WINDOW_US
    then: Footing = "returning" if away else "baseline"
    if old and len(career) >= FEWEST_SESSIONS:
        return {then}
    # Whether the fourth session is before or after "4 sessions", and who is new and returns at once, is left open.
    if (old and len(career) == FEWEST_SESSIONS - 1) or away:
        return {"beginner", then}
    return {"beginner"}


def _sure(found: Expected | None, footings: set[Footing], wanted: Footing) -> Expected | None:
    if found is None or wanted not in footings:
        return None
    return found if len(footings) == 1 else _doubted(found)


def _doubted(found: Expected | None) -> Expected | None:
    return found and Expected(found.rule, found.severity, True, found.severity_near, found.joined)


def _spike(earlier: Sequence[Done], visit: Done, spaced: Expected | None, red: set[bool]) -> Expected | None:
    """Alert above 2.00, or above 1.30 together with spacing or a red baseline."""
    window = _window(earlier, visit, WINDOW_US)
    best_j = max((one.work_j for one in window), default=0.0)
    if best_j <= 0.0:
        return None
    ratio = visit.work_j / best_j
    found = workload_spike(ratio)
    if found is None:
        return None
    joined = tuple(name for name, there in (("spacing", spaced is not None), ("baseline", True in red)) if there)
    if not joined or ratio <= JOINED_ABOVE:
        return found
    open_ = ratio <= SPIKES[0][0] and not ((spaced is not None and not spaced.near) or red == {True})
    severity = "alert" if not open_ else found.severity
    return Expected(found.rule, severity, found.near, _near(ratio, JOINED_ABOVE) or open_, joined)


def _spacing(earlier: Sequence[Done], visit: Done, zone: tzinfo) -> Expected | None:
    """Two hard visits on the same or consecutive local days."""
    today = _day(visit, zone)
    best = Expected("workload.spacing", "warn", near=True)
    hard = _is_hard(earlier, visit)
    pairs = [
        {now and then for now in hard for then in _is_hard(earlier[:index], one)}
        for index, one in enumerate(earlier)
        if today - _day(one, zone) in {0, 1}
    ]
    habits = _trains_on_consecutive_days(earlier, visit, zone)
    if not any(True in pair for pair in pairs) or habits == {True}:
        return None
    sure = any(pair == {True} for pair in pairs) and habits == {False}
    return Expected("workload.spacing", "warn") if sure else best


def _is_hard(earlier: Sequence[Done], visit: Done) -> set[bool]:
    """More than 70 % of the largest of the 30 days before; both where it is within 1 % of that."""
    window = _window(earlier, visit, WINDOW_US)
    best_j = max((one.work_j for one in window), default=0.0)
    if best_j <= 0.0:
        return {False}
    share = visit.work_j / best_j
    return {True, False} if _near(share, HARD_SHARE) else {share > HARD_SHARE}


def _trains_on_consecutive_days(earlier: Sequence[Done], visit: Done, zone: tzinfo) -> set[bool]:
    """Whether they did in each of their last 4 weeks: of seven days up to yesterday, up to today, or from Mondays."""
    days = {_day(one, zone) for one in [*earlier, visit]}
    today = _day(visit, zone)
    monday = today - (today + 3) % 7
    readings = set()
    for end in (today, today + 1, monday):
        weeks = [{day for day in days if end - 7 * (week + 1) <= day < end - 7 * week} for week in range(4)]
        readings.add(all(any(day + 1 in week for day in week) for week in weeks))
    return readings


def _red_weeks(visits: Sequence[Done], zone: tzinfo) -> set[bool]:
    """Whether the last 7 days are 3 standard deviations above the weeks before; both where that is left open."""
    return {z is not None and z >= RED for z in _deviations(visits, zone)}


def _own_weeks(visits: Sequence[Done], zone: tzinfo) -> Expected | None:
    """A note from 2 standard deviations above the own weeks, a warn from 3."""
    deviations = _deviations(visits, zone)
    loud = [z for z in deviations if z is not None and z >= YELLOW]
    if not loud:
        return None
    red = [z >= RED for z in loud]
    return Expected(
        "workload.baseline",
        "warn" if any(red) else "note",
        near=len(loud) < len(deviations),
        severity_near=any(red) and not all(red),
    )


def _deviations(visits: Sequence[Done], zone: tzinfo) -> list[float | None]:
    """How far the last 7 days lie above the weeks before, in standard deviations; None where there is no saying.

    One for each reading of "the person's own previous weeks": all of them, the last 8, those of a year, and of these
    what has happened since 90 days without a session. And each with 1 % less, and with 1 % more, in the last 7 days.
    """
    begun = _day(visits[0], zone)
    since_break = _day([*_career(visits[:-1], visits[-1]), visits[-1]][0], zone)
    today = _day(visits[-1], zone)
    found: list[float | None] = []
    for first, most in ((begun, None), (begun, BASELINE_WEEKS), (begun, YEAR), (since_break, YEAR)):
        count = (today - first + 1) // 7 - 1
        if count < BASELINE_WEEKS:
            found.append(None)
            continue
        weeks = [0.0] * (count + 1)
        for one in visits:
            week = (today - _day(one, zone)) // 7
            if week <= count:
                weeks[week] += one.work_j
        before = weeks[1:] if most is None else weeks[1 : most + 1]
        mean = fmean(before)
        spread = max(stdev(before), _LEAST_SPREAD * mean)
        shares = (1.0 - TOLERANCE, 1.0, 1.0 + TOLERANCE)
        found += [(share * weeks[0] - mean) / spread if spread > 0.0 else None for share in shares]
    return found


def _volume(visits: Sequence[Done], now: Done, zone: tzinfo) -> Expected | None:
    """More than 20 hard sets in 7 days. Whether one who adds none is told of it is left open."""
    today = _day(visits[-1], zone)
    of_week = [one.hard_sets for one in visits if 0 <= today - _day(one, zone) < 7]
    fewest, most = sum(low for low, _ in of_week), sum(high for _, high in of_week)
    if most <= VOLUME_HARD_SETS:
        return None
    return Expected("workload.volume", "note", near=fewest <= VOLUME_HARD_SETS or now.hard_sets[0] == 0)


def _returning(earlier: Sequence[Done], visit: Done) -> Expected | None:
    """More than 0.8 of the largest of the last 90 days, after a layoff."""
    best_j = max((one.work_j for one in _window(earlier, visit, LONG_WINDOW_US)), default=0.0)
    if best_j <= 0.0 or visit.work_j <= RETURNING_SHARE * best_j * (1.0 - TOLERANCE):
        return None
    return Expected("workload.returning", "warn", near=_near(visit.work_j / best_j, RETURNING_SHARE))


def _beginner(earlier: Sequence[Done], visit: Done, zone: tzinfo) -> Expected | None:
    """3 days in a row, more than 10 hard sets, or more than 1.3 times the best load from the third session on."""
    career = _career(earlier, visit)
    days = {_day(one, zone) for one in career}
    today = _day(visit, zone)
    in_a_row = all(today - back in days for back in range(1, BEGINNER_DAYS))
    fewest, most = visit.hard_sets
    best_kg = max((one.top_load_kg for one in career), default=0.0) if len(career) >= 2 else 0.0
    load = visit.top_load_kg / best_kg if best_kg > 0.0 else 0.0
    if in_a_row or fewest > BEGINNER_HARD_SETS or load > BEGINNER_LOAD * (1.0 + TOLERANCE):
        return Expected("workload.beginner", "warn")
    if most > BEGINNER_HARD_SETS or load > BEGINNER_LOAD * (1.0 - TOLERANCE):
        return Expected("workload.beginner", "warn", near=True)
    return None


def _day(one: Done, zone: tzinfo) -> int:
    """The local day on which it began, counted from 1970."""
    return _day_of(one.start_us, zone)


@lru_cache(maxsize=100_000)
def _day_of(t_us: int, zone: tzinfo) -> int:
    return datetime.fromtimestamp(t_us / 1e6, UTC).astimezone(zone).date().toordinal() - 719_163
