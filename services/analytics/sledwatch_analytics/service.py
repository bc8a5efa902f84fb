"""Analytics as a process: live, closing, delivery and the API on threads of their own, started and ended together."""

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from sqlalchemy import Engine

from sledwatch import reps, workload
from sledwatch_analytics.access import Access
from sledwatch_analytics.alarms import QuarantineAlarm
from sledwatch_analytics.api.app import create_app
from sledwatch_analytics.api.parts import ApiConfig
from sledwatch_analytics.api.server import Server
from sledwatch_analytics.closing import Closer, DailyLook
from sledwatch_analytics.copying import Copier
from sledwatch_analytics.delivery import Sender
from sledwatch_analytics.live import Link, LiveFloor
from sledwatch_analytics.stream import Hub
from sledwatch_storage.series import SeriesStore
from sledwatch_storage.series.derived import DerivedSeries
from sledwatch_storage.state.engine import StateUnavailable
from sledwatch_storage.state.heartbeat import beat

BEAT_S: Final = 2.0
# Ctrl-C to gone: what is not done by then is done at the next start.
END_WITHIN_S: Final = 1.8

log = structlog.get_logger()


class PortTaken(Exception):
    """The address for HTTP is in use or not ours; the message says so in one line."""


class PartFailed(Exception):
    """A part of the process ended though nobody had asked it to; the process cannot do its work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsConfig:
    """What analytics needs to know.

    mqtt_url: mqtt://[USER:PASSWORD@]HOST[:PORT] or mqtts://…; time_zone: of gyms and members where nothing says
    another. api_token: the administrator's. client_id: None for one of its own at each start. mqtt_ca: the file of the
    CA that signed the broker's certificate; None: those that this system trusts.
    """

    mqtt_url: str
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    time_zone: str = "UTC"
    api_token: str
    client_id: str | None = None
    mqtt_ca: Path | None = None


def run(
    config: AnalyticsConfig,
    series: SeriesStore,
    engine: Engine,
    clock: Callable[[], int],
    *,
    stop: threading.Event,
    derived: DerivedSeries | None = None,
    mount: Callable[[FastAPI], None] | None = None,
) -> None:
    """Run until `stop` is set.

    derived: where copies of sessions and of what befell machines go, for Grafana; none: nowhere. mount: puts more
    beside the API, such as the pages. Raises PortTaken before anything starts, and PartFailed when a part breaks down.
    """
    with _listening(config.http_host, config.http_port) as listener:
        _Process(config, series, engine, clock, derived, mount, listener, stop).run()


class _Process:
    def __init__(
        self,
        config: AnalyticsConfig,
        series: SeriesStore,
        engine: Engine,
        clock: Callable[[], int],
        derived: DerivedSeries | None,
        mount: Callable[[FastAPI], None] | None,
        listener: socket.socket,
        stop: threading.Event,
    ) -> None:
        self._engine, self._clock, self._stop, self._listener = engine, clock, stop, listener
        self._hub = Hub()
        registry = CollectorRegistry(auto_describe=True)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._link = Link(config.mqtt_url, config.client_id or f"sledwatch-live-{secrets.token_hex(4)}", config.mqtt_ca)
        self._floor = LiveFloor(
            engine,
            self._hub,
            clock,
            series=series,
            publish=self._link.publish,
            is_following=lambda: self._link.following,
            registry=registry,
        )
        self._sender = Sender(engine, self._link, clock, registry)
        self._closer = Closer(engine, series, clock, self._hub, told=self._sender.told, registry=registry)
        self._daily = DailyLook(engine, clock, registry)
        self._quarantine_alarm = QuarantineAlarm(engine, self._hub, clock, told=self._sender.told)
        self._copier = None if derived is None else Copier(engine, derived, registry)
        access = Access(engine, config.api_token, clock)
        served = ApiConfig(time_zone=config.time_zone, registry=registry)
        app = create_app(engine, series, self._floor, self._hub, access, clock, served)
        if mount is not None:
            mount(app)
        self._server = Server(app, self._hub, host=config.http_host, port=config.http_port)
        self._threads: list[threading.Thread] = []
        self._failures: list[tuple[str, Exception | None]] = []

    def run(self) -> None:
        """Start all parts, give signs of life, end all parts. Raises PartFailed."""
        try:
            # The API answers while the kernels are still being loaded.
            self._start("http", lambda: self._server.run(sockets=[self._listener]))
            reps.warm_up()
            workload.warm_up()
            self._start("live", self._follow)
            self._start("tiles", lambda: self._floor.run(self._stop))
            self._start("live-writes", lambda: self._floor.writer.run(self._stop))
            self._start("closing", lambda: self._closer.run(self._stop))
            self._start("daily", lambda: self._daily.run(self._stop))
            self._start("alarms", lambda: self._quarantine_alarm.run(self._stop))
            self._start("delivery", lambda: self._sender.run(self._stop))
            if (copier := self._copier) is not None:
                self._start("copying", lambda: copier.run(self._stop))
            self._beat()
            while not self._stop.wait(BEAT_S):
                self._beat()
        finally:
            self._stop.set()
            self._end()
        if self._failures:
            name, error = self._failures[0]
            raise PartFailed(f"{name} ended: {error or 'see the log'}") from error

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self._floor.load()
            except StateUnavailable as error:
                log.warning("live.state_away", reason=str(error))
                self._stop.wait(1.0)
            else:
                self._link.run(self._stop, self._floor.on_message, self._floor.on_following)
                return

    def _beat(self) -> None:
        detail = {"following": self._link.following, "streams": self._hub.listeners}
        try:
            beat(self._engine, "analytics", self._clock(), detail)
        except StateUnavailable as error:
            log.warning("analytics.no_heartbeat", reason=str(error))

    def _start(self, name: str, work: Callable[[], None]) -> None:
        def guarded() -> None:
            failure: Exception | None = None
            try:
                work()
            except Exception as error:
                log.exception("analytics.part_failed", part=name)
                failure = error
            finally:
                # Whatever way it ended: without this part the process is not what it should be.
                if not self._stop.is_set():
                    self._failures.append((name, failure))
                    self._stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _end(self) -> None:
        deadline = time.monotonic() + END_WITHIN_S
        self._server.should_exit = True
        self._hub.close()
        self._link.close()
        self._sender.told()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        late = [thread.name for thread in self._threads if thread.is_alive()]
        if late:
            log.warning("analytics.parts_left", parts=late)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens, before anything else is started. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(2048)
        except OSError as error:
            raise PortTaken(
                f"port {port} on {host}: {error.strerror}; choose another with SLEDWATCH_HTTP_PORT"
            ) from None
        yield listener
    finally:
        listener.close()
