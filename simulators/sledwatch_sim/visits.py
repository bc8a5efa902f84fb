"""People at machines: who comes when, and the frames that their machine sends meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from sledwatch_sim.equipment.models import RATE_HZ, Press
from sledwatch_sim.equipment.travel import sensed
from sledwatch_sim.pace import Pace
from sledwatch_sim.people import Lifter, PlannedSet
from sledwatch_sim.performing import Stretch, TrueRep, perform
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Network

DT_US: Final = round(1e6 / RATE_HZ)
FRAME_SAMPLES: Final = 50
# A hurried machine waits when so much of what it sent is not stored yet: its own memory and the broker's are bounded.
_MOST_UNSTORED: Final = 1_000
_WAIT_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody's session at a machine.

    limit_mm: their calibrated limit there. past: start (µs) and work (J) of all their earlier sessions, None where
    nobody knows them all.
    """

    lifter: Lifter
    session: str
    start_us: int
    plan: tuple[PlannedSet, ...]
    limit_mm: float | None
    past: tuple[tuple[int, float], ...] | None


@dataclass(frozen=True, slots=True)
class Visited:
    """A visit that is over. complete: not cut short."""

    visit: Visit
    end_us: int
    reps: tuple[TrueRep, ...]
    complete: bool


class Station:
    """A machine on the floor and whoever is at it. Call its methods in the network's thread.

    on_over: told when a visit ends.
    """

    def __init__(
        self, network: Network, device: Device, press: Press, pace: Pace, on_over: Callable[["Station", Visited], None]
    ) -> None:
        self.device = device
        self.press = press
        self.frames = 0
        self._network = network
        self._pace = pace
        self._on_over = on_over
        self._visit: Visit | None = None
        self._samples: Iterator[tuple[float | None, float]] = iter(())
        self._reps: list[TrueRep] = []
        self._next_us = 0

    @property
    def busy(self) -> bool:
        """Whether somebody is badged in."""
        return self._visit is not None

    @property
    def reached_us(self) -> int:
        """Until when its frames have been sent; 0 before the first visit."""
        return self._next_us

    def expect(self, visit: Visit) -> None:
        """Begin a visit when its time has come."""
        self._network.call_later(self._pace.delay_s(visit.start_us), lambda: self._begin(visit))

    def close(self) -> None:
        """Cut a visit short, as the machine's own power switch would."""
        if self._visit is not None:
            self._end("reboot", complete=False)

    def _begin(self, visit: Visit) -> None:
        self._visit = visit
        self._reps = []
        self._next_us = visit.start_us
        self._samples = self._perform(visit)
        self.device.badge_in(visit.session, visit.lifter.user, visit.start_us, visit.lifter.setup(self.press))
        self._later()

    def _perform(self, visit: Visit) -> Iterator[tuple[float | None, float]]:
        stretches = perform(
            visit.lifter, self.press, list(visit.plan), visit.lifter.rng(visit.start_us), self._light_mm
        )
        noise = np.random.default_rng([visit.lifter.seed, visit.lifter.number, visit.start_us // 1_000_000, 1])
        for stretch in stretches:
            yield from self._sense(stretch, noise)

    def _sense(self, stretch: Stretch, noise: np.random.Generator) -> Iterator[tuple[float | None, float]]:
        if stretch.rep is not None:
            self._reps.append(stretch.rep)
        for depth_mm in sensed(stretch.depth_mm, noise):
            yield depth_mm, stretch.load_kg

    def _light_mm(self) -> float | None:
        """Where the machine's light comes on: at the limit it was told, as long as that can be in time."""
        if self._pace.live(self._next_us):
            return self.device.limit.limit_mm if self.device.limit is not None else None
        return self._visit.limit_mm if self._visit is not None else None

    def _later(self) -> None:
        self._network.call_later(self._pace.delay_s(self._next_us + FRAME_SAMPLES * DT_US), self._frame)

    def _frame(self) -> None:
        if self._visit is None:
            return  # cut short
        if self._pace.hurried and self.device.unstored >= _MOST_UNSTORED:
            self._network.call_later(_WAIT_S, self._frame)
            return
        samples = list(islice(self._samples, FRAME_SAMPLES))
        if samples:
            depth_mm, load_kg = zip(*samples, strict=True)
            load: float | list[float] = load_kg[0] if len(set(load_kg)) == 1 else list(load_kg)
            self.device.frame(self._next_us, DT_US, depth_mm, load)
            self.frames += 1
            self._next_us += len(samples) * DT_US
        if len(samples) < FRAME_SAMPLES:
            self._end("badge_out", complete=True)
        else:
            self._later()

    def _end(self, reason: str, *, complete: bool) -> None:
        visit = self._visit
        assert visit is not None  # noqa: S101 - asked by both callers
        self.device.badge_out(self._next_us, reason)
        self._visit = None
        # A rep is drawn when its first sample is due; one that the samples sent do not hold whole never happened.
        sent_s = (self._next_us - visit.start_us) / 1e6
        reps = tuple(rep for rep in self._reps if rep.end_s <= sent_s)
        self._on_over(self, Visited(visit, self._next_us, reps, complete))
