"""The people: their bodies, how they move under load, how they train, and how they are drawn."""

from sledwatch_sim.people.body import Body, Sex
from sledwatch_sim.people.lifter import Lifter, Temper, lifter
from sledwatch_sim.people.technique import (
    BOUNCE_HASTE,
    BOUNCE_SPEED,
    LOAD_PCT,
    VELOCITY_M_S,
    PlannedSet,
    Stroke,
    Technique,
    possible_reps,
    shortest_push_s,
)
from sledwatch_sim.people.training import DAY_US, HISTORY_DAYS, OVERKEEN, Training

__all__ = [
    "BOUNCE_HASTE",
    "BOUNCE_SPEED",
    "DAY_US",
    "HISTORY_DAYS",
    "LOAD_PCT",
    "OVERKEEN",
    "VELOCITY_M_S",
    "Body",
    "Lifter",
    "PlannedSet",
    "Sex",
    "Stroke",
    "Technique",
    "Temper",
    "Training",
    "lifter",
    "possible_reps",
    "shortest_push_s",
]
