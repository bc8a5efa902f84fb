"""The bytes of a frame's columns give back what was sent, bit for bit, and are small."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames import a_frame, any_frame
from sledwatch.events import Frame
from sledwatch_storage.series.columns import pack, unpack

finite = st.floats(allow_nan=False, allow_infinity=False)


def bits(column):
    """A column with its doubles by their bits, which tell 0.0 from -0.0."""
    if isinstance(column, list):
        return [bits(value) for value in column]
    return column if column is None else struct.pack("<d", column)


def columns(frame: Frame):
    return [bits(column) for column in (frame.depth_mm, frame.load_kg, frame.left_n, frame.right_n)]


@given(any_frame())
def test_any_frame_comes_back(frame):
    assert columns(frame) == [bits(column) for column in unpack(pack(frame))]


@given(st.lists(st.none() | finite, max_size=40), finite | st.lists(finite, max_size=40))
def test_any_double_comes_back(depth_mm, load_kg):
    frame = a_frame(depth_mm=depth_mm, load_kg=load_kg)
    assert columns(frame) == [bits(column) for column in unpack(pack(frame))]


@given(st.integers(0, 4), st.lists(st.integers(-(2**52), 2**52), min_size=1, max_size=40))
def test_decimals_come_back(digits, whole):
    """As a JSON reader makes them, of text."""
    frame = a_frame(depth_mm=[float(f"{value}e-{digits}") for value in whole])
    assert columns(frame) == [bits(column) for column in unpack(pack(frame))]


@pytest.mark.parametrize("resolution", [1.0, 0.5, 0.1, 0.01])
def test_a_second_of_a_sensor_takes_two_bytes_a_sample_at_most(resolution):
    depth = [round(round(200 * math.sin(i / 20) / resolution) * resolution, 3) for i in range(50)]
    assert len(pack(a_frame(depth_mm=depth))) <= 50 * 2 + 30


def test_a_machine_at_rest_takes_next_to_nothing():
    assert len(pack(a_frame(depth_mm=[0.3] * 1000))) <= 30
