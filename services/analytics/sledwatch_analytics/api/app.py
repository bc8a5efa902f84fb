"""The HTTP API, put together."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Security
from fastapi.openapi.utils import get_openapi
from fastapi.security import APIKeyCookie, HTTPBearer
from sqlalchemy import Engine
from starlette.applications import Starlette

from sledwatch_analytics.access import Access
from sledwatch_analytics.api import (
    alerts,
    calibration,
    findings,
    gyms,
    health,
    imports,
    limits,
    members,
    notes,
    problems,
    protocol,
    quarantine,
    rules,
    sessions,
    sets,
    sign_in,
    stream,
    workload,
)
from sledwatch_analytics.api.accounts_metrics import AccountsMetrics
from sledwatch_analytics.api.beside import Beside, lifespan
from sledwatch_analytics.api.bodies import BodyLimit
from sledwatch_analytics.api.guard import COOKIE, Guard
from sledwatch_analytics.api.metering import Metering
from sledwatch_analytics.api.parts import ApiConfig, Floor, Parts
from sledwatch_analytics.stream import Hub
from sledwatch_storage.series import SeriesStore

PREFIX: Final = "/api/v1"
_ROUTERS: Final = (
    gyms.router,
    members.router,
    workload.router,
    notes.router,
    limits.router,
    calibration.router,
    protocol.router,
    sessions.router,
    sets.router,
    findings.router,
    alerts.router,
    rules.router,
    quarantine.router,
    imports.router,
    stream.router,
)
_EXACT: Final = frozenset({"/livez", "/readyz", "/metrics", "/openapi.json", "/sign-in", "/sign-out"})
_DESCRIPTION: Final = """
Depth, reps and workload of smart leg presses, and the alerts made of them.

Programs give `Authorization: Bearer TOKEN`; browsers carry the cookie that a sign-in link opens. Errors are problem
details (RFC 9457). Lists come in pages: give `next` as `cursor` until it is null. Names ending in `_at` are UTC, ISO
8601; names ending in `_us` are integer microseconds since the Unix epoch, UTC. Names carry their units.
"""
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": problems.Problem, "description": "not signed in"},
    404: {"model": problems.Problem, "description": "there is no such thing"},
    422: {"model": problems.Problem, "description": "the request is not as expected; says which field and what is"},
    503: {"model": problems.Problem, "description": "a store does not answer now; try again later"},
}


def create_app(
    engine: Engine,
    series: SeriesStore,
    floor: Floor,
    hub: Hub,
    access: Access,
    clock: Callable[[], int],
    config: ApiConfig | None = None,
) -> FastAPI:
    """The API as an ASGI application. clock: microseconds since the epoch, UTC."""
    config = config if config is not None else ApiConfig()
    # The viewers that come with the framework load their scripts from elsewhere.
    app = FastAPI(
        title="Sledwatch",
        version=config.version,
        description=_DESCRIPTION.strip(),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.parts = Parts(engine, series, floor, hub, access, clock, config)
    # The guard looks before anything is parsed; these two only describe to readers of the schema how to come in.
    api = APIRouter(
        prefix=PREFIX,
        responses=_PROBLEMS,
        dependencies=[
            Security(HTTPBearer(auto_error=False, description="the administrator's token")),
            Security(APIKeyCookie(name=COOKIE, auto_error=False, description="a browser's session")),
        ],
    )
    for router in _ROUTERS:
        api.include_router(router)
    app.include_router(api)
    app.include_router(health.router)
    app.include_router(sign_in.router)
    problems.install(app)
    # Added last, met first: a request is measured, let in, and only then read.
    app.add_middleware(BodyLimit, exceptions={f"{PREFIX}/import": imports.MAX_BODY_BYTES})
    app.add_middleware(Guard, access=access, prefix=PREFIX)
    config.registry.register(AccountsMetrics(engine))
    app.add_middleware(Metering, registry=config.registry, hub=hub, prefix=PREFIX)
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign]
    return app


def put_beside(app: FastAPI, pages: Starlette) -> None:
    """Serve pages on the same port: whatever is not below the prefix, nor one of the few open paths of the API.

    To be called before the app serves its first request.
    """
    app.state.pages = pages
    app.add_middleware(Beside, pages=pages, prefix=PREFIX, exact=_EXACT)


def _schema(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, in which problems have the media type that they are sent with."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        for path in schema["paths"].values():
            for operation in path.values():
                for response in operation["responses"].values():
                    content = response.get("content", {})
                    body = content.get("application/json", {})
                    if body.get("schema", {}).get("$ref") == "#/components/schemas/Problem":
                        response["content"] = {problems.MEDIA_TYPE: body}
        app.openapi_schema = schema
    return app.openapi_schema
