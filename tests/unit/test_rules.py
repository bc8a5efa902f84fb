"""The settings of the rules: what they say, and what they refuse."""

import math

import pytest

from sledwatch.rules import DEFAULT_RULES, GROUPS, TABLE, WorkloadRules


def test_thresholds_are_those_of_the_documents() -> None:
    rules = WorkloadRules()
    assert (1.10, 1.30, 2.00) == (rules.spike_note, rules.spike_warn, rules.spike_alert)
    assert (2.0, 3.0, 8) == (rules.baseline_yellow, rules.baseline_red, rules.baseline_weeks)
    assert (0.7, 20, 0.8) == (rules.hard_session_share, rules.volume_hard_sets, rules.returning_share)


def test_every_setting_is_described_and_its_default_lies_within_its_bounds() -> None:
    for one in TABLE:
        assert one.least <= one.default <= one.most, one.name
        assert one.meaning, one.name
        assert one.source, one.name


def test_every_setting_stands_in_one_group() -> None:
    assert sorted(one.name for one in TABLE) == sorted(name for names in GROUPS.values() for name in names)


def test_a_whole_number_will_do_where_a_number_is_expected() -> None:
    assert 2.0 == DEFAULT_RULES.changed({"spike_warn": 2}).spike_warn
    assert DEFAULT_RULES == DEFAULT_RULES.changed({})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"spike_note": 1.5}, "spike_note: expected no more than spike_warn (1.3), got 1.5"),
        ({"baseline_red": 1.0}, "baseline_yellow: expected no more than baseline_red (1), got 2"),
        ({"join_spacing": 1}, "join_spacing: expected true or false, got 1"),
        ({"spike_note": True}, "spike_note: expected a number, got True"),
        ({"history_days": 3.5}, "history_days: expected a whole number, got 3.5"),
        ({"spike_alert": math.nan}, "spike_alert: expected 1 to 10 ratio, got nan"),
        ({"missing_share": -0.1}, "missing_share: expected 0 to 1 share, got -0.1"),
        ({"spike_warn": 10**400}, f"spike_warn: expected 1 to 10 ratio, got 1{400 * '0'}"),
        ({"spikes": 1.0}, "spikes: no such setting; expected one of baseline_least_sd, "),
    ],
)
def test_what_cannot_be_is_refused_with_its_name(values: dict[str, float | bool], said: str) -> None:
    with pytest.raises(ValueError, match=r"^\w+: ") as refused:
        DEFAULT_RULES.changed(values)
    assert str(refused.value).startswith(said)
