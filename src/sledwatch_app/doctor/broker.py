"""How the broker is, and what it lets us do: a short stay there that leaves nothing behind."""

import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sledwatch.address import BrokerAddress
from sledwatch.events import ROOT, TopicKind
from sledwatch_app.doctor.check import ANSWER_S, Check
from sledwatch_app.settings import Settings

_SOON_DAYS: Final = 30
# How long retained messages may follow the acknowledgement of their subscription.
_RETAINED_S: Final = 0.7
# No machine can have this name, so nobody takes what is tried with it for a message.
_NOBODY: Final = f"{ROOT}/-/-"
# While we look; and what ingest asks for, should its session be the one that we were given.
_OUR_SESSION_S: Final = 300
_INGESTS_SESSION_S: Final = 7 * 86_400


def broker(settings: Settings, known_machines: int) -> list[Check]:
    """Reachable, protected, and what our user may hear and tell. known_machines: as many as the state DB knows."""
    url = settings.mqtt_url or f"mqtt://127.0.0.1:{settings.mqtt_port}"
    address = BrokerAddress.parse(url, settings.mqtt_ca)
    visit = _Visit(address)
    try:
        visit.connect()
    except OSError as error:
        if settings.mqtt_url is None:
            return [
                Check("broker", "warn", f"none at {address}", "`sledwatch up` brings one, or set SLEDWATCH_MQTT_URL")
            ]
        why = address.why_unreachable(error)
        return [
            Check("broker", "fail", f"{address}: {why}", "start it, or set SLEDWATCH_MQTT_URL and SLEDWATCH_MQTT_CA")
        ]
    try:
        tls = _tls(address, visit.socket)
        return [*tls, *_rights(address, visit, known_machines)]
    finally:
        visit.leave()


