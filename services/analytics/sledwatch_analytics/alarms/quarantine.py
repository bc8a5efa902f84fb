"""The alarm for refused messages that are lost: an alert in the inbox of each gym whose messages went."""

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Engine

from sledwatch import alerts as life
from sledwatch.events import Alert
from sledwatch.findings import Finding
from sledwatch.findings.machine import QUARANTINE, Lost, quarantine_finding
from sledwatch_analytics.delivery.letters import tell
from sledwatch_storage.state import alerts as kept_alerts
from sledwatch_storage.state import quarantine
from sledwatch_storage.state.engine import StateUnavailable, begin
from sledwatch_storage.state.quarantine import Tally

LOOK_S: Final = 5.0
# While messages go by the second, the alert counts on by the minute: nobody reads faster.
COUNTS_ON_US: Final = 60 * 1_000_000

log = structlog.get_logger()


class Publishes(Protocol):
    """Something that tells browsers."""

    def publish(self, kind: str, data: Any) -> None:
        """Tell everybody who looks."""


class QuarantineAlarm:
    """Raises `machine.quarantine` from what ingest has tallied: one alert a gym, which repeats by counting.

    What names no gym raises nothing here, for it is in nobody's inbox: the metrics and ingest's log have it.
    """

    def __init__(
        self, engine: Engine, hub: Publishes, clock: Callable[[], int], *, told: Callable[[], None] = lambda: None
    ) -> None:
        """told: called after letters were written, so that their sender need not look for them."""
        self._engine = engine
        self._hub = hub
        self._clock = clock
        self._told = told

    def run(self, stop: threading.Event) -> None:
        """Look every few seconds until `stop` is set."""
        while not stop.wait(LOOK_S):
            try:
                self.look()
            except StateUnavailable as error:
                log.warning("alarms.store_away", reason=str(error))

    def look(self) -> list[Alert]:
        """Raise or count on what is due; returns the alerts that are new or have changed. Raises StateUnavailable."""
        by_gym: dict[str, list[Tally]] = {}
        for tally in quarantine.tallies(self._engine):
            if tally.gym is not None:
                by_gym.setdefault(tally.gym, []).append(tally)
        raised = []
        for gym, tallies in by_gym.items():
            finding = quarantine_finding(
                [Lost(one.reason, one.refused, one.dropped, one.dropped_us or 0) for one in tallies]
            )
            if finding is not None and (alert := self._raise(gym, finding)) is not None:
                raised.append(alert)
        for alert in raised:
            self._hub.publish("alert", kept_alerts.as_told(self._engine, alert))
        if raised:
            self._told()
        return raised

    def _raise(self, gym: str, finding: Finding) -> Alert | None:
        now_us = self._clock()
        alert_id = life.alert_id(QUARANTINE, gym, None, None, None)
        known = kept_alerts.get(self._engine, alert_id)
        if known is not None and not _is_due(known, finding, now_us):
            return None
        with begin(self._engine) as connection:
            # Anew, and locked: staff may acknowledge meanwhile.
            existing = kept_alerts.get(connection, alert_id)
            alert = life.raise_or_repeat(
                existing, finding, gym=gym, user=None, machine=None, session=None, now=kept_alerts.at(now_us)
            )
            kept_alerts.save(connection, alert, provisional=False)
            tell(connection, alert, now_us)
        log.error("quarantine.losing", gym=gym, messages=alert.count)
        return alert


def _is_due(known: Alert, finding: Finding, now_us: int) -> bool:
    return finding.count > known.count and now_us >= kept_alerts.micros(known.last_at) + COUNTS_ON_US
