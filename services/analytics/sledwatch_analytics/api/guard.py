"""The door of the API: a token or a browser session lets in, and no other site acts through a browser."""

from typing import Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sledwatch_analytics.access import Access, Subject
from sledwatch_analytics.api.problems import ProblemError, problem_response

COOKIE: Final = "sledwatch_session"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Looks at every request below `prefix` before its body is read, and notes whose it is."""

    def __init__(self, app: ASGIApp, access: Access, prefix: str) -> None:
        self._app = app
        self._access = access
        self._prefix = prefix + "/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or turn it away."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return

        async def send_uncached(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # Answers hold people's names and bodies: no cache between keeps them.
                headers.setdefault("cache-control", "no-store")
                headers.setdefault("x-content-type-options", "nosniff")
            await send(message)

        request = Request(scope)
        try:
            request.state.subject = await self._admit(request)
        except ProblemError as problem:
            await problem_response(problem, request.url.path)(scope, receive, send_uncached)
        else:
            await self._app(scope, receive, send_uncached)

    async def _admit(self, request: Request) -> Subject:
        authorization = request.headers.get("authorization")
        cookie = request.cookies.get(COOKIE)
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            subject = self._access.by_token(token.strip()) if scheme.lower() == "bearer" else None
            if subject is None:
                raise _not_signed_in("this token is not valid: expected `Authorization: Bearer TOKEN`")
        elif cookie is not None:
            subject = await run_in_threadpool(self._access.by_cookie, cookie)
            if subject is None:
                raise _not_signed_in("this browser's session is over: open a new sign-in link")
            require_same_origin(request)
        else:
            raise _not_signed_in("give `Authorization: Bearer TOKEN`, or open a sign-in link in this browser")
        return subject


def require_same_origin(request: Request) -> None:
    """Raise a problem where a browser was led here by another site to change something.

    Sec-Fetch-Site is believed where it is there; browsers without it send an Origin, which must name this host. A
    request that has neither and yet a cookie comes from no page of ours.
    """
    if request.method in _SAFE_METHODS:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        same = site == "same-origin"
    else:
        same = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not same:
        detail = "a browser's session may change things from our own pages only; programs use a token"
        raise ProblemError(403, "cross-site", detail)


def _not_signed_in(detail: str) -> ProblemError:
    return ProblemError(
        401, "not-signed-in", detail, title="Not signed in", headers={"WWW-Authenticate": 'Bearer realm="sledwatch"'}
    )
