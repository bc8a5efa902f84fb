"""The bytes between us and the broker: read and written in bulk, and the publications taken out before paho sees them.

paho reads a packet byte by byte (four system calls and more a message), builds several objects of it, and writes each
acknowledgement by itself: 66 microseconds a frame, twice what all the rest of ingest takes. Here one `recv` brings
hundreds of packets, whole PUBLISH packets become messages at once, and acknowledgements leave together. Everything
else, and a PUBLISH that is malformed, goes through to paho unchanged: connecting, subscribing, pings, what we publish.
"""

import socket
import ssl
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from paho.mqtt.client import Client

from sledwatch_ingest.inbox import Message

# One read: some five hundred frames.
_CHUNK_BYTES: Final = 256 * 1024
# What paho may have waiting to be sent before it is told that sending would block.
_MOST_UNSENT: Final = 64 * 1024

_PUBLISH: Final = 0x30
_PUBACK: Final = b"\x40\x02"
_RETAIN: Final = 0x01
_QOS_1: Final = 0x02
_QOS_2: Final = 0x04  # no such subscription is ours
_MORE: Final = 0x80  # of a number in groups of seven bits: another byte follows
_MOST_GROUPS: Final = 4
# Topics up to this length are remembered as text; those of the contract are shorter.
_LONGEST_KNOWN: Final = 200

_WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class PacketStream:
    """What paho takes for its socket. Not for several threads.

    For paho: `recv`, `send` and what else it asks of a socket; it gets whole packets only, none of them a publication.
    For us: `fill` reads, `take` gives messages, `acknowledge` and `flush` write. An error of the socket is kept for
    paho, who then ends the connection as it would have done by itself.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._tls = isinstance(sock, ssl.SSLSocket)
        self._chunk = memoryview(bytearray(_CHUNK_BYTES))
        # Read, but not looked at yet. A packet larger than a chunk waits in parts until `_wanted` bytes are there.
        self._parts: list[bytes] = []
        self._size = 0
        self._wanted = 2
        self._data = b""
        self._at = 0
        self._for_paho = bytearray()
        self._unsent = bytearray()
        self._ended = False
        self._error: OSError | None = None
        self.more = False

    @property
    def concerns_paho(self) -> bool:
        """Whether paho has something to read: packets, the end of the connection, or an error."""
        return bool(self._for_paho) or self._ended or self._error is not None

    @property
    def broken(self) -> bool:
        """Whether the socket has failed, which paho has yet to be shown."""
        return self._error is not None

    @property
    def unsent(self) -> bool:
        """Whether something waits to be flushed."""
        return bool(self._unsent)

    def fill(self) -> bool:
        """Read once, what is there; whether that was anything.

        `more` then says whether there may be more that no selector would tell of.
        """
        count = 0
        try:
            count = self._sock.recv_into(self._chunk)
        except _WOULD_BLOCK:
            self.more = False
        except OSError as error:
            self._error, self.more = error, False
        else:
            # A record of TLS may have been read from the socket in one go with the one before.
            self.more = count == _CHUNK_BYTES or (self._tls and self._sock.pending() > 0)
            self._ended = count == 0
            self._parts.append(bytes(self._chunk[:count]))
            self._size += count
        return count > 0

    def take(self, most: int, received_us: int, generation: int) -> list[Message]:
        """Up to so many messages, as far as whole packets are there. Those behind a packet for paho wait for it."""
        found: list[Message] = []
        if self._for_paho or not self._gather():
            return found
        self._wanted = 2
        data, at, end = self._data, self._at, len(self._data)
        while len(found) < most and at + 2 <= end:
            head = data[at]
            length, body = data[at + 1], at + 2
            if length & _MORE:
                length, body = _number(data, at + 1)
                if not body:
                    if end - at > _MOST_GROUPS:
                        self._for_paho += data[at:]  # no such length: paho will say so
                        at = end
                    else:
                        self._wanted = end - at + 1
                    break
            stop = body + length
            if stop > end:
                self._wanted = stop - at
                break
            message = _message(data, head, body, stop, received_us, generation) if head & 0xF0 == _PUBLISH else None
            if message is None:
                self._for_paho += data[at:stop]
                at = stop
                break
            found.append(message)
            at = stop
        self._at = at
        return found

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Acknowledge publications, in this order, with the next flush."""
        self._unsent += b"".join([_PUBACK + packet_id.to_bytes(2) for packet_id in packet_ids])

    def flush(self) -> None:
        """Send as much as the socket takes; the rest stays `unsent`."""
        while self._unsent and self._error is None:
            try:
                count = self._sock.send(self._unsent)
            except _WOULD_BLOCK:
                return
            except OSError as error:
                self._error = error
                return
            del self._unsent[:count]

    def recv(self, buffer_size: int) -> bytes:
        """For paho. Raises BlockingIOError where nothing is there for it."""
        if self._error is not None:
            raise self._error
        if self._for_paho:
            taken = bytes(self._for_paho[:buffer_size])
            del self._for_paho[:buffer_size]
            return taken
        if self._ended:
            return b""
        raise BlockingIOError

    def send(self, buffer: bytes | bytearray) -> int:
        """For paho: kept for the next flush, as a whole. Raises BlockingIOError where too much waits already."""
        if len(self._unsent) >= _MOST_UNSENT:
            self.flush()
        if self._error is not None:
            raise self._error
        if len(self._unsent) >= _MOST_UNSENT:
            raise BlockingIOError
        self._unsent += buffer
        return len(buffer)

    def fileno(self) -> int:
        """The socket's, for a selector."""
        number: int = self._sock.fileno()
        return number

    def pending(self) -> int:
        """What no selector knows of."""
        return len(self._for_paho)

    def setblocking(self, flag: bool) -> None:
        """For paho."""
        self._sock.setblocking(flag)

    def close(self) -> None:
        """Close the socket; what can be sent at once, such as paho's last word, still is."""
        self.flush()
        self._sock.close()

    def _gather(self) -> bool:
        """Put what has been read behind what was left; whether a packet may be there as a whole."""
        if not self._parts:
            return len(self._data) - self._at >= self._wanted
        if len(self._data) - self._at + self._size < self._wanted:
            return False
        self._data = b"".join((self._data[self._at :], *self._parts))
        self._at, self._size = 0, 0
        self._parts.clear()
        return True


