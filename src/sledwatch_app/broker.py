"""The broker that comes with `sledwatch up`: iotcore (rumqttd in a wheel), on loopback, in a process of its own.

What rumqttd holds is in memory only, and a log that is full drops its oldest message unread. Nothing is lost by that:
a machine keeps what it sent until it is told `stored`.
"""

import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

LOOPBACK: Final = "127.0.0.1"

# Far above what the contract takes (64 KiB): a message that is too large should reach ingest and be refused with a
# reason. Beyond this the broker closes the connection of whoever sends it.
MAX_PACKET_BYTES: Final = 1024 * 1024

# rumqttd keeps one log per subscription filter, read or unread, up to these sizes. Frames get room for about half an
# hour of fifty machines; what is said to a machine gets little, because there are several such filters per machine
# and only the latest message counts.
_CONFIG: Final = """\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 4
{segments}
[v5.1]
name = "v5-1"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {max_packet_bytes}
max_inflight_count = 100
dynamic_filters = false
"""
_SEGMENT: Final = """
[router.custom_segment."sledwatch/v1/+/+/{kind}"]
max_segment_size = {size}
max_segment_count = {count}
"""
_SEGMENTS: Final = {
    "frame": (4 * 1024 * 1024, 8),
    "stored": (16 * 1024, 2),
    "limit": (16 * 1024, 2),
    "cue": (16 * 1024, 2),
}

# CONNECT of MQTT 5 with clean start, 10 s keep-alive, no properties, as client "ready"; and DISCONNECT.
_CONNECT: Final = b"\x10\x12\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x05ready"
_DISCONNECT: Final = b"\xe0\x00"
_CONNACK: Final = 0x20


class BrokerPortTaken(Exception):
    """Another program listens on the port; the message says how to choose another one."""


class BrokerNotReady(Exception):
    """The broker ended, or did not answer in time."""


class EmbeddedBroker:
    """An iotcore broker in a child process; use it as a context manager, or `start` and `stop`.

    directory: where its configuration file is written. port: a TCP port on 127.0.0.1.
    """

    def __init__(self, directory: Path, port: int) -> None:
        self._directory = directory
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"mqtt://{LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, timeout_s: float = 15.0) -> None:
        """Run it until it answers an MQTT 5 connection. Raises BrokerPortTaken or BrokerNotReady."""
        require_free(self._port)
        command = [sys.executable, "-m", "sledwatch_app.broker", str(self._directory), str(self._port)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own module
        try:
            wait_ready(LOOPBACK, self._port, timeout_s, while_running=self._process)
        except BrokerNotReady:
            self.stop()
            raise

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the process and wait for it; stopping twice is fine."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End it as a power cut would: what it holds is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def run_broker(directory: Path, port: int) -> None:
    """Be the broker, in the foreground, until a signal ends the process or its parent is gone.

    Raises BrokerPortTaken.
    """
    from iotcore.iotcore import IotCoreBroker

    require_free(port)
    path = write_config(directory, port)
    # rumqttd reports every packet as an error-level span; iotcore's own child silences it the same way.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    # The Rust loop never returns to Python, so Python's own handler of Ctrl-C would never run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    IotCoreBroker(config_path=str(path)).run_forever()


def write_config(directory: Path, port: int) -> Path:
    """Write the broker's configuration and return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    segments = "".join(_SEGMENT.format(kind=kind, size=size, count=n) for kind, (size, n) in _SEGMENTS.items())
    path = directory / "broker.toml"
    text = _CONFIG.format(segments=segments, host=LOOPBACK, port=port, max_packet_bytes=MAX_PACKET_BYTES)
    path.write_text(text, encoding="utf-8")
    return path


def require_free(port: int) -> None:
    """Raise BrokerPortTaken when something listens on the port already."""
    with socket.socket() as probe:
        # Connections that a broker before us has closed linger for a minute and are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise BrokerPortTaken(
                f"port {port} on {LOOPBACK} is in use: choose another with --mqtt-port, "
                f"or, if that is a broker, use it with --mqtt-url mqtt://{LOOPBACK}:{port}"
            ) from error


def wait_ready(
    host: str, port: int, timeout_s: float, *, while_running: "subprocess.Popen[bytes] | None" = None
) -> None:
    """Wait until a broker accepts an MQTT 5 connection. Raises BrokerNotReady when it does not, or its process ends."""
    deadline = time.monotonic() + timeout_s
    while not _answers(host, port):
        if while_running is not None and while_running.poll() is not None:
            raise BrokerNotReady(f"the broker ended with code {while_running.returncode} while it started")
        if time.monotonic() > deadline:
            raise BrokerNotReady(f"no MQTT 5 broker answered on {host}:{port} within {timeout_s:g} s")
        time.sleep(0.02)


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1.0) as connection:
            connection.sendall(_CONNECT)
            answer = connection.recv(4)
            connection.sendall(_DISCONNECT)
    except OSError:
        return False
    return len(answer) == 4 and answer[0] == _CONNACK and answer[3] == 0


def _end_with_parent(parent: int) -> None:
    """A broker without whoever started it would keep the port for nobody."""
    while os.getppid() == parent:
        time.sleep(0.25)
    os._exit(0)


if __name__ == "__main__":
    run_broker(Path(sys.argv[1]), int(sys.argv[2]))
