"""What tells a rep from other movement, as people set it and as the kernel reads it."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Quality = Literal["ok", "unsure"]

# Below it the filter of the velocities cannot exist; machines that say 30 Hz round their interval to microseconds.
MIN_VELOCITY_RATE_HZ: Final = 29.9


@dataclass(frozen=True)
class RepSettings:
    """How reps are told from other movement. Defaults are judgement but for the two cited ones.

    min_travel_mm: of either phase. rack_mm: a pause this close to the top ends a rep; a sled that rests this close to
    where it rested before is being racked. set_rest_s: without a rep, ends a set. speed_m_s: a phase lasts from its
    first to its last moment above it. cutoff_hz: of the velocity filter (Pareja-Blanco 2017). still_s, still_mm: the
    sled rests when it stays within this distance for this long; settle_s: it has been put down, wherever that is, when
    it stays within half of min_travel_mm for this long. pause_s: as still_s at speed_m_s, for ends of phases. edge_mm:
    this close to an extremum a phase is as good as over. gap_s: missing samples that make a rep unsure. max_speed_m_s,
    jump_mm: a sample further from the one before than this speed and distance allow is implausible; slip_s: when it
    stays so for this long, the encoder slipped. turn_m_s2: deceleration of the sharpest turn that is no spike. lone_mm:
    a bottom that stands out from both its neighbours by more is unsure. least_s: so is a rep that is over within that:
    nobody turns a loaded sled round as fast, a sensor sways. smooth_s: the mean over samples. load_step_kg: the change
    that begins a new set.
    """

    min_travel_mm: float = 100.0
    rack_mm: float = 40.0
    set_rest_s: float = 30.0
    speed_m_s: float = 0.02
    cutoff_hz: float = 10.0
    still_s: float = 1.0
    still_mm: float = 10.0
    settle_s: float = 10.0
    pause_s: float = 0.3
    edge_mm: float = 5.0
    gap_s: float = 0.5
    max_speed_m_s: float = 3.0
    jump_mm: float = 20.0
    lone_mm: float = 12.0
    least_s: float = 0.5
    slip_s: float = 0.1
    turn_m_s2: float = 10.0
    smooth_s: float = 0.06
    load_step_kg: float = 1.0


DEFAULTS: Final = RepSettings()

RULES = np.dtype([
    ("min_travel_mm", "f8"), ("rack_mm", "f8"), ("edge_mm", "f8"), ("still_mm", "f8"), ("still_us", "i8"),
    ("settle_us", "i8"), ("least_us", "i8"), ("gap_us", "i8"), ("rest_us", "i8"), ("smooth_us", "i8"),
    ("slip_us", "i8"), ("load_step_kg", "f8"), ("max_speed_mm_us", "f8"), ("jump_mm", "f8"), ("lone_mm", "f8"),
    ("turn_mm_us2", "f8"), ("pause_us", "i8"), ("speed_mm_us", "f8"), ("cutoff_hz", "f8"), ("min_rate_hz", "f8"),
])  # fmt: skip


def rules_of(settings: RepSettings) -> NDArray[np.void]:
    """The settings in the units of the kernel: one record of `RULES`."""
    rules = np.zeros(1, dtype=RULES)
    for name in ("min_travel_mm", "rack_mm", "edge_mm", "still_mm", "load_step_kg", "jump_mm", "lone_mm", "cutoff_hz"):
        rules[name] = getattr(settings, name)
    rules["still_us"] = round(settings.still_s * 1e6)
    rules["least_us"] = round(settings.least_s * 1e6)
    rules["settle_us"] = round(settings.settle_s * 1e6)
    rules["pause_us"] = round(settings.pause_s * 1e6)
    rules["gap_us"] = round(settings.gap_s * 1e6)
    rules["rest_us"] = round(settings.set_rest_s * 1e6)
    rules["slip_us"] = round(settings.slip_s * 1e6)
    rules["smooth_us"] = round(settings.smooth_s * 1e6)
    rules["max_speed_mm_us"] = settings.max_speed_m_s * 1e-3
    rules["speed_mm_us"] = settings.speed_m_s * 1e-3
    rules["turn_mm_us2"] = settings.turn_m_s2 * 1e-9
    rules["min_rate_hz"] = MIN_VELOCITY_RATE_HZ
    return rules
