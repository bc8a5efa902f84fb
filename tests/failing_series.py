"""Real series stores that fail on demand."""

import threading
from collections.abc import Sequence

from sledwatch_storage.series.port import SeriesStore, StoredFrame, StoreRefused, StoreUnavailable


class _Passing:
    """All that these wrappers leave alone."""

    def __init__(self, series: SeriesStore) -> None:
        self.series = series

    @property
    def writers(self) -> int:
        return self.series.writers

    def frames(self, gym: str, machine: str, boot: str, from_us: int, to_us: int) -> list[StoredFrame]:
        return self.series.frames(gym, machine, boot, from_us, to_us)

    def heartbeat(self, now_us: int) -> None:
        self.series.heartbeat(now_us)

    def close(self) -> None:
        self.series.close()


class Interrupted(_Passing):
    """Takes nothing while `away` is set; notes in `attempted` what it was asked to take then."""

    def __init__(self, series: SeriesStore) -> None:
        super().__init__(series)
        self.away = threading.Event()
        self.attempted: list[list[int]] = []
        self.taken: list[int] = []

    def append(self, frames: Sequence[StoredFrame]) -> None:
        seqs = [stored.frame.seq for stored in frames]
        if self.away.is_set():
            self.attempted.append(seqs)
            raise StoreUnavailable("away, says the test")
        self.series.append(frames)
        self.taken.extend(seqs)

    def heartbeat(self, now_us: int) -> None:
        if self.away.is_set():
            raise StoreUnavailable("away, says the test")
        super().heartbeat(now_us)


class Slow(_Passing):
    """Takes its time for each batch. sizes: how many frames each of them had."""

    def __init__(self, series: SeriesStore, seconds: float) -> None:
        super().__init__(series)
        self._seconds = seconds
        self._never = threading.Event()
        self.sizes: list[int] = []

    def append(self, frames: Sequence[StoredFrame]) -> None:
        self._never.wait(self._seconds)
        self.series.append(frames)
        self.sizes.append(len(frames))


class Choosy(_Passing):
    """Will never take the frame of one number."""

    def __init__(self, series: SeriesStore, refuses: int) -> None:
        super().__init__(series)
        self._refuses = refuses

    def append(self, frames: Sequence[StoredFrame]) -> None:
        positions = [n for n, stored in enumerate(frames) if stored.frame.seq == self._refuses]
        self.series.append([stored for stored in frames if stored.frame.seq != self._refuses])
        if positions:
            raise StoreRefused("a field of another type, says the test", positions)
