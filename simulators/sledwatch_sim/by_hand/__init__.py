"""One machine that a person works by hand, with keys in a terminal or by a script."""

from sledwatch_sim.by_hand.keys import Step, WrongKeys, parse
from sledwatch_sim.by_hand.running import Account, ByHandConfig, ByHandError, work
from sledwatch_sim.by_hand.terminal import Window

__all__ = ["Account", "ByHandConfig", "ByHandError", "Step", "Window", "WrongKeys", "parse", "work"]
