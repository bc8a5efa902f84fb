"""What the state DB tells of a member's lifting, whatever it runs on."""

from dataclasses import replace

from sqlalchemy import Engine

from closing_house import earlier_session
from presses import DAY_US, T0_US
from sledwatch.strength import Lift, SetDone
from sledwatch_storage.state.imports import ImportedSession, import_sessions
from sledwatch_storage.state.lifts import best_lifts, best_sets

PLACE = ("m-1", "north", "press-1")


def lifted(
    engine: Engine, days_ago: int, load_kg: float, velocity_m_s: float, reps: int = 5, **changes: object
) -> None:
    """A session of one set; its last rep is the fastest, the others slower by half."""
    whole = earlier_session("m-1", days_ago, 1_000.0)
    made = [
        replace(
            rep,
            load_kg=load_kg,
            mean_propulsive_velocity_m_s=velocity_m_s if rep.rep == reps else velocity_m_s / 2,
            **changes,  # type: ignore[arg-type]
        )
        for rep in whole.reps[:reps]
    ]
    session = f"{whole.session}-{load_kg:g}"
    kept = tuple(replace(rep, session=session) for rep in made)
    import_sessions(engine, [ImportedSession(session, *PLACE, whole.start_us, whole.end_us, kept)], T0_US)


def the_fastest_rep_of_each_kilogram_counts_for_90_days(engine: Engine) -> None:
    lifted(engine, 1, 100.2, 0.5)
    lifted(engine, 2, 99.8, 0.6)
    lifted(engine, 3, 140.0, 0.3)
    lifted(engine, 91, 180.0, 0.25)
    lifted(engine, 4, 160.0, 0.9, quality="unsure")
    assert [Lift(100.0, 0.6), Lift(140.0, 0.3)] == [
        Lift(round(one.load_kg, 3), one.velocity_m_s) for one in best_lifts(engine, *PLACE, T0_US)
    ]
    earlier_us = T0_US - 2 * DAY_US
    assert [Lift(140.0, 0.3), Lift(180.0, 0.25)] == best_lifts(engine, *PLACE, earlier_us)
    assert [] == best_lifts(engine, "m-2", *PLACE[1:], T0_US)


def of_sets_of_as_many_reps_the_heaviest_counts_up_to_ten(engine: Engine) -> None:
    lifted(engine, 1, 100.0, 0.5)
    lifted(engine, 2, 120.0, 0.5)
    lifted(engine, 3, 90.0, 0.5, reps=10)
    lifted(engine, 4, 150.0, 0.5, reps=3, quality="unsure")
    assert [SetDone(120.0, 5), SetDone(90.0, 10)] == best_sets(engine, *PLACE, T0_US)
    long = earlier_session("m-1", 5, 1_000.0)
    eleven = [*long.reps, replace(long.reps[-1], rep=11)]
    import_sessions(engine, [replace(long, reps=tuple(replace(rep, load_kg=170.0) for rep in eleven))], T0_US)
    assert [SetDone(120.0, 5), SetDone(90.0, 10)] == best_sets(engine, *PLACE, T0_US)


PROMISES = (
    the_fastest_rep_of_each_kilogram_counts_for_90_days,
    of_sets_of_as_many_reps_the_heaviest_counts_up_to_ten,
)
