"""How fast a chain's year of reps is judged anew: one process, a pool, and a Dask cluster of this machine.

Run: python benchmarks/reanalyse.py [--members 200] [--days 365] [--workers 2] [--ways one,pool,dask] [--work-dir DIR]

A history of some hundred people is made, and told as often as it takes under other names: every one with sessions and
reps of their own in the files, partitioned as an export is. Timed by the wall clock from the files to the results'
files, workers' start included; memory is that of all processes together (PSS, so that what they share counts once),
looked at every half second. That all ways write the same bytes is checked.
"""

import argparse
import hashlib
import os
import platform
import shutil
import tempfile
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sledwatch_analytics.bulk.exporting import Partition
from sledwatch_analytics.bulk.partitions import SESSIONS, digest_of, partition_name, partition_of
from sledwatch_analytics.bulk.reanalysing import partition_count
from sledwatch_analytics.bulk.running import RunProgress, run
from sledwatch_sim.history.making import HistoryConfig, make_history

START_US = 1_763_769_600_000_000
TOLD_ANEW = 800


def told_once(directory: Path, members: int, days: int) -> pa.Table:
    """Some people's sessions with their reps, as an export has them, in order of member and time."""
    make_history(HistoryConfig(directory, members, days, START_US, samples=0.0), lambda _: None, threading.Event())
    sessions = pa.concat_tables(
        [pq.read_table(path) for path in sorted((directory / "sessions").rglob("*.parquet"))]
    ).unify_dictionaries()
    reps = pa.concat_tables(
        [pq.read_table(path) for path in sorted((directory / "reps").rglob("*.parquet"))]
    ).unify_dictionaries()
    sessions = sessions.filter(pc.is_valid(sessions["session"]))
    sessions = sessions.append_column("start_us", sessions["start_at"].cast(pa.int64()))
    sessions = sessions.set_column(sessions.column_names.index("user"), "user", sessions["user"].cast(pa.string()))
    sessions = sessions.take(pc.sort_indices(sessions, [("user", "ascending"), ("start_us", "ascending")]))
    place = pc.index_in(reps["session"].cast(pa.string()), sessions["session"].combine_chunks())
    reps = reps.append_column("place", place).filter(pc.is_valid(place))
    reps = reps.take(pc.sort_indices(reps, [("place", "ascending"), ("rep", "ascending")]))
    counts = np.bincount(reps["place"].to_numpy(), minlength=len(sessions))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    rows = len(sessions)

    def listed(values: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
        return pa.ListArray.from_arrays(offsets, values.combine_chunks().cast(kind))

    def added(name: str) -> pa.Array:
        return pa.array(np.bincount(reps["place"].to_numpy(), reps[name].to_numpy(), minlength=rows))

    begins = (np.cumsum(counts) - counts)[counts > 0]
    top = np.zeros(rows)
    top[counts > 0] = np.maximum.reduceat(reps["load_kg"].to_numpy(), begins)
    columns = {
        "time_zone": pa.array(["UTC"] * rows),
        "end_us": sessions["end_at"].cast(pa.int64()),
        "judged": pa.array(np.ones(rows, dtype=bool)),
        "doubtful": pa.array(np.zeros(rows, dtype=bool)),
        "closed_version": pa.nulls(rows, pa.int64()),
        "work_j": added("work_j"),
        "tonnage_kg": added("load_kg"),
        "top_load_kg": pa.array(top),
        "hard_sets": pa.array(np.zeros(rows, dtype=np.int64)),
        "e1rm_kg": pa.nulls(rows, pa.float64()),
        "rules": pa.array(["{}"] * rows),
        "rules_version": pa.array(np.zeros(rows, dtype=np.int64)),
        "missing_days": pa.array([[]] * rows, pa.list_(pa.date32())),
        "rep_set": listed(reps["set"], pa.int32()),
        "rep_load_kg": listed(reps["load_kg"], pa.float64()),
        "rep_work_j": listed(reps["work_j"], pa.float64()),
        "rep_velocity_loss_pct": listed(reps["velocity_loss_pct"], pa.float64()),
        "rep_ok": listed(pa.chunked_array([pa.array(np.ones(len(reps), dtype=bool))]), pa.bool_()),
    }
    columns |= {name: sessions[name] for name in ("user", "session", "gym", "machine", "start_us")}
    return pa.table({name: columns[name] for name in SESSIONS.names}).cast(SESSIONS)


def told_often(once: pa.Table, directory: Path, times: int, partitions: int) -> list[Partition]:
    """The same people that many times under other names, each in the partition that their name says."""
    once = once.unify_dictionaries().combine_chunks()
    coded = once["user"].combine_chunks()
    users, code = coded.dictionary.to_pylist(), coded.indices.to_numpy()
    writers: dict[int, pq.ParquetWriter] = {}
    sessions, reps = np.zeros(partitions, dtype=np.int64), np.zeros(partitions, dtype=np.int64)
    lengths = np.diff(once["rep_set"].combine_chunks().offsets.to_numpy())
    for number in range(times):
        names = [f"{user}-{number}" for user in users]
        where = np.array([partition_of(name, partitions) for name in names])[code]
        order = np.argsort(where, kind="stable")
        ends = np.cumsum(np.bincount(where, minlength=partitions))
        named = once.set_column(0, "user", pa.DictionaryArray.from_arrays(coded.indices, pa.array(names)))
        ids = pc.binary_join_element_wise(once["session"], str(number), "-")
        named = named.set_column(1, "session", ids).cast(SESSIONS).take(pa.array(order))
        for partition in range(partitions):
            first = ends[partition - 1] if partition else 0
            if first == ends[partition]:
                continue
            if partition not in writers:
                path = directory / partition_name(partition) / "sessions.parquet"
                path.parent.mkdir(parents=True)
                writers[partition] = pq.ParquetWriter(path, SESSIONS, compression="zstd")
            writers[partition].write_table(named.slice(first, ends[partition] - first))
            sessions[partition] += ends[partition] - first
            reps[partition] += int(lengths[order[first : ends[partition]]].sum())
    found = []
    for partition, writer in sorted(writers.items()):
        writer.close()
        path = directory / partition_name(partition) / "sessions.parquet"
        found.append(Partition(partition, path, digest_of(path), int(sessions[partition]), int(reps[partition])))
    return found


class Memory:
    """The most memory that this process and all below it have held together, in bytes."""

    def __init__(self) -> None:
        self.most = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.5):
            self.most = max(self.most, sum(map(held, family(os.getpid()))))


