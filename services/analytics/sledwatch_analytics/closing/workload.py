"""The workload rules at a closing, and as much of a member's past as they look at: a year, whatever there is of it."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from sledwatch.findings import Finding, workload_findings
from sledwatch.rules import RulesInForce, WorkloadRules
from sledwatch.workload import Sessions, WorkloadContext
from sledwatch_analytics.closing.judging import NAMELESS
from sledwatch_storage.state import sessions
from sledwatch_storage.state.days import DAY_US
from sledwatch_storage.state.missing import missing_days
from sledwatch_storage.state.reading import Bind

# The 7 days of a session and the 52 weeks before them that are a baseline; by local days, hence a day more.
HISTORY_US: Final = (7 * 53 + 1) * DAY_US
# Starts as far apart as this are two visits.
APART_US: Final = DAY_US // 2
# A year and a bit has so many months of 30 days.
MONTHS: Final = 14


def missing_before(bind: Bind, user: str, start_us: int, time_zone: str) -> frozenset[date]:
    """The missing days that a session of this start is judged by."""
    return missing_days(bind, user, start_us - HISTORY_US, start_us, time_zone)


def judge_workload(
    connection: Connection,
    user: str,
    own: Mapping[str, Any],
    time_zone: str,
    missing: frozenset[date],
    rules: WorkloadRules,
) -> list[Finding]:
    """Judge a session against its member's own history; findings of a nameless member.

    own: what `sessions.member_sessions_frame` wants to know of it, as it is to be stored.
    """
    start_us = own["start_us"]
    history = sessions.member_sessions_frame(connection, user, start_us, own, start_us - HISTORY_US)
    if not tells_the_footing(history, rules):
        # Who trains seldom has little to read, however far back it goes.
        history = sessions.member_sessions_frame(connection, user, start_us, own)
    context = WorkloadContext(
        sessions=Sessions.of_frame(history),
        session=own["session"],
        time_zone=time_zone,
        missing_days=missing,
        member_name=NAMELESS,
        rules=RulesInForce(rules),
    )
    return workload_findings(context)


def tells_the_footing(recent: pd.DataFrame, rules: WorkloadRules) -> bool:
    """Whether a year of sessions says by itself if somebody is a beginner or returning from a break.

    Both are settled by enough visits in any 30 days; with more visits than those months hold otherwise there are some.
    """
    visits = 1 + np.count_nonzero(np.diff(recent["start_us"].to_numpy()) >= APART_US)
    return bool(visits > max(MONTHS * rules.returned_sessions, rules.history_sessions) + 1)
