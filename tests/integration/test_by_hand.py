"""A machine by hand on a real broker: by a script, and by keys in a terminal."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from machines_online import Wire, wire
from mqtt_brokers import Broker, running_broker
from sledwatch.address import BrokerAddress
from sledwatch.events import Cue, Event, Limit, Offline, Online, encode
from sledwatch_sim.by_hand import Account, ByHandConfig, ByHandError, parse, work
from sledwatch_sim.equipment.models import INCLINE
from stand_in_ingest import StandInIngest
from waiting import eventually
from whole_line import SLEDWATCH, clean_environment

START_US = 1_795_330_800_000_000
MACHINE = "sledwatch/v1/workshop/by-hand"
# So much faster do the script's seconds go by.
HASTE = 5


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Broker]:
    with running_broker("iotcore", tmp_path_factory.mktemp("broker"), free_port) as running:
        yield running


@pytest.fixture
def ingest(broker: Broker) -> Iterator[StandInIngest]:
    listening = StandInIngest(broker.url, now_us=time.time_ns() // 1_000)
    yield listening
    listening.close()


@pytest.fixture
def heard(broker: Broker) -> Iterator[Wire]:
    with wire(broker.url, f"{MACHINE}/#") as listening:
        yield listening


def scripted(url: str, script: str, stop: threading.Event | None = None, **config: float) -> Account:
    began_s, began_us = time.monotonic(), time.time_ns() // 1_000 - 60_000_000
    asked = ByHandConfig(
        BrokerAddress.parse(url),
        "workshop",
        "by-hand",
        "dev",
        INCLINE,
        script=tuple(parse(script)),
        clock_us=lambda: began_us + int(HASTE * 1e6 * (time.monotonic() - began_s)),
        **config,  # type: ignore[arg-type]
    )
    return work(asked, stop or threading.Event(), None, deque())


def started(heard: Wire) -> dict[str, Any] | None:
    """The first session that has begun."""
    return next((one for one in heard.of("session") if one["event"] == "start"), None)


def test_a_script_works_through_a_cut_cable_and_a_reboot(broker: Broker, ingest: StandInIngest, heard: Wire) -> None:
    script = "tempo=0.8 target=300 b limit rep c rep c stored r user=m-2 b wait=0.5 q"
    stop = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(scripted, broker.url, script, stop)
        try:
            start = eventually(lambda: started(heard))
            limit = Limit(start["session"], 250.0, 230.0, "calibrated")
            heard.say_bytes(f"{MACHINE}/limit", encode(limit))
            account = working.result(30)
        finally:
            stop.set()
    assert (2, 2, 0, 0) == (account.reps, account.over, account.held, account.lost)
    assert (2, account.said) == (len(account.sessions), len(ingest.payloads))
    messages = [msgspec.json.decode(payload) for payload in ingest.payloads.values()]
    assert ["dev", "m-2"] == [one["user"] for one in messages if one.get("event") == "start"]
    # The first session ends with the power, without a word.
    assert [account.sessions[1]] == [one["session"] for one in messages if one.get("event") == "end"]
    deepest = max(mm for one in messages if "depth_mm" in one for mm in one["depth_mm"] if mm is not None)
    assert 300.0 == pytest.approx(deepest, abs=2.0)
    assert [Offline, Online] == [type(state) for state in ingest.states[1:3]]
    eventually(lambda: isinstance(ingest.states[-1], Offline))


def test_a_name_that_is_online_is_left_alone(broker: Broker, ingest: StandInIngest, heard: Wire) -> None:
    other = msgspec.structs.replace(INCLINE.online, boot="its-own")
    heard.say([Event("workshop", "by-hand", other)])
    with pytest.raises(ByHandError, match="workshop/by-hand is online already: give --machine"):
        scripted(broker.url, "b q")
    heard.say([Event("workshop", "by-hand", Offline("its-own"))])
    assert {"its-own"} == {state.boot for state in ingest.states if isinstance(state, Online)}


def test_a_script_gives_up_without_a_broker(free_port: Callable[[], int]) -> None:
    with pytest.raises(ByHandError, match=r"no broker at .* SLEDWATCH_MQTT_URL"):
        scripted(f"mqtt://127.0.0.1:{free_port()}", "b q", patience_s=0.3)


@pytest.mark.parametrize(("script", "expected"), [("b limit", "told no limit"), ("b stored", "is ingest running")])
def test_a_script_does_not_wait_for_ever(broker: Broker, script: str, expected: str) -> None:
    with pytest.raises(ByHandError, match=expected):
        scripted(broker.url, script, patience_s=0.6)


class Terminal:
    """A pseudo-terminal with `sledwatch press` at it."""

    def __init__(self, url: str, cwd: Path) -> None:
        self.fd, self._inner = pty.openpty()
        fcntl.ioctl(self._inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = self.modes()
        self.drawn = b""
        self.process = subprocess.Popen(
            [SLEDWATCH, "press", "--mqtt-url", url, "--frame-s", "0.2"],
            stdin=self._inner,
            stdout=subprocess.PIPE,
            stderr=self._inner,
            env=clean_environment(TERM="xterm-256color") | {"TERM": "xterm-256color"},
            cwd=cwd,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def modes(self) -> list[object]:
        return list(termios.tcgetattr(self._inner))

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def shows(self, words: str) -> bool:
        return words.encode() in self.drawn

    def _read(self) -> None:
        try:
            while True:
                self.drawn += os.read(self.fd, 65_536)
        except OSError:
            return

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self._inner)
        self._reader.join(5)
        os.close(self.fd)


@contextmanager
def terminal(url: str, cwd: Path) -> Iterator[Terminal]:
    running = Terminal(url, cwd)
    try:
        yield running
    finally:
        running.close()


def test_keys_work_it_and_the_terminal_is_given_back(
    broker: Broker, ingest: StandInIngest, heard: Wire, tmp_path: Path
) -> None:
    with terminal(broker.url, tmp_path) as at:
        eventually(lambda: at.shows("online"))
        assert at.before != at.modes()
        at.type("ujanu\x7f\rbjjj")
        start = eventually(lambda: started(heard))
        assert "jan" == start["user"]
        eventually(lambda: any((frame["depth_mm"][-1] or 0.0) > 50.0 for frame in heard.of("frame")))
        heard.say_bytes(f"{MACHINE}/cue", encode(Cue(start["session"], "excessive", 1, 431.0)))
        eventually(lambda: at.shows("EXCESSIVE at 431 mm"))
        at.type("c")
        eventually(lambda: at.shows("CABLE CUT"))
        at.type("q")
        printed, _ = at.process.communicate(timeout=20)
        assert (0, start["session"]) == (at.process.returncode, printed.decode().strip())
        assert at.before == at.modes()
        assert "end" == eventually(lambda: heard.of("session")[-1]["event"])
        eventually(lambda: at.shows("1 session; 0 reps, 0 beyond the limit"))
        assert at.drawn.rindex(b"\x1b[?1049l") > at.drawn.rindex(b"\x1b[?1049h")


def test_a_signal_ends_it_cleanly(broker: Broker, ingest: StandInIngest, tmp_path: Path) -> None:
    with terminal(broker.url, tmp_path) as at:
        eventually(lambda: at.shows("online"))
        at.process.send_signal(signal.SIGTERM)
        at.process.communicate(timeout=20)
        assert (130, at.before) == (at.process.returncode, at.modes())
        eventually(lambda: at.shows("sledwatch: stopped"))
        assert at.drawn.rindex(b"\x1b[?25h") > at.drawn.rindex(b"\x1b[?25l")
    eventually(lambda: isinstance(ingest.states[-1], Offline))
