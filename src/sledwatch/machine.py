"""Machine kinds and their geometry: sled travel to joint angles, load to force along the rails."""

from dataclasses import dataclass
from math import acos, atan2, cos, degrees, hypot, radians, sin, sqrt
from typing import Final, Literal, NamedTuple, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sledwatch.events import Kind, Online, Setup

STANDARD_GRAVITY_M_S2: Final = 9.80665

# Segment lengths as shares of body height (Drillis & Contini 1966, after Winter 2009).
FEMUR_SHARE: Final = 0.245
SHANK_SHARE: Final = 0.246
ANKLE_SHARE: Final = 0.039

# Knee flexion at the rack where the machine does not say how far its footplate is: people set the seat to fit
# (judgement).
REFERENCE_KNEE_DEG: Final = 7.5
# What a trainer is told about the estimate: segment ratios, foot position, sliding hips, ankles, sled zero. Judgement.
ANGLE_ERROR_DEG: Final = 10.0
# Two ways to the same angle differ by rounding only.
_SAME_DEG: Final = 1e-6

Basis = Literal["reach", "reference"]


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A leg press as one session finds it.

    rail_deg, backrest_deg: above the horizontal. travel_mm: from the rack to the stops. ratio: stack travel / sled
    travel. moves: what slides, the footplate or the seat. reach_mm: hip point to footplate along the rail at depth 0
    and notch 0; notch_mm: what one notch adds to it; None where the machine does not say.
    """

    kind: Kind
    rail_deg: float
    backrest_deg: float
    travel_mm: float
    rate_hz: float
    resistance: Literal["plates", "stack"] = "plates"
    ratio: float = 1.0
    moves: Literal["plate", "seat"] = "plate"
    reach_mm: float | None = None
    notch_mm: float | None = None

    @classmethod
    def of(cls, online: Online, setup: Setup | None) -> Self:
        """The machine by its birth certificate; the backrest as the session set it, where a session did."""
        return cls(
            kind=online.kind,
            rail_deg=online.rail_deg,
            backrest_deg=online.backrest_deg if setup is None else setup.backrest_deg,
            travel_mm=online.travel_mm,
            rate_hz=online.rate_hz,
            resistance=online.resistance,
            ratio=online.ratio,
            moves=online.moves,
            reach_mm=online.reach_mm,
            notch_mm=online.notch_mm,
        )


class JointAngles(NamedTuple):
    """Flexion of knee and hip, the hip's against the trunk; straight is 0."""

    knee_deg: float
    hip_deg: float


@overload
def force_n(
    spec: MachineSpec,
    load_kg: float,
    acceleration_m_s2: float = 0.0,
    *,
    friction_n: float = 0.0,
    riding_kg: float = 0.0,
) -> float: ...
@overload
def force_n(
    spec: MachineSpec,
    load_kg: float,
    acceleration_m_s2: NDArray[np.float64],
    *,
    friction_n: float = 0.0,
    riding_kg: float = 0.0,
) -> NDArray[np.float64]: ...
def force_n(
    spec: MachineSpec,
    load_kg: float,
    acceleration_m_s2: float | NDArray[np.float64] = 0.0,
    *,
    friction_n: float = 0.0,
    riding_kg: float = 0.0,
) -> float | NDArray[np.float64]:
    """Force along the rails, in newtons, that moves the load away from the user at an acceleration.

    Plates on rails: m (a + g sin θ). Weight stack: ratio · m (g + ratio · a), whatever the rail's angle.
    friction_n: of this machine, against the movement: add it while pushing, its negative while lowering.
    riding_kg: seat and user where the seat moves; they add inertia only.
    """
    if spec.resistance == "stack":
        weight_n = spec.ratio * load_kg * STANDARD_GRAVITY_M_S2
        inertia_kg = spec.ratio**2 * load_kg
    else:
        weight_n = load_kg * STANDARD_GRAVITY_M_S2 * sin(radians(spec.rail_deg))
        inertia_kg = load_kg
    if spec.moves == "seat":
        inertia_kg += riding_kg
    return weight_n + inertia_kg * acceleration_m_s2 + friction_n


def coasting_m_s2(spec: MachineSpec) -> float:
    """Acceleration, away from the user, of a sled that nobody pushes: the propulsive phase ends below it.

    −g sin θ for plates (45°: −6.93 m/s²), −g / ratio for a stack.
    """
    if spec.resistance == "stack":
        return -STANDARD_GRAVITY_M_S2 / spec.ratio
    return -STANDARD_GRAVITY_M_S2 * sin(radians(spec.rail_deg))


