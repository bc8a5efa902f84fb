"""A real InfluxDB 2 for tests: one server a worker, a bucket a test.

A test takes the fixture `influx_server` and is marked `needs("influxd")`.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from sledwatch_storage.series.influx import InfluxSeries
from waiting import eventually


class InfluxServer:
    """influxd on a loopback port, with its data in a directory of the test run."""

    org = "gyms"
    # Without a space: the read path of the older interface would split it there.
    token = "token-for-tests"

    def __init__(self, directory: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._directory = directory
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._buckets = count()

    def start(self) -> None:
        """Run it, and wait until it answers."""
        program = shutil.which("influxd")
        assert program is not None
        at = self._directory
        self._process = subprocess.Popen(
            [
                program, "--http-bind-address", f"127.0.0.1:{self._port}", "--reporting-disabled", "--no-tasks",
                "--ui-disabled", "--log-level", "error", "--bolt-path", at / "bolt", "--engine-path", at / "engine",
                "--sqlite-path", at / "sqlite",
            ],
            cwd=at, env=os.environ | {"HOME": str(at)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        eventually(self._healthy, timeout_s=60)

    def stop(self) -> None:
        """End it in good order; its data stay."""
        if self._process is not None:
            # On SIGTERM it ends without closing its files.
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def set_up(self) -> None:
        """Make the organisation and its token."""
        about = {
            "username": "tests",
            "password": "for tests only",
            "org": self.org,
            "bucket": "first",
            "token": self.token,
        }
        self.post("/api/v2/setup", {**about, "retentionPeriodSeconds": 0})

    def new_bucket(self, retention_s: int | None = None) -> str:
        """An empty bucket; what is older than its retention it refuses. None: kept for ever."""
        name = f"bucket-{next(self._buckets)}"
        rules = [] if retention_s is None else [{"type": "expire", "everySeconds": retention_s}]
        (org,) = json.loads(self._request("GET", f"/api/v2/orgs?org={self.org}"))["orgs"]
        self.post("/api/v2/buckets", {"orgID": org["id"], "name": name, "retentionRules": rules})
        return name

    def series(self, bucket: str) -> InfluxSeries:
        """A store on a bucket."""
        return InfluxSeries(self.url, self.token, self.org, bucket)

    def post(self, path: str, body: object) -> bytes:
        return self._request("POST", path, json.dumps(body).encode())

    def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: bytes = response.read()
        return answer

    def _healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "influxd has ended"
        try:
            self._request("GET", "/health")
        except (OSError, http.client.HTTPException):
            return False
        return True


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[InfluxServer]:
    """A running server. A test that stops it starts it again."""
    server = InfluxServer(tmp_path_factory.mktemp("influx"), free_port())
    server.start()
    server.set_up()
    yield server
    server.stop()
