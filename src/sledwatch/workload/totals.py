"""What the reps of a session add up to."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sledwatch.events import Rep
from sledwatch.rules import DEFAULT_RULES, WorkloadRules


@dataclass(frozen=True, slots=True)
class SessionTotals:
    """What the reps of a session add up to. `reps_without_work` counted as 0 J: their work is unknown."""

    work_j: float
    tonnage_kg: float
    top_load_kg: float
    reps: int
    reps_without_work: int


def session_totals(reps: Sequence[Rep]) -> SessionTotals:
    """Sum the work and tonnage of all reps, and find the heaviest load.

    The top load is looked for among reps of quality ok, and among all where there is none: one unsure reading should
    not become the best load of a year.
    """
    sure = [rep.load_kg for rep in reps if rep.quality == "ok"] or [rep.load_kg for rep in reps]
    return SessionTotals(
        work_j=sum(rep.work_j for rep in reps if rep.work_j is not None),
        tonnage_kg=sum(rep.load_kg for rep in reps),
        top_load_kg=max(sure, default=0.0),
        reps=len(reps),
        reps_without_work=sum(rep.work_j is None for rep in reps),
    )


def hard_sets(reps: Iterable[Rep], e1rm_kg: float | None, rules: WorkloadRules = DEFAULT_RULES) -> int:
    """Count the hard sets of a session.

    A set is hard when its last rep is ≥ 20 % slower than its fastest (Sánchez-Medina & González-Badillo 2011); where no
    rep has a velocity, when it holds ≥ 6 reps at ≥ 60 % of e1RM (judgement). An unknown e1RM makes no set hard.
    """
    sets: defaultdict[int, list[Rep]] = defaultdict(list)
    for rep in reps:
        sets[rep.set].append(rep)
    return sum(_is_hard_set(of_set, e1rm_kg, rules) for of_set in sets.values())


def _is_hard_set(reps: list[Rep], e1rm_kg: float | None, rules: WorkloadRules) -> bool:
    losses = [rep.velocity_loss_pct for rep in reps if rep.velocity_loss_pct is not None and rep.quality == "ok"]
    if losses:
        return losses[-1] >= rules.hard_set_velocity_loss_pct
    if e1rm_kg is None or e1rm_kg <= 0:
        return False
    return sum(rep.load_kg >= rules.hard_set_e1rm_share * e1rm_kg for rep in reps) >= rules.hard_set_reps
