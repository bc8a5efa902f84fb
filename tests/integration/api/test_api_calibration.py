"""A calibration visit over HTTP: begun, watched, confirmed; and the history and the reach of limits."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from api_house import NOW_US, SETUP, House, S, a_rep
from presses import online
from sledwatch.events import Event, Setup
from sledwatch_analytics.live.pressed import Pressed
from sledwatch_storage.state import ledger
from sledwatch_storage.state.limits import limit_book

HERE = "/api/v1/members/m-1/limits/north/press-1"
VISIT = f"{HERE}/calibration"
EMPTY_KG = 47.0


def badged_in(house: House, *depths_mm: float, load_kg: float = EMPTY_KG, bottom_mm: float | None = None) -> None:
    """The member is on the machine, and has turned at these depths."""
    house.start_session(session="s-9")
    reps = tuple(
        replace(a_rep(number, session="s-9"), depth_mm=depth_mm, load_kg=load_kg)
        for number, depth_mm in enumerate(depths_mm, start=1)
    )
    house.floor.pressed["north", "press-1"] = Pressed(
        "m-1", "s-9", msgspec.convert(SETUP, Setup), 21.0, load_kg, bottom_mm, reps
    )


@pytest.fixture
def trained(house: House) -> House:
    """A member whose best load is 180 kg, on a machine whose sled has 47 kg."""
    house.close_session("s-1", start_us=NOW_US - 86_400 * S, load_kg=180.0)
    house.close_session("s-2", user="m-2", start_us=NOW_US - 80_000 * S, load_kg=EMPTY_KG)
    return house


def begin(house: House) -> dict[str, Any]:
    answer = house.client.post(VISIT)
    assert 200 == answer.status_code, answer.text
    found: dict[str, Any] = answer.json()
    return found


def confirm(house: House, **wish: Any) -> tuple[int, dict[str, Any]]:
    answer = house.client.post(f"{VISIT}/confirm", json=wish)
    return answer.status_code, answer.json()


def test_a_visit_awaits_the_badge_then_the_descent_then_the_word(trained: House) -> None:
    assert "badge" == begin(trained)["awaiting"]
    badged_in(trained)
    assert "descent" == trained.client.get(VISIT).json()["awaiting"]
    badged_in(trained, 405.0, 398.0)
    visit = trained.client.get(VISIT).json()
    expected = {
        "user": "m-1",
        "begun_by": "admin",
        "begun_at": "2026-11-22T17:00:00Z",
        "ends_at": "2026-11-22T19:00:00Z",
        "awaiting": "confirmation",
        "session": "s-9",
        "setup": SETUP,
        "depth_mm": 21.0,
        "load_kg": 47.0,
        "latest": {"depth_mm": 398.0, "load_kg": 47.0, "set": 1, "rep": 2},
        "deepest": {"depth_mm": 405.0, "load_kg": 47.0, "set": 1, "rep": 1},
        "reference_load_kg": pytest.approx(180.0 * 36 / 34),  # three reps (Brzycki 1993)
        "empty_kg": 47.0,
        "near_empty": True,
        "warnings": [],
    }
    assert expected == {name: visit[name] for name in expected}


def test_confirming_sets_the_limit_for_the_seat_and_feet_as_they_are(trained: House) -> None:
    begin(trained)
    badged_in(trained, 405.0, 398.0)
    status, limit = confirm(trained, note="sacrum lifts")
    expected = {
        "limit_mm": 398.0,
        "notch": 4,
        "foot_row": 2,
        "how": "calibration",
        "from_rep": {"session": "s-9", "set": 1, "rep": 2},
        "setup": SETUP,
        "session": "s-9",
        "note": "sacrum lifts",
        "set_by": "admin",
        "version": 1,
    }
    assert (200, expected) == (status, {name: limit[name] for name in expected})
    assert ["m-1"] == trained.floor.changed
    assert 404 == trained.client.get(VISIT).status_code


@pytest.mark.parametrize(
    ("expected_mm", "wish"),
    [
        (410.0, {}),
        (410.0, {"point": "latest"}),
        (420.0, {"point": "deepest"}),
        (21.0, {"point": "now"}),
        (404.5, {"depth_mm": 404.5}),
    ],
)
def test_the_point_is_the_latest_bottom_or_the_one_that_the_trainer_names(
    trained: House, expected_mm: float, wish: dict[str, Any]
) -> None:
    begin(trained)
    badged_in(trained, 420.0, bottom_mm=410.0)
    assert expected_mm == confirm(trained, **wish)[1]["limit_mm"]


def test_the_reps_that_sought_the_point_are_known_as_such(trained: House) -> None:
    begin(trained)
    badged_in(trained, 420.0, 405.0, bottom_mm=400.0)
    confirm(trained)
    (known,) = limit_book(trained.engine, "m-1").set_limits
    assert ("s-9", 3) == known.visit


def test_a_limit_can_be_confirmed_for_every_notch_and_row(trained: House) -> None:
    begin(trained)
    badged_in(trained, 400.0)
    limit = confirm(trained, every_notch=True, every_foot_row=True)[1]
    assert (None, None) == (limit["notch"], limit["foot_row"])


def test_what_the_sled_did_before_the_visit_does_not_count(trained: House) -> None:
    badged_in(trained, 440.0)
    assert "descent" == begin(trained)["awaiting"]
    badged_in(trained, 440.0, 400.0)
    assert 400.0 == trained.client.get(VISIT).json()["deepest"]["depth_mm"]
    begin(trained)
    assert (409, "urn:sledwatch:problem:no-bottom") == _problem(confirm(trained))


def _problem(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["type"]


def test_a_bottom_that_the_sensor_lost_is_left_out(trained: House) -> None:
    begin(trained)
    badged_in(trained, 400.0, 460.0)
    pressed = trained.floor.pressed["north", "press-1"]
    glitch = replace(pressed.reps[1], quality="unsure", quality_reason="glitch")
    trained.floor.pressed["north", "press-1"] = replace(pressed, reps=(pressed.reps[0], glitch))
    visit = trained.client.get(VISIT).json()
    assert 400.0 == visit["latest"]["depth_mm"]
    assert ["The last movement had a glitch in it and is left out."] == visit["warnings"]


def test_a_loaded_sled_is_refused_unless_the_trainer_insists(trained: House) -> None:
    begin(trained)
    badged_in(trained, 400.0, load_kg=60.0)
    visit = trained.client.get(VISIT).json()
    assert visit["near_empty"] is False
    assert "60 kg is no near-empty sled (30 % of 191 kg or the sled with 47 kg)" in visit["warnings"][0]
    assert (409, "urn:sledwatch:problem:not-near-empty") == _problem(confirm(trained))
    assert [] == trained.get("/members/m-1/limits")["items"]
    assert 200 == confirm(trained, accept_load=True)[0]


def test_where_nothing_was_lifted_the_trainer_has_to_vouch_for_the_load(house: House) -> None:
    begin(house)
    badged_in(house, 400.0)
    visit = house.client.get(VISIT).json()
    assert (None, True) == (visit["near_empty"], "is not known" in visit["warnings"][0])
    assert 409 == confirm(house)[0]
    assert 200 == confirm(house, accept_load=True)[0]


def test_where_only_heavy_loads_were_lifted_the_lightest_is_not_taken_for_the_sled(house: House) -> None:
    house.close_session("s-1", start_us=NOW_US - 86_400 * S, load_kg=120.0)
    begin(house)
    badged_in(house, 400.0, load_kg=120.0)
    visit = house.client.get(VISIT).json()
    assert (None, False) == (visit["empty_kg"], visit["near_empty"])
    assert 409 == confirm(house)[0]


def test_somebody_else_on_the_machine_is_not_calibrated(trained: House) -> None:
    begin(trained)
    badged_in(trained, 400.0)
    trained.floor.pressed["north", "press-1"] = replace(trained.floor.pressed["north", "press-1"], user="m-2")
    assert "badge" == trained.client.get(VISIT).json()["awaiting"]
    assert (409, "urn:sledwatch:problem:not-badged-in") == _problem(confirm(trained, depth_mm=400))


def test_a_visit_is_given_up_by_hand_or_after_two_hours(trained: House) -> None:
    begin(trained)
    assert [204, 404] == [trained.client.delete(VISIT).status_code for _ in range(2)]
    begin(trained)
    trained.now_us += 2 * 3_600 * S
    assert 200 == trained.client.get(VISIT).status_code
    trained.now_us += 1
    assert [404, 404] == [trained.client.get(VISIT).status_code, confirm(trained)[0]]
    assert [] == trained.floor.changed


@pytest.mark.parametrize(
    ("wish", "field"), [({"depth_mm": 0}, "depth_mm"), ({"point": "middle"}, "point"), ({"deep": 1}, "deep")]
)
def test_a_confirmation_that_makes_no_sense_names_the_field(trained: House, wish: dict[str, Any], field: str) -> None:
    begin(trained)
    badged_in(trained, 400.0)
    status, problem = confirm(trained, **wish)
    assert (422, field) == (status, problem["errors"][0]["field"])


def test_every_change_of_a_limit_is_remembered(trained: House) -> None:
    client: TestClient = trained.client
    client.put(HERE, json={"limit_mm": 400, "note": "by eye"})
    client.put(HERE, json={"limit_mm": 410, "notch": 4})
    client.put(HERE, json={"limit_mm": 390})
    client.delete(HERE, params={"notch": -1})
    client.put(HERE, json={"limit_mm": 380})
    changes = trained.walk("/members/m-1/limits/north/press-1/history", limit=2)
    assert [
        ("set", None, 380.0, 3, None),
        ("deleted", None, 390.0, 2, None),
        ("set", None, 390.0, 2, None),
        ("set", 4, 410.0, 1, None),
        ("set", None, 400.0, 1, "by eye"),
    ] == [(one["change"], one["notch"], one["limit_mm"], one["version"], one["note"]) for one in changes]
    assert {("admin", "figure")} == {(one["changed_by"], one["how"]) for one in changes}


def in_force(house: House, machine: str = "press-1", **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = house.get(f"/members/m-1/limits/north/{machine}/in-force", **query)
    return found


def known_machine(house: House, machine: str, **changes: Any) -> None:
    event = Event("north", machine, online(boot=machine, **changes))
    ledger.record(house.engine, [ledger.Arrived(event, NOW_US)], [], NOW_US)


def test_the_limit_in_force_says_where_it_comes_from(house: House) -> None:
    known_machine(house, "press-1")
    house.client.put("/api/v1/members/m-1", json={"height_mm": 1750})
    house.client.put(HERE, json={"limit_mm": 400, "notch": 4})
    house.close_session()
    here = in_force(house)
    assert (400.0, "calibrated", 400.0, "limit", SETUP) == tuple(
        here[name] for name in ("limit_mm", "tier", "told_mm", "told_by", "setup")
    )
    assert (10.0, "reach", True) == (here["angle_error_deg"], here["angle_basis"], 90 < here["knee_deg"] < 130)
    moved = in_force(house, notch=6)
    assert (450.0, "transferred", "pitch", None) == (
        moved["limit_mm"], moved["tier"], moved["transferred_from"]["by"], moved["error_mm"],
    )  # fmt: skip


def test_the_limit_in_force_of_another_machine_is_carried_or_refused_with_the_reason(house: House) -> None:
    known_machine(house, "press-1")
    known_machine(house, "press-2", backrest_deg=20.0)
    house.client.put(HERE, json={"limit_mm": 400, "notch": 4})
    refused = in_force(house, "press-2", notch=4)
    assert (None, 1) == (refused["limit_mm"], len(refused["refused"]))
    assert "height is not known" in refused["refused"][0]
    house.client.put("/api/v1/members/m-1", json={"height_mm": 1750})
    carried = in_force(house, "press-2", notch=4)
    assert ("transferred", "geometry", "press-1", []) == (
        carried["tier"], carried["transferred_from"]["by"], carried["transferred_from"]["machine"], carried["refused"],
    )  # fmt: skip
    assert carried["limit_mm"] > 400
    assert carried["error_mm"] > 100


def test_the_machine_is_told_a_protocols_end_before_the_limit_until_it_expires(house: House) -> None:
    known_machine(house, "press-1")
    house.client.put(HERE, json={"limit_mm": 400})
    window = {"quantity": "depth_mm", "gym": "north", "machine": "press-1", "max": 300}
    house.client.put("/api/v1/members/m-1/protocol", json={"windows": [window], "expires_at": "2026-11-23T00:00:00Z"})
    told = in_force(house)
    assert (300.0, "protocol", 400.0) == (told["told_mm"], told["told_by"], told["limit_mm"])
    house.now_us += 86_400 * S
    assert "limit" == in_force(house)["told_by"]


def test_of_nobody_nothing_is_in_force(house: House) -> None:
    nothing = in_force(house)
    assert (None, None, None, []) == tuple(nothing[name] for name in ("limit_mm", "told_mm", "setup", "refused"))
