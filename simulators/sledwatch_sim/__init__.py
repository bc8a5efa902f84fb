"""A stand-in for gyms full of leg presses: it speaks the machines' side of the contract and knows the truth."""

from sledwatch_sim.programmes import SCENARIOS
from sledwatch_sim.simulation import Progress, SimConfig, SimulationError, WrongSimulation, run

__all__ = ["SCENARIOS", "Progress", "SimConfig", "SimulationError", "WrongSimulation", "run"]
