"""A finding as it is foretold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that a session entails.

    near: too close to a threshold to call, or the definition can be read both ways; it may be found or not.
    severity_near: as much of its severity. joined: what made it more severe than its own figure would.
    """

    rule: str
    severity: str
    near: bool = False
    severity_near: bool = False
    joined: tuple[str, ...] = ()
