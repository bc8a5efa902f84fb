"""A clinician's protocol over HTTP: set whole, shown when expired, replaced, taken away, and remembered."""

from typing import Any

from api_house import DAY, House

PROTOCOL = "/api/v1/members/m-1/protocol"
KNEE = {"quantity": "knee_deg", "min": 20, "max": 80}
DEPTH = {"quantity": "depth_mm", "max": 300, "gym": "north", "machine": "press-1"}
LATER = "2026-12-31T00:00:00Z"


def wish(**changes: Any) -> dict[str, Any]:
    return {"windows": [KNEE], "load_cap_kg": 90, "expires_at": LATER} | changes


def test_a_protocol_is_kept_as_it_was_set(house: House) -> None:
    answer = house.client.put(PROTOCOL, json=wish(windows=[KNEE, DEPTH], clinician="Dr. Ruiz", note="ACL, week 6"))
    nothing = {"gym": None, "machine": None}
    expected = {
        "user": "m-1",
        "version": 1,
        "windows": [KNEE | {"min": 20.0, "max": 80.0} | nothing, DEPTH | {"min": None, "max": 300.0}],
        "load_cap_kg": 90.0,
        "expires_at": LATER,
        "expired": False,
        "clinician": "Dr. Ruiz",
        "note": "ACL, week 6",
        "set_by": "admin",
        "set_at": "2026-11-22T17:00:00Z",
        "not_judged": ["windows of the knee: the member's height is not known, and without it there are no angles"],
    }
    assert (200, expected) == (answer.status_code, answer.json())
    assert expected == house.get("/members/m-1/protocol")
    assert ["m-1"] == house.floor.changed


def test_with_a_height_all_of_it_is_judged(house: House) -> None:
    house.client.put("/api/v1/members/m-1", json={"height_mm": 1750})
    assert [] == house.client.put(PROTOCOL, json=wish()).json()["not_judged"]


def test_an_expired_protocol_is_shown_as_expired(house: House) -> None:
    house.client.put(PROTOCOL, json=wish())
    house.now_us += 40 * DAY
    assert house.get("/members/m-1/protocol")["expired"]


def test_every_protocol_stays_in_the_history(house: House) -> None:
    house.client.put(PROTOCOL, json=wish())
    house.client.put(PROTOCOL, json=wish(load_cap_kg=120))
    assert 204 == house.client.delete(PROTOCOL).status_code
    house.client.put(PROTOCOL, json=wish(load_cap_kg=150))
    assert [(3, 150.0, None), (2, 120.0, "admin"), (1, 90.0, "admin")] == [
        (one["version"], one["load_cap_kg"], one["ended_by"])
        for one in house.walk("/members/m-1/protocol/history", limit=2)
    ]


def test_what_is_not_there_is_said_to_be_missing(house: House) -> None:
    assert [404, 404] == [house.client.get(PROTOCOL).status_code, house.client.delete(PROTOCOL).status_code]
    assert [] == house.floor.changed


def test_a_protocol_that_cannot_be_names_the_field_and_sets_nothing(house: House) -> None:
    told = {}
    for name, changes in {
        "over": {"expires_at": "2026-11-22T17:00:00Z"},
        "far": {"expires_at": "2062-01-01T00:00:00Z"},
        "window": {"windows": [KNEE, {"quantity": "depth_mm", "max": 300}]},
    }.items():
        answer = house.client.put(PROTOCOL, json=wish(**changes))
        error = answer.json()["errors"][0]
        told[name] = answer.status_code, error["field"], error["expected"]
    assert [(422, "expires_at"), (422, "expires_at"), (422, "windows.1")] == [one[:2] for one in told.values()]
    assert "a time from now to 2031-11-26, 5 years ahead" == told["over"][2]
    assert told["window"][2].startswith("a depth_mm window needs gym and machine: ")
    assert 404 == house.client.get(PROTOCOL).status_code
