"""What is InfluxDB's own: what it refuses, how it fails, and what is asked of it."""

import gzip
import json
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from frames import T0_US, a_frame, stored
from http_stand_in import Answer, answering
from sledwatch_storage.series import StoredFrame, StoreRefused, StoreUnavailable, line_protocol
from sledwatch_storage.series.influx import InfluxSeries
from sledwatch_storage.series.influx_link import BODY_BYTES

if TYPE_CHECKING:
    from influx_server import InfluxServer

real = pytest.mark.needs("influxd")
EVER = (-(2**62), 2**62)
DAY_US = 86_400_000_000
# InfluxDB's time ends in the year 2262.
POISON = a_frame(1, t_us=2**61)


@pytest.fixture
def store(influx_server: "InfluxServer") -> InfluxSeries:
    return influx_server.series(influx_server.new_bucket())


def frames_of(store, boot: str = "b1"):
    return [found.frame for found in store.frames("north", "press-1", boot, *EVER)]


def series_at(url: str, timeout_s: float = 5, **settings: Any) -> InfluxSeries:
    return InfluxSeries(url, "token", "org", "gyms", timeout_s=timeout_s, **settings)


def refusing(status: int, message: str) -> Answer:
    """As InfluxDB says it."""
    return Answer(status, json.dumps({"code": "invalid", "message": message}))


UNREADABLE = refusing(400, "unable to parse 'frame,…': bad timestamp")


@real
def test_a_poisoned_frame_is_named_and_all_others_are_stored(store):
    good = [a_frame(seq) for seq in range(20) if seq != 1]
    batch = [stored(frame) for frame in [*good[:7], POISON, *good[7:], POISON]]
    with pytest.raises(StoreRefused, match="unable to parse") as refused:
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
    """Asked about it, the server answers with status 200."""
    with pytest.raises(StoreUnavailable, match=why):
        use(influx_server.series("no-such-bucket"))


@real
@pytest.mark.parametrize("use", [frames_of, lambda store: store.heartbeat(T0_US)], ids=["read", "write"])
def test_a_wrong_token_is_said_so_and_not_shown(influx_server, use):
    with pytest.raises(StoreUnavailable, match="401") as error:
        use(InfluxSeries(influx_server.url, "wrong-token", influx_server.org, influx_server.new_bucket()))
    assert "wrong-token" not in str(error.value)


@real
@pytest.mark.parametrize("org", ["no-such-org", ""])
def test_a_wrong_organisation_is_said_so_and_blames_no_frame(influx_server, org):
    store = InfluxSeries(influx_server.url, influx_server.token, org, influx_server.new_bucket())
    with pytest.raises(StoreUnavailable, match=r"organization|orgID"):
        store.append([stored(a_frame()), stored(POISON)])


@real
def test_a_token_that_may_only_read_is_said_so_and_blames_no_frame(influx_server):
    bucket = influx_server.new_bucket()
    store = InfluxSeries(influx_server.url, influx_server.new_token({bucket: "r"}), influx_server.org, bucket)
    with pytest.raises(StoreUnavailable, match=r"403.*insufficient permissions"):
        store.append([stored(a_frame()), stored(POISON)])


