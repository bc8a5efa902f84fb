"""Technique, as notes: what a session's reps show of it, at loads that matter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sledwatch.events import Rep
from sledwatch.findings.finding import Finding, in_sets, load_against, often
from sledwatch.limits import ReferenceLoad, is_light, with_lifted
from sledwatch.technique import (
    ASYMMETRY_PCT,
    BOUNCE_M_S2,
    DEEPER_MM,
    DROPPED_M_S,
    LOCK_OUT_M_S,
    SLOWER_PCT,
    STRONG_ASYMMETRY_PCT,
    Asymmetry,
    Fault,
    SetTrend,
    asymmetry,
    faults,
    set_trends,
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule about single reps. habit: how many it takes; figure, value: what it looks at."""

    fault: Fault
    habit: int
    figure: str
    value: Callable[[Rep], float]
    threshold: str
    title: str
    what: str
    advice: str


# Judgement: one bounce or one lock-out is a slip, two are a habit; a sled that is dropped once is told.
_RULES: Final = (
    _Rule(
        fault="bounce",
        habit=2,
        figure="turn_deceleration_m_s2",
        value=lambda rep: rep.turn_deceleration_m_s2 or 0.0,
        threshold=f"braked at the turn by more than {BOUNCE_M_S2:g} m/s² (judgement)",
        title="Bounced at the bottom",
        what="bounced out of the bottom",
        advice="Slow the last third of the way down and stop for a moment before the push; take weight off if that "
        "cannot be done. At the bottom hips and lower back have the least to spare.",
    ),
    _Rule(
        fault="dropped",
        habit=1,
        figure="eccentric_peak_velocity_m_s",
        value=lambda rep: rep.eccentric_peak_velocity_m_s or 0.0,
        threshold=f"faster than {DROPPED_M_S:g} m/s on the way down, or met by the stops (judgement)",
        title="The sled was dropped",
        what="let the sled drop",
        advice="Take weight off until the way down lasts about two seconds; the legs should stop the sled before the "
        "stops do. Practitioners name poor control on the way down as a cause of back pain on the press.",
    ),
    _Rule(
        fault="lock-out",
        habit=2,
        figure="lockout_velocity_m_s",
        value=lambda rep: rep.lockout_velocity_m_s or 0.0,
        threshold=f"faster than {LOCK_OUT_M_S:g} m/s within 20 mm of the set's smallest depth, and stopped there by "
        "more than gravity (judgement)",
        title="Knees locked at speed",
        what="pushed into straight legs, or the stop, at speed",
        advice="End the push short of straight legs and slow down over the last centimetres, so that muscles stop the "
        "sled and not the knees.",
    ),
)


def technique_findings(reps: Sequence[Rep], reference: ReferenceLoad | None, member_name: str) -> list[Finding]:
    """Judge the technique of a session's reps; at most one finding a rule, a note each.

    reference: e1RM, or the best load in 90 days on that machine; a load of this session above it takes its place. How
    the empty sled is moved is nobody's concern: reps below 30 % of it do not count, nor do unsure ones.
    """
    sure = [rep for rep in sorted(reps, key=lambda rep: rep.t_turn_us) if rep.quality == "ok"]
    reference = with_lifted(reference, (rep.load_kg for rep in sure))
    kg = None if reference is None else reference.kg
    heavy = [rep for rep in sure if not is_light(rep.load_kg, kg)]
    judged = {
        "reference_load_kg": None if reference is None else round(reference.kg, 1),
        "reference_basis": None if reference is None else reference.basis,
        "reps_judged": len(heavy),
        "reps_light": len(sure) - len(heavy),
        "reps_unsure": len(reps) - len(sure),
    }

    def load(rep: Rep) -> str:
        return load_against(rep.load_kg, reference, light=False)

    found = [_fault(rule, heavy, member_name, load, judged) for rule in _RULES]
    found += [_uneven(heavy, member_name, judged), _tired(heavy, member_name, load, judged)]
    return [finding for finding in found if finding is not None]


def _fault(
    rule: _Rule, heavy: list[Rep], member_name: str, load: Callable[[Rep], str], judged: dict[str, Any]
) -> Finding | None:
    seen = [rep for rep in heavy if rule.fault in faults(rep)]
    if len(seen) < rule.habit:
        return None
    worst = max(seen, key=rule.value)
    return Finding(
        rule=f"technique.{rule.fault}",
        severity="note",
        at_us=seen[0].t_turn_us,
        last_us=seen[-1].t_turn_us,
        set=worst.set,
        count=len(seen),
        title=rule.title,
        message=f"{member_name} {rule.what} {often(len(seen))} {in_sets(seen)}: {_worst(rule.fault, worst)} "
        f"at {load(worst)}.",
        advice=rule.advice,
        evidence={
            rule.figure: round(rule.value(worst), 2),
            "rule": rule.threshold,
            **_of_reps(seen, worst, rule.figure, rule.value),
            **judged,
        },
        limit_tier=None,
    )


