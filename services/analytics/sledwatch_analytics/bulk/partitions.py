"""What lies in the files of a reanalysis: the columns, and which member's rows lie in which file.

Files carry pseudonyms only. All rows of a member lie in one partition, by CRC-32 of the pseudonym, as in a history
that `sledwatch history` made.
"""

import hashlib
import zlib
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

_WORD: Final = pa.dictionary(pa.int32(), pa.string())

# A row a closed session, by member, start and id. What starts with `rep_` is a list, a value a rep, null where a
# session is only there as the past of others: then its figures are those that stand. What is not known of a
# rep is NaN.
SESSIONS: Final = pa.schema(
    {
        "user": _WORD,
        "session": pa.string(),
        "gym": _WORD,
        "machine": _WORD,
        "time_zone": _WORD,
        "start_us": pa.int64(),
        "end_us": pa.int64(),
        "judged": pa.bool_(),  # it lies in the range and gym that were asked for
        "doubtful": pa.bool_(),  # two people on one badge: what it does to workload is held back
        "closed_version": pa.int64(),
        "work_j": pa.float64(),
        "tonnage_kg": pa.float64(),
        "top_load_kg": pa.float64(),
        "hard_sets": pa.int64(),
        "e1rm_kg": pa.float64(),
        "rules": _WORD,  # values that differ from the defaults, as JSON
        "rules_version": pa.int64(),
        "missing_days": pa.list_(pa.date32()),  # of the member, on their first row in a time zone
        "rep_set": pa.list_(pa.int32()),
        "rep_load_kg": pa.list_(pa.float64()),
        "rep_work_j": pa.list_(pa.float64()),
        "rep_velocity_loss_pct": pa.list_(pa.float64()),
        "rep_ok": pa.list_(pa.bool_()),
    }
)
REP_COLUMNS: Final = ("rep_set", "rep_load_kg", "rep_work_j", "rep_velocity_loss_pct", "rep_ok")

# A row a judged session. `findings`: of a nameless member, as JSON; null where nothing is to be said.
JUDGED: Final = pa.schema(
    {
        "user": _WORD,
        "session": pa.string(),
        "gym": _WORD,
        "machine": _WORD,
        "start_us": pa.int64(),
        "end_us": pa.int64(),
        "closed_version": pa.int64(),
        "work_j": pa.float64(),
        "tonnage_kg": pa.float64(),
        "top_load_kg": pa.float64(),
        "hard_sets": pa.int64(),
        "stood_hard_sets": pa.int64(),
        "agrees": pa.bool_(),  # the reps add up to the figures that stand
        "reps": pa.int64(),
        "rules": _WORD,
        "rules_version": pa.int64(),
        "findings": pa.string(),
    }
)


def partition_of(user: str, partitions: int) -> int:
    """The partition of a member: CRC-32 of the pseudonym, modulo their number."""
    return zlib.crc32(user.encode()) % partitions


def partition_name(number: int) -> str:
    """The name of a partition's directory."""
    return f"user_hash={number:03d}"


def digest_of(path: Path) -> str:
    """What names the contents of a file: 32 hex digits."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def as_parquet(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file: the same for the same rows."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(None), sink, compression="zstd")
    return bytes(sink.getvalue())
