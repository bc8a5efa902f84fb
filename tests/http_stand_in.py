"""A stand-in for an HTTP server that answers as the test says, for what a real one does only when it is in trouble."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """after_s: how long the server thinks first. status 0: it hangs up. cut_at: it resets the connection after so many
    bytes of its body."""

    status: int
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0.0
    cut_at: int | None = None


@dataclass
class StandIn:
    """bodies, tokens: of the requests that came, in order; None for one without a bearer token."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)


@contextmanager
def answering(answer: Callable[[bytes], Answer]) -> Iterator[StandIn]:
    """A server on a loopback port that answers each request by its body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stand_in.bodies.append(body)
            stand_in.tokens.append(self.headers.get("Authorization", "").removeprefix("Bearer ") or None)
            said = answer(body)
            time.sleep(said.after_s)
            if not said.status:
                self.close_connection = True
                return
            # The client may have given up waiting.
            with suppress(ConnectionError):
                self._send(said)

        def _send(self, said: Answer) -> None:
            body = said.body.encode() if isinstance(said.body, str) else said.body
            self.send_response_only(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: said.cut_at])
            if said.cut_at is not None:
                # Lingering for no time at all ends a connection by a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stand_in = StandIn(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