def _worst(fault: Fault, worst: Rep) -> str:
    if fault == "bounce":
        return f"braked by {worst.turn_deceleration_m_s2 or 0.0:.1f} m/s² at the most, against {BOUNCE_M_S2:.0f},"
    if fault == "lock-out":
        return f"{worst.lockout_velocity_m_s or 0.0:.2f} m/s within 20 mm of the top, against {LOCK_OUT_M_S:g},"
    down_m_s = worst.eccentric_peak_velocity_m_s or 0.0
    if down_m_s > DROPPED_M_S:
        return f"down at {down_m_s:.2f} m/s at the most, against {DROPPED_M_S:g},"
    return f"met by the stops, {worst.turn_deceleration_m_s2 or 0.0:.0f} m/s² at the most,"


def _uneven(heavy: list[Rep], member_name: str, judged: dict[str, Any]) -> Finding | None:
    found = asymmetry(heavy)
    if found is None or not found.told:
        return None
    pressed = [rep for rep in heavy if rep.asymmetry_pct is not None]
    worst = max(pressed, key=lambda rep: rep.asymmetry_pct or 0.0)
    strongly = "much " if found.strong else ""
    return Finding(
        rule="technique.asymmetry",
        severity="note",
        at_us=pressed[0].t_turn_us,
        last_us=pressed[-1].t_turn_us,
        set=worst.set,
        count=len(pressed),
        title="One leg presses much less" if found.strong else "One leg presses less",
        message=f"{member_name} pressed {strongly}less with the {found.weaker} leg: {found.pct:.0f} % over "
        f"{found.reps} reps, which vary by {found.own_pct:.0f} % among themselves.",
        advice=f"See that both feet stand level and the hips square on the pad. If it stays, add sets with the "
        f"{found.weaker} leg alone at a light load, and look again after some weeks.",
        evidence=_asymmetry_evidence(found)
        | _of_reps(pressed, worst, "asymmetry_pct", lambda rep: rep.asymmetry_pct or 0.0)
        | judged,
        limit_tier=None,
    )


def _asymmetry_evidence(found: Asymmetry) -> dict[str, Any]:
    return {
        "asymmetry_pct": round(found.pct, 1),
        "weaker": found.weaker,
        "own_variability_pct": round(found.own_pct, 1),
        "strong": found.strong,
        "rule": f"more than {ASYMMETRY_PCT:g} % and than the own variability; "
        f"more than {STRONG_ASYMMETRY_PCT:g} % is strong (judgement)",
    }


def _tired(heavy: list[Rep], member_name: str, load: Callable[[Rep], str], judged: dict[str, Any]) -> Finding | None:
    tired = [trend for trend in set_trends(heavy) if trend.fatigue]
    if not tired:
        return None
    numbers = {trend.set for trend in tired}
    reps = [rep for rep in heavy if rep.set in numbers]
    most = max(tired, key=lambda trend: trend.deeper_mm or 0.0)
    last = [rep for rep in reps if rep.set == most.set][-1]
    return Finding(
        rule="technique.fatigue",
        severity="note",
        at_us=min(rep.t_turn_us for rep in reps),
        last_us=reps[-1].t_turn_us,
        set=most.set,
        count=len(tired),
        title="Deeper and slower towards the end",
        message=f"{member_name} came deeper and slower together {in_sets(reps)}: by {most.deeper_mm or 0.0:.0f} mm and "
        f"{most.velocity_loss_pct or 0.0:.0f} % over {most.reps} reps at {load(last)}.",
        advice="End the set when the bottom begins to wander, or raise the stop before the last reps: tired reps go "
        "deepest, where control is least.",
        evidence={
            "deeper_mm": round(most.deeper_mm or 0.0, 1),
            "velocity_loss_pct": round(most.velocity_loss_pct or 0.0, 1),
            "rule": f"{DEEPER_MM:g} mm or more deeper over a set of 4 reps or more, and {SLOWER_PCT:g} % or more "
            "slower at its end (judgement)",
            "worst_set": most.set,
            "worst_rep": last.rep,
            "load_kg": round(last.load_kg, 1),
            "sets": sorted(numbers),
            "trends": [_trend(trend) for trend in tired],
            **judged,
        },
        limit_tier=None,
    )


def _trend(trend: SetTrend) -> dict[str, Any]:
    return {
        "set": trend.set,
        "reps": trend.reps,
        "load_kg": round(trend.load_kg, 1),
        "deeper_mm": round(trend.deeper_mm or 0.0, 1),
        "drift_mm_per_rep": round(trend.drift_mm_per_rep or 0.0, 2),
        "drift_error_mm_per_rep": round(trend.drift_error_mm_per_rep or 0.0, 2),
        "velocity_loss_pct": round(trend.velocity_loss_pct or 0.0, 1),
    }


def _of_reps(seen: list[Rep], worst: Rep, figure: str, value: Callable[[Rep], float]) -> dict[str, Any]:
    return {
        "worst_set": worst.set,
        "worst_rep": worst.rep,
        "load_kg": round(worst.load_kg, 1),
        "sets": sorted({rep.set for rep in seen}),
        "reps": [
            {
                "set": rep.set,
                "rep": rep.rep,
                "t_turn_us": rep.t_turn_us,
                "load_kg": round(rep.load_kg, 1),
                figure: round(value(rep), 2),
            }
            for rep in seen
        ],
    }
