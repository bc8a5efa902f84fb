"""A closed session against the member's own history: what is said, how loudly, and with which figures."""

import json
from datetime import date, timedelta

import pandas as pd
import pytest

from histories import history, weekly
from sledwatch.findings import Finding, workload_findings
from sledwatch.workload import LEG_PRESS_ONLY, Sessions, WorkloadContext

STEADY = weekly(6)


def judge(
    sessions: pd.DataFrame, session: str | None = None, missing_days: frozenset[date] = frozenset()
) -> dict[str, Finding]:
    judged = session or sessions["session"].iloc[-1]
    found = workload_findings(
        WorkloadContext(Sessions.of_frame(sessions), judged, "Europe/Berlin", missing_days, "Mia")
    )
    return {finding.rule: finding for finding in found}


def severities(found: dict[str, Finding]) -> dict[str, str]:
    return {rule: finding.severity for rule, finding in found.items()}


@pytest.mark.parametrize(
    ("expected", "work_j"),
    [
        ({}, 22_000.0),
        ({"workload.spike": "note"}, 22_001.0),
        ({"workload.spike": "note"}, 26_000.0),
        ({"workload.spike": "warn"}, 26_001.0),
        ({"workload.spike": "warn"}, 40_000.0),
        ({"workload.spike": "alert"}, 40_001.0),
    ],
)
def test_a_spike_is_told_as_loud_as_it_is(expected: dict[str, str], work_j: float) -> None:
    assert expected == severities(judge(history(*STEADY, (42, work_j))))


def test_a_spike_says_what_happened_and_that_only_the_leg_press_is_seen() -> None:
    finding = judge(history(*STEADY, (42, 28_400.0)))["workload.spike"]
    assert f"Mia did 1.42× the 30-day best: 28.4 kJ against 20.0 kJ. {LEG_PRESS_ONLY}" == finding.message


def test_a_ratio_just_past_a_threshold_does_not_read_as_the_threshold() -> None:
    assert "did 1.3001× the" in judge(history(*STEADY, (42, 26_002.0)))["workload.spike"].message


def test_a_spike_shows_its_arithmetic() -> None:
    evidence = judge(history(*STEADY, (31.5, 21_000.0), (42, 28_400.0)))["workload.spike"].evidence
    expected = {
        "session_work_j": 28_400.0,
        "best_30d_work_j": 21_000.0,
        "best_30d_session": "s12",
        "best_30d_at": "2026-08-07T00:00:00Z",
        "ratio": 1.3524,
        "threshold": 1.3,
        "window_days": 30,
        "history_sessions": 13,
        "history_days": 42,
        "sessions_30d": 9,
        "missing_days_30d": 0,
        "seen": LEG_PRESS_ONLY,
    }
    assert expected == {name: evidence[name] for name in expected}
    assert 1.52 == evidence["context"]["hazard_ratio"]
    assert evidence == json.loads(json.dumps(evidence, allow_nan=False))


def test_a_large_session_after_a_hard_one_the_day_before_is_an_alert() -> None:
    found = judge(history(*STEADY, (39, 27_000.0)))
    assert {"workload.spike": "alert", "workload.spacing": "warn"} == severities(found)


def test_those_who_train_on_consecutive_days_hear_nothing_of_spacing() -> None:
    assert {} == judge(history(*weekly(6, 20_000.0, 0, 1)))


def test_a_habit_of_consecutive_days_keeps_a_warning_a_warning() -> None:
    found = judge(history(*weekly(6, 20_000.0, 0, 1), (42, 20_000.0), (43, 27_000.0)))
    assert {"workload.spike": "warn"} == severities(found)


def test_spacing_names_both_days() -> None:
    message = judge(history(*STEADY, (39, 20_000.0)))["workload.spacing"].message
    assert message.startswith("Mia trained hard on 13 Aug and 14 Aug: 20.0 kJ, then 20.0 kJ, each over 70 %")


def test_spacing_on_one_day_says_so() -> None:
    message = judge(history(*STEADY, (42, 20_000.0), (42.2, 18_000.0)))["workload.spacing"].message
    assert message.startswith("Mia trained hard twice on 17 Aug: 20.0 kJ, then 18.0 kJ")


def test_two_sessions_of_one_visit_are_judged_together() -> None:
    found = judge(history(*STEADY, (42, 20_000.0), (42.05, 24_000.0)))
    assert {"workload.spike": "alert"} == severities(found)
    assert "(2 sessions of one visit together): 44.0 kJ" in found["workload.spike"].message


