"""Partitions analysed by several processes at once, on this machine or on a Dask cluster. Finished ones are kept.

The result of a partition lies beside the export, under a name that follows from what went in: its rows, the rules in
them, and the program. What is there is not done again, whoever did it and whenever.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sledwatch_analytics.bulk.analysing import analyse_parquet
from sledwatch_analytics.bulk.exporting import Partition, Stopped
from sledwatch_analytics.bulk.partitions import partition_name
from sledwatch_analytics.bulk.working import Analyse, analyse_file, have_the_worker, program_digest, write_whole

if TYPE_CHECKING:
    from distributed import Client

_POLL_S: Final = 0.1
_CONNECT_S: Final = 10.0
# So many wait for each worker, so that none waits for work, and memory is bounded.
_AHEAD: Final = 2


class RunFailed(Exception):
    """Partitions could not be analysed: a worker died, or a cluster is not there or not of this version."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Partitions done of all, how many of them were kept from before, and reps: of all, done now, and a second."""

    done: int
    kept: int
    partitions: int
    reps: int
    all_reps: int
    reps_per_s: float
    left_s: float | None


@dataclass(frozen=True, slots=True)
class Task:
    """A partition to be analysed, and where its result goes."""

    partition: Partition
    result: Path


def run(
    partitions: Sequence[Partition],
    directory: Path,
    workers: int,
    dask_url: str | None,
    report: Callable[[RunProgress], None],
    stop: threading.Event,
    analyse: Analyse = analyse_parquet,
) -> list[Path]:
    """Analyse what is not done yet; returns the results of all partitions, in order.

    analyse: from the bytes of a partition to those of its result, a function of a module that workers can import.
    workers: processes on this machine, 1: this one. dask_url: of a cluster's scheduler, which then does the work.
    Raises RunFailed, and Stopped; what was finished by then is kept.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tasks = [Task(one, directory / f"{partition_name(one.number)}-{_fingerprint(one)}.parquet") for one in partitions]
    wanted = {task.result for task in tasks}
    for path in directory.iterdir():
        if path not in wanted:
            path.unlink()
    open_tasks = [task for task in tasks if not task.result.exists()]
    all_reps = sum(task.partition.reps for task in open_tasks)
    kept, reps, began_s = len(tasks) - len(open_tasks), 0, time.monotonic()

    def progress(done: int) -> RunProgress:
        per_s = reps / max(time.monotonic() - began_s, 1e-6)
        left_s = (all_reps - reps) / per_s if reps else None
        return RunProgress(kept + done, kept, len(tasks), reps, all_reps, per_s, left_s)

    report(progress(0))
    if open_tasks:
        # The largest first: none is left to be waited for at the end.
        open_tasks.sort(key=lambda task: -task.partition.reps)
        for done, task in enumerate(_finished(open_tasks, workers, dask_url, stop, analyse), start=1):
            reps += task.partition.reps
            report(progress(done))
    return [task.result for task in tasks]


def _finished(
    tasks: Sequence[Task], workers: int, dask_url: str | None, stop: threading.Event, analyse: Analyse
) -> Iterator[Task]:
    if dask_url is not None:
        return _on_cluster(tasks, dask_url, stop, analyse)
    return _here(tasks, stop, analyse) if workers == 1 else _in_pool(tasks, workers, stop, analyse)


def _here(tasks: Sequence[Task], stop: threading.Event, analyse: Analyse) -> Iterator[Task]:
    for task in tasks:
        if stop.is_set():
            raise Stopped
        analyse_file(analyse, task.partition.path, task.result)
        yield task


def _in_pool(tasks: Sequence[Task], workers: int, stop: threading.Event, analyse: Analyse) -> Iterator[Task]:
    # A fork would share locks and threads of this process; a new interpreter shares nothing.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=have_the_worker, initargs=(os.getpid(),))
    waiting, running = list(reversed(tasks)), dict[Future[None], Task]()
    try:
        while waiting or running:
            while waiting and len(running) < _AHEAD * workers:
                task = waiting.pop()
                running[pool.submit(analyse_file, analyse, task.partition.path, task.result)] = task
            done, _ = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                future.result()
                yield task
            if stop.is_set():
                raise Stopped
    except BrokenProcessPool:
        raise RunFailed("a worker died, perhaps for want of memory; fewer --workers need less. Run it again") from None
    finally:
        # What is begun is finished, in some seconds, and kept.
        pool.shutdown(cancel_futures=True)


def _on_cluster(tasks: Sequence[Task], url: str, stop: threading.Event, analyse: Analyse) -> Iterator[Task]:
    client = _connected(url)
    with client:
        workers = _threads_of(client, url)
        waiting, running = list(reversed(tasks)), dict[Any, Task]()
        try:
            while waiting or running:
                while waiting and len(running) < _AHEAD * workers:
                    task = waiting.pop()
                    # Its bytes, not its path: workers need not share a disk with us.
                    data = client.scatter(task.partition.path.read_bytes(), hash=False)
                    running[client.submit(analyse, data, pure=False, retries=1)] = task
                done = [future for future in running if future.done()]
                for future in done:
                    task = running.pop(future)
                    write_whole(task.result, _result_of(future, url))
                    yield task
                if not done and stop.wait(_POLL_S):
                    raise Stopped
        finally:
            client.cancel(list(running))


def require_cluster(url: str) -> None:
    """Raises RunFailed where a Dask cluster cannot do the work, before anybody has waited for anything."""
    with _connected(url) as client:
        _threads_of(client, url)


def _connected(url: str) -> "Client":
    try:
        from distributed import Client  # noqa: PLC0415 - an extra that only this needs
    except ModuleNotFoundError as error:
        raise RunFailed(f"the Python package {error.name} is missing: install sledwatch[dask]") from None
    try:
        return Client(url, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise RunFailed(f"no Dask scheduler at {url}: {error}") from None


def _threads_of(client: "Client", url: str) -> int:
    """How much a cluster does at a time. Raises RunFailed where it has no worker, or one of another version."""
    try:
        client.wait_for_workers(1, timeout=_CONNECT_S)
        programs = client.run(program_digest)
    except TimeoutError:
        raise RunFailed(f"the Dask scheduler at {url} has no worker: start `dask worker {url}`") from None
    except ModuleNotFoundError as error:
        raise RunFailed(f"the Dask workers of {url} lack {error.name}: install sledwatch[dask] there") from None
    others = sorted(worker for worker, program in programs.items() if program != program_digest())
    if others:
        raise RunFailed(f"Dask worker {others[0]} has another version of Sledwatch or of what it computes with")
    return sum(client.nthreads().values())


def _result_of(future: Any, url: str) -> bytes:
    if future.status != "finished":
        error = future.exception() if future.status == "error" else future.status
        raise RunFailed(f"the Dask cluster at {url}: {' '.join(str(error).split())}; run it again to go on")
    result: bytes = future.result()
    return result


def _fingerprint(partition: Partition) -> str:
    return hashlib.blake2b(f"{partition.digest} {program_digest()}".encode(), digest_size=12).hexdigest()
