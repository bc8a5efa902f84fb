"""What ingest and analytics ask of a series store, whatever it is made of."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from sledwatch.events import Frame


class StoreUnavailable(Exception):
    """The store does not take or give data now: keep the batch, try again, after `retry_after_s` where it says so."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreRefused(Exception):
    """The store will never take these frames (their positions in the batch); all others of the batch are durable."""

    def __init__(self, message: str, positions: Sequence[int]) -> None:
        super().__init__(message)
        self.positions = tuple(positions)


class StoredFrame(Struct, frozen=True, gc=False):
    """A frame, where it comes from, and when it arrived (`received_us`, the receiver's clock)."""

    gym: str
    machine: str
    frame: Frame
    received_us: int


class SeriesStore(Protocol):
    """Frames by machine and boot. Safe to use from several threads."""

    @property
    def writers(self) -> int:
        """How many calls of `append` at the same time it has a use for, at least one."""

    def append(self, frames: Sequence[StoredFrame]) -> None:
        """Store frames; they are durable on return.

        A frame whose (gym, machine, boot, seq) is stored already is not stored again, within a batch too. A frame sent
        again is the same frame; which of two arrival times is kept, the store may choose.
        Raises StoreUnavailable (nothing is known of the batch) or StoreRefused (the rest of the batch is durable).
        """

    def frames(self, gym: str, machine: str, boot: str, from_us: int, to_us: int) -> list[StoredFrame]:
        """The frames of one boot whose first sample lies in [from_us, to_us), ordered by (t_us, seq), each once.

        Raises StoreUnavailable.
        """

    def erase(self, gym: str, machine: str, from_us: int, to_us: int) -> None:
        """Forget the frames of a machine, of all its boots, whose first sample lies in [from_us, to_us).

        They are gone for good on return, whole: also samples after to_us; and nothing of any other frame is. Frames
        that arrive meanwhile may stay. Raises StoreUnavailable; any part may be gone then, and erasing again is right.
        """

    def heartbeat(self, now_us: int) -> None:
        """Write and commit one small row, to know that the store takes writes. Raises StoreUnavailable."""

    def close(self) -> None:
        """Let go of files and connections; closing twice is fine."""
