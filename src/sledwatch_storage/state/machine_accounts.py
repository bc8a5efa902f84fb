"""What has become of all that machines sent: read from the ledger, which ingest keeps."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import RowMapping, Select, and_, func, select

from sledwatch_storage.state import clocks, ranges
from sledwatch_storage.state.ranges import Range
from sledwatch_storage.state.reading import Bind, reading
from sledwatch_storage.state.schema import ledger, machine

# How many of a boot's missing ranges are named; its number of missing messages says the rest.
MOST_RANGES: Final = 64


@dataclass(frozen=True, slots=True)
class Account:
    """Numbered messages (frames and session events), counted.

    received: that came and kept the contract, repeats included; refused: that came and did not, as far as their boot
    could be read. stored: numbers that are durable. missing: numbers that may still come. lost: numbers that never came
    and that the machine does not hold any more. disordered: that came after a later one. out_of_range: samples that
    were stored as missing.
    """

    received: int
    repeated: int
    refused: int
    stored: int
    missing: int
    lost: int
    disordered: int
    out_of_range: int


@dataclass(frozen=True, slots=True)
class MachineAccount:
    """A machine's account over all its boots.

    clock_offset_us: by which its clock is ahead of ours, in its last boot; None before a live frame.
    """

    gym: str
    machine: str
    status: str | None
    seen_us: int
    account: Account
    clock_offset_us: int | None


@dataclass(frozen=True, slots=True)
class BootAccount:
    """The account of one boot.

    top: its largest number that is settled, -1 for none. missing: the first MOST_RANGES ranges that may still come.
    online_us: when its first State arrived. updated_us: when the account last changed.
    """

    boot: str
    account: Account
    top: int
    missing: tuple[Range, ...]
    oldest_seq: int
    online_us: int | None
    updated_us: int
    clock_offset_us: int | None


_FIGURES: Final = Account.__slots__


def machine_accounts(bind: Bind, gym: str | None = None, name: str | None = None) -> list[MachineAccount]:
    """The accounts of all machines ever heard of, by gym and name; of those of a gym, or of one of its machines.

    Raises StateUnavailable.
    """
    sums = select(ledger.c.gym, ledger.c.machine, *(func.sum(ledger.c[name]).label(name) for name in _FIGURES))
    if gym is not None:
        sums = sums.where(ledger.c.gym == gym)
    if name is not None:
        sums = sums.where(ledger.c.machine == name)
    summed = sums.group_by(ledger.c.gym, ledger.c.machine).subquery()
    of_machine = and_(summed.c.gym == machine.c.gym, summed.c.machine == machine.c.machine)
    of_boot = and_(
        ledger.c.gym == machine.c.gym, ledger.c.machine == machine.c.machine, ledger.c.boot == machine.c.boot
    )
    query: Select[Any] = (
        select(
            machine.c.gym,
            machine.c.machine,
            machine.c.status,
            machine.c.seen_us,
            ledger.c.clock,
            *(func.coalesce(summed.c[name], 0).label(name) for name in _FIGURES),
        )
        .outerjoin(summed, of_machine)
        .outerjoin(ledger, of_boot)
        .order_by(machine.c.gym, machine.c.machine)
    )
    if gym is not None:
        query = query.where(machine.c.gym == gym)
    if name is not None:
        query = query.where(machine.c.machine == name)
    with reading(bind) as connection:
        return [
            MachineAccount(
                row["gym"],
                row["machine"],
                row["status"],
                row["seen_us"],
                _account(row),
                clocks.offset_us(row["clock"]),
            )
            for row in connection.execute(query).mappings()
        ]


def boot_accounts(bind: Bind, gym: str, name: str, limit: int) -> list[BootAccount]:
    """The accounts of a machine's boots, the last changed first, at most `limit`. Raises StateUnavailable."""
    query = (
        select(ledger)
        .where(ledger.c.gym == gym, ledger.c.machine == name)
        .order_by(ledger.c.updated_us.desc(), ledger.c.boot)
        .limit(limit)
    )
    with reading(bind) as connection:
        return [_boot(row) for row in connection.execute(query).mappings()]


def _account(row: RowMapping) -> Account:
    # PostgreSQL sums integers to decimals.
    return Account(**{name: int(row[name]) for name in _FIGURES})


def _boot(row: RowMapping) -> BootAccount:
    done = ranges.union(ranges.read(row["ranges"]), ranges.read(row["refused_ranges"]))
    top = max(ranges.top(done), row["oldest_seq"] - 1)
    return BootAccount(
        boot=row["boot"],
        account=_account(row),
        top=top,
        missing=tuple(ranges.missing(done, top, row["oldest_seq"])[:MOST_RANGES]),
        oldest_seq=row["oldest_seq"],
        online_us=row["online_us"],
        updated_us=row["updated_us"],
        clock_offset_us=clocks.offset_us(row["clock"]),
    )
