"""What a simulation says must be found."""

from itertools import count

import pytest

from sledwatch_sim.people import DAY_US, Stroke
from sledwatch_sim.performing import TrueRep
from sledwatch_sim.truth import Expected, excessive_depth, spike_ratio, workload_spike
from sledwatch_sim.truth.pain import hurts, pain_reported

LIMIT_MM = 400.0


def reps(*sets: list[float]) -> list[TrueRep]:
    """Reps of sets, by how far each goes past the limit."""
    number = count(1)
    stroke = Stroke(10.0, 0.0, 10.0, 1.0, 0.1, 1.0, 0.5)
    return [
        TrueRep(index, next(number), 0.0, 1.0, 2.0, 100.0, 10.0, LIMIT_MM + over_mm, 10.0, stroke, 0.7)
        for index, overs in enumerate(sets, start=1)
        for over_mm in overs
    ]


@pytest.mark.parametrize(
    ("sets", "near"),
    [
        ([[-20, 5, 6]], False),
        ([[-20, 33]], False),
        ([[-20, 5, 1]], True),
        ([[-20, 31]], True),
        ([[-20, 29]], True),
        ([[5, -1]], True),
    ],
)
def test_two_past_the_limit_or_one_far_past_it_is_excessive(sets, near):
    assert near == excessive_depth(reps(*sets), LIMIT_MM).near


@pytest.mark.parametrize("sets", [[[-20, 5, -6]], [[5], [6], [7]], [[-50, -40]], []])
def test_one_a_little_past_it_in_each_set_is_not(sets):
    assert excessive_depth(reps(*sets), LIMIT_MM) is None


def test_without_a_limit_nothing_is_excessive():
    assert excessive_depth(reps([50, 60]), None) is None


def test_a_spike_is_measured_against_the_best_of_30_days():
    now = 100 * DAY_US
    past = [(now - days * DAY_US, work) for days, work in ((50, 900.0), (29, 100.0), (20, 80.0), (4, 90.0))]
    assert 1.5 == spike_ratio(past, now, 150.0)


@pytest.mark.parametrize("days", [[(20, 100.0)] * 9, [(60, 1.0), (5, 1.0), (3, 1.0)], [(60, 1.0)] * 5, []])
def test_without_a_baseline_there_is_no_spike(days):
    now = 100 * DAY_US
    assert spike_ratio([(now - ago * DAY_US, work) for ago, work in days], now, 500.0) is None


@pytest.mark.parametrize(
    ("ratio", "severity", "near"),
    [(1.095, "note", True), (1.105, "note", True), (1.2, "note", False), (1.31, "warn", False), (2.4, "alert", False)],
)
def test_a_spike_is_as_severe_as_it_is_high(ratio, severity, near):
    found = workload_spike(ratio)
    assert (severity, near) == (found.severity, found.near)


def test_a_steady_session_is_no_spike():
    assert workload_spike(1.05) is None
    assert workload_spike(None) is None


@pytest.mark.parametrize(
    ("found", "severity", "open_"),
    [
        ([Expected("depth.excessive", "alert")], "alert", False),
        ([Expected("depth.excessive", "note"), Expected("workload.spike", "warn")], "alert", False),
        # Judged by what was before, which nobody knows here.
        ([Expected("depth.excessive", "note")], "note", True),
        ([Expected("depth.excessive", "alert", severity_near=True)], "alert", True),
        ([Expected("depth.excessive", "note"), Expected("badge.shared", "warn")], "note", True),
    ],
)
def test_pain_after_what_was_loud_is_an_alert(found, severity, open_):
    assert Expected("pain.reported", severity, severity_near=open_) == pain_reported(found)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([Expected("depth.excessive", "alert")], True),
        ([Expected("depth.excessive", "alert", near=True)], False),
        ([Expected("depth.caution", "note"), Expected("workload.spike", "alert")], False),
    ],
)
def test_a_back_hurts_only_where_it_surely_went_too_deep(found, expected):
    assert expected == hurts(found)
