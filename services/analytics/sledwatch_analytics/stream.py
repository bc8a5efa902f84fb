"""What happens, told at once to everybody who listens: the hub behind `GET /api/v1/stream`.

Any thread publishes; nobody who listens can hold a publisher up. A listener that reads slower than the floor moves gets
each machine's latest picture only, and when it falls behind in what cannot be left out it is told to load anew.
"""

import asyncio
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

# Proxies and browsers take a silent connection for a dead one, many after 30 s.
HEARTBEAT_S: Final = 15.0
# What a listener may fall behind before it is told to load anew, in events; machine events count once a machine.
QUEUE_EVENTS: Final = 1_000
# What a listener may have missed between two connections and still get by its Last-Event-ID.
REPLAY_EVENTS: Final = 1_000
# How long a browser waits before it connects again.
RETRY_MS: Final = 2_000
_ID_DIGITS: Final = 18

_encode = msgspec.json.Encoder(enc_hook=str).encode


class _Told(NamedTuple):
    number: int
    gym: str | None
    wire: bytes


@dataclass(slots=True)
class _Listener:
    """One open stream: what waits for it, and how to wake the loop that serves it. Guarded by the hub's lock."""

    gym: str | None
    loop: asyncio.AbstractEventLoop
    wake: asyncio.Event
    waiting: OrderedDict[object, bytes]
    capacity: int
    woken: bool = False
    closed: bool = False


class Hub:
    """Publishes events to server-sent event streams.

    epoch: part of every event id, another one each time a process starts, so that an id of an earlier process is known
    to be one. Thread-safe.
    """

    def __init__(self, epoch: str | None = None, *, queue_events: int = QUEUE_EVENTS) -> None:
        self._epoch = epoch if epoch is not None else secrets.token_hex(4)
        self._queue_events = queue_events
        self._lock = threading.Lock()
        self._number = 0
        self._listeners: list[_Listener] = []
        self._told: deque[_Told] = deque(maxlen=REPLAY_EVENTS)
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        with self._lock:
            return len(self._listeners)

    def publish(self, kind: str, data: Any) -> None:
        """Tell `data` (a dict, dataclass or struct) to all who listen to its gym, as event `kind`. Never blocks.

        Of events of kind `machine` a slow listener gets the latest of each machine only.
        """
        gym, machine = _field(data, "gym"), _field(data, "machine")
        body = _encode(data).decode()
        with self._lock:
            if self._closed:
                return
            self._number += 1
            wire = format_sse_event(data_str=body, event=kind, id=f"{self._epoch}-{self._number}")
            latest_counts = kind == "machine"
            key: object = (gym, machine) if latest_counts else self._number
            if not latest_counts:
                self._told.append(_Told(self._number, gym, wire))
            for listener in list(self._listeners):
                if gym is None or listener.gym in (None, gym):
                    self._hand_over(listener, key, wire)

    async def stream(
        self,
        gym: str | None = None,
        last_event_id: str | None = None,
        first: Callable[[], Iterable[tuple[str, Any]]] | None = None,
    ) -> AsyncIterator[bytes]:
        """The wire form of all events from now on, of one gym or of all, until `close`; a comment when nothing happens.

        last_event_id: where an earlier stream broke off; what happened since comes first. Where that is no longer
        known, an event `reload` does. first: gives events (kind, data) for this listener alone, to begin with; it may
        block, and whatever happens meanwhile follows.
        """
        with self._listening(gym, last_event_id) as listener:
            yield f"retry: {RETRY_MS}\n\n".encode()
            if first is not None:
                for kind, data in await asyncio.to_thread(first):
                    yield format_sse_event(data_str=_encode(data).decode(), event=kind)
            while True:
                with self._lock:
                    chunk = b"".join(listener.waiting.values())
                    listener.waiting.clear()
                    listener.woken = False
                    listener.wake.clear()
                    closed = listener.closed
                if chunk:
                    yield chunk
                elif closed:
                    return
                else:
                    try:
                        async with asyncio.timeout(HEARTBEAT_S):
                            await listener.wake.wait()
                    except TimeoutError:
                        yield KEEPALIVE_COMMENT

    def close(self) -> None:
        """End every stream at once, and all that come later. Thread-safe; closing twice is fine."""
        with self._lock:
            self._closed = True
            for listener in self._listeners:
                listener.closed = True
                _wake(listener)

    @contextmanager
    def _listening(self, gym: str | None, last_event_id: str | None) -> Iterator[_Listener]:
        listener = _Listener(gym, asyncio.get_running_loop(), asyncio.Event(), OrderedDict(), self._queue_events)
        with self._lock:
            listener.closed = self._closed
            if last_event_id:
                listener.waiting["since"] = self._since(gym, last_event_id)
            self._listeners.append(listener)
        try:
            yield listener
        finally:
            with self._lock:
                # By identity: two listeners may be alike.
                self._listeners = [other for other in self._listeners if other is not listener]

    def _hand_over(self, listener: _Listener, key: object, wire: bytes) -> None:
        listener.waiting.pop(key, None)
        if len(listener.waiting) >= listener.capacity:
            listener.waiting.clear()
            listener.waiting["reload"] = _reload("this stream was read more slowly than events came")
        listener.waiting[key] = wire
        _wake(listener)

    def _since(self, gym: str | None, last_event_id: str) -> bytes:
        epoch, _, number_text = last_event_id.rpartition("-")
        # Python refuses to read thousands of digits, and no number of ours has more than these.
        number = int(number_text) if number_text.isdecimal() and len(number_text) <= _ID_DIGITS else -1
        forgotten = self._told[0].number if len(self._told) == REPLAY_EVENTS else 0
        if epoch != self._epoch or not forgotten <= number <= self._number:
            return _reload("what happened since the last event is no longer known")
        return b"".join(
            told.wire for told in self._told if told.number > number and (told.gym is None or gym in (None, told.gym))
        )


def _reload(reason: str) -> bytes:
    return format_sse_event(data_str=_encode({"reason": reason}).decode(), event="reload")


def _wake(listener: _Listener) -> None:
    # One wake-up serves all that comes before the loop gets to it.
    if not listener.woken:
        listener.woken = True
        try:
            listener.loop.call_soon_threadsafe(listener.wake.set)
        except RuntimeError:
            # Its loop has ended, and with it the stream.
            listener.closed = True


def _field(data: Any, name: str) -> str | None:
    value = data.get(name) if isinstance(data, dict) else getattr(data, name, None)
    return value if isinstance(value, str) else None
