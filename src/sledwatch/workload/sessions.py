"""Sessions as columns: those of one member, or of any number of members below each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sledwatch.workload.terms import Floats, Micros

# What a row or a frame of sessions holds. Times in µs since the epoch, UTC; `end_us` may be missing while one lasts.
SESSION_COLUMNS: Final = ("session", "start_us", "end_us", "work_j", "tonnage_kg", "top_load_kg", "hard_sets")


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions with a rep, in columns of one length. Those of a member lie together and ascend by start, then id.

    A session without a rep is no training and is not among them; a figure that is not known counts as 0. `of_rows` and
    `of_frame` see to all that.
    """

    session: NDArray[np.object_]
    start_us: Micros
    end_us: Micros
    work_j: Floats
    tonnage_kg: Floats
    top_load_kg: Floats
    hard_sets: Micros

    def __len__(self) -> int:
        return len(self.session)

    @classmethod
    def of_rows(cls, rows: Iterable[Sequence[Any]]) -> "Sessions":
        """Those of one member from rows of SESSION_COLUMNS, in any order; None where something is not known."""
        kept = [
            (session, start_us, start_us if end_us is None else end_us, work_j or 0.0, tonnage_kg or 0.0, *more)
            for session, start_us, end_us, work_j, tonnage_kg, *more in rows
            if work_j or tonnage_kg
        ]
        kept.sort(key=lambda row: (row[1], row[0]))
        session, start_us, end_us, work_j, tonnage_kg, load_kg, sets = zip(*kept, strict=True) if kept else [()] * 7
        return cls(
            session=np.array(session, dtype=np.object_),
            start_us=np.array(start_us, dtype=np.int64),
            end_us=np.array(end_us, dtype=np.int64),
            work_j=np.array(work_j, dtype=np.float64),
            tonnage_kg=np.array(tonnage_kg, dtype=np.float64),
            top_load_kg=np.array([load or 0.0 for load in load_kg], dtype=np.float64),
            hard_sets=np.array([count or 0 for count in sets], dtype=np.int64),
        )

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> "Sessions":
        """Those of one member from a frame with SESSION_COLUMNS, in any order; NaN where something is not known."""
        every = cls.of_columns(frame)
        return every.at(every.order(np.zeros(len(every), dtype=np.int64)))

    @classmethod
    def of_columns(cls, frame: pd.DataFrame) -> "Sessions":
        """All rows of a frame as they are, of any members; `order` says which of them to take."""
        start_us = frame["start_us"].to_numpy(dtype=np.int64)
        end = frame["end_us"]
        if end.dtype == np.int64:
            end_us = end.to_numpy()
        else:
            known = end.notna().to_numpy()
            end_us = start_us.copy()
            # Not by way of floats, which do not hold every microsecond.
            end_us[known] = [int(time_us) for time_us in end[known]]
        figures = {
            name: np.nan_to_num(pd.to_numeric(frame[name]).to_numpy(dtype=np.float64))
            for name in ("work_j", "tonnage_kg", "top_load_kg", "hard_sets")
        }
        return cls(
            session=frame["session"].to_numpy(dtype=np.object_),
            start_us=start_us,
            end_us=end_us,
            work_j=figures["work_j"],
            tonnage_kg=figures["tonnage_kg"],
            top_load_kg=figures["top_load_kg"],
            hard_sets=figures["hard_sets"].astype(np.int64),
        )

    def order(self, member: Micros) -> Micros:
        """The rows with a rep, ordered by member, start and id."""
        kept = np.flatnonzero((self.work_j > 0) | (self.tonnage_kg > 0))
        ordered = kept[np.lexsort((self.start_us[kept], member[kept]))]
        same = (np.diff(self.start_us[ordered]) == 0) & (np.diff(member[ordered]) == 0)
        if same.any():
            # Only what starts at one instant: comparing ids takes longer than all else together.
            tied = np.union1d(np.flatnonzero(same), np.flatnonzero(same) + 1)
            rank = np.zeros(len(ordered), dtype=np.int64)
            rank[tied[np.argsort(self.session[ordered[tied]], kind="stable")]] = np.arange(len(tied))
            ordered = ordered[np.lexsort((rank, self.start_us[ordered], member[ordered]))]
        result: Micros = ordered
        return result

    def at(self, rows: Micros) -> "Sessions":
        """These rows, in this order."""
        return Sessions(
            self.session[rows],
            self.start_us[rows],
            self.end_us[rows],
            self.work_j[rows],
            self.tonnage_kg[rows],
            self.top_load_kg[rows],
            self.hard_sets[rows],
        )
