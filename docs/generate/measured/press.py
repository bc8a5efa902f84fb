"""The set: what was done, what the encoder read of it, and what sledwatch finds and measures."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sledwatch.events import Rep, Setup
from sledwatch.limits import DepthLimit
from sledwatch.machine import MachineSpec, coasting_m_s2
from sledwatch.reps import DEFAULTS, RepMeasures, Span, find_reps, measure
from sledwatch.reps.measures import butterworth
from sledwatch_analytics.measured import Pressing, Samples
from sledwatch_sim.equipment.models import INCLINE, Press
from sledwatch_sim.equipment.sensors import Sensor, SensorAtWork
from sledwatch_sim.equipment.travel import Pen
from sledwatch_sim.people import PlannedSet, Stroke
from sledwatch_sim.performing import perform_set

Numbers = NDArray[np.float64]

LOAD_KG: Final = 122.0
LIMIT: Final = DepthLimit(330.0, "calibrated", version=1)
HEIGHT_MM: Final = 1_750.0
SPEC: Final = MachineSpec.of(INCLINE.online, None)
COASTING_M_S2: Final = coasting_m_s2(SPEC)
REST_S: Final = 36.0
# At which a knee of somebody of this height is nearly straight at the rack.
_NOTCH: Final = 7
SEED: Final = 12

_USUAL: Final = Stroke(
    top_mm=10.0, bottom_mm=300.0, end_mm=10.0, eccentric_s=1.5, dwell_s=0.3, concentric_s=0.62, pause_s=0.6
)
# The movement of 80 mm is none that counts; the one before it bounces, the ones after it go past the limit.
_FIRST: Final = (
    _USUAL,
    replace(_USUAL, bottom_mm=302.0, dwell_s=1.3, concentric_s=0.68),
    replace(_USUAL, bottom_mm=298.0, eccentric_s=1.3, dwell_s=0.25, concentric_s=0.42),
    replace(_USUAL, bottom_mm=308.0, eccentric_s=0.95, dwell_s=0.0, concentric_s=0.64, bounce_m_s=0.65),
    replace(_USUAL, bottom_mm=85.0, eccentric_s=0.8, dwell_s=0.1, concentric_s=0.5),
    replace(_USUAL, bottom_mm=338.0, eccentric_s=1.7, concentric_s=0.95, pause_s=1.0),
    replace(_USUAL, bottom_mm=347.0, eccentric_s=1.8, concentric_s=1.25, pause_s=0.8),
)
_SECOND: Final = (_USUAL, replace(_USUAL, concentric_s=0.66))
PAUSED, LOCKED, BOUNCED = 1, 2, 3


@dataclass(frozen=True, slots=True)
class _Told:
    """Somebody who does just what is written down."""

    strokes: tuple[Stroke, ...]

    def stroke(
        self,
        press: Press,  # noqa: ARG002
        planned: PlannedSet,  # noqa: ARG002
        tired: float,  # noqa: ARG002
        rep: int,
        top_mm: float,
        light_mm: float | None,  # noqa: ARG002
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Stroke:
        """The next stroke, from where the sled is."""
        return replace(self.strokes[rep], top_mm=top_mm)


@dataclass(frozen=True, slots=True)
class Measured:
    """Samples, and what sledwatch makes of them. Times in seconds since the first sample.

    told: the reps as the contract has them, judged against the limit.
    """

    at_s: Numbers
    depth_mm: Numbers
    spans: list[Span]
    reps: list[RepMeasures]
    told: list[Rep]

    @property
    def filtered_mm(self) -> Numbers:
        """The depth as velocities see it: low-passed without lag."""
        known = np.interp(self.at_s, self.at_s[~np.isnan(self.depth_mm)], self.depth_mm[~np.isnan(self.depth_mm)])
        found: Numbers = butterworth(known, DEFAULTS.cutoff_hz, INCLINE.rate_hz, False)
        return found

    @property
    def away_m_s(self) -> Numbers:
        """Velocity, away from the user."""
        found: Numbers = -np.gradient(self.filtered_mm / 1_000.0, 1.0 / INCLINE.rate_hz)
        return found

    @property
    def away_m_s2(self) -> Numbers:
        """Acceleration, away from the user."""
        x, dt = self.filtered_mm / 1_000.0, 1.0 / INCLINE.rate_hz
        found = np.zeros(len(x))
        found[2:-2] = -(16.0 * (x[3:-1] + x[1:-3]) - (x[4:] + x[:-4]) - 30.0 * x[2:-2]) / (12.0 * dt * dt)
        return found

    def phases_s(self, rep: int) -> tuple[float, float, float, float]:
        """When a rep leaves the top, reaches the bottom, leaves it, and is over, by the velocity rule."""
        one = self.reps[rep]
        start, end = one.start_us / 1e6, one.end_us / 1e6
        return start, start + one.eccentric_s, end - one.concentric_s, end

    def here(self, from_s: float, to_s: float) -> slice:
        """The samples of some seconds."""
        first, last = np.searchsorted(self.at_s, [from_s, to_s])
        return slice(int(first), int(last))


@cache
def measured() -> Measured:
    """Both sets, read by an ordinary encoder."""
    rng = np.random.default_rng(SEED)
    pen = Pen(INCLINE.rate_hz)
    true_mm = [pen.hold(0.0, 2.0)]
    for number, strokes in enumerate((_FIRST, _SECOND), start=1):
        planned = PlannedSet(LOAD_KG, len(strokes), REST_S, 0.7, 1.0)
        done = perform_set(pen, _Told(strokes), INCLINE, planned, number, 0, 0.0, rng, lambda: None)
        true_mm += [stretch.depth_mm for stretch in done]
        true_mm.append(pen.hold(0.0, REST_S if number == 1 else 3.0))
    joined = np.concatenate(true_mm)
    t_us = np.arange(len(joined)) * INCLINE.dt_us
    read = SensorAtWork(Sensor(), (SEED,)).read(t_us / 1e6, joined, LOAD_KG)
    spans = find_reps(t_us, read.depth_mm, read.load_kg)
    reps = measure(t_us, read.depth_mm, read.load_kg, spans, SPEC)
    pressing = Pressing(
        session="one-set",
        user="m-1",
        gym="gym-1",
        machine="press-1",
        online=INCLINE.online,
        height_mm=HEIGHT_MM,
        setups=[(0, Setup(INCLINE.online.backrest_deg, _NOTCH, 2))],
        limit_of=lambda _: LIMIT,
    )
    told = pressing.reps(Samples(t_us, read.depth_mm, read.load_kg), spans)
    return Measured(t_us / 1e6, read.depth_mm, spans, reps, told)
