"""Presses whose truth is known: each phase a minimum-jerk movement, on a clock, in frames as a machine sends them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sledwatch.events import Event, Frame, Online, SessionEnd, SessionSetup, SessionStart, Setup

# 2026-11-22 17:00 UTC
T0_US = 1_795_366_800_000_000
S = 1_000_000
DAY_US = 86_400 * S
RATE_HZ = 50
RACK_MM = 20.0


def online(boot: str = "b1", **changes: Any) -> Online:
    """The usual incline press."""
    usual: dict[str, Any] = {
        "boot": boot, "kind": "incline", "rail_deg": 45.0, "backrest_deg": 30.0, "travel_mm": 620.0, "rate_hz": 50.0,
        "reach_mm": 830.0, "notch_mm": 25.0, "model": "LP-45",
    }  # fmt: skip
    return Online(**(usual | changes))


def setup(notch: int = 4, foot_row: int = 2) -> Setup:
    """How seat and feet are set."""
    return Setup(backrest_deg=30.0, notch=notch, foot_row=foot_row)


@dataclass
class Session:
    """A session being written, second by second: lower, push, rest; then cut into frames of one second.

    seq: the number of its start event; frames follow, then its end.
    """

    session: str = "s-1"
    user: str = "m-1"
    gym: str = "north"
    machine: str = "press-1"
    boot: str = "b1"
    start_us: int = T0_US
    seq: int = 0
    load_kg: float = 120.0
    with_setup: Setup = field(default_factory=setup)
    depth_mm: list[float] = field(default_factory=list)
    loads_kg: list[float] = field(default_factory=list)
    bottoms_us: list[int] = field(default_factory=list)
    setups: list[tuple[int, Setup]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rest(2.0)

    @property
    def now_us(self) -> int:
        """The end of what is written so far."""
        return self.start_us + len(self.depth_mm) * S // RATE_HZ

    def rest(self, seconds: float) -> "Session":
        """Nothing moves."""
        return self._hold(self.depth_mm[-1] if self.depth_mm else RACK_MM, seconds)

    def rep(self, depth_mm: float, *, down_s: float = 1.6, up_s: float = 1.2, pause_s: float = 0.5) -> "Session":
        """One press that turns at `depth_mm`."""
        self._move(depth_mm, down_s)
        self.bottoms_us.append(self.now_us)
        self._move(RACK_MM, up_s)
        return self._hold(RACK_MM, pause_s)

    def set_of(self, depths_mm: Sequence[float], *, load_kg: float | None = None) -> "Session":
        """Presses in a row, then rest enough to begin a new set."""
        self.load_kg = self.load_kg if load_kg is None else load_kg
        for depth_mm in depths_mm:
            self.rep(depth_mm)
        return self._hold(RACK_MM, 35.0)

    def move_seat(self, notch: int) -> "Session":
        """Change the notch, here."""
        self.setups.append((self.now_us, setup(notch)))
        return self

    def events(self, *, ended: bool = True) -> list[Event]:
        """Start, frames of a second each, end, as the machine numbers and sends them."""
        start = SessionStart(
            boot=self.boot,
            seq=self.seq,
            session=self.session,
            user=self.user,
            t_us=self.start_us,
            setup=self.with_setup,
        )
        payloads: list[Any] = [start]
        waiting = list(self.setups)
        for first in range(0, len(self.depth_mm), RATE_HZ):
            t_us = self.start_us + first * S // RATE_HZ
            while waiting and waiting[0][0] <= t_us:
                moved_us, moved = waiting.pop(0)
                payloads.append(
                    SessionSetup(
                        boot=self.boot, seq=self.seq + len(payloads), session=self.session, t_us=moved_us, setup=moved
                    )
                )
            payloads.append(
                Frame(
                    boot=self.boot,
                    seq=self.seq + len(payloads),
                    t_us=t_us,
                    dt_us=S // RATE_HZ,
                    session=self.session,
                    depth_mm=list(self.depth_mm[first : first + RATE_HZ]),
                    load_kg=list(self.loads_kg[first : first + RATE_HZ]),
                )
            )
        if ended:
            seq = self.seq + len(payloads)
            payloads.append(
                SessionEnd(boot=self.boot, seq=seq, session=self.session, t_us=self.now_us, reason="badge_out")
            )
        return [Event(self.gym, self.machine, payload) for payload in payloads]

    def _hold(self, depth_mm: float, seconds: float) -> "Session":
        return self._write(np.full(round(seconds * RATE_HZ), depth_mm))

    def _move(self, to_mm: float, seconds: float) -> None:
        """A minimum-jerk movement (Flash & Hogan 1985) to a depth."""
        from_mm = self.depth_mm[-1]
        s = np.arange(1, round(seconds * RATE_HZ) + 1) / round(seconds * RATE_HZ)
        self._write(from_mm + (to_mm - from_mm) * (10 * s**3 - 15 * s**4 + 6 * s**5))

    def _write(self, depths_mm: "np.ndarray[Any, np.dtype[np.float64]]") -> "Session":
        self.depth_mm += np.round(depths_mm, 1).tolist()
        self.loads_kg += [self.load_kg] * len(depths_mm)
        return self
