"""Our line protocol is byte for byte what influxdb-client's Point writes, which is slow and known to be right."""

from dataclasses import asdict

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from copies import any_session
from frames import T0_US, a_frame, any_frame, stored
from sledwatch_storage.series import influx_derived, line_protocol

_PRINTABLE = st.characters(exclude_categories=["C", "Zl", "Zp"])
tag_values = st.text(_PRINTABLE, min_size=1).filter(lambda text: not text.endswith("\\"))
integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
times = st.integers(-(2**62), 2**62)


def by_point(measurement: str, tags, fields, t_ns: int) -> str:
    point = Point(measurement).time(t_ns, WritePrecision.NS)
    for key, value in tags:
        point = point.tag(key, value)
    for key, value in fields.items():
        point = point.field(key, value)
    return point.to_line_protocol()


def frame_by_point(one) -> list[str]:
    frame = one.frame
    tags = [("gym", one.gym), ("machine", one.machine), ("boot", frame.boot)]
    lists = {
        name: column
        for name, column in (("left_n", frame.left_n), ("load_kg", frame.load_kg), ("right_n", frame.right_n))
        if isinstance(column, list)
    }
    head = {
        "seq": frame.seq,
        "n": len(frame.depth_mm),
        "dt_us": frame.dt_us,
        "received": one.received_us,
        "session": frame.session,
        "lists": " ".join(lists) or None,
        "load_kg": None if isinstance(frame.load_kg, list) else frame.load_kg,
    }
    phase = line_protocol.phase(frame)
    lines = [by_point("frame", tags, head, frame.t_us * 1000 + phase)]
    for i, depth in enumerate(frame.depth_mm):
        fields = {"depth_mm": depth, **{name: column[i] for name, column in lists.items()}}
        lines.append(by_point("sample", tags, fields, (frame.t_us + i * frame.dt_us) * 1000 + phase))
    return [line for line in lines if line]


@given(any_frame())
def test_a_frame_is_written_as_point_writes_it(frame):
    one = stored(frame)
    assert frame_by_point(one) == line_protocol.lines_of(one).decode().split("\n")


@given(any_frame(), st.integers(1, 2**51) | st.integers(0, 2**20).map(lambda us: 1_795_331_000_000_000 - us))
@example(a_frame(depth_mm=[1.0, 2.0, 3.0]), 1_795_330_999_960_000)
@example(a_frame(depth_mm=[1.0, 2.0, 3.0]), 1_795_330_999_940_000)
@example(a_frame(), 1_795_330_100_000_000)
@example(a_frame(), 1_795_330_099_999_999)
@example(a_frame(), 999_999_999)
def test_a_frame_of_any_time_is_written_as_point_writes_it(frame, t_us):
    one = stored(msgspec.structs.replace(frame, t_us=t_us))
    assert frame_by_point(one) == line_protocol.lines_of(one).decode().split("\n")


@given(tag_values, tag_values, st.text(_PRINTABLE), integers, floats, times)
@example("a", "b", "", 0, 0.0, 0)
@example("a", "b", "", 0, -0.0, 0)
def test_names_strings_and_numbers_are_written_as_point_writes_them(gym, machine, text, whole, real, t_ns):
    tags = [("gym", gym), ("machine", machine)]
    fields = {"a": text, "b": whole, "c": real, "d": None}
    written = f"{line_protocol.series('frame', tags)} {line_protocol.fields(fields)} {t_ns}"
    assert by_point("frame", tags, fields, t_ns) == written


@given(st.lists(floats, max_size=20))
def test_a_number_is_written_alike_each_time(numbers):
    once = [line_protocol.field(number) for number in numbers]
    assert once == [line_protocol.field(number) for number in numbers] == [repr(n).removesuffix(".0") for n in numbers]


def consecutive(n: int, seqs: range, dt_us: int, jitter_us: int = 0):
    return [
        a_frame(seq, t_us=T0_US + seq * n * dt_us + seq % 2 * jitter_us, dt_us=dt_us, depth_mm=[1.0] * n)
        for seq in seqs
    ]


@given(st.integers(1, 1000), st.integers(1, 100_000))
def test_frames_that_follow_each_other_have_one_phase(n, dt_us):
    """Even steps of time cost InfluxDB next to nothing."""
    assert len({line_protocol.phase(frame) for frame in consecutive(n, range(50), dt_us)}) == 1


@given(st.integers(1, 60), st.integers(1, 100), st.integers(1, 500_000).filter(lambda steps: steps % 997))
def test_a_clock_set_back_by_whole_steps_changes_the_phase(n, seq, steps):
    """The one case in which two samples of a boot have the same microsecond."""
    (frame,) = consecutive(n, range(seq, seq + 1), 20_000)
    set_back = a_frame(seq, t_us=frame.t_us - steps * 20_000, dt_us=20_000, depth_mm=frame.depth_mm)
    assert line_protocol.phase(frame) != line_protocol.phase(set_back)


@given(any_session())
def test_a_copy_of_a_session_is_written_as_point_writes_it(copy):
    """Whole numbers are those of its counts and times; every other figure is a float, though it has no decimals."""
    tags = [("gym", copy.gym), ("machine", copy.machine), ("user", copy.user)]
    figures = ("limit_mm", "tonnage_kg", "top_load_kg", "work_j")
    head = {name: getattr(copy, name) for name in ("hard_sets", "limit_tier", "session", "source", "end_us")}
    head |= {name: as_float(getattr(copy, name)) for name in figures}
    head |= {
        "duration_s": None if copy.end_us is None else (copy.end_us - copy.start_us) / 1e6,
        "reps": len(copy.reps),
        "sets": max((rep.set for rep in copy.reps), default=0),
    }
    whole = {"rep", "set", "t_start_us", "t_end_us"}
    points = [("session", head)]
    for rep in copy.reps:
        of_rep = {
            name: value for name, value in asdict(rep).items() if name not in {"gym", "machine", "user", "t_turn_us"}
        }
        points.append(("rep", {name: value if name in whole else as_float(value) for name, value in of_rep.items()}))
    times = [point[1] for point in influx_derived.points_of(copy)]
    expected = [by_point(name, tags, fields, t_ns) for (name, fields), t_ns in zip(points, times, strict=True)]
    assert expected == influx_derived.lines_of(copy).decode().split("\n")
    assert [copy.start_us, *(rep.t_turn_us for rep in copy.reps)] == [t_ns // 1000 for t_ns in times]


def as_float(value):
    return float(value) if isinstance(value, int) else value


@pytest.mark.parametrize("name", ["two\nlines", "end\\"])
def test_what_cannot_be_written_is_said_so(name):
    with pytest.raises(ValueError, match="cannot be written as a tag"):
        line_protocol.series("frame", [("gym", name)])


def test_a_heartbeat_is_written_over_for_an_hour():
    first, second = (line_protocol.heartbeat(T0_US + seconds * 1_000_000) for seconds in (2, 4))
    assert f"heartbeat at_us={T0_US + 2_000_000}i {T0_US}000".encode() == first
    assert f"heartbeat at_us={T0_US + 4_000_000}i {T0_US}000".encode() == second
