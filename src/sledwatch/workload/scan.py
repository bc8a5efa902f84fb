"""Every session as the rules saw it when it closed: one pass over the sessions of any number of members, compiled.

Sessions ascend by member, then start; one member is one segment of the arrays. What comes before a session is counted
in whole visits, the visit of the session itself up to that session. Nothing that is older than `LOOK_BACK_DAYS` counts
but that it was there: whoever was here all the time is asked about a year, and ten years say the same.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sledwatch.reps.compiled import compiled
from sledwatch.workload.terms import (
    BASELINE_MOST_WEEKS,
    DAY_US,
    HABIT_WEEKS,
    LOOK_BACK_DAYS,
    NO_LOAD_J,
    RETURN_WINDOW_DAYS,
    VISIT_GAP_US,
    WEEK_DAYS,
    WINDOW_DAYS,
    Bools,
    Floats,
    Micros,
)
from sledwatch.workload.windows import best_between, since

# What the codes of the columns `footing`, `state`, `baseline` and `severity` stand for.
FOOTINGS: Final = ("beginner", "returning", "baseline")
STATES: Final = ("beginner", "returning", "baseline", "no-baseline")
BASELINES: Final = ("usual", "yellow", "red", "beginner", "returning", "few-weeks", "missing", "no-load", "alike")
SEVERITIES: Final = (None, "note", "warn", "alert")

_BEGINNER: Final = 0
_RETURNING: Final = 1
_BASELINE: Final = 2
_NO_BASELINE: Final = 3
_USUAL: Final = 0
_YELLOW: Final = 1
_RED: Final = 2
_FEW_WEEKS: Final = 5
_MISSING: Final = 6
_NO_LOAD: Final = 7
_ALIKE: Final = 8

# How many days back the days trained are kept, a bit each.
_REMEMBERED: Final = 64

RULES = np.dtype([
    ("spike_note", "f8"), ("spike_warn", "f8"), ("spike_alert", "f8"), ("spike_alert_joined", "f8"),
    ("join_spacing", "?"), ("join_baseline", "?"), ("hard_session_share", "f8"),
    ("baseline_weeks", "i8"), ("baseline_least_sd", "f8"), ("baseline_yellow", "f8"), ("baseline_red", "f8"),
    ("history_days", "i8"), ("history_sessions", "i8"), ("returned_sessions", "i8"), ("missing_share", "f8"),
])  # fmt: skip

FIGURES = np.dtype([
    ("day", "i8"), ("visit", "i8"), ("visit_first", "i8"), ("visit_start_us", "i8"), ("visit_day", "i8"),
    ("visit_work_j", "f8"), ("visit_hard_sets", "i8"), ("visit_top_load_kg", "f8"),
    # What may be said at all: the footing, the state (footing, missing days looked at), and what they rest on.
    ("footing", "i1"), ("state", "i1"), ("anew", "?"), ("earlier_visits", "i8"), ("history_days", "f8"),
    ("visits_30d", "i8"), ("days_off", "f8"), ("layoff_days", "f8"), ("visits_since_layoff", "i8"),
    ("missing_7d", "i8"), ("missing_30d", "i8"), ("missing_90d", "i8"),
    # Against the best before; *_row: the last session of the visit that it is compared with, or −1.
    ("best_30d_j", "f8"), ("best_30d_row", "i8"), ("best_90d_j", "f8"), ("best_90d_row", "i8"),
    ("ratio_30d", "f8"), ("ratio_90d", "f8"), ("spike", "f8"), ("best_load_kg", "f8"),
    ("hard", "?"), ("spaced", "?"), ("spaced_row", "i8"), ("habit", "?"), ("days_in_a_row", "i8"),
    # The last 7 days against the own weeks.
    ("week_j", "f8"), ("hard_sets_7d", "i8"), ("baseline", "i1"), ("baseline_z", "f8"), ("baseline_mean_j", "f8"),
    ("baseline_sd_j", "f8"), ("baseline_weeks", "i8"), ("baseline_weeks_left_out", "i8"),
    ("baseline_missing_days", "i8"),
    ("joined_spacing", "?"), ("joined_baseline", "?"), ("severity", "i1"),
])  # fmt: skip


@compiled
def judge_segments(
    first: Micros,
    start_us: Micros,
    end_us: Micros,
    work_j: Floats,
    top_load_kg: Floats,
    hard_sets: Micros,
    day: Micros,
    missing_first: Micros,
    missing: Micros,
    rules_of: Micros,
    rules: NDArray[np.void],
    out: NDArray[np.void],
) -> None:
    """Fill `out` (FIGURES, one a session) for all members.

    first, missing_first: where the sessions and the missing days of each member begin, and the end of the last. day:
    local days of the starts. missing: local days, ascending. rules_of: for each member which of the `rules` (RULES).
    """
    for member in range(len(first) - 1):
        low, high = first[member], first[member + 1]
        if low < high:
            _judge_member(
                low,
                start_us[low:high],
                end_us[low:high],
                work_j[low:high],
                top_load_kg[low:high],
                hard_sets[low:high],
                day[low:high],
                missing[missing_first[member] : missing_first[member + 1]],
                rules[rules_of[member]],
                out[low:high],
            )


@compiled
def number_visits(start_us: Micros, end_us: Micros) -> Micros:
    """Number the visits of one member's sessions, which ascend. They may overlap: the latest end so far counts."""
    visit = np.zeros(len(start_us), dtype=np.int64)
    number, ended_us = 0, start_us[0] if len(start_us) else 0
    for row in range(len(start_us)):
        if row > 0 and start_us[row] - ended_us >= VISIT_GAP_US:
            number += 1
        ended_us = max(ended_us, start_us[row], end_us[row])
        visit[row] = number
    return visit


