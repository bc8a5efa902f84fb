"""The pages in a process of their own pass the API on, so that a browser needs one address only."""

import httpx
import pytest

from fake_api import COOKIE, NOW_US, TOKEN, busy_floor, fake_api, machine
from sledwatch_web.app import create_app
from waiting import eventually
from web_server import served


@pytest.fixture
def floor():
    return busy_floor()


@pytest.fixture
def browser(floor, free_port):
    """Speaks to pages that stand in front of an API served elsewhere."""
    with (
        served(fake_api(floor), free_port(), floor.hang_up) as api,
        served(create_app(api_base_url=api, clock=lambda: NOW_US), free_port(), floor.hang_up) as pages,
        httpx.Client(base_url=pages, cookies={COOKIE: TOKEN}, timeout=10) as client,
    ):
        yield client


def test_the_api_is_answered_through_the_pages(browser, floor):
    assert [gym["gym"] for gym in floor.gyms] == [gym["gym"] for gym in browser.get("/api/v1/gyms").json()["items"]]


def test_problems_of_the_api_come_through_as_they_are(browser):
    answer = browser.get("/api/v1/sessions/none")
    assert (404, "application/problem+json") == (answer.status_code, answer.headers["content-type"])


def test_bodies_go_through(browser, floor):
    browser.put("/api/v1/members/m-5005", json={"name": "Eva"})
    assert floor.members["m-5005"]["name"] == "Eva"


def test_signing_in_sets_the_cookie_through_the_pages(browser):
    browser.cookies.clear()
    answer = browser.get("/sign-in", params={"code": "once"})
    assert (303, TOKEN) == (answer.status_code, browser.cookies[COOKIE])
    assert "Anna Kowalska" in browser.get("/").text


def test_events_arrive_while_the_stream_is_open(browser, floor):
    with browser.stream("GET", "/api/v1/stream") as stream:
        lines = stream.iter_lines()
        eventually(lambda: floor.listeners)
        floor.tell("machine", machine("north", "press-3", state="offline"))
        assert "event: machine" == next(line for line in lines if line.startswith("event"))


def test_a_stream_ends_with_the_api_s(browser, floor):
    with browser.stream("GET", "/api/v1/stream") as stream:
        eventually(lambda: floor.listeners)
        floor.hang_up()
        assert "retry: 200" in "".join(stream.iter_lines())


def test_pages_in_front_of_an_api_that_is_away_say_so_for_its_paths_too(free_port):
    with served(create_app(api_base_url="http://127.0.0.1:9"), free_port()) as pages:
        assert httpx.get(f"{pages}/api/v1/gyms").status_code == 503


def test_the_pages_are_alive_while_the_api_is_not(free_port):
    nowhere = f"http://127.0.0.1:{free_port()}"
    with served(create_app(api_base_url=nowhere, clock=lambda: NOW_US), free_port(), lambda: None) as pages:
        assert 200 == httpx.get(f"{pages}/livez").status_code
