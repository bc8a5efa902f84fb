"""What the words of workload mean: windows, units and types. What may be argued about is in `sledwatch.rules`."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

LEG_PRESS_ONLY: Final = "Only the leg press is seen: squats, running and other training are not in these figures."
DAY_US: Final = 86_400_000_000
# Sessions of one visit, on two machines or with a second badge-in, are one session for these measures.
VISIT_GAP_US: Final = 2 * 3_600_000_000
WINDOW_DAYS: Final = 30
# A chapter of a history ends with so many days without a session: after them everybody is a beginner again.
RETURN_WINDOW_DAYS: Final = 90
HABIT_WEEKS: Final = 4
WEEK_DAYS: Final = 7
# Judgement: a year says what somebody is used to, and ten years then cost what one does.
BASELINE_MOST_WEEKS: Final = 52
# Nothing older than this (the weeks and the last 7 days) changes what is said of a session.
LOOK_BACK_DAYS: Final = WEEK_DAYS * (BASELINE_MOST_WEEKS + 1)
# Below this (joules) a chronic load is no load: dividing by it would give a figure without meaning.
NO_LOAD_J: Final = 0.01

Footing = Literal["beginner", "returning", "baseline"]
Standing = Literal["beginner", "no-baseline", "returning", "baseline"]
Baseline = Literal["usual", "yellow", "red", "beginner", "returning", "few-weeks", "missing", "no-load", "alike"]
Micros = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
