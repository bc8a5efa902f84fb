"""One thread, one selector and one heap of timers for any number of machines.

A thread for each machine would cost a stack, a wake-up and a lock a second; two thousand of them would cost the run.
Everything a `Device` does happens in the thread that runs `Network.run`; other threads come in by `call_soon` only.
"""

import heapq
import itertools
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from sledwatch_sim.wire.refusals import Refusals

# Timers that are due together are taken in portions, so that a burst of frames never keeps acknowledgements waiting.
_TIMERS_AT_ONCE: Final = 64


class Connection(Protocol):
    """What the network serves: something with a socket that reads and writes when told to."""

    def on_readable(self) -> None:
        """Take what has arrived."""

    def on_writable(self) -> None:
        """Send what is waiting."""


@dataclass(slots=True)
class Timer:
    """Something to do at a time; `cancel` makes it nothing."""

    do: Callable[[], None] | None

    def cancel(self) -> None:
        """Forget it; cancelling twice is fine."""
        self.do = None


class Timers(Protocol):
    """What machines and those at them need of time. Whoever holds it decides how it goes by."""

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds that count up from anywhere and never go back."""

    def call_at(self, at_s: float, do: Callable[[], None]) -> Timer:
        """Do something at a time of the clock, or as soon as possible after it."""

    def call_later(self, delay_s: float, do: Callable[[], None]) -> Timer:
        """Do something after a delay."""


class Loop(Timers, Protocol):
    """Timers, and how to wait until they have done something."""

    def run(self, done: Callable[[], bool]) -> None:
        """Let time go by until `done`."""


class Network:
    """The loop. `clock` counts seconds and never goes back.

    handshakes: connections that wait for the broker's word. One that takes them one by one would keep the last of
    thousands waiting for too long, so they come in portions. refusals: what brokers would not take.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.handshakes: set[object] = set()
        self.refusals = Refusals()
        self._selector = selectors.DefaultSelector()
        # Plain tuples, of time and order: thousands of timers are compared in C.
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._calls: deque[Callable[[], None]] = deque()
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._wake_receiver.setblocking(False)
        self._wake_sender.setblocking(False)
        self._selector.register(self._wake_receiver, selectors.EVENT_READ, None)

    def call_at(self, at_s: float, do: Callable[[], None]) -> Timer:
        """Do something at a time of the clock, or as soon as possible after it."""
        timer = Timer(do)
        heapq.heappush(self._timers, (at_s, next(self._order), timer))
        return timer

    def call_later(self, delay_s: float, do: Callable[[], None]) -> Timer:
        """Do something after a delay."""
        return self.call_at(self.clock() + delay_s, do)

    def call_soon(self, do: Callable[[], None]) -> None:
        """Do something in the loop's thread; the one call that any thread may make."""
        self._calls.append(do)
        self.wake()

    def wake(self) -> None:
        """Make a waiting loop look around, from any thread."""
        try:
            self._wake_sender.send(b"\0")
        except OSError:
            # So many wake-ups are waiting that one more says nothing new, or the loop is closed and nobody is there.
            return

    def watch(self, sock: socket.socket | int, connection: Connection) -> None:
        """Serve a socket, or a file descriptor such as a keyboard's, from now on."""
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def want_write(self, sock: socket.socket, connection: Connection, wanted: bool) -> None:
        """Say whether `connection.on_writable` is to be called when the socket can take more."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
        if self._selector.get_key(sock).events != events:
            self._selector.modify(sock, events, connection)

    def forget(self, sock: socket.socket | int) -> None:
        """Stop serving it, before it is closed. A loop that is closed serves none."""
        if self._selector.get_map() is not None:
            self._selector.unregister(sock)

    def run(self, done: Callable[[], bool]) -> None:
        """Serve until `done`; it is asked after each round, at least every 200 ms."""
        while not done():
            self._turn(0.2)

    def _turn(self, longest_s: float) -> None:
        for key, events in self._selector.select(self._patience_s(longest_s)):
            connection: Connection | None = key.data
            if connection is None:
                self._wake_receiver.recv(4096)
                continue
            # What came before in this round may have ended the connection.
            if events & selectors.EVENT_READ and self._watches(key, connection):
                connection.on_readable()
            if events & selectors.EVENT_WRITE and self._watches(key, connection):
                connection.on_writable()
        while self._calls:
            self._calls.popleft()()
        now_s = self.clock()
        for _ in range(_TIMERS_AT_ONCE):
            if not self._timers or self._timers[0][0] > now_s:
                break
            _, _, timer = heapq.heappop(self._timers)
            if timer.do is not None:
                timer.do()

    def _patience_s(self, longest_s: float) -> float:
        if self._calls:
            return 0.0
        while self._timers and self._timers[0][2].do is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return longest_s
        return min(longest_s, max(0.0, self._timers[0][0] - self.clock()))

    def _watches(self, key: selectors.SelectorKey, connection: Connection) -> bool:
        now = self._selector.get_map().get(key.fileobj)
        return now is not None and now.data is connection

    def close(self) -> None:
        """Release the loop's own sockets; connections are closed by their owners."""
        self._selector.close()
        self._wake_receiver.close()
        self._wake_sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def run_in_thread(network: Network) -> Callable[[], None]:
    """Run the loop in a thread of its own, for those who have something else to do; the returned function ends it."""
    stop = threading.Event()
    thread = threading.Thread(target=network.run, args=(stop.is_set,), name="machines", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        network.wake()
        thread.join()
        network.close()

    return end