class StreamingClient(Client):
    """A paho client on a PacketStream.

    It relies on two things that paho does not promise, and that a test holds: where paho makes its socket, and where it
    keeps when something last came and went; left alone it would ping all the time that we read and write past it.
    """

    stream: PacketStream | None = None

    def _create_socket(self) -> PacketStream:
        sock: Any = super()._create_socket()
        # Acknowledgements are small and many: waiting to fill a segment would stall the broker's window.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = PacketStream(sock)
        return self.stream

    def note_traffic(self, *, received: bool, sent: bool) -> None:
        """Publications have come, or acknowledgements gone, past paho: the connection lives."""
        now_s = time.monotonic()
        with self._msgtime_mutex:
            if received:
                self._last_bytes_received = now_s
            if sent:
                self._last_msg_out = now_s


def _message(data: bytes, head: int, body: int, stop: int, received_us: int, generation: int) -> Message | None:
    """The PUBLISH packet whose body is `data[body:stop]`; None where that is not well formed, or not for us."""
    if head & _QOS_2 or body + 2 > stop:
        return None
    at = body + 2 + (data[body] << 8 | data[body + 1])
    topic = data[body + 2 : at]
    packet_id = 0
    if head & _QOS_1:
        if at + 2 > stop:
            return None
        packet_id = data[at] << 8 | data[at + 1]
        at += 2
    if at >= stop:
        return None
    # Properties say nothing that concerns us: no topic alias is, for we have allowed none.
    properties = data[at]
    at += 1
    if properties & _MORE:
        properties, at = _number(data, at - 1)
        if not at:
            return None
    at += properties
    if at > stop:
        return None
    text = _known(topic) if len(topic) <= _LONGEST_KNOWN else _text(topic)
    return Message(text, data[at:stop], received_us, bool(head & _RETAIN), generation, packet_id)


def _text(topic: bytes) -> str:
    try:
        return topic.decode()
    except UnicodeDecodeError:
        return "(not UTF-8)"


_known = lru_cache(maxsize=16_384)(_text)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, lowest first, and where it ends; (0, 0) where it does not."""
    number = 0
    for group, byte in enumerate(data[at : at + _MOST_GROUPS]):
        number |= (byte & ~_MORE) << 7 * group
        if not byte & _MORE:
            return number, at + group + 1
    return 0, 0
