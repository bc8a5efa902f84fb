"""Recordings: what can be read, and how they are cut into frames."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sledwatch import events
from sledwatch_app.replay import Cut, Recording, ReplayConfig, ReplayError, cut, read, replay, timed

NOW_US = 1_795_330_800_000_000


def recording(t_us, depth_mm=None, load_kg=None) -> Recording:
    n = len(t_us)
    return Recording(
        np.array(t_us, np.int64),
        np.full(n, 100.0) if depth_mm is None else np.array(depth_mm, float),
        np.full(n, 80.0) if load_kg is None else np.array(load_kg, float),
    )


def times(frame: Cut) -> list[int]:
    return [frame.t_us + i * frame.dt_us for i in range(len(frame.depth_mm))]


def written(tmp_path, text: str):
    path = tmp_path / "r.csv"
    path.write_text(text)
    return path


def test_a_recording_is_read_as_it_stands(tmp_path):
    found = read(written(tmp_path, "t_us,depth_mm,load_kg\n0,1.5,80\n20000,,80\n40000,2,82.5\n"))
    assert [0, 20_000, 40_000] == found.t_us.tolist()
    assert [1.5, None, 2.0] == [None if np.isnan(mm) else mm for mm in found.depth_mm]
    assert [80.0, 80.0, 82.5] == found.load_kg.tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected t_us,depth_mm,load_kg"),
        ("t,depth,load\n1,2,3\n", "line 1 is 't,depth,load': expected t_us,depth_mm,load_kg"),
        ("t_us,depth_mm,load_kg\n", "no samples below the header"),
        ("t_us,depth_mm,load_kg\n0,,80\n1,,80\n", "no line has a depth"),
        ("t_us,depth_mm,load_kg\n0,1,80\n1.5,1,80\n", "line 3: t_us '1.5': expected whole microseconds"),
        ("t_us,depth_mm,load_kg\n0,deep,80\n", "line 2: depth_mm 'deep': expected millimetres, or nothing"),
        ("t_us,depth_mm,load_kg\n0,nan,80\n", "line 2: depth_mm 'nan'"),
        ("t_us,depth_mm,load_kg\n0,1,\n", "line 2: load_kg '': expected kilograms"),
        ("t_us,depth_mm,load_kg\n0,1,1501\n", "line 2: load_kg 1501: expected 0 to 1500"),
        ("t_us,depth_mm,load_kg\n5,1,80\n5,1,80\n", "line 3: t_us 5: expected a time after 5"),
        ("t_us,depth_mm,load_kg\n0,1\n", "line 2: 2 cells: expected 3"),
    ],
)
def test_what_is_no_recording_is_named_by_line_and_column(tmp_path, text, expected):
    with pytest.raises(ReplayError) as refused:
        read(written(tmp_path, text))
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_no_text_is_one_clear_line(tmp_path):
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01")
    for path in (tmp_path / "none.csv", tmp_path, tmp_path / "b.csv"):
        with pytest.raises(ReplayError, match=str(path)):
            read(path)


def test_an_even_recording_is_cut_by_the_second():
    frames = list(cut(recording(range(0, 3_000_000, 20_000))))
    assert [(0, 20_000, 50), (1_000_000, 20_000, 50), (2_000_000, 20_000, 50)] == [
        (frame.t_us, frame.dt_us, len(frame.depth_mm)) for frame in frames
    ]
    assert {80.0} == {frame.load_kg for frame in frames}


def test_a_gap_is_between_frames_and_never_within_one():
    t_us = [*range(0, 600_000, 20_000), *range(5_000_000, 5_600_000, 20_000)]
    frames = list(cut(recording(t_us)))
    assert t_us == [t for frame in frames for t in times(frame)]
    assert {20_000} == {frame.dt_us for frame in frames}


def test_a_change_of_rate_begins_a_frame():
    t_us = [*range(0, 500_000, 20_000), *range(500_000, 1_000_000, 50_000)]
    assert t_us == [t for frame in cut(recording(t_us)) for t in times(frame)]


def test_a_slow_recording_has_frames_of_at_most_ten_seconds():
    frames = list(cut(recording(range(0, 60_000_000, 1_000_000))))
    assert {10} == {len(frame.depth_mm) for frame in frames}


def test_a_fast_recording_has_frames_of_at_most_a_thousand_samples():
    assert max(len(frame.depth_mm) for frame in cut(recording(range(0, 2_000_000, 200)))) <= events.MAX_SAMPLES


def test_a_load_that_changes_is_kept_sample_by_sample():
    (frame,) = cut(recording([0, 20_000, 40_000], load_kg=[80.0, 80.0, 85.0]))
    assert [80.0, 80.0, 85.0] == frame.load_kg


def test_nothing_from_the_sensor_is_sent_as_such():
    (frame,) = cut(recording([0, 20_000, 40_000], depth_mm=[1.0, np.nan, 3.0]))
    assert [1.0, None, 3.0] == frame.depth_mm


def test_of_a_frame_that_would_be_refused_the_usable_runs_are_sent():
    depth_mm = [1.0, 2.0, *[np.nan] * 40, 3.0]
    frames = list(cut(recording(range(0, 43 * 20_000, 20_000), depth_mm=depth_mm)))
    assert [(0, [1.0, 2.0]), (42 * 20_000, [3.0])] == [(frame.t_us, frame.depth_mm) for frame in frames]


@given(st.lists(st.integers(1, 15_000_000) | st.integers(15_000, 25_000), min_size=1, max_size=300))
def test_every_sample_is_in_a_frame_that_keeps_the_contract_and_near_its_time(intervals):
    """Whatever the intervals: no sample is lost, and none is moved by more than half the interval of its frame."""
    t_us = np.cumsum(intervals) + NOW_US
    at = 0
    for number, frame in enumerate(cut(recording(t_us))):
        moved = np.abs(np.array(times(frame)) - t_us[at : at + len(frame.depth_mm)])
        assert moved.max() <= 0.5 * 1.25 * frame.dt_us + len(moved)
        assert (len(frame.depth_mm) - 1) * frame.dt_us <= 12_000_000
        sent = events.encode(events.Frame("b", number, frame.t_us, frame.dt_us, frame.depth_mm, frame.load_kg))
        decoded = events.decode("sledwatch/v1/g/m/frame", sent, int(t_us[-1]))
        assert isinstance(decoded, events.Event) or decoded.reason is events.Reason.TIME_BEHIND
        at += len(frame.depth_mm)
    assert len(t_us) == at


@pytest.mark.parametrize(
    ("first_us", "keep", "expected"),
    [
        (NOW_US - 40 * 86_400_000_000, True, "line 2, t_us: "),
        (NOW_US + 3_600_000_000, True, "ahead of now"),
    ],
)
def test_times_that_would_be_refused_are_named_before_anything_is_sent(tmp_path, first_us, keep, expected):
    path = written(tmp_path, f"t_us,depth_mm,load_kg\n{first_us},1,80\n")
    config = ReplayConfig(path, "g", "m", "u", "mqtt://h", "http://h", None, keep_times=keep)
    with pytest.raises(ReplayError, match=expected):
        timed(read(path), config, NOW_US)


@pytest.mark.parametrize("name", ["gym", "machine", "user"])
def test_a_name_outside_the_contract_is_named(tmp_path, name):
    names = {"gym": "g", "machine": "m", "user": "u"} | {name: "Not A Name"}
    config = ReplayConfig(
        tmp_path / "r.csv", **names, mqtt_url="mqtt://127.0.0.1", api_url="http://127.0.0.1", api_token=None
    )
    with pytest.raises(ReplayError, match=f"{name} 'Not A Name'"):
        replay(config, lambda _: None, threading.Event())
