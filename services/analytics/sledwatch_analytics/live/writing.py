"""What live analysis writes to the state DB, beside the thread that hears the machines: a slow disk delays nobody."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from sledwatch_storage.state.engine import StateUnavailable, begin

Write = Callable[[Connection], Callable[[], None] | None]

# Everything in here is found again by closing, so that what cannot be written for long may be dropped.
CAPACITY: Final = 10_000
GIVE_UP_S: Final = 30.0
RETRY_S: Final = 0.5

log = structlog.get_logger()


class Writer:
    """Runs writes one after the other, each in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: queue.Queue[Write] = queue.Queue(CAPACITY)

    def put(self, write: Write) -> None:
        """Have this written soon. What it returns is called once that is durable. Never blocks."""
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            log.warning("live.write_dropped", reason=f"{CAPACITY} writes are waiting: the state DB is away or too slow")

    def run(self, stop: threading.Event) -> None:
        """Write until `stop` is set, then what is still waiting."""
        while True:
            try:
                write = self._waiting.get(timeout=0.2)
            except queue.Empty:
                if stop.is_set():
                    return
                continue
            self._write(write, stop)

    def drain(self) -> None:
        """Write what waits, on this thread."""
        while not self._waiting.empty():
            self._write(self._waiting.get_nowait(), threading.Event())

    def _write(self, write: Write, stop: threading.Event) -> None:
        give_up_at = time.monotonic() + GIVE_UP_S
        while True:
            try:
                with begin(self._engine) as connection:
                    then = write(connection)
            except StateUnavailable as error:
                if stop.is_set() or time.monotonic() > give_up_at:
                    log.warning("live.write_dropped", reason=str(error))
                    return
                stop.wait(RETRY_S)
            except IntegrityError as error:
                # A closing has written the same row between our look and our writing: the next look will see it.
                if time.monotonic() > give_up_at:
                    log.warning("live.write_dropped", reason=str(error))
                    return
            else:
                _tell(then)
                return


def _tell(then: Callable[[], None] | None) -> None:
    """What is told reads the state DB anew, which may have gone away since the write."""
    try:
        if then is not None:
            then()
    except StateUnavailable as error:
        log.warning("live.not_told", reason=str(error))
