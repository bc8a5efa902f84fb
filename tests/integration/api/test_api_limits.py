"""Depth limits over HTTP: set in millimetres, by pointing at a rep, read and taken away."""

from dataclasses import replace
from typing import Any

import pytest

from api_house import SETUP, House, a_rep

LIMITS = "/api/v1/members/m-1/limits"
HERE = f"{LIMITS}/north/press-1"


def test_a_limit_is_accepted_before_member_and_machine_were_seen(house: House) -> None:
    answer = house.client.put(HERE, json={"limit_mm": 412})
    expected = {
        "gym": "north",
        "machine": "press-1",
        "notch": None,
        "foot_row": None,
        "limit_mm": 412.0,
        "from_rep": None,
        "set_by": "admin",
        "set_at": "2026-11-22T17:00:00Z",
        "version": 1,
        "how": "figure",
        "setup": None,
        "session": None,
        "note": None,
    }
    assert (200, expected) == (answer.status_code, answer.json())
    assert [expected] == house.get("/members/m-1/limits")["items"]
    assert "m-1" == house.get("/members/m-1")["user"]


def test_the_floor_hears_of_every_change(house: House) -> None:
    house.client.put(HERE, json={"limit_mm": 412})
    house.client.delete(HERE)
    house.client.delete(HERE)
    house.client.put(HERE, json={"limit_mm": 0})
    assert ["m-1", "m-1"] == house.floor.changed


def test_a_limit_set_again_counts_its_versions(house: House) -> None:
    for limit_mm in (412, 410):
        house.client.put(HERE, json={"limit_mm": limit_mm})
    assert [(410.0, 2)] == [(one["limit_mm"], one["version"]) for one in house.get("/members/m-1/limits")["items"]]


def test_notches_and_foot_rows_have_limits_of_their_own(house: House) -> None:
    for wish in ({}, {"notch": 4}, {"notch": 4, "foot_row": 2}, {"foot_row": 0}):
        house.client.put(HERE, json={"limit_mm": 400, **wish})
    house.client.put(f"{LIMITS}/north/press-2", json={"limit_mm": 300})
    assert [(None, None), (None, 0), (4, None), (4, 2)] == [
        (one["notch"], one["foot_row"]) for one in house.get("/members/m-1/limits/north/press-1")["items"]
    ]
    assert 5 == len(house.get("/members/m-1/limits")["items"])


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ({}, []),
        ({"notch": 4}, [None]),
        ({"notch": -1}, [4, 4]),
        ({"notch": 4, "foot_row": 2}, [None, 4]),
    ],
)
def test_limits_are_taken_away_whole_or_by_notch(house: House, query: dict[str, int], left: list[int | None]) -> None:
    for wish in ({}, {"notch": 4}, {"notch": 4, "foot_row": 2}):
        house.client.put(HERE, json={"limit_mm": 400, **wish})
    assert 204 == house.client.delete(HERE, params=query).status_code
    assert left == [one["notch"] for one in house.get("/members/m-1/limits")["items"]]


def test_pointing_at_a_rep_makes_its_depth_the_limit_for_that_seat_and_foot_row(house: House) -> None:
    house.close_session()
    answer = house.client.put(HERE, json={"from_rep": {"session": "s-1", "rep": 2}}).json()
    assert (402.0, 4, 2) == (answer["limit_mm"], answer["notch"], answer["foot_row"])
    assert {"session": "s-1", "set": 1, "rep": 2} == answer["from_rep"]


def test_a_rep_whose_bottom_the_sensor_lost_needs_a_figure_beside_it(house: House) -> None:
    house.start_session()
    house.floor.reps["s-1"] = [replace(a_rep(1), quality="unsure", quality_reason="glitch")]
    wish: dict[str, Any] = {"from_rep": {"session": "s-1", "rep": 1}}
    refused = house.client.put(HERE, json=wish)
    assert (422, True) == (refused.status_code, "a glitch" in refused.json()["errors"][0]["expected"])
    assert 400.0 == house.client.put(HERE, json=wish | {"limit_mm": 400}).json()["limit_mm"]


def test_a_limit_from_a_rep_keeps_how_the_machine_was_set_then(house: House) -> None:
    house.close_session()
    limit = house.client.put(HERE, json={"from_rep": {"session": "s-1", "rep": 2}}).json()
    assert ("rep", SETUP, "s-1") == (limit["how"], limit["setup"], limit["session"])


def test_a_limit_from_a_rep_can_be_for_every_notch_and_be_corrected(house: House) -> None:
    house.close_session()
    wish = {"from_rep": {"session": "s-1", "set": 1, "rep": 2}, "notch": None, "limit_mm": 405}
    answer = house.client.put(HERE, json=wish).json()
    assert (405.0, None, 2) == (answer["limit_mm"], answer["notch"], answer["foot_row"])


def test_a_rep_of_a_session_that_still_lasts_can_be_pointed_at(house: House) -> None:
    house.start_session()
    house.floor.reps["s-1"] = [a_rep(1), a_rep(2)]
    assert 402.0 == house.client.put(HERE, json={"from_rep": {"session": "s-1", "rep": 2}}).json()["limit_mm"]


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "(whole)"),
        ({"limit_mm": None}, "(whole)"),
        ({"limit_mm": 0}, "limit_mm"),
        ({"limit_mm": 2_001}, "limit_mm"),
        ({"limit_mm": "deep"}, "limit_mm"),
        ({"limit_mm": 400, "notch": -1}, "notch"),
        ({"limit_mm": 400, "knotch": 1}, "knotch"),
        ({"from_rep": {"session": "s-1", "rep": 4}}, "from_rep.rep"),
        ({"from_rep": {"session": "s-1"}}, "from_rep.rep"),
        ({"from_rep": {"session": "s-1", "set": 2, "rep": 1}}, "from_rep.set"),
        ({"from_rep": {"session": "s-0", "rep": 1}}, "from_rep.session"),
        ({"from_rep": {"session": "s-2", "rep": 1}}, "from_rep.session"),
    ],
)
def test_a_wish_that_cannot_be_met_names_the_field_and_sets_nothing(
    house: House, wish: dict[str, Any], field: str
) -> None:
    house.close_session()
    house.close_session(session="s-2", user="m-2")
    answer = house.client.put(HERE, json=wish)
    assert (422, field) == (answer.status_code, answer.json()["errors"][0]["field"])
    assert [] == house.get("/members/m-1/limits")["items"]
