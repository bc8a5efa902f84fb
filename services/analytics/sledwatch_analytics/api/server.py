"""Serving the API: a uvicorn that ends event streams at once when it is told to stop."""

import socket

import uvicorn
from starlette.types import ASGIApp

from sledwatch_analytics.stream import Hub

# Whoever is still reading an answer may finish it; a listener that reads nothing may not hold the process up.
_FINISH_S = 2


class Server(uvicorn.Server):
    """`run()` blocks until `should_exit`; safe in a thread where signal handlers are somebody else's."""

    def __init__(self, app: ASGIApp, hub: Hub, *, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            # Its words go where ours go.
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=_FINISH_S,
        )
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Uvicorn waits for open answers: streams, which have no end of their own, are ended first."""
        self._hub.close()
        await super().shutdown(sockets)
