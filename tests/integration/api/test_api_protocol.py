"""A clinician's protocol over HTTP: set whole, shown when expired, replaced, taken away, and remembered."""

from typing import Any

import pytest

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


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"windows": [], "load_cap_kg": None}, "(whole)", "give at least one window, or load_cap_kg"),
        ({"windows": [{"quantity": "knee_deg"}]}, "windows.0", "give min, max, or both"),
        ({"windows": [KNEE | {"min": 80}]}, "windows.0", "min 80 must be less than max 80"),
        ({"windows": [KNEE | {"max": 161}]}, "windows.0", "expected 160 at most"),
        ({"windows": [DEPTH | {"max": 2_001}]}, "windows.0", "expected 2000 at most"),
        ({"windows": [KNEE | {"min": -1}]}, "windows.0.min", "greater than or equal to 0"),
        ({"windows": [KNEE | {"gym": "north"}]}, "windows.0", "give gym and machine together"),
        ({"windows": [{"quantity": "depth_mm", "max": 300}]}, "windows.0", "needs gym and machine"),
        ({"windows": [{"quantity": "hip_deg", "max": 90}]}, "windows.0.quantity", "'knee_deg' or 'depth_mm'"),
        ({"windows": [KNEE, KNEE]}, "(whole)", "two knee_deg windows for any machine"),
        ({"windows": [DEPTH, DEPTH]}, "(whole)", "two depth_mm windows for north/press-1"),
        ({"load_cap_kg": 0}, "load_cap_kg", "greater than 0"),
        ({"expires_at": "2026-11-22T17:00:00Z"}, "expires_at", "a time from now to"),
        ({"expires_at": "2062-01-01T00:00:00Z"}, "expires_at", "5 years ahead"),
        ({"expires_at": "2026-12-31T00:00:00"}, "expires_at", "timezone"),
        ({"expires_at": None}, "expires_at", "datetime"),
        ({"until": LATER}, "until", "not permitted"),
    ],
)
def test_a_protocol_that_cannot_be_names_the_field_and_sets_nothing(
    house: House, changes: dict[str, Any], field: str, expected: str
) -> None:
    answer = house.client.put(PROTOCOL, json=wish(**changes))
    error = answer.json()["errors"][0]
    assert (422, field) == (answer.status_code, error["field"])
    assert expected in error["expected"]
    assert 404 == house.client.get(PROTOCOL).status_code
