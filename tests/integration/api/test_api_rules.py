"""The rules of overuse by HTTP: their table, settings of several scopes, and what others would have raised."""

from typing import Any

import pytest

from api_house import DAY, NOW_US, House, S
from sledwatch.rules import TABLE
from sledwatch_analytics.api.times import at
from sledwatch_storage.state.gyms import put_gym

USUAL_DAYS = [60, 56, 52, 48, 44, 40, 36]


def trains(house: House, user: str, reps_by_days_ago: dict[float, int]) -> None:
    """Sessions of so many reps, 320 J each."""
    for days, reps in reps_by_days_ago.items():
        house.close_session(f"{user}-{days:g}", user, NOW_US - round(days * DAY), reps)


@pytest.fixture
def busy(house: House) -> House:
    """Two regulars of 10 reps: one has done 14 three days ago, the other 12 in two sessions of one visit."""
    put_gym(house.engine, "north", {}, NOW_US, time_zone="UTC")
    trains(house, "m-1", dict.fromkeys([*USUAL_DAYS, 32, 28, 20, 12], 10) | {3: 14})
    trains(house, "m-2", dict.fromkeys([*USUAL_DAYS, 31, 27, 19, 11], 10) | {4: 11, 4 - 1 / 24: 1})
    return house


def put(house: House, values: dict[str, Any], **query: Any) -> Any:
    return house.client.put("/api/v1/rules/settings", json={"values": values, "note": "why"}, params=query)


