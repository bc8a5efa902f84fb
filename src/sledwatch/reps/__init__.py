"""Samples to reps to sets: one compiled kernel, fed frame by frame while somebody presses, and whole sessions after.

A rep is an eccentric phase (the sled comes towards the user) followed by a concentric one, each of at least 100 mm. The
kernel looks at samples only, in order, and carries its state from one to the next, so that every way of cutting a
stream gives the same reps. What it does to a sample:

1. A sample that stands out from both neighbours by more than any turn of the sled explains is a spike, and its median
   with them takes its place. One that would need a speed no sled reaches is held back; when the signal returns, it
   never was; when it stays, the encoder has slipped, and what the kernel remembers slips along.
2. The mean over 60 ms takes the noise off the bottom, however fast the machine samples.
3. Extrema alternate, and one is accepted only after the sled travelled back by the minimum travel, so that bounces,
   pauses and trembling are part of a phase and not phases of their own.
4. A rep is told once, when its end can no longer change: the next rep's eccentric has begun, or the sled rests near the
   top, or the set's rest has passed, or the session is over.

`measure` then looks closely at the found reps: phases by the velocity rule, velocities, work.
"""

from sledwatch.reps.feet import FootForces, foot_forces, friction_n
from sledwatch.reps.measures import MEASURED, RepMeasures, measure, measure_in_bulk, warm_up
from sledwatch.reps.settings import DEFAULTS, RepSettings
from sledwatch.reps.tracking import FOUND, Now, RepTracker, Span, find_in_bulk, find_reps

__all__ = [
    "DEFAULTS",
    "FOUND",
    "MEASURED",
    "FootForces",
    "Now",
    "RepMeasures",
    "RepSettings",
    "RepTracker",
    "Span",
    "find_in_bulk",
    "find_reps",
    "foot_forces",
    "friction_n",
    "measure",
    "measure_in_bulk",
    "warm_up",
]
