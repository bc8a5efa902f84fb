"""The machines' accounts and quarantine as figures for Prometheus, read from the state DB at each scrape."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from sledwatch_storage.state import quarantine
from sledwatch_storage.state.engine import StateUnavailable
from sledwatch_storage.state.machine_accounts import Account, MachineAccount, machine_accounts

# Twelve figures of each machine: beyond so many machines a scrape would be megabytes, and it gives sums of each gym.
MOST_MACHINES: Final = 2_000

log = structlog.get_logger()

_MACHINE: Final = ("gym", "machine")
_QUARANTINE: Final = ("gym", "reason")
# By the name of a figure in `Account`.
_COUNTERS: Final = {
    "received": ("machine_messages_received", "Numbered messages that kept the contract, repeats included"),
    "repeated": ("machine_messages_repeated", "Numbered messages that were stored already"),
    "refused": ("machine_messages_refused", "Messages of the machine that went to quarantine"),
    "stored": ("machine_messages_stored", "Numbered messages that are durable"),
    "disordered": ("machine_messages_disordered", "Numbered messages that came after a later one"),
    "out_of_range": ("machine_samples_out_of_range", "Samples that were stored as missing"),
}
# These fall when what was late arrives.
_GAUGES: Final = {
    "missing": ("machine_messages_missing", "Numbers that may still come"),
    "lost": ("machine_messages_lost", "Numbers that never came and that the machine holds no more"),
}
_TALLY_COUNTERS: Final = {
    "refused": ("quarantine_refused", "Messages that were refused"),
    "replayed": ("quarantine_replayed", "Refused messages that a later trial took"),
    "expired": ("quarantine_expired", "Refused messages that went because of their age"),
    "dropped": ("quarantine_dropped", "Refused messages that went for want of room"),
}
_TALLY_GAUGES: Final = {
    "held": ("quarantine_messages", "Messages in quarantine"),
    "held_bytes": ("quarantine_bytes", "Bytes of the payloads in quarantine"),
}


class AccountsMetrics(Collector):
    """A collector that reads anew at each scrape. A state DB that is away leaves its figures out."""

    def __init__(self, engine: Engine, *, most_machines: int = MOST_MACHINES) -> None:
        self._engine = engine
        self._most_machines = most_machines

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: it would need the state DB."""
        return []

    def collect(self) -> Iterable[Metric]:
        """The figures as they are now."""
        try:
            accounts, tallies = machine_accounts(self._engine), quarantine.tallies(self._engine)
        except StateUnavailable as error:
            log.warning("metrics.state_away", reason=str(error))
            return []
        each = len(accounts) <= self._most_machines
        by_machine = [((one.gym, one.machine), one.account) for one in (accounts if each else _of_gyms(accounts))]
        by_reason = [((one.gym or "", one.reason), one) for one in tallies]
        return [
            *_families(CounterMetricFamily, _COUNTERS, _MACHINE, by_machine),
            *_families(GaugeMetricFamily, _GAUGES, _MACHINE, by_machine),
            *(_of_each(accounts) if each else ()),
            *_families(CounterMetricFamily, _TALLY_COUNTERS, _QUARANTINE, by_reason),
            *_families(GaugeMetricFamily, _TALLY_GAUGES, _QUARANTINE, by_reason),
        ]


def _families(
    kind: Any, names: dict[str, tuple[str, str]], labels: Sequence[str], rows: Sequence[tuple[tuple[str, str], Any]]
) -> Iterable[Metric]:
    for figure, (name, meaning) in names.items():
        family = kind(f"sledwatch_{name}", meaning, labels=labels)
        for of, row in rows:
            family.add_metric(of, getattr(row, figure))
        yield family


def _of_each(accounts: Sequence[MachineAccount]) -> Iterable[Metric]:
    """What makes no sense as a sum."""
    online = GaugeMetricFamily("sledwatch_machine_online", "1 while its last State says so", labels=_MACHINE)
    seen = GaugeMetricFamily(
        "sledwatch_machine_last_seen_timestamp_seconds", "When anything last came from it", labels=_MACHINE
    )
    clock = GaugeMetricFamily(
        "sledwatch_machine_clock_offset_seconds", "By which its clock is ahead of ours", labels=_MACHINE
    )
    for one in accounts:
        of = (one.gym, one.machine)
        online.add_metric(of, one.status == "online")
        seen.add_metric(of, one.seen_us / 1e6)
        if one.clock_offset_us is not None:
            clock.add_metric(of, one.clock_offset_us / 1e6)
    return online, seen, clock


def _of_gyms(accounts: Sequence[MachineAccount]) -> list[MachineAccount]:
    """The sums of each gym, as of a machine without a name."""
    sums: dict[str, dict[str, int]] = {}
    for one in accounts:
        figures = sums.setdefault(one.gym, {field.name: 0 for field in fields(Account)})
        for name in figures:
            figures[name] += getattr(one.account, name)
    return [MachineAccount(gym, "", None, 0, Account(**figures), None) for gym, figures in sums.items()]
