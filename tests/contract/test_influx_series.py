"""What is InfluxDB's own: what it refuses, how it fails, and what is asked of it."""

import json
from typing import TYPE_CHECKING

import pytest

from frames import T0_US, a_frame, stored
from http_stand_in import Answer, answering
from sledwatch_storage.series import StoreRefused, StoreUnavailable
from sledwatch_storage.series.influx import InfluxSeries

if TYPE_CHECKING:
    from influx_server import InfluxServer

real = pytest.mark.needs("influxd")
EVER = (-(2**62), 2**62)
# InfluxDB's time ends in the year 2262.
POISON = a_frame(1, t_us=2**61)


@pytest.fixture
def store(influx_server: "InfluxServer") -> InfluxSeries:
    return influx_server.series(influx_server.new_bucket())


def frames_of(store, boot: str = "b1"):
    return [found.frame for found in store.frames("north", "press-1", boot, *EVER)]


def series_at(url: str, timeout_s: float = 5) -> InfluxSeries:
    return InfluxSeries(url, "token", "org", "gyms", timeout_s=timeout_s)


@real
def test_a_poisoned_frame_is_named_and_all_others_are_stored(store):
    good = [a_frame(seq) for seq in range(20) if seq != 1]
    batch = [stored(frame) for frame in [*good[:7], POISON, *good[7:], POISON]]
    with pytest.raises(StoreRefused, match="time outside range") as refused:
        store.append(batch)
    assert refused.value.positions == (7, 20)
    assert good == frames_of(store)


@real
def test_a_batch_of_poison_alone_is_refused_whole(store):
    with pytest.raises(StoreRefused) as refused:
        store.append([stored(POISON), stored(a_frame(2, t_us=2**61))])
    assert refused.value.positions == (0, 1)


@real
def test_a_name_that_cannot_be_written_is_refused_and_the_rest_is_stored(store):
    with pytest.raises(StoreRefused, match="cannot be written") as refused:
        store.append([stored(a_frame(), gym="two\nlines"), stored(a_frame())])
    assert refused.value.positions == (0,)
    assert [a_frame()] == frames_of(store)


@real
@pytest.mark.parametrize(
    "name",
    ["north' OR gym <> '", "north\\", "north\\' OR 1=1 OR '", "north'; DROP MEASUREMENT frame; --", "nor\nth", "/.*/"],
)
def test_a_name_is_never_read_as_a_question(store, name):
    store.append([stored(a_frame())])
    for names in ((name, "press-1", "b1"), ("north", name, "b1"), ("north", "press-1", name)):
        assert store.frames(*names, *EVER) == []
    assert [a_frame()] == frames_of(store)


@real
@pytest.mark.parametrize("name", ["it's", "a,b=c d", 'say "so"', "back\\slash", "é 腿"])
def test_any_name_that_can_be_written_is_found_again(store, name):
    one = stored(a_frame(boot=name), gym=name, machine=name)
    store.append([one])
    assert [one] == store.frames(name, name, name, *EVER)


@real
@pytest.mark.parametrize(
    ("use", "why"),
    [
        (lambda store: store.append([stored(a_frame())]), "404.*not found"),
        (lambda store: store.heartbeat(T0_US), "404.*not found"),
        (frames_of, "database not found"),
    ],
    ids=["append", "heartbeat", "frames"],
)
def test_a_bucket_that_is_not_there_is_said_so(influx_server, use, why):
    """In CSV the answer to a read would be as empty as that of a bucket with nothing in it."""
    with pytest.raises(StoreUnavailable, match=why):
        use(influx_server.series("no-such-bucket"))


@real
@pytest.mark.parametrize("use", [frames_of, lambda store: store.heartbeat(T0_US)], ids=["read", "write"])
def test_a_wrong_token_is_said_so_and_not_shown(influx_server, use):
    with pytest.raises(StoreUnavailable, match="401") as error:
        use(InfluxSeries(influx_server.url, "wrong-token", influx_server.org, influx_server.new_bucket()))
    assert "wrong-token" not in str(error.value)


