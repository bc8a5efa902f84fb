"""How strong a member is on a machine: what the state DB holds of 90 days, and the session in hand."""

from collections import Counter
from collections.abc import Sequence

from sledwatch.events import Online, Rep
from sledwatch.machine import MachineSpec
from sledwatch.strength import Lift, SetDone, Strength, estimate
from sledwatch_storage.state.lifts import best_lifts, best_sets
from sledwatch_storage.state.reading import Bind


def strength_at(
    bind: Bind, user: str, gym: str, machine: str, online: Online, start_us: int, reps: Sequence[Rep] = ()
) -> Strength | None:
    """Estimated strength in a session that started at a time; None where nothing can be said.

    reps: of the session itself; unsure ones do not count.
    """
    sure = [rep for rep in reps if rep.quality == "ok"]
    lifts = [*best_lifts(bind, user, gym, machine, start_us), *_lifts(sure)]
    sets = [*best_sets(bind, user, gym, machine, start_us), *_sets(sure)]
    return estimate(_fastest(lifts), sets, MachineSpec.of(online, None))


def _lifts(reps: Sequence[Rep]) -> list[Lift]:
    return [
        Lift(rep.load_kg, rep.mean_propulsive_velocity_m_s)
        for rep in reps
        if rep.mean_propulsive_velocity_m_s is not None
    ]


def _sets(reps: Sequence[Rep]) -> list[SetDone]:
    counts = Counter(rep.set for rep in reps)
    return [SetDone(min(rep.load_kg for rep in reps if rep.set == number), n) for number, n in counts.items()]


def _fastest(lifts: Sequence[Lift]) -> list[Lift]:
    """The fastest of each load; loads within the same kilogram are one."""
    fastest: dict[int, Lift] = {}
    for lift in lifts:
        known = fastest.setdefault(round(lift.load_kg), lift)
        if lift.velocity_m_s > known.velocity_m_s:
            fastest[round(lift.load_kg)] = lift
    return list(fastest.values())
