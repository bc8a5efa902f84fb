"""What every series store promises. A store that behaves otherwise is wrong, the one in memory too."""

import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frames import T0_US, a_frame, any_frame, stored
from series_stores import LASTING_KINDS, LastingPlace, MemoryPlace, Place, lasting_place_of
from sledwatch.events import Frame, encode
from sledwatch_storage.series import SeriesStore, StoreUnavailable

SECOND_US = 1_000_000
EVER = (-(2**62), 2**62)
_fresh = count(100)


@pytest.fixture(params=["memory", *LASTING_KINDS])
def place(request: pytest.FixtureRequest) -> Place:
    """Where a store can be opened, empty at first."""
    return MemoryPlace() if request.param == "memory" else lasting_place_of(request.param, request)


@pytest.fixture(params=LASTING_KINDS)
def lasting_place(request: pytest.FixtureRequest) -> LastingPlace:
    """A place that several stores share, and that outlives them."""
    return lasting_place_of(request.param, request)


@pytest.fixture
def store(place: Place) -> Iterator[SeriesStore]:
    store = place.open()
    yield store
    store.close()


def frames_of(
    store: SeriesStore, from_us: int = T0_US, to_us: int = T0_US + 3600 * SECOND_US, machine: str = "press-1"
) -> list[Frame]:
    return [stored.frame for stored in store.frames("north", machine, "b1", from_us, to_us)]


def test_a_frame_comes_back_as_it_was_sent(store):
    store.append([stored(a_frame())])
    assert [stored(a_frame())] == store.frames("north", "press-1", "b1", T0_US, T0_US + 1)


def test_nothing_is_stored_at_first(store):
    assert frames_of(store) == []


def test_an_empty_batch_is_fine(store):
    store.append([])
    assert frames_of(store) == []


def test_a_frame_sent_twice_is_stored_once(store):
    """The broker redelivers after a crash; (gym, machine, boot, seq) keeps the second copy out."""
    store.append([stored(a_frame(), received_us=T0_US)])
    store.append([stored(a_frame(), received_us=T0_US + SECOND_US)])
    assert [a_frame()] == frames_of(store)


def test_a_frame_twice_in_a_batch_is_stored_once(store):
    store.append([stored(a_frame()), stored(a_frame(1)), stored(a_frame())])
    assert [a_frame(), a_frame(1)] == frames_of(store)


def test_a_batch_that_is_known_in_part_adds_the_rest(store):
    store.append([stored(a_frame(seq)) for seq in (0, 2)])
    store.append([stored(a_frame(seq)) for seq in range(4)])
    assert [a_frame(seq) for seq in range(4)] == frames_of(store)


def test_frames_are_ordered_by_time_however_they_came(store):
    store.append([stored(a_frame(seq)) for seq in (5, 1, 3)])
    store.append([stored(a_frame(seq)) for seq in (4, 0, 2)])
    assert [0, 1, 2, 3, 4, 5] == [frame.seq for frame in frames_of(store)]


def test_time_orders_before_the_number_does(store):
    """A machine whose clock was set back: its frames are read in event time."""
    early, late = a_frame(7), a_frame(3, t_us=T0_US + 60 * SECOND_US)
    store.append([stored(late), stored(early)])
    assert [early, late] == frames_of(store)


def test_frames_that_overlap_in_time_are_kept_apart(store):
    one, other = a_frame(0), a_frame(1, t_us=T0_US + 30_000, depth_mm=[1.0, 2.0, 3.0])
    store.append([stored(one), stored(other)])
    assert [one, other] == frames_of(store)


def test_frames_that_coincide_to_the_microsecond_are_kept_apart(store):
    """A clock set back by whole sampling steps: the same times again, under new numbers."""
    before = [a_frame(seq, depth_mm=[float(seq), None, 3.0, None, 5.0]) for seq in range(3)]
    after = [a_frame(seq + 3, t_us=T0_US + seq * SECOND_US, depth_mm=[None, 0.5, 9.0, None, None]) for seq in range(3)]
    store.append([stored(frame) for frame in before])
    store.append([stored(frame) for frame in after])
    assert [frame for pair in zip(before, after, strict=True) for frame in pair] == frames_of(store)


