"""Findings and alerts over HTTP."""

import pytest

from api_house import NOW_US, House, S, a_finding
from sledwatch_storage.state import alerts


def test_an_alert_says_what_happened_and_what_to_do(house: House) -> None:
    house.client.put("/api/v1/members/m-1", json={"name": "Ada"})
    house.raise_alert()
    (alert,) = house.get("/alerts")["items"]
    assert ("open", 2, "Ada", "Raise the stop.") == (
        alert["state"],
        alert["count"],
        alert["user_name"],
        alert["advice"],
    )
    assert ("2026-11-22T16:51:40Z", {"limit_mm": 412.0, "deepest_mm": 431.0}) == (alert["first_at"], alert["evidence"])
    assert alert == house.get(f"/alerts/{alert['id']}")


@pytest.mark.parametrize(
    ("verb", "state"), [("acknowledge", "acknowledged"), ("silence", "silenced"), ("resolve", "resolved")]
)
def test_a_verb_changes_the_alert_and_stays(house: House, verb: str, state: str) -> None:
    alert = house.raise_alert()
    answers = [house.client.post(f"/api/v1/alerts/{alert.id}/{verb}") for _ in range(2)]
    assert [(200, state)] * 2 == [(answer.status_code, answer.json()["state"]) for answer in answers]
    assert state == house.get(f"/alerts/{alert.id}")["state"]
    assert [] == house.get("/alerts", state="open")["items"]


def test_what_is_resolved_cannot_be_acknowledged(house: House) -> None:
    alert = house.raise_alert(state="resolved")
    answer = house.client.post(f"/api/v1/alerts/{alert.id}/acknowledge")
    assert (409, "urn:sledwatch:problem:illegal-transition") == (answer.status_code, answer.json()["type"])


def test_comments_stand_beside_the_alert_in_order(house: House) -> None:
    alert = house.raise_alert()
    for text in ("Saw her.", "  Raised the stop.  "):
        assert 201 == house.client.post(f"/api/v1/alerts/{alert.id}/comments", json={"text": text}).status_code
    expected = [
        {"author": "admin", "at": "2026-11-22T17:00:00Z", "text": "Saw her."},
        {"author": "admin", "at": "2026-11-22T17:00:00Z", "text": "Raised the stop."},
    ]
    assert expected == house.get(f"/alerts/{alert.id}")["comments"]


@pytest.mark.parametrize("text", ["", "   ", "x" * 2_001, None, 7])
def test_a_comment_says_something(house: House, text: object) -> None:
    alert = house.raise_alert()
    assert 422 == house.client.post(f"/api/v1/alerts/{alert.id}/comments", json={"text": text}).status_code


def test_alerts_are_chosen_by_state_member_gym_and_rule(house: House) -> None:
    house.raise_alert(id="a1")
    house.raise_alert(id="a2", user="m-2", gym="south", rule="workload.spike", state="acknowledged")
    for query in ({"state": "acknowledged"}, {"user": "m-2"}, {"gym": "south"}, {"rule": "workload.spike"}):
        assert ["a2"] == [alert["id"] for alert in house.get("/alerts", **query)["items"]]


def test_two_hundred_and_fifty_alerts_of_one_moment_are_listed_once_each(house: House) -> None:
    for number in range(251):
        house.raise_alert(id=f"{number:032x}", last_at=alerts.at(NOW_US - (number // 100) * S))
    found = [alert["id"] for alert in house.walk("/alerts", limit=100)]
    assert (251, 251) == (len(found), len(set(found)))


def test_findings_are_chosen_and_paged_newest_first(house: House) -> None:
    many = [a_finding(number, at_us=NOW_US - number * S, rule=f"rule.{number % 2}") for number in range(1, 12)]
    house.close_session(found=many)
    assert [one["id"] for one in many] == [one["id"] for one in house.walk("/findings", limit=3)]
    assert 6 == len(house.walk("/findings", limit=4, rule="rule.1", session="s-1", user="m-1"))
    assert [] == house.get("/findings", session="s-2")["items"]
