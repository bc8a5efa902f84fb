"""The life of an alert: one matter, one alert; what each verb does; and what a repeat changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from histories import NOON_US
from sledwatch import alerts
from sledwatch.alerts import IllegalTransition
from sledwatch.events import Alert, AlertState
from sledwatch.findings import Finding

NOON = datetime(2026, 7, 6, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
SECOND_US = 1_000_000


def finding(**changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "rule": "depth.excessive",
        "severity": "alert",
        "at_us": NOON_US,
        "last_us": NOON_US + 8 * SECOND_US,
        "set": 2,
        "count": 2,
        "title": "Beyond the calibrated range",
        "message": "Mia went past the depth limit twice.",
        "advice": "Raise the stop.",
        "evidence": {"limit_mm": 412.0},
        "limit_tier": "calibrated",
    }
    return Finding(**fields | changes)


def raised(existing: Alert | None = None, *, now: datetime = LATER, **changes: Any) -> Alert:
    about = {"gym": "riverside", "user": "m-1", "machine": "press-1", "session": "s0"}
    return alerts.raise_or_repeat(existing, finding(**changes), now=now, **about)


def test_a_new_alert_is_open_and_dated_by_the_event() -> None:
    alert = raised()
    assert ("open", NOON, NOON + timedelta(seconds=8), 2) == (alert.state, alert.first_at, alert.last_at, alert.count)


def test_an_alert_says_what_its_finding_says() -> None:
    alert, said = raised(), finding()
    assert (said.message, said.advice, said.evidence, "calibrated") == (
        alert.message,
        alert.advice,
        alert.evidence,
        alert.limit_tier,
    )


def test_a_machine_whose_clock_runs_ahead_dates_no_alert_in_the_future() -> None:
    assert (NOON, NOON) == (raised(now=NOON).first_at, raised(now=NOON).last_at)


def test_the_same_matter_has_the_same_id() -> None:
    assert raised().id == raised(count=9, severity="warn", message="…").id


def test_an_id_is_32_hex_digits_and_differs_with_what_it_is_about() -> None:
    about = ["depth.excessive", "riverside", "m-1", "press-1", "s0"]
    ids = {alerts.alert_id(*about[:n], "other", *about[n + 1 :]) for n in range(5)}
    ids |= {alerts.alert_id(*about), alerts.finding_id(*about), alerts.alert_id(*about[:4], None)}
    assert (8, {32}) == (len(ids), {len(each) for each in ids})
    assert all(int(each, 16) >= 0 for each in ids)


def test_an_id_stays_the_same_from_version_to_version() -> None:
    """Stored alerts are found again by it."""
    assert "cd1fa709b362e1c9751ab34bc462f762" == alerts.alert_id("depth.excessive", "riverside", "m-1", "press-1", "s0")


def test_raising_twice_changes_nothing() -> None:
    alert = raised()
    assert alert == raised(alert, now=LATER + timedelta(days=1))


def test_a_repeat_counts_and_keeps_id_state_and_first_time() -> None:
    first = alerts.acknowledge(raised())
    again = raised(first, count=5, at_us=NOON_US - SECOND_US, last_us=NOON_US + 60 * SECOND_US)
    assert (first.id, "acknowledged", 5, NOON, NOON + timedelta(seconds=60)) == (
        again.id,
        again.state,
        again.count,
        again.first_at,
        again.last_at,
    )


def test_a_closing_that_saw_less_corrects_the_count_but_not_the_last_time() -> None:
    alert = raised(raised(count=5), count=2, last_us=None)
    assert (2, NOON + timedelta(seconds=8)) == (alert.count, alert.last_at)


@pytest.mark.parametrize(("state", "count"), [("resolved", 1), ("resolved", 2), ("open", 3)])
def test_a_resolved_alert_opens_again_only_when_it_happened_again(state: AlertState, count: int) -> None:
    assert state == raised(alerts.resolve(raised()), count=count).state


def test_a_resolved_warn_opens_again_when_it_becomes_an_alert() -> None:
    """Two sessions of a visit are one matter: the second may turn what was settled into far more."""
    settled = alerts.resolve(raised(severity="warn"))
    assert "resolved" == raised(settled, severity="warn").state
    assert "open" == raised(settled, severity="alert").state
    assert "resolved" == raised(alerts.resolve(raised(severity="alert")), severity="warn").state


def test_a_silenced_alert_stays_silent_and_counts() -> None:
    alert = raised(alerts.silence(raised()), count=7)
    assert ("silenced", 7) == (alert.state, alert.count)


@pytest.mark.parametrize(
    ("verb", "state", "becomes"),
    [
        ("acknowledge", "open", "acknowledged"),
        ("acknowledge", "acknowledged", "acknowledged"),
        ("acknowledge", "silenced", "acknowledged"),
        ("silence", "open", "silenced"),
        ("silence", "acknowledged", "silenced"),
        ("silence", "silenced", "silenced"),
        ("resolve", "open", "resolved"),
        ("resolve", "acknowledged", "resolved"),
        ("resolve", "silenced", "resolved"),
        ("resolve", "resolved", "resolved"),
    ],
)
def test_a_verb_leads_to_its_state(verb: alerts.Verb, state: AlertState, becomes: AlertState) -> None:
    assert becomes == alerts.transition(state, verb)


@pytest.mark.parametrize("verb", ["acknowledge", "silence"])
def test_what_is_resolved_takes_no_other_verb(verb: alerts.Verb) -> None:
    with pytest.raises(IllegalTransition, match=f"cannot {verb} an alert that is resolved") as refused:
        alerts.transition("resolved", verb)
    assert (verb, "resolved") == (refused.value.verb, refused.value.state)


def test_a_verb_changes_the_state_alone() -> None:
    alert = raised()
    assert replace(alert, state="silenced") == alerts.silence(alert)


@pytest.mark.parametrize(("inbox", "severity"), [(False, "note"), (True, "warn"), (True, "alert")])
def test_notes_stay_findings(inbox: bool, severity: Any) -> None:
    assert inbox == alerts.becomes_alert(finding(severity=severity))
