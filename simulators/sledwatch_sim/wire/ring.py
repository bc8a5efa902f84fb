"""What a machine keeps until it is told that it is stored: numbered messages, boot by boot, in bounded memory.

Plain data, no network: the rules of the contract's "numbering and the watermark" from the machine's side.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from sledwatch import events

# Four hours of a frame a second; about 7 MB.
CAPACITY: Final = 4 * 3600
# How often what is missing is sent again before it is given up.
RESENDS: Final = 3
# How many ranges of earlier boots a State names; beyond these it names each boot as one range, which claims too much
# and does no harm.
MAX_HELD: Final = 64


@dataclass(frozen=True, slots=True)
class Message:
    """A numbered message as it goes over the wire."""

    boot: str
    seq: int
    kind: events.TopicKind
    payload: bytes


@dataclass(slots=True)
class _Boot:
    boot: str
    next_seq: int = 0
    kept: dict[int, Message] = field(default_factory=dict)  # ascending, because numbers are given in order
    watermark: int = -1
    missing: tuple[tuple[int, int], ...] = ()
    resent: dict[int, int] = field(default_factory=dict)  # how often each missing number was sent again
    answered: bool = True  # whether a watermark has come since what is missing was last sent again
    tail: tuple[int, int] | None = None  # watermark and highest number at the last look


class Ring:
    """A machine's memory of what it sent.

    boot: the name of this power-up. capacity: how many messages it holds over all boots; when it is full the oldest
    goes, and `lost` counts it.
    """

    def __init__(self, boot: str, capacity: int = CAPACITY) -> None:
        self._boots: dict[str, _Boot] = {boot: _Boot(boot)}
        self._current = self._boots[boot]
        self._capacity = capacity
        self._size = 0
        self.lost = 0

    @property
    def boot(self) -> str:
        """The present boot."""
        return self._current.boot

    @property
    def next_seq(self) -> int:
        """The number that the next message of this boot gets."""
        return self._current.next_seq

    def __len__(self) -> int:
        """How many messages are not known to be stored."""
        return self._size

    def reboot(self, boot: str) -> None:
        """Begin a new boot; what earlier ones hold is kept. Raises ValueError for a boot that was there before."""
        if boot in self._boots:
            raise ValueError(f"boot {boot!r} has been used: a power-up gets a new one")
        self._current = self._boots[boot] = _Boot(boot)
        self._drop_empty_boots()

    def add(self, kind: events.TopicKind, build: Callable[[str, int], events.Session | events.Frame]) -> Message:
        """Number a message, keep it, and return it. `build` makes it from boot and number."""
        boot = self._current
        message = Message(boot.boot, boot.next_seq, kind, events.encode(build(boot.boot, boot.next_seq)))
        boot.kept[boot.next_seq] = message
        boot.next_seq += 1
        self._size += 1
        while self._size > self._capacity:
            self._lose(*self._oldest())
        return message

    def holds(self, message: Message) -> bool:
        """Whether a message is still kept: not stored, not given up."""
        boot = self._boots.get(message.boot)
        return boot is not None and message.seq in boot.kept

    def stored(self, stored: events.Stored) -> None:
        """Let go of what is stored or settled. A watermark lower than one already seen is ignored."""
        for report in stored.boots:
            boot = self._boots.get(report.boot)
            if boot is None:
                continue
            boot.answered = True
            if report.seq < boot.watermark:
                continue
            boot.watermark = report.seq
            boot.missing = report.missing
            missing = set(_numbers(report.missing, boot))
            for seq in list(takewhile(lambda seq, top=report.seq: seq <= top, boot.kept)):  # type: ignore[misc]
                if seq not in missing:
                    del boot.kept[seq]
                    self._size -= 1
            boot.resent = {seq: times for seq, times in boot.resent.items() if seq in missing}
        self._drop_empty_boots()

    def above_watermark(self) -> list[Message]:
        """Everything that is kept, oldest boot first."""
        return [message for boot in self._boots.values() for message in boot.kept.values()]

    def resume(self) -> list[Message]:
        """What a machine sends after a reconnect: everything that is kept. Only a later watermark answers that."""
        for boot in self._boots.values():
            boot.answered = not boot.missing
        return self.above_watermark()

    def look_again(self) -> list[Message]:
        """What to send again now; to be asked every 30 s.

        What was asked for and sent three times is given up. A time counts once a watermark has come after it: while
        nobody answers, the store is away and what was sent may well be on its way; then nothing is sent again, and
        `unanswered` says so. A tail that was sent but never heard of (a broker that dropped it leaves no gap to
        complain about) is probed with its last message: once that is stored, the rest shows as missing.
        """
        again: list[Message] = []
        for boot in self._boots.values():
            missing = list(_numbers(boot.missing, boot)) if boot.answered else []
            for seq in missing:
                times = boot.resent.get(seq, 0)
                if times >= RESENDS:
                    self._lose(boot, seq)
                    continue
                boot.resent[seq] = times + 1
                boot.answered = False
                again.append(boot.kept[seq])
            top = next(reversed(boot.kept), -1)
            tail = (boot.watermark, top)
            if top > boot.watermark and boot.tail == tail:
                again.append(boot.kept[top])
            boot.tail = tail
        self._drop_empty_boots()
        return again

    @property
    def unanswered(self) -> bool:
        """Whether something was sent again and no watermark has come since."""
        return any(not boot.answered for boot in self._boots.values())

    @property
    def asked_in_vain(self) -> bool:
        """Whether something is reported missing that is no longer kept: a new State has to say so."""
        return any(
            sum(high - low + 1 for low, high in boot.missing) > sum(1 for _ in _numbers(boot.missing, boot))
            for boot in self._boots.values()
        )

    @property
    def oldest_seq(self) -> int:
        """The oldest number of this boot that is kept; the next one where nothing is."""
        return next(iter(self._current.kept), self._current.next_seq)

    @property
    def held(self) -> tuple[events.Held, ...]:
        """What earlier boots still hold, in runs without gaps; at most MAX_HELD of them, or one a boot."""
        earlier = [boot for boot in self._boots.values() if boot is not self._current and boot.kept]
        runs = [events.Held(boot.boot, low, high) for boot in earlier for low, high in _runs(boot.kept)]
        if len(runs) > MAX_HELD:
            runs = [events.Held(boot.boot, next(iter(boot.kept)), next(reversed(boot.kept))) for boot in earlier]
        return tuple(runs)

    def _oldest(self) -> tuple[_Boot, int]:
        boot = next(boot for boot in self._boots.values() if boot.kept)
        return boot, next(iter(boot.kept))

    def _lose(self, boot: _Boot, seq: int) -> None:
        del boot.kept[seq]
        boot.resent.pop(seq, None)
        self._size -= 1
        self.lost += 1

    def _drop_empty_boots(self) -> None:
        for boot in [boot for boot in self._boots.values() if not boot.kept and boot is not self._current]:
            del self._boots[boot.boot]


def _numbers(ranges: tuple[tuple[int, int], ...], boot: _Boot) -> Iterator[int]:
    """The kept numbers within ranges. A range that claims millions costs no more than what is kept."""
    for low, high in ranges:
        if high - low > len(boot.kept):
            yield from (seq for seq in boot.kept if low <= seq <= high)
        else:
            yield from (seq for seq in range(low, high + 1) if seq in boot.kept)


def _runs(numbers: dict[int, Message]) -> Iterator[tuple[int, int]]:
    first = last = None
    for number in numbers:
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last
