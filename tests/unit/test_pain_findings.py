"""What a note of back pain is beside what was found in the days before."""

from typing import Any

import pytest

from sledwatch.findings.pain import Before, Noted, is_same_pain, pain_finding
from sledwatch.rules import WorkloadRules

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NOW_US = 1_795_366_800_000_000


def before(days: float, rule: str = "depth.excessive", severity: Any = "alert", **fields: Any) -> Before:
    values: dict[str, Any] = {"session": "s-1", "machine": "press-1", "evidence": {"over_mm": 31.0, "limit_mm": 412.0}}
    return Before(rule, severity, NOW_US - round(days * DAY_US), **(values | fields))


def test_pain_after_excessive_depth_is_an_alert_with_what_came_before() -> None:
    found = pain_finding([Noted(NOW_US, "s-2")], [before(0.5)], "Ada")
    assert ("pain.reported", "alert", 1, NOW_US) == (found.rule, found.severity, found.count, found.at_us)
    assert "Ada reported back pain, 12 hours after going past the depth limit." in found.message
    assert "raise the stop" in found.advice
    (record,) = found.evidence["before"]
    assert {
        "rule": "depth.excessive",
        "severity": "alert",
        "found_at": "2026-11-22T05:00:00Z",
        "session": "s-1",
        "machine": "press-1",
        "days_before": 0.5,
        "over_mm": 31.0,
    } == record
    assert (0.5, 7) == (found.evidence["days_between"], found.evidence["pain_days"])
    assert any("whether it comes from training" in one for one in found.evidence["not_known"])


@pytest.mark.parametrize(
    ("rule", "severity", "expected"),
    [
        ("depth.excessive", "note", "note"),
        ("depth.caution", "note", "note"),
        ("protocol.breach", "warn", "alert"),
        ("workload.spike", "warn", "alert"),
        ("workload.baseline", "note", "note"),
        ("badge.shared", "warn", "note"),
        ("machine.encoder-slip", "warn", "note"),
        ("technique.bounce", "note", "note"),
    ],
)
def test_what_happened_to_somebody_counts_and_only_where_it_was_loud(rule: str, severity: str, expected: str) -> None:
    assert expected == pain_finding([Noted(NOW_US)], [before(1, rule, severity)], "Ada").severity


@pytest.mark.parametrize(("days", "expected"), [(6.99, "alert"), (7.0, "alert"), (7.01, "note"), (-0.1, "note")])
def test_seven_days_count_and_what_comes_later_does_not(days: float, expected: str) -> None:
    assert expected == pain_finding([Noted(NOW_US)], [before(days)], "Ada").severity


def test_what_was_found_in_the_very_session_counts_whenever_it_was() -> None:
    found = pain_finding([Noted(NOW_US, "s-1")], [before(-0.01)], "Ada")
    assert "alert" == found.severity
    assert "in the same session as going past the depth limit" in found.message
    assert 0 == found.evidence["days_between"]


def test_a_session_of_long_ago_is_long_ago_though_the_note_is_on_it() -> None:
    assert "note" == pain_finding([Noted(NOW_US, "s-1")], [before(8)], "Ada").severity


def test_the_days_are_a_setting_and_the_finding_says_which_version() -> None:
    found = pain_finding([Noted(NOW_US)], [before(9)], "Ada", WorkloadRules(pain_days=10), 3)
    assert ("alert", 10, 3) == (found.severity, found.evidence["pain_days"], found.evidence["rules_version"])


def test_with_nothing_before_it_is_a_note_that_offers_something_else() -> None:
    found = pain_finding([Noted(NOW_US)], [], "Ada")
    assert "note" == found.severity
    assert [] == found.evidence["before"]
    assert "days_between" not in found.evidence
    assert "hack squat" in found.advice


def test_noted_again_it_counts_and_any_note_may_be_the_one_that_follows_something() -> None:
    found = pain_finding([Noted(NOW_US - 5 * DAY_US), Noted(NOW_US)], [before(2)], "Ada")
    assert ("alert", 2, NOW_US - 5 * DAY_US, NOW_US) == (found.severity, found.count, found.at_us, found.last_us)
    assert "reported back pain twice, 2 days after" in found.message


def test_what_was_held_back_for_want_of_sure_data_is_told_as_not_known() -> None:
    held = before(1, severity="note", evidence={"withheld": "the sensor is off", "severity_withheld": "alert"})
    found = pain_finding([Noted(NOW_US)], [held], "Ada")
    assert "note" == found.severity
    assert any("depth.excessive" in one and "held back" in one for one in found.evidence["not_known"])


def test_nothing_that_is_said_tells_what_is_wrong_with_a_body() -> None:
    everything = [before(1), before(2, "workload.spike", "warn"), before(3, "protocol.breach", "warn")]
    for found in (pain_finding([Noted(NOW_US)], everything, "Ada"), pain_finding([Noted(NOW_US)], [], "Ada")):
        said = f"{found.title} {found.message} {found.advice}".lower()
        assert [] == [word for word in ("injur", "diagnos", "damage", "disc", "caused") if word in said]


def test_pain_within_a_week_is_the_same_pain() -> None:
    assert is_same_pain(NOW_US, NOW_US - 7 * DAY_US)
    assert not is_same_pain(NOW_US, NOW_US + 7 * DAY_US + 1)


def test_no_note_is_no_pain() -> None:
    with pytest.raises(ValueError, match="expected one or more"):
        pain_finding([], [], "Ada")
