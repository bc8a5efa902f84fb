"""Sets of sequence numbers as sorted ranges, both ends included: [(0, 969), (974, 1042)].

Neighbours are merged, so equal sets are equal lists. Nothing here changes its argument.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

Range = tuple[int, int]


def read(stored: Iterable[Sequence[int]]) -> list[Range]:
    """Ranges as JSON holds them, lists of two."""
    return [(low, high) for low, high in stored]


def add(ranges: Sequence[Range], low: int, high: int) -> list[Range]:
    """With all of [low, high] in it. Raises ValueError where low is above high."""
    if low > high:
        raise ValueError(f"{low} to {high} is no range")
    # Nearly always it is the next number.
    if not ranges or low > ranges[-1][1] + 1:
        return [*ranges, (low, high)]
    if low == ranges[-1][1] + 1:
        return [*ranges[:-1], (ranges[-1][0], high)]
    # Those that overlap or touch [low, high] are ranges[first:last].
    first = bisect_left(ranges, low - 1, key=lambda r: r[1])
    last = bisect_right(ranges, high + 1, key=lambda r: r[0])
    if first < last:
        low, high = min(low, ranges[first][0]), max(high, ranges[last - 1][1])
    return [*ranges[:first], (low, high), *ranges[last:]]


def remove(ranges: Sequence[Range], low: int, high: int) -> list[Range]:
    """Without all of [low, high]. Raises ValueError where low is above high."""
    if low > high:
        raise ValueError(f"{low} to {high} is no range")
    # Those that overlap [low, high] are ranges[first:last].
    first = bisect_left(ranges, low, key=lambda r: r[1])
    last = bisect_right(ranges, high, key=lambda r: r[0])
    ends = [(r[0], low - 1) for r in ranges[first:last][:1] if r[0] < low]
    ends += [(high + 1, r[1]) for r in ranges[first:last][-1:] if r[1] > high]
    return [*ranges[:first], *ends, *ranges[last:]]


def union(ranges: Sequence[Range], others: Sequence[Range]) -> list[Range]:
    """What is in either."""
    if not others:
        return list(ranges)
    merged: list[Range] = []
    # Both are sorted: this merges them in one go, however many holes each has.
    for low, high in sorted([*ranges, *others]):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def size(ranges: Iterable[Range]) -> int:
    """How many numbers are in it."""
    return sum(high - low + 1 for low, high in ranges)


def contains(ranges: Sequence[Range], seq: int) -> bool:
    """Whether one number is in it."""
    return bool(ranges) and seq <= ranges[-1][1] and covers(ranges, seq, seq)


def covers(ranges: Sequence[Range], low: int, high: int) -> bool:
    """Whether all of [low, high] is in it; nothing at all always is."""
    if low > high:
        return True
    at = bisect_right(ranges, low, key=lambda r: r[0]) - 1
    return at >= 0 and ranges[at][1] >= high


def missing(ranges: Sequence[Range], upto: int, from_: int = 0) -> list[Range]:
    """What of [from_, upto] is not in it."""
    holes = []
    at = from_
    for low, high in ranges[bisect_left(ranges, from_, key=lambda r: r[1]) :]:
        if low > upto:
            break
        if at < low:
            holes.append((at, low - 1))
        at = high + 1
    if at <= upto:
        holes.append((at, upto))
    return holes


def top(ranges: Sequence[Range]) -> int:
    """The largest number in it; -1 for none."""
    return ranges[-1][1] if ranges else -1
