"""Serving pages beside the API, in one process and on one port: what is not the API's is theirs."""

from collections.abc import AsyncIterator, Container
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send


class Beside:
    """Hands a request to the API or to the pages by its path alone, so that each answers its own wrong addresses.

    A mount at "/" would answer with a page where the API's path exists but the method does not.
    """

    def __init__(self, app: ASGIApp, pages: ASGIApp, prefix: str, exact: Container[str]) -> None:
        self._app = app
        self._pages = pages
        self._prefix = prefix + "/"
        self._exact = exact

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not scope["path"].startswith(self._prefix) and scope["path"] not in self._exact:
            await self._pages(scope, receive, send)
        else:
            await self._app(scope, receive, send)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Begin and end the pages with the app beside which they are."""
    async with AsyncExitStack() as ends:
        pages: Starlette | None = getattr(app.state, "pages", None)
        if pages is not None:
            await ends.enter_async_context(pages.router.lifespan_context(pages))
        yield
