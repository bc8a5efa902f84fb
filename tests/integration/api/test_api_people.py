"""Gyms, machines and members over HTTP."""

from dataclasses import replace
from typing import Any

import pytest

from api_house import DAY, NOW_US, House
from sledwatch.strength import Strength
from sledwatch_storage.state import sessions
from sledwatch_storage.state.engine import begin
from sledwatch_storage.state.limits import put_limit

MACHINE: dict[str, Any] = {
    "gym": "north",
    "machine": "press-1",
    "kind": "incline",
    "model": "LP-45",
    "status": "online",
    "state": "in_use",
    "last_seen_at": "2026-11-22T17:00:00Z",
    "user": "m-1",
    "user_name": "Ada",
    "session": "s-1",
    "since_at": "2026-11-22T16:50:00Z",
    "load_kg": 120.0,
    "depth_mm": 212.5,
    "deepest_mm": 401.0,
    "limit_mm": 412.0,
    "caution_mm": 392.0,
    "limit_tier": "calibrated",
    "set": 1,
    "reps": 3,
    "set_reps": 3,
    "travel_mm": 620.0,
    "over": False,
    "track_mm": [200.0, None, 212.5],
    "t_us": NOW_US,
}


def test_a_gym_can_be_named_before_it_is_seen(house: House) -> None:
    answer = house.client.put("/api/v1/gyms/north", json={"name": "Gym North", "time_zone": "Europe/Berlin"})
    expected = {
        "gym": "north",
        "name": "Gym North",
        "time_zone": "Europe/Berlin",
        "machines": 0,
        "in_use": 0,
        "open_alerts": 0,
    }
    assert (200, expected) == (answer.status_code, answer.json())
    assert [expected] == house.get("/gyms")["items"]


def test_what_is_left_out_of_a_gym_stays(house: House) -> None:
    house.client.put("/api/v1/gyms/north", json={"name": "Gym North", "time_zone": "Europe/Berlin"})
    house.client.put("/api/v1/gyms/north", json={"name": None})
    gym = house.get("/gyms/north")
    assert (None, "Europe/Berlin") == (gym["name"], gym["time_zone"])


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "/etc/passwd", None])
def test_a_time_zone_is_one_of_the_database(house: House, zone: str | None) -> None:
    assert 422 == house.client.put("/api/v1/gyms/north", json={"time_zone": zone}).status_code


def test_machines_are_shown_as_the_floor_has_them(house: House) -> None:
    house.client.put("/api/v1/gyms/north", json={})
    free = {"gym": "north", "machine": "press-0", "status": "online", "state": "free"}
    house.floor.on_floor += [MACHINE, free]
    items = house.get("/gyms/north/machines")["items"]
    assert ["press-0", "press-1"] == [item["machine"] for item in items]
    assert MACHINE | {"account": None, "tired": False} == items[1]
    assert 1 == house.get("/gyms/north")["in_use"]


def test_machines_come_in_pages_too(house: House) -> None:
    house.client.put("/api/v1/gyms/north", json={})
    house.floor.on_floor += [{**MACHINE, "machine": f"press-{number:02}"} for number in range(25)]
    assert [f"press-{number:02}" for number in range(25)] == [
        item["machine"] for item in house.walk("/gyms/north/machines", limit=7)
    ]


def test_a_member_appears_at_first_sight_with_what_is_known(house: House) -> None:
    house.start_session()
    house.raise_alert()
    expected = {
        "user": "m-1",
        "name": None,
        "height_mm": None,
        "sex": None,
        "first_seen_at": "2026-11-22T16:50:00Z",
        "last_session_at": "2026-11-22T16:50:00Z",
        "open_alerts": 1,
    }
    assert expected == house.get("/members/m-1")


def test_a_member_is_described_bit_by_bit(house: House) -> None:
    put = house.client.put
    put("/api/v1/members/m-1", json={"name": "Ada", "height_mm": 1750, "sex": "female"})
    answer = put("/api/v1/members/m-1", json={"height_mm": None}).json()
    assert ("Ada", None, "female") == (answer["name"], answer["height_mm"], answer["sex"])


def test_the_floor_hears_of_a_new_name_and_body(house: House) -> None:
    house.client.put("/api/v1/members/m-1", json={"height_mm": 1750})
    house.client.put("/api/v1/members/m-1", json={"name": "Ada"})
    house.client.put("/api/v1/members/m-1", json={})
    assert ["m-1", "m-1"] == house.floor.changed


