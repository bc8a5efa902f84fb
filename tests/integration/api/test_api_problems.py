"""Every error is a problem detail that says what was wrong, where, and what is expected."""

from base64 import urlsafe_b64encode
from typing import Any, Final

import pytest

from api_house import House
from sledwatch_storage.series import StoreUnavailable

# Cursors that name a row no database can count to.
TIME_BEYOND: Final = urlsafe_b64encode(b"9223372036854775808.x").decode().rstrip("=")
ID_BEYOND: Final = urlsafe_b64encode(b"9223372036854775808").decode().rstrip("=")


def problem_of(answer: Any, status: int) -> dict[str, Any]:
    assert (status, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= set(body)
    assert status == body["status"]
    return body


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/api/v1/nowhere", 404, "not-found"),
        ("GET", "/api/v1/gyms/nowhere", 404, "not-found"),
        ("GET", "/api/v1/gyms/nowhere/machines", 404, "not-found"),
        ("GET", "/api/v1/members/nobody", 404, "not-found"),
        ("GET", "/api/v1/members/nobody/sessions", 404, "not-found"),
        ("GET", "/api/v1/members/nobody/workload", 404, "not-found"),
        ("GET", "/api/v1/sessions/none", 404, "not-found"),
        ("GET", "/api/v1/sessions/none/reps", 404, "not-found"),
        ("GET", "/api/v1/sessions/none/trace", 404, "not-found"),
        ("GET", "/api/v1/alerts/abc", 404, "not-found"),
        ("POST", "/api/v1/alerts/abc/acknowledge", 404, "not-found"),
        ("GET", "/api/v1/quarantine/1", 404, "not-found"),
        ("DELETE", "/api/v1/members/nobody/limits/north/press-1", 404, "not-found"),
        ("POST", "/api/v1/gyms", 405, "method-not-allowed"),
        ("GET", "/api/v1/gyms?limit=0", 422, "invalid-request"),
        ("GET", "/api/v1/gyms?cursor=%21", 422, "invalid-request"),
        ("GET", "/api/v1/alerts?cursor=aGk", 422, "invalid-request"),
        ("GET", "/api/v1/quarantine?cursor=aGk", 422, "invalid-request"),
        ("GET", f"/api/v1/alerts?cursor={TIME_BEYOND}", 422, "invalid-request"),
        ("GET", f"/api/v1/findings?cursor={TIME_BEYOND}", 422, "invalid-request"),
        ("GET", f"/api/v1/quarantine?cursor={ID_BEYOND}", 422, "invalid-request"),
        ("GET", "/api/v1/alerts?state=asleep", 422, "invalid-request"),
        ("GET", "/api/v1/members/UPPER", 422, "invalid-request"),
        ("GET", "/api/v1/quarantine/one", 422, "invalid-request"),
    ],
)
def test_an_error_is_a_problem_detail(house: House, method: str, path: str, status: int, kind: str) -> None:
    problem = problem_of(house.client.request(method, path), status)
    assert f"urn:sledwatch:problem:{kind}" == problem["type"]
    assert path.partition("?")[0] == problem["instance"]


def test_a_validation_problem_names_the_field_what_is_expected_and_what_was_given(house: House) -> None:
    wish = {"height_mm": 12, "sex": "yes", "hobby": "rowing"}
    problem = problem_of(house.client.put("/api/v1/members/m-1", json=wish), 422)
    found = {(one["field"], one["place"], one["given"]) for one in problem["errors"]}
    assert {("height_mm", "body", "12"), ("sex", "body", "'yes'"), ("hobby", "body", "'rowing'")} == found
    assert "height_mm in the body: Input should be greater than or equal to 500 (given: 12)" in problem["detail"]


@pytest.mark.parametrize(("body", "expected"), [("{", "JSON"), ("[1]", "a JSON object"), ("", "a JSON object")])
def test_a_body_that_is_no_object_is_named(house: House, body: str, expected: str) -> None:
    answer = house.client.put("/api/v1/members/m-1", content=body, headers={"Content-Type": "application/json"})
    assert expected in problem_of(answer, 422)["detail"]


def test_a_body_that_is_too_large_is_not_read(house: House) -> None:
    answer = house.client.put("/api/v1/members/m-1", json={"name": "x" * 100_000})
    assert "urn:sledwatch:problem:too-large" == problem_of(answer, 413)["type"]
    chunks = (b" " * 1_000 for _ in range(100))
    answer = house.client.put("/api/v1/members/m-1", content=chunks, headers={"Content-Type": "application/json"})
    assert "urn:sledwatch:problem:too-large" == problem_of(answer, 413)["type"]


def test_a_store_that_is_away_is_a_503_that_says_when_to_come_back(house: House) -> None:
    house.close_session()
    house.log_frames()
    house.series.close()
    answer = house.client.get("/api/v1/sessions/s-1/trace")
    assert "urn:sledwatch:problem:store-unavailable" == problem_of(answer, 503)["type"]
    assert "2" == answer.headers["retry-after"]


def test_an_error_of_ours_says_nothing_of_our_insides(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_gym: str) -> None:
        raise RuntimeError("secret detail")

    house.client.put("/api/v1/gyms/north", json={})
    monkeypatch.setattr(house.floor, "machines", broken)
    answer = house.client.get("/api/v1/gyms")
    assert "urn:sledwatch:problem:internal" == problem_of(answer, 500)["type"]
    assert "secret" not in answer.text


def test_store_unavailable_carries_the_stores_own_patience(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_session: str) -> None:
        raise StoreUnavailable("429", retry_after_s=7.2)

    house.start_session()
    monkeypatch.setattr(house.floor, "live_reps", away)
    assert "7" == house.client.get("/api/v1/sessions/s-1/reps").headers["retry-after"]
