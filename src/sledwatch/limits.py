"""A member's depth limit: where it comes from, how well it is known, and how it is carried to other settings.

Also what loads are measured against.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from sledwatch.events import Online, Setup, Tier
from sledwatch.machine import ANGLE_ERROR_DEG, Basis, LegFit, MachineSpec

# Judgement, all of them: settings that are shown to the trainer as defaults.
CAUTION_BEFORE_MM: Final = 20.0
OWN_HISTORY_REPS: Final = 20
OWN_HISTORY_LEAST_MM: Final = 25.0
LIGHT_SHARE: Final = 0.30
NEAR_EMPTY_KG: Final = 2.5
# Backrests that differ by less stand alike: the hip does not feel it.
SAME_BACKREST_DEG: Final = 1.0
# No rep is shorter, so that a limit before it could not be kept by any.
LEAST_TRANSFERRED_MM: Final = 100.0

# A limit of an estimate never says "excessive", and a person's own habit is no limit.
LIMITING_TIERS: Final[frozenset[Tier]] = frozenset({"calibrated", "transferred"})

Sex = Literal["female", "male"]
# Passive hip flexion measured clinically, the pelvis included, n = 100: mean and SD in degrees (docs/science.md).
PASSIVE_HIP_DEG: Final[Mapping[Sex, tuple[float, float]]] = {"male": (110.8, 7.4), "female": (121.3, 7.2)}

ANY: Final = -1
_NO_MACHINES: Final[Mapping[tuple[str, str], Online]] = MappingProxyType({})


def estimated_hip_deg(sex: Sex | None) -> float:
    """Hip flexion that nearly nobody has without the pelvis rolling: mean + 2 √(SD² + 10²), in whole degrees.

    136° for men, 146° for women and where the sex is not known (judgement): the 10° are the error of the estimate.
    """
    mean, spread = PASSIVE_HIP_DEG[sex or "female"]
    return float(round(mean + 2 * float(np.hypot(spread, ANGLE_ERROR_DEG))))


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a transferred limit was set, and how it was carried over.

    notch, foot_row: -1 for any. by: pitch (the seat moved by whole notches), geometry (the hip is bent as far), as-set
    (the setting differs, and nothing is known that could tell by how much). basis: the weaker of both ends' geometry.
    """

    gym: str
    machine: str
    notch: int
    foot_row: int
    by: Literal["pitch", "geometry", "as-set"]
    basis: Basis | None = None


@dataclass(frozen=True, slots=True)
class DepthLimit:
    """How far a member's sled may come, and how well we know it.

    limit_mm: sled travel from the rack, in millimetres. tier: where the limit comes from; findings repeat it.
    version: of the stored limit that it comes from. error_mm: of what was carried over by geometry, to either side.
    visit: the calibration visit it was found in, as a session and the number of its reps up to the confirmation.
    """

    limit_mm: float
    tier: Tier
    version: int
    error_mm: float | None = None
    moved: Moved | None = None
    visit: tuple[str, int] | None = None

    def sought_by(self, session: str, rep: int) -> bool:
        """Whether this rep was of the calibration visit in which the limit was found: it sought the point."""
        return self.visit is not None and self.visit[0] == session and rep <= self.visit[1]

    @property
    def caution_mm(self) -> float:
        """The depth from which on the member is told that the limit is near."""
        return self.limit_mm - CAUTION_BEFORE_MM


@dataclass(frozen=True, slots=True)
class SetLimit:
    """A limit that a trainer set for a member: on one machine, for a notch and a foot row, or for any (-1).

    setup: how the machine was set when the limit was found, None where it was given as a figure. visit: as of
    `DepthLimit`.
    """

    gym: str
    machine: str
    notch: int
    foot_row: int
    limit_mm: float
    version: int
    setup: Setup | None = None
    visit: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class ReferenceLoad:
    """What a load is measured against.

    basis: e1rm, an estimated one-repetition maximum; e1rm-guess, one that rests on something that was not measured;
    best-load of 90 days.
    """

    kg: float
    basis: Literal["e1rm", "e1rm-guess", "best-load"]

    def share(self, load_kg: float) -> float | None:
        """A load as a share of it; None where it is nothing."""
        return load_kg / self.kg if self.kg > 0 else None