def family(process: int) -> list[int]:
    """A process and all that it has started."""
    below = []
    for tasks in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            below += [int(child) for child in tasks.read_text().split()]
        except OSError:
            continue
    return [process, *(one for child in below for one in family(child))]


def held(process: int) -> int:
    """What a process holds, in bytes; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def measured(way: str, partitions: list[Partition], directory: Path, workers: int) -> str:
    """Judge all partitions in one way; prints what it took, and returns what names its results."""
    shutil.rmtree(directory, ignore_errors=True)
    told: list[RunProgress] = []

    def go(dask_url: str | None = None) -> list[Path]:
        processes = 1 if way == "one" else workers
        return run(partitions, directory, processes, dask_url, told.append, threading.Event())

    load = os.getloadavg()[0]
    with Memory() as memory:
        began_s = time.perf_counter()
        if way == "dask":
            from distributed import LocalCluster  # noqa: PLC0415 - only for this way

            with LocalCluster(
                n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
            ) as cluster:
                results = go(cluster.scheduler_address)
        else:
            results = go()
        seconds = time.perf_counter() - began_s
    reps = sum(one.reps for one in partitions)
    findings = sum(int(pc.sum(pc.is_valid(pq.read_table(path)["findings"])).as_py() or 0) for path in results)
    digest = hashlib.blake2b(b"".join(digest_of(path).encode() for path in results), digest_size=8).hexdigest()
    print(
        f"{way:5} {seconds:8.1f} s {reps / seconds:12,.0f} reps/s {memory.most / 2**30:6.2f} GiB   "
        f"{findings:,} sessions with findings, results {digest}, load before {load:.1f}",
        flush=True,
    )
    return digest


def main() -> None:
    """Make the files, and judge them in each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ways", default="one,pool,dask")
    parser.add_argument("--work-dir", type=Path)
    given = parser.parse_args()
    times = -(-given.members // TOLD_ANEW)
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "pyarrow", "numba", "distributed"))
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {packages}")
    with tempfile.TemporaryDirectory(dir=given.work_dir) as scratch:
        directory = Path(scratch)
        once = told_once(directory / "history", -(-given.members // times), given.days)
        reps = int(pc.sum(pc.list_value_length(once["rep_set"])).as_py())
        there = told_often(once, directory / "export", times, partition_count(reps * times))
        size = sum(one.path.stat().st_size for one in there)
        counts = f"{sum(one.sessions for one in there):,} sessions, {reps * times:,} reps"
        members = len(once["user"].unique()) * times
        print(f"{members:,} members × {given.days} days: {counts} in {len(there)} partitions, {size / 1e9:.2f} GB")
        del once
        digests = {measured(way, there, directory / way, given.workers) for way in given.ways.split(",")}
        assert 1 == len(digests), "the ways' results differ"


if __name__ == "__main__":
    main()
