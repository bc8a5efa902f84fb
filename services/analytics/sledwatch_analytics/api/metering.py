"""Counting requests and their time by route, for Prometheus."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sledwatch_analytics.stream import Hub


class Metering:
    """Measures every request but streams, which last as long as somebody looks."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, hub: Hub, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._requests = Counter(
            "sledwatch_http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "sledwatch_http_request_seconds", "Time to answer a request.", ["route"], registry=registry
        )
        listeners = Gauge("sledwatch_stream_listeners", "Open event streams.", registry=registry)
        listeners.set_function(lambda: hub.listeners)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        streams = False

        async def send_and_look(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = message["status"]
                streams = any(value.startswith(b"text/event-stream") for _, value in message["headers"])
            await send(message)

        try:
            await self._app(scope, receive, send_and_look)
        finally:
            # The route's pattern, not the path: ids would make a series each.
            # A route knows its path below the prefix only.
            below = self._prefix if scope["path"].startswith(self._prefix + "/") else ""
            route = below + getattr(scope.get("route"), "path", "(none)")
            self._requests.labels(scope["method"], route, status).inc()
            if not streams:
                self._seconds.labels(route).observe(time.perf_counter() - began)