@dataclass(frozen=True, slots=True)
class LegFit:
    """A leg of average proportions on a machine as it is set: a two-link model between hip and ankle.

    femur_mm, shank_mm: segment lengths. offset_mm: how far the feet stand off the hip's line along the rail (positive:
    higher). at_rack_mm: hip to ankle along the rail at depth 0. straight_hip_deg: hip flexion with the thigh along the
    rail, 180° less the angle between backrest and rail. basis: what at_rack_mm rests on.
    """

    femur_mm: float
    shank_mm: float
    offset_mm: float
    at_rack_mm: float
    straight_hip_deg: float
    basis: Basis

    @classmethod
    def of(cls, spec: MachineSpec, setup: Setup | None, height_mm: float | None) -> Self | None:
        """The leg of a member of this height; None without a height, or where the feet are out of the leg's reach."""
        if height_mm is None or height_mm <= 0:
            return None
        femur_mm, shank_mm = FEMUR_SHARE * height_mm, SHANK_SHARE * height_mm
        offset_mm = 0.0 if setup is None else setup.foot_offset_mm
        reach_mm = _reach_mm(spec, setup)
        if reach_mm is not None:
            at_rack_mm = reach_mm - ANKLE_SHARE * height_mm
        else:
            leg_mm2 = _distance_mm2(femur_mm, shank_mm, REFERENCE_KNEE_DEG)
            if leg_mm2 <= offset_mm**2:
                return None
            at_rack_mm = sqrt(leg_mm2 - offset_mm**2)
        straight_hip_deg = spec.rail_deg + spec.backrest_deg
        basis: Basis = "reference" if reach_mm is None else "reach"
        return cls(femur_mm, shank_mm, offset_mm, at_rack_mm, straight_hip_deg, basis)

    def angles(self, depth_mm: float) -> JointAngles | None:
        """Knee and trunk-referenced hip flexion at a depth; None where that body does not fit the assumption."""
        a, b, along_mm = self.femur_mm, self.shank_mm, self.at_rack_mm - depth_mm
        distance_mm = hypot(along_mm, self.offset_mm)
        if along_mm <= 0 or not abs(a - b) < distance_mm <= a + b:
            return None
        knee_deg = 180 - _degrees_of((a**2 + b**2 - distance_mm**2) / (2 * a * b))
        thigh_deg = _degrees_of((a**2 + distance_mm**2 - b**2) / (2 * a * distance_mm))
        hip_deg = self.straight_hip_deg + thigh_deg + degrees(atan2(self.offset_mm, along_mm))
        return JointAngles(knee_deg, hip_deg)

    def angles_of(self, depth_mm: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Knee and hip flexion at many depths, in the shape given; NaN where `angles` has none, or depth is NaN."""
        a, b = self.femur_mm, self.shank_mm
        along_mm = self.at_rack_mm - np.asarray(depth_mm, dtype=np.float64)
        distance_mm = np.hypot(along_mm, self.offset_mm)
        fits = (along_mm > 0) & (distance_mm > abs(a - b)) & (distance_mm <= a + b)
        distance_mm = np.where(fits, distance_mm, np.nan)
        knee = np.clip((a**2 + b**2 - distance_mm**2) / (2 * a * b), -1.0, 1.0)
        thigh = np.clip((a**2 + distance_mm**2 - b**2) / (2 * a * distance_mm), -1.0, 1.0)
        foot = np.arctan2(self.offset_mm, along_mm)
        return 180 - np.degrees(np.arccos(knee)), self.straight_hip_deg + np.degrees(np.arccos(thigh) + foot)

    def depth_at_knee(self, knee_deg: float) -> float | None:
        """The depth at which the knee is bent so far; below 0 where it is bent further at the rack already.

        None where the feet stand too far off the hip's line for that angle, or the angle is no flexion (0 to 180°).
        """
        if not 0 <= knee_deg < 180:
            return None
        along_mm2 = _distance_mm2(self.femur_mm, self.shank_mm, knee_deg) - self.offset_mm**2
        return None if along_mm2 <= 0 else self.at_rack_mm - sqrt(along_mm2)

    def depth_at_hip(self, hip_deg: float) -> float | None:
        """The depth at which the hip is first flexed so far; below 0 where it is flexed further at the rack already.

        The thigh then stands at a known angle to the rail, so the knee is at a known place and the ankle a shank's
        length from it on its line. None where no depth flexes the hip so far, or none so little.
        """
        along_mm = self._along_at(hip_deg)
        return None if along_mm is None else self.at_rack_mm - along_mm

    def mm_per_hip_deg(self, depth_mm: float) -> float | None:
        """By how much travel a degree more of hip flexion is reached later; None where there are no angles.

        About 10.6 mm at 90° of knee flexion and 12.3 mm at 110° for 1.75 m of height.
        """
        at_angles = self.angles(depth_mm)
        if at_angles is None:
            return None
        thigh = radians(at_angles.hip_deg - self.straight_hip_deg)
        knee_up_mm, knee_out_mm = self.femur_mm * sin(thigh), self.femur_mm * cos(thigh)
        shank_along_mm = self.at_rack_mm - depth_mm - knee_out_mm
        if shank_along_mm <= 0:
            return None
        per_radian = knee_up_mm - (self.offset_mm - knee_up_mm) * knee_out_mm / shank_along_mm
        return radians(per_radian) if per_radian > 0 else None

    def mm_per_knee_deg(self, depth_mm: float) -> float | None:
        """By how much travel a degree more of knee flexion is reached later; None where there are no angles."""
        at_angles = self.angles(depth_mm)
        if at_angles is None:
            return None
        along_mm = self.at_rack_mm - depth_mm
        return radians(self.femur_mm * self.shank_mm * sin(radians(at_angles.knee_deg)) / along_mm)

    def depth_error_mm(self, depth_mm: float) -> float | None:
        """What ± ANGLE_ERROR_DEG of the hip amount to in travel at a depth, to first order; None without angles."""
        per_degree = self.mm_per_hip_deg(depth_mm)
        return None if per_degree is None else ANGLE_ERROR_DEG * per_degree

    def _along_at(self, hip_deg: float) -> float | None:
        thigh = radians(hip_deg - self.straight_hip_deg)
        rise_mm = self.offset_mm - self.femur_mm * sin(thigh)
        if abs(rise_mm) > self.shank_mm:
            return None
        shank_along_mm = sqrt(self.shank_mm**2 - rise_mm**2)
        # Of the two places a shank's length from the knee the one further from the hip comes first on the way down.
        for along_mm in (self.femur_mm * cos(thigh) + shank_along_mm, self.femur_mm * cos(thigh) - shank_along_mm):
            found = self.angles(self.at_rack_mm - along_mm)
            if found is not None and abs(found.hip_deg - hip_deg) < _SAME_DEG:
                return along_mm
        return None


def angle_basis(spec: MachineSpec, setup: Setup | None) -> Basis:
    """What the angles rest on: the reach that the machine states, or a reference extension at the rack, the weaker."""
    return "reference" if _reach_mm(spec, setup) is None else "reach"


def joint_angles(
    spec: MachineSpec, setup: Setup | None, height_mm: float | None, depth_mm: float
) -> JointAngles | None:
    """Knee and trunk-referenced hip flexion at a depth, by a two-link leg.

    height_mm: the member's; None where unknown. Returns None without a height, and where that body does not fit the
    assumption (the footplate out of the leg's reach, or behind the hip). Show it with ± ANGLE_ERROR_DEG.
    """
    fit = LegFit.of(spec, setup, height_mm)
    return None if fit is None else fit.angles(depth_mm)


def _distance_mm2(femur_mm: float, shank_mm: float, knee_deg: float) -> float:
    """From hip to ankle at a knee angle, squared."""
    return femur_mm**2 + shank_mm**2 + 2 * femur_mm * shank_mm * cos(radians(knee_deg))


def _reach_mm(spec: MachineSpec, setup: Setup | None) -> float | None:
    """Hip point to footplate at depth 0 for the notch in use; None where the machine does not say enough."""
    if spec.reach_mm is None or setup is None:
        return None
    if setup.notch == 0:
        return spec.reach_mm
    return None if spec.notch_mm is None else spec.reach_mm + setup.notch * spec.notch_mm


def _degrees_of(cosine: float) -> float:
    return degrees(acos(min(1.0, max(-1.0, cosine))))
