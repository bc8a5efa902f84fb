"""A closed session against the member's own history: what is said, how loudly, and with which figures."""

import json
from datetime import date, timedelta

import pandas as pd
import pytest

from histories import history, weekly
from sledwatch.findings import Finding, findings_in_bulk, workload_findings
from sledwatch.rules import DEFAULT_RULES, RulesInForce
from sledwatch.workload import LEG_PRESS_ONLY, Sessions, WorkloadContext, judge_all

STEADY = weekly(6)


def judge(
    sessions: pd.DataFrame,
    session: str | None = None,
    missing_days: frozenset[date] = frozenset(),
    rules: RulesInForce | None = None,
) -> dict[str, Finding]:
    judged = session or sessions["session"].iloc[-1]
    found = workload_findings(
        WorkloadContext(
            Sessions.of_frame(sessions), judged, "Europe/Berlin", missing_days, "Mia", rules or RulesInForce()
        )
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


def with_a_heavy_week(factor: float, weeks: int = 12) -> pd.DataFrame:
    """Twice a week for so many weeks, a few percent up and down, then a week with a third session of its own."""
    before = [(day, work_j * (1.0 + 0.05 * (number % 3 - 1))) for number, (day, work_j) in enumerate(weekly(weeks))]
    return history(*before, (7 * weeks, 20_000.0), (7 * weeks + 2, 20_000.0), (7 * weeks + 4, factor * 20_000.0))


@pytest.mark.parametrize(("factor", "expected"), [(0.3, None), (0.5, "note"), (1.0, "warn")])
def test_a_week_is_measured_by_the_persons_own_weeks(factor: float, expected: str | None) -> None:
    sessions = with_a_heavy_week(factor)
    found = judge(sessions).get("workload.baseline")
    assert expected == (found and found.severity)
    if found is not None:
        evidence = found.evidence
        assert round((2.0 + factor) * 20_000.0, 1) == evidence["week_work_j"]
        # Counted backwards from a Friday, the first of the 12 weeks is none; two sessions of 20 kJ each spread less
        # than a tenth of 40 kJ.
        assert (11, 4_000.0) == (evidence["baseline_weeks"], pytest.approx(evidence["baseline_sd_j"], rel=0.02))
        assert evidence["z"] == pytest.approx((evidence["week_work_j"] - evidence["baseline_mean_j"]) / 4_000, rel=0.02)


def test_fewer_weeks_than_eight_say_nothing_of_a_week() -> None:
    assert "workload.baseline" not in judge(with_a_heavy_week(1.0, weeks=8))
    assert "workload.baseline" in judge(with_a_heavy_week(1.0, weeks=9))


def test_a_spike_in_a_week_far_above_the_own_ones_is_an_alert_that_says_so() -> None:
    found = judge(with_a_heavy_week(1.5))
    assert {"workload.spike": "alert", "workload.baseline": "warn"} == severities(found)
    spike = found["workload.spike"]
    assert "in a week far above their own weeks" in spike.message
    assert (1.3, True, False) == (
        spike.evidence["threshold"],
        spike.evidence["joined_with_red_baseline"],
        spike.evidence["joined_with_spacing"],
    )


def test_rules_of_ones_own_decide_and_are_named() -> None:
    sessions = with_a_heavy_week(1.5)
    alone = RulesInForce(DEFAULT_RULES.changed({"join_baseline": False, "baseline_red": 9.0}), version=7)
    found = judge(sessions, rules=alone)
    assert {"workload.spike": "warn", "workload.baseline": "note"} == severities(found)
    assert {7} == {finding.evidence["rules_version"] for finding in found.values()}
    assert 9.0 == found["workload.baseline"].evidence["thresholds"]["warn"]


def test_weeks_of_which_days_are_missing_are_left_out_and_too_many_of_them_say_nothing() -> None:
    sessions = with_a_heavy_week(1.0)
    monday = date(2026, 7, 6)
    two = frozenset({monday + timedelta(days=8), monday + timedelta(days=15)})
    evidence = judge(sessions, missing_days=two)["workload.baseline"].evidence
    assert (9, 2, 2) == (
        evidence["baseline_weeks"],
        evidence["baseline_weeks_left_out"],
        evidence["missing_days_of_weeks"],
    )
    months = frozenset(monday + timedelta(days=day) for day in range(30))
    assert "workload.baseline" not in judge(sessions, missing_days=months)


@pytest.mark.parametrize(("sets", "expected"), [([7, 7, 6], None), ([7, 7, 7], "note"), ([14, 14, 0], None)])
def test_more_than_twenty_hard_sets_in_seven_days_are_noted_by_who_adds_to_them(
    sets: list[int], expected: str | None
) -> None:
    usual = weekly(8, 20_000.0, 0, 2, 4)
    hard_sets = [2] * (len(usual) - 3) + sets
    found = judge(history(*usual, hard_sets=hard_sets)).get("workload.volume")
    assert expected == (found and found.severity)


def test_many_members_at_once_are_told_what_each_alone_is_told() -> None:
    alone = {
        "ann": with_a_heavy_week(1.5),
        "ben": history(*STEADY, (42, 60_000.0)),
        "cay": history((0, 1e4), (1, 1e4), (2, 1e4)),
        "dan": history(*STEADY),
        "eve": history(*STEADY, (100, 20_000.0), (101, 25_000.0)),
    }
    rules = {"ben": RulesInForce(DEFAULT_RULES.changed({"spike_alert": 4.0}), version=3)}
    together = pd.concat(
        sessions.assign(user=user, time_zone="Europe/Berlin", session=user + sessions["session"])
        for user, sessions in alone.items()
    )
    judged = judge_all(together, rules={user: one.rules for user, one in rules.items()})
    found = {row.session: findings for row, findings in findings_in_bulk(judged, rules, member_name=str.title)}
    expected = {}
    for user, sessions in alone.items():
        own = Sessions.of_frame(sessions.assign(session=user + sessions["session"]))
        for session in own.session:
            context = WorkloadContext(
                own, session, "Europe/Berlin", frozenset(), user.title(), rules.get(user, RulesInForce())
            )
            if told := workload_findings(context):
                expected[session] = told
    assert expected == found
    assert {"ann", "ben", "cay", "eve"} == {session[:3] for session in found}
