"""People at machines: who comes when, and the frames that their machine sends meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sledwatch.machine import LegFit, MachineSpec
from sledwatch_sim.equipment.models import Press
from sledwatch_sim.equipment.sensors import SensorAtWork
from sledwatch_sim.pace import Pace
from sledwatch_sim.people import Lifter, PlannedSet
from sledwatch_sim.performing import Stretch, TrueRep, perform
from sledwatch_sim.scenarios import Protocol
from sledwatch_sim.truth import Done
from sledwatch_sim.wire.device import Device
from sledwatch_sim.wire.network import Timers

# A hurried machine waits while it is congested: its own memory and the broker's are bounded.
_WAIT_S: Final = 0.05
# A sample that is taken a little early lies before the last one that was asked for.
_KEPT_SAMPLES: Final = 4


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody's session at a machine.

    session: None where nobody badged in. limit_mm: their calibrated limit there. past: all their earlier sessions,
    ascending, None where nobody knows them all. friend: whoever else is on their badge.
    """

    lifter: Lifter
    session: str | None
    start_us: int
    plan: tuple[PlannedSet, ...]
    limit_mm: float | None
    past: tuple[Done, ...] | None
    friend: Lifter | None = None
    protocol: Protocol | None = None

    def told_mm(self, press: Press) -> float | None:
        """What the machine is told: their limit, or where their protocol ends before it, by their height alone."""
        if self.protocol is None or self.session is None:
            return self.limit_mm
        setup = self.lifter.setup(press)
        fit = LegFit.of(MachineSpec.of(press.online, setup), setup, self.lifter.height_mm)
        ends_mm = None if fit is None else fit.depth_at_knee(self.protocol.knee_deg[1])
        return min((mm for mm in (self.limit_mm, ends_mm) if mm is not None), default=None)


@dataclass(frozen=True, slots=True)
class Visited:
    """A visit that is over. complete: not cut short."""

    visit: Visit
    end_us: int
    reps: tuple[TrueRep, ...]
    complete: bool


class Station:
    """A machine on the floor and whoever is at it. Call its methods in the thread that serves `timers`.

    sensor: what it sees of them, its times counted from start_us. boot_of: the name of its next boot. on_over: told
    when a visit ends.
    """

    def __init__(
        self,
        timers: Timers,
        device: Device,
        press: Press,
        pace: Pace,
        on_over: Callable[["Station", Visited], None],
        sensor: SensorAtWork,
        start_us: int,
        boot_of: Callable[[int], str],
    ) -> None:
        self.device = device
        self.press = press
        self.frames = 0
        self.samples = 0
        self._timers = timers
        self._pace = pace
        self._on_over = on_over
        self._sensor = sensor
        self._start_us = start_us
        self._boot_of = boot_of
        self._eye = Eye(press, sensor, iter(()), start_us, start_us)
        self._reboots_us = [start_us + round(at_s * 1e6) for at_s in sensor.sensor.reboots_s]
        self._visit: Visit | None = None
        self._reps: list[TrueRep] = []
        self._next_us = 0

    @property
    def busy(self) -> bool:
        """Whether somebody is at it."""
        return self._visit is not None

    @property
    def reached_us(self) -> int:
        """Until when its frames have been sent; 0 before the first visit."""
        return self._next_us

    def expect(self, visit: Visit) -> None:
        """Begin a visit when its time has come."""
        self._timers.call_later(self._pace.delay_s(visit.start_us), lambda: self._begin(visit))

    def close(self) -> None:
        """Cut a visit short, as the machine's own power switch would."""
        if self._visit is not None:
            self._end("reboot", complete=False)

    def _begin(self, visit: Visit) -> None:
        self._visit = visit
        self._reps = []
        self._next_us = visit.start_us
        rng = visit.lifter.rng(visit.start_us)
        stretches = perform(visit.lifter, self.press, list(visit.plan), rng, self._light_mm, visit.friend)
        self._eye = Eye(self.press, self._sensor, self._noted(stretches), visit.start_us, self._start_us)
        if visit.session is not None:
            self.device.badge_in(visit.session, visit.lifter.user, visit.start_us, visit.lifter.setup(self.press))
        self._later()

    def _noted(self, stretches: Iterator[Stretch]) -> Iterator[Stretch]:
        for stretch in stretches:
            if stretch.rep is not None:
                self._reps.append(stretch.rep)
            yield stretch

    def _light_mm(self) -> float | None:
        """Where the machine's light comes on: at the limit it was told, as long as that can be in time."""
        if self._pace.live(self._next_us):
            return self.device.limit.limit_mm if self.device.limit is not None else None
        return self._visit.told_mm(self.press) if self._visit is not None else None

    def _later(self) -> None:
        self._timers.call_later(
            self._pace.delay_s(self._next_us + self.press.frame_samples * self.press.dt_us), self._frame
        )

    def _frame(self) -> None:
        visit = self._visit
        if visit is None:
            return  # cut short
        if self._pace.hurried and self.device.congested:
            self._timers.call_later(_WAIT_S, self._frame)
            return
        if self._reboots_us and self._next_us >= self._reboots_us[0]:
            self._reboot()
            return
        seen = self._eye.see(self.press.frame_samples)
        if seen.depth_mm:
            self.device.frame(seen.t_us, seen.dt_us, seen.depth_mm, seen.load_kg)
            self.frames += 1
            self.samples += len(seen.depth_mm)
            self._next_us = self._eye.next_us
        if len(seen.depth_mm) < self.press.frame_samples:
            self._end("badge_out", complete=True)
        else:
            self._later()

    def _reboot(self) -> None:
        """The power was gone for a moment: whoever was at it has to leave, and no goodbye is said."""
        at_us = self._reboots_us.pop(0)
        self._sensor.tell("reboot", at_us, self._next_us)
        self.device.reboot(self._boot_of(at_us))
        self._over(complete=True)

    def _end(self, reason: str, *, complete: bool) -> None:
        if self._visit is not None and self._visit.session is not None:
            self.device.badge_out(self._next_us, reason)
        self._over(complete=complete)

    def _over(self, *, complete: bool) -> None:
        visit = self._visit
        assert visit is not None  # noqa: S101 - asked by all callers
        self._visit = None
        # A rep is drawn when its first sample is due; one that the samples sent do not hold whole never happened.
        sent_s = (self._next_us - visit.start_us) / 1e6
        reps = tuple(rep for rep in self._reps if rep.end_s <= sent_s)
        self._on_over(self, Visited(visit, self._next_us, reps, complete))


