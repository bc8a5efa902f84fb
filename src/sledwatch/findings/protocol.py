"""Reps against a clinician's protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sledwatch.events import Rep
from sledwatch.findings.finding import Finding, in_sets, listed, often
from sledwatch.machine import ANGLE_ERROR_DEG, Basis
from sledwatch.protocol import LOAD_TOLERANCE_KG, Protocol, Window

RULE: Final = "protocol.breach"


@dataclass(frozen=True, slots=True)
class _Outside:
    """Reps outside one bound of a protocol. by: how far each is, in the bound's unit, more than 0."""

    name: str
    bound: float
    window: Window | None
    reps: tuple[Rep, ...]
    by: tuple[float, ...]

    @property
    def worst(self) -> int:
        """The place of the rep that is furthest outside."""
        return self.by.index(max(self.by))


def protocol_finding(
    reps: Sequence[Rep],
    protocol: Protocol,
    member_name: str,
    gym: str,
    machine: str,
    basis: Basis,
    stop_mm: float | None,
) -> Finding | None:
    """The reps of a session outside a clinician's windows, or above their load cap; None where there are none.

    A window of the knee is judged on the estimate, which the words mark with its error; reps without angles meet no
    such window. Loads are judged with a tolerance of 0.5 kg. What was lifted after the protocol expired is not judged,
    and a light load excuses nothing: whoever set the window meant the range, not the weight. Reps of quality unsure
    never count.

    basis: of the angles; stop_mm: where the windows end here in travel, for the advice, None where that is not known.
    """
    sure = sorted(
        (rep for rep in reps if rep.quality == "ok" and protocol.holds_at(rep.t_turn_us)), key=lambda rep: rep.t_turn_us
    )
    outside = [
        one for window in protocol.windows_on(gym, machine) for one in (_deep(sure, window), _shallow(sure, window))
    ]
    if protocol.load_cap_kg is not None:
        outside.append(_heavy(sure, protocol.load_cap_kg))
    found = [one for one in outside if one is not None]
    if not found:
        return None
    breaches = sorted({rep.rep: rep for one in found for rep in one.reps}.values(), key=lambda rep: rep.t_turn_us)
    names = {one.name for one in found}
    return Finding(
        rule=RULE,
        severity="warn",
        at_us=breaches[0].t_turn_us,
        last_us=breaches[-1].t_turn_us,
        set=found[0].reps[found[0].worst].set,
        count=len(breaches),
        title="Outside the protocol",
        message=(
            f"{member_name} went outside the protocol {often(len(breaches))} {in_sets(breaches)}: "
            f"{'; '.join(_told(one, len(breaches) if len(found) == 1 else None) for one in found)}."
        ),
        advice=_advice(found, stop_mm, protocol),
        evidence={
            "protocol_version": protocol.version,
            **{name: value for one in found for name, value in _figures(one).items()},
            **({"angle_error_deg": ANGLE_ERROR_DEG, "angle_basis": basis} if _KNEE & names else {}),
            "reps": [_record(rep, found) for rep in breaches],
            "reps_judged": len(sure),
            "reps_unsure": sum(rep.quality != "ok" for rep in reps),
        },
        limit_tier=None,
    )


_KNEE: Final = frozenset({"knee_deep", "knee_shallow"})
_WORDS: Final = {
    "knee_deep": "too deep",
    "knee_shallow": "too shallow",
    "depth_deep": "too deep",
    "depth_shallow": "too shallow",
    "load": "over the load cap",
}


def _deep(reps: Sequence[Rep], window: Window) -> _Outside | None:
    return None if window.most is None else _beyond(reps, window, window.most, "deep", 1)


def _shallow(reps: Sequence[Rep], window: Window) -> _Outside | None:
    return None if window.least is None else _beyond(reps, window, window.least, "shallow", -1)


def _beyond(reps: Sequence[Rep], window: Window, bound: float, side: str, sign: int) -> _Outside | None:
    knee = window.quantity == "knee_deg"
    measured = [(rep, rep.knee_deg if knee else rep.depth_mm) for rep in reps]
    by = [(rep, sign * (value - bound)) for rep, value in measured if value is not None]
    return _of(f"{'knee' if knee else 'depth'}_{side}", bound, window, [one for one in by if one[1] > 0])


