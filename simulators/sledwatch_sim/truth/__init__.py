"""What really happened in a run, and what must be found in it.

Findings follow from the definitions in docs/science.md alone, computed here on their own. What a measurement that is
right may judge either way is marked `near` and not scored.
"""

from sledwatch_sim.truth.depth import caution, excessive_depth
from sledwatch_sim.truth.expected import Expected
from sledwatch_sim.truth.file import HARD_LOSS_PCT, RULES, Truth, done, entailed, hard_sets
from sledwatch_sim.truth.overuse import TOLERANCE, Done, overuse, spike_ratio, workload_spike
from sledwatch_sim.truth.sensors import SensorTruth

__all__ = [
    "HARD_LOSS_PCT",
    "RULES",
    "TOLERANCE",
    "Done",
    "Expected",
    "SensorTruth",
    "Truth",
    "caution",
    "done",
    "entailed",
    "excessive_depth",
    "hard_sets",
    "overuse",
    "spike_ratio",
    "workload_spike",
]
