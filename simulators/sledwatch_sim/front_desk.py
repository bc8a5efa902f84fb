"""Members are enrolled at the front desk, over HTTP, one at a time, in a thread of its own: the machines go on."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

from sledwatch_sim.api import Api, ApiError
from sledwatch_sim.wire.network import Network

T = TypeVar("T")


class Desk(Protocol):
    """Where a run tells and asks the system. Answers come when the run is doing nothing else."""

    def closed(self) -> bool:
        """Whether it is closing: what waits for something should give up."""

    def ask(self, job: Callable[[Api], T], then: Callable[[T], None], failed: Callable[[ApiError], None]) -> None:
        """Do a job with the API, then call `then` with its result, or `failed`."""

    def close(self) -> None:
        """Let go of what waits."""


class FrontDesk:
    """Calls the API in order. Answers come back in the network's thread."""

    def __init__(self, network: Network, connect: Callable[[], Api]) -> None:
        self._network = network
        self._connect = connect
        self._jobs: queue.SimpleQueue[Callable[[Api], None] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="front-desk", daemon=True)
        self._thread.start()

    def closed(self) -> bool:
        """Whether it is closing: what waits for something should give up."""
        return self._closed.is_set()

    def ask(self, job: Callable[[Api], T], then: Callable[[T], None], failed: Callable[[ApiError], None]) -> None:
        """Do a job with the API, then call `then` with its result, or `failed`, in the network's thread."""

        def do(api: Api) -> None:
            done: Future[T] = Future()
            try:
                done.set_result(job(api))
            except Exception as error:  # noqa: BLE001 - raised again in the network's thread, where it ends the run
                done.set_exception(error)
            self._network.call_soon(lambda: answer(done))

        def answer(done: "Future[T]") -> None:
            error = done.exception()
            if isinstance(error, ApiError):
                failed(error)
            else:
                then(done.result())

        self._jobs.put(do)

    def _work(self) -> None:
        with self._connect() as api:
            while (job := self._jobs.get()) is not None:
                if not self._closed.is_set():
                    job(api)

    def close(self, timeout_s: float = 2.0) -> None:
        """Let go of what waits; a call under way may take its time, but nobody waits for it longer than this."""
        self._closed.set()
        self._jobs.put(None)
        self._thread.join(timeout_s)
