"""Readings over days: what is said of a machine's sensors, when, and when it is taken back."""

from dataclasses import replace
from typing import Any

import pytest

from histories import rep
from odd_habits import odd_session
from presses import DAY_US, T0_US
from sledwatch.findings import depth_findings
from sledwatch.findings.protocol import protocol_finding
from sledwatch.findings.sensors import sensor_finding, withheld
from sledwatch.limits import DepthLimit
from sledwatch.protocol import Protocol, Window
from sledwatch.reps import find_reps
from sledwatch.sensors import Fault, Seen, SensorReading, SensorState, judge_sensors, read_sensors

LIMIT = DepthLimit(412.0, "calibrated", version=3)
DRIFT, SLIP, STUCK = "machine.encoder-drift", "machine.encoder-slip", "machine.encoder-stuck"


def reading(level_mm: float | None = 5.0, **changes: Any) -> SensorReading:
    usual: dict[str, Any] = {
        "samples": 9000, "reps": 20, "rack_start_mm": level_mm, "rack_end_mm": level_mm, "noise_mm": 0.3,
        "step_mm": 0.5, "idle_kg": 47.0, "rate_hz": 50.0,
    }  # fmt: skip
    return SensorReading(**(usual | changes))


def of(*readings: SensorReading) -> list[Seen]:
    return [
        Seen(f"s-{day}", T0_US + day * DAY_US, T0_US + day * DAY_US + 300_000_000, one)
        for day, one in enumerate(readings)
    ]


def judged(*readings: SensorReading, settled_day: float | None = None) -> SensorState:
    seen = of(*readings)
    settled = {} if settled_day is None else {DRIFT: T0_US + round(settled_day * DAY_US)}
    return judge_sensors(lambda from_us: [one for one in seen if one.start_us >= from_us][:12], seen, settled)


def at_levels(*levels_mm: float | None, **how: Any) -> SensorState:
    return judged(*(reading(level_mm) for level_mm in levels_mm), **how)


WELL = [5.0, 5.5, 4.5, 5.0, 5.2]


def test_a_zero_that_moved_is_said_after_three_sessions_and_since_the_first_of_them():
    assert {} == at_levels(*WELL, 39.0, 40.0).troubles
    trouble = at_levels(*WELL, 39.0, 40.0, 39.5).troubles[DRIFT]

    assert (T0_US + 5 * DAY_US, 34.5, 5.0, True) == (
        trouble.since_us, trouble.value, trouble.reference, trouble.doubtful,
    )  # fmt: skip
    assert ["s-5", "s-6", "s-7"] == [seen.session for seen in trouble.shown]


@pytest.mark.parametrize("odd", [39.0, -30.0, None])
def test_one_odd_session_says_nothing(odd):
    assert {} == at_levels(*WELL, odd, 5.0, odd, 4.0, odd, 5.0).troubles


def test_what_differs_in_direction_is_no_drift():
    assert {} == at_levels(*WELL, 39.0, -30.0, 39.0, -30.0).troubles


def test_less_than_half_the_caution_margin_is_no_drift():
    assert {} == at_levels(*WELL, *[14.0] * 6).troubles


def test_a_drift_is_taken_back_after_three_good_sessions():
    drifted = [*WELL, 39.0, 40.0, 39.0]
    assert {DRIFT} == set(at_levels(*drifted, 5.0, 5.0).troubles)
    assert {} == at_levels(*drifted, 5.0, 5.0, 5.0).troubles
    assert {DRIFT} == set(at_levels(*drifted, 5.0, 5.0, 40.0, 5.0, 5.0).troubles)


def test_a_zero_set_to_nought_is_right_wherever_the_sled_used_to_rest():
    rests_at_20 = [20.0] * 5
    assert {} == at_levels(*rests_at_20, *[0.5] * 6).troubles
    assert {DRIFT} == set(at_levels(*rests_at_20, *[35.0] * 3).troubles)


def test_a_new_machine_is_compared_with_nothing_yet():
    assert {} == at_levels(25.0, 25.0, 25.0).troubles
    assert (None, 25.0) == (at_levels(25.0, 25.0).reference_mm, at_levels(25.0, 25.0).rack_mm)


def test_a_machine_whose_zero_was_never_at_the_rack_is_told_and_its_depths_count():
    state = at_levels(*[62.0] * 6)
    assert (True, None) == (state.troubles[DRIFT].misplaced, state.doubt)


def test_one_rest_or_two_that_differ_may_be_the_person():
    ends_on_the_stops = reading(39.0, rack_end_mm=430.0)
    starts_late = reading(39.0, rack_start_mm=None)
    assert {} == judged(*(reading(level) for level in WELL), *[ends_on_the_stops, starts_late] * 4).troubles


def test_what_staff_resolved_is_not_held_against_the_machine_again():
    moved = [*WELL, *[39.0] * 4]
    assert {} == at_levels(*moved, *[39.0] * 6, settled_day=8.5).troubles
    assert {DRIFT} == set(at_levels(*moved, *[39.0] * 4, *[70.0] * 3, settled_day=8.5).troubles)


def test_a_slip_is_said_at_once_and_the_drift_that_follows_is_the_same_matter():
    slip = reading(5.0, rack_end_mm=30.0, slips=(Fault(T0_US, T0_US, 25.0),))
    before = [reading(level) for level in WELL]
    assert (SLIP, True) == (judged(*before, slip).doubt.rule, judged(*before, slip).doubt.doubtful)
    assert {SLIP} == set(judged(*before, slip, *[reading(30.0)] * 5).troubles)
    assert {} == judged(*before, slip, *[reading(5.0)] * 3).troubles
    assert (30.0, 25.0) == (judged(*before, slip).rack_mm, judged(*before, slip).error_mm)


