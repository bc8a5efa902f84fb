"""The bounded queue between the network and the writer.

It never blocks the network thread and never drops: it says that it is full, and the network leaves the socket unread.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

# A payload is small, but the broker may let through large ones: memory stays bounded by bytes too.
MAX_BYTES: Final = 64 * 1024 * 1024

# What a batch may hold: some thousand usual payloads. Decoded and formatted it takes thirty times as much.
BATCH_BYTES: Final = 512 * 1024

# Under load a batch may grow to this many times its usual size: the store's fixed cost per write is spread further.
GROWTH: Final = 8

# A broker with a small window sends no more until it is acknowledged. Once this many messages wait and then nothing
# comes for that long, waiting on would only slow the two of us down.
_BURST: Final = 16
_PAUSE_S: Final = 0.005


class Message(Struct, frozen=True, gc=False):
    """A publication as it arrived.

    received_us: our clock. generation: which of our connections brought it; packet_id is meaningful there only, and 0
    for what needs no acknowledgement. retained: it was kept by the broker and sent because we subscribed.
    """

    topic: str
    payload: bytes
    received_us: int
    retained: bool
    generation: int
    packet_id: int


class Inbox:
    """Messages in order of arrival. One thread puts, one takes."""

    def __init__(self, most: int, most_bytes: int = MAX_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._messages: deque[Message] = deque()
        self._changed = threading.Condition()
        self._wake_at = frozenset({1})
        self._closed = False
        self._nudged = False
        # Since when the first of them waits, as far as that matters for lingering.
        self._since_s = time.monotonic()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def full(self) -> bool:
        """Whether the network should stop reading."""
        return len(self._messages) >= self._most or self._bytes >= self._most_bytes

    @property
    def roomy(self) -> bool:
        """Whether there is so much room again that starting anew is worth it."""
        return len(self._messages) <= self._most // 2 and self._bytes <= self._most_bytes // 2

    @property
    def room(self) -> int:
        """How many more messages it is to take."""
        return max(0, self._most - len(self._messages)) if self._bytes < self._most_bytes else 0

    def put(self, messages: Sequence[Message]) -> None:
        """Append messages, also when full: who reads the network looks for `room` before it reads on."""
        with self._changed:
            before = len(self._messages)
            if not before:
                self._since_s = time.monotonic()
            self._messages.extend(messages)
            self._bytes += sum(map(_size, messages))
            if any(before < mark <= len(self._messages) for mark in self._wake_at):
                self._changed.notify()

    def take(self, batch: int, linger_s: float, timeout_s: float) -> list[Message]:
        """Wait up to `timeout_s` for a message, then up to `linger_s` for `batch` of them, and take what is there.

        Empty when nothing came, or when nudged or closed meanwhile.
        """
        with self._changed:
            self._wake_at = frozenset({1, min(_BURST, batch), batch})
            self._changed.wait_for(lambda: self._messages or self._called, timeout_s)
            deadline = self._since_s + linger_s
            while 0 < (waiting := len(self._messages)) < batch and not self._called:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(min(left, _PAUSE_S) if waiting >= _BURST else left)
                if waiting >= _BURST and waiting == len(self._messages):
                    break
            if self._called:
                self._nudged = False
                return []
            return self._taken(GROWTH * batch)

    def rest(self, timeout_s: float) -> None:
        """Wait until nudged or closed, whatever comes in meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._called, timeout_s)
            self._nudged = False

    def nudge(self) -> None:
        """Let `take` or `rest` return, now or when it is called next: there is other work."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let `take` return; what is left was never acknowledged and will be sent again."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def _called(self) -> bool:
        return self._nudged or self._closed

    def _taken(self, most: int) -> list[Message]:
        """The first messages: so many, and no more bytes than a batch may have, but for one that is larger itself."""
        taken: list[Message] = []
        size = 0
        while self._messages and len(taken) < most and (not taken or size + _size(self._messages[0]) <= BATCH_BYTES):
            taken.append(message := self._messages.popleft())
            size += _size(message)
        self._bytes -= size
        self._since_s = time.monotonic()
        return taken


def _size(message: Message) -> int:
    """What counts against the bounds: a stranger's topic may be as long as a payload."""
    return len(message.payload) + len(message.topic)