@compiled
def begin_of_chapters(visit_start_us: Micros) -> Micros:
    """For each visit, the first one of its chapter: more than 90 days without a visit begin a new one."""
    begin = np.zeros(len(visit_start_us), dtype=np.int64)
    for visit in range(1, len(visit_start_us)):
        gap_us = visit_start_us[visit] - visit_start_us[visit - 1]
        begin[visit] = visit if gap_us > RETURN_WINDOW_DAYS * DAY_US else begin[visit - 1]
    return begin


@compiled
def footings(
    visit_start_us: Micros, chapter: Micros, seen: Micros, month: Micros, rules: Any
) -> tuple[NDArray[np.int8], Micros]:
    """What each visit stands on (FOOTINGS), and with which visit the return began that it is part of, or −1.

    chapter, seen, month: the first visit of the chapter, of those looked at, and of the previous 30 days.
    """
    footing = np.empty(len(visit_start_us), dtype=np.int8)
    returned = np.empty(len(visit_start_us), dtype=np.int64)
    back = -1
    for visit in range(len(visit_start_us)):
        recent = visit - month[visit]
        # An empty window starts a return, enough visits in it end one, fewer leave things as they were.
        if visit == chapter[visit]:
            back = -1
        elif recent == 0:
            back = visit
        elif recent >= rules.returned_sessions:
            back = -1
        # A return of more than a year ago is none any more.
        returned[visit] = back if back >= seen[visit] else -1
        history_us = visit_start_us[visit] - visit_start_us[chapter[visit]]
        earlier = visit - max(chapter[visit], seen[visit])
        if history_us < rules.history_days * DAY_US or earlier < rules.history_sessions:
            footing[visit] = _BEGINNER
        elif returned[visit] >= 0:
            footing[visit] = _RETURNING
        else:
            footing[visit] = _BASELINE
    return footing, returned


@compiled
def hard_visits(work_j: Floats, best: Micros, share: float) -> Bools:
    """Which visits are hard: more work than this share of the best before them, where that is one."""
    hard = np.zeros(len(work_j), dtype=np.bool_)
    for visit in range(len(work_j)):
        if best[visit] >= 0:
            best_j = work_j[best[visit]]
            hard[visit] = best_j > NO_LOAD_J and work_j[visit] > share * best_j
    return hard


@compiled
def _days_trained(visit_day: Micros) -> NDArray[np.uint64]:
    """For each visit the days trained before and on its own: bit n is the day n days back."""
    result = np.empty(len(visit_day), dtype=np.uint64)
    # Where clocks go back over midnight a later visit may be on an earlier day: the mask ends with the latest so far.
    latest, mask = visit_day[0], np.uint64(1)
    for visit in range(len(visit_day)):
        ahead = visit_day[visit] - latest
        if ahead >= _REMEMBERED:
            mask = np.uint64(0)
        elif ahead > 0:
            mask <<= np.uint64(ahead)
        latest = max(latest, visit_day[visit])
        behind = np.uint64(latest - visit_day[visit])
        mask |= np.uint64(1) << behind
        result[visit] = mask >> behind
    return result


@compiled
def _has_habit(trained: np.uint64) -> bool:
    """Whether, in each of the 4 weeks before a day, a day was trained on after another: the week is that of the later.

    A week is 7 days, the last one ends the day before.
    """
    in_pairs = trained & (trained >> np.uint64(1))
    week = np.uint64(0b1111111) << np.uint64(1)
    for _ in range(HABIT_WEEKS):
        if in_pairs & week == np.uint64(0):
            return False
        week <<= np.uint64(WEEK_DAYS)
    return True


