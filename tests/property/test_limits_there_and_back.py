"""A limit that is carried to another machine and back is what it was, and never less safe on the way."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from presses import online
from sledwatch.events import Online, Setup
from sledwatch.limits import DepthLimit, LimitBook, SetLimit

heights = st.floats(1_400, 2_100)
notches = st.integers(0, 8)
offsets = st.floats(0, 150)


@st.composite
def places(draw: st.DrawFn) -> tuple[Online, Setup]:
    backrest_deg = draw(st.floats(10, 70))
    machine = online(
        rail_deg=draw(st.sampled_from([0.0, 35.0, 45.0])),
        backrest_deg=backrest_deg,
        reach_mm=draw(st.none() | st.floats(700, 900)),
        travel_mm=1_000.0,
    )
    return machine, Setup(backrest_deg, draw(notches), 2, draw(offsets))


def carried(
    limit_mm: float, source: tuple[Online, Setup], target: tuple[Online, Setup], height_mm: float
) -> DepthLimit | None:
    known = SetLimit("north", "source", source[1].notch, 2, limit_mm, 1, source[1])
    book = LimitBook((known,), height_mm, {("north", "source"): source[0]})
    return book.on("north", "target", *target).limit


@settings(max_examples=150, deadline=None)
@given(places(), places(), heights, st.floats(150, 450))
def test_there_and_back_it_is_what_it_was(
    source: tuple[Online, Setup], target: tuple[Online, Setup], height_mm: float, limit_mm: float
) -> None:
    there = carried(limit_mm, source, target, height_mm)
    assume(there is not None)
    assert there is not None
    back = carried(there.limit_mm, target, source, height_mm)
    assert back is not None
    assert abs(back.limit_mm - limit_mm) < 1e-3
    assert (there.error_mm or 0) > 0


@settings(max_examples=80, deadline=None)
@given(places(), places(), heights, st.floats(150, 400), st.floats(5, 50))
def test_who_may_go_deeper_here_may_go_deeper_there(
    source: tuple[Online, Setup], target: tuple[Online, Setup], height_mm: float, limit_mm: float, more_mm: float
) -> None:
    less, more = (carried(mm, source, target, height_mm) for mm in (limit_mm, limit_mm + more_mm))
    assume(less is not None and more is not None)
    assert less is not None
    assert more is not None
    assert more.limit_mm > less.limit_mm
