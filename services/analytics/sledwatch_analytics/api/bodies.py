"""How large a request may be: more is refused before, or while, it is read."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sledwatch_analytics.api.problems import ProblemError, problem_response

MAX_BODY_BYTES: Final = 64 * 1024


class BodyLimit:
    """Counts what is read of a request's body. exceptions: bytes by path, where more is taken than elsewhere."""

    def __init__(self, app: ASGIApp, exceptions: Mapping[str, int]) -> None:
        self._app = app
        self._exceptions = exceptions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._exceptions.get(scope["path"], MAX_BODY_BYTES)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await problem_response(_too_large(limit), scope["path"])(scope, receive, send)
            return
        taken = 0

        async def receive_and_count() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise _too_large(limit)
            return message

        await self._app(scope, receive_and_count, send)


def _too_large(limit: int) -> ProblemError:
    taken = f"{limit // 1024**2} MiB" if limit >= 1024**2 else f"{limit // 1024} KiB"
    return ProblemError(413, "too-large", f"the body is larger than the {taken} that are taken here")
