"""Building what the rules look at: a member's sessions by day, and reps by depth."""

from typing import Any

import pandas as pd

from sledwatch.events import Rep

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
# Noon on Monday 6 July 2026, UTC: far from midnight and from a change of clocks in any of the tests' time zones.
NOON_US = 1_783_339_200_000_000


def history(*sessions: tuple[float, float], **columns: list[Any]) -> pd.DataFrame:
    """A session frame from (days after the first Monday noon, work in joules); ids s0, s1, …; half an hour each."""
    start = [NOON_US + round(day * DAY_US) for day, _ in sessions]
    return pd.DataFrame(
        {
            "session": [f"s{number}" for number in range(len(sessions))],
            "start_us": start,
            "end_us": [start_us + HOUR_US // 2 for start_us in start],
            "work_j": [float(work) for _, work in sessions],
            "tonnage_kg": [1_000.0] * len(sessions),
            "top_load_kg": [100.0] * len(sessions),
            "hard_sets": [3] * len(sessions),
            **columns,
        }
    )


def weekly(weeks: int, work_j: float = 20_000.0, *days: float) -> list[tuple[float, float]]:
    """The same sessions each week, on the given days (Monday is 0; by default Monday and Thursday)."""
    return [(7 * week + day, work_j) for week in range(weeks) for day in days or (0, 3)]


def rep(number: int, depth_mm: float, load_kg: float = 120.0, in_set: int = 1, **fields: Any) -> Rep:
    """A rep that turns `number` × 4 s after the first Monday noon."""
    turn_us = NOON_US + number * 4_000_000
    return Rep(
        **{
            "session": "s0",
            "user": "m-1",
            "gym": "riverside",
            "machine": "press-1",
            "set": in_set,
            "rep": number,
            "t_start_us": turn_us - 2_000_000,
            "t_turn_us": turn_us,
            "t_end_us": turn_us + 1_000_000,
            "load_kg": load_kg,
            "depth_mm": depth_mm,
            "rom_mm": depth_mm - 20,
            "eccentric_s": 2.0,
            "concentric_s": 1.0,
            **fields,
        }
    )
