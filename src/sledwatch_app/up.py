"""`sledwatch up`: broker, ingest, analytics with the pages, and the simulated gym, each a process of its own.

The supervisor starts them in order, starts again what ends, and takes all of them with it when it goes.
"""

import fcntl
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import structlog

from sledwatch_app.errors import Failed, WrongUse
from sledwatch_app.lifeline import SUPERVISED
from sledwatch_app.settings import Settings

log = structlog.get_logger()

FIRST_RESTART_S = 0.2
LAST_RESTART_S = 2.0
# A part that lived this long has recovered: its next fall is a new one.
STEADY_S = 10.0
STOP_S = 6.0
READY_S = 60.0
# A part that ends with this code was told something that cannot be right; starting it again would not help.
WRONG_USE_CODE = 2


@dataclass
class Part:
    """A process of ours: its words on the command line, and where it stands."""

    name: str
    arguments: list[str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    restart_at: float = 0.0
    wait_s: float = FIRST_RESTART_S

    def start(self, environment: dict[str, str]) -> None:
        """Start it in a process group of its own, so that Ctrl-C reaches the supervisor alone."""
        self.process = subprocess.Popen(  # noqa: S603 - our own program, our own words
            [*_program(), *self.arguments],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self.started_at = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it is there."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self, deadline: float) -> None:
        """Ask it to end; after the deadline (monotonic seconds) end it."""
        process = self.process
        if process is None:
            return
        self.ask_to_stop()
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("up.part_killed", which=self.name, reason=f"still there {STOP_S:.0f} s after SIGTERM")
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
        self.process = None


@dataclass
class Supervisor:
    """Keeps the parts alive until `stop` is set."""

    environment: dict[str, str]
    stop: Event
    parts: list[Part] = field(default_factory=list)

    def start(self, part: Part) -> None:
        """Start a part and keep it from now on."""
        self.parts.append(part)
        part.start(self.environment)

    def wait_for(self, ready: Callable[[], bool], what: str, timeout_s: float = READY_S) -> None:
        """Tend the parts until `ready` or a stop. Raises Failed when it takes too long."""
        deadline = time.monotonic() + timeout_s
        while not ready() and not self.stop.is_set():
            if time.monotonic() > deadline:
                raise Failed(f"{what} was not ready within {timeout_s:.0f} s; its log above says more")
            self.tend()
            self.stop.wait(0.05)

    def tend(self) -> None:
        """Start again, with growing patience, what has ended. Raises WrongUse where a part says it never can."""
        now = time.monotonic()
        for part in self.parts:
            if part.running:
                continue
            if part.process is not None:
                code = part.process.returncode
                if code == WRONG_USE_CODE:
                    raise WrongUse(f"{part.name} cannot start (see its line above)")
                if now - part.started_at > STEADY_S:
                    part.wait_s = FIRST_RESTART_S
                log.warning("up.part_ended", which=part.name, code=code, restart_in_s=part.wait_s)
                part.stop(now)
                part.restart_at = now + part.wait_s
                part.wait_s = min(LAST_RESTART_S, part.wait_s * 2)
            elif now >= part.restart_at:
                part.start(self.environment)

    def run(self) -> None:
        """Tend the parts until `stop` is set."""
        while not self.stop.wait(0.1):
            self.tend()

    def end(self) -> None:
        """End all parts: who publishes, then who stores and analyses, at once, and the broker last."""
        deadline = time.monotonic() + STOP_S
        for names in ({"simulator"}, {"ingest", "analytics"}, {"broker"}):
            leaving = [part for part in self.parts if part.name in names]
            for part in leaving:
                part.ask_to_stop()
            for part in leaving:
                part.stop(deadline)


def up(settings: Settings, *, simulator: bool, stop: Event, say: Callable[[str], None]) -> None:
    """Run everything until `stop` is set.

    say: tells the user a line. Raises WrongUse for what cannot work (a taken port, a data directory in use) and Failed
    when a part does not come up.
    """
    from sledwatch_app.wiring import api_token, data_directory

    data = data_directory(settings)
    with _alone_in(data):
        if settings.mqtt_url is None and settings.http_port == settings.mqtt_port:
            raise WrongUse(f"port {settings.http_port} cannot serve both: give --http-port and --mqtt-port two numbers")
        if settings.mqtt_url is None and settings.ingest_group is not None:
            # rumqttd panics when the last of a group goes with something unacknowledged, and takes nothing any more.
            raise WrongUse("SLEDWATCH_INGEST_GROUP is not for the broker of `up`: give --mqtt-url, or no group")
        _require_free(settings.http_host, settings.http_port, "--http-port")
        api_token(settings)
        _migrate(settings)
        supervisor = Supervisor(_environment(settings), stop)
        try:
            if settings.mqtt_url is None:
                _require_free_broker_port(settings.mqtt_port)
                supervisor.start(Part("broker", ["broker"]))
            # These wait for the broker by themselves; importing their libraries takes longer than its start.
            supervisor.start(Part("ingest", ["ingest"]))
            supervisor.start(Part("analytics", ["analytics", "--pages"]))
            base = f"http://{_connectable(settings.http_host)}:{settings.http_port}"
            supervisor.wait_for(lambda: _answers(f"{base}/livez"), "the API")
            if not stop.is_set():
                _greet(settings, base, say, simulator=simulator)
            if simulator and not stop.is_set():
                supervisor.start(Part("simulator", ["simulate", "gym", "--forever"]))
            supervisor.run()
        finally:
            supervisor.end()
            say("Stopped.")


def _greet(settings: Settings, base: str, say: Callable[[str], None], *, simulator: bool) -> None:
    from sledwatch_analytics.access import make_link
    from sledwatch_app.wiring import now_us, state_engine

    engine = state_engine(settings)
    link = make_link(engine, base, now_us())
    engine.dispose()
    series = f"InfluxDB at {settings.influxdb_url}" if settings.influxdb_url else "SQLite"
    broker = (settings.mqtt_url and _without_password(settings.mqtt_url)) or f"mqtt://127.0.0.1:{settings.mqtt_port}"
    say(f"Sledwatch is up. Open this link once to sign in:\n\n    {link}\n")
    say(f"MQTT {broker} · series {series} · data {settings.data}")
    say("A simulated gym is training; its first alerts come within a minute." if simulator else "Waiting for machines.")
    say("Ctrl-C stops everything; the same command goes on from here.")


def _require_free_broker_port(port: int) -> None:
    from sledwatch_app.broker import BrokerPortTaken, require_free

    try:
        require_free(port)
    except BrokerPortTaken as error:
        raise WrongUse(str(error)) from None


def _migrate(settings: Settings) -> None:
    from sledwatch_storage.state.engine import StateUnavailable, migrate

    try:
        migrate(settings.state_database)
    except StateUnavailable as error:
        raise WrongUse(str(error)) from None


def _environment(settings: Settings) -> dict[str, str]:
    """The children's: what this command was told by flags, for them to read as settings."""
    environment = dict(os.environ)
    environment |= {
        SUPERVISED: "1",
        "SLEDWATCH_DATA": str(settings.data.resolve()),
        "SLEDWATCH_HTTP_HOST": settings.http_host,
        "SLEDWATCH_HTTP_PORT": str(settings.http_port),
        "SLEDWATCH_MQTT_PORT": str(settings.mqtt_port),
        "SLEDWATCH_MQTT_URL": settings.mqtt_url or f"mqtt://127.0.0.1:{settings.mqtt_port}",
        "SLEDWATCH_URL": f"http://{_connectable(settings.http_host)}:{settings.http_port}",
        "SLEDWATCH_LOG_LEVEL": settings.log_level,
    }
    return environment


def _program() -> list[str]:
    """`sledwatch` beside this interpreter, so that the process list says which part a process is."""
    script = Path(sys.executable).parent / "sledwatch"
    return [sys.executable, str(script)] if script.exists() else [sys.executable, "-m", "sledwatch_app"]


@contextmanager
def _alone_in(data: Path) -> Iterator[None]:
    """Hold the data directory's lock. Raises WrongUse when another `up` has it."""
    with (data / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            message = f"data directory {data} is in use by another `sledwatch up` (process {owner})"
            raise WrongUse(f"{message}: stop it, or give --data DIR") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _require_free(host: str, port: int, flag: str) -> None:
    """Raise WrongUse when the port is taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # A port whose last owner has just gone is free; one with a listener is not, whatever this option says.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise WrongUse(f"port {port} on {host}: {error.strerror}; choose another with {flag} N") from None


def _connectable(host: str) -> str:
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - what a wildcard listener is reached by
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - our own API on loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