def test_two_hundred_and_fifty_members_are_listed_whole_and_in_order(house: House) -> None:
    users = [f"m-{number:04}" for number in range(251)]
    for user in users:
        house.start_session(session=f"s-{user}", user=user)
    assert users == [item["user"] for item in house.walk("/members", limit=100)]
    assert users == [item["user"] for item in house.walk("/members", limit=251)]


def test_a_member_that_appears_between_two_pages_shifts_nothing(house: House) -> None:
    for user in ("b", "d", "f"):
        house.client.put(f"/api/v1/members/{user}", json={})
    first = house.get("/members", limit=2)
    for user in ("a", "e"):
        house.client.put(f"/api/v1/members/{user}", json={})
    second = house.get("/members", limit=2, cursor=first["next"])
    assert ["b", "d", "e", "f"] == [item["user"] for item in first["items"] + second["items"]]


def test_workload_shows_every_day_and_the_sessions_of_them(house: House) -> None:
    for day in range(6):
        house.close_session(session=f"s-{day}", start_us=NOW_US - 7 * day * DAY, reps=10)
    workload = house.get("/members/m-1/workload", **{"from": "2026-11-09", "to": "2026-11-22"})
    assert ["2026-11-09", "2026-11-22"] == [workload["days"][0]["day"], workload["days"][-1]["day"]]
    assert 14 == len(workload["days"])
    assert ["s-1", "s-0"] == [one["session"] for one in workload["sessions"]]
    assert 3200.0 == workload["days"][-1]["work_j"]
    assert 1.0 == workload["sessions"][-1]["spike"]


def test_what_happened_meanwhile_stands_beside_the_load(house: House) -> None:
    house.close_session(strength=Strength(180.0, 6.0, "line", False, 5))
    with begin(house.engine) as connection:
        reps = sessions.reps_of(connection, "s-1")
        ends = [replace(rep, over_mm=10.0, limit_tier="calibrated", velocity_loss_pct=45.0) for rep in reps[:2]]
        sessions.replace_reps(connection, "s-1", [*ends, replace(reps[2], set=2, velocity_loss_pct=15.0)])
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=412.0, set_by="kim", now_us=NOW_US - 40 * DAY)
    put_limit(house.engine, "m-1", "north", "press-1", limit_mm=400.0, set_by="kim", now_us=NOW_US - 2 * DAY)
    house.raise_alert()
    house.client.post("/api/v1/members/m-1/notes", json={"kind": "back-pain", "session": "s-1"})

    workload = house.get("/members/m-1/workload", **{"from": "2026-11-16", "to": "2026-11-22"})
    ((line,), (limit,), (pain,)) = (workload[name] for name in ("strength", "limits", "pain"))
    assert [("2026-11-22", 180.0, False)] == [(one["day"], one["e1rm_kg"], one["guess"]) for one in line["points"]]
    assert (412.0, [("2026-11-20", 400.0)]) == (
        limit["before_mm"],
        [(step["day"], step["limit_mm"]) for step in limit["changes"]],
    )
    assert ("2026-11-22", "s-1") == (pain["day"], pain["session"])
    assert ["depth.excessive"] == [one["rule"] for one in workload["alerts"] if one["rule"] != "pain.reported"]
    assert ["pain.reported"] == [one["rule"] for one in workload["findings"]]
    (session,), (week,) = workload["sessions"], workload["weeks"]
    assert (2, 2, 1, 30.0) == tuple(
        session[name] for name in ("sets", "sets_measured", "sets_above_40_pct", "velocity_loss_pct")
    )
    assert (2, 2, 2400.0, 10.0) == tuple(
        week[name] for name in ("sets", "over_reps", "exposure_kg_mm", "deepest_over_mm")
    )
    assert (0, 1.1) == (workload["rules"]["version"], workload["rules"]["values"]["spike_note"])


def test_workload_is_by_default_the_last_ninety_days(house: House) -> None:
    house.close_session()
    days = house.get("/members/m-1/workload")["days"]
    assert (90, "2026-11-22") == (len(days), days[-1]["day"])


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-11-22", "to": "2026-11-01"},
        {"from": "1990-01-01"},
        {"to": "2027-11-22"},
        {"to": "0001-01-01"},
        {"from": "yesterday"},
    ],
)
def test_a_span_that_cannot_be_shown_is_named(house: House, query: dict[str, str]) -> None:
    house.close_session()
    answer = house.client.get("/api/v1/members/m-1/workload", params=query)
    assert (422, "query") == (answer.status_code, answer.json()["errors"][0]["place"])
