"""Exposure: how much was lifted how far beyond a depth limit. A count to look at, no rule, and no measure of harm.

Load × millimetres beyond the limit, summed over reps, in kg·mm: 3 reps with 120 kg that come 20 mm too deep are
7,200 kg·mm. What that means for a back nobody has measured on this machine (docs/science.md), so nothing is raised by
it. Counted are reps that are sure, beyond a limit that somebody calibrated or that follows from such a calibration.
"""

from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from sledwatch.events import Tier
from sledwatch.workload.days import day_number, local_days, midnights
from sledwatch.workload.terms import WEEK_DAYS

# Beyond a limit that is merely estimated, or usual, nothing is counted.
KNOWN_TIERS: Final[tuple[Tier, ...]] = ("calibrated", "transferred")
EXPOSURE_COLUMNS: Final = ("over_reps", "exposure_kg_mm", "deepest_over_mm")


def exposure_by_day(reps: pd.DataFrame, time_zone: str, from_day: date, to_day: date) -> pd.DataFrame:
    """Sum up one member's exposure by local day, both ends included.

    reps: a row a rep, in any order: `start_us` (of its session, which says the day; µs since the epoch, UTC),
    `load_kg`, `over_mm` (negative or NaN where it was not too deep), `limit_tier`, `quality`.
    Returns `over_reps`, `exposure_kg_mm`, `deepest_over_mm` (the largest overshoot, NaN where there is none), indexed
    by local midnight without a zone, every day present. Raises ZoneInfoNotFoundError for an unknown time zone.
    """
    over_mm = reps["over_mm"].to_numpy(dtype=np.float64)
    counted = (over_mm > 0) & reps["limit_tier"].isin(KNOWN_TIERS).to_numpy() & (reps["quality"] == "ok").to_numpy()
    first, length = day_number(from_day), max((to_day - from_day).days + 1, 0)
    number = local_days(reps["start_us"].to_numpy(dtype=np.int64), time_zone) - first
    counted &= (number >= 0) & (number < length)
    number, over_mm = number[counted], over_mm[counted]
    load_kg = reps["load_kg"].to_numpy(dtype=np.float64)[counted]
    deepest = np.full(length, np.nan)
    np.fmax.at(deepest, number, over_mm)
    return pd.DataFrame(
        {
            "over_reps": np.bincount(number, minlength=length),
            "exposure_kg_mm": np.bincount(number, weights=load_kg * over_mm, minlength=length),
            "deepest_over_mm": deepest,
        },
        index=midnights(first, first + length - 1),
    )


def exposure_by_week(days: pd.DataFrame) -> pd.DataFrame:
    """Sum up whole weeks: 7 days each, the last one ends with the last day; days before the first whole one are left.

    days: as `exposure_by_day` returns them. Returns the same columns, indexed by the last day of each week.
    """
    whole = days.iloc[len(days) % WEEK_DAYS :]
    of_weeks = whole.groupby(np.arange(len(whole)) // WEEK_DAYS)
    weeks = of_weeks.agg({"over_reps": "sum", "exposure_kg_mm": "sum", "deepest_over_mm": "max"})
    return weeks.set_index(pd.DatetimeIndex(whole.index[WEEK_DAYS - 1 :: WEEK_DAYS], name="week_to"))