@real
def test_a_frame_older_than_the_retention_is_refused_and_younger_ones_are_stored(influx_server):
    now_us = time.time_ns() // 1000
    old, young = a_frame(0, t_us=now_us - 3 * DAY_US), a_frame(1, t_us=now_us - DAY_US // 2)
    store = influx_server.series(influx_server.new_bucket(retention_s=86_400))
    with pytest.raises(StoreRefused, match=r"1 of 2 frames: .*outside retention policy") as refused:
        store.append([stored(old), stored(young)])
    assert refused.value.positions == (0,)
    assert [young] == frames_of(store)


@real
def test_a_bucket_in_which_something_else_has_written_our_fields_blames_no_frame(influx_server):
    bucket = influx_server.new_bucket()
    frame = a_frame(t_us=time.time_ns() // 1000)
    influx_server.write(bucket, f'sample,gym=else depth_mm="deep" {frame.t_us}000')
    store = influx_server.series(bucket)
    with pytest.raises(StoreUnavailable, match=r"refuses whatever is written: .*type conflict.*depth_mm"):
        store.append([stored(frame)])


@real
def test_a_week_in_which_something_else_has_written_our_fields_blames_the_frames_of_that_week(influx_server):
    bucket = influx_server.new_bucket()
    old = a_frame(0, t_us=time.time_ns() // 1000 - 20 * DAY_US)
    influx_server.write(bucket, f'sample,gym=else depth_mm="deep" {old.t_us}000')
    store = influx_server.series(bucket)
    with pytest.raises(StoreRefused, match="type conflict"):
        store.append([stored(old)])
    store.append([stored(a_frame(1))])
    assert [a_frame(1)] == frames_of(store)


@real
def test_a_field_that_few_frames_have_blames_those_alone(influx_server):
    bucket = influx_server.new_bucket()
    influx_server.write(bucket, f'sample,gym=else left_n="strong" {T0_US}000')
    store = influx_server.series(bucket)
    with pytest.raises(StoreRefused, match="left_n") as refused:
        store.append([stored(a_frame(0)), stored(a_frame(1, left_n=[1.0] * 5)), stored(a_frame(2))])
    assert refused.value.positions == (1,)
    assert [a_frame(0), a_frame(2)] == frames_of(store)


@real
@pytest.mark.parametrize(
    "name",
    ['north" OR gym="x', "north\\", "it's", "a,b=c d", 'say "so"', "back\\slash", "é 腿", "-- x", "/.*/", "nor\nth"],
)
def test_a_name_is_never_read_as_more_to_erase(store, name):
    """Nor as less: what can be written under a name is erased under it."""
    one = stored(a_frame(boot=name), gym=name, machine=name)
    can_be_written = line_protocol.can_be_tag(name)
    store.append([stored(a_frame()), *([one] if can_be_written else [])])
    for gym, machine in (("north", name), (name, "press-1"), (name, name)):
        store.erase(gym, machine, *EVER)
    assert [] == store.frames(name, name, name, *EVER)
    assert [a_frame()] == frames_of(store)


@real
def test_a_frame_of_an_earlier_version_is_read_and_stays_one(influx_server):
    """It wrote microseconds."""
    bucket = influx_server.new_bucket()
    lines = line_protocol.lines_of(stored(a_frame())).decode().split("\n")
    influx_server.write(bucket, "\n".join(f"{line[:-3]}000" for line in lines))
    store = influx_server.series(bucket)
    assert [a_frame()] == frames_of(store)
    store.append([stored(a_frame())])
    assert [a_frame()] == frames_of(store)


@real
def test_what_is_written_may_be_compressed(influx_server):
    bucket = influx_server.new_bucket()
    store = InfluxSeries(influx_server.url, influx_server.token, influx_server.org, bucket, gzip=True)
    with pytest.raises(StoreRefused) as refused:
        store.append([stored(a_frame()), stored(POISON)])
    assert refused.value.positions == (1,)
    assert [a_frame()] == frames_of(store)


def test_a_server_that_is_not_there_is_unavailable(free_port):
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        series_at(f"http://127.0.0.1:{free_port()}").append([stored(a_frame())])


@pytest.mark.parametrize(
    ("headers", "after_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:29:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "soon", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_when_to_come_back(status, headers, after_s):
    """In seconds, or as a time by its own clock."""
    busy = Answer(status, '{"message": "later"}', headers)
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


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    "body", ["", "Client sent an HTTP request to an HTTPS server.", "<html>no</html>", "[1]", "{}"]
)
def test_a_refusal_that_is_not_influxdbs_own_blames_no_frame(status, body):
    """A proxy, or a server that wants HTTPS."""
    with answering(lambda _: Answer(status, body)) as server, pytest.raises(StoreUnavailable, match=str(status)):
        series_at(server.url).append([stored(a_frame())])


def test_where_any_line_would_be_refused_no_frame_is_to_blame():
    wrong = refusing(400, "Please provide either orgID or org")
    with answering(lambda _: wrong) as server, pytest.raises(StoreUnavailable, match="either orgID or org"):
        series_at(server.url).append([stored(a_frame(seq)) for seq in range(3)])


def test_frames_that_are_all_poison_are_refused_where_other_lines_are_not():
    with (
        answering(lambda body: UNREADABLE if b"seq=" in body and b"control" not in body else Answer(204)) as server,
        pytest.raises(StoreRefused) as refused,
    ):
        series_at(server.url).append([stored(a_frame(seq)) for seq in range(3)])
    assert refused.value.positions == (0, 1, 2)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", "application/json"),
        ("<html>welcome</html>", "text/html"),
        ('{"results": 7}', "application/json"),
        ('{"results": [{"series": [{"columns": ["time"]}]}]}', "application/json"),
        ('{"results": []}', "application/x-msgpack"),
        (msgspec.msgpack.encode({"results": []})[:-1], "application/x-msgpack"),
    ],
)
def test_an_answer_that_is_no_answer_is_unavailable(body, kind):
    """Something else listens there, or stands between."""
    strange = Answer(200, body, {"Content-Type": kind})
    with (
        answering(lambda _: strange) as server,
        pytest.raises(StoreUnavailable, match="does not answer as InfluxDB does"),
    ):
        frames_of(series_at(server.url))


@pytest.mark.parametrize("use", [frames_of, lambda store: store.append([stored(a_frame())])], ids=["read", "write"])
def test_an_answer_that_breaks_off_is_unavailable(use):
    broken = Answer(200, '{"results": []}' + " " * 100_000, cut_at=50_000)
    with answering(lambda _: broken) as server, pytest.raises(StoreUnavailable, match="cannot be reached"):
        use(series_at(server.url))


def answers_with(one: StoredFrame) -> Iterator[dict[str, Any]]:
    """What InfluxDB answers to the two questions about a frame without lists."""
    frame = one.frame
    times = range(frame.t_us * 1000, (frame.t_us + len(frame.depth_mm) * frame.dt_us) * 1000, frame.dt_us * 1000)
    columns = ["time", "dt_us", "lists", "load_kg", "n", "received", "seq", "session"]
    head = [times[0], frame.dt_us, None, frame.load_kg, len(times), one.received_us, frame.seq, frame.session]
    yield {"results": [{"statement_id": 0, "series": [{"name": "frame", "columns": columns, "values": [head]}]}]}
    samples = [[time_ns, depth] for time_ns, depth in zip(times, frame.depth_mm, strict=True) if depth is not None]
    columns = ["time", "depth_mm"]
    yield {"results": [{"statement_id": 0, "series": [{"name": "sample", "columns": columns, "values": samples}]}]}


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(
    ("kind", "encode"),
    [
        ("application/json", msgspec.json.encode),
        ("application/json; charset=utf-8", msgspec.json.encode),
        ("application/x-msgpack", msgspec.msgpack.encode),
    ],
)
def test_an_answer_may_come_in_several_forms(kind, encode, compressed):
    """A server that does not know MessagePack answers in JSON; a proxy may compress either."""
    one = stored(a_frame(depth_mm=[i / 10 if i % 7 else None for i in range(40)], load_kg=100.0))
    answers = answers_with(one)
    headers = {"Content-Type": kind} | ({"Content-Encoding": "gzip"} if compressed else {})

    def answer(_: bytes) -> Answer:
        body = encode(next(answers))
        return Answer(200, gzip.compress(body) if compressed else body, headers)

    with answering(answer) as server:
        assert [one.frame] == frames_of(series_at(server.url))


def test_an_answer_that_is_compressed_badly_is_unavailable():
    bad = Answer(200, b"no gzip at all", {"Content-Encoding": "gzip"})
    with answering(lambda _: bad) as server, pytest.raises(StoreUnavailable):
        frames_of(series_at(server.url))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_erasing_that_is_not_done_is_said_so(status):
    answers = iter([Answer(200, '{"results": []}')])
    with (
        answering(lambda _: next(answers, Answer(status))) as server,
        pytest.raises(StoreUnavailable, match=str(status)),
    ):
        series_at(server.url).erase("north", "press-1", *EVER)


def test_a_compressed_body_is_the_same_lines():
    with answering(lambda _: Answer(204)) as server:
        series_at(server.url, gzip=True).append([stored(a_frame())])
        series_at(server.url).append([stored(a_frame())])
    packed, plain = server.bodies
    assert plain == zlib.decompress(packed, wbits=31)


def test_two_threads_write_at_once():
    """Each over a connection of its own: the second does not wait for the first."""
    both_here = threading.Barrier(2, timeout=20)

    def answer(_: bytes) -> Answer:
        both_here.wait()
        return Answer(204)

    with answering(answer) as server, ThreadPoolExecutor(2) as pool:
        store = series_at(server.url)
        list(pool.map(lambda seq: store.append([stored(a_frame(seq))]), range(2)))
    assert len(server.bodies) == store.writers == 2


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
    assert max(len(body) for body in server.bodies) <= BODY_BYTES < sum(len(body) for body in server.bodies)
    assert b"\n".join(server.bodies).count(b"frame,") == 60


def test_a_frame_that_is_too_large_by_itself_is_refused():
    with answering(lambda body: Answer(413 if b"seq=1i" in body else 204)) as server, pytest.raises(StoreRefused) as no:
        series_at(server.url).append([stored(a_frame(seq)) for seq in range(3)])
    assert no.value.positions == (1,)


def test_a_write_done_in_part_is_searched_for_what_was_dropped():
    """422: the server has stored the rest; writing it again while halving does no harm."""
    dropped = refusing(422, "partial write: dropped 50 points outside retention policy")
    with (
        answering(lambda body: dropped if b"seq=3i" in body else Answer(204)) as server,
        pytest.raises(StoreRefused, match="1 of 8 frames: partial write") as refused,
    ):
        series_at(server.url).append([stored(a_frame(seq)) for seq in range(8)])
    assert refused.value.positions == (3,)
    *writes, taken_back = server.bodies
    assert len(writes) <= 2 * 3 + 1
    assert b"_measurement" in taken_back


def test_a_server_that_goes_away_while_the_poison_is_sought_leaves_nothing_decided():
    answers = iter([UNREADABLE, Answer(204), Answer(503)])
    with answering(lambda _: next(answers)) as server, pytest.raises(StoreUnavailable):
        series_at(server.url).append([stored(a_frame(seq)) for seq in range(4)])