@compiled
def _in_a_row(trained: np.uint64) -> int:
    count = 0
    while count < _REMEMBERED and (trained >> np.uint64(count)) & np.uint64(1) == np.uint64(1):
        count += 1
    return count


@compiled
def _judge_member(
    low: int,
    start_us: Micros,
    end_us: Micros,
    work_j: Floats,
    top_load_kg: Floats,
    hard_sets: Micros,
    day: Micros,
    missing: Micros,
    rules: Any,
    out: NDArray[np.void],
) -> None:
    visit_of = number_visits(start_us, end_us)
    count = visit_of[-1] + 1
    begin = np.searchsorted(visit_of, np.arange(count + 1))
    visit_start, visit_day = start_us[begin[:-1]], day[begin[:-1]]
    whole_j, whole_kg, whole_sets = np.zeros(count), np.zeros(count), np.zeros(count, dtype=np.int64)
    for row in range(len(start_us)):
        visit = visit_of[row]
        whole_j[visit] += work_j[row]
        whole_kg[visit] = max(whole_kg[visit], top_load_kg[row])
        whole_sets[visit] += hard_sets[row]

    chapter = begin_of_chapters(visit_start)
    seen, month = since(visit_start, LOOK_BACK_DAYS * DAY_US), since(visit_start, WINDOW_DAYS * DAY_US)
    quarter = since(visit_start, RETURN_WINDOW_DAYS * DAY_US)
    footing, returned = footings(visit_start, chapter, seen, month, rules)
    own = np.arange(count)
    best_30d, best_90d = best_between(whole_j, month, own), best_between(whole_j, quarter, own)
    best_load = best_between(whole_kg, np.maximum(chapter, seen), own)
    hard = hard_visits(whole_j, best_30d, rules.hard_session_share)
    trained = _days_trained(visit_day)

    done_j, done_kg, done_sets, hard_before = 0.0, 0.0, 0, -1
    for row in range(len(start_us)):
        visit, one = visit_of[row], out[row]
        if row == begin[visit]:
            done_j, done_kg, done_sets = 0.0, 0.0, 0
            if visit > 0 and hard[visit - 1]:
                hard_before = visit - 1
        done_j += work_j[row]
        done_kg = max(done_kg, top_load_kg[row])
        done_sets += hard_sets[row]
        one.day, one.visit, one.visit_first = day[row], visit, low + begin[visit]
        one.visit_start_us, one.visit_day = visit_start[visit], visit_day[visit]
        one.visit_work_j, one.visit_hard_sets, one.visit_top_load_kg = done_j, done_sets, done_kg

        first = chapter[visit]
        one.footing = footing[visit]
        one.anew = first > 0 and first >= seen[visit]
        one.earlier_visits = visit - max(first, seen[visit])
        one.history_days = min((visit_start[visit] - visit_start[first]) / DAY_US, float(LOOK_BACK_DAYS))
        one.visits_30d = visit - month[visit]
        one.days_off = (visit_start[visit] - visit_start[max(visit - 1, 0)]) / DAY_US
        back = returned[visit]
        one.layoff_days = (visit_start[back] - visit_start[back - 1]) / DAY_US if back >= 0 else np.nan
        one.visits_since_layoff = visit - back + 1 if back >= 0 else 0
        today = visit_day[visit]
        known = np.searchsorted(missing, today)
        one.missing_7d = np.searchsorted(missing, today + 1) - np.searchsorted(missing, today + 1 - WEEK_DAYS)
        one.missing_30d = known - np.searchsorted(missing, today - WINDOW_DAYS)
        one.missing_90d = known - np.searchsorted(missing, today - RETURN_WINDOW_DAYS)
        one.state = footing[visit]
        if footing[visit] != _BEGINNER and one.missing_30d > rules.missing_share * WINDOW_DAYS:
            one.state = _NO_BASELINE

        best = best_30d[visit]
        one.best_30d_j, one.best_30d_row = (whole_j[best], low + begin[best + 1] - 1) if best >= 0 else (np.nan, -1)
        one.ratio_30d = done_j / one.best_30d_j if one.best_30d_j > NO_LOAD_J else np.nan
        best = best_90d[visit]
        one.best_90d_j, one.best_90d_row = (whole_j[best], low + begin[best + 1] - 1) if best >= 0 else (np.nan, -1)
        one.ratio_90d = done_j / one.best_90d_j if one.best_90d_j > NO_LOAD_J else np.nan
        one.spike = one.ratio_30d if one.state == _BASELINE else np.nan
        one.best_load_kg = whole_kg[best_load[visit]] if best_load[visit] >= 0 else np.nan
        one.hard = one.best_30d_j > NO_LOAD_J and done_j > rules.hard_session_share * one.best_30d_j
        one.spaced = one.hard and hard_before >= 0 and today - visit_day[max(hard_before, 0)] <= 1
        one.spaced_row = low + begin[hard_before + 1] - 1 if one.spaced else -1
        one.habit = _has_habit(trained[visit])
        one.days_in_a_row = _in_a_row(trained[visit])

        _compare_with_weeks(visit, visit_day, whole_j, whole_sets, visit_day[first], missing, rules, one)
        _decide_severity(rules, one)


