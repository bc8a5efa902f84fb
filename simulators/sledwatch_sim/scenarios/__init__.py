"""Scenarios: files that say what stands where, who comes, and what goes wrong."""

from sledwatch_sim.scenarios.catalogue import WrongScenario, load, names, read
from sledwatch_sim.scenarios.schema import Crowd, Gym, Machines, Person, Protocol, Scenario

__all__ = ["Crowd", "Gym", "Machines", "Person", "Protocol", "Scenario", "WrongScenario", "load", "names", "read"]
