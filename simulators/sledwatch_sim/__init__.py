"""A stand-in for gyms full of leg presses: it speaks the machines' side of the contract and knows the truth."""

from sledwatch_sim.simulation import Listed, Progress, SimConfig, SimulationError, WrongSimulation, listed, run

__all__ = ["Listed", "Progress", "SimConfig", "SimulationError", "WrongSimulation", "listed", "run"]