def try_out(house: House, values: dict[str, Any], **more: Any) -> Any:
    answer = house.client.post("/api/v1/rules/preview", json={"values": values, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def value(settings: Any, name: str) -> tuple[Any, str, Any]:
    (one,) = (one for one in settings["rules"] if one["name"] == name)
    return one["value"], one["comes_from"], one["beneath"]


def test_every_setting_is_documented(house: House) -> None:
    found = {one["name"]: one for one in house.get("/rules")["items"]}
    assert {one.name for one in TABLE} == found.keys()
    warn = found["spike_warn"]
    assert (1.3, "ratio", 1.0, 10.0, "number") == tuple(
        warn[name] for name in ("default", "unit", "least", "most", "kind")
    )
    assert "Frandsen" in warn["source"]


def test_settings_say_where_each_value_comes_from(busy: House) -> None:
    assert 0 == busy.get("/rules/settings")["version"]
    assert 200 == put(busy, {"spike_note": 1.2, "volume_hard_sets": 30}).status_code
    put(busy, {"spike_note": 1.25}, gym="north")
    settings = put(busy, {"volume_hard_sets": 10}, user="m-1").json()
    assert (10, "member", 30) == value(settings, "volume_hard_sets")
    assert (1.2, "organisation", 1.2) == value(settings, "spike_note")
    there = busy.get("/rules/settings", user="m-1", gym="north")
    assert (1.25, "gym", 1.25) == value(there, "spike_note")
    assert (2.0, "default", 2.0) == value(there, "spike_alert")
    assert (3, "member", {"volume_hard_sets": 10}, "why", "admin") == (
        there["version"],
        there["level"],
        there["own"]["values"],
        there["own"]["note"],
        there["own"]["set_by"],
    )


def test_settings_are_taken_back_and_the_history_keeps_them(busy: House) -> None:
    put(busy, {"spike_note": 1.2})
    put(busy, {"spike_note": 1.25}, gym="north")
    gone = busy.client.delete("/api/v1/rules/settings", params={"gym": "north", "note": "too many"})
    assert (3, (1.2, "organisation", 1.2)) == (gone.json()["version"], value(gone.json(), "spike_note"))
    again = busy.client.delete("/api/v1/rules/settings", params={"gym": "north"})
    assert 404 == again.status_code
    history = busy.walk("/rules/settings/history", 2)
    assert [(3, "gym", {}), (2, "gym", {"spike_note": 1.25}), (1, "organisation", {"spike_note": 1.2})] == [
        (one["version"], one["level"], one["values"]) for one in history
    ]
    assert [3, 2] == [one["version"] for one in busy.walk("/rules/settings/history", 1, gym="north")]


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        ({"spike_warn": 11}, "values.spike_warn", "expected 1 to 10 ratio, got 11"),
        ({"spike_warn": 10**400}, "values.spike_warn", "expected 1 to 10 ratio"),
        ({"spike_warn": "high"}, "values.spike_warn", "expected a number, got 'high'"),
        ({"spike_note": 1.5}, "values.spike_note", "no more than spike_warn (1.3)"),
        ({"spikes": 1}, "values.spikes", "no such setting; expected one of baseline_least_sd"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_bounds(
    house: House, values: dict[str, Any], field: str, expected: str
) -> None:
    for answer in (put(house, values), house.client.post("/api/v1/rules/preview", json={"values": values})):
        assert 422 == answer.status_code
        (error,) = answer.json()["errors"]
        assert field == error["field"]
        assert expected in error["expected"]
    assert [] == house.get("/rules/settings/history")["items"]


def test_a_scope_is_one_that_is_known_and_a_version_one_that_was_seen(busy: House) -> None:
    assert 404 == put(busy, {}, gym="nowhere").status_code
    assert 404 == put(busy, {}, user="nobody").status_code
    both = put(busy, {}, gym="north", user="m-1")
    assert (422, "gym") == (both.status_code, both.json()["errors"][0]["field"])
    assert 200 == put(busy, {"spike_note": 1.2}, version=0).status_code
    assert 409 == put(busy, {"spike_note": 1.25}, version=0).status_code
    assert 401 == busy.stranger.get("/api/v1/rules/settings").status_code


def test_a_preview_tells_what_last_month_would_have_raised(busy: House) -> None:
    """m-1 did 1.4 × their best; m-2's visit grew to 1.2 ×, which is one matter."""
    found = try_out(busy, {"spike_warn": 1.15})
    assert (
        "With the present settings, last month would have raised 1 alert for 1 member."
        == (found["present"]["sentence"])
    )
    assert "With these settings, last month would have raised 2 alerts for 2 members." == found["tried"]["sentence"]
    assert [("new", "workload.spike", "m-2", "note", "warn")] == [
        (one["change"], one["rule"], one["user"], one["before"], one["after"]) for one in found["changes"]
    ]
    assert (1, 9, 2) == (found["present"]["notes"], found["sessions"], found["members"])
    assert [{"rule": "workload.spike", "note": 0, "warn": 2, "alert": 0}] == found["tried"]["rules"]
    quiet = try_out(busy, {"spike_note": 2.0, "spike_warn": 2.0, "spike_alert_joined": 2.0})
    assert "With these settings, last month would have raised no alert." == quiet["tried"]["sentence"]
    assert ["gone"] == [one["change"] for one in quiet["changes"]]
    assert [] == busy.get("/rules/settings/history")["items"]


def test_a_preview_keeps_to_its_scope_and_time(busy: House) -> None:
    assert 0 == try_out(busy, {"spike_warn": 1.15}, gym="north", to=at(NOW_US - 5 * DAY).isoformat())["tried"]["alerts"]
    own = try_out(busy, {"spike_warn": 1.15}, user="m-2")
    assert (0, 1, 1) == (own["present"]["alerts"], own["tried"]["alerts"], own["members"])
    put(busy, {"spike_warn": 1.25}, user="m-2")
    # A member's own values go before those of the organisation that are tried.
    assert 1 == try_out(busy, {"spike_warn": 1.15})["tried"]["alerts"]


def test_a_preview_says_what_it_does_not_foresee_and_how_far_it_looks(busy: House) -> None:
    found = try_out(busy, {"hard_set_reps": 5, "spike_warn": 1.2})
    assert ["hard_set_reps"] == [one["name"] for one in found["not_foreseen"]]
    for span in ({"from": at(NOW_US - 100 * DAY).isoformat()}, {"to": at(NOW_US + S).isoformat()}):
        answer = busy.client.post("/api/v1/rules/preview", json={"values": {}, **span})
        assert (422, next(iter(span))) == (answer.status_code, answer.json()["errors"][0]["field"])
