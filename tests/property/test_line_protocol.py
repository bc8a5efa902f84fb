"""Our line protocol is byte for byte what influxdb-client's Point writes, which is slow and known to be right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from frames import T0_US, any_frame, stored
from sledwatch_storage.series import line_protocol

_PRINTABLE = st.characters(exclude_categories=["C", "Zl", "Zp"])
tag_values = st.text(_PRINTABLE, min_size=1).filter(lambda text: not text.endswith("\\"))
integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
times = st.integers(-(2**62), 2**62)


def by_point(measurement: str, tags, fields, t_us: int) -> str:
    point = Point(measurement).time(t_us, WritePrecision.US)
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
    lines = [by_point("frame", tags, head, frame.t_us)]
    for i, depth in enumerate(frame.depth_mm):
        fields = {"depth_mm": depth, **{name: column[i] for name, column in lists.items()}}
        lines.append(by_point("sample", tags, fields, frame.t_us + i * frame.dt_us))
    return [line for line in lines if line]


@given(any_frame())
def test_a_frame_is_written_as_point_writes_it(frame):
    one = stored(frame)
    assert frame_by_point(one) == line_protocol.lines_of(one).decode().split("\n")


@given(tag_values, tag_values, st.text(_PRINTABLE), integers, floats, times)
def test_names_strings_and_numbers_are_written_as_point_writes_them(gym, machine, text, whole, real, t_us):
    tags = [("gym", gym), ("machine", machine)]
    fields = {"a": text, "b": whole, "c": real}
    written = ",".join(f"{name}={line_protocol.field(value)}" for name, value in fields.items())
    assert by_point("frame", tags, fields, t_us) == f"{line_protocol.series('frame', tags)} {written} {t_us}"


@pytest.mark.parametrize("name", ["two\nlines", "end\\"])
def test_what_cannot_be_written_is_said_so(name):
    with pytest.raises(ValueError, match="cannot be written as a tag"):
        line_protocol.series("frame", [("gym", name)])


def test_a_heartbeat_is_written_over_for_an_hour():
    first, second = (line_protocol.heartbeat(T0_US + seconds * 1_000_000) for seconds in (2, 4))
    assert f"heartbeat at_us={T0_US + 2_000_000}i {T0_US}".encode() == first
    assert f"heartbeat at_us={T0_US + 4_000_000}i {T0_US}".encode() == second
