"""What sessions have said of machines' sensors, and how those stand, in the state DB."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, Text, cast, select

from sledwatch.alerts import alert_id
from sledwatch.sensors import Seen, SensorReading
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import alert, machine_sensors, sensor_reading
from sledwatch_storage.state.upsert import put

# A closing reads dozens of them: straight into what they are, which is several times faster than by way of a dict.
_READING: Final = msgspec.json.Decoder(SensorReading)
_SEEN: Final = (
    sensor_reading.c.session,
    sensor_reading.c.start_us,
    sensor_reading.c.end_us,
    cast(sensor_reading.c.reading, Text),
)


@dataclass(frozen=True, slots=True)
class StoredSensors:
    """How a machine's sensors stand; see the table `machine_sensors` for the fields."""

    gym: str
    machine: str
    doubt: str | None
    since_us: int | None
    judged_us: int
    rack_mm: float | None
    reference_mm: float | None
    troubles: list[dict[str, Any]]
    settled: dict[str, list[int]]


def put_reading(connection: Connection, gym: str, machine: str, seen: Seen) -> None:
    """Store what a session's samples said, in place of what an earlier closing read, within a writing transaction."""
    row = {
        "session": seen.session,
        "gym": gym,
        "machine": machine,
        "start_us": seen.start_us,
        "end_us": seen.end_us,
        "reading": msgspec.to_builtins(seen.reading),
    }
    put(connection, sensor_reading, [row])


def reading_of(bind: Bind, session: str) -> Seen | None:
    """What a session's samples said; None where they were never looked at."""
    found = _seen(bind, select(*_SEEN).where(sensor_reading.c.session == session))
    return found[0] if found else None


def readings_from(bind: Bind, gym: str, machine: str, from_us: int, n: int) -> list[Seen]:
    """The first `n` sessions of a machine that began at a time or later, ascending."""
    query = _of(gym, machine).where(sensor_reading.c.start_us >= from_us)
    return _seen(bind, query.order_by(sensor_reading.c.start_us, sensor_reading.c.session).limit(n))


def readings_until(bind: Bind, gym: str, machine: str, until_us: int | None, n: int) -> list[Seen]:
    """The last `n` sessions of a machine that began up to a time (None: whenever), ascending."""
    query = _of(gym, machine)
    if until_us is not None:
        query = query.where(sensor_reading.c.start_us <= until_us)
    last_first = query.order_by(sensor_reading.c.start_us.desc(), sensor_reading.c.session.desc()).limit(n)
    return _seen(bind, last_first)[::-1]


def put_sensors(connection: Connection, stored: StoredSensors) -> None:
    """Store how a machine's sensors stand, within a writing transaction."""
    put(connection, machine_sensors, [{name: getattr(stored, name) for name in StoredSensors.__slots__}])


def sensors_of(bind: Bind, gym: str, machine: str) -> StoredSensors | None:
    """How a machine's sensors stand; None before its first session is closed."""
    query = select(machine_sensors).where(machine_sensors.c.gym == gym, machine_sensors.c.machine == machine)
    with reading(bind) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else StoredSensors(**{name: row[name] for name in StoredSensors.__slots__})


def doubt_of(bind: Bind, gym: str, machine: str) -> str | None:
    """The rule that makes a machine's depths doubtful now; None while they count.

    What staff resolved is no reason any more, before the next closing has heard of it.
    """
    with reading(bind) as connection:
        stored = sensors_of(connection, gym, machine)
        if stored is None or stored.doubt is None:
            return None
        query = select(alert.c.state).where(alert.c.id == alert_id(stored.doubt, gym, None, machine, None))
        return None if connection.execute(query).scalar_one_or_none() == "resolved" else stored.doubt


def settled_before(settled: Mapping[str, Sequence[int]], until_us: int) -> dict[str, int]:
    """When staff last said of each rule that it is put right, of the times up to one."""
    return {
        rule: max(times)
        for rule, all_times in settled.items()
        if (times := [time_us for time_us in all_times if time_us <= until_us])
    }


def _of(gym: str, machine: str) -> Select[Any]:
    return select(*_SEEN).where(sensor_reading.c.gym == gym, sensor_reading.c.machine == machine)


def _seen(bind: Bind, query: Select[Any]) -> list[Seen]:
    with reading(bind) as connection:
        return [
            Seen(session, start_us, end_us, _READING.decode(text))
            for session, start_us, end_us, text in connection.execute(query)
        ]
