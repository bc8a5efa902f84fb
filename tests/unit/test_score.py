"""What was found against what was true, on truth made by hand."""

import json

import pytest

from sledwatch_app.errors import WrongUse
from sledwatch_app.score import compare, match, read_truth
from sledwatch_app.score.table import show
from sledwatch_sim.truth import RULES as OF_PEOPLE
from sledwatch_sim.truth.sensors import RULES as OF_MACHINES

RULES = OF_PEOPLE + OF_MACHINES
RUN = {"kind": "run", "rules": ["depth.excessive", "workload.spike"]}


def rep(start_s: float, depth_mm: float = 400.0, session: str = "s1") -> dict:
    """Three seconds of pressing."""
    start_us = round(start_s * 1e6)
    return {
        "kind": "rep",
        "session": session,
        "t_start_us": start_us,
        "t_turn_us": start_us + 1_500_000,
        "t_end_us": start_us + 3_000_000,
        "depth_mm": depth_mm,
    }


def session(name: str = "s1") -> dict:
    return {"kind": "session", "session": name}


def finding(rule: str, session: str = "s1", severity: str = "alert", **more: bool) -> dict:
    return {"kind": "finding", "rule": rule, "session": session, "user": "u", "severity": severity, **more}


@pytest.fixture
def truth(tmp_path):
    def make(*lines):
        path = tmp_path / "truth.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in (RUN, *lines)))
        return read_truth(path)

    return make


def test_all_found_and_nothing_else_is_perfect(truth):
    figures = compare(truth(session(), rep(0), rep(5)), {"s1": [rep(0.2, 401.0), rep(5.1, 399.5)]}, {}).figures()
    assert {"precision": 1.0, "recall": 1.0} == figures["reps"]
    assert {"p50": 0.75, "max": 1.0} == {name: figures["bottom_mm"][name] for name in ("p50", "max")}
    assert {"precision": None, "recall": None} == figures["findings"]["depth.excessive"]


def test_one_missed_and_one_invented_count_against_it(truth):
    figures = compare(truth(session(), rep(0), rep(5)), {"s1": [rep(0), rep(60)]}, {}).figures()
    assert {"precision": 0.5, "recall": 0.5} == figures["reps"]


def test_two_reps_taken_for_one_are_one_found_and_one_missed():
    assert 1 == len(match([(0, 3), (3, 6)], [(0, 6)]))


def test_a_rep_is_matched_with_the_one_it_overlaps_most():
    assert [(0, 1), (1, 0)] == match([(0, 10), (8, 18)], [(7, 18), (0, 11)])


def test_nothing_found_has_no_precision_and_no_depths(truth):
    figures = compare(truth(session(), rep(0)), {}, {}).figures()
    assert {"precision": None, "recall": 0.0} == figures["reps"]
    assert {"p50": None, "p95": None, "max": None} == figures["bottom_mm"]


def test_reps_of_sessions_that_the_truth_does_not_know_are_not_scored(truth):
    figures = compare(truth(session(), rep(0)), {"s1": [rep(0)], "other": [rep(0)]}, {}).figures()
    assert {"precision": 1.0, "recall": 1.0} == figures["reps"]


def test_findings_are_scored_by_rule(truth):
    lines = [session("s1"), session("s2"), finding("depth.excessive", "s1"), finding("workload.spike", "s2")]
    found = dict.fromkeys([("depth.excessive", "s1"), ("depth.excessive", "s2"), ("workload.spacing", "s1")], "alert")
    assert {
        "depth.excessive": {"precision": 0.5, "recall": 1.0},
        "workload.spike": {"precision": None, "recall": 0.0},
    } == compare(truth(*lines), {}, found).figures()["findings"]


@pytest.mark.parametrize("found", [{}, {("workload.spike", "s1"): "note"}])
def test_what_is_near_a_threshold_is_not_scored(truth, found):
    figures = compare(truth(session(), finding("workload.spike", near=True)), {}, found).figures()
    assert {"precision": None, "recall": None} == figures["findings"]["workload.spike"]
    assert 1 == figures["near"]["workload.spike"]


