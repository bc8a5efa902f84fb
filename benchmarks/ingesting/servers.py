"""The programs that the benchmark of ingest runs on loopback, and what the kernel says that they use.

Each is a context manager that ends its program, whatever happens within.
"""

import http.client
import json
import math
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlencode

from sledwatch_app.broker import wait_ready
from sledwatch_storage.series.influx import InfluxSeries
from sledwatch_storage.series.line_protocol import PRECISION

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_ESTABLISHED: Final = "01"
# In memory: what a disk does to the broker's persistence is another matter. Nothing of the preloaded queue is dropped,
# and a client that asks for no window of its own (MQTT 3.1.1) gets none, where Mosquitto would give it 20 messages.
_MOSQUITTO: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
user root
persistence false
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 0
"""


class GaveUp(Exception):
    """Something did not happen in its time; the message says what."""


def free_port() -> int:
    """A loopback port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(
    condition: Callable[[], bool], what: str, timeout_s: float, *, pid: int | None = None, every_s: float = 0.02
) -> None:
    """Look until it holds. pid: of a process that has to live for it. Raises GaveUp."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if pid is not None and math.isnan(cpu_s(pid)):
            raise GaveUp(f"{what}: the process has ended before")
        if time.monotonic() > deadline:
            raise GaveUp(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, in the kernel too; nan when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return float("nan")
    return float("nan") if fields[0] == "Z" else (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int, *, peak: bool = True) -> float:
    """Resident memory of a process in MB, now or at its highest; nan when it is gone."""
    name = "VmHWM:" if peak else "VmRSS:"
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return float("nan")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), float("nan"))


def connections_to(port: int) -> int:
    """How many connections somebody on this machine has to a loopback port, the server accepting them or not."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[2].endswith(f":{port:04X}") and line.split()[3] == _ESTABLISHED for line in lines)


@contextmanager
def program(
    command: Sequence[str | Path], cwd: Path, environment: Mapping[str, str] | None = None, ending: int = signal.SIGTERM
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program; what it has to say goes to a file in `cwd`. At the end it gets the signal `ending`, and 20 s.

    Where it has ended before, a GaveUp is raised anew with its last words.
    """
    path = cwd / f"{Path(command[0]).name}.log"
    with path.open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={"HOME": str(cwd), "PATH": os.environ["PATH"], **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    except GaveUp as error:
        if process.poll() is None:
            raise
        words = path.read_text(errors="replace").strip().splitlines() or ["nothing"]
        raise GaveUp(f"{error}: {path.stem} ended with code {process.returncode} and said: {words[-1]}") from None
    finally:
        end(process, ending)


def end(process: "subprocess.Popen[bytes]", ending: int = signal.SIGTERM) -> None:
    """End a program in good order if it can be, and wait until it is gone."""
    process.send_signal(signal.SIGCONT)
    process.send_signal(ending)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def halt(self) -> None:
        """Until `resume` the kernel takes connections for it, and it answers none."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def mosquitto(path: str, directory: Path) -> Iterator[Broker]:
    """Mosquitto with an empty memory."""
    port = free_port()
    configuration = directory / "mosquitto.conf"
    configuration.write_text(_MOSQUITTO.format(port=port))
    with program([path, "-c", configuration], directory) as process:
        wait_ready("127.0.0.1", port, 15.0, while_running=process)
        yield Broker(port, process.pid)


class Influx:
    """influxd with its data in a directory; a bucket for each use."""

    org: Final = "bench"
    token: Final = "token-of-the-benchmark"  # noqa: S105 - it guards an empty server on loopback

    def __init__(self, path: str, directory: Path) -> None:
        self._path = path
        self._directory = directory
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._buckets = count(1)
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        try:
            self.start()
            about = {"username": "bench", "password": "for this run only", "org": self.org, "bucket": "first"}
            body = {**about, "token": self.token, "retentionPeriodSeconds": 0}
            self._ask("POST", "/api/v2/setup", json.dumps(body).encode())
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Run it until it answers."""
        at = self._directory
        with (at / "influxd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._path, "--http-bind-address", f"127.0.0.1:{self._port}", "--reporting-disabled", "--no-tasks",
                    "--ui-disabled", "--log-level", "error", "--bolt-path", at / "bolt", "--engine-path", at / "engine",
                    "--sqlite-path", at / "sqlite",
                ],
                cwd=at, env={"HOME": str(at), "PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log,
            )  # fmt: skip
        wait_until(self._healthy, "influxd answers", 60)

    def stop(self) -> None:
        """End it; its data stay."""
        process, self._process = self._process, None
        if process is not None:
            # On SIGTERM it ends without closing its files.
            end(process, signal.SIGINT)

    @contextmanager
    def bucket(self) -> Iterator[str]:
        """An empty bucket. It goes after a row that went well, so that its compaction takes no time from the next."""
        name = f"bucket-{next(self._buckets)}"
        (org,) = json.loads(self._ask("GET", f"/api/v2/orgs?org={self.org}"))["orgs"]
        about = {"orgID": org["id"], "name": name, "retentionRules": []}
        made = json.loads(self._ask("POST", "/api/v2/buckets", json.dumps(about).encode()))
        yield name
        self._ask("DELETE", f"/api/v2/buckets/{made['id']}")

    def series(self, bucket: str) -> InfluxSeries:
        """A store on a bucket."""
        return InfluxSeries(self.url, self.token, self.org, bucket)

    def settings(self, bucket: str) -> dict[str, str]:
        """What `sledwatch` needs in its environment to use a bucket."""
        return influx_settings(self.url, self.token, self.org, bucket)

    def writer(self, bucket: str) -> Callable[[bytes], None]:
        """A way to write line protocol that costs nearly nothing, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        path = f"/api/v2/write?{urlencode({'org': self.org, 'bucket': bucket, 'precision': PRECISION})}"
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "text/plain; charset=utf-8"}

        def write(body: bytes) -> None:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != http.HTTPStatus.NO_CONTENT:
                raise GaveUp(f"InfluxDB answers a direct write with {answer.status}: {said[:200]!r}")

        return write

    def count(self, bucket: str, measurement: str, field: str) -> int:
        """How many points of a measurement have the field."""
        query = f"SELECT count({field}) FROM {measurement}"  # noqa: S608 - both are the benchmark's own words
        answer = json.loads(self._ask("GET", f"/query?{urlencode({'db': bucket, 'q': query})}"))
        series = answer["results"][0].get("series")
        return int(series[0]["values"][0][1]) if series else 0

    def points_taken(self) -> int:
        """How many points it has taken since its start, of all buckets: cheap to ask."""
        for line in self._ask("GET", "/metrics").decode().splitlines():
            if line.startswith("storage_writer_ok_points_sum"):
                return int(float(line.split()[-1]))
        return 0

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            said: bytes = answer.read()
        return said

    def _healthy(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise GaveUp(f"influxd has ended: see what it said: {(self._directory / 'influxd.log').read_text()[-300:]}")
        try:
            self._ask("GET", "/health")
        except (OSError, http.client.HTTPException):
            return False
        return True


def influx_settings(url: str, token: str, org: str, bucket: str) -> dict[str, str]:
    """The environment that has `sledwatch` use an InfluxDB, whether there is one or not."""
    values = {"URL": url, "TOKEN": token, "ORG": org, "BUCKET": bucket}
    return {f"SLEDWATCH_INFLUXDB_{name}": value for name, value in values.items()}
