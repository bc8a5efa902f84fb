"""The whole of a reanalysis: export, analyse, compare, and put in place what differs."""

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func, select

from sledwatch_analytics.bulk.exporting import ExportProgress, Partition, Range, RulesFor, Stopped, export
from sledwatch_analytics.bulk.running import RunProgress, require_cluster, run
from sledwatch_analytics.bulk.settling import Comparison, settle
from sledwatch_storage.state import schema
from sledwatch_storage.state.rules import rules_of_all

# A worker holds a partition in memory, several times over.
REPS_A_PARTITION: Final = 1_000_000
_FEWEST: Final = 8
_MOST: Final = 256


class InUse(Exception):
    """Another reanalysis works in the same directory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is judged anew, where the files go, and who does the work: `run` says what workers and dask_url mean."""

    wanted: Range
    directory: Path
    workers: int
    dask_url: str | None
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Where progress is told: of the export, of the analysis, and how many sessions are compared of how many."""

    export: Callable[[ExportProgress], None]
    run: Callable[[RunProgress], None]
    settle: Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Reanalysis:
    """What came of it. kept: partitions that were analysed before and not again."""

    members: int
    partitions: int
    kept: int
    reps: int
    compared: Comparison


def reanalyse(
    engine: Engine,
    plan: Plan,
    clock: Callable[[], int],
    report: Report,
    stop: threading.Event,
) -> Reanalysis:
    """Judge the workload of a range of sessions anew.

    Raises InUse, Stopped, RunFailed, StateUnavailable and OSError.
    """
    plan.directory.mkdir(parents=True, exist_ok=True)
    exported: list[ExportProgress] = []
    ran: list[RunProgress] = []

    def report_export(now: ExportProgress) -> None:
        exported[:] = [now]
        report.export(now)

    def report_run(now: RunProgress) -> None:
        ran[:] = [now]
        report.run(now)

    if plan.dask_url is not None:
        require_cluster(plan.dask_url)
    with alone_in(plan.directory):
        there = _export(engine, plan, report_export, stop)
        results = run(there, plan.directory / "judged", plan.workers, plan.dask_url, report_run, stop)
        sessions = sum(one.sessions for one in there)
        compared = settle(
            engine, results, clock(), lambda done: report.settle(done, sessions), stop, dry_run=plan.dry_run
        )
        if stop.is_set():
            raise Stopped
    return Reanalysis(
        members=exported[0].members if exported else 0,
        partitions=len(there),
        kept=ran[0].kept,
        reps=sum(one.reps for one in there),
        compared=compared,
    )


def _export(
    engine: Engine,
    plan: Plan,
    report: Callable[[ExportProgress], None],
    stop: threading.Event,
) -> list[Partition]:
    directory = plan.directory / "export"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return export(engine, plan.wanted, directory, partitions_for(engine, plan.wanted), _rules_for(engine), report, stop)


def partitions_for(engine: Engine, wanted: Range) -> int:
    """How many: the same for the same sessions, and few more or less of them."""
    from_us, until_us = wanted.bounds_us()
    query = select(func.sum(schema.session.c.reps)).where(
        schema.session.c.start_us >= from_us, schema.session.c.start_us < until_us
    )
    with engine.connect() as connection:
        reps = connection.execute(query).scalar_one() or 0
    return partition_count(reps)


def partition_count(reps: int) -> int:
    """How many partitions so many reps go into."""
    partitions = _FEWEST
    while partitions < _MOST and partitions * REPS_A_PARTITION < reps:
        partitions *= 2
    return partitions


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Keep others from working in a directory meanwhile. Raises InUse where somebody does."""
    descriptor = os.open(directory / "lock", os.O_CREAT | os.O_RDWR)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InUse(f"{directory}: another reanalysis works there; wait for it, or give --work-dir") from None
        yield
    finally:
        os.close(descriptor)


def _rules_for(engine: Engine) -> RulesFor:
    return rules_of_all(engine).of
