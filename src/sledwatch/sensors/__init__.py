"""How well machines see: each session's samples read for their sensors' faults, and the readings judged over days."""

from sledwatch.sensors.history import (
    SENSOR_RULES,
    SESSIONS_UNTIL_GOOD,
    ZERO_OFF_MM,
    Seen,
    SensorState,
    Trouble,
    judge_sensors,
    rack_of,
)
from sledwatch.sensors.reading import Fault, SensorReading, read_sensors

__all__ = [
    "SENSOR_RULES",
    "SESSIONS_UNTIL_GOOD",
    "ZERO_OFF_MM",
    "Fault",
    "Seen",
    "SensorReading",
    "SensorState",
    "Trouble",
    "judge_sensors",
    "rack_of",
    "read_sensors",
]