def _heavy(reps: Sequence[Rep], cap_kg: float) -> _Outside | None:
    by = [(rep, rep.load_kg - cap_kg) for rep in reps]
    return _of("load", cap_kg, None, [one for one in by if one[1] > LOAD_TOLERANCE_KG])


def _of(name: str, bound: float, window: Window | None, by: Sequence[tuple[Rep, float]]) -> _Outside | None:
    if not by:
        return None
    return _Outside(name, bound, window, tuple(rep for rep, _ in by), tuple(far for _, far in by))


def _told(one: _Outside, said: int | None) -> str:
    """ "3 times over the load cap, 105 kg against at most 90 kg, 15 kg over"; without "3 times" where that was said."""
    worst, by = one.reps[one.worst], one.by[one.worst]
    most = "at most" if not one.name.endswith("shallow") else "at least"
    if one.name == "load":
        figures = f"{_kg(worst.load_kg)} against {most} {_kg(one.bound)}, {_kg(by)} over"
    elif one.name in _KNEE:
        doubt = "more than" if by > ANGLE_ERROR_DEG else "within"
        figures = (
            f"the knee bent to about {worst.knee_deg or 0.0:.0f}° against {most} {one.bound:g}°, {_whole(by)}° beyond "
            f"(estimated, {doubt} its error of ± {ANGLE_ERROR_DEG:.0f}°)"
        )
    else:
        figures = f"{worst.depth_mm:.0f} mm against {most} {one.bound:g} mm, {_whole(by)} mm beyond"
    count = "" if said == len(one.reps) else f"{often(len(one.reps))} "
    return f"{count}{_WORDS[one.name]}, {figures}"


def _advice(found: Sequence[_Outside], stop_mm: float | None, protocol: Protocol) -> str:
    names = {one.name for one in found}
    todo = []
    if names & {"knee_deep", "depth_deep"}:
        about = "about " if "knee_deep" in names else ""
        stop = "raise the stop" if stop_mm is None else f"raise the stop to {about}{stop_mm:.0f} mm"
        todo.append(f"{stop} (the end of the window)")
    if "load" in names and protocol.load_cap_kg is not None:
        todo.append(f"take the load down to {_kg(protocol.load_cap_kg)}")
    if names & {"knee_shallow", "depth_shallow"}:
        todo.append("let the sled come further, unless that hurts")
    words = listed(todo)
    return (
        f"{words[:1].upper()}{words[1:]}: the range and the load were set for this person for a time. Ask the "
        "clinician before going further than that."
    )


def _figures(one: _Outside) -> dict[str, Any]:
    worst, by = one.reps[one.worst], one.by[one.worst]
    if one.name == "load":
        return {
            "load_cap_kg": one.bound,
            "load_kg": round(worst.load_kg, 1),
            "over_kg": round(by, 1),
            "reps_over_load_cap": len(one.reps),
        }
    knee = one.name in _KNEE
    side = "most" if one.name.endswith("deep") else "least"
    value = worst.knee_deg if knee else worst.depth_mm
    what, unit = ("knee", "deg") if knee else ("depth", "mm")
    return {
        f"{what}_{side}_{unit}": one.bound,
        f"{what}_{'deepest' if side == 'most' else 'shallowest'}_{unit}": None if value is None else round(value, 1),
        f"{what}_{'over' if side == 'most' else 'short'}_{unit}": round(by, 1),
        f"reps_{what}_too_{'deep' if side == 'most' else 'shallow'}": len(one.reps),
    }


def _record(rep: Rep, found: Sequence[_Outside]) -> dict[str, Any]:
    return {
        "set": rep.set,
        "rep": rep.rep,
        "t_turn_us": rep.t_turn_us,
        "depth_mm": round(rep.depth_mm, 1),
        "knee_deg": None if rep.knee_deg is None else round(rep.knee_deg, 1),
        "load_kg": round(rep.load_kg, 1),
        "outside": listed(list(dict.fromkeys(_WORDS[one.name] for one in found if rep in one.reps))),
    }


def _kg(load_kg: float) -> str:
    return f"{round(load_kg, 1):g} kg"


def _whole(by: float) -> str:
    return f"{by:.0f}" if by >= 1 else f"{by:.1f}"
