"""Sessions → visits → daily load, and what a person's own history says about them.

Load is concentric work in joules, on the leg press only, from all gyms and machines. Windows look back from the start
of a visit: the previous 30 days are [start − 30 × 24 h, start). A day is a calendar day in the gym's time zone, a visit
belongs to the day of its start. Sessions without a rep are no training. Thresholds are `sledwatch.rules`; windows and
formulas are definitions and stand where they are computed.

One compiled scan (`scan`) judges sessions, of one member or of all: closing, the daily job and bulk analysis cannot
differ. Ways in:

    judged_session(Sessions.of_rows(rows), session, time_zone, missing_days, rules)  one session, at its closing
    judge(Sessions, time_zone, missing_days, rules) -> Judged                        all sessions of one member
    judge_all(frame, missing_days_frame, rules) -> Judged                            all sessions of all members
    session_table(frame, time_zone, missing_days, rules)                             `judge` as a table

`Judged` holds columns; `Judged.record(row)` gives one session as a plain record (`JudgedSession`, as `judged_session`),
`Judged.frame()` a table, `Judged.figures[name]` and `Judged.word(name)` columns to choose rows by (`Judged.answers` are
the rows to be read). `judge_all` takes rules for all or by user, and missing days as a frame of `user` and `day`.

What is said of a session rests on at most 53 weeks before it. A closing may therefore read only the sessions from a day
before the newest session that is older than `LOOK_BACK_DAYS`, and the missing days of `LOOK_BACK_DAYS`: it gets what
the whole history would give, but for the number of the visit.

    daily_load(frame, time_zone, missing_days) -> Series       one member
    daily_load_of_all(frame, missing_days_frame) -> DataFrame  user, day, work_j
    daily_measures(DataFrame) -> DataFrame                     user, day, work_j and all context measures
    ewma_ratio(Series), coupled_ratio, uncoupled_ratio, monotony, strain, session_spike, spacing, hard_sessions
"""

from sledwatch.workload.context import WorkloadContext
from sledwatch.workload.daily import daily_load, daily_load_of_all
from sledwatch.workload.days import local_days
from sledwatch.workload.judging import (
    EarlierVisit,
    Judged,
    JudgedSession,
    judge,
    judge_all,
    judged_session,
    session_table,
    spike_severity,
)
from sledwatch.workload.measures import (
    MEASURES,
    best_before,
    coupled_ratio,
    daily_measures,
    ewma_ratio,
    hard_sessions,
    monotony,
    session_spike,
    spacing,
    strain,
    uncoupled_ratio,
)
from sledwatch.workload.sessions import SESSION_COLUMNS, Sessions
from sledwatch.workload.standing import state_of
from sledwatch.workload.terms import (
    BASELINE_MOST_WEEKS,
    DAY_US,
    HABIT_WEEKS,
    LEG_PRESS_ONLY,
    LOOK_BACK_DAYS,
    NO_LOAD_J,
    RETURN_WINDOW_DAYS,
    VISIT_GAP_US,
    WEEK_DAYS,
    WINDOW_DAYS,
    Baseline,
    Footing,
    Standing,
)
from sledwatch.workload.totals import SessionTotals, hard_sets, session_totals
from sledwatch.workload.view import workload_view
from sledwatch.workload.visits import merge_visits
from sledwatch.workload.warming import warm_up

__all__ = [
    "BASELINE_MOST_WEEKS",
    "DAY_US",
    "HABIT_WEEKS",
    "LEG_PRESS_ONLY",
    "LOOK_BACK_DAYS",
    "MEASURES",
    "NO_LOAD_J",
    "RETURN_WINDOW_DAYS",
    "SESSION_COLUMNS",
    "VISIT_GAP_US",
    "WEEK_DAYS",
    "WINDOW_DAYS",
    "Baseline",
    "EarlierVisit",
    "Footing",
    "Judged",
    "JudgedSession",
    "SessionTotals",
    "Sessions",
    "Standing",
    "WorkloadContext",
    "best_before",
    "coupled_ratio",
    "daily_load",
    "daily_load_of_all",
    "daily_measures",
    "ewma_ratio",
    "hard_sessions",
    "hard_sets",
    "judge",
    "judge_all",
    "judged_session",
    "local_days",
    "merge_visits",
    "monotony",
    "session_spike",
    "session_table",
    "session_totals",
    "spacing",
    "spike_severity",
    "state_of",
    "strain",
    "uncoupled_ratio",
    "warm_up",
    "workload_view",
]
