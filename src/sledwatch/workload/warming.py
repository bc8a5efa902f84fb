"""Loading what is compiled before it is needed."""

from datetime import date

import pandas as pd

from sledwatch.workload.judging import judge
from sledwatch.workload.measures import ewma_ratio, session_spike
from sledwatch.workload.sessions import Sessions
from sledwatch.workload.standing import standings
from sledwatch.workload.visits import merge_visits


def warm_up() -> None:
    """Load the compiled scans, or compile them where none are kept: some ten seconds, once."""
    rows = [("a", 0, 0, 1.0, 1.0, 1.0, 1)]
    judged = judge(Sessions.of_rows(rows), "UTC", [date(1970, 1, 1)])
    standings(judged, date(1970, 1, 1), date(1970, 1, 2), "UTC")
    merge_visits(pd.DataFrame(rows, columns=list(Sessions.__slots__)))
    day = pd.Series([1.0], index=pd.DatetimeIndex(["1970-01-01"], tz="UTC"))
    session_spike(day)
    ewma_ratio(day)
