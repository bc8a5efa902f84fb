"""Figures, times and evidence as a trainer reads them."""

import pytest

from fake_api import NOW_US
from sledwatch_web import words


@pytest.mark.parametrize(
    ("expected", "value"), [("412 mm", 411.6), ("0 mm", -0.4), ("−12 mm", -12), ("1,240 mm", 1240), ("–", None)]
)
def test_a_depth_is_told_to_the_millimetre(expected, value):
    assert expected.replace(" ", words.NBSP) == words.mm(value)


@pytest.mark.parametrize(("expected", "value"), [("120 kg", 120.0), ("182.5 kg", 182.5), ("1,960 kg", 1960.4)])
def test_a_load_has_a_decimal_only_where_it_needs_one(expected, value):
    assert expected.replace(" ", words.NBSP) == words.kg(value)


@pytest.mark.parametrize(("expected", "value"), [("940 J", 940.2), ("15.3 kJ", 15_300), ("–", None)])
def test_work_grows_into_kilojoules(expected, value):
    assert expected.replace(" ", words.NBSP) == words.energy(value)


@pytest.mark.parametrize(
    ("expected", "depth", "limit"),
    [
        ("19 mm past the limit", 431.2, 412.0),
        ("at the limit", 412.04, 412.0),
        ("0.2 mm past the limit", 412.2, 412.0),
        ("41 mm before the limit", 371, 412),
    ],
)
def test_a_depth_is_compared_with_the_limit(expected, depth, limit):
    assert expected.replace(" mm", f"{words.NBSP}mm") == words.against_limit(depth, limit)


def test_a_depth_without_a_limit_is_compared_with_nothing():
    assert words.against_limit(400, None) == ""


def test_a_spike_is_told_against_their_own_best():
    assert words.times_best(1.4193) == "1.42× their 30-day best"


@pytest.mark.parametrize(
    ("expected", "at"),
    [
        ("17:28", "2025-11-18T16:28:00Z"),
        ("yesterday 15:32", "2025-11-17T14:32:00Z"),
        ("Tue 11 Nov, 17:05", "2025-11-11T16:05:00+00:00"),
        ("Sat 18 Oct, 18:05", "2025-10-18T16:05:00Z"),
        ("Tue 31 Dec 2024, 17:00", "2024-12-31T16:00:00Z"),
    ],
)
def test_a_time_is_that_of_the_gym_and_as_short_as_it_can_be(expected, at):
    assert expected == words.moment(at, "Europe/Berlin", NOW_US).text


def test_a_moment_keeps_the_exact_time_for_machines():
    moment = words.moment("2025-11-18T16:28:00Z", "Europe/Berlin", NOW_US)
    assert ("2025-11-18T16:28:00Z", "today 17:28") == (moment.iso, moment.dated)


def test_an_unknown_time_zone_is_read_as_utc():
    assert words.moment("2025-11-18T16:28:00Z", "Mars/Olympus", NOW_US).text == "16:28"


def test_no_line_ends_between_a_figure_and_its_unit():
    nbsp = words.NBSP
    assert f"412{nbsp}mm at 120{nbsp}kg, 71{nbsp}%, 0.6{nbsp}s; 3 times" == words.keep_units(
        "412 mm at 120 kg, 71 %, 0.6 s; 3 times"
    )


def figures(raw):
    return {figure.label: figure.value.replace(words.NBSP, " ") for figure in words.evidence(raw).figures}


def test_evidence_has_labels_and_the_units_that_its_names_say():
    raw = {"over_mm": 19.2, "load_share": 0.712, "ratio": 1.4193, "window_days": 30, "limit_mm": 412.0}
    assert {
        "Depth limit": "412 mm",
        "Past the limit by": "19 mm",
        "Load against the reference": "71 %",
        "This session against that best": "1.42×",
        "Days looked back on": "30",
    } == figures(raw)


def test_what_figures_say_in_one_word_is_read_in_words():
    raw = {
        "reference_basis": "best-load",
        "angle_basis": "reference",
        "limit_moved_by": "as-set",
        "protocol_version": 2,
    }
    assert {
        "The reference is": "the best load of 90 days",
        "Angles rest on": "legs nearly straight at the rack, as the machine does not state its reach",
        "Carried over by": "nothing: it is as it was set, though the backrest stood otherwise",
    } == figures(raw)


def test_what_is_outside_a_protocol_has_names_of_its_own():
    raw = {"knee_most_deg": 80.0, "knee_deepest_deg": 97.4, "knee_over_deg": 17.4, "load_cap_kg": 90.0, "over_kg": 15.0}
    assert {
        "Protocol: knee bent at most": "80 °",
        "Knee bent furthest, about": "97 °",
        "Beyond the window by": "17 °",
        "Protocol: load at most": "90 kg",
        "Over the cap by": "15 kg",
    } == figures(raw)


def test_evidence_that_nobody_has_named_is_read_as_it_is_written():
    expected = {"Mean brake force": "310 N", "Seat is wet": "yes", "Peak": "1.20 m/s", "Odd": "–"}
    assert expected == figures({"mean_brake_force_n": 310, "seat_is_wet": True, "peak_m_s": 1.2, "odd": None})


def test_evidence_hides_bookkeeping_and_says_nothing_of_zero_exceptions():
    assert {} == figures({"limit_version": 3, "sessions_of_visit": ["a"], "reps_unsure": 0})


def test_a_session_in_the_evidence_is_named_by_its_time_and_leads_there():
    raw = {"best_30d_session": "S-1", "best_30d_at": "2025-11-13T16:05:00Z"}
    found = words.evidence(raw, "Europe/Berlin").figures
    assert (words.Figure("That best was", "Thu 13 Nov 2025, 17:05", "/sessions/S-1"),) == found


def test_records_within_the_evidence_become_a_table():
    reps = [{"set": 2, "rep": 16, "depth_mm": 418.0}, {"set": 2, "rep": 17, "depth_mm": 425.4}]
    (sheet,) = words.evidence({"reps": reps}).sheets
    assert ("Set", "Rep", "Depth") == sheet.columns
    assert ("2", "17", f"425{words.NBSP}mm") == sheet.rows[1]


@pytest.mark.parametrize(
    ("expected", "seconds"), [("42 s", 42), ("4 min 42 s", 282), ("34 min", 2040), ("1 h 5 min", 3900)]
)
def test_a_length_of_time_has_the_two_units_that_matter(expected, seconds):
    assert expected == words.duration(seconds).replace(words.NBSP, " ")
