"""A reanalysis from samples: exported from the series store, reps found anew, closings asked for where they differ."""

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from sqlalchemy import Engine, select

from sledwatch_analytics.bulk.exporting import ExportProgress, Files, Partition, Range, Stopped, time_zones
from sledwatch_analytics.bulk.finding_again import SAMPLES, find_in_parquet
from sledwatch_analytics.bulk.reanalysing import Plan, Report, alone_in, partitions_for
from sledwatch_analytics.bulk.running import require_cluster, run
from sledwatch_analytics.stored import stored_samples
from sledwatch_storage.series import SeriesStore
from sledwatch_storage.state import arrivals, corrections, schema
from sledwatch_storage.state.days import local_day
from sledwatch_storage.state.engine import begin

_session = schema.session
# As many samples of a partition wait for their file.
_SAMPLES_A_GROUP: Final = 50_000
_SESSIONS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Differing:
    """A session whose reps would be others. off_mm: of a bottom, None where the reps are not the same ones."""

    session: str
    user: str
    reps: int
    stood: int
    off_mm: float | None


@dataclass(frozen=True, slots=True)
class FromSamples:
    """What came of it. without_samples: sessions whose samples are gone, past retention; they stay as they are."""

    sessions: int
    without_samples: int
    differing: Sequence[Differing]


def find_anew(
    engine: Engine,
    series: SeriesStore,
    plan: Plan,
    clock: Callable[[], int],
    report: Report,
    stop: threading.Event,
) -> FromSamples:
    """Find the reps of a range of sessions anew, and ask for the closings of those where they differ.

    A running analytics closes them, by the rules and limits that they had. Raises as `reanalyse` does, and
    StoreUnavailable.
    """
    plan.directory.mkdir(parents=True, exist_ok=True)
    if plan.dask_url is not None:
        require_cluster(plan.dask_url)
    with alone_in(plan.directory):
        there, without = _export(engine, series, plan, report.export, stop)
        directory = plan.directory / "found"
        results = run(there, directory, plan.workers, plan.dask_url, report.run, stop, find_in_parquet)
        differing = [one for path in results for one in _differing(path)]
        if not plan.dry_run:
            for first in range(0, len(differing), _SESSIONS_AT_ONCE):
                wanted = [one.session for one in differing[first : first + _SESSIONS_AT_ONCE]]
                with begin(engine) as connection:
                    corrections.want(connection, wanted, clock())
    return FromSamples(sum(one.sessions for one in there), without, differing)


def _differing(path: Path) -> Iterator[Differing]:
    for row in pq.read_table(path).to_pylist():
        if row["differs"]:
            yield Differing(row["session"], row["user"], row["reps"], row["stood"], row["off_mm"])


def _export(
    engine: Engine, series: SeriesStore, plan: Plan, report: Callable[[ExportProgress], None], stop: threading.Event
) -> tuple[list[Partition], int]:
    directory = plan.directory / "samples"
    shutil.rmtree(directory, ignore_errors=True)
    files = Files(directory, partitions_for(engine, plan.wanted), SAMPLES, _SAMPLES_A_GROUP)
    sessions = _sessions(engine, plan.wanted)
    reps = without = 0
    try:
        for number, (session, user) in enumerate(sessions, start=1):
            if stop.is_set():
                raise Stopped
            logged = arrivals.logged(engine, session)
            if logged is None or logged.start_us is None:
                continue
            samples, found_any = stored_samples(series, logged)
            if not found_any:
                without += 1
                continue
            stand = corrections.all_reps_of(engine, session)
            row = {
                "user": user,
                "session": session,
                "t_us": samples.t_us,
                "depth_mm": samples.depth_mm,
                "load_kg": samples.load_kg,
                "stood_turn_us": [rep.t_turn_us for rep in stand],
                "stood_bottom_mm": [rep.depth_mm for rep in stand],
            }
            files.add(row, weight=len(samples), judged=True, reps=len(stand))
            reps += len(stand)
            report(ExportProgress(number, len(sessions), number, reps))
    finally:
        files.close()
    return files.written(), without


def _sessions(engine: Engine, wanted: Range) -> list[tuple[str, str]]:
    """The sessions of the range that machines have sent, with their badge's member; those split off go with them."""
    from_us, until_us = wanted.bounds_us()
    query = select(_session.c.session, _session.c.user, _session.c.gym, _session.c.start_us).where(
        _session.c.state == "closed",
        _session.c.source == "samples",
        _session.c.split_of.is_(None),
        _session.c.start_us >= from_us,
        _session.c.start_us < until_us,
    )
    if wanted.gym is not None:
        query = query.where(_session.c.gym == wanted.gym)
    zones = time_zones(engine)

    def day(gym: str, start_us: int) -> date:
        return local_day(start_us, ZoneInfo(zones.get(gym, "UTC")))

    with engine.connect() as connection:
        rows = connection.execute(query.order_by(_session.c.user, _session.c.start_us, _session.c.session)).all()
    return [(row.session, row.user) for row in rows if wanted.first <= day(row.gym, row.start_us) <= wanted.last]
