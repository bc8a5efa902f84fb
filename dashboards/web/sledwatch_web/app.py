"""The pages as an application: beside the API in one process, or on their own in front of its URL."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from sledwatch_web.api import ApiClient, ApiDown, ApiError, NotFound, NotSignedIn
from sledwatch_web.pages.alerts import alert_routes
from sledwatch_web.pages.calibration import calibration_routes
from sledwatch_web.pages.floor import floor_routes
from sledwatch_web.pages.machines import machine_routes
from sledwatch_web.pages.members import member_routes
from sledwatch_web.pages.pain import pain_routes
from sledwatch_web.pages.protocol import protocol_routes
from sledwatch_web.pages.quarantine import quarantine_routes
from sledwatch_web.pages.rules import rule_routes
from sledwatch_web.pages.sessions import session_routes
from sledwatch_web.pages.sets import set_routes
from sledwatch_web.proxy import proxy_routes
from sledwatch_web.rendering import Charts
from sledwatch_web.security import SecurityHeaders
from sledwatch_web.site import STATIC, Site, fingerprint, make_templates

FOREVER: Final = "public, max-age=31536000, immutable"


def now_us() -> int:
    """The wall clock: microseconds since the epoch, UTC."""
    return time.time_ns() // 1_000


def create_app(
    *, api_base_url: str | None = None, api_app: ASGIApp | None = None, clock: Callable[[], int] = now_us
) -> FastAPI:
    """The pages, in front of one of two.

    api_base_url: the URL of the API, whose prefix and sign-in are then passed on, so that a browser needs to know one
    address. api_app: the API itself in this process, beside which the pages are mounted at "/", after its own routes.
    clock: what "today" is. Raises ValueError unless exactly one of the two is given.
    """
    api = api_base_url if api_app is None else api_app
    if api is None or (api_base_url is not None and api_app is not None):
        raise ValueError("give api_base_url or api_app, one of them")
    client = ApiClient(api)
    charts = Charts()
    site = Site(client, charts, clock, make_templates(), f"/static/{fingerprint()}")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        charts.warm_up()
        yield
        await client.close()

    app = FastAPI(title="Sledwatch pages", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.add_middleware(SecurityHeaders)
    app.mount(site.assets, _Kept(directory=STATIC), name="static")
    if isinstance(api, str):
        app.include_router(proxy_routes(client))
    for routes in (
        floor_routes,
        machine_routes,
        alert_routes,
        session_routes,
        set_routes,
        member_routes,
        pain_routes,
        calibration_routes,
        protocol_routes,
        rule_routes,
        quarantine_routes,
    ):
        app.include_router(routes(site))
    _answer_errors(app, site)
    return app


class _Kept(StaticFiles):
    """Files whose address holds their digest: a browser asks once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = FOREVER
        return response


def _answer_errors(app: FastAPI, site: Site) -> None:
    """Every way a page can fail has a page of its own that says what to do."""

    def message(request: Request, status: int, title: str, text: str, detail: str = "") -> HTMLResponse:
        return site.page(request, "message.html", status=status, title=title, text=text, detail=detail)

    @app.exception_handler(NotSignedIn)
    async def sign_in(request: Request, _error: NotSignedIn) -> HTMLResponse:
        return site.page(request, "sign_in.html", status=401)

    @app.exception_handler(NotFound)
    async def not_found(request: Request, error: NotFound) -> HTMLResponse:
        text = "It may have been removed, or the address is not quite right."
        return message(request, 404, "There is no such page", text, error.detail)

    @app.exception_handler(ApiDown)
    async def api_down(request: Request, error: ApiDown) -> HTMLResponse:
        response = site.page(request, "down.html", status=error.status, detail=error.detail)
        response.headers["retry-after"] = "5"
        return response

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> HTMLResponse:
        return message(request, error.status, "That did not work", error.detail)

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, error: RequestValidationError) -> HTMLResponse:
        detail = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
        return message(request, 422, "That did not work", "The address or the form holds something unexpected.", detail)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> HTMLResponse:
        if error.status_code == 404:
            text = "The address is not quite right, or the page is gone."
            return message(request, 404, "There is no such page", text)
        return message(request, error.status_code, "That did not work", str(error.detail))

    @app.exception_handler(Exception)
    async def broken(request: Request, _error: Exception) -> HTMLResponse:
        text = "Something in this page broke. The measurements are safe; what happened is in the log."
        return message(request, 500, "This page is broken", text)
