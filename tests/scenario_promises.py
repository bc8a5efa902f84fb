"""What each scenario promises: who must be found to do what, whatever the seed, the hour and the time zone.

Nobody else may be found to do anything that a trainer is warned of.
"""

from collections.abc import Mapping
from typing import Final

from sledwatch_sim.people import Lifter

# Rules with their severities.
Loud = dict[str, str]
# A machine of a gym, and the turn of somebody there, both from 1.
Place = tuple[int, int]

DEEP: Final = {"depth.excessive": "alert"}
DEEP_AND_FELT: Final = DEEP | {"pain.reported": "alert"}
TOO_MUCH: Final = {"workload.spike": "alert"}
TOO_MUCH_FOR_A_BEGINNER: Final = {"workload.beginner": "warn"}
TOO_MUCH_AFTER_A_LAYOFF: Final = {"workload.returning": "warn"}
TWO_ON_A_BADGE: Final = {"badge.shared": "warn"}
BEYOND_THE_PROTOCOL: Final = {"protocol.breach": "warn"}

# Of scenarios that name their people, in each of their gyms.
CAST: Final[Mapping[str, Mapping[Place, Loud]]] = {
    "back-after-layoff": {(1, 1): TOO_MUCH_AFTER_A_LAYOFF, (2, 2): TOO_MUCH_AFTER_A_LAYOFF},
    "bad-network": {(2, 1): DEEP_AND_FELT},
    "beginners": dict.fromkeys([(1, 1), (2, 1), (3, 1)], TOO_MUCH_FOR_A_BEGINNER),
    "broken-encoder": {},
    "chain": {(1, 1): DEEP},
    "quiet-morning": {},
    "rehab": {(2, 1): BEYOND_THE_PROTOCOL, (3, 1): BEYOND_THE_PROTOCOL},
    "shared-badge": {(1, 1): TWO_ON_A_BADGE},
    "steady-years": {},
    "too-deep": {(1, 1): DEEP_AND_FELT, (2, 2): DEEP, (3, 2): DEEP},
    "too-much-too-soon": {(1, 1): TOO_MUCH, (2, 2): TOO_MUCH},
}
# Where people come and go, it depends on who they are.
CROWDS: Final = ("gym", "rush-hour")


def of_temper(lifter: Lifter) -> Loud:
    """What somebody of a crowd does at their first visit."""
    if lifter.temper == "overkeen":
        return TOO_MUCH
    deep = lifter.temper == "deep-when-tired" and not lifter.obeys
    return (DEEP_AND_FELT if lifter.feels_back else DEEP) if deep else {}
