"""Machines whose sensors were off for some weeks of a history: which, when, and how."""

import zlib
from typing import Final, Literal

import numpy as np

from sledwatch_sim.equipment.sensors import Sensor
from sledwatch_sim.people import DAY_US

Kind = Literal["worn", "sticking", "cable", "zero", "load cell"]

_FAULT_STREAM: Final = 26
_KINDS: Final[tuple[Kind, ...]] = ("worn", "sticking", "cable", "zero", "load cell")
# Judgement: what a chain of gyms would have seen of it in a year, and for how long before somebody repairs it.
_FAULTY_A_YEAR: Final = 0.25
_DAYS: Final = (10.0, 60.0)
# A zero that wanders does so by the day.
_ZERO_MM_A_DAY: Final = 0.5
_SPANS_S: Final = (4.0, 20.0)


def sensor_at(seed: int, gym: str, machine: str, from_us: int, days: int, start_us: int, seconds: float) -> Sensor:
    """The sensors of a machine during the session that begins at a time and lasts so long; sound but for some weeks.

    from_us, days: of the history.
    """
    machine_number = zlib.crc32(f"{gym}/{machine}".encode())
    rng = np.random.default_rng([seed, machine_number, _FAULT_STREAM])
    day = (start_us - from_us) / DAY_US
    for _ in range(int(rng.poisson(_FAULTY_A_YEAR * days / 365.0))):
        kind, began, lasts = _KINDS[int(rng.integers(len(_KINDS)))], rng.uniform(0.0, days), rng.uniform(*_DAYS)
        if began <= day < began + lasts:
            chance = np.random.default_rng([seed, machine_number, start_us // 1_000_000, _FAULT_STREAM])
            return _sensor(kind, day - began, seconds, chance)
    return Sensor()


def _sensor(kind: Kind, since_days: float, seconds: float, rng: np.random.Generator) -> Sensor:
    lasts_s = float(rng.uniform(*_SPANS_S))
    from_s = float(rng.uniform(0.0, max(1.0, seconds - lasts_s)))
    span = (round(from_s, 1), round(from_s + lasts_s, 1))
    match kind:
        case "worn":
            return Sensor(noise_mm=1.2, step_mm=2.0, dropout=0.05)
        case "sticking":
            return Sensor(stuck=(span,))
        case "cable":
            return Sensor(blind=(span,), dropout=0.01)
        case "zero":
            return Sensor(slip_mm_at=((0.0, round(3.0 + _ZERO_MM_A_DAY * since_days, 1)),))
        case "load cell":
            return Sensor(load_offset_kg=4.0)
