"""Frames to store: one by hand, and any that the contract allows."""

from typing import Any

from hypothesis import strategies as st

from sledwatch.events import MAX_DEPTH_MM, MAX_LOAD_KG, MIN_DEPTH_MM, Frame
from sledwatch_storage.series import StoredFrame

T0_US = 1_795_330_800_000_000


def a_frame(seq: int = 0, **changes: Any) -> Frame:
    """Frame `seq` of boot `b1`, one a second, five samples 20 ms apart."""
    start = T0_US + seq * 1_000_000
    default: dict[str, Any] = {
        "boot": "b1", "seq": seq, "t_us": start, "dt_us": 20_000,
        "depth_mm": [12.1, 13.4, None, 15.0, 16.2], "load_kg": 120.0, "session": "01JDSESSION",
    }  # fmt: skip
    return Frame(**(default | changes))


def stored(frame: Frame, gym: str = "north", machine: str = "press-1", received_us: int = T0_US) -> StoredFrame:
    """A frame as it arrives at a store."""
    return StoredFrame(gym, machine, frame, received_us)


def _values(low: int, high: int) -> st.SearchStrategy[float]:
    """What sensors send, decimals, and what only an adversary would."""
    decimals = st.integers(0, 4).flatmap(
        lambda digits: st.integers(low * 10**digits, high * 10**digits).map(lambda whole: whole / 10**digits)
    )
    return decimals | st.floats(low, high)


@st.composite
def any_frame(draw: st.DrawFn, seq: int = 0) -> Frame:
    """A frame as `events.decode` lets it pass, or wilder, within the second of its number."""
    n = draw(st.integers(1, 60))
    depth = _values(int(MIN_DEPTH_MM), int(MAX_DEPTH_MM))
    force = _values(-5_000, 20_000)
    load = _values(0, int(MAX_LOAD_KG))
    column = st.none() | st.lists(st.none() | force, min_size=n, max_size=n)
    return Frame(
        boot="b1",
        seq=seq,
        t_us=T0_US + seq * 1_000_000 + draw(st.integers(0, 99_999)),
        dt_us=draw(st.integers(1, 900_000 // n)),
        depth_mm=draw(st.lists(st.none() | depth, min_size=n, max_size=n)),
        load_kg=draw(load | st.lists(load, min_size=n, max_size=n)),
        session=draw(st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)),
        left_n=draw(column),
        right_n=draw(column),
    )
