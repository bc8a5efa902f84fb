"""A store that is slow, but not away: the queue is full nearly all the time, and the connection holds."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

from prometheus_client import CollectorRegistry

from sledwatch.address import BrokerAddress
from sledwatch_ingest.backoff import Backoff
from sledwatch_ingest.connection import Connection
from sledwatch_ingest.inbox import Inbox
from sledwatch_ingest.metrics import Metrics
from sledwatch_ingest.session import Session
from store_and_forward import now_us
from waiting import eventually

KEEPALIVE_S = 1
QUEUE = 4
CONNACK = bytes([0x20, 3, 0, 0, 0])
# QoS 1, number 7, topic `t`, no properties, a payload of 400 bytes.
PUBLISH = b"\x32\x96\x03\x00\x01t\x00\x07\x00" + bytes(400)


def test_messages_that_come_as_fast_as_they_are_stored_keep_the_connection(free_port: Callable[[], int]) -> None:
    """The answer to a ping stands in line behind more messages than can be stored within a keep-alive."""
    port, inbox = free_port(), Inbox(QUEUE)
    connection = Connection(
        BrokerAddress.parse(f"mqtt://127.0.0.1:{port}"),
        Session("ingest", None, KEEPALIVE_S, 60, 100),
        inbox,
        now_us,
        Backoff(0.01, 0.02, Random(1)),
        Metrics(CollectorRegistry()),
    )
    taken: list[int] = []

    def store_some() -> bool:
        messages = inbox.take(1, 0.0, 1.0)
        connection.ack(messages)
        taken.append(len(messages))
        return len(taken) >= 30 * KEEPALIVE_S

    with socket.create_server(("127.0.0.1", port)) as server, ThreadPoolExecutor(2) as threads:
        serving = threads.submit(connection.run)
        try:
            broker, _ = server.accept()
            broker.recv(4096)
            broker.sendall(CONNACK)
            subscribe = broker.recv(4096)
            broker.sendall(b"\x90\x06" + subscribe[2:4] + b"\x00\x01\x01\x01")
            eventually(lambda: connection.subscribed)
            flood = threads.submit(broker.sendall, PUBLISH * 80_000)
            # Ten times a second, for three keep-alives.
            eventually(store_some, interval_s=0.1)
            assert not flood.done()
            assert (1, True) == (connection.generation, connection.connected)
        finally:
            connection.stop()
            serving.result(20)
            connection.close()
            broker.close()
