"""The pictures of a member's load, as data."""

import copy

import pytest

from fake_api import busy_floor
from sledwatch_web import load_charts
from sledwatch_web.load_charts import DAY_MS, day_ms
from sledwatch_web.rendering import Charts

WORKLOAD = busy_floor().workloads["m-1042"]


@pytest.fixture
def view():
    return copy.deepcopy(WORKLOAD)


def load(view, width=900):
    return load_charts.load_over_time(view, width=width)["datasets"]


def beside(view, width=900):
    return load_charts.beside_load(view, width=width)["datasets"]


def test_every_day_with_work_has_a_bar_and_the_spike_another_tone(view):
    bars = load(view)["bars"]
    assert {"usual": len(bars) - 1, "warn": 1} == {
        tone: sum(bar["tone"] == tone for bar in bars) for tone in ("usual", "warn")
    }
    assert (view["days"][-1]["day"], 15.3) == (bars[-1]["day"], bars[-1]["kj"])


def test_the_spike_says_how_many_times_their_best_it_was(view):
    (spike,) = load(view)["labels"]
    assert spike["text"] == f"{view['sessions'][-1]['spike']:.2f}×"


def test_of_many_spikes_only_the_largest_are_written_out(view):
    for number, one in enumerate(view["sessions"][-6:]):
        one |= {"severity": "warn", "spike": 1.3 + number / 10}
    shown = load(view)
    assert (6, ["1.80×", "1.70×", "1.60×", "1.50×"]) == (
        len(shown["spikes"]),
        [label["text"] for label in shown["labels"]],
    )


def test_a_day_of_which_samples_are_missing_is_not_shown_as_rest(view):
    (day,) = [row["day"] for row in view["days"] if row["missing"]]
    assert [{"at": day_ms(day) + DAY_MS // 2, "text": "?"}] == load(view)["missing"]


def test_the_best_of_the_days_before_is_a_line_over_all_days(view):
    assert [None if row["best_30d_j"] is None else row["best_30d_j"] / 1000 for row in view["days"]] == [
        row["kj"] for row in load(view)["best"]
    ]


def test_alerts_pain_and_hard_sessions_too_close_stand_above_the_load(view):
    first, second = view["sessions"][-3:-1]
    view["pairs"] = [{"session": second["session"], "earlier_session": first["session"], "habit": False}]
    shown = load(view)
    assert [("Alerts", "warn"), ("Pain", "pain")] == [(row["lane"], row["kind"]) for row in shown["marks"]]
    (pair,) = shown["pairs"]
    assert day_ms(first["day"]) < pair["at"] < pair["to"] < day_ms(second["day"]) + DAY_MS


def test_of_a_day_with_an_alert_and_a_warning_the_alert_is_marked(view):
    (warn,) = view["alerts"]
    view["alerts"] = [warn | {"severity": "alert"}, warn]
    assert ["alert"] == [row["kind"] for row in load(view)["marks"] if row["lane"] == "Alerts"]


def test_the_strip_says_why_nothing_was_compared(view):
    assert ["no baseline yet", "compared"] == [span["text"] for span in load(view)["spans"]]
    assert [] == load(view, width=200)["words"][:1]


def test_weeks_are_marked_by_how_far_they_are_above_their_own(view):
    shown = load(view)
    assert ["unknown"] * 3 + ["usual"] * 4 + ["yellow"] == [week["kind"] for week in shown["weeks"]]
    assert (5, 29.0, 31.5) == (len(shown["band"]), shown["band"][-1]["high"], shown["band"][-1]["red"])


def test_beside_the_load_stand_velocity_strength_limits_and_exposure(view):
    shown = beside(view)
    assert (len(view["sessions"]), {"usual", "near"}) == (
        len(shown["losses"]),
        {row["kind"] for row in shown["losses"]},
    )
    assert {"own", "guess"} == {row["kind"] for row in shown["strength"]}
    assert [None, 412.0, 412.0] == [row["mm"] for row in shown["limits"]]
    assert [4_100.0] == [row["kg_mm"] for row in shown["exposure"]]


def test_what_is_not_known_has_no_picture(view):
    view |= {"strength": [], "limits": []}
    for one in view["sessions"]:
        one["velocity_loss_pct"] = None
    assert load_charts.has_beside(view)
    assert {"exposure"} == set(beside(view))
    for week in view["weeks"]:
        week["over_reps"] = 0
    assert not load_charts.has_beside(view)


def test_the_pictures_can_be_drawn_in_the_colours_of_the_page(view):
    renderer = Charts()
    for picture in (load_charts.load_over_time, load_charts.beside_load):
        svg = renderer.draw(picture(view, width=336))
        assert "var(--ink" in svg
        assert "style=" not in svg
