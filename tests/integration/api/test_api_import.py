"""History from elsewhere: all of a request or none of it, and twice is once."""

import json
from typing import Any

import pytest
from httpx import Response

from api_house import NOW_US, House, S

START_US = NOW_US - 40 * 86_400 * S


def a_line(session: str = "h-1", reps: int = 3, **changes: Any) -> dict[str, Any]:
    made = [
        {
            "set": 1,
            "rep": number,
            "t_start_us": START_US + number * 4 * S,
            "t_turn_us": START_US + number * 4 * S + 2 * S,
            "t_end_us": START_US + number * 4 * S + 3 * S,
            "load_kg": 120,
            "depth_mm": 398.5,
            "rom_mm": 385,
            "eccentric_s": 2.0,
            "concentric_s": 1.0,
        }
        for number in range(1, reps + 1)
    ]
    line = {
        "session": session,
        "user": "m-1",
        "gym": "north",
        "machine": "press-1",
        "start_at": "2026-10-13T17:00:00Z",
        "end_at": "2026-10-13T17:20:00+00:00",
        "reps": made,
    }
    return {**line, **changes}


def send(house: House, *lines: dict[str, Any] | str) -> Response:
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return house.client.post("/api/v1/import", content=body, headers={"Content-Type": "application/x-ndjson"})


def test_history_comes_in_with_its_members_and_gyms(house: House) -> None:
    answer = send(house, a_line("h-1"), "", a_line("h-2", reps=2, user="m-2"), "")
    assert (200, {"sessions": 2, "reps": 5, "repeated": 0}) == (answer.status_code, answer.json())
    session = house.get("/sessions/h-1")
    assert ("closed", "import", 3, "2026-10-13T17:00:00Z") == (
        session["state"],
        session["source"],
        session["reps"],
        session["start_at"],
    )
    assert ["m-1", "m-2"] == [member["user"] for member in house.get("/members")["items"]]
    assert ["north"] == [gym["gym"] for gym in house.get("/gyms")["items"]]
    assert [398.5] * 3 == [rep["depth_mm"] for rep in house.get("/sessions/h-1/reps")["items"]]


def test_imported_sessions_count_for_workload_and_raise_no_findings(house: House) -> None:
    send(house, a_line())
    workload = house.get("/members/m-1/workload", **{"from": "2026-10-13", "to": "2026-10-13"})
    assert 0 < workload["days"][0]["work_j"]
    assert ([], []) == (house.get("/findings")["items"], house.get("/alerts")["items"])


def test_importing_again_changes_nothing(house: House) -> None:
    send(house, a_line("h-1"))
    answer = send(house, a_line("h-1", reps=1), a_line("h-2"), a_line("h-2"))
    assert {"sessions": 1, "reps": 3, "repeated": 2} == answer.json()
    assert 3 == house.get("/sessions/h-1")["reps"]


def test_a_recorded_session_is_never_replaced(house: House) -> None:
    house.close_session(session="h-1", reps=5)
    assert {"sessions": 0, "reps": 0, "repeated": 1} == send(house, a_line("h-1")).json()
    assert ("samples", 5) == (house.get("/sessions/h-1")["source"], house.get("/sessions/h-1")["reps"])


def with_rep(**changes: Any) -> dict[str, Any]:
    line = a_line()
    line["reps"][1] |= changes
    return line


def without(field: str) -> dict[str, Any]:
    line = a_line()
    del line["reps"][2][field]
    return line


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ("{", "(whole)"),
        ("[]", "(whole)"),
        (a_line(user="M 1"), "user"),
        (a_line(session="h/1"), "session"),
        (a_line(user="m-1\n"), "user"),
        (a_line(session="h-1\n"), "session"),
        (a_line(start_at="1969-12-31T23:59:59Z"), "start_at"),
        (a_line(start_at="0001-01-01T00:00:00+14:00"), "start_at"),
        (a_line(start_at="2026-10-13T17:00:00"), "start_at"),
        (a_line(start_at="yesterday"), "start_at"),
        (a_line(end_at="2026-10-13T16:00:00Z"), "end_at"),
        (a_line(end_at="2027-10-13T16:00:00Z"), "end_at"),
        ({"session": "h-1"}, "user"),
        (with_rep(load_kg="heavy"), "reps[1].load_kg"),
        (with_rep(load_kg=1_501), "reps[1].load_kg"),
        (with_rep(depth_mm=2_001), "reps[1].depth_mm"),
        (with_rep(rep=1), "reps[1].rep"),
        (with_rep(set=0), "reps[1].set"),
        (with_rep(set=2), "reps[2].set"),
        (with_rep(t_turn_us=0), "reps[1].t_turn_us"),
        (with_rep(t_end_us=START_US + 86_400 * S), "reps[1].t_start_us"),
        (with_rep(quality="fine"), "reps[1].quality"),
        (with_rep(quality="ok\n"), "reps[1].quality"),
        (without("rom_mm"), "reps[2].rom_mm"),
    ],
)
def test_a_bad_line_is_named_with_its_field_and_nothing_is_stored(
    house: House, bad: dict[str, Any] | str, field: str
) -> None:
    answer = send(house, a_line("good"), "", bad)
    problem = answer.json()
    assert (422, "urn:sledwatch:problem:bad-import-line") == (answer.status_code, problem["type"])
    assert ("line 3", field) == (problem["errors"][0]["place"], problem["errors"][0]["field"])
    assert problem["detail"].startswith(f"line 3, {field}: ")
    assert [] == house.get("/members")["items"]


def test_an_empty_import_is_nothing(house: House) -> None:
    assert {"sessions": 0, "reps": 0, "repeated": 0} == send(house).json()


def test_too_large_an_import_is_refused_before_it_is_read(house: House) -> None:
    answer = house.client.post("/api/v1/import", content=b"", headers={"Content-Length": str(65 * 1024**2)})
    assert (413, "urn:sledwatch:problem:too-large") == (answer.status_code, answer.json()["type"])


def test_too_large_an_import_without_a_length_is_refused_while_it_is_read(house: House) -> None:
    chunks = (b" " * 1024**2 for _ in range(65))
    assert 413 == house.client.post("/api/v1/import", content=chunks).status_code
