"""Who comes in, by which door, and what a browser may be led to do."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api_house import DAY, TOKEN, House

COOKIE = "sledwatch_session"
CHANGE = "/api/v1/members/m-1"


def signed_in(house: House) -> TestClient:
    link = house.access.make_link("http://gym.test/")
    browser = house.stranger
    answer = browser.get(link)
    assert (303, "/") == (answer.status_code, answer.headers["location"])
    return browser


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": f"bearer  {TOKEN}"}, 200),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Bearer ünïcode".encode()}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Cookie": f"{COOKIE}={TOKEN}"}, 401),
        ({"Cookie": f"{COOKIE}="}, 401),
        ({}, 401),
    ],
)
def test_only_the_right_token_opens(house: House, headers: dict[str, Any], status: int) -> None:
    assert status == house.stranger.get("/api/v1/gyms", headers=headers).status_code


def test_who_is_turned_away_learns_how_to_come_in_and_nothing_else(house: House) -> None:
    answer = house.stranger.get("/api/v1/members/m-1")
    assert (401, 'Bearer realm="sledwatch"') == (answer.status_code, answer.headers["www-authenticate"])
    assert 401 == house.stranger.get("/api/v1/nowhere").status_code
    assert 401 == house.stranger.post("/api/v1/import", content=b"x").status_code


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/openapi.json"])
def test_what_programs_watch_is_open(house: House, path: str) -> None:
    assert 200 == house.stranger.get(path).status_code


def test_a_link_opens_a_session_that_scripts_cannot_read(house: House) -> None:
    answer = house.stranger.get(house.access.make_link("http://gym.test"))
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in (COOKIE, "httponly", "samesite=lax", f"max-age={30 * 86_400}", "path=/"))
    assert "secure" not in cookie
    assert "no-store" == answer.headers["cache-control"]


def test_the_cookie_is_secure_where_the_link_was_https(house: House) -> None:
    answer = house.stranger.get(house.access.make_link("https://gym.test"))
    assert "secure" in answer.headers["set-cookie"].lower()


def test_a_signed_in_browser_may_read(house: House) -> None:
    assert 200 == signed_in(house).get("/api/v1/gyms").status_code


def test_a_link_works_once(house: House) -> None:
    link = house.access.make_link("http://gym.test")
    assert [303, 401] == [house.stranger.get(link).status_code for _ in range(2)]


def test_a_link_works_for_a_day_and_a_session_for_thirty(house: House) -> None:
    link, browser = house.access.make_link("http://gym.test"), signed_in(house)
    house.now_us += DAY - 1
    late = house.access.make_link("http://gym.test")
    house.now_us += 1
    assert [401, 303] == [house.stranger.get(one).status_code for one in (link, late)]
    house.now_us += 28 * DAY
    assert 200 == browser.get("/api/v1/gyms").status_code
    house.now_us += DAY
    assert 401 == browser.get("/api/v1/gyms").status_code


def test_a_refused_link_is_a_page_for_people_and_a_problem_for_programs(house: House) -> None:
    page = house.stranger.get("/sign-in?code=wrong", headers={"Accept": "text/html,*/*"})
    assert (401, "text/html; charset=utf-8") == (page.status_code, page.headers["content-type"])
    problem = house.stranger.get("/sign-in")
    assert (401, "application/problem+json") == (problem.status_code, problem.headers["content-type"])


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/alerts?state=open", "/alerts?state=open"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test", "/"),
        ("/\t/evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_to_pages_of_this_site_only(house: House, wanted: str, location: str) -> None:
    link = house.access.make_link("http://gym.test")
    answer = house.stranger.get(link, params={"code": link.partition("code=")[2], "next": wanted})
    assert (303, location) == (answer.status_code, answer.headers["location"])


def test_a_link_may_begin_with_a_page(house: House) -> None:
    link = house.access.make_link("http://gym.test", "/members/m-1?day=today&x=1")
    assert "/members/m-1?day=today&x=1" == house.stranger.get(link).headers["location"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://gym.test"}, 200),
        ({"Origin": "https://gym.test"}, 200),
        ({"Origin": "http://gym.test.evil.test"}, 403),
        ({"Origin": "http://gym.test:8080"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://gym.test"}, 403),
        ({}, 403),
    ],
)
def test_a_browser_changes_things_from_our_own_pages_only(house: House, headers: dict[str, str], status: int) -> None:
    assert status == signed_in(house).put(CHANGE, json={"name": "Ada"}, headers=headers).status_code


def test_a_token_needs_no_origin(house: House) -> None:
    assert 200 == house.client.put(CHANGE, json={"name": "Ada"}).status_code


def test_signing_out_ends_the_session_on_the_server_too(house: House) -> None:
    browser = signed_in(house)
    cookie = browser.cookies[COOKIE]
    assert 303 == browser.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"}).status_code
    assert COOKIE not in browser.cookies
    assert 401 == house.stranger.get("/api/v1/gyms", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code


def test_another_site_cannot_sign_a_browser_out(house: House) -> None:
    browser = signed_in(house)
    assert 403 == browser.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}).status_code
    assert 200 == browser.get("/api/v1/gyms").status_code


def test_what_is_answered_is_kept_by_no_cache(house: House) -> None:
    assert "no-store" == house.client.get("/api/v1/gyms").headers["cache-control"]


def test_only_digests_are_kept(house: House) -> None:
    code = house.access.make_link("http://gym.test").partition("code=")[2]
    with house.engine.connect() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM sign_in").all())
    assert code not in kept
