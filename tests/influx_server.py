"""A real InfluxDB 2 for tests: influxd, one a worker; or the server that SLEDWATCH_INFLUXDB_URL, _TOKEN and _ORG name.

A test takes the fixture `influx_server` and is marked `needs("influxd")`. It makes buckets of its own; they are removed
when the worker ends.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sledwatch_storage.series.influx import InfluxSeries
from waiting import eventually

_SETTINGS = [f"SLEDWATCH_INFLUXDB_{name}" for name in ("URL", "TOKEN", "ORG")]
_GIVEN = [os.environ.get(name) for name in _SETTINGS]


class InfluxServer:
    """A server, and the buckets and tokens that were made on it."""

    def __init__(self, url: str, token: str, org: str) -> None:
        self.url, self.token, self.org = url.rstrip("/"), token, org
        self._made: list[str] = []

    def start(self) -> None:
        """Run it, and wait until it answers."""
        pytest.skip("the server is not ours to stop and start")

    def stop(self) -> None:
        """End it in good order; its data stay."""
        pytest.skip("the server is not ours to stop")

    def kill(self) -> None:
        """End it as a power cut would."""
        pytest.skip("the server is not ours to kill")

    def new_bucket(self, retention_s: int | None = None, name: str | None = None) -> str:
        """An empty bucket; what is older than its retention it refuses. None: kept for ever."""
        name = name or self.new_name()
        rules = [] if retention_s is None else [{"type": "expire", "everySeconds": retention_s}]
        self.post("/api/v2/buckets", {"orgID": self._org_id(), "name": name, "retentionRules": rules})
        return name

    def new_name(self) -> str:
        """A name for a bucket, or two, that somebody else makes."""
        self._made.append(f"sledwatch-test-{uuid.uuid4().hex[:12]}")
        return self._made[-1]

    def bucket(self, name: str) -> dict[str, Any] | None:
        """What the server knows of a bucket."""
        listed = json.loads(self._request("GET", "/api/v2/buckets?limit=100"))["buckets"]
        found: list[dict[str, Any]] = [one for one in listed if one["name"] == name]
        return found[0] if found else None

    def new_token(self, buckets: dict[str, str]) -> str:
        """A token that may do nothing but read (r) and write (w) these buckets."""
        actions = {"r": "read", "w": "write"}
        permissions = []
        for name, letters in buckets.items():
            bucket = self.bucket(name)
            assert bucket is not None
            resource = {"type": "buckets", "id": bucket["id"], "orgID": bucket["orgID"]}
            permissions += [{"action": actions[letter], "resource": resource} for letter in letters]
        about = {"orgID": self._org_id(), "permissions": permissions}
        token: str = json.loads(self.post("/api/v2/authorizations", about))["token"]
        return token

    def series(self, bucket: str) -> InfluxSeries:
        """A store on a bucket."""
        return InfluxSeries(self.url, self.token, self.org, bucket)

    def write(self, bucket: str, lines: str) -> None:
        """Write lines, with times in nanoseconds, as something else than we would."""
        self._request("POST", f"/api/v2/write?org={self.org}&bucket={bucket}", lines.encode())

    def post(self, path: str, body: object) -> bytes:
        return self._request("POST", path, json.dumps(body).encode())

    def get(self, path: str) -> bytes:
        return self._request("GET", path)

    def count(self, bucket: str, measurement: str) -> int:
        """How many points there are, by the field that each measurement's points have all of."""
        field = {"sample": "depth_mm", "frame": "seq", "machine": "kind"}.get(measurement, "session")
        query = urllib.parse.urlencode({"db": bucket, "q": f"SELECT count({field}) FROM {measurement}"})
        (result,) = json.loads(self.get(f"/query?{query}"))["results"]
        return sum(int(series["values"][0][1]) for series in result.get("series", []))

    def remove_buckets(self) -> None:
        """All that were made here."""
        for made in self._made:
            for name in (made, f"{made}-derived"):
                found = self.bucket(name)
                if found is not None:
                    self._request("DELETE", f"/api/v2/buckets/{found['id']}")

    def _org_id(self) -> str:
        (org,) = json.loads(self._request("GET", f"/api/v2/orgs?org={self.org}"))["orgs"]
        identity: str = org["id"]
        return identity

    def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: bytes = response.read()
        return answer


class LocalInflux(InfluxServer):
    """influxd on a loopback port, with its data in a directory of the test run."""

    def __init__(self, directory: Path, port: int) -> None:
        # The token is without a space: the read path of the older interface would split it there.
        super().__init__(f"http://127.0.0.1:{port}", "token-for-tests", "gyms")
        self._directory = directory
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

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

    def _healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "influxd has ended"
        try:
            self._request("GET", "/health")
        except (OSError, http.client.HTTPException):
            return False
        return True


@pytest.fixture(scope="session", autouse=True)
def settings_without_influxdb() -> None:
    """What is meant for these tests is not what others are to run on."""
    for name in _SETTINGS:
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def influx_server(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[InfluxServer]:
    """A running server. A test that stops it starts it again."""
    url, token, org = _GIVEN
    if url:
        assert token, "SLEDWATCH_INFLUXDB_TOKEN: expected beside SLEDWATCH_INFLUXDB_URL"
        assert org, "SLEDWATCH_INFLUXDB_ORG: expected beside SLEDWATCH_INFLUXDB_URL"
        given = InfluxServer(url, token, org)
        yield given
        given.remove_buckets()
        return
    server = LocalInflux(tmp_path_factory.mktemp("influx"), free_port())
    server.start()
    server.set_up()
    yield server
    server.stop()
