"""A stand-in for an HTTP server that answers as the test says, for what a real one does only when it is in trouble."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """after_s: how long the server thinks first. status 0: it hangs up."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0.0


@dataclass
class StandIn:
    """bodies: of the requests that came, in order."""

    url: str
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def answering(answer: Callable[[bytes], Answer]) -> Iterator[StandIn]:
    """A server on a loopback port that answers each request by its body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stand_in.bodies.append(body)
            said = answer(body)
            time.sleep(said.after_s)
            if not said.status:
                self.close_connection = True
                return
            # The client may have given up waiting.
            with suppress(ConnectionError):
                self._send(said)

        def _send(self, said: Answer) -> None:
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body.encode())

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
