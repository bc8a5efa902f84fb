"""What lies behind: the weeks before a lifter comes today, and years of whole gyms as Parquet.

`making` needs pyarrow, which comes with the extra `simulator`.
"""

from sledwatch_sim.history.past import PastSession, iso, past_sessions

__all__ = ["PastSession", "iso", "past_sessions"]
