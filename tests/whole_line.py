"""`sledwatch up` as a user runs it: a process of its own on free ports, and a client of its API."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from waiting import eventually

SLEDWATCH = Path(sys.executable).parent / "sledwatch"
TOKEN = "a-token-of-the-tests-own"


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment without anybody's SLEDWATCH_* settings, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLEDWATCH_")}
    return {**kept, **{f"SLEDWATCH_{name}": value for name, value in settings.items()}}


class WholeLine:
    """A running `sledwatch up`; a context manager that ends it as Ctrl-C does."""

    def __init__(self, data: Path, free_port: Callable[[], int], *flags: str, **settings: str) -> None:
        self.data = data
        self.http_port = free_port()
        self.mqtt_port = free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.mqtt_url = f"mqtt://127.0.0.1:{self.mqtt_port}"
        self.settings = {
            "DATA": str(data),
            "HTTP_PORT": str(self.http_port),
            "MQTT_PORT": str(self.mqtt_port),
            "API_TOKEN": TOKEN,
            "URL": self.url,
            **settings,
        }
        self.flags = flags
        self.output = data.parent / f"{data.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until everything is ready."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [str(SLEDWATCH), "up", *self.flags],
                env=clean_environment(**self.settings),
                cwd=self.data.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        eventually(self.is_ready, timeout_s=90)

    def stop(self) -> int:
        """Press Ctrl-C; returns the exit code, and says what was printed where it does not end."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"still there 20 s after Ctrl-C:\n{self.printed()}") from None

    def is_ready(self) -> bool:
        """Whether /readyz says so. AssertionError when the process is gone."""
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"`sledwatch up` ended with {self.process.returncode}:\n{self.printed()}")
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def printed(self) -> str:
        """All that it has said so far."""
        return self.output.read_text()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a path below /api/v1."""
        return self.call("GET", path, params=query)

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Any call below /api/v1; raises for a status that is not 2xx."""
        answer = httpx.request(
            method, f"{self.url}/api/v1{path}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, **arguments
        )
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def run(self, *words: str, timeout_s: float = 120) -> "subprocess.CompletedProcess[str]":
        """Run another `sledwatch` command against this system."""
        return subprocess.run(
            [str(SLEDWATCH), *words],
            env=clean_environment(**{**self.settings, "MQTT_URL": self.mqtt_url}),
            cwd=self.data.parent,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """Start another `sledwatch` command against this system, and go on."""
        return subprocess.Popen(
            [str(SLEDWATCH), *words],
            env=clean_environment(**{**self.settings, "MQTT_URL": self.mqtt_url}),
            cwd=self.data.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def part(self, name: str) -> int:
        """The process id of one part that `up` runs."""
        assert self.process is not None
        return eventually(lambda: _child(self.process.pid if self.process else 0, name), timeout_s=20)


def _child(parent: int, name: str) -> int | None:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            owner = int(stat.read_text().rpartition(")")[2].split()[1])
            words = (stat.parent / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if owner == parent and name.encode() in words:
            return int(stat.parent.name)
    return None


def now_us() -> int:
    """The wall clock, in the contract's unit."""
    return time.time_ns() // 1_000
