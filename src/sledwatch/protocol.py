"""What a clinician allows a member: windows of knee angle or depth, a load cap, and until when."""

from dataclasses import dataclass
from typing import Final, Literal

from sledwatch.limits import CAUTION_BEFORE_MM, LIMITING_TIERS, DepthLimit
from sledwatch.machine import LegFit

Quantity = Literal["knee_deg", "depth_mm"]

# A load cell that is a little off loads nobody more; the smallest plate is heavier (judgement).
LOAD_TOLERANCE_KG: Final = 0.5


@dataclass(frozen=True, slots=True)
class Window:
    """From where to where a rep may turn, on one machine or, without gym and machine, on any that has no own window.

    least, most: knee flexion in degrees or sled travel in millimetres at the bottom; None for no bound on that side.
    """

    quantity: Quantity
    least: float | None
    most: float | None
    gym: str | None = None
    machine: str | None = None


@dataclass(frozen=True, slots=True)
class Protocol:
    """A clinician's protocol. There are no built-in windows: all of it was set by somebody.

    load_cap_kg: the most they may press, sled included; None for no cap. expires_us: from then on it does not hold.
    version: counts up with every change.
    """

    windows: tuple[Window, ...]
    load_cap_kg: float | None
    expires_us: int
    version: int

    def holds_at(self, time_us: int) -> bool:
        """Whether it has not expired."""
        return time_us < self.expires_us

    def windows_on(self, gym: str, machine: str) -> tuple[Window, ...]:
        """The windows for a machine: for each quantity its own, else the one for any machine."""
        by_quantity: dict[Quantity, Window] = {}
        for window in self.windows:
            own = (window.gym, window.machine) == (gym, machine)
            if own or (window.machine is None and window.quantity not in by_quantity):
                by_quantity[window.quantity] = window
        return tuple(by_quantity.values())

    def deepest_mm(self, gym: str, machine: str, fit: LegFit | None) -> float | None:
        """The depth at which the windows end on a machine, the smaller of two; None where none of them says.

        fit: the member's leg there, without which a window of the knee says nothing of depth.
        """
        ends = []
        for window in self.windows_on(gym, machine):
            if window.most is None:
                continue
            end_mm: float | None = window.most
            if window.quantity == "knee_deg":
                end_mm = None if fit is None else fit.depth_at_knee(window.most)
            if end_mm is not None:
                ends.append(max(end_mm, 0.0))
        return min(ends, default=None)


@dataclass(frozen=True, slots=True)
class Cap:
    """The depth that a machine is told: the limit, or where a protocol ends before it.

    limit: the one that it comes from, None for a protocol's.
    """

    depth_mm: float
    limit: DepthLimit | None

    @property
    def caution_mm(self) -> float:
        """The depth from which on the member is told that the cap is near."""
        return self.depth_mm - CAUTION_BEFORE_MM


def cap_of(limit: DepthLimit | None, deepest_mm: float | None) -> Cap | None:
    """The smaller of a limit and a protocol's end. An estimate is never told to a machine: its error is too large."""
    limited = limit if limit is not None and limit.tier in LIMITING_TIERS else None
    if deepest_mm is not None and (limited is None or deepest_mm < limited.limit_mm):
        return Cap(deepest_mm, None)
    return None if limited is None else Cap(limited.limit_mm, limited)
