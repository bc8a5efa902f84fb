"""A session's samples as columns, and how they are thinned for drawing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from sledwatch.events import Frame
from sledwatch_storage.series import SeriesStore
from sledwatch_storage.state.schema import session_log


@dataclass(frozen=True, slots=True)
class Columns:
    """Samples in columns of equal length, ascending in time; depth NaN where the sensor gave nothing."""

    t_us: NDArray[np.int64]
    depth_mm: NDArray[np.float64]
    load_kg: NDArray[np.float64]

    def columns(self) -> dict[str, list[Any]]:
        """As plain lists; a missing depth is a NaN, which JSON writes as null."""
        return {"t_us": self.t_us.tolist(), "depth_mm": self.depth_mm.tolist(), "load_kg": self.load_kg.tolist()}

    def between(self, from_us: int, until_us: int) -> "Columns":
        """The samples from one time to another, both included."""
        kept = (self.t_us >= from_us) & (self.t_us <= until_us)
        return Columns(self.t_us[kept], self.depth_mm[kept], self.load_kg[kept])


def read_trace(engine: Engine, series: SeriesStore, session: str) -> Columns:
    """Every stored sample of a session; none for a session without frames. Raises StoreUnavailable."""
    with engine.connect() as connection:
        log = connection.execute(select(session_log).where(session_log.c.session == session)).one_or_none()
    if log is None or log.first_us is None:
        return columns_of([])
    # first_us and last_us are of the frames themselves; last_us is the end of the last one.
    stored = series.frames(log.gym, log.machine, log.boot, log.first_us, log.last_us + 1)
    return columns_of([one.frame for one in stored if one.frame.session == session])


def thinned(trace: Columns, points: int) -> Columns:
    """About `points` samples of a trace: of each stretch of time its highest and lowest, so that no peak is lost.

    The first and the last sample stay; a stretch without any depth keeps one sample, so that a drawn line breaks there.
    """
    n = len(trace.t_us)
    if n <= points:
        return trace
    stretches = max(1, (points - 2) // 2)
    edges = np.linspace(0, n, stretches + 1).astype(np.int64)
    keep = {0, n - 1}
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        depth = trace.depth_mm[low:high]
        if np.isnan(depth).all():
            keep.add(low)
        else:
            keep.update((low + int(np.nanargmin(depth)), low + int(np.nanargmax(depth))))
    kept = np.array(sorted(keep))
    return Columns(trace.t_us[kept], trace.depth_mm[kept], trace.load_kg[kept])


def columns_of(frames: list[Frame]) -> Columns:
    """The samples of frames, ascending in time."""
    t_us = [frame.t_us + np.arange(len(frame.depth_mm), dtype=np.int64) * frame.dt_us for frame in frames]
    depth_mm = [np.array(frame.depth_mm, dtype=np.float64) for frame in frames]
    load_kg = [np.broadcast_to(np.asarray(frame.load_kg, np.float64), len(frame.depth_mm)) for frame in frames]
    none: list[NDArray[Any]] = [np.empty(0)]
    times = np.concatenate([np.empty(0, np.int64), *t_us]).astype(np.int64)
    # Frames overlap where a machine's clock was set back; what was taken at the same time stays in order of the frames.
    order = np.argsort(times, kind="stable")
    return Columns(times[order], np.concatenate(none + depth_mm)[order], np.concatenate(none + load_kg)[order])
