"""Machine kinds and their geometry: sled travel to joint angles, load to force along the rails."""

from dataclasses import dataclass
from math import acos, atan2, cos, degrees, hypot, radians, sin, sqrt
from typing import Final, Literal, NamedTuple, Self, overload

import numpy as np
from numpy.typing import NDArray

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


def angle_basis(spec: MachineSpec, setup: Setup | None) -> Literal["reach", "reference"]:
    """What the angles rest on: the reach that the machine states, or a reference extension at the rack, the weaker."""
    return "reference" if _reach_mm(spec, setup) is None else "reach"


def joint_angles(
    spec: MachineSpec, setup: Setup | None, height_mm: float | None, depth_mm: float
) -> JointAngles | None:
    """Knee and trunk-referenced hip flexion at a depth, by a two-link leg.

    height_mm: the member's; None where unknown. Returns None without a height, and where that body does not fit the
    assumption (the footplate out of the leg's reach, or behind the hip). Show it with ± ANGLE_ERROR_DEG.
    """
    if height_mm is None or height_mm <= 0:
        return None
    femur_mm = FEMUR_SHARE * height_mm
    shank_mm = SHANK_SHARE * height_mm
    offset_mm = 0.0 if setup is None else setup.foot_offset_mm
    reach_mm = _reach_mm(spec, setup)
    if reach_mm is not None:
        at_rack_mm = reach_mm - ANKLE_SHARE * height_mm
    else:
        leg_mm2 = femur_mm**2 + shank_mm**2 + 2 * femur_mm * shank_mm * cos(radians(REFERENCE_KNEE_DEG))
        if leg_mm2 <= offset_mm**2:
            return None
        at_rack_mm = sqrt(leg_mm2 - offset_mm**2)
    along_mm = at_rack_mm - depth_mm
    distance_mm = hypot(along_mm, offset_mm)
    if along_mm <= 0 or not abs(femur_mm - shank_mm) < distance_mm <= femur_mm + shank_mm:
        return None
    knee_deg = 180 - _degrees_of((femur_mm**2 + shank_mm**2 - distance_mm**2) / (2 * femur_mm * shank_mm))
    thigh_deg = _degrees_of((femur_mm**2 + distance_mm**2 - shank_mm**2) / (2 * femur_mm * distance_mm))
    backrest_to_rail_deg = 180 - spec.rail_deg - spec.backrest_deg
    hip_deg = 180 - backrest_to_rail_deg + thigh_deg + degrees(atan2(offset_mm, along_mm))
    return JointAngles(knee_deg, hip_deg)


def _reach_mm(spec: MachineSpec, setup: Setup | None) -> float | None:
    """Hip point to footplate at depth 0 for the notch in use; None where the machine does not say enough."""
    if spec.reach_mm is None or setup is None:
        return None
    if setup.notch == 0:
        return spec.reach_mm
    return None if spec.notch_mm is None else spec.reach_mm + setup.notch * spec.notch_mm


def _degrees_of(cosine: float) -> float:
    return degrees(acos(min(1.0, max(-1.0, cosine))))
