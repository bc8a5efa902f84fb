"""Mosquitto with the files of deploy/mosquitto: configuration, ACL, and credentials made as an administrator does.

Only ports and directories are put in their place, and what the broker runs as: root in a container of tests would
otherwise become the user `mosquitto`, who may not read a test's directory.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sledwatch.address import BrokerAddress
from sledwatch_app.broker_acl import SERVICES
from sledwatch_app.credentials import Credentials
from waiting import eventually

SHIPPED = Path(__file__).parents[1] / "deploy" / "mosquitto"
HOSTS = ("127.0.0.1", "localhost")


class ShippedMosquitto:
    """A broker as docker-compose.yml runs it: plain for services, TLS for machines.

    overrides: settings of mosquitto.conf to change, by name, such as autosave_interval.
    """

    def __init__(self, directory: Path, port: int, tls_port: int, **overrides: object) -> None:
        self.directory = directory
        self.credentials = directory / "credentials"
        self.ca = self.credentials / "ca.crt"
        self.passwords = {name: f"password-of-{name}" for name in SERVICES}
        self.port, self.tls_port = port, tls_port
        self._process: subprocess.Popen[bytes] | None = None
        self._overrides = overrides
        self.log = directory / "mosquitto.log"
        with Credentials.at(self.credentials, make=True) as made:
            made.init(HOSTS, self.passwords, None, datetime.now(UTC))
        (directory / "data").mkdir(exist_ok=True)
        self._write_configuration()

    @property
    def url(self) -> str:
        """For the simulator's user, who speaks for every machine; no TLS."""
        return self.url_of("simulator")

    def url_of(self, service: str, *, tls: bool = False) -> str:
        """Where a service connects, with its password."""
        scheme, port = ("mqtts", self.tls_port) if tls else ("mqtt", self.port)
        return f"{scheme}://{service}:{self.passwords[service]}@127.0.0.1:{port}"

    def add(self, *machines: str) -> None:
        """Give machines, as GYM/MACHINE, their credentials; a running broker takes them up."""
        with Credentials.at(self.credentials) as made:
            made.add([_pair(machine) for machine in machines])
        self.reload()

    def remove(self, *machines: str) -> None:
        """Take machines' credentials away; a running broker takes that up."""
        with Credentials.at(self.credentials) as made:
            made.remove([_pair(machine) for machine in machines])
        self.reload()

    def set_password(self, service: str, password: str) -> None:
        """Give a service another password; a running broker takes it up."""
        with Credentials.at(self.credentials) as made:
            made.init(HOSTS, {service: password}, None, datetime.now(UTC))
        self.reload()

    def renew(self, *hosts: str) -> None:
        """Make the broker's certificate anew, for these names or the same; a running broker takes it up."""
        with Credentials.at(self.credentials) as made:
            made.renew(hosts, datetime.now(UTC))
        self.reload()

    def add_by_hand(self, user: str, password: str) -> None:
        """Give a user of any name a password, as mosquitto_passwd would."""
        passwords = self.credentials / "broker" / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", passwords, user, password], check=True, capture_output=True)
        self.reload()

    def url_as(self, user: str, password: str) -> str:
        """Where a machine connects, under any name."""
        return f"mqtts://{quote(user, safe='')}:{password}@127.0.0.1:{self.tls_port}"

    def of_machine(self, machine: str) -> dict[str, Any]:
        """The file that is put on a machine, with the port of this test."""
        with Credentials.at(self.credentials) as made:
            told: dict[str, Any] = json.loads(made.machine(*_pair(machine)))
        return told | {"port": self.tls_port, "url": told["url"].replace(":8883", f":{self.tls_port}")}

    def start(self) -> None:
        program = shutil.which("mosquitto")
        assert program is not None
        with self.log.open("ab") as log:
            command = [program, "-c", self.directory / "mosquitto.conf"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._listens)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """As kill -9 or a power cut: what was not on disk is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def reload(self) -> None:
        """Have a running broker read passwords, ACL and certificates again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            for port in (self.port, self.tls_port):
                socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    def _write_configuration(self) -> None:
        text = (SHIPPED / "mosquitto.conf").read_text(encoding="utf-8")
        places = {
            "/mosquitto/credentials": str(self.credentials / "broker"),
            "/mosquitto/data": str(self.directory / "data"),
            "\nlistener 1883\n": f"\nlistener {self.port} 127.0.0.1\n",
            "\nlistener 8883\n": f"\nlistener {self.tls_port} 127.0.0.1\n",
        }
        for shipped, here in places.items():
            assert shipped in text
            text = text.replace(shipped, here)
        for name, value in self._overrides.items():
            lines = [line for line in text.splitlines() if line.startswith(f"{name} ")]
            assert len(lines) == 1
            text = text.replace(lines[0], f"{name} {value}")
        if os.geteuid() == 0:
            text = f"user root\n{text}"
        (self.directory / "mosquitto.conf").write_text(text, encoding="utf-8")


def _pair(machine: str) -> tuple[str, str]:
    gym, _, name = machine.partition("/")
    return gym, name


class User:
    """A connection under somebody's name, and what the broker answers and delivers."""

    def __init__(
        self,
        url: str,
        ca: Path | None = None,
        *,
        client_id: str = "",
        will: str | None = None,
        keeps_session: bool = False,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.refused: str | None = None
        self._answered = threading.Event()
        self._answers: list[str] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda _c, _u, _mid, reasons, _p: self._answer(*reasons)
        self._client.on_publish = lambda _c, _u, _mid, reason, _p: self._answer(reason)
        self._client.on_message = self._on_message
        if will is not None:
            self._client.will_set(will, b"gone", 1, retain=True)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600 if keeps_session else 0
        address = BrokerAddress.parse(url, ca)
        address.prepare(self._client)
        self._client.connect(address.host, address.port, clean_start=not keeps_session, properties=properties)
        self._client.loop_start()
        assert self._answered.wait(10)

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> str:
        """Publish with QoS 1; the broker's word on it."""
        return self._ask(lambda: self._client.publish(topic, payload, 1, retain=retain))[0]

    def subscribe(self, *topics: str) -> list[str]:
        """Subscribe with QoS 1; the broker's words on it."""
        return self._ask(lambda: self._client.subscribe([(topic, 1) for topic in topics]))

    def vanish(self) -> None:
        """Lose the connection without a goodbye."""
        self._client.on_connect = None
        sock = self._client.socket()
        assert sock is not None
        sock.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()

    def leave(self) -> None:
        """Disconnect in due form."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    def _ask(self, ask: Callable[[], Any]) -> list[str]:
        self._answered.clear()
        ask()
        assert self._answered.wait(10)
        return self._answers

    def _answer(self, *reasons: ReasonCode) -> None:
        self._answers = [str(reason) for reason in reasons]
        self._answered.set()

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self.refused = str(reason)
            client.disconnect()
        self._answered.set()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))


@pytest.fixture
def shipped(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[ShippedMosquitto]:
    """A running broker with the shipped files. Its tests are marked needs("mosquitto", "openssl")."""
    directory = tmp_path / "broker"
    directory.mkdir()
    broker = ShippedMosquitto(directory, free_port(), free_port())
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
