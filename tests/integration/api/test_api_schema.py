"""/openapi.json says what the API answers: every answer is held against its schema."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from test_api_import import a_line, send
from test_api_people import MACHINE
from test_api_quarantine import refuse

from api_house import House, a_finding, a_rep

PREFIX = "/api/v1"


@pytest.fixture
def busy(house: House) -> House:
    """A house with one of everything."""
    put = house.client.put
    put(f"{PREFIX}/gyms/north", json={"name": "Gym North"})
    put(f"{PREFIX}/members/m-1", json={"name": "Ada", "height_mm": 1750, "sex": "female"})
    house.close_session(reps=12, found=[a_finding()])
    house.start_session(session="s-2")
    house.floor.reps["s-2"] = [a_rep(1, session="s-2")]
    house.floor.on_floor.append(MACHINE)
    put(f"{PREFIX}/members/m-1/limits/north/press-1", json={"from_rep": {"session": "s-1", "rep": 2}})
    house.client.post(f"{PREFIX}/members/m-1/limits/north/press-1/calibration")
    house.client.post(f"{PREFIX}/members/m-1/notes", json={"kind": "back-pain", "session": "s-1"})
    window = {"quantity": "knee_deg", "max": 80}
    put(f"{PREFIX}/members/m-1/protocol", json={"windows": [window], "expires_at": "2027-01-01T00:00:00Z"})
    alert = house.raise_alert()
    house.client.post(f"{PREFIX}/alerts/{alert.id}/comments", json={"text": "Saw her."})
    house.log_frames()
    refuse(house, 1, b"{")
    send(house, a_line())
    return house


def resolved(schema: Any, whole: dict[str, Any]) -> dict[str, Any]:
    """A schema of a part, with the components that it refers to."""
    return {**schema, "components": whole["components"]}


PATHS = [
    ("/gyms", {}),
    ("/gyms/{gym}", {"gym": "north"}),
    ("/gyms/{gym}/machines", {"gym": "north"}),
    ("/members", {}),
    ("/members/{user}", {"user": "m-1"}),
    ("/members/{user}/sessions", {"user": "m-1"}),
    ("/members/{user}/workload", {"user": "m-1"}),
    ("/members/{user}/notes", {"user": "m-1"}),
    ("/members/{user}/limits", {"user": "m-1"}),
    ("/members/{user}/limits/{gym}/{machine}", {"user": "m-1", "gym": "north", "machine": "press-1"}),
    ("/members/{user}/limits/{gym}/{machine}/history", {"user": "m-1", "gym": "north", "machine": "press-1"}),
    ("/members/{user}/limits/{gym}/{machine}/in-force", {"user": "m-1", "gym": "north", "machine": "press-1"}),
    ("/members/{user}/limits/{gym}/{machine}/calibration", {"user": "m-1", "gym": "north", "machine": "press-1"}),
    ("/members/{user}/protocol", {"user": "m-1"}),
    ("/members/{user}/protocol/history", {"user": "m-1"}),
    ("/sessions/{session}", {"session": "s-1"}),
    ("/sessions/{session}", {"session": "s-2"}),
    ("/sessions/{session}", {"session": "h-1"}),
    ("/sessions/{session}/reps", {"session": "s-1"}),
    ("/sessions/{session}/reps", {"session": "s-2"}),
    ("/sessions/{session}/trace", {"session": "s-1"}),
    ("/findings", {}),
    ("/alerts", {}),
    ("/alerts/{id}", {"id": "0" * 31 + "1"}),
    ("/quarantine", {}),
    ("/quarantine/{id}", {"id": "1"}),
    ("/quarantine/counts", {}),
]


@pytest.mark.parametrize(("path", "names"), PATHS)
def test_an_answer_is_as_the_schema_says(busy: House, path: str, names: dict[str, str]) -> None:
    whole = busy.stranger.get("/openapi.json").json()
    answer = busy.get(path.format(**names))
    schema = whole["paths"][PREFIX + path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator(resolved(schema, whole)).validate(answer)
    assert {"items": []} != answer


def test_a_problem_is_as_the_schema_says(house: House) -> None:
    whole = house.stranger.get("/openapi.json").json()
    content = whole["paths"][f"{PREFIX}/sessions/{{session}}"]["get"]["responses"]["404"]["content"]
    schema = resolved(content["application/problem+json"]["schema"], whole)
    Draft202012Validator(schema).validate(house.client.get(f"{PREFIX}/sessions/none").json())


def test_every_operation_says_what_it_does_and_what_can_go_wrong(house: House) -> None:
    paths = house.stranger.get("/openapi.json").json()["paths"]
    operations = {f"{verb} {path}": one for path, verbs in paths.items() for verb, one in verbs.items()}
    assert [] == [name for name, one in operations.items() if not one.get("description")]
    below = [one for name, one in operations.items() if PREFIX in name]
    assert [] == [one for one in below if not {"401", "404", "422", "503"} <= set(one["responses"])]
    assert all("security" in one for one in below)


def test_the_examples_of_the_schema_are_valid(house: House) -> None:
    whole = house.stranger.get("/openapi.json").json()
    for name, schema in whole["components"]["schemas"].items():
        for field, one in schema.get("properties", {}).items():
            for example in one.get("examples", []):
                errors = list(Draft202012Validator(resolved(one, whole)).iter_errors(example))
                assert [] == errors, f"{name}.{field}"
