"""The workload rules at a closing, and as much of a member's past as they look at, which is 53 weeks."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection

from sledwatch.findings import Finding, workload_findings
from sledwatch.rules import RulesInForce
from sledwatch.workload import LOOK_BACK_DAYS, WorkloadContext
from sledwatch_analytics.nameless import NAMELESS
from sledwatch_storage.state import sessions
from sledwatch_storage.state.days import DAY_US
from sledwatch_storage.state.missing import GapBook, missing_days
from sledwatch_storage.state.reading import Bind

# A day more: a visit may have begun some hours before the session, and weeks begin at local midnight.
HISTORY_US: Final = (LOOK_BACK_DAYS + 1) * DAY_US


def missing_before(bind: Bind, user: str, start_us: int, time_zone: str, book: GapBook) -> frozenset[date]:
    """The missing days that a session of this start is judged by."""
    return missing_days(bind, user, start_us - HISTORY_US, start_us, time_zone, book)


def judge_workload(
    connection: Connection,
    user: str,
    own: Mapping[str, Any],
    time_zone: str,
    missing: frozenset[date],
    rules: RulesInForce,
) -> list[Finding]:
    """Judge a session against its member's own history; findings of a nameless member.

    own: what `sessions.member_sessions` wants to know of it, as it is to be stored.
    """
    start_us = own["start_us"]
    history = sessions.member_sessions(connection, user, start_us, own, start_us - HISTORY_US)
    return workload_findings(WorkloadContext(history, own["session"], time_zone, missing, NAMELESS, rules))