def _tls(address: BrokerAddress, sock: object) -> list[Check]:
    """How the connection is protected, and for how long its certificate is good."""
    if isinstance(sock, ssl.SSLSocket):
        ends_s = ssl.cert_time_to_seconds(str((sock.getpeercert() or {})["notAfter"]))
        days = int((ends_s - time.time()) // 86_400)
        found = f"{sock.version()}, the broker's certificate is for {days} more days"
        soon = days < _SOON_DAYS
        return [
            Check("TLS", "warn" if soon else "ok", found, "renew it: `sledwatch credentials renew`" if soon else "")
        ]
    if not isinstance(sock, socket.socket):
        return []
    peer = ipaddress.ip_address(str(sock.getpeername()[0]).partition("%")[0])
    if peer.is_loopback:
        return [Check("TLS", "ok", "none, and none is needed on loopback")]
    if address.user is None or peer.is_private:
        return [Check("TLS", "ok", f"none: {peer} should be on a network of the services' own")]
    return [Check("TLS", "warn", f"none: the password goes to {peer} in the clear", "use mqtts://")]


def _rights(address: BrokerAddress, visit: "_Visit", known_machines: int) -> list[Check]:
    """Whether the broker lets us in, and do what a service has to."""
    name = "broker"
    user = "anybody" if address.user is None else f"user {address.user}"
    if not visit.wait(lambda: visit.accepted is not None or visit.refused is not None):
        return [
            Check(name, "fail", f"{address} does not answer in MQTT 5", "see whether a broker listens on that port")
        ]
    if visit.refused is not None:
        why = address.why_refused(visit.refused)
        return [
            Check(
                name,
                "fail",
                f"{address}: {why}",
                "correct user and password in SLEDWATCH_MQTT_URL",
            )
        ]
    if visit.accepted is not None and visit.accepted.session_present:
        found = f"{address} lets {user} in, by a client id that is in use: its session was left as it is"
        return [Check(name, "warn", found, "connect services on the broker's plain listener; this one is for machines")]
    granted, may = visit.subscribe(f"{ROOT}/+/+/state"), visit.may_tell()
    visit.wait(lambda: visit.heard > 0, _RETAINED_S)
    checks = [Check(name, "ok", f"{address} lets {user} in")]
    if granted is None or granted.is_failure:
        why = "no answer" if granted is None else str(granted).lower()
        checks.append(Check("hearing", "fail", f"{user} may not subscribe: {why}", "allow it in the broker's ACL"))
    elif visit.heard:
        checks.append(Check("hearing", "ok", f"{user} hears machines: {visit.heard} of {known_machines} known"))
    elif known_machines:
        # Mosquitto grants every subscription, and decides by its ACL what it delivers.
        found = f"{user} may subscribe, but of {known_machines} known machines none has left its State there"
        checks.append(Check("hearing", "warn", found, f"see whether the broker's ACL lets it read {ROOT}/+/+/state"))
    else:
        checks.append(Check("hearing", "ok", f"{user} may subscribe; no machine has been heard of yet"))
    if not any(may.values()):
        to_do = "use the broker's users `ingest` and `analytics`, or allow it in its ACL"
        checks.append(Check("telling", "fail", f"{user} may tell machines nothing", to_do))
    else:
        role = "" if all(may.values()) else f", as {'ingest' if may[TopicKind.STORED.value] else 'analytics'} does"
        kinds = " and ".join(f"`{kind}`" for kind, allowed in may.items() if allowed)
        checks.append(Check("telling", "ok", f"{user} may tell machines {kinds}{role}"))
    return checks


class _Visit:
    """A short stay at the broker that leaves nothing behind.

    On a listener that makes the user name the client id, we are given the session of whoever is that user, with all
    that waits in it. So we never connect with a clean start, which would delete it, nor acknowledge anything.
    """

    def __init__(self, address: BrokerAddress) -> None:
        self.accepted: ConnectFlags | None = None
        self.refused: ReasonCode | None = None
        self.heard = 0
        self._address = address
        self._granted: list[ReasonCode] = []
        self._answers: dict[int, ReasonCode] = {}
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"sledwatch-doctor-{os.urandom(6).hex()}",
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = ANSWER_S
        address.prepare(client)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_subscribe = lambda _client, _data, _mid, reasons, _properties: self._granted.extend(reasons)
        client.on_publish = lambda _client, _data, mid, reason, _properties: self._answers.update({mid: reason})

    @property
    def socket(self) -> object:
        """The connection's."""
        return self._client.socket()

    def connect(self) -> None:
        """Raises OSError."""
        self._client.connect(
            self._address.host,
            self._address.port,
            clean_start=False,
            properties=_expiry(PacketTypes.CONNECT, _OUR_SESSION_S),
        )

    def wait(self, done: Callable[[], bool], within_s: float = ANSWER_S) -> bool:
        """Serve the connection until something is done; whether it was in time."""
        deadline = time.monotonic() + within_s
        while not done() and time.monotonic() < deadline:
            if self._client.loop(0.05) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return done()
        return done()

    def subscribe(self, topic: str) -> ReasonCode | None:
        """The broker's answer to a subscription, None where there is none."""
        self._client.subscribe(topic, 1)
        self.wait(lambda: bool(self._granted))
        return self._granted[0] if self._granted else None

    def may_tell(self) -> dict[str, bool]:
        """Whether we may publish what ingest and what analytics tell machines; it is told to nobody."""
        kinds = (TopicKind.STORED.value, TopicKind.LIMIT.value)
        asked = {kind: self._client.publish(f"{_NOBODY}/{kind}", b"", qos=1).mid for kind in kinds}
        self.wait(lambda: len(self._answers) == len(asked))
        return {kind: mid in self._answers and not self._answers[mid].is_failure for kind, mid in asked.items()}

    def leave(self) -> None:
        """Disconnect; a session of our own ends with it, that of somebody else stays."""
        theirs = self.accepted is not None and self.accepted.session_present
        self._client.disconnect(properties=_expiry(PacketTypes.DISCONNECT, _INGESTS_SESSION_S if theirs else 0))
        self.wait(lambda: self._client.socket() is None, 0.2)

    def _on_connect(
        self, _client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.refused = reason
        else:
            self.accepted = flags

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.heard += message.retain


def _expiry(packet: int, seconds: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = seconds
    return properties