def test_a_severity_is_right_or_not_unless_it_is_near(truth):
    lines = [session(name) for name in ("s1", "s2", "s3")]
    lines += [finding("workload.spike", "s1"), finding("workload.spike", "s2")]
    lines += [finding("workload.spike", "s3", severity_near=True)]
    found = {("workload.spike", name): severity for name, severity in (("s1", "alert"), ("s2", "warn"), ("s3", "warn"))}
    figures = compare(truth(*lines), {}, found).figures()
    assert (0.5, 1.0) == (figures["severities"]["workload.spike"], figures["findings"]["workload.spike"]["precision"])


def test_rules_that_no_run_names_are_not_scored(truth):
    figures = compare(truth(session(), finding("protocol.breach")), {}, {}).figures()
    assert set(RUN["rules"]) == set(figures["findings"])


def test_reps_that_belong_to_nobody_are_not_scored(truth):
    figures = compare(truth(rep(0, session=None)), {}, {}).figures()
    assert {"precision": None, "recall": None} == figures["reps"]


def test_times_are_compared_too(truth):
    late = rep(0.2) | {"t_turn_us": 1_600_000}
    figures = compare(truth(session(), rep(0)), {"s1": [late]}, {}).figures()
    assert (200.0, 100.0, 200.0) == tuple(figures[name]["max"] for name in ("start_ms", "turn_ms", "end_ms"))


@pytest.mark.parametrize(("turn_s", "off_ms"), [(1.45, 50.0), (1.5, 0.0), (1.8, 0.0), (1.9, 0.0), (2.0, 100.0)])
def test_a_turn_lies_anywhere_within_the_dwell(truth, turn_s, off_ms):
    true = rep(0) | {"t_push_us": 1_900_000}
    found = rep(0) | {"t_turn_us": round(turn_s * 1e6)}
    figures = compare(truth(session(), true), {"s1": [found]}, {}).figures()
    assert off_ms == figures["turn_ms"]["max"]


def test_mean_velocity_is_compared_as_a_share_of_the_true_one(truth):
    true = rep(0) | {"mean_velocity_m_s": 0.5}
    found = rep(0) | {"mean_velocity_m_s": 0.51}
    figures = compare(truth(session(), true), {"s1": [found, rep(60)]}, {}).figures()
    assert 2.0 == pytest.approx(figures["mean_velocity_pct"]["max"])


AT = {"gym": "north", "machine": "press-1"}


def fault(kind: str, from_s: float = 0.0, to_s: float = 100.0, **detail: float) -> dict:
    """Something that was wrong with press-1 in the north."""
    spans = {"from_us": round(from_s * 1e6), "to_us": round(to_s * 1e6)}
    return {"kind": "fault", "fault": kind, **AT, **spans, "detail": detail}


def test_a_clock_that_is_off_is_allowed_for(truth):
    """It was set half a second ahead when the run began, and gains a tenth of a second in a thousand seconds."""
    start = {**RUN, "gyms": ["north"], "start_us": 0}
    lines = [start, session() | AT, rep(1000), fault("clock", skew_ms=500.0, drift_ppm=100.0)]
    figures = compare(truth(*lines), {"s1": [rep(1000.6)]}, {}).figures()
    assert 1.0 > max(figures[name]["max"] for name in ("start_ms", "turn_ms", "end_ms"))
    assert {} == figures["faults"]


def test_what_a_sensor_did_not_see_is_counted_apart(truth):
    """Of three reps, one while the encoder stuck; of those found, one is made up in that time."""
    lines = [session() | AT, rep(0), rep(20), rep(60), fault("stuck", 19, 40), session("s2"), rep(0, session="s2")]
    found = {"s1": [rep(0), rep(30), rep(60)], "s2": [rep(0)]}
    figures = compare(truth(*lines), found, {}).figures()
    assert {"precision": 0.75, "recall": 0.75} == figures["reps"]
    assert {"true": 2, "found": 2, "right": 2} == figures["faulty"]["counts"]
    assert {"true": 1, "found": 1, "right": 1} == figures["faultless"]["counts"]
    assert 1 == figures["hidden"]
    assert {"stuck": {"true": 3, "found": 3, "right": 2}} == {
        kind: one["counts"] for kind, one in figures["faults"].items()
    }