@compiled
def _compare_with_weeks(
    visit: int,
    visit_day: Micros,
    whole_j: Floats,
    whole_sets: Micros,
    first_day: int,
    missing: Micros,
    rules: Any,
    one: Any,
) -> None:
    """The 7 local days that end with the visit's against the whole weeks before them, counted backwards from there."""
    today = visit_day[visit]
    weeks = 0
    if one.footing == _BASELINE:
        weeks = max(0, min(BASELINE_MOST_WEEKS, (today - first_day - WEEK_DAYS + 1) // WEEK_DAYS))
    load_j = np.zeros(BASELINE_MOST_WEEKS + 1)
    load_j[0] = one.visit_work_j
    one.hard_sets_7d = one.visit_hard_sets
    for before in range(visit - 1, -1, -1):
        days_ago = max(today - visit_day[before], 0)
        # A day more: where clocks go back over midnight, days do not quite ascend.
        if days_ago > WEEK_DAYS * (weeks + 1):
            break
        week = days_ago // WEEK_DAYS
        if week <= weeks:
            load_j[week] += whole_j[before]
        if week == 0:
            one.hard_sets_7d += whole_sets[before]
    one.week_j = load_j[0]

    holes = np.zeros(BASELINE_MOST_WEEKS + 1, dtype=np.bool_)
    missing_days = 0
    for number in range(np.searchsorted(missing, today + 1) - 1, -1, -1):
        days_ago = today - missing[number]
        if days_ago >= WEEK_DAYS * (weeks + 1):
            break
        holes[days_ago // WEEK_DAYS] = True
        missing_days += 1
    usable, least_j, most_j, sum_j = 0, np.inf, -np.inf, 0.0
    for week in range(1, weeks + 1):
        if not holes[week]:
            usable += 1
            sum_j += load_j[week]
            least_j, most_j = min(least_j, load_j[week]), max(most_j, load_j[week])
    one.baseline_weeks, one.baseline_weeks_left_out, one.baseline_missing_days = usable, weeks - usable, missing_days
    one.baseline_z, one.baseline_mean_j, one.baseline_sd_j = np.nan, np.nan, np.nan

    if one.footing != _BASELINE:
        one.baseline = 3 + one.footing
        return
    if weeks < rules.baseline_weeks:
        one.baseline = _FEW_WEEKS
        return
    too_many = missing_days > rules.missing_share * WEEK_DAYS * (weeks + 1)
    if too_many or one.missing_7d > rules.missing_share * WEEK_DAYS:
        one.baseline = _MISSING
        return
    if usable < rules.baseline_weeks:
        one.baseline = _FEW_WEEKS
        return
    mean_j = sum_j / usable
    if mean_j <= NO_LOAD_J:
        one.baseline = _NO_LOAD
        return
    squares = 0.0
    for week in range(1, weeks + 1):
        if not holes[week]:
            squares += (load_j[week] - mean_j) ** 2
    # Equal weeks have a spread of 0, not of what rounding leaves of it.
    spread_j = np.sqrt(squares / (usable - 1)) if most_j > least_j else 0.0
    spread_j = max(spread_j, rules.baseline_least_sd * mean_j)
    one.baseline_mean_j, one.baseline_sd_j = mean_j, spread_j
    if spread_j <= 0.0:
        one.baseline = _ALIKE
        return
    one.baseline_z = (load_j[0] - mean_j) / spread_j
    if one.baseline_z >= rules.baseline_red:
        one.baseline = _RED
    elif one.baseline_z >= rules.baseline_yellow:
        one.baseline = _YELLOW
    else:
        one.baseline = _USUAL


@compiled
def _decide_severity(rules: Any, one: Any) -> None:
    """How loud the spike is, and what joins it: these make an alert of what would be a warn."""
    one.joined_spacing = rules.join_spacing and one.spaced and not one.habit
    one.joined_baseline = rules.join_baseline and one.baseline == _RED
    joined = one.joined_spacing or one.joined_baseline
    one.severity = 0
    if one.spike > rules.spike_alert or (joined and one.spike > rules.spike_alert_joined):
        one.severity = 3
    elif one.spike > rules.spike_warn:
        one.severity = 2
    elif one.spike > rules.spike_note:
        one.severity = 1