def test_later_sessions_change_nothing() -> None:
    sessions = [*STEADY, (42, 28_400.0)]
    alone = judge(history(*sessions))
    assert alone == judge(history(*sessions, (42.05, 30_000.0), (43, 99_000.0)), "s12")


@pytest.mark.parametrize(("expected", "work_j"), [({}, 16_000.0), ({"workload.returning": "warn"}, 16_001.0)])
def test_after_a_break_more_than_80_percent_of_the_90_day_best_is_a_warning(
    expected: dict[str, str], work_j: float
) -> None:
    assert expected == severities(judge(history(*STEADY, (80, work_j))))


def test_a_return_says_how_long_the_break_was() -> None:
    found = judge(history(*STEADY, (80, 5_000.0), (84, 19_000.0)))["workload.returning"]
    assert found.message.startswith("Mia did 0.95× the 90-day best in session 2 after 42 days off: 19.0 kJ")


def test_the_third_session_after_a_break_is_compared_with_the_two_before() -> None:
    found = judge(history(*STEADY, (80, 5_000.0), (84, 5_000.0), (88, 19_000.0)))
    assert {"workload.spike": "alert"} == severities(found)


def test_a_beginner_three_days_in_a_row_is_warned() -> None:
    found = judge(history((0, 10_000.0), (1, 1_000.0), (2, 1_000.0)))
    assert {"workload.beginner": "warn"} == severities(found)
    assert found["workload.beginner"].message.startswith("Mia is new here (session 3) and trained on 3 days in a row.")


@pytest.mark.parametrize(("expected", "sets"), [({}, 10), ({"workload.beginner": "warn"}, 11)])
def test_a_beginner_with_more_than_10_hard_sets_is_warned(expected: dict[str, str], sets: int) -> None:
    assert expected == severities(judge(history((0, 10_000.0), hard_sets=[sets])))


@pytest.mark.parametrize(
    ("expected", "loads"),
    [
        ({}, [100.0, 131.0]),
        ({}, [100.0, 100.0, 130.0]),
        ({"workload.beginner": "warn"}, [100.0, 100.0, 130.1]),
        ({}, [100.0, 120.0, 150.0]),
    ],
)
def test_from_the_third_session_a_beginner_far_above_the_best_load_is_warned(
    expected: dict[str, str], loads: list[float]
) -> None:
    sessions = [(3.0 * number, 10_000.0) for number in range(len(loads))]
    assert expected == severities(judge(history(*sessions, top_load_kg=loads)))


def test_a_beginners_session_is_no_spike() -> None:
    assert {} == judge(history((0, 1_000.0), (10, 1_000.0), (20, 9_000.0)))


def test_after_90_days_without_a_session_one_begins_anew() -> None:
    sessions = history(*STEADY, (130, 60_000.0), hard_sets=[3] * 12 + [12])
    message = judge(sessions)["workload.beginner"].message
    assert message.startswith("Mia starts anew after a long break (session 1) and did 12 hard sets in one session.")


def test_where_too_many_days_are_missing_nothing_is_raised_and_it_says_why() -> None:
    missing = frozenset(date(2026, 7, 27) + timedelta(days=n) for n in range(7))
    finding = judge(history(*STEADY, (42, 60_000.0)), missing_days=missing)["workload.spike"]
    assert ("note", "alert") == (finding.severity, finding.evidence["severity_held_back"])
    assert finding.message.endswith(
        "Not raised: 7 of the 30 days before are missing (machines lost data), more than 20 %."
    )


def test_a_return_needs_its_90_days() -> None:
    missing = frozenset(date(2026, 7, 27) + timedelta(days=n) for n in range(19))
    finding = judge(history(*STEADY, (80, 20_000.0)), missing_days=missing)["workload.returning"]
    assert ("note", 0) == (finding.severity, finding.evidence["missing_days_30d"])


def test_a_session_without_a_rep_says_nothing() -> None:
    sessions = history(*STEADY, (42, 0.0), tonnage_kg=[1_000.0] * 12 + [0.0])
    assert {} == judge(sessions)


@pytest.mark.parametrize("days", [(0,), (0, 3), (0, 2, 4), (0, 1, 3, 4), (0, 1, 2, 3, 4)])
def test_people_who_train_steadily_hear_nothing_after_their_first_weeks(days: tuple[float, ...]) -> None:
    sessions = history(*weekly(12, 20_000.0, *days))
    settled = sessions["session"].iloc[5 * len(days) :]
    assert [] == [finding for session in settled for finding in judge(sessions, session)]
