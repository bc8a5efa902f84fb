"""The one writer: a batch becomes durable, then is recorded, then is acknowledged. Never in another order."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

import structlog
from sqlalchemy import Engine

from sledwatch_ingest.backoff import Backoff
from sledwatch_ingest.inbox import Inbox, Message
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.pulse import Pulse
from sledwatch_ingest.sorting import Batch, sort
from sledwatch_ingest.watermarks import MachineKey, Watermarks
from sledwatch_storage.series.port import SeriesStore, StoreRefused, StoreUnavailable
from sledwatch_storage.state import ledger
from sledwatch_storage.state.engine import StateUnavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

# How often the writer looks up when nothing arrives: for watermarks that have become due, and the heartbeat.
_IDLE_S: Final = 0.25


class Link(Protocol):
    """What the writer asks of the connection."""

    generation: int

    def ack(self, messages: Sequence[Message]) -> None: ...


class _Stopped(Exception):
    """Told to stop while a store was away: the batch stays unacknowledged and will come again."""


class Writer:
    """Takes batches from the inbox until told to stop.

    A store that is away keeps the batch in hand, unacknowledged, and is tried again; what arrived first goes first.
    known: every machine of the ledger; they are all told how far they are stored after each new connection, because
    a broker may have lost what it kept for them.
    """

    def __init__(
        self,
        inbox: Inbox,
        link: Link,
        series: SeriesStore,
        state: Engine,
        clock: Callable[[], int],
        watermarks: Watermarks,
        known: Callable[[], Sequence[MachineKey]],
        pulse: Pulse,
        backoff: Backoff,
        metrics: Metrics,
        *,
        batch: int,
        linger_s: float,
        time_zone: str,
    ) -> None:
        self._inbox = inbox
        self._link = link
        self._series = series
        self._state = state
        self._clock = clock
        self._watermarks = watermarks
        self._known = known
        self._pulse = pulse
        self._backoff = backoff
        self._metrics = metrics
        self._batch = batch
        self._linger_s = linger_s
        self._time_zone = time_zone
        self._stopping = threading.Event()
        self._told_generation = 0

    def stop(self) -> None:
        """Finish the batch in hand, and no other."""
        self._stopping.set()
        self._inbox.close()

    def run(self) -> None:
        """Write until `stop`. Raises what no waiting will mend."""
        while not self._stopping.is_set():
            messages = self._inbox.take(self._batch, self._linger_s, _IDLE_S)
            self._metrics.queue.set(len(self._inbox))
            try:
                if messages:
                    self._settle(messages)
            except _Stopped:
                return
            self._tell()
            self._pulse.beat()

    def _settle(self, messages: Sequence[Message]) -> None:
        started_s = time.perf_counter()
        batch = self._store(sort(messages))
        recorded = self._until_done(
            lambda: ledger.record(self._state, batch.arrived, batch.refused, self._clock(), time_zone=self._time_zone)
        )
        self._link.ack(messages)
        self._watermarks.touch(recorded.moved)
        self._count(batch, recorded, time.perf_counter() - started_s)

    def _store(self, batch: Batch) -> Batch:
        """Make the frames durable; the batch without those that the store will never take."""
        frames = batch.frames
        if not frames:
            return batch
        try:
            self._until_done(lambda: self._series.append(frames))
        except StoreRefused as refusal:
            self._pulse.store_answered(well=True)
            log.warning("frames.refused_by_store", frames=len(refusal.positions), error=str(refusal))
            return batch.without(frozenset(refusal.positions), str(refusal))
        return batch

    def _until_done(self, write: Callable[[], T]) -> T:
        """Try until the store is there. Raises _Stopped, and whatever does not mean that the store is away."""
        away_since_s: float | None = None
        while True:
            try:
                result = write()
            except (StoreUnavailable, StateUnavailable) as error:
                now_s = time.monotonic()
                away_since_s = away_since_s or now_s
                self._metrics.store_failures.inc()
                self._pulse.store_answered(well=False)
                retry_after_s = error.retry_after_s if isinstance(error, StoreUnavailable) else None
                wait_s = self._backoff.wait_s(retry_after_s)
                log.warning(
                    "store.unavailable", error=str(error), for_s=round(now_s - away_since_s, 1), queue=len(self._inbox)
                )
                self._wait(wait_s)
            else:
                if away_since_s is not None:
                    log.info("store.available", after_s=round(time.monotonic() - away_since_s, 1))
                self._backoff.reset()
                self._pulse.store_answered(well=True)
                return result

    def _wait(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            self._pulse.beat()
            self._metrics.queue.set(len(self._inbox))
            if self._stopping.wait(min(left_s, 1.0)):
                raise _Stopped

    def _tell(self) -> None:
        try:
            generation = self._link.generation
            if generation != self._told_generation:
                self._watermarks.touch(self._known())
                self._told_generation = generation
            self._metrics.watermarks.inc(self._watermarks.tell())
        except StateUnavailable:
            return  # the debts stay; the next round tries again

    def _count(self, batch: Batch, recorded: ledger.Recorded, took_s: float) -> None:
        metrics = self._metrics
        metrics.stored.inc(len(batch.accepted))
        for refused in batch.refused:
            metrics.refused.labels(refused.refusal.reason.value).inc()
        metrics.repeated.inc(recorded.repeated)
        metrics.conflicts.inc(recorded.conflicts)
        if recorded.quarantine_dropped:
            metrics.quarantine_dropped.inc(recorded.quarantine_dropped)
            log.warning("quarantine.dropped", messages=recorded.quarantine_dropped, why="it is full; the oldest went")
        metrics.write_s.observe(took_s)
