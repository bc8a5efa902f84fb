"""The bytes between ingest and the broker: what it takes from them itself, and what it leaves to paho."""

import selectors
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet as paho_packet
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion

from sledwatch.address import BrokerAddress
from sledwatch_ingest.inbox import Message
from sledwatch_ingest.session import Session, make_client
from sledwatch_ingest.stream import PacketStream, StreamingClient
from waiting import eventually

CONNACK = bytes([0x20, 3, 0, 0, 0])
PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"
CONTENT_TYPE = b"\x03\x00\x04json"


def length(number: int) -> bytes:
    """A number as MQTT writes it, in groups of seven bits."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def publish(packet_id: int, payload: bytes, topic: bytes = b"t", properties: bytes = b"", flags: int = 2) -> bytes:
    numbered = struct.pack("!H", packet_id) if flags & 6 else b""
    body = struct.pack("!H", len(topic)) + topic + numbered + length(len(properties)) + properties + payload
    return bytes([0x30 | flags]) + length(len(body)) + body


@pytest.fixture
def pair() -> Iterator[tuple[PacketStream, socket.socket]]:
    """A stream, and the broker's end of it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield PacketStream(ours), theirs


def arrived(stream: PacketStream, most: int = 1_000) -> list[Message]:
    """What is there, read once."""
    stream.fill()
    return stream.take(most, received_us=5, generation=3)


def for_paho(stream: PacketStream) -> bytes:
    read = b""
    while stream.concerns_paho:
        read += stream.recv(2)
    return read


def test_a_publication_becomes_a_message(pair: tuple[PacketStream, socket.socket]) -> None:
    stream, broker = pair
    broker.sendall(publish(7, b"{}", "a/ü".encode(), CONTENT_TYPE, flags=3) + publish(0, b"", flags=0))
    assert [
        Message("a/ü", b"{}", 5, retained=True, generation=3, packet_id=7),
        Message("t", b"", 5, retained=False, generation=3, packet_id=0),
    ] == arrived(stream)


def test_what_is_no_publication_is_paho_s_and_holds_up_what_came_after_it(
    pair: tuple[PacketStream, socket.socket],
) -> None:
    """A connection that is accepted counts as a new one before its first message does."""
    stream, broker = pair
    broker.sendall(publish(1, b"a") + CONNACK + PINGRESP + publish(2, b"b"))
    assert [1] == [message.packet_id for message in arrived(stream)]
    assert [] == stream.take(10, 0, 0)
    assert CONNACK == for_paho(stream)
    assert [] == stream.take(10, 0, 0)
    assert PINGRESP == for_paho(stream)
    assert [2] == [message.packet_id for message in stream.take(10, 0, 0)]
    with pytest.raises(BlockingIOError):
        stream.recv(1)


@given(st.lists(st.integers(1, 60), max_size=12))
def test_publications_come_whole_however_the_bytes_are_cut(cuts: list[int]) -> None:
    payloads = [bytes(n) for n in (0, 1, 130, 5)]
    sent = b"".join(publish(n, payload) + PINGRESP for n, payload in enumerate(payloads, 1))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    stream, got, passed = PacketStream(ours), [], b""
    with ours, theirs:
        for cut in [*cuts, len(sent)]:
            theirs.sendall(sent[:cut])
            sent = sent[cut:]
            stream.fill()
            while (messages := stream.take(10, 0, 0)) or stream.concerns_paho:
                got += messages
                passed += for_paho(stream)
    assert payloads == [message.payload for message in got]
    assert PINGRESP * len(payloads) == passed


def test_no_more_is_taken_than_there_is_room_for(pair: tuple[PacketStream, socket.socket]) -> None:
    stream, broker = pair
    broker.sendall(b"".join(publish(n, b"x") for n in range(1, 6)))
    assert [1, 2, 3] == [message.packet_id for message in arrived(stream, most=3)]
    assert [4, 5] == [message.packet_id for message in stream.take(3, 0, 0)]


def test_a_publication_larger_than_one_read_comes_whole(pair: tuple[PacketStream, socket.socket]) -> None:
    stream, broker = pair
    payload = bytes(range(256)) * 12_000
    got: list[Message] = []
    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(broker.sendall, publish(1, payload) + publish(2, b"next"))
        eventually(lambda: got.extend(arrived(stream)) or len(got) == 2, interval_s=0.0)
        sending.result(20)
    assert [payload, b"next"] == [message.payload for message in got]


