"""The people: their bodies, how they move under load, how they train, and how they are drawn."""

from sledwatch_sim.people.body import Body, Sex
from sledwatch_sim.people.lifter import Lifter, Temper, friend_of, lifter
from sledwatch_sim.people.technique import (
    LOAD_PCT,
    VELOCITY_M_S,
    Chances,
    PlannedSet,
    Stroke,
    Strokes,
    Technique,
    possible_reps,
    shortest_push_s,
)
from sledwatch_sim.people.training import DAY_US, HISTORY_DAYS, OVERKEEN, Training, after_breaks

__all__ = [
    "DAY_US",
    "HISTORY_DAYS",
    "LOAD_PCT",
    "OVERKEEN",
    "VELOCITY_M_S",
    "Body",
    "Chances",
    "Lifter",
    "PlannedSet",
    "Sex",
    "Stroke",
    "Strokes",
    "Technique",
    "Temper",
    "Training",
    "after_breaks",
    "friend_of",
    "lifter",
    "possible_reps",
    "shortest_push_s",
]
