"""Batches on their way into the series store: several at the same time, and out again in the order they came in."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass

import structlog

from sledwatch_ingest.inbox import Message
from sledwatch_ingest.sorting import Batch
from sledwatch_storage.series.port import SeriesStore, StoreRefused, StoreUnavailable

log = structlog.get_logger(__name__)


class _Held(Exception):
    """Not tried: the store is away, and what arrived earlier goes first."""


@dataclass(slots=True)
class Work:
    """A batch and the messages that it was made of. began_s: when they were taken, by a monotonic clock."""

    messages: Sequence[Message]
    batch: Batch
    began_s: float
    attempt: Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether the store has answered."""
        return self.attempt is not None and self.attempt.done()

    @property
    def error(self) -> BaseException | None:
        """What kept it from being stored, where the attempt has ended."""
        return self.attempt.exception() if self.attempt is not None and self.attempt.done() else None

    @property
    def failed(self) -> bool:
        """Whether it has to be tried again."""
        return isinstance(self.error, StoreUnavailable | _Held)


class Appending:
    """The batches between being sorted and being durable. For one thread, which gives and takes them.

    While the store is away the oldest batch alone is tried, when that thread says so; what is behind it waits.
    threads: where appending runs, as many as the store has a use for. changed: called when an attempt has ended, from
    any thread.
    """

    def __init__(self, series: SeriesStore, threads: Executor, changed: Callable[[], None]) -> None:
        self._series = series
        self._threads = threads
        self._changed = changed
        self._works: deque[Work] = deque()
        self._holding = threading.Event()
        # One more than the store takes at a time: it is at hand while the ledger is being written.
        self._most = series.writers + 1

    def __len__(self) -> int:
        return len(self._works)

    @property
    def roomy(self) -> bool:
        """Whether another batch may come."""
        return len(self._works) < self._most

    def add(self, work: Work) -> None:
        """Append a batch, after those that are here."""
        self._works.append(work)
        self._try(work, held=True)

    def refusal(self) -> StoreUnavailable | None:
        """Why the oldest batch could not be stored; None where it is being tried, or there is none."""
        if not self._works or not self._works[0].failed:
            return None
        error = self._works[0].error
        return error if isinstance(error, StoreUnavailable) else None

    def retry(self) -> None:
        """Try the oldest batch again, and no other."""
        self._try(self._works[0], held=False)

    def resume(self) -> None:
        """The store is there again: try all that have failed or waited, oldest first."""
        self._holding.clear()
        for work in self._works:
            if work.failed:
                self._try(work, held=True)

    def finished(self) -> list[Work]:
        """Take out the batches that are durable, as far as all before them are.

        A batch comes without the frames that the store will never take. Raises what no waiting will mend.
        """
        done: list[Work] = []
        while self._works and self._works[0].ended and not self._works[0].failed:
            head = self._works[0]
            error = head.error
            if isinstance(error, StoreRefused):
                log.warning("frames.refused_by_store", frames=len(error.positions), error=str(error))
                head.batch = head.batch.without(frozenset(error.positions), str(error))
            elif error is not None:
                if done:
                    break  # those first
                raise error
            done.append(self._works.popleft())
        if self._works and isinstance(self._works[0].error, _Held):
            self.retry()
        return done

    def wait(self) -> None:
        """Until the oldest batch's attempt has ended."""
        wait([work.attempt for work in list(self._works)[:1] if work.attempt is not None])

    def _try(self, work: Work, *, held: bool) -> None:
        work.attempt = self._threads.submit(self._append, work.batch, held=held)
        work.attempt.add_done_callback(lambda _: self._changed())

    def _append(self, batch: Batch, *, held: bool) -> None:
        if not batch.frames:
            return
        if held and self._holding.is_set():
            raise _Held
        try:
            self._series.append(batch.frames)
        except StoreUnavailable:
            self._holding.set()
            raise