@given(st.binary(max_size=40), st.sampled_from([0, 1, 2, 3, 8, 10]))
def test_it_reads_a_publication_as_paho_does_or_leaves_it_to_paho(body: bytes, flags: int) -> None:
    packet = bytes([0x30 | flags]) + length(len(body)) + body
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        theirs.sendall(packet)
        stream = PacketStream(ours)
        messages = arrived(stream)
        assert (b"" if messages else packet) == for_paho(stream)
    if messages and not _has_properties(body, flags):
        (message,) = messages
        known = paho_packet.decode_publish(packet[0], body, MQTTProtocolVersion.MQTTv5)
        assert (known.payload, known.mid, known.retain) == (message.payload, message.packet_id, message.retained)
        assert message.topic in {known.topic.decode(errors="replace"), "(not UTF-8)"}


def _has_properties(body: bytes, flags: int) -> bool:
    """paho reads those one by one, and refuses what we do not look at."""
    at = 2 + struct.unpack("!H", body[:2])[0] + (2 if flags & 6 else 0)
    return body[at] != 0


@pytest.mark.parametrize(
    "malformed",
    [
        publish(1, b"x", flags=4),
        b"\x32\x01\x00",
        b"\x32\x04\x00\x09ab",
        b"\x32\x03\x00\x01a",
        b"\x32\x05\x00\x01a\x00\x01",
        b"\x32\x06\x00\x01a\x00\x01\x09",
        b"\x32\x0a\x00\x01a\x00\x01\xff\xff\xff\xff\xff",
        b"\x32\xff\xff\xff\xff\xff",
    ],
    ids=["QoS 2", "no topic", "short topic", "no number", "no properties", "short properties", "endless", "length"],
)
def test_what_is_malformed_is_left_to_paho(pair: tuple[PacketStream, socket.socket], malformed: bytes) -> None:
    stream, broker = pair
    broker.sendall(malformed)
    assert [] == arrived(stream)
    assert malformed == for_paho(stream)


def test_acknowledgements_and_what_paho_sends_leave_together_and_in_order(
    pair: tuple[PacketStream, socket.socket],
) -> None:
    stream, broker = pair
    stream.acknowledge([1, 2])
    assert len(PINGREQ) == stream.send(PINGREQ)
    stream.acknowledge([515])
    broker.setblocking(False)
    with pytest.raises(BlockingIOError):
        broker.recv(100)
    stream.flush()
    assert b"\x40\x02\x00\x01\x40\x02\x00\x02" + PINGREQ + b"\x40\x02\x02\x03" == broker.recv(100)
    assert not stream.unsent


