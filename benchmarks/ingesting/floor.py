"""What a gym floor publishes in the benchmark of ingest, and the quickest honest way of publishing it.

The publisher speaks MQTT 5 by hand, with packets made beforehand: on a machine that is to measure the other end, it
should cost next to nothing. Each message is QoS 1, and sent only once.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from sledwatch.events import MAX_SAMPLES, Frame, Online, SessionStart, Setup, TopicKind, encode, topic
from sledwatch_storage.series.line_protocol import lines_of
from sledwatch_storage.series.port import StoredFrame

GYM: Final = "bench"
RATE_HZ: Final = 50
SAMPLES: Final = 50
# Ready-made line protocol is published here, for a peer that takes nothing else.
LINES_TOPIC: Final = "bench/lines"

_FRAME_US: Final = SAMPLES * 1_000_000 // RATE_HZ
_CONNECT: Final = 0x10
_PUBLISH: Final = 0x32
_RETAIN: Final = 0x01
_PUBACK: Final = 0x40
_DISCONNECT: Final = b"\xe0\x00"
# Unacknowledged at most: enough to keep a broker busy, far from what a socket's buffers hold of acknowledgements.
_WINDOW: Final = 1_000
_GIVE_UP_S: Final = 60.0
# Nothing is ever silent for so long; rumqttd takes no client that promises nothing.
_KEEPALIVE_S: Final = 600


@dataclass(frozen=True, slots=True)
class Publication:
    """A topic and its payload."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Floor:
    """So many machines, and so many frames of each: a press of ten-rep sets, sampled to a tenth of a millimetre.

    Number 0 of each boot is the start of its session; its frames are 1, 2, … and end about now.
    """

    machines: int
    frames_each: int
    boot: str
    first_us: int

    @classmethod
    def of(cls, machines: int, frames: int) -> Self:
        """Some `frames` in all, at least one each, the last of them now; a boot of their own."""
        each = max(1, frames // machines)
        return cls(machines, each, os.urandom(5).hex(), time.time_ns() // 1_000 - each * _FRAME_US)

    @property
    def frames(self) -> int:
        return self.machines * self.frames_each

    @property
    def samples(self) -> int:
        return self.frames * SAMPLES

    @property
    def numbers(self) -> int:
        """How many numbers the ledger holds when all is stored."""
        return self.frames + self.machines

    def name(self, machine: int) -> str:
        return f"press-{machine}"

    def stored(self) -> Iterator[StoredFrame]:
        """The frames, in the order in which they are sent: each machine's turn, over and over."""
        depths = _pressing()
        for number in range(self.frames_each):
            for machine in range(self.machines):
                begin = (machine * 977 + number * SAMPLES) % (len(depths) - SAMPLES)
                frame = Frame(
                    boot=f"{self.boot}-{machine}",
                    seq=number + 1,
                    t_us=self.first_us + number * _FRAME_US,
                    dt_us=_FRAME_US // SAMPLES,
                    depth_mm=depths[begin : begin + SAMPLES],
                    load_kg=120.0,
                    session=f"{self.boot}-s{machine}",
                )
                yield StoredFrame(GYM, self.name(machine), frame, self.first_us + number * _FRAME_US)

    def births(self) -> Iterator[Publication]:
        """What machines say first: that they are there, and that somebody has badged in."""
        for machine in range(self.machines):
            boot, name = f"{self.boot}-{machine}", self.name(machine)
            state = Online(boot, "incline", 45.0, 30.0, 620.0, float(RATE_HZ))
            yield Publication(topic(GYM, name, TopicKind.STATE), encode(state), retain=True)
            start = SessionStart(boot, 0, f"{self.boot}-s{machine}", f"m-{machine}", self.first_us, Setup(30.0, 4, 2))
            yield Publication(topic(GYM, name, TopicKind.SESSION), encode(start), retain=True)

    def publications(self) -> Iterator[Publication]:
        """Births, then the frames as machines send them."""
        yield from self.births()
        for stored in self.stored():
            yield Publication(topic(GYM, stored.machine, TopicKind.FRAME), encode(stored.frame))

    def lines(self) -> Iterator[Publication]:
        """The same frames as line protocol, a message each."""
        for stored in self.stored():
            yield Publication(f"{LINES_TOPIC}/{stored.machine}", lines_of(stored))


def largest(frames: int) -> Iterator[Publication]:
    """So many frames of one machine that are as large as the contract lets them be: every column, every digit."""
    rng = np.random.default_rng(1)
    columns = [rng.uniform(100, 999, MAX_SAMPLES).round(10).tolist() for _ in range(4)]
    depth_mm, load_kg, left_n, right_n = columns
    begin_us = time.time_ns() // 1_000 - frames * 1_000_000
    for number in range(frames):
        frame = Frame("largest", number, begin_us + number * 1_000_000, 1_000, depth_mm, load_kg, None, left_n, right_n)
        yield Publication(topic(GYM, "largest", TopicKind.FRAME), encode(frame))


def _pressing() -> list[float | None]:
    """Some minutes of depth in millimetres: sets of ten reps of 400 mm, 20 s apart, noise of 0.3 mm."""
    share = np.linspace(0, 1, 2 * RATE_HZ, endpoint=False)
    down = 400 * (10 * share**3 - 15 * share**4 + 6 * share**5)
    rep = np.concatenate([down, np.full(15, 400.0), 400 - down[::2], np.zeros(30)])
    whole = np.tile(np.concatenate([*[rep] * 10, np.zeros(20 * RATE_HZ)]), 5)
    depths: list[float | None] = np.round(whole + np.random.default_rng(1).normal(0, 0.3, len(whole)), 1).tolist()
    return depths


def packets(publications: Iterator[Publication]) -> list[bytes]:
    """Publications as packets, numbered as packets are to be: 1 to 65 535, then 1 again."""
    return [_packet(one, 1 + n % 65_535) for n, one in enumerate(publications)]


class Publisher:
    """One connection that sends packets and counts their acknowledgements. Raises OSError when the broker is gone."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_GIVE_UP_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = _text("MQTT") + b"\x05\x02" + _KEEPALIVE_S.to_bytes(2, "big") + b"\x00" + _text("bench-publisher")
        self._socket.sendall(bytes([_CONNECT]) + _varint(len(body)) + body)
        self._buffer = b""
        self._sent = 0
        self._acknowledged = 0
        while not self._buffer:
            self._buffer += self._receive()
        # The CONNACK is short, and nothing else follows it unasked.
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._socket.sendall(_DISCONNECT)
        except OSError:
            pass
        finally:
            self._socket.close()

    def send(self, made: Sequence[bytes]) -> None:
        """Send packets; returns when no more than a window of them is unacknowledged."""
        waiting = deque(made)
        while waiting:
            some = [waiting.popleft() for _ in range(min(100, len(waiting)))]
            self._socket.sendall(b"".join(some))
            self._sent += len(some)
            self._settle(_WINDOW)

    def finish(self) -> None:
        """Wait until everything is acknowledged."""
        self._settle(0)

    def _settle(self, most: int) -> None:
        while self._sent - self._acknowledged > most:
            self._buffer += self._receive()
            at = 0
            while len(self._buffer) >= at + 2 and len(self._buffer) >= at + 2 + self._buffer[at + 1]:
                self._acknowledged += self._buffer[at] == _PUBACK
                at += 2 + self._buffer[at + 1]
            self._buffer = self._buffer[at:]

    def _receive(self) -> bytes:
        received = self._socket.recv(65_536)
        if not received:
            raise ConnectionResetError("the broker has closed the publisher's connection")
        return received


def _packet(one: Publication, number: int) -> bytes:
    body = _text(one.topic) + number.to_bytes(2, "big") + b"\x00" + one.payload
    return bytes([_PUBLISH | (_RETAIN if one.retain else 0)]) + _varint(len(body)) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _varint(length: int) -> bytes:
    made = bytearray()
    while True:
        length, low = divmod(length, 128)
        made.append(low | (0x80 if length else 0))
        if not length:
            return bytes(made)
