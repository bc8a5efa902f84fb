"""What befell machines: they came online, went offline, lost numbers for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, delete, insert, select

from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import machine_event

Kind = Literal["online", "offline", "gap"]

# A machine on a bad line that comes and goes every minute fills this in a day; one that is well, hardly in a year.
MOST_PER_MACHINE: Final = 1_000
KEPT_US: Final = 90 * 86_400 * 1_000_000
# A gap of more ranges than this is named by its first ones and its size.
MOST_RANGES: Final = 64
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Happened:
    """What is new about a machine. at_us: when it was heard of, our clock.

    detail: of a gap `{"ranges": [[from, to], …], "lost": n}`, of a machine that has started anew `{"after": boot}`.
    """

    gym: str
    machine: str
    boot: str
    kind: Kind
    at_us: int
    detail: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class MachineEvent:
    """A `Happened` on record. The newer one has the larger id."""

    id: int
    happened: Happened


def add(connection: Connection, happened: Sequence[Happened]) -> None:
    """Put them on record within a transaction; of each machine the oldest go beyond MOST_PER_MACHINE."""
    if not happened:
        return
    names = Happened.__slots__
    rows = [{**{name: getattr(one, name) for name in names}, "copied": False} for one in happened]
    connection.execute(insert(machine_event), rows)
    for gym, machine in sorted({(one.gym, one.machine) for one in happened}):
        of_machine = (machine_event.c.gym == gym, machine_event.c.machine == machine)
        newest = select(machine_event.c.id).where(*of_machine).order_by(machine_event.c.id.desc())
        too_old = newest.offset(MOST_PER_MACHINE).limit(1).scalar_subquery()
        connection.execute(delete(machine_event).where(*of_machine, machine_event.c.id <= too_old))


def purge(engine: Engine, now_us: int) -> int:
    """Delete what is older than KEPT_US, from the oldest on; how much that was. Raises StateUnavailable.

    Cheap where there is nothing to do: it looks at the oldest only, as ids follow time.
    """
    oldest = select(machine_event.c.id, machine_event.c.at_us).order_by(machine_event.c.id).limit(_AT_ONCE)
    purged = 0
    while True:
        with engine.connect() as connection:
            old = [row.id for row in connection.execute(oldest) if row.at_us < now_us - KEPT_US]
        if not old:
            return purged
        with begin(engine) as connection:
            purged += connection.execute(delete(machine_event).where(machine_event.c.id.in_(old))).rowcount


def listing(bind: Bind, gym: str, machine: str, cursor: int | None = None, limit: int = 100) -> list[MachineEvent]:
    """What befell a machine, the newest first; what is older than the event with the id `cursor`."""
    query = select(machine_event).where(machine_event.c.gym == gym, machine_event.c.machine == machine)
    if cursor is not None:
        query = query.where(machine_event.c.id < cursor)
    names = Happened.__slots__
    with reading(bind) as connection:
        rows = connection.execute(query.order_by(machine_event.c.id.desc()).limit(limit)).mappings()
        return [MachineEvent(row["id"], Happened(**{name: row[name] for name in names})) for row in rows]
