"""Serving an application on a loopback port for as long as a test needs it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from waiting import eventually


@contextmanager
def served(app: ASGIApp, port: int, before_stop: Callable[[], None] = lambda: None) -> Iterator[str]:
    """The application's URL. before_stop: ends what would keep the server up, such as open streams."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=f"serves-{port}")
    thread.start()
    try:
        eventually(lambda: server.started)
        yield f"http://127.0.0.1:{port}"
    finally:
        before_stop()
        server.should_exit = True
        thread.join(timeout=10)
