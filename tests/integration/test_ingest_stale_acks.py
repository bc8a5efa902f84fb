"""Acknowledgements of a connection that is gone: none may reach the broker over the next one, however early."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random

from prometheus_client import CollectorRegistry

from sledwatch.address import BrokerAddress
from sledwatch_ingest.backoff import Backoff
from sledwatch_ingest.connection import Connection
from sledwatch_ingest.inbox import Inbox, Message
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.session import Session
from store_and_forward import now_us
from waiting import eventually

CONNACK = bytes([0x20, 3, 0, 0, 0])
SUBSCRIBE = 0x82


@contextmanager
def connecting(port: int) -> Iterator[Connection]:
    connection = Connection(
        BrokerAddress.parse(f"mqtt://127.0.0.1:{port}"),
        Session("ingest", None, 30, 60, 100),
        Inbox(100),
        now_us,
        Backoff(0.01, 0.02, Random(1)),
        Metrics(CollectorRegistry()),
    )
    with ThreadPoolExecutor(1) as threads:
        serving = threads.submit(connection.run)
        try:
            yield connection
        finally:
            connection.stop()
            serving.result(20)
            connection.close()


def test_what_was_read_before_a_reconnect_is_not_acknowledged_after_it(free_port: Callable[[], int]) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as broker, connecting(port) as connection:
        first, _ = broker.accept()
        first.recv(4096)
        first.sendall(CONNACK)
        eventually(lambda: connection.connected)
        old = Message("t", b"", 0, retained=False, generation=connection.generation, packet_id=7)
        first.close()

        second, _ = broker.accept()
        with second:
            second.recv(4096)
            connection.ack([old])
            assert _is_quiet(second)
            second.sendall(CONNACK)
            assert SUBSCRIBE == second.recv(4096)[0]


def _is_quiet(sock: socket.socket) -> bool:
    """Whether nothing comes for a while."""
    sock.settimeout(0.3)
    try:
        sock.recv(4096, socket.MSG_PEEK)
    except TimeoutError:
        return True
    finally:
        sock.settimeout(10.0)
    return False