def with_lifted(reference: ReferenceLoad | None, lifted_kg: Iterable[float]) -> ReferenceLoad | None:
    """A reference with the loads of this session: one that is above it takes its place. None where there is none."""
    best_kg = max(lifted_kg, default=0.0)
    if best_kg > 0 and (reference is None or best_kg > reference.kg):
        return ReferenceLoad(best_kg, "best-load")
    return reference


@dataclass(frozen=True, slots=True)
class OwnHistory:
    """What depth is usual for a member on a machine: median and spread (MAD) of `reps` earlier bottoms."""

    median_mm: float
    mad_mm: float
    reps: int

    @property
    def threshold_mm(self) -> float:
        """Deeper than this is unusual: 3 robust standard deviations past the median, 25 mm at least."""
        return self.median_mm + max(3 * 1.4826 * self.mad_mm, OWN_HISTORY_LEAST_MM)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The limit that holds for a session, None where there is none; refused: why others could not be carried over."""

    limit: DepthLimit | None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitBook:
    """All that says how deep a member may go: their limits, their height, and the machines that the limits are on."""

    set_limits: tuple[SetLimit, ...] = ()
    height_mm: float | None = None
    machines: Mapping[tuple[str, str], Online] = field(default_factory=lambda: _NO_MACHINES)

    def on(self, gym: str, machine: str, online: Online | None, setup: Setup | None) -> Resolved:
        """The limit on a machine as it is set; online: what the machine is, None where it never said so."""
        return resolve(self.set_limits, gym, machine, setup, online, self.height_mm, self.machines)


def resolve(
    set_limits: Sequence[SetLimit],
    gym: str,
    machine: str,
    setup: Setup | None,
    online: Online | None,
    height_mm: float | None = None,
    machines: Mapping[tuple[str, str], Online] = _NO_MACHINES,
) -> Resolved:
    """The limit that holds for a session: set for this setting, else carried over from another one.

    Set for this notch and foot row, then for this notch, then for this row, then for all: "calibrated". Else one that
    was set elsewhere, "transferred", by the first of these ways that leads somewhere:

    1. another notch of this machine, for the same row or any: a notch takes the footplate `notch_mm` away and the limit
       with it. The nearest notch serves, of two the one with the smaller result;
    2. another foot row or backrest of this machine, by geometry, where the setting it was found in is on record and the
       rows differ in their `foot_offset_mm`;
    3. another machine, by geometry: the depth at which the hip is bent as far as it was there. Machines that state
       their reach go before those that do not, the same kind before others, then the smaller result;
    4. a limit for this very notch and row that was found with another backrest, as it is, where geometry has no answer.

    setup: how the seat is set, None where unknown: then only a limit for all notches and rows holds. online: what this
    machine is, None where it never said so: then nothing is carried to it; machines: what the others are. height_mm:
    the member's, without which geometry says nothing.
    """
    own = [known for known in set_limits if (known.gym, known.machine) == (gym, machine)]
    here = {(known.notch, known.foot_row): known for known in own}
    if setup is None:
        exact = here.get((ANY, ANY))
        return Resolved(None if exact is None else _calibrated(exact))
    keys = ((setup.notch, setup.foot_row), (setup.notch, ANY), (ANY, setup.foot_row), (ANY, ANY))
    exact = next((here[key] for key in keys if key in here), None)
    if exact is not None and _same_backrest(exact, setup):
        return Resolved(_calibrated(exact))
    refused: tuple[str, ...] = ()
    if online is not None:
        moved = _by_pitch(own, setup, online.notch_mm)
        if moved is not None:
            return Resolved(moved)
        carried, refused = _by_geometry(set_limits, (gym, machine), setup, online, height_mm, machines)
        if carried is not None:
            return Resolved(carried, refused)
    elif exact is None and set_limits:
        refused = (f"{gym}/{machine} has not said what it is, so that no limit can be carried to it",)
    return Resolved(None if exact is None else _as_set(exact), refused)


def _calibrated(known: SetLimit) -> DepthLimit:
    return DepthLimit(known.limit_mm, "calibrated", known.version, visit=known.visit)


def _as_set(known: SetLimit) -> DepthLimit:
    return DepthLimit(known.limit_mm, "transferred", known.version, moved=_from(known, "as-set"), visit=known.visit)


def _from(known: SetLimit, by: Literal["pitch", "geometry", "as-set"], basis: Basis | None = None) -> Moved:
    return Moved(known.gym, known.machine, known.notch, known.foot_row, by, basis)


def _same_backrest(known: SetLimit, setup: Setup) -> bool:
    return known.setup is None or abs(known.setup.backrest_deg - setup.backrest_deg) <= SAME_BACKREST_DEG


def _by_pitch(own: Iterable[SetLimit], setup: Setup, notch_mm: float | None) -> DepthLimit | None:
    """The limit keeps the hip as far from the footplate, and a notch takes that `notch_mm` away."""
    if notch_mm is None:
        return None
    moved = [
        (abs(known.notch - setup.notch), known.limit_mm + (setup.notch - known.notch) * notch_mm, known)
        for known in own
        if known.notch not in {ANY, setup.notch}
        and known.foot_row in {setup.foot_row, ANY}
        and _same_backrest(known, setup)
    ]
    reachable = [candidate for candidate in moved if candidate[1] > 0]
    if not reachable:
        return None
    _, limit_mm, known = min(reachable, key=lambda candidate: candidate[:2])
    return DepthLimit(limit_mm, "transferred", known.version, moved=_from(known, "pitch"), visit=known.visit)


def _by_geometry(
    set_limits: Iterable[SetLimit],
    place: tuple[str, str],
    setup: Setup,
    online: Online,
    height_mm: float | None,
    machines: Mapping[tuple[str, str], Online],
) -> tuple[DepthLimit | None, tuple[str, ...]]:
    """The nearest limit that geometry can carry to a setting, and why the others could not be."""
    fit = LegFit.of(MachineSpec.of(online, setup), setup, height_mm)
    found: list[tuple[tuple[bool, int, bool, float, str, str], DepthLimit]] = []
    refused: list[str] = []
    for known in set_limits:
        elsewhere = (known.gym, known.machine) != place
        there = machines.get((known.gym, known.machine)) if elsewhere else online
        try:
            source = _source(known, setup, there, height_mm, elsewhere=elsewhere)
            limit = _carried(known, source, fit, online.travel_mm)
        except _Refused as refusal:
            refused.append(f"{_named(known)}: {refusal}")
            continue
        weak = (source.basis == "reference") + (fit is not None and fit.basis == "reference")
        other_kind = there is not None and there.kind != online.kind
        rank = (elsewhere, weak, other_kind, limit.limit_mm, known.gym, known.machine)
        found.append((rank, limit))
    best = min(found, key=lambda candidate: candidate[0])[1] if found else None
    return best, tuple(refused)


class _Refused(Exception):
    """Why a limit cannot be carried over, in words for a trainer."""


def _source(known: SetLimit, setup: Setup, there: Online | None, height_mm: float | None, *, elsewhere: bool) -> LegFit:
    """The leg where a limit was set. Raises _Refused."""
    if height_mm is None:
        raise _Refused("the member's height is not known, and without it there is no geometry")
    if there is None:
        raise _Refused("that machine has not said what it is")
    found_in = known.setup
    if not elsewhere:
        if found_in is None:
            raise _Refused("the setting it was found in is not on record, so that it cannot be compared with this one")
        other_row = known.foot_row not in {ANY, setup.foot_row}
        if other_row and found_in.foot_offset_mm == setup.foot_offset_mm:
            raise _Refused("the machine does not say how far its foot rows are apart")
        if known.notch not in {ANY, setup.notch} and None in {there.reach_mm, there.notch_mm}:
            raise _Refused("the machine does not say what a notch adds")
    elif found_in is None and known.notch != ANY:
        found_in = Setup(backrest_deg=there.backrest_deg, notch=known.notch, foot_row=max(known.foot_row, 0))
    source = LegFit.of(MachineSpec.of(there, found_in), found_in, height_mm)
    if source is None:
        raise _Refused("the feet stand out of the leg's reach there, as far as can be estimated")
    return source


def _carried(known: SetLimit, source: LegFit, fit: LegFit | None, travel_mm: float) -> DepthLimit:
    """The depth here at which the hip is bent as far as it was there. Raises _Refused."""
    if fit is None:
        raise _Refused("the feet stand out of the leg's reach here, as far as can be estimated")
    there = source.angles(known.limit_mm)
    if there is None:
        raise _Refused(f"a body of that height does not fit {known.limit_mm:.0f} mm there")
    at_rack = fit.angles(0.0)
    limit_mm = fit.depth_at_hip(there.hip_deg)
    about = f"the hip, about {there.hip_deg:.0f}° there,"
    least_deg = fit.straight_hip_deg if at_rack is None else at_rack.hip_deg
    if least_deg >= there.hip_deg:
        raise _Refused(f"{about} is bent further at the rack here (about {least_deg:.0f}°): calibrate here")
    if limit_mm is None:
        raise _Refused(f"{about} is never bent as far here")
    if limit_mm < LEAST_TRANSFERRED_MM:
        raise _Refused(f"{about} is bent as far here before a rep has begun ({limit_mm:.0f} mm): calibrate here")
    if limit_mm >= travel_mm:
        raise _Refused(f"{about} is bent as far here only past the stops ({limit_mm:.0f} mm of {travel_mm:.0f} mm)")
    basis: Basis = "reference" if "reference" in {source.basis, fit.basis} else "reach"
    error_mm = fit.depth_error_mm(limit_mm)
    return DepthLimit(limit_mm, "transferred", known.version, error_mm, _from(known, "geometry", basis), known.visit)


def _named(known: SetLimit) -> str:
    notch = "" if known.notch == ANY else f", notch {known.notch}"
    row = "" if known.foot_row == ANY else f", foot row {known.foot_row}"
    return f"{known.gym}/{known.machine}{notch}{row}"


def own_history(depths_mm: ArrayLike) -> OwnHistory | None:
    """What the bottoms of earlier reps on one machine say; None with fewer than 20 of them.

    depths_mm: one-dimensional, in millimetres; missing ones (NaN) are left out.
    """
    depths = np.asarray(depths_mm, dtype=np.float64)
    depths = depths[np.isfinite(depths)]
    if depths.size < OWN_HISTORY_REPS:
        return None
    median_mm = float(np.median(depths))
    return OwnHistory(median_mm, float(np.median(np.abs(depths - median_mm))), int(depths.size))


def is_light(load_kg: float, reference_kg: float | None) -> bool:
    """Whether a load is too light for a depth finding to be more than a note: below 30 % of the reference.

    reference_kg: the member's e1RM, or the best load in 90 days on that machine; None where neither is known, and then
    no load is called light.
    """
    return reference_kg is not None and load_kg < LIGHT_SHARE * reference_kg


def is_near_empty(load_kg: float, reference_kg: float | None, empty_kg: float | None) -> bool | None:
    """Whether a sled is empty enough to calibrate with: light for the member, or hardly more than the sled alone.

    reference_kg: as of `is_light`, without this session; empty_kg: the lightest load lifted on the machine lately.
    None where neither is known.
    """
    if reference_kg is None and empty_kg is None:
        return None
    return is_light(load_kg, reference_kg) or (empty_kg is not None and load_kg <= empty_kg + NEAR_EMPTY_KG)