def test_a_range_holds_its_beginning_and_not_its_end(store):
    store.append([stored(a_frame(seq)) for seq in range(4)])
    assert [a_frame(1), a_frame(2)] == frames_of(store, from_us=T0_US + SECOND_US, to_us=T0_US + 3 * SECOND_US)


def test_a_frame_that_began_before_the_range_is_not_in_it(store):
    store.append([stored(a_frame())])
    assert frames_of(store, from_us=T0_US + 20_000) == []


def test_a_frame_that_ends_after_the_range_is_whole(store):
    store.append([stored(a_frame())])
    assert [a_frame()] == frames_of(store, to_us=T0_US + 20_000)


def test_a_range_may_be_everything(store):
    store.append([stored(a_frame())])
    assert [a_frame()] == frames_of(store, from_us=EVER[0], to_us=EVER[1])


def test_an_empty_range_holds_nothing(store):
    store.append([stored(a_frame())])
    assert frames_of(store, from_us=T0_US, to_us=T0_US) == []


def test_gyms_machines_and_boots_are_kept_apart(store):
    here = stored(a_frame())
    others = [
        stored(a_frame(depth_mm=[1.0]), gym="south"),
        stored(a_frame(depth_mm=[2.0]), machine="press-2"),
        stored(a_frame(boot="b2", depth_mm=[3.0])),
    ]
    store.append([here, *others])
    assert [[here], *([other] for other in others)] == [
        store.frames(one.gym, one.machine, one.frame.boot, *EVER) for one in (here, *others)
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"session": None}, id="of nobody"),
        pytest.param({"session": "a-Z_0"}, id="any session"),
        pytest.param({"load_kg": 0.0}, id="no load"),
        pytest.param({"load_kg": [120.0, 120.0, 122.5, 122.5, 122.5]}, id="a load that varies"),
        pytest.param({"load_kg": [120.0] * 5}, id="a load as a list that does not vary"),
        pytest.param(
            {"left_n": [300.0, 310.5, None, 320.0, 0.0], "right_n": [299.0, 0.1, -2.0, None, None]}, id="forces"
        ),
        pytest.param({"left_n": [0.0] * 5}, id="one force"),
        pytest.param({"left_n": [None] * 5}, id="a force sensor that gave nothing"),
        pytest.param({"depth_mm": [None] * 5}, id="no depth at all"),
        pytest.param({"depth_mm": [None, None, 1.0, None, None]}, id="one depth"),
        pytest.param(
            {"depth_mm": [None] * 5, "load_kg": [1.0, 2.0, 3.0, 4.0, 5.0], "right_n": [None, 1.0, None, None, None]},
            id="loads without depths",
        ),
        pytest.param({"depth_mm": [0.0, -0.0, 1 / 3, 5e-324, 1999.9999999999998]}, id="awkward doubles"),
        pytest.param({"depth_mm": [-50.0]}, id="one sample"),
        pytest.param({"depth_mm": [i % 7 / 10 for i in range(1000)]}, id="a thousand samples"),
        pytest.param({"dt_us": 10_000_000}, id="slow"),
        pytest.param({"dt_us": 1}, id="fast"),
        pytest.param({"seq": 2**53, "t_us": T0_US}, id="a large number"),
    ],
)
def test_whatever_a_frame_holds_comes_back(store, changes):
    frame = a_frame(**changes)
    store.append([stored(frame)])
    assert [encode(frame)] == [encode(found) for found in frames_of(store)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_frame_comes_back_bit_for_bit(store: SeriesStore, data: st.DataObject):
    frames = [data.draw(any_frame(seq)) for seq in range(data.draw(st.integers(1, 3)))]
    machine = f"press-{next(_fresh)}"
    store.append([stored(frame, machine=machine) for frame in frames])
    assert [encode(frame) for frame in frames] == [encode(frame) for frame in frames_of(store, machine=machine)]


def left_after(store: SeriesStore, frames: list[Frame], from_us: int, to_us: int) -> list[Frame]:
    store.append([stored(frame) for frame in frames])
    store.erase("north", "press-1", from_us, to_us)
    return frames_of(store, *EVER)


def test_what_is_erased_is_gone_and_nothing_else_is(store):
    frames = [a_frame(seq) for seq in range(6)]
    assert [*frames[:2], *frames[4:]] == left_after(store, frames, T0_US + 2 * SECOND_US, T0_US + 4 * SECOND_US)


def test_erasing_goes_by_the_first_sample(store):
    """A frame that reaches into the interval stays whole, one that reaches beyond it goes whole."""
    frames = [a_frame(seq) for seq in range(4)]
    assert [frames[0], *frames[2:]] == left_after(store, frames, T0_US + 30_000, T0_US + SECOND_US + 30_000)


def test_erasing_takes_no_sample_of_a_frame_that_overlaps(store):
    """The clock was set back by half a step, and the frame that stays lies between the samples of the one that goes."""
    stays, goes = a_frame(0, t_us=T0_US - 10_000), a_frame(1, t_us=T0_US)
    later = a_frame(2, t_us=T0_US + 50_000)
    assert [stays, later] == left_after(store, [stays, goes, later], T0_US, T0_US + 1)


def test_erasing_takes_no_sample_of_a_frame_that_coincides(store):
    stays, goes = a_frame(0, t_us=T0_US - 20_000), a_frame(1, t_us=T0_US)
    assert [stays] == left_after(store, [stays, goes], T0_US, T0_US + 1)


def test_erasing_takes_all_boots_of_one_machine(store):
    gone = [stored(a_frame()), stored(a_frame(boot="b2", load_kg=[1.0, 2.0, 3.0, 4.0, 5.0]))]
    kept = [stored(a_frame(), machine="press-2"), stored(a_frame(), gym="south"), stored(a_frame(), machine="press_1")]
    store.append([*gone, *kept])
    store.erase("north", "press-1", *EVER)
    assert [[], [], *([one] for one in kept)] == [
        store.frames(one.gym, one.machine, one.frame.boot, *EVER) for one in (*gone, *kept)
    ]


def test_erasing_nothing_or_twice_is_fine(store):
    frames = [a_frame(seq) for seq in range(2)]
    store.erase("north", "press-1", *EVER)
    assert frames == left_after(store, frames, T0_US + SECOND_US, T0_US + SECOND_US)
    for _ in range(2):
        store.erase("north", "press-1", T0_US, T0_US + 1)
    assert frames[1:] == frames_of(store)


def test_what_was_erased_may_come_again(store):
    """It is sent again by a machine that does not know better: the same frame, whole."""
    assert [] == left_after(store, [a_frame()], *EVER)
    store.append([stored(a_frame())])
    assert [a_frame()] == frames_of(store)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_erasing_any_interval_takes_what_begins_in_it(store: SeriesStore, data: st.DataObject):
    """Frames of several boots that overlap as they like."""
    machine = f"press-{next(_fresh)}"
    times = st.integers(0, 40).map(lambda steps: T0_US + steps * 10_000)
    frames = [
        a_frame(seq, boot=data.draw(st.sampled_from(["b1", "b2"])), t_us=data.draw(times), dt_us=10_000)
        for seq in range(data.draw(st.integers(0, 6)))
    ]
    from_us, to_us = data.draw(times), data.draw(times)
    store.append([stored(frame, machine=machine) for frame in frames])
    store.erase("north", machine, from_us, to_us)
    left = sorted((one for one in frames if not from_us <= one.t_us < to_us), key=lambda one: (one.t_us, one.seq))
    found = [one.frame for boot in ("b1", "b2") for one in store.frames("north", machine, boot, *EVER)]
    assert left == sorted(found, key=lambda one: (one.t_us, one.seq))


def test_when_a_frame_arrived_is_kept(store):
    store.append([stored(a_frame(), received_us=T0_US + 123_456_789)])
    assert [T0_US + 123_456_789] == [found.received_us for found in store.frames("north", "press-1", "b1", *EVER)]


def test_a_store_opened_again_still_has_it(lasting_place):
    with_frame = lasting_place.open()
    with_frame.append([stored(a_frame())])
    with_frame.close()
    again = lasting_place.open()
    assert [a_frame()] == frames_of(again)
    again.close()


def test_what_one_has_stored_another_reads(lasting_place):
    """Ingest writes, analytics reads: two processes, two stores open at once."""
    writer, reader = lasting_place.open(), lasting_place.open()
    assert frames_of(reader) == []
    writer.append([stored(a_frame())])
    assert [a_frame()] == frames_of(reader)
    writer.close()
    reader.close()


def test_threads_may_append_the_same_frames_at_once(store):
    batches = [[stored(a_frame(seq)) for seq in range(first, first + 20)] for first in (0, 10, 20, 0)]
    _at_once([lambda batch=batch: store.append(batch) for batch in batches])
    assert [a_frame(seq) for seq in range(40)] == frames_of(store)


def test_stores_of_several_processes_may_append_at_once(lasting_place):
    stores = [lasting_place.open() for _ in range(3)]
    _at_once(
        [
            lambda store=store, i=i: [store.append([stored(a_frame(seq))]) for seq in range(i, 30, 2)]
            for i, store in enumerate(stores)
        ]
    )
    assert [a_frame(seq) for seq in range(30)] == frames_of(stores[0])
    for store in stores:
        store.close()


def test_what_append_has_returned_from_is_read_whole_while_more_is_written(store):
    frames = [a_frame(seq) for seq in range(60)]
    returned = [0]
    seen = []

    def write() -> None:
        for frame in frames:
            store.append([stored(frame)])
            returned[0] += 1

    def read() -> None:
        while not seen or seen[-1][0] < len(frames):
            so_far = returned[0]
            seen.append((so_far, frames_of(store)[:so_far]))

    _at_once([write, read])
    assert all(found == frames[:so_far] for so_far, found in seen)


def test_a_heartbeat_stores_no_frame(store):
    store.heartbeat(T0_US)
    store.heartbeat(T0_US + 2 * SECOND_US)
    assert frames_of(store) == []


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.append([stored(a_frame())]),
        lambda store: store.append([]),
        lambda store: store.frames("north", "press-1", "b1", *EVER),
        lambda store: store.erase("north", "press-1", *EVER),
        lambda store: store.heartbeat(T0_US),
    ],
    ids=["append", "append nothing", "frames", "erase", "heartbeat"],
)
def test_a_closed_store_is_unavailable(store, use):
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        use(store)


def test_a_store_that_is_gone_is_unavailable_and_works_again_when_it_is_back(lasting_place):
    store = lasting_place.open()
    store.append([stored(a_frame())])
    with lasting_place.away():
        with pytest.raises(StoreUnavailable):
            store.append([stored(a_frame(1))])
        with pytest.raises(StoreUnavailable):
            store.erase("north", "press-1", *EVER)
        with pytest.raises(StoreUnavailable):
            store.heartbeat(T0_US)
    store.append([stored(a_frame(1))])
    assert [a_frame(), a_frame(1)] == frames_of(store)
    store.close()


def test_names_are_compared_whole(store):
    """Neither a prefix nor a pattern: an underscore is a letter like any other."""
    store.append([stored(a_frame(), machine="press_1")])
    assert [] == [*store.frames("north", "press", "b1", *EVER), *store.frames("north", "press-1", "b1", *EVER)]


def _at_once(work: list[Callable[[], object]]) -> None:
    failures: list[BaseException] = []

    def run(one: Callable[[], object]) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