def test_a_slip_in_a_machines_first_sessions_is_no_reference():
    slip = reading(0.0, rack_end_mm=25.0, slips=(Fault(T0_US, T0_US, 25.0),))
    state = judged(reading(0.0), slip, *[reading(25.0)] * 6)
    assert ({SLIP}, None) == (set(state.troubles), state.reference_mm)


def test_a_stuck_encoder_is_said_at_once_and_shows_no_depth_that_was_not_there():
    state = judged(reading(), reading(stuck=(Fault(T0_US, T0_US + 7_000_000, 200.0),)))
    assert (7.0, None) == (state.troubles[STUCK].value, state.doubt)
    assert {} == judged(reading(), reading(stuck=(Fault(T0_US, T0_US + 1_000_000, 200.0),))).troubles


def test_a_sled_that_never_moves_for_three_people_is_told():
    still = reading(reps=0, motionless=True)
    assert {} == judged(reading(), still, still).troubles
    assert {STUCK} == set(judged(reading(), still, still, still).troubles)


def test_noise_that_grew_and_missing_samples_are_notes():
    noisy = judged(*[reading()] * 5, *[reading(noise_mm=1.5)] * 3)
    gappy = judged(*[reading()] * 5, *[reading(missing_share=0.05)] * 3)
    wild = judged(*[reading()] * 5, *[reading(noise_mm=6.0)] * 3)
    assert [{"machine.encoder-noise"}, {"machine.encoder-dropout"}, {"machine.encoder-noise"}] == [
        set(state.troubles) for state in (noisy, gappy, wild)
    ]
    assert [None, None, "warn"] == [
        None if state.doubt is None else sensor_finding(state.doubt, "press-1", "UTC").severity
        for state in (noisy, gappy, wild)
    ]


@pytest.mark.parametrize(
    ("idle_kg", "said"), [(51.0, True), (43.0, True), (52.0, False), (48.5, False), (49.27, False)]
)
def test_a_load_at_rest_that_no_plate_explains_is_told(idle_kg, said):
    state = judged(*[reading()] * 5, *[reading(idle_kg=idle_kg)] * 3)
    assert ({"machine.load-offset"} if said else set()) == set(state.troubles)


def test_where_plates_stay_on_between_people_the_load_at_rest_says_nothing():
    left_on = [reading(idle_kg=kg) for kg in (47.0, 87.0, 67.0, 127.0, 47.0)]
    assert {} == judged(*left_on, *[reading(idle_kg=51.0)] * 4).troubles


def test_a_finding_says_what_is_wrong_since_when_and_what_to_do():
    trouble = at_levels(*WELL, 39.0, 40.0, 39.0).troubles[DRIFT]
    finding = sensor_finding(trouble, "press-1", "Europe/Berlin")
    assert ("warn", 3, T0_US + 5 * DAY_US) == (finding.severity, finding.count, finding.at_us)
    assert (
        "The zero of the depth sensor of press-1 has moved: since 27 Nov the sled rests in the rack 34 mm deeper than "
        "it used to (39 mm against 5 mm), in 3 sessions in a row." == finding.message
    )
    assert "3 good sessions in a row" in finding.advice
    assert ["s-5", "s-6", "s-7"] == [one["session"] for one in finding.evidence["sessions_shown"]]


def test_an_alert_about_depth_is_withheld_and_says_so():
    doubt = at_levels(*WELL, 39.0, 40.0, 39.0).doubt
    (alert,) = depth_findings([rep(1, 430.0), rep(2, 431.0)], LIMIT, None, None, "Mia", "press-1")

    held = withheld(alert, doubt, "press-1", "UTC")

    assert ("alert", "note", "alert") == (alert.severity, held.severity, held.evidence["severity_withheld"])
    assert (
        "withheld while the depth sensor of press-1 is doubtful (drifted 34 mm since 27 Nov)"
        == held.evidence["withheld"]
    )
    assert held.evidence["withheld"] in held.message
    assert alert == withheld(alert, None, "press-1", "UTC")


def test_a_protocols_window_is_withheld_like_a_limit_and_its_load_cap_is_not():
    doubt = at_levels(*WELL, 39.0, 40.0, 39.0).doubt
    heavy = Protocol((Window("depth_mm", None, 400.0),), 100.0, T0_US + DAY_US * 9_999, 1)
    deep = replace(heavy, load_cap_kg=None)
    breaches = [
        protocol_finding([rep(1, 430.0)], one, "Mia", "north", "press-1", "reference", 400.0) for one in (heavy, deep)
    ]
    assert ["warn", "note"] == [withheld(one, doubt, "press-1", "UTC").severity for one in breaches if one]


@pytest.mark.parametrize("machine", range(8))
def test_machines_without_a_fault_are_never_accused_whatever_people_do(machine):
    how: dict[str, Any] = {
        "rate_hz": (10.0, 20.0, 50.0, 100.0)[machine % 4],
        "rack_mm": (0.0, 3.0, 8.0, -4.0, 20.0)[machine % 5],
        "noise_mm": (0.0, 0.3, 0.8)[machine % 3],
        "step_mm": (0.5, 0.0, 2.0)[machine % 3],
    }
    readings = []
    for number in range(10):
        samples = odd_session(1_000 * machine + number, **how)
        readings.append(read_sensors(*samples, find_reps(*samples)))
        assert {} == judged(*readings).troubles, how
