"""The copier: takes closed sessions and what befell machines from the state DB to the derived series."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import Engine

from sledwatch_storage.series import StoreRefused, StoreUnavailable
from sledwatch_storage.series.derived import DerivedSeries
from sledwatch_storage.state import copies
from sledwatch_storage.state.engine import StateUnavailable

# Nobody waits for a copy: what was closed is seen on Grafana's next refresh but one.
LOOK_S: Final = 2.0
# After an upgrade there may be years to copy; closing and delivery write to the same state DB meanwhile.
PAUSE_S: Final = 0.1
SESSIONS_A_LOOK: Final = 20
EVENTS_A_LOOK: Final = 500
LAST_WAIT_S: Final = 60.0

T = TypeVar("T")

log = structlog.get_logger()


class Copier:
    """Copies at least once: what was copied and not noted before the process ended is copied again over itself."""

    def __init__(self, engine: Engine, derived: DerivedSeries, registry: CollectorRegistry | None = None) -> None:
        """registry: where figures for Prometheus go."""
        registry = registry or CollectorRegistry()
        self._copies = Counter(
            "sledwatch_copies",
            "Copies to the derived series, by what was copied and outcome",
            ["kind", "outcome"],
            registry=registry,
        )
        self._away = Gauge("sledwatch_copying_away", "1 while nothing can be copied", registry=registry)
        self._engine = engine
        self._derived = derived
        self._refusing = False

    def run(self, stop: threading.Event) -> None:
        """Copy what is not copied until `stop` is set; waits and goes on where a store is away."""
        wait_s, failures = 0.0, 0
        while not stop.wait(wait_s):
            try:
                more = self.copy_some()
            except (StoreUnavailable, StateUnavailable) as error:
                if not failures:
                    # Once: it may be away for long, and nothing is lost meanwhile.
                    log.warning("copying.store_away", reason=str(error))
                failures += 1
                asked_s = error.retry_after_s if isinstance(error, StoreUnavailable) else None
                wait_s = max(asked_s or 0.0, min(LAST_WAIT_S, LOOK_S * 2 ** min(failures - 1, 10)))
            else:
                if failures:
                    log.info("copying.store_back")
                failures = 0
                wait_s = PAUSE_S if more else LOOK_S
            self._away.set(failures > 0)

    def copy_some(self) -> bool:
        """Copy what waits, oldest first, up to so much at a time; whether more may wait.

        Raises StoreUnavailable or StateUnavailable; what was copied and not noted is copied again then.
        """
        sessions = copies.sessions_to_copy(self._engine, SESSIONS_A_LOOK)
        if sessions:
            self._put("session", self._derived.put_sessions, [copy for copy, _ in sessions])
            copies.sessions_copied(self._engine, [(copy.session, version) for copy, version in sessions])
        events = copies.events_to_copy(self._engine, EVENTS_A_LOOK)
        if events:
            self._put("event", self._derived.put_events, events)
            copies.events_copied(self._engine, [copy.id for copy in events])
        return len(sessions) == SESSIONS_A_LOOK or len(events) == EVENTS_A_LOOK

    def _put(self, kind: str, put: Callable[[Sequence[T]], None], wanted: Sequence[T]) -> None:
        """What is refused is refused for ever: it is said once, counted, and not tried again."""
        refused = 0
        try:
            put(wanted)
        except StoreRefused as error:
            refused = len(error.positions)
            if not self._refusing:
                log.warning("copying.refused", kind=kind, reason=str(error))
        self._refusing = refused > 0
        self._copies.labels(kind, "refused").inc(refused)
        self._copies.labels(kind, "copied").inc(len(wanted) - refused)
