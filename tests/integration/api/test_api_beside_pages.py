"""Pages and API on one port: each answers its own addresses, right or wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from starlette.responses import HTMLResponse

from api_house import House
from sledwatch_analytics.api.app import PREFIX, put_beside


@pytest.fixture
def lives() -> list[str]:
    return []


@pytest.fixture
def both(house: House, lives: list[str]) -> House:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        lives.append("begun")
        yield
        lives.append("ended")

    pages = FastAPI(openapi_url=None, lifespan=lifespan)

    @pages.get("/{path:path}")
    def page(path: str) -> HTMLResponse:
        return HTMLResponse(f"page {path}")

    put_beside(house.app, pages)
    return house


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/", 200, "text/html"),
        ("GET", "/alerts", 200, "text/html"),
        ("GET", "/api", 200, "text/html"),
        ("GET", "/livez", 200, "application/json"),
        ("GET", f"{PREFIX}/gyms", 200, "application/json"),
        ("GET", f"{PREFIX}/nowhere", 404, "application/problem+json"),
        ("POST", f"{PREFIX}/gyms", 405, "application/problem+json"),
        ("POST", "/readyz", 405, "application/problem+json"),
    ],
)
def test_a_path_belongs_to_the_api_or_to_the_pages(both: House, method: str, path: str, status: int, kind: str) -> None:
    answer = both.client.request(method, path)
    assert (status, kind) == (answer.status_code, answer.headers["content-type"].partition(";")[0])


def test_pages_begin_and_end_with_the_api(both: House, lives: list[str]) -> None:
    with both.client:
        assert ["begun"] == lives
    assert ["begun", "ended"] == lives


def test_every_open_path_of_the_api_stays_the_apis(both: House) -> None:
    own = {route.path for route in both.app.routes if hasattr(route, "methods")}
    shown = {path for path in both.client.get("/openapi.json").json()["paths"] if not path.startswith(PREFIX)}
    for path in (shown | own) - {"/sign-out"}:
        assert not both.client.get(path).text.startswith("page "), path