def test_a_broker_that_reads_nothing_is_told_to_paho_and_gets_all_in_the_end(
    pair: tuple[PacketStream, socket.socket],
) -> None:
    stream, broker = pair
    packet = bytes(range(250)) * 40
    sent = _sent_until_it_would_block(stream, packet)
    assert stream.unsent
    got = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_WRITE)
        while len(got) < sent:
            got += broker.recv(1 << 16)
            selector.select(0)
            stream.flush()
    assert packet * (sent // len(packet)) == got


def _sent_until_it_would_block(stream: PacketStream, packet: bytes) -> int:
    sent = 0
    with suppress(BlockingIOError):
        while True:
            sent += stream.send(packet)
    return sent


def test_the_end_of_the_connection_is_paho_s_after_what_came_before_it(
    pair: tuple[PacketStream, socket.socket],
) -> None:
    stream, broker = pair
    broker.sendall(publish(1, b"last"))
    broker.shutdown(socket.SHUT_WR)
    assert [b"last"] == [message.payload for message in arrived(stream)]
    stream.fill()
    assert b"" == stream.recv(1)


def test_an_error_of_the_socket_is_paho_s_to_deal_with(pair: tuple[PacketStream, socket.socket]) -> None:
    stream, broker = pair
    broker.close()
    stream.acknowledge([1])
    stream.flush()
    assert stream.broken
    with pytest.raises(BrokenPipeError):
        stream.recv(1)


def test_the_last_word_is_sent_before_the_socket_is_closed(pair: tuple[PacketStream, socket.socket]) -> None:
    stream, broker = pair
    stream.send(b"\xe0\x00")
    stream.close()
    assert b"\xe0\x00" == broker.recv(100)
    assert b"" == broker.recv(100)


@pytest.fixture
def accepted(free_port: Callable[[], int]) -> Iterator[tuple[StreamingClient, socket.socket]]:
    """A client of ours that a broker, whose end this is, has accepted. Its keep-alive is one second."""
    port = free_port()
    client = make_client(BrokerAddress.parse(f"mqtt://127.0.0.1:{port}"), Session("ingest", None, 1, 60, 100))
    with socket.create_server(("127.0.0.1", port)) as server:
        client.reconnect()
        broker, _ = server.accept()
        with broker:
            broker.settimeout(10)
            turn(client)
            assert 0x10 == broker.recv(4096)[0]
            broker.sendall(CONNACK)
            eventually(lambda: turn(client) or client.is_connected())
            yield client, broker
        client.disconnect()
        turn(client)


def turn(client: StreamingClient) -> list[Message]:
    """What a connection does all the time."""
    stream = client.stream
    assert stream is not None
    stream.fill()
    messages = stream.take(100, 0, 0)
    if messages:
        client.note_traffic(received=True, sent=False)
        stream.acknowledge([message.packet_id for message in messages])
        client.note_traffic(received=False, sent=True)
    if stream.concerns_paho:
        client.loop_read()
    client.loop_misc()
    client.loop_write()
    stream.flush()
    return messages


def test_paho_makes_its_socket_where_we_put_ours_in(accepted: tuple[StreamingClient, socket.socket]) -> None:
    """A later paho that does not would leave every message unread: this is the test to tell."""
    client, _ = accepted
    assert isinstance(client.socket(), PacketStream)


def test_paho_pings_a_silent_broker_and_takes_its_answer(accepted: tuple[StreamingClient, socket.socket]) -> None:
    client, broker = accepted
    broker.settimeout(0.0)
    eventually(lambda: turn(client) or _received(broker) == PINGREQ)
    broker.sendall(PINGRESP)
    eventually(lambda: turn(client) or _received(broker) == PINGREQ)
    assert client.is_connected()


def test_paho_does_not_ping_while_messages_come_and_acknowledgements_go(
    accepted: tuple[StreamingClient, socket.socket],
) -> None:
    """An answer would stand in line behind the messages, and come too late for paho where the store is slow."""
    client, broker = accepted
    broker.settimeout(0.0)
    sent = bytearray()

    def a_message_and_its_acknowledgement() -> int:
        broker.sendall(publish(1, b"x"))
        turn(client)
        sent.extend(_received(broker))
        return len(sent) >= 4 * 25

    # 25 acknowledgements at ten a second: two and a half times the keep-alive.
    eventually(a_message_and_its_acknowledgement, interval_s=0.1)
    assert b"\x40\x02\x00\x01" * (len(sent) // 4) == bytes(sent)


def test_paho_ends_a_connection_that_is_cut(accepted: tuple[StreamingClient, socket.socket]) -> None:
    client, broker = accepted
    broker.close()
    eventually(lambda: client.socket() is None or (turn(client) and False))
    assert MQTTErrorCode.MQTT_ERR_NO_CONN == client.loop_read()


def _received(broker: socket.socket) -> bytes:
    try:
        return broker.recv(4096)
    except BlockingIOError:
        return b""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of its own for 127.0.0.1, with its key."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", file, "-out", file.with_suffix(".crt"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_bytes(file.read_bytes() + file.with_suffix(".crt").read_bytes())
    return file


@pytest.mark.needs("openssl")
def test_over_tls_nothing_stays_unread_behind_the_selector_and_nothing_is_lost(certificate: Path) -> None:
    """A record holds more packets than the selector tells of; what does not fit waits until the broker reads on."""
    at_the_broker = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    at_the_broker.load_cert_chain(certificate)
    ours = ssl.create_default_context(cafile=str(certificate.with_suffix(".crt")))
    frames = b"".join(publish(n, bytes(400)) for n in range(1, 2_001))
    acks = b"".join(b"\x40\x02" + n.to_bytes(2) for n in range(1, 2_001))

    def serve(raw: socket.socket) -> bytes:
        with at_the_broker.wrap_socket(raw, server_side=True) as broker:
            broker.sendall(frames)
            got = b""
            while len(got) < len(acks) and (read := broker.recv(1 << 16)):
                got += read
            return got

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as threads:
        plain = socket.create_connection(server.getsockname())
        serving = threads.submit(lambda: serve(server.accept()[0]))
        with ours.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
            sock.setblocking(False)
            stream, taken = PacketStream(sock), 0
            with selectors.DefaultSelector() as selector:
                selector.register(stream, selectors.EVENT_READ)
                while taken < 2_000:
                    assert stream.more or selector.select(10)
                    stream.fill()
                    messages = stream.take(5_000, 0, 0)
                    taken += len(messages)
                    stream.acknowledge([message.packet_id for message in messages])
                    stream.flush()
                selector.modify(stream, selectors.EVENT_WRITE)
                while stream.unsent and selector.select(10):
                    stream.flush()
            assert acks == serving.result(20)
