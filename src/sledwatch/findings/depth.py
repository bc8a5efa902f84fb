"""Reps against a depth limit, against what most hips can, and against the person's own habit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sledwatch.events import Rep, Severity
from sledwatch.findings.finding import Finding, in_sets, listed, load_against, often
from sledwatch.limits import (
    ANY,
    LIMITING_TIERS,
    DepthLimit,
    OwnHistory,
    ReferenceLoad,
    Sex,
    estimated_hip_deg,
    is_light,
    with_lifted,
)
from sledwatch.machine import ANGLE_ERROR_DEG, Basis

# Judgement, as the next two: what makes depth excessive, and what counts as late in a set.
EXCESSIVE_REPS: Final = 2
EXCESSIVE_OVER_MM: Final = 30.0
LATE_SET_REPS: Final = 4


_RANGES: Final = {"calibrated": "the calibrated range", "transferred": "a transferred limit"}
_WAYS: Final[Mapping[str, str]] = {
    "pitch": "by the pitch of the seat",
    "geometry": "by geometry (the hip bent as far)",
    "as-set": "as it is, though the backrest stood otherwise",
}


@dataclass(frozen=True, slots=True)
class Body:
    """What an estimate of the hip rests on. sex: None where unknown; basis: of the angles that the reps carry."""

    sex: Sex | None
    basis: Basis


def excessive(over_mm_of_set: Sequence[float]) -> bool:
    """Whether a set went too deep: two reps or more past the limit, or one by more than 30 mm (judgement).

    over_mm_of_set: millimetres past the limit of the set's reps of quality ok; 0 or less is within it.
    """
    past = [over for over in over_mm_of_set if over > 0]
    return len(past) >= EXCESSIVE_REPS or any(over > EXCESSIVE_OVER_MM for over in past)


def depth_findings(
    reps: Sequence[Rep],
    limit: DepthLimit | None,
    own: OwnHistory | None,
    reference: ReferenceLoad | None,
    member_name: str,
    machine_name: str,
    body: Body | None = None,
) -> list[Finding]:
    """Judge the depth of a session's reps (docs/science.md, Depth); at most one finding a rule.

    limit: the member's limit, in force for all the reps; own: what was usual before this session. reference: e1RM, or
    the best load in 90 days on that machine. A load of this session above it takes its place; below 30 % of it all is a
    note. body: for the estimate, which only those hear of who have no limit; None leaves it out. Reps of quality unsure
    are evidence but meet no rule.
    """
    session = _Depths.of(reps, reference, member_name, machine_name)
    limited = limit is not None and limit.tier in LIMITING_TIERS
    found = session.against(limit) if limit is not None and limited else []
    # What is close to a limit or past it has been told; "unusually deep" would say it again.
    told_from_mm = limit.caution_mm if found and limit is not None else None
    if body is not None and not limited:
        found += session.against_estimate(body)
    return found + (session.against_habit(own, limit, told_from_mm) if own is not None else [])


@dataclass(frozen=True, slots=True)
class _Depths:
    """The reps of a session by how sure they are, and the load that makes others light."""

    sure: list[Rep]
    unsure: list[Rep]
    reference: ReferenceLoad | None
    member_name: str
    machine_name: str

    @staticmethod
    def of(reps: Sequence[Rep], reference: ReferenceLoad | None, member_name: str, machine_name: str) -> "_Depths":
        in_time = sorted(reps, key=lambda rep: rep.t_turn_us)
        sure = [rep for rep in in_time if rep.quality == "ok"]
        unsure = [rep for rep in in_time if rep.quality != "ok"]
        return _Depths(sure, unsure, with_lifted(reference, (rep.load_kg for rep in sure)), member_name, machine_name)

    def is_light(self, rep: Rep) -> bool:
        return self.reference is not None and is_light(rep.load_kg, self.reference.kg)

    def against(self, limit: DepthLimit) -> list[Finding]:
        """Excessive depth as an alert; failing that, as a note on a light load, and caution for the other sets."""
        heavy = [rep for rep in self.sure if not self.is_light(rep)]
        if sets := _excessive_sets(heavy, limit):
            return [self._excessive(heavy, sets, limit, "alert")]
        findings = []
        light = [rep for rep in self.sure if self.is_light(rep)]
        if sets := _excessive_sets(light, limit):
            findings.append(self._excessive(light, sets, limit, "note"))
        close = [rep for rep in self.sure if rep.depth_mm >= limit.caution_mm and rep.set not in sets]
        return [*findings, self._caution(close, limit)] if close else findings

    def against_habit(self, own: OwnHistory, limit: DepthLimit | None, told_from_mm: float | None) -> list[Finding]:
        deep = [
            rep
            for rep in self.sure
            if rep.depth_mm > own.threshold_mm and (told_from_mm is None or rep.depth_mm < told_from_mm)
        ]
        return [self._unusual(deep, own, limit)] if deep else []

    def _excessive(self, reps: list[Rep], sets: Mapping[int, Rep], limit: DepthLimit, severity: Severity) -> Finding:
        past = [rep for rep in reps if rep.depth_mm > limit.limit_mm]
        deepest = max(past, key=lambda rep: rep.depth_mm)
        depth, allowed = _told_apart(deepest.depth_mm, limit.limit_mm)
        light = severity == "note"
        message = (
            f"{self.member_name} went past the depth limit {often(len(past))} {in_sets(past)}: deepest {depth} mm "
            f"against {allowed} mm, {_apart(depth, allowed)} beyond, at "
            f"{self._load(deepest)}{_dwell(deepest)}.{_whence(limit, deepest.depth_mm - limit.limit_mm)}"
        )
        if light:
            advice = "Nothing to act on at this load: use it to set the stop before the heavier sets."
        else:
            advice = self._how_to_stay_within(past, sets, limit)
        if limit.tier == "transferred":
            advice += " The limit is transferred from another setting: check it on this one, or calibrate here."
        completing = min(sets.values(), key=lambda rep: rep.t_turn_us)
        return Finding(
            rule="depth.excessive",
            severity=severity,
            at_us=completing.t_turn_us,
            last_us=past[-1].t_turn_us,
            set=deepest.set,
            count=len(past),
            title=f"Beyond {_RANGES[limit.tier]}{', on a light load' if light else ''}",
            message=message,
            advice=advice,
            evidence=self._evidence(past, deepest, limit)
            | {
                "over_mm": round(deepest.depth_mm - limit.limit_mm, 1),
                "reps_over": len(past),
                "sets_excessive": sorted(sets),
                "reps_over_unsure": sum(rep.depth_mm > limit.limit_mm for rep in self.unsure),
                "reps_over_light_load": sum(self.is_light(rep) and rep.depth_mm > limit.limit_mm for rep in self.sure),
                "rule": f"{EXCESSIVE_REPS} or more reps of a set past the limit, or one by more than "
                f"{EXCESSIVE_OVER_MM:.0f} mm",
            },
            limit_tier=limit.tier,
        )

    def _how_to_stay_within(self, past: list[Rep], sets: Mapping[int, Rep], limit: DepthLimit) -> str:
        reason = "past the limit the hips have little range left, and the pelvis may roll off the pad under load"
        if all(self._came_late(number, past) for number in sets):
            return f"Cut the set before the depth grows, and raise the stop to {limit.limit_mm:.0f} mm: {reason}."
        if len(sets) > 1:
            return (
                f"Raise the stop to {limit.limit_mm:.0f} mm, or swap the exercise (hack squat, supine leg press, "
                f"ball squat): {reason}, and it happened in {len(sets)} sets."
            )
        return f"Cap the depth: raise the stop so that the sled turns by {limit.limit_mm:.0f} mm; {reason}."

    def _came_late(self, number: int, past: list[Rep]) -> bool:
        of_set = [rep.rep for rep in self.sure if rep.set == number]
        first = min(rep.rep for rep in past if rep.set == number)
        return len(of_set) >= LATE_SET_REPS and of_set.index(first) >= len(of_set) / 2

    def _caution(self, close: list[Rep], limit: DepthLimit) -> Finding:
        deepest = max(close, key=lambda rep: rep.depth_mm)
        past = sum(rep.depth_mm > limit.limit_mm for rep in close)
        depth, allowed = _told_apart(deepest.depth_mm, limit.limit_mm)
        return Finding(
            rule="depth.caution",
            severity="note",
            at_us=close[0].t_turn_us,
            last_us=close[-1].t_turn_us,
            set=deepest.set,
            count=len(close),
            title="Close to the depth limit",
            message=(
                f"{self.member_name} came within {limit.limit_mm - limit.caution_mm:.0f} mm of the depth limit"
                f"{' or just past it' if past else ''} {often(len(close))} {in_sets(close)}: "
                f"deepest {depth} mm against {allowed} mm at {self._load(deepest)}{_dwell(deepest)}.{_whence(limit)}"
            ),
            advice=f"Set the stop to {limit.limit_mm:.0f} mm before the load goes up, so that tired reps stay within.",
            evidence=self._evidence(close, deepest, limit)
            | {"over_mm": round(deepest.depth_mm - limit.limit_mm, 1), "reps_close": len(close), "reps_over": past},
            limit_tier=limit.tier,
        )

    def against_estimate(self, body: Body) -> list[Finding]:
        threshold_deg = estimated_hip_deg(body.sex)
        deep = [rep for rep in self.sure if rep.hip_deg is not None and rep.hip_deg > threshold_deg]
        return [self._estimated(deep, body, threshold_deg)] if deep else []

    def _estimated(self, deep: list[Rep], body: Body, threshold_deg: float) -> Finding:
        deepest = max(deep, key=lambda rep: rep.depth_mm)
        hip_deg = deepest.hip_deg or 0.0
        doubts = [
            *(["their sex is not known, so that the higher of two thresholds holds"] if body.sex is None else []),
            *(["the machine does not say how far its footplate is"] if body.basis == "reference" else []),
        ]
        return Finding(
            rule="depth.estimated",
            severity="note",
            at_us=deep[0].t_turn_us,
            last_us=deep[-1].t_turn_us,
            set=deepest.set,
            count=len(deep),
            title="Deep, as far as can be estimated",
            message=(
                f"{self.member_name} went deeper than nearly everybody can go without the pelvis rolling, as far as "
                f"can be estimated, {often(len(deep))} {in_sets(deep)}: the hip bent to about {hip_deg:.0f}° "
                f"(± {ANGLE_ERROR_DEG:.0f}°) against {threshold_deg:.0f}°, {deepest.depth_mm:.0f} mm deep at "
                f"{self._load(deepest)}{_dwell(deepest)}.{f' Note: {listed(doubts)}.' if doubts else ''}"
            ),
            advice=(
                f"Calibrate: on {self.machine_name}, let the near-empty sled down until the sacrum starts to leave the "
                "pad, and set that depth as the limit. Until then nothing is known of this person's own range."
            ),
            evidence=self._evidence(deep, deepest, None)
            | {
                "hip_deg": round(hip_deg, 1),
                "knee_deg": None if deepest.knee_deg is None else round(deepest.knee_deg, 1),
                "hip_threshold_deg": threshold_deg,
                "angle_error_deg": ANGLE_ERROR_DEG,
                "angle_basis": body.basis,
                "sex": body.sex,
                "reps_deep": len(deep),
            },
            limit_tier="estimated",
        )

    def _unusual(self, deep: list[Rep], own: OwnHistory, limit: DepthLimit | None) -> Finding:
        deepest = max(deep, key=lambda rep: rep.depth_mm)
        if limit is None:
            advice = f"Watch a set from the side and calibrate a limit: none is set on {self.machine_name}."
        else:
            advice = "Watch the next set from the side: the pelvis should stay on the pad all the way down."
        return Finding(
            rule="depth.unusual",
            severity="note",
            at_us=deep[0].t_turn_us,
            last_us=deep[-1].t_turn_us,
            set=deepest.set,
            count=len(deep),
            title="Unusually deep",
            message=(
                f"{self.member_name} went unusually deep {often(len(deep))} {in_sets(deep)}: deepest "
                f"{deepest.depth_mm:.0f} mm against a usual {own.median_mm:.0f} mm at "
                f"{self._load(deepest)}{_dwell(deepest)}."
            ),
            advice=advice,
            evidence=self._evidence(deep, deepest, None)
            | {
                "usual_mm": round(own.median_mm, 1),
                "threshold_mm": round(own.threshold_mm, 1),
                "reps_deep": len(deep),
                "history_reps": own.reps,
            },
            limit_tier="own-history",
        )

    def _evidence(self, reps: list[Rep], deepest: Rep, limit: DepthLimit | None) -> dict[str, Any]:
        """What every depth finding shows; the figures of a single rep are the deepest one's."""
        limited: dict[str, Any] = {}
        if limit is not None:
            limited = {
                "limit_mm": round(limit.limit_mm, 1),
                "caution_mm": round(limit.caution_mm, 1),
                "limit_version": limit.version,
            }
            if limit.moved is not None:
                limited |= {
                    "limit_from": f"{limit.moved.gym}/{limit.moved.machine}",
                    "limit_moved_by": limit.moved.by,
                    "limit_error_mm": None if limit.error_mm is None else round(limit.error_mm),
                    "angle_basis": limit.moved.basis,
                }
        reference = self.reference
        share = None if reference is None else reference.share(deepest.load_kg)
        return limited | {
            "deepest_mm": round(deepest.depth_mm, 1),
            "set": deepest.set,
            "rep": deepest.rep,
            "load_kg": round(deepest.load_kg, 1),
            "reference_load_kg": None if reference is None else round(reference.kg, 1),
            "reference_basis": None if reference is None else reference.basis,
            "load_share": None if share is None else round(share, 3),
            "bottom_dwell_s": deepest.bottom_dwell_s,
            "sets": sorted({rep.set for rep in reps}),
            "reps": [
                {
                    "set": rep.set,
                    "rep": rep.rep,
                    "t_turn_us": rep.t_turn_us,
                    "depth_mm": round(rep.depth_mm, 1),
                    "load_kg": round(rep.load_kg, 1),
                }
                for rep in reps
            ],
            "reps_judged": len(self.sure),
            "reps_unsure": len(self.unsure),
        }

    def _load(self, rep: Rep) -> str:
        return load_against(rep.load_kg, self.reference, light=self.is_light(rep))


