"""A body: how long its legs are, where that puts the sled, and how strong it is."""

import math
from dataclasses import dataclass
from typing import Literal

from sledwatch import events
from sledwatch.machine import REFERENCE_KNEE_DEG
from sledwatch_sim.equipment.models import Press

Sex = Literal["female", "male"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Lengths in millimetres; the services know the height only, and take the rest for average.

    one_rm_n: the most they can push once, newtons along the rail. knee_deg: how far they bend the knee by habit.
    margin_mm: how far beyond that habit the sled stands where their pelvis begins to roll, as their trainer found it.
    """

    sex: Sex
    height_mm: float
    femur_mm: float
    shank_mm: float
    ankle_mm: float
    one_rm_n: float
    knee_deg: float
    margin_mm: float

    def setup(self, press: Press) -> events.Setup:
        """Seat and feet as they always set them: legs nearly straight at the rack."""
        reach_mm = self._distance_mm(REFERENCE_KNEE_DEG) + self.ankle_mm
        return events.Setup(press.online.backrest_deg, press.notch_for(reach_mm), 2)

    def habit_mm(self, press: Press) -> float:
        """Sled travel at their usual bottom: the two-link model at their knee angle, on their notch."""
        return min(self.depth_mm(press, self.knee_deg), press.online.travel_mm - 110.0)

    def limit_mm(self, press: Press) -> float:
        """The limit that their trainer calibrated."""
        return float(round(self.habit_mm(press) + self.margin_mm))

    def depth_mm(self, press: Press, knee_deg: float) -> float:
        """Sled travel at a knee angle, on their notch."""
        return press.reach_mm(self.setup(press).notch) - self.ankle_mm - self._distance_mm(knee_deg)

    def hip_range_deg(self, press: Press) -> float:
        """Trunk-referenced hip flexion at their limit: all that the hip has before the pelvis follows."""
        a, b = self.femur_mm, self.shank_mm
        d = press.reach_mm(self.setup(press).notch) - self.ankle_mm - self.limit_mm(press)
        thigh_deg = math.degrees(math.acos(min(1.0, max(-1.0, (a * a + d * d - b * b) / (2.0 * a * d)))))
        # 180° less the angle between backrest and rail.
        return press.online.rail_deg + press.online.backrest_deg + thigh_deg

    def _distance_mm(self, knee_deg: float) -> float:
        """From hip to ankle at a knee angle."""
        a, b = self.femur_mm, self.shank_mm
        return math.sqrt(a * a + b * b + 2.0 * a * b * math.cos(math.radians(knee_deg)))
