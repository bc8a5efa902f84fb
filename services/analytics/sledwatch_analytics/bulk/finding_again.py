"""Reps found anew in the samples of many sessions, against those that stand. Pure, for any process."""

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sledwatch.reps import find_in_bulk
from sledwatch_analytics.bulk.partitions import as_parquet

_WORD: Final = pa.dictionary(pa.int32(), pa.string())

# A row a session: its samples, and where the reps that stand turn, in order.
SAMPLES: Final = pa.schema(
    {
        "user": _WORD,
        "session": pa.string(),
        "t_us": pa.list_(pa.int64()),
        "depth_mm": pa.list_(pa.float64()),  # NaN where the sensor gave nothing
        "load_kg": pa.list_(pa.float64()),
        "stood_turn_us": pa.list_(pa.int64()),
        "stood_bottom_mm": pa.list_(pa.float64()),
    }
)

# A row a session. off_mm: the largest difference of a bottom, null where the reps are not the same ones.
FOUND: Final = pa.schema(
    {
        "user": _WORD,
        "session": pa.string(),
        "reps": pa.int64(),
        "stood": pa.int64(),
        "off_mm": pa.float64(),
        "differs": pa.bool_(),
    }
)
# Bottoms are stored as they were found; what is off by less was rounded on its way.
_SAME_MM: Final = 1e-6


def find_in_partition(frame: pd.DataFrame) -> pd.DataFrame:
    """Find the reps of a partition's sessions, and say where they are others than stand.

    frame: the columns of SAMPLES, as pandas holds what comes from Arrow, one row or more. Returns those of FOUND.
    """
    table = pa.Table.from_pandas(frame, schema=SAMPLES, preserve_index=False).combine_chunks()
    t_us, depth_mm, load_kg, turn_us, bottom_mm = (
        table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        for name in ("t_us", "depth_mm", "load_kg", "stood_turn_us", "stood_bottom_mm")
    )
    samples, stood = (_lengths(table, name) for name in ("t_us", "stood_turn_us"))
    found = find_in_bulk(t_us, depth_mm, load_kg, np.cumsum(samples) - samples)
    reps = np.bincount(found["session"], minlength=len(table))
    rows = {
        "user": table["user"],
        "session": table["session"],
        "reps": pa.array(reps.astype(np.int64)),
        "stood": pa.array(stood.astype(np.int64)),
    }
    off_mm = np.full(len(table), np.nan)
    same = np.flatnonzero(reps == stood)
    first, stood_first = np.cumsum(reps) - reps, np.cumsum(stood) - stood
    for row in same.tolist():
        ours = found[first[row] : first[row] + reps[row]]
        theirs = slice(stood_first[row], stood_first[row] + reps[row])
        if np.array_equal(ours["turn_us"], turn_us[theirs]):
            off_mm[row] = np.abs(ours["bottom_mm"] - bottom_mm[theirs]).max(initial=0.0)
    rows["off_mm"] = pa.array(off_mm, from_pandas=True)
    rows["differs"] = pa.array(~(off_mm <= _SAME_MM))
    result: pd.DataFrame = pa.table(rows).cast(FOUND).to_pandas(types_mapper=pd.ArrowDtype)
    return result


def find_in_parquet(data: bytes) -> bytes:
    """The same from the bytes of a Parquet file to those of another."""
    frame = pq.read_table(pa.BufferReader(data)).to_pandas(types_mapper=pd.ArrowDtype)
    return as_parquet(pa.Table.from_pandas(find_in_partition(frame), schema=FOUND, preserve_index=False))


def _lengths(table: pa.Table, name: str) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = np.diff(table[name].combine_chunks().offsets.to_numpy()).astype(np.int64)
    return lengths
