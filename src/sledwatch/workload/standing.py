"""What the history before a moment allows to say."""

from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

from sledwatch.rules import DEFAULT_RULES, WorkloadRules
from sledwatch.workload.days import day_number, day_numbers, midnight_us
from sledwatch.workload.judging import Judged, JudgedSession, judge, rules_record
from sledwatch.workload.scan import FOOTINGS, begin_of_chapters, footings, number_visits
from sledwatch.workload.sessions import Sessions
from sledwatch.workload.terms import DAY_US, LOOK_BACK_DAYS, VISIT_GAP_US, WINDOW_DAYS, Standing
from sledwatch.workload.windows import since


def state_of(
    sessions: pd.DataFrame,
    at_us: int,
    time_zone: str = "UTC",
    missing_days: Iterable[date] = frozenset(),
    rules: WorkloadRules = DEFAULT_RULES,
) -> Standing:
    """What a session that began at a moment would stand on; less than 2 h after the last one it is of the same visit.

    beginner: fewer than 30 days or 4 sessions since the first one, or since 90 days without; the ratios say nothing.
    no-baseline: more than 20 % of the previous 30 days are missing.
    returning: the previous 30 days were empty, and do not hold 2 sessions yet.
    baseline: there is something to compare with.
    """
    return judged_at(Sessions.of_frame(sessions), at_us, time_zone, missing_days, rules).state


def judged_at(
    sessions: Sessions,
    at_us: int,
    time_zone: str,
    missing_days: Iterable[date] = frozenset(),
    rules: WorkloadRules = DEFAULT_RULES,
) -> JudgedSession:
    """What would be said of a session without work that began at a moment: how somebody stands then.

    sessions: those of one member; later ones are not looked at. Its week is the 7 days that end with the moment's day.
    """
    known = sessions.at(np.arange(np.searchsorted(sessions.start_us, at_us)))
    after = Sessions(
        session=np.append(known.session, ""),
        start_us=np.append(known.start_us, at_us),
        end_us=np.append(known.end_us, at_us),
        work_j=np.append(known.work_j, 0.0),
        tonnage_kg=np.append(known.tonnage_kg, 0.0),
        top_load_kg=np.append(known.top_load_kg, 0.0),
        hard_sets=np.append(known.hard_sets, 0),
    )
    return judge(after, time_zone, missing_days, rules).record(len(known))


def standings(
    judged: Judged,
    from_day: date,
    to_day: date,
    time_zone: str,
    missing_days: Iterable[date] = frozenset(),
    rules: WorkloadRules = DEFAULT_RULES,
) -> list[Standing | None]:
    """What each day stands on, both ends included; None before the first session.

    judged: all sessions of one member. A day with sessions stands on what its last one was judged by; a day without, on
    what one would stand on that began when it ends (`state_of`).
    """
    sessions = judged.sessions
    start_us, ended_us = sessions.start_us, np.maximum.accumulate(np.maximum(sessions.start_us, sessions.end_us))
    visit = number_visits(start_us, sessions.end_us)
    visit_start_us = start_us[np.searchsorted(visit, np.arange(visit[-1] + 1 if len(visit) else 0))]
    said = dict(zip(judged.figures["day"].tolist(), judged.word("state"), strict=True))
    missing = day_numbers(missing_days)
    found: list[Standing | None] = []
    for number in range(day_number(from_day), day_number(to_day) + 1):
        at_us = midnight_us(number + 1, time_zone)
        known = int(np.searchsorted(start_us, at_us))
        if known == 0 or number in said:
            found.append(said.get(number))
            continue
        visits = visit_start_us[: visit[known - 1] + 1]
        if at_us - ended_us[known - 1] >= VISIT_GAP_US:
            visits = np.append(visits, at_us)
        month = since(visits, WINDOW_DAYS * DAY_US)
        footing, _ = footings(
            visits, begin_of_chapters(visits), since(visits, LOOK_BACK_DAYS * DAY_US), month, rules_record(rules)
        )
        today = number + 1
        gone = np.searchsorted(missing, today) - np.searchsorted(missing, today - WINDOW_DAYS)
        standing: Standing = FOOTINGS[footing[-1]]
        enough = standing == "beginner" or gone <= rules.missing_share * WINDOW_DAYS
        found.append(standing if enough else "no-baseline")
    return found
