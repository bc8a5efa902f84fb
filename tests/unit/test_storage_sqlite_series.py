"""What is SQLite's own: its file, and what can go wrong with it."""

import resource
import sqlite3
import struct
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from frames import a_frame, stored
from sledwatch_storage.series import StoreUnavailable
from sledwatch_storage.series.sqlite import SqliteSeries

EVER = (-(2**62), 2**62)


def seqs_of(path: Path) -> list[int]:
    return [found.frame.seq for found in SqliteSeries(path).frames("north", "press-1", "b1", *EVER)]


def in_processes(work: Callable[..., Any], *arguments: list[Any]) -> list[Any]:
    with ProcessPoolExecutor(len(arguments[0]), mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, *arguments))


def append_many(path: Path, first: int) -> None:
    store = SqliteSeries(path)
    for seq in range(first, first + 20):
        store.append([stored(a_frame(seq))])
    store.close()


def test_processes_that_open_a_new_file_at_once_share_it(tmp_path):
    in_processes(append_many, [tmp_path / "series.db"] * 3, [0, 10, 20])
    assert list(range(40)) == seqs_of(tmp_path / "series.db")


def fill_the_disk(path: Path) -> tuple[str, list[int], list[int]]:
    """Append while files may not grow, until that fails, and once more when they may again."""
    store = SqliteSeries(path)
    store.append([stored(a_frame(0))])
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    acknowledged = [0]
    said = ""
    try:
        for seq in range(1, 10_000):
            store.append([stored(a_frame(seq, depth_mm=[i / 3 for i in range(1000)]))])
            acknowledged.append(seq)
    except StoreUnavailable as error:
        said = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    store.append([stored(a_frame(acknowledged[-1] + 1))])
    acknowledged.append(acknowledged[-1] + 1)
    store.close()
    return said, acknowledged, seqs_of(path)


def test_a_full_disk_is_unavailable_and_loses_nothing_it_has_taken(tmp_path):
    ((said, acknowledged, kept),) = in_processes(fill_the_disk, [tmp_path / "series.db"])
    assert "series.db" in said
    assert 10 < len(acknowledged) == len(kept)
    assert acknowledged == kept


def test_a_directory_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(StoreUnavailable, match=r"nowhere/series.db: unable to open"):
        SqliteSeries(tmp_path / "nowhere" / "series.db")


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("a note to myself" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        SqliteSeries(path)
    assert "a note to myself" * 100 == path.read_text()


def test_a_database_of_somebody_else_is_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(StoreUnavailable, match="not a series store"):
        SqliteSeries(path)
    tables = other.execute("SELECT name FROM sqlite_schema").fetchall()
    other.close()
    assert [("mine",)] == tables


def test_a_layout_of_a_newer_version_is_left_alone(tmp_path):
    path = tmp_path / "series.db"
    SqliteSeries(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(StoreUnavailable, match="layout 2"):
        SqliteSeries(path)


def test_a_locked_file_is_unavailable_after_a_while_and_then_works_again(tmp_path):
    path = tmp_path / "series.db"
    store = SqliteSeries(path, busy_timeout_s=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        store.append([stored(a_frame())])
    assert store.frames("north", "press-1", "b1", *EVER) == []
    other.execute("ROLLBACK")
    other.close()
    store.append([stored(a_frame())])
    store.close()
    assert [0] == seqs_of(path)


def test_a_batch_is_stored_whole_or_not_at_all(tmp_path):
    path = tmp_path / "series.db"
    store = SqliteSeries(path)
    with pytest.raises(OverflowError):
        store.append([stored(a_frame(0)), stored(a_frame(1, t_us=2**70))])
    store.append([stored(a_frame(2))])
    store.close()
    assert [2] == seqs_of(path)


def test_a_commit_is_synchronous(tmp_path):
    """What is acknowledged to the broker must survive a loss of power."""
    path = tmp_path / "series.db"
    store = SqliteSeries(path)
    with store._connection() as connection:
        settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    store.close()
    assert ["wal", 2] == settings


def test_what_is_erased_is_neither_in_the_file_nor_in_its_log(tmp_path):
    """A row that is only marked as free could be read by anybody who has the file."""
    depth_mm = 314.159265358979
    store = SqliteSeries(tmp_path / "series.db")
    store.append([stored(a_frame(seq, depth_mm=[depth_mm] if seq == 3 else [1 / 3])) for seq in range(8)])
    store.erase("north", "press-1", a_frame(3).t_us, a_frame(4).t_us)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert struct.pack("<d", 1 / 3) in kept
    assert struct.pack("<d", depth_mm) not in kept
    store.close()
