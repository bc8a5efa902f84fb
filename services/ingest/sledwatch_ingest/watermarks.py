"""Telling machines how far they are stored: `stored`, retained, at most every 2 s per machine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from sledwatch.events import Stored, TopicKind, encode, topic

EVERY_S: Final = 2.0

# How many are told in one go: a writer with ten thousand machines to tell still has frames to store.
_AT_ONCE: Final = 200

MachineKey = tuple[str, str]


class Watermarks:
    """Who is owed a `stored`, and when.

    read: the watermarks of machines, from the ledger. publish: hands topic and payload to the broker, and says
    whether it could. pace: a monotonic clock in seconds.
    """

    def __init__(
        self,
        read: Callable[[Sequence[MachineKey]], Mapping[MachineKey, Stored]],
        publish: Callable[[str, bytes], bool],
        pace: Callable[[], float],
    ) -> None:
        self._read = read
        self._publish = publish
        self._pace = pace
        self._owed: dict[MachineKey, None] = {}
        self._told_s: dict[MachineKey, float] = {}

    def touch(self, machines: Iterable[MachineKey]) -> None:
        """The watermark of these machines has moved, or they may have missed the last `stored`."""
        self._owed.update(dict.fromkeys(machines))

    def tell(self) -> int:
        """Publish what is due, oldest debt first; how many were published. Raises what `read` raises."""
        now_s = self._pace()
        due = [key for key in self._owed if now_s - self._told_s.get(key, -EVERY_S) >= EVERY_S][:_AT_ONCE]
        if not due:
            return 0
        stored = self._read(due)
        told = 0
        for gym, machine in due:
            if not self._publish(topic(gym, machine, TopicKind.STORED), encode(stored[gym, machine])):
                break
            del self._owed[gym, machine]
            self._told_s[gym, machine] = now_s
            told += 1
        return told
