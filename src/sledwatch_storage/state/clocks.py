"""How far a machine's clock is from ours, as the arrival of its States and frames shows.

A State bears the time at which it is said, and a frame is sent when its last sample is taken, so that time less the
arrival is the offset of the clock less the delay on the way. Delay only makes a clock look further behind: the largest
value of a while is nearest the truth, and what was buffered for hours never is the largest once something live came.
"""

from typing import Any, Final

# The largest of the last 5 to 10 minutes of frames: long enough for one frame without delay and to sit out a backlog
# that a machine delivers at full speed, short enough to notice a clock that was set.
BUCKET_US: Final = 5 * 60 * 1_000_000

# As a JSON column holds it. from_us: when the bucket in hand began, our clock; best_us: the largest value in it;
# before_us: that of the bucket before. Microseconds; positive where the machine's clock is ahead of ours.
Clock = dict[str, Any]


def heard(clock: Clock | None, ahead_us: int, at_us: int) -> Clock:
    """The estimate with one more message in it, the same object where that says nothing new.

    ahead_us: a State's time, or the end of a frame's, less its arrival. at_us: its arrival. A silence ages nothing:
    buckets follow each other by the messages that come, so that the first of a backlog does not drive out what was
    known before it.
    """
    if clock is None:
        return {"from_us": at_us, "best_us": ahead_us, "before_us": None}
    # Our own clock may have been set back: that begins a bucket too, or none would begin for as long.
    if abs(at_us - clock["from_us"]) >= BUCKET_US:
        return {"from_us": at_us, "best_us": ahead_us, "before_us": clock["best_us"]}
    if ahead_us > clock["best_us"]:
        return {**clock, "best_us": ahead_us}
    return clock


def offset_us(clock: Clock | None) -> int | None:
    """Microseconds that the machine's clock is ahead of ours, negative where it is behind; None where none is known."""
    if clock is None:
        return None
    best_us: int = clock["best_us"]
    before_us: int | None = clock["before_us"]
    return best_us if before_us is None else max(best_us, before_us)