def test_a_fault_of_the_line_leaves_the_sensors_faultless(truth):
    figures = compare(truth(session() | AT, rep(0), fault("loss", share=0.1)), {"s1": [rep(0)]}, {}).figures()
    assert (1, 0) == tuple(figures[of]["counts"]["true"] for of in ("faultless", "faulty"))


def test_a_fault_of_another_machine_is_no_matter(truth):
    other = fault("stuck") | {"machine": "press-2"}
    assert {} == compare(truth(session() | AT, rep(0), other), {}, {}).figures()["faults"]


def test_runs_side_by_side_are_told_apart_by_their_gyms(truth):
    runs = [{**RUN, "scenario": name, "gyms": [name]} for name in ("north", "south")]
    lines = [*runs, session("s1") | {"gym": "north"}, session("s2") | {"gym": "south"}, rep(0), rep(0, session="s2")]
    scores = compare(truth(*lines), {"s2": [rep(0)]}, {}).figures()["scenarios"]
    assert {"": None, "north": 0.0, "south": 1.0} == {name: one["reps"]["recall"] for name, one in scores.items()}


def test_what_is_near_is_listed_with_what_was_made_of_it(truth):
    lines = [session("s1"), session("s2")]
    lines += [finding("workload.spike", name, near=True) for name in ("s1", "s2")]
    listed = compare(truth(*lines), {}, {("workload.spike", "s2"): "note"}).figures()["near_findings"]
    assert [("s1", None), ("s2", "note")] == [(one["session"], one["found"]) for one in listed]


@pytest.mark.parametrize("columns", [80, 140])
def test_the_tables_fit_their_terminal(truth, monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    run = {"kind": "run", "rules": RULES, "scenario": "too-much-too-soon", "gyms": ["north"]}
    lines = [run, session() | AT, rep(0), rep(20), fault("sample-jitter"), fault("stuck", 19, 40)]
    lines += [finding(rule, near=rule == "workload.spike") for rule in RULES]
    show(compare(truth(*lines), {"s1": [rep(0), rep(60)]}, {("depth.excessive", "s1"): "alert"}), 1)
    printed = capsys.readouterr().out
    assert max(len(line) for line in printed.splitlines()) <= columns
    assert "…" not in printed
    assert {*RULES, "sample-jitter", "too-much-too-soon"} <= set(printed.split())


def test_runs_in_one_file_are_told_apart_by_scenario(truth):
    other = {**RUN, "scenario": "other"}
    lines = [session("s1"), rep(0), other, session("s2"), rep(0, session="s2"), finding("depth.excessive", "s2")]
    figures = compare(truth(*lines), {"s1": [rep(0)]}, {("depth.excessive", "s2"): "alert"}).figures()
    assert {"": 1.0, "other": 0.0} == {name: one["reps"]["recall"] for name, one in figures["scenarios"].items()}
    assert [None, 1.0] == [one["findings"]["depth.excessive"]["recall"] for one in figures["scenarios"].values()]
    assert 0.5 == figures["reps"]["recall"]


def test_the_figures_have_the_published_shape(truth):
    figures = compare(truth(session()), {}, {}).figures()
    assert ["reps", "bottom_mm", "findings"] == list(figures)[:3]
    assert {"start_ms", "turn_ms", "end_ms", "severities", "near", "scenarios"} < set(figures)
    assert figures == json.loads(json.dumps(figures))


@pytest.mark.parametrize("line", ["{", "[]", "7", "{}", '{"kind":"rep","session":"s1"}', '{"kind":"run"}'])
def test_a_file_that_is_no_truth_is_named_by_line(tmp_path, line):
    path = tmp_path / "truth.jsonl"
    path.write_text(json.dumps(RUN) + "\n" + line + "\n")
    with pytest.raises(WrongUse, match="line 2"):
        read_truth(path)


def test_a_truth_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(WrongUse, match="No such file"):
        read_truth(tmp_path / "none.jsonl")
