"""Sessions and events to copy to derived series: by hand, and any that may come."""

from typing import Any

from hypothesis import strategies as st

from frames import T0_US
from sledwatch.events import Rep
from sledwatch_storage.series.derived import EventCopy, SessionCopy

S = 1_000_000


def a_rep(number: int = 1, **changes: Any) -> Rep:
    """Rep `number` of session `s1`, one in four seconds."""
    start_us = T0_US + number * 4 * S
    default: dict[str, Any] = {
        "session": "s1", "user": "m-1", "gym": "north", "machine": "press-1", "set": 1, "rep": number,
        "t_start_us": start_us, "t_turn_us": start_us + 2 * S, "t_end_us": start_us + 3 * S, "load_kg": 120.0,
        "depth_mm": 402.5, "rom_mm": 390.0, "eccentric_s": 2.0, "concentric_s": 1.0,
    }  # fmt: skip
    return Rep(**(default | changes))


def a_session(reps: int | tuple[Rep, ...] = 2, **changes: Any) -> SessionCopy:
    """Session `s1` with these reps, or so many alike."""
    default: dict[str, Any] = {
        "session": "s1", "user": "m-1", "gym": "north", "machine": "press-1", "start_us": T0_US,
        "end_us": T0_US + 60 * S, "source": "samples", "hard_sets": 1, "work_j": 810.5, "tonnage_kg": 240.0,
        "top_load_kg": 120.0, "limit_mm": None, "limit_tier": None,
    }  # fmt: skip
    copy: dict[str, Any] = default | changes
    of = {name: copy[name] for name in ("session", "user", "gym", "machine")}
    made = reps if isinstance(reps, tuple) else tuple(a_rep(number, **of) for number in range(1, reps + 1))
    return SessionCopy(**copy, reps=made)


def an_event(number: int = 1, **changes: Any) -> EventCopy:
    """Event `number`: the machine came online."""
    default: dict[str, Any] = {
        "id": number, "gym": "north", "machine": "press-1", "boot": "b1", "kind": "online", "at_us": T0_US,
        "detail": None,
    }  # fmt: skip
    return EventCopy(**(default | changes))


_names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True)
_figures = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
_texts = st.none() | st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]))
_times = st.integers(-(2**52), 2**52)


@st.composite
def any_session(draw: st.DrawFn) -> SessionCopy:
    """A session with figures and texts of any kind."""
    of = {name: draw(_names) for name in ("gym", "machine", "user")}
    session = draw(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
    reps = tuple(
        Rep(
            **of, session=session, set=draw(st.integers(1, 9)), rep=number, t_start_us=draw(_times),
            t_turn_us=draw(_times), t_end_us=draw(_times), load_kg=draw(_figures.filter(lambda n: n is not None)),
            depth_mm=1.0, rom_mm=2, eccentric_s=0.0, concentric_s=-0.0, work_j=draw(_figures), hip_deg=draw(_figures),
            quality_reason=draw(_texts),
        )
        for number in range(1, draw(st.integers(0, 4)) + 1)
    )  # fmt: skip
    return SessionCopy(
        **of, session=session, start_us=draw(_times), end_us=draw(st.none() | _times), source="import",
        hard_sets=draw(st.none() | st.integers(0, 9)), work_j=draw(_figures), tonnage_kg=draw(_figures),
        top_load_kg=draw(_figures), limit_mm=draw(_figures), limit_tier=None, reps=reps,
    )  # fmt: skip
