"""Charts as data: what is drawn of which measurement."""

import json

from fake_api import DRIFTED, busy_floor, rep, sensors, trace_of
from sledwatch_web import charts
from sledwatch_web.rendering import Charts

FLOOR = busy_floor()
TRACE, REPS = FLOOR.traces["S-1"], FLOOR.reps["S-1"]


def drawn(limit_mm=412.0, caution_mm=392.0):
    return charts.depth_trace(charts.panels(TRACE, REPS), limit_mm, caution_mm, width=900, columns=2)


def rows(spec, kind):
    return [row for row in spec["datasets"]["samples"] if row["kind"] == kind]


def marks(spec):
    return [layer["mark"]["type"] for layer in spec["spec"]["layer"]]


def test_a_trace_is_cut_into_its_sets_and_the_rest_between_them_is_left_out():
    first, second = charts.panels(TRACE, REPS)
    assert ("Set 1 · 100 kg · 10 reps", "Set 2 · 120 kg · 8 reps, 3 past limit") == (
        first.title.replace("\u00a0", " "),
        second.title.replace("\u00a0", " "),
    )
    assert first.length_s + second.length_s < (TRACE["t_us"][-1] - TRACE["t_us"][0]) / 1e6 - 60


def test_a_trace_without_reps_is_shown_whole():
    (panel,) = charts.panels(TRACE, [])
    assert len(TRACE["t_us"]) == len(panel.at_s)


def test_a_session_without_samples_has_nothing_to_draw():
    assert charts.panels({"t_us": [], "depth_mm": []}, REPS) == []


def test_each_bottom_is_marked_where_and_as_what_it_was():
    spec = drawn()
    assert (14, 3, 1) == tuple(len(rows(spec, kind)) for kind in ("within", "over", "unsure"))
    assert [418.0, 425.4, 431.2] == [row["mm"] for row in rows(spec, "over")]


def test_reps_past_the_limit_differ_by_shape_and_not_by_colour_alone():
    looks = {
        layer["transform"][0]["filter"]: layer["mark"]["shape"]
        for layer in drawn()["spec"]["layer"]
        if layer["mark"]["type"] == "point"
    }
    assert looks["datum.kind == 'over'"] != looks["datum.kind == 'within'"]


def test_the_limit_and_the_caution_zone_are_drawn_in_every_set():
    limits = rows(drawn(), "limit")
    assert [(412.0, 392.0)] * 2 == [(row["mm"], row["caution"]) for row in limits]


def test_the_axis_names_the_limit_and_a_round_depth_makes_way():
    (axis,) = {
        json.dumps(layer["encoding"]["y"]["axis"])
        for layer in drawn()["spec"]["layer"]
        if layer["mark"]["type"] == "line"
    }
    assert [0, 100, 200, 300, 412.0] == json.loads(axis)["values"]


def test_without_a_limit_no_line_is_drawn():
    spec = drawn(limit_mm=None, caution_mm=None)
    assert ([], False) == (rows(spec, "limit"), "rule" in marks(spec))


def test_deeper_is_further_down_and_the_deepest_point_is_inside_the_picture():
    (y,) = {
        json.dumps(layer["encoding"]["y"]["scale"])
        for layer in drawn()["spec"]["layer"]
        if layer["mark"]["type"] == "line"
    }
    scale = json.loads(y)
    assert scale["reverse"]
    assert scale["domain"][1] > 431.2


def test_missing_samples_leave_a_gap():
    reps = [rep("S", 1, 1, 100_000_000, 400.0, 100.0)]
    trace = trace_of(reps)
    trace["depth_mm"][70] = None
    (panel,) = charts.panels(trace, reps)
    assert None in panel.depth_mm


def test_charts_are_valid_and_drawn_with_the_colours_of_the_page():
    svg = Charts().draw(drawn())
    assert "var(--ink" in svg
    assert "style=" not in svg


def test_what_a_machine_calls_itself_cannot_leave_the_drawing():
    panel = charts.Panel("<script>alert(1)</script>", (0.0, 1.0), (0.0, 100.0), ())
    assert "<script>" not in Charts().draw(charts.depth_trace([panel], None, None, width=300, columns=1))


def test_a_drawing_is_made_once_while_it_is_asked_for():
    renderer, spec = Charts(kept=1), {"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {"x": {"field": "a"}}}
    first = renderer.draw(spec)
    assert first is renderer.draw(dict(spec))


def levels(of, sessions=60):
    return charts.rack_levels(of, "Europe/Berlin", sessions=sessions, width=900)["datasets"]


def test_rack_levels_are_marked_right_or_off_and_sessions_without_one_are_left_out():
    drawn_levels = levels(DRIFTED)["levels"]
    assert (10, 4) == tuple(sum(row["kind"] == kind for row in drawn_levels) for kind in ("right", "off"))
    assert [row["mm"] for row in drawn_levels[-4:]] == [38.5, 39.0, 38.0, 39.5]
    assert [{"mm": 4.5, "from": -5.5, "to": 14.5}] == levels(DRIFTED)["band"]


def test_a_machine_too_new_for_a_reference_has_no_band_and_nothing_off():
    new = sensors(30.0, 31.0, reference_mm=None)
    assert ([], {"right"}) == (levels(new)["band"], {row["kind"] for row in levels(new)["levels"]})


def test_only_the_last_sessions_are_drawn_and_days_are_the_gyms():
    assert [39.0, 38.0, 39.5] == [row["mm"] for row in levels(DRIFTED, sessions=3)["levels"]]


def test_the_picture_of_rack_levels_can_be_drawn():
    assert "<svg" in Charts().draw(charts.rack_levels(DRIFTED, "UTC", sessions=60, width=336))