@dataclass(frozen=True, slots=True)
class Seen:
    """What fills a frame; no depths where the travel is over."""

    t_us: int
    dt_us: int
    depth_mm: list[float | None]
    load_kg: float | list[float]


class Eye:
    """What a machine's sensors see of a travel, frame by frame.

    stretches: the travel, drawn as far as it is looked at. begun_us: when it began. start_us: from when the sensor
    counts its times.
    """

    def __init__(
        self, press: Press, sensor: SensorAtWork, stretches: Iterator[Stretch], begun_us: int, start_us: int
    ) -> None:
        self.next_us = begun_us
        self._press = press
        self._sensor = sensor
        self._begun_us = begun_us
        self._offset_s = (begun_us - start_us) / 1e6
        self._travel = _Travel(stretches, press.rate_hz)

    def see(self, samples: int) -> Seen:
        """The next samples, at most so many; fewer where the travel ends."""
        t_us, interval_us = self.next_us, int(self._sensor.intervals_us(self._press.dt_us, 1)[0])
        claimed_s = (t_us - self._begun_us + interval_us * np.arange(samples)) / 1e6
        taken_s = self._sensor.moments_s(claimed_s, interval_us / 1e6)
        true_mm, true_kg = self._travel.at(taken_s)
        read = self._sensor.read(claimed_s[: len(true_mm)] + self._offset_s, true_mm, true_kg)
        depths = [None if mm != mm else mm for mm in read.depth_mm.tolist()]  # noqa: PLR0124 - NaN
        loads = read.load_kg.tolist()
        self.next_us += len(depths) * interval_us
        return Seen(t_us, interval_us, depths, loads[0] if len(set(loads)) == 1 else loads)


class _Travel:
    """Where the sled truly is at any time of a visit: drawn as far as it is asked for, straight between samples."""

    def __init__(self, stretches: Iterator[Stretch], rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._stretches = stretches
        self._first = 0  # number of the first sample that is kept
        self._depth_mm = np.zeros(0)
        self._load_kg = np.zeros(0)

    def at(self, t_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Depths and loads at times, seconds since the visit began; fewer than asked for where it ends before."""
        place = t_s * self._rate_hz
        last = float(place.max())
        while self._first + len(self._depth_mm) - 1 < last - 1e-6 and (stretch := next(self._stretches, None)):
            self._depth_mm = np.concatenate([self._depth_mm, stretch.depth_mm])
            self._load_kg = np.concatenate([self._load_kg, np.full(len(stretch.depth_mm), stretch.load_kg)])
        place -= self._first
        # Beyond the last sample there is nothing; half an interval is forgiven to clocks that run unevenly.
        ends = np.flatnonzero(place > len(self._depth_mm) - 0.5)
        place = place[: ends[0]] if len(ends) else place
        if not len(place):
            return np.zeros(0), np.zeros(0)
        depth_mm = np.interp(place, np.arange(len(self._depth_mm)), self._depth_mm)
        nearest = np.rint(place).astype(np.int64).clip(0, len(self._load_kg) - 1)
        load_kg = self._load_kg[nearest]
        past = max(0, int(place[-1]) - _KEPT_SAMPLES)
        self._first += past
        self._depth_mm, self._load_kg = self._depth_mm[past:], self._load_kg[past:]
        return depth_mm, load_kg
