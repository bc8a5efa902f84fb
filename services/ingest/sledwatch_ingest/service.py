"""Ingest as a whole: a connection, an inbox, a writer."""

import gc
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from sqlalchemy import Engine, select

from sledwatch.address import BrokerAddress
from sledwatch_ingest.backoff import Backoff
from sledwatch_ingest.connection import Connection
from sledwatch_ingest.inbox import Inbox
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.pulse import Pulse, part_of
from sledwatch_ingest.replays import Replays
from sledwatch_ingest.session import Session
from sledwatch_ingest.watermarks import MachineKey, Watermarks
from sledwatch_ingest.writer import Writer
from sledwatch_storage.series.port import SeriesStore
from sledwatch_storage.state import ledger
from sledwatch_storage.state.schema import machine

log = structlog.get_logger(__name__)

# A store or broker that comes back is found within seconds, and not hammered while it is away.
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 4.0
# How long the batches in hand may take at the end before we disconnect without its acknowledgements.
_LAST_BATCH_S: Final = 1.5
# So many more objects than before: several batches of frames.
_COLLECT_AFTER: Final = 50_000


class PortTaken(Exception):
    """The address for metrics is in use or not ours; the message says so in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestConfig:
    """What ingest needs to know.

    client_id: under this name the broker keeps our place; two replicas need two. group: replicas that share the
    frames and sessions among them. batch, linger_s: a write takes so many messages, or what came in that time, and
    more under load. queue: how many messages may wait for the writer. receive_maximum: how many the broker is asked to
    leave unacknowledged at most; not every broker minds. session_expiry_s, group_expiry_s: for how long it keeps our
    place, alone and in a group. metrics_port: none for no metrics. time_zone: of gyms seen for the first time.
    mqtt_ca: the file of the CA that signed the broker's certificate; None: those that this system trusts.
    """

    mqtt_url: str
    client_id: str = "sledwatch-ingest"
    group: str | None = None
    batch: int = 64
    linger_s: float = 0.05
    queue: int = 4096
    receive_maximum: int = 4096
    keepalive_s: int = 30
    session_expiry_s: int = 7 * 86_400
    # Some brokers go on giving a replica that is gone its share, what machines send again included, until its session
    # expires; and a machine sends three times, thirty seconds apart.
    group_expiry_s: int = 30
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    time_zone: str = "UTC"
    mqtt_ca: Path | None = None


def have_the_process() -> None:
    """Set Python's garbage collector for a process that does nothing but `run`; call it once all is imported.

    Hundreds of frames of fifty numbers come and go at a time, and none of them is part of a cycle. By default the
    collector would go through them, and through every module, a hundred times a second: a tenth of all the work.
    """
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)


def run(
    config: IngestConfig, series: SeriesStore, state: Engine, clock: Callable[[], int], stop: threading.Event
) -> None:
    """Store what machines publish, until `stop` is set. Sets `stop` itself when it cannot go on, and raises why.

    clock: microseconds since the epoch, UTC. A broker or a store that is away is waited for. The stores stay the
    caller's to close. Raises ValueError for an address that is none, and PortTaken.
    """
    chance = random.SystemRandom()
    metrics = Metrics(CollectorRegistry())
    inbox = Inbox(config.queue)
    connection = Connection(
        BrokerAddress.parse(config.mqtt_url, config.mqtt_ca),
        Session(
            config.client_id,
            config.group,
            config.keepalive_s,
            config.session_expiry_s if config.group is None else config.group_expiry_s,
            config.receive_maximum,
            config.session_expiry_s,
        ),
        inbox,
        clock,
        Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S, chance),
        metrics,
    )

    def link() -> dict[str, bool]:
        return {"connected": connection.connected, "subscribed": connection.subscribed}

    writer = Writer(
        inbox,
        connection,
        series,
        state,
        clock,
        Watermarks(lambda machines: ledger.watermarks(state, machines), connection.publish, time.monotonic),
        lambda: known_machines(state),
        Replays(series, state, clock, time.monotonic, metrics, time_zone=config.time_zone),
        Pulse(
            part_of(config.client_id, config.group),
            series,
            state,
            clock,
            time.monotonic,
            link,
            lambda: len(inbox),
            metrics,
        ),
        Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S, chance),
        metrics,
        batch=config.batch,
        linger_s=config.linger_s,
        time_zone=config.time_zone,
    )
    with ExitStack() as stack:
        stack.callback(connection.close)
        if config.metrics_port is not None:
            server = _serve_metrics(config.metrics_host, config.metrics_port, metrics.registry)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
        threads = stack.enter_context(ThreadPoolExecutor(2, thread_name_prefix="ingest"))
        # Also when whoever waits for the end loses patience and interrupts: else the pool would wait for them for ever.
        stack.callback(connection.stop)
        stack.callback(writer.stop)
        writing, serving = threads.submit(writer.run), threads.submit(connection.run)
        for work in (writing, serving):
            work.add_done_callback(lambda _: stop.set())
        stop.wait()
        connection.stop_reading()
        writer.stop()
        wait([writing], _LAST_BATCH_S)
    for work in (serving, writing):
        work.result()
    log.info("ingest.stopped")


def _serve_metrics(host: str, port: int, registry: CollectorRegistry) -> WSGIServer:
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise PortTaken(
            f"metrics cannot be served on {host}:{port}: {error.strerror}; SLEDWATCH_METRICS_PORT chooses another port"
        ) from None
    return server


def known_machines(state: Engine) -> Sequence[MachineKey]:
    """Every machine that was ever heard of. Raises StateUnavailable."""
    with state.connect() as connection:
        return [(row.gym, row.machine) for row in connection.execute(select(machine.c.gym, machine.c.machine))]
