"""Passing on what belongs to the API, where the pages run in a process of their own."""

from collections.abc import AsyncIterator, Iterable
from typing import Final

import httpx
from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sledwatch_web.api import PREFIX, ApiClient, ApiDown

# Belong to one connection (RFC 9110 §7.6.1), or are made anew for the next.
_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]


def proxy_routes(client: ApiClient) -> APIRouter:
    """Routes for the API's prefix and for signing in and out, which answer whatever the API answers; and /livez.

    Bodies are streamed, so that server-sent events arrive as they are sent.
    """
    router = APIRouter()

    async def pass_on(request: Request) -> Response:
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        outgoing = client.http.build_request(
            request.method,
            request.url.path,
            params=request.url.query.encode(),
            headers=_end_to_end(request.headers.items()),
            content=request.stream() if has_body else None,
            # A stream is silent between its heartbeats, and lasts as long as somebody looks at the page.
            timeout=httpx.Timeout(10.0, read=60.0),
        )
        try:
            answer = await client.http.send(outgoing, stream=True, follow_redirects=False)
        except httpx.HTTPError as error:
            raise ApiDown(f"{type(error).__name__}: {error}", 503) from error
        response = StreamingResponse(
            _body(answer), status_code=answer.status_code, background=BackgroundTask(answer.aclose)
        )
        for name, value in _end_to_end(answer.headers.multi_items()):
            response.headers.append(name, value)
        return response

    async def livez() -> dict[str, str]:
        """This process answers, whether the API does or not."""
        return {"status": "alive"}

    router.add_api_route("/livez", livez, include_in_schema=False)
    for path in (PREFIX + "/{rest:path}", "/sign-in", "/sign-out"):
        router.add_api_route(path, pass_on, methods=_METHODS, include_in_schema=False)
    return router


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    except httpx.HTTPError:
        # The API went away in the middle; a browser that listens connects again when the body ends.
        return
    finally:
        await answer.aclose()


def _end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _HOP]
