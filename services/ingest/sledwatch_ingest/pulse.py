"""The heartbeat row: what `/readyz` reads to know that ingest is at work."""

from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import Engine

from sledwatch_ingest.metrics import Metrics
from sledwatch_storage.series.port import SeriesStore, StoreUnavailable
from sledwatch_storage.state import heartbeat
from sledwatch_storage.state.engine import StateUnavailable

log = structlog.get_logger(__name__)

EVERY_S: Final = 2.0
PART: Final = "ingest"
# What is said of a store is one line in `/readyz`.
_MOST_WHY: Final = 300


def part_of(client_id: str, group: str | None) -> str:
    """Under which name the row is kept: replicas each have one of their own."""
    return PART if group is None else f"{PART}:{client_id}"


class Pulse:
    """Writes the row every 2 s, and at once when what matters has changed.

    It finds out on the way whether the series store takes writes when there is nothing to write.
    clock: microseconds since the epoch, for the row. pace: a monotonic clock in seconds. link: how the connection is.
    """

    def __init__(
        self,
        part: str,
        series: SeriesStore,
        state: Engine,
        clock: Callable[[], int],
        pace: Callable[[], float],
        link: Callable[[], dict[str, bool]],
        queue: Callable[[], int],
        metrics: Metrics,
    ) -> None:
        self._part = part
        self._series = series
        self._state = state
        self._clock = clock
        self._pace = pace
        self._link = link
        self._queue = queue
        self._metrics = metrics
        self._why: str | None = "it has not been asked yet"
        self._away = False
        self._heard_s = pace() - EVERY_S
        self._next_s = pace()
        self._said: dict[str, bool] = {}

    @property
    def well(self) -> bool:
        """Whether the store took the last write."""
        return self._why is None

    @property
    def wonders(self) -> bool:
        """Whether nobody has asked the store for so long that it is to be probed."""
        return self._pace() - self._heard_s >= EVERY_S

    def store_answered(self, why: str | None = None) -> None:
        """A write has just shown whether the store takes writes. why: what keeps it, None where it does."""
        self._why = why
        self._heard_s = self._pace()
        self._metrics.store.set(why is None)

    def beat(self) -> None:
        """Write the row when it is due. A state DB that cannot be written leaves it old, which says the same."""
        now_s = self._pace()
        health = self._link() | {"store": self.well}
        if now_s < self._next_s and health == self._said:
            return
        self._next_s = now_s + EVERY_S
        self._said = health
        why = {} if self._why is None else {"why": " ".join(self._why.split())[:_MOST_WHY]}
        try:
            heartbeat.beat(self._state, self._part, self._clock(), {**health, "queue": self._queue(), **why})
        except StateUnavailable:
            self._metrics.store.set(0)

    def probe(self) -> None:
        """Ask the series store. This may take as long as a write, and any thread may do it."""
        try:
            self._series.heartbeat(self._clock())
        except StoreUnavailable as error:
            # While nothing arrives nobody else says so, or why: a wrong token would look like a quiet day.
            if not self._away:
                log.warning("store.unavailable", error=str(error))
            self._away = True
            self.store_answered(str(error))
        else:
            if self._away:
                log.info("store.available")
            self._away = False
            self.store_answered()
