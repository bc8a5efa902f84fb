"""What the history before a moment allows to say."""

from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

from sledwatch.rules import DEFAULT_RULES, WorkloadRules
from sledwatch.workload.judging import judge
from sledwatch.workload.sessions import Sessions
from sledwatch.workload.terms import Standing


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
    known = Sessions.of_frame(sessions)
    known = known.at(np.flatnonzero(known.start_us < at_us))
    after = Sessions(
        session=np.append(known.session, ""),
        start_us=np.append(known.start_us, at_us),
        end_us=np.append(known.end_us, at_us),
        work_j=np.append(known.work_j, 0.0),
        tonnage_kg=np.append(known.tonnage_kg, 0.0),
        top_load_kg=np.append(known.top_load_kg, 0.0),
        hard_sets=np.append(known.hard_sets, 0),
    )
    standing: Standing = judge(after, time_zone, missing_days, rules).word("state")[-1]
    return standing
