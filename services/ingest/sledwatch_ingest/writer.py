"""The one writer: a batch becomes durable, then is recorded, then is acknowledged. Never in another order."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Final, Protocol

import structlog
from sqlalchemy import Engine

from sledwatch_ingest.appending import Appending, Work
from sledwatch_ingest.backoff import Backoff
from sledwatch_ingest.inbox import Inbox, Message
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.pulse import Pulse
from sledwatch_ingest.replays import Replays
from sledwatch_ingest.sorting import sort
from sledwatch_ingest.watermarks import MachineKey, Watermarks
from sledwatch_storage.series.port import SeriesStore, StoreUnavailable
from sledwatch_storage.state import ledger
from sledwatch_storage.state.engine import StateUnavailable

log = structlog.get_logger(__name__)

# How often the writer looks up when nothing arrives: for watermarks that have become due, and the heartbeat.
_IDLE_S: Final = 0.25
# How often the log says that quarantine is losing messages; the metrics say it at each.
_SAY_DROPPED_S: Final = 60.0


class Link(Protocol):
    """What the writer asks of the connection."""

    generation: int

    def ack(self, messages: Sequence[Message]) -> None: ...


class _Stopped(Exception):
    """Told to stop while a store was away: what is in hand stays unacknowledged and will come again."""


class Writer:
    """Takes batches from the inbox until told to stop.

    While batches are being appended, on threads of their own, it decodes the next and records those that are durable,
    several in one transaction where they are. The ledger and the acknowledgements keep the order of arrival. A store
    that is away keeps what is in hand, unacknowledged, and is tried again; what arrived first goes first.
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
        replays: Replays,
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
        self._replays = replays
        self._pulse = pulse
        self._backoff = backoff
        self._metrics = metrics
        self._batch = batch
        self._linger_s = linger_s
        self._time_zone = time_zone
        self._stopping = threading.Event()
        self._told_generation = 0
        self._away_since_s: float | None = None
        self._retry_s: float | None = None
        self._probe: Future[None] | None = None
        self._dropped = 0
        self._say_dropped_s = time.monotonic()

    def stop(self) -> None:
        """Finish the batches in hand, and no other."""
        self._stopping.set()
        self._inbox.close()

    def run(self) -> None:
        """Write until `stop`. Raises what no waiting will mend."""
        threads = ThreadPoolExecutor(self._series.writers, thread_name_prefix="append")
        appending = Appending(self._series, threads, self._inbox.nudge)
        try:
            while not self._stopping.is_set():
                self._settle(appending)
                self._take(appending)
                self._tell()
                self._look_after(appending, threads)
            while len(appending) and self._retry_s is None:
                appending.wait()
                self._settle(appending)
        except _Stopped:
            return
        finally:
            threads.shutdown(cancel_futures=True)

    def _take(self, appending: Appending) -> None:
        """Take the next batch as soon as there is room for it; else wait for news, but not long."""
        if self._retry_s is not None or not appending.roomy:
            until_s = time.monotonic() + _IDLE_S
            self._inbox.rest(max(0.0, min(until_s, self._retry_s or until_s) - time.monotonic()))
        elif messages := self._inbox.take(self._batch, self._linger_s, _IDLE_S):
            began_s = time.monotonic()
            appending.add(Work(messages, sort(messages), began_s))
        self._metrics.queue.set(len(self._inbox))

    def _settle(self, appending: Appending) -> None:
        """Record and acknowledge what is durable, and see to it that the rest will be."""
        done = appending.finished()
        if done:
            if self._away_since_s is not None:
                self._came_back()
                appending.resume()
            if any(work.batch.frames for work in done):
                self._pulse.store_answered()
            self._record(done)
        unavailable = appending.refusal()
        if unavailable is None:
            return
        now_s = time.monotonic()
        if self._retry_s is None:
            self._retry_s = now_s + self._went_away(unavailable, unavailable.retry_after_s)
        elif now_s >= self._retry_s:
            self._retry_s = None
            appending.retry()

    def _record(self, done: Sequence[Work]) -> None:
        arrived = [one for work in done for one in work.batch.arrived]
        refused = [one for work in done for one in work.batch.refused]
        recorded: ledger.Recorded | None = None
        while recorded is None:
            try:
                recorded = ledger.record(self._state, arrived, refused, self._clock(), time_zone=self._time_zone)
            except StateUnavailable as error:
                self._wait(self._went_away(error))
        if self._away_since_s is not None:
            self._came_back()
        for work in done:
            self._link.ack(work.messages)
            self._metrics.write_s.observe(time.monotonic() - work.began_s)
        self._watermarks.touch(recorded.moved)
        self._count(len(arrived), refused, recorded)

    def _went_away(self, error: StoreUnavailable | StateUnavailable, retry_after_s: float | None = None) -> float:
        """A store does not answer: in how many seconds to try again."""
        now_s = time.monotonic()
        self._away_since_s = self._away_since_s or now_s
        self._metrics.store_failures.inc()
        self._pulse.store_answered(str(error))
        log.warning(
            "store.unavailable", error=str(error), for_s=round(now_s - self._away_since_s, 1), queue=len(self._inbox)
        )
        return self._backoff.wait_s(retry_after_s)

    def _came_back(self) -> None:
        if self._away_since_s is not None:
            log.info("store.available", after_s=round(time.monotonic() - self._away_since_s, 1))
        self._away_since_s = None
        self._backoff.reset()
        self._pulse.store_answered()

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

    def _look_after(self, appending: Appending, threads: Executor) -> None:
        """What is done beside the batches, while nothing is wrong: replays; and always the sign of life."""
        if self._probe is not None and self._probe.done():
            self._probe.result()
            self._probe = None
        if not len(appending) and self._probe is None and self._pulse.wonders:
            self._probe = threads.submit(self._pulse.probe)
        if self._pulse.well:
            self._watermarks.touch(self._replays.tend())
        self._pulse.beat()

    def _count(self, stored: int, refused: Sequence[ledger.Refused], recorded: ledger.Recorded) -> None:
        metrics = self._metrics
        metrics.stored.inc(stored)
        for one in refused:
            metrics.refused.labels(one.refusal.reason.value).inc()
        metrics.repeated.inc(recorded.repeated)
        metrics.conflicts.inc(recorded.conflicts)
        if recorded.quarantine_dropped:
            metrics.quarantine_dropped.inc(recorded.quarantine_dropped)
            self._dropped += recorded.quarantine_dropped
        now_s = time.monotonic()
        if self._dropped and now_s >= self._say_dropped_s:
            # Whoever floods quarantine must not flood the log too.
            log.error("quarantine.dropped", messages=self._dropped, why="it is full; the oldest went")
            self._dropped, self._say_dropped_s = 0, now_s + _SAY_DROPPED_S
