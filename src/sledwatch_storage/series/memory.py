"""A series store that forgets: for tests and trials. It keeps the promises of the port but for durability."""

import threading
from collections.abc import Sequence

from sledwatch_storage.series.port import StoredFrame, StoreUnavailable

_Boot = tuple[str, str, str]


class MemorySeries:
    """Frames in a dictionary."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._boots: dict[_Boot, dict[int, StoredFrame]] = {}
        self._closed = False

    @property
    def writers(self) -> int:
        """See SeriesStore.writers."""
        return 1

    def append(self, frames: Sequence[StoredFrame]) -> None:
        """See SeriesStore.append."""
        with self._lock:
            self._check_open()
            for stored in frames:
                boot = self._boots.setdefault((stored.gym, stored.machine, stored.frame.boot), {})
                boot.setdefault(stored.frame.seq, stored)

    def frames(self, gym: str, machine: str, boot: str, from_us: int, to_us: int) -> list[StoredFrame]:
        """See SeriesStore.frames."""
        with self._lock:
            self._check_open()
            kept = self._boots.get((gym, machine, boot), {}).values()
            found = [stored for stored in kept if from_us <= stored.frame.t_us < to_us]
        return sorted(found, key=lambda stored: (stored.frame.t_us, stored.frame.seq))

    def erase(self, gym: str, machine: str, from_us: int, to_us: int) -> None:
        """See SeriesStore.erase."""
        with self._lock:
            self._check_open()
            for name, kept in self._boots.items():
                if name[:2] == (gym, machine):
                    for seq in [seq for seq, stored in kept.items() if from_us <= stored.frame.t_us < to_us]:
                        del kept[seq]

    def heartbeat(self, now_us: int) -> None:  # noqa: ARG002 - the port's signature; there is nothing to write to
        """See SeriesStore.heartbeat."""
        with self._lock:
            self._check_open()

    def close(self) -> None:
        """See SeriesStore.close."""
        with self._lock:
            self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the series store is closed")
