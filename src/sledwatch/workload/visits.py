"""Sessions of one visit as one."""

import numpy as np
import pandas as pd

from sledwatch.workload.scan import number_visits
from sledwatch.workload.sessions import Sessions


def merge_visits(sessions: pd.DataFrame) -> pd.DataFrame:
    """Make one row of the sessions of a visit: those that start less than 2 h after all before them had ended.

    Returns the columns of a session frame, ascending, with `session` the first one's id and `sessions` how many there
    were. Work, tonnage and hard sets add up, the top load is the largest. Sessions without a rep are left out.
    """
    every = Sessions.of_frame(sessions)
    first = np.flatnonzero(np.diff(number_visits(every.start_us, every.end_us), prepend=-1))
    if not len(first):
        return pd.DataFrame({name: getattr(every, name) for name in Sessions.__slots__}).assign(sessions=0)
    return pd.DataFrame(
        {
            "session": pd.Series(every.session[first], dtype=object),
            "start_us": every.start_us[first],
            "end_us": np.maximum.reduceat(every.end_us, first),
            "work_j": np.add.reduceat(every.work_j, first),
            "tonnage_kg": np.add.reduceat(every.tonnage_kg, first),
            "top_load_kg": np.maximum.reduceat(every.top_load_kg, first),
            "hard_sets": np.add.reduceat(every.hard_sets, first),
            "sessions": np.diff(first, append=len(every)),
        }
    )