@real
def test_of_an_overlap_to_the_microsecond_the_later_sample_is_kept(store):
    store.append([stored(a_frame(0, depth_mm=[1.0, 2.0, 3.0]))])
    store.append([stored(a_frame(1, t_us=T0_US + 40_000, depth_mm=[9.0]))])
    assert [[1.0, 2.0, 9.0], [9.0]] == [frame.depth_mm for frame in frames_of(store)]


def test_a_server_that_is_not_there_is_unavailable(free_port):
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        series_at(f"http://127.0.0.1:{free_port()}").append([stored(a_frame())])


@pytest.mark.parametrize(("header", "after_s"), [("7", 7.0), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_when_to_come_back(status, header, after_s):
    busy = Answer(status, '{"message": "later"}', {"Retry-After": header})
    with answering(lambda _: busy) as server, pytest.raises(StoreUnavailable, match=f"{status}: later") as error:
        series_at(server.url).append([stored(a_frame())])
    assert after_s == error.value.retry_after_s


@pytest.mark.parametrize("status", [401, 403, 404, 500, 502, 504])
def test_any_other_trouble_is_waited_for(status):
    with answering(lambda _: Answer(status)) as server, pytest.raises(StoreUnavailable, match=str(status)):
        series_at(server.url).append([stored(a_frame())])


def test_a_server_that_hangs_up_is_unavailable():
    with answering(lambda _: Answer(0)) as server, pytest.raises(StoreUnavailable, match="cannot be reached"):
        series_at(server.url).append([stored(a_frame())])


def test_a_server_that_does_not_answer_in_time_is_unavailable():
    with answering(lambda _: Answer(204, after_s=0.5)) as server, pytest.raises(StoreUnavailable, match="timed out"):
        series_at(server.url, timeout_s=0.1).append([stored(a_frame())])


def test_a_body_that_is_too_large_is_split():
    limit = 400

    def answer(body: bytes) -> Answer:
        return Answer(413 if len(body) > limit else 204)

    with answering(answer) as server:
        series_at(server.url).append([stored(a_frame(seq, depth_mm=[1.0])) for seq in range(8)])
    taken = b"\n".join(body for body in server.bodies if len(body) <= limit)
    assert [f"seq={seq}i" in taken.decode() for seq in range(8)] == [True] * 8


def test_a_large_batch_goes_in_bodies_of_good_size():
    """A backlog after an outage must not grow into a request that always times out."""
    samples = [i / 10 for i in range(1000)]
    with answering(lambda _: Answer(204)) as server:
        series_at(server.url).append([stored(a_frame(seq, depth_mm=samples)) for seq in range(60)])
    assert max(len(body) for body in server.bodies) <= 1024 * 1024
    assert b"\n".join(server.bodies).count(b"frame,") == 60


def test_a_frame_that_is_too_large_by_itself_is_refused():
    with answering(lambda body: Answer(413 if b"seq=1i" in body else 204)) as server, pytest.raises(StoreRefused) as no:
        series_at(server.url).append([stored(a_frame(seq)) for seq in range(3)])
    assert no.value.positions == (1,)


def test_a_write_done_in_part_is_searched_for_what_was_dropped():
    """422: the server has stored the rest; writing it again while halving does no harm."""
    conflict = json.dumps({"message": "partial write: field type conflict dropped=1"})
    with (
        answering(lambda body: Answer(422, conflict) if b"seq=3i" in body else Answer(204)) as server,
        pytest.raises(StoreRefused, match="1 of 8 frames: partial write") as refused,
    ):
        series_at(server.url).append([stored(a_frame(seq)) for seq in range(8)])
    assert refused.value.positions == (3,)
    assert len(server.bodies) <= 2 * 3 + 1


def test_a_server_that_goes_away_while_the_poison_is_sought_leaves_nothing_decided():
    answers = iter([Answer(400), Answer(204), Answer(503)])
    with answering(lambda _: next(answers)) as server, pytest.raises(StoreUnavailable):
        series_at(server.url).append([stored(a_frame(seq)) for seq in range(4)])