def _excessive_sets(reps: Iterable[Rep], limit: DepthLimit) -> dict[int, Rep]:
    """The sets that went too deep, each with the rep that completed the rule."""
    over: defaultdict[int, list[float]] = defaultdict(list)
    completed: dict[int, Rep] = {}
    for rep in reps:
        over[rep.set].append(rep.depth_mm - limit.limit_mm)
        if rep.set not in completed and excessive(over[rep.set]):
            completed[rep.set] = rep
    return completed


def _told_apart(depth_mm: float, limit_mm: float) -> tuple[str, str]:
    """Whole millimetres, unless that would make "412 mm against 412 mm" of two different depths, or 1 mm of less."""
    whole = abs(depth_mm - limit_mm) >= 1 and round(depth_mm) != round(limit_mm)
    digits = 0 if whole else 1
    return f"{depth_mm:.{digits}f}", f"{limit_mm:.{digits}f}"


def _apart(depth: str, allowed: str) -> str:
    """What the two figures that are told make, so that whoever subtracts them finds it right."""
    digits = 1 if "." in depth else 0
    return f"{float(depth) - float(allowed):.{digits}f} mm"


def _whence(limit: DepthLimit, over_mm: float | None = None) -> str:
    """Where a transferred limit comes from and how well it is known, in sentences; nothing for a calibrated one."""
    moved = limit.moved
    if moved is None:
        return ""
    place = f"{moved.machine}{'' if moved.notch == ANY else f', notch {moved.notch}'}"
    told = f" The limit is transferred from {place} {_WAYS[moved.by]}"
    if limit.error_mm is None:
        return f"{told}."
    doubt = ", and it was passed by less than that" if over_mm is not None and over_mm < limit.error_mm else ""
    return f"{told}, ± {limit.error_mm:.0f} mm{doubt}."


def _dwell(rep: Rep) -> str:
    return "" if rep.bottom_dwell_s is None else f", {rep.bottom_dwell_s:.1f} s at the bottom"
